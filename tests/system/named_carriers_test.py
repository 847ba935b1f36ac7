#!/usr/bin/env python3
"""Carriers whose targets are host names, against a real DNS server: where their calls go and go on to (RFC 3263 4.3), who is
taken to be calling from the addresses that a name stands for, what never leaves TLS, and subscribers that are names."""
import contextlib
import itertools
import ssl
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, PBX_NUMBER, running_edge  # noqa: E402
from lab import dns, parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim.sip_message import response_to  # noqa: E402
from sip_targets import Target  # noqa: E402

PBX, CALLER = '192.0.2.66', '+4940700001'
A, B, C, D = '198.51.100.21', '198.51.100.22', '198.51.100.23', '198.51.100.24'
PORT = 5070
SECURE = 'secure.example'
T1 = 0.1                                    # a silent place is given up after 6.4 s
SELDOM, OFTEN = 3600, 5                     # seconds between OPTIONS and between questions for a name: the most, the least
EXTRA = f'dns: {{servers: ["{dns.ADDRESS}"], timeout_ms: 1000}}\ntimers: {{t1_ms: {int(T1 * 1000)}}}\n'
HOSTS = f'a A {A}\nb A {B}\nc A {C}\nd A {D}\n'
PROVISION = f'''kind: Trunk
name: trunks/caller
mode: static
realm: access
domain: caller.pbx.example
transports: [udp]
targets: [{{host: {PBX}, port: 5060, transport: udp}}]
sources: [{PBX}/32]
numbers: [{{first: "{CALLER}", last: "{CALLER}"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: "off"}}
network: {{unprobed: true}}
---
kind: Carrier
name: carriers/core
realm: core
targets: [{{host: {CORE_ADDRESS}, port: 5060, transport: udp}}]
sources: [{CORE_ADDRESS}/32]              # and not its neighbours, which are other carriers here
'''


def realms(edge):
    """Beside the core a realm in which carriers may be met over TLS, TCP and UDP."""
    ours = '{certificate: %s, key: %s, ca: %s}' % (*edge._pem('edge'), edge.ca.certificate)
    listeners = ''.join(f'      - {{transport: {over}, bind: "{CORE.signaling}:{port}"}}\n'
                        for over, port in (('udp', PORT), ('tcp', PORT), ('tls', 5061)))
    return ours, f'  - name: interconnect\n    trusted: true\n    media_port: core\n    listeners:\n{listeners}    tls: {ours}\n'


@contextlib.contextmanager
def fixture():
    with running_edge('named-carriers', access=('udp', 'tls'), options={'signaling': EXTRA}, tls=realms) as lab:
        lab.dns = dns.DnsServer(lab.network, lab.run_directory)
        try:
            lab.dns.start()
            for address in (A, B, C, D):
                lab.network.core.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
            lab.edge.apply(file_of(lab, 'caller', PROVISION))
            certificate, key = lab.edge.ca.issue('carrier', names=[SECURE])
            lab.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            lab.tls.load_cert_chain(certificate, key)
            lab.caller = parties.core(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_udp,
                                      address=PBX, name='caller', domain='caller.pbx.example')
            lab.parties['caller'] = lab.caller
            yield lab
        finally:
            lab.dns.stop()


def file_of(lab, name, text):
    file = Path(lab.run_directory) / f'{name}.yaml'
    file.write_text(text)
    return file


prefixes = (f'+4980{n}' for n in itertools.count(100))


@contextlib.contextmanager
def carrier(lab, name, target, interval=SELDOM, realm='core', more=''):
    """The number that leads to a carrier without `sources`, which is there for the length of a case: its places are others'
    in the next."""
    prefix = next(prefixes)
    lab.edge.apply(file_of(lab, name, f'''kind: Carrier
name: carriers/{name}
realm: {realm}
targets: [{target}]
options_interval_seconds: {interval}
{more}---
kind: Route
name: routes/{name}
prefix: "{prefix}"
carriers: [carriers/{name}]
'''))
    try:
        yield prefix + '5551'
    finally:
        lab.edge.cli('delete', 'route', name)
        lab.edge.cli('delete', 'carrier', name)
        lab.edge.wait_status(lambda s: s['signaling']['revision'] == s['revision'], f'{name} is gone')


