#!/usr/bin/env python3
"""The frame of SIPconnect 2.0 (sections 1 to 7 and 16) from outside: both modes on one node, what is beyond the profile and
still passes, what is refused and how, what one trunk's provisioning does to another."""
import contextlib
import datetime
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, PBX_ADDRESS, PBX_NUMBER, STRANGER, USER, running_edge, without  # noqa: E402
from lab import avalanche, capture, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_digest, sip_message, sip_peer, transport  # noqa: E402

STATIC_ADDRESS, STATIC_NUMBER, STATIC_DOMAIN = '192.0.2.20', '+4940555001', 'static.sallyport.example'
TO_PBX, TO_STATIC = f'sip:{PBX_NUMBER}@{CORE.signaling}', f'sip:{STATIC_NUMBER}@{CORE.signaling}'
IDLE_SECONDS, NONCE_SECONDS = 10, 2
NODE = {'signaling': f'''digest: {{nonce_seconds: {NONCE_SECONDS}}}
streams: {{idle_seconds: {IDLE_SECONDS}, message_seconds: 2}}
'''}
# Beside what tests provision anyway: a static trunk with a credential, whose PBX wrongly registers.
FIXED = f'''kind: Trunk
name: trunks/fixed
mode: static
realm: access
domain: fixed.sallyport.example
transports: [udp]
targets: [{{host: 192.0.2.44, port: 5060, transport: udp}}]
sources: [192.0.2.44/32]
credentials: [{{username: fixed, password: {PASSWORD}}}]
numbers: [{{first: "+4940777000", last: "+4940777099"}}]
'''
# The static trunk of all tests, about whose limits nobody says anything.
SILENT = f'''kind: Trunk
name: trunks/sipp-static
mode: static
realm: access
domain: {STATIC_DOMAIN}
transports: [udp, tcp]
targets: [{{host: {STATIC_ADDRESS}, port: 5080, transport: udp}}]
sources: [{STATIC_ADDRESS}/32]
numbers: [{{first: "+4940555000", last: "+4940555999"}}]
media: {{srtp: off}}
'''


def prepare(lab):
    lab.keep_alives = KeepAlives(lab)
    apply_text(lab, FIXED)
    lab.parties['static'] = parties.core(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_udp,
                                         address=STATIC_ADDRESS, port=5080, domain=STATIC_DOMAIN, name='static')


def apply_text(lab, text):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(text)
        file.flush()
        return lab.edge.apply(file.name)


def refused_text(lab, text):
    done = subprocess.run(lab.edge.cli_command('apply', '-f', '-'), input=text, capture_output=True, text=True)
    require(done.returncode == 1, f'it was taken: {done.stdout}')
    return done.stderr


def log_of(lab):
    return lab.edge.daemons['signaling'].text()


def hang_up(outgoing, incoming):
    equal(outgoing.bye().status, 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE did not reach the other side')


def messages(peer, outgoing):
    """What the peer has sent, or what came to it, parsed."""
    found = []
    for traced in list(peer.transport.trace):
        if traced.outgoing != outgoing or not traced.data.strip():
            continue
        framer = sip_message.StreamFramer()
        found += list(framer.feed(traced.data))
    return found


@case('one node serves a PBX that registers and one that is found at an address, at the same time, each in both directions [SC-7-11] [SC-7-08]')
def _(lab):
    pbx, static, core = lab.pbx(), lab.parties['static'], lab.core()
    calls = [parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER),
             parties.establish(static, core, f'sip:{CORE_NUMBER}@{STATIC_DOMAIN};user=phone', STATIC_NUMBER),
             parties.establish(core, pbx, TO_PBX, CORE_NUMBER),
             parties.establish(core, static, TO_STATIC, CORE_NUMBER)]
    live = {c['trunk'] for c in lab.edge.json('call', 'list', '--live')['calls']}
    equal(live, {USER, 'sipp-static'}, 'trunks with calls')
    require(f'{STATIC_NUMBER}@' in calls[3][1].invite.uri, f'static Request-URI: {calls[3][1].invite.uri}')
    for outgoing, incoming in calls:
        hang_up(outgoing, incoming)


@case('a codec, an option tag and header fields beyond the profile do no harm: the call has the common codec [SC-1-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    key = sdp.new_key(pbx.suite)
    offer = sdp.build(pbx.media_address, pbx.port(), pbx.suite, key, codecs=(111, 8, 101),
                      extra=('a=fmtp:111 useinbandfec=1', 'a=x-vendor:7'))
    headers = [('Supported', 'x-beyond, replaces'), ('X-Vendor', 'some thing; with=parameters'), ('X-Empty', ''),
               ('Warning', 'CLI Should be in E164 Format'), ('Date', 'yesterday'), ('Alert-Info', '<<>>')]
    outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), offer, caller=PBX_NUMBER, headers=headers)
    incoming = parties.wait_call(core, outgoing)
    incoming.answer(sdp.build(core.media_address, core.port(), codecs=(8, 101)))
    response = outgoing.wait_final()
    equal(response.status, 200, 'the call')
    equal(sdp.parse(response.body).audio.formats[0], '8', 'the codec that both have')
    require('x-beyond' not in incoming.invite.get('Require', ''), 'what was offered became a demand')
    hang_up(outgoing, incoming)


@case('Require of something unknown is 420 with Unsupported; Allow is sent, and nothing is called supported that is not [SC-6-04]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    for name in ('Require', 'Proxy-Require'):
        call = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER, headers=[(name, 'foo, bar')])
        response = call.wait_final()
        equal(response.status, 420, f'{name}: foo')
        equal({t.strip() for t in response['Unsupported'].split(',')}, {'foo', 'bar'}, 'Unsupported')
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)
    back, to_pbx = parties.establish(core, pbx, TO_PBX, CORE_NUMBER)
    hang_up(back, to_pbx)
    for what, message in (('200 to the PBX', outgoing.transaction.final), ('INVITE to the PBX', to_pbx.invite),
                          ('INVITE to the core', incoming.invite)):
        allow = {m.strip() for m in message.get('Allow', '').split(',')}
        require({'INVITE', 'ACK', 'CANCEL', 'BYE'} <= allow, f'Allow of the {what}: {allow}')
        for method in allow - {'INVITE', 'ACK', 'CANCEL', 'BYE'}:
            request = (outgoing.request(method) if what.startswith('200') else None)
            if request is not None:
                got = pbx.peer.start(request).wait_final(5)
                require(got is not None and got.status not in (405, 501), f'{method} is in Allow and gets {got.status}')
        for tag in message.get('Supported', '').replace(' ', '').split(','):
            require(tag in ('', 'timer', '100rel', 'replaces', 'from-change', 'histinfo', 'path', 'gin', 'norefersub'),
                    f'Supported of the {what}: {tag}')
    hang_up(outgoing, incoming)


