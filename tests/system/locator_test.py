#!/usr/bin/env python3
"""Where a static trunk's calls go: by configuration or by RFC 3263 against a real DNS server, with priorities, weights,
failover, TTLs, one IP version, and TLS that never falls back. Every id below is judged by what arrives where."""
import contextlib
import re
import ssl
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, USER, running_edge  # noqa: E402
from lab import dns, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import dns_client  # noqa: E402
import hostile_dns  # noqa: E402
from sip_targets import Target  # noqa: E402

A, B, C, D = '192.0.2.31', '192.0.2.32', '192.0.2.33', '192.0.2.34'
E, F, G, H = '192.0.2.35', '192.0.2.36', '192.0.2.37', '192.0.2.38'
V6, V6_PBX = '2001:db8:1::31', ACCESS.peers_v6[0]
PROBED_ZONE = 'probed.example.net'
NAME_V4, NAME_V6 = f'edge-1-v4.{DOMAIN}', f'edge-1-v6.{DOMAIN}'     # what the edge calls itself
T1 = 0.1                                    # of this edge: a silent place is given up after 6.4 s
HOSTS = f'''
a A {A}
b A {B}
c A {C}
d A {D}
'''
EXTRA = f'''dns: {{servers: ["{dns.ADDRESS}"], timeout_ms: 1000}}
timers: {{t1_ms: {int(T1 * 1000)}}}
'''
numbers = iter(range(4940700000, 4940800000))
trunk_sources = iter(range(0, 256, 4))     # of 198.18.0.0/24: nobody calls from there


@contextlib.contextmanager
def fixture():
    with running_edge('locator', access=('udp', 'tcp', 'tls'), options={'signaling': EXTRA},
                      advertised=(NAME_V4, ACCESS.media, NAME_V6)) as lab:
        lab.dns = dns.DnsServer(lab.network, lab.run_directory, ('example', PROBED_ZONE))
        lab.targets = []
        try:
            lab.dns.start()
            for address in (A, B, C, D, E, F, G, H):
                lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
            lab.network.pbx.ip('addr', 'add', f'{V6}/64', 'dev', 'sig0', 'nodad')
            certificate, key = lab.edge.ca.issue('pbx', names=['tlsfirst.example', 'tlsonly.example', 'tlszone.example'])
            lab.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            lab.tls.load_cert_chain(certificate, key)
            begin_probing(lab)
            yield lab
        finally:
            for target in lab.targets:
                target.close()
            lab.dns.stop()


def begin_probing(lab):
    """A trunk with places that time out, say nothing, are unavailable and are well: probed while other cases run."""
    lab.dns.publish(''.join(f'p{i} A {a}\n_sip._udp SRV {i} 0 5060 p{i}\n' for i, a in enumerate((E, F, G, H))), PROBED_ZONE)
    lab.probed = [Target(lab.network.pbx, address) for address in (E, F, G, H)]
    lab.targets += lab.probed
    lab.probed[0].options_status, lab.probed[2].options_status = 408, 503
    lab.probed[1].silent = True
    lab.probed[3].options_status = 405                      # it is alive, and that is what counts
    lab.probed_number = trunk(lab, 'probed', f'{{host: {PROBED_ZONE}, transport: udp}}',
                              network='options_interval_seconds: 5')


@contextlib.contextmanager
def listening(lab, *places):
    """Targets at these (address, transport) or (address, transport, port) for the length of a case."""
    opened = []
    for address, over, *port in places:
        tls = lab.tls if over == 'tls' else None
        opened.append(Target(lab.network.pbx, address, port[0] if port else {'tls': 5061}.get(over, 5060), over, tls))
    lab.targets += opened
    try:
        yield opened
    finally:
        for target in opened:
            target.close()
            lab.targets.remove(target)


def trunk(lab, name, targets, transports='udp', network='unprobed: true', source=None, domain=None):
    """Provisions a static trunk with one number; the number."""
    number = f'+{next(numbers)}'
    file = Path(lab.run_directory) / f'{name}.yaml'
    file.write_text(f'''kind: Trunk
limits: {{concurrent_calls: 0, calls_per_second: 0}}
name: trunks/{name}
mode: static
realm: access
domain: {domain or name + '.pbx.example'}
transports: [{transports}]
targets: [{targets}]
sources: ["{source or f'198.18.0.{next(trunk_sources)}/30'}"]
numbers: [{{first: "{number}", last: "{number}"}}]
media: {{srtp: "off"}}
network: {{{network}}}
''')
    lab.edge.apply(file)
    return number


def call(lab, number, timeout=40):
    """From the core to the number; the final response."""
    core = lab.core()
    outgoing = core.peer.invite(f'sip:{number}@{CORE.signaling}', core.offer(), caller=CORE_NUMBER)
    response = outgoing.wait_final(timeout)
    require(response is not None, f'the call to {number} was never answered')
    return response


@case('the same call reaches a trunk at its configured address, port and transport, and one that SRV alone leads to '
      '[SC-7-03] [SC-17-01] [SC-17.1.1.1-01] [SC-17.1.1.1-04] [SC-17.1.2.2-01]')
