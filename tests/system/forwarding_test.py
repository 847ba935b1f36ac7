#!/usr/bin/env python3
"""Calls that a PBX sends on (SIPconnect 11): by 302, which the edge follows in its place, and by a new INVITE with
History-Info. A and C are in the core, B is the PBX; what A, B and C are sent, and what the records say."""
import contextlib
import queue
import re
import select
import socket
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PBX_ADDRESS, PBX_NUMBER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_message, sip_peer, transport  # noqa: E402
from pbx_sim.sip_message import split_list  # noqa: E402

CALLER, C = CORE_NUMBER, '+4989777003'
# A PBX with a fixed address and plain RTP, which carries media of its own from one call to the other.
STATIC_ADDRESS, STATIC_NUMBER = '192.0.2.20', '+4940555001'
STRICT_AOR, STRICT_NUMBER, STRICT_PASSWORD = 'strict', '+4930777001', 'a strict password'


def to_pbx(number=PBX_NUMBER):
    return f'sip:{number}@{CORE.signaling}'


def sent_since(party, known):
    """Messages that this party was sent, as text."""
    return [t.data.decode('utf-8', 'replace') for t in list(party.peer.transport.trace)[known:] if not t.outgoing]


def redirections(messages):
    return [m.splitlines()[0] for m in messages if re.match(r'SIP/2\.0 3\d\d', m)]


def contact(number, host=PBX_ADDRESS, **parameters):
    return f'<sip:{number}@{host}>' + ''.join(f';{k}={v}' for k, v in parameters.items())


def call_pbx(lab, number=PBX_NUMBER, headers=()):
    """A calls B: both ends of it, ringing."""
    core, pbx = lab.core(), lab.pbx()
    offer = core.offer()
    outgoing = core.peer.invite(to_pbx(number), offer, caller=CALLER, headers=headers)
    outgoing.local_sdp = sdp.parse(offer)
    at_pbx = parties.wait_call(pbx, outgoing)
    at_pbx.ring()
    require(outgoing.wait_provisional(180), 'A hears it ring')
    return outgoing, at_pbx


def redirect(at_pbx, *contacts, status=302):
    at_pbx.reject(status, 'Moved', [('Contact', c) for c in contacts])


def answered(core, outgoing, incoming):
    answer = core.answer_to(incoming.remote_sdp)
    require(incoming.answer(answer), 'C is acknowledged')
    equal(outgoing.wait_final().status, 200, 'A is told')


def heard(party, call, other, other_call, seconds=1):
    """The verified signal both ways between two ends."""
    probes = [party.probe(call, call.local_sdp, duration=seconds), other.probe(other_call, other_call.local_sdp, duration=seconds)]
    for name, result in zip(('A', 'C'), [p.result() for p in probes]):
        require(result['ok'], f'media to {name}: {result["failure"]}')


def new_record(lab, known):
    records = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record is written')
    equal(len(records), 1, 'records')
    return records[0]


def history(message):
    return split_list(message.all('History-Info'))


@case('B answers 302: C is called in its place, A hears C and sees no redirection; the way is in History-Info, the bill B\'s '
      '[SC-11.2-02] [SC-11.2-03] [SC-5-07]')
def _(lab):
    core, known, seen = lab.core(), len(lab.edge.records()), len(lab.core().peer.transport.trace)
    outgoing, at_pbx = call_pbx(lab)
    redirect(at_pbx, f'<sip:{C}@{PBX_ADDRESS}?Replaces=an-other-call>')
    at_c = parties.wait_call(core, outgoing)
    require(outgoing.wait_provisional(181), 'A is told that the call is forwarded')
    equal(sip_message.user_of(at_c.invite.uri), C, 'who is called')
    require(f'sip:{PBX_NUMBER}@' in at_c.invite['To'], f'To is as it was: {at_c.invite["To"]}')
    require(f'sip:{CALLER}@' in at_c.invite['From'], f'From is the caller: {at_c.invite["From"]}')
    entries = history(at_c.invite)
    equal([re.sub(r'@[^;?>]*', '', e) for e in entries],
          [f'<sip:{PBX_NUMBER};user=phone?Reason=SIP%3Bcause%3D302>;index=1', f'<sip:{C};user=phone>;index=1.1;mp=1'], 'History-Info')
    require('Replaces' not in at_c.invite, 'header fields of a Contact are not taken over')
    require(at_c.call_id not in (outgoing.call_id, at_pbx.call_id), 'a Call-ID of its own')
    at_c.ring()
    answered(core, outgoing, at_c)
    heard(core, outgoing, core, at_c)
    equal(at_c.bye().status, 200, 'BYE')
    require(outgoing.wait_ended(), 'A hears of it')
    equal(redirections(sent_since(core, seen)), [], 'redirections that the core has seen')
    record = new_record(lab, known)
    equal((record['direction'], record['trunk'], record['sip_status'], record['to']), ('forwarded', 'acme-hq', 200, PBX_NUMBER), 'record')
    equal(record['forwards'], [{'from': PBX_NUMBER, 'to': C, 'trunk': 'acme-hq', 'sip_status': 302, 'left_status': 0}], 'forwards')
    equal(record['ends'], ['carriers/core', 'carriers/core'], 'ends')


