#!/usr/bin/env python3
"""Kamailio as the neighbour: a carrier's record-routing proxy in front of its switches, and an enterprise's proxy in front
of two PBXs that speaks TLS to the edge. It judges each of our messages before it forwards it."""
import contextlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
import exchanges  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, STRANGER, USER, running_edge  # noqa: E402
from lab import kamailio, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sip_peer, transport  # noqa: E402

CONFIGS = Path(__file__).resolve().parent / 'kamailio'
CARRIER_PROXY, SWITCH = CORE.peers[1], CORE.peers[2]
ENTERPRISE_PROXY = STRANGER
HEADQUARTERS, BRANCH = (USER, '+493055500', ACCESS.peers[0]), ('branch', '+493077700', ACCESS.peers[1])

PROVISION = f'''kind: Trunk
name: trunks/branch
mode: registration
realm: access
registration_aor: sip:branch@{DOMAIN}
credentials: [{{username: branch, password: {PASSWORD}}}]
numbers: [{{first: "{BRANCH[1]}0", last: "{BRANCH[1]}9"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
---
kind: Carrier
name: carriers/core
realm: core
targets: [{{host: {CORE.peers[0]}, port: 5060, transport: udp}}]
sources: [{CORE.peers[0]}/32]
---
kind: Carrier
name: carriers/proxied
realm: core
targets: [{{host: {CARRIER_PROXY}, port: 5060, transport: udp}}]
sources: [{CARRIER_PROXY}/32]
---
kind: Route
name: routes/by-proxy
prefix: "+4987"
carriers: [carriers/proxied, carriers/core]
---
kind: Route
name: routes/back-again
prefix: "{BRANCH[1]}"
carriers: [carriers/proxied]
'''
BEHIND_PROXY = '+4987000001'
FORKED = '+4987000002'


def start_proxy(lab, namespace, name, listen, **defines):
    return kamailio.Kamailio(namespace, lab.run_directory, CONFIGS / f'{name}.cfg', listen=listen, name=f'kamailio-{name}',
                             defines={k: f'"{v}"' for k, v in defines.items()})


@contextlib.contextmanager
def fixture():
    with running_edge('proxy') as lab, contextlib.ExitStack() as running:
        lab.carrier_proxy = start_proxy(lab, lab.network.core, 'carrier', [f'{CARRIER_PROXY}:5060'], EDGE_HOST=CORE.signaling,
                                        EDGE=f'{CORE.signaling}:5060', SWITCH=f'{SWITCH}:5060', OTHER_SWITCH=f'{SWITCH}:5070',
                                        OWN='^[+]' + BRANCH[1][1:])
        running.callback(lab.carrier_proxy.stop)
        certificate, key = lab.edge.ca.issue('enterprise', names=['proxy.acme.example'], addresses=[ENTERPRISE_PROXY])
        tls = Path(lab.run_directory) / 'kamailio-tls.cfg'
        tls.write_text(''.join(f'[{side}:default]\nmethod = TLSv1.2+\nverify_certificate = {verify}\nprivate_key = {key}\n'
                               f'certificate = {certificate}\nca_list = {lab.edge.ca.certificate}\n'
                               for side, verify in (('server', 'no'), ('client', 'yes'))))
        lab.enterprise_proxy = start_proxy(
            lab, lab.network.pbx, 'enterprise', [f'{ENTERPRISE_PROXY}:5060', f'tls:{ENTERPRISE_PROXY}:5061'],
            EDGE_HOST=ACCESS.signaling, EDGE=f'sip:{ACCESS.signaling}:5061;transport=tls',
            SELF=f'tls:{ENTERPRISE_PROXY}:5061', TLS_CONFIG=tls)
        running.callback(lab.enterprise_proxy.stop)
        lab.switch, lab.other_switch = (switch(lab, port) for port in (5060, 5070))
        file = Path(lab.run_directory) / 'proxies.yaml'
        file.write_text(PROVISION)
        lab.edge.apply(file)
        yield lab


def switch(lab, port):
    """One of the carrier's: it knows no edge, only the proxy."""
    site = exchanges.Site(lab, lab.network.core, SWITCH, (CARRIER_PROXY, 5060), name=f'switch-{port}', port=port)
    return site.party


def pbx_behind(lab, which):
    """A PBX that speaks UDP to the enterprise's proxy, registered through it."""
    user, _, address = which
    if f'behind-{user}' in lab.parties:
        return lab.parties[f'behind-{user}']
    with lab.network.pbx.entered():
        socket = transport.UdpTransport((address, 5072), (ENTERPRISE_PROXY, 5060))
    peer = sip_peer.Peer(socket, DOMAIN, user, password=PASSWORD)
    party = parties.Party(user, lab.network.pbx, peer, address, parties.SUITE, lab.run_directory, lab.probe_binary)
    lab.parties[f'behind-{user}'] = party
    registered(party)
    return party