@case('to a PBX that claims neither timer nor 100rel nor UPDATE none of them is sent [SC-6-03]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    pbx.peer.transport.trace.clear()
    parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)[0].bye()
    outgoing, incoming = parties.establish(core, pbx, TO_PBX, CORE_NUMBER)
    equal(incoming.bye().status, 200, 'BYE from the PBX')
    require(outgoing.wait_ended(), 'the BYE did not reach the core')
    came = messages(pbx.peer, outgoing=False)
    require(len(came) >= 7, f'{len(came)} messages came')    # of both calls: responses, INVITE, ACK
    for message in came:
        require(not message.is_request or message.method != 'UPDATE', 'UPDATE was sent')
        for name in ('Require', 'RSeq', 'Session-Expires'):
            if name == 'Require' and message.is_request and message.method == 'REGISTER':
                continue
            require(name not in message, f'{name} in {message.start_line}')


@case('other services are refused in good order, with what is allowed, and reach nobody [SC-5-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    core.peer.transport.trace.clear()
    for method, headers in (('MESSAGE', [('Content-Type', 'text/plain')]), ('PUBLISH', [('Event', 'presence')]),
                            ('SUBSCRIBE', [('Event', 'presence'), ('Expires', '60')]),
                            ('NOTIFY', [('Event', 'presence'), ('Subscription-State', 'active')]), ('FOO', [])):
        request = pbx.peer.plain_request(method, lab.number_uri(CORE_NUMBER), headers, b'hello' if method == 'MESSAGE' else b'')
        response = pbx.peer.start(request).wait_final(5)
        require(response is not None, f'{method}: no answer')
        right = {'FOO': (501, 405), 'SUBSCRIBE': (405, 489), 'NOTIFY': (405, 481, 489)}.get(method, (405, 501))
        require(response.status in right, f'{method}: {response.start_line}')
        if response.status == 489:
            require(response.get('Allow-Events'), '489 without Allow-Events')
        elif response.status != 481:
            require('INVITE' in response.get('Allow', ''), f'{method}: {response.status} without Allow')
    equal(parties.talk(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER, seconds=0.3).require_intact(), None, 'a call')
    passed = {m.method for m in messages(core.peer, outgoing=False) if m.is_request}
    require(passed <= {'INVITE', 'ACK', 'BYE', 'OPTIONS'}, f'the core got {passed}')


@case('the two legs share no Call-ID, tag, branch, CSeq or Contact; hops are counted down, and the 71st is 483 [SC-4-06]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    call_id = 'seventh-' + sip_message.new_tag()
    outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER, call_id=call_id)
    incoming = parties.wait_call(core, outgoing)
    a, b = outgoing.invite, incoming.invite
    for what, left, right in (('Call-ID', a.call_id, b.call_id), ('branch', a.branch, b.branch),
                              ('From tag', sip_message.parameter(a['From'], 'tag'), sip_message.parameter(b['From'], 'tag')),
                              ('Contact', sip_message.uri_of(a['Contact']), sip_message.uri_of(b['Contact']))):
        require(left != right, f'{what} is the same on both legs: {left}')
    equal(len(b.all('Via')), 1, 'Via values on leg B')
    equal(int(b['Max-Forwards']), int(a['Max-Forwards']) - 1, 'Max-Forwards of leg B')
    incoming.answer(core.answer_to(incoming.remote_sdp))
    equal(outgoing.wait_final().status, 200, 'the call')
    numbers = []
    for _ in range(3):                    # the PBX's own count grows; leg B counts its own requests
        request = outgoing.request('OPTIONS')
        numbers.append(request.cseq[0])
        pbx.peer.start(request).wait_final(5)
    equal(outgoing.bye().status, 200, 'BYE')
    require(incoming.wait_ended(), 'BYE')
    bye = [m for m in messages(core.peer, outgoing=False) if m.is_request and m.method == 'BYE'][-1]
    require(bye.cseq[0] != numbers[-1] + 1, f'leg B repeats leg A\'s CSeq {bye.cseq[0]}')
    last_hop = pbx.peer.plain_request('INVITE', lab.number_uri(CORE_NUMBER))
    last_hop.set('Max-Forwards', '0')
    equal(pbx.peer.start(last_hop).wait_final(5).status, 483, 'an INVITE without hops left')


@case('a limit, a codec list and weights are one trunk\'s: another trunk\'s calls and configuration stay as they are [SC-7-07]')
def _(lab):
    pbx, static, core = lab.pbx(), lab.parties['static'], lab.core()
    before = lab.edge.cli('get', 'trunk', USER)
    untouched = lab.edge.json('get', 'trunk', USER)
    text = lab.edge.cli('get', 'trunk', 'sipp-static')
    apply_text(lab, f'''kind: Trunk
name: trunks/sipp-static
mode: static
realm: access
domain: {STATIC_DOMAIN}
transports: [udp, tcp]
targets:
  - {{host: {STATIC_ADDRESS}, port: 5080, transport: udp, priority: 1, weight: 10}}
  - {{host: {STATIC_ADDRESS}, port: 5081, transport: udp, priority: 2}}
sources: [{STATIC_ADDRESS}/32]
numbers: [{{first: "+4940555000", last: "+4940555999"}}]
limits: {{concurrent_calls: 1, calls_per_second: 50}}
media: {{srtp: off, codecs: [PCMU, telephone-event]}}
''')
    both = sdp.build(core.media_address, core.port(), codecs=(8, 0, 101))
    first = core.peer.invite(TO_STATIC, both, caller=CORE_NUMBER)
    at_pbx = parties.wait_call(static, first)
    equal([f for f in at_pbx.remote_sdp.audio.formats if f in ('0', '8')], ['0'], 'codecs that the trunk may use')
    at_pbx.answer(sdp.build(static.media_address, static.port(), codecs=(0, 101)))
    equal(first.wait_final().status, 200, 'its first call')
    offer = sdp.build(static.media_address, static.port(), codecs=(0, 101))
    second = static.peer.invite(f'sip:{CORE_NUMBER}@{STATIC_DOMAIN}', offer, caller=STATIC_NUMBER).wait_final()
    equal(second.status, 503, 'its second call: the limit is one')
    for _ in range(2):
        outgoing = core.peer.invite(TO_PBX, both, caller=CORE_NUMBER)
        incoming = parties.wait_call(pbx, outgoing)
        require({'0', '8'} <= set(incoming.remote_sdp.audio.formats), 'the other trunk\'s codecs')
        incoming.answer(pbx.answer_to(incoming.remote_sdp))
        equal(outgoing.wait_final().status, 200, 'a call of the other trunk')
        hang_up(outgoing, incoming)
    hang_up(first, at_pbx)
    equal(lab.edge.cli('get', 'trunk', USER), before, 'the other trunk')
    equal(lab.edge.json('get', 'trunk', USER)['etag'], untouched['etag'], 'its etag')
    apply_text(lab, text)


def at_once(lab, count):
    """(calls that reached the core, statuses of the others, seconds) when the static PBX makes so many calls at once."""
    core, burst = lab.parties['core'], wire.Stranger(lab.network.pbx, STATIC_ADDRESS, (5090,))
    offer = sdp.build(STATIC_ADDRESS, 40_000)
    began, finals, reached = time.monotonic(), {}, 0
    for n in range(count):
        burst.send(wire.request('INVITE', f'sip:{CORE_NUMBER}@{STATIC_DOMAIN}', via=f'SIP/2.0/UDP {STATIC_ADDRESS}:5090',
                                branch=sip_message.new_branch(), call_id=f'burst-{began}-{n}',
                                from_=f'<sip:{STATIC_NUMBER}@{STATIC_DOMAIN}>;tag=b{n}',
                                extra=f'Contact: <sip:{STATIC_ADDRESS}:5090>\r\nContent-Type: application/sdp\r\n', body=offer),
                   lab.edge.access_udp)
    deadline = time.monotonic() + 20
    while len(finals) < count and time.monotonic() < deadline:
        with contextlib.suppress(queue.Empty):
            while True:
                incoming = core.peer.incoming.get_nowait()
                reached += 1
                incoming.respond(486, 'Busy Here')
        for data, _ in burst.received(0.2, lambda _: True):
            message = sip_message.parse(data)
            if not message.is_request and message.status >= 200:
                finals[message['Call-ID']] = message
    burst.close()
    equal(len(finals), count, 'calls with a final answer')
    return reached, [m for m in finals.values() if m.status != 486], time.monotonic() - began


@case('a trunk about whose limits nobody says anything is bounded all the same: so many calls a second, 60 at a time; a zero '
      'that is written down is meant, and warned of')
def _(lab):
    static, core = lab.parties['static'], lab.core()
    text = lab.edge.cli('get', 'trunk', 'sipp-static')

    def warned():
        return any('trunks/sipp-static has no limit of calls' in w for w in lab.edge.warnings())
    apply_text(lab, SILENT)
    given = lab.edge.json('get', 'trunk', 'sipp-static')['limits']
    most, rate = given['concurrent_calls'], given['calls_per_second']
    equal((most, rate), (60, 10), 'what the API shows of it')
    require(not warned(), 'status warns of a trunk that is bounded')
    reached, refused, seconds = at_once(lab, 40)
    require(rate <= reached <= rate * (1 + seconds) and reached < 40, f'{reached} of 40 calls in {seconds:.1f} s')
    equal({(m.status, m.get('Retry-After') is None) for m in refused}, {(503, False)}, 'what the others got')

    held, response = [], None
    while response is None:
        require(len(held) <= most, f'{len(held)} calls at a time')
        call = static.peer.invite(f'sip:{CORE_NUMBER}@{STATIC_DOMAIN}', sdp.build(static.media_address, 40_000),
                                  caller=STATIC_NUMBER)
        process.wait_until(lambda: not core.peer.incoming.empty() or call.transaction.wait_final(0.01), 10, 'a call is decided')
        if not core.peer.incoming.empty():
            held.append((call, core.peer.wait_call(1)))
        elif (final := call.wait_final(5)).get('Retry-After') is None:
            response = final                     # else it has come too fast, and the next will do
    equal((len(held), response.status), (most, 503), 'calls at a time, and what the next one got')
    for call, incoming in held:
        incoming.reject(486, 'Busy Here')
        equal(call.wait_final(10).status, 486, 'a call that is held')

    apply_text(lab, SILENT + 'limits: {concurrent_calls: 0, calls_per_second: 0}\n')
    require(warned(), 'status does not warn of a trunk without limits')
    equal(at_once(lab, 40)[0], 40, 'calls of a trunk that is to have no limits')
    apply_text(lab, text)


@case('toll fraud has bounds that nobody has written: Digest in the clear is warned of, premium rate and satellites are refused, '
      'and so is a call that a route prices when a day\'s budget is spent [SC-16.6.1-08]')
def _(lab):
    second = int(time.time())       # the log has so many complaints a second: the case before may have used them up
    process.wait_until(lambda: int(time.time()) > second, 2, 'the next second has come')
    static, core = lab.parties['static'], lab.core()
    text, refused = lab.edge.cli('get', 'trunk', 'sipp-static'), len(lab.edge.records())
    price, priced = 30, '+4988777001'         # of a hundred a day: three minutes of one call are paid for, not of two
    route = f'''---
kind: Route
name: priced
prefix: "+4988"
price_per_minute: {price}
carriers: [carriers/core]
'''

    def answer_to(number):
        """The final answer, and whether the call has reached the core."""
        call = static.peer.invite(f'sip:{number}@{STATIC_DOMAIN}', static.offer(), caller=STATIC_NUMBER)
        process.wait_until(lambda: not core.peer.incoming.empty() or call.transaction.wait_final(0.01), 10, 'a call is decided')
        reached = not core.peer.incoming.empty()
        if reached:
            core.peer.wait_call(1).reject(486, 'Busy Here')
        return call.wait_final(10).status, reached

    def refusals(word):
        return lab.edge.scrape('signaling').get('sallyport_calls_total', outcome=word)

    def reasons(count):
        """Of so many refused calls; the records come when the media plane has answered."""
        process.wait_until(lambda: sum(r['sip_status'] == 603 for r in lab.edge.records()[refused:]) >= count, 10, 'records')
        return {r['reason'] for r in lab.edge.records()[refused:] if r['sip_status'] == 603}

    apply_text(lab, SILENT + route)
    try:
        require(any('trunks/fixed may use Digest without TLS' in w for w in lab.edge.warnings()), 'no warning of Digest in the clear')
        for number in ('+979123456789', '+881612345678', '+8823456789', '+19005551234'):
            equal(answer_to(number), (603, False), number)
        equal(answer_to(CORE_NUMBER), (486, True), 'an ordinary number')
        equal(reasons(4),
              {f'trunk sipp-static may not call {n}' for n in ('+979123456789', '+881612345678', '+8823456789', '+19005551234')},
              'reasons in the records')
        equal(answer_to(priced), (486, True), 'a call with a price, while there is a budget')
        outgoing, incoming = parties.establish(static, core, f'sip:{priced}@{STATIC_DOMAIN}', STATIC_NUMBER)
        equal(answer_to(priced), (603, False), 'a second call with a price, which could not be paid')
        equal(answer_to(CORE_NUMBER), (486, True), 'a call without a price then')
        equal(outgoing.bye().status, 200, 'BYE')
        require(incoming.wait_ended(), 'the BYE did not cross')
        equal(answer_to(priced), (486, True), 'a call with a price, when the first has ended')
        require('trunk sipp-static has spent what its calls may cost within a day' in reasons(5), reasons(5))
        equal((refusals('refused_barred'), refusals('refused_budget')), (4, 1), 'what is counted')
        for event in ('barred-destination', 'over-budget'):
            process.wait_until(lambda event=event: f'event={event} trunk=sipp-static' in lab.edge.daemons['signaling'].text(), 5,
                               f'the alarm {event} is in the log')
        apply_text(lab, SILENT + 'limits: {cost_per_day: 0, without_default_bars: true}\n' + route)
        equal(answer_to(priced), (486, True), 'a call with a price, without a budget')
        equal(answer_to('+979123456789'), (486, True), 'premium rate, where the trunk may')
        for words in ('may call premium rate', 'has no limit of what its calls may cost'):
            require(any(f'trunks/sipp-static {words}' in w for w in lab.edge.warnings()), f'no warning: {words}')
        apply_text(lab, SILENT + 'limits: {barred_prefixes: ["+4989"]}\n')
        equal(answer_to(CORE_NUMBER), (603, False), 'a prefix that the trunk bars')
        equal(answer_to('+979123456789'), (603, False), 'and those that every trunk bars')
    finally:
        lab.edge.cli('delete', 'route', 'priced', check=False)
        apply_text(lab, text)


@case('a PBX in the wrong mode is told so: REGISTER for a static trunk 403 or 404, a call without registration 403, both named in the log [SC-7-12]')
def _(lab):
    with lab.network.pbx.entered():
        stranger = transport.UdpTransport((ACCESS.peers[2], 5066), lab.edge.access_udp)
    peer = sip_peer.Peer(stranger, 'fixed.sallyport.example', 'fixed', password=PASSWORD)

    def told():                                 # the log takes a few complaints a second, and the case before made many
        response = peer.register()
        require(response.status in (403, 404), f'REGISTER of a static trunk: {response.start_line}')
        return 'fixed' in log_of(lab) and 'static mode' in log_of(lab)
    process.wait_until(told, 5, 'the log names trunk and mode', every=0.3)
    peer.close()
    lab.parties.pop('pbx').close()
    process.wait_until(lambda: not lab.edge.registrations(), 5, 'nobody is registered')
    response = unregistered_call(lab)
    equal(response.status, 403, 'a call of a PBX that has not registered')
    process.wait_until(lambda: f'trunk {USER} is not registered' in log_of(lab), 3, 'the log names it')


def pbx_over_tls(lab):
    """A connection of the PBX that has not registered."""
    with lab.network.pbx.entered():
        stream = transport.StreamTransport.connect(lab.edge.access_tls, (PBX_ADDRESS, 0),
                                                   transport.client_context(lab.edge.ca.certificate), lab.edge.server_name)
    return sip_peer.Peer(stream, DOMAIN, USER, password=PASSWORD, contact_address=(PBX_ADDRESS, 5071))


def unregistered_call(lab):
    peer = pbx_over_tls(lab)
    offer = sdp.build(PBX_ADDRESS, 40_000, parties.SUITE, sdp.new_key(parties.SUITE))
    response = peer.invite(lab.number_uri(CORE_NUMBER), offer, caller=PBX_NUMBER).wait_final(5)
    peer.close()
    require(response is not None, 'no answer to an unregistered call')
    return response


@case('403 to a call means "not registered" and nothing else: numbers, media, a trunk or a route that is away, the core\'s 403 have other codes [SC-16.4.2-05]')
def _(lab):
    equal(unregistered_call(lab).status, 403, 'not registered')
    pbx, core = lab.pbx(), lab.core()
    statuses = {}
    statuses['the core says 403'] = relayed(lab, pbx, core, 403, 'Forbidden')
    statuses['no number'] = pbx.peer.invite(f'sip:somebody@{DOMAIN}', pbx.offer(), caller=PBX_NUMBER).wait_final().status
    statuses['an incomplete number'] = pbx.peer.invite(f'sip:110@{DOMAIN}', pbx.offer(), caller=PBX_NUMBER).wait_final().status
    plain = sdp.build(pbx.media_address, pbx.port())
    statuses['media without SRTP'] = pbx.peer.invite(lab.number_uri(CORE_NUMBER), plain, caller=PBX_NUMBER).wait_final().status
    text = lab.edge.cli('get', 'trunk', USER)
    apply_text(lab, text + '\ndisabled: true\n' if 'disabled' not in text else text.replace('disabled: false', 'disabled: true'))
    statuses['the trunk is disabled'] = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER).wait_final().status
    apply_text(lab, text)
    route = lab.edge.cli('get', 'route', 'everything')
    require('prefix' not in route, route)
    apply_text(lab, route + '\nprefix: "+1"\n')
    statuses['no route'] = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER).wait_final().status
    apply_text(lab, route)
    equal(statuses, {'the core says 403': 603, 'no number': 404, 'an incomplete number': 484, 'media without SRTP': 488,
                     'the trunk is disabled': 480, 'no route': 404}, 'statuses')


