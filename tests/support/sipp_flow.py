"""A flow with SIPp as every peer: for each call of each peer a scenario is written, in which it waits for a word from here
before it says anything of its own accord (an INFO of its call), so that the order of the flow is the order on the wire.
What SIPp was sent is read from its own log and held against what the flow expects, the rules of every flow included."""
import re
import socket
import threading
import time
from pathlib import Path

import flow_file
from flow_file import ACTORS, FlowError
from lab import process

LISTENING = 5060                    # of who is called
PATIENCE = 15.0                     # seconds for what has to come, on a machine that has other things to do
METHODS = 'INVITE, ACK, CANCEL, BYE, OPTIONS'
ACCESS_SIDE, CORE_SIDE = '192.0.2.', '198.51.100.'
HEAD = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'


PROBED = '''  <label id="probe"/>
  <send>
    <![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=probe
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

    ]]>
  </send>
'''


class Message:
    """A SIP message as text, read by means of its own."""

    def __init__(self, text):
        self.text = text
        head, _, self.body = text.replace('\r\n', '\n').partition('\n\n')
        self.start, *lines = head.split('\n')
        self.fields = [tuple(p.strip() for p in line.partition(':')[::2]) for line in lines]

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def first(self, name):
        return next(iter(self.all(name)), '')

    @property
    def is_request(self):
        return not self.start.startswith('SIP/2.0 ')

    @property
    def status(self):
        return '' if self.is_request else self.start.split()[1]

    @property
    def method(self):
        return self.start.split()[0] if self.is_request else self.first('CSeq').split()[1]

    @property
    def kind(self):
        return self.method if self.is_request else f'{self.status} {self.method}'

    @property
    def to_tag(self):
        return ';tag=' in self.first('To')


def begins(step):
    return step.kind == 'send' and step.what == 'INVITE' and step.uri != ''


ELSEWHERE = {                       # flows that say more than SIPp can, and why
    'bye-crossing': 'has SIPp say BYE before it hears one, which is on its way: it takes messages in one order only',
    'early-offer-busy': 'waits for retransmissions of SIPp',
    'fax-not-secure': 'is about SRTP',
    'lost-ack': 'repeats what SIPp takes for one message',
    'redirected-not': 'is not carried over to SIPp yet: its second call finds the PBX silent',
    'reliable-crossed': 'is not carried over to SIPp yet: messages of both sides cross at one peer',
    'replaces-not': 'is about SRTP',
    'trunk-disabled': 'is about a PBX that registers',
}


def unfit(flow):
    """Why a flow is not for peers in real time; '' where it is."""
    return ELSEWHERE.get(flow.name) or next(filter(None, map(_unfit, flow_file.episodes(flow))), '')


def _unfit(steps):
    incoming, called = {}, set()
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
        if begins(step):
            if step.who in called:
                return 'calls more than once under one name'
            called.add(step.who)
        if step.kind == 'expect' and step.what == 'INVITE' and step.who not in called:
            incoming.setdefault(step.actor, {})[step.who] = True
    crowded = [actor for actor, calls in incoming.items() if len(calls) > 1]
    if crowded:
        return f'calls {crowded[0]} more than once'
    for who in dict.fromkeys(s.who for s in steps if s.kind != 'world' and s.what != 'nothing'):
        mine = [s for s in steps if s.who == who and s.what != 'nothing']
        if not begins(mine[0]) and not (mine[0].kind == 'expect' and mine[0].what == 'INVITE'):
            return 'waits within a call'
        if any(begins(s) for s in mine[1:]) or sum(1 for s in mine if s.kind == 'expect' and s.what == 'INVITE' and s.uri) > 1:
            return 'calls more than once under one name'
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
options_interval_seconds: 5
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
        self.file.write_text('---\n'.join([CUSTOMER, *texts, filled(CARRIER, 'one'), *ROUTES]))
        self.edge.apply(self.file)


# -- a scenario for one call of one peer

