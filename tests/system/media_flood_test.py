#!/usr/bin/env python3
"""Floods of media ports at a stated rate: what is dropped is dropped with its reason, and the calls that are up lose
nothing meanwhile (CVE-2021-41105 and the like). The rate is one that a shared core carries in a test run,
and no measure of what is possible."""
import random
import socket
import struct
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import PBX_ADDRESS, STRANGER, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from rtp_sprayer import rtp  # noqa: E402

RATE = 5_000                   # packets a second
BURST = 25                     # of them at once
SECONDS = 4                    # of each call; the flood lasts longer
CALLS = 3

random_ = random.Random(7)
BAD_TAGS = [rtp(n) + random_.randbytes(10) for n in range(200)]
# RFC 8489 6: a Binding request; RFC 6347 4.2: a ClientHello's record.
STUN = [bytes.fromhex('000100002112a442') + random_.randbytes(12) for _ in range(50)]
DTLS = [bytes.fromhex('16feff0000000000000000002f') + b'\x01' + random_.randbytes(46) for _ in range(50)]


class Flood:
    """Sends to the targets in turn, RATE packets a second in bursts, until it is stopped. With a list of source ports, one
    for each target, as if from there: they may be somebody else's."""

    def __init__(self, namespace, address, targets, packets, source_ports=None):
        with namespace.entered():
            kind = (socket.SOCK_RAW, socket.IPPROTO_UDP) if source_ports else (socket.SOCK_DGRAM,)
            self.socket = socket.socket(socket.AF_INET, *kind)
            self.socket.bind((address, 0))
        if source_ports:                       # RFC 768: no checksum
            packets = [struct.pack('!HHHH', source, port, 8 + len(packet), 0) + packet
                       for packet in packets for source, (_, port) in zip(source_ports, targets)]
            targets = [(host, 0) for host, _ in targets]
        self.targets, self.packets = targets, packets
        self.sent, self.seconds = 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        begun = time.monotonic()
        while not self._stop.is_set():
            for _ in range(BURST):
                self.socket.sendto(self.packets[self.sent % len(self.packets)], self.targets[self.sent % len(self.targets)])
                self.sent += 1
            self.seconds = time.monotonic() - begun
            self._stop.wait(max(0.0, self.sent / RATE - self.seconds))

    def stop(self):
        self._stop.set()
        self._thread.join(5)
        self.socket.close()


def media_of(dialogs):
    return [dialog.remote_sdp.audio for dialog in dialogs]


def require_unharmed(lab, flood_of, reasons):
    """Calls talk while a flood goes on; `flood_of` makes it of the dialogs of the PBX, `reasons` are what it is dropped for."""
    pbx, core = lab.pbx(), lab.core()
    calls = [parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number) for _ in range(CALLS)]
    before = lab.edge.scrape('media')
    flood = flood_of([outgoing for outgoing, _ in calls])
    try:
        probes = [party.probe(dialog, dialog.local_sdp, duration=SECONDS)
                  for outgoing, incoming in calls for party, dialog in ((pbx, outgoing), (core, incoming))]
        results = [probe.result() for probe in probes]
    finally:
        flood.stop()
    after = lab.edge.scrape('media')
    for outgoing, incoming in calls:
        equal(outgoing.bye().status, 200, 'BYE')
        require(incoming.wait_ended(), 'the BYE came through')
    for result in results:
        require(result['ok'], f'a call: {result["failure"]}')
        equal(result['lost'], 0, 'packets that a call has lost')
    require(flood.sent >= 0.9 * RATE * flood.seconds, f'only {flood.sent} packets in {flood.seconds:.1f} s')
    require(flood.seconds >= SECONDS, f'the flood was over after {flood.seconds:.1f} s')
    name = 'sallyport_media_dropped_packets_total'
    dropped = {reason: after.get(name, reason=reason) - before.get(name, reason=reason) for reason in reasons}
    require(all(dropped.values()), f'not dropped for all of these reasons: {dropped}')
    require(sum(dropped.values()) >= 0.9 * flood.sent, f'{flood.sent} were sent, dropped were {dropped}')
    equal(after.get('sallyport_media_port_receive_missed_total'), before.get('sallyport_media_port_receive_missed_total'),
          'frames that never came in')


@case(f'{RATE:,} packets a second on UDP ports that no call has: the calls that are up lose nothing')
def _(lab):
    def closed(dialogs):
        legs = media_of(dialogs)
        taken = {leg.port for leg in legs}
        ports = [port for port in range(16_384, 16_384 + 2_000, 2) if port not in taken]
        return Flood(lab.network.pbx, STRANGER, [(legs[0].address, port) for port in ports], [rtp(n) for n in range(100)])
    require_unharmed(lab, closed, ['no_leg'])


@case(f'{RATE:,} SRTP packets a second with wrong tags, from the address and ports of the PBX: likewise [reliability 15]')
def _(lab):
    def forged(dialogs):
        return Flood(lab.network.pbx, PBX_ADDRESS, [(leg.address, leg.port) for leg in media_of(dialogs)], BAD_TAGS,
                     [dialog.local_sdp.audio.port for dialog in dialogs])
    require_unharmed(lab, forged, ['auth_failed'])


@case(f'{RATE:,} STUN and DTLS packets a second to the very ports of the calls: likewise [reliability 16]')
def _(lab):
    def strays(dialogs):
        return Flood(lab.network.pbx, STRANGER, [(leg.address, leg.port) for leg in media_of(dialogs)], [*STUN, *DTLS])
    require_unharmed(lab, strays, ['stun', 'dtls'])


if __name__ == '__main__':
    sys.exit(main('media_flood', lambda: running_edge('media_flood')))
