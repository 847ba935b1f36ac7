#!/usr/bin/env python3
"""A flood of one source address meets the share that one source has of a node, and nobody else notices (CVE-2021-41145).
SALLYPORT_FLOOD_SECONDS: how long the steady flood lasts; an hour each night."""
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require, sanitized  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, running_edge  # noqa: E402
from exchanges import answered, hang_up  # noqa: E402
from lab import process  # noqa: E402

SHARE = 400
FLOODER, PORT = '192.0.2.20', 5080           # the trunk sipp-static
TIMER = 32                                   # s that a transaction over UDP lives on, answered (RFC 3261 17.2.1 H, 17.2.2 J)
STEADY_SECONDS = int(os.environ.get('SALLYPORT_FLOOD_SECONDS', 12))
METHODS = ('OPTIONS', 'INVITE', 'REGISTER', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'PUBLISH', 'INFO', 'XYZZY')


class Flooder:
    def __init__(self, lab):
        self.socket, self.edge, self.count = wire.Stranger(lab.network.pbx, FLOODER, (PORT,)), lab.edge.access_udp, 0
        self.heard = []

    def send(self, method, number, uri=f'sip:{DOMAIN}', call=''):
        for _ in range(number):
            self.count += 1
            name = f'{call}{method}{self.count}'
            self.socket.send(wire.request(method, uri, via=f'SIP/2.0/UDP {FLOODER}:{PORT}', branch=f'z9hG4bK{name}',
                                          call_id=name), self.edge)
            if self.count % 20 == 0:
                self.heard += self.socket.received(0.005)    # the socket's buffer is not what is tested

    def statuses(self, seconds):
        heard, self.heard = self.heard + self.socket.received(seconds), []
        return [int(data.split()[1]) for data, _ in heard if data.startswith(b'SIP/2.0 ')]


MOST_GROWTH = (64 if sanitized() else 8) << 20


def metric(lab, name, **labels):
    return lab.edge.scrape('signaling').get(name, **labels)


def refused(lab):
    return metric(lab, 'sallyport_source_share_refused_total')


def require_bounded(lab):
    """However fast or slow the flood is: of the flooder no more than its share, of everybody else a few."""
    alive = metric(lab, 'sallyport_sip_transactions')
    require(alive < SHARE + 100, f'{alive:.0f} transactions are alive')


def until_refused(lab, flooder, method, number):
    """Floods until so many requests of the method were refused. Those that were let in leave room again after a while: a slow
    machine sends more of them, but even there a share's worth more than its time is long cannot be let in."""
    begun, sent = refused(lab), 0
    while (counted := refused(lab) - begun) < number:
        require(sent < 20 * (SHARE + number), f'of {sent} {method} {counted:.0f} were refused')
        flooder.send(method, 100)
        sent += 100
        require_bounded(lab)
    flooder.statuses(0.2)


@case('a trunk that floods with every method has its share of transactions, memory stays flat, others call and call for help as ever '
      '[reliability 12]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    signaling = lab.edge.daemons['signaling']
    flooder = Flooder(lab)
    flooder.send('OPTIONS', 2 * SHARE)
    statuses = flooder.statuses(2)
    equal(statuses.count(200), SHARE, 'OPTIONS that were answered')
    require(statuses.count(503) > SHARE // 2, f'the others: {sorted(set(statuses))}')
    before = process.resident_bytes(signaling.pid)
    for method in METHODS:
        until_refused(lab, flooder, method, SHARE)
    outgoing, incoming = answered(pbx, core, f'sip:{CORE_NUMBER}@{DOMAIN}')
    hang_up(outgoing, incoming)
    help_call = wire.request('INVITE', 'urn:service:sos', via=f'SIP/2.0/UDP {FLOODER}:{PORT}', branch='z9hG4bKhelp',
                             call_id='help', extra=f'Contact: <sip:{FLOODER}:{PORT}>\r\n')
    flooder.socket.send(help_call, lab.edge.access_udp)
    incoming = core.peer.wait_call()
    equal(incoming.invite.uri, 'urn:service:sos', 'the flooder\'s call for help')
    incoming.reject(486, 'Busy Here')
    require_bounded(lab)
    grown = process.resident_bytes(signaling.pid) - before
    require(grown < MOST_GROWTH, f'signaling has grown by {grown >> 20} MB')
    require('event=source-share-exhausted' in signaling.text() and f'{FLOODER} has' in signaling.text(), 'the log names it')

    def served_again():
        flooder.send('OPTIONS', 1)
        return 200 in flooder.statuses(0.5)
    process.wait_until(served_again, 45, 'there is room again once the first ones are over')
    flooder.socket.close()


@case('ten times what its share lets in, with every method, for as long as is asked: memory is flat, others are served [reliability 12]')
def _(lab):
    signaling, flooder = lab.edge.daemons['signaling'], Flooder(lab)
    for method in METHODS:
        until_refused(lab, flooder, method, 100)         # what a share costs has been paid
    pbx, core = lab.pbx(), lab.core()
    begun, counted, flooder.count, resident, calls = time.monotonic(), refused(lab), 0, [], 0
    sent = answers = turns = 0
    while (passed := time.monotonic() - begun) < STEADY_SECONDS:
        due = int(passed * 10 * SHARE / TIMER * len(METHODS))
        while sent < due:
            flooder.send(METHODS[sent // 20 % len(METHODS)], 20, call='steady-')
            sent += 20
        answers += len(flooder.statuses(0.05))
        turns += 1
        if turns % 20 == 0:
            resident.append(process.resident_bytes(signaling.pid))
            require_bounded(lab)
        if calls <= passed // 60:
            hang_up(*answered(pbx, core, f'sip:{CORE_NUMBER}@{DOMAIN}'))
            calls += 1
    let_in = sent - (refused(lab) - counted)
    # What is answered without a transaction holds no share: of that, too, the more comes through the longer it lasts.
    most = SHARE * (STEADY_SECONDS // TIMER + 2) if STEADY_SECONDS < TIMER else sent / 5
    require(let_in <= most, f'of {sent} requests {let_in:.0f} were let in; {most:.0f} may be')
    require(sent >= 0.9 * STEADY_SECONDS * 10 * SHARE / TIMER * len(METHODS), f'only {sent} were sent: no flood')
    half = len(resident) // 2
    grown = max(resident[half:]) - max(resident[:half])
    print(f'    {sent} requests, {let_in:.0f} let in, {answers} answers, {calls} calls beside; resident {resident[0] >> 10} to '
          f'{resident[-1] >> 10} kB, {grown >> 10} kB more in the second half', flush=True)
    require(grown < MOST_GROWTH // 4, f'signaling has grown by {grown >> 10} kB in the second half')
    require(resident[-1] - resident[0] < MOST_GROWTH, f'signaling has grown by {(resident[-1] - resident[0]) >> 10} kB')
    flooder.socket.close()


if __name__ == '__main__':
    sys.exit(main('flood', lambda: running_edge('flood', access=('udp', 'tls'), options={
        'signaling': f'shards: 1\nlimits: {{transactions_per_source: {SHARE}}}\n'})))
