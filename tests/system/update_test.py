#!/usr/bin/env python3
"""UPDATE within calls (RFC 3311) through the running edge, by either party; hold in its many turns; whose music is played."""
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from conversation import SIDES, Conversation, party, provision_media, require_direction, to  # noqa: E402
from edge_fixture import CORE_NUMBER, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from pbx_sim import sdp, sip_peer, transport  # noqa: E402
from telephones import MIRRORED, Telephone, answers, listen, messages  # noqa: E402

STATIC_ADDRESS = '192.0.2.20'
PLAIN = 'INVITE, ACK, CANCEL, BYE, OPTIONS'


def both_take_update(lab, takes=True):
    for side in SIDES:
        party(lab, side).peer.allow = PLAIN + ', UPDATE' if takes else PLAIN


def offers_to(peer, since):
    """The methods by which later offers came to it."""
    return [m.method for m in messages(peer, since=since) if m.is_request and m.method in ('INVITE', 'UPDATE')]


@case('twenty times on hold and back by UPDATE, and twenty times by re-INVITE, by either side: every answer fits, and both are '
      'heard afterwards [SC-14.10-01]')
def _(lab):
    both_take_update(lab)
    for side in SIDES:
        for by in ('UPDATE', 'INVITE'):
            conversation = Conversation(lab, side)
            far = conversation.other.party.peer
            since = len(far.transport.trace)
            for turn in range(20):
                for direction in ('inactive' if turn % 2 else 'sendonly', 'sendrecv'):
                    conversation.mine.direction = direction
                    answer = conversation.offer(by=by)
                    equal(answer.audio.direction, MIRRORED[direction], f'{by} {turn} by the {side}, {direction}')
                    equal(conversation.into.remote_sdp.audio.direction, direction, 'what the other side was told')
            equal(set(offers_to(far, since)), {by}, 'how the other side was told')
            conversation.require_talk(f'after twenty holds by {by}')
            conversation.hang_up()


@case('re-INVITE and UPDATE with the description that stands, by both sides, in a call with SRTP and while it is on hold: 200 '
      'with the same answer each time, and not one packet of the talk is missing, twice or out of order '
      '[SC-14.1-05] [SC-14.1-06] [SC-14.1-07]')
def _(lab):
    both_take_update(lab)
    conversation = Conversation(lab, 'pbx')
    answers(conversation.out, conversation.mine)
    ends = ((conversation.out, conversation.mine), (conversation.into, conversation.other))

    def say_it_again(turns, directions):
        said = [(telephone.describe(call.remote_sdp, direction=direction), call.remote_sdp)
                for (call, telephone), direction in zip(ends, directions)]
        for turn in range(turns):
            (call, _), (text, before) = ends[turn % 2], said[turn % 2]
            by = call.update if turn // 2 % 2 else call.reinvite
            response = parties.require_status(by(text, 5), 200, f'offer {turn}')
            equal(sdp.parse(response.body), before, f'answer to offer {turn}')
            threading.Event().wait(0.3)
    probes = [listen(telephone, far, duration=8).wait_ready() for telephone, far in conversation.ends]
    say_it_again(20, ('sendrecv', 'sendrecv'))
    for who, heard in (('the PBX', probes[0].result()), ('the core', probes[1].result())):
        require(heard['ok'], f'{who}: {heard["failure"]}')
        for count in ('lost', 'duplicates', 'out_of_order', 'ssrc_changes', 'auth_failed', 'replayed'):
            equal(heard[count], 0, f'{count} at {who}')
    for direction in ('sendonly', 'inactive'):
        conversation.mine.direction = direction
        conversation.offer(by='UPDATE')
        answers(conversation.out, conversation.mine, direction=direction)
        say_it_again(8, (direction, MIRRORED[direction]))
    conversation.mine.direction = 'sendrecv'
    conversation.offer()
    conversation.require_talk('resumed')
    conversation.hang_up()


@case('UPDATE goes to who has it in his Allow, and who has not is asked by INVITE; one that offers too early, twice, or across '
      'another offer is answered 500 with Retry-After or 491, one without an offer 200 [SC-14.1-11]')
