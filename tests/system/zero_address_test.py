#!/usr/bin/env python3
"""0.0.0.0 and :: as the address of a stream (RFC 3264 8.4, RFC 6337 5.4): understood by the edge as "send me nothing", in
offers and answers, of either side, at the session and at the stream, whatever the direction says; and never sent by it."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import telephones  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from conversation import SIDES, Conversation, party, to  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from telephones import MIRRORED, Telephone, answers, messages, require_talk, tones  # noqa: E402

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
# What the direction means where nothing can be received.
WITHOUT_RECEIVING = {None: 'sendonly', 'sendrecv': 'sendonly', 'sendonly': 'sendonly', 'recvonly': 'inactive', 'inactive': 'inactive'}


def prepare(lab):
    file = Path(lab.run_directory) / 'v6.yaml'
    file.write_text(V6_TRUNK)
    lab.edge.apply(file)
    lab.parties['v6'] = parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary, edge=(ACCESS.signaling_v6, 5061),
        ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, domain=DOMAIN, user='acme-v6', password=PASSWORD,
        address=ACCESS.peers_v6[0], name='v6')
    parties.require_status(lab.parties['v6'].peer.register(bulk=True), 200, 'REGISTER over IPv6')


def zeroed(text, direction='sendrecv', at_stream=False):
    """The description with the address that is none, at the session or at its stream, and another direction or no word of it."""
    zero = 'c=IN IP6 ::' if 'c=IN IP6' in text else 'c=IN IP4 0.0.0.0'
    if at_stream:
        text = re.sub(r'(m=audio [^\r]*)', rf'\1\r\n{zero}', text, count=1)
    else:
        text = re.sub(r'c=IN IP[46] [^\r]*', zero, text, count=1)
    return re.sub(r'a=(sendrecv|sendonly|recvonly|inactive)\r\n', f'a={direction}\r\n' if direction else '', text)


def hold(conversation, direction=None, at_stream=False):
    """The answer to a re-INVITE with that address."""
    mine = conversation.mine
    mine.version += 1
    answer = conversation.offer(zeroed(mine.describe(version=mine.version), direction, at_stream))
    meant = WITHOUT_RECEIVING[direction]
    what = f'a={direction}, c= of the {"stream" if at_stream else "session"}, by the {conversation.side}'
    equal(conversation.into.remote_sdp.audio.direction, meant, f'{what}: what the other side was offered')
    equal(answer.audio.direction, MIRRORED[meant], f'{what}: the answer')
    require(answer.audio.port != 0 and conversation.into.remote_sdp.audio.port != 0, f'{what}: the stream goes on')
    return what, meant


def require_held(conversation, what, meant):
    holder, held = tones(*conversation.ends, wait=1.2)
    equal(holder['packets_received'], 0, f'{what}: RTP at the holder')
    equal(holder['rtcp_received'], 0, f'{what}: RTCP at the holder, who has no address')
    right = held['packets_received'] > 20 if meant == 'sendonly' else held['packets_received'] == 0
    require(right, f'{what}: RTP at the held: {held["packets_received"]}')


def resume(conversation, what):
    conversation.mine.direction = 'sendrecv'
    conversation.mine.version += 1
    equal(conversation.offer(conversation.mine.describe(version=conversation.mine.version)).audio.direction, 'sendrecv', f'{what}: resumed')
    conversation.require_talk(f'{what}: resumed')


@case('on hold by c=0.0.0.0, of the session or of the stream, with every direction and without one, by either side: the other is '
      'offered the edge\'s own address and what may flow, nothing is sent to the holder, and the talk goes on when it has an address '
      'again [SC-14.10-06]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        for at_stream in (False, True):
            for direction in WITHOUT_RECEIVING:
                what, meant = hold(conversation, direction, at_stream)
                if at_stream or direction in (None, 'inactive'):
                    require_held(conversation, what, meant)
        resume(conversation, f'by the {side}')
        conversation.hang_up()


@case('both sides hold by c=0.0.0.0, one after the other, and resume in either order')
def _(lab):
    for side in SIDES:
        for first_back in ('mine', 'other'):
            conversation = Conversation(lab, side)
            ends = {'mine': (conversation.out, conversation.mine), 'other': (conversation.into, conversation.other)}
            for call, telephone in ends.values():
                answers(call, telephone)
            what = f'{side} calls, {first_back} resumes first'
            on_hold = set()

            def say(who, held):
                call, telephone = ends[who]
                far = ends['other' if who == 'mine' else 'mine'][0]
                telephone.version += 1
                text = telephone.describe(version=telephone.version)
                on_hold.add(who) if held else on_hold.discard(who)
                answered = parties.require_status(call.reinvite(zeroed(text, None) if held else text, 10), 200, f're-INVITE, {what}')
                for direction in (sdp.parse(answered.body).audio, far.remote_sdp.audio):
                    require(direction.port != 0, f'{what}: the stream goes on')
                return sdp.parse(answered.body).audio.direction

            say('mine', True)
            say('other', True)
            say(first_back, False)
            say('other' if first_back == 'mine' else 'mine', False)
            say('mine', False)
            conversation.require_talk(what)
            conversation.hang_up()


@case('a call that begins with c=0.0.0.0 in its offer, or in its answer, is set up with either side, and heard when there is an address')
def _(lab):
    for side in SIDES:
        caller, callee = party(lab, side), party(lab, 'core' if side == 'pbx' else 'pbx')
        uri, number = to(lab, side)
        for zero_in in ('offer', 'answer'):
            what = f'zero in the {zero_in}, {side} calls'
            mine, other = Telephone(caller), Telephone(callee)
            offer = mine.describe()
            outgoing = caller.peer.invite(uri, zeroed(offer, None) if zero_in == 'offer' else offer, caller=number)
            incoming = parties.wait_call(callee, outgoing)
            equal(incoming.remote_sdp.audio.direction, 'sendonly' if zero_in == 'offer' else 'sendrecv', f'{what}: offered')
            answer = other.describe(incoming.remote_sdp)
            require(incoming.answer(zeroed(answer, None) if zero_in == 'answer' else answer), f'{what}: no ACK')
            final = parties.require_status(outgoing.wait_final(), 200, what)
            equal(sdp.parse(final.body).audio.direction, 'recvonly' if zero_in == 'offer' else 'sendonly', f'{what}: answered')
            answers(incoming, other)
            answers(outgoing, mine)
            late, telephone = (outgoing, mine) if zero_in == 'offer' else (incoming, other)
            telephone.version += 1
            parties.require_status(late.reinvite(telephone.describe(version=telephone.version), 10), 200, f'{what}: an address')
            require_talk(what, (mine, outgoing.remote_sdp), (other, incoming.remote_sdp))
            parties.require_status(outgoing.bye(10), 200, 'BYE')
            require(incoming.wait_ended(10), 'the BYE came through')


@case('c=IN IP6 :: of a PBX with IPv6 is the same, in a first offer, in an answer and on hold')
def _(lab):
    v6, core = lab.parties['v6'], lab.core()
    for caller, callee, uri, number in ((v6, core, lab.number_uri(CORE_NUMBER), V6_NUMBER),
                                        (core, v6, f'sip:{V6_NUMBER}@{CORE.signaling}', CORE_NUMBER)):
        mine, other = Telephone(caller), Telephone(callee)
        zero_offer, zero_answer = caller is v6, callee is v6
        offer = mine.describe()
        outgoing = caller.peer.invite(uri, zeroed(offer, None) if zero_offer else offer, caller=number)
        incoming = parties.wait_call(callee, outgoing)
        answer = other.describe(incoming.remote_sdp)
        require(incoming.answer(zeroed(answer, None) if zero_answer else answer), 'no ACK')
        final = parties.require_status(outgoing.wait_final(), 200, f'{caller.name} calls')
        equal(incoming.remote_sdp.audio.direction, 'sendonly' if zero_offer else 'sendrecv', f'{caller.name} calls: offered')
        equal(sdp.parse(final.body).audio.direction, 'recvonly' if zero_offer else 'sendonly', f'{caller.name} calls: answered')
        answers(incoming, other)
        answers(outgoing, mine)
        call, telephone = (outgoing, mine) if caller is v6 else (incoming, other)
        for zero in (False, True, False):
            telephone.version += 1
            text = telephone.describe(version=telephone.version)
            parties.require_status(call.reinvite(zeroed(text, None) if zero else text, 10), 200, 're-INVITE of the PBX')
            far = incoming if call is outgoing else outgoing
            equal(far.remote_sdp.audio.direction, 'sendonly' if zero else 'sendrecv', 'what the core was offered')
        require_talk('with an address again', (mine, outgoing.remote_sdp), (other, incoming.remote_sdp))
        parties.require_status(outgoing.bye(10), 200, 'BYE')


@case('in all that the edge has sent meanwhile, to either side, there is no address that is none [SC-14.10-07]')
def _(lab):
    seen = 0
    for each in (lab.pbx(), lab.core(), lab.parties['v6']):
        for message in messages(each.peer):
            if not message.body:
                continue
            seen += 1
            text = message.body.decode()
            wrong = [line for line in text.splitlines() if re.search(r'\bIN IP4 0\.0\.0\.0$|\bIN IP6 ::$', line)]
            require(not wrong, f'{wrong} in what {each.name} was sent:\n{text}')
    require(seen > 60, f'descriptions: {seen}')


if __name__ == '__main__':
    sys.exit(main('zero_address', lambda: running_edge('zero_address', prepare=prepare)))