@case('nor do limits, barred destinations and screening say 403: a full trunk is 503 to its PBX and 486 to the core, one that calls too '
      'fast 503 with Retry-After and 480, whom it may not call or call as is 603 [SC-16.4.2-05]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    before = lab.edge.cli('get', 'trunk', USER)

    def told(by, **options):
        """Status of a call that reaches nobody, and whether the caller is told to wait."""
        to = lab.number_uri(CORE_NUMBER) if by is pbx else TO_PBX
        response = by.peer.invite(to, by.offer(), **{'caller': PBX_NUMBER if by is pbx else CORE_NUMBER, **options}).wait_final(5)
        require(response is not None, f'no answer to a call of {by.name}')
        return response.status, 'Retry-After' in response

    def crosses():
        parties.busy(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)
    try:
        apply_text(lab, without(before, 'limits') + '\nlimits: {concurrent_calls: 1}\n')
        outgoing, incoming = parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)
        equal((told(pbx), told(core)), ((503, False), (486, False)), 'a trunk that has all its calls')
        hang_up(outgoing, incoming)
        process.wait_until(lambda: not lab.edge.json('call', 'list', '--live')['calls'], 5, 'its place is free again')
        crosses()
        apply_text(lab, without(before, 'limits') + '\nlimits: {calls_per_second: 0.01, burst: 1}\n')
        crosses()
        equal((told(pbx), told(core)), ((503, True), (480, False)), 'a trunk that calls too fast')
        apply_text(lab, without(before, 'limits') + f'\nlimits: {{concurrent_calls: 0, barred_prefixes: ["{CORE_NUMBER[:5]}"]}}\n')
        equal(told(pbx), (603, False), 'a barred destination')
        apply_text(lab, without(before, 'destinations') + '\ndestinations: {allowed_prefixes: ["+1"]}\n')
        equal(told(pbx), (603, False), 'a destination that is not allowed')
        apply_text(lab, without(before, 'identity') + '\nidentity: {screening: reject}\n')
        equal(told(pbx, caller=CORE_NUMBER[:-1]), (603, False), 'a caller that is no number of the trunk')
        crosses()
    finally:
        apply_text(lab, before)
    crosses()


