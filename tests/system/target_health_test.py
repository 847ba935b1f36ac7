#!/usr/bin/env python3
"""When a place of a static trunk or a carrier counts as down and when as up again: two failures in a row and two answers in a
row, nothing less; and a probe that is answered 503 with Retry-After (RFC 3261 21.5.4) is asked no more until then."""
import contextlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from lab import dns, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from sip_targets import Target  # noqa: E402

FALLEN, REFUSING, MUTE = '192.0.2.41', '192.0.2.42', '192.0.2.43'        # in the order in which they are called
SINGLE, RESTING, BESIDE = '198.51.100.41', '198.51.100.42', '198.51.100.43'
INTERVAL = 5                                # seconds between OPTIONS, the least that may be provisioned
REST = 16                                   # seconds of Retry-After: three intervals and more: there is time to look
NUMBER, AT_REST = '+4940700001', '+49801005551'
T1 = 0.1
EXTRA = f'dns: {{servers: ["{dns.ADDRESS}"], timeout_ms: 1000}}\ntimers: {{t1_ms: {int(T1 * 1000)}}}\n'
GOOD, BAD, GONE = (200, ()), (503, ()), (408, ())
ZONE = f'''fallen A {FALLEN}
refusing A {REFUSING}
mute A {MUTE}
_sip._udp.places SRV 10 0 5060 fallen
_sip._udp.places SRV 20 0 5060 refusing
_sip._udp.places SRV 30 0 5060 mute
resting A {RESTING}
beside A {BESIDE}
_sip._udp.rest SRV 10 0 5060 resting
_sip._udp.rest SRV 20 0 5060 beside
'''
PROVISION = f'''kind: Trunk
name: trunks/places
mode: static
realm: access
domain: places.pbx.example
transports: [udp]
targets: [{{host: places.example, transport: udp}}]
sources: ["198.18.0.0/30"]
numbers: [{{first: "{NUMBER}", last: "{NUMBER}"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: "off"}}
network: {{options_interval_seconds: {INTERVAL}}}
---
kind: Carrier
name: carriers/core
realm: core
targets: [{{host: {CORE_ADDRESS}, port: 5060, transport: udp}}]
sources: [{CORE_ADDRESS}/32]
---
kind: Carrier
name: carriers/single
realm: core
targets: [{{host: {SINGLE}, port: 5060, transport: udp}}]
options_interval_seconds: {INTERVAL}
---
kind: Carrier
name: carriers/rest
realm: core
targets: [{{host: rest.example, transport: udp}}]
options_interval_seconds: {INTERVAL}
---
kind: Route
name: routes/rest
prefix: "+49801"
carriers: [carriers/rest]
'''


@contextlib.contextmanager
def fixture():
    with running_edge('target-health', access=('udp', 'tls'), options={'signaling': EXTRA}) as lab:
        lab.dns = dns.DnsServer(lab.network, lab.run_directory)
        lab.targets = {}
        try:
            lab.dns.start()
            lab.dns.publish(ZONE)
            for addresses, namespace in (((FALLEN, REFUSING, MUTE), lab.network.pbx),
                                         ((SINGLE, RESTING, BESIDE), lab.network.core)):
                for address in addresses:
                    namespace.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
                    lab.targets[address] = Target(namespace, address)
            # Every other probe fails: never two in a row.
            lab.targets[REFUSING].options_plan = [GOOD, BAD] * 3
            lab.targets[MUTE].options_plan = [GOOD, None] * 3
            lab.targets[SINGLE].options_plan = [GOOD, BAD, GOOD, None, GOOD, GONE]
            # Two fail, then every other one: never two answers in a row, until the plan is over.
            lab.targets[FALLEN].options_plan = [BAD, BAD, GOOD, BAD, GOOD, None, GOOD, GONE]
            lab.targets[RESTING].options_plan = [(503, [('Retry-After', f'{REST} (restarting)')])]
            lab.pbx()
            file = Path(lab.run_directory) / 'places.yaml'
            file.write_text(PROVISION)
            lab.edge.apply(file)
            yield lab
        finally:
            for target in lab.targets.values():
                target.close()
            lab.dns.stop()


def state_of(lab, address):
    """Of a place, as status has it: (whether it is up, why); nothing while it is not known."""
    for target in lab.edge.status()['signaling']['carrier_targets']:
        for each in target.get('addresses') or [target]:
            if f'{address}:5060' in str(each.get('address', each.get('target'))):
                return each['up'], each['detail']
    return None


