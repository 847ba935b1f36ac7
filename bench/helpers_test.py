#!/usr/bin/env python3
"""What judges the relays is judged first: rtpengine's control protocol, and which run counts as a measurement."""
import contextlib
import io
import json
import socket
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / 'bench'), str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from lib import bencode, load, measure, relay, rtpengine  # noqa: E402


@case('bencode writes keys in order, lengths in bytes, and reads back what it wrote')
def _():
    value = {'sdp': 'v=0\r\n', 'command': 'offer', 'flags': ['trust-address'], 'n': -7}
    equal(bencode.encode(value), b'd7:command5:offer5:flagsl13:trust-addresse1:ni-7e3:sdp5:v=0\r\ne', 'bytes')
    equal(bencode.decode(bencode.encode(value)), value, 'read back')
    equal(bencode.encode('é'), b'2:\xc3\xa9', 'a letter of two bytes')


@case('bencode that is cut off, goes on or is none is refused')
def _():
    for data in (b'', b'i12', b'ixe', b'5:abc', b'-1:a', b'l1:a', b'd1:ae', b'di1e1:ae', b'i1ei2e', b'x'):
        try:
            value = bencode.decode(data)
        except bencode.Malformed:
            continue
        raise AssertionError(f'{data!r} was read as {value!r}')


class Machine:
    @staticmethod
    def entered():
        return contextlib.nullcontext()


@case('a lost question is asked again, an answer to another question is passed over, a refusal is told')
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(('127.0.0.1', 0))
        server.settimeout(5)
        asked = []

        def serve():
            for turn in range(3):
                question, client = server.recvfrom(2048)
                cookie, _, body = question.partition(b' ')
                asked.append((cookie, bencode.decode(body)))
                if turn == 1:
                    server.sendto(b'other d6:result5:wronge', client)
                    server.sendto(cookie + b' d6:result4:ponge', client)
                if turn == 2:
                    server.sendto(cookie + b' d12:error-reason4:busy6:result5:errore', client)
        thread = threading.Thread(target=serve)
        thread.start()
        control = rtpengine.Control(Machine, server.getsockname(), patience=0.3)
        equal(control.ask(command='ping', from_tag='a'), {'result': 'pong'}, 'answer')
        refused = None
        try:
            control.ask(command='offer')
        except rtpengine.Refused as reason:
            refused = str(reason)
        thread.join()
        control.close()
    require(refused and 'busy' in refused, f'the refusal said {refused}')
    equal(asked[0], asked[1], 'the question asked again')
    equal(asked[0][1], {'command': 'ping', 'from-tag': 'a'}, 'what was asked')


@case('a description carries the key in SDES form, and the endpoint of its first stream is found')
def _():
    key = bytes(range(30))
    sdp = rtpengine.description('192.0.2.10', 40_000, key)
    require('a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n' in sdp, sdp)
    equal(rtpengine.media_endpoint(sdp), ('192.0.2.10', 40_000, 'RTP/SAVP'), 'endpoint')
    other = 'v=0\r\nm=audio 20000 RTP/AVP 8\r\nc=IN IP4 192.0.2.2\r\nm=video 30000 RTP/AVP 96\r\nc=IN IP4 192.0.2.3\r\n'
    equal(rtpengine.media_endpoint(other), ('192.0.2.2', 20_000, 'RTP/AVP'), 'endpoint of the first of two')


def run(offered=100_000, sent=None, received=None, uncounted=0, seconds=1.0, cpu=0.5):
    sent = offered if sent is None else sent
    return load.Run(offered, sent, sent if received is None else received, uncounted, seconds, 1.0, cpu)


