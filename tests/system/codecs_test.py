#!/usr/bin/env python3
"""Codecs across the edge (SIPconnect 14.3, 14.5): G.711 and G.729 as both sides agreed on them, comfort noise and Annex B
told to whom it concerns, telephone-event where somebody hears it."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from conversation import provision_media  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import process  # noqa: E402
from media_calls import WAYS, Voice, both_talk, media_call  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from rtp_end import noise, require_same  # noqa: E402

PCMU, PCMA, CN, G729, EVENTS, EVENTS_48K, OPUS = 0, 8, 13, 18, 101, 102, 111
FRAME = 20      # ms


def offer_of(call):
    """What the callee was told, and the caller's answer as it was told."""
    return sdp.parse(call.incoming.invite.body).audio


def answer_of(call):
    return call.outgoing.remote_sdp.audio


def format_parameters(stream, type_):
    return [a.split(' ', 1)[1] for a in stream.attributes if a.startswith(f'fmtp:{type_} ')]


def require_in_time(call, type_, octets, packets=50):
    """Both sides talk 20 ms a packet; everything arrives as it was sent, at the rate it was sent at."""
    both_talk(call, *(Voice(packets, octets, FRAME),) * 2, type_)
    for name, _, listener in call.ends():
        equal([(p.type, len(p.payload)) for p in listener.received], [(type_, octets)] * packets, name)
        rate = 1000 * (listener.received[-1].at - listener.received[0].at) / (packets - 1)
        require(abs(rate - FRAME) < FRAME / 10, f'{name}: a packet each {rate:.1f} ms')


def require_g711(lab, codec, name):
    for way in WAYS:
        with media_call(lab, way, {'codecs': (codec, EVENTS)}, {'codecs': (codec, EVENTS)}) as call:
            for what, told in (('offer', offer_of(call)), ('answer', answer_of(call))):
                equal(told.formats[0], str(codec), f'first format of the {what}, {way}')
                require({f'rtpmap:{codec} {name}/8000', 'ptime:20'} <= set(told.attributes), f'{what}, {way}: {told}')
            require_in_time(call, codec, 160)


@case('G.711 mu-law with 20 ms: payload type 0, 160 octets each 20 ms, both ways, whoever calls [SC-14.3-01]')
def _(lab):
    require_g711(lab, PCMU, 'PCMU')


@case('G.711 A-law with 20 ms likewise, payload type 8 [SC-14.3-02]')
def _(lab):
    require_g711(lab, PCMA, 'PCMA')


@case('G.729 with 20 ms passes from end to end: payload type 18, two frames a packet, with the parameters that came with it '
      '[SC-14.3-03]')
def _(lab):
    described = dict(codecs=(G729, EVENTS), extra=['a=fmtp:18 annexb=no'])
    for way in WAYS:
        with media_call(lab, way, described, described) as call:
            for what, told in (('offer', offer_of(call)), ('answer', answer_of(call))):
                equal(told.formats, [str(G729), str(EVENTS)], f'formats of the {what}, {way}')
                require('rtpmap:18 G729/8000' in told.attributes, f'{what}, {way}: {told}')
                equal(format_parameters(told, G729), ['annexb=no'], f'parameters in the {what}, {way}')
            require_in_time(call, G729, 20, packets=25)


@case('media.packet_milliseconds: both parties are asked for packets of that length, in offers and answers, whatever they say')
def _(lab):
    for side in ('pbx', 'core'):
        before = lab.edge.cli('get', *(('trunk', 'acme-hq') if side == 'pbx' else ('carrier', 'core')))
        provision_media(lab, side, packet_milliseconds=30)
        for way in WAYS:
            with media_call(lab, way, {'codecs': (PCMA, EVENTS)}, {'codecs': (PCMA, EVENTS)}) as call:
                for what, told in (('offer', offer_of(call)), ('answer', answer_of(call))):
                    asked = [a for a in told.attributes if 'ptime' in a]
                    equal(asked, ['ptime:30'], f'{what}, {way}, set for the {side}')
        file = Path(lab.run_directory) / 'packet-time.yaml'
        file.write_text(before)
        lab.edge.apply(file)


@case('comfort noise stands in what one side is told exactly when the other takes it, and is passed where both do '
      '[SC-14.3-05]')
def _(lab):
    without, with_cn = (PCMA, EVENTS), (PCMA, CN, EVENTS)
    for way in WAYS:
        for offered, answered in ((with_cn, with_cn), (with_cn, without), (without, without)):
            with media_call(lab, way, {'codecs': offered}, {'codecs': answered}) as call:
                for what, told, said in (('offer', offer_of(call), offered), ('answer', answer_of(call), answered)):
                    equal(told.formats, [str(c) for c in said], f'formats of the {what}, {way}')
                    equal('rtpmap:13 CN/8000' in told.attributes, CN in said, f'CN is described in the {what}, {way}')
                if CN not in answered:
                    continue
                for name, talker, listener in call.ends():
                    talk = talker.play(noise(3)) + [talker.send(talker.packet(b'\x40', CN, ticks=1600))] + talker.play(noise(3))
                    listener.wait_sequence(talk[-1])
                    require_same(listener.received, talk, f'{name}, {way}')


