#!/usr/bin/env python3
"""IPv4 trunks and IPv6 trunks side by side on one edge (SIPconnect 15): each speaks one IP version for signalling and
media and is spoken to in it, the same suite passes over both, and they call each other."""
import contextlib
import ipaddress
import queue
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, STRANGER, running_edge  # noqa: E402
from lab import parties, process, switch  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_message, sip_peer, transport  # noqa: E402

V4, V6 = ACCESS.peers[0], ACCESS.peers_v6[0]
# One customer with a network of each kind: two trunks, each with its own numbers (SIPconnect 15).
TRUNKS = {'acme-v4': ('v4', '+493077700'), 'acme-v6': ('v6', '+493077701')}
LITERAL = re.compile(r'\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|IP6 \S+|(?<![\w.:])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])')


def trunk(name, version, first):
    return f'''kind: Trunk
limits: {{concurrent_calls: 0, calls_per_second: 0}}
name: trunks/{name}
mode: registration
realm: access
registration_aor: sip:{name}@{DOMAIN}
credentials: [{{username: {name}, password: {PASSWORD}}}]
numbers: [{{first: "{first}0", last: "{first}9"}}]
network: {{ip_version: {version}}}
'''


def number_of(name):
    return TRUNKS[name][1] + '1'


def prepare(lab):
    file = Path(lab.run_directory) / 'families.yaml'
    file.write_text('---\n'.join(trunk(n, *t) for n, t in TRUNKS.items()))
    lab.edge.apply(file)


def pbx(lab, name):
    """The PBX of this trunk, registered; it has one IP version and no other."""
    if name not in lab.parties:
        version6 = TRUNKS[name][0] == 'v6'
        lab.parties[name] = connected(lab, name, version6)
        response = lab.parties[name].peer.register(bulk=True)
        require(response is not None and response.status == 200, f'REGISTER of {name}: {response and response.start_line}')
    return lab.parties[name]


def connected(lab, name, version6):
    return parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary,
        edge=(ACCESS.signaling_v6 if version6 else ACCESS.signaling, 5061), ca_file=lab.edge.ca.certificate,
        server_name=lab.edge.server_name, domain=DOMAIN, user=name, password=PASSWORD, address=V6 if version6 else V4,
        name=name)


def versions_in(text):
    """The IP versions of the addresses that stand in a message."""
    found = set()
    for literal in LITERAL.findall(text):
        with contextlib.suppress(ValueError):
            found.add(ipaddress.ip_address(literal.removeprefix('IP6 ').strip('[]')).version)
    return found


def sent_to(party):
    return [t.data.decode('utf-8', 'replace') for t in list(party.peer.transport.trace) if not t.outgoing]


def to_pbx(number):
    return f'sip:{number}@{CORE.signaling}'


def suite(lab, name):
    """What a trunk does all day, over its own IP version: a list of what went wrong, empty when nothing did."""
    party, core, number = pbx(lab, name), lab.core(), number_of(name)
    for _ in range(2):                                            # refresh
        equal(party.peer.register(bulk=True).status, 200, 're-registration')
    parties.talk(party, core, lab.number_uri(CORE_NUMBER), number, seconds=1).require_intact()
    parties.talk(core, party, to_pbx(number), CORE_NUMBER, seconds=1, hang_up='callee').require_intact()
    parties.cancelled(party, core, lab.number_uri(CORE_NUMBER), number)
    parties.cancelled(core, party, to_pbx(number), CORE_NUMBER)
    parties.busy(party, core, lab.number_uri(CORE_NUMBER), number)
    parties.busy(core, party, to_pbx(number), CORE_NUMBER)
    outgoing, incoming = parties.establish(party, core, lab.number_uri(CORE_NUMBER), number)
    incoming.on_reinvite = lambda message: incoming.respond(
        200, 'OK', core.answer_to(sdp.parse(message.body), direction='recvonly'))
    held = outgoing.reinvite(party.offer(direction='sendonly', version=2))
    equal(held.status, 200, 'hold')
    equal(outgoing.remote_sdp.audio.direction, 'recvonly', 'direction on hold')
    parties.require_status(outgoing.bye(), 200, 'BYE on hold')
    late = core.peer.invite(to_pbx(number), caller=CORE_NUMBER)    # without an offer
    called = parties.wait_call(party, late)
    called.respond(200, 'OK', party.offer())
    ok = late.transaction.wait_final(10)
    parties.require_status(ok, 200, 'the call without an offer')
    late.learn(ok)
    answer = sdp.build(core.media_address, core.port())
    ack = late.request('ACK', answer, cseq=ok.cseq[0])
    core.peer.send(ack.encode())
    require(called.server.acknowledged.wait(5), 'the answer in the ACK came to the PBX')
    parties.require_status(late.bye(), 200, 'BYE')
    equal(party.peer.options(f'sip:{DOMAIN}').status, 200, 'OPTIONS')
    unknown = core.peer.invite(to_pbx('+4930777099'), core.offer(), caller=CORE_NUMBER).wait_final(10)
    parties.require_status(unknown, 404, 'a number that nobody has')