class Script:
    """Writes what SIPp does in one call. Each request gets its number here, so that all of it can be written beforehand."""

    def __init__(self, who, steps, port, known):
        self.who, self.steps, self.known = who, steps, known
        self.actor = who.partition('/')[0]
        self.address, self.number, self.domain = ACTORS[self.actor]
        self.port = port
        self.calls = begins(steps[0])
        self.tag = f'{self.actor}-tag-[pid]-[call_number]'
        self.cseq = self.invite_cseq = self.version = 0
        self.requests, self.last = {}, None       # received, by method: the number of the step
        self.finals = {}
        self.told = set()                         # numbers of steps that wait for a word from here
        self.parts = []
        self.invite_uri = steps[0].uri
        self.caller = f'<sip:{self.number}@{self.domain};user=phone>'

    def xml(self):
        for index, step in enumerate(self.steps):
            if 'again' in step.words:        # SIPp knows what comes again
                continue
            if step.kind == 'expect':
                self.receive(index, step)
            else:
                self.say(index, step)
        # It stays, lest what comes late is answered by nobody.
        self.parts.append('  <recv request="INFO"/>\n')
        if not self.calls:                   # it is asked whether it is there, too: a call of its own to SIPp
            self.parts.insert(0, '  <recv request="OPTIONS" optional="true" next="probe"/>\n')
            self.parts.append(PROBED)
        names = sorted(set(re.findall(r'assign_to="([^"]*)"', ''.join(self.parts))))
        used = ','.join(dict.fromkeys(n for group in names for n in group.split(',')))
        reference = f'  <Reference variables="{used}"/>\n' if used else ''
        return f'{HEAD}<scenario name="{self.who}">\n{"".join(self.parts)}{reference}</scenario>\n'

    def receive(self, index, step):
        def keep(header, name):
            return f'      <ereg regexp="[^ ].*" search_in="hdr" header="{header}:" assign_to="{name}"/>\n'
        actions = ''
        if step.is_status:
            kind, method = f'response="{step.what}"', step.to or self.awaited(step)
            if step.what != '100':
                actions += keep('To', 'peer')
            if method == 'INVITE' and step.what[0] in '12' and step.what != '100':
                actions += self.target()
            if step.what[0] != '1':
                self.finals[method] = step.what
        else:
            kind = f'request="{step.what}"'
            actions = ''.join(keep(h, f'{n}{index}') for h, n in (('Via', 'via'), ('From', 'from'), ('To', 'to'), ('CSeq', 'cseq')))
            if step.what in ('INVITE', 'UPDATE'):
                actions += self.target()
            if 'INVITE' not in self.requests and not self.calls:
                self.first = index
            self.requests[step.what] = index
            if step.what != 'ACK':
                self.last = index
        self.parts.append(f'  <recv {kind}>\n    <action>\n{actions}    </action>\n  </recv>\n' if actions else
                          f'  <recv {kind}/>\n')

    @staticmethod
    def target():
        return '      <ereg regexp="&lt;([^&gt;]*)&gt;" search_in="hdr" header="Contact:" assign_to="contact,target"/>\n'

    def awaited(self, step):
        """What a response is to where the flow does not say it: the last request that has no final answer yet."""
        return next((m for m in reversed(self.sent) if m not in self.finals), 'INVITE')

    sent = ()

    def say(self, index, step):
        edits = {d.place: set(re.findall(r'\{(\w+)\}', d.value)) for d in step.details}
        names = set().union(*edits.values()) if edits else set()
        first = index == 0 and self.calls
        text = (self.response(step) if step.is_status else self.request(step)).edited(
            self.with_values(step, first), lambda wish: self.describe(wish))
        if not first:
            keep = ''.join(f'      <ereg regexp="[^ ].*" search_in="hdr" header="X-{n}:" assign_to="v{n}"/>\n' for n in sorted(names))
            self.parts.append('  <recv request="INFO">\n    <action>\n' + keep + '    </action>\n  </recv>\n' if keep else
                              '  <recv request="INFO"/>\n')
        self.parts.append(f'  <send>\n    <![CDATA[\n{text}\n    ]]>\n  </send>\n')

    def with_values(self, step, first):
        """The flow's changes; what another call has taught it is told when it is needed."""
        def value(text):
            return flow_file.substitute(text, self.known) if first else re.sub(r'\{(\w+)\}', r'[$v\1]', text)
        return [flow_file.Detail(d.place, d.no, d.name, value(d.value)) for d in step.details if d.name != 'From']

    def request(self, step):
        method = step.what
        refused = method == 'ACK' and self.finals.get('INVITE', '2')[0] != '2'
        follows = method in ('ACK', 'CANCEL')
        if not follows:
            self.cseq += 1
        if method == 'INVITE':
            self.invite_cseq = self.cseq
            self.finals.pop('INVITE', None)
        number = self.invite_cseq if follows else self.cseq
        same = refused or method == 'CANCEL'
        branch = f'z9hG4bK{self.actor}-[pid]-[call_number]-{number}{"" if same or not follows else "-ack"}'
        initial = self.calls and self.invite_cseq == 1 and 'INVITE' not in self.finals
        uri = self.invite_uri if self.calls and (method == 'INVITE' and number == 1 or same and number == 1) else '[$target]'
        self.caller = next((d.value for d in step.details if d.name == 'From'), self.caller)
        local, peer = f'{self.caller};tag={self.tag}', '[$peer]'
        if not self.calls:
            local, peer = f'[$to{self.first}];tag={self.tag}', f'[$from{self.first}]'
        elif method == 'INVITE' and number == 1 or method == 'CANCEL' and initial:
            peer = f'<{self.invite_uri}>'
        fields = [('Via', f'SIP/2.0/UDP [local_ip]:[local_port];branch={branch}'), ('Max-Forwards', '70'), ('From', local),
                  ('To', peer), ('Call-ID', '[call_id]'), ('CSeq', f'{number} {method}')]
        if method == 'INVITE':
            fields += [('Contact', f'<sip:{self.actor}-contact@[local_ip]:[local_port]>'), ('Allow', METHODS)]
        if not follows:
            self.sent = [*(m for m in self.sent if m != method), method]
            if method != 'INVITE':
                self.finals.pop(method, None)
        return Draft(f'{method} {uri} SIP/2.0', fields, self.describe('sendrecv') if method == 'INVITE' else '')

    def response(self, step):
        index = self.requests.get(step.to, self.last) if step.to else self.last
        method = next(m for m, i in self.requests.items() if i == index)
        received = self.steps[index]
        initial = method in ('INVITE', 'CANCEL') and not self.calls and self.requests.get('INVITE') == self.first and \
            (received is self.steps[self.first] or method == 'CANCEL')
        tag = f';tag={self.tag}' if initial and step.what != '100' else ''
        fields = [('Via', f'[$via{index}]'), ('From', f'[$from{index}]'), ('To', f'[$to{index}]{tag}'), ('Call-ID', '[call_id]'),
                  ('CSeq', f'[$cseq{index}]')]
        good = step.what[0] in '12' and step.what != '100'
        if good and method in ('INVITE', 'UPDATE'):
            fields += [('Contact', f'<sip:{self.actor}-contact@[local_ip]:[local_port]>'), ('Allow', METHODS)]
        describes = method == 'INVITE' and (step.what == '183' or step.what[0] == '2')
        return Draft(f'SIP/2.0 {step.what} As Scripted', fields, self.describe('sendrecv') if describes else '')

    def describe(self, wish):
        words = wish.split()
        direction = words[0] if words and '=' not in words[0] else 'sendrecv'
        event = next((w[3:] for w in words if w.startswith('te=')), '101')
        self.version += 1
        session = (f'v=0\no={self.actor}-user 4711 {self.version} IN IP4 [local_ip]\ns={self.actor}-session\n'
                   f'c=IN IP4 [local_ip]\nt=0 0\n')
        if direction == 'fax':
            return (f'{session}m=image 30002 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\n'
                    'a=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\n')
        return (f'{session}m=audio 30000 RTP/AVP 8 0 {event}\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n'
                f'a=rtpmap:{event} telephone-event/8000\na=fmtp:{event} 0-15\na={direction}\n')


