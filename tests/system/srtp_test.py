#!/usr/bin/env python3
"""SRTP with SDES (SIPconnect 14.4, RFC 3711, RFC 4568): who agrees on which keys and who is refused, and what the packets
on the leg of the PBX are worth to somebody who reads, changes or repeats them."""
import re
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
from media_calls import WAYS, answer, media_call, place, refusal, renegotiate, secure_lines  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from rtp_end import SR, contents, noise, require_same, sender_report, source_description  # noqa: E402
from rtp_sprayer import SILENCE  # noqa: E402
from srtp_lines import MANDATORY, counted, crypto_lines, key_line, keys_of, require_mandatory  # noqa: E402

OTHERS = ('AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM', 'AEAD_AES_256_GCM', 'AES_CM_128_HMAC_SHA1_32')
# A trunk with SRTP off, over UDP.
STATIC_ADDRESS, STATIC_NUMBER, STATIC_DOMAIN = '192.0.2.20', '+4940555001', 'static.sallyport.example'
DTLS = ['a=fingerprint:sha-256 ' + ':'.join(['AB'] * 32), 'a=setup:actpass']


def require_heard(call, when, seconds=1):
    for who, heard in zip(('PBX', 'core'), call.probes(seconds)):
        require(heard['ok'], f'{when}, to the {who}: {heard["failure"]}')


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
