"""Many PBXs that register at the same moment, as after a power failure: each with its own trunk, socket or TLS connection and
Digest, each patient as SIPconnect 16.4.1 asks it to be. One thread plays them all."""
import collections
import contextlib
import heapq
import itertools
import random
import resource
import selectors
import socket
import ssl
import time

from pbx_sim import sip_digest, sip_message

T1, T2, TIMER_F = 0.5, 4.0, 32.0
PATIENCE, LONGEST_PATIENCE = 30.0, 960.0
PASSWORD = 'an avalanche of words'


def trunk_name(number):
    return f'avalanche-{number:05}'


def trunks(count, domain, realm='access', first_number=49_800_000_000, transport='udp', start=0):
    """What to provision, as YAML for `sallyport apply`: PBXs `start` and those after it."""
    srtp = 'required' if transport == 'tls' else 'off'
    return '\n---\n'.join(f'''kind: Trunk
name: trunks/{trunk_name(n)}
mode: registration
realm: {realm}
registration_aor: sip:{trunk_name(n)}@{domain}
transports: [{transport}]
media: {{srtp: "{srtp}"}}
credentials: [{{username: {trunk_name(n)}, password: {PASSWORD}}}]
numbers: [{{first: "+{first_number + n}"}}]''' for n in range(start, start + count)) + '\n'


class _Datagrams:
    transport, parameter = 'UDP', ''

    def __init__(self, address, edge):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.connect(edge)
        self.socket.setblocking(False)
        self.lost, self.wants = False, selectors.EVENT_READ

    def open(self):
        """Whether it is another socket now."""
        return False

    def send(self, data):
        self.socket.send(data)

    def messages(self):
        return [sip_message.parse(self.socket.recv(65_535))]


class _Secure:
    """A TLS connection, made when it is first needed and again once it is lost; nothing of it blocks."""
    transport, parameter = 'TLS', ';transport=tls'

    def __init__(self, namespace, address, edge, context, server_name):
        self.namespace, self.address, self.edge = namespace, address, edge
        self.context, self.server_name = context, server_name
        self.socket, self.lost, self.handshakes = None, True, 0

    def open(self):
        if not self.lost:
            return False
        if self.socket:
            self.socket.close()
        with self.namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.bind((self.address, 0))
        self.socket.connect_ex(self.edge)
        self.lost, self.ready, self.waiting, self.framer = False, False, [], sip_message.StreamFramer()
        self.wants = selectors.EVENT_WRITE
        return True

    def send(self, data):
        if self.ready:
            self.socket.send(data)
        else:
            self.waiting = [data]

    def messages(self):
        try:
            if not self.ready:
                self._go_on()
            return list(self.framer.feed(self._received())) if self.ready else []
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError) as wanting:
            self.wants = selectors.EVENT_WRITE if isinstance(wanting, ssl.SSLWantWriteError) else selectors.EVENT_READ
            return []
        except OSError:
            self.lost = True
            return []

    def _go_on(self):
        if not isinstance(self.socket, ssl.SSLSocket):
            if error := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, 'not connected')
            self.socket = self.context.wrap_socket(self.socket, server_hostname=self.server_name, do_handshake_on_connect=False)
        self.socket.do_handshake()
        self.ready, self.wants, self.handshakes = True, selectors.EVENT_READ, self.handshakes + 1
        for data in self.waiting:
            self.socket.send(data)

    def _received(self):
        data = self.socket.recv(65_535)
        while self.socket.pending():
            data += self.socket.recv(65_535)
        if not data:
            raise ConnectionResetError
        return data


class _Pbx:
    def __init__(self, number, domain, way):
        self.name, self.domain, self.way = trunk_name(number), domain, way
        self.cseq, self.call_id = 0, sip_message.new_tag() + self.name
        self.authorization = None
        self.patience = PATIENCE
        self.registered_at = None
        self.attempt = 0                  # what timers were set for

    def request(self):
        self.cseq += 1
        local = self.way.socket.getsockname()
        self.branch = sip_message.new_branch()
        aor = f'<sip:{self.name}@{self.domain}>'
        authorization = f'Authorization: {self.authorization}\r\n' if self.authorization else ''
        return (f'REGISTER sip:{self.domain} SIP/2.0\r\nVia: SIP/2.0/{self.way.transport} {local[0]}:{local[1]};branch={self.branch}'
                f';rport\r\nMax-Forwards: 70\r\nFrom: {aor};tag={self.name}\r\nTo: {aor}\r\nCall-ID: {self.call_id}\r\n'
                f'CSeq: {self.cseq} REGISTER\r\nContact: <sip:{local[0]}:{local[1]}{self.way.parameter};bnc>\r\nExpires: 600\r\n'
                f'Require: gin\r\nProxy-Require: gin\r\nSupported: path\r\n{authorization}Content-Length: 0\r\n\r\n').encode()


