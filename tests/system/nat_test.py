#!/usr/bin/env python3
"""NATs on either side: PBXs with private addresses behind a symmetric one, with NAT mode on and off; one behind static
bindings; and an edge that the world knows by other addresses than those it is bound to."""
import contextlib
import re
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
import rtp_sprayer  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, STRANGER, running_edge  # noqa: E402
from lab import nat, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_peer, transport  # noqa: E402

BOUND = (ACCESS.signaling, ACCESS.media)
PRIVATE = re.compile(r'192\.168\.')


def registering(name, first, more='', transports='[tls]'):
    return f'''kind: Trunk
limits: {{concurrent_calls: 0, calls_per_second: 0}}
name: trunks/{name}
mode: registration
realm: access
registration_aor: sip:{name}@{DOMAIN}
transports: {transports}
credentials: [{{username: {name}, password: {PASSWORD}}}]
numbers: [{{first: "{first}0", last: "{first}9"}}]
{more}'''


def fixed(name, address, first, network=''):
    return f'''kind: Trunk
limits: {{concurrent_calls: 0, calls_per_second: 0}}
name: trunks/{name}
mode: static
realm: access
domain: {name}.example
transports: [udp]
targets: [{{host: {address}, port: 5060, transport: udp}}]
sources: ["{address}/32"]
numbers: [{{first: "{first}0", last: "{first}9"}}]
media: {{srtp: "off"}}
{network}'''


WITHOUT_SRTP = 'nat-twin', 'nat-plain'             # over UDP its keys could be read
PROVISION = '---\n'.join((
    registering('nat-on', '+493066600', 'network: {nat: on}\n'),
    registering('nat-twin', '+493066601', 'network: {nat: on}\n', '[tls, udp]'),
    registering('nat-off', '+493066602'),
    registering('direct', '+493066603'),
    registering('nat-plain', '+493066605', 'network: {nat: on}\nmedia: {srtp: "off"}\n'),
    fixed('bound', nat.OUTSIDE_ONE_TO_ONE, '+493066604'),
    fixed('fixed', nat.OUTSIDE_SECOND, '+493066606', 'network: {nat: on}\n')))


@contextlib.contextmanager
def fixture():
    options = {'advertised': (nat.EDGE_SIP, nat.EDGE_MEDIA)}
    with running_edge('nat', access=('udp', 'tcp', 'tls'), **options) as lab:
        lab.nat = nat.Nat(lab.network)
        try:
            lab.nat.start()
            file = Path(lab.run_directory) / 'nat.yaml'
            file.write_text(PROVISION)
            bound_pbx(lab)                   # before they are first asked whether they are there
            fixed_pbx(lab)
            lab.edge.apply(file)
            yield lab
        finally:
            lab.nat.stop()


def pbx(lab, name, namespace=None, address=nat.BEHIND, over='tls'):
    """The PBX of this trunk, registered; it says its private address in Via, Contact and SDP."""
    if name in lab.parties:
        return lab.parties[name]
    namespace = namespace or lab.nat.home
    if over == 'tls':
        party = parties.registered_pbx(
            namespace, lab.run_directory, lab.probe_binary, edge=(nat.EDGE_SIP, 5061), ca_file=lab.edge.ca.certificate,
            server_name=lab.edge.server_name, domain=DOMAIN, user=name, password=PASSWORD, address=address, name=name)
    else:
        with namespace.entered():
            socket = transport.UdpTransport((address, 5072), (nat.EDGE_SIP, 5060))
        peer = sip_peer.Peer(socket, DOMAIN, name, password=PASSWORD)
        party = parties.Party(name, namespace, peer, address, parties.SUITE, lab.run_directory, lab.probe_binary)
    lab.parties[name] = party
    if name in WITHOUT_SRTP:
        party.suite = None
    response = party.peer.register(bulk=True)
    require(response is not None and response.status == 200, f'REGISTER of {name}: {response and response.start_line}')
    return party


def registration(lab, name):
    found = [r for r in lab.edge.registrations() if r['trunk'] == name]
    equal(len(found), 1, f'registrations of {name}')
    return found[0]