@contextlib.contextmanager
def listening(lab, *places):
    """Targets at these (address, transport, port) for the length of a case."""
    opened = []
    try:
        for address, over, port in places:
            opened.append(Target(lab.network.core, address, port, over, lab.tls if over == 'tls' else None))
        yield opened
    finally:
        for target in opened:
            target.close()


def wait_asked(*targets):
    process.wait_until(lambda: all(t.options for t in targets), 10, 'every place was asked by OPTIONS')


def call(lab, number, timeout=40):
    """From the PBX to the number; the final response."""
    outgoing = lab.caller.peer.invite(f'sip:{number}@caller.pbx.example', lab.caller.offer(), caller=CALLER)
    response = outgoing.wait_final(timeout)
    require(response is not None, f'the call to {number} was never answered')
    return response


def require_same_call(again, before):
    equal([again.call_id, again['CSeq'], again['From'], again.uri], [before.call_id, before['CSeq'], before['From'], before.uri],
          'what makes it the same call')
    require(again.branch != before.branch, 'the next place gets a branch of its own')


@case('a carrier that is a name is called where NAPTR and SRV lead; a place that says 503 is left for the next with a new '
      'branch, one that says 486 is not')
def _(lab):
    lab.dns.publish(HOSTS + f'''
gw NAPTR 10 1 "s" "SIP+D2U" "" _sip._udp.voice.gw
gw NAPTR 20 1 "s" "SIP+D2T" "" _sip._tcp.gw
_sip._udp.voice.gw SRV 10 0 {PORT} a
_sip._udp.voice.gw SRV 20 0 5060 b
_sip._udp.gw SRV 10 0 5060 d
_sip._tcp.gw SRV 10 0 5060 c
''')
    with listening(lab, (A, 'udp', PORT), (B, 'udp', 5060), (C, 'tcp', 5060), (D, 'udp', 5060)) as (first, second, tcp, unnamed), \
            carrier(lab, 'gw', '{host: gw.example}') as number:
        wait_asked(first, second, tcp)
        equal(call(lab, number).status, 486, 'a call to who is busy')
        equal([len(t.invites) for t in (first, second, tcp)], [1, 0, 0], 'calls: a 486 is final')
        equal(first.invites[0].uri, f'sip:{number}@gw.example;user=phone', 'Request-URI')
        first.status, first.reason = 503, 'Service Unavailable'
        equal(call(lab, number).status, 486, 'the call that goes on')
        equal([len(t.invites) for t in (first, second, tcp)], [2, 1, 0], 'calls: a 503 is for the next place')
        require_same_call(second.invites[0], first.invites[1])
        second.status, second.reason = 503, 'Service Unavailable'
        equal(call(lab, number).status, 486, 'the call that goes on to the next service')
        equal([len(t.invites) for t in (first, second, tcp)], [3, 2, 1], 'calls: after UDP its TCP places')
        require_same_call(tcp.invites[0], first.invites[2])
        require('/TCP ' in tcp.invites[0]['Via'], f'Via: {tcp.invites[0]["Via"]}')
        equal(len(unnamed.invites) + len(unnamed.options), 0, 'what came to a service that NAPTR does not name')


@case('a carrier\'s place that is silent, and one that refuses the connection, are left for the next that its name has')
def _(lab):
    lab.dns.publish(HOSTS + f'''
_sip._udp.mute SRV 10 0 5060 a
_sip._udp.mute SRV 20 0 5060 b
_sip._tcp.shut SRV 10 0 {PORT} c
_sip._tcp.shut SRV 20 0 {PORT} d
''')
    with listening(lab, (A, 'udp', 5060), (B, 'udp', 5060), (D, 'tcp', PORT)) as (mute, after_silence, after_refusal), \
            contextlib.ExitStack() as carriers:
        with listening(lab, (C, 'tcp', PORT)) as (shut,):
            silent = carriers.enter_context(carrier(lab, 'mute', '{host: mute.example, transport: udp}'))
            closed = carriers.enter_context(carrier(lab, 'shut', '{host: shut.example, transport: tcp}'))
            wait_asked(mute, after_silence, shut, after_refusal)
            for number, first in ((silent, mute), (closed, shut)):
                equal(call(lab, number).status, 486, 'the call while the first place is there')
                equal(len(first.invites), 1, 'calls at the first place')
        began = time.monotonic()
        equal(call(lab, closed).status, 486, 'the call past a closed port')
        require(time.monotonic() - began < 2, 'a refused connection is noticed at once')
        equal(len(after_refusal.invites), 1, 'calls behind the closed port')
        mute.silent = True
        began = time.monotonic()
        equal(call(lab, silent).status, 486, 'the call past a silent place')
        waited = time.monotonic() - began
        require(64 * T1 - 0.5 < waited < 64 * T1 + 3, f'timer B took {waited:.1f} s')
        require_same_call(after_silence.invites[0], next(m for m in mute.heard if m.method == 'INVITE'))