class Avalanche:
    """Afterwards: `registered`, `seconds` from the start to the last one, `statuses` of all answers, `waits` (Retry-After
    as it was sent), `retransmissions`, `handshakes` (TLS)."""

    def __init__(self, namespace, address, edge, domain, count, tls=None, start=0):
        """`tls`: (context, server name) for connections; else it is UDP."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < count + 256:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 256), hard))
        self.selector = selectors.DefaultSelector()
        self.pbxs = []
        for number in range(start, start + count):
            with namespace.entered() if tls is None else contextlib.nullcontext():
                way = _Datagrams(address, edge) if tls is None else _Secure(namespace, address, edge, *tls)
            self.pbxs.append(_Pbx(number, domain, way))
            if tls is None:
                self.selector.register(way.socket, selectors.EVENT_READ, self.pbxs[-1])
        self.statuses, self.waits = collections.Counter(), []
        self.registered, self.seconds, self.retransmissions = 0, None, 0
        self._due, self._order = [], itertools.count()

    def start(self, within):
        """All of them begin within so many seconds."""
        self._began = time.monotonic()
        for pbx in self.pbxs:
            self._later(self._began + random.uniform(0, within), pbx, self._begin)

    def play(self, seconds):
        """Goes on for so long, or until every PBX is registered: then True."""
        until = time.monotonic() + seconds
        while self.registered < len(self.pbxs) and time.monotonic() < until:
            self._fire()
            left = self._due[0][0] - time.monotonic() if self._due else 0.05
            for key, _ in self.selector.select(max(0.0, min(left, 0.05))):
                self._receive(key.data)
        if self.registered == len(self.pbxs) and self.seconds is None:
            self.seconds = time.monotonic() - self._began
        return self.seconds is not None

    @property
    def handshakes(self):
        return sum(pbx.way.handshakes for pbx in self.pbxs)

    def close(self):
        self.selector.close()
        for pbx in self.pbxs:
            if pbx.way.socket:
                pbx.way.socket.close()

    def _later(self, when, pbx, action):
        heapq.heappush(self._due, (when, next(self._order), pbx, action, pbx.attempt))

    def _fire(self):
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, pbx, action, attempt = heapq.heappop(self._due)
            if attempt == pbx.attempt:
                action(pbx)

    def _begin(self, pbx):
        pbx.attempt += 1
        if pbx.way.lost and pbx.way.socket:
            self.selector.unregister(pbx.way.socket)
        if pbx.way.open():
            self.selector.register(pbx.way.socket, pbx.way.wants, pbx)
        pbx.last, pbx.interval, pbx.began = pbx.request(), T1, time.monotonic()
        self._send(pbx)
        self._later(pbx.began + pbx.interval, pbx, self._again)

    def _again(self, pbx):
        if time.monotonic() - pbx.began > TIMER_F:
            return self._wait(pbx, None)
        pbx.interval = min(2 * pbx.interval, T2)
        if pbx.way.transport == 'UDP':
            self.retransmissions += 1
            self._send(pbx)
        self._later(time.monotonic() + pbx.interval, pbx, self._again)

    def _wait(self, pbx, seconds):
        pbx.attempt += 1
        if seconds is None:
            seconds, pbx.patience = pbx.patience, min(2 * pbx.patience, LONGEST_PATIENCE)
        self._later(time.monotonic() + seconds, pbx, self._begin)

    @staticmethod
    def _send(pbx):
        try:
            pbx.way.send(pbx.last)
        except OSError:                   # a full queue, an ICMP error of before: it is sent again
            pass

    def _receive(self, pbx):
        before = pbx.way.socket.fileno(), pbx.way.wants
        try:
            responses = pbx.way.messages()
        except (OSError, sip_message.MalformedMessage):
            return
        if (pbx.way.socket.fileno(), pbx.way.wants) != before and not pbx.way.lost:
            self.selector.modify(pbx.way.socket, pbx.way.wants, pbx)
        if pbx.way.lost:
            self.selector.unregister(pbx.way.socket)
            pbx.way.socket.close()
            pbx.way.socket = None
            if not pbx.registered_at:
                self._wait(pbx, None)
        for response in responses:
            self._take(pbx, response)

    def _take(self, pbx, response):
        if pbx.registered_at or response.branch != pbx.branch or response.status < 200:
            return
        self.statuses[response.status] += 1
        pbx.attempt += 1
        if response.status == 200:
            pbx.registered_at = time.monotonic()
            self.registered += 1
        elif response.status == 401 and pbx.authorization is None:
            chosen = sip_digest.choose(response.all('WWW-Authenticate'))
            pbx.authorization = sip_digest.answer(chosen, pbx.name, PASSWORD, 'REGISTER', f'sip:{pbx.domain}')
            self._begin(pbx)
        else:
            wait = response.get('Retry-After')
            if wait is not None:
                self.waits.append(wait)
            pbx.authorization = None
            self._wait(pbx, float(wait.split(';')[0].split('(')[0]) if wait else None)