def relayed(lab, pbx, core, status, reason):
    outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
    parties.wait_call(core, outgoing).reject(status, reason)
    return outgoing.wait_final().status


@case('a trunk in registration mode cannot be enabled without its AOR or its numbers; disabled it can be kept [SC-16-03]')
def _(lab):
    def trunk(*lines):
        return '\n'.join(['kind: Trunk', 'name: trunks/incomplete', 'mode: registration', 'realm: access',
                          'credentials: [{username: incomplete, password: a long enough password 17}]', *lines]) + '\n'
    aor = f'registration_aor: sip:incomplete@{DOMAIN}'
    numbers = 'numbers: [{first: "+4940888000", last: "+4940888009"}]'
    require('registration_aor' in refused_text(lab, trunk(numbers)), 'without AOR: the field is not named')
    require('numbers' in refused_text(lab, trunk(aor)), 'without numbers: the field is not named')
    apply_text(lab, trunk(aor, 'disabled: true'))
    require('numbers' in refused_text(lab, trunk(aor, 'disabled: false')), 'it could be enabled')
    apply_text(lab, trunk(aor, numbers))
    lab.edge.cli('delete', 'trunk', 'incomplete')


@case('no billing header is asked of the PBX: the trunk is what a call is billed to, record by record [SC-16.6.3-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    known = len(lab.edge.records())
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)
    for name in ('P-Charging-Vector', 'P-Charge-Info', 'P-Charging-Function-Addresses'):
        require(name not in outgoing.invite, f'the PBX sent {name}')
    hang_up(outgoing, incoming)
    records = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record is written')
    equal([(r['trunk'], r['from'], r['to'], r['sip_status']) for r in records], [(USER, PBX_NUMBER, CORE_NUMBER, 200)],
          'record')


