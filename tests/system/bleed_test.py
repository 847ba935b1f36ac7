#!/usr/bin/env python3
"""RTP bleed and inject (CVE-2017-14099, CVE-2017-14114, CVE-2025-53399): somebody sprays every media port from a third address, before, while and
after a call's legs have learnt their peers. Not one packet may come out to him, not one of his may get through."""
import random
import select
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, PBX_ADDRESS, STRANGER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from media_calls import Voice, both_talk, media_call  # noqa: E402
from rtp_end import noise, sender_report, source_description  # noqa: E402
from rtp_sprayer import Sprayer, rtp  # noqa: E402

CORE_STRANGER = '198.51.100.66'
EVERY_PORT = range(16384, 32768)             # of a media port whose file names none


def listener(namespace, address, port):
    """Stands where a party's media would arrive, while the party itself is still silent."""
    with namespace.entered():
        ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ears.bind((address, port))
    return ears


def around(port):
    return [port, port + 1, port + 2, port - 2]


def sprayed_call(lab, namespace, attacker, leg, before):
    """A call with somebody spraying one of its legs; `before`: he is first, and alone for a while."""
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    under_attack = outgoing.remote_sdp.audio if leg == 'access' else incoming.remote_sdp.audio
    other = (lab.network.core, CORE_ADDRESS, incoming.local_sdp.audio.port) if leg == 'access' else \
        (lab.network.pbx, PBX_ADDRESS, outgoing.local_sdp.audio.port)
    sprayer = Sprayer(namespace, attacker, under_attack.address, around(under_attack.port))
    if before:
        ears = listener(*other)
        reached = select.select([ears], [], [], 1.0)[0]
        ears.close()
        require(not reached, 'his packets came out at the other side before anybody else had sent one')
    probes = [pbx.probe(outgoing, outgoing.local_sdp, duration=2), core.probe(incoming, incoming.local_sdp, duration=2)]
    results = [p.result() for p in probes]
    sprayer.stop()
    equal(outgoing.bye().status, 200, 'BYE')
    require(sprayer.sent > 500, f'only {sprayer.sent} packets were sprayed')
    equal(sprayer.received, 0, 'packets that the attacker received')
    for who, result in zip(('PBX', 'core'), results):
        require(result['ok'], f'{who}: {result["failure"]}')
        equal([result[k] for k in ('corrupt', 'auth_failed', 'not_rtp', 'wrong_type', 'ssrc_changes')], [0] * 5,
              f'what the {who} got beside its peer\'s signal')
    return outgoing, under_attack


@case('a third party that sprays the SRTP leg before the PBX has sent anything gets and gives nothing')
def _(lab):
    sprayed_call(lab, lab.network.pbx, STRANGER, 'access', before=True)


@case('nor does one at the very address of the PBX, which has no key')
def _(lab):
    sprayed_call(lab, lab.network.pbx, PBX_ADDRESS, 'access', before=True)


@case('a third party that sprays the plain leg before the core has sent anything gets and gives nothing')
def _(lab):
    sprayed_call(lab, lab.network.core, CORE_STRANGER, 'core', before=True)


@case('spraying during a call does no more')
def _(lab):
    sprayed_call(lab, lab.network.pbx, STRANGER, 'access', before=False)
    sprayed_call(lab, lab.network.core, CORE_STRANGER, 'core', before=False)


@case('one who sends to every UDP port of both media ports while a call is up hears nothing, and nobody hears him [reliability 13]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    sprayers = [Sprayer(lab.network.pbx, STRANGER, ACCESS.media, EVERY_PORT),
                Sprayer(lab.network.core, CORE_STRANGER, CORE.media, EVERY_PORT)]
    probes = [pbx.probe(outgoing, outgoing.local_sdp, duration=10), core.probe(incoming, incoming.local_sdp, duration=10)]
    results = [p.result() for p in probes]
    for sprayer in sprayers:
        process.wait_until(lambda: sprayer.sent >= len(EVERY_PORT), 60, 'he has sent to every port')
        sprayer.stop()
        equal(sprayer.received, 0, 'packets that the attacker received')
    equal(outgoing.bye().status, 200, 'BYE')
    for who, result in zip(('PBX', 'core'), results):
        require(result['ok'], f'{who}: {result["failure"]}')
        equal([result[k] for k in ('corrupt', 'auth_failed', 'not_rtp', 'wrong_type', 'ssrc_changes')], [0] * 5,
              f'what the {who} got beside its peer\'s signal')


