#!/usr/bin/env python3
"""The edge as user agent server, user agent client and registrar (RFC 3261 8 to 17), by messages that are written octet by
octet: what a request is answered with, what is sent again and until when, and what an ACK, a CANCEL and a BYE look like."""
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.edge import CORE_UDP  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sdp, sip_message  # noqa: E402
from telephones import messages  # noqa: E402

RAW_ADDRESS, RAW_PORT = '198.51.100.11', 5090        # of the carrier, and nobody else's
URI = f'sip:{PBX_NUMBER}@{CORE.signaling}'
VIA = f'SIP/2.0/UDP {RAW_ADDRESS}:{RAW_PORT}'
CONTACT = f'Contact: <sip:{CORE_NUMBER}@{RAW_ADDRESS}:{RAW_PORT}>\r\n'
SDP_TYPE = 'Content-Type: application/sdp\r\n'
UNIT = 0.5                                           # T1


class Raw(wire.Stranger):
    """A user agent of the carrier's, over UDP, without any machinery."""

    def __init__(self, lab):
        super().__init__(lab.network.core, RAW_ADDRESS, (RAW_PORT,))

    def ask(self, method='OPTIONS', uri=URI, *, call_id=None, branch=None, edit=lambda octets: octets, final=True, **options):
        """(request as sent, responses up to the final one)."""
        call_id, branch = call_id or sip_message.new_tag(), branch or sip_message.new_branch()
        options = {'from_': f'<sip:{CORE_NUMBER}@core.example>;tag=raw', **options}
        data = edit(wire.request(method, uri, via=VIA, branch=branch, call_id=call_id, **options))
        self.send(data, CORE_UDP)
        request = sip_message.parse(data)
        request.octets = data
        return request, self.responses(branch, lambda m: m.status >= 200) if final else []

    def responses(self, branch, until, seconds=5):
        wanted = branch.encode()
        got = self.received(seconds, lambda d: wanted in d and d.startswith(b'SIP/2.0 ') and until(sip_message.parse(d)))
        return [sip_message.parse(d) for d, _ in got if wanted in d and d.startswith(b'SIP/2.0 ')]


def raw(lab):
    if 'raw' not in lab.parties:
        lab.parties['raw'] = Raw(lab)
    return lab.parties['raw']


def offer(port=42_000):
    return sdp.build(RAW_ADDRESS, port)


def instead(old, new):
    return lambda octets: octets.replace(old.encode(), new.encode(), 1)


INVITE = dict(method='INVITE', extra=CONTACT + SDP_TYPE, body=offer())
# What is sent; the status that answers it; a field that the answer has to have.
REQUESTS = {
    'OPTIONS of the node': (dict(uri=f'sip:{CORE.signaling}'), 200, 'Allow'),
    'an unknown method': (dict(method='FROBNICATE'), 501, 'Allow'),
    'a method that is not for here': (dict(method='PUBLISH', extra='Event: presence\r\n'), 405, 'Allow'),
    'a scheme that nobody knows': (dict(INVITE, uri='gopher:somewhere'), 416, None),
    'an extension that is required': (dict(INVITE, extra=CONTACT + SDP_TYPE + 'Require: teleport\r\n'), 420, 'Unsupported'),
    'no hops left': (dict(INVITE, edit=instead('Max-Forwards: 70', 'Max-Forwards: 0')), 483, None),
    'a body of another type': (dict(INVITE, extra=CONTACT + 'Content-Type: text/plain\r\n'), 415, 'Accept'),
    'a body that is encoded': (dict(INVITE, extra=CONTACT + SDP_TYPE + 'Content-Encoding: gzip\r\n'), 415, 'Accept-Encoding'),
    'another version of SIP': (dict(edit=instead(' SIP/2.0\r\nVia', ' SIP/7.0\r\nVia')), 505, None),
    'a CSeq of another method': (dict(edit=instead('1 OPTIONS', '1 INVITE')), 400, None),
    'a number that nobody has': (dict(INVITE, uri=f'sip:+4930777099@{CORE.signaling}'), 404, None),
    'an INVITE in a dialog that is not': (dict(INVITE, to=f'<{URI}>;tag=gone'), 481, None),
    'a BYE in a dialog that is not': (dict(method='BYE', to=f'<{URI}>;tag=gone'), 481, None),
    'a CANCEL of nothing': (dict(method='CANCEL'), 481, None),
}


