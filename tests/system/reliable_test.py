#!/usr/bin/env python3
"""Provisional responses that are acknowledged (RFC 3262) through the running edge: on each leg for itself, with SIPp at both
ends; offers and answers in them and in their PRACKs, heard by ear; switched off."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from conversation import SIDES, party, to  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import parties, sipp  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from telephones import MIRRORED, Telephone, require_talk  # noqa: E402

SCENARIOS = ROOT / 'tests' / 'system' / 'sipp'
PBX, CORE = '192.0.2.20', '198.51.100.11'
EXTENDED = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK'


class Attempt:
    """A call that rings, with a telephone at each end."""

    def __init__(self, lab, side, described=True, headers=(('Supported', '100rel'),)):
        caller, callee = party(lab, side), party(lab, SIDES[1 - SIDES.index(side)])
        for one in (caller, callee):
            one.peer.allow = EXTENDED
        self.what = f'a call by the {side}'
        self.mine, self.other = Telephone(caller), Telephone(callee)
        uri, number = to(lab, side)
        offer = self.mine.describe() if described else ''
        self.out = caller.peer.invite(uri, offer, caller=number, headers=list(headers))
        self.into = parties.wait_call(callee, self.out)

    def progress(self, status, description='', rseq=None):
        """An 18x as the caller hears it."""
        seen = len(self.out.transaction.responses)
        headers = [('Allow', EXTENDED)] + ([('Require', '100rel'), ('RSeq', str(rseq))] if rseq else [])
        self.into.respond(status, 'Progress', description, headers)
        transaction = self.out.transaction
        heard = transaction.wait(lambda r: r.status == status and r in transaction.responses[seen:], 5)
        require(heard is not None, f'{self.what}: no {status} came to the caller')
        return heard

    def acknowledged(self, rseq):
        prack = self.into.acknowledged.get(timeout=5)
        equal(prack['RAck'], f'{rseq} {self.into.invite.cseq[0]} INVITE', f'{self.what}: RAck at the callee')
        return prack

    def take_updates(self):
        """Offers of the edge to either end are answered in kind."""
        for call, telephone in ((self.out, self.mine), (self.into, self.other)):
            call.on_update = lambda request, server, call=call, telephone=telephone: call.answer_update(
                request, server, 200, telephone.describe(call.remote_sdp))

    @property
    def ends(self):
        return (self.mine, self.out.remote_sdp), (self.other, self.into.remote_sdp)

    def answered(self):
        """The callee answers; the 200 as the caller hears it."""
        self.into.respond(200, 'OK', '', [('Allow', EXTENDED)])
        ok = parties.require_status(self.out.wait_final(), 200, self.what)
        require(self.into.server.acknowledged.wait(5), f'{self.what}: no ACK came')
        return ok

    def hang_up(self):
        parties.require_status(self.out.bye(10), 200, 'BYE')
        require(self.into.wait_ended(10), 'the BYE did not reach the other side')


@case('SIPp calls and is called: the caller requires 100rel, the callee has its 18x acknowledged; the 200 waits for the last '
      'PRACK, and nothing of the calls is left')
def _(lab):
    callee = sipp.Sipp(lab.network.pbx, lab.run_directory, 'callee', SCENARIOS / 'reliable_callee.xml', address=PBX, port=5080)
    sipp.wait_listening(lab.network.pbx, 5080)
    caller = sipp.Sipp(lab.network.core, lab.run_directory, 'caller', SCENARIOS / 'reliable_caller.xml', address=CORE, port=5070,
                       remote=lab.edge.core_udp, calls=10, rate=10, service='+4940555123', timeout=60)
    counts = caller.wait()
    require(counts['ok'] == 10 and counts['failed'] == 0, f'{counts}: {caller.errors()} {callee.errors()}')
    callee.stop()
    lab.require_no_leftovers(60)


@case('the answer in an 18x that both acknowledge is the answer: media both ways before the 200, which has none, and after it')
def _(lab):
    for side in SIDES:
        attempt = Attempt(lab, side)
        ringing = attempt.progress(180, rseq=1)
        attempt.acknowledged(1)
        parties.require_status(attempt.out.prack(ringing), 200, 'PRACK of the 180')
        progress = attempt.progress(183, attempt.other.describe(attempt.into.remote_sdp), rseq=2)
        attempt.acknowledged(2)
        equal(int(progress['RSeq']), int(ringing['RSeq']) + 1, 'RSeq towards the caller')
        parties.require_status(attempt.out.prack(progress), 200, 'PRACK of the 183')
        require_talk(f'{attempt.what} before its answer', *attempt.ends)
        equal(attempt.answered().body, b'', 'a description in the 200')
        require_talk(f'{attempt.what} after its answer', *attempt.ends)
        attempt.hang_up()


@case('an INVITE without an offer: the callee offers in an 18x, the caller answers in its PRACK, and both are heard before the '
      'call is answered; without 100rel the offer comes with the 200 [SC-14.1-03]')
def _(lab):
    for side in SIDES:
        attempt = Attempt(lab, side, described=False)
        offer = attempt.progress(183, attempt.other.describe(), rseq=9)
        attempt.out.learn(offer)
        answer = attempt.mine.describe(attempt.out.remote_sdp)
        require(attempt.into.acknowledged.empty(), 'acknowledged before there was an answer')
        parties.require_status(attempt.out.prack(offer, answer), 200, 'PRACK with the answer')
        prack = attempt.acknowledged(9)
        equal(sdp.parse(prack.body).audio.direction, 'sendrecv', 'the answer at the callee')
        require_talk(f'{attempt.what}, answered by PRACK', *attempt.ends)
        equal(attempt.answered().body, b'', 'a description in the 200')
        attempt.hang_up()
        plain = Attempt(lab, side, described=False, headers=())
        require('100rel' not in plain.into.invite.all('Supported'), 'asked to offer before anybody could answer')
        plain.out.cancel()
        require(plain.into.cancelled.wait(5), 'no CANCEL came')


@case('before the call is answered either side offers anew: the caller in its PRACK, both by UPDATE; each answer fits, and what '
      'was agreed last is heard after the 200')
def _(lab):
    for side in SIDES:
        attempt = Attempt(lab, side)
        attempt.take_updates()
        progress = attempt.progress(183, attempt.other.describe(attempt.into.remote_sdp), rseq=5)
        attempt.acknowledged(5)
        attempt.mine.direction = 'sendonly'
        response = parties.require_status(attempt.out.prack(progress, attempt.mine.describe()), 200, 'PRACK with an offer')
        equal(sdp.parse(response.body).audio.direction, 'recvonly', 'the answer to the PRACK')
        equal(attempt.into.remote_sdp.audio.direction, 'sendonly', 'what the callee was offered')
        for end, call, telephone, far in ((side, attempt.out, attempt.mine, attempt.into),
                                          ('other', attempt.into, attempt.other, attempt.out)):
            for direction in ('inactive', 'sendrecv'):
                telephone.direction = direction
                response = parties.require_status(call.update(telephone.describe(), 5), 200, f'UPDATE, {end}: {direction}')
                equal(sdp.parse(response.body).audio.direction, MIRRORED[direction], f'answer, {end}: {direction}')
                equal(far.remote_sdp.audio.direction, direction, f'what the far end was offered, {end}')
        attempt.answered()
        require_talk(f'{attempt.what} after all of it', *attempt.ends)
        attempt.hang_up()


@case('reliable_provisionals: false: never offered to that side, 420 where that side requires it; the other side is not touched')
def _(lab):
    text = lab.edge.cli('get', 'trunk', 'acme-hq')
    file = Path(lab.run_directory) / 'unreliable.yaml'
    file.write_text(text + '\nreliable_provisionals: false\n')
    lab.edge.apply(file)
    sheet = lab.edge.cli('trunk', 'sheet', 'acme-hq')
    require('420' in sheet, sheet)
    refused = lab.pbx().peer.invite(to(lab, 'pbx')[0], Telephone(lab.pbx()).describe(), caller=to(lab, 'pbx')[1],
                                    headers=[('Require', '100rel')])
    equal(parties.require_status(refused.wait_final(), 420, 'required where it is off')['Unsupported'], '100rel', 'Unsupported')
    attempt = Attempt(lab, 'pbx')
    require('100rel' in attempt.into.invite.all('Supported'), 'the core is asked no more')
    require('RSeq' not in attempt.progress(180, rseq=3), 'the PBX hears of it')
    attempt.acknowledged(3)
    attempt.out.cancel()
    require(attempt.into.cancelled.wait(5), 'no CANCEL came')
    other = Attempt(lab, 'core')
    require('100rel' not in other.into.invite.all('Supported'), 'offered to the PBX')
    other.out.cancel()
    require(other.into.cancelled.wait(5), 'no CANCEL came')
    file.write_text(text)
    lab.edge.apply(file)


if __name__ == '__main__':
    sys.exit(main('reliable', lambda: running_edge('reliable', access=('tls', 'udp'))))
