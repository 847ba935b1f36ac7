#!/usr/bin/env python3
"""What becomes of SRTP keys and of those who send under them (RFC 3711 3.3, 9.2, RFC 4568 6.1): named by an MKI, used up,
replaced, of sources that come and go and turn their numbers; and that nothing of them is left."""
import base64
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import srtp  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from media_calls import WAYS, MediaCall, answer, media_call, place, renegotiate, secure_lines  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from rtp_end import RtpEnd, noise, require_same, sender_report  # noqa: E402
from srtp_lines import MANDATORY, counted, key_line, keys_of, require_mandatory  # noqa: E402


@case('a key that packets name by an MKI is heard, RTCP too, offered or answered; ours is never named; beside a line without '
      'one it is passed over [SC-14.4-08] [E-20]')
def _(lab):
    for more in ('|1:4', '|2^20|1066:4', '|255:1', '|1:128'):
        for way, terms in (('from the PBX', {'offer': secure_lines(lab.pbx(), key_line(3, more=more))}),
                           ('to the PBX', {'answered': secure_lines(lab.pbx(), key_line(1, more=more))})):
            with media_call(lab, way, **terms) as call:
                require_mandatory(call.pbx.remote_sdp.audio, f'our line beside {more}')
                before = counted(lab, 'auth_failed')
                sent, back = call.at_pbx and call.at_core and call.at_pbx.play(noise(5)), call.at_core.play(noise(5))
                call.at_pbx.report(sender_report(call.at_pbx.ssrc))
                call.at_core.wait_sequence(sent[-1])
                call.at_pbx.wait_sequence(back[-1])
                require_same(call.at_core.received, sent, f'{way}, {more}')
                call.at_core.wait_reports(1, f'{way}, {more}')
                equal(counted(lab, 'auth_failed'), before, f'{way}, {more}: packets that could not be decrypted')
                call.at_pbx.sending.mki = bytes(len(call.at_pbx.sending.mki))      # a key that nobody has told
                call.at_pbx.play(noise(1))
                process.wait_until(lambda: counted(lab, 'auth_failed') == before + 1, 5, 'another name is no key of ours')
    with media_call(lab, offer=secure_lines(lab.pbx(), key_line(1, more='|2^20|1:32'))) as call:
        call.at_pbx.sending.mki = b''          # of those who state one and send none
        sent = call.at_core and call.at_pbx.play(noise(5))
        call.at_core.wait_sequence(sent[-1])
        require_same(call.at_core.received, sent, 'an MKI that is stated and not sent')
    with media_call(lab, offer=secure_lines(lab.pbx(), key_line(1, more='|1:4'), key_line(2))) as call:
        equal([c.tag for c in call.pbx.remote_sdp.audio.cryptos], ['2'], 'the accepted line beside one with an MKI')


@case('a key of the PBX that is good for 4,096 packets: with an eighth of them left the PBX is offered a new key of ours, answers '
      'with another one, and is heard on; not a packet is lost over it [E-20]')
def _(lab):
    with media_call(lab, offer=secure_lines(lab.pbx(), key_line(1, more='|2^12'))) as call:
        ours, theirs, offers = keys_of(call.pbx.remote_sdp), keys_of(call.pbx.local_sdp), []

        def take(message):
            offers.append(sdp.parse(message.body))
            said = call.pbx.local_sdp.audio
            text = sdp.build(said.address, said.port, MANDATORY, sdp.new_key(), tag=offers[0].audio.cryptos[0].tag,
                             session_id=call.pbx.local_sdp.origin.split()[1], version=2)
            call.pbx.local_sdp = sdp.parse(text)
            call.pbx.respond(200, 'OK', text)
        call.pbx.on_reinvite = take
        end = call.at_core and call.at_pbx
        sent = end.play(noise(3_500, 20), interval=0.0085)      # as fast as speech of 20 ms may come
        require(not offers, 'the PBX was asked for another key while it has 595 packets left')
        sent += end.play(noise(100, 20), interval=0.0085)
        process.wait_until(lambda: offers, 10, 'the PBX is asked for another key')
        require_mandatory(offers[0].audio, 'what it is offered')
        require(not keys_of(offers[0]) & ours, 'the key that it is offered is the one before')
        process.wait_until(lambda: end.sending.inline not in keys_of(call.pbx.local_sdp), 5, 'it has answered')
        call.follow()
        require(end.sending.inline not in theirs, 'its own key is the one before')
        sent += end.play(noise(20, 20))
        call.at_core.wait_sequence(sent[-1])
        require_same(call.at_core.received, sent, 'over the change of keys')
        equal(len(offers), 1, 'offers')


def hear(call, packets=5):
    """So many packets of the PBX, as the core has them."""
    sent = call.at_core and call.at_pbx.play(noise(packets))
    call.at_core.wait_sequence(sent[-1])
    return sent


@case('a stream whose sequence number has turned is heard over new keys, whether its sender goes on counting, as RFC 3711 3.3.1 '
      'wants it, or begins at zero [E-17]')
def _(lab):
    for begins_again in (False, True):
        for by_pbx in (True, False):
            with media_call(lab, 'to the PBX') as call:
                before, end = counted(lab, 'auth_failed'), call.at_pbx
                end.sequence = 2**16 - 5
                hear(call)
                end.sequence, end.sending.roc = 0, 1
                hear(call)
                old = end.sending
                renegotiate(call, by_pbx=by_pbx, **({'new_key': True} if by_pbx else {'port': call.core_party.port()}))
                require(end.sending.inline != old.inline and end.sending.roc == 1, 'a new key, and the count goes on')
                call.at_core.forget()
                if begins_again:
                    end.sending.roc = 0
                again = hear(call, 20)
                require_same(call.at_core.received, again, f'after new keys, from zero {begins_again}, by the PBX {by_pbx}')
                equal(counted(lab, 'auth_failed'), before, 'packets that could not be decrypted')


