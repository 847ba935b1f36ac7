"""tests/flows/*.flow with peers of our own on sockets: the PBX registers over TLS and has SRTP, it is behind a router as in the
flow, the others speak UDP or TCP; what is lost is not read, what is said again is the same octets. The daemons are the product.
Time is real here: a wait is waited for, but for those that only let transactions run out."""
import contextlib
import itertools
import re
import threading
import time

import flow_file
from flow_actor import ACCESS_SIDE, ACTORS, CORE_SIDE, PASSWORD, Actor, Call, in_the_lab, runs
from flow_file import FlowError
from flow_peer import Text, credentials, tag_of
from lab import process

QUIET, BRIEFLY = 0.15, 0.05         # seconds in which nothing may come where the flow says so; a little before the end of a wait
EARLY = 0.94                        # of a wait, after which it is looked whether something has come too soon
RUN_OUT = 1.0                       # seconds in the place of a wait that lets transactions run out


def registered():
    return flow_file.read(flow_file.FLOWS / 'prelude' / 'registered.flow', in_the_lab, plain=False).steps


@contextlib.contextmanager
def answering(lab):
    """Meanwhile the targets of the carrier are there, for whoever asks: a node that starts does."""
    actors = [Actor(lab, name, str(next(runs))) for name in ('core', 'core2')]
    for each in actors:
        each.open()
    try:
        yield
    finally:
        for each in actors:
            each.close()