def _(lab):
    lab.dns.publish(HOSTS + '_sip._udp.srvonly SRV 10 1 5062 a\n')
    configured = trunk(lab, 'configured', f'{{host: {B}, port: 5070, transport: tcp}}', 'tcp')
    by_dns = trunk(lab, 'by-dns', '{host: srvonly.example}')
    with listening(lab, (B, 'tcp', 5070), (A, 'udp', 5062)) as (at_address, by_srv):
        equal(call(lab, configured).status, 486, 'the call to the configured address')
        equal(call(lab, by_dns).status, 486, 'the call to what SRV names')
        equal([m.uri for m in at_address.invites], [f'sip:{configured}@configured.pbx.example;user=phone'],
              'Request-URI at the configured address')
        equal([m.uri for m in by_srv.invites], [f'sip:{by_dns}@by-dns.pbx.example;user=phone'],
              'Request-URI where SRV leads')


@case('a trunk by configuration never asks DNS, though its domain has records there, and they do not matter '
      '[SC-17.1.2.2-04] [SC-9.1-03]')
def _(lab):
    lab.dns.publish(HOSTS + '_sip._udp.override SRV 10 1 5060 b\noverride A ' + B + '\n')
    number = trunk(lab, 'override', f'{{host: {A}, port: 5060, transport: udp}}', domain='override.example')
    with listening(lab, (A, 'udp'), (B, 'udp')) as (configured, published):
        asked = len(lab.dns.questions())
        for _ in range(5):
            equal(call(lab, number).status, 486, 'the call')
        equal(len(configured.invites), 5, 'calls at the configured address')
        equal(len(published.invites), 0, 'calls at the published one')
        equal(lab.dns.questions()[asked:], [], 'questions for DNS')
        # Changed, it is another one's turn at once.
    number = trunk(lab, 'override', f'{{host: {B}, port: 5060, transport: udp}}', domain='override.example')
    with listening(lab, (B, 'udp')) as (moved,):
        equal(call(lab, number).status, 486, 'the call')
        equal(len(moved.invites), 1, 'calls at the new address')


@case('a numeric target without a port is asked of nobody and called at the default port')
def _(lab):
    number = trunk(lab, 'numeric', f'{{host: {C}}}')
    asked = len(lab.dns.questions())
    with listening(lab, (C, 'udp')) as (target,):
        equal(call(lab, number).status, 486, 'the call')
        equal(len(target.invites), 1, 'calls')
    equal(lab.dns.questions()[asked:], [], 'questions for DNS')


@case('NAPTR order goes before preference, preference before position; each service is left for the next on 503, '
      'with a new branch and the same Call-ID [SC-7-04] [SC-17.1.2.2-03] [SC-17.1.1.1-02]')
def _(lab):
    lab.dns.publish(HOSTS + '''
naptr NAPTR 20 1 "s" "SIP+D2U" "" _sip._udp.third.naptr
naptr NAPTR 10 50 "s" "SIP+D2U" "" _sip._udp.second.naptr
naptr NAPTR 10 20 "s" "SIP+D2T" "" _sip._tcp.first.naptr
naptr NAPTR 5 1 "s" "SIP+D2S" "" _sip._sctp.naptr
naptr NAPTR 5 1 "u" "E2U+sip" "!^.*$!sip:x@example!" .
_sip._tcp.first.naptr SRV 0 0 5060 b
_sip._udp.second.naptr SRV 0 0 5060 a
_sip._udp.third.naptr SRV 0 0 5060 c
_sip._udp.naptr SRV 0 0 5060 d
''')
    number = trunk(lab, 'naptr', '{host: naptr.example}', 'udp, tcp')
    with listening(lab, (A, 'udp'), (B, 'tcp'), (C, 'udp'), (D, 'udp')) as (second, first, third, unnamed):
        for target in (first, second, third):
            target.status, target.reason = 503, 'Service Unavailable'
        response = call(lab, number)
        equal(response.status, 500, 'the call that nobody took')   # the PBX's 503 is not this node's
        order = sorted(((t.address, m) for t in (first, second, third) for m in t.invites), key=lambda at: at[1].came)
        equal([address for address, _ in order], [B, A, C], 'places, one call each')
        vias = [m['Via'] for _, m in order]                 # each service over its own transport
        require('/TCP ' in vias[0] and '/UDP ' in vias[1], f'transports: {vias}')
        equal(len({m.branch for _, m in order}), 3, 'different branches')
        equal(len({m.call_id for _, m in order}), 1, 'Call-IDs')
        equal(len(unnamed.invites), 0, 'calls at a service that NAPTR does not name')
        first.status, first.reason = 486, 'Busy Here'
        equal(call(lab, number).status, 486, 'the next call')
        equal(len(first.invites), 2, 'calls at the first service: every call begins anew')


@case('without NAPTR the SRV records of the transports that the trunk has are asked for, and no others '
      '[SC-17.1.1.1-02]')
def _(lab):
    lab.dns.publish(HOSTS + '_sip._udp.plain SRV 0 0 5060 a\n')
    number = trunk(lab, 'plain', '{host: plain.example}')
    with listening(lab, (A, 'udp')) as (target,):
        equal(call(lab, number).status, 486, 'the call')
        equal(len(target.invites), 1, 'calls')
    asked = lab.dns.questions(r'plain\.example')
    equal(sorted(asked), ['NAPTR plain.example', 'SRV _sip._udp.plain.example'], 'questions')


