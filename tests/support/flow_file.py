"""tests/flows/*.flow, read for peers that are real: the same grammar (tests/flows/README.md), the same patterns. A flow of the
tests in process is about a PBX behind NAT that registers over TLS; here it is a static one over UDP with plain RTP, and
addresses are those of the lab. What needs virtual time, or the simulated media plane, is said by `unfit`."""
import re
from dataclasses import dataclass, field
from pathlib import Path

FLOWS = Path(__file__).resolve().parents[1] / 'flows'
ENDS_WITH = 30.0, 40.0              # seconds of virtual time that let the transactions of a call run out
LONGEST_WAIT = 10.0                 # seconds of real time that are worth a test's while

# What the flows call it -> what it is in the lab.
ADDRESSES = {'203.0.113.10': '198.51.100.2', '203.0.113.1': '198.51.100.1', '203.0.113.5': '198.51.100.10',
             '203.0.113.6': '198.51.100.11', '192.0.2.10': '192.0.2.2', '10.7.0.7': '192.0.2.20', '10.7.0.8': '192.0.2.20',
             '198.51.100.20': '192.0.2.10', '198.51.100.21': '192.0.2.10', '203.0.113.105': '198.51.100.10',
             '203.0.113.106': '198.51.100.11', '198.51.100.66': '192.0.2.66'}
ACTORS = {'pbx': ('192.0.2.20', '+4930123401', 'sp.example'), 'globex': ('192.0.2.10', '+4989555001', 'globex.example'),
          'core': ('198.51.100.10', '+4940987654', 'carrier.example'),
          'core2': ('198.51.100.11', '+4940987654', 'carrier.example')}
_ADDRESS = re.compile('|'.join(r'(?<![\d.])' + re.escape(a) + r'(?![\d.])' for a in ADDRESSES))


class FlowError(AssertionError):
    def __init__(self, place, what):
        super().__init__(f'{place}: {what}')


def in_the_lab(text):
    text = _ADDRESS.sub(lambda m: ADDRESSES[m.group()], text)
    text = re.sub(r'(pbx|core|globex)-tag-\d+', r'\1-tag-*', text)
    text = re.sub(r'\{(\w+) (\w+)\}', r'{\1_\2}', text)      # a name of two words is one of Python's here
    return text.replace('RTP/SAVP', 'RTP/AVP').replace('192.0.2.20:5061', '192.0.2.20:5060')


@dataclass
class Detail:
    place: str
    no: bool
    name: str
    value: str


@dataclass
class Step:
    place: str
    kind: str                       # send, expect, world
    words: list
    actor: str = ''
    call: str = ''
    details: list = field(default_factory=list)
    number: int = 1                 # among calls that have one name in the flow, one after the other

    @property
    def who(self):
        name = f'{self.actor}/{self.call}' if self.call else self.actor
        return name if self.number == 1 else f'{name}/again-{self.number}'

    @property
    def what(self):
        return self.words[0]

    @property
    def is_status(self):
        return re.fullmatch(r'\d{3}', self.what) is not None

    @property
    def to(self):
        """The method that a response is to, where the flow says it."""
        return self.words[self.words.index('to') + 1] if 'to' in self.words else ''

    @property
    def uri(self):
        return self.words[1] if len(self.words) > 1 and ':' in self.words[1] else ''


@dataclass
class Flow:
    name: str
    title: str = ''
    steps: list = field(default_factory=list)
    registers: bool = False


def read(path, in_the_lab=in_the_lab, plain=True):
    """`in_the_lab`: what a line of it is there; `plain`: RTP without keys."""
    flow = Flow(path.stem)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place, text = f'{path.name}:{number}', line.strip()
        if not text or text.startswith('#'):
            continue
        if line[0] in ' \t':
            if not plain or not text.startswith('sdp a=crypto'):
                flow.steps[-1].details.append(_detail(place, in_the_lab(text)))
        elif text.startswith('flow '):
            flow.title = text[5:].strip()
        elif text.startswith('uses '):
            flow.registers = True
        else:
            flow.steps.append(_step(place, in_the_lab(text)))
    _name_calls(flow.steps)
    return flow