class FlowRun:
    def __init__(self, lab, flow, provisioning, waits):
        self.lab, self.flow, self.provisioning, self.waits = lab, flow, provisioning, waits
        self.run_id = str(next(runs))
        self.known, self.actors, self.clock = {}, {}, 0.0

    def actor(self, name, place):
        if name not in ACTORS:
            raise FlowError(place, f'nobody is called "{name}"')
        if name not in self.actors:
            self.actors[name] = Actor(self.lab, name, self.run_id)
            self.actors[name].open()
        return self.actors[name]

    def run(self):
        edge = self.lab.edge
        process.wait_until(lambda: 'calls' not in edge.leftovers(), 40, 'the calls of the flow before are over')
        self.records, self.log = len(edge.records()), len(edge.daemons['signaling'].text())
        try:
            for name in ('core', 'core2', 'globex'):          # who is asked whether he is there
                self.actor(name, self.flow.name)
            steps = [*(registered() if self.flow.registers else ()), *self.flow.steps]
            for index, step in enumerate(steps):
                {'world': self.world, 'send': self.send, 'expect': self.expect}[step.kind](step, steps[index + 1:])
            for name, actor in self.actors.items():
                if actor.inbox:
                    raise FlowError(f'{self.flow.name}.flow, end', f'{name} was sent something nobody looked at:\n{actor.inbox[0].decode()}')
        finally:
            for actor in self.actors.values():
                actor.close()

    # -- what is said

    def text(self, value):
        """A value of the flow as it is in this run: what was learned, and whose Call-IDs and tags have this run's number."""
        value = re.sub(r'\b(\w+-(?:call|tag))-(\d+)\b', rf'\1-{self.run_id}.\2', value)
        return flow_file.substitute(value, self.known)

    @staticmethod
    def call(actor, step, method):
        """A registration has no name in a flow, and is beside the calls."""
        return actor.calls.setdefault(step.call or ('register' if method == 'REGISTER' else ''), Call())

    def send(self, step, _):
        self.act()
        actor = self.actor(step.actor, step.place)
        call = self.call(actor, step, step.to or step.what)
        if 'again' in step.words:
            kind = f'{step.what} {step.to or "INVITE"}' if step.is_status else step.what
            octets = call.sent[kind]
            if step.details:
                octets = self.edited(Text.read(octets), actor, call, step).wire()
            return actor.send(octets)
        message = self.edited(self.response(actor, call, step) if step.is_status else self.request(actor, call, step), actor, call, step)
        call.sent[message.kind] = message.wire()
        actor.send(call.sent[message.kind])

    def request(self, actor, call, step):
        method, uri = step.what, self.text(step.uri)
        auth = step.words.index('auth') if 'auth' in step.words else 0
        registers = method == 'REGISTER'
        if call.dialog is None or (uri and not auth and method not in ('ACK', 'CANCEL')):
            party = actor.aor if registers else f'<sip:{actor.number}@{actor.domain};user=phone>'
            call.__init__()
            call.dialog = actor.peer.begin(party, party if registers else f'<{uri}>', f'sip:{actor.domain}' if registers else uri)
        if method == 'ACK':
            return actor.peer.acknowledge(call.dialog, call.responses.get('INVITE'))
        message = actor.peer.request(call.dialog, method)
        if registers:
            message.fields += [('Contact', f'<sip:{actor.peer.host}:{actor.peer.port};bnc>'), ('Require', 'gin'), ('Proxy-Require', 'gin'),
                               ('Supported', 'path')]
        if method == 'INVITE':
            message.add('Content-Type', 'application/sdp')
            message.body = actor.peer.describe(call.dialog)
        if auth:
            who = step.words[auth + 1] if len(step.words) > auth + 1 else f'acme:{PASSWORD}'
            message.set(*credentials(call.responses[method], message, *who.split(':')))
        return message

    def response(self, actor, call, step):
        request = call.requests[step.to] if step.to else call.last
        if request is None:
            raise FlowError(step.place, 'nothing was received that could be answered')
        message = actor.peer.response(request, step.what, call.dialog.tag if call.dialog else '')
        if request.method == 'INVITE' and (step.what == '183' or step.what[0] == '2'):
            message.add('Content-Type', 'application/sdp')
            message.body = actor.peer.describe(call.dialog)
        return message

    def edited(self, message, actor, call, step):
        for d in step.details:
            value = self.text(d.value)
            if d.name == 'sdp':
                message.body = '' if d.no else actor.peer.describe(call.dialog, value)
                message.remove('Content-Type')
                if not d.no:
                    message.add('Content-Type', 'application/sdp')
            elif d.no:
                message.remove(d.name)
            elif d.name == 'Request-URI':
                message.start = f'{message.method} {value} SIP/2.0'
            elif d.name.startswith('+'):
                message.add(d.name[1:], value)
            else:
                message.set(d.name, value)
                if message.is_request:
                    self.adopt(call.dialog, message, d.name, value)
        return message

    @staticmethod
    def adopt(dialog, message, name, value):
        """What a flow says of a request's identity is the peer's own from then on."""
        if name == 'Call-ID':
            dialog.call_id = value
        elif name == 'To' and not dialog.remote_tag:
            dialog.remote = value
        elif name == 'From':
            dialog.local = value
            message.set('From', f'{value};tag={dialog.tag}')

    # -- what is heard

    def expect(self, step, _):
        actor = self.actor(step.actor, step.place)
        if step.what == 'nothing':
            time.sleep(BRIEFLY if time.monotonic() < self.clock else QUIET)
            if actor.inbox:
                raise FlowError(step.place, f'{step.actor} was sent\n{actor.inbox[0].decode()}')
            return
        again = 'again' in step.words

        def matching():
            """The first of a Call-ID that is of this kind: of two calls neither has to wait for the other."""
            first = {}
            for octets in actor.repeats if again else actor.inbox:
                first.setdefault(Text.read(octets).first('Call-ID'), octets)
            return next((o for o in (actor.repeats if again else first.values()) if self.is_kind(Text.read(o), step)), None)
        octets = actor.wait(matching)
        if octets is None:
            got = actor.inbox[0].decode() if actor.inbox else 'nothing'
            raise FlowError(step.place, f'{step.actor} expected {" ".join(step.words)}, was sent {got}')
        (actor.repeats if again else actor.inbox).remove(octets)
        message = Text.read(octets)
        call = self.call(actor, step, message.method)
        if again and call.received.get(message.kind) != octets:
            raise FlowError(step.place, f'not the same as before:\n{message.wire().decode()}')
        if step.uri and (after := flow_file.match(self.text(step.uri), message.uri, self.known)) is None:
            raise FlowError(step.place, f'expected the Request-URI {step.uri}\n{octets.decode()}')
        elif step.uri:
            self.known = after
        begins = message.kind == 'INVITE' and not tag_of(message.first('To'))
        if not begins and call.dialog and call.dialog.call_id != message.first('Call-ID'):
            raise FlowError(step.place, f'of another call than expected\n{octets.decode()}')
        self.judge(step, actor, octets.decode('utf-8', 'replace'), message)
        for d in step.details:
            self.check_detail(d, message)
        self.remember(actor, call, message, octets)

    @staticmethod
    def is_kind(message, step):
        if step.to and message.method != step.to:
            return False
        return message.status == step.what if step.is_status else message.is_request and message.method == step.what

    def remember(self, actor, call, message, octets):
        call.received[message.kind] = octets
        if not message.is_request:
            actor.peer.learn(call.dialog, message)
            if message.status >= '200':
                call.responses[message.method] = message
            return
        if message.method == 'INVITE':
            if not tag_of(message.first('To')) and (call.dialog is None or call.dialog.call_id != message.first('Call-ID')):
                call.dialog = actor.peer.taken(message)
            elif message.all('Contact'):
                call.dialog.target = re.search('<([^>]*)>', message.first('Contact')).group(1)
        call.requests[message.method] = message
        if message.method != 'ACK':
            call.last = message

    def check_detail(self, d, message):
        values = message.body.splitlines() if d.name == 'sdp' else message.all(d.name)
        pattern = re.sub(r'\b(\w+-(?:call|tag))-(\d+)\b', rf'\1-{self.run_id}.\2', d.value or '*')
        for value in values:
            after = flow_file.match(pattern, value, self.known)
            if after is None:
                continue
            if d.no:
                raise FlowError(d.place, f'should have no {d.name} {d.value}\n{message.wire().decode()}')
            self.known = after
            return
        if not d.no:
            raise FlowError(d.place, f'should have {d.name} {self.text(pattern)}\n{message.wire().decode()}')

    def judge(self, step, actor, text, message):
        """The rules that hold in every flow."""
        hidden = [s for a in self.actors.values() if a.access != actor.access for s in a.peer.secrets()]
        for secret in (CORE_SIDE if actor.access else ACCESS_SIDE, *hidden):
            if secret in text:
                raise FlowError(step.place, f'{secret} of the other side shows at {step.actor}:\n{text}')
        if message.is_request and (len(message.all('Via')) != 1 or len(message.all('Max-Forwards')) != 1 or message.all('Record-Route')):
            raise FlowError(step.place, f'not one Via and one Max-Forwards, or a Record-Route:\n{text}')

    # -- what happens

    def world(self, step, rest):
        verb = step.what
        if verb not in ('wait', 'assert'):
            self.act()
        if verb in ACTORS:
            return self.network(self.actor(verb, step.place), step)
        if verb == 'lose':
            actor = self.actor(step.words[3], step.place)
            setattr(actor, f'lose_{step.words[2]}', 10 ** 6 if step.words[1] == 'everything' else int(step.words[1]))
        elif verb == 'provision':
            self.provisioning.change(step.words[1:])
            self.provisioning.apply()
        elif verb == 'zone':
            self.provisioning.publish(step.words[1:])
        elif verb == 'dns':
            self.lab.dns.silence()
        elif verb == 'drain':
            self.lab.edge.cli(*(('drain', '--no-wait') if step.words[1] == 'on' else ('undrain',)))
        elif verb == 'shutdown':
            self.stopping = threading.Thread(target=self.lab.edge.daemons['signaling'].stop, daemon=True)
            self.stopping.start()
        elif verb == 'media':
            self.media(step)
        elif verb == 'wait':
            self.pause(step, rest)
        elif verb == 'assert':
            self.check(step)
        else:
            raise FlowError(step.place, f'"{verb}" means nothing')

    def pause(self, step, rest):
        """Until so long after what was last said or done. Where it is looked whether something has come too soon, a little less
        for the moment, lest what is due just then count."""
        if not any(s.kind != 'world' for s in rest):
            return
        seconds = self.waits.get(step.words[1], flow_file.seconds(step.words[1]))
        looks = itertools.takewhile(lambda s: s.kind == 'expect', rest)
        early = any(s.what == 'nothing' for s in looks)
        self.clock += seconds
        time.sleep(max(0, self.clock - (1 - EARLY) * seconds * early - time.monotonic()))

    def act(self):
        """Before anything is said or done: the whole of the wait before it is over."""
        time.sleep(max(0, self.clock - time.monotonic()))
        self.clock = time.monotonic()

    def network(self, actor, step):
        what = step.words[1]
        if what in ('closes', 'unreachable'):
            known = len(self.lab.edge.registrations())
            actor.close()
            if what == 'closes' and known:
                process.wait_until(lambda: len(self.lab.edge.registrations()) < known, 5, 'the edge has seen the connection end')
        elif what in ('reconnects', 'reachable'):
            actor.open()
        elif what == 'over':
            actor.close()
            actor.transport = actor.peer.transport = step.words[2].upper()
            actor.open()
        elif what == 'sees':
            actor.answers_options = False
        else:
            raise FlowError(step.place, f'{step.what} cannot "{what}"')

    def media(self, step):
        edge, what = self.lab.edge, step.words[1]
        if what in ('away', 'restarts'):
            edge.kill('media')
            edge.wait_status(lambda s: not s['signaling'].get('media_up', True), 'signaling knows that its media plane is away')
        if what in ('back', 'restarts'):
            edge.start_daemon('media')
            edge.wait_serving('media')
            edge.wait_recovered()

    def check(self, step):
        subject, *facts = step.words[1:]
        wanted = dict(f.partition('=')[::2] for f in facts)
        edge = self.lab.edge
        if subject == 'alive':
            names = {'calls': lambda: edge.leftovers().get('calls', 0), 'media': lambda: edge.leftovers().get('media sessions', 0),
                     'bindings': lambda: len(edge.registrations())}
            for name in set(wanted) & set(names):              # transactions live on: the last case looks for them
                process.wait_until(lambda: names[name]() == int(wanted[name]), 5, f'{step.place}: {wanted[name]} {name}, not {names[name]()}')
        elif subject == 'log':
            said = lambda: facts[0] in edge.daemons['signaling'].text()[self.log:]       # noqa: E731
            process.wait_until(said, 10, f'{step.place}: the log tells of {facts[0]}')
        elif subject in ('record', 'records'):
            self.check_record(step, subject, wanted)

    def check_record(self, step, subject, wanted):
        with contextlib.suppress(process.NotReady, OSError):        # the record of a call is written last; media may be away
            process.wait_until(lambda: 'calls' not in self.lab.edge.leftovers(), 4, 'no call is left')
        count = int(wanted.get('count', 1))
        records = process.wait_until(lambda: (r := self.lab.edge.records()[self.records:]) and len(r) >= count and r, 20,
                                     f'{step.place}: {count} records') if count else self.lab.edge.records()[self.records:]
        if subject == 'records' and len(records) != count:
            raise FlowError(step.place, f'{len(records)} records, expected {count}: {records}')
        names = {'status': 'sip_status', 'trunk': 'trunk', 'carrier': 'carrier', 'direction': 'direction', 'ended_by': 'ended_by',
                 'called': 'to', 'q850': 'q850_cause', 'caller': 'from', 'emergency': 'emergency'}
        for name, value in wanted.items():
            if name not in names or names[name] not in records[-1]:
                continue
            is_ = records[-1][names[name]]
            if flow_file.match(value, str(is_).lower() if isinstance(is_, bool) else str(is_), {}) is None:
                raise FlowError(step.place, f'{name} is {is_}, expected {value}')
