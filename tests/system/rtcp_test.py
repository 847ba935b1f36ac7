#!/usr/bin/env python3
"""The edge's own RTCP (SIPconnect 14.2, RFC 3550 6, RFC 7022): where one side reports nothing, the other has its reports all
the same, in SRTCP where the leg is SRTP, on hold too, and BYE at the end of the call."""
import base64
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, running_edge  # noqa: E402
from lab import capture, parties, process  # noqa: E402
from media_calls import WAYS, Voice, both_talk, media_call, renegotiate  # noqa: E402
from rtp_end import BYE, RR, SDES, SR, receiver_report, sender_report, source_description  # noqa: E402

SILENCE = 15.0      # seconds until the edge speaks for a stream whose sender reports nothing
WAIT = 5.0          # seconds, what SC-14.2-03 is measured by
SLACK = 0.3         # of this machine


def cname(compound):
    description = compound.of_type(SDES)
    require(description is not None, f'SDES in {compound.data.hex()}')
    kind, size = description[8:10]
    equal(kind, 1, 'the first item of SDES, which is CNAME')
    return description[10:10 + size].decode()


def source(compound):
    return struct.unpack('>I', compound.data[4:8])[0]


def blocks(compound):
    type_, count, whole = next(iter(compound.packets))
    first = {SR: 28, RR: 8}[type_]
    return [struct.unpack('>IIIIII', whole[first + 24 * n:first + 24 * n + 24]) for n in range(count)]


def leavers(compound):
    bye = compound.of_type(BYE)
    return set(struct.unpack(f'>{len(bye) // 4 - 1}I', bye[4:])) if bye else set()


def require_in_time(reports, began, ended, what):
    moments = [began, *[r.at for r in reports], ended]
    longest = max(later - sooner for sooner, later in zip(moments, moments[1:]))
    require(reports and longest <= WAIT + SLACK, f'{what}: {len(reports)} reports, {longest:.1f} s without one')


def watch(call, seconds, what, play=True):
    """(to the PBX, to the core): the reports that come while both talk for so long, or are on hold; each in time."""
    began = time.monotonic()
    if play:
        both_talk(call, Voice(int(seconds * 50)), Voice(int(seconds * 50)))
    else:
        for _, _, listener in call.ends():
            listener.forget()
        time.sleep(seconds)          # what is measured is time
    ended, seen = time.monotonic(), []
    for end, name in ((call.at_pbx, 'PBX'), (call.at_core, 'core')):
        reports = list(end.reports)
        require_in_time(reports, began, ended, f'{what}, at the {name}')
        equal(end.refused, [], f'what the {name} could not authenticate, {what}')
        seen.append(reports)
    return seen


def require_reports(reports, leg, listener, talker, what, types):
    for each in reports:
        kinds = [type_ for type_, _, _ in each.packets]
        require(kinds[0] in types and kinds[1] == SDES, f'{what}: {kinds}')
        equal(each.source, leg.remote_sdp.audio.port + 1, f'{what}: the port that reports come from')
        require({b[0] for b in blocks(each)} <= {listener.ssrc}, f'{what}: {blocks(each)} is not about {listener.ssrc:x}')
    equal(source(reports[-1]), talker.ssrc, f'{what}: who reports is who is heard')


@case('neither side sends RTCP: each has reports of the edge within 5 s, beside RTP, on the stream that it sends and as the one '
      'that it hears, on hold as well; with BYE at the end; SRTCP where the leg is SRTP [SC-14.2-03]')
def _(lab):
    for way in WAYS:
        wire = capture.Capture(lab.network.core, ['med0'], lab.run_directory, f'rtcp-{WAYS.index(way)}')
        with media_call(lab, way) as call:
            to_pbx, to_core = watch(call, SILENCE + 7, f'{way}, talking')
            for reports, leg, listener, talker in ((to_pbx, call.pbx, call.at_pbx, call.at_core),
                                                   (to_core, call.core, call.at_core, call.at_pbx)):
                require_reports(reports, leg, listener, talker, way, (SR, RR))
                last = reports[-1]
                equal(next(iter(last.packets))[0], SR, f'{way}: the report while something is sent')
                packets, octets = struct.unpack('>II', last.data[20:28])
                require(0 < packets <= len(listener.received), f'{way}: {packets} packets, it had {len(listener.received)}')
                equal(octets, packets * 160, f'{way}: octets')
                require(abs(struct.unpack('>I', last.data[8:12])[0] - 2208988800 - time.time()) < 12, f'{way}: NTP time')
                equal([(b[0], b[1]) for b in blocks(last)], [(listener.ssrc, 0)], f'{way}: the block, with no loss')
            names = {cname(r) for r in to_pbx}, {cname(r) for r in to_core}
            require(len(names[0]) == len(names[1]) == 1 and names[0] != names[1], f'{way}: CNAMEs {names}')
            for name in names[0] | names[1]:
                equal(len(base64.b64decode(name, validate=True)), 12, f'{way}: CNAME {name}, RFC 7022')
            if call.at_pbx.receiving:
                indices = [r.index for r in to_pbx]
                equal(indices, sorted(set(indices)), f'{way}: SRTCP indices')
            for by_pbx in (True, False):
                renegotiate(call, by_pbx, direction='inactive')
                held = watch(call, 11, f'{way}, on hold', play=False)
                for reports, leg, listener, talker in ((held[0], call.pbx, call.at_pbx, call.at_core),
                                                       (held[1], call.core, call.at_core, call.at_pbx)):
                    require_reports(reports, leg, listener, talker, f'{way}, on hold', (SR, RR))
                renegotiate(call, by_pbx, direction='sendrecv')
            port = call.at_core.to_rtcp[1]
            parties.require_status(call.outgoing.bye(10), 200, 'BYE')
            call.incoming.wait_ended(10)
            for end, talker, name in ((call.at_pbx, call.at_core, 'PBX'), (call.at_core, call.at_pbx, 'core')):
                process.wait_until(lambda: leavers(end.reports[-1]), 5, f'BYE comes to the {name}')
                equal(leavers(end.reports[-1]), {talker.ssrc}, f'{way}: who leaves, told to the {name}')
                equal(sum(1 for r in end.reports if leavers(r)), 1, f'{way}: BYE at the {name}')
        # What somebody else makes of the core's wire. The recorder is some tenths of a second behind it.
        def decoded():
            try:
                return wire.fields(f'rtcp && ip.dst == {CORE_ADDRESS}', ('rtcp.pt', 'rtcp.sdes.text', 'udp.srcport'),
                                   ('-d', f'udp.port=={port},rtcp'), occurrence='a')
            except RuntimeError:         # in the middle of a packet
                return []
        process.wait_until(lambda: sum(types.endswith('203') for types, _, _ in decoded()) == 2, 5, 'tshark sees both BYEs', every=0.1)
        wire.stop()
        rows = decoded()
        require(len(rows) >= 8, f'{way}: tshark sees {len(rows)} of them')
        for types, text, from_port in rows:
            kinds = types.split(',')
            require(kinds[0] in ('200', '201') and kinds[1] == '202', f'{way}: tshark has {types}')
            equal((text.split(',')[0], int(from_port)), (next(iter(names[1])), port), f'{way}: what tshark reads')
        # The first is of the SSRC under which the edge reported until the stream was its to speak for.
        leaving = [number for number, (types, _, _) in enumerate(rows) if types.endswith('203')]
        equal((len(leaving), leaving[-1]), (2, len(rows) - 1), f'{way}: BYE, by tshark')
        broken = wire.fields(f'(_ws.malformed || rtcp.length_check == 0) && udp.port == {port}', ('frame.number',),
                             ('-d', f'udp.port=={port},rtcp'))
        equal(broken, [], f'{way}: what tshark cannot read')


