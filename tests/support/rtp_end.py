"""A party's media in the test's hand: every RTP and RTCP packet as the test wants it, and all that came back. SRTP where the
descriptions say so, with AES_CM_128_HMAC_SHA1_80. What only has to be heard is better told by rtp_probe (lab.media)."""
import secrets
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass

import srtp
from lab import process


@dataclass
class Rtp:
    type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    raw: bytes = b''                 # as it was on the wire
    source: int = 0                  # the port it came from
    at: float = 0

    def encode(self):
        return struct.pack('>BBHII', 0x80, self.marker << 7 | self.type, self.sequence, self.timestamp & 0xffffffff,
                           self.ssrc) + self.payload

    @staticmethod
    def parse(data, **more):
        first, second, sequence, timestamp, ssrc = struct.unpack('>BBHII', data[:12])
        if first != 0x80:
            raise ValueError(f'an RTP header that nobody has sent: {data[:12].hex()}')
        return Rtp(second & 0x7f, sequence, timestamp, ssrc, data[12:], bool(second & 0x80), **more)


@dataclass
class Rtcp:
    data: bytes
    raw: bytes
    source: int
    at: float
    index: int = 0                   # of SRTCP

    @property
    def packets(self):
        """Of the compound: (type, count, the whole packet)."""
        rest = self.data
        while rest:
            size = 4 + 4 * int.from_bytes(rest[2:4], 'big')
            yield rest[1], rest[0] & 0x1f, rest[:size]
            rest = rest[size:]

    def of_type(self, kind):
        return next((whole for type_, _, whole in self.packets if type_ == kind), None)


SR, RR, SDES, BYE = 200, 201, 202, 203