@case('equal priorities share the calls by weight; a later priority gets one only when they fail '
      '[SC-17.1.1.1-03] [SC-17.1.2.2-03]')
def _(lab):
    lab.dns.publish(HOSTS + '''
_sip._udp.shared 600 SRV 10 30 5060 a
_sip._udp.shared 600 SRV 10 70 5060 b
_sip._udp.shared 600 SRV 20 100 5060 c
''')
    number = trunk(lab, 'shared', '{host: shared.example, transport: udp}')
    with listening(lab, (A, 'udp'), (B, 'udp'), (C, 'udp')) as (light, heavy, spare):
        calls = 300
        for _ in range(calls):
            equal(call(lab, number).status, 486, 'the call')
        equal(len(light.invites) + len(heavy.invites), calls, 'calls at the first priority')
        # 30 of 100 with a standard deviation of 7.9 calls: five of them on either side.
        require(50 <= len(light.invites) <= 130, f'{len(light.invites)} of {calls} calls at weight 30 of 100')
        equal(len(spare.invites), 0, 'calls at the second priority')
        for target in (light, heavy):
            target.status, target.reason = 503, 'Service Unavailable'
        equal(call(lab, number).status, 486, 'the call that the second priority takes')
        equal(len(spare.invites), 1, 'calls at the second priority')
        equal(len(light.invites) + len(heavy.invites), calls + 2, 'both of the first were tried')


@case('a connection that is refused, and a place that stays silent, are left for the next; the call keeps its Call-ID '
      '[SC-17.1.2.2-03]')
def _(lab):
    lab.dns.publish(HOSTS + '''
_sip._tcp.refusing SRV 1 0 5099 a
_sip._tcp.refusing SRV 2 0 5060 b
_sip._udp.silent SRV 1 0 5060 c
_sip._udp.silent SRV 2 0 5060 d
''')
    refusing = trunk(lab, 'refusing', '{host: refusing.example}', 'tcp')
    silent = trunk(lab, 'silent', '{host: silent.example}')
    with listening(lab, (B, 'tcp'), (C, 'udp'), (D, 'udp')) as (after_refusal, mute, after_silence):
        began = time.monotonic()
        equal(call(lab, refusing).status, 486, 'the call past a closed port')
        require(time.monotonic() - began < 2, 'a refused connection is noticed at once')
        equal(len(after_refusal.invites), 1, 'calls behind the closed port')
        mute.silent = True
        began = time.monotonic()
        equal(call(lab, silent).status, 486, 'the call past a silent place')
        waited = time.monotonic() - began
        require(64 * T1 - 0.5 < waited < 64 * T1 + 3, f'timer B took {waited:.1f} s')
        equal(len(after_silence.invites), 1, 'calls behind the silent place')
        require(mute.heard[0].branch != after_silence.invites[0].branch, 'the next place gets a branch of its own')
        equal(mute.heard[0].call_id, after_silence.invites[0].call_id, 'Call-ID')


def message(lab, number, timeout=40):
    """MESSAGE from the core to the number; its final response."""
    peer = lab.core().peer
    request = peer.plain_request('MESSAGE', f'sip:{number}@{CORE.signaling}', [('Content-Type', 'text/plain')], b'hello')
    return peer.start(request).wait_final(timeout)


@case('a MESSAGE is located as a call is: the first place takes nothing, the second refuses the connection, the third has it')
def _(lab):
    lab.dns.publish(HOSTS + '''
texts NAPTR 10 1 "s" "SIP+D2U" "" _sip._udp.texts
texts NAPTR 20 1 "s" "SIP+D2T" "" _sip._tcp.texts
_sip._udp.texts SRV 1 0 5060 a
_sip._tcp.texts SRV 1 0 5099 b
_sip._tcp.texts SRV 2 0 5060 c
''')
    number = trunk(lab, 'texts', '{host: texts.example}', 'udp, tcp')
    with listening(lab, (A, 'udp'), (C, 'tcp')) as (unavailable, third):
        unavailable.other_status = 503
        equal(message(lab, number).status, 200, 'the MESSAGE')
        equal([len(t.others) for t in (unavailable, third)], [1, 1], 'messages')
        first, last = unavailable.others[0], third.others[0]
        equal((last.method, last.body, last.uri), ('MESSAGE', b'hello', first.uri), 'what came')
        require(first.branch != last.branch, 'the next place gets a branch of its own')
        equal(first.call_id, last.call_id, 'Call-ID')
        third.other_status = 503
        equal(message(lab, number).status, 500, 'the MESSAGE that nobody takes')


@case('TLS alone is allowed: neither UDP nor TCP is asked for or tried, whatever the zone lists first and however the '
      'TLS target fails; another TLS target is [SC-17.2-10]')
