#!/usr/bin/env python3
"""Calls for help (SIPconnect 13): recognised by the Request-URI before anything else is looked at, and refused for
nothing but that they cannot be carried. The PSAP is played in the core."""
import queue
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PBX_NUMBER, USER, pbx_trunk, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

ORDINARY, PSAP, DEAD = '198.51.100.10', '198.51.100.11', '198.51.100.77'   # nobody is at the last one
NODE_CALLS, NODE_EMERGENCIES = 4, 2


NUMBERING = '''{dial_plan: {country_code: "49", area_code: "30", national_prefix: "0", outside_line: "9",
  emergency_numbers: ["112", "911"]}}'''


def trunk(**options):
    """The trunk of the PBX, which knows two numbers for help."""
    return pbx_trunk(numbering=NUMBERING, **options)


ROUTES = f'''kind: Carrier
name: carriers/core
realm: core
targets: [{{host: {ORDINARY}, port: 5060, transport: udp}}]
sources: [{ORDINARY}]
---
kind: Carrier
name: carriers/psap-a
realm: core
targets: [{{host: {DEAD}, port: 5060, transport: udp}}]
---
kind: Carrier
name: carriers/psap-b
realm: core
identity: {{untrusted: true}}
targets: [{{host: {PSAP}, port: 5060, transport: udp}}]
---
kind: Route
name: routes/help
carriers: [carriers/psap-b, carriers/core]
service_numbers: ["112", "911"]
---
kind: Route
name: routes/everything
prefix: "+49"
carriers: [carriers/core]
'''


def apply(lab, text):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(text)
        file.flush()
        return lab.edge.apply(file.name)


def prepare(lab):
    apply(lab, ROUTES + '---\n' + trunk(limits='{concurrent_calls: 1, calls_per_second: 0}'))
    lab.parties['psap'] = parties.core(lab.network.core, lab.run_directory, lab.probe_binary,
                                       edge=(CORE.signaling, 5060), address=PSAP, name='psap')


def psap(lab):
    return lab.parties['psap']


def help_call(lab, uri=f'sip:112@{DOMAIN}', **options):
    pbx = lab.pbx()
    return pbx.peer.invite(uri, pbx.offer(), **{'caller': PBX_NUMBER, **options})


