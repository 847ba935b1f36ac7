"""What peers of flows listen and speak on: whole SIP messages as octets over UDP, TCP and TLS, nothing of them interpreted but
where one ends."""
import contextlib
import re
import select
import socket
import threading

from pbx_sim import transport


def cut(buffer):
    """(whole messages, what is left) of a stream; line ends between messages are nobody's (RFC 3261 7.5)."""
    found = []
    while True:
        buffer = buffer.lstrip(b'\r\n')
        head, blank, rest = buffer.partition(b'\r\n\r\n')
        if not blank:
            return found, buffer
        length = int(re.search(rb'(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)', head).group(1))
        if len(rest) < length:
            return found, buffer
        found.append(head + blank + rest[:length])
        buffer = rest[length:]


class Wire:
    """One thread that reads; `on_message(octets)` for each message."""

    def __init__(self, on_message):
        self.on_message, self.over = on_message, threading.Event()

    def start(self):
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        return self

    def close(self):
        self.over.set()
        self.thread.join(5)

    def readable(self, *sockets):
        return select.select(sockets, [], [], 0.1)[0]


class Udp(Wire):
    name = 'UDP'

    def __init__(self, namespace, address, edge, on_message):
        super().__init__(on_message)
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(address)
        self.edge = edge
        self.start()

    def send(self, octets):
        self.socket.sendto(octets, self.edge)

    def read(self):
        while not self.over.is_set():
            if self.readable(self.socket):
                with contextlib.suppress(OSError):            # an ICMP error of what was sent
                    self.on_message(self.socket.recvfrom(65_535)[0])

    def close(self):
        super().close()
        self.socket.close()


class Tls(Wire):
    """A connection that the peer has opened."""
    name = 'TLS'

    def __init__(self, namespace, address, edge, on_message, ca_file, server_name):
        super().__init__(on_message)
        with namespace.entered():
            plain = socket.create_connection(edge, timeout=10, source_address=(address, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = transport.client_context(ca_file).wrap_socket(plain, server_hostname=server_name)
        self.socket.settimeout(0.1)
        self.lock, self.buffer = threading.Lock(), b''        # OpenSSL connections are not for two threads at once
        self.start()

    def send(self, octets):
        with self.lock:
            self.socket.sendall(octets)

    def read(self):
        while not self.over.is_set():
            if not self.socket.pending() and not self.readable(self.socket):
                continue
            try:
                with self.lock:
                    data = self.socket.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                data = b''
            if not data:
                return
            messages, self.buffer = cut(self.buffer + data)
            for octets in messages:
                self.on_message(octets)

    def close(self):
        super().close()
        self.socket.close()


class Tcp(Wire):
    """Where a peer listens for connections; it answers on the one that a message has come over last."""
    name = 'TCP'

    def __init__(self, namespace, address, on_message):
        super().__init__(on_message)
        with namespace.entered():
            self.socket = socket.create_server(address)
        self.connections, self.last = {}, None
        self.start()

    def send(self, octets):
        self.last.sendall(octets)

    def read(self):
        while not self.over.is_set():
            for ready in self.readable(self.socket, *self.connections):
                if ready is self.socket:
                    self.connections[ready.accept()[0]] = b''
                    continue
                try:
                    data = ready.recv(65_536)
                except OSError:
                    data = b''
                if not data:
                    self.connections.pop(ready)
                    ready.close()
                    continue
                messages, self.connections[ready] = cut(self.connections[ready] + data)
                self.last = ready
                for octets in messages:
                    self.on_message(octets)

    def close(self):
        super().close()
        for each in (self.socket, *self.connections):
            each.close()
