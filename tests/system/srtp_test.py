#!/usr/bin/env python3
"""SRTP with SDES (SIPconnect 14.4, RFC 3711, RFC 4568): who agrees on which keys and who is refused, and what the packets
on the leg of the PBX are worth to somebody who reads, changes or repeats them."""
import base64
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import srtp  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, PBX_ADDRESS, USER, running_edge  # noqa: E402
from exchanges import Site  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from media_calls import WAYS, MediaCall, answer, media_call, place, refusal, renegotiate, secure_lines  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from rtp_end import SR, RtpEnd, contents, noise, require_same, sender_report, source_description  # noqa: E402
from rtp_sprayer import SILENCE  # noqa: E402

MANDATORY = parties.SUITE
OTHERS = ('AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM', 'AEAD_AES_256_GCM', 'AES_CM_128_HMAC_SHA1_32')
# A trunk with SRTP off, over UDP.
STATIC_ADDRESS, STATIC_NUMBER, STATIC_DOMAIN = '192.0.2.20', '+4940555001', 'static.sallyport.example'
DTLS = ['a=fingerprint:sha-256 ' + ':'.join(['AB'] * 32), 'a=setup:actpass']


def key_line(tag=1, suite=MANDATORY, more=''):
    return f'{tag} {suite} inline:{sdp.new_key(suite)}{more}'


def crypto_lines(stream):
    return [a.removeprefix('crypto:') for a in stream.attributes if a.startswith('crypto:')]


def require_mandatory(stream, what):
    """SRTP with the mandatory suite and nothing behind its key."""
    equal(stream.profile, 'RTP/SAVP', f'{what}: profile')
    lines = crypto_lines(stream)
    require(any(re.fullmatch(rf'\d+ {MANDATORY} inline:[A-Za-z0-9+/]{{40}}', line) for line in lines), f'{what}: {lines}')


def require_heard(call, when, seconds=1):
    for who, heard in zip(('PBX', 'core'), call.probes(seconds)):
        require(heard['ok'], f'{when}, to the {who}: {heard["failure"]}')


def counted(lab, reason):
    return lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason=reason)


def require_dropped(lab, reason, before, count):
    process.wait_until(lambda: counted(lab, reason) >= before + count, 5, f'{count} packets are counted as {reason}')
    equal(counted(lab, reason) - before, count, f'packets that are counted as {reason}')


def compound(ssrc):
    return sender_report(ssrc) + source_description(ssrc, 'somebody@pbx.example')


# -- what is agreed upon

@case('a trunk of which nobody has said anything is offered SRTP with keys in SDP, and the core plain RTP: a call either way '
      'is heard on both sides [SC-14.2-02] [SC-14.4-02]')
def _(lab):
    for way in WAYS:
        with media_call(lab, way) as call:
            require_mandatory(call.pbx.remote_sdp.audio, f'what the PBX is told, {way}')
            core = call.core.remote_sdp.audio
            equal((core.profile, core.cryptos), ('RTP/AVP', []), f'what the core is told, {way}')
            require_heard(call, way)


@case('each offer of ours has a key: in an INVITE, in the answer to an INVITE without offer, in a re-INVITE; each answer has '
      'the tag and the suite that were accepted, and a key of its own [SC-14.4-03]')
