"""One call of one peer of a flow, played by SIPp: the scenario that is written for it, what SIPp has logged of it, and the
word that lets it go on."""
import re
import socket
import time
from pathlib import Path

import flow_file
from flow_file import ACTORS, FlowError
from flow_text import METHODS, Text, description
from lab import process

PATIENCE = 15.0                     # seconds for what has to come, on a machine that has other things to do
ACCESS_SIDE, CORE_SIDE = '192.0.2.', '198.51.100.'
HEAD = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'


def begins(step):
    return step.kind == 'send' and step.what == 'INVITE' and step.uri != ''


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
        self.version += 1
        return description(self.actor, '[local_ip]', self.version, wish).replace('\r\n', '\n')


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
        self.waiting, self.owed = [], 1 if self.calls else 0
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
            said = Text.of(message.partition('\n---------------')[0].rstrip('\n').replace('\r\n', '\n') + '\n')
            if said.method == 'INFO':
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
        self.owed += 1
        fields = ''.join(f'X-{name}: {known[name]}\r\n' for name in names)
        text = (f'INFO sip:{self.address} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:9;branch=z9hG4bKgo{time.monotonic_ns()}\r\n'
                f'From: <sip:go@test>;tag=go\r\nTo: <sip:go@test>\r\nCall-ID: {self.call_id}\r\nCSeq: {time.monotonic_ns() % 10**9} INFO\r\n'
                f'{fields}Max-Forwards: 1\r\nContent-Length: 0\r\n\r\n')
        with self.namespace.entered():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.sendto(text.encode(), (self.address, self.port))

    def wait_said(self, place):
        """Whoever is ended before the last thing that it has to say leaves the other end waiting for it."""
        def said():
            return not self.owed or len(re.findall(r'(?m)^UDP message sent', self.log.read_text(errors='replace'))) >= self.owed
        try:
            process.wait_until(said, PATIENCE, 'the last message')
        except process.NotReady:
            raise FlowError(place, f'{self.who} has not said all that it was told to; {self.trouble()}') from None

    def trouble(self):
        log = self.directory / 'errors.log'
        return log.read_text(errors='replace')[-1500:] if log.exists() else self.process.last_lines()

    def stop(self):
        self.process.stop()
