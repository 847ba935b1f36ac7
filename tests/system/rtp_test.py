#!/usr/bin/env python3
"""RTP and RTCP across the edge (SIPconnect 14.2, 14.5 to 14.7, RFC 3550, RFC 4733, RFC 4961): every packet as it was sent, from
the port that was agreed upon, digits included, and nothing that nobody has sent."""
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from media_calls import WAYS, Voice, both_talk, media_call, refusal, renegotiate  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from rtp_end import (BYE, RR, SR, Rtp, event, events_type, goodbye, noise, receiver_report, require_same,  # noqa: E402
                     sender_report, source_description)

DIGITS = '0123456789*#ABCD'                     # by their codes, RFC 4733 3.2


@case('voice crosses both ways, octet by octet, under the header that its sender gave it, with one SSRC through hold and '
      'resumption [SC-14.2-01]')
def _(lab):
    for way in WAYS:
        with media_call(lab, way) as call:
            both_talk(call, Voice(50), Voice(50))
            for by_pbx in (True, False):
                for direction in ('inactive', 'sendrecv'):
                    renegotiate(call, by_pbx, direction=direction)
                both_talk(call)
            for name, talker, listener in call.ends():
                equal({p.ssrc for p in listener.received}, {talker.ssrc}, f'SSRCs, {name}')
                equal(listener.refused, [], f'what cannot be authenticated, {name}')


def require_symmetric(call, ports, when, heard=('PBX', 'core')):
    """Both legs have these ports in SDP, and all RTP and RTCP comes from them."""
    for name, leg, end, other in (('PBX', call.pbx, call.at_pbx, call.at_core), ('core', call.core, call.at_core, call.at_pbx)):
        equal(leg.remote_sdp.audio.port, ports[name], f'the port that the {name} is told, {when}')
        other.report(sender_report(other.ssrc) + source_description(other.ssrc, 'somebody'))
        end.wait_reports(1, f'at the {name}, {when}')
        equal({p.source for p in end.received}, {ports[name]} if name in heard else set(),
              f'ports that RTP comes from to the {name}, {when}')
        equal({r.source for r in end.reports}, {ports[name] + 1}, f'ports that RTCP comes from to the {name}, {when}')


@case('RTP and RTCP leave the edge from the very ports that it takes them at, SRTP as well, through every re-INVITE '
      '[SC-14.2-04]')
def _(lab):
    for way in WAYS:
        with media_call(lab, way) as call:
            ports = {'PBX': call.pbx.remote_sdp.audio.port, 'core': call.core.remote_sdp.audio.port}
            both_talk(call, Voice(5), Voice(5))                # sent to those ports, and heard
            require_symmetric(call, ports, f'{way}, at first')
            for by_pbx, party in ((True, call.pbx_party), (False, call.core_party)):
                for changes in ({'direction': 'sendonly'}, {}, {'port': party.port(), 'new_key': by_pbx}):
                    renegotiate(call, by_pbx, **changes)
                    when = f'{way}, by the {party.name}, {changes}'
                    if changes.get('direction') == 'sendonly':
                        talker, listener = (call.at_pbx, call.at_core) if by_pbx else (call.at_core, call.at_pbx)
                        talker.forget()
                        listener.forget()
                        listener.wait_sequence(talker.play(noise(5))[-1])
                        require_symmetric(call, ports, when, heard=('core' if by_pbx else 'PBX',))
                    else:
                        both_talk(call, Voice(5), Voice(5))
                        require_symmetric(call, ports, when)