def sent_by_edge(party, number=0):
    """Everything the edge has sent to this party, as text."""
    return [t.data.decode('utf-8', 'replace') for t in list(party.peer.transport.trace)[number:] if not t.outgoing]


class Bound(parties.Party):
    """Behind static bindings: says its public address and listens at the private one."""
    inside = ''

    def port(self):
        return parties.media.free_port(self.inside, self.namespace)

    def probe(self, call, local, **options):
        local.audio.address = self.inside
        return super().probe(call, local, **options)


@case('NAT mode on: a PBX with private addresses in Via, Contact and SDP registers, calls, is called, is spoken to within '
      'the dialog, and hears and is heard [SC-16.3-02]')
def _(lab):
    party = pbx(lab, 'nat-on')
    listed = registration(lab, 'nat-on')
    require(listed['source'].startswith(nat.OUTSIDE + ':'), f'its source: {listed["source"]}')
    require(nat.BEHIND in listed['contact'] and listed['private_contact'], f'its Contact: {listed}')
    require('(NAT)' in lab.edge.cli('registration', 'list', '--trunk', 'nat-on'), 'the list shows the NAT')
    talk = parties.talk(party, lab.core(), lab.number_uri(CORE_NUMBER), '+4930666001', seconds=1, hang_up='callee')
    talk.require_intact()
    require(PRIVATE.search(talk.caller.invite['Via']) and PRIVATE.search(talk.caller.invite['Contact']), 'what it said')
    talk = parties.talk(lab.core(), party, f'sip:+4930666001@{CORE.signaling}', CORE_NUMBER, seconds=1)
    talk.require_intact()
    # A re-INVITE from the core finds its way back through the NAT, and so does its BYE.
    outgoing, incoming = parties.establish(party, lab.core(), lab.number_uri(CORE_NUMBER), '+4930666001')
    outgoing.on_reinvite = lambda message: outgoing.respond(
        200, 'OK', party.answer_to(sdp.parse(message.body), direction='recvonly'))
    response = incoming.reinvite(sdp.build(lab.core().media_address, lab.core().port(), direction='sendonly', version=2))
    equal(response.status, 200, 'the re-INVITE')
    equal(incoming.remote_sdp.audio.direction, 'recvonly', 'direction')
    parties.require_status(incoming.bye(), 200, 'BYE from the core')
    require(outgoing.wait_ended(), 'the BYE came to the PBX')
    said = '\n'.join(m.data.decode('utf-8', 'replace') for m in lab.core().peer.transport.trace if not m.outgoing)
    require(not PRIVATE.search(said), 'a private address reached the core')


@case('and over UDP, where the port of the signalling is the NAT\'s as well')
def _(lab):
    party = pbx(lab, 'nat-twin', over='udp')
    listed = registration(lab, 'nat-twin')
    require(listed['source'].startswith(nat.OUTSIDE + ':') and not listed['source'].endswith(':5072'), listed['source'])
    talk = parties.talk(party, lab.core(), lab.number_uri(CORE_NUMBER), '+4930666011', seconds=1)
    talk.require_intact()
    talk = parties.talk(lab.core(), party, f'sip:+4930666011@{CORE.signaling}', CORE_NUMBER, seconds=1)
    talk.require_intact()


@case('two PBXs with the same private Contact behind one public address: each gets its own calls, by its flow alone')
def _(lab):
    one = pbx(lab, 'nat-on')
    over_udp = lab.parties.pop('nat-twin')
    equal(over_udp.peer.register(bulk=True, expires=0).status, 200, 'de-registration')
    over_udp.close()
    other = pbx(lab, 'nat-twin')
    equal(registration(lab, 'nat-on')['contact'], registration(lab, 'nat-twin')['contact'], 'their Contacts')
    for number, party, wrong in (('+4930666001', one, other), ('+4930666011', other, one)):
        outgoing = lab.core().peer.invite(f'sip:{number}@{CORE.signaling}', lab.core().offer(), caller=CORE_NUMBER)
        incoming = parties.wait_call(party, outgoing)
        equal(parties.number_of(incoming.invite), number, 'the number')
        require(wrong.peer.incoming.empty(), 'the call came to the other PBX')
        incoming.reject(486, 'Busy Here')
        parties.require_status(outgoing.wait_final(), 486, 'the call')


