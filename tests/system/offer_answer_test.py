#!/usr/bin/env python3
"""Offer and answer (RFC 3264) through the edge, first and later ones, by either party: what is offered is what is answered
and what is heard; descriptions that have not changed; hold; and the grammar of all that the edge has described."""
import collections
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import sdp_grammar  # noqa: E402
import telephones  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from conversation import SIDES, Conversation, party, require_direction, to  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from telephones import MIRRORED, Telephone, answers, listen, messages, require_talk, tones  # noqa: E402
from video_stream import video_beside_audio  # noqa: E402

V6_NUMBER = '+4930777011'
V6_TRUNK = f'''kind: Trunk
name: trunks/acme-v6
mode: registration
realm: access
registration_aor: sip:acme-v6@{DOMAIN}
credentials: [{{username: acme-v6, password: {PASSWORD}}}]
numbers: [{{first: "+4930777010", last: "+4930777019"}}]
network: {{ip_version: v6}}
'''
SECOND_ADDRESS = {'pbx': '192.0.2.20', 'core': '198.51.100.11'}


def prepare(lab):
    file = Path(lab.run_directory) / 'v6.yaml'
    file.write_text(V6_TRUNK)
    lab.edge.apply(file)


# ---------------------------------------------------------------- what stands in an answer

# What a telephone may say it can do, and must not say before it was asked (RFC 3264 6, 4568 5.1, 5761 5.1.1, 4585 4.2, ...).
UNASKED = ('rtcp-mux', 'rtcp-rsize', 'rtcp-fb:* nack', 'candidate:1 1 UDP 2130706431 192.0.2.9 9 typ host', 'ice-ufrag:F7gI',
           'ice-pwd:x9cml/YzichV2+XlhiMu8g', 'fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB',
           'setup:active', 'mid:0', 'extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level', 'acfg:1 t=1')


@case('an answer has no format and no extension that was not offered, whatever the other side puts into its own: '
      'telephone-event, rtcp-mux, crypto, ICE, DTLS, feedback [SC-6-05]')
def _(lab):
    for side in SIDES:
        caller, callee = party(lab, side), party(lab, 'core' if side == 'pbx' else 'pbx')
        plain, eager = Telephone(caller, codecs=(8,)), Telephone(callee, codecs=(8, 0, 9, 101))
        more = ('crypto:7 AES_CM_128_HMAC_SHA1_32 inline:' + sdp.new_key(),) if side == 'pbx' else ()
        eager.extra = tuple(f'a={a}' for a in UNASKED + more)
        uri, number = to(lab, side)
        outgoing = caller.peer.invite(uri, plain.describe(), caller=number)
        incoming = parties.wait_call(callee, outgoing)
        incoming.respond(183, 'Session Progress', eager.describe(incoming.remote_sdp))
        early = outgoing.wait_provisional(183)
        require(incoming.answer(eager.describe(incoming.remote_sdp)), 'no ACK came')
        final = parties.require_status(outgoing.wait_final(), 200, 'the call')
        answers(incoming, eager)
        plain.codecs = (0,)
        later = parties.require_status(outgoing.reinvite(plain.describe(), 10), 200, 're-INVITE')
        for response, formats in ((early, ['8']), (final, ['8']), (later, ['0'])):
            audio = sdp.parse(response.body).audio
            equal(audio.formats, formats, f'formats in the {response.status} to the {side}')
            equal([c.suite for c in audio.cryptos], [parties.SUITE] if side == 'pbx' else [], 'crypto lines')
            names = {a.partition(':')[0] for a in audio.attributes}
            require(not names & {u.partition(':')[0] for u in UNASKED}, f'attributes in the {response.status}: {names}')
            require('telephone-event' not in response.body.decode(), 'telephone-event')
        parties.require_status(outgoing.bye(), 200, 'BYE')


# ---------------------------------------------------------------- what an offer can change

def change_codec(conversation):
    conversation.mine.codecs = (0, 101)
    conversation.other.codecs = (0, 8, 101)
    answer = conversation.offer()
    equal(answer.audio.formats, ['0', '101'], 'formats of the answer')
    equal(conversation.into.remote_sdp.audio.formats, ['0', '101'], 'formats of the offer as it came')
    conversation.require_talk('PCMU', payload_types=(0, 0))