@case('the record of a PBX\'s call has what it is billed by: trunk, number vouched for or the default one, Request-URI, times, '
      'cause, who redirected it, media statistics [SC-16.6.3-02]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    forwarding = '+4930555007'
    outside = f'<sip:+15615550100@{DOMAIN};user=phone>'
    entry = f'<sip:{{}}@{DOMAIN};user=phone{{}}>;index={{}}'
    history = ', '.join([entry.format('+4930555003', '?Reason=SIP%3Bcause%3D302', '1'),
                         entry.format(forwarding, '', '1.1;rc=1'), entry.format(CORE_NUMBER, '', '1.1.1;mp=1.1')])
    old_history = ', '.join([entry.format(forwarding, '?Reason=SIP%3Bcause%3D486&Privacy=none', '1'), entry.format(CORE_NUMBER, '', '1.1')])
    diversion = f'<sip:{forwarding}@{DOMAIN}>;reason=no-answer, <sip:+4930555003@{DOMAIN}>;reason=unconditional'
    # (From, fields, vouched for, redirecting party)
    calls = [(None, [], PBX_NUMBER, ''),
             (outside, [('Diversion', diversion)], forwarding, forwarding),
             (outside, [('History-Info', history)], forwarding, forwarding),
             (outside, [('History-Info', old_history), ('Diversion', f'<sip:+4930555003@{DOMAIN}>')], forwarding, forwarding),
             (outside, [('P-Asserted-Identity', f'<sip:{forwarding}@{DOMAIN}>')], forwarding, ''),
             (None, [('Diversion', f'"a" <sip:{"j%C3%BC" * 500}@{DOMAIN}>')], PBX_NUMBER, ('j%C3%BC' * 500)[:128]),
             (None, [('Diversion', '<sip'), ('History-Info', 'x;index=, <sip:a@b?>;rc=9')], PBX_NUMBER, '')]
    for sender, fields, vouched, redirecting in calls:
        began, known = time.time(), len(lab.edge.records())
        outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER, from_value=sender, headers=fields)
        incoming = parties.wait_call(core, outgoing)
        incoming.ring()
        incoming.respond(200, 'OK', core.answer_to(incoming.remote_sdp))
        equal(outgoing.wait_final().status, 200, 'INVITE')
        hang_up(outgoing, incoming)
        record, = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record is written')
        equal((record['trunk'], record['direction'], record['asserted_identity'], record['redirecting_party']),
              (USER, 'from-pbx', vouched, redirecting), f'trunk, direction, number and redirecting party of {fields}')
        equal((record['request_uri'], record['to'], record['emergency']), (lab.number_uri(CORE_NUMBER), CORE_NUMBER, False), 'where it went')
        equal((record['sip_status'], record['q850_cause'], record['ended_by']), (200, 16, 'caller'), 'cause')
        times = [record[name] for name in ('started_at', 'ringing_at', 'answered_at', 'ended_at')]
        seconds = [datetime.datetime.fromisoformat(t.replace('Z', '+00:00')).timestamp() for t in times]
        require(seconds == sorted(seconds) and began - 1 <= seconds[0] and seconds[3] <= time.time() + 1, f'times: {times}')
        equal([incoming.call_id in record['sip_call_ids'], record['sip_call_ids'][0]], [True, outgoing.call_id], 'Call-ID of each leg')
        equal(sorted(leg['side'] for leg in record['media']), ['a', 'b'], 'legs with statistics')
    known = len(lab.edge.records())
    parties.talk(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER, seconds=0.5)
    record, = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record is written')
    for leg in record['media']:
        require(leg['packets_received'] >= 20 and leg['packets_sent'] >= 20 and leg['bytes_received'] > 0, f'statistics: {leg}')
    equal({leg['side']: leg['srtp'] for leg in record['media']}, {'a': pbx.suite, 'b': ''}, 'SRTP of each leg')
    require(record['talk_ms'] >= 400, f'talked for {record["talk_ms"]} ms')
    known = len(lab.edge.records())
    refused = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER, headers=[('Diversion', diversion)])
    parties.wait_call(core, refused).reject(486, 'Busy Here')
    equal(refused.wait_final().status, 486, 'a busy callee')
    record, = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record is written')
    equal((record['sip_status'], record['q850_cause'], record['redirecting_party'], 'answered_at' in record),
          (486, 17, forwarding, False), 'an unanswered call')


