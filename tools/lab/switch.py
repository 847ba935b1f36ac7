"""The operator's switch behind the edge, as little of one as a call from one PBX to another needs: it takes the call at
its core address, makes a second one to the called number, and passes RTP between the two."""
import queue
import select
import socket
import threading

from pbx_sim import sdp

from . import media


class Relay:
    """Two UDP ports; what comes to one goes out from the other to that one's peer."""

    def __init__(self, namespace, address):
        self.ports = []
        self._sockets, self._peers = [], [None, None]
        for _ in range(2):
            port = media.free_port(address, namespace)
            with namespace.entered():
                bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                bound.bind((address, port))
            self._sockets.append(bound)
            self.ports.append(port)
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True, name='relay').start()

    def towards(self, side, stream):
        self._peers[side] = stream.address, stream.port

    def _run(self):
        while not self._stopped.is_set():
            for ready in select.select(self._sockets, [], [], 0.2)[0]:
                data = ready.recv(4096)
                other = 1 - self._sockets.index(ready)
                if self._peers[other]:
                    self._sockets[other].sendto(data, self._peers[other])
        for each in self._sockets:
            each.close()

    def close(self):
        self._stopped.set()


class Switch:
    """Plays for a core party (its peer, its address) until it is closed; one call at a time."""

    def __init__(self, party, edge_uri_host):
        self.party, self.host = party, edge_uri_host
        self.failures, self._relays = [], []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name='switch')
        self._thread.start()

    def _run(self):
        while not self._stopped.is_set():
            try:
                incoming = self.party.peer.wait_call(0.2)
            except queue.Empty:
                continue
            try:
                self._connect(incoming)
            except Exception as error:         # noqa: BLE001: told by whoever waits for the call
                self.failures.append(error)
                incoming.reject(500, 'Switch Failed')

    def _connect(self, incoming):
        address = self.party.media_address
        relay = Relay(self.party.namespace, address)
        self._relays.append(relay)
        number = incoming.invite.uri.split(':', 1)[1].split('@')[0]
        caller = incoming.invite['From'].split('sip:', 1)[1].split('@')[0]
        relay.towards(0, incoming.remote_sdp.audio)
        outgoing = self.party.peer.invite(f'sip:{number}@{self.host}', sdp.build(address, relay.ports[1]), caller=caller)
        if outgoing.wait_provisional(180) is not None:
            incoming.ring()
        response = outgoing.wait_final(20)
        if response is None or response.status != 200:
            raise RuntimeError(f'second leg: {response and response.start_line}')
        relay.towards(1, outgoing.remote_sdp.audio)
        incoming.answer(sdp.build(address, relay.ports[0]))
        threading.Thread(target=self._until_over, args=(incoming, outgoing, relay), daemon=True).start()

    def _until_over(self, incoming, outgoing, relay):
        while not (incoming.ended.wait(0.05) or outgoing.ended.wait(0.05) or self._stopped.is_set()):
            pass
        for call in (incoming, outgoing):
            if not call.ended.is_set():
                call.bye()
        relay.close()

    def close(self):
        self._stopped.set()
        self._thread.join(5)
        for relay in self._relays:
            relay.close()