def _(lab):
    with media_call(lab, 'to the PBX') as call:
        require_mandatory(sdp.parse(call.incoming.invite.body).audio, 'the INVITE')
        require_mandatory(renegotiate(call, by_pbx=False, port=call.core_party.port()).audio, 'the re-INVITE')
    outgoing, _, core = place(lab, offer='')
    incoming = parties.wait_call(core, outgoing)
    incoming.respond(200, 'OK', core.offer())
    ok = parties.require_status(outgoing.transaction.wait_final(10), 200, 'the call without an offer')
    require_mandatory(sdp.parse(ok.body).audio, 'the answer to an INVITE without offer')
    outgoing.learn(ok)
    lab.pbx().peer.send(outgoing.request('ACK', lab.pbx().answer_to(sdp.parse(ok.body)), cseq=ok.cseq[0]).encode())
    require(incoming.server.acknowledged.wait(5), 'no ACK came to the core')
    equal(outgoing.bye(10).status, 200, 'BYE')
    for tag in ('1', '7', '999999999'):
        with media_call(lab, offer={'tag': tag}) as call:
            accepted, offered = call.pbx.remote_sdp.audio.cryptos, call.pbx.local_sdp.audio.cryptos[0]
            equal([(c.tag, c.suite) for c in accepted], [(tag, MANDATORY)], 'the accepted line')
            require(accepted[0].key != offered.key, 'the answer repeats the key of the offer')


@case('keys are exchanged in SDP or not at all: DTLS-SRTP, MIKEY, and SRTP without a key are refused with 488, and the core is '
      'not called [SC-14.4-03]')
def _(lab):
    pbx = lab.pbx()
    for profile, extra in (('UDP/TLS/RTP/SAVP', DTLS), ('RTP/SAVP', DTLS), ('RTP/SAVP', []),
                           ('RTP/SAVP', ['a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO'])):
        offer = sdp.build(pbx.media_address, pbx.port(), extra=extra).replace('RTP/AVP', profile)
        equal(refusal(lab, offer=offer).status, 488, f'{profile} with {extra}')


@case('no key that the PBX is sent has a lifetime, an MKI or session parameters behind it, whatever it said itself; its own '
      'lifetime is understood [SC-14.4-07]')
def _(lab):
    for lifetime in ('|2^31', '|2^20', '|1048576'):
        with media_call(lab, offer=secure_lines(lab.pbx(), key_line(3, more=lifetime))) as call:
            require_mandatory(call.pbx.remote_sdp.audio, f'the answer to a key with {lifetime}')
            require_heard(call, lifetime, 0.3)
        with media_call(lab, 'to the PBX', answered=secure_lines(lab.pbx(), key_line(1, more=lifetime))) as call:
            require_mandatory(call.pbx.remote_sdp.audio, 'an offer of ours')
            equal(len(crypto_lines(call.pbx.remote_sdp.audio)), 1, 'lines of an offer')
            require_heard(call, f'answered with {lifetime}', 0.3)


def require_passed_over(lab, *behind):
    """A line with this behind its key is not taken: the next one is, and where there is none the call is refused."""
    for more in behind:
        odd = key_line(1, more=more)
        with media_call(lab, offer=secure_lines(lab.pbx(), odd, key_line(2))) as call:
            require_mandatory(call.pbx.remote_sdp.audio, f'the answer to {more} and a plain line')
            equal([c.tag for c in call.pbx.remote_sdp.audio.cryptos], ['2'], f'the accepted line beside {more}')
            call.pbx.local_sdp.audio.cryptos.pop(0)
            require_heard(call, more, 0.3)
        equal(refusal(lab, offer=secure_lines(lab.pbx(), odd)).status, 488, f'an offer with nothing but {more}')
        outgoing, _, pbx = place(lab, 'to the PBX')
        incoming = parties.wait_call(pbx, outgoing)
        require_mandatory(incoming.remote_sdp.audio, 'an offer of ours')
        answer(pbx, incoming, secure_lines(pbx, odd))
        final = outgoing.wait_final(10)
        require(final is not None and final.status >= 400, f'the core got {final and final.start_line} for {more}')
        require(incoming.wait_ended(), f'a call answered with {more} stays up at the PBX')


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


@case('one of several keys, or one that a minute of speech uses up, is passed over, in an offer and in an answer: never noise '
      '[E-20]')
def _(lab):
    require_passed_over(lab, f'|1:4;inline:{sdp.new_key()}|2:4', f';inline:{sdp.new_key()}', '|2^11', '|4095')


