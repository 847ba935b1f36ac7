#!/usr/bin/env python3
"""PBXs that have registered over UDP and are gone without a word: probes notice it within the trunk's interval, their calls
go elsewhere at once, and they are called again when they answer."""
import contextlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, running_edge  # noqa: E402
from lab import process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sip_peer, transport  # noqa: E402
from registrant import Registrant  # noqa: E402

FIRST, SECOND, STANDBY = '192.0.2.41', '192.0.2.42', '192.0.2.43'
INTERVAL, SLACK = 5, 1.5
NUMBER, STANDBY_PORT = '+4930777001', 5080
WHO = dict(domain=DOMAIN, user='udp-pbx', password='over datagrams it is')
TRUNKS = f'''
kind: Trunk
name: trunks/standby
mode: static
realm: access
domain: standby.example
transports: [udp]
targets: [{{host: {STANDBY}, port: {STANDBY_PORT}, transport: udp}}]
sources: [{STANDBY}/32]
media: {{srtp: off}}
network: {{unprobed: true}}
---
kind: Trunk
name: trunks/udp-pbx
mode: registration
realm: access
transports: [udp]
registration_aor: sip:{WHO["user"]}@{DOMAIN}
credentials: [{{username: {WHO["user"]}, password: {WHO["password"]}}}]
numbers: ["+4930777000..+4930777099"]
media: {{srtp: off}}
'''


class Pbx(Registrant):
    """Counts the OPTIONS it gets, each once, and answers them unless it is told not to."""

    def __init__(self, *arguments, **options):
        self.probes, self.answers = set(), True
        super().__init__(*arguments, **options)

    @property
    def asked(self):
        return len(self.probes)

    def _receive_request(self, message, source):
        if message.method == 'OPTIONS':
            self.probes.add(message['Call-ID'])
            if not self.answers:
                return
        super()._receive_request(message, source)


def apply(lab, text):
    file = Path(lab.run_directory) / 'trunks.yaml'
    file.write_text(text)
    lab.edge.apply(file)


def prepare(lab):
    for address in (FIRST, SECOND, STANDBY):
        appear(lab, address)
    apply(lab, TRUNKS + f'network: {{options_interval_seconds: {INTERVAL}}}\n')


def appear(lab, address):
    lab.network.pbx.ip('addr', 'replace', f'{address}/24', 'dev', 'sig0')


def vanish(lab, address):
    lab.network.pbx.ip('addr', 'del', f'{address}/24', 'dev', 'sig0')


@contextlib.contextmanager
def pbx_at(lab, address, port=5062, answers=True):
    appear(lab, address)
    with lab.network.pbx.entered():
        pbx = Pbx(transport.UdpTransport((address, port), lab.edge.access_udp), **WHO)
    pbx.answers = answers
    equal(pbx.register(expires=600).status, 200, 'REGISTER')
    try:
        yield pbx
    finally:
        pbx.close()


def state(lab):
    return next(t for t in lab.edge.json('trunk', 'list')['trunks'] if t['trunk'] == WHO['user'])


def wait_state(lab, wanted, seconds):
    process.wait_until(lambda: state(lab)['state'] == wanted, seconds, f'the trunk is {wanted}')
    return state(lab)


def has_answered(pbx):
    process.wait_until(lambda: pbx.asked >= 1, INTERVAL + SLACK, 'the PBX is asked')


def call(lab):
    core = lab.core()
    return core.peer.invite(f'sip:{NUMBER}@{CORE.signaling}', core.offer(), caller=lab.core_number)


def require_called(lab, peer):
    outgoing = call(lab)
    peer.wait_call(2).reject(486, 'Busy Here')
    equal(outgoing.wait_final(5).status, 486, 'the call')


def require_480_at_once(lab):
    began = time.monotonic()
    equal(call(lab).wait_final(5).status, 480, 'the call')
    require(time.monotonic() - began < 1, 'it has taken a second')


@case('a contact that is silent is called no more within the interval, the other one is; with both silent 480 at once; who answers '
      'again is called again, without a REGISTER')