def change_events(conversation):
    """The events' payload type on one side, then no events at all, then again."""
    mine, other = conversation.mine, conversation.other
    mine.codecs, mine.extra = (8, 96), ('a=fmtp:96 0-15',)
    equal(conversation.offer().audio.formats, ['8', '96'], 'formats with events at 96')
    require('101' in conversation.into.remote_sdp.audio.formats, 'the other side keeps the number that it knows')
    conversation.require_talk('events at 96 and 101', payload_types=(96, 101))
    mine.codecs, mine.extra, other.codecs = (8,), (), (8, 101)
    equal(conversation.offer().audio.formats, ['8'], 'formats without events')
    equal(conversation.into.remote_sdp.audio.formats, ['8'], 'formats that the other side was offered')
    conversation.require_talk('without events')
    mine.codecs = (8, 96)
    equal(conversation.offer().audio.formats, ['8', '96'], 'formats with events again')


@case('codec, address, port and direction that the PBX changes by re-INVITE are in the answer, and heard [SC-12.2-02]')
def _(lab):
    conversation = Conversation(lab, 'pbx')
    conversation.require_talk('at first')
    change_codec(conversation)
    conversation.hang_up()
    places('pbx', lab)
    directions('pbx', lab)


def places(side, lab):
    conversation = Conversation(lab, side)
    first = party(lab, side).media_address
    for what, address in (('another port', None), ('another address', SECOND_ADDRESS[side]), ('and back', first)):
        before = conversation.mine.port
        conversation.mine.move(address)
        require(conversation.mine.port != before, 'it moved')
        answer = conversation.offer()
        equal(answer.audio.address, (ACCESS if side == 'pbx' else CORE).media, 'the edge\'s address')
        conversation.require_talk(what)
    conversation.hang_up()


def directions(side, lab):
    conversation = Conversation(lab, side)
    for direction in ('sendonly', 'recvonly', 'inactive', 'sendrecv'):
        conversation.mine.direction = direction
        answer = conversation.offer()
        equal(conversation.into.remote_sdp.audio.direction, direction, 'the direction that the other side was offered')
        equal(answer.audio.direction, MIRRORED[direction], 'the direction of the answer')
        require_direction(conversation, direction)
    conversation.require_talk('both ways again')
    conversation.hang_up()


@case('address, port, type, direction, codec and events, changed in an offer of either side, are answered and are what media '
      'does [SC-14.1-02]')
def _(lab):
    for side in SIDES:
        for change in (change_codec, change_events, video_beside_audio):
            conversation = Conversation(lab, side)
            change(conversation)
            conversation.hang_up()
    places('core', lab)
    directions('core', lab)


# ---------------------------------------------------------------- offers that change nothing

@case('ten re-INVITEs of each side with the description it has: 200 with the same answer, and not one packet of the talk is '
      'missing, twice or out of order [SC-14.1-04]')
def _(lab):
    conversation = Conversation(lab, 'pbx')
    answers(conversation.out, conversation.mine)
    probes = [listen(telephone, far, duration=8).wait_ready() for telephone, far in conversation.ends]
    ends = ((conversation.out, conversation.mine), (conversation.into, conversation.other))
    said = [(telephone.describe(call.remote_sdp), call.remote_sdp) for call, telephone in ends]
    for turn in range(20):
        (call, _), (text, before) = ends[turn % 2], said[turn % 2]
        response = parties.require_status(call.reinvite(text, 5), 200, f're-INVITE {turn}')
        equal(sdp.parse(response.body), before, f'answer to re-INVITE {turn}')
        threading.Event().wait(0.3)
    for who, heard in (('the PBX', probes[0].result()), ('the core', probes[1].result())):
        require(heard['ok'], f'{who}: {heard["failure"]}')
        for count in ('lost', 'duplicates', 'out_of_order', 'ssrc_changes', 'auth_failed', 'replayed'):
            equal(heard[count], 0, f'{count} at {who}')
    conversation.hang_up()


@case('an offer that is sent again as it was may be answered anew, with another port or codec, and the relay follows, also '
      'when the peer has forgotten to count its version up [SC-14.1-08]')
def _(lab):
    for side in SIDES:
        for counted in (True, False):
            conversation = Conversation(lab, side, codecs=(8, 0, 101))
            other, into = conversation.other, conversation.into
            offered, text = into.remote_sdp, conversation.mine.describe()
            for change, payload_type in (('port', 8), ('codec', 0)):
                if change == 'port':
                    other.move()
                else:
                    other.codecs = (0, 101)
                answers(into, other, version=None if counted else 1)
                answer = conversation.offer(text)
                equal(into.remote_sdp.origin, offered.origin, 'o= of the offer that was sent again')
                equal(into.remote_sdp, offered, 'the offer that was sent again')
                if change == 'codec':
                    equal(answer.audio.formats, ['0', '101'], 'formats of the answer')
                conversation.require_talk(f'another {change}, counted: {counted}', payload_types=(payload_type,) * 2)
            conversation.hang_up()