def told(lab, event, address):
    """The lines of the log with this event of this address."""
    return [line for line in lab.edge.daemons['signaling'].text().splitlines() if event in line and f'{address}:5060' in line]


def call(lab, from_core):
    if from_core:
        outgoing = lab.core().peer.invite(f'sip:{NUMBER}@{CORE.signaling}', lab.core().offer(), caller=CORE_NUMBER)
    else:
        outgoing = lab.pbx().peer.invite(lab.number_uri(AT_REST), lab.pbx().offer(), caller=PBX_NUMBER)
    response = outgoing.wait_final(20)
    equal(response and response.status, 486, 'the call')


@case('one failed probe leaves a place up, the second in a row takes it down')
def _(lab):
    fallen = lab.targets[FALLEN]
    process.wait_until(lambda: state_of(lab, FALLEN) == (True, 'answers 503'), INTERVAL - 1, 'it is up after one', every=0.2)
    equal((len(fallen.options), told(lab, 'target-down', FALLEN)), (1, []), 'OPTIONS so far, and what the log says')
    process.wait_until(lambda: state_of(lab, FALLEN) == (False, 'answers 503'), INTERVAL + 2, 'it is down after two', every=0.2)
    equal((len(fallen.options), len(told(lab, 'target-down', FALLEN))), (2, 1), 'OPTIONS so far, and what the log says')


@case('a place that answers OPTIONS by 503 with Retry-After gets neither OPTIONS nor calls for that long, and then gets both')
def _(lab):
    resting, beside = lab.targets[RESTING], lab.targets[BESIDE]
    asked = resting.options[0].came
    require(time.monotonic() < asked + REST - INTERVAL, 'this case has come too late')
    while time.monotonic() < asked + REST - 1:
        call(lab, from_core=False)
        equal(len(resting.invites), 0, 'calls to who asked to be left alone')
        time.sleep(0.3)
    equal(len(resting.options), 1, 'OPTIONS to who asked to be left alone')
    require(len(beside.invites) > 3 and len(beside.options) > 1, 'the place beside it was called and probed')
    process.wait_until(lambda: len(resting.options) > 1, 3, 'it is asked again')
    waited = resting.options[1].came - asked
    require(REST - 0.2 < waited < REST + 2, f'it was asked again after {waited:.1f} s')
    calls = len(beside.invites)
    call(lab, from_core=False)
    equal([len(resting.invites), len(beside.invites)], [1, calls], 'calls afterwards')
    equal(told(lab, 'target-down', RESTING), [], 'it was never down')


@case('places that fail every other probe, by 503, by 408 or by silence, are never down; one that is down and answers every '
      'other probe stays down and gets no call, until it has answered two in a row [SC-17.4-05]')
def _(lab):
    flapping = lab.targets[REFUSING], lab.targets[MUTE], lab.targets[SINGLE]
    fallen = lab.targets[FALLEN]
    process.wait_until(lambda: all(not t.options_plan for t in (*flapping, fallen)), 60, 'all that was planned', every=0.2)
    process.wait_until(lambda: state_of(lab, FALLEN) == (False, 'answers 408'), 2, 'its last failure is counted', every=0.1)
    equal((len(told(lab, 'target-down', FALLEN)), told(lab, 'target-up', FALLEN)), (1, []), 'it went down once, and not up')
    for target in flapping:
        require(len(target.options) >= 6, f'{target.address} was asked {len(target.options)} times')
        equal(told(lab, 'target-down', target.address), [], f'that {target.address} was down')
    call(lab, from_core=True)
    equal([len(lab.targets[a].invites) for a in (FALLEN, REFUSING, MUTE)], [0, 1, 0], 'calls: the first place is passed over')
    asked = len(fallen.options)
    process.wait_until(lambda: told(lab, 'target-up', FALLEN), 2 * INTERVAL + 2, 'it is up', every=0.1)
    equal(len(fallen.options), asked + 2, 'OPTIONS: two answers have brought it back')
    call(lab, from_core=True)
    equal([len(lab.targets[a].invites) for a in (FALLEN, REFUSING, MUTE)], [1, 1, 0], 'calls: by priority again')


if __name__ == '__main__':
    sys.exit(main('target_health', fixture))