@case('as a server: each request has the one answer that RFC 3261 has for it, which copies Via, From, Call-ID and CSeq and '
      'tags To; sent again it has the same answer [SC-6-01]')
def _(lab):
    agent = raw(lab)
    for what, (options, status, field) in REQUESTS.items():
        request, responses = agent.ask(**options)
        require(responses, f'{what}: no answer')
        final = responses[-1]
        equal(final.status, status, what)
        require(field is None or final.get(field), f'{what}: {status} without {field}')
        for name in ('From', 'Call-ID', 'CSeq'):
            equal(final.get(name), request.get(name), f'{what}: {name} of the answer')
        require(final['Via'].startswith(f'{VIA};branch={request.branch}'), f'{what}: {final["Via"]}')
        require(final['To'].startswith(request['To']) and sip_message.parameter(final['To'], 'tag'), f'{what}: {final["To"]}')
        agent.send(request.octets, CORE_UDP)
        again = agent.responses(request.branch, lambda m: True)
        equal([m.status for m in again], [status], f'{what}: the answer to the same request')
        if status == 200:
            equal(str(again[0]), str(final), f'{what}: the answer to the same request')
        if request.method == 'INVITE':
            acknowledge(agent, request, final)


def acknowledge(agent, request, final, branch=None, uri=None, extra='', cseq=None):
    """The ACK for a failure; with a branch of its own the one for a 2xx."""
    agent.send(wire.request('ACK', uri or request.uri, via=VIA, branch=branch or request.branch, call_id=request.call_id,
                            from_=request['From'], to=final['To'], extra=extra, cseq=cseq or request.cseq[0])
               .replace(b'CSeq: 1 INVITE', b'CSeq: 1 ACK'), CORE_UDP)


@case('as a server: an ACK that fits nothing is not answered, the same INVITE by another way is 482, and a failure is told again '
      'until its ACK and not once more [SC-6-01]')
def _(lab):
    agent, pbx = raw(lab), lab.pbx()
    agent.ask('ACK', to=f'<{URI}>;tag=gone', call_id='nobody', final=False)
    request, _ = agent.ask(**INVITE, final=False)
    incoming = pbx.peer.wait_call(5)
    merged, responses = agent.ask(**INVITE, call_id=request.call_id)
    equal(responses and responses[-1].status, 482, 'the merged request')
    acknowledge(agent, merged, responses[-1])
    incoming.respond(486, 'Busy Here')
    told = []
    failures = agent.responses(request.branch, lambda m: m.status == 486 and (told.append(m) or len(told) == 3), 4 * UNIT + 3)
    require([m.status for m in failures].count(486) == 3, f'{[m.start_line for m in failures]}')
    equal(len({str(m) for m in failures if m.status == 486}), 1, 'different answers among them')
    acknowledge(agent, request, told[-1])
    rest = agent.received(8 * UNIT + 1)              # the next one would have been due after 4 T1
    equal([d.split(b'\r\n')[0] for d, _ in rest if not d.startswith(b'OPTIONS')], [], 'after the ACK')


@case('as a server: 100 at once, 200 again and again until its ACK, CANCEL is 200 and the INVITE 487; a lower CSeq is 500 '
      '[SC-6-01]')