# ---------------------------------------------------------------- hold

@case('on hold by either side, inactive is answered inactive and sendonly recvonly; RTP stops where it has to and RTCP goes on '
      'both ways [SC-14.10-04]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        for direction in ('inactive', 'sendonly'):
            conversation.mine.direction = direction
            equal(conversation.offer().audio.direction, MIRRORED[direction], f'answer to {direction}')
            equal(conversation.into.remote_sdp.audio.direction, direction, 'what the other side was offered')
            holder, held = tones(*conversation.ends, wait=1.2)
            equal(holder['packets_received'], 0, f'RTP at the holder, {direction}')
            require(held['packets_received'] > 20 if direction == 'sendonly' else held['packets_received'] == 0,
                    f'RTP at the held, {direction}: {held["packets_received"]}')
            for who, heard in (('holder', holder), ('held', held)):
                require(heard['rtcp_received'] > 0 and heard['rtcp_invalid'] == 0, f'RTCP at the {who}, {direction}: {heard}')
        conversation.mine.direction = 'sendrecv'
        equal(conversation.offer().audio.direction, 'sendrecv', 'resumed')
        conversation.require_talk('resumed')
        conversation.hang_up()


@case('twenty times on hold and back by re-INVITE, by either side, and both are heard')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        for turn in range(20):
            for direction in ('inactive' if turn % 2 else 'sendonly', 'sendrecv'):
                conversation.mine.direction = direction
                equal(conversation.offer().audio.direction, MIRRORED[direction], f'turn {turn}, {direction}')
        conversation.require_talk('after twenty holds')
        conversation.hang_up()


# ---------------------------------------------------------------- everything that was said

def pbx_v6(lab):
    address = ACCESS.peers_v6[0]
    lab.parties['v6'] = parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary, edge=(ACCESS.signaling_v6, 5061),
        ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, domain=DOMAIN, user='acme-v6', password=PASSWORD,
        address=address, name='v6')
    parties.require_status(lab.parties['v6'].peer.register(bulk=True), 200, 'REGISTER over IPv6')
    return lab.parties['v6']


@case('every description that the edge has sent, offers and answers, IPv4 and IPv6, is of the grammar: order, CRLF, family; '
      'each leg has one o= session of its own [SC-14.1-01]')
def _(lab):
    v6, core = pbx_v6(lab), lab.core()
    for caller, callee, uri, number in ((v6, core, lab.number_uri(CORE_NUMBER), V6_NUMBER),
                                        (core, v6, f'sip:{V6_NUMBER}@{CORE.signaling}', CORE_NUMBER)):
        talk = telephones.call(caller, callee, uri, number, (Telephone(caller), Telephone(callee)))
        talk[0].bye()
    seen = collections.Counter()
    sessions, legs = collections.defaultdict(set), collections.defaultdict(set)
    for each, version in ((lab.pbx(), 4), (core, 4), (v6, 6)):
        for message in messages(each.peer):
            if not message.body or message.get('Content-Type') != 'application/sdp':
                continue
            wrong = sdp_grammar.faults(message.body, version)
            require(not wrong, f'{wrong} in what {each.name} was sent:\n{message.body.decode()}')
            origin = sdp.parse(message.body).origin.split()
            kind = 'INVITE' if message.is_request else str(message.status)
            seen[each.name, kind] += 1
            legs[each.name, message.call_id].add((origin[0], origin[1], origin[5]))
            sessions[origin[1]].add((each.name, message.call_id))
    for name in ('pbx', 'core', 'v6'):
        require(seen[name, 'INVITE'] and seen[name, '200'], f'too little was said to {name}: {seen}')
    require(seen['pbx', '183'] and seen['core', '183'], f'no early description: {seen}')
    moved = {leg: origins for leg, origins in legs.items() if len(origins) != 1}
    require(not moved, f'legs with more than one user, session or address: {moved}')
    shared = {number: at for number, at in sessions.items() if len(at) != 1}
    require(not shared, f'sessions of more than one leg: {shared}')


if __name__ == '__main__':
    sys.exit(main('offer_answer', lambda: running_edge('offer_answer', prepare=prepare)))
