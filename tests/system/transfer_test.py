#!/usr/bin/env python3
"""Transfers as SIPconnect 12 has them: INVITE and re-INVITE under third-party control, blind and attended, by the PBX and by
the core, over one edge whose media relay is told where to go by re-INVITE alone. REFER is refused and does no harm."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import telephones  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sdp, sip_message  # noqa: E402
from telephones import Telephone, acknowledge, answers, messages, offerless, require_talk, tones  # noqa: E402

SECOND_AT_PBX, SECOND_AT_CORE = '192.0.2.20', '198.51.100.11'       # another telephone's address on either side
OTHER_PBX_NUMBER, OTHER_CORE_NUMBER = '+4930555002', '+4989777002'
WITHIN = {'INVITE', 'ACK', 'CANCEL', 'BYE', 'PRACK'}                #  what a transfer may be made of


def to_pbx(number=PBX_NUMBER):
    return f'sip:{number}@{CORE.signaling}'


class Wire:
    """What either party is sent from now on."""

    def __init__(self, lab):
        self.peers = [p.peer for p in (lab.pbx(), lab.core())]
        self.since = [len(p.transport.trace) for p in self.peers]

    def came(self):
        pairs = zip(self.peers, self.since)
        return [m for peer, since in pairs for m in messages(peer, since=since)]

    def require_plain(self):
        """INVITE and re-INVITE, nothing that was refused, nothing else."""
        came = self.came()
        methods = {m.method for m in came if m.is_request} - {'OPTIONS'}
        require('INVITE' in methods and methods <= WITHIN, f'requests of the transfer: {methods}')
        bad = [m.start_line for m in came if not m.is_request and m.status >= 300]
        require(not bad, f'responses within the transfer: {bad}')

    def invites(self):
        """(INVITEs that begin a dialog, INVITEs within one), each as the edge sent it."""
        came = [m for m in self.came() if m.is_request and m.method == 'INVITE']
        within = ['tag=' in m['To'] for m in came]
        return within.count(False), within.count(True)


def hang_up(first, other):
    parties.require_status(first.bye(10), 200, 'BYE')
    require(other.wait_ended(10), 'the BYE did not reach the other side')


def in_call(lab, telephone_of_core, telephone_of_pbx, by_pbx=False, numbers=(PBX_NUMBER, CORE_NUMBER)):
    """A call between the two: (its leg at the PBX, its leg at the core)."""
    own, far = numbers
    if by_pbx:
        return telephones.call(lab.pbx(), lab.core(), lab.number_uri(far), own, (telephone_of_pbx, telephone_of_core))
    return telephones.call(lab.core(), lab.pbx(), to_pbx(own), far, (telephone_of_core, telephone_of_pbx))[::-1]


def ringing(caller, callee, to, number, description, headers=()):
    """A call that rings: (outgoing, incoming)."""
    outgoing = caller.peer.invite(to, description, caller=number, headers=headers)
    incoming = parties.wait_call(callee, outgoing)
    incoming.ring()
    require(outgoing.wait_provisional(180) is not None, 'the transferor never heard that the target rings')
    return outgoing, incoming


def answered_late(outgoing, incoming, telephone):
    """The target answers an INVITE without an offer: its 200, which waits for an answer in the ACK."""
    incoming.local_sdp = sdp.parse(telephone.describe())
    incoming.respond(200, 'OK', telephone.describe())
    response = parties.require_status(outgoing.transaction.wait_final(10), 200, 'the call to the target')
    outgoing.learn(response)
    return response


def reoffered(leg, description):
    """The answer to a re-INVITE with this offer."""
    return parties.require_status(leg.reinvite(description, 10), 200, 're-INVITE').body.decode()


def joined(late, response, leg):
    """The usual end of a transfer: the offer of the one call goes to the other, whose answer goes back in the ACK."""
    offer = response.body.decode()
    acknowledge(late, response, reoffered(leg, offer))
    return sdp.parse(offer)


# ---------------------------------------------------------------- REFER

@case('the statement says how calls of a trunk are transferred; REFER is not among it, nor in Allow [SC-12.1-01]')
def _(lab):
    done = subprocess.run([ROOT / 'tests' / 'conformance' / 'statement'], capture_output=True, text=True, check=True)
    rows = [line for line in done.stdout.split('## Transfers', 1)[1].split('\n## ')[0].splitlines() if line.startswith('| ')]
    for method, trunks in (('INVITE, re-INVITE', 'every trunk'), ('REFER', 'no trunk')):
        require([r for r in rows if r.startswith(f'| {method} | {trunks} |')], f'{method} for {trunks}: {rows}')
    for party, uri in ((lab.pbx(), lab.number_uri(CORE_NUMBER)), (lab.core(), f'sip:{CORE.signaling}')):
        allow = {m.strip() for m in party.peer.options(uri)['Allow'].split(',')}
        require('INVITE' in allow and 'REFER' not in allow, f'Allow towards {party.name}: {allow}')


@case('REFER is 405 in a call and outside of one, for either side, is in no Allow, reaches nobody, and the call is heard '
      'and ended as ever [SC-12.1-03]')
def _(lab):
    pbx, core, wire = lab.pbx(), lab.core(), Wire(lab)
    at_pbx, at_core = Telephone(pbx), Telephone(core)
    leg, far = in_call(lab, at_core, at_pbx)
    for party, call in ((pbx, leg), (core, far)):
        headers = [('Refer-To', f'<{lab.number_uri(OTHER_CORE_NUMBER)}>'), ('Referred-By', f'<{lab.number_uri(PBX_NUMBER)}>')]
        outside = party.peer.plain_request('REFER', lab.number_uri(CORE_NUMBER) if party is pbx else to_pbx(), headers)
        for what, request in (('in the call', call.request('REFER', headers=headers)), ('outside', outside)):
            response = party.peer.start(request).wait_final(5)
            equal(response and response.status, 405, f'REFER of {party.name} {what}')
            require('INVITE' in response['Allow'] and 'REFER' not in response['Allow'], f'Allow: {response["Allow"]}')
    require_talk('after the REFERs', (at_pbx, leg.remote_sdp), (at_core, far.remote_sdp))
    hang_up(leg, far)
    came = wire.came()
    require({'INVITE', '200'} <= {m.method if m.is_request else str(m.status) for m in came if 'Allow' in m},
            'Allow is in INVITE and 200')
    require(not any('REFER' in m.get('Allow', '') for m in came), 'REFER is in an Allow')
    require(not any(m.is_request and m.method in ('REFER', 'NOTIFY') for m in came), 'a REFER was passed on')


# ---------------------------------------------------------------- blind

@case('blind, by the PBX: whoever transfers is gone while the target rings, the caller hears ringback, then the target; the '
      'relay follows the re-INVITEs, and the end of the one call is that of the other '
      '[SC-12-01] [SC-12.1-02] [SC-12.1.1-01]')
def _(lab):
    pbx, core, wire = lab.pbx(), lab.core(), Wire(lab)
    caller, target = Telephone(core), Telephone(core, SECOND_AT_CORE)
    transferor, ringback = Telephone(pbx), Telephone(pbx, SECOND_AT_PBX)
    leg, far = in_call(lab, caller, transferor)
    require_talk('before', (caller, far.remote_sdp), (transferor, leg.remote_sdp))
    answers(far, caller)
    to_target, at_target = ringing(pbx, core, lab.number_uri(OTHER_CORE_NUMBER), PBX_NUMBER, '')
    # The PBX's own ringback takes the transferor's place; that telephone hears and says nothing any more.
    reoffered(leg, ringback.describe())
    heard, _, silent = tones((caller, far.remote_sdp), (ringback, leg.remote_sdp), (transferor, leg.remote_sdp))
    require(heard['packets_received'] > 30, f'ringback at the caller: {heard}')
    equal(heard['ssrc_changes'], 0, 'senders that the caller hears beside the ringback')
    equal(silent['packets_received'], 0, 'packets to the telephone that transferred')
    require(not at_target.server.acknowledged.is_set() and to_target.transaction.final is None, 'the target rings')
    offer = joined(to_target, answered_late(to_target, at_target, target), leg)
    require(at_target.server.acknowledged.wait(5), 'the answer came to the target')
    equal((leg.remote_sdp.audio.address, offer.audio.address), ('192.0.2.2', '192.0.2.2'), 'media addresses of the PBX\'s legs')
    require_talk('caller and target', (caller, far.remote_sdp), (target, at_target.remote_sdp), seconds=1)
    hang_up(at_target, to_target)
    hang_up(leg, far)
    wire.require_plain()


@case('blind, and the target sends early media, be it that it wants its 183 acknowledged or not: the one transferred hears '
      'it, then the target itself [SC-12.1.1-06]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    for reliable in (False, True):
        wire = Wire(lab)
        caller, target, transferor = Telephone(core), Telephone(core, SECOND_AT_CORE), Telephone(pbx)
        leg, far = in_call(lab, caller, transferor)
        answers(far, caller)
        # The target is offered what the caller's leg has, and its early answer is offered to the caller.
        supported = [('Supported', '100rel')] if reliable else []
        to_target = pbx.peer.invite(lab.number_uri(OTHER_CORE_NUMBER), leg.invite.body, caller=PBX_NUMBER, headers=supported)
        at_target = parties.wait_call(core, to_target)
        equal('100rel' in at_target.invite.all('Supported'), True, 'the target may ask for PRACK')
        at_target.local_sdp = sdp.parse(target.describe(at_target.remote_sdp))
        at_target.respond(183, 'Session Progress', target.describe(at_target.remote_sdp),
                          [('Require', '100rel'), ('RSeq', '7')] if reliable else ())
        early = to_target.wait_provisional(183)
        require(early is not None and early.body, 'the 183 came to the PBX with its description')
        require(('RSeq' in early, early.get('Require', '') == '100rel') == (reliable, reliable), f'as it was asked for: {early}')
        if reliable:
            parties.require_status(to_target.prack(early), 200, 'PRACK of the PBX')
            equal(at_target.acknowledged.get(timeout=5)['RAck'], f'7 {at_target.invite.cseq[0]} INVITE', 'RAck at the target')
        reoffered(leg, early.body)
        heard = tones((caller, far.remote_sdp), (target, at_target.remote_sdp))[0]
        require(heard['packets_received'] > 30, f'early media at the caller, reliable: {reliable}: {heard}')
        at_target.respond(200, 'OK', target.describe(at_target.remote_sdp))
        parties.require_status(to_target.wait_final(10), 200, 'the target answers')
        require(at_target.server.acknowledged.wait(5), 'no ACK came to the target')
        answers(at_target, target)
        joined(to_target, offerless(to_target), leg)
        require_talk('caller and target', (caller, far.remote_sdp), (target, at_target.remote_sdp))
        hang_up(far, leg)
        hang_up(to_target, at_target)
        wire.require_plain()


@case('blind, with a party behind the PBX: of the two transactions one crosses, the INVITE or the re-INVITE '
      '[SC-12.1.1-05] [SC-12-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    wire, transferred, target = Wire(lab), Telephone(pbx, SECOND_AT_PBX), Telephone(core)
    leg, far = in_call(lab, target, transferred, by_pbx=True)          # its call to the transferor was the PBX's own
    require_talk('transferred and target', (transferred, leg.remote_sdp), (target, far.remote_sdp))
    equal(wire.invites(), (1, 0), 'INVITE and re-INVITE when the one transferred is the PBX\'s')
    hang_up(far, leg)
    wire.require_plain()
    caller, transferor, local = Telephone(core), Telephone(pbx), Telephone(pbx, SECOND_AT_PBX)
    leg, far = in_call(lab, caller, transferor)
    answers(far, caller)
    wire = Wire(lab)
    reoffered(leg, local.describe())
    require_talk('caller and local target', (caller, far.remote_sdp), (local, leg.remote_sdp))
    equal(wire.invites(), (0, 1), 'INVITE and re-INVITE when the target is the PBX\'s')
    hang_up(far, leg)
    wire.require_plain()


@case('blind, by the core: the PBX gets re-INVITE, and INVITE for a target of its own, and nothing else '
      '[SC-12.1.1-03] [SC-12-01]')
def _(lab):
    pbx, core, wire = lab.pbx(), lab.core(), Wire(lab)
    transferred, transferor, target = Telephone(pbx), Telephone(core), Telephone(core, SECOND_AT_CORE)
    leg, far = in_call(lab, transferor, transferred, by_pbx=True)
    answers(leg, transferred)
    reoffered(far, target.describe())
    require_talk('with a target in the core', (transferred, leg.remote_sdp), (target, far.remote_sdp))
    # On to another number of the PBX: offer and answer travel between its own telephones.
    other = Telephone(pbx, SECOND_AT_PBX)
    to_target, at_target = ringing(core, pbx, to_pbx(OTHER_PBX_NUMBER), OTHER_CORE_NUMBER, '')
    joined(to_target, answered_late(to_target, at_target, other), far)
    require(at_target.server.acknowledged.wait(5), 'the answer came to the target')
    require_talk('with a target at the PBX', (transferred, leg.remote_sdp), (other, at_target.remote_sdp))
    equal([m.method for m in leg.requests], ['INVITE', 'INVITE'], 'requests within the call of the one transferred')
    hang_up(at_target, to_target)
    hang_up(far, leg)
    wire.require_plain()


# ---------------------------------------------------------------- attended

def version_of(description):
    return int(description.origin.split()[2])


@case('attended, by the PBX: of two calls one is made; an offerless re-INVITE gets a whole new offer of the same session; '
      'the PBX stays in the signalling, and a BYE from either end clears both '
      '[SC-12.1.2-01] [SC-12.1.2-03] [SC-12.1-02] [SC-12-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    for ends_first in ('caller', 'target'):
        wire = Wire(lab)
        caller, target, transferor = Telephone(core), Telephone(core, SECOND_AT_CORE), Telephone(pbx, codecs=(8, 0, 101))
        leg, far = in_call(lab, caller, transferor)
        to_target, at_target = in_call(lab, target, transferor, by_pbx=True, numbers=(PBX_NUMBER, OTHER_CORE_NUMBER))
        require_talk('transferor and target', (transferor, to_target.remote_sdp), (target, at_target.remote_sdp))
        before = to_target.remote_sdp
        equal(before.audio.formats, ['8', '101'], 'what was agreed with the target')
        target.codecs = (9, 0, 8, 101)                 # all it can do, not only what is in use (RFC 3261 14.2)
        answers(at_target, target)
        answers(far, caller)
        ok = offerless(to_target)
        require(at_target.requests[-1].method == 'INVITE' and not at_target.requests[-1].body, 'the target was asked for an offer')
        offer = sdp.parse(ok.body)
        equal(set(offer.audio.formats), {'9', '0', '8', '101'}, 'the whole offer')
        equal(offer.origin.split()[:2], before.origin.split()[:2], 'the session of the offer')
        require(version_of(offer) > version_of(before), f'versions: {before.origin}, then {offer.origin}')
        acknowledge(to_target, ok, reoffered(leg, ok.body))
        require(at_target.server.acknowledged.wait(5), 'the answer came to the target')
        require_talk('caller and target', (caller, far.remote_sdp), (target, at_target.remote_sdp), seconds=1)
        legs = [(far, leg), (to_target, at_target)] if ends_first == 'caller' else [(at_target, to_target), (leg, far)]
        for first, other in legs:                      # the PBX hears of the first BYE, and ends the other call
            hang_up(first, other)
        wire.require_plain()
    lab.edge.wait_no_leftovers(10, but=('transactions', 'mbufs'))


@case('attended, with one party behind the PBX: one re-INVITE crosses, and media goes where it points [SC-12.1.2-04]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    for by_pbx in (True, False):                       # the target is in the core; the one transferred is
        far_end, transferor, local = Telephone(core), Telephone(pbx), Telephone(pbx, SECOND_AT_PBX)
        leg, far = in_call(lab, far_end, transferor, by_pbx=by_pbx)
        require_talk('before', (far_end, far.remote_sdp), (transferor, leg.remote_sdp))
        answers(far, far_end)
        wire = Wire(lab)
        reoffered(leg, local.describe())
        equal(wire.invites(), (0, 1), 'INVITE and re-INVITE of the transfer')
        require_talk('afterwards', (far_end, far.remote_sdp), (local, leg.remote_sdp))
        silent = tones((local, leg.remote_sdp), (far_end, far.remote_sdp), (transferor, leg.remote_sdp))[2]
        equal(silent['packets_received'], 0, 'packets to the telephone that transferred')
        hang_up(far, leg)
        wire.require_plain()


@case('attended, by the core: two calls of the PBX are joined by re-INVITEs like any other, their o= versions going up '
      '[SC-12.1.2-05] [SC-12-01]')
def _(lab):
    pbx, core, wire = lab.pbx(), lab.core(), Wire(lab)
    one, two, transferor = Telephone(pbx), Telephone(pbx, SECOND_AT_PBX), Telephone(core)
    leg, far = in_call(lab, transferor, one, by_pbx=True)
    other_leg, other_far = in_call(lab, transferor, two, numbers=(OTHER_PBX_NUMBER, CORE_NUMBER))
    told = [leg.remote_sdp, other_leg.remote_sdp]
    one.codecs = two.codecs = (0, 8, 101)          # more than the core had answered to
    answers(leg, one)
    answers(other_leg, two)
    joined(other_far, offerless(other_far), far)
    require(other_leg.server.acknowledged.wait(5), 'the answer came to the second')
    for call, before in zip((leg, other_leg), told):
        equal([m.method for m in call.requests], ['INVITE'], 'what the PBX got within the call')
        equal(call.remote_sdp.origin.split()[:2], before.origin.split()[:2], 'the session')
        require(version_of(call.remote_sdp) > version_of(before), f'versions: {before.origin}, {call.remote_sdp.origin}')
    require_talk('the two of the PBX', (one, leg.remote_sdp), (two, other_leg.remote_sdp), seconds=1)
    hang_up(leg, far)
    hang_up(other_far, other_leg)
    wire.require_plain()


# ---------------------------------------------------------------- Replaces

def provision(lab, more, *resources):
    """The resources as they are, and `more` of each."""
    before = [lab.edge.cli('get', *resource.split('/')) for resource in resources]
    file = Path(lab.run_directory) / 'replaces.yaml'
    file.write_text('\n---\n'.join(f'{text}\n{more}\n' for text in before))
    lab.edge.apply(file)
    return '\n---\n'.join(before)


def place_of(leg, early=False):
    """The Replaces field for the edge's end of this dialog (RFC 3891 3: to-tag is the tag of whoever is asked)."""
    ours, theirs = (sip_message.parameter(value, 'tag') for value in (leg.local, leg.remote))
    return [('Replaces', f'{leg.call_id};to-tag={theirs};from-tag={ours}{";early-only" if early else ""}')]


