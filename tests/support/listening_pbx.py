"""A PBX that listens for TCP or TLS connections of the edge: every connection is a Peer of its own, and their calls come
into one queue, with the connection that each came over."""
import queue
import socket
import ssl
import threading

from lab import parties, process
from pbx_sim import sip_peer, transport


class ListeningPbx:
    def __init__(self, lab, address, port, domain, tls=None, name='listening-pbx', suite=None):
        self.lab, self.address, self.port, self.domain, self.tls = lab, address, port, domain, tls
        self.name, self.suite = name, suite
        self.connections, self.refused = [], []     # parties; reasons of handshakes that failed
        self.incoming = queue.Queue()
        with lab.network.pbx.entered():
            self._listener = socket.create_server((address, port))
        self._listener.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while not self._ended.is_set():
            try:
                plain, _ = self._listener.accept()
            except (TimeoutError, OSError):
                continue
            try:
                plain.settimeout(5)
                stream = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
                self.connections.append(self.party(stream))
            except (ssl.SSLError, OSError) as error:
                self.refused.append(getattr(error, 'reason', None) or str(error))
                plain.close()

    def party(self, stream):
        peer = sip_peer.Peer(transport.StreamTransport(stream, 'TLS' if self.tls else 'TCP'), self.domain,
                             contact_address=(self.address, self.port), incoming=self.incoming)
        return parties.Party(self.name, self.lab.network.pbx, peer, self.address, self.suite, self.lab.run_directory,
                             self.lab.probe_binary)

    def party_of(self, call):
        """The connection that a call came over. It hears from its first octet, maybe before it is in the list."""
        process.wait_until(lambda: any(p.peer is call.peer for p in self.connections), 5, 'the connection of the call is known')
        return next(p for p in self.connections if p.peer is call.peer)

    def wait_call(self, timeout=10):
        return self.incoming.get(timeout=timeout)

    def close(self):
        self._ended.set()
        self._thread.join(5)
        self._listener.close()
        for party in self.connections:
            party.close()


def connect(lab, address, edge, domain, tls=None, server_name=None, contact=None, suite=None, name='dialling-pbx'):
    """A PBX that opens its connection itself."""
    with lab.network.pbx.entered():
        stream = transport.StreamTransport.connect(edge, (address, 0), tls, server_name)
    peer = sip_peer.Peer(stream, domain, contact_address=contact or (address, 5060))
    return parties.Party(name, lab.network.pbx, peer, address, suite, lab.run_directory, lab.probe_binary)