def _(lab):
    zone = HOSTS + '''
tlsonly NAPTR 10 1 "s" "SIP+D2U" "" _sip._udp.tlsonly
tlsonly NAPTR 20 1 "s" "SIP+D2T" "" _sip._tcp.tlsonly
tlsonly NAPTR 30 1 "s" "SIPS+D2T" "" _sips._tcp.tlsonly
_sip._udp.tlsonly SRV 0 0 5060 a
_sip._tcp.tlsonly SRV 0 0 5060 a
_sips._tcp.tlsonly SRV 1 0 5061 a
'''
    lab.dns.publish(zone)
    number = trunk(lab, 'tlsonly', '{host: tlsonly.example}', 'tls')
    with listening(lab, (A, 'udp'), (A, 'tcp')) as (udp, tcp):
        equal(call(lab, number).status, 480, 'the call while the TLS target is down')
        equal((len(udp.invites) + len(udp.options), tcp.connections), (0, 0), 'what came over UDP and TCP')
        asked = lab.dns.questions(r'tlsonly\.example')
        require(not [q for q in asked if '_sip._' in q], f'questions: {asked}')
        lab.dns.publish(zone + '_sips._tcp.tlsonly SRV 2 0 5061 b\n')
        with listening(lab, (B, 'tls')) as (alternate,):
            process.wait_until(lambda: call(lab, number).status == 486, 6, 'a call with another TLS target', every=0.2)
            equal(len(alternate.invites), 1, 'calls over TLS')
            require('/TLS ' in alternate.invites[0]['Via'], alternate.invites[0]['Via'])
        equal((len(udp.invites) + len(udp.options), tcp.connections), (0, 0), 'what came over UDP and TCP')


@case('a domain that lists TLS first is called over TLS though UDP and TCP are listed too; one that lists nothing but '
      'TLS is asked for nothing else [SC-17.2-15] [SC-17.2-12]')
def _(lab):
    lab.dns.publish(HOSTS + '''
tlsfirst NAPTR 10 1 "s" "SIPS+D2T" "" _sips._tcp.tlsfirst
tlsfirst NAPTR 20 1 "s" "SIP+D2T" "" _sip._tcp.tlsfirst
tlsfirst NAPTR 30 1 "s" "SIP+D2U" "" _sip._udp.tlsfirst
_sips._tcp.tlsfirst SRV 0 0 5061 a
_sip._tcp.tlsfirst SRV 0 0 5060 a
_sip._udp.tlsfirst SRV 0 0 5060 a
tlszone NAPTR 10 1 "s" "SIPS+D2T" "" _sips._tcp.tlszone
_sips._tcp.tlszone SRV 0 0 5061 b
''')
    first = trunk(lab, 'tlsfirst', '{host: tlsfirst.example}', 'udp, tcp, tls')
    alone = trunk(lab, 'tlszone', '{host: tlszone.example}', 'udp, tcp, tls')
    with listening(lab, (A, 'tls'), (A, 'tcp'), (A, 'udp'), (B, 'tls'), (B, 'tcp'), (B, 'udp')) as at:
        equal(call(lab, first).status, 486, 'the call to who lists TLS first')
        equal([len(t.invites) for t in at[:3]], [1, 0, 0], 'calls over TLS, TCP, UDP')
        equal(call(lab, alone).status, 486, 'the call to who lists TLS alone')
        equal([len(t.invites) for t in at[3:]], [1, 0, 0], 'calls over TLS, TCP, UDP')
        equal((at[4].connections, len(at[5].options)), (0, 0), 'other transports that were probed')
    asked = lab.dns.questions(r'tlszone\.example')
    equal(asked, ['NAPTR tlszone.example', 'SRV _sips._tcp.tlszone.example'], 'questions')


@case('a host name has the addresses of the trunk\'s IP version only: the other family is not even asked for '
      '[SC-17.1.2.2-05]')
def _(lab):
    lab.dns.publish(f'both A {A}\nboth AAAA {V6}\n')
    over_v4 = trunk(lab, 'both-v4', '{host: both.example, port: 5060, transport: udp}')
    over_v6 = trunk(lab, 'both-v6', '{host: both.example, port: 5060, transport: udp}', source='2001:db8:77::/48')
    with listening(lab, (A, 'udp'), (V6, 'udp')) as (v4, v6):
        equal(call(lab, over_v4).status, 486, 'the call over IPv4')
        equal(lab.dns.questions(r'both\.example'), ['A both.example'], 'questions for the IPv4 trunk')
        equal((len(v4.invites), len(v6.invites)), (1, 0), 'calls over IPv4 and IPv6')
        equal(call(lab, over_v6).status, 486, 'the call over IPv6')
        equal(lab.dns.questions(r'both\.example'), ['A both.example', 'AAAA both.example'], 'questions in all')
        equal((len(v4.invites), len(v6.invites)), (1, 1), 'calls over IPv4 and IPv6')
        require(NAME_V6 in v6.invites[0]['Via'], v6.invites[0]['Via'])
        require(b' IP4 ' not in v6.invites[0].body and b' IP6 ' in v6.invites[0].body, 'SDP of the IPv6 trunk')
        # Its address changes: by the TTL it is asked for again.
        lab.dns.publish(f'both A {B}\nboth AAAA {V6}\n')
        with listening(lab, (B, 'udp')) as (moved,):
            process.wait_until(lambda: call(lab, over_v4) and moved.invites, 6, 'calls follow the A record')


@case('an SRV target that changes is followed once its TTL is over, not before; within the TTL nothing is asked '
      '[SC-9.1-03] [SC-17.1.2.2-03]')