@case('towards the PBX there are only SIP with the signaling address and media with the media address [SC-3-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    recorder = capture.Capture(lab.network.pbx, ('sig0', 'med0'), lab.run_directory, 'access')
    parties.talk(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER, seconds=1).require_intact()
    recorder.stop()
    rows = recorder.fields('ip.addr == 192.0.2.0/24 && !arp && !icmp',
                           ('ip.src', 'ip.dst', 'ip.proto', 'tcp.port', 'udp.srcport', 'udp.dstport', 'tcp.srcport', 'tcp.dstport'))
    seen = set()
    for source, destination, protocol, _, us, ud, ts, td in rows:
        edge = [a for a in (source, destination) if a in (ACCESS.signaling, ACCESS.media)]
        equal(len(edge), 1, f'{source} to {destination}: addresses of the edge')
        port = (td or ud) if destination == edge[0] else (ts or us)
        seen.add((edge[0], protocol, 'sip' if port in ('5060', '5061') else 'other'))
    require((ACCESS.signaling, '6', 'sip') in seen and (ACCESS.media, '17', 'other') in seen, f'{seen}')
    require(seen <= {(ACCESS.signaling, '6', 'sip'), (ACCESS.signaling, '17', 'sip'), (ACCESS.media, '17', 'other')}, f'{seen}')


# -- keep-alives and nonces
def tcp(lab, port=0):
    with lab.network.pbx.entered():
        return socket.create_connection(lab.edge.access_tcp, 5, (STRANGER, port))


def options_over(connection, number):
    """OPTIONS; what came up to the end of its answer."""
    local = transport.host_port(connection.getsockname())
    connection.sendall(wire.request('OPTIONS', f'sip:{DOMAIN}', via=f'SIP/2.0/TCP {local}', branch=f'z9hG4bKka{number}',
                                    call_id=f'keep-alive-{number}@{local}'))
    connection.settimeout(5)
    came = b''
    while not (b'SIP/2.0 ' in came and came.endswith(b'\r\n\r\n')):
        chunk = connection.recv(65_536)
        require(chunk, f'the connection was closed after {came!r}')
        came += chunk
    return came


def pongs_before_answer(came):
    pongs, found, _ = came.partition(b'SIP/2.0 ')
    require(found and not pongs.strip(b'\r\n'), f'{came!r}')
    return len(pongs) // 2 if pongs == b'\r\n' * (len(pongs) // 2) else pongs


@case('a pair of CRLF is answered with one CRLF, a single one and a stray CR or LF with nothing, in whatever pieces; what comes between is served, and UDP needs none of it [SC-17.4-02]')
def _(lab):
    with tcp(lab) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, (pieces, pongs) in enumerate((((b'\r\n\r\n',), 1), ((b'\r\n', b'\r\n'), 1), ((b'\r', b'\n\r', b'\n'), 1),
                                                  ((b'\r\n\r\n' * 3,), 3), ((b'\r\n',), 0), ((b'\r',), 0), ((b'\n',), 0))):
            for piece in pieces:
                connection.sendall(piece)
            equal(pongs_before_answer(options_over(connection, number)), pongs, f'CRLF answered after {pieces}')
    stranger = wire.Stranger(lab.network.pbx, STRANGER, (5064,))
    for keep_alive in (b'\r\n\r\n', b'\r\n', b'\0'):
        stranger.send(keep_alive, lab.edge.access_udp)
    stranger.send(wire.request('OPTIONS', f'sip:{DOMAIN}', via=f'SIP/2.0/UDP {STRANGER}:5064', branch='z9hG4bKkaudp',
                               call_id='keep-alive-udp'), lab.edge.access_udp)
    answers = [d for d, _ in stranger.received(3, until=lambda d: True)]
    stranger.close()
    require(len(answers) == 1 and answers[0].startswith(b'SIP/2.0 '), f'over UDP: {answers}')


class KeepAlives(threading.Thread):
    """Connections that send nothing but a keep-alive of their kind, at their interval, from the start of the tests on."""
    KINDS = ((b'\r\n', 3), (b'\r\n', 7), (b'\r\n\r\n', 5), (b'\r\n\r\n', 8))

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.silent = tcp(lab)
        self.kept = [(data, interval, tcp(lab)) for data, interval in self.KINDS]
        self.began = time.monotonic()
        self._over = threading.Event()
        self.start()

    def run(self):
        due = [(self.began + interval, interval, data, connection) for data, interval, connection in self.kept]
        while not self._over.wait(0.1):
            for i, (when, interval, data, connection) in enumerate(due):
                if time.monotonic() >= when:
                    with contextlib.suppress(OSError):      # closed: told when it is looked at
                        connection.sendall(data)
                    due[i] = (when + interval, interval, data, connection)

    def close(self):
        self._over.set()
        self.join()
        for connection in (self.silent, *(c for _, _, c in self.kept)):
            connection.close()


def is_closed(connection):
    connection.setblocking(False)
    try:
        while data := connection.recv(4_096):
            require(not data.strip(), f'{data!r}')
        return True
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@case('a nonce that has grown old costs one challenge, and then one REGISTER is enough again [SC-16.4.1.4-03]')
def _(lab):
    with lab.network.pbx.entered():
        stream = transport.StreamTransport.connect(lab.edge.access_tls, (PBX_ADDRESS, 0),
                                                   transport.client_context(lab.edge.ca.certificate), lab.edge.server_name)
    peer = sip_peer.Peer(stream, DOMAIN, USER, password=PASSWORD)
    challenge, count = None, 0

    def register():
        nonlocal count
        count += 1
        credentials = challenge and ('Authorization', sip_digest.answer(challenge, USER, PASSWORD, 'REGISTER',
                                                                        f'sip:{DOMAIN}', count))
        return peer.start(peer._register_request(600, True, None, (), credentials)).wait_final(5)

    def challenged(response):
        nonlocal challenge, count
        challenge, count = sip_digest.choose(response.all('WWW-Authenticate')), 0
    rollovers = []
    response = register()
    equal(response.status, 401, 'the first REGISTER')
    challenged(response)
    while len(rollovers) < 2:
        before = count
        response = process.wait_until(lambda: (r := register()).status != 200 and r, NONCE_SECONDS + 5,
                                      'the nonce is too old', every=0.2)
        equal(response.status, 401, 'a REGISTER with a nonce that is too old')
        rollovers.append(count - before - 1)
        challenged(response)
        equal(challenge.get('stale', '').lower(), 'true', 'stale')
        equal(register().status, 200, 'the REGISTER that answers it')
    require(min(rollovers) > 2, f'REGISTERs between two challenges: {rollovers}')
    peer.close()


@case('a REGISTER every few moments for an hour each is never refused or told to come less often [SC-16.5-04]')
def _(lab):
    pbx = lab.pbx()
    pbx.peer.transport.trace.clear()
    for _ in range(30):
        response = pbx.peer.register(expires=3600, bulk=True)
        equal(response.status, 200, 'REGISTER')
        require('expires=3600' in response['Contact'].replace(' ', ''), response['Contact'])
    answers = [m.status for m in messages(pbx.peer, outgoing=False) if not m.is_request]
    require(set(answers) <= {200, 401} and answers.count(200) == 30, f'{answers}')
    equal(len(lab.edge.registrations()), 1, 'registrations')


# -- the statement
def statement():
    done = subprocess.run([ROOT / 'tests' / 'conformance' / 'statement'], capture_output=True, text=True)
    equal(done.returncode, 0, f'statement: {done.stderr}')
    return done.stdout


def section(text, title):
    """The part under a heading that begins so, up to the next heading of the same depth."""
    lines, depth, out = text.splitlines(), None, []
    for line in lines:
        if line.startswith('#'):
            level = len(line) - len(line.lstrip('#'))
            if depth is not None and level <= depth:
                break
            if depth is None and line.lstrip('# ').startswith(title):
                depth = level
                continue
        if depth is not None:
            out.append(line)
    require(out, f'no section {title!r}')
    return '\n'.join(out)


@case('the conformance statement: key words, RFCs by mode and room, B2BUA types, prerequisites, core side, what is outside, successors [SC-1-02] [SC-2-01] [SC-3-05] [SC-5-02] [SC-5-03] [SC-5-06] [SC-18-01]')
def _(_lab):
    text = statement()
    for identity in ('SC-10.2.3-02', 'SC-16.4.1.3-03', 'SC-17.2-08'):
        require(identity in section(text, 'Key words'), f'{identity} is not marked as lower-case')
    by_mode = section(text, 'Which RFC')
    for mode, rows in (('both modes', ('RFC 3261', 'RFC 3264', 'RFC 4568', 'RFC 3550')),
                       ('Registration mode', ('RFC 6140', 'RFC 3327')), ('Static mode', ('RFC 3263', 'RFC 2782'))):
        for row in rows:
            found = [line for line in section(by_mode, mode).splitlines() if line.startswith(f'| {row} |')]
            require(found, f'{row} is not in {mode}')
            for room in found[0].split('|')[2].replace('`', '').split(','):
                require((ROOT / room.strip()).is_dir(), f'{room} is no room')
    require('media relay' in section(text, 'What kind of B2BUA') and 'media termination' in text, 'RFC 7092 types')
    for word in ('DNS', 'NTP', 'CA', 'core peer'):
        require(f'| {word} |' in section(text, 'What is taken for granted'), f'{word} is not a prerequisite')
    require('RFC 3264' in section(text, 'The core'), 'the core side')
    for word in ('QoS', 'management', 'security', 'accounting'):
        require(word in section(text, 'Outside of the profile'), f'{word} is not said to be outside')
    for old, new in (('4566', '8866'), ('5245', '8445'), ('5246', '8446'), ('7525', '9325')):
        require(f'| RFC {old} | RFC {new}' in section(text, 'Successors'), f'{old} -> {new}')


@case('the statement calls the listeners of each realm its SP-SSE, and status names them [SC-4-01]')
def _(lab):
    require('SP-SSE of a realm is what listens in it' in section(statement(), 'Elements'), 'the statement')
    named = {(l['realm'], l['transport'].lower(), l['endpoint']) for l in lab.edge.status()['signaling']['listeners']}
    for transport_name, address in (('udp', lab.edge.access_udp), ('tcp', lab.edge.access_tcp), ('tls', lab.edge.access_tls)):
        require(('access', transport_name, f'{address[0]}:{address[1]}') in named, f'{transport_name} {address}: {named}')
    require(('core', 'udp', f'{CORE.signaling}:5060') in named, f'{named}')


@case('the failure matrix is published, and what the node answers is in it [SC-16.4.1-01]')
def _(lab):
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in section(statement(), 'Failures').splitlines()
            if line.startswith('| ') and not line.startswith('| request')]

    def published(request, status):
        return any(row[0] == request and str(status) in row[1] and all(row) for row in rows)
    for request in ('REGISTER', 'INVITE'):
        require(any(row[0] == request for row in rows), f'nothing about {request}')
    pbx, core = lab.pbx(), lab.core()
    pbx.peer.transport.trace.clear()
    pbx.peer.register(bulk=True)
    seen = {('REGISTER', m.status) for m in messages(pbx.peer, False) if not m.is_request and m.status >= 300}
    seen.add(('REGISTER', pbx.peer.register(bulk=True, headers=[('Require', 'foo')]).status))
    seen.add(('REGISTER', pbx.peer.register(bulk=True, expires=1).status))
    seen.add(('INVITE', relayed(lab, pbx, core, 403, 'Forbidden')))
    seen.add(('INVITE', pbx.peer.invite(f'sip:somebody@{DOMAIN}', pbx.offer(), caller=PBX_NUMBER).wait_final().status))
    seen.add(('INVITE', unregistered_call_of_nobody(lab)))
    lab.edge.cli('drain', '--no-wait')
    seen.add(('REGISTER', pbx.peer.register(bulk=True).status))
    seen.add(('INVITE', pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER).wait_final().status))
    lab.edge.cli('undrain')
    require({('REGISTER', 401), ('REGISTER', 420), ('REGISTER', 423), ('REGISTER', 503), ('INVITE', 407)} <= seen, f'{seen}')
    missing = sorted(s for s in seen if not published(*s))
    require(not missing, f'answers that the matrix does not name: {missing}')