def sender_report(ssrc, packets=1, about=None):
    """RFC 3550 6.4.1, with one block about an SSRC that was received."""
    body = struct.pack('>IQIII', ssrc, time.time_ns() * 4 & 2**64 - 1, 160 * packets, packets, 160 * packets)
    if about is not None:
        body += struct.pack('>IIIIII', about, 0, packets, 0, 0, 0)
    return struct.pack('>BBH', 0x80 | (about is not None), SR, len(body) // 4) + body


def receiver_report(ssrc, about):
    return struct.pack('>BBH', 0x81, RR, 7) + struct.pack('>IIIIIII', ssrc, about, 0, 1, 0, 0, 0)


def source_description(ssrc, name):
    chunk = struct.pack('>IBB', ssrc, 1, len(name)) + name.encode()
    chunk += bytes(4 - len(chunk) % 4)
    return struct.pack('>BBH', 0x81, SDES, len(chunk) // 4) + chunk


def goodbye(ssrc):
    return struct.pack('>BBHI', 0x81, BYE, 1, ssrc)


def event(end, code, type_):
    """RFC 4733 2.5: one event, told five times while it lasts and three times at its end, all with the time it began."""
    packets = []
    for number in range(8):
        duration, over = 160 * (min(number, 5) + 1), number >= 5
        payload = struct.pack('>BBH', code, over << 7 | 10, duration)
        packets.append(Rtp(type_, end.sequence, end.timestamp, end.ssrc, payload, marker=number == 0))
        end.sequence += 1
    end.timestamp += 160 * 6
    return packets


def events_type(stream):
    """The number that telephone-event has in a description."""
    return next(int(a.split(':')[1].split()[0]) for a in stream.attributes if a.endswith(' telephone-event/8000'))


class RtpEnd:
    """`local` and `remote` are the Streams of the two descriptions of this leg; `local`'s first key is what we send with."""

    def __init__(self, namespace, local, remote):
        self.namespace, self.sockets, self.sending, self.receiving = namespace, [], None, None
        self.received, self.reports, self.refused = [], [], []       # refused: what could not be authenticated
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbelow(2**15)          # RFC 3711 3.3.1
        self.timestamp = secrets.randbits(31)
        self._closed, self._thread = threading.Event(), None
        self.follow(local, remote)

    def follow(self, local, remote):
        """New descriptions: the stream goes on, with the ports and keys that hold now."""
        ports = local.port, local.rtcp_port or local.port + 1
        self.to, self.to_rtcp = (remote.address, remote.port), (remote.address, remote.rtcp_port or remote.port + 1)
        if local.cryptos:
            self.sending = srtp.for_key(local.cryptos[0].key, self.sending, local.cryptos[0].mki)
            self.receiving = srtp.for_key(remote.cryptos[0].key, self.receiving)
        if ports != tuple(each.getsockname()[1] for each in self.sockets):
            self.move(local.address, ports)

    def move(self, address, ports=(0, 0)):
        """The stream goes on from other ports, as behind a NAT that has forgotten it: whichever are free."""
        self.close()
        with self.namespace.entered():
            self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
        for each, port in zip(self.sockets, ports):
            each.bind((address, port))
        self._closed.clear()
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def close(self):
        self._closed.set()
        if self._thread:
            self._thread.join(5)
        for each in self.sockets:
            each.close()

    # -- what is sent
    def packet(self, payload, type_=8, ticks=160, **fields):
        """The next one of our stream; `ticks`: how long it is."""
        made = Rtp(type_, self.sequence, self.timestamp, self.ssrc, payload, **fields)
        self.sequence += 1
        self.timestamp += ticks
        return made

    def send(self, packet):
        """Protected, if need be; as it went out."""
        packet.raw = packet.encode()
        if self.sending:
            packet.raw = self.sending.protect(packet.raw)
        self.send_raw(packet.raw)
        return packet

    def send_raw(self, data):
        self.sockets[0].sendto(data, self.to)

    def report(self, compound, index=None):
        if self.sending:
            compound = self.sending.protect_rtcp(compound, index)
        self.report_raw(compound)
        return compound

    def report_raw(self, data):
        self.sockets[1].sendto(data, self.to_rtcp)

    def play(self, payloads, type_=8, ticks=160, interval=0.02):
        """Sends them in time, each as it is due; the packets."""
        began, sent = time.monotonic(), []
        for number, payload in enumerate(payloads):
            self._closed.wait(max(0, began + number * interval - time.monotonic()))
            sent.append(self.send(self.packet(payload, type_, ticks)))
        return sent

    # -- what is received
    def _receive(self):
        while not self._closed.is_set():
            for ready in select.select(self.sockets, [], [], 0.1)[0]:
                data, source = ready.recvfrom(2048)
                self._take(data, source[1], ready is self.sockets[1])

    def _take(self, raw, source, is_rtcp):
        at, key = time.monotonic(), self.receiving
        try:
            if is_rtcp:
                data, index = key.unprotect_rtcp(raw) if key else (raw, 0)
                self.reports.append(Rtcp(data, raw, source, at, index))
            else:
                data = key.unprotect(raw) if key else raw
                self.received.append(Rtp.parse(data, raw=raw, source=source, at=at))
        except srtp.NotAuthentic:
            self.refused.append(raw)

    def forget(self):
        """What was received so far does not matter any more."""
        self.received.clear()
        self.reports.clear()

    def wait_sequence(self, packet, timeout=5):
        """Until this packet of the other side has come: whatever was sent before it has come by then, or never will."""
        process.wait_until(lambda: any(p.sequence == packet.sequence for p in list(self.received)), timeout,
                           f'packet {packet.sequence} arrives')

    def wait_reports(self, count, what, timeout=5):
        process.wait_until(lambda: len(self.reports) >= count, timeout, f'{count} reports: {what}')
        return list(self.reports)


def noise(count, size=160):
    """So many payloads, none like another and none like what a codec makes of silence."""
    return [secrets.token_bytes(size) for _ in range(count)]


def contents(packets):
    """What of a packet has to arrive as it was sent."""
    return [(p.type, p.marker, p.sequence, p.timestamp, p.ssrc, p.payload) for p in packets]


def require_same(received, sent, what, types=None):
    """Every packet as it was sent, in that order, and no other; `types`: payload types that become others."""
    got, expected = contents(received), [((types or {}).get(c[0], c[0]), *c[1:]) for c in contents(sent)]
    for number, (one, other) in enumerate(zip(got, expected)):
        if one != other:
            raise AssertionError(f'{what}: packet {number} of {len(sent)} is {_short(one)}, expected {_short(other)}')
    if len(got) != len(expected):
        raise AssertionError(f'{what}: {len(got)} packets, expected {len(expected)}')


def _short(content):
    return f'type {content[0]}, marker {content[1]}, {content[2:5]}, {len(content[5])} octets {content[5][:8].hex()}'
