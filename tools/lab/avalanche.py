"""Many PBXs that register at the same moment, as after a power failure: each with its own trunk, socket and Digest, each
patient as SIPconnect 16.4.1 asks it to be. One thread plays them all."""
import collections
import heapq
import itertools
import random
import resource
import selectors
import socket
import time

from pbx_sim import sip_digest, sip_message

T1, T2, TIMER_F = 0.5, 4.0, 32.0
PATIENCE, LONGEST_PATIENCE = 30.0, 960.0
PASSWORD = 'an avalanche of words'


def trunk_name(number):
    return f'avalanche-{number:05}'


def trunks(count, domain, realm='access', first_number=49_800_000_000):
    """What to provision, as YAML for `sallyport apply`."""
    return '\n---\n'.join(f'''kind: Trunk
name: trunks/{trunk_name(n)}
mode: registration
realm: {realm}
registration_aor: sip:{trunk_name(n)}@{domain}
transports: [udp]
media: {{srtp: "off"}}
credentials: [{{username: {trunk_name(n)}, password: {PASSWORD}}}]
numbers: [{{first: "+{first_number + n}"}}]''' for n in range(count)) + '\n'


class _Pbx:
    def __init__(self, number, domain, connected):
        self.name, self.domain, self.socket = trunk_name(number), domain, connected
        self.local = connected.getsockname()
        self.cseq, self.call_id = 0, sip_message.new_tag() + self.name
        self.authorization = None
        self.patience = PATIENCE
        self.registered_at = None
        self.attempt = 0                  # what timers were set for

    def request(self):
        self.cseq += 1
        self.branch = sip_message.new_branch()
        aor = f'<sip:{self.name}@{self.domain}>'
        authorization = f'Authorization: {self.authorization}\r\n' if self.authorization else ''
        return (f'REGISTER sip:{self.domain} SIP/2.0\r\nVia: SIP/2.0/UDP {self.local[0]}:{self.local[1]};branch={self.branch}'
                f';rport\r\nMax-Forwards: 70\r\nFrom: {aor};tag={self.name}\r\nTo: {aor}\r\nCall-ID: {self.call_id}\r\n'
                f'CSeq: {self.cseq} REGISTER\r\nContact: <sip:{self.local[0]}:{self.local[1]};bnc>\r\nExpires: 600\r\n'
                f'Require: gin\r\nProxy-Require: gin\r\nSupported: path\r\n{authorization}Content-Length: 0\r\n\r\n').encode()


class Avalanche:
    """Afterwards: `registered`, `seconds` from the start to the last one, `statuses` of all answers, `waits` (Retry-After
    as it was sent), `retransmissions`."""

    def __init__(self, namespace, address, edge, domain, count):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < count + 256:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 256), hard))
        self.selector = selectors.DefaultSelector()
        self.pbxs = []
        with namespace.entered():
            for number in range(count):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.bind((address, 0))
                sock.connect(edge)
                sock.setblocking(False)
                pbx = _Pbx(number, domain, sock)
                self.pbxs.append(pbx)
                self.selector.register(sock, selectors.EVENT_READ, pbx)
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

    def close(self):
        for pbx in self.pbxs:
            pbx.socket.close()
        self.selector.close()

    def _later(self, when, pbx, action):
        heapq.heappush(self._due, (when, next(self._order), pbx, action, pbx.attempt))

    def _fire(self):
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, pbx, action, attempt = heapq.heappop(self._due)
            if attempt == pbx.attempt:
                action(pbx)

    def _begin(self, pbx):
        pbx.attempt += 1
        pbx.last, pbx.interval, pbx.began = pbx.request(), T1, time.monotonic()
        self._send(pbx)
        self._later(pbx.began + pbx.interval, pbx, self._again)

    def _again(self, pbx):
        if time.monotonic() - pbx.began > TIMER_F:
            return self._wait(pbx, None)
        self.retransmissions += 1
        pbx.interval = min(2 * pbx.interval, T2)
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
            pbx.socket.send(pbx.last)
        except OSError:                   # a full queue, an ICMP error of before: it is sent again
            pass

    def _receive(self, pbx):
        try:
            response = sip_message.parse(pbx.socket.recv(65_535))
        except (OSError, sip_message.MalformedMessage):
            return
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
