#!/usr/bin/env python3
"""A flood of one source address meets the share that one source has of a node, and nobody else notices (CVE-2021-41145)."""
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
METHODS = ('OPTIONS', 'INVITE', 'REGISTER', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'PUBLISH', 'INFO', 'XYZZY')


class Flooder:
    def __init__(self, lab):
        self.socket, self.edge, self.count = wire.Stranger(lab.network.pbx, FLOODER, (PORT,)), lab.edge.access_udp, 0
        self.heard = []

    def send(self, method, number, uri=f'sip:{DOMAIN}'):
        for _ in range(number):
            self.count += 1
            name = f'{method}{self.count}'
            self.socket.send(wire.request(method, uri, via=f'SIP/2.0/UDP {FLOODER}:{PORT}', branch=f'z9hG4bK{name}',
                                          call_id=name), self.edge)
            if self.count % 20 == 0:
                self.heard += self.socket.received(0.005)    # the socket's buffer is not what is tested

    def statuses(self, seconds):
        heard, self.heard = self.heard + self.socket.received(seconds), []
        return [int(data.split()[1]) for data, _ in heard if data.startswith(b'SIP/2.0 ')]


def metric(lab, name, **labels):
    return lab.edge.scrape('signaling').get(name, **labels)


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
    began = time.monotonic()
    for method in METHODS:
        flooder.send(method, 2 * SHARE)
        flooder.statuses(0.2)
    outgoing, incoming = answered(pbx, core, f'sip:{CORE_NUMBER}@{DOMAIN}')
    hang_up(outgoing, incoming)
    help_call = wire.request('INVITE', 'urn:service:sos', via=f'SIP/2.0/UDP {FLOODER}:{PORT}', branch='z9hG4bKhelp',
                             call_id='help', extra=f'Contact: <sip:{FLOODER}:{PORT}>\r\n')
    flooder.socket.send(help_call, lab.edge.access_udp)
    incoming = core.peer.wait_call()
    equal(incoming.invite.uri, 'urn:service:sos', 'the flooder\'s call for help')
    incoming.reject(486, 'Busy Here')
    if time.monotonic() - began < 30:            # else the first ones are over, and there is room again
        require(metric(lab, 'sallyport_source_share_refused_total') > len(METHODS) * SHARE, 'refusals are counted')
        require(metric(lab, 'sallyport_sip_transactions') < SHARE + 100, 'what is alive is bounded')
    grown = process.resident_bytes(signaling.pid) - before
    require(grown < (64 if sanitized() else 8) << 20, f'signaling has grown by {grown >> 20} MB')
    require('event=source-share-exhausted' in signaling.text() and f'{FLOODER} has' in signaling.text(), 'the log names it')

    def served_again():
        flooder.send('OPTIONS', 1)
        return 200 in flooder.statuses(0.5)
    process.wait_until(served_again, 45, 'there is room again once the first ones are over')
    flooder.socket.close()


if __name__ == '__main__':
    sys.exit(main('flood', lambda: running_edge('flood', access=('udp', 'tls'), options={
        'signaling': f'shards: 1\nlimits: {{transactions_per_source: {SHARE}}}\n'})))