def _(lab):
    lab.dns.publish(HOSTS + '_sip._udp.moving 3 SRV 0 0 5060 a\n')
    number = trunk(lab, 'moving', '{host: moving.example, transport: udp}')
    with listening(lab, (A, 'udp'), (B, 'udp')) as (before, after):
        equal(call(lab, number).status, 486, 'the call')
        began = time.monotonic()
        lab.dns.publish(HOSTS + '_sip._udp.moving 3 SRV 0 0 5060 b\n')
        asked = len(lab.dns.questions(r'SRV _sip\._udp\.moving'))
        while time.monotonic() - began < 2:
            equal(call(lab, number).status, 486, 'the call')
            time.sleep(0.2)
        equal(len(after.invites), 0, 'calls at the new place before the TTL is over')
        equal(len(lab.dns.questions(r'SRV _sip\._udp\.moving')), asked, 'SRV questions within the TTL')
        process.wait_until(lambda: call(lab, number) and after.invites, 4, 'calls follow the SRV record')
        require(time.monotonic() - began > 2, 'the TTL was honoured')
        equal(len(lab.dns.questions(r'SRV _sip\._udp\.moving')), asked + 1, 'SRV questions after it')


@case('a name that does not exist is asked for once while that answer lasts, and found when it has come to be '
      '[SC-17.1.2.2-03]')
def _(lab):
    lab.dns.publish(HOSTS)
    number = trunk(lab, 'nowhere', '{host: nowhere.example, port: 5060, transport: udp}')
    with listening(lab, (A, 'udp')) as (target,):
        for _ in range(4):
            equal(call(lab, number).status, 480, 'the call to a name without address')
        equal(lab.dns.questions(r'nowhere\.example'), ['A nowhere.example'], 'questions')
        lab.dns.publish(HOSTS + f'nowhere A {A}\n')
        process.wait_until(lambda: call(lab, number).status == 486, 6, 'the name is found')
        equal(len(target.invites), 1, 'calls')


FAMILY_V6 = '2001:db8:78::/48'              # sources that make an IPv6 trunk of one
FILLER = 'a-place-whose-name-is-rather-long-so-that-answers-are-large-too'
# (what, target, transports, sources, further records, final response, where the call arrives, questions or None: not looked at)
SHAPES = (
    ('NAPTR and SRV of an IPv6 trunk lead to AAAA', '{host: six.example}', 'udp', FAMILY_V6,
     f'six NAPTR 10 1 "s" "SIP+D2U" "" _sip._udp.six\n_sip._udp.six SRV 0 0 5060 six-host\nsix-host A {A}\nsix-host AAAA {V6}\n',
     486, V6, ['NAPTR six.example', 'SRV _sip._udp.six.example', 'AAAA six-host.example']),
    ('SRV "." says that the service is not there, whatever address the name has', '{host: absent.example}', 'udp', None,
     f'_sip._udp.absent SRV 0 0 0 .\nabsent A {A}\n', 480, None, ['NAPTR absent.example', 'SRV _sip._udp.absent.example']),
    ('SRV "." of one transport leaves the other', '{host: half.example}', 'udp, tcp', None,
     f'_sip._udp.half SRV 0 0 0 .\n_sip._tcp.half SRV 0 0 5060 b\nhalf A {A}\n', 486, 'TCP ' + B, None),
    ('a host name is an alias', '{host: alias.example, port: 5060, transport: udp}', 'udp', None,
     f'alias CNAME middle\nmiddle CNAME real\nreal A {A}\n', 486, A, None),
    ('SRV names an alias, and is itself found through one', '{host: indirect.example}', 'udp', None,
     f'_sip._udp.indirect CNAME _sip._udp.direct\n_sip._udp.direct SRV 0 0 5060 nick\nnick CNAME named\nnamed A {B}\n',
     486, B, None),
    ('an alias that leads nowhere', '{host: dangling.example, port: 5060, transport: udp}', 'udp', None,
     'dangling CNAME gone\n', 480, None, None),
)


@case('what zones look like: AAAA behind NAPTR and SRV, services that are decidedly not there, aliases '
      '[SC-17.1.2.2-03]')
def _(lab):
    lab.dns.publish(HOSTS + ''.join(records for *_, records, _, _, _ in SHAPES))
    with listening(lab, (A, 'udp'), (B, 'udp'), (B, 'tcp'), (V6, 'udp')) as at:
        names = A, B, 'TCP ' + B, V6
        wrong = []
        for i, (what, target, transports, source, _, status, place, asked) in enumerate(SHAPES):
            number = trunk(lab, f'shape-{i}', target, transports, source=source)
            before, came = len(lab.dns.questions()), [len(t.invites) for t in at]
            got = call(lab, number).status, [n for n, t, c in zip(names, at, came) if len(t.invites) > c]
            questions = lab.dns.questions()[before:]
            if got != (status, [place] if place else []) or asked not in (None, questions):
                wrong.append(f'{what}: {got}, asked {questions}')
        equal(wrong, [], 'what went wrong')
    require(not re.search(r' \. (A|AAAA) IN', lab.dns.process.text()), 'an address of "." was asked for')


def connections_taken(lab):
    """TCP connections that the DNS server has accepted."""
    lines = lab.dns.namespace.run('cat', '/proc/net/snmp').splitlines()
    names, values = (line.split()[1:] for line in lines if line.startswith('Tcp:'))
    return int(dict(zip(names, values))['PassiveOpens'])