class Draft:
    """A message of SIPp's, before the flow has changed it."""

    def __init__(self, start, fields, body):
        self.start, self.fields, self.body = start, fields, body

    def edited(self, details, describe):
        for d in details:
            name = d.name.lstrip('+')
            if d.name == 'sdp':
                self.body = '' if d.no else describe(d.value)
            elif d.name == 'Request-URI':
                self.start = f'{self.start.split()[0]} {d.value} SIP/2.0'
            elif d.no:
                self.fields = [f for f in self.fields if f[0] != name]
            elif d.name.startswith('+'):
                self.fields.append((name, d.value))
            elif any(f[0] == name for f in self.fields):
                self.fields = [(n, d.value if n == name else v) for n, v in self.fields]
            else:
                self.fields.append((name, d.value))
        if self.body:
            self.fields.append(('Content-Type', 'application/sdp'))
        lines = [self.start, *(f'{n}: {v}' for n, v in self.fields), 'Content-Length: [len]', '']
        return '\n'.join(lines) + '\n' + self.body


# -- SIPp, and what it was sent

class Call:
    """One SIPp with one call."""

    def __init__(self, lab, who, steps, port, known, directory):
        self.lab, self.who, self.port = lab, who, port
        script = Script(who, steps, port, known)
        self.calls, self.address = script.calls, script.address
        self.namespace = lab.network.pbx if self.address.startswith(ACCESS_SIDE) else lab.network.core
        self.directory = Path(directory) / who.replace('/', '-')
        self.directory.mkdir(parents=True, exist_ok=True)
        scenario = self.directory / 'scenario.xml'
        scenario.write_text(script.xml())
        self.log, self.read, self.seen, self.call_id = self.directory / 'messages.log', 0, {}, ''
        self.waiting = []
        command = ['sipp', '-sf', scenario, '-i', self.address, '-p', port, '-t', 'u1', '-nostdin', '-skip_rlimit', '-nr',
                   *(('-m', 1) if self.calls else ()), '-trace_err', '-error_file', self.directory / 'errors.log', '-trace_msg', '-message_file', self.log,
                   '-timeout', '90s', '-cid_str', f'{who.replace("/", "-")}-%u-%p@%s']
        if self.calls:
            edge = lab.edge.access_udp if self.namespace is lab.network.pbx else lab.edge.core_udp
            command.append('%s:%d' % edge)
        self.process = process.Process(f'{self.directory.parent.name}-{who.replace("/", "-")}',
                                       self.namespace.prefix(*map(str, command)), self.directory)

    def wait_listening(self):
        def bound():
            self.process.require_alive()
            return f'{self.address}:{self.port} ' in self.namespace.run('ss', '-Hlun')
        process.wait_until(bound, 10, f'{self.who} listens')

    def messages(self):
        """What came since, without what came again."""
        if not self.log.exists():
            return self.waiting
        text = self.log.read_text(errors='replace')
        for part in re.split(r'(?m)^-{40,} .*\n', text[self.read:])[1:]:
            head, _, message = part.partition('\n\n')
            if 'message received' not in head:
                continue
            said = Message(message.partition('\n---------------')[0].rstrip('\n') + '\n')
            if said.method in ('INFO', 'OPTIONS'):
                continue
            if said.first('Call-ID') != self.call_id and not (not self.call_id and (self.calls or said.kind == 'INVITE')):
                continue                     # late, of a call before
            key = said.kind, said.first('Via'), said.first('CSeq'), said.first('To'), said.first('RSeq')
            if said.text in self.seen.get(key, ()):
                continue
            self.seen.setdefault(key, []).append(said.text)
            self.call_id = self.call_id or said.first('Call-ID')
            self.waiting.append(said)
        self.read = text.rfind('\n----------') + 1 if '\n----------' in text[self.read:] else self.read
        return self.waiting

    def next(self, place, what):
        try:
            process.wait_until(self.messages, PATIENCE, what)
        except process.NotReady:
            raise FlowError(place, f'{self.who} was sent nothing, expected {what}; {self.trouble()}') from None
        return self.waiting.pop(0)

    def tell(self, names, known):
        """The word that its next message waits for."""
        fields = ''.join(f'X-{name}: {known[name]}\r\n' for name in names)
        text = (f'INFO sip:{self.address} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:9;branch=z9hG4bKgo{time.monotonic_ns()}\r\n'
                f'From: <sip:go@test>;tag=go\r\nTo: <sip:go@test>\r\nCall-ID: {self.call_id}\r\nCSeq: {time.monotonic_ns() % 10**9} INFO\r\n'
                f'{fields}Max-Forwards: 1\r\nContent-Length: 0\r\n\r\n')
        with self.namespace.entered():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.sendto(text.encode(), (self.address, self.port))

    def trouble(self):
        log = self.directory / 'errors.log'
        return log.read_text(errors='replace')[-1500:] if log.exists() else self.process.last_lines()

    def stop(self):
        self.process.stop()