def unregistered_call_of_nobody(lab):
    with lab.network.pbx.entered():
        stranger = transport.UdpTransport((ACCESS.peers[2], 5067), lab.edge.access_udp)
    peer = sip_peer.Peer(stranger, DOMAIN, 'nobody')
    response = peer.start(peer.plain_request('INVITE', lab.number_uri(CORE_NUMBER))).wait_final(5)
    peer.close()
    return response.status


@case('keep-alives at whatever interval below the idle time keep a connection, a silent one ends; however many there are, none is refused [SC-17.4-04]')
def _(lab):
    keeping = lab.keep_alives
    process.wait_until(lambda: is_closed(keeping.silent), IDLE_SECONDS + 5, 'the silent connection is closed')
    process.wait_until(lambda: time.monotonic() > keeping.began + IDLE_SECONDS + 2, IDLE_SECONDS, 'the idle time is over')
    for number, (data, interval, connection) in enumerate(keeping.kept):
        require(not is_closed(connection), f'{data!r} every {interval} s did not keep the connection')
    keeping._over.set()
    keeping.join()
    connection = keeping.kept[2][2]
    options_over(connection, 'before')
    connection.sendall(b'\r\n\r\n' * 3000)
    equal(pongs_before_answer(options_over(connection, 'after')), 3000, 'pongs')
    keeping.close()


