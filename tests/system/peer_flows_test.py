#!/usr/bin/env python3
"""Those flows of tests/flows that SIPp cannot play, with peers of our own on sockets: PBXs that register and lose their connection,
loss and what is said again, DNS, a drain, a stop, the media plane away. With flows_test.py every flow is either played or has
its reason here why not."""
import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import flow_file  # noqa: E402
import peer_flow  # noqa: E402
import sipp_flow  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import dns  # noqa: E402

SIMULATED = 'is about a media plane that does what a real one is not told to do'
PROBES = 'is about the moments in which targets are asked: target_health_test.py has them on sockets'
MINUTES = 'is about minutes: proven in virtual time alone'
EXCUSED = {
    'connection-lost-for-good': MINUTES, 'no-answer': MINUTES, 'register-expires': MINUTES, 'session-emergency': MINUTES,
    'session-on-request': MINUTES, 'session-renewal-fails': MINUTES, 'session-renewed-by-node': MINUTES,
    'session-renewed-by-peers': MINUTES, 'session-renewed-otherwise': MINUTES, 'session-too-short': MINUTES,
    'fax-older-plane': SIMULATED, 'key-ends': SIMULATED, 'late-offer-media-refuses': SIMULATED, 'media-inactive': SIMULATED, 'media-refuses': SIMULATED,
    'media-restarts': SIMULATED, 'probes': PROBES, 'emergency-despite-health': PROBES}
# Waits that are not what their flow is about: seconds in their place. 40s lets transactions run out everywhere.
SHORTER = {'call-from-pbx': {'90s': 2}, 'call-to-pbx': {'60s': 2}, 'register-bulk': {'30min': 1}, 'media-away': {'33s': 0}}

TRUNKS = {
    'acme-hq': '''kind: Trunk
name: trunks/acme-hq
mode: registration
realm: access
registration_aor: sip:acme@sp.example
credentials: [{{username: acme, password: s3cret-in-the-lab}}]
numbers: [{{first: "+4930123400", last: "+4930123499"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
network: {{nat: on}}
{more}''',
    'globex': '''kind: Trunk
name: trunks/globex
mode: static
realm: access
domain: globex.example
transports: [udp]
credentials: [{{username: globex, password: s3cret-in-the-lab}}]
targets: [{target}]
sources: [192.0.2.10/32]
numbers: [{{first: "+4989555000", last: "+4989555099"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: "off"}}
network: {{unprobed: true}}
{more}'''}
CARRIER = '''kind: Carrier
name: carriers/one
realm: core
domain: carrier.example
targets: [{target}]
sources: [198.51.100.0/24]
options_interval_seconds: {probed}
{more}'''
TARGETS = ('{{host: 198.51.100.10, port: 5060, transport: {0}, priority: 1}}, '
           '{{host: 198.51.100.11, port: 5060, transport: {0}, priority: 2}}')


class Provisioning:
    """What the flows' world has, and what "provision ..." makes of it."""

    def __init__(self, lab):
        self.lab, self.file = lab, Path(lab.run_directory) / 'flow.yaml'
        self.reset()

    def reset(self):
        self.more = {name: {} for name in (*TRUNKS, 'one')}
        self.targets = {'globex': '{host: 192.0.2.10, port: 5060, transport: udp}', 'one': TARGETS.format('udp')}
        self.probed, self.zone = 3600, []

    def change(self, words):
        whose, what, *rest = words
        value = rest[0] if rest else ''
        if what == 'removed':
            self.more.pop(whose)
            self.lab.edge.cli('delete', 'trunk', whose)
        elif what == 'target':
            self.targets[whose] = f'{{host: {value}}}'
        elif what == 'tcp':
            self.targets[whose] = TARGETS.format('tcp')
        elif what == 'probes':
            self.probed = min(int(value), 3600)
        elif what == 'compatibility':
            self.more[whose]['single'] = 'single_aor_compatibility: true'
        else:
            known = sipp_flow.provision_text(words)
            require(known is not None and known[1] == 'more', f'nobody knows how to provision "{" ".join(words)}"')
            self.more[whose][what] = known[2]

    def publish(self, words):
        """zone a NAME ADDRESS; zone srv NAME PRIORITY WEIGHT PORT TARGET: what the real DNS server says from now on."""
        kind, name, *rest = words
        self.zone.append(f'{name}. {kind.upper()} {" ".join(rest)}{"." if kind == "srv" else ""}\n')
        self.lab.dns.publish(''.join(self.zone))

    def apply(self):
        texts = [sipp_flow.CUSTOMER]
        for name, text in (*TRUNKS.items(), ('one', CARRIER)):
            if name in self.more:
                more = ''.join(f'{line}\n' for line in self.more[name].values())
                texts.append(text.format(more=more, target=self.targets.get(name), probed=self.probed))
        self.file.write_text('---\n'.join([*texts, *sipp_flow.ROUTES]))
        self.lab.edge.apply(self.file)

    def anew(self):
        """As at the start of every flow: nobody is registered either."""
        self.reset()
        self.lab.edge.cli('delete', 'trunk', 'acme-hq', check=False)
        self.apply()