def hang_up(call, incoming):
    equal(call.bye().status, 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE came through')


def answered(callee, call, incoming):
    require(incoming.answer(callee.answer_to(incoming.remote_sdp)), 'acknowledged')
    equal(call.wait_final().status, 200, 'the call for help')


@case('112 and 911, with and without user=phone and an outside line, and urn:service:sos are calls for help; 0112 is a number '
      '[SC-13-01] [SC-13-02] [SC-13-07]')
def _(lab):
    forms = {f'sip:112@{DOMAIN}': 'sip:112@', f'sip:911@{DOMAIN};user=phone': 'sip:911@', f'sip:9112@{DOMAIN}': 'sip:112@',
             'urn:service:sos': 'urn:service:sos', 'urn:service:sos.fire': 'urn:service:sos.fire'}
    known = len(lab.edge.records())
    for uri, out in forms.items():
        call = help_call(lab, uri)
        incoming = parties.wait_call(psap(lab), call)
        require(incoming.invite.uri.startswith(out), f'{uri} went out as {incoming.invite.uri}')
        answered(psap(lab), call, incoming)
        hang_up(call, incoming)
    records = process.wait_until(lambda: len(lab.edge.records()) == known + len(forms) and lab.edge.records()[known:], 10, 'records')
    require(all(r['emergency'] for r in records), 'each is an emergency in its record')
    ordinary = help_call(lab, f'sip:0112@{DOMAIN}')
    incoming = parties.wait_call(lab.core(), ordinary)
    equal(sip_message.user_of(incoming.invite.uri), '+49112', 'a national number')
    incoming.reject(404, 'Not Found')
    equal(ordinary.wait_final().status, 404, 'is no emergency')


@case('a trunk that has all its calls, and calls faster than it may, still calls for help; other calls of it are refused [SC-13-08]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)
    refused = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
    equal(refused.wait_final().status, 503, 'one call too many')
    talk = parties.talk(pbx, psap(lab), f'sip:112@{DOMAIN}', PBX_NUMBER, seconds=1)
    talk.require_intact()
    hang_up(outgoing, incoming)
    apply(lab, trunk(limits='{concurrent_calls: 0, calls_per_second: 0.1}'))
    statuses = []
    for _ in range(2):
        call = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
        statuses.append(call.wait_provisional(100, 0.1) and None)
        try:
            core.peer.wait_call(1).reject(486, 'Busy Here')
        except queue.Empty:
            pass
        statuses[-1] = call.wait_final().status
    require(503 in statuses, f'too fast: {statuses}')
    call = help_call(lab)
    incoming = parties.wait_call(psap(lab), call)
    answered(psap(lab), call, incoming)
    hang_up(call, incoming)


@case('before authentication, screening and the state of the trunk: one that proves every request, is screened, disabled or confined '
      'to its domain calls for help unasked [SC-13-07]')
def _(lab):
    pbx = lab.pbx()
    apply(lab, trunk(authentication='{digest: per_request}', identity='{screening: reject}', disabled='true'))
    try:
        call = help_call(lab, from_value=f'<sip:+15615550100@{DOMAIN};user=phone>')
        incoming = parties.wait_call(psap(lab), call)
        statuses = [r.status for r in call.transaction.responses]
        require(407 not in statuses, f'nobody asks who calls: {statuses}')
        answered(psap(lab), call, incoming)
        hang_up(incoming, call)                              # what comes from the core needs no proof
        other = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
        require(other.wait_final() and other.may_authorize is None, 'another call has to prove whose it is')
        equal(other.wait_final().status, 480, 'another call proves whose it is, and then the trunk is switched off')
    finally:
        apply(lab, trunk(limits='{concurrent_calls: 0, calls_per_second: 0}'))
    pbx.peer.register(bulk=True)


@case('who calls is told as the PBX says: its number, that of a place, whatever the caller wants to hide, and the default where it '
      'says nothing [SC-13-03] [SC-13-04] [SC-13-05] [SC-13-06]')
def _(lab):
    place = '+49305559999'
    anonymous = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    cases = {
        'its number': (None, [('P-Asserted-Identity', f'<sip:+4930555007@{DOMAIN};user=phone>')], '+4930555007'),
        'a place': (f'<sip:{place}@{DOMAIN};user=phone>', [('P-Asserted-Identity', f'<sip:{place}@{DOMAIN};user=phone>')], place),
        'hidden': (anonymous, [('P-Asserted-Identity', f'<sip:+4930555007@{DOMAIN};user=phone>'), ('Privacy', 'id')], '+4930555007'),
        'nothing': (anonymous, [], '+4930555000')}
    for what, (sender, headers, asserted) in cases.items():
        call = help_call(lab, from_value=sender, headers=headers)
        incoming = parties.wait_call(psap(lab), call)        # a carrier that is told of no hidden caller otherwise
        equal(incoming.invite['P-Asserted-Identity'], f'<sip:{asserted}@{DOMAIN};user=phone>', what)
        if what == 'a place':
            require(f'sip:{place}@' in incoming.invite['From'], f'From: {incoming.invite["From"]}')
        incoming.reject(486, 'Busy Here')
        incoming = parties.wait_call(lab.core(), call)       # the next of the route: whoever answers first
        answered(lab.core(), call, incoming)
        hang_up(call, incoming)


PIDF_LO = """<?xml version="1.0" encoding="UTF-8"?>\r
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"\r
 xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="pres:desk-7@acme.example">\r
\t<tuple id="t1"><status><gp:geopriv><gp:location-info><ca:civicAddress xml:lang="de">\r
    <ca:country>DE</ca:country><ca:A3>Köln</ca:A3>  <ca:FLR>2</ca:FLR>\r
\r
 --not-a-boundary\r
</ca:civicAddress></gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple></presence>\r
"""
LOCATION = ('Content-Type: application/pidf+xml\r\nContent-ID: <desk-7@acme.example>\r\nX-Kept: as it is\r\n'
            'Content-Disposition: render; handling=optional\r\n\r\n' + PIDF_LO)
MIXED = ('Content-Type', 'multipart/mixed; boundary="=_of the PBX"')


def mixed(description, *parts):
    """A body in parts, the session description first, as RFC 2046 has it."""
    parts = [f'Content-Type: application/sdp\r\n\r\n{description}', *parts]
    return ''.join(f'--=_of the PBX\r\n{part}\r\n' for part in parts) + '--=_of the PBX--\r\n'


def other_parts(body):
    """What follows the session description in a body of `mixed`, byte by byte."""
    return body.split(b'\r\n--=_of the PBX\r\n', 1)[1]


def call_with(lab, uri, headers, *parts):
    pbx = lab.pbx()
    return pbx.peer.invite(uri, mixed(pbx.offer(), *parts), caller=PBX_NUMBER, headers=[MIXED, ('MIME-Version', '1.0'), *headers])


@case('a location comes with a call for help by value, to the byte, or by reference, and what the PBX says of its use; the session '
      'description beside it is the only part that is ours [SC-13.1-01] [SC-13.1-02] [SC-13.1-03] [SC-13.1-04] [SC-13.1-05] '
      '[SC-13.1-07] [SC-13.1-08]')
def _(lab):
    demanding = LOCATION.replace('; handling=optional', '')
    for location, routing in ((LOCATION, 'yes'), (LOCATION, 'no'), (demanding, None)):
        headers = [('Geolocation', '<cid:desk-7@acme.example>')] + ([('Geolocation-Routing', routing)] if routing else [])
        call = call_with(lab, f'sip:112@{DOMAIN}', headers, location)
        incoming = parties.wait_call(psap(lab), call)
        invite = incoming.invite
        equal(invite['Content-Type'], MIXED[1], 'the boundary is the PBX\'s')
        equal(invite['MIME-Version'], '1.0', 'MIME-Version')
        equal(other_parts(invite.body), location.encode() + b'\r\n--=_of the PBX--\r\n', 'the location')
        require(lab.pbx().media_address.encode() not in invite.description, 'the session description is ours')
        require(CORE.media.encode() in invite.description, 'the session description is anchored')
        equal(invite['Geolocation'], '<cid:desk-7@acme.example>', 'Geolocation')
        equal(invite.get('Geolocation-Routing'), routing, 'Geolocation-Routing')
        answered(psap(lab), call, incoming)
        hang_up(call, incoming)
    call = help_call(lab, headers=[('Geolocation', '<https://lis.acme.example/desk/7>'), ('Geolocation-Routing', 'yes')])
    incoming = parties.wait_call(psap(lab), call)
    equal(incoming.invite['Geolocation'], '<https://lis.acme.example/desk/7>', 'by reference')
    equal(incoming.invite['Content-Type'], 'application/sdp', 'nothing beside the session description')
    answered(psap(lab), call, incoming)
    hang_up(call, incoming)


ELSEWHERE = LOCATION.replace('<ca:country>DE</ca:country><ca:A3>Köln</ca:A3>', '<ca:country>US</ca:country><ca:A3>Austin</ca:A3>')
NOWHERE = LOCATION.replace(PIDF_LO, '<presence><never closed')
OF_911 = '''kind: Route
name: routes/help
carriers: [carriers/psap-b, carriers/core]
service_numbers: ["112"]
---
kind: Route
name: routes/help-911
carriers: [carriers/core]
service_numbers: ["911"]
'''


@case('which PSAP it is the number says and its route: a place, wherever it is and whatever it may be used for, is not looked at, '
      'and one that nobody can read is in nobody\'s way [SC-13.1-09]')
def _(lab):
    apply(lab, OF_911)
    try:
        for location in (LOCATION, ELSEWHERE, NOWHERE):
            for routing in ('yes', 'no', None):
                headers = [('Geolocation', '<cid:desk-7@acme.example>')] + ([('Geolocation-Routing', routing)] if routing else [])
                for number, answers_it in (('112', psap(lab)), ('911', lab.core())):
                    call = call_with(lab, f'sip:{number}@{DOMAIN}', headers, location)
                    incoming = parties.wait_call(answers_it, call)
                    what = f'{number}, Geolocation-Routing: {routing}'
                    equal(incoming.invite.get('Geolocation-Routing'), routing, what)
                    equal(other_parts(incoming.invite.body), location.encode() + b'\r\n--=_of the PBX--\r\n', f'{what}: the location')
                    answered(answers_it, call, incoming)
                    hang_up(call, incoming)
    finally:
        apply(lab, f'{ROUTES}---\nkind: Route\nname: routes/help-911\ncarriers: [carriers/core]\ndisabled: true\n')
        lab.edge.cli('delete', 'route', 'help-911')


@case('what is known of an emergency beside a place crosses: Call-Info of RFC 7852 and its body, and no other Call-Info [SC-13.2-01]')
def _(lab):
    data = ('Content-Type: application/EmergencyCallData.ProviderInfo+xml\r\nContent-ID: <pi@acme.example>\r\n'
            'Content-Disposition: by-reference;handling=optional\r\n\r\n<ProviderInfo>acme</ProviderInfo>\r\n')
    info = '<cid:pi@acme.example>;purpose=EmergencyCallData.ProviderInfo'
    call = call_with(lab, f'sip:112@{DOMAIN}', [('Call-Info', f'<http://{lab.pbx().media_address}/card>;purpose=card, {info}')], LOCATION, data)
    incoming = parties.wait_call(psap(lab), call)
    equal(incoming.invite.all('Call-Info'), [info], 'Call-Info')
    require(data.encode() in incoming.invite.body and LOCATION.encode() in incoming.invite.body, 'both parts')
    answered(psap(lab), call, incoming)
    hang_up(call, incoming)


@case('a part that has to be understood and is not known is 415 for an ordinary call, never one that is optional, and carried where '
      'the realm says so [SC-13.1-06]')
def _(lab):
    part = 'Content-Type: application/x-acme\r\nContent-Disposition: x{0}\r\n\r\nwhat only Acme reads'
    uri = lab.number_uri(CORE_NUMBER)

    def crosses(*parts):
        call = call_with(lab, uri, [], *parts)
        incoming = parties.wait_call(lab.core(), call)
        equal(other_parts(incoming.invite.body), '\r\n--=_of the PBX\r\n'.join(parts).encode() + b'\r\n--=_of the PBX--\r\n', 'the parts')
        answered(lab.core(), call, incoming)
        hang_up(call, incoming)

    crosses(LOCATION, part.format(';handling=optional'))
    for handling in ('', ';handling=required'):
        refused = call_with(lab, uri, [], part.format(handling)).wait_final()
        equal(refused.status, 415, f'handling "{handling}"')
        require('multipart/mixed' in refused['Accept'], f'Accept: {refused["Accept"]}')
    help_me = call_with(lab, f'sip:112@{DOMAIN}', [], part.format(''))
    incoming = parties.wait_call(psap(lab), help_me)
    answered(psap(lab), help_me, incoming)
    hang_up(help_me, incoming)
    alone = [('Content-Type', 'application/x-acme'), ('Content-Disposition', 'x')]    # and the offer comes in the answer
    equal(lab.pbx().peer.invite(uri, 'acme', caller=PBX_NUMBER, headers=alone).wait_final().status, 415, 'a body of its own')
    help_me = lab.pbx().peer.invite(f'sip:112@{DOMAIN}', 'acme', caller=PBX_NUMBER, headers=alone)
    incoming = parties.wait_call(psap(lab), help_me)
    equal((incoming.invite['Content-Type'], incoming.invite['Content-Disposition'], incoming.invite.body),
          ('application/x-acme', 'x', b'acme'), 'the body of a call for help')
    incoming.reject(486, 'Busy Here')
    parties.wait_call(lab.core(), help_me).reject(486, 'Busy Here')
    equal(help_me.wait_final().status, 486, 'what the last one says')
    equal(lab.pbx().peer.invite(uri, 'no delimiter', caller=PBX_NUMBER, headers=[MIXED]).wait_final().status, 400, 'no multipart')
    file = lab.edge.run / 'signaling.yaml'
    before = file.read_text()
    file.write_text(before.replace('  - name: access\n', '  - name: access\n    content: any\n'))
    try:
        lab.edge.restart('signaling')
        lab.pbx().peer.register(bulk=True)
        crosses(part.format(';handling=required'))
    finally:
        file.write_text(before)
        lab.edge.restart('signaling')
        lab.pbx().peer.register(bulk=True)


@case('a trunk speaks TLS unless it is told otherwise, and one that calls for help without it is warned about [SC-13.1-10] '
      '[SC-13.1-11]')
def _(lab):
    sentence = f'trunks/{USER} may call for help without TLS'
    require(not any(sentence in w for w in lab.edge.warnings()), f'a trunk as it is by default: {lab.edge.warnings()}')
    apply(lab, trunk(transports='[tls, udp]'))
    require(any(sentence in w for w in lab.edge.warnings()), f'with UDP: {lab.edge.warnings()}')
    apply(lab, trunk())


@case('a node with all its calls, and one that drains, takes calls for help, as many as it keeps for them [SC-13-09]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    held = [parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER) for _ in range(NODE_CALLS)]
    full = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
    equal(full.wait_final().status, 503, 'a call more than the node carries')
    helped = []
    for _ in range(NODE_EMERGENCIES):
        call = help_call(lab)
        incoming = parties.wait_call(psap(lab), call)
        answered(psap(lab), call, incoming)
        helped.append((call, incoming))
    equal(help_call(lab).wait_final().status, 503, 'more calls for help than the node keeps room for')
    for call, incoming in held + helped:
        hang_up(call, incoming)
    lab.edge.cli('drain', '--no-wait')
    try:
        refused = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
        equal(refused.wait_final().status, 503, 'a call while the node drains')
        call = help_call(lab)
        incoming = parties.wait_call(psap(lab), call)
        answered(psap(lab), call, incoming)
        hang_up(call, incoming)
    finally:
        lab.edge.cli('undrain')


@case('a service that nobody answers at is passed over for the next one of the route')
def _(lab):
    apply(lab, ROUTES.replace('carriers: [carriers/psap-b, carriers/core]', 'carriers: [carriers/psap-a, carriers/psap-b]'))
    call = help_call(lab)
    incoming = parties.wait_call(psap(lab), call, 40)
    answered(psap(lab), call, incoming)
    hang_up(call, incoming)
    apply(lab, ROUTES)
    lab.edge.cli('delete', 'carrier', 'psap-a')              # whose probes nobody answers


@case('an emergency number that leads nowhere is not provisioned, nor is its way taken away')
def _(lab):
    done = apply_refused(lab, ROUTES.replace('service_numbers: ["112", "911"]', 'service_numbers: ["110"]'))
    require('112' in done and 'would lead nowhere' in done, done)


def apply_refused(lab, text):
    done = subprocess.run(lab.edge.cli_command('apply', '-f', '-'), input=text, capture_output=True, text=True)
    require(done.returncode != 0, 'it was taken')
    return done.stdout + done.stderr


@case('nothing is left of any of it')
def _(lab):
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('emergency', lambda: running_edge('emergency', prepare=prepare, options={
        'signaling': f'limits: {{calls: {NODE_CALLS}, emergency_calls: {NODE_EMERGENCIES}}}\nshards: 1\n'})))