@case('NAT mode off: a private Contact is accepted and flagged in the log and the list of registrations, and called over its flow; a '
      'private address in SDP is refused with 488 and says why [SC-16.3-02]')
def _(lab):
    party = pbx(lab, 'nat-off')
    require(registration(lab, 'nat-off')['private_contact'], 'the registration is flagged')
    signaling = lab.edge.daemons['signaling']
    process.wait_until(lambda: re.search(r'nat-suspected.*nat-off|nat-off.*nat-suspected', signaling.text()), 5,
                       'the log names the NAT')
    refused = party.peer.invite(lab.number_uri(CORE_NUMBER), party.offer(), caller='+4930666021').wait_final(10)
    parties.require_status(refused, 488, 'the INVITE with a private address')
    require(re.match(r'399 \S+ ".*private.*NAT', refused.get('Warning', '')), f'Warning: {refused.get("Warning")}')
    process.wait_until(lambda: 'a private media address from behind a NAT' in signaling.text(), 5, 'the log says why')
    require(lab.core().peer.incoming.empty(), 'the call reached the core')
    # The other way the PBX answers with it: the caller is not left with a call that nobody hears.
    outgoing = lab.core().peer.invite(f'sip:+4930666021@{CORE.signaling}', lab.core().offer(), caller=CORE_NUMBER)
    incoming = parties.wait_call(party, outgoing)
    incoming.respond(200, 'OK', party.answer_to(incoming.remote_sdp), [('Allow', party.peer.allow)])
    response = outgoing.wait_final(10)
    require(response is not None and response.status >= 400, f'the caller got {response and response.start_line}')
    require(incoming.wait_ended(), 'the PBX was sent a BYE')
    # With a public address in SDP the same trunk is served.
    public = sdp.build(nat.OUTSIDE, 30000, parties.SUITE, sdp.new_key(parties.SUITE))
    outgoing = party.peer.invite(lab.number_uri(CORE_NUMBER), public, caller='+4930666021')
    incoming = parties.wait_call(lab.core(), outgoing)
    incoming.reject(486, 'Busy Here')
    parties.require_status(outgoing.wait_final(), 486, 'the call with a public address')


@case('media behind the NAT is learnt from where the signalling comes from: a stranger who sprays the ports, first and all '
      'the time, is neither heard nor sent to')
def _(lab):
    party = pbx(lab, 'nat-plain')
    outgoing, incoming = parties.establish(party, lab.core(), lab.number_uri(CORE_NUMBER), '+4930666051')
    port = outgoing.remote_sdp.audio.port
    sprayer = rtp_sprayer.Sprayer(lab.network.pbx, STRANGER, ACCESS.media, [port, port + 1, port + 2, port - 2])
    process.wait_until(lambda: sprayer.sent > 200, 5, 'the stranger was first')
    probes = [party.probe(outgoing, outgoing.local_sdp, duration=2),
              lab.core().probe(incoming, incoming.local_sdp, duration=2)]
    results = [p.result() for p in probes]
    sprayer.stop()
    for who, result in zip(('PBX', 'core'), results):
        require(result['ok'], f'{who}: {result["failure"]}')
        equal([result[k] for k in ('corrupt', 'not_rtp', 'wrong_type', 'ssrc_changes')], [0] * 4, f'beside the signal, {who}')
    equal(sprayer.received, 0, 'packets that the stranger received')
    parties.require_status(outgoing.bye(), 200, 'BYE')


@case('the same basic calls direct and through a symmetric NAT: core and PBX are sent the same messages, and the calls are '
      'heard [SC-3-06]')