@case('packets of 10, 30, 40 and 60 ms reach a side that sends each 20 ms itself, whole and in time [SC-14.2-05]')
def _(lab):
    with media_call(lab) as call:
        for milliseconds in (10, 30, 40, 60):
            other = Voice(480 // milliseconds, 8 * milliseconds, milliseconds)
            both_talk(call, pbx=other)
            both_talk(call, core=other)


def heard_of(compound):
    """The SSRCs that a compound packet speaks of: its senders' and those of its blocks."""
    found = set()
    for type_, count, whole in compound.packets:
        words = struct.unpack(f'>{len(whole) // 4}I', whole)
        found.add(words[1])
        first = {SR: 7, RR: 2}.get(type_)
        if first:
            found |= {words[first + 6 * n] for n in range(count)}
    return found


def exchange_reports(call, when):
    """Each side reports on the other, which has it within 5 s, as it was said, and hears of nobody who is not on its leg."""
    for name, reporter, listener in call.ends():
        listener.reports.clear()
        for first in (sender_report(reporter.ssrc, about=listener.ssrc), receiver_report(reporter.ssrc, listener.ssrc)):
            compound = first + source_description(reporter.ssrc, f'{name[:4]}@example.net')
            reporter.report(compound)
            came = listener.wait_reports(1, f'{name}, {when}', 5)
            equal([r.data for r in came], [compound], f'{name}, {when}')
            strangers = heard_of(came[0]) - {listener.ssrc} - {p.ssrc for p in listener.received}
            require(not strangers, f'{name}, {when}: {strangers} was not heard there')
            listener.reports.clear()


@case('the reports of each side reach the other beside RTP, or where its a=rtcp says, on hold as well, and so does its BYE; '
      'they speak of sources that this leg has seen, and of no other [SC-4-05] [E-39]')
def _(lab):
    for way in WAYS:
        party = lab.pbx() if way == 'from the PBX' else lab.core()
        for elsewhere in (False, True):
            with media_call(lab, way, {'extra': [f'a=rtcp:{party.port() + 1}'] if elsewhere else []}) as call:
                both_talk(call, Voice(5), Voice(5))
                exchange_reports(call, f'{way}, a=rtcp {elsewhere}')
        with media_call(lab, way) as call:
            for by_pbx in (True, False):
                both_talk(call, Voice(5), Voice(5))
                for direction in ('sendonly', 'inactive', 'sendrecv'):
                    renegotiate(call, by_pbx, direction=direction)
                    exchange_reports(call, f'{way}, {direction} by the {"PBX" if by_pbx else "core"}')
            for name, leaver, listener in call.ends():
                leaver.report(receiver_report(leaver.ssrc, listener.ssrc) + source_description(leaver.ssrc, 'me') +
                              goodbye(leaver.ssrc))
                require(listener.wait_reports(1, f'BYE, {name}')[0].of_type(BYE) == goodbye(leaver.ssrc), f'BYE, {name}')


@case('RTP on an odd port is as good as any, RTCP then on the one above; rtcp-mux is not answered, so that RTCP has a port of '
      'its own [E-39]')
def _(lab):
    for way in WAYS:
        party = lab.pbx() if way == 'from the PBX' else lab.core()
        for extra in ([], ['a=rtcp-mux']):
            key = sdp.new_key(party.suite) if party.suite else None
            offer = sdp.build(party.media_address, party.port() | 1, party.suite, key, extra=extra)
            with media_call(lab, way, offer) as call:
                told = (call.pbx if way == 'from the PBX' else call.core).remote_sdp.audio
                require('rtcp-mux' not in told.attributes, f'{way}: mux was answered')
                both_talk(call, Voice(5), Voice(5))
                exchange_reports(call, f'{way}, an odd port, {extra}')


def dial(end, codes, type_):
    sent = []
    for code in codes:
        for packet in [end.packet(noise(1)[0]), *event(end, code, type_), end.packet(noise(1)[0])]:
            sent.append(end.send(packet))
    return sent


def events_of(packets, type_):
    """(code, marked, time, durations, ends) of each event, in order."""
    found = {}
    for p in packets:
        if p.type == type_:
            found.setdefault(p.timestamp, []).append(p)
    return [(ps[0].payload[0], [p.marker for p in ps], [int.from_bytes(p.payload[2:4], 'big') for p in ps],
             sum(p.payload[1] >> 7 for p in ps)) for ps in found.values()]


def require_dialled(call, codes, when):
    """What is sent is of the number that its sender was told, what comes of the one that its receiver has said."""
    requests = len(call.pbx.requests), len(call.core.requests)
    for (name, talker, listener), to, at in zip(call.ends(), (call.pbx, call.core), (call.core, call.pbx)):
        told, said = events_type(to.remote_sdp.audio), events_type(at.local_sdp.audio)
        sent = dial(talker, codes, told)
        listener.wait_sequence(sent[-1])
        # Events are events, and what is beside them is what was said: nothing is turned into tones.
        require_same(listener.received, sent, f'{name}, {when}', types={told: said})
        equal(events_of(listener.received, said),
              [(code, [True] + [False] * 7, [160, 320, 480, 640, 800, 960, 960, 960], 3) for code in codes], f'{name}, {when}')
    equal((len(call.pbx.requests), len(call.core.requests)), requests, f'requests in the dialogs, {when}')


def clock_of_events(stream):
    """(number, units a second) of telephone-event in a description that has one of them."""
    found = [a.split(':')[1].split() for a in stream.attributes if 'telephone-event/' in a]
    equal(len(found), 1, f'clocks of events in {stream.attributes}')
    return int(found[0][0]), int(found[0][1].split('/')[1])


def with_events(type_, listed='0-15'):
    return dict(codecs=(8, type_), extra=[f'a=fmtp:{type_} {listed}'] if type_ != 101 else [])


@case('all sixteen digits are relayed once each, in order, as long as they were: as events, of the number that each side has '
      'for them, with the marker at the first packet, one timestamp and three packets at the end [SC-14.5-02] [SC-14.5-03]')
def _(lab):
    # All at once, and so in two calls: what speech of 20 ms may bring in a burst is less than all sixteen take.
    for way in WAYS:
        for offered, answered in ((101, 101), (101, 96), (96, 101)):
            for codes in range(8), range(8, len(DIGITS)):
                with media_call(lab, way, with_events(offered), with_events(answered)) as call:
                    require_dialled(call, codes, f'{way}, {offered} answered with {answered}')


@case('events have 8,000 units a second on one side and 48,000 on the other, as each has offered or answered: a digit is one digit on '
      'both, of the same length in time [E-38]')
def _(lab):
    slow = dict(codecs=(111, 101))
    fast = dict(codecs=(111, 102), extra=['a=fmtp:102 0-15'])
    for way in WAYS:
        for offered, answered in ((slow, fast), (fast, slow)):
            with media_call(lab, way, offered, answered) as call:
                for name, talker, listener, leg, far in (
                        ('PBX to core', call.at_pbx, call.at_core, call.pbx, call.core),
                        ('core to PBX', call.at_core, call.at_pbx, call.core, call.pbx)):
                    told, said = clock_of_events(leg.remote_sdp.audio), clock_of_events(far.local_sdp.audio)
                    listener.forget()
                    sent, began = [], talker.timestamp
                    for number in range(8):                     # longer with each, and three times the end
                        length = told[1] * (min(number, 5) + 1) // 60
                        sent.append(talker.send(Rtp(told[0], talker.sequence, began, talker.ssrc,
                                                    struct.pack('>BBH', 5, (number >= 5) << 7 | 10, length), number == 0)))
                        talker.sequence += 1
                    listener.wait_sequence(sent[-1])
                    heard = [(p.type, p.timestamp, p.marker, *struct.unpack('>BBH', p.payload)) for p in listener.received]
                    expected = [(said[0], began, n == 0, 5, (n >= 5) << 7 | 10, said[1] * (min(n, 5) + 1) // 60)
                                for n in range(8)]
                    ours = [(*h[:5], abs(h[5] - e[5]) <= 6) for h, e in zip(heard, expected)]
                    equal(ours, [(*e[:5], True) for e in expected], f'{name}, {way}, {offered} and {answered}')
                    # Who is offered events of his audio's clock alone sends those, whatever he answers.
                    answers_slow = offered is fast and talker is (call.at_core if way == 'from the PBX' else call.at_pbx)
                    require((told[1] != said[1]) != answers_slow, f'clocks {told} and {said}, {name}, {way}')
                    talker.timestamp += 48000


@case('the events of A to D pass although a side listed 0 to 11 alone, or nothing [SC-14.5-05]')
def _(lab):
    for way in WAYS:
        for listed in ('a=fmtp:101 0-11\r\n', ''):
            party, other = (lab.pbx(), lab.core()) if way == 'from the PBX' else (lab.core(), lab.pbx())
            offer = party.offer().replace('a=fmtp:101 0-15\r\n', listed)

            def answered(remote):
                return other.answer_to(remote).replace('a=fmtp:101 0-15\r\n', listed)
            with media_call(lab, way, offer, answered) as call:
                require_dialled(call, range(12, 16), f'{way}, {listed!r}')


@case('nothing comes back to who talks while the other side is silent: the relay has no echo, and says that it touches no '
      'payload [SC-14.6-01]')
def _(lab):
    for way in WAYS:
        for talks in ('PBX', 'core'):
            with media_call(lab, way) as call:
                talker, listener = (call.at_pbx, call.at_core) if talks == 'PBX' else (call.at_core, call.at_pbx)
                talk = talker.play(noise(50))
                listener.wait_sequence(talk[-1])
                require_same(listener.received, talk, f'what is heard of the {talks}, {way}')
                listener.report(receiver_report(listener.ssrc, talker.ssrc))
                talker.wait_reports(1, 'behind whatever came back')
                equal(len(talker.received) + len(talker.refused), 0, f'packets that came back to the {talks}, {way}')
    said = subprocess.run([ROOT / 'tests' / 'conformance' / 'statement'], capture_output=True, text=True, check=True).stdout
    require('payload is never decoded or mixed' in said, 'the conformance statement')


T38 = ('v=0\r\no=- 1 9 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=image {1} udptl t38\r\na=T38FaxVersion:0\r\n'
       'a=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n')


@case('a fax in G.711 passes as V.152 wants it: in order, no octet changed, nothing left out of its silence or put there; '
      'T.38 is refused on a trunk with SRTP, from either side, and the call stays in G.711; the guide says so [SC-14.7-01] '
      '[SC-14.7-03]')
def _(lab):
    for way in WAYS:
        described = dict(codecs=(8,), extra=['a=gpmd:8 vbd=yes', 'a=silenceSupp:off - - - -'])
        with media_call(lab, way, described, described) as call:
            for told in (call.pbx.remote_sdp.audio, call.core.remote_sdp.audio):
                equal(told.formats, ['8'], 'formats')
                require('gpmd:8 vbd=yes' in told.attributes and 'silenceSupp:off - - - -' in told.attributes, f'{told}')
            for name, talker, listener in call.ends():
                pages = [payload for _ in range(10) for payload in (*noise(15, 80), *[bytes([0xd5]) * 80] * 5)]
                sent = talker.play(pages, ticks=80, interval=0.005)
                listener.wait_sequence(sent[-1])
                require_same(listener.received, sent, f'{name}, {way}')
            for side, party in ((call.pbx, call.pbx_party), (call.core, call.core_party)):
                held = side.remote_sdp
                refused = side.reinvite(T38.format(party.media_address, party.port()), 10)
                equal(refused.status, 488, f're-INVITE to T.38 of the {party.name}')
                side.remote_sdp = held
            both_talk(call, Voice(5), Voice(5))
    equal(refusal(lab, offer=T38.format(lab.pbx().media_address, lab.pbx().port())).status, 488, 'an offer of T.38 alone')
    guide = (ROOT / 'deploy' / 'README.md').read_text().partition('\n## Fax\n')[2].partition('\n## ')[0]
    require('G.711' in guide and 'T.38' in guide and 'lost' in guide, f'what the guide says of fax: {guide!r}')


if __name__ == '__main__':
    sys.exit(main('rtp', lambda: running_edge('rtp')))