def _name_calls(steps):
    """A peer whose call is over and that calls or is called again has another call, with a name of its own."""
    state = {}                                   # by name in the flow: number of the call, what it has come to, requests last
    for step in steps:
        if step.kind == 'world' or step.what == 'nothing':
            continue
        call = state.setdefault((step.actor, step.call), {'number': 1, 'stage': '', 'sent': 'INVITE', 'received': 'INVITE'})
        ours = step.kind == 'send'
        if step.what == 'INVITE' and (call['stage'] if ours and step.uri else call['stage'] in ('refused', 'ended') and not ours):
            call.update(number=call['number'] + 1, stage='')
        if step.is_status:
            method = step.to or call['received' if ours else 'sent']
            if method == 'INVITE' and call['stage'] == 'early' and step.what[0] != '1':
                call['stage'] = 'up' if step.what[0] == '2' else 'refused'
        elif step.what != 'ACK':
            call['sent' if ours else 'received'] = step.what
            call['stage'] = 'ended' if step.what == 'BYE' else call['stage'] or 'early'
        step.number = call['number']


def all_flows(**options):
    return [read(path, **options) for path in sorted(FLOWS.glob('*.flow'))]


def _detail(place, text):
    no = text.startswith('no ')
    rest = text[3:] if no else text
    if rest == 'sdp' or rest.startswith('sdp '):
        return Detail(place, no, 'sdp', rest[3:].strip())
    name, _, value = rest.partition(':')
    return Detail(place, no, name, value.strip())


def _step(place, text):
    words = text.split()
    if len(words) < 3 or words[1] != '->':
        return Step(place, 'world', words)
    from_edge = words[0] == 'edge'
    actor, _, call = words[2 if from_edge else 0].partition('/')
    return Step(place, 'expect' if from_edge else 'send', words[3:], actor, call)


def seconds(text):
    number, unit = re.fullmatch(r'([\d.]+)(ms|s|min|h)', text).groups()
    return float(number) * {'ms': 0.001, 's': 1, 'min': 60, 'h': 3600}[unit]


def episodes(flow):
    """The steps between the long waits that only let everything run out, where new calls follow; where a call goes on the
    wait is left out."""
    parts = [[]]
    for step in flow.steps:
        if step.kind == 'world' and step.what == 'wait' and ENDS_WITH[0] <= seconds(step.words[1]) <= ENDS_WITH[1]:
            parts.append([])
        else:
            parts[-1].append(step)
    out = []
    for part in filter(None, parts):
        if out and not _begins_anew(part):
            out[-1] += part
        else:
            out.append(part)
    return out


def _begins_anew(part):
    first = {}
    for step in part:
        if step.kind != 'world' and step.what != 'nothing':
            first.setdefault(step.who, step)
    return all(step.what == 'INVITE' and (step.kind == 'expect' or step.uri) for step in first.values())


# -- patterns: "*" is any text, "{name}" too, remembered the first time and the same ever after

def match(pattern, text, known):
    """The variables that are known after it matched, or None."""
    found, expression = {}, ''
    for part in re.split(r'(\*|\{\w+\})', pattern):
        if part == '*':
            expression += '.*'
        elif part.startswith('{') and part.endswith('}'):
            name = part[1:-1]
            if name in known:
                expression += re.escape(known[name])
            elif name in found:
                expression += f'(?P={name})'
            else:
                found[name] = True
                expression += f'(?P<{name}>.*)'
        else:
            expression += re.escape(part)
    matched = re.fullmatch(expression, text, re.DOTALL)
    return None if matched is None else {**known, **matched.groupdict()}


def substitute(text, known):
    return re.sub(r'\{(\w+)\}', lambda m: known.get(m.group(1), m.group()), text)