def _(lab):
    direct = pbx(lab, 'direct', lab.network.pbx, ACCESS.peers[0])
    seen = []
    for party, number in ((direct, '+4930666031'), (pbx(lab, 'nat-on'), '+4930666001')):
        before = len(lab.core().peer.transport.trace), len(party.peer.transport.trace)
        parties.talk(party, lab.core(), lab.number_uri(CORE_NUMBER), number, seconds=1).require_intact()
        outgoing, incoming = parties.establish(lab.core(), party, f'sip:{number}@{CORE.signaling}', CORE_NUMBER)
        parties.require_status(outgoing.bye(), 200, 'BYE of the core')
        require(incoming.wait_ended(), 'the BYE came to the PBX')
        seen.append([[masked(m, number, party.media_address) for m in sent_by_edge(each, start)
                      if m.strip() and not m.startswith('OPTIONS')]
                     for each, start in zip((lab.core(), party), before)])
    for direct_messages, nat_messages, who in zip(*seen, ('core', 'PBX')):
        equal({m.split(' ', 1)[0] for m in direct_messages}, {'INVITE', 'ACK', 'BYE', 'SIP/2.0'}, f'what the {who} was sent')
        equal(nat_messages, direct_messages, f'what the {who} was sent with the NAT in the path')


def masked(message, number, address):
    """What has to differ between two calls is not looked at: identifiers, ports of media, the PBX's number and address."""
    message = message.replace(number, 'NUMBER').replace(address, 'ADDRESS')
    for pattern, instead in ((r'branch=\S+?(?=[;\r])', 'branch'), (r'tag=[^;>\r]+', 'tag'), (r'(?m)^Call-ID: .*', 'Call-ID'),
                             (r'(?m)^Session-ID: .*', 'Session-ID'), (r'(?m)^o=.*', 'o='), (r'm=audio \d+', 'm=audio'),
                             (r'a=rtcp:\d+', 'a=rtcp'), (r'inline:\S+', 'key'), (r';(received|rport)=[^;\r]+', ''),
                             (r'(?m)^Content-Length: .*', 'length')):
        message = re.sub(pattern, instead, message)
    return message


@case('Via, Contact and SDP carry the addresses that the edge advertises, never those it is bound to: to a registered '
      'PBX and to a static one [SC-16.3-01] [SC-17.3-01]')
def _(lab):
    registered = pbx(lab, 'direct', lab.network.pbx, ACCESS.peers[0])
    static = bound_pbx(lab)
    for party, number in ((registered, '+4930666031'), (static, '+4930666041')):
        before = len(party.peer.transport.trace)
        talk = parties.talk(lab.core(), party, f'sip:{number}@{CORE.signaling}', CORE_NUMBER, seconds=1)
        talk.require_intact()
        talk = parties.talk(party, lab.core(), lab.number_uri(CORE_NUMBER), number, seconds=1, hang_up='callee')
        talk.require_intact()
        messages = sent_by_edge(party, before)
        invites = [m for m in messages if m.startswith('INVITE ')]
        require(len(invites) >= 1 and len(messages) >= 7, f'{len(messages)} messages')
        for message in messages:
            own = [a for a in BOUND if re.search(rf'(?<![0-9.]){re.escape(a)}(?![0-9])', message)]
            require(not own, f'{own} in what the edge sent to {party.name}:\n{message}')
        for name, value in (('Via', nat.EDGE_SIP), ('Contact', nat.EDGE_SIP)):
            require(re.search(rf'(?m)^{name}: .*{re.escape(value)}', invites[0]), f'{name} of\n{invites[0]}')
        require(f'c=IN IP4 {nat.EDGE_MEDIA}\r\n' in invites[0], f'c= of\n{invites[0]}')


def bound_pbx(lab):
    if 'bound' not in lab.parties:
        with lab.nat.home.entered():
            socket = transport.UdpTransport((nat.ONE_TO_ONE, 5060), (nat.EDGE_SIP, 5060))
        peer = sip_peer.Peer(socket, 'bound.example', contact_address=(nat.OUTSIDE_ONE_TO_ONE, 5060))
        party = Bound('bound', lab.nat.home, peer, nat.OUTSIDE_ONE_TO_ONE, None, lab.run_directory, lab.probe_binary)
        party.inside = nat.ONE_TO_ONE
        lab.parties['bound'] = party
    return lab.parties['bound']