def _(lab):
    for side in SIDES:
        both_take_update(lab)
        far_side = 'core' if side == 'pbx' else 'pbx'
        party(lab, far_side).peer.allow = PLAIN
        conversation = Conversation(lab, side)
        far = conversation.other.party.peer
        since = len(far.transport.trace)
        conversation.mine.direction = 'sendonly'
        equal(conversation.offer(by='UPDATE').audio.direction, 'recvonly', 'answer to the UPDATE')
        equal(offers_to(far, since), ['INVITE'], f'{far_side} without UPDATE in its Allow')
        conversation.hang_up()

        both_take_update(lab)
        caller, callee = party(lab, side), party(lab, far_side)
        mine, other = Telephone(caller), Telephone(callee)
        uri, number = to(lab, side)
        outgoing = caller.peer.invite(uri, mine.describe(), caller=number)
        incoming = parties.wait_call(callee, outgoing)
        incoming.respond(183, 'Session Progress', other.describe(incoming.remote_sdp), [('Allow', callee.peer.allow)])
        early = outgoing.wait_provisional(183)
        require('UPDATE' in early['Allow'], 'the edge does not say that it takes UPDATE')
        outgoing.learn(early)
        refused = parties.require_status(outgoing.update(mine.describe(direction='inactive'), 5), 500, 'UPDATE before the answer')
        require(0 <= int(refused['Retry-After']) <= 10, f'Retry-After: {refused["Retry-After"]}')
        parties.require_status(outgoing.update('', 5), 200, 'UPDATE that offers nothing')
        parties.require_status(incoming.update(other.describe(direction='inactive'), 5), 491, 'UPDATE of the callee')
        parties.require_status(incoming.update('', 5), 200, 'UPDATE of the callee that offers nothing')
        require(incoming.answer(other.describe(incoming.remote_sdp)), 'no ACK came')
        parties.require_status(outgoing.wait_final(), 200, 'the call')
        outgoing.local_sdp = sdp.parse(mine.describe())

        came, held = threading.Event(), []

        def keep(message, server, held=held, came=came):
            held.append((message, server))
            came.set()
        incoming.on_update, incoming.local_sdp = keep, sdp.parse(other.describe())
        pending = []
        thread = threading.Thread(target=lambda: pending.append(outgoing.update(mine.describe(direction='sendonly'), 10)))
        thread.start()
        require(came.wait(5), 'the UPDATE did not reach the other side')
        again = parties.require_status(outgoing.update(mine.describe(direction='inactive'), 5), 500, 'a second UPDATE')
        require(0 <= int(again['Retry-After']) <= 10, f'Retry-After: {again["Retry-After"]}')
        parties.require_status(incoming.update(other.describe(direction='inactive'), 5), 491, 'an UPDATE across the first')
        incoming.answer_update(*held[0], 200, other.describe(sdp.parse(held[0][0].body)))
        thread.join(10)
        parties.require_status(pending[0], 200, 'the first UPDATE')
        equal(sdp.parse(pending[0].body).audio.direction, 'recvonly', 'its answer')
        parties.require_status(outgoing.bye(10), 200, 'BYE')
        require(incoming.wait_ended(10), 'the BYE did not reach the other side')


# policy of the holder -> {what it says: (what the other side is told, who hears what: 'sendonly' as seen by the holder)}
MUSIC = {
    'pass': {'sendonly': ('sendonly', 'sendonly'), 'inactive': ('inactive', 'inactive')},
    'own': {'sendonly': ('sendrecv', 'sendonly'), 'inactive': ('inactive', 'inactive')},
    'network': {'sendonly': ('sendonly', 'sendonly'), 'inactive': ('sendonly', 'inactive')},
    'none': {'sendonly': ('inactive', 'inactive'), 'inactive': ('inactive', 'inactive')},
}


@case('music on hold is the holder\'s policy, listened to on both sides: passed on; his own, of which the network is not told; '
      'the network\'s; none, told as inactive [SC-14.10-02] [SC-14.10-03] [SC-14.10-05] [SC-14.10-08]')
def _(lab):
    both_take_update(lab)
    for side in SIDES:
        for music, turns in MUSIC.items():
            provision_media(lab, side, music_on_hold=music)
            conversation = Conversation(lab, side)
            for (said, (told, heard)), by in zip(turns.items(), ('INVITE', 'UPDATE')):
                conversation.mine.direction = said
                answer = conversation.offer(by=by)
                equal(answer.audio.direction, MIRRORED[said] if heard == said else 'inactive', f'answer to {said}, {music}')
                equal(conversation.into.remote_sdp.audio.direction, told, f'{said} of the {side}, music {music}, told')
                require_direction(conversation, heard)
            conversation.mine.direction = 'sendrecv'
            conversation.offer()
            conversation.require_talk(f'resumed, music {music}')
            conversation.hang_up()
        provision_media(lab, side, music_on_hold='pass')


def static_pbx(lab, over):
    """The PBX of trunk sipp-static, at its address."""
    with lab.network.pbx.entered():
        way = transport.UdpTransport((STATIC_ADDRESS, 5080), lab.edge.access_udp) if over == 'udp' else \
            transport.StreamTransport.connect(lab.edge.access_tcp, (STATIC_ADDRESS, 0))
    return sip_peer.Peer(way, 'static.sallyport.example', contact_address=(STATIC_ADDRESS, 5080))


@case('a trunk or carrier that would send SRTP keys without TLS is refused by the provisioning API, and an offer of SRTP over '
      'UDP or TCP is answered 488; no key of it is in any log [SC-14.4-10]')
def _(lab):
    for kind, name in (('trunk', 'acme-hq'), ('carrier', 'core')):
        text = lab.edge.cli('get', kind, name)
        text = text.replace('srtp: off', 'srtp: required') if kind == 'carrier' else text + '\ntransports: [tls, tcp]'
        file = Path(lab.run_directory) / f'keys-in-clear-{kind}.yaml'
        file.write_text(text + '\n')
        refused = lab.edge.cli('apply', '-f', str(file), check=False)
        equal(refused.returncode, 1, f'{kind}: {refused.stdout}')
        require('media.srtp' in refused.stderr and 'without TLS would show its keys' in refused.stderr, refused.stderr)
    for over in ('udp', 'tcp'):
        peer, key = static_pbx(lab, over), sdp.new_key(parties.SUITE)
        call = peer.invite(lab.number_uri(CORE_NUMBER), sdp.build(STATIC_ADDRESS, 40_002, parties.SUITE, key),
                           caller='+4940555001')
        refused = parties.require_status(call.wait_final(), 488, f'SAVP over {over}')
        require('plain RTP' in refused['Warning'], f'Warning: {refused["Warning"]}')
        for name, daemon in lab.edge.daemons.items():
            require(key not in daemon.text(), f'the key is in the log of {name}')
        peer.close()


if __name__ == '__main__':
    sys.exit(main('update', lambda: running_edge('update', access=('tls', 'udp', 'tcp'))))
