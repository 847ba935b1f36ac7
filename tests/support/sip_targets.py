"""Places that a call may be sent to: each listens at one address over one transport, answers every INVITE and OPTIONS as
it is told to, and keeps what it was sent. What is repeated is answered again and counted once."""
import socket
import threading
import time

from pbx_sim import sip_message, transport


class Target:
    def __init__(self, namespace, address, port=5060, over='udp', tls=None):
        self.address, self.port, self.over = address, port, over
        self.status, self.reason, self.headers = 486, 'Busy Here', ()
        self.options_status, self.options_headers = 200, ()
        self.options_plan = []             # before that, one each: (status, headers), or None for no answer
        self.other_status, self.other_headers = 200, ()
        self.silent = False
        self.invites, self.options, self.others = [], [], []
        self.heard = []                    # while it was silent, repetitions too
        self.connections = 0
        self._branches = set()
        self._planned = {}                 # branch -> what it is answered, however often it comes
        self._open = []
        self._stopped = threading.Event()
        self._acceptor = None
        if over == 'udp':
            with namespace.entered():
                self._open.append(transport.UdpTransport((address, port), None))
            self._open[0].on_message = lambda message, source: self._receive(self._open[0], message, source)
            return
        with namespace.entered():
            family = socket.AF_INET6 if ':' in address else socket.AF_INET
            self._listener = socket.socket(family, socket.SOCK_STREAM)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((address, port))
            self._listener.listen(50)
            self._listener.settimeout(0.2)
        self._tls = tls
        self._acceptor = threading.Thread(target=self._accept, daemon=True, name=f'{over}-{address}')
        self._acceptor.start()

    def _accept(self):
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
                if self._stopped.is_set():          # too late: nobody would close it
                    connection.close()
                    break
                self.connections += 1
                connection.settimeout(5)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:                # nobody came, or the handshake failed
                continue
            self._open.append(transport.StreamTransport(connection, self.over.upper(), self._receiver))
        self._listener.close()

    def _receiver(self, via):
        return lambda message, source: self._receive(via, message, source)

    def _receive(self, via, message, source):
        if self.silent:
            self.heard.append(message)
        if self.silent or not message.is_request or message.method == 'ACK':
            return
        new = (message.branch, message.method) not in self._branches
        self._branches.add((message.branch, message.method))
        status, reason, headers = self.status, self.reason, self.headers
        if message.method == 'INVITE':
            kept = self.invites
        elif message.method == 'OPTIONS':
            if new and self.options_plan:
                self._planned[message.branch] = self.options_plan.pop(0)
            planned = self._planned.get(message.branch, (self.options_status, self.options_headers))
            kept, reason, (status, headers) = self.options, 'Probed', planned or (None, ())
        else:
            kept, status, reason, headers = self.others, self.other_status, 'Other', self.other_headers
        if new:
            message.came = time.monotonic()
            kept.append(message)
        if status is None:
            return
        answer = sip_message.response_to(message, status, reason, f'{len(self._branches):x}-tag', headers)
        via.send(answer.encode(), source)

    def say(self, message, destination):
        """Over UDP, though nobody has asked."""
        self._open[0].send(message.encode(), destination)

    @property
    def numbers(self):
        return [sip_message.user_of(m.uri) for m in self.invites]

    def invited(self, number):
        """The INVITEs for this number, in order."""
        return [m for m in self.invites if sip_message.user_of(m.uri) == number]

    def close(self):
        self._stopped.set()
        if self._acceptor is not None:     # what it has just taken belongs to those that are closed
            self._acceptor.join(5)
        for each in self._open:
            each.close()