@case('a run is a measurement only if a thousandth at most was lost and the generator did its part')
def _():
    equal(run(received=99_900).fault, None, 'a tenth of a percent lost')
    require('lost' in run(received=99_899).fault, 'a packet more')
    require('generator' in run(sent=99_000).fault, 'not all were sent')
    require('generator' in run(uncounted=1, received=99_999).fault, 'one was not counted')
    require('generator' in run(seconds=1.06).fault, 'too slow')
    require(run(received=100_001).fault, 'packets out of nowhere')
    require(run(cpu=0.0).fault, 'no CPU time')
    equal(run(received=100_000).per_cpu_second, 200_000, 'packets per CPU second')


class Outcome:
    def __init__(self, fault):
        self.fault = fault

    def words(self):
        return self.fault or 'clean'


def play(faults, rounds=2, attempts=4):
    order = []

    def one(side):
        order.append(side)
        return Outcome(faults[side].pop(0) if faults[side] else None)
    with contextlib.redirect_stderr(io.StringIO()):
        return order, relay.in_turn(('ours', 'peer'), rounds, attempts, one)


@case('an unclean run is kept apart and made again; too many of them are a failure')
def _():
    order, (clean, unclean) = play({'ours': [], 'peer': ['2 % lost']})
    equal(order, ['ours', 'peer', 'ours', 'peer', 'peer'], 'turns')
    equal([len(clean['ours']), len(clean['peer']), len(unclean['peer'])], [2, 2, 1], 'runs')
    failed = None
    try:
        play({'ours': ['lost'] * 9, 'peer': []})
    except RuntimeError as reason:
        failed = str(reason)
    require(failed and 'ours: lost' in failed, f'it said {failed}')


@case('the highest clean rate is the last one before a fault, and says whose fault it was')
def _():
    def till(broken):
        return lambda rate: run() if rate < 1_400 else broken
    found = load.highest_clean_rate(till(run(received=50_000)), 1_000, 9_000)
    equal((found['packets_per_second'], found['limited_by']), (1_200, 'relay'), 'a relay that loses')
    found = load.highest_clean_rate(till(run(sent=50_000)), 1_000, 9_000)
    equal((found['packets_per_second'], found['limited_by']), (1_200, 'generator'), 'a generator that is slow')
    found = load.highest_clean_rate(lambda rate: run(), 1_000, 1_300)
    equal((found['packets_per_second'], found['limited_by']), (1_200, 'limit'), 'nobody gave up')


@case('the rate offered is one that this machine takes, with room below where that was a limit')
def _():
    def takes(limit):
        return lambda rate: run() if rate <= limit else run(received=50_000)
    equal(load.rate_with_room("a relay", takes(9_000), 1_000, 100), 1_000, 'a machine that takes the rate asked for')
    equal(load.rate_with_room("a relay", takes(800), 1_000, 100), 640, 'a machine that takes less')
    failed = None
    try:
        load.rate_with_room("a relay", takes(90), 1_000, 100)
    except RuntimeError as reason:
        failed = str(reason)
    require(failed and '100 packets/s' in failed and '50.00% lost' in failed, f'it said {failed}')


@case('the kernel counts what a full socket lost')
def _():
    snmp = 'Ip: Forwarding\nIp: 1\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 10 2 7\nUdpLite: InDatagrams\nUdpLite: 0\n'
    equal(load.udp_counter(snmp, 'RcvbufErrors'), 7, 'count')


@case('a result is one JSON object: medians, their ratio and the raw values; without a peer it says so')
def _():
    told = json.loads(json.dumps(measure.result('x', 'units', [3, 1, 2], [4, 8, 4], 'somebody', {'more': 1})))
    equal([told[k] for k in ('name', 'unit', 'ours', 'peer', 'ratio', 'more')], ['x', 'units', 2, 4, 0.5, 1], 'values')
    equal(told['runs'], {'ours': [3, 1, 2], 'peer': [4, 8, 4]}, 'raw values')
    alone = measure.result('x', 'units', [1], [], None)
    equal((alone['peer'], alone['ratio']), (None, None), 'without a peer')


if __name__ == '__main__':
    sys.exit(main('bench_helpers'))