class Answering:
    """Says that it is there, for a peer that no SIPp listens for."""

    def __init__(self, namespace, address):
        self.asked = 0
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((address, LISTENING))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            data, source = self.socket.recvfrom(65535)
            request = Message(data.decode('utf-8', 'replace'))
            if not data:
                return
            if request.method == 'OPTIONS' and request.is_request:
                self.asked += 1
                kept = ''.join(f'{n}: {v}\r\n' for n, v in request.fields if n in ('Via', 'From', 'To', 'Call-ID', 'CSeq'))
                self.socket.sendto(f'SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n'.encode(), source)

    def stop(self):
        self.socket.sendto(b'', self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


class FlowRun:
    def __init__(self, lab, flow, provisioning):
        self.lab, self.flow, self.provisioning = lab, flow, provisioning
        self.episode, self.steps = 0, []
        self.calls, self.answering, self.known = {}, [], {}
        self.port = 5070

    def run(self):
        process.wait_until(lambda: 'calls' not in self.lab.edge.leftovers(), 40, 'the calls of the flow before are over')
        self.records = len(self.lab.edge.records())
        for self.episode, self.steps in enumerate(flow_file.episodes(self.flow)):
            self.directory = Path(self.lab.run_directory) / f'flow-{self.flow.name}-{self.episode}'
            try:
                self.play()
            finally:
                for each in (*self.calls.values(), *self.answering):
                    each.stop()
                self.calls.clear()
                self.answering.clear()

    def play(self):
        for who in dict.fromkeys(s.who for s in self.steps if s.kind != 'world' and s.what != 'nothing'):
            if not begins(self.of(who)[0]):
                self.start(who, LISTENING)
        for call in self.calls.values():
            call.wait_listening()
        listening = {c.address for c in self.calls.values()}
        for address in {ACTORS[name][0] for name in ('core', 'core2')} - listening:
            self.answering.append(Answering(self.lab.network.core, address))
        for step in self.steps:
            {'world': self.world, 'send': self.send, 'expect': self.expect}[step.kind](step)

    def of(self, who):
        return [s for s in self.steps if s.who == who and s.kind != 'world' and s.what != 'nothing']

    def start(self, who, port):
        self.calls[who] = Call(self.lab, who, self.of(who), port, self.known, self.directory)

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
            self.port += 1
            return self.start(step.who, self.port)
        names = sorted({n for d in step.details for n in re.findall(r'\{(\w+)\}', d.value)})
        self.calls[step.who].tell(names, self.known)

    def expect(self, step):
        call = self.calls.get(step.who)
        if 'again' in step.words:
            return
        if step.what == 'nothing':
            if call and call.messages():
                raise FlowError(step.place, f'{step.who} was sent\n{call.waiting[0].text}')
            return
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
            raise FlowError(d.place, f'should have {d.name} {substituted(d.value, self.known)}\n{message.text}')

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


def substituted(text, known):
    return flow_file.substitute(text, known)
