#!/usr/bin/env python3
"""Fax over T.38 (SIPconnect 14.7, ITU-T T.38 annex D): a call between a PBX with plain RTP and the core turns to UDPTL and
back, datagrams pass as they are and from nobody else, and what is not UDPTL, or has to be SRTP, is refused."""
import contextlib
import secrets
import select
import socket
import struct
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, running_edge  # noqa: E402
from exchanges import Site  # noqa: E402
from lab import capture, parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from media_calls import MediaCall, Voice, both_talk, answer  # noqa: E402
from pbx_sim import sdp  # noqa: E402

STATIC_ADDRESS, STATIC_NUMBER, STATIC_DOMAIN = '192.0.2.20', '+4940555001', 'static.sallyport.example'
GATEWAY = ['T38FaxVersion:0', 'T38MaxBitRate:14400', 'T38FaxRateManagement:transferredTCF', 'T38FaxMaxBuffer:1024',
           'T38FaxMaxDatagram:238', 'T38FaxUdpEC:t38UDPRedundancy']


def fax(party, port, line='m=image {} udptl t38', version=9):
    address = party.media_address
    return ''.join(f'{each}\r\n' for each in (
        'v=0', f'o=- 1 {version} IN IP4 {address}', 's=-', f'c=IN IP4 {address}', 't=0 0', line.format(port),
        *(f'a={a}' for a in GATEWAY)))


@contextlib.contextmanager
def plain_call(lab, from_pbx):
    pbx, core = lab.parties['static'], lab.core()
    caller, callee = (pbx, core) if from_pbx else (core, pbx)
    to, number = (f'sip:{CORE_NUMBER}@{STATIC_DOMAIN}', STATIC_NUMBER) if from_pbx else \
        (f'sip:{STATIC_NUMBER}@{CORE.signaling}', CORE_NUMBER)
    offer = caller.offer()
    outgoing = caller.peer.invite(to, offer, caller=number)
    outgoing.local_sdp = sdp.parse(offer)
    incoming = parties.wait_call(callee, outgoing)
    answer(callee, incoming, None)
    parties.require_status(outgoing.wait_final(10), 200, 'the call')
    call = MediaCall(outgoing, incoming, from_pbx, pbx, core)
    try:
        yield call
    finally:
        call.close_media()
        parties.require_status(outgoing.bye(10), 200, 'BYE')
        incoming.wait_ended(10)


class FaxEnd:
    """One gateway's UDPTL in the test's hand."""

    def __init__(self, party, port, remote):
        self.remote, self.sequence, self.before = (remote.address, remote.port), secrets.randbits(16), b''
        with party.namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((party.media_address, port))

    def datagram(self, size):
        """T.38 9.1: the primary packet, and the one before it as redundancy."""
        primary = secrets.token_bytes(size)
        made = struct.pack('>HB', self.sequence & 0xffff, size) + primary + \
            (bytes([0, 1, len(self.before)]) + self.before if self.before else bytes([0, 0]))
        self.sequence, self.before = self.sequence + 1, primary
        return made

    def send(self, data):
        self.socket.sendto(data, self.remote)

    def receive(self, count, timeout=5):
        """(datagrams, the ports they come from), as many, or what there is in that time."""
        got, end = [], time.monotonic() + timeout
        while len(got) < count and select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            got.append(self.socket.recvfrom(4096))
        return [d for d, _ in got], {a[1] for _, a in got}

    def close(self):
        self.socket.close()


def switch(call, by_pbx, make):
    """A re-INVITE by one side to what `make(party)` says, that the other answers in kind; what came to the other."""
    first, second = (call.pbx, call.core) if by_pbx else (call.core, call.pbx)
    ours, theirs = (call.pbx_party, call.core_party) if by_pbx else (call.core_party, call.pbx_party)
    came = []

    def take(message):
        came.append(sdp.parse(message.body))
        text = make(theirs)
        second.local_sdp, second.remote_sdp = sdp.parse(text), came[-1]
        second.respond(200, 'OK', text)
    second.on_reinvite = take
    text = make(ours)
    parties.require_status(first.reinvite(text, 10), 200, f're-INVITE of the {ours.name}')
    first.local_sdp = sdp.parse(text)
    return came[0]


