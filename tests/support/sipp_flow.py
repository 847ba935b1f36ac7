"""A flow with SIPp as every peer: for each call of each peer a scenario is written, in which it waits for a word from here
before it says anything of its own accord (an INFO of its call), so that the order of the flow is the order on the wire.
What SIPp was sent is read from its own log and held against what the flow expects, the rules of every flow included."""
import itertools
import re
import socket
import threading
import time
from pathlib import Path

import flow_file
from flow_file import ACTORS, FlowError
from flow_text import Text
from lab import process
from sipp_script import ACCESS_SIDE, CORE_SIDE, Call, begins

LISTENING = 5060                    # of who is called
ELSEWHERE = {                       # flows that say more than SIPp can, and why
    'bye-crossing': 'has SIPp say BYE before it hears one, which is on its way: it takes messages in one order only',
    'early-offer-busy': 'waits for retransmissions of SIPp',
    'fax-not-secure': 'is about SRTP',
    'lost-ack': 'repeats what SIPp takes for one message',
    'trunk-disabled': 'is about a PBX that registers',
}


def unfit(flow):
    """Why a flow is not for peers in real time; '' where it is."""
    return ELSEWHERE.get(flow.name) or next(filter(None, map(_unfit, flow_file.episodes(flow))), '')


def _unfit(steps):
    for step in steps:
        if step.kind == 'world':
            if step.what == 'wait':
                if flow_file.seconds(step.words[1]) > flow_file.LONGEST_WAIT:
                    return 'waits in virtual time'
            elif step.what == 'provision':
                if not provision_text(step.words[1:]):
                    return f'provisions "{" ".join(step.words[1:])}"'
            elif step.what != 'assert':
                return f'is about "{" ".join(step.words)}"'
            continue
        if step.actor not in ACTORS:
            return f'is about {step.actor}'
        if {step.what, step.to} & {'REGISTER', 'SUBSCRIBE', 'OPTIONS', 'MESSAGE', 'REFER'} or 'auth' in step.words:
            return f'is about {step.to or step.what}'
        if step.kind == 'send' and 'again' in step.words:
            return 'says the same octets again'
        if step.kind == 'send' and any(d.name.lower().lstrip('+') in ('call-id', 'via', 'cseq') for d in step.details):
            return 'writes fields that are SIPp\'s own'
    for who in dict.fromkeys(s.who for s in steps if s.kind != 'world' and s.what != 'nothing'):
        mine = [s for s in steps if s.who == who and s.what != 'nothing']
        if not begins(mine[0]) and not (mine[0].kind == 'expect' and mine[0].what == 'INVITE'):
            return 'waits within a call'
    return ''


# -- provisioning

TRUNK = '''kind: Trunk
name: trunks/{name}
mode: static
realm: access
domain: {domain}
transports: [udp, tcp]
targets: [{{host: {address}, port: 5060, transport: udp}}]
sources: [{address}/32]
numbers: [{{first: "{numbers}00", last: "{numbers}99"}}]
limits: {{concurrent_calls: {calls}, calls_per_second: 0}}
media: {{srtp: "off", music_on_hold: {music}, fax: "{fax}"}}
network: {{unprobed: true, nat: "off"}}
{more}'''
TRUNKS = {'acme-hq': ('sp.example', '192.0.2.20', '+49301234'), 'globex': ('globex.example', '192.0.2.10', '+49895550')}
CARRIER = '''kind: Carrier
name: carriers/one
realm: core
domain: carrier.example
targets:
  - {{host: 198.51.100.10, port: 5060, transport: udp, priority: 1}}
  - {{host: 198.51.100.11, port: 5060, transport: udp, priority: 2}}
sources: [198.51.100.0/24]
options_interval_seconds: {probed}
media: {{srtp: "off", music_on_hold: {music}, fax: "{fax}"}}
{more}'''
ROUTES = ('kind: Route\nname: routes/all\nprefix: ""\ncarriers: [carriers/one]\n',
          'kind: Route\nname: routes/help\nservice_numbers: ["112"]\ncarriers: [carriers/one]\n')
CUSTOMER = 'kind: Customer\nname: customers/acme\n'


