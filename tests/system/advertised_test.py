#!/usr/bin/env python3
"""A node that is known to the outside by a host name and a port other than the one it is bound to (a port forward in front of
it): everything that tells a peer where to send says that name and that port, and nothing says the bound address."""
import contextlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, PBX_ADDRESS, USER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_message  # noqa: E402
from registrant import over_tls  # noqa: E402

STATIC, STATIC_NUMBER = '192.0.2.66', '+4940700001'
HOST, PORT, HOST_V6 = 'sbc.example.net', 5090, 'sbc-v6.example.net'
PLACE = f'{HOST}:{PORT}'
MEDIA = '203.0.113.77'                       # nobody talks here: what SDP says is all that counts
BOUND = re.compile(rf'(?<![\d.])({re.escape(ACCESS.signaling)}|{re.escape(ACCESS.media)})(?![\d.])')
PROVISION = f'''kind: Trunk
name: trunks/fixed
mode: static
realm: access
domain: fixed.pbx.example
transports: [udp]
targets: [{{host: {STATIC}, port: 5060, transport: udp}}]
sources: [{STATIC}/32]
numbers: [{{first: "{STATIC_NUMBER}", last: "{STATIC_NUMBER}"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: "off"}}
network: {{options_interval_seconds: 5}}
'''


@contextlib.contextmanager
def fixture():
    with running_edge('advertised', access=('udp', 'tcp', 'tls'),
                      advertised=(PLACE, MEDIA, f'{HOST_V6}:{PORT}')) as lab:
        lab.parties['fixed'] = parties.core(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_udp,
                                            address=STATIC, name='fixed', domain='fixed.pbx.example')
        file = Path(lab.run_directory) / 'fixed.yaml'
        file.write_text(PROVISION)
        lab.edge.apply(file)
        yield lab


def heard(party):
    """What has come to it so far."""
    return [sip_message.parse(t.data) for t in list(party.peer.transport.trace) if not t.outgoing]


def require_place(message, over):
    """A request's Via, and the Contact of whatever has one, name the advertised place."""
    transport = '' if over == 'UDP' else f';transport={over.lower()}'
    if message.is_request:
        sent_by = message['Via'].split(';')[0]
        equal(sent_by, f'SIP/2.0/{over} {PLACE}', f'Via of {message.start_line}')
    if 'Contact' in message:
        equal(message['Contact'], f'<sip:{PLACE}{transport}>', f'Contact of {message.start_line}')
    if message.body and message.get('Content-Type') == 'application/sdp':
        equal(sdp.parse(message.body).audio.address, MEDIA, f'the media address in {message.start_line}')
    require(not BOUND.search(str(message)), f'a bound address is in\n{message}')


def calls(lab, party, number, to_core):
    """One each way, with a re-INVITE of the core; the messages that came to the PBX."""
    core = lab.core()
    outgoing, incoming = parties.establish(core, party, f'sip:{number}@{CORE.signaling}', CORE_NUMBER)
    incoming.on_reinvite = lambda message: incoming.respond(200, 'OK', party.answer_to(incoming.remote_sdp))
    equal(outgoing.reinvite(core.offer(version=2)).status, 200, 're-INVITE')
    parties.require_status(outgoing.bye(), 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE came to the PBX')
    # A PBX that takes the node's Contact or Via at its word names that place in turn.
    route = [('Route', f'<sip:{PLACE};lr>')]
    outgoing, incoming = parties.establish(party, core, to_core, number, request_uri=f'sip:{CORE_NUMBER}@{PLACE}', headers=route)
    equal(outgoing.remote_target.partition(';')[0], f'sip:{PLACE}', 'where requests within the dialog go')
    require(PLACE not in str(incoming.invite), f'the advertised place went to the core:\n{incoming.invite}')
    parties.require_status(outgoing.bye(), 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE came to the core')
    return heard(party)


def require_kinds(messages, requests, responses):
    kinds = {m.method for m in messages if m.is_request}, {(m.cseq[1], m.status) for m in messages if not m.is_request}
    require(kinds[0] >= requests and kinds[1] >= responses, f'not all that was to be looked at has come: {kinds}')


@case('over UDP the Via and the Contact of requests and the Contact of answers are the advertised name and port, in OPTIONS, '
      'INVITE, re-INVITE, ACK and BYE, SDP has the advertised address; nothing names a bound one [SC-17.3-01]')
def _(lab):
    fixed = lab.parties['fixed']
    process.wait_until(lambda: fixed.peer.options_seen, 8, 'OPTIONS')
    messages = calls(lab, fixed, STATIC_NUMBER, f'sip:{CORE_NUMBER}@fixed.pbx.example')
    require_kinds(messages, {'OPTIONS', 'INVITE', 'ACK', 'BYE'}, {('INVITE', 180), ('INVITE', 200), ('BYE', 200)})
    for message in messages:
        require_place(message, 'UDP')


@case('and so over TLS, where a PBX registers at the advertised name [SC-16.3-01]')
def _(lab):
    pbx = parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls, ca_file=lab.edge.ca.certificate,
        server_name=HOST, domain=DOMAIN, user=USER, password=PASSWORD, address=PBX_ADDRESS)
    lab.parties['pbx'] = pbx
    equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER')
    messages = calls(lab, pbx, lab.pbx_number, lab.number_uri(CORE_NUMBER))
    require_kinds(messages, {'INVITE', 'ACK', 'BYE'}, {('INVITE', 180), ('INVITE', 200), ('BYE', 200)})
    for message in messages:
        if not message.is_request and message.cseq[1] == 'REGISTER':
            require(not BOUND.search(str(message)), f'a bound address is in\n{message}')     # its Contact is the PBX's own
        else:
            require_place(message, 'TLS')


@case('a subscription that a PBX makes over TLS is answered and notified from the advertised name and port')
def _(lab):
    watcher = over_tls(lab, PBX_ADDRESS, domain=DOMAIN, user=USER, password=PASSWORD)
    try:
        answer = watcher.subscribe(f'sip:{USER}@{DOMAIN}')
        equal(answer.status, 200, 'SUBSCRIBE')
        require_place(answer, 'TLS')
        require_place(watcher.notifications.get(timeout=5), 'TLS')
    finally:
        watcher.close()


@case('the zone to be published leads to the advertised names and ports, and so does the sheet of a trunk [SC-17.1.1.2-03]')
def _(lab):
    zone = lab.edge.cli('dns', 'zone', DOMAIN)
    places = set(re.findall(r'SRV\s+\d+ \d+ (\d+) (\S+)\.(?:\s|$)', zone))
    equal(places, {(str(PORT), HOST), (str(PORT), HOST_V6)}, 'places of the zone')
    servers = re.findall(r'(?m)^server (TLS|TCP|UDP) +(\S+)$', lab.edge.cli('trunk', 'sheet', 'fixed'))
    equal(servers, [('UDP', PLACE)], 'servers on the sheet of a trunk that has UDP over IPv4')


if __name__ == '__main__':
    sys.exit(main('advertised', fixture))