def require_gateway(stream, where):
    equal((stream.kind, stream.profile, stream.formats), ('image', 'udptl', ['t38']), f'the m-line {where}')
    equal(stream.attributes, GATEWAY, f'attributes {where}')


@case('a call turns to T.38 by re-INVITE of either side and back to voice: attributes cross, datagrams with their redundancy '
      'pass unmodified on the negotiated ports, both ways, and no third party\'s [SC-14.7-02] [SC-14.7-03] [E-37]')
def _(lab):
    for from_pbx in (True, False):
        with plain_call(lab, from_pbx) as call:
            for by_pbx in (False, True):
                both_talk(call, Voice(10), Voice(10))
                call.close_media()
                ports = {p.name: p.port() for p in (call.pbx_party, call.core_party)}
                when = f'call of the {"PBX" if from_pbx else "core"}, switched by the {"PBX" if by_pbx else "core"}'
                require_gateway(switch(call, by_pbx, lambda party: fax(party, ports[party.name])).streams[0], when)
                ends = []
                for side, party in ((call.pbx, call.pbx_party), (call.core, call.core_party)):
                    told = side.remote_sdp.streams[0]
                    require_gateway(told, f'to the {party.name}, {when}')
                    ends.append(FaxEnd(party, ports[party.name], told))
                dropped = lab.edge.scrape('media').get('sallyport_media_dropped_packets_total')
                for talker, listener in (ends, ends[::-1]):
                    # Any first octet: those of STUN, DTLS, RTP and RTCP are sequence numbers here.
                    sent = []
                    for high in range(0, 256, 4):
                        talker.sequence = high << 8 | 0xc8
                        sent.append(talker.datagram(secrets.choice((1, 40, 100))))
                        talker.send(sent[-1])
                        time.sleep(0.005)
                    got, sources = listener.receive(len(sent))
                    equal(got, sent, f'datagrams, {when}')
                    equal(sources, {listener.remote[1]}, f'the port they come from, {when}')
                with lab.network.pbx.entered():
                    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                stranger.bind(('192.0.2.66', 0))
                for number in range(20):
                    stranger.sendto(struct.pack('>HB', number, 4) + bytes(6), ends[0].remote)
                    time.sleep(0.01)
                stranger.close()
                mark = ends[0].datagram(9)
                ends[0].send(mark)
                equal(ends[1].receive(1)[0], [mark], f'what a stranger sends is not relayed, {when}')
                now = lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason='wrong_source')
                require(now >= 20, f'a stranger\'s datagrams are counted: {now}, before {dropped}')
                for end in ends:
                    end.close()
                back = switch(call, not by_pbx, lambda party: party.offer(version=20 + by_pbx))
                equal((back.audio.kind, back.audio.profile), ('audio', 'RTP/AVP'), f'back, {when}')
                both_talk(call, Voice(25), Voice(25))


def late_voice(lab):
    return lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason='late_rtp')


@case('a gateway that talks on until its re-INVITE is answered: the fax goes to the port that it has named, and nothing of the '
      'voice is in it [SC-14.7-02] [SC-14.7-03]')
def _(lab):
    for same_port in (False, True):
        with plain_call(lab, True) as call:
            both_talk(call, Voice(10), Voice(10))
            old, packets = call.pbx.local_sdp.audio.port, [call.at_pbx.packet(bytes(160)).encode() for _ in range(150)]
            to = call.at_pbx.to
            call.close_media()
            ports = {p.name: p.port() for p in (call.pbx_party, call.core_party)}
            if same_port:
                ports[call.pbx_party.name] = old
            with call.pbx_party.namespace.entered():
                voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            voice.bind((call.pbx_party.media_address, old))
            done, before = threading.Event(), late_voice(lab)

            def talk(voice=voice, packets=packets, to=to, done=done):
                for each in packets:
                    voice.sendto(each, to)
                    if done.wait(0.02):
                        return
            talker = threading.Thread(target=talk)
            talker.start()
            switch(call, True, lambda party, ports=ports: fax(party, ports[party.name]))
            core = FaxEnd(call.core_party, ports[call.core_party.name], call.core.remote_sdp.streams[0])
            process.wait_until(lambda before=before: late_voice(lab) >= before + 10, 5, 'the tail of the voice is dropped')
            done.set()
            talker.join()
            voice.close()
            pbx = FaxEnd(call.pbx_party, ports[call.pbx_party.name], call.pbx.remote_sdp.streams[0])
            for talking, listening in ((core, pbx), (pbx, core)):
                sent = [talking.datagram(30) for _ in range(10)]
                for each in sent:
                    talking.send(each)
                equal(listening.receive(10)[0], sent, f'the fax after the voice, {"same" if same_port else "another"} port')
            core.close()
            pbx.close()