def _(lab):
    with pbx_at(lab, FIRST) as first, pbx_at(lab, SECOND) as second:
        wait_state(lab, 'registered', 2)
        has_answered(first), has_answered(second)
        require_called(lab, second)                     # the latest to register
        vanish(lab, SECOND)
        degraded = wait_state(lab, 'degraded', INTERVAL + SLACK)
        require('no longer answers' in degraded['why'] and degraded['contacts'] == 1, f'{degraded}')
        require_called(lab, first)
        vanish(lab, FIRST)
        down = wait_state(lab, 'down', INTERVAL + SLACK)
        require('no longer answers' in down['why'], f'{down}')
        require_480_at_once(lab)
        appear(lab, SECOND)
        wait_state(lab, 'degraded', INTERVAL + SLACK)
        require_called(lab, second)
        appear(lab, FIRST)
        wait_state(lab, 'registered', INTERVAL + SLACK)
        require_called(lab, second)
        equal(first.register(['*'], expires=0).status, 200, 'the end of the registration')


@case('a REGISTER brings back who was silent, at once')
def _(lab):
    with pbx_at(lab, FIRST) as pbx:
        has_answered(pbx)
        pbx.answers = False
        wait_state(lab, 'down', INTERVAL + SLACK)
        equal(pbx.register(expires=600).status, 200, 'REGISTER')
        wait_state(lab, 'registered', 1)
        require_called(lab, pbx)
        equal(pbx.register(['*'], expires=0).status, 200, 'the end of the registration')


@case('who has never answered a probe is asked no more, and called as before')
def _(lab):
    with pbx_at(lab, FIRST, 5063, answers=False) as pbx:     # where nobody has answered
        began = time.monotonic()
        process.wait_until(lambda: pbx.asked >= 2, 2 * INTERVAL, 'the PBX is asked twice')
        process.wait_until(lambda: time.monotonic() - began > 3 * INTERVAL, 4 * INTERVAL, 'the time to notice is over')
        equal(state(lab)['state'], 'registered', 'state')
        asked = pbx.asked
        require_called(lab, pbx)
        process.wait_until(lambda: time.monotonic() - began > 5 * INTERVAL, 3 * INTERVAL, 'more of it is over')
        equal(pbx.asked, asked, 'OPTIONS to who does not answer')
        equal(pbx.register(['*'], expires=0).status, 200, 'the end of the registration')


@case('calls of a silent PBX go to the trunk that takes its overflow')
def _(lab):
    apply(lab, TRUNKS + f'overflow: {{trunk: trunks/standby}}\nnetwork: {{options_interval_seconds: {INTERVAL}}}\n')
    with lab.network.pbx.entered():
        standby = sip_peer.Peer(transport.UdpTransport((STANDBY, STANDBY_PORT), lab.edge.access_udp), STANDBY)
    try:
        with pbx_at(lab, FIRST) as pbx:
            has_answered(pbx)
            require_called(lab, pbx)
            vanish(lab, FIRST)
            wait_state(lab, 'down', INTERVAL + SLACK)
            require_called(lab, standby)
            appear(lab, FIRST)
            wait_state(lab, 'registered', INTERVAL + SLACK)
            equal(pbx.register(['*'], expires=0).status, 200, 'the end of the registration')
    finally:
        standby.close()


@case('unprobed: nobody is asked')
def _(lab):
    apply(lab, TRUNKS + 'network: {unprobed: true}\n')
    with pbx_at(lab, FIRST, 5064) as pbx:       # where nobody was asked before
        began = time.monotonic()
        process.wait_until(lambda: time.monotonic() - began > 2 * INTERVAL, 3 * INTERVAL, 'the time of two probes is over')
        equal(pbx.asked, 0, 'OPTIONS')
        equal(pbx.register(['*'], expires=0).status, 200, 'the end of the registration')


if __name__ == '__main__':
    sys.exit(main('silent_pbx', lambda: running_edge('silent', access=('udp', 'tls'), prepare=prepare)))
