#!/usr/bin/env python3
"""Session timers (RFC 4028) of the running daemon, on a clock that goes 20 times as fast: sessions of 90 s renewed by the
node, by UPDATE or by the INVITE that stands, and a call that ends because its peer has fallen silent."""
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from faster import needs_faketime, patiently, run_faster  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from telephones import Telephone, answers, messages  # noqa: E402

FASTER = 20
SESSION = 90                                  # seconds of the daemon's time
PLAIN = 'INVITE, ACK, CANCEL, BYE, OPTIONS'


def prepare(lab):
    for kind, name in (('trunk', 'acme-hq'), ('carrier', 'core')):
        file = Path(lab.run_directory) / f'timers-{kind}.yaml'
        file.write_text(lab.edge.cli('get', kind, name) + f'\nsession_timers: {{seconds: {SESSION}}}\n')
        lab.edge.apply(file)
    run_faster(lab, FASTER)
    lab.pbx_here = patiently(lab.pbx, 'the PBX registers')
    parties.require_status(lab.pbx_here.peer.register(expires=36_000, bulk=True), 200, 'REGISTER')


class Held:
    """A call from the core to the PBX that is up, with what came to each side since."""

    def __init__(self, lab, pbx_allow=PLAIN, core_allow=PLAIN, headers=()):
        pbx, core = lab.pbx_here, lab.core()
        pbx.peer.allow, core.peer.allow = pbx_allow, core_allow
        self.at = {'pbx': len(pbx.peer.transport.trace), 'core': len(core.peer.transport.trace)}
        self.peers = {'pbx': pbx.peer, 'core': core.peer}
        self.core, self.pbx = patiently(lambda: self._place(lab, core, pbx, headers), 'a call comes up')
        answers(self.core, self.mine)
        answers(self.pbx, self.other)

    def _place(self, lab, core, pbx, headers):
        self.mine, self.other = Telephone(core), Telephone(pbx)
        outgoing = core.peer.invite(f'sip:{lab.pbx_number}@{CORE.signaling}', self.mine.describe(), caller=lab.core_number)
        incoming = parties.wait_call(pbx, outgoing)
        incoming.local_sdp = sdp.parse(self.other.describe(incoming.remote_sdp))
        incoming.respond(200, 'OK', self.other.describe(incoming.remote_sdp), [('Allow', pbx.peer.allow), *headers])
        self.answer = parties.require_status(outgoing.wait_final(), 200, 'the call')
        outgoing.local_sdp = sdp.parse(self.mine.describe())
        self.invite = incoming.invite
        return outgoing, incoming

    def came(self, side, method):
        """Of this call, after its first INVITE; retransmissions once."""
        call = self.core if side == 'core' else self.pbx
        found = {}
        for m in messages(self.peers[side], since=self.at[side]):
            if m.is_request and m.method == method and m.call_id == call.call_id and m.branch != self.invite.branch:
                found.setdefault(m.branch, m)
        return list(found.values())

    def wait(self, side, method, count, seconds):
        process.wait_until(lambda: len(self.came(side, method)) >= count, seconds / FASTER * 3 + 10,
                           f'{count} {method} to the {side}')
        return self.came(side, method)


@case('peers that know no session timers are asked on, and hear of none: each leg is renewed by the INVITE with the description '
      'that it has, session after session, and the call goes on [SC-6-03]')
def _(lab):
    held = Held(lab)
    require('timer' in held.invite['Supported'], 'Supported to the PBX')
    heard = [held.answer, held.invite]
    said = {'core': sdp.parse(held.answer.body), 'pbx': sdp.parse(held.invite.body)}
    for side in ('core', 'pbx'):
        for again in held.wait(side, 'INVITE', 3, 3 * SESSION / 2):
            equal(sdp.parse(again.body), said[side], f'the description that the {side} is told again')
            heard.append(again)
    for message in heard:
        require('Session-Expires' not in message, f'Session-Expires in {message.start_line}')
    require(not held.core.ended.is_set() and not held.pbx.ended.is_set(), 'the call has ended')
    parties.require_status(held.core.bye(10), 200, 'BYE')
    require(held.pbx.wait_ended(), 'the BYE did not reach the PBX')


@case('a peer that takes UPDATE is renewed by one without a description; one that is to renew its own session and does not is '
      'taken to be gone: the call ends on both legs, with its cause in the record')
def _(lab):
    began = time.monotonic()
    held = Held(lab, core_allow=PLAIN + ', UPDATE',
                headers=[('Session-Expires', f'{4 * SESSION};refresher=uas'), ('Require', 'timer'), ('Supported', 'timer')])
    for update in held.wait('core', 'UPDATE', 3, 3 * SESSION / 2):
        equal((update.body, update.get('Session-Expires')), (b'', None), 'the UPDATE to the core')
        require('timer' in update['Supported'], 'Supported of the UPDATE')
    equal(held.came('core', 'INVITE'), [], 'INVITEs to the core')
    require(held.pbx.wait_ended(30) and held.core.wait_ended(5), 'the call goes on without its PBX')
    passed = (time.monotonic() - began) * FASTER
    require(passed >= 4 * SESSION - 40, f'it ended after {passed:.0f} s, its session had {4 * SESSION}')
    for side in ('pbx', 'core'):
        bye = held.came(side, 'BYE')
        equal([b['Reason'] for b in bye], ['Q.850;cause=102'], f'BYE to the {side}')
    record = process.wait_until(lambda: next((r for r in lab.edge.records() if held.pbx.call_id in r['sip_call_ids']), None), 10,
                                'the call record')
    equal((record['ended_by'], record['q850_cause']), ('node', 102), 'the record')
    require('has not renewed its session' in record['reason'], record['reason'])


def fixture():
    needs_faketime()
    return running_edge('session-timer', prepare=prepare)


if __name__ == '__main__':
    sys.exit(main('session_timer', fixture))
