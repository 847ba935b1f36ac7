#!/usr/bin/env python3
"""Core peers that name themselves by a host name in Contact or Record-Route: where requests within a dialog arrive, against
a real DNS server (RFC 3261 12.2.1.1, RFC 3263). And what is larger than 1300 bytes: over TCP, or over UDP if TCP is refused
(RFC 3261 18.1.1). And where they go on to when a place fails (RFC 3263 4.3)."""
import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, running_edge  # noqa: E402
from lab import dns, parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402
from sip_targets import Target  # noqa: E402

PBX, PBX_NUMBER = '192.0.2.66', '+4940700001'
CALLED = '+4989777001'
ELSEWHERE, FURTHER, PORT = '198.51.100.11', '198.51.100.66', 5070
T1 = 0.1
FILLER = ('X-Filler', 'f' * 1300)
EXTRA = f'dns: {{servers: ["{dns.ADDRESS}"], timeout_ms: 1000}}\ntimers: {{t1_ms: {int(T1 * 1000)}}}\n'
PROVISION = f'''kind: Trunk
name: trunks/caller
mode: static
realm: access
domain: caller.pbx.example
transports: [udp]
targets: [{{host: {PBX}, port: 5060, transport: udp}}]
sources: [{PBX}/32]
numbers: [{{first: "{PBX_NUMBER}", last: "{PBX_NUMBER}"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: "off"}}
network: {{unprobed: true}}
---
kind: Carrier
name: carriers/core
realm: core
targets: [{{host: {CORE_ADDRESS}, port: 5060}}]        # nothing is said of its transport
sources: [198.51.100.0/24]
'''


@contextlib.contextmanager
def fixture():
    with running_edge('named', access=('udp', 'tls'), options={'signaling': EXTRA}) as lab:
        lab.dns = dns.DnsServer(lab.network, lab.run_directory)
        try:
            lab.dns.start()
            file = Path(lab.run_directory) / 'caller.yaml'
            file.write_text(PROVISION)
            lab.edge.apply(file)
            lab.caller = parties.core(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_udp,
                                      address=PBX, name='caller', domain='caller.pbx.example')
            lab.parties['caller'] = lab.caller
            yield lab
        finally:
            lab.dns.stop()


@contextlib.contextmanager
def listening(lab, address, port, over='udp'):
    target = Target(lab.network.core, address, port, over)
    try:
        yield target
    finally:
        target.close()


@contextlib.contextmanager
def contact(party, value):
    """For the length of a call the party names itself so."""
    was, party.peer.contact = party.peer.contact, lambda user='', parameters='': value
    try:
        yield
    finally:
        party.peer.contact = was


def establish(lab):
    """From the PBX to the core."""
    return parties.establish(lab.caller, lab.core(), f'sip:{CALLED}@caller.pbx.example', PBX_NUMBER)


def reinvite(lab, call, headers=()):
    """A re-INVITE of the PBX; the final response."""
    request = call.request('INVITE', lab.caller.offer(), headers)
    response = lab.caller.peer.start(request, call.destination).wait_final(20)
    require(response is not None, 'a re-INVITE was never answered')
    return response


@case('re-INVITE and BYE go to where SRV says that the name in the Contact is, once DNS has been asked as the call stands')
def _(lab):
    lab.dns.publish(f'_sip._udp.gw SRV 10 0 {PORT} host\nhost A {ELSEWHERE}\n')
    with listening(lab, ELSEWHERE, PORT) as at, contact(lab.core(), '<sip:switch@gw.example>'):
        outgoing, incoming = establish(lab)
        lab.dns.wait_asked(r'A host\.example')
        process.wait_until(lambda: reinvite(lab, outgoing).status == 486, 5, 'a re-INVITE there', every=0.2)
        equal(at.invites[0].uri, 'sip:switch@gw.example', 'Request-URI')
        equal(at.invites[0].call_id, incoming.call_id, 'Call-ID')
        outgoing.bye()
        process.wait_until(lambda: at.others, 5, 'the BYE there')
        equal(at.others[0].method, 'BYE', 'what came')
        require(not incoming.ended.is_set(), 'nothing came to where the peer was before')


@case('a caller\'s Record-Route that is a name is where the BYE goes; a name that DNS does not know leaves it where he called from')
def _(lab):
    lab.dns.publish(f'proxy A {ELSEWHERE}\n')
    uri = f'sip:{PBX_NUMBER}@{CORE.signaling}'
    for name, found in (('proxy.example', True), ('nowhere.example', False)):
        with listening(lab, ELSEWHERE, 5060) as proxy:
            outgoing, incoming = parties.establish(lab.core(), lab.caller, uri, CALLED,
                                                   headers=[('Record-Route', f'<sip:{name};lr>')])
            lab.dns.wait_asked(rf'A {name}'.replace('.', r'\.'))
            if found:
                process.wait_until(lambda: incoming.reinvite(lab.caller.offer()).status == 486, 5, 'a re-INVITE there', every=0.2)
            incoming.bye()
            if found:
                process.wait_until(lambda: proxy.others, 5, 'the BYE at the proxy')
                require(f'<sip:{name};lr>' in proxy.others[0]['Route'], f'Route: {proxy.others[0]["Route"]}')
                require(not outgoing.ended.is_set(), 'nothing came to where he had called from')
            else:
                require(outgoing.wait_ended(), 'the BYE where he had called from')
                equal(len(proxy.invites) + len(proxy.others), 0, 'what came to somebody else')