@case('an answer that a datagram does not hold is asked for again over TCP, and all of it counts')
def _(lab):
    lab.dns.publish(HOSTS + f'{FILLER} A {B}\n' + ''.join(f'_sip._udp.large SRV {10 + i} 0 5060 {FILLER}\n' for i in range(50))
                    + '_sip._udp.large SRV 1 0 5060 a\n')
    number = trunk(lab, 'large', '{host: large.example, transport: udp}')
    with listening(lab, (A, 'udp'), (B, 'udp')) as (best, others):
        before = connections_taken(lab)
        equal(call(lab, number).status, 486, 'the call')
        require(connections_taken(lab) > before, 'DNS was asked over TCP')
        equal([len(best.invites), len(others.invites)], [1, 0], 'calls at the best place of 51, and at others')


@case('a place of weight 0 is called seldom beside one that has a weight, and if that one fails; of places that all have weight '
      '0 each is called if the other fails [SC-17.1.2.2-03]')
def _(lab):
    lab.dns.publish(HOSTS + '''
_sip._udp.light 600 SRV 10 0 5060 a
_sip._udp.light 600 SRV 10 100 5060 b
_sip._udp.none 600 SRV 10 0 5060 c
_sip._udp.none 600 SRV 10 0 5060 d
''')
    number = trunk(lab, 'light', '{host: light.example, transport: udp}')
    equals = trunk(lab, 'none', '{host: none.example, transport: udp}')
    with listening(lab, (A, 'udp'), (B, 'udp'), (C, 'udp'), (D, 'udp')) as (light, heavy, *both):
        for _ in range(60):
            equal(call(lab, number).status, 486, 'the call')
        # One of 101 on average: six of 60 would come once in 30,000 runs.
        require(len(light.invites) <= 5, f'{len(light.invites)} of 60 calls at weight 0')
        equal(len(light.invites) + len(heavy.invites), 60, 'calls')
        heavy.status, heavy.reason = 503, 'Service Unavailable'
        seldom = len(light.invites)
        equal(call(lab, number).status, 486, 'the call that weight 0 takes')
        equal(len(light.invites), seldom + 1, 'calls at weight 0')
        for failing, other in (both, both[::-1]):
            failing.status, other.status = 503, 486
            taken = len(other.invites)
            equal(call(lab, equals).status, 486, 'the call to places without weight')
            equal(len(other.invites), taken + 1, 'calls at the one that takes them')


@case('a DNS server that says nothing costs the calls that need it, within a second or two, and no others')
def _(lab):
    number = trunk(lab, 'unlucky', '{host: unlucky.example}')
    literal = trunk(lab, 'lucky', f'{{host: {A}, port: 5060, transport: udp}}')
    with listening(lab, (A, 'udp')):
        lab.dns.silence()
        try:
            began = time.monotonic()
            equal(call(lab, number).status, 480, 'the call that needs DNS')
            require(time.monotonic() - began < 4, f'{time.monotonic() - began:.1f} s')
            equal(call(lab, literal).status, 486, 'the call that does not')
        finally:
            lab.dns.speak()


@case('a new call goes where the trunk is provisioned to be, not where the PBX calls from nor what its Via and Contact '
      'say [SC-17.1.2.2-02]')
def _(lab):
    source, port = '192.0.2.66', 5066
    number = trunk(lab, 'caller', f'{{host: {A}, port: 5060, transport: udp}}', source=f'{source}/32')
    with listening(lab, (A, 'udp')) as (provisioned,):
        calling = parties.core(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_udp,
                               address=source, port=port, name='caller', domain='caller.pbx.example')
        lab.parties['caller'] = calling
        outgoing, incoming = parties.establish(calling, lab.core(), f'sip:{CORE_NUMBER}@caller.pbx.example', number)
        equal(call(lab, number).status, 486, 'the call back while it talks')
        outgoing.bye()
        equal(call(lab, number).status, 486, 'the call back')
        equal(len(provisioned.invites), 2, 'calls at the provisioned address')
        require(calling.peer.incoming.empty(), 'a call came to where the PBX had called from')
        require(incoming.wait_ended(), 'the first call ended')


@case('answers of a hostile DNS server cost the call that asked and nothing else: names that point at themselves, lengths '
      'that lie, 255 NAPTR records, answers to other questions, answers that come too late [GHSA-p6g5]')
def _(lab):
    literal = trunk(lab, 'beside', f'{{host: {A}, port: 5060, transport: udp}}')
    lies = {name: trunk(lab, f'hostile-{name}', f'{{host: {name}.hostile.example}}', 'udp, tcp, tls')
            for name in hostile_dns.ANSWERS}
    core = lab.core()
    with listening(lab, (A, 'udp')), hostile_dns.in_place_of(lab.dns) as server:
        began = time.monotonic()
        calls = {name: core.peer.invite(f'sip:{number}@{CORE.signaling}', core.offer(), caller=CORE_NUMBER)
                 for name, number in lies.items()}
        equal(call(lab, literal).status, 486, 'the call that needs no DNS')
        for name, outgoing in calls.items():
            response = outgoing.wait_final(12)
            require(response is not None and response.status in (480, 503), f'{name}: {response and response.start_line}')
            require(name in server.asked, f'{name}: nothing was asked')
        require(time.monotonic() - began < 12, f'{time.monotonic() - began:.1f} s for all of them')
    lab.edge.require_answering()


