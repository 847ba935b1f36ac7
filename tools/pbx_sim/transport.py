"""Transports of a peer: UDP, TCP and TLS sockets with one reader thread each, handing whole messages to a callback.
Everything that went over the wire is kept in `trace` for whoever judges it afterwards."""
import collections
import select
import socket
import ssl
import threading
import time

from . import sip_message

Traced = collections.namedtuple('Traced', 'time outgoing data')


def host_port(address):
    host, port = address[0], address[1]
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


class Transport:
    name = ''
    reliable = True

    def __init__(self):
        self._handler, self._early, self._handing = None, [], threading.RLock()
        self.on_closed = lambda: None
        self.trace = collections.deque(maxlen=200_000)
        self.malformed = []
        self._closed = threading.Event()

    @property
    def on_message(self):
        return self._hand_on

    @on_message.setter
    def on_message(self, handler):
        """Takes what came before, too: the reader is at work since the socket is there."""
        with self._handing:
            self._handler = handler
            early, self._early = self._early, []
            for message, source in early:
                handler(message, source)

    def _hand_on(self, message, source):
        with self._handing:
            if self._handler is None:
                self._early.append((message, source))
                return
        self._handler(message, source)

    def _trace(self, outgoing, data):
        self.trace.append(Traced(time.time(), outgoing, bytes(data)))

    def _start(self):
        self._thread = threading.Thread(target=self._read_loop, daemon=True, name=f'{self.name}-reader')
        self._thread.start()

    @property
    def closed(self):
        return self._closed.is_set()

    def wait_closed(self, timeout):
        return self._closed.wait(timeout)

    def close(self):
        self._closed.set()
        self._thread.join(5)
        self.socket.close()


class UdpTransport(Transport):
    name = 'UDP'
    reliable = False

    def __init__(self, local, remote=None):
        super().__init__()
        self.remote = remote
        family = socket.AF_INET6 if ':' in local[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(local)
        self.local = self.socket.getsockname()[:2]
        self._start()

    def send(self, data, destination=None):
        self._trace(True, data)
        self.socket.sendto(data, destination or self.remote)

    def _read_loop(self):
        while not self._closed.is_set():
            if not select.select([self.socket], [], [], 0.2)[0]:
                continue
            try:
                data, source = self.socket.recvfrom(65_535)
            except OSError:            # an ICMP error of an earlier send
                continue
            self._trace(False, data)
            if not data.strip():
                continue
            try:
                self.on_message(sip_message.parse(data), source[:2])
            except (sip_message.MalformedMessage, ValueError, KeyError) as error:
                self.malformed.append((error, data))


class StreamTransport(Transport):
    """A TCP or TLS connection that this side has opened, or one handed over by a listener."""

    def __init__(self, connected, name, on_message=None):
        """`on_message`: given the connection, what is called with each message, from the first octet on."""
        super().__init__()
        self.name = name
        if on_message:
            self.on_message = on_message(self)
        self.socket = connected
        self.socket.setblocking(False)
        self.local, self.remote = connected.getsockname()[:2], connected.getpeername()[:2]
        self.framer = sip_message.StreamFramer()
        self._lock = threading.Lock()      # OpenSSL connections are not for two threads at once
        self._start()

    @classmethod
    def connect(cls, remote, local=None, tls=None, server_name=None, timeout=10):
        plain = socket.create_connection(remote, timeout=timeout, source_address=local)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return cls(plain, 'TCP')
        return cls(tls.wrap_socket(plain, server_hostname=server_name), 'TLS')

    def send(self, data, destination=None):
        del destination                    # a connection has one peer
        self._trace(True, data)
        view = memoryview(data)
        while view:
            try:
                with self._lock:
                    sent = self.socket.send(view)
                view = view[sent:]
            except (ssl.SSLWantWriteError, BlockingIOError):
                select.select([], [self.socket], [], 1)
            except ssl.SSLWantReadError:
                select.select([self.socket], [], [], 1)

    def _read_loop(self):
        try:
            while not self._closed.is_set():
                pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
                if not pending and not select.select([self.socket], [], [], 0.2)[0]:
                    continue
                try:
                    with self._lock:
                        data = self.socket.recv(65_536)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    continue
                if not data:
                    break
                self._trace(False, data)
                pings = self.framer.pings
                for message in self.framer.feed(data):
                    self.on_message(message, self.remote)
                if self.framer.pings > pings:
                    self.send(b'\r\n')
        except (OSError, ValueError, sip_message.MalformedMessage) as error:
            self.malformed.append((error, self.framer.buffer))
        self._closed.set()
        self.on_closed()


def client_context(ca_file, minimum=ssl.TLSVersion.TLSv1_2, check_hostname=True):
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = minimum
    context.check_hostname = check_hostname
    return context