@case('comfort noise, and any other type that a side has not listed, does not reach it, and is counted [SC-14.3-04] [SC-14.9-12]')
def _(lab):
    def dropped():
        return lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason='payload_type') or 0
    for way in WAYS:
        with media_call(lab, way, {'codecs': (PCMA, CN, EVENTS)}, {'codecs': (PCMA, EVENTS)}) as call:
            for name, talker, listener in call.ends():
                before = dropped()
                takes_noise = name.endswith('PBX') == (way == 'from the PBX')      # the caller has listed it
                strays = (99,) if takes_noise else (CN, 99)
                talk = talker.play(noise(3))
                for stray in strays:
                    talker.send(talker.packet(b'\x40', stray, ticks=160))
                talk += talker.play(noise(3))
                listener.wait_sequence(talk[-1])
                equal([p.type for p in listener.received], [PCMA] * 6, f'what came from {name}, {way}')
                process.wait_until(lambda: dropped() - before == len(strays), 5, f'they are counted, {name}, {way}')


@case('a PBX that takes comfort noise and never sends any has calls like any other [SC-14.3-06]')
def _(lab):
    for way in WAYS:
        with media_call(lab, way, {'codecs': (PCMA, CN, EVENTS)}, {'codecs': (PCMA, CN, EVENTS)}) as call:
            for who, heard in zip(('PBX', 'core'), call.probes(1)):
                require(heard['ok'], f'{way}, to the {who}: {heard["failure"]}')


@case('G.729 of which nobody says more takes Annex B: silence descriptors of two octets pass, and no word about them is added '
      '[SC-14.3-07]')
def _(lab):
    for way in WAYS:
        with media_call(lab, way, {'codecs': (G729, EVENTS)}, {'codecs': (G729, EVENTS)}) as call:
            for what, told in (('offer', offer_of(call)), ('answer', answer_of(call))):
                equal(format_parameters(told, G729), [], f'parameters in the {what}, {way}')
            for name, talker, listener in call.ends():
                talk = talker.play([*noise(3, 20), *noise(1, 12)], G729)
                talk += talker.play(noise(2, 2), G729, ticks=1600) + talker.play(noise(3, 20), G729)
                listener.wait_sequence(talk[-1])
                require_same(listener.received, talk, f'{name}, {way}')


@case('what one side says of Annex B the other is told, whoever calls; where one of them says no it is no for both, and '
      'silence means yes [SC-14.3-08]')
def _(lab):
    def described(word):
        return dict(codecs=(G729, EVENTS), extra=[f'a=fmtp:18 annexb={word}'] if word else [])

    def meaning(*words):
        return 'no' if 'no' in words else 'yes'
    for way in WAYS:
        for offered in (None, 'yes', 'no'):
            for answered in (None, 'yes', 'no'):
                with media_call(lab, way, described(offered), described(answered)) as call:
                    told = [next(iter(format_parameters(t, G729)), 'annexb=').removeprefix('annexb=') or None
                            for t in (offer_of(call), answer_of(call))]
                    equal(told, [offered, answered], f'what callee and caller are told, {way}')
                    # As each of them has to read it, by its own word and the one it was told (RFC 4856 2.1.9).
                    equal((meaning(offered, told[1]), meaning(told[0], answered)), (meaning(offered, answered),) * 2,
                          f'Annex B for caller and callee, {offered} and {answered}, {way}')


@case('annexb=yes in the answer to an offer that says nothing is taken, and the call is up [SC-14.3-09]')
def _(lab):
    for way in WAYS:
        for word in ('yes', 'no'):
            with media_call(lab, way, {'codecs': (G729, EVENTS)},
                            {'codecs': (G729, EVENTS), 'extra': [f'a=fmtp:18 annexb={word}']}) as call:
                equal(format_parameters(answer_of(call), G729), [f'annexb={word}'], f'the answer, {way}')
                for name, talker, listener in call.ends():
                    talk = talker.play(noise(3, 20), G729)
                    listener.wait_sequence(talk[-1])
                    require_same(listener.received, talk, f'{name}, {way}')


@case('telephone-event stands in offers and answers for each clock rate that is used and that the other side hears events at, '
      'and for no other [SC-14.5-01]')
def _(lab):
    for way in WAYS:
        for offered, answered in (((PCMA, EVENTS), (PCMA, EVENTS)), ((PCMA, EVENTS), (PCMA,)), ((PCMA,), (PCMA,)),
                                  ((PCMA, OPUS, EVENTS, EVENTS_48K), (PCMA, OPUS, EVENTS, EVENTS_48K)),
                                  ((PCMA, OPUS, EVENTS, EVENTS_48K), (PCMA, EVENTS)),
                                  ((PCMA, OPUS, EVENTS, EVENTS_48K), (OPUS, EVENTS_48K))):
            with media_call(lab, way, {'codecs': offered}, {'codecs': answered}) as call:
                for what, told, said in (('offer', offer_of(call), offered), ('answer', answer_of(call), answered)):
                    events = sorted(a for a in told.attributes if 'telephone-event' in a)
                    equal(events, [f'rtpmap:{c} {sdp.CODECS[c]}' for c in said if c in (EVENTS, EVENTS_48K)],
                          f'events in the {what}, {offered} and {answered}, {way}')
                    listed = [format_parameters(told, c) for c in said if c in (EVENTS, EVENTS_48K)]
                    equal(listed, [['0-15']] * len(listed), f'events listed in the {what}, {way}')


if __name__ == '__main__':
    sys.exit(main('codecs', lambda: running_edge('codecs')))