@case('ports of a call that has ended are dead: nothing comes out whoever sends')
def _(lab):
    outgoing, leg = sprayed_call(lab, lab.network.pbx, STRANGER, 'access', before=False)
    sprayer = Sprayer(lab.network.pbx, PBX_ADDRESS, leg.address, around(leg.port))
    ears = listener(lab.network.pbx, PBX_ADDRESS, outgoing.local_sdp.audio.port)
    reached = select.select([ears], [], [], 0.5)[0]
    ears.close()
    sprayer.stop()
    require(not reached and sprayer.received == 0, 'the media plane still relays')


@case('a stream that has been silent for more than two seconds goes on from another port of its host, SRTP and plain, with nobody having '
      'signalled anything: it is heard, and is spoken to there, by RTCP too; not a third party that sprays the port with the same '
      'header meanwhile [E-40]')
def _(lab):
    for leg in ('PBX', 'core'):
        with media_call(lab) as call:
            both_talk(call, Voice(5), Voice(5))
            end, other = (call.at_pbx, call.at_core) if leg == 'PBX' else (call.at_core, call.at_pbx)
            namespace, attacker = (lab.network.pbx, STRANGER) if leg == 'PBX' else (lab.network.core, CORE_STRANGER)
            address, old_port = end.sockets[0].getsockname()
            for silent in (0, 3.5):
                time.sleep(silent)                              # what is waited for is that nothing happens
                end.move(address)
                stranger = Sprayer(namespace, attacker, end.to[0], [end.to[1]], ssrc=end.ssrc)
                other.forget()
                said = end.play(noise(90 if silent else 20))
                spoken = other.play(noise(5))
                stranger.stop()
                equal(stranger.received, 0, f'packets that a third party received, silent for {silent} s')
                if not silent:
                    require(not other.received, f'{leg}: a stream that has just moved is heard at once')
                    continue
                other.wait_sequence(said[-1])
                end.wait_sequence(spoken[-1])
                heard = {p.sequence for p in other.received}
                require(heard <= {p.sequence for p in said}, f'the {leg}\'s stranger is heard')
                require(len(heard) >= 25, f'{leg}: only {len(heard)} of 90 packets are heard from the new port')
                other.report(sender_report(other.ssrc) + source_description(other.ssrc, 'somebody'))
                end.report(sender_report(end.ssrc) + source_description(end.ssrc, 'somebody'))
                other.wait_reports(1, f'from the {leg}\'s new port')
                require(end.sockets[0].getsockname()[1] != old_port, 'the port is the one before')


@case('a hundred thousand SRTP packets with a wrong tag do not end the call nor take its leg; they are counted (CVE-2021-41105)')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    target = outgoing.remote_sdp.audio
    before = lab.edge.scrape('media').get('sallyport_media_dropped_packets_total')
    with lab.network.pbx.entered():
        forger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        forger.bind((PBX_ADDRESS, 0))
    random_ = random.Random(1)
    forged = [rtp(n) + random_.randbytes(10) for n in range(1000)]
    for _ in range(100):
        for packet in forged:
            forger.sendto(packet, (target.address, target.port))
    forger.close()
    probes = [pbx.probe(outgoing, outgoing.local_sdp, duration=2), core.probe(incoming, incoming.local_sdp, duration=2)]
    results = [p.result() for p in probes]
    equal(outgoing.bye().status, 200, 'BYE')
    for result in results:
        require(result['ok'], f'the call: {result["failure"]}')
    dropped = lab.edge.scrape('media').get('sallyport_media_dropped_packets_total') - before
    require(dropped > 1000, f'{dropped:.0f} dropped packets were counted')


if __name__ == '__main__':
    sys.exit(main('bleed', lambda: running_edge('bleed')))