@case('and so is one with session parameters [SC-14.4-09]')
def _(lab):
    require_passed_over(lab, ' UNENCRYPTED_SRTP', ' UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP', ' KDR=1', ' WSH=128',
                        ' FEC_ORDER=FEC_SRTP')


@case('of several lines the first that is understood is taken, by its tag, and the call is heard with that suite '
      '[SC-14.4-15]')
def _(lab):
    for lines, taken in (*(((key_line(4, suite), key_line(9)), ('4', suite)) for suite in OTHERS),
                         ((key_line(1), key_line(2, OTHERS[0])), ('1', MANDATORY)),
                         ((f'1 F8_128_HMAC_SHA1_80 inline:{sdp.new_key()}', key_line(2)), ('2', MANDATORY)),
                         ((f'5 AES_4096_OF_TOMORROW inline:{sdp.new_key()}', key_line(6)), ('6', MANDATORY))):
        with media_call(lab, offer=secure_lines(lab.pbx(), *lines)) as call:
            equal([(c.tag, c.suite) for c in call.pbx.remote_sdp.audio.cryptos], [taken], f'what was taken of {lines}')
            ours = call.pbx.local_sdp.audio
            ours.cryptos = [c for c in ours.cryptos if c.tag == taken[0]]
            require_heard(call, taken, 0.5)


@case('SRTP and RTP are agreed upon by configuration: where a trunk has one, an offer of the other is refused with 488 and a '
      'Warning; a key beside plain RTP changes nothing [SC-14.4-11]')
def _(lab):
    pbx, static = lab.pbx(), lab.parties['static']
    key = f'a=crypto:{key_line()}'
    for offer in (sdp.build(pbx.media_address, pbx.port()), sdp.build(pbx.media_address, pbx.port(), extra=[key])):
        response = refusal(lab, offer=offer)
        equal(response.status, 488, 'plain RTP where SRTP is required')
        require('SRTP only' in response.get('Warning', ''), f'Warning: {response.get("Warning")}')
    to = f'sip:{CORE_NUMBER}@{STATIC_DOMAIN}'
    response = static.peer.invite(to, secure_lines(static, key_line()), caller=STATIC_NUMBER).wait_final(10)
    parties.require_status(response, 488, 'SRTP where it is off')
    require('plain RTP only' in response.get('Warning', ''), f'Warning: {response.get("Warning")}')
    require(lab.core().peer.incoming.empty(), 'the core was called')
    outgoing = static.peer.invite(to, sdp.build(static.media_address, static.port(), extra=[key]), caller=STATIC_NUMBER)
    incoming = parties.wait_call(lab.core(), outgoing)
    answer(lab.core(), incoming, None)
    ok = parties.require_status(outgoing.wait_final(10), 200, 'plain RTP with a key beside it, where SRTP is off')
    for who, body in (('the core', incoming.invite.body), ('the PBX', ok.body)):
        told = sdp.parse(body).audio
        equal((told.profile, crypto_lines(told)), ('RTP/AVP', []), f'what {who} is told')
    equal(outgoing.bye(10).status, 200, 'BYE')
    # Nor does an answer that falls back to RTP go through.
    outgoing, _, _ = place(lab, 'to the PBX')
    incoming = parties.wait_call(pbx, outgoing)
    answer(pbx, incoming, sdp.build(pbx.media_address, pbx.port()))
    final = outgoing.wait_final(10)
    require(final is not None and final.status >= 400, f'the core got {final and final.start_line} for an answer without SRTP')
    require(incoming.wait_ended(), 'the call stays up at the PBX')


def keys_of(description):
    return {c.key for c in description.audio.cryptos}