@case('every address that a trunk\'s name stands for is asked by OPTIONS: no answer, 408 and 503 take it down, any other '
      'answer does not; calls are not sent where nobody answers [SC-17.4-05]')
def _(lab):
    process.wait_until(lambda: probed_states(lab) == {E: False, F: False, G: False, H: True}, 20, 'three places are down',
                       every=0.3)
    # The name server was hostile a moment ago: for ten seconds at most that is held against it.
    process.wait_until(lambda: call(lab, lab.probed_number).status == 486, 12, 'the call finds its place', every=0.5)
    equal([len(t.invites) for t in lab.probed], [0, 0, 0, 1], 'calls')
    require('/UDP' in lab.probed[3].options[0]['Via'], 'an ordinary OPTIONS')
    require('trunk probed' in lab.edge.cli('status'), 'status shows the trunk')
    process.wait_until(lambda: 'DEGRADED' in lab.edge.cli('trunk', 'show', 'probed'), 5, 'the trunk is degraded', every=0.3)
    require('target-down' in lab.edge.daemons['signaling'].text(), 'the log says so')
    for target in lab.probed:                               # looked at again in the last case
        target.options_status, target.silent = 200, False


def probed_states(lab):
    """Address -> whether status says that it is up."""
    found = [t for t in lab.edge.status()['signaling']['carrier_targets'] if t['trunk'] == 'probed']
    return {a['address'].split()[1].split(':')[0]: a['up'] for a in found[0]['addresses']} if found else {}


@case('a place that answers 503 with Retry-After gets no call for that long, and then does again')
def _(lab):
    lab.dns.publish(HOSTS + '_sip._udp.resting SRV 10 0 5060 a\n_sip._udp.resting SRV 20 0 5060 b\n')
    with listening(lab, (A, 'udp'), (B, 'udp')) as (resting, other):
        number = trunk(lab, 'resting', '{host: resting.example, transport: udp}', network='options_interval_seconds: 3600')
        process.wait_until(lambda: resting.options and other.options, 5, 'both were asked once')
        resting.status, resting.reason, resting.headers = 503, 'Service Unavailable', [('Retry-After', '3 (busy)')]
        began = time.monotonic()
        equal(call(lab, number).status, 486, 'the call that fails over')
        resting.status, resting.reason, resting.headers = 486, 'Busy Here', ()
        while time.monotonic() - began < 2.5:
            equal(call(lab, number).status, 486, 'the call')
        equal(len(resting.invites), 1, 'calls while it rests')
        process.wait_until(lambda: call(lab, number) and len(resting.invites) > 1, 3, 'it gets calls again')


def dns_check(lab, *arguments):
    return lab.edge.cli('dns', 'check', DOMAIN, '--server', dns.ADDRESS, *arguments, check=False)


@case('the zone that the edge prints, published, leads a PBX to it: three NAPTR with TLS first, SRV for each transport with '
      'its port, one IP version to a name, and for each version a name of its own [SC-17.1.2.1-01] [SC-17.1.2.1-02] '
      '[SC-17.1.2.1-03] [SC-16.1.2-01] [SC-16.2-13] [SC-17.2-18] [SC-15-04]')
def _(lab):
    lab.dns.publish(HOSTS)
    missing = dns_check(lab)
    equal(missing.returncode, 1, 'exit status of the check before anything is published')
    require('MISSING' in missing.stdout, missing.stdout)
    lab.dns.publish(lab.edge.cli('dns', 'zone', DOMAIN, '--ttl', '2'))
    good = dns_check(lab)
    require(good.returncode == 0, good.stdout + good.stderr)
    with outside(lab) as resolver:
        for name in (DOMAIN, 'v4.' + DOMAIN, 'v6.' + DOMAIN):
            services = sorted(resolver.ask(name, 'NAPTR'))
            equal([s[3] for s in services], ['SIPS+D2T', 'SIP+D2T', 'SIP+D2U'], f'services of {name} in order')
            equal([s[2] for s in services], ['s'] * 3, 'flags')
            ports = {}
            for *_, prefix in services:
                for _, _, port, host in resolver.ask(prefix, 'SRV'):
                    addresses = resolver.ask(host, 'A'), resolver.ask(host, 'AAAA')
                    require(bool(addresses[0]) != bool(addresses[1]), f'{host} has {addresses}')
                    ports.setdefault(prefix.split('.' + name)[0], set()).update(
                        (a, port) for a in addresses[0] + addresses[1])
            v4, v6 = (ACCESS.signaling,), (ACCESS.signaling_v6,)
            expected = v4 if name.startswith('v4.') else v6 if name.startswith('v6.') else v4 + v6
            equal(ports, {'_sips._tcp': {(a, 5061) for a in expected}, '_sip._tcp': {(a, 5060) for a in expected},
                          '_sip._udp': {(a, 5060) for a in expected}}, f'places of {name}')
    # A host with both, and a place that is gone, are found.
    zone = lab.edge.cli('dns', 'zone', DOMAIN, '--ttl', '2')
    lab.dns.publish(f'{zone}\nedge-1-v4.{DOMAIN}. IN AAAA 2001:db8:1::1\n')
    process.wait_until(lambda: 'has both A and AAAA' in dns_check(lab).stdout, 6, 'the check names the host with both')
    equal(dns_check(lab).returncode, 1, 'exit status')
    lab.dns.publish('\n'.join(line for line in zone.splitlines() if '_sips._tcp' not in line.split(' IN ')[0]))
    process.wait_until(lambda: f'does not lead to TLS {ACCESS.signaling}:5061' in dns_check(lab).stdout, 6,
                       'the check misses the TLS service')