@case('a realm without a registrar: REGISTER is 405 and Allow does not name it, a trunk in registration mode is shown to be '
      'down for it, static trunks have their calls; with the registrar it registers again [SC-16-05] [SC-7-11]')
def _(lab):
    static, core = lab.parties['static'], lab.core()
    file = lab.edge.run / 'signaling.yaml'
    text = file.read_text()
    place = '  - name: access\n'
    require(place in text, text)
    file.write_text(text.replace(place, place + '    registrar: false\n'))
    try:
        lab.edge.restart('signaling')
        response = register_over_tls(lab)
        equal(response.status, 405, 'REGISTER')
        methods = {'INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'UPDATE', 'PRACK'}
        equal(set(re.findall(r'\w+', response['Allow'])), methods, 'Allow of the refusal')
        answer = static.peer.options(f'sip:{STATIC_DOMAIN}')
        equal(set(re.findall(r'\w+', answer['Allow'])), methods, 'Allow of the answer to OPTIONS')
        equal((answer.get('Allow-Events'), answer.get('Supported')), (None, None), 'what it says of registrations')
        process.wait_until(lambda: 'no registrar' in lab.edge.cli('trunk', 'show', USER), 10, 'trunk show says why it is down')
        for caller, callee, to, number in ((static, core, f'sip:{CORE_NUMBER}@{STATIC_DOMAIN};user=phone', STATIC_NUMBER),
                                           (core, static, TO_STATIC, CORE_NUMBER)):
            parties.busy(caller, callee, to, number)
    finally:
        file.write_text(text)
        lab.edge.restart('signaling')
    equal(register_over_tls(lab).status, 200, 'REGISTER at a registrar')
    answer = static.peer.options(f'sip:{STATIC_DOMAIN}')
    require('REGISTER' in answer['Allow'] and 'gin' in answer['Supported'], 'what a registrar says of itself')


def register_over_tls(lab):
    peer = pbx_over_tls(lab)
    response = peer.register(bulk=True)
    peer.close()
    return response


MANY, CHANGED = 10_000, 5_000


@case('ten thousand trunks are provisioned at once, and of the same file with one of them changed that one alone is applied: a call of another '
      'trunk is heard throughout, its registration and its trunk are untouched, and the changed one is as it should be [SC-7-07]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    file, text = Path(lab.run_directory) / 'many.yaml', avalanche.trunks(MANY, DOMAIN)
    place = f'name: trunks/{avalanche.trunk_name(CHANGED)}\n'
    require(text.count(place) == 1, place)
    changed = text.replace(place, place + 'limits: {concurrent_calls: 7}\n')

    def provision(content):
        """What became of each trunk that is said to differ, and the seconds until signaling works with it."""
        file.write_text(content)
        began, differences = time.monotonic(), []
        for line in apply_slowly(lab, file).splitlines():
            if found := re.match(r'(create|update|delete) +(\S+)', line):
                differences.append(found.groups())
        lab.edge.wait_status(lambda s: s['signaling']['revision'] == s['revision'], 'signaling has it', 60)
        return differences, time.monotonic() - began

    def others():
        """What must not move: the trunk with a call, its registration but for its age, a neighbour of the changed trunk."""
        registration, = [r for r in lab.edge.registrations() if r['trunk'] == USER]
        return [lab.edge.json('get', 'trunk', name)['etag'] for name in (USER, avalanche.trunk_name(CHANGED - 1))] + \
            [registration['contact'], registration['source']]
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER)
    differences, first = provision(text)
    equal((len(differences), {action for action, _ in differences}), (MANY, {'create'}), 'trunks of the first file')
    before, since = others(), state_since(lab)
    probes = [pbx.probe(outgoing, outgoing.local_sdp, duration=TALK_SECONDS).wait_ready(),
              core.probe(incoming, incoming.local_sdp, duration=TALK_SECONDS).wait_ready()]
    differences, second = provision(changed)
    equal(differences, [('update', f'trunks/{avalanche.trunk_name(CHANGED)}')], 'differences of the second file')
    equal(lab.edge.json('get', 'trunk', avalanche.trunk_name(CHANGED))['limits']['concurrent_calls'], 7, 'the changed limit')
    require(first < 60 and second < TALK_SECONDS, f'applied within {first:.1f} s, and the change within {second:.1f} s')
    for who, heard in zip(('the PBX', 'the core'), (p.result() for p in probes)):
        require(heard['ok'] and heard['lost'] == 0 and heard['ssrc_changes'] == 0, f'{who}: {heard["failure"]}, lost {heard["lost"]}')
    equal((others(), state_since(lab)), (before, since), 'the other trunks')
    equal(provision(changed)[0], [], 'differences of the same file once more')
    hang_up(outgoing, incoming)
    hang_up(*parties.establish(core, pbx, TO_PBX, CORE_NUMBER))


TALK_SECONDS = 20


def state_since(lab):
    scrape = lab.edge.scrape('signaling')
    return [scrape.get('sallyport_trunk_state_since_timestamp_seconds', trunk=name) for name in (USER, 'sipp-static')]


def apply_slowly(lab, file):
    """`sallyport apply` with more time than a file of ordinary size needs."""
    done = subprocess.run(lab.edge.cli_command('--timeout', '60', 'apply', '-f', str(file)), capture_output=True, text=True, timeout=90)
    require(done.returncode == 0, f'apply: {done.stderr[-500:]}')
    return done.stdout


if __name__ == '__main__':
    sys.exit(main('profile', lambda: running_edge('profile', access=('udp', 'tcp', 'tls'), prepare=prepare, options=NODE)))