@case('a static trunk behind static bindings: its public address is provisioned, calls and media go both ways '
      '[SC-17.3-02]')
def _(lab):
    party = bound_pbx(lab)
    talk = parties.talk(lab.core(), party, f'sip:+4930666041@{CORE.signaling}', CORE_NUMBER, seconds=1)
    talk.require_intact()
    require(parties.number_of(talk.callee.invite) == '+4930666041', talk.callee.invite.uri)
    parties.talk(party, lab.core(), lab.number_uri(CORE_NUMBER), '+4930666041', seconds=1).require_intact()


def fixed_pbx(lab):
    """A static PBX behind bindings of its own, of which it knows nothing: it says its private address everywhere."""
    if 'fixed' not in lab.parties:
        with lab.nat.home.entered():
            socket = transport.UdpTransport((nat.SECOND_ONE_TO_ONE, 5060), (nat.EDGE_SIP, 5060))
        peer = sip_peer.Peer(socket, 'fixed.example')
        lab.parties['fixed'] = parties.Party('fixed', lab.nat.home, peer, nat.SECOND_ONE_TO_ONE, None, lab.run_directory, lab.probe_binary)
    return lab.parties['fixed']


FIXED_NUMBER = '+4930666061'


@case('a static trunk that says private addresses in Via, Contact and SDP: NAT mode on, it calls and is called, is spoken to within the '
      'dialog, hears and is heard, and none of them reaches the core [SC-16.3-02] [SC-17.3-02]')
def _(lab):
    party, core = fixed_pbx(lab), lab.core()
    start = len(core.peer.transport.trace)
    talk = parties.talk(party, core, lab.number_uri(CORE_NUMBER), FIXED_NUMBER, seconds=1, hang_up='callee')
    talk.require_intact()
    require(PRIVATE.search(talk.caller.invite['Via']) and PRIVATE.search(talk.caller.invite['Contact']), 'what it said')
    parties.talk(core, party, f'sip:{FIXED_NUMBER}@{CORE.signaling}', CORE_NUMBER, seconds=1).require_intact()
    outgoing, incoming = parties.establish(core, party, f'sip:{FIXED_NUMBER}@{CORE.signaling}', CORE_NUMBER)
    incoming.on_reinvite = lambda message: incoming.respond(
        200, 'OK', party.answer_to(sdp.parse(message.body), direction='recvonly'))
    response = outgoing.reinvite(sdp.build(core.media_address, core.port(), direction='sendonly', version=2))
    equal(response.status, 200, 'the re-INVITE')
    parties.require_status(outgoing.bye(), 200, 'BYE from the core')
    require(incoming.wait_ended(), 'the BYE came to the PBX')
    said = '\n'.join(sent_by_edge(core, start))
    require(said and not PRIVATE.search(said), 'a private address reached the core')


@case('the same with NAT mode off: a private Contact is accepted, a private address in SDP is refused with 488 and says why, both ways; a '
      'public one is served [SC-16.3-02]')
