"""A DNS server that lies in the ways that have hurt other stacks (RFC 1035 4.1.4 and their CVEs). It takes the place of
the lab's server; every answer is a function of the question's octets, chosen by the name asked for: LIE.hostile.example."""
import contextlib
import socket
import struct
import threading
import time

from lab import dns

NAPTR, SRV = 35, 33


def question_end(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def header(query, answers, flags=0x8180):
    return query[:2] + struct.pack('!5H', flags, 1, answers, 0, 0) + query[12:question_end(query)]


def record(kind, rdata, owner=b'\xc0\x0c', length=None, ttl=60):
    return owner + struct.pack('!HHIH', kind, 1, ttl, len(rdata) if length is None else length) + rdata


def kind_of(query):
    return struct.unpack_from('!H', query, question_end(query) - 4)[0]


def text(value):
    return bytes([len(value)]) + value


def naptr(number, replacement=b'\xc0\x0c'):
    return struct.pack('!HH', number, number) + text(b's') + text(b'SIP+D2U') + text(b'') + replacement


def points_at_itself(query):
    at = len(header(query, 1))
    return header(query, 1) + record(kind_of(query), b'\0\0', owner=struct.pack('!H', 0xc000 | at))


def two_pointers_in_a_circle(query):
    head = header(query, 1)
    rdata_at = len(head) + 2 + 10
    first = rdata_at + 6
    return head + record(SRV, struct.pack('!3H', 0, 0, 5060) + struct.pack('!HH', 0xc000 | (first + 2), 0xc000 | first))


ANSWERS = {
    'loop': points_at_itself,
    'circle': two_pointers_in_a_circle,
    'long-rdlength': lambda q: header(q, 1) + record(kind_of(q), b'\0\1', length=60_000),
    'short-rdlength': lambda q: header(q, 1) + record(kind_of(q), naptr(1), length=3),
    'no-rdata': lambda q: header(q, 1) + record(kind_of(q), b''),
    'missing-records': lambda q: header(q, 200) + record(kind_of(q), naptr(1)),
    'long-label': lambda q: header(q, 1) + record(NAPTR, naptr(1, b'\x7f' + b'a' * 127 + b'\0')),
    'many-naptr': lambda q: header(q, 255 if kind_of(q) == NAPTR else 0) + (
        b''.join(record(NAPTR, naptr(n, text(b'x%d' % n) + b'\xc0\x0c')) for n in range(255))
        if kind_of(q) == NAPTR else b''),
    'other-question': lambda q: header(q.replace(b'hostile', b'h0stile'), 0),
    'half': lambda q: header(q, 1)[:-3],
    'nothing': lambda q: b'',
    'late': lambda q: time.sleep(1.3) or header(q, 1) + record(kind_of(q), naptr(1)),
}


class HostileServer:
    def __init__(self, namespace):
        self.asked = set()                 # names of answers
        self._stopped = threading.Event()
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((dns.ADDRESS, 53))
        self.socket.settimeout(0.2)
        self._thread = threading.Thread(target=self._run, daemon=True, name='hostile-dns')
        self._thread.start()

    def _run(self):
        while not self._stopped.is_set():
            with contextlib.suppress(OSError, IndexError):
                query, source = self.socket.recvfrom(4096)
                name = query[13:13 + query[12]].decode('ascii').lower()
                if name.startswith('_'):       # _sip._udp.NAME...
                    name = query.split(b'\x04_udp' if b'_udp' in query else b'\x04_tcp')[1]
                    name = name[1:1 + name[0]].decode('ascii').lower()
                if name not in ANSWERS:        # another trunk's
                    continue
                self.asked.add(name)
                threading.Thread(target=self._answer, args=(name, query, source), daemon=True).start()

    def _answer(self, name, query, source):
        with contextlib.suppress(OSError):
            self.socket.sendto(ANSWERS[name](query), source)

    def close(self):
        self._stopped.set()
        self._thread.join(5)
        self.socket.close()


@contextlib.contextmanager
def in_place_of(server):
    """The lab's real server stops for the time being."""
    server.process.stop()
    hostile = HostileServer(server.namespace)
    try:
        yield hostile
    finally:
        hostile.close()
        server.start_again()