def calling(lab, address, edge=None):
    """A switch of some carrier at this address; it answers OPTIONS and takes calls."""
    return parties.core(lab.network.core, lab.run_directory, lab.probe_binary, edge=edge or lab.edge.core_udp, address=address,
                        name=f'switch-{address}')


def outcome(lab, switch):
    """Of a call from there to the PBX, which is busy: its status, and the carrier that the record says it came from."""
    known = len(lab.edge.records())
    outgoing = switch.peer.invite(f'sip:{CALLER}@{CORE.signaling}', switch.offer(), caller='+4989777009')
    with contextlib.suppress(parties.CallFailed):
        parties.wait_call(lab.caller, outgoing).reject(486, 'Busy Here')
    status = outgoing.wait_final(10).status
    if status == 403:
        return status, None
    records = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record of the call')
    return status, records[-1]['ends'][0]


@case('a call from an address that a carrier\'s name stands for is that carrier\'s, without any `sources`, for as long as the '
      'name stands for it; an address of two carriers is neither\'s')
def _(lab):
    lab.dns.publish(HOSTS + f'_sip._udp.origin SRV 10 0 5060 a\n_sip._udp.origin SRV 20 0 5060 b\nother A {D}\n')
    with contextlib.ExitStack() as there:
        first, second, stranger, moved = (there.enter_context(contextlib.closing(calling(lab, a))) for a in (A, B, C, D))
        equal(outcome(lab, first), (403, None), 'a call from an address that no carrier has')
        there.enter_context(carrier(lab, 'origin', '{host: origin.example, transport: udp}', OFTEN))
        for switch in (first, second):
            process.wait_until(lambda: outcome(lab, switch) == (486, 'carriers/origin'), 10, 'a call from a place of the name')
        equal(outcome(lab, stranger), (403, None), 'a call from an address beside them')
        lab.dns.publish(HOSTS + f'_sip._udp.origin SRV 10 0 5060 b\n_sip._udp.origin SRV 20 0 5060 d\nother A {D}\n')
        process.wait_until(lambda: outcome(lab, moved) == (486, 'carriers/origin'), 15, 'a call from the new place of the name')
        equal(outcome(lab, second), (486, 'carriers/origin'), 'a call from the place that has stayed')
        equal(outcome(lab, first), (403, None), 'a call from the place that is left')
        there.enter_context(carrier(lab, 'other', '{host: other.example, port: 5060, transport: udp}', OFTEN))
        process.wait_until(lambda: outcome(lab, moved) == (403, None), 10, 'a call from what two names stand for')
        equal(outcome(lab, second), (486, 'carriers/origin'), 'a call from what one name stands for')


@case('a carrier that requires TLS is called over TLS alone, though its zone lists UDP and TCP first and nobody is there over '
      'TLS; another TLS place is taken, one whose certificate names somebody else is not, and no call from its places over UDP')
