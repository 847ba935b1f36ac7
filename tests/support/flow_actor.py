"""A peer of a flow on a socket of its own: what has come to it, and what of it is lost."""
import itertools
import re
import threading
import time

from flow_peer import Peer, Text
from lab import edge as lab_edge
from peer_wires import Tcp, Tls, Udp

ACCESS_SIDE, CORE_SIDE = '192.0.2.', '198.51.100.'
PATIENCE = 10.0                     # seconds for what has to come, on a machine that has other things to do
ADDRESSES = {'203.0.113.10': '198.51.100.2', '203.0.113.1': '198.51.100.1', '203.0.113.5': '198.51.100.10', '203.0.113.6': '198.51.100.11',
             '203.0.113.105': '198.51.100.10', '203.0.113.106': '198.51.100.11', '192.0.2.10': '192.0.2.2', '198.51.100.7': '192.0.2.20',
             '198.51.100.20': '192.0.2.10', '198.51.100.21': '192.0.2.10', '198.51.100.66': '192.0.2.66'}
_ADDRESS = re.compile('|'.join(r'(?<![\d.])' + re.escape(a) + r'(?![\d.])' for a in ADDRESSES))
runs = itertools.count(int(time.time()))
PASSWORD = 's3cret-in-the-lab'      # provisioned ones have ten characters


def in_the_lab(text):
    text = _ADDRESS.sub(lambda m: ADDRESSES[m.group()], text).replace(':s3cret', f':{PASSWORD}')
    return re.sub(r'\{(\w+) (\w+)\}', r'{\1_\2}', text)


# name in flows -> (name in its messages, host and port it names, where it is, media, transport, number, domain, AOR)
ACTORS = {
    'pbx': ('pbx', '10.7.0.7', 5061, '192.0.2.20', '10.7.0.8', 'TLS', '+4930123401', 'sp.example', 'acme'),
    'pbx2': ('pbxb', '10.7.0.9', 5061, '192.0.2.21', '10.7.0.10', 'TLS', '+4930123401', 'sp.example', 'acme'),
    'globex': ('globex', '192.0.2.10', 5060, '192.0.2.10', '192.0.2.10', 'UDP', '+4989555001', 'globex.example', 'globex'),
    'core': ('core', '198.51.100.10', 5060, '198.51.100.10', '198.51.100.10', 'UDP', '+4940987654', 'carrier.example', 'core'),
    'core2': ('corb', '198.51.100.11', 5060, '198.51.100.11', '198.51.100.11', 'UDP', '+4940987654', 'carrier.example', 'core'),
    'stranger': ('stranger', '192.0.2.66', 5060, '192.0.2.66', '192.0.2.66', 'UDP', '+4930123401', 'sp.example', 'acme')}


class Call:
    def __init__(self):
        self.dialog, self.last = None, None
        self.requests, self.responses = {}, {}            # received, by method
        self.sent, self.received = {}, {}                 # octets, by kind


class Actor:
    def __init__(self, lab, name, run):
        self.lab, self.name = lab, name
        said, host, port, self.address, media, self.transport, self.number, self.domain, user = ACTORS[name]
        self.access = self.address.startswith(ACCESS_SIDE)
        self.peer = Peer(said, host, port, media, run, self.transport, srtp=self.transport == 'TLS')
        self.aor = f'<sip:{user}@{self.domain}>'
        self.calls, self.inbox, self.repeats, self.seen = {}, [], [], set()
        self.lose_to = self.lose_from = 0
        self.answers_options = True
        self.news, self.wire = threading.Condition(), None

    @property
    def namespace(self):
        return self.lab.network.pbx if self.access else self.lab.network.core

    def open(self):
        if self.transport == 'UDP':
            self.wire = Udp(self.namespace, (self.address, 5060), self.lab.edge.access_udp if self.access else self.lab.edge.core_udp, self.take)
        elif self.transport == 'TCP':
            self.wire = Tcp(self.namespace, (self.address, 5060), self.take)
        else:
            self.wire = Tls(self.namespace, self.address, self.lab.edge.access_tls, self.take, self.lab.edge.ca.certificate, lab_edge.SERVER_NAME)

    def close(self):
        if self.wire:
            self.wire.close()
            self.wire = None

    def take(self, octets):
        message = Text.read(octets)
        if message.is_request and message.method == 'OPTIONS' and self.answers_options:
            self.wire.send(self.peer.response(message, '200', 'probe').wire())
            return
        with self.news:
            if self.lose_to > 0:
                self.lose_to -= 1
                return
            if octets in self.seen:
                self.repeats.append(octets)
            else:
                self.inbox.append(octets)
            self.seen.add(octets)
            self.news.notify_all()

    def send(self, octets):
        if self.lose_from > 0:
            self.lose_from -= 1
        else:
            self.wire.send(octets)

    def wait(self, find):
        """What `find` finds, as soon as there is something new to find."""
        with self.news:
            self.news.wait_for(lambda: find() is not None, PATIENCE)
            return find()