def _(lab):
    agent, pbx = raw(lab), lab.pbx()
    request, _ = agent.ask(**INVITE, final=False)
    incoming = pbx.peer.wait_call(5)
    incoming.respond(200, 'OK', pbx.answer_to(incoming.remote_sdp))
    oks = []
    responses = agent.responses(request.branch, lambda m: m.status == 200 and (oks.append(m) or len(oks) == 3), 4 * UNIT + 3)
    equal(responses[0].status, 100, 'the first response')
    require(len(oks) == 3 and len({str(m) for m in oks}) == 1, f'200 until the ACK: {[m.start_line for m in responses]}')
    target = sip_message.uri_of(oks[0]['Contact'])
    acknowledge(agent, request, oks[0], branch=sip_message.new_branch(), uri=target)
    require(incoming.server.acknowledged.wait(5), 'the PBX has its ACK')
    quiet = agent.received(8 * UNIT + 1)
    equal([d for d, _ in quiet if d.startswith(b'SIP/2.0 200') and request.branch.encode() in d], [], '200 after the ACK')
    in_dialog = dict(call_id=request.call_id, to=oks[0]['To'], uri=target)
    equal(agent.ask('OPTIONS', cseq=7, **in_dialog)[1][-1].status, 200, 'OPTIONS within the call')
    equal(agent.ask('OPTIONS', cseq=6, **in_dialog)[1][-1].status, 500, 'a CSeq that is too low')
    equal(agent.ask('BYE', cseq=8, **in_dialog)[1][-1].status, 200, 'BYE')
    require(incoming.wait_ended(5), 'the BYE came to the PBX')
    request, _ = agent.ask(**INVITE, final=False)
    incoming = pbx.peer.wait_call(5)
    incoming.ring()
    agent.responses(request.branch, lambda m: m.status == 180)
    agent.ask('CANCEL', call_id=request.call_id, branch=request.branch, final=False)
    got = {m.cseq[1]: m for m in agent.responses(request.branch, lambda m: m.status == 487)}
    equal((got['CANCEL'].status, got['INVITE'].status), (200, 487), 'CANCEL and INVITE')
    acknowledge(agent, request, got['INVITE'])
    require(incoming.cancelled.wait(5), 'the CANCEL came to the PBX')


# ---------------------------------------------------------------- as a client

def of(core, method, call_id=None, since=0):
    return [m for m in messages(core.peer, since=since) if m.is_request and m.method == method and call_id in (None, m.call_id)]