def require_changeover(lab, call, what, change):
    """`change` gives the PBX's leg new keys; the PBX goes on with the old one for a while, then has both on the way."""
    end, before, ours = call.at_pbx, counted(lab, 'auth_failed'), keys_of(call.pbx.remote_sdp)
    call.at_core.forget()
    old = end.sending
    offered = change()
    require(not keys_of(offered) & ours and not keys_of(call.pbx.remote_sdp) & ours, f'{what}: our key is the one before')
    new, sent = end.sending, []
    require(new.inline != old.inline, f'{what}: the PBX has not changed its key')
    for under in (old, old, new, old, new, new):
        end.sending = under
        sent += end.play(noise(5))
    call.at_core.wait_sequence(sent[-1])
    require_same(call.at_core.received, sent, what)
    equal(counted(lab, 'auth_failed'), before, f'{what}: packets that could not be decrypted')
    sent_back = call.at_core.play(noise(5))
    call.at_pbx.wait_sequence(sent_back[-1])

    def old_is_refused():
        end.sending = old
        end.play(noise(1))
        return counted(lab, 'auth_failed') > before
    process.wait_until(old_is_refused, 10, f'{what}: the old key is worth nothing any more', every=0.2)
    end.sending = new


@case('a re-INVITE of either side has new keys, and nothing is lost over it: what the PBX still sends under the old one is '
      'heard, for some seconds [SC-14.4-06]')
def _(lab):
    with media_call(lab, 'to the PBX') as call:
        said = call.at_core and call.at_pbx.play(noise(5))      # both ends listen
        call.at_core.wait_sequence(said[-1])

        def by_core():
            return renegotiate(call, by_pbx=False, port=call.core_party.port())

        def by_pbx():
            renegotiate(call, by_pbx=True, new_key=True)
            return call.pbx.remote_sdp
        for what, change in (('offered by the core', by_core), ('offered by the PBX', by_pbx), ('and again', by_core)):
            require_changeover(lab, call, what, change)


@case('and so it is where another suite is in use: the next offer has a key that nobody has seen, and is heard [SC-14.4-16]')
def _(lab):
    for suite in OTHERS:
        with media_call(lab, offer=secure_lines(lab.pbx(), key_line(4, suite))) as call:
            seen = keys_of(call.pbx.remote_sdp) | keys_of(call.pbx.local_sdp)
            offers = []

            def take(message, call=call, offers=offers):
                offers.append(sdp.parse(message.body))
                text = lab.pbx().answer_to(offers[0])
                call.pbx.local_sdp = sdp.parse(text)
                call.pbx.respond(200, 'OK', text)
            call.pbx.on_reinvite = take
            again = call.core_party.offer()
            parties.require_status(call.core.reinvite(again, 10), 200, f're-INVITE with {suite} in use')
            call.core.local_sdp = sdp.parse(again)
            require(keys_of(offers[0]) and not keys_of(offers[0]) & seen, f'{suite}: a key of the next offer was used before')
            require_mandatory(offers[0].audio, f'the offer with {suite} in use')
            require_heard(call, f'after {suite}', 0.5)


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


@case('the PBX\'s next place gets another key than the one that did not take the call, and a party that is left with '
      'another one by the core gets a new key as well [SC-14.4-17]')
def _(lab):
    lab.pbx()
    second = parties.registered_pbx(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls,
                                    ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, domain=DOMAIN, user=USER,
                                    password=PASSWORD, address=PBX_ADDRESS, contact_port=5072, name='second')
    both = [lab.pbx(), second]
    try:
        equal(second.peer.register(bulk=True).status, 200, 'REGISTER of the second place')
        outgoing = lab.core().peer.invite(f'sip:{lab.pbx_number}@{CORE.signaling}', lab.core().offer(), caller=CORE_NUMBER)
        first = process.wait_until(lambda: next((p for p in both if not p.peer.incoming.empty()), None), 10, 'one is called')
        both.remove(first)
        keys = []
        for party, status in ((first, 503), (both[0], 486)):
            incoming = parties.wait_call(party, outgoing)
            keys += [c.key for c in incoming.remote_sdp.audio.cryptos]
            incoming.reject(status, 'No')
        equal((outgoing.wait_final(10).status, len(keys), len(set(keys))), (486, 2, 2), 'the call, keys, different keys')
        equal(second.peer.register(bulk=True, expires=0).status, 200, 'de-registration of the second place')
    finally:
        second.close()
    for way in WAYS:
        with media_call(lab, way) as call:
            before = call.pbx.remote_sdp.audio.cryptos[0].key
            offer = renegotiate(call, by_pbx=False, port=call.core_party.port()).audio       # somebody else is there now
            require_mandatory(offer, f'the re-INVITE, {way}')
            require(offer.cryptos[0].key != before, f'the key is still the one of before, {way}')
            require_heard(call, f'after it, {way}', 0.5)