def _(lab):
    party, core = fixed_pbx(lab), lab.core()
    file = Path(lab.run_directory) / 'fixed.yaml'

    def provision(network):
        file.write_text(fixed('fixed', nat.OUTSIDE_SECOND, '+493066606', network))
        lab.edge.apply(file)
    provision('')
    try:
        refused = party.peer.invite(lab.number_uri(CORE_NUMBER), party.offer(), caller=FIXED_NUMBER).wait_final(10)
        parties.require_status(refused, 488, 'the INVITE with a private address')
        require(re.match(r'399 \S+ ".*private.*NAT', refused.get('Warning', '')), f'Warning: {refused.get("Warning")}')
        require(core.peer.incoming.empty(), 'the call reached the core')
        outgoing = core.peer.invite(f'sip:{FIXED_NUMBER}@{CORE.signaling}', core.offer(), caller=CORE_NUMBER)
        incoming = parties.wait_call(party, outgoing)
        incoming.respond(200, 'OK', party.answer_to(incoming.remote_sdp), [('Allow', party.peer.allow)])
        response = outgoing.wait_final(10)
        require(response is not None and response.status >= 400, f'the caller got {response and response.start_line}')
        require(incoming.wait_ended(), 'the PBX was sent a BYE')
        # Its Contact is private all the same: what is sent within the dialog goes where its messages come from.
        outgoing = party.peer.invite(lab.number_uri(CORE_NUMBER), sdp.build(nat.OUTSIDE_SECOND, party.port()), caller=FIXED_NUMBER)
        incoming = parties.wait_call(core, outgoing)
        require(incoming.answer(core.answer_to(incoming.remote_sdp)), 'no ACK')
        parties.require_status(outgoing.wait_final(), 200, 'the call with a public address')
        require(PRIVATE.search(outgoing.invite['Contact']), f'Contact: {outgoing.invite["Contact"]}')
        parties.require_status(incoming.bye(), 200, 'BYE from the core')
        require(outgoing.wait_ended(), 'the BYE came to the PBX')
    finally:
        provision('network: {nat: on}\n')


MAPPING_SECONDS = 2


@case('a NAT that forgets a UDP mapping within seconds: a PBX that asks by OPTIONS more often than that is called; one that is silent is '
      'not, the caller is told 480, and it is called again as soon as it has registered again [SC-16.5-01]')
def _(lab):
    number = '+4930666051'
    if over_tls := lab.parties.pop('nat-plain', None):
        over_tls.close()
    with lab.nat.forgetting(MAPPING_SECONDS), forgetful_pbx(lab) as party:
        mapped = registration(lab, 'nat-plain')['source']
        over = threading.Event()

        def keep_alive():
            while not over.wait(MAPPING_SECONDS / 4):
                party.peer.options(f'sip:{DOMAIN}', timeout=2)
        keeper = threading.Thread(target=keep_alive)
        keeper.start()
        try:
            over.wait(3 * MAPPING_SECONDS)
            ring(lab, party, number)
        finally:
            over.set()
            keeper.join()
        threading.Event().wait(2 * MAPPING_SECONDS)
        seen, began = len(party.peer.transport.trace), time.monotonic()
        call = lab.core().peer.invite(f'sip:{number}@{CORE.signaling}', lab.core().offer(), caller=CORE_NUMBER)
        parties.require_status(call.wait_final(35), 480, 'the call when the mapping is gone')
        require(not [m for m in sent_by_edge(party, seen) if m.startswith('INVITE ')], 'the call came through')
        require(time.monotonic() - began < 5, 'an address that answers "port unreachable" is known at once')
        equal(party.peer.register(bulk=True).status, 200, 'registration')
        require(registration(lab, 'nat-plain')['source'] != mapped, 'the mapping is the old one')
        ring(lab, party, number)


def ring(lab, party, number):
    outgoing = lab.core().peer.invite(f'sip:{number}@{CORE.signaling}', lab.core().offer(), caller=CORE_NUMBER)
    parties.wait_call(party, outgoing).reject(486, 'Busy Here')
    parties.require_status(outgoing.wait_final(), 486, 'the call')


@contextlib.contextmanager
def forgetful_pbx(lab):
    """The PBX of nat-plain, over UDP for as long as this takes."""
    file = Path(lab.run_directory) / 'forgetful.yaml'
    network = 'network: {nat: on}\nmedia: {srtp: "off"}\n'

    def provision(transports):
        file.write_text(registering('nat-plain', '+493066605', network, transports))
        lab.edge.apply(file)
    provision('[udp]')
    try:
        yield pbx(lab, 'nat-plain', over='udp')
    finally:
        lab.parties.pop('nat-plain').close()
        provision('[tls]')


@case('nothing is left of all these calls')
def _(lab):
    lab.edge.wait_no_leftovers(10, but=('transactions',))


if __name__ == '__main__':
    sys.exit(main('nat', fixture))