@contextlib.contextmanager
def fixture():
    options = {'signaling': f'dns: {{servers: ["{dns.ADDRESS}"], timeout_ms: 1000}}\n'}
    with running_edge('peer_flows', access=('udp', 'tcp', 'tls'), options=options) as lab:
        lab.network.pbx.ip('addr', 'add', '192.0.2.21/24', 'dev', 'sig0')
        lab.dns = dns.DnsServer(lab.network, lab.run_directory)
        try:
            lab.dns.start()
            lab.core().close()          # its address is the flows'
            lab.parties.pop('core')
            for kind, name in (('route', 'everything'), ('trunk', 'sipp-static'), ('trunk', 'sipp-tls'), ('trunk', 'acme-hq'),
                               ('carrier', 'core')):
                lab.edge.cli('delete', kind, name)
            lab.provisioning = Provisioning(lab)
            yield lab
        finally:
            lab.dns.stop()


def played(flow):
    waits = {'40s': peer_flow.RUN_OUT, **SHORTER.get(flow.name, {})}

    def play(lab):
        lab.provisioning.anew()
        try:
            peer_flow.FlowRun(lab, flow, lab.provisioning, waits).run()
        except BaseException:           # a call that it leaves is not for the next one to wait for
            restart_signaling(lab)
            raise
        finally:
            put_right(lab, flow)
        lab.edge.require_alive()
    return play


def restart_signaling(lab):
    with peer_flow.answering(lab):
        if not lab.edge.daemons['media'].alive:
            lab.edge.start_daemon('media')
        lab.edge.restart('signaling')


def put_right(lab, flow):
    """What a flow has broken is whole for the next."""
    verbs = {s.what for s in flow.steps if s.kind == 'world'}
    if 'dns' in verbs:
        lab.dns.speak()
    if 'drain' in verbs:
        lab.edge.cli('undrain')
    if 'shutdown' in verbs:
        restart_signaling(lab)


FLOWS = flow_file.all_flows(in_the_lab=peer_flow.in_the_lab, plain=False)
BY_SIPP = {flow.name for flow in flow_file.all_flows() if not sipp_flow.unfit(flow)}
for each in FLOWS:
    if each.name not in BY_SIPP and each.name not in EXCUSED:
        case(f'{each.name}: {each.title}')(played(each))


@case('every flow is played, by SIPp or here, or has a reason why not, and none has both')
def _(lab):
    names = {flow.name for flow in FLOWS}
    equal(sorted(set(EXCUSED) - names), [], 'excuses for flows that are not there')
    equal(sorted(set(EXCUSED) & BY_SIPP), [], 'excuses for flows that SIPp plays')
    require(len(names) - len(EXCUSED) >= 85, f'{len(names) - len(EXCUSED)} of {len(names)} flows are played')


@case('no call, transaction, media session or port is left of them')
def _(lab):
    lab.provisioning.anew()
    lab.require_no_leftovers(60)


if __name__ == '__main__':
    sys.exit(main('peer_flows', fixture))