@contextlib.contextmanager
def outside(lab):
    """A resolver's client where the PBXs are, asking the public DNS server."""
    with lab.network.pbx.entered():
        client = dns_client.Client((dns.PUBLIC_ADDRESS, 53))
    try:
        yield client
    finally:
        client.close()


@case('a PBX that follows RFC 3263 from the provider\'s domain, and one that is configured with the address, both register '
      'and call, and so do two in static mode, which call at once [SC-16.1.1-02] [SC-17.1.1.2-01] [SC-17.1.1.2-02]')
def _(lab):
    lab.dns.publish(lab.edge.cli('dns', 'zone', DOMAIN))
    with outside(lab) as resolver:
        places = resolver.locate(DOMAIN)
        by_v6 = resolver.locate('v6.' + DOMAIN, family=6)
    equal([p[0] for p in places], ['tls', 'tcp', 'udp'], 'transports in order')
    equal(by_v6[0][:3], ('tls', ACCESS.signaling_v6, 5061), 'the first place of the IPv6 service')
    for name, edge in (('by-srv', places[0][1:3]), ('by-hand', lab.edge.access_tls)):
        party = parties.registered_pbx(
            lab.network.pbx, lab.run_directory, lab.probe_binary, edge=edge, ca_file=lab.edge.ca.certificate,
            server_name=lab.edge.server_name, domain=DOMAIN, user=USER, password=PASSWORD, address='192.0.2.10', name=name)
        lab.parties[name] = party
        equal(party.peer.register(bulk=True).status, 200, f'REGISTER {name}')
        parties.busy(party, lab.core(), lab.number_uri(CORE_NUMBER), lab.pbx_number)
        party.close()
    number = trunk(lab, 'calling', f'{{host: {D}, port: 5067, transport: udp}}', source=f'{D}/32')
    for name, edge in (('static-by-srv', places[2][1:3]), ('static-by-hand', lab.edge.access_udp)):
        party = parties.core(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=edge, address=D, port=5067, name=name,
                             domain='calling.pbx.example')
        lab.parties[name] = party
        parties.busy(party, lab.core(), f'sip:{CORE_NUMBER}@calling.pbx.example', number)
        party.close()
    lab.edge.require_answering()


@case('the sheet of a trunk lists transports, host names and ports; each name resolves to addresses of the trunk\'s IP '
      'version alone, the certificate there is made out to it, and a PBX set up from the sheet registers and calls '
      '[SC-16.1.1-02] [SC-17.1.1.2-03] [SC-17.1.1.2-04]')
def _(lab):
    lab.dns.publish(lab.edge.cli('dns', 'zone', DOMAIN))
    sheet = lab.edge.cli('trunk', 'sheet', USER)
    servers = re.findall(r'(?m)^server (TLS|TCP|UDP) +(\S+):(\d+)$', sheet)
    equal(servers, [('TLS', NAME_V4, '5061'), ('TLS', NAME_V6, '5061')], 'servers of the trunk, which has TLS alone')
    with outside(lab) as resolver:
        for _, host, port in servers:
            addresses = resolver.ask(host, 'A'), resolver.ask(host, 'AAAA')
            equal(addresses, ([ACCESS.signaling], []) if host == NAME_V4 else ([], [ACCESS.signaling_v6]), f'addresses of {host}')
            address = (addresses[0] + addresses[1])[0]
            party = parties.registered_pbx(
                lab.network.pbx, lab.run_directory, lab.probe_binary, edge=(address, int(port)),
                ca_file=lab.edge.ca.certificate, server_name=host, domain=DOMAIN, user=USER, password=PASSWORD,
                address=V6_PBX if ':' in address else '192.0.2.10', name=host.split('.')[0])
            lab.parties[host] = party
            equal(party.peer.register(bulk=True).status, 200, f'REGISTER at {host}')
            parties.busy(party, lab.core(), lab.number_uri(CORE_NUMBER), lab.pbx_number)
            party.close()
    static = trunk(lab, 'sheet', f'{{host: {A}}}', 'udp, tcp')
    servers = re.findall(r'(?m)^server (TLS|TCP|UDP) +(\S+):(\d+)$', lab.edge.cli('trunk', 'sheet', 'sheet'))
    equal(servers, [('TCP', NAME_V4, '5060'), ('UDP', NAME_V4, '5060')], f'servers of the IPv4 trunk of {static}')


@case('places that were down are back after two answers, and calls go by priority again [SC-17.4-05]')
def _(lab):
    process.wait_until(lambda: set(probed_states(lab).values()) == {True}, 25, 'all places are back', every=0.3)
    process.wait_until(lambda: 'reachable' in lab.edge.cli('trunk', 'show', 'probed'), 5, 'the trunk is well', every=0.3)
    before = [len(t.invites) for t in lab.probed]
    equal(call(lab, lab.probed_number).status, 486, 'the call')
    equal([len(t.invites) - b for t, b in zip(lab.probed, before)], [1, 0, 0, 0], 'calls')


if __name__ == '__main__':
    sys.exit(main('locator', fixture))
