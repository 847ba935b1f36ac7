#!/usr/bin/env python3
"""What a node does when something fails, from outside: PBXs that vanish, come back or cannot log in; a drain; more work than
it can do; everybody registering at once."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require, require_growth  # noqa: E402
from edge_fixture import DOMAIN, PASSWORD, PBX_NUMBER, STRANGER, USER, running_edge, without  # noqa: E402
from lab import avalanche, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from listening_pbx import ListeningPbx  # noqa: E402
from pbx_sim import sip_message, sip_peer, transport  # noqa: E402

KEEP_ALIVE = 4                            # seconds, of the node: in which a peer that is gone is noticed
WINDOW = range(2, 8)                      # Retry-After
STANDBY = '192.0.2.20'                    # where sipp-static is provisioned to be, played by a peer of ours
OPTIONS = {'signaling': f'''streams: {{keep_alive_seconds: {KEEP_ALIVE}}}
overload: {{busy_ms: 10, retry_after_from_seconds: {WINDOW[0]}, retry_after_to_seconds: {WINDOW[-1]}}}
'''}
AVALANCHE, TLS_AVALANCHE = 200, 150
STATES = ('registered', 'reachable', 'degraded', 'down', 'disabled')
PROBED, SILENT = '192.0.2.34', '192.0.2.33'          # static PBXs of trunks that the cases provision
DOUBLE, DOUBLE_NUMBER = 'double', '+4940888003'      # registers from two addresses, over TCP and TLS, without SRTP
DYING, LIVING = '192.0.2.35', '192.0.2.36'           # its addresses
UNNOTICED = KEEP_ALIVE + 1.5                         # seconds within which a death that nobody has noticed is


def static_trunk(name, address, ports, transport, number, network):
    targets = ', '.join(f'{{host: {address}, port: {port}, transport: {transport}}}' for port in ports)
    return f'''kind: Trunk
name: trunks/{name}
mode: static
realm: access
domain: {name}.example
transports: [{transport}]
targets: [{targets}]
sources: [{address}/32]
numbers: [{{first: "{number}"}}]
media: {{srtp: off}}
network: {network}
'''


# -- what the cases look at
def trunk_state(lab, trunk=USER):
    found = [t for t in lab.edge.json('trunk', 'list')['trunks'] if t['trunk'] == trunk]
    require(found, f'{trunk} is not listed')
    return found[0]


def wait_state(lab, state, timeout=5, trunk=USER):
    """The list has the trunk in this state, and the metrics in this one alone."""
    def look():
        found, scrape = trunk_state(lab, trunk), lab.edge.scrape('signaling')
        metrics = {s: scrape.get('sallyport_trunk_state', trunk=trunk, state=s) for s in STATES}
        return found['state'] == state and metrics == {s: int(s == state) for s in STATES} and found
    return process.wait_until(look, timeout, f'trunk {trunk} is {state}, in the list and in the metrics', every=0.1)


def apply_text(lab, text):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(text)
        file.flush()
        return lab.edge.apply(file.name)


def edit_trunk(lab, name, *replacements):
    """The provisioned trunk with lines put in the place of others, applied."""
    text = lab.edge.cli('get', 'trunk', name)
    for pattern, new in replacements:
        text, count = re.subn(pattern, new, text, flags=re.M)
        require(count, f'{pattern!r} is not in\n{text}')
    apply_text(lab, text)


def call_from_core(lab, number=PBX_NUMBER):
    core = lab.core()
    return core.peer.invite(f'sip:{number}@{CORE.signaling}', core.offer(), caller=lab.core_number)


def retry_after(response):
    value = response.get('Retry-After')
    require(value is not None and value.isdigit(), f'{response.status} with Retry-After {value!r}')
    return int(value)


@contextlib.contextmanager
def extra_pbx(lab, address, call_id=None):
    """A PBX of trunk acme-hq at an address of its own, which can be taken away from under it."""
    lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    party = None
    try:
        party = parties.registered_pbx(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls,
                                       ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, domain=DOMAIN,
                                       user=USER, password=PASSWORD, address=address, name='extra')
        if call_id:
            party.peer._register_call_id, party.peer._register_cseq = call_id, 100
        response = party.peer.register(bulk=True)
        require(response is not None and response.status == 200, f'REGISTER: {response and response.start_line}')
        yield party
    finally:
        if party:
            party.close()
        subprocess.run(['ip', '-n', lab.network.pbx.name, 'addr', 'del', f'{address}/24', 'dev', 'sig0'],
                       capture_output=True)


@contextlib.contextmanager
def slower(daemon, share):
    """The daemon gets this share of a processor, as on a machine that is slower by so much."""
    stop = threading.Event()

    def brake():
        while not stop.is_set():
            os.kill(daemon.pid, signal.SIGSTOP)
            time.sleep(0.02 * (1 - share))
            os.kill(daemon.pid, signal.SIGCONT)
            time.sleep(0.02 * share)
    thread = threading.Thread(target=brake, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        os.kill(daemon.pid, signal.SIGCONT)


class Flood:
    """Requests of a stranger, as fast as they go, from a thread; counts what is answered."""

    def __init__(self, lab, method, extra=''):
        self.stranger = wire.Stranger(lab.network.pbx, STRANGER, (5062,))
        self.socket = self.stranger.sockets[5062]
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setblocking(False)
        self.method, self.extra, self.edge = method, extra, lab.edge.access_udp
        self.sent, self.answers = 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        time_up = time.monotonic() + 1
        while time.monotonic() < time_up:
            self._drain()
        self.stranger.close()

    def _drain(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.answers.append(self.socket.recv(65_535))

    def _run(self):
        while not self._stop.is_set():
            for _ in range(50):
                self.sent += 1
                request = wire.request(self.method, f'sip:{DOMAIN}', via=f'SIP/2.0/UDP {STRANGER}:5062',
                                       branch=f'z9hG4bK{self.method}{self.sent}', call_id=f'{self.method}{self.sent}',
                                       extra=self.extra)
                with contextlib.suppress(OSError):
                    self.socket.sendto(request, self.edge)
            self._drain()
            time.sleep(0.002)

    def of_status(self, status):
        return [sip_message.parse(a) for a in self.answers if a.startswith(f'SIP/2.0 {status} '.encode())]


# -- the trunk as operators know it
@case('a trunk that nobody has registered for is down and says so; a wrong password is its reason, with trunk and source in the log')
def _(lab):
    equal(trunk_state(lab)['state'], 'down', 'state')
    with lab.network.pbx.entered():
        stream = transport.StreamTransport.connect(lab.edge.access_tls, (ACCESS.peers[0], 0),
                                                   transport.client_context(lab.edge.ca.certificate), lab.edge.server_name)
    peer = sip_peer.Peer(stream, DOMAIN, USER, password='not the password')
    response = peer.register(bulk=True)
    equal(response.status, 401, 'REGISTER with a wrong password')
    why = trunk_state(lab)['why']
    source = f'{stream.local[0]}:{stream.local[1]}'
    peer.close()
    require('authentication failed' in why and source in why, f'why: {why}')
    require(re.search(f'event=authentication-failed.*trunk={USER}|trunk={USER}.*event=authentication-failed',
                      lab.edge.daemons['signaling'].text()), 'no log line names event and trunk')
    require(source in lab.edge.daemons['signaling'].text(), 'no log line names the source')


@case('registered: the state, since when and why in list, show and metrics; a static trunk is reachable')
def _(lab):
    lab.pbx()
    state = wait_state(lab, 'registered')
    require(float(state['since_seconds']) < 5 and 'TLS' in state['why'] and state['contacts'] == 1, f'{state}')
    shown = lab.edge.cli('trunk', 'show', USER)
    require('registered' in shown and ACCESS.peers[0] in shown, shown)
    scrape = lab.edge.scrape('signaling')
    require(scrape.get('sallyport_trunk_state_since_timestamp_seconds', trunk=USER) > time.time() - 60, 'since')
    wait_state(lab, 'reachable', trunk='sipp-static')     # nobody has asked it: it is provisioned as unprobed
    counts = lab.edge.status()['signaling']['trunk_states']
    equal(int(counts['registered']), 1, 'registered trunks in status')
    refused = lab.edge.cli('trunk', 'show', 'nobody', check=False)
    require(refused.returncode == 1 and 'nobody' in refused.stderr, f'{refused.stderr}')


PROBED_PORTS = (5082, 5083, 5084)


def require_names(why, named, unnamed):
    """The reason names these places of the static trunk and no others."""
    found = {port for port in (*named, *unnamed) if f'{PROBED}:{port}' in why}
    equal(found, set(named), f'places that are named in {why!r}')


@case('a static trunk that is asked by OPTIONS is down, degraded or reachable as none, some or all of its places answer, and down again '
      'once none does, with the places that fail as its reason, in a state since it came into it; disabled as soon as it is provisioned so')
def _(lab):
    lab.network.pbx.ip('addr', 'add', f'{PROBED}/24', 'dev', 'sig0')
    text = static_trunk('probed', PROBED, PROBED_PORTS, 'udp', '+4940888001', '{options_interval_seconds: 5}')
    apply_text(lab, text)
    places, seen = [], []
    try:
        for state in ('down', 'degraded', 'degraded', 'reachable'):
            process.wait_until(lambda: trunk_state(lab, 'probed')['contacts'] == len(places), 20, f'{len(places)} of its places answer')
            found = wait_state(lab, state, 20, 'probed')
            equal((state, found['contacts']), (state, len(places)), 'contacts that can be called')
            up, silent = PROBED_PORTS[:len(places)], PROBED_PORTS[len(places):]
            require_names(found['why'], *((silent, up) if silent else (up, silent)))
            equal('answers 200' in found['why'], not silent, f'the reason of {state}: {found["why"]}')
            seen.append((state, found['since'], found['why']))
            if silent:
                with lab.network.pbx.entered():
                    way = transport.UdpTransport((PROBED, PROBED_PORTS[len(places)]), lab.edge.access_udp)
                places.append(sip_peer.Peer(way, PROBED))
        since = [at for _, at, _ in seen]
        require(since[0] < since[1] == since[2] < since[3] and seen[1][2] != seen[2][2], f'since when and why: {seen}')
        shown = lab.edge.cli('trunk', 'show', 'probed')
        require(all(f'{PROBED}:{port}' in shown for port in PROBED_PORTS) and 'reachable' in shown, shown)
        while places:
            places.pop().close()
        found = wait_state(lab, 'down', 30, 'probed')
        require_names(found['why'], PROBED_PORTS, ())
        require(found['since'] > since[3], f'since {found["since"]}, reachable since {since[3]}')
        apply_text(lab, text + 'disabled: true\n')
        wait_state(lab, 'disabled', trunk='probed')
        counts = lab.edge.status()['signaling']['trunk_states']
        equal(int(counts['disabled']), 1, 'disabled trunks in status')
    finally:
        for place in places:
            place.close()
    lab.edge.cli('delete', 'trunk', 'probed')


@case('the sheet names what the PBX\'s administrator needs, and every template points to this node')
def _(lab):
    sheet = lab.edge.cli('trunk', 'sheet', USER)
    certificate = subprocess.run(['openssl', 'x509', '-in', str(lab.edge._pem('edge')[0]), '-noout', '-fingerprint',
                                  '-sha256'], capture_output=True, text=True, check=True).stdout.strip().split('=')[1]
    ends = subprocess.run(['openssl', 'x509', '-in', str(lab.edge._pem('edge')[0]), '-noout', '-enddate', '-dateopt', 'iso_8601'],
                          capture_output=True, text=True, check=True).stdout.strip().split('=')[1]
    for line in (f'server TLS +{ACCESS.signaling}:5061', f'certificate SHA-256 +{certificate}', f'certificate ends +{ends.replace(" ", "T").rstrip("Z")}',
                 'trust the CA that signed it, or pin the fingerprint', 'mode +registration', f'registration AOR +sip:{USER}@{DOMAIN}',
                 'numbers +[+]4930555000 to [+]4930555099', 'codecs +any; PCMA and PCMU always work', 'DTMF +telephone-event',
                 'media +RTP/SAVP with SDES keys: AES_CM_128_HMAC_SHA1_80', 'Expires +at most 3600 s', 'session timer +1800 s at most',
                 'keep-alive +CRLF CRLF', '100rel +taken and offered', 'no answer, no connection +connect again once; then wait 30 s',
                 '503 with Retry-After +wait that long'):
        require(re.search(line, sheet), f'{line} is not in\n{sheet}')
    text = lab.edge.cli('get', 'trunk', USER)
    apply_text(lab, without(text, 'media', 'session_timers', 'reliable_provisionals') + '''
media: {codecs: [PCMU, telephone-event]}
session_timers: {seconds: 600}
reliable_provisionals: false
''')
    other = lab.edge.cli('trunk', 'sheet', USER)
    for line in ('codecs +PCMU, telephone-event$', 'session timer +600 s at most', '100rel +not taken'):
        require(re.search(line, other, re.M), f'{line} is not in\n{other}')
    apply_text(lab, text)
    static = lab.edge.cli('trunk', 'sheet', 'sipp-static')
    for line in ('mode +static .*no REGISTER', f'we send calls to +{STANDBY}:5080', f'requests come from +{STANDBY}$',
                 f'server UDP +{ACCESS.signaling}:5060', 'media +RTP/AVP, not encrypted'):
        require(re.search(line, static, re.M), f'{line} is not in\n{static}')
    require('certificate' not in static and 'Expires' not in static, static)
    require(PASSWORD not in sheet, 'the password')
    for pbx in ('asterisk', 'freeswitch', '3cx', 'cube', 'generic'):
        require(f'{ACCESS.signaling}:5061' in lab.edge.cli('trunk', 'sheet', USER, '--pbx', pbx), pbx)
    wrong = lab.edge.cli('trunk', 'sheet', USER, '--pbx', 'nonesuch', check=False)
    equal(wrong.returncode, 2, 'exit status for a PBX that is not known')


# -- drain
@case('a drain refuses calls, REGISTER and OPTIONS with 503 and random integer Retry-After; what is up goes on [SC-16.4.1.6-02] [SC-16.4.1.6-04] [SC-17.4-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    equal(pbx.peer.options(f'sip:{DOMAIN}').status, 200, 'OPTIONS before')
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    said = lab.edge.cli('drain', '--no-wait')
    require('1 call left' in said, said)
    refused = [pbx.peer.invite(lab.number_uri(lab.core_number), pbx.offer(), caller=PBX_NUMBER).wait_final(),
               pbx.peer.options(f'sip:{DOMAIN}'), core.peer.options(f'sip:{CORE.signaling}')]
    equal([r.status for r in refused], [503] * 3, 'INVITE, OPTIONS of the PBX, OPTIONS of the core')
    waits = [retry_after(r) for r in refused]
    for _ in range(100):
        response = pbx.peer.register(bulk=True)
        equal(response.status, 503, 'REGISTER')
        waits.append(retry_after(response))
    require(set(waits) <= set(WINDOW), f'outside of the window: {sorted(set(waits))}')
    equal(set(waits), set(WINDOW), 'values of 103 answers')
    again = outgoing.reinvite(pbx.offer(), timeout=5)    # asked of the core's side, which takes no re-INVITE
    equal(again and again.status, 488, 're-INVITE of a call that was up, as the other side answers it')
    wait_state(lab, 'registered', 1)      # nobody lost his registration
    equal(len(lab.edge.registrations()), 1, 'registrations')
    waiting = subprocess.Popen(lab.edge.cli_command('drain'), stdout=subprocess.PIPE, text=True)
    process.wait_until(lambda: 'DRAINING' in lab.edge.cli('status'), 5, 'status says that it drains')
    require(waiting.poll() is None, 'the drain has ended although a call is up')
    equal(outgoing.bye().status, 200, 'BYE of a call that was up')
    require(incoming.wait_ended(), 'the BYE did not reach the other side')
    require('the node is empty' in waiting.communicate(timeout=10)[0], 'the drain does not say that it is done')
    equal(lab.edge.scrape('signaling').get('sallyport_draining'), 1, 'sallyport_draining')


@case('what waits for a drain gives up when it is told to, still draining; undrain takes work again')
def _(lab):
    equal(lab.edge.cli('undrain'), 'taking new work', 'undrain')
    pbx, core = lab.pbx(), lab.core()
    outgoing, _ = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    late = lab.edge.cli('drain', '--max-wait', '0.6', check=False)
    require(late.returncode == 1 and 'still draining, with 1 call left' in late.stderr, late.stderr)
    equal(pbx.peer.register(bulk=True).status, 503, 'REGISTER while draining')
    lab.edge.cli('undrain')
    equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER after undrain')
    equal(pbx.peer.options(f'sip:{DOMAIN}').status, 200, 'OPTIONS after undrain')
    outgoing.bye()
    text = (lab.edge.daemons['control'].text())
    require('SetDrain' in text, 'the audit trail does not know who drained')


@case('what waits for a drain tells how many calls are left, each time that they are fewer, and when there are none')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    calls = [parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number) for _ in range(3)]
    waiting = subprocess.Popen(lab.edge.cli_command('drain'), stdout=subprocess.PIPE, text=True)
    try:
        for left, (outgoing, incoming) in zip(('3 calls left', '2 calls left', '1 call left'), calls):
            line = waiting.stdout.readline()
            require(line.startswith('draining for ') and left in line, f'{line!r} while there are {left}')
            equal(outgoing.bye().status, 200, 'BYE')
            require(incoming.wait_ended(), 'the BYE did not reach the other side')
        last = waiting.communicate(timeout=10)[0]
        require('0 calls left' in last and 'the node is empty' in last, f'{last!r} in the end')
        equal(waiting.returncode, 0, 'exit status')
    finally:
        waiting.kill()
        lab.edge.cli('undrain')


# -- flows that die
@case('a reset connection takes the trunk down at once; a call to it then gets 480, not a timeout [SC-17.4-03]')
def _(lab):
    pbx = lab.pbx()
    registered = wait_state(lab, 'registered')
    pbx.peer.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    pbx.close()
    state = wait_state(lab, 'down', 2)
    require('connection' in state['why'] and '{}:{}'.format(*pbx.peer.transport.local) in state['why'], state['why'])
    require(state['since'] > registered['since'], f'down since {state["since"]}, registered since {registered["since"]}')
    call = call_from_core(lab)
    began = time.monotonic()
    response = call.wait_final(5)
    require(response is not None and response.status == 480, f'call to the dead trunk: {response and response.start_line}')
    require(time.monotonic() - began < 2, 'the 480 took long')
    require('event=trunk-down' in lab.edge.daemons['signaling'].text(), 'no log line about it')


@case('it connects and registers again at once, and is called over the new connection [SC-16.4.1.1-02] [SC-16.2-22]')
def _(lab):
    lab.parties.pop('pbx', None)
    pbx = lab.pbx()
    wait_state(lab, 'registered', 2)
    parties.talk(lab.core(), pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core_number, seconds=0.5).require_intact()


@contextlib.contextmanager
def alone(lab):
    """A PBX of trunk acme-hq that is all that is registered of it."""
    equal(lab.pbx().peer.register(expires=0, bulk=True).status, 200, 'de-registration')
    lab.parties.pop('pbx').close()
    wait_state(lab, 'down', 2)
    with extra_pbx(lab, '192.0.2.31') as extra:
        yield extra


@case('a PBX that vanishes without a word is noticed within the keep-alive interval; calls then get 480 at once [SC-16.5-01]')
def _(lab):
    with alone(lab) as extra:
        wait_state(lab, 'registered', 2)
        instance = extra.peer._register_call_id
        lab.network.pbx.ip('addr', 'del', '192.0.2.31/24', 'dev', 'sig0')   # no FIN, no RST: nothing comes any more
        began = time.monotonic()
        wait_state(lab, 'down', KEEP_ALIVE + 4)
        noticed = time.monotonic() - began
        require(noticed <= KEEP_ALIVE + 1.5, f'noticed after {noticed:.1f} s')
        began = time.monotonic()
        response = call_from_core(lab).wait_final(10)
        equal(response and response.status, 480, 'the call')
        require(time.monotonic() - began < 2, f'the 480 took {time.monotonic() - began:.1f} s')
    with extra_pbx(lab, '192.0.2.31', call_id=instance) as extra:      # back again; what was lost is superseded
        wait_state(lab, 'registered', 2)
        equal(extra.peer.register(expires=0, bulk=True).status, 200, 'de-registration')


@case('a call to a PBX whose connection has just died without a word, and calls that follow before anybody has noticed: 480 within the '
      'keep-alive interval, over TLS and over TCP')
def _(lab):
    within = KEEP_ALIVE + 1.5
    with alone(lab) as extra:
        wait_state(lab, 'registered', 2)
        instance = extra.peer._register_call_id
        lab.network.pbx.ip('addr', 'del', '192.0.2.31/24', 'dev', 'sig0')
        require_480_within(lab, within, PBX_NUMBER)
        wait_state(lab, 'down', 2)
    with extra_pbx(lab, '192.0.2.31', call_id=instance) as extra:      # back again; what was lost is superseded
        wait_state(lab, 'registered', 2)
        equal(extra.peer.register(expires=0, bulk=True).status, 200, 'de-registration')
    lab.network.pbx.ip('addr', 'add', f'{SILENT}/24', 'dev', 'sig0')
    apply_text(lab, static_trunk('silent', SILENT, (5070,), 'tcp', '+4940888002', '{unprobed: true}'))
    pbx = ListeningPbx(lab, SILENT, 5070, 'silent.example')
    try:
        call = call_from_core(lab, '+4940888002')
        pbx.wait_call(5).reject(486, 'Busy Here')
        equal(call.wait_final(5).status, 486, 'the call that opens the connection')
        lab.network.pbx.ip('addr', 'del', f'{SILENT}/24', 'dev', 'sig0')
        require_480_within(lab, within, '+4940888002')
        equal(len(pbx.connections), 1, 'connections')
    finally:
        pbx.close()
    lab.edge.cli('delete', 'trunk', 'silent')


def require_480_within(lab, seconds, number):
    """Three calls, a second apart: each is told so, the last no later than the first, which has set the clock."""
    began, calls = time.monotonic(), []
    for turn in range(3):
        process.wait_until(lambda turn=turn: time.monotonic() - began >= turn, 5, 'it is time')
        calls.append(call_from_core(lab, number))
    finals = []
    for call in calls:
        finals.append(call.wait_final(30))
        took = time.monotonic() - began
        require(took <= seconds, f'call {len(finals)} was answered {finals[-1] and finals[-1].start_line} after {took:.1f} s')
    equal([f.status for f in finals], [480] * 3, 'what the callers got')


@case('with two contacts, one of them gone: degraded, and calls take the other one')
def _(lab):
    pbx = lab.pbx()
    began = wait_state(lab, 'registered', 2)
    with extra_pbx(lab, '192.0.2.32') as extra:
        both = process.wait_until(lambda: trunk_state(lab)['contacts'] == 2 and trunk_state(lab), 2, 'both are contacts')
        equal((both['state'], both['since']), ('registered', began['since']), 'a second contact is no other state')
        require(both['why'] != began['why'] and '192.0.2.32' in both['why'], f'{began["why"]}, then {both["why"]}')
        place = '{}:{}'.format(*extra.peer.transport.local)
        extra.peer.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        extra.close()
        state = wait_state(lab, 'degraded', 2)
        equal(state['contacts'], 1, 'contacts left')
        require(place in state['why'] and pbx.peer.transport.local[0] not in state['why'], f'the place that is gone: {state["why"]}')
        require(state['since'] > both['since'], f'degraded since {state["since"]}, registered since {both["since"]}')
        equal(pbx.peer.register(bulk=True).status, 200, 'a refresh of the one that is left')
        equal(trunk_state(lab)['since'], state['since'], 'since when, after a refresh')
        outgoing, incoming = parties.establish(lab.core(), pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core_number)
        outgoing.bye()
        require(incoming.wait_ended(), 'BYE')
    equal(pbx.peer.register(expires=0, bulk=True).status, 200, 'de-registration')
    wait_state(lab, 'down', 2)


@case('calls to a trunk that is down go to the trunk that takes its overflow; one that does not exist is refused')
def _(lab):
    lab.parties.pop('pbx').close()
    wait_state(lab, 'down', 2)
    text = lab.edge.cli('get', 'trunk', USER)
    wrong = subprocess.run(lab.edge.cli_command('apply', '-f', '-'), input=text + '\noverflow: {trunk: trunks/nobody}\n',
                           capture_output=True, text=True)
    require(wrong.returncode == 1 and 'overflow.trunk' in wrong.stderr and 'nobody' in wrong.stderr, wrong.stderr)
    apply_text(lab, text + '\noverflow: {trunk: trunks/sipp-static}\n')
    with lab.network.pbx.entered():
        standby = sip_peer.Peer(transport.UdpTransport((STANDBY, 5080), lab.edge.access_udp), STANDBY, user_agent='standby')
    call = call_from_core(lab)
    incoming = standby.wait_call(5)
    require(f'{PBX_NUMBER}@' in incoming.invite.uri, incoming.invite.uri)
    incoming.reject(486, 'Busy Here')
    equal(call.wait_final().status, 486, 'what the standby answered')
    standby.close()
    deleted = lab.edge.cli('delete', 'trunk', 'sipp-static', check=False)
    require(deleted.returncode == 1 and 'overflow' in deleted.stderr, f'{deleted.stderr}')


def double_trunk(overflow=''):
    return f'''kind: Trunk
name: trunks/{DOUBLE}
mode: registration
realm: access
registration_aor: sip:{DOUBLE}@{DOMAIN}
credentials: [{{username: {DOUBLE}, password: {PASSWORD}}}]
transports: [tcp, tls]
numbers: [{{first: "{DOUBLE_NUMBER}"}}]
media: {{srtp: off}}
{overflow}
'''


@contextlib.contextmanager
def double_at(lab, address, name, q):
    """A PBX of trunk double at an address of its own, registered over a connection by this transport."""
    tls = (transport.client_context(lab.edge.ca.certificate), lab.edge.server_name) if name == 'tls' else ()
    lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    with contextlib.ExitStack() as stack:
        stack.callback(subprocess.run, ['ip', '-n', lab.network.pbx.name, 'addr', 'del', f'{address}/24', 'dev', 'sig0'],
                       capture_output=True)
        with lab.network.pbx.entered():
            stream = transport.StreamTransport.connect(lab.edge.access_tls if tls else lab.edge.access_tcp, (address, 0), *tls)
        peer = sip_peer.Peer(stream, DOMAIN, DOUBLE, password=PASSWORD)
        stack.callback(peer.close)
        response = peer.register(bulk=True, contact=peer.contact('', ';bnc') + f';q={q}')
        equal(response and response.status, 200, f'REGISTER over {name} from {address}')
        yield peer


def dies_in_silence(lab, address):
    lab.network.pbx.ip('addr', 'del', f'{address}/24', 'dev', 'sig0')      # no FIN, no RST: nothing comes any more


def ring_in_time(calls, peer, began):
    """Each of the calls comes to the peer, and its caller hears that it rings, within what it takes to notice a death."""
    came = []

    def all_came():
        while not peer.incoming.empty():
            came.append(peer.wait_call(1))
            came[-1].ring()
        return len(came) == len(calls) or any(call.transaction.final for call in calls)
    process.wait_until(all_came, 40, 'the calls go on or end')
    equal([call.transaction.final and call.transaction.final.start_line for call in calls], [None] * len(calls), 'what ended the calls')
    for call in calls:
        require(call.wait_provisional(180), 'a caller does not hear that it rings')
    took = time.monotonic() - began
    require(took <= UNNOTICED, f'it rang after {took:.1f} s')
    for incoming in came:
        require(f'{DOUBLE_NUMBER}@' in incoming.invite.uri, incoming.invite.uri)
        incoming.reject(486, 'Busy Here')
    equal([call.wait_final(5).status for call in calls], [486] * len(calls), 'what the callers hear')


@case('with two contacts, the one that is called first has died without a word and nobody has noticed: the call, and one that follows '
      'before it is noticed, ring at the other one within the keep-alive interval, over TCP and over TLS')
def _(lab):
    apply_text(lab, double_trunk())
    for name in ('tcp', 'tls'):
        with double_at(lab, DYING, name, 0.9) as first, double_at(lab, LIVING, name, 0.5) as other:
            wait_state(lab, 'registered', 2, DOUBLE)
            call = call_from_core(lab, DOUBLE_NUMBER)
            first.wait_call(5).reject(486, 'Busy Here')
            equal(call.wait_final(5).status, 486, 'what the caller hears')
            require(other.incoming.empty(), f'{name}: the other contact is called first, or at once')
            dies_in_silence(lab, DYING)
            began = time.monotonic()
            calls = [call_from_core(lab, DOUBLE_NUMBER)]
            process.wait_until(lambda: time.monotonic() - began >= 1, 5, 'it is time for another')
            equal((trunk_state(lab, DOUBLE)['state'], other.incoming.empty()), ('registered', True), f'{name}: unnoticed')
            calls.append(call_from_core(lab, DOUBLE_NUMBER))
            ring_in_time(calls, other, began)
            equal(trunk_state(lab, DOUBLE)['contacts'], 1, f'{name}: contacts that are left')
            equal(other.register(expires=0, contact='*').status, 200, 'all is de-registered, what is dead too')
    lab.edge.cli('delete', 'trunk', DOUBLE)


@case('the only contact has died without a word and nobody has noticed: the call rings at the trunk that takes its overflow within the '
      'keep-alive interval, over TCP and over TLS')
def _(lab):
    apply_text(lab, double_trunk('overflow: {trunk: trunks/sipp-static}'))
    with lab.network.pbx.entered():
        standby = sip_peer.Peer(transport.UdpTransport((STANDBY, 5080), lab.edge.access_udp), STANDBY, user_agent='standby')
    with contextlib.closing(standby):
        for name in ('tcp', 'tls'):
            with double_at(lab, DYING, name, 1.0) as only:
                wait_state(lab, 'registered', 2, DOUBLE)
                call = call_from_core(lab, DOUBLE_NUMBER)
                only.wait_call(5).reject(486, 'Busy Here')
                equal(call.wait_final(5).status, 486, 'what the caller hears')
                dies_in_silence(lab, DYING)
                began = time.monotonic()
                call = call_from_core(lab, DOUBLE_NUMBER)
                equal(trunk_state(lab, DOUBLE)['state'], 'registered', f'{name}: unnoticed')
                ring_in_time([call], standby, began)
                wait_state(lab, 'down', 2, DOUBLE)
            with double_at(lab, LIVING, name, 1.0) as again:
                equal(again.register(expires=0, contact='*').status, 200, 'all is de-registered, what is dead too')
    lab.edge.cli('delete', 'trunk', DOUBLE)


@case('the number that a trunk names for the one called takes the call while the PBX is away, at its cost: the caller hears 181 and '
      'the one who answers, others go to the trunk that takes its overflow')
def _(lab):
    wait_state(lab, 'down', 2)
    text, mobile = lab.edge.cli('get', 'trunk', USER), '+4917155501'
    apply_text(lab, without(text, 'overflow') + f'''
overflow: {{numbers: [{{first: "{PBX_NUMBER}", last: "{PBX_NUMBER}", to: "{mobile}"}}], trunk: trunks/sipp-static}}
''')
    core, known = lab.core(), len(lab.edge.records())
    call = call_from_core(lab)
    onward = parties.wait_call(core, call)
    equal(parties.number_of(onward.invite), mobile, 'the number that is called')
    require(call.wait_provisional(181), 'the caller is not told that the call is forwarded')
    require(lab.core_number in onward.invite['From'], f'From: {onward.invite["From"]}')
    way = onward.invite['History-Info']
    require(PBX_NUMBER in way and 'cause%3D480' in way and mobile in sip_message.split_list(onward.invite.all('History-Info'))[-1], way)
    require(onward.answer(core.answer_to(onward.remote_sdp)), 'no ACK')
    equal(call.wait_final().status, 200, 'the call')
    equal(call.bye().status, 200, 'BYE')
    require(onward.wait_ended(), 'the BYE did not reach who answered')
    record, = process.wait_until(lambda: lab.edge.records()[known:], 10, 'the record is written')
    equal((record['trunk'], record['sip_status']), (USER, 200), 'who pays for it')
    with lab.network.pbx.entered():
        standby = sip_peer.Peer(transport.UdpTransport((STANDBY, 5080), lab.edge.access_udp), STANDBY, user_agent='standby')
    other = call_from_core(lab, PBX_NUMBER[:-1] + '2')
    standby.wait_call(5).reject(486, 'Busy Here')
    equal(other.wait_final().status, 486, 'a number that the trunk has named nothing for')
    standby.close()
    apply_text(lab, text)


# -- overload
def taken_or_refused(lab, pbx, core):
    """The final response to a call, which the core refuses if it gets there."""
    call = pbx.peer.invite(lab.number_uri(lab.core_number), pbx.offer(), caller=PBX_NUMBER)

    def final():
        if not core.peer.incoming.empty():
            core.peer.wait_call(1).reject(486, 'Busy Here')
        return call.wait_final(0.1)
    return process.wait_until(final, 15, 'a call under overload is answered')


@case('under overload what is worth least is refused cheaply, calls that are up and emergencies are served, and memory is bounded [SC-16.4.1.6-01]')
def _(lab):
    signaling = lab.edge.daemons['signaling']
    pbx, core = lab.pbx(), lab.core()
    edit_trunk(lab, USER, (r'^  dial_plan:$', '  dial_plan: {emergency_numbers: ["112"]}'))
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    before = process.resident_bytes(signaling.pid)
    with slower(signaling, 0.05), Flood(lab, 'REGISTER') as flood:
        process.wait_until(lambda: flood.of_status(503), 20, 'something is refused')
        process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_overload_level') == 1, 20, 'all is at its worst')
        ordinary = [taken_or_refused(lab, pbx, core) for _ in range(4)]
        refused = [response for response in ordinary if response.status == 503]
        require(len(refused) >= 3, f'ordinary calls: {[r.start_line for r in ordinary]}')   # one in fifty is taken
        require(all(retry_after(r) in WINDOW for r in refused), 'Retry-After of calls')
        emergency = pbx.peer.invite(f'sip:112@{DOMAIN}', pbx.offer(), caller=PBX_NUMBER)
        in_core = parties.wait_call(core, emergency, 15)
        require('sip:112@' in in_core.invite.uri, in_core.invite.uri)
        in_core.reject(486, 'Busy Here')
        equal(emergency.wait_final(10).status, 486, 'the emergency call, as the core answers it')
        equal(outgoing.bye(10).status, 200, 'BYE under overload')
        require(incoming.wait_ended(10), 'the BYE did not reach the core')
        refresh = pbx.peer.register(bulk=True, timeout=15)
        equal(refresh and refresh.status, 200, 'the refresh of a live binding')
    refused = flood.of_status(503)
    waits = {retry_after(r) for r in refused}
    require(waits <= set(WINDOW) and (len(waits) > 2 or len(refused) < 20), f'Retry-After {sorted(waits)} of {len(refused)}')
    require_growth(process.resident_bytes(signaling.pid) - before, 64 << 20, 'signaling')
    scrape = lab.edge.scrape('signaling')
    require(scrape.get('sallyport_overload_refused_total', **{'class': 'rest'}) >= len(refused), 'counted refusals')
    equal(scrape.get('sallyport_overload_refused_total', **{'class': 'in_dialog'}), 0, 'refused in-dialog requests')
    process.wait_until(lambda: pbx.peer.options(f'sip:{DOMAIN}').status == 200, 5, 'OPTIONS are answered once it is over')


@case('an avalanche: every PBX registers at the same moment on a slow node; excess waits as it is told, all are registered, memory is bounded [SC-7-06]')
def _(lab):
    signaling = lab.edge.daemons['signaling']
    apply_text(lab, avalanche.trunks(AVALANCHE, DOMAIN))
    before = process.resident_bytes(signaling.pid)
    crowd = avalanche.Avalanche(lab.network.pbx, ACCESS.peers[0], lab.edge.access_udp, DOMAIN, AVALANCHE)
    try:
        with slower(signaling, 0.08), Flood(lab, 'OPTIONS'):
            crowd.start(within=1.5)
            crowd.play(3.0)
        crowd.play(25.0)
    finally:
        crowd.close()
    require(crowd.statuses[503] > 0, f'nothing was refused: {dict(crowd.statuses)}')
    equal(len(crowd.waits), crowd.statuses[503], 'refusals with Retry-After')
    require({int(w) for w in crowd.waits} <= set(WINDOW), f'{sorted(set(crowd.waits))}')
    equal(crowd.registered, AVALANCHE, f'PBXs registered in the end ({dict(crowd.statuses)})')
    require_growth(process.resident_bytes(signaling.pid) - before, 64 << 20, 'signaling')
    counts = lab.edge.status()['signaling']['trunk_states']
    require(int(counts['registered']) >= AVALANCHE, f'{counts}')
    lab.edge.require_answering()


@case('an avalanche over TLS: connections, handshakes and registrations of all at the same moment on a slow node; whoever is refused '
      'waits on the connection that he has, and all are registered [SC-7-06]')
def _(lab):
    signaling = lab.edge.daemons['signaling']
    apply_text(lab, avalanche.trunks(TLS_AVALANCHE, DOMAIN, transport='tls', start=AVALANCHE))
    before = process.resident_bytes(signaling.pid)
    tls = transport.client_context(lab.edge.ca.certificate), lab.edge.server_name
    crowd = avalanche.Avalanche(lab.network.pbx, ACCESS.peers[0], lab.edge.access_tls, DOMAIN, TLS_AVALANCHE, tls, AVALANCHE)
    try:
        with slower(signaling, 0.04), Flood(lab, 'OPTIONS'):
            crowd.start(within=1.5)
            crowd.play(4.0)
        crowd.play(25.0)
        require(crowd.statuses[503] > 0, f'nothing was refused: {dict(crowd.statuses)}')
        require({int(w) for w in crowd.waits} <= set(WINDOW), f'{sorted(set(crowd.waits))}')
        equal(crowd.registered, TLS_AVALANCHE, f'PBXs registered in the end ({dict(crowd.statuses)})')
        equal(crowd.handshakes, TLS_AVALANCHE, 'handshakes: no connection was lost over a refusal')
        names = {avalanche.trunk_name(AVALANCHE + n) for n in range(TLS_AVALANCHE)}
        equal(names - {r['trunk'] for r in lab.edge.registrations()}, set(), 'PBXs without a registration at the node')
    finally:
        crowd.close()
    require_growth(process.resident_bytes(signaling.pid) - before, 64 << 20, 'signaling')
    lab.edge.require_answering()


if __name__ == '__main__':
    sys.exit(main('failure', lambda: running_edge('failure', access=('udp', 'tcp', 'tls'), options=OPTIONS)))