def _(lab):
    zone = HOSTS + f'''
secure NAPTR 10 1 "s" "SIP+D2U" "" _sip._udp.secure
secure NAPTR 20 1 "s" "SIP+D2T" "" _sip._tcp.secure
secure NAPTR 30 1 "s" "SIPS+D2T" "" _sips._tcp.secure
_sip._udp.secure SRV 0 0 5060 a
_sip._tcp.secure SRV 0 0 5060 a
_sips._tcp.secure SRV 1 0 5061 a
'''
    lab.dns.publish(zone)
    required = 'interconnect', 'tls: {required: true}\n'
    with listening(lab, (A, 'udp', 5060), (A, 'tcp', 5060)) as (udp, tcp), \
            carrier(lab, 'secure', f'{{host: {SECURE}}}', OFTEN, *required) as number:
        def in_clear():
            return len(udp.invites) + len(udp.options), tcp.connections
        require(call(lab, number).status in (500, 503), 'the call while nobody is there over TLS')
        equal(in_clear(), (0, 0), 'what came over UDP and TCP')
        lab.dns.publish(zone + '_sips._tcp.secure SRV 2 0 5061 b\n')
        with listening(lab, (B, 'tls', 5061)) as (over_tls,):
            process.wait_until(lambda: call(lab, number).status == 486, 20, 'a call to another TLS place', every=0.5)
            equal(len(over_tls.invites), 1, 'calls over TLS')
            require('/TLS ' in over_tls.invites[0]['Via'], f'Via: {over_tls.invites[0]["Via"]}')
            equal(over_tls.invites[0].uri, f'sip:{number}@{SECURE};user=phone', 'Request-URI')
            wait_asked(over_tls)                # by now its address is known as one of the carrier's
        with contextlib.closing(calling(lab, B, (CORE.signaling, PORT))) as impostor:
            equal(outcome(lab, impostor), (403, None), 'a call over UDP from an address of the name')
        asked = lab.dns.questions(r'secure\.example')
        require(not [q for q in asked if '_sip._' in q], f'questions: {asked}')
        equal(in_clear(), (0, 0), 'what came over UDP and TCP')
    lab.dns.publish(HOSTS + '_sips._tcp.disguised SRV 1 0 5061 c\n')
    with listening(lab, (C, 'tls', 5061)) as (another,), \
            carrier(lab, 'disguised', '{host: disguised.example}', SELDOM, *required) as number:
        require(call(lab, number).status in (500, 503), 'the call to who shows a certificate of another name')
        require(another.connections > 0, 'it was connected to')
        equal(len(another.invites), 0, 'calls there')


@case('a subscriber that names itself by a host name is notified where SRV leads, and at the next place with a new branch when '
      'the first says 503')
def _(lab):
    lab.dns.publish(HOSTS + f'_sip._udp.watch SRV 10 0 {PORT} a\n_sip._udp.watch SRV 20 0 {PORT} b\n')
    core, at_source = lab.core().peer, []
    before = core._receive_request
    core._receive_request = lambda m, s: (at_source.append(m), core.send(response_to(m, 200, 'OK').encode(), s)) \
        if m.method == 'NOTIFY' else before(m, s)
    lab.pbx()
    try:
        with listening(lab, (A, 'udp', PORT), (B, 'udp', PORT)) as (first, second):
            subscribe = core.plain_request('SUBSCRIBE', f'sip:{PBX_NUMBER}@{CORE.signaling}',
                                           [('Event', 'reg'), ('Expires', '600')])
            subscribe.set('Contact', '<sip:watcher@watch.example>')
            equal(core.start(subscribe).wait_final(5).status, 200, 'SUBSCRIBE')
            process.wait_until(lambda: at_source, 5, 'what is told at once is told where it has subscribed from')
            lab.dns.wait_asked(r'SRV _sip\._udp\.watch')
            first.other_status = 503
            equal(lab.pbx().peer.register(expires=0, bulk=True).status, 200, 'the end of the registration')
            process.wait_until(lambda: second.others, 12, 'a NOTIFY at the second place')
            refused, taken = first.others[0], second.others[0]
            equal((refused.method, refused.uri), ('NOTIFY', 'sip:watcher@watch.example'), 'what came to the first place')
            require_same_call(taken, refused)
            equal(taken.body, refused.body, 'what is told')
            require(b'state="init"' in taken.body or b'state="terminated"' in taken.body, f'what is told: {taken.body}')
            equal(lab.pbx().peer.register(bulk=True).status, 200, 'the next registration')
            process.wait_until(lambda: len(second.others) == 2, 12, 'the next NOTIFY')
            require(b'state="active"' in second.others[1].body, f'what is told: {second.others[1].body}')
            equal([len(first.others), len(at_source)], [1, 1], 'what came elsewhere: it stays where it was taken')
    finally:
        core._receive_request = before


if __name__ == '__main__':
    sys.exit(main('named_carriers', fixture))