@case('another source in the middle of a call, and the first one again, without a word of signaling: both are heard, either way; '
      'what only says that it is another source is not [E-18]')
def _(lab):
    with media_call(lab) as call:
        for name, talker, listener in call.ends():
            sent, first = talker.play(noise(5)), (talker.ssrc, talker.timestamp)
            for ssrc in (secrets.randbits(32), secrets.randbits(32)):
                talker.ssrc, talker.sequence, talker.timestamp = ssrc, secrets.randbelow(2**14), secrets.randbits(31)
                sent += talker.play(noise(5))
            talker.ssrc, talker.timestamp = first
            talker.sequence = sent[4].sequence + 1
            sent += talker.play(noise(5))
            listener.wait_sequence(sent[-1])
            require_same(listener.received, sent, name)
        before, right = counted(lab, 'auth_failed'), call.at_pbx.sending
        call.at_core.forget()
        call.at_pbx.sending, known = srtp.Srtp(sdp.new_key()), call.at_pbx.ssrc
        call.at_pbx.ssrc = secrets.randbits(32)
        call.at_pbx.play(noise(5))
        call.at_pbx.sending, call.at_pbx.ssrc = right, known
        require_same(call.at_core.received, hear(call), 'behind a source that has no key')
        equal(counted(lab, 'auth_failed'), before + 5, 'packets that could not be decrypted')


@case('a PBX that begins near 65,535 and whose first packets are lost is heard; what it is sent begins below 32,768, whatever the '
      'core begins with [E-19]')
def _(lab):
    for way in WAYS:
        with media_call(lab, way) as call:
            before = counted(lab, 'auth_failed')
            call.at_pbx.sequence, call.at_pbx.sending.roc = 3, 1      # 65,530 and the next eight are lost
            require_same(call.at_core.received, hear(call, 10), f'its second round, {way}')
            call.at_core.sequence = 2**16 - 3
            sent = call.at_core.play(noise(3))
            call.at_core.sequence = 0
            sent += call.at_core.play(noise(5))
            process.wait_until(lambda call=call: len(call.at_pbx.received) >= 8, 5, 'all of it is heard')
            got = call.at_pbx.received
            equal([p.payload for p in got], [p.payload for p in sent], f'what the PBX hears, {way}')
            require(got[0].sequence < 2**15, f'the first number is {got[0].sequence}')
            equal([p.sequence - got[0].sequence for p in got], list(range(8)), f'the numbers, {way}')
            equal(counted(lab, 'auth_failed'), before, 'packets that could not be decrypted')


@case('SRTP of a called PBX that comes before its answer, and so before its key, is dropped and counted, fills no log and takes '
      'nothing; the call is heard as if nothing had been [E-21]')
def _(lab):
    outgoing, core, pbx = place(lab, 'to the PBX')
    incoming = parties.wait_call(pbx, outgoing)
    text = pbx.answer_to(incoming.remote_sdp)
    early = RtpEnd(pbx.namespace, sdp.parse(text).audio, incoming.remote_sdp.audio)
    reasons = ('leg_disabled', 'no_keys')
    before, failed = sum(counted(lab, r) or 0 for r in reasons), counted(lab, 'auth_failed')
    lines = len(lab.edge.daemons['media'].text().splitlines())
    early.play(noise(50), interval=0.005)
    process.wait_until(lambda: sum(counted(lab, r) or 0 for r in reasons) == before + 50, 5, 'all of it is counted')
    require(len(lab.edge.daemons['media'].text().splitlines()) <= lines + 2, 'the log is full of it')
    equal(counted(lab, 'auth_failed'), failed, 'packets that could not be decrypted')
    sequence = early.sequence
    early.close()
    answer(pbx, incoming, text)
    parties.require_status(outgoing.wait_final(10), 200, 'the call')
    call = MediaCall(outgoing, incoming, False, pbx, core)
    call.at_pbx.sequence = sequence
    require_same(call.at_core.received, hear(call), 'after the answer')
    back = call.at_core.play(noise(5))
    call.at_pbx.wait_sequence(back[-1])
    call.close_media()
    parties.require_status(outgoing.bye(10), 200, 'BYE')


def in_memory(pid, secrets_):
    """Which of these are in what that process may write to: its heap, its stacks, and what it has freed there."""
    found = set()
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith('rw'):
                continue
            first, last = (int(each, 16) for each in span.split('-'))
            for start in range(first, last, 1 << 24):
                memory.seek(start)
                try:
                    part = memory.read(min(last - start, (1 << 24) + 64))
                except OSError:                  # a device's
                    break
                found |= {s for s in secrets_ if s in part}
    return found


@case('when a call has ended nothing in the memory of the media plane tells its keys, what was freed included')
def _(lab):
    pid, keys = lab.edge.daemons['media'].pid, set()
    for way in WAYS:
        with media_call(lab, way) as call:
            hear(call)
            renegotiate(call, by_pbx=True, new_key=True)
            hear(call)
            ours = {base64.b64decode(c.key) for s in (call.pbx.local_sdp, call.pbx.remote_sdp) for c in s.audio.cryptos}
            require(in_memory(pid, ours) == ours, 'the keys in use are nowhere: this looks in the wrong place')
            keys |= ours
    process.wait_until(lambda: not in_memory(pid, keys), 20, 'the keys are gone', every=0.5)


if __name__ == '__main__':
    sys.exit(main('srtp_keys', lambda: running_edge('srtp_keys')))