def registered(party, **options):
    response = party.peer.register(bulk=True, **options)
    require(response is not None and response.status == 200, f'REGISTER of {party.name}: {response and response.start_line}')
    return response


def binding(lab, trunk):
    """What is registered through the enterprise's proxy: the contact is the PBX's own, the connection the proxy's."""
    found, = [r for r in lab.edge.registrations() if r['trunk'] == trunk and ':5072' in r['contact']]
    return found


def received(party, start=0):
    return [t.data.decode('utf-8', 'replace') for t in list(party.peer.transport.trace)[start:] if not t.outgoing]


def passed_in_dialog(proxy):
    """Methods that the proxy forwarded by its own Route, in order."""
    return re.findall(r'in dialog: (\w+) from', proxy.text())


def require_satisfied(proxy):
    complaints = [line for line in proxy.text().splitlines() if re.search('insane|no route|does not follow', line)]
    equal(complaints, [], 'what Kamailio did not like')


@case('through a carrier\'s record-routing proxy calls go both ways with media, and ACK, re-INVITE and BYE of either side '
      'take the route that the proxy asked for')
def _(lab):
    pbx = lab.pbx()
    parties.talk(pbx, lab.switch, lab.number_uri(BEHIND_PROXY), lab.pbx_number, seconds=1).require_intact()
    equal(passed_in_dialog(lab.carrier_proxy), ['ACK', 'BYE'], 'in-dialog requests of the first call')
    before = len(received(pbx))
    outgoing, incoming = parties.establish(lab.switch, pbx, f'sip:{lab.pbx_number}@{CARRIER_PROXY}', CORE_NUMBER)
    exchanges.accept_reinvites(incoming, pbx)
    exchanges.accept_reinvites(outgoing, lab.switch)
    offer = lab.switch.offer(version=2)
    parties.require_status(outgoing.reinvite(offer), 200, 're-INVITE of the switch')
    parties.require_status(incoming.reinvite(pbx.offer(version=2)), 200, 're-INVITE of the PBX')
    parties.require_status(incoming.bye(), 200, 'BYE of the PBX')
    require(outgoing.wait_ended(), 'the BYE came to the switch')
    equal(passed_in_dialog(lab.carrier_proxy)[2:], ['ACK', 'INVITE', 'ACK', 'INVITE', 'ACK', 'BYE'],
          'in-dialog requests of the second call')
    for message in received(pbx)[before:]:
        require(not re.search(r'198\.51\.100\.', message), f'the carrier\'s network shows at the PBX:\n{message}')
        require(not re.search(r'(?m)^Record-Route:', message), f'the proxy\'s Record-Route shows at the PBX:\n{message}')
    require_satisfied(lab.carrier_proxy)


@case('CANCEL and a busy line cross a proxy on either leg')
def _(lab):
    pbx = lab.pbx()
    parties.cancelled(pbx, lab.switch, lab.number_uri(BEHIND_PROXY), lab.pbx_number)
    parties.busy(pbx, lab.switch, lab.number_uri(BEHIND_PROXY), lab.pbx_number)
    parties.cancelled(lab.switch, pbx, f'sip:{lab.pbx_number}@{CARRIER_PROXY}', CORE_NUMBER)
    parties.busy(lab.switch, pbx, f'sip:{lab.pbx_number}@{CARRIER_PROXY}', CORE_NUMBER)
    require_satisfied(lab.carrier_proxy)


@case('a proxy that forks: both switches ring, the second answers, the first is cancelled, and the PBX has one call')
def _(lab):
    pbx = lab.pbx()
    offer = pbx.offer()
    outgoing = pbx.peer.invite(lab.number_uri(FORKED), offer, caller=lab.pbx_number)
    branches = [parties.wait_call(each, outgoing) for each in (lab.switch, lab.other_switch)]
    for each in branches:
        each.ring()
    require(outgoing.wait_provisional(180) is not None, 'it rings')
    require(branches[1].answer(lab.other_switch.answer_to(branches[1].remote_sdp)), 'the answer was acknowledged')
    parties.require_status(outgoing.wait_final(), 200, 'the forked call')
    require(branches[0].cancelled.wait(5), 'the proxy cancelled the other branch')
    heard = [m for m in received(pbx) if outgoing.call_id in m]
    equal(len([m for m in heard if m.startswith('SIP/2.0 200')]), 1, 'answers that the PBX had')
    early = {re.search(r'(?m)^To:.*tag=(\S+)', m).group(1) for m in heard if m.startswith('SIP/2.0 180')}
    equal(len(early), 2, 'early dialogs, one for each switch (RFC 3261 12.1)')
    parties.require_status(branches[1].bye(), 200, 'BYE of the second switch')
    require(outgoing.wait_ended(), 'the BYE came to the PBX')
    require_satisfied(lab.carrier_proxy)


