#!/usr/bin/env python3
"""What the edge says, whoever calls: keys that nobody has seen before, telephone events with what they are, INVITEs with every field,
and of its media one address a side."""
import collections
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from conversation import SIDES, Conversation, other_side, party, reinvites, to  # noqa: E402
from descriptions import ADDRESS, Description  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_message  # noqa: E402
from telephones import Telephone, acknowledge, answers, messages, offerless  # noqa: E402

MANDATORY = parties.SUITE


# ---------------------------------------------------------------- keys

def secure_streams(octets):
    return [s for s in Description(octets).streams if s.port]


@case('each offer of ours to the PBX has the suite that everybody has: INVITE, 200 to an INVITE without offer, re-INVITE; an offer of '
      'the PBX that has another suite alone is answered with it, and the next offer has the one again [SC-14.4-04]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    conversation = Conversation(lab, 'core')
    offers = [conversation.into.invite.body]
    conversation.mine.move()
    conversation.offer()
    offers.append(reinvites(conversation.into)[-1].body)
    conversation.hang_up()
    late = pbx.peer.invite(lab.number_uri(CORE_NUMBER), '', caller=PBX_NUMBER)
    incoming = parties.wait_call(core, late)
    target = Telephone(core)
    incoming.local_sdp = sdp.parse(target.describe())
    incoming.respond(200, 'OK', target.describe())
    response = parties.require_status(late.transaction.wait_final(10), 200, 'the call without an offer')
    late.learn(response)
    offers.append(response.body)
    mine = Telephone(pbx)
    acknowledge(late, response, mine.describe(sdp.parse(response.body)))
    require(incoming.server.acknowledged.wait(5), 'no ACK')
    answers(incoming, target)
    parties.require_status(late.bye(10), 200, 'BYE')
    for octets in offers:
        for stream in secure_streams(octets):
            equal(stream.profile, 'RTP/SAVP', 'profile')
            require(any(c.split()[1] == MANDATORY for c in stream.attributes('crypto')), f'suites of an offer:\n{octets.decode()}')
    for suite in ('AES_CM_128_HMAC_SHA1_32', 'AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM', 'AEAD_AES_256_GCM'):
        text = sdp.build(pbx.media_address, pbx.port(), suite, sdp.new_key(suite), tag='3')
        outgoing = pbx.peer.invite(lab.number_uri(CORE_NUMBER), text, caller=PBX_NUMBER)
        incoming = parties.wait_call(core, outgoing)
        telephone = Telephone(core)
        require(incoming.answer(telephone.describe(incoming.remote_sdp)), 'no ACK')
        answer = sdp.parse(parties.require_status(outgoing.wait_final(), 200, suite).body).audio
        equal([(c.tag, c.suite) for c in answer.cryptos], [('3', suite)], 'the suite that was accepted')
        came = []

        def take(message):
            came.append(sdp.parse(message.body).audio)
            outgoing.respond(200, 'OK', sdp.build(pbx.media_address, pbx.port(), MANDATORY, sdp.new_key(), tag=came[0].cryptos[0].tag))
        outgoing.local_sdp, outgoing.on_reinvite = sdp.parse(text), take
        telephone.move()
        parties.require_status(incoming.reinvite(telephone.describe(), 10), 200, 're-INVITE of the core')
        require(MANDATORY in [c.suite for c in came[0].cryptos], f'after {suite}: {came[0].cryptos}')
        parties.require_status(outgoing.bye(10), 200, 'BYE')


CALLS = 1000


@case('in a thousand calls, half of them either way, with two streams: no key of ours comes twice, in offers, answers, streams or '
      'lines, nor is one that the PBX has sent [SC-14.4-05]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    ours, theirs = collections.Counter(), set()

    def two(address, port, suite):
        text = sdp.build(address, port, suite, sdp.new_key() if suite else None)
        profile = 'RTP/SAVP' if suite else 'RTP/AVP'
        text += f'm=video {port + 4} {profile} 34\r\na=rtpmap:34 H263/90000\r\n'
        return text + (f'a=crypto:1 {suite} inline:{sdp.new_key()}\r\n' if suite else '')

    def keys(octets):
        streams = secure_streams(octets)
        equal(len(streams), 2, 'streams')
        return [re.match(r'inline:([^|\s]+)', c.split()[2]).group(1) for s in streams for c in s.attributes('crypto')]
    for turn in range(CALLS):
        from_pbx = turn % 2 == 0
        caller, callee = (pbx, core) if from_pbx else (core, pbx)
        uri, number = to(lab, 'pbx' if from_pbx else 'core')
        offer = two(caller.media_address, 30000, caller.suite)
        outgoing = caller.peer.invite(uri, offer, caller=number)
        incoming = parties.wait_call(callee, outgoing)
        answer = two(callee.media_address, 32000, callee.suite)
        require(incoming.answer(answer), 'no ACK')
        final = parties.require_status(outgoing.wait_final(), 200, f'call {turn}')
        mine, told = (final.body, offer) if from_pbx else (incoming.invite.body, answer)
        found = keys(mine)
        require(len(found) >= 2, f'keys of a description with two streams: {found}')
        ours.update(found)
        theirs |= set(keys(told.encode()))
        parties.require_status(outgoing.bye(10), 200, 'BYE')
    twice = [key for key, count in ours.items() if count > 1]
    require(not twice and len(ours) >= 2 * CALLS, f'{len(ours)} keys, {len(twice)} of them more than once')
    require(not theirs & set(ours), 'a key of the PBX came back as one of ours')


# ---------------------------------------------------------------- telephone events

def events(octets):
    """What an audio stream says of telephone events: (payload type, the values of its fmtp)."""
    text = octets.decode()
    numbers = re.findall(r'(?m)^a=rtpmap:(\d+) telephone-event/8000\r$', text)
    return [(n, re.findall(rf'(?m)^a=fmtp:{n} (\S+)\r$', text)) for n in numbers]


def events_call(lab, side, offered, answered):
    """What became of events in the offer and in the answer; each: lines about payload type 101."""
    caller, callee = party(lab, side), party(lab, other_side(side))
    uri, number = to(lab, side)

    def described(each, lines, tag='1'):
        text = sdp.build(each.media_address, each.port(), each.suite, sdp.new_key() if each.suite else None, tag, codecs=(8, 101))
        return text.replace('a=fmtp:101 0-15\r\n', ''.join(f'{line}\r\n' for line in lines))
    outgoing = caller.peer.invite(uri, described(caller, offered), caller=number)
    incoming = parties.wait_call(callee, outgoing)
    cryptos = incoming.remote_sdp.audio.cryptos
    require(incoming.answer(described(callee, answered, cryptos[0].tag if cryptos else '1')), 'no ACK')
    final = parties.require_status(outgoing.wait_final(), 200, 'the call')
    parties.require_status(outgoing.bye(10), 200, 'BYE')
    return events(incoming.invite.body), events(final.body)


@case('telephone-event always comes with its fmtp: 0-15 where the other side has said so or nothing, in offers and answers, to '
      'either side [SC-14.5-04]')
def _(lab):
    for side in SIDES:
        for said, told in ((['a=fmtp:101 0-15'], '0-15'), ([], '0-15'), (['a=fmtp:101 0-16'], '0-16'), (['a=fmtp:101 0-11'], '0-11')):
            offer, answer = events_call(lab, side, said, said)
            for what, found in (('offer', offer), ('answer', answer)):
                equal([values for _, values in found], [[told]], f'events in the {what} for {said}, {side} calls')


@case('telephone-event without an fmtp is taken, as 0-15: in an offer, and in an answer [SC-14.5-06]')
def _(lab):
    for side in SIDES:
        offer, answer = events_call(lab, side, [], ['a=fmtp:101 0-15'])
        equal((offer, answer), ([('101', ['0-15'])],) * 2, f'an offer without fmtp, {side} calls')
        offer, answer = events_call(lab, side, ['a=fmtp:101 0-15'], [])
        equal((offer, answer), ([('101', ['0-15'])],) * 2, f'an answer without fmtp, {side} calls')


# ---------------------------------------------------------------- of everything that was said

TOKEN = r"[\w!%*_+`'~.-]+"
FIELDS = {       # RFC 3261 20 and 8.1.1, in an INVITE of ours
    'Via': r'SIP/2\.0/(UDP|TCP|TLS) [\w.\[\]:-]+;branch=z9hG4bK[\w.-]+(;\w+(=[\w.-]+)?)*',
    'Max-Forwards': r'\d{1,3}', 'From': r'("[^"]*" |[\w ]+ )?<(sips?|tel):[^<>\s]+>;tag=[\w.~-]+',
    'To': r'("[^"]*" |[\w ]+ )?<(sips?|tel):[^<>\s]+>(;tag=[\w.~-]+)?', 'Call-ID': rf'{TOKEN}(@{TOKEN})?', 'CSeq': r'\d{1,10} INVITE',
    'Contact': r'<sips?:[^<>\s]+>', 'Content-Length': r'\d+', 'Allow': rf'{TOKEN}(, ?{TOKEN})*', 'Supported': rf'{TOKEN}(, ?{TOKEN})*'}

LISTS = ('Allow', 'Supported')


def schema_faults(octets):
    head, _, body = octets.partition(b'\r\n\r\n')
    start, *lines = head.decode().split('\r\n')
    wrong = [] if re.fullmatch(r'INVITE sips?:[^\s]+ SIP/2\.0', start) else [f'start line {start!r}']
    fields = collections.defaultdict(list)
    for line in lines:
        name, colon, value = line.partition(': ')
        if not colon or not re.fullmatch(r'[A-Z][\w-]*', name):
            wrong.append(f'no field: {line!r}')
        fields[name].append(value)
    for name in LISTS:                               # on one line or on several (RFC 3261 7.3.1)
        fields[name] = [', '.join(fields[name])]
    for name, form in FIELDS.items():
        if len(fields[name]) != 1 or not re.fullmatch(form, fields[name][0]):
            wrong.append(f'{name}: {fields[name]}')
    if fields['Content-Length'] != [str(len(body))]:
        wrong.append(f'Content-Length: {fields["Content-Length"]} of {len(body)} octets')
    if fields['Content-Type'] != (['application/sdp'] if body else []):
        wrong.append(f'Content-Type: {fields["Content-Type"]} of {len(body)} octets')
    missing = {'INVITE', 'ACK', 'CANCEL', 'BYE'} - set(re.split(', ?', ''.join(fields['Allow'])))
    return wrong + ([f'Allow without {missing}'] if missing else [])


def sent_invites(peer):
    framer, found = sip_message.StreamFramer(), []
    for traced in list(peer.transport.trace):
        if traced.outgoing or not traced.data.strip():
            continue
        found += [m.encode() for m in framer.feed(traced.data)] if peer.transport.reliable else [traced.data]
    return [octets for octets in found if octets.startswith(b'INVITE ')]


@case('every INVITE that the edge has sent has each field that RFC 3261 wants, once and in its form: first and later ones, with an '
      'offer and without, to either side [SC-10.1-02]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        conversation.offer()
        response = offerless(conversation.out)
        acknowledge(conversation.out, response, conversation.mine.describe(sdp.parse(response.body)))
        require(conversation.into.server.acknowledged.wait(5), 'no ACK')
        conversation.hang_up()
        peer = party(lab, other_side(side)).peer
        invites = sent_invites(peer)
        kinds = collections.Counter((re.search(rb'\r\nTo: [^\r]*;tag=', i) is not None, not i.endswith(b'\r\n\r\n')) for i in invites)
        require(len(kinds) >= 3, f'INVITEs (within a call, with an offer) to the {other_side(side)}: {kinds}')
        for octets in invites:
            equal(schema_faults(octets), [], f'an INVITE to the {other_side(side)}:\n{octets.decode()}')


@case('in all that the edge has said of media to the PBX there is the address of its own media plane alone, and media come from there; '
      'so it is to the core [SC-3-02]')
def _(lab):
    for side in SIDES:
        caller, callee = party(lab, side), party(lab, other_side(side))
        uri, number = to(lab, side)
        outgoing = caller.peer.invite(uri, caller.offer(), caller=number)
        incoming = parties.wait_call(callee, outgoing)
        incoming.respond(183, 'Session Progress', callee.answer_to(incoming.remote_sdp))
        require(outgoing.wait_provisional(183) is not None, 'no 183')
        incoming.reject(486, 'Busy Here')
    conversation = Conversation(lab, 'core')
    conversation.mine.direction = 'sendonly'
    conversation.offer()
    conversation.mine.direction = 'sendrecv'
    conversation.offer()
    conversation.require_talk('before the search')
    conversation.hang_up()
    for each, side in ((lab.pbx(), ACCESS), (lab.core(), CORE)):
        bodies = [m for m in messages(each.peer) if m.body]
        kinds = {m.method if m.is_request else str(m.status) for m in bodies}
        require(len(bodies) > 30 and kinds >= {'INVITE', '200', '183'}, f'{len(bodies)} descriptions, of {kinds}')
        for message in bodies:
            found = set(ADDRESS.findall(message.body.decode()))
            equal(found, {side.media}, f'addresses in what the {each.name} was told:\n{message.body.decode()}')
            hosts = re.findall(r'(?m)^(?:[oc]=.*|a=rtcp:\d+ )IN IP\d (\S+)\r$', message.body.decode())
            equal(set(hosts), {side.media}, f'hosts in what the {each.name} was told')


if __name__ == '__main__':
    sys.exit(main('spoken', lambda: running_edge('spoken')))