@case('the suite of a trunk passes over IPv4 [SC-15-05]')
def _(lab):
    suite(lab, 'acme-v4')


@case('and over IPv6, with a core that has IPv4 alone [SC-15-06]')
def _(lab):
    suite(lab, 'acme-v6')


@case('over TCP and IPv6 a PBX registers, calls and is called, all of it over its one connection [SC-8-01] [SC-15-06] [SC-15-11]')
def _(lab):
    name, number = 'acme-v6-tcp', '+4930777021'
    file = Path(lab.run_directory) / 'tcp.yaml'
    file.write_text(trunk(name, 'v6', '+493077702') + 'transports: [tcp]\nmedia: {srtp: off}\n')
    lab.edge.apply(file)
    with lab.network.pbx.entered():
        stream = transport.StreamTransport.connect((ACCESS.signaling_v6, 5060), (V6, 0))
    peer = sip_peer.Peer(stream, DOMAIN, name, password=PASSWORD, contact_address=(V6, 5075))
    party = parties.Party(name, lab.network.pbx, peer, V6, None, lab.run_directory, lab.probe_binary)
    try:
        parties.require_status(peer.register(bulk=True), 200, 'REGISTER')
        found = [(r['transport'], r['source'], r['contact']) for r in lab.edge.registrations() if r['trunk'] == name]
        contact = f'sip:[{V6}]:5075;transport=tcp'
        equal(found, [('TCP', f'[{V6}]:{stream.local[1]}', contact)], 'the registration')
        parties.talk(party, lab.core(), lab.number_uri(CORE_NUMBER), number, seconds=1).require_intact()
        parties.talk(lab.core(), party, to_pbx(number), CORE_NUMBER, seconds=1, hang_up='callee').require_intact()
        messages = sent_to(party)
        require(any(m.startswith(f'INVITE sip:{number}@') and f'\r\nVia: SIP/2.0/TCP [{ACCESS.signaling_v6}]:5060' in m for m in messages),
                'no INVITE with the Via of TCP and IPv6 came to the PBX')
        for message in messages:
            require(versions_in(message) <= {6}, f'{name} was sent addresses of IPv4:\n{message}')
        equal(lab.edge.scrape('signaling').get('sallyport_sip_transport_connections', transport='tcp'), 1, 'TCP connections of the edge')
        parties.require_status(peer.register(bulk=True, expires=0), 200, 'the end of the registration')
    finally:
        party.close()
        lab.edge.cli('delete', 'trunk', name)


@case('each PBX has been sent its own IP version and no other, in SIP and in SDP [SC-15-07] [SC-15-10] [SC-15-11]')
def _(lab):
    for name, version in (('acme-v4', 4), ('acme-v6', 6)):
        messages = sent_to(pbx(lab, name))
        require(len(messages) > 30 and any('c=IN' in m for m in messages), f'{name}: {len(messages)} messages')
        for message in messages:
            found = versions_in(message)
            require(found <= {version}, f'{name} was sent addresses of IPv{found}:\n{message}')
        described = [m for m in messages if '\r\nc=IN ' in m]
        require(all(f'\r\nc=IN IP{version} ' in m and f'IN IP{version} ' in m.split('\r\no=')[1] for m in described),
                f'{name}: o= or c= of the other version')


@case('SDP of the other IP version is refused with 488, and a Warning says so [SC-15-10] [SC-15-11]')
def _(lab):
    for name, other in (('acme-v4', V6), ('acme-v6', V4)):
        party = pbx(lab, name)
        offer = sdp.build(other, 30000, parties.SUITE, sdp.new_key(parties.SUITE))
        response = party.peer.invite(lab.number_uri(CORE_NUMBER), offer, caller=number_of(name)).wait_final(10)
        parties.require_status(response, 488, f'{name} with c= of the other version')
        require(response.get('Warning', '').startswith('301 '), f'Warning: {response.get("Warning")}')
    require(lab.core().peer.incoming.empty(), 'the core was called')


@case('media addresses that are nobody\'s, or the host\'s own, are refused in every notation: no packet is aimed there '
      '[CVE-2020-26262]')
