#!/usr/bin/env python3
"""SIPp, the call generator that nobody here wrote: odd flows from the core, and a PBX behind stunnel that registers in bulk
and calls over TLS. In the end nothing of it is left."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, main, require  # noqa: E402
from edge_fixture import DOMAIN, running_edge  # noqa: E402
from lab import process, sipp  # noqa: E402

SCENARIOS = ROOT / 'tests' / 'system' / 'sipp'
UAS = ROOT / 'bench' / 'signaling' / 'uas.xml'
PBX, CORE = '192.0.2.20', '198.51.100.11'


@case('callers that hang up at once, never acknowledge, or vanish leave nothing either')
def _(lab):
    callee = sipp.Sipp(lab.network.pbx, lab.run_directory, 'uas-odd', UAS, address=PBX, port=5080)
    sipp.wait_listening(lab.network.pbx, 5080)
    for name in ('cancel_at_once', 'never_ack', 'vanish'):
        caller = sipp.Sipp(lab.network.core, lab.run_directory, name, SCENARIOS / f'{name}.xml', address=CORE, port=5070,
                           remote=lab.edge.core_udp, calls=20, rate=20, service='+4940555123', timeout=100)
        caller.process.wait(120)
        lab.edge.require_alive()
    lab.require_no_leftovers(120)
    callee.stop()


@case('SIPp behind stunnel registers in bulk over TLS with Digest [SC-8.1-01]')
def _(lab):
    lab.tunnel = sipp.stunnel(lab.network.pbx, lab.run_directory, accept=6061, connect=lab.edge.access_tls,
                              ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, local=PBX)
    injection = Path(lab.run_directory) / 'sipp-tls.csv'
    injection.write_text('SEQUENTIAL\nsipp-tls;[authentication username=sipp-tls password=another-test-password]\n')
    lab.sipp_tls = dict(address='127.0.0.1', remote=('127.0.0.1', 6061), transport='t1', injection=injection,
                        auth_uri=DOMAIN)
    lab.registration = sipp.Sipp(lab.network.pbx, lab.run_directory, 'register', SCENARIOS / 'bulk_register.xml', port=5081,
                                 calls=1, pause_ms=15_000, keys={'domain': DOMAIN, 'address': PBX}, timeout=40,
                                 **lab.sipp_tls)
    listed = process.wait_until(lambda: [r for r in lab.edge.registrations() if r['trunk'] == 'sipp-tls'], 10,
                                'the registration is listed')
    require(listed[0]['bulk'] and listed[0]['numbers'] == 1000, str(listed))


@case('and its calls, authenticated one by one, reach the core with SRTP on its side only')
def _(lab):
    core = lab.core()
    run = sipp.Sipp(lab.network.pbx, lab.run_directory, 'call', SCENARIOS / 'pbx_call.xml', port=5082, calls=5, rate=1,
                    at_a_time=1, service=lab.core_number,
                    keys={'domain': DOMAIN, 'address': PBX, 'caller': '+4940666001'}, timeout=30, **lab.sipp_tls)
    for _ in range(5):
        call = core.peer.wait_call(10)
        require(call.remote_sdp.audio.profile == 'RTP/AVP' and not call.remote_sdp.audio.cryptos, str(call.invite))
        call.ring()
        require(call.answer(core.answer_to(call.remote_sdp)), 'no ACK')
        require(call.wait_ended(10), 'no BYE')
    counts = run.wait()
    registered = lab.registration.wait()
    lab.tunnel.stop()
    require(registered['ok'] == 1 and registered['failed'] == 0, f'{registered}\n{lab.registration.errors()}')
    require(counts['ok'] == 5 and counts['failed'] == 0, f'{counts}\n{run.errors()}')
    lab.require_no_leftovers(60)


if __name__ == '__main__':
    sys.exit(main('sipp', lambda: running_edge('sipp', access=('udp', 'tls'))))