def provision_text(words):
    """What "provision ..." changes: (trunk or carrier, placeholder or line of YAML, value); None where it is not known here."""
    whose, what, *rest = words
    value = rest[0] if rest else ''
    lines = {'replaces': 'replaces: true', 'unreliable': 'reliable_provisionals: false',
             'keeps-redirects': 'forwarding: {keep_redirects: true}', 'sessions': f'session_timers: {{seconds: {value}}}',
             'diversion': 'identity: {diversion: true}', 'on-net': f'on_net: {value}', 'disabled': 'disabled: true',
             'emergency': f'numbering: {{dial_plan: {{emergency_numbers: ["{value}"]}}}}',
             'overflow-to': f'overflow: {{numbers: [{{first: "+4930123400", last: "+4930123499", to: "{value}"}}]}}',
             'customer': f'customer: customers/{value}'}
    if what in lines:
        return whose, 'more', lines[what]
    values = {'music': ('music', value), 'fax-off': ('fax', 'off'), 'calls': ('calls', value)}
    return (whose, *values[what]) if what in values else None


class Provisioning:
    def __init__(self, edge, directory):
        self.edge, self.file = edge, Path(directory) / 'flow.yaml'
        self.probed = 5              # seconds between two OPTIONS to a target of the carrier
        self.reset()

    def reset(self):
        self.values = {name: {'music': 'pass', 'fax': 't38', 'calls': '0', 'more': []} for name in (*TRUNKS, 'one')}

    def change(self, words):
        whose, what, value = provision_text(words)
        if what == 'more':
            others = [line for line in self.values[whose]['more'] if line.partition(':')[0] != value.partition(':')[0]]
            self.values[whose]['more'] = [*others, value]
        else:
            self.values[whose][what] = value

    def apply(self):
        def filled(text, name, **more):
            values = self.values[name]
            return text.format(name=name, **{**values, 'more': ''.join(f'{line}\n' for line in values['more'])}, **more)
        texts = [filled(TRUNK, name, domain=d, address=a, numbers=n) for name, (d, a, n) in TRUNKS.items()]
        self.file.write_text('---\n'.join([CUSTOMER, *texts, filled(CARRIER, 'one', probed=self.probed), *ROUTES]))
        self.edge.apply(self.file)


# -- peers that SIPp is

