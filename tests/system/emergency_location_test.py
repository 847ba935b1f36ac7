#!/usr/bin/env python3
"""Where a call for help comes from (SIPconnect 13.1, RFC 6442): a route that goes by locations sends it to the answering point of
its area, if the PBX asks for that, and to those of the route in all other cases. PSAPs are played in the core."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, PBX_NUMBER, USER, running_edge  # noqa: E402
from emergency_trunk import TRUNK  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402

DEFAULT, MUNICH, COAST = CORE.peers
DEAD = '198.51.100.77'           # nobody is there
CONFIG = TRUNK + f'''---
kind: Carrier
name: carriers/core
realm: core
targets: [{{host: {DEFAULT}, port: 5060, transport: udp}}]
---
kind: Carrier
name: carriers/munich
realm: core
targets: [{{host: {MUNICH}, port: 5060, transport: udp}}]
---
kind: Carrier
name: carriers/coast
realm: core
targets: [{{host: {COAST}, port: 5060, transport: udp}}]
---
kind: Carrier
name: carriers/dead
realm: core
targets: [{{host: {DEAD}, port: 5060, transport: udp}}]
---
'''
HELP = '''kind: Route
name: routes/help
service_numbers: ["112"]
carriers: [carriers/core]
use_location: {switch}
areas:
  - name: munich
    civic: [{{country: DE, a1: BY, a3: "München"}}, {{country: DE, postal_code: "80*"}}]
    circles: [{{center: {{latitude: 48.137, longitude: 11.575}}, radius_metres: 20000}}]
    carriers: [{munich}]
  - name: coast
    polygons: [{{points: [{{latitude: 53, longitude: 7}}, {{latitude: 53, longitude: 14}}, {{latitude: 55, longitude: 14}}, {{latitude: 55, longitude: 7}}]}}]
    carriers: [carriers/coast]
'''


def route(switch='true', munich='carriers/munich'):
    return HELP.format(switch=switch, munich=munich)


def apply(lab, text):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(text)
        file.flush()
        return lab.edge.apply(file.name)


def prepare(lab):
    apply(lab, CONFIG + route())
    for name, address in (('munich', MUNICH), ('coast', COAST)):
        lab.parties[name] = parties.core(lab.network.core, lab.run_directory, lab.probe_binary, edge=(CORE.signaling, 5060),
                                         address=address, name=name)


def pidf_lo(location):
    return f'''<?xml version="1.0" encoding="UTF-8"?>\r
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"\r
 xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" xmlns:gml="http://www.opengis.net/gml"\r
 xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:desk-7@acme.example">\r
<tuple id="t1"><status><gp:geopriv><gp:location-info>{location}</gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple>\r
</presence>\r
'''


WGS84 = 'srsName="urn:ogc:def:crs:EPSG::4326"'
IN_MUNICH = pidf_lo('<ca:civicAddress xml:lang="de"><ca:country>DE</ca:country><ca:A1>BY</ca:A1><ca:A3>München</ca:A3></ca:civicAddress>')
NEAR_MUNICH = pidf_lo(f'<gs:Circle {WGS84}><gml:pos>48.2 11.6</gml:pos><gs:radius uom="urn:ogc:def:uom:EPSG::9001">30</gs:radius></gs:Circle>')
HAMBURG = pidf_lo(f'<gml:Point {WGS84}><gml:pos>53.55 9.99</gml:pos></gml:Point>')
PARIS = pidf_lo(f'<gml:Point {WGS84}><gml:pos>48.85 2.35</gml:pos></gml:Point>')
BROKEN = IN_MUNICH.replace('</tuple>', '')
BOMB = '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' + IN_MUNICH.partition('\n')[2].replace('München', '&b;')
BOUNDARY = '=_of the PBX'


def body(description, document):
    parts = [f'Content-Type: application/sdp\r\n\r\n{description}',
             'Content-Type: application/pidf+xml\r\nContent-ID: <desk-7@acme.example>\r\n'
             f'Content-Disposition: render; handling=optional\r\n\r\n{document}']
    return ''.join(f'--{BOUNDARY}\r\n{part}\r\n' for part in parts) + f'--{BOUNDARY}--\r\n'


def headers(routing, geolocation='<cid:desk-7@acme.example>'):
    return [('Content-Type', f'multipart/mixed; boundary="{BOUNDARY}"'), ('Geolocation', geolocation)] + \
        ([('Geolocation-Routing', routing)] if routing else [])


def require_goes(lab, to, document, routing, use, what, geolocation='<cid:desk-7@acme.example>', wait=10):
    """The call for help rings there, with its location as it was sent, and its record says what became of that."""
    known, before = len(lab.edge.records()), uses(lab)
    pbx, psap = lab.pbx(), lab.core() if to == 'core' else lab.parties[to]
    call = pbx.peer.invite(f'sip:112@{DOMAIN}', body(pbx.offer(), document), caller=PBX_NUMBER, headers=headers(routing, geolocation))
    incoming = parties.wait_call(psap, call, wait)
    invite = incoming.invite
    equal(invite['Geolocation'], geolocation, f'{what}: Geolocation')
    equal(invite.get('Geolocation-Routing'), routing, f'{what}: Geolocation-Routing')
    require(document.encode() in invite.body, f'{what}: the location is not what was sent')
    require(incoming.answer(psap.answer_to(incoming.remote_sdp)), f'{what}: no ACK')
    equal(call.wait_final().status, 200, what)
    equal(call.bye().status, 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE came through')
    process.wait_until(lambda: len(lab.edge.records()) > known, 10, 'the record')
    record = lab.edge.records()[-1]
    equal((record['emergency'], record.get('location')), (True, use), f'{what}: the record')
    after = uses(lab)
    label = use and use.partition(':')[0]
    equal({u: after[u] - before[u] for u in after if after[u] != before[u]}, {label: 1} if label else {}, f'{what}: the counters')


def uses(lab):
    name = 'sallyport_emergency_locations_total'
    page = lab.edge.scrape('signaling')
    return {u: page.get(name, use=u) or 0 for u in ('not-asked', 'none', 'by-reference', 'no-part', 'unreadable', 'no-area', 'area')}


@case('two places, two PSAPs: the address, the circle and the point that a PIDF-LO names are in an area, whose PSAP the call reaches '
      '[SC-13.1-09]')
def _(lab):
    require_goes(lab, 'munich', IN_MUNICH, 'yes', 'area:munich', 'an address')
    require_goes(lab, 'munich', NEAR_MUNICH, 'yes', 'area:munich', 'a circle')
    require_goes(lab, 'coast', HAMBURG, 'yes', 'area:coast', 'a point in a polygon')


@case('without Geolocation-Routing: yes nobody looks at the place, and the call goes where the route says [SC-13.1-09]')
def _(lab):
    for routing in ('no', None):
        for document in (IN_MUNICH, HAMBURG, BOMB):
            require_goes(lab, 'core', document, routing, 'not-asked', f'Geolocation-Routing: {routing}')


@case('a place that is in no area, elsewhere, broken or hostile is in nobody\'s way: the call goes where the route says, and the record '
      'and a counter say why [SC-13.1-09]')
def _(lab):
    require_goes(lab, 'core', PARIS, 'yes', 'no-area', 'another country')
    require_goes(lab, 'core', BROKEN, 'yes', 'unreadable', 'no XML')
    require_goes(lab, 'core', BOMB, 'yes', 'unreadable', 'entities')
    require_goes(lab, 'core', IN_MUNICH, 'yes', 'no-part', 'a part that is not there', '<cid:desk-8@acme.example>')
    require_goes(lab, 'core', IN_MUNICH, 'yes', 'by-reference', 'by reference', '<https://lis.acme.example/desk/7>')


@case('with the switch off the areas mean nothing, whatever the PBX asks for [SC-13.1-09]')
def _(lab):
    apply(lab, route(switch='false'))
    try:
        for routing in ('yes', 'no', None):
            require_goes(lab, 'core', IN_MUNICH, routing, None, f'off, Geolocation-Routing: {routing}')
    finally:
        apply(lab, route())


@case('an area whose PSAP is away has the next one of its list, and then those of the route')
def _(lab):
    apply(lab, route(munich='carriers/dead, carriers/coast'))
    try:
        require_goes(lab, 'coast', IN_MUNICH, 'yes', 'area:munich', 'the second of the area', wait=40)
        apply(lab, route(munich='carriers/dead'))
        require_goes(lab, 'core', IN_MUNICH, 'yes', 'area:munich', 'the route\'s own', wait=40)
    finally:
        apply(lab, route())


@case('`sallyport explain` says in which area a call is, and which PSAPs it would try')
def _(lab):
    for routing, words, first in (('yes', 'in area munich', 'munich'), ('no', 'location not looked at', 'core')):
        text = body('v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n', IN_MUNICH)
        more = ''.join(f'{name}: {value}\r\n' for name, value in headers(routing))
        invite = (f'INVITE sip:112@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.10:5061;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n'
                  f'From: <sip:{PBX_NUMBER}@{DOMAIN}>;tag=1\r\nTo: <sip:112@{DOMAIN}>\r\nCall-ID: explain-{routing}\r\nCSeq: 1 INVITE\r\n'
                  f'Contact: <sip:192.0.2.10:5061;transport=tls>\r\n{more}Content-Length: {len(text.encode())}\r\n\r\n{text}')
        file = Path(lab.run_directory) / 'help.sip'
        file.write_bytes(invite.encode())
        done = subprocess.run(lab.edge.cli_command('explain', str(file), '--trunk', USER), capture_output=True, text=True)
        equal(done.returncode, 0, done.stdout + done.stderr)
        require(words in done.stdout, done.stdout)
        carriers = next((line for line in done.stdout.splitlines() if 'carriers' in line), '')
        require(first in carriers and (first == 'core') != ('munich' in carriers), f'carriers: {done.stdout}')


@case('nothing is left of any of it')
def _(lab):
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('emergency_location', lambda: running_edge('emergency_location', prepare=prepare)))
