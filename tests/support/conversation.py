"""A call between a telephone of the PBX and one of the core, with later offers by whoever called, each answer looked at."""
from pathlib import Path

import sdp_grammar
import telephones
from cases import equal, require
from edge_fixture import CORE_NUMBER, PBX_NUMBER
from lab import parties
from lab.network import CORE
from pbx_sim import sdp
from telephones import Telephone, answers, require_talk, tones

SIDES = ('pbx', 'core')


def party(lab, side):
    return lab.pbx() if side == 'pbx' else lab.core()


def other_side(side):
    return 'core' if side == 'pbx' else 'pbx'


def reinvites(call):
    """INVITEs that have come within the call."""
    return [m for m in call.requests if m.method == 'INVITE']


def to(lab, side):
    """(URI of the callee, number of the caller) of a call by this side."""
    return (lab.number_uri(CORE_NUMBER), PBX_NUMBER) if side == 'pbx' else (f'sip:{PBX_NUMBER}@{CORE.signaling}', CORE_NUMBER)


class Conversation:
    """A call between two telephones; `mine` is the telephone of the side that calls and will offer anew."""

    def __init__(self, lab, side, **codecs):
        caller, callee = party(lab, side), party(lab, other_side(side))
        self.side = side
        self.mine, self.other = Telephone(caller, **codecs), Telephone(callee, **codecs)
        uri, number = to(lab, side)
        self.out, self.into = telephones.call(caller, callee, uri, number, (self.mine, self.other))
        self.told = self.out.remote_sdp              # the answer that stands
        answers(self.into, self.other)

    @property
    def ends(self):
        return (self.mine, self.out.remote_sdp), (self.other, self.into.remote_sdp)

    def offer(self, description=None, by='INVITE'):
        """The answer to a re-INVITE or UPDATE, found to be a valid one."""
        text = description or self.mine.describe()
        offered, before = sdp.parse(text), self.out.remote_sdp
        response = (self.out.reinvite if by == 'INVITE' else self.out.update)(text, 10)
        parties.require_status(response, 200, f'{by} by the {self.side}')
        answer = sdp.parse(response.body)
        equal(sdp_grammar.faults(response.body, 4), [], 'grammar of the answer')
        equal([(s.kind, s.profile) for s in answer.streams], [(s.kind, s.profile) for s in offered.streams], 'm-lines')
        equal(answer.origin.split()[:2], before.origin.split()[:2], 'the session of the answer')
        for theirs, ours in zip(answer.streams, offered.streams):
            require(set(theirs.formats) <= set(ours.formats), f'formats {theirs.formats}, offered {ours.formats}')
            equal([c.tag for c in theirs.cryptos], [c.tag for c in ours.cryptos] if theirs.port else [], 'crypto tags')
        return answer

    def require_talk(self, what, seconds=0.3, **payload_types):
        require_talk(f'{what}, offered by the {self.side}', *self.ends, seconds=seconds, **payload_types)

    def hang_up(self):
        parties.require_status(self.out.bye(10), 200, 'BYE')
        require(self.into.wait_ended(10), 'the BYE did not reach the other side')


def require_direction(conversation, direction):
    """One-way is what it says: nothing arrives where nothing may."""
    sends, receives = direction in ('sendrecv', 'sendonly'), direction in ('sendrecv', 'recvonly')
    mine, other = tones(*conversation.ends, wait=1)
    for who, heard, may in (('the offerer', mine, receives), ('the other', other, sends)):
        right = heard['packets_received'] > 20 if may else heard['packets_received'] == 0
        require(right, f'{direction} by the {conversation.side}: {who} has received {heard["packets_received"]} packets')


def provision_media(lab, side, **policy):
    """Changes settings of the media policy of the trunk or carrier that is this side."""
    text = lab.edge.cli('get', *(('trunk', 'acme-hq') if side == 'pbx' else ('carrier', 'core')))
    lines = [line for line in text.splitlines() if line.strip().partition(':')[0] not in policy]
    at = lines.index('media:') + 1
    file = Path(lab.run_directory) / f'media-{side}.yaml'
    file.write_text('\n'.join(lines[:at] + [f'  {name}: {value}' for name, value in policy.items()] + lines[at:]) + '\n')
    lab.edge.apply(file)