@case('a re-INVITE of more than 1300 bytes goes over TCP to whom nobody has said UDP of, and over UDP while TCP is refused')
def _(lab):
    outgoing, incoming = establish(lab)
    incoming.requests.clear()
    equal(reinvite(lab, outgoing).status, 488, 'a small one')
    require('/UDP ' in incoming.requests[-1]['Via'], f'Via of a small one: {incoming.requests[-1]["Via"]}')
    with listening(lab, CORE_ADDRESS, 5060, 'tcp') as over_tcp:
        equal(reinvite(lab, outgoing, [FILLER]).status, 486, 'a large one')
        equal(len(over_tcp.invites), 1, 'what came over TCP')
        require('/TCP ' in over_tcp.invites[0]['Via'], f'Via of a large one: {over_tcp.invites[0]["Via"]}')
        equal(len(incoming.requests), 1, 'what came over UDP')
    equal(reinvite(lab, outgoing, [FILLER]).status, 488, 'a large one without TCP')
    require('/UDP ' in incoming.requests[-1]['Via'] and len(incoming.requests[-1].encode()) > 1300,
            f'Via of a large one: {incoming.requests[-1]["Via"]}')
    outgoing.bye()
    require(incoming.wait_ended(), 'the call ended')


@contextlib.contextmanager
def two_places(lab):
    """Of the name in the Contact of a call that has been established: both, the call, its leg at the core."""
    lab.dns.publish(f'_sip._udp.pair SRV 10 0 {PORT} one\n_sip._udp.pair SRV 20 0 {PORT} two\n'
                    f'one A {ELSEWHERE}\ntwo A {FURTHER}\n')
    with listening(lab, ELSEWHERE, PORT) as first, listening(lab, FURTHER, PORT) as second, \
            contact(lab.core(), '<sip:switch@pair.example>'):
        outgoing, incoming = establish(lab)
        process.wait_until(lambda: reinvite(lab, outgoing).status == 486, 5, 'a re-INVITE at the first place', every=0.2)
        equal(len(second.invites), 0, 'what has come to the second place')
        yield first, second, outgoing, incoming


def require_same_request(again, before):
    equal([again.call_id, again['CSeq'], again['From'], again['To']], [before.call_id, before['CSeq'], before['From'], before['To']],
          'what makes it the same request')
    require(again.branch != before.branch, 'a branch of its own')


@case('a re-INVITE that the first place of the peer\'s name refuses with 503 goes on to the second one with a new branch, '
      'and so does what follows it [SC-17.1.2.2-03]')
def _(lab):
    with two_places(lab) as (first, second, outgoing, incoming):
        first.status, first.reason = 503, 'Service Unavailable'
        equal(reinvite(lab, outgoing).status, 486, 'what the second place has said')
        equal(len(second.invites), 1, 'INVITEs at the second place')
        require_same_request(second.invites[0], first.invites[-1])
        count = len(first.invites)
        equal(reinvite(lab, outgoing).status, 486, 'the next re-INVITE')
        equal([len(first.invites), len(second.invites)], [count, 2], 'where it went')
        outgoing.bye()
        process.wait_until(lambda: second.others, 5, 'the BYE at the second place')
        equal([len(first.others), incoming.ended.is_set()], [0, False], 'what came anywhere else')


@case('a BYE to which the first place says nothing is at the second one 64*T1 later [SC-17.1.2.2-03]')
def _(lab):
    with two_places(lab) as (first, second, outgoing, _incoming):
        first.silent = True
        outgoing.bye()
        process.wait_until(lambda: second.others, 64 * T1 + 5, 'the BYE at the second place')
        byes = [message for message in first.heard if message.method == 'BYE']
        require(len(byes) > 1, 'the first place had it, and again')
        require_same_request(second.others[0], byes[0])


@case('the BYE for a 2xx of another fork, which nobody wants, goes on from a place that refuses it with 503 to the next one of '
      'the name in its Contact, which DNS is asked for then [SC-17.1.2.2-03] [E-06]')
def _(lab):
    lab.dns.publish(f'_sip._udp.forks SRV 10 0 {PORT} one\n_sip._udp.forks SRV 20 0 {PORT} two\n'
                    f'one A {ELSEWHERE}\ntwo A {FURTHER}\n')
    with listening(lab, ELSEWHERE, PORT) as first, listening(lab, FURTHER, PORT) as second:
        outgoing, incoming = establish(lab)
        first.other_status = 503
        contact_there = [('Contact', '<sip:switch@forks.example>')]
        first.say(sip_message.response_to(incoming.invite, 200, 'OK', 'fork', contact_there), lab.edge.core_udp)
        process.wait_until(lambda: second.others, 5, 'the BYE at the second place')
        equal([message.method for message in (*first.others, *second.others)], ['BYE', 'BYE'], 'what came')
        require_same_request(second.others[0], first.others[0])
        require(';tag=fork' in second.others[0]['To'], f'To: {second.others[0]["To"]}')
        require(not incoming.ended.is_set(), 'the call itself goes on')
        outgoing.bye()
        require(incoming.wait_ended(), 'the call ended')


@case('nothing is left')
def _(lab):
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('named_peers', fixture))