class Wire:
    """Where a peer is called. Every call of it has a SIPp of its own, and what begins a call goes to the one whose turn it is;
    what comes later goes where that SIPp says it is. Who asks whether the peer is there is told so."""

    def __init__(self, namespace, address):
        self.address, self.asked, self.edge = address, 0, None
        self.expect([])
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((address, LISTENING))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def expect(self, ports):
        """Calls of an episode, in order: the port of SIPp for each. What comes for none of them is in `surplus`."""
        self.waiting, self.known, self.surplus = list(ports), {}, []

    def serve(self):
        while True:
            data, source = self.socket.recvfrom(65535)
            if not data:
                return
            if source[0] == self.address:                    # SIPp answers
                self.socket.sendto(data, self.edge)
                continue
            self.edge, request = source, Text.read(data)
            if request.method == 'OPTIONS' and request.is_request:
                self.asked += 1
                kept = ''.join(f'{n}: {v}\r\n' for n, v in request.fields if n in ('Via', 'From', 'To', 'Call-ID', 'CSeq'))
                self.socket.sendto(f'SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n'.encode(), source)
                continue
            call_id = request.first('Call-ID')
            if call_id not in self.known and request.kind == 'INVITE' and self.waiting:
                self.known[call_id] = self.waiting.pop(0)
            if call_id in self.known:
                self.socket.sendto(data, (self.address, self.known[call_id]))
            elif request.kind == 'INVITE':
                self.surplus.append(request)

    def stop(self):
        self.socket.sendto(b'', self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


# A new one for each call: what is repeated to one of a flow before, who has left without his ACK, is nobody else's.
PORTS = itertools.count(5071)


class FlowRun:
    def __init__(self, lab, flow, provisioning):
        self.lab, self.flow, self.provisioning = lab, flow, provisioning
        self.episode, self.steps = 0, []
        self.calls, self.known = {}, {}

    def run(self):
        process.wait_until(lambda: 'calls' not in self.lab.edge.leftovers(), 40, 'the calls of the flow before are over')
        self.records = len(self.lab.edge.records())
        for self.episode, self.steps in enumerate(flow_file.episodes(self.flow)):
            self.directory = Path(self.lab.run_directory) / f'flow-{self.flow.name}-{self.episode}'
            try:
                self.play()
            finally:
                for each in self.calls.values():
                    each.stop()
                self.calls.clear()
                for wire in self.lab.wires.values():
                    wire.expect([])

    def play(self):
        for who in dict.fromkeys(s.who for s in self.steps if s.kind != 'world' and s.what != 'nothing'):
            if not begins(self.of(who)[0]):
                self.start(who)
        for call in self.calls.values():
            call.wait_listening()
        for address, wire in self.lab.wires.items():
            wire.expect(c.port for c in self.calls.values() if c.address == address)
        for step in self.steps:
            {'world': self.world, 'send': self.send, 'expect': self.expect}[step.kind](step)
        for call in self.calls.values():
            call.wait_said(self.steps[-1].place)
        self.require_no_surplus(self.steps[-1].place)

    def of(self, who):
        return [s for s in self.steps if s.who == who and s.kind != 'world' and s.what != 'nothing']

    def start(self, who):
        self.calls[who] = Call(self.lab, who, self.of(who), next(PORTS), self.known, self.directory)

    def require_no_surplus(self, place):
        for address, wire in self.lab.wires.items():
            if wire.surplus:
                raise FlowError(place, f'nobody expects at {address}\n{wire.surplus[0].text}')

    def world(self, step):
        if step.what == 'wait':
            time.sleep(flow_file.seconds(step.words[1]))     # it is what the flow is about
        elif step.what == 'provision':
            self.provisioning.change(step.words[1:])
            self.provisioning.apply()
        elif step.what == 'assert':
            self.check(step)

    def send(self, step):
        if begins(step):
            return self.start(step.who)
        names = sorted({n for d in step.details for n in re.findall(r'\{(\w+)\}', d.value)})
        self.calls[step.who].tell(names, self.known)

    def expect(self, step):
        call = self.calls.get(step.who)
        if 'again' in step.words:
            return
        if step.what == 'nothing':
            if call and call.messages():
                raise FlowError(step.place, f'{step.who} was sent\n{call.waiting[0].text}')
            return self.require_no_surplus(step.place)
        message = call.next(step.place, ' '.join(step.words))
        right = message.status == step.what if step.is_status else message.is_request and message.method == step.what
        if not right or (step.to and message.method != step.to):
            raise FlowError(step.place, f'expected {" ".join(step.words)}, got\n{message.text}')
        self.judge(step, call, message)
        for d in step.details:
            self.check_detail(d, message)

    def check_detail(self, d, message):
        values = message.body.splitlines() if d.name == 'sdp' else message.all(d.name)
        pattern = d.value or '*'
        for value in values:
            after = flow_file.match(pattern, value, self.known)
            if after is not None and not d.no:
                self.known = after
                for call in self.calls.values():
                    call.known = after
                return
            if after is not None:
                raise FlowError(d.place, f'should have no {d.name} {d.value}\n{message.text}')
        if not d.no:
            raise FlowError(d.place, f'should have {d.name} {flow_file.substitute(d.value, self.known)}\n{message.text}')

    def judge(self, step, call, message):
        """The rules that hold in every flow."""
        far = CORE_SIDE if call.address.startswith(ACCESS_SIDE) else ACCESS_SIDE
        hidden = [f'{a}-{what}' for a, (address, *_) in ACTORS.items() if address.startswith(far)
                  for what in ('tag', 'contact', 'user', 'session')]
        for secret in (far, *hidden):
            if secret in message.text:
                raise FlowError(step.place, f'{secret} of the other side shows at {step.who}:\n{message.text}')
        if message.is_request and (len(message.all('Via')) != 1 or len(message.all('Max-Forwards')) != 1):
            raise FlowError(step.place, f'not one Via and one Max-Forwards:\n{message.text}')

    def check(self, step):
        subject, *facts = step.words[1:]
        if subject not in ('record', 'records'):
            return                                           # what only the core under test can be asked
        wanted = dict(f.partition('=')[::2] for f in facts)
        count = int(wanted.get('count', 1))
        records = process.wait_until(lambda: (r := self.lab.edge.records()[self.records:]) and len(r) >= count and r, 20,
                                     f'{step.place}: {count} records')
        if subject == 'records' and len(records) != count:
            raise FlowError(step.place, f'{len(records)} records, expected {count}: {records}')
        names = {'status': 'sip_status', 'trunk': 'trunk', 'carrier': 'carrier', 'direction': 'direction', 'ended_by': 'ended_by',
                 'called': 'to', 'q850': 'q850_cause', 'caller': 'from'}
        for name, value in wanted.items():
            if name in names and names[name] in records[-1] and flow_file.match(value, str(records[-1][names[name]]), {}) is None:
                raise FlowError(step.place, f'{name} is {records[-1][names[name]]}, expected {value}')