@case('where one side reports, the other has those reports and none of ours; what the silent side is told has them as its '
      'last report [SC-14.2-03]')
def _(lab):
    with media_call(lab) as call:
        both_talk(call, Voice(5), Voice(5))
        own = []
        for _ in range(7):
            call.at_core.report(sender_report(call.at_core.ssrc) + source_description(call.at_core.ssrc, 'core'))
            both_talk(call, Voice(150), Voice(150))
            equal({cname(r) for r in call.at_pbx.reports} - {'core'}, set(), 'names at the PBX, whose other side reports')
            own += call.at_core.reports
        require(own, 'the core, whose other side says nothing, has reports')
        require(all(b[4] != 0 for r in own for b in blocks(r)), f'the last report is said: {[blocks(r) for r in own]}')
        require(all(b[5] < 4 * 65536 for r in own for b in blocks(r)), 'and how long ago it was')
        # An answer to a report of ours is nobody's round trip on the other side.
        theirs = int.from_bytes(own[-1].data[10:14], 'big') if own[-1].data[1] == SR else 0
        require(theirs, 'a report of the sender')
        told = bytearray(receiver_report(call.at_core.ssrc, call.at_pbx.ssrc))
        told[24:32] = struct.pack('>II', theirs, 65536)
        call.at_pbx.reports.clear()
        call.at_core.report(bytes(told) + source_description(call.at_core.ssrc, 'core'))
        came = call.at_pbx.wait_reports(1, 'the answer to our report')[0]
        equal(blocks(came)[0][4:], (0, 0), 'what it says of a report that this side has not sent')


@case('who reports late, after 4 s and then every 5 s, is the only author of his stream\'s reports [SC-14.2-03]')
def _(lab):
    with media_call(lab) as call:
        both_talk(call, Voice(200), Voice(200))
        came = list(call.at_pbx.reports)     # each talk forgets what came before it
        for _ in range(3):
            call.at_pbx.reports.clear()
            call.at_core.report(sender_report(call.at_core.ssrc) + source_description(call.at_core.ssrc, 'core'))
            process.wait_until(lambda: 'core' in map(cname, call.at_pbx.reports), 5, 'the report of the core comes')
            came += call.at_pbx.reports
            both_talk(call, Voice(250), Voice(250))
            came += call.at_pbx.reports
        by_name = {}
        for each in came:
            by_name.setdefault(cname(each), set()).add((next(iter(each.packets))[0], source(each)))
        equal(by_name.pop('core'), {(SR, call.at_core.ssrc)}, 'what the core reports of itself')
        equal(len(by_name), 1, f'others who report to the PBX: {by_name}')
        for reported in by_name.values():
            require(all(kind == RR and ssrc != call.at_core.ssrc for kind, ssrc in reported), f'the edge as {reported}')


@case('who never sends anything is told a few times, and then no more [SC-14.2-03]')
def _(lab):
    with media_call(lab) as call:
        end = call.at_core                       # listens, and is silent
        process.wait_until(lambda: len(end.reports) >= 10, 60, 'ten reports')
        time.sleep(8)                            # longer than any wait between two
        equal(len(end.reports), 10, 'reports to somebody who was never heard')
        call.at_core.report(receiver_report(end.ssrc, 1) + source_description(end.ssrc, 'late'))
        process.wait_until(lambda: len(end.reports) > 10, 6, 'a report once it was heard')
    scrape = lab.edge.scrape('media')
    require(scrape.get('sallyport_media_own_rtcp_packets_total') > 10, 'the metric of what was made here')


if __name__ == '__main__':
    sys.exit(main('rtcp', lambda: running_edge('rtcp')))
