#!/usr/bin/env python3
"""Load from SIPp: ten thousand calls from the core to a PBX at a fixed address, with a call with media beside them. In the
end there are zero calls, sessions, ports, transactions and packet buffers.

$SALLYPORT_LOAD_CALLS and $SALLYPORT_LOAD_RATE change how many and how fast.
"""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require, require_growth, sanitizer  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import parties, process, sipp  # noqa: E402

CALLS = int(os.environ.get('SALLYPORT_LOAD_CALLS', 10_000))
RATE = int(os.environ.get('SALLYPORT_LOAD_RATE', {'': 200, 'thread': 30}.get(sanitizer(), 80)))
BENCH = ROOT / 'bench' / 'signaling'
PBX, CORE = '192.0.2.20', '198.51.100.11'


def call_with_media(lab, seconds):
    """A call of another PBX, with the known signal both ways for as long as the load lasts."""
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    return outgoing, [party.probe(call, call.local_sdp, duration=seconds)
                      for party, call in ((pbx, outgoing), (core, incoming))]


def require_undisturbed(call, probes):
    for probe in probes:
        result = probe.result()
        require(result['ok'], f'the call beside the load: {result["failure"]}')
    equal(call.bye().status, 200, 'BYE')


@case(f'{CALLS} calls under load end with nothing left: no call, session, port, transaction or packet buffer')
def _(lab):
    callee = sipp.Sipp(lab.network.pbx, lab.run_directory, 'uas', BENCH / 'uas.xml', address=PBX, port=5080)
    sipp.wait_listening(lab.network.pbx, 5080)
    before = lab.edge.scrape('signaling')
    resident = []                       # the first half fills the ladders' ring and the allocator, the second adds nothing
    for half, calls in (('first', CALLS // 2), ('second', CALLS - CALLS // 2)):
        beside = call_with_media(lab, seconds=calls / RATE)
        caller = sipp.Sipp(lab.network.core, lab.run_directory, f'uac-{half}', BENCH / 'uac.xml', address=CORE, port=5070,
                           remote=lab.edge.core_udp, calls=calls, rate=RATE, at_a_time=4 * RATE, service='+4940555123',
                           timeout=60 + 3 * calls // RATE)
        counts = caller.wait()
        require(counts['failed'] == 0 and counts['ok'] == calls, f'{half} half: {counts}\n{caller.errors()}')
        require_undisturbed(*beside)
        lab.require_no_leftovers(60)
        resident.append(process.resident_bytes(lab.edge.daemons['signaling'].pid))
    callee.stop()
    answered = lab.edge.scrape('signaling').get('sallyport_calls_total', outcome='answered') - \
        before.get('sallyport_calls_total', outcome='answered')
    equal(int(answered), CALLS + 2, 'calls that the edge saw answered')
    require_growth(resident[1] - resident[0], 4 << 20, 'signaling, in the second half,')


@case('every one of those calls has exactly one call record on the disk')
def _(lab):
    records = [r for r in lab.edge.records() if r['trunk'] == 'sipp-static']
    equal(len(records), CALLS, 'records')
    equal(len({r['id'] for r in records}), CALLS, 'different records')
    equal({r['sip_status'] for r in records}, {200}, 'statuses')


if __name__ == '__main__':
    sys.exit(main('load', lambda: running_edge('load', access=('udp', 'tls'))))