@case('as a client: an INVITE is sent again over UDP, the same in every octet, until something is heard; not afterwards '
      '[SC-6-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    since, heard, third = len(core.peer.transport.trace), [], threading.Event()
    hand_on = core.peer._receive

    def deaf(message, source):
        if message.is_request and message.method == 'INVITE' and len(heard) < 2:
            heard.append(message)
            return
        hand_on(message, source)
        if message.is_request and message.method == 'INVITE':
            third.set()
    core.peer.transport.on_message = deaf
    try:
        outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
        require(third.wait(4 * UNIT + 3), f'{len(heard)} INVITEs came')
        incoming = parties.wait_call(core, outgoing)                 # its 100 has gone
        equal(len({str(m) for m in of(core, 'INVITE', since=since)}), 1, 'different INVITEs')
        equal(outgoing.transaction.wait(lambda m: m.status >= 180, 8 * UNIT), None, 'what the PBX hears while nobody rings')
        equal(len(of(core, 'INVITE', since=since)), 3, 'INVITEs before and after the 100')
    finally:
        core.peer.transport.on_message = hand_on
    incoming.reject(486, 'Busy Here')
    parties.require_status(outgoing.wait_final(5), 486, 'the call')


@case('as a client: the ACK of a failure has the branch of its INVITE, that of a 2xx its own and goes to the Contact by the '
      'route; each 2xx has its ACK; CANCEL and BYE are what their INVITE and dialog say [SC-6-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()

    def called():
        outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER)
        incoming = parties.wait_call(core, outgoing)
        return outgoing, incoming, incoming.invite
    outgoing, incoming, invite = called()
    require(incoming.reject(486, 'Busy Here'), 'no ACK of the 486')
    ack = of(core, 'ACK', invite.call_id)[0]
    for name in ('Call-ID', 'From', 'Via'):
        equal(ack[name], invite[name], f'{name} of the ACK of a failure')
    equal((ack.uri, ack.cseq), (invite.uri, (invite.cseq[0], 'ACK')), 'its Request-URI and CSeq')
    require(sip_message.parameter(ack['To'], 'tag') == sip_message.parameter(incoming.local, 'tag'), f'To: {ack["To"]}')

    outgoing, incoming, invite = called()
    route = f'<sip:{core.media_address}:5060;lr;first>, <sip:{core.media_address}:5060;lr;second>'
    answer = [core.answer_to(incoming.remote_sdp), [('Record-Route', route)]]
    incoming.respond(200, 'OK', *answer)
    require(incoming.server.acknowledged.wait(5), 'no ACK of the 200')
    core.peer.send(incoming.server.last, incoming.destination)       # as if that ACK had been lost
    parties.require_status(outgoing.wait_final(5), 200, 'the call')
    parties.require_status(outgoing.bye(5), 200, 'BYE')
    require(incoming.wait_ended(5), 'no BYE')
    process.wait_until(lambda: len(of(core, 'ACK', invite.call_id)) == 2, 5, 'both 200 are acknowledged, whichever order they came in')
    acks, bye = of(core, 'ACK', invite.call_id), of(core, 'BYE', invite.call_id)[0]
    contact = sip_message.uri_of(core.peer.contact(sip_message.user_of(invite.uri)))
    reversed_route = [r.strip() for r in reversed(route.split(','))]
    for what, request, cseq in (('ACK', acks[0], invite.cseq[0]), ('ACK again', acks[1], invite.cseq[0]), ('BYE', bye, invite.cseq[0] + 1)):
        equal((request.uri, request.cseq[0]), (contact, cseq), f'Request-URI and CSeq of the {what}')
        equal(sip_message.split_list(request.all('Route')), reversed_route, f'route of the {what}')
        require(request.branch != invite.branch, f'branch of the {what}')
        equal([sip_message.parameter(request[n], 'tag') for n in ('From', 'To')],
              [sip_message.parameter(incoming.remote, 'tag'), sip_message.parameter(incoming.local, 'tag')], f'tags of the {what}')

    outgoing, incoming, invite = called()
    parties.require_status(outgoing.cancel(), 200, 'CANCEL')
    require(incoming.cancelled.wait(5), 'no CANCEL')
    cancel = of(core, 'CANCEL', invite.call_id)[0]
    for name in ('Call-ID', 'From', 'To', 'Via'):
        equal(cancel[name], invite[name], f'{name} of the CANCEL')
    equal((cancel.uri, cancel.cseq), (invite.uri, (invite.cseq[0], 'CANCEL')), 'its Request-URI and CSeq')
    parties.require_status(outgoing.wait_final(5), 487, 'the cancelled INVITE')


# ---------------------------------------------------------------- as a registrar

def expiry(response):
    """Seconds that are left of the binding, or None when there is none."""
    contacts = sip_message.split_list(response.all('Contact'))
    return int(sip_message.parameter(contacts[0], 'expires')) if contacts else None


def fetched(peer):
    """The answer to a REGISTER without Contact."""
    authorization = None
    for _ in range(2):
        request = peer._register_request(600, False, None, (), authorization)
        request.headers = [h for h in request.headers if h[0] not in ('Contact', 'Expires')]
        response = peer.start(request).wait_final(5)
        authorization = peer._authorize(request, response) if response.status == 401 else None
    return parties.require_status(response, 200, 'a REGISTER without Contact')


@case('as a registrar: 401 first, then the binding with its time; it is fetched, refreshed and removed, and a REGISTER that is '
      'too brief is 423 with the least that is taken [SC-6-01]')
def _(lab):
    peer = lab.pbx().peer
    since = len(peer.transport.trace)
    response = parties.require_status(peer.register(600, bulk=True), 200, 'REGISTER')
    statuses = [m.status for m in messages(peer, since=since) if not m.is_request]
    equal(statuses, [401, 200], 'answers to REGISTER')
    equal(expiry(response), 600, 'expires')
    left = expiry(fetched(peer))
    require(left is not None and 590 <= left <= 600, f'seconds left of the binding that was fetched: {left}')
    refreshed = parties.require_status(peer.register(900, bulk=True), 200, 'a refresh')
    equal((expiry(refreshed), len(sip_message.split_list(refreshed.all('Contact')))), (900, 1), 'the binding after it')
    brief = peer.register(1, bulk=True)
    equal(brief.status, 423, 'a REGISTER for one second')
    require(int(brief['Min-Expires']) > 1, f'Min-Expires: {brief["Min-Expires"]}')
    equal(expiry(parties.require_status(peer.register(0, bulk=True), 200, 'the end of it')), None, 'a binding that was removed')
    refused = lab.core().peer.invite(URI, lab.core().offer(), caller=CORE_NUMBER).wait_final(5)
    parties.require_status(refused, 480, 'a call to a PBX that is not registered')
    parties.require_status(peer.register(600, bulk=True), 200, 'REGISTER')
    parties.busy(lab.core(), lab.pbx(), URI, CORE_NUMBER)


if __name__ == '__main__':
    sys.exit(main('user_agent', lambda: running_edge('user_agent')))