# -- what is on the wire

@case('nothing of what is said can be read on the leg of the PBX: RTP and RTCP are encrypted, equal packets differently '
      '[SC-14.4-01] [SC-14.4-12]')
def _(lab):
    with media_call(lab) as call:
        pbx, core = call.at_pbx, call.at_core
        sent = core.play([SILENCE] * 50)
        pbx.wait_sequence(sent[-1])
        require_same(pbx.received, sent, 'what the PBX decrypts')
        bodies = [p.raw[12:-srtp.RTP_TAG] for p in pbx.received]
        require(all(SILENCE[:4] not in body for body in bodies), 'the silence is on the wire as it is')
        equal((len(set(bodies)), {len(b) for b in bodies}), (50, {160}), 'different packets, their sizes')
        for _ in range(5):
            core.report(compound(core.ssrc))
        reports = pbx.wait_reports(5, 'of the core')
        equal(pbx.refused, [], 'what the PBX cannot authenticate')
        for report in reports:
            equal(report.data[28 + 8:], compound(core.ssrc)[28 + 8:], 'the description that the PBX decrypts')
            require(report.raw[-srtp.RTCP_TRAILER] & 0x80, 'E of SRTCP is not set')
            require(b'somebody' not in report.raw, 'the name is on the wire as it is')
        equal(len({r.raw[8:-srtp.RTCP_TRAILER] for r in reports}), 5, 'different reports')
        # And the other way round: who does not encrypt is not heard.
        before = counted(lab, 'auth_failed')
        for packet in [pbx.packet(SILENCE) for _ in range(10)]:
            pbx.send_raw(packet.encode())
        pbx.report_raw(compound(pbx.ssrc))
        require_dropped(lab, 'auth_failed', before, 11)
        core.wait_sequence(pbx.send(pbx.packet(SILENCE)))
        equal(len(core.received), 1, 'packets that the core got')


def flipped(packet, at):
    changed = bytearray(packet)
    changed[at] ^= 1
    return bytes(changed)


@case('a bit that was changed, wherever it is, costs the packet and is counted: 80 bits of tag behind RTP, and behind RTCP and '
      'its index [SC-14.4-01] [SC-14.4-13]')
def _(lab):
    with media_call(lab) as call:
        pbx, core = call.at_pbx, call.at_core
        before = counted(lab, 'auth_failed')
        good = pbx.send(pbx.packet(noise(1)[0]))
        core.wait_sequence(good)
        true = pbx.packet(noise(1)[0])
        protected = pbx.sending.protect(true.encode())
        places = (1, 2, 7, 11, 12, 100, 171, -10, -1)        # of the header, the payload, the tag
        for place_ in places:
            pbx.send_raw(flipped(protected, place_))
        for cut in (1, srtp.RTP_TAG):
            pbx.send_raw(protected[:-cut])
        require_dropped(lab, 'auth_failed', before, len(places) + 2)
        pbx.send_raw(protected)                              # none of it has spoilt the true one
        core.wait_sequence(true)
        require_same(core.received, [good, true], 'what the core got')
        before = counted(lab, 'auth_failed')
        pbx.report(compound(pbx.ssrc), 1)
        core.wait_reports(1, 'the first')
        protected = pbx.sending.protect_rtcp(compound(pbx.ssrc), 2)
        places = (7, 8, 30, -srtp.RTCP_TRAILER - 1, -srtp.RTCP_TRAILER, -srtp.RTCP_TAG - 1, -srtp.RTCP_TAG, -1)
        for place_ in places:
            pbx.report_raw(flipped(protected, place_))
        require_dropped(lab, 'auth_failed', before, len(places))
        pbx.report_raw(protected)
        equal([r.of_type(SR)[4:8] for r in core.wait_reports(2, 'the true one')], [pbx.ssrc.to_bytes(4, 'big')] * 2, 'reports')
        # What we send has the same: it is authentic by somebody else's arithmetic, tags and index where they belong.
        last = core.play(noise(5))[-1]
        pbx.wait_sequence(last)
        core.report(compound(core.ssrc))
        report = pbx.wait_reports(1, 'of the core')[0]
        equal(({len(p.raw) - len(p.encode()) for p in pbx.received}, len(report.raw) - len(report.data), pbx.refused),
              ({srtp.RTP_TAG}, srtp.RTCP_TRAILER, []), 'what protection adds to RTP, to RTCP; what is not authentic')
        require(report.index > 0, f'index {report.index} of SRTCP')