@case('several contacts are called by their q, each once; when all fail A hears the last failure, and none of the redirection '
      '[SC-11.2-01] [SC-11.2-03]')
def _(lab):
    core, seen = lab.core(), len(lab.core().peer.transport.trace)
    outgoing, at_pbx = call_pbx(lab)
    redirect(at_pbx, contact('+4989777011', q='0.2'), contact('+4989777012', q='0.9') + ', ' + contact('+4989777012'),
             contact('+4989777013', q='0.5'))
    called = []
    for status, reason in ((486, 'Busy Here'), (480, 'Temporarily Unavailable'), (404, 'Not Found')):
        at_c = parties.wait_call(core, outgoing)
        called.append(sip_message.user_of(at_c.invite.uri))
        at_c.reject(status, reason)
    equal(called, ['+4989777012', '+4989777013', '+4989777011'], 'order')
    equal(outgoing.wait_final().status, 404, 'the last failure')
    equal(redirections(sent_since(core, seen)), [], 'redirections that the core has seen')


@case('no redirection is followed to an emergency number, a barred one, where the call has been, or for ever: A is told 480, and '
      'once five were followed, what the fifth has said [SC-11.2-02]')
def _(lab):
    core, refused = lab.core(), ('112', '+19005550100', PBX_NUMBER)
    for number in refused:
        outgoing, at_pbx = call_pbx(lab)
        redirect(at_pbx, contact(number))
        equal(outgoing.wait_final().status, 480, f'302 to {number}')
    require(core.peer.incoming.empty(), 'nobody was called')
    # Round and round the PBX: every number of it sends the call to the next one.
    outgoing, at_pbx = call_pbx(lab)
    hops = 0
    with contextlib.suppress(queue.Empty):
        while True:
            hops += 1
            redirect(at_pbx, contact(f'+4930555{20 + hops:03}'))
            at_pbx = lab.pbx().peer.wait_call(3)
    equal((outgoing.wait_final().status, hops), (480, 6), 'A is told, and how often the PBX was called')


def strict_pbx(lab):
    """A PBX whose callers are screened, and whose redirections are not followed."""
    if 'strict' not in lab.parties:
        lab.parties['strict'] = parties.registered_pbx(
            lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls, ca_file=lab.edge.ca.certificate,
            server_name=lab.edge.server_name, domain=DOMAIN, user=STRICT_AOR, password=STRICT_PASSWORD, address=PBX_ADDRESS,
            name='strict')
        equal(lab.parties['strict'].peer.register(bulk=True).status, 200, 'REGISTER')
    return lab.parties['strict']


@case('a trunk may keep its redirections: then A is told 480, and nobody else is called [SC-11.2-03]')
def _(lab):
    core, strict = lab.core(), strict_pbx(lab)
    outgoing = core.peer.invite(to_pbx(STRICT_NUMBER), core.offer(), caller=CALLER)
    redirect(parties.wait_call(strict, outgoing), contact(C))
    equal(outgoing.wait_final().status, 480, '302 that is kept')
    require(core.peer.incoming.empty(), 'nobody was called')


