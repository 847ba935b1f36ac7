#!/usr/bin/env python3
"""INVITEs within a call (RFC 3261 14), with an offer and without, of either side; glare, overlap and failure; and the versions of
what is described in them (RFC 3264 8)."""
import collections
import re
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import sdp_grammar  # noqa: E402
import telephones  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from conversation import SIDES, Conversation, other_side, party, reinvites, to  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_message  # noqa: E402
from telephones import MIRRORED, Telephone, acknowledge, answers, messages, offerless, require_talk  # noqa: E402

OTHER_CORE_NUMBER, SECOND_AT_CORE = '+4989777002', '198.51.100.11'
OWNER, GUEST = (2.1, 4.0), (0.0, 2.0)         # seconds until who was told 491 asks again (RFC 3261 14.1)
SLACK = 0.5                                   # seconds that a loaded machine may add


# ---------------------------------------------------------------- with an offer and without

@case('a re-INVITE with an offer of either side is one of our own on the other leg, its answer comes back, and the talk goes where '
      'it says [SC-12.2-01]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        before = len(reinvites(conversation.into))
        conversation.mine.move()
        conversation.other.move()
        answer = conversation.offer()
        came = reinvites(conversation.into)[before:]
        equal(len(came), 1, 'INVITEs on the other leg')
        require(came[0].call_id != conversation.out.call_id, 'the other leg has a Call-ID of its own')
        offered, ours = sdp.parse(came[0].body).audio, ACCESS if side == 'core' else CORE
        equal(offered.address, ours.media, f'address of the offer to the {other_side(side)}')
        equal(answer.audio.address, (CORE if side == 'core' else ACCESS).media, f'address of the answer to the {side}')
        require(conversation.into.server.acknowledged.wait(5), 'its answer was acknowledged')
        conversation.require_talk('at other ports on both sides')
        conversation.hang_up()


@case('a re-INVITE without an offer is one without on the other leg; the offer of that side comes in the 200, and the answer is in the '
      'ACK, on both legs [SC-12.2-03]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        conversation.other.move()
        response = offerless(conversation.out)
        came = reinvites(conversation.into)[-1]
        require(not came.body, f'an offer to the {other_side(side)}, who was to make one: {came.body!r}')
        equal(sdp_grammar.faults(response.body, 4), [], 'grammar of the offer')
        require(not conversation.into.server.acknowledged.is_set(), 'acknowledged before there was an answer')
        conversation.mine.move()
        acknowledge(conversation.out, response, conversation.mine.describe(sdp.parse(response.body)))
        require(conversation.into.server.acknowledged.wait(5), f'no ACK came to the {other_side(side)}')
        ack = [m for m in messages(party(lab, other_side(side)).peer) if m.is_request and m.method == 'ACK'][-1]
        equal((ack.cseq[0], sdp_grammar.faults(ack.body, 4)), (came.cseq[0], []), 'the ACK and the answer in it')
        conversation.require_talk('offered by the one who was asked')
        conversation.hang_up()


@case('to a re-INVITE without an offer of the PBX the 200 has one, the answer in its ACK is what media do; an ACK without an answer '
      'ends both legs with BYE [SC-12.2-04]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        before = conversation.out.remote_sdp
        response = offerless(conversation.out)
        offer = sdp.parse(response.body)
        equal(offer.origin.split()[:2], before.origin.split()[:2], 'the session of the offer')
        conversation.mine.direction = 'sendonly'
        acknowledge(conversation.out, response, conversation.mine.describe(offer, direction='sendonly'))
        process.wait_until(lambda: conversation.into.remote_sdp.audio.direction == 'sendonly', 5, 'the answer has crossed')
        heard = telephones.tones(*conversation.ends, wait=1)
        equal(heard[0]['packets_received'], 0, f'packets to the {side}, who takes none')
        require(heard[1]['packets_received'] > 20, f'packets to the other: {heard[1]["packets_received"]}')
        response = offerless(conversation.out)
        acknowledge(conversation.out, response, '')
        for who, call in ((side, conversation.out), (other_side(side), conversation.into)):
            require(call.wait_ended(5), f'no BYE came to the {who} after an ACK without an answer')
            require(any(m.method == 'BYE' for m in call.requests), f'the {who} was sent no BYE')


@case('the usual transfer: an INVITE without an offer to the target, whose offer goes into a re-INVITE to the one transferred, whose '
      'answer comes back in the ACK; until then the target repeats its 200, and is not acknowledged [SC-12.1.1-04]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    caller, transferor, target = Telephone(core), Telephone(pbx), Telephone(core, SECOND_AT_CORE)
    far, leg = telephones.call(core, pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', CORE_NUMBER, (caller, transferor))
    late = pbx.peer.invite(lab.number_uri(OTHER_CORE_NUMBER), '', caller=PBX_NUMBER)
    at_target = parties.wait_call(core, late)
    require(not at_target.invite.body, 'the target was to make the offer')
    at_target.local_sdp = sdp.parse(target.describe())
    began = len(core.peer.transport.trace)
    at_target.respond(200, 'OK', target.describe())
    response = parties.require_status(late.transaction.wait_final(10), 200, 'the call to the target')
    late.learn(response)

    def answer_later(message):
        asked.append(message)
    asked, done = [], []
    far.local_sdp, far.on_reinvite = far.local_sdp or sdp.parse(caller.describe()), answer_later
    reinvite = threading.Thread(target=lambda: done.append(leg.reinvite(response.body.decode(), 20)))
    reinvite.start()
    process.wait_until(lambda: asked, 5, 'the one transferred is asked')

    def repeated():
        return sum(t.outgoing and t.data.startswith(b'SIP/2.0 200') and at_target.call_id.encode() in t.data
                   for t in list(core.peer.transport.trace)[began:])
    process.wait_until(lambda: repeated() >= 3, 10, 'the target repeats its 200')
    require(not at_target.server.acknowledged.is_set(), 'the target was acknowledged before there was an answer')
    again = [m for m in messages(pbx.peer) if not m.is_request and m.call_id == late.call_id and m.status == 200]
    require(len(again) > 1 and len({m.body for m in again}) == 1, f'the PBX was sent its 200 {len(again)} times')
    far.respond(200, 'OK', caller.describe(sdp.parse(asked[0].body)))
    reinvite.join(20)
    acknowledge(late, response, parties.require_status(done[0], 200, 're-INVITE').body.decode())
    require(at_target.server.acknowledged.wait(5), 'the answer has not come to the target')
    process.wait_until(lambda: at_target.remote_sdp is not None, 5, 'the answer was in the ACK')
    require_talk('caller and target', (caller, far.remote_sdp), (target, at_target.remote_sdp))
    for first, other in ((at_target, late), (leg, far)):
        parties.require_status(first.bye(10), 200, 'BYE')
        require(other.wait_ended(10), 'the BYE did not reach the other side')


# ---------------------------------------------------------------- glare, overlap, failure (RFC 3261 14)

def glare(lab, side):
    """Both sides offer at once in a call that `side` has begun: each is told 491 by the other; seconds until the edge asks again."""
    conversation = Conversation(lab, side)
    out, into, came = conversation.out, conversation.into, []

    def first_refused(message):
        came.append((time.monotonic(), message))
        if len(came) > 1:
            return into.respond(200, 'OK', conversation.other.describe(sdp.parse(message.body)))
        held.wait(10)
        return into.respond(491, 'Request Pending')
    held = threading.Event()
    into.on_reinvite = lambda message: threading.Thread(target=first_refused, args=(message,)).start()
    conversation.mine.direction = 'sendonly'
    done = []
    offering = threading.Thread(target=lambda: done.append(out.reinvite(conversation.mine.describe(), 20)))
    offering.start()
    process.wait_until(lambda: came, 5, 'the offer has crossed')
    request = into.request('INVITE', conversation.other.describe(direction='sendrecv'))
    refused = into.peer.start(request, into.destination).wait_final(5)
    equal(refused.status, 491, f'the answer to the {other_side(side)}, whose offer crosses ours')
    held.set()
    process.wait_until(lambda: len(came) > 1, 6, 'the edge asks again')
    offering.join(20)
    parties.require_status(done[0], 200, f'the offer of the {side}, in the end')
    require(came[1][1].cseq[0] > came[0][1].cseq[0], 'a new request')
    equal(sdp.parse(came[1][1].body).audio.direction, 'sendonly', 'the offer that was made')
    conversation.hang_up()
    return came[1][0] - came[0][0]


@case('offers that cross on a leg: who comes second is told 491; the edge, told so, asks again after 2.1 to 4 s where the Call-ID is '
      'its own, and with it the first offer is answered in the end [SC-14.1-10]')
def _(lab):
    for side in SIDES:
        waited = glare(lab, side)
        require(OWNER[0] <= waited <= OWNER[1] + SLACK, f'asked again after {waited:.2f} s, in a call of the {side}')


@case('and within 2 s where the Call-ID is the peer\'s [SC-14.1-10]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        # Whoever was called offers now: what the edge asks goes to the caller, whose Call-ID it is.
        answers(conversation.out, conversation.mine)
        came, out = [], conversation.out
        taken = out.on_reinvite

        def first_refused(message):
            came.append(time.monotonic())
            return out.respond(491, 'Request Pending') if len(came) == 1 else taken(message)
        out.on_reinvite = first_refused
        conversation.other.direction = 'sendonly'
        parties.require_status(conversation.into.reinvite(conversation.other.describe(), 20), 200, 'the offer of the one called')
        require(len(came) == 2 and came[1] - came[0] <= GUEST[1] + SLACK, f'asked at {came}, in a call of the {side}')
        conversation.hang_up()


@case('a second INVITE while the first is not answered: 500 with a Retry-After of 0 to 10; an offer that the other side refuses, or '
      'that cannot be, changes nothing of what is heard [SC-14.1-10]')
def _(lab):
    for side in SIDES:
        conversation = Conversation(lab, side)
        out, into = conversation.out, conversation.into
        waits = threading.Event()

        def answer(message):
            threading.Thread(target=lambda: (waits.wait(10), into.respond(488, 'Not Acceptable Here'))).start()
        into.on_reinvite = answer
        conversation.mine.move()
        done, elsewhere = [], conversation.mine.describe()
        first = threading.Thread(target=lambda: done.append(out.reinvite(elsewhere, 20)))
        first.start()
        process.wait_until(lambda: reinvites(into), 5, 'the first has crossed')
        second = out.peer.start(out.request('INVITE', elsewhere), out.destination).wait_final(5)
        equal(second.status, 500, 'the second INVITE')
        require(re.fullmatch(r'\d|10', second['Retry-After'].strip()), f'Retry-After: {second["Retry-After"]}')
        equal(len(reinvites(into)), 1, 'INVITEs that have crossed')
        waits.set()
        first.join(20)
        equal(done[0].status, 488, 'the first, which the other side has refused')
        conversation.hang_up()

        conversation = Conversation(lab, side)
        heard = conversation.mine, conversation.other
        ends = conversation.ends
        conversation.into.on_reinvite = lambda message: conversation.into.respond(488, 'Not Acceptable Here')
        stays = (heard[0].port, heard[0].key)
        for text in (sdp.build(heard[0].address, heard[0].port + 2, None, None), heard[0].describe().replace('m=audio', 'm=odd').replace('RTP/', 'X/')):
            refused = conversation.out.reinvite(text, 10)
            require(refused.status == 488, f'an offer that cannot be, or that is refused: {refused.status}')
        equal((heard[0].port, heard[0].key), stays, 'the telephone has not moved')
        require_talk(f'as before, {side}', *ends)
        conversation.hang_up()


# ---------------------------------------------------------------- versions

def descriptions_by_dialog(peer, since=0):
    """(Call-ID, tag of the edge) -> its descriptions as they came, one after the other, without what came again."""
    found, seen = collections.defaultdict(list), set()
    for message in messages(peer, since=since):
        if not message.body or message.get('Content-Type') != 'application/sdp':
            continue
        tag = sip_message.parameter(message['From' if message.is_request else 'To'], 'tag')
        once = (message.call_id, tag, message.start_line, message['CSeq'], message.body)
        if once not in seen:
            seen.add(once)
            found[message.call_id, tag].append(message.body)
    return found


def require_versions(told):
    """RFC 3264 8, of consecutive descriptions: one session, and its version goes up by one exactly when something is different."""
    def parts(octets):
        origin = re.search(rb'(?m)^o=(\S+ \S+) (\d+) (.*?)\r$', octets)
        return origin.group(1), origin.group(3), int(origin.group(2)), octets.replace(origin.group(0), b'')
    changed = same = 0
    for before, after in zip(told, told[1:]):
        one, other = parts(before), parts(after)
        equal(other[:2], one[:2], 'user, session and address of o=')
        differs = one[3] != other[3]
        equal(other[2] - one[2], int(differs), f'the version went up by, {"changed" if differs else "unchanged"}:\n{before.decode()}\n{after.decode()}')
        changed, same = changed + differs, same + (not differs)
    return changed, same


@case('o= goes up by one with each description that is different, by none with one that is not, and stays the same session: over 183 '
      'and 200, hold, another codec, refreshes, offers of either side, and a call that is sent on by 302 [SC-14.1-09]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    parties_since = [(p.peer, len(p.peer.transport.trace)) for p in (pbx, core)]
    for side in SIDES:
        caller, callee = party(lab, side), party(lab, other_side(side))
        uri, number = to(lab, side)
        mine, other = Telephone(caller, codecs=(8, 0, 101)), Telephone(callee, codecs=(8, 0, 101))
        outgoing = caller.peer.invite(uri, mine.describe(), caller=number)
        incoming = parties.wait_call(callee, outgoing)
        answer = other.describe(incoming.remote_sdp)
        incoming.respond(183, 'Session Progress', answer)
        require(outgoing.wait_provisional(183) is not None, 'no 183')
        require(incoming.answer(answer), 'no ACK')
        parties.require_status(outgoing.wait_final(), 200, 'the call')
        answers(outgoing, mine)
        answers(incoming, other)
        for call, telephone in ((outgoing, mine), (incoming, other)) * 2:
            for turn in ('sendonly', 'sendonly', 'sendrecv', 'codec', 'again'):
                telephone.direction = turn if turn in MIRRORED else 'sendrecv'
                telephone.codecs = (0, 101) if turn in ('codec', 'again') else (8, 0, 101)
                parties.require_status(call.reinvite(telephone.describe(), 10), 200, turn)
            telephone.codecs = (8, 0, 101)
        parties.require_status(outgoing.bye(10), 200, 'BYE')
    # The PBX sends the call on: what the caller hears is the next place's, in the dialogs of its one INVITE.
    mine, other = Telephone(core), Telephone(core)
    outgoing = core.peer.invite(f'sip:{PBX_NUMBER}@{CORE.signaling}', mine.describe(), caller=CORE_NUMBER)
    incoming = parties.wait_call(pbx, outgoing)
    early = Telephone(pbx)
    incoming.respond(183, 'Session Progress', early.describe(incoming.remote_sdp))
    require(outgoing.wait_provisional(183) is not None, 'no 183 of the PBX')
    incoming.reject(302, 'Moved Temporarily', [('Contact', f'<sip:{OTHER_CORE_NUMBER}@sip.sallyport.example>')])
    onward = parties.wait_call(core, outgoing)
    answer = other.describe(onward.remote_sdp)
    onward.respond(183, 'Session Progress', answer)
    require(onward.answer(answer), 'no ACK came to the next place')
    parties.require_status(outgoing.wait_final(), 200, 'the call that was sent on')
    parties.require_status(outgoing.bye(10), 200, 'BYE')
    counts = [require_versions(told) for peer, since in parties_since for told in descriptions_by_dialog(peer, since).values()]
    changed, same = (sum(c) for c in zip(*counts))
    require(changed >= 40 and same >= 20, f'descriptions that had changed: {changed}, that had not: {same}')


if __name__ == '__main__':
    sys.exit(main('reinvite', lambda: running_edge('reinvite')))