@case('packets that are sent again, old or new, are dropped and counted; out of order, 64 behind, they are welcome, once '
      '[SC-14.4-01] [SC-14.4-14]')
def _(lab):
    with media_call(lab) as call:
        pbx, core = call.at_pbx, call.at_core
        before = counted(lab, 'replayed')
        packets = [pbx.packet(payload) for payload in noise(64)]
        for packet in packets:
            packet.raw = pbx.sending.protect(packet.encode())
        late, *others = packets
        for pair in zip(others[1::2], others[::2]):          # each two the wrong way round
            for packet in pair:
                pbx.send_raw(packet.raw)
        pbx.send_raw(others[-1].raw)
        core.wait_sequence(others[-1])
        pbx.send_raw(late.raw)                               # the oldest that a window of 64 has to hold
        core.wait_sequence(late)
        for packet in packets:
            pbx.send_raw(packet.raw)
        require_dropped(lab, 'replayed', before, 64)
        before = counted(lab, 'replayed')
        reports = [pbx.sending.protect_rtcp(compound(pbx.ssrc), index) for index in (1, 3, 2, 66, 4)]
        for report in reports:
            pbx.report_raw(report)
        core.wait_reports(5, 'out of order')
        for report in reports:
            pbx.report_raw(report)
        require_dropped(lab, 'replayed', before, 5)
        last = pbx.send(pbx.packet(noise(1)[0]))
        core.wait_sequence(last)
        equal(sorted(contents(core.received)), sorted(contents([*packets, last])), 'what the core got')
        equal(len(core.reports), 5, 'reports that the core got')


@case('no key that went to or came from the PBX stands in a log, a record or the list of calls')
def _(lab):
    said = b'\n'.join(traced.data for traced in list(lab.pbx().peer.transport.trace)).decode('utf-8', 'replace')
    keys = set(re.findall(r'inline:([A-Za-z0-9+/=]+)', said))
    require(len(keys) > 40, f'{len(keys)} keys')
    with media_call(lab) as call:
        keys |= {call.pbx.local_sdp.audio.cryptos[0].key, call.pbx.remote_sdp.audio.cryptos[0].key}
        texts = {'the list of calls': lab.edge.cli('--json', 'call', 'list')}
    for file in (*lab.edge.run.glob('*.log'), *(lab.edge.run / 'records').glob('*')):
        texts[file] = file.read_text(errors='replace')
    for what, text in texts.items():
        require(not any(key in text for key in keys), f'a key stands in {what}')


def prepare(lab):
    Site(lab, lab.network.pbx, STATIC_ADDRESS, lab.edge.access_udp, name='static', port=5080, domain=STATIC_DOMAIN)


if __name__ == '__main__':
    sys.exit(main('srtp', lambda: running_edge('srtp', access=('udp', 'tcp', 'tls'), prepare=prepare)))