class Bridge:
    """What a PBX does with the media of two calls: every packet of one goes to the other."""

    def __init__(self, namespace, address):
        with namespace.entered():
            self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for s in self.sockets:
            s.bind((address, 0))
        self.remotes = [None, None]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def description(self, side, address):
        return sdp.build(address, self.sockets[side].getsockname()[1])

    def _run(self):
        while not self._ended.is_set():
            for s in select.select(self.sockets, [], [], 0.1)[0]:
                data, other = s.recv(2048), 1 - self.sockets.index(s)
                if self.remotes[other]:
                    self.sockets[other].sendto(data, self.remotes[other])

    def close(self):
        self._ended.set()
        self._thread.join()
        for s in self.sockets:
            s.close()


def static_pbx(lab):
    if 'static' not in lab.parties:
        with lab.network.pbx.entered():
            socket_of_it = transport.UdpTransport((STATIC_ADDRESS, 5080), (ACCESS.signaling, 5060))
        lab.parties['static'] = parties.Party('static', lab.network.pbx, sip_peer.Peer(socket_of_it, 'static.sallyport.example'),
                                              STATIC_ADDRESS, None, lab.run_directory, lab.probe_binary)
    return lab.parties['static']


def forward_by_invite(lab, target, headers):
    """A calls B, a PBX that says 181 and calls C with A's number in From; all ends, C ringing."""
    core, pbx = lab.core(), static_pbx(lab)
    offer = core.offer()
    from_a = core.peer.invite(to_pbx(STATIC_NUMBER), offer, caller=CALLER)
    from_a.local_sdp = sdp.parse(offer)
    at_pbx = parties.wait_call(pbx, from_a)
    at_pbx.respond(181, 'Call Is Being Forwarded')
    require(from_a.wait_provisional(181), 'A is told that the call is forwarded')
    bridge = Bridge(lab.network.pbx, STATIC_ADDRESS)
    from_value = f'<sip:{CALLER}@static.sallyport.example;user=phone>'
    onward = pbx.peer.invite(f'sip:{target}@static.sallyport.example;user=phone', bridge.description(1, STATIC_ADDRESS),
                             from_value=from_value, headers=headers)
    return from_a, at_pbx, onward, bridge


def entry(number, rest, headers=''):
    return f'<sip:{number}@static.sallyport.example;user=phone{headers}>;{rest}'


@case('B forwards by a new INVITE with History-Info: C sees A as the caller and the way that the call came, A and C hear each '
      'other through B, the two records name each other\'s numbers [SC-11-02] [SC-11.1-02] [SC-11.1-03] [SC-11.1-04] [SC-11.1-05] '
      '[SC-10.2-02]')
def _(lab):
    core, known = lab.core(), len(lab.edge.records())
    way = ', '.join([entry(STATIC_NUMBER, 'index=1', '?Reason=SIP%3Bcause%3D302'), entry(C, 'index=1.1;mp=1')])
    asserted = f'<sip:{STATIC_NUMBER}@static.sallyport.example;user=phone>'
    from_a, at_pbx, onward, bridge = forward_by_invite(lab, C, [('History-Info', way), ('P-Asserted-Identity', asserted)])
    try:
        at_c = parties.wait_call(core, onward)
        require(f'sip:{CALLER}@' in at_c.invite['From'], f'From is the caller: {at_c.invite["From"]}')
        require(f'sip:{STATIC_NUMBER}@' in at_c.invite['P-Asserted-Identity'], f'asserted: {at_c.invite["P-Asserted-Identity"]}')
        equal([re.sub(r'@[^;?>]*', '', e) for e in history(at_c.invite)],
              [f'<sip:{STATIC_NUMBER};user=phone?Reason=SIP%3Bcause%3D302>;index=1', f'<sip:{C};user=phone>;index=1.1;mp=1'],
              'History-Info at C')
        answer = core.answer_to(at_c.remote_sdp)
        require(at_c.answer(answer), 'C is acknowledged')
        equal(onward.wait_final().status, 200, 'B is told')
        require(at_pbx.answer(bridge.description(0, STATIC_ADDRESS)), 'B is acknowledged')
        equal(from_a.wait_final().status, 200, 'A is told')
        for side, call in ((0, at_pbx), (1, onward)):
            bridge.remotes[side] = (call.remote_sdp.audio.address, call.remote_sdp.audio.port)
        heard(core, from_a, core, at_c)
        equal(from_a.bye().status, 200, 'BYE of A')
        require(at_pbx.wait_ended(), 'B hears of it')
        equal(onward.bye().status, 200, 'BYE of B')
        require(at_c.wait_ended(), 'C hears of it')
    finally:
        bridge.close()
    def both():                                              # that of the case before may still be on its way
        found = [r for r in lab.edge.records()[known:] if r['to'] in (STATIC_NUMBER, C)]
        return len(found) == 2 and found

    records = process.wait_until(both, 10, 'two records')
    first, second = sorted(records, key=lambda r: r['direction'], reverse=True)
    equal([first['direction'], second['direction']], ['to-pbx', 'from-pbx'], 'directions')
    equal([second['redirecting_party'], second['from'], second['asserted_identity']], [first['to'], first['from'], first['to']],
          'the second record names the first one\'s called party as who forwarded, and its caller')