@case('fax beside voice in one description: both pass, each on its own port [SC-14.7-02]')
def _(lab):
    with plain_call(lab, True) as call:
        ports = {p.name: p.port() for p in (call.pbx_party, call.core_party)}

        def both(party):
            return party.offer(version=5) + f'm=image {ports[party.name]} udptl t38\r\n' + \
                ''.join(f'a={a}\r\n' for a in GATEWAY)
        call.close_media()
        came = switch(call, True, both)
        equal([s.kind for s in came.streams], ['audio', 'image'], 'streams')
        require_gateway(came.streams[1], 'beside voice')
        both_talk(call, Voice(10), Voice(10))
        ends = [FaxEnd(party, ports[party.name], side.remote_sdp.streams[1])
                for side, party in ((call.pbx, call.pbx_party), (call.core, call.core_party))]
        sent = [ends[0].datagram(30) for _ in range(5)]
        for each in sent:
            ends[0].send(each)
        equal(ends[1].receive(5)[0], sent, 'datagrams beside voice')
        for end in ends:
            end.close()


@case('T.38 over TCP, TLS or RTP is refused with 488 and the call goes on; so is UDPTL to and from a trunk that has SRTP '
      '[SC-14.7-03] [E-37]')
def _(lab):
    with plain_call(lab, True) as call:
        for line in ('m=image {} TCP t38', 'm=image {} TCP/TLS t38', 'm=image {} UDP/TLS/UDPTL t38',
                     'm=image {} RTP/AVP 98\r\na=rtpmap:98 t38/8000', 'm=audio {} RTP/AVP 98\r\na=rtpmap:98 t38/8000'):
            for side, party in ((call.pbx, call.pbx_party), (call.core, call.core_party)):
                held = side.remote_sdp
                equal(side.reinvite(fax(party, party.port(), line), 10).status, 488, f'{line} by the {party.name}')
                side.remote_sdp = held
        both_talk(call, Voice(5), Voice(5))
    # The other trunk is one with SRTP: its half is in rtp_test, SC-14.7-01.


@case('tshark reads T.38 on both wires [SC-14.7-02]')
def _(lab):
    wires = [capture.Capture(n, ['med0'], lab.run_directory, f'fax-{n.name}') for n in (lab.network.pbx, lab.network.core)]
    with plain_call(lab, True) as call:
        ports = {p.name: p.port() for p in (call.pbx_party, call.core_party)}
        switch(call, False, lambda party: fax(party, ports[party.name]))
        ends = [FaxEnd(party, ports[party.name], side.remote_sdp.streams[0])
                for side, party in ((call.pbx, call.pbx_party), (call.core, call.core_party))]
        # T.38 8.2: a T.30 indicator, CED: a choice of two bits and a value of five.
        for number in range(5):
            ends[1].send(struct.pack('>HBBBB', number, 1, 0x04, 0, 0))
        equal(len(ends[0].receive(5)[0]), 5, 'indicators')
        remote = [end.remote[1] for end in ends]
        for end in ends:
            end.close()
    for wire, port, own in zip(wires, remote, ports.values()):
        def seen(wire=wire, port=port, own=own):
            try:
                return wire.fields(f't38 && udp.port == {own}', ('t38.seq_number', 't38.t30_indicator'),
                                   ('-d', f'udp.port=={port},t38', '-d', f'udp.port=={own},t38'))
            except RuntimeError:          # the recorder is in the middle of a packet
                return []
        process.wait_until(lambda: len(seen()) >= 5, 20, f'the recorder writes {wire.file}')
        wire.stop()
        equal([int(r[0]) for r in seen()], list(range(5)), f'sequence numbers by tshark in {wire.file}')


def prepare(lab):
    Site(lab, lab.network.pbx, STATIC_ADDRESS, lab.edge.access_udp, name='static', port=5080, domain=STATIC_DOMAIN)


if __name__ == '__main__':
    sys.exit(main('fax', lambda: running_edge('fax', access=('udp', 'tcp', 'tls'), prepare=prepare)))