def _(lab):
    aimed = {'acme-v4': ('127.0.0.1', '127.9.8.7', '224.0.0.1', '239.255.255.250', '255.255.255.255', '169.254.169.254'),
             'acme-v6': ('::1', 'fe80::1', 'ff02::1', '0:0:0:0:0:0:0:1', 'FE80::2', '::ffff:127.0.0.1')}
    for name, addresses in aimed.items():
        for address in addresses:
            party = pbx(lab, name)
            offer = sdp.build(address, 30000, parties.SUITE, sdp.new_key(parties.SUITE))
            response = party.peer.invite(lab.number_uri(CORE_NUMBER), offer, caller=number_of(name)).wait_final(10)
            parties.require_status(response, 488, f'{name} with c= {address}')
    require(lab.core().peer.incoming.empty(), 'the core was called')


@case('an IPv4 trunk and an IPv6 trunk of one customer call each other, and both hear the whole signal '
      '[SC-15-01] [SC-15-08]')
def _(lab):
    exchange = switch.Switch(lab.core(), CORE.signaling)
    try:
        for caller, callee in (('acme-v4', 'acme-v6'), ('acme-v6', 'acme-v4')):
            talk = parties.talk(pbx(lab, caller), pbx(lab, callee), lab.number_uri(number_of(callee)), number_of(caller),
                                seconds=1)
            talk.require_intact()
            for who, call, name in (('caller', talk.caller, caller), ('callee', talk.callee, callee)):
                version = ipaddress.ip_address(call.remote_sdp.audio.address).version
                equal(version, 6 if name == 'acme-v6' else 4, f'IP version of the media of the {who}')
        require(not exchange.failures, f'{exchange.failures}')
    finally:
        exchange.close()


@case('a trunk has one IP version: what would give it two is refused with the field and the reason, and a REGISTER over '
      'the other one is refused; a number belongs to one of the two trunks [SC-15-02] [SC-15-09]')
def _(lab):
    file = Path(lab.run_directory) / 'both.yaml'
    file.write_text(f'''kind: Trunk
name: trunks/both
mode: static
realm: access
domain: both.example
transports: [udp]
targets: [{{host: 198.18.0.1, transport: udp}}, {{host: "2001:db8:77::1", transport: udp}}]
sources: [198.18.0.0/28, "2001:db8:77::/48"]
numbers: [{{first: "+4930777901", last: "+4930777901"}}]
''')
    refused = lab.edge.cli('apply', '-f', str(file), check=False)
    equal(refused.returncode, 1, 'exit status')
    for field in ('targets[1].host', 'sources[1]'):
        require(f'{field}: ' in refused.stderr and 'a trunk has one IP version' in refused.stderr, refused.stderr)
    file.write_text(trunk('third', 'v6', TRUNKS['acme-v4'][1]))
    refused = lab.edge.cli('apply', '-f', str(file), check=False)
    equal(refused.returncode, 1, 'exit status')
    require('overlaps' in refused.stderr and 'trunks/acme-v4' in refused.stderr, refused.stderr)
    stray = connected(lab, 'acme-v6', version6=False)
    try:
        response = stray.peer.register(bulk=True)
        equal(response.status, 403, 'REGISTER of the IPv6 trunk over IPv4')
    finally:
        stray.close()
    equal([r['trunk'] for r in lab.edge.registrations() if r['trunk'] == 'acme-v6'], ['acme-v6'], 'its registration over IPv6')


@case('an offer with ICE candidates and alternative addresses is answered without them, they do not cross to the other '
      'leg, and the call is heard [SC-15-03]')
def _(lab):
    extra = [f'a=candidate:1 1 UDP 2130706431 {V4} 30000 typ host', f'a=candidate:2 1 UDP 1694498815 {V6} 30000 typ host',
             'a=ice-ufrag:F7gI', 'a=ice-pwd:x9cml/YzichV2+XlhiMu8g', f'a=altc:1 IP4 {V4} 30000', f'a=altc:2 IP6 {V6} 30000']
    party, core = pbx(lab, 'acme-v4'), lab.core()
    offer = party.offer(extra=extra)
    outgoing = party.peer.invite(lab.number_uri(CORE_NUMBER), offer, caller=number_of('acme-v4'))
    outgoing.local_sdp = sdp.parse(offer)
    incoming = parties.wait_call(core, outgoing)
    answer = core.answer_to(incoming.remote_sdp)
    incoming.local_sdp = sdp.parse(answer)
    incoming.respond(200, 'OK', answer)
    ok = parties.require_status(outgoing.wait_final(), 200, 'the call')
    probes = [party.probe(outgoing, outgoing.local_sdp, duration=1), core.probe(incoming, incoming.local_sdp, duration=1)]
    for name, body in (('what the core was offered', incoming.invite.body), ('the answer', ok.body)):
        text = body.decode()
        require(not re.search(r'a=(candidate|ice-|altc)', text), f'{name}:\n{text}')
        require(V4 not in text and V6 not in text, f'{name} names the PBX:\n{text}')
    for heard in (p.result() for p in probes):
        require(heard['ok'], heard['failure'])
    parties.require_status(outgoing.bye(), 200, 'BYE')


