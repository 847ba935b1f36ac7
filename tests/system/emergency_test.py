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
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, PBX_NUMBER, USER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

ORDINARY, PSAP, DEAD = '198.51.100.10', '198.51.100.11', '198.51.100.77'   # nobody is at the last one
NODE_CALLS, NODE_EMERGENCIES = 4, 2


def trunk(**options):
    """The trunk of the PBX, with one call at a time and hardly any a second."""
    lines = [f'''kind: Trunk
name: trunks/{USER}
mode: registration
realm: access
registration_aor: sip:{USER}@{DOMAIN}
credentials: [{{username: {USER}, password: {PASSWORD}}}]
numbers: [{{first: "+4930555000", last: "+4930555099"}}]
numbering: {{dial_plan: {{country_code: "49", area_code: "30", national_prefix: "0", outside_line: "9", emergency_numbers: ["112", "911"]}}}}''']
    lines += [f'{name}: {value}' for name, value in options.items()]
    return '\n'.join(lines) + '\n'


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
        equal(other.wait_final().status, 407, 'another call has to prove whose it is, and a disabled trunk cannot')
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