@case('a trunk whose callers are screened may forward: From of somebody else is refused with 603 without a History-Info that names '
      'a number of the trunk, and shown to C with it [SC-11-03]')
def _(lab):
    core, strict = lab.core(), strict_pbx(lab)
    foreign = f'<sip:+15615550100@{DOMAIN};user=phone>'
    ways = {'none': [], 'of another trunk': [('History-Info', f'<sip:{PBX_NUMBER}@{DOMAIN}?Reason=SIP%3Bcause%3D302>;index=1')]}
    for what, headers in ways.items():
        call = strict.peer.invite(lab.number_uri(C), strict.offer(), from_value=foreign, headers=headers)
        equal(call.wait_final().status, 603, f'History-Info: {what}')
    own = [('History-Info', f'<sip:{STRICT_NUMBER}@{DOMAIN}?Reason=SIP%3Bcause%3D302>;index=1')]
    call = strict.peer.invite(lab.number_uri(C), strict.offer(), from_value=foreign, headers=own)
    at_c = parties.wait_call(core, call)
    require('sip:+15615550100@' in at_c.invite['From'], f'From at C: {at_c.invite["From"]}')
    require(f'sip:{STRICT_NUMBER}@' in at_c.invite['P-Asserted-Identity'], 'who forwards answers for it')
    at_c.reject(486, 'Busy Here')
    equal(call.wait_final().status, 486, 'with History-Info it is a call like any other')


@case('one trunk, both ways of forwarding, one after the other [SC-11-01]')
def _(lab):
    core, pbx = lab.core(), static_pbx(lab)
    outgoing = core.peer.invite(to_pbx(STATIC_NUMBER), core.offer(), caller=CALLER)
    redirect(parties.wait_call(pbx, outgoing), contact(C, STATIC_ADDRESS))
    at_c = parties.wait_call(core, outgoing)
    answered(core, outgoing, at_c)
    equal(outgoing.bye().status, 200, 'BYE')
    require(at_c.wait_ended(), 'C hears of it')
    from_a, at_pbx, onward, bridge = forward_by_invite(lab, C, [('History-Info', entry(STATIC_NUMBER, 'index=1'))])
    bridge.close()
    at_c = parties.wait_call(core, onward)
    at_c.reject(486, 'Busy Here')
    equal(onward.wait_final().status, 486, 'C is busy')
    at_pbx.reject(486, 'Busy Here')
    equal(from_a.wait_final().status, 486, 'and A is told')


@case('nothing is left of any of it')
def _(lab):
    lab.require_no_leftovers()


def prepare(lab):
    file = Path(lab.run_directory) / 'strict.yaml'
    file.write_text(f'''kind: Trunk
name: trunks/{STRICT_AOR}
mode: registration
realm: access
registration_aor: sip:{STRICT_AOR}@{DOMAIN}
credentials: [{{username: {STRICT_AOR}, password: {STRICT_PASSWORD}}}]
numbers: [{{first: "+4930777000", last: "+4930777009"}}]
identity: {{screening: reject}}
forwarding: {{keep_redirects: true}}
''')
    lab.edge.apply(file)


if __name__ == '__main__':
    sys.exit(main('forwarding', lambda: running_edge('forwarding', access=('tls', 'udp'), prepare=prepare)))
