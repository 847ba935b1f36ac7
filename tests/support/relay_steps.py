"""Offers and answers of another relay's tests (offer-answer/cases.jsonl) as calls: each step is what one party said and what
the other one was told. A step is played through the edge by real peers, and comes out as it did there, or not at all."""
import json
import re

import descriptions
from cases import Skipped, testdata
from descriptions import Description
from lab import parties
from pbx_sim import sdp


class Step:
    def __init__(self, row):
        self.is_offer, self.flags = row['op'] == 'offer', row['flags']
        self.said, self.told = _text(row['sdp_in']), _text(row['sdp_out'])
        file = row['file'].rpartition('/')[2].removesuffix('.pl').removeprefix('auto-daemon-tests').lstrip('-')
        self.place = f'{file}:{row["line"]}'
        self.by_callee = re.search(r"'from-tag' => tt\(\)", self.flags) is not None

    @property
    def profiles(self):
        """Whether what was said, and what was told of it, is secure."""
        return tuple(secure(Description(text)) for text in (self.said, self.told))


def _text(lines):
    return '\r\n'.join(line.replace('PORT', '4000') for line in lines) + '\r\n'


def secure(description):
    live = [s for s in description.streams if s.port] or description.streams
    return 'SAVP' in live[0].profile


def outline(octets):
    """Of each stream its profile, direction and formats."""
    described = Description(octets)
    return '; '.join(f'{s.profile} {o}' if s.port else o for s, o in zip(described.streams, described.outline().split('; ')))


def calls():
    """Lists of steps: the relay's calls, each cut where an offer wants other profiles than the one before."""
    file = testdata() / 'offer-answer' / 'cases.jsonl'
    if not file.exists():
        raise Skipped('no test data (offer-answer/cases.jsonl)')
    found = {}
    for line in file.read_text().splitlines():
        row = json.loads(line)
        parts, step = found.setdefault((row['file'], row['call']), [[]]), Step(row)
        first = parts[-1][0] if parts[-1] else None
        if step.is_offer and first and (not first.is_offer or first.profiles != step.profiles):
            parts.append([])
        parts[-1].append(step)
    return [steps for parts in found.values() for steps in parts]


def fitted(text, offer, suite):
    """An answer with crypto lines of this offer: the relay's own have the tags and suites of its own offer."""
    if not suite:
        return text
    lines, stream, number = [], None, -1
    for line in [*text.split('\r\n')[:-1], 'm=']:
        if line.startswith('m='):
            tags = [c.split()[0] for c in stream.attributes('crypto') if c.split()[1] == suite] if stream else []
            lines += [f'a=crypto:{tag} {suite} inline:{sdp.new_key(suite)}' for tag in tags[:1]]
            number += 1
            live = 'SAVP' in line and line.split()[1] != '0'
            stream = offer.streams[number] if live and number < len(offer.streams) else None
        if not line.startswith('a=crypto:'):
            lines.append(line)
    return '\r\n'.join(lines[:-1]) + '\r\n'


class Play:
    """One list of steps between two parties. `outcomes`: place -> "as there", the status of a refusal, or what the other
    party was told instead; what could not be asked, because nobody had offered or the offer was refused, is not in it."""

    def __init__(self, caller, callee, to, number, judge):
        self.caller, self.callee, self.to, self.number, self.judge = caller, callee, to, number, judge
        self.outcomes = {}
        self.out = self.into = self.offer = None
        self.up = False

    def run(self, steps):
        for index, step in enumerate(steps):
            if not step.is_offer:
                if self.offer:
                    self.answer(step)
                    self.offer = None
            elif self.up:
                self.offer = step
                if index + 1 == len(steps) or steps[index + 1].is_offer:
                    self.ask(None)
            else:
                self.hang_up()
                self.begin(step)
        self.hang_up()

    def told(self, step, octets):
        self.judge(step, octets)
        self.outcomes[step.place] = 'as there' if outline(octets) == outline(step.told) else outline(octets)

    def begin(self, step):
        self.out = self.caller.peer.invite(self.to, step.said, caller=self.number)
        try:
            self.into = parties.wait_call(self.callee, self.out, 5)
        except parties.CallFailed:
            response = self.out.wait_final(5)
            self.outcomes[step.place] = str(response.status) if response else 'no answer'
            self.out = None
            return
        self.told(step, self.into.invite.body)
        self.offer = step

    def answer(self, step):
        if self.up:
            return self.ask(step)
        text = fitted(step.said, Description(self.into.invite.body), self.callee.suite)
        self.into.local_sdp = sdp.parse(text)
        self.into.respond(200, 'OK', text)
        response = self.out.wait_final(10)
        self.up = response is not None and response.status == 200
        if self.up:
            return self.told(step, response.body)
        self.outcomes[step.place] = str(response.status) if response else 'no answer'
        self.out = self.into = None

    def ask(self, step):
        """The offer as a re-INVITE, answered by `step`; by nobody: refused."""
        offer, came = self.offer, []
        asking, asked = (self.into, self.out) if offer.by_callee else (self.out, self.into)
        suite = (self.caller if offer.by_callee else self.callee).suite

        def respond(message):
            came.append(message.body)
            if step is None:
                return asked.respond(488, 'Not Acceptable Here')
            asked.respond(200, 'OK', fitted(step.said, Description(message.body), suite))
        asked.local_sdp, asked.on_reinvite = asked.local_sdp or sdp.Session(), respond
        response = asking.reinvite(offer.said, 10)
        if came:
            self.told(offer, came[0])
        else:
            self.outcomes[offer.place] = str(response.status)
        if step is not None and response.status == 200:
            self.told(step, response.body)
        elif step is not None and came:
            self.outcomes[step.place] = str(response.status)

    def hang_up(self):
        if self.up:
            parties.require_status(self.out.bye(10), 200, 'BYE')
            self.into.wait_ended(10)
        elif self.into:
            self.into.reject(486, 'Busy Here')
            self.out.wait_final(10)
        self.out = self.into = self.offer = None
        self.up = False


def leaks(step, octets, ours):
    return descriptions.leaked(octets, descriptions.own_words(step.said.encode()), ours)