@case('a proxy whose switch is silent says 408, and the call takes the next carrier')
def _(lab):
    pbx = lab.pbx()
    lab.switch.close()
    outgoing = pbx.peer.invite(lab.number_uri(BEHIND_PROXY), pbx.offer(), caller=lab.pbx_number)
    incoming = parties.wait_call(lab.core(), outgoing, 10)
    incoming.reject(486, 'Busy Here')
    parties.require_status(outgoing.wait_final(), 486, 'the call')
    lab.switch = switch(lab, 5060)


@case('a PBX behind an enterprise\'s proxy registers through it with a Path over TLS, calls and is called, and requests in '
      'the dialog take the proxy\'s route')
def _(lab):
    lab.parties.pop('pbx').close()
    pbx = pbx_behind(lab, HEADQUARTERS)
    require(binding(lab, USER)['transport'] == 'TLS', f'the transport of the binding: {binding(lab, USER)}')
    parties.talk(pbx, lab.core(), lab.number_uri(CORE_NUMBER), f'{HEADQUARTERS[1]}1', seconds=1).require_intact()
    equal(passed_in_dialog(lab.enterprise_proxy), ['ACK', 'BYE'], 'in-dialog requests of the first call')
    before = len(passed_in_dialog(lab.enterprise_proxy))
    parties.talk(lab.core(), pbx, f'sip:{HEADQUARTERS[1]}1@{CORE.signaling}', CORE_NUMBER, seconds=1,
                 hang_up='callee').require_intact()
    equal(passed_in_dialog(lab.enterprise_proxy)[before:], ['ACK', 'BYE'], 'in-dialog requests of the second call')
    parties.cancelled(lab.core(), pbx, f'sip:{HEADQUARTERS[1]}1@{CORE.signaling}', CORE_NUMBER)
    parties.busy(pbx, lab.core(), lab.number_uri(CORE_NUMBER), f'{HEADQUARTERS[1]}1')
    for message in received(lab.core()):
        require(ENTERPRISE_PROXY not in message, f'the enterprise\'s proxy shows at the core:\n{message}')
    require_satisfied(lab.enterprise_proxy)


@case('a PBX calls another one of this node: its INVITE comes back from the carrier with the same Call-ID, From tag and CSeq, and '
      'is a call of its own; both are billed, under one Session-ID')
def _(lab):
    headquarters, branch = pbx_behind(lab, HEADQUARTERS), pbx_behind(lab, BRANCH)
    number = f'{BRANCH[1]}5'

    def legs_of_it():
        return [r for r in lab.edge.records() if r['to'] == number]
    parties.talk(headquarters, branch, lab.number_uri(number), f'{HEADQUARTERS[1]}1', seconds=1).require_intact()
    parties.talk(headquarters, branch, lab.number_uri(number), f'{HEADQUARTERS[1]}1', seconds=0.5, hang_up='callee')
    parties.cancelled(headquarters, branch, lab.number_uri(number), f'{HEADQUARTERS[1]}1')
    parties.busy(headquarters, branch, lab.number_uri(number), f'{HEADQUARTERS[1]}1')
    process.wait_until(lambda: len(legs_of_it()) == 8, 10, 'the records of both legs of four calls')
    for status, calls in ((200, 2), (487, 1), (486, 1)):
        legs = [r for r in legs_of_it() if r['sip_status'] == status]
        equal(sorted(r['trunk'] for r in legs), sorted([USER, 'branch'] * calls), f'trunks that are billed for a {status}')
        equal(len({r['session_id'] for r in legs}), calls, f'Session-IDs of the calls with {status}')
    require_satisfied(lab.carrier_proxy)


@case('two PBXs behind one proxy and one connection: each is called on its own numbers, calls with its own, and leaves alone')
def _(lab):
    headquarters, branch = pbx_behind(lab, HEADQUARTERS), pbx_behind(lab, BRANCH)
    equal(binding(lab, USER)['source'], binding(lab, 'branch')['source'], 'the connection of both')
    for party, other, which in ((headquarters, branch, HEADQUARTERS), (branch, headquarters, BRANCH)):
        invite = exchanges.arrived(lab.core(), party, f'sip:{which[1]}5@{CORE.signaling}')
        equal(parties.number_of(invite), f'{which[1]}5', 'the number that is called')
        require(other.peer.incoming.empty(), 'the call came to the other PBX')
        exchanges.arrived(party, lab.core(), lab.number_uri(CORE_NUMBER), from_=f'<sip:{which[1]}5@{DOMAIN}>')
        record, = process.wait_until(lambda: [r for r in lab.edge.records() if r['from'] == f'{which[1]}5'], 10,
                                     'the record is written')
        equal(record['trunk'], which[0], 'the trunk that the call is billed to')
    registered(branch, expires=0)
    equal(exchanges.refused(lab.core(), f'sip:{BRANCH[1]}5@{CORE.signaling}'), 480, 'a call to the PBX that has left')
    parties.busy(lab.core(), headquarters, f'sip:{HEADQUARTERS[1]}1@{CORE.signaling}', CORE_NUMBER)
    require_satisfied(lab.enterprise_proxy)


@case('nothing is left')
def _(lab):
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('proxy', fixture))