# Every form an IPv6 literal may take where a message has one (RFC 5118 4, RFC 3986), over an IPv4 interface.
FORMS = ('2001:db8::1', '2001:DB8::1', '2001:db8:0:0:0:0:0:1', '2001:0db8::0001', '::ffff:192.0.2.10',
         '2001:db8::192.0.2.33', 'fe80::1')


@case('IPv6 literals in Request-URI, Via, received, Contact, From, To and Route are understood on an IPv4 interface, in '
      'every notation, and Via is echoed as it came [SC-15-12] [SC-15-13]')
def _(lab):
    for literal in FORMS:
        for port in ('', ':5060', ':5061'):
            via = f'SIP/2.0/UDP [{literal}]{port};received={literal};rport'
            answer = ask(lab, via, f'sip:edge@[{literal}]{port}', literal)
            equal(answer.status, 200, f'OPTIONS with [{literal}]{port}')
            echoed = answer['Via']
            require(echoed.startswith(f'SIP/2.0/UDP [{literal}]{port};') and f'received={STRANGER}' in echoed, echoed)
    # Several values in one line, the compact form, a bracketed received: the topmost is answered, all are echoed.
    values = f'SIP/2.0/UDP {STRANGER}:5060;branch=BRANCH;rport, SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKx;received=[2001:db8::9]'
    answer = ask(lab, values, 'sip:edge@[2001:db8::1]', '2001:db8::1', via_name='v')
    equal(answer.status, 200, 'two values of a compact Via')
    echoed = sip_message.split_list(answer.all('Via'))
    equal(len(echoed), 2, 'Via values')
    require('[2001:db8::9]:5060;branch=z9hG4bKx;received=[2001:db8::9]' in echoed[1], echoed[1])


def ask(lab, via, uri, literal, via_name='Via'):
    branch = sip_message.new_branch()
    via = via.replace('BRANCH', branch) if 'BRANCH' in via else f'{via};branch={branch}'
    data = (f'OPTIONS {uri} SIP/2.0\r\n{via_name}: {via}\r\nMax-Forwards: 70\r\n'
            f'Route: <sip:[{literal}];lr>\r\nFrom: <sip:a@[{literal}]:5070>;tag=a\r\nTo: <sip:b@[{literal}]>\r\n'
            f'Call-ID: {branch}@[{literal}]\r\nCSeq: 1 OPTIONS\r\nContact: <sip:a@[{literal}]:5070;transport=udp>\r\n'
            'Content-Length: 0\r\n\r\n').encode()
    stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
    try:
        stranger.send(data, lab.edge.access_udp)
        got = stranger.received(3, lambda d: d.startswith(b'SIP/2.0 '))
    finally:
        stranger.close()
    require(got, f'no answer to\n{data.decode()}')
    return sip_message.parse(got[-1][0])


@case('a call whose messages are full of IPv6 literals goes through on an IPv4 trunk; the PBX is reached over its flow '
      '[SC-15-13]')
def _(lab):
    party, core, number = pbx(lab, 'acme-v4'), lab.core(), number_of('acme-v4')
    before = party.peer.contact_address
    party.peer.contact_address = ('2001:db8:99::7', 5075)
    try:
        outgoing, incoming = parties.establish(party, core, lab.number_uri(CORE_NUMBER), number)
        require('[2001:db8:99::7]:5075' in outgoing.invite['Via'], outgoing.invite['Via'])
        outgoing.on_reinvite = lambda message: outgoing.respond(
            200, 'OK', party.answer_to(sdp.parse(message.body), direction='recvonly'))
        response = incoming.reinvite(sdp.build(core.media_address, core.port(), direction='sendonly', version=2))
        equal(response.status, 200, 'the re-INVITE')
        target = [m for m in sent_to(party) if m.startswith('INVITE ')][-1]
        require('[2001:db8:99::7]:5075' in target.split('\r\n')[0], f'Request-URI: {target.splitlines()[0]}')
        parties.require_status(incoming.bye(), 200, 'BYE from the core')
    finally:
        party.peer.contact_address = before
    with contextlib.suppress(queue.Empty):
        core.peer.incoming.get_nowait()
    process.wait_until(lambda: not lab.edge.leftovers().get('calls'), 5, 'the call is over')


if __name__ == '__main__':
    sys.exit(main('families', lambda: running_edge('families', access=('udp', 'tcp', 'tls'), prepare=prepare)))