@case('Replaces by policy: unless the trunk says so 420 where it is required, and a call of its own where not; then another '
      'telephone takes the place of the first, the other party hears it by re-INVITE, the first gets BYE, the record '
      'names who was replaced; either way, and never of a stranger\'s call [SC-12.1.2-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    required = [('Require', 'replaces')]
    first, second, far_end = Telephone(pbx), Telephone(pbx, SECOND_AT_PBX), Telephone(core)
    leg, far = in_call(lab, far_end, first)
    to_core = lab.number_uri(OTHER_CORE_NUMBER)

    def refused(status, headers, party=pbx, to=to_core, number=PBX_NUMBER):
        telephone = second if party is pbx else far_end
        response = party.peer.invite(to, telephone.describe(), caller=number, headers=headers).wait_final(10)
        return parties.require_status(response, status, f'INVITE with {headers}')

    equal(refused(420, required + place_of(leg))['Unsupported'], 'replaces', 'Unsupported')
    require_talk('after that', (first, leg.remote_sdp), (far_end, far.remote_sdp))
    hang_up(leg, far)
    before = provision(lab, 'replaces: true', 'trunk/acme-hq', 'carrier/core')
    sheet = lab.edge.cli('trunk', 'sheet', 'acme-hq')
    require('Replaces' in sheet, sheet)
    for side, party, stays in (('pbx', pbx, core), ('core', core, pbx)):
        telephone = {'pbx': (first, second, PBX_NUMBER, to_core), 'core': (far_end, Telephone(core, SECOND_AT_CORE), CORE_NUMBER,
                                                                       to_pbx())}[side]
        leaving, taking, number, uri = telephone
        staying = first if stays is pbx else far_end
        leg, far = in_call(lab, far_end, first, by_pbx=side == 'core')
        mine, other = (leg, far) if party is pbx else (far, leg)
        answers(other, staying)
        refused(486, place_of(mine, early=True), party, uri, number)
        refused(481, [('Replaces', f'{mine.call_id};to-tag=nobody;from-tag=nobody')], party, uri, number)
        refused(400, [('Replaces', mine.call_id)], party, uri, number)
        refused(481, place_of(other), party, uri, number)          # the other party's leg is not theirs
        taken = party.peer.invite(uri, taking.describe(), caller=number, headers=required + place_of(mine))
        parties.require_status(taken.wait_final(10), 200, 'INVITE with Replaces')
        require(mine.wait_ended(10), 'the one who was replaced got no BYE')
        equal([m.method for m in other.requests if m.method != 'ACK'], ['INVITE'], 'what the other party was asked')
        require('Replaces' not in other.requests[0], 'Replaces crossed')
        require_talk(f'{side}: the new one and the other party', (taking, taken.remote_sdp), (staying, other.remote_sdp), seconds=1)
        silent = tones((taking, taken.remote_sdp), (staying, other.remote_sdp), (leaving, mine.remote_sdp))[2]
        equal(silent['packets_received'], 0, 'packets to the one who was replaced')
        hang_up(other, taken)
        ladder = {}

        def recorded():
            ladder.update(next((r for r in lab.edge.records() if taken.call_id in r['sip_call_ids']), {}))
            return bool(ladder)
        process.wait_until(recorded, 10, 'a record of the call')
        end = 'trunks/acme-hq' if party is pbx else 'carriers/core'
        equal([(r['side'], r['end'], r['sip_call_id']) for r in ladder['replaced']],
              [('b', end, mine.call_id)], 'who was replaced')
    file = Path(lab.run_directory) / 'as-before.yaml'
    file.write_text(before)
    lab.edge.apply(file)
    lab.edge.wait_no_leftovers(10, but=('transactions', 'mbufs'))


@case('on a node of several shards a place is taken on whichever of them the call is, again and again, by INVITEs that come to '
      'another one; who is refused is answered once, and an INVITE of a trunk that may not replace is a call of its own [SC-12.1.2-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    uri = lab.number_uri(OTHER_CORE_NUMBER)

    def replacing(place):
        return pbx.peer.invite(uri, second.describe(), caller=PBX_NUMBER, headers=place)

    def handed_over():
        return lab.edge.scrape('signaling').get('sallyport_sip_handed_over_total')

    first, second, far_end = Telephone(pbx), Telephone(pbx, SECOND_AT_PBX), Telephone(core)
    leg, far = in_call(lab, far_end, first)
    for _ in range(6):                                       # the field means nothing: whatever shard it names
        call = replacing(place_of(leg))
        incoming = parties.wait_call(core, call)
        require(incoming.answer(core.answer_to(incoming.remote_sdp)), 'acknowledged')
        parties.require_status(call.wait_final(10), 200, 'an INVITE whose Replaces means nothing')
        hang_up(call, incoming)
    hang_up(leg, far)
    before = provision(lab, 'replaces: true', 'trunk/acme-hq', 'carrier/core')
    leg, far = in_call(lab, far_end, first)
    answers(far, far_end)
    passed_on = handed_over()
    for turn in range(12):
        refused = replacing([('Replaces', f'{leg.call_id};to-tag=nobody{turn};from-tag=nobody')])
        parties.require_status(refused.wait_final(10), 481, 'of a call that is not there')
        newcomer = replacing(place_of(leg))
        parties.require_status(newcomer.wait_final(10), 200, f'INVITE with Replaces {turn}')
        require(leg.wait_ended(10), f'who was replaced in turn {turn} got no BYE')
        leg = newcomer
    require(handed_over() > passed_on, 'no message came to another shard than that of its call')
    require_talk('after all that', (second, leg.remote_sdp), (far_end, far.remote_sdp), seconds=1)
    hang_up(leg, far)
    file = Path(lab.run_directory) / 'as-before.yaml'
    file.write_text(before)
    lab.edge.apply(file)
    lab.edge.wait_no_leftovers(10, but=('transactions', 'mbufs'))


if __name__ == '__main__':
    sys.exit(main('transfer', lambda: running_edge('transfer', options={'signaling': 'shards: 3\n'})))
