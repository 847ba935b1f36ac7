#!/usr/bin/env python3
"""Garbage on every socket: SIP over UDP, TCP and TLS, media ports, gRPC and HTTP. Each gets a correct answer or a counted
drop; nothing dies, nothing grows, and nobody who has not proved his address is answered more than he asked."""
import random
import socket
import ssl
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import Skipped, case, equal, main, require, require_growth, testdata  # noqa: E402
from edge_fixture import STRANGER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS  # noqa: E402
from pbx_sim import sip_message, transport  # noqa: E402

SEED = 20260101          # the same garbage in every run
WATCH = 4.0              # long enough for three retransmissions of a final response (RFC 3261 timer G)


def noise(random_, count=400):
    """Octets of all sizes, half of them shaped a little like SIP."""
    start = b'INVITE sip:x@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK'
    for _ in range(count):
        octets = random_.randbytes(random_.choice((1, 2, 12, 60, 300, 1400, 9000)))
        yield octets if random_.random() < 0.5 else start[:random_.randrange(len(start))] + octets


def requests_of_a_stranger():
    """One of each kind that a scanner sends, every one well-formed and none authenticated."""
    via = f'SIP/2.0/UDP {STRANGER}:5060'
    offer = ('v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\ns=-\r\nc=IN IP4 192.0.2.66\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n')
    for method in ('OPTIONS', 'REGISTER', 'INVITE', 'BYE', 'CANCEL', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'UPDATE', 'NONSENSE'):
        body = offer if method == 'INVITE' else ''
        extra = 'Content-Type: application/sdp\r\n' if body else ''
        if method in ('INVITE', 'SUBSCRIBE', 'REGISTER'):
            extra += f'Contact: <sip:scanner@{STRANGER}:5060>\r\n'
        call_id = f'{method.lower()}-{sip_message.new_tag()}'
        yield method, wire.request(method, 'sip:100@192.0.2.1', via=via, branch=sip_message.new_branch(),
                                   call_id=call_id, extra=extra, body=body), call_id


@case('a stranger over UDP gets at most one answer per request, of at most three times its size')
def _(lab):
    for method, data, call_id in requests_of_a_stranger():
        stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
        stranger.send(data, lab.edge.access_udp)
        answers = [d for d, _ in stranger.received(WATCH if method in ('INVITE', 'OPTIONS') else 1)]
        stranger.close()
        require(len(answers) <= 1, f'{method}: {len(answers)} answers: {[a.split(bytes([13]))[0] for a in answers]}')
        sent = sum(map(len, answers))
        require(sent <= 3 * len(data), f'{method} of {len(data)} octets was answered with {sent}')


@case('the smallest request that can be answered is not amplified either')
def _(lab):
    data = (b'OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK1\r\nf:sip:a;tag=1\r\nt:sip:a\r\n'
            b'i:1\r\nCSeq:1 OPTIONS\r\nMax-Forwards:1\r\nl:0\r\n\r\n')
    stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
    stranger.send(data, lab.edge.access_udp)
    answers = [d for d, _ in stranger.received(1)]
    stranger.close()
    require(sum(map(len, answers)) <= 3 * len(data), f'{len(data)} octets in, {sum(map(len, answers))} out')


@case('random octets over UDP are dropped and counted')
def _(lab):
    stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
    sent, answered = 0, 0
    for octets in noise(random.Random(SEED)):
        stranger.send(octets, lab.edge.access_udp)
        sent += len(octets)
        answered += sum(len(d) for d, _ in stranger.received(0.002))
    answered += sum(len(d) for d, _ in stranger.received(0.5))
    stranger.close()
    require(answered <= 3 * sent, f'{sent} octets in, {answered} out')
    lab.edge.require_answering()


@case('random octets, half requests and resets over TCP end the connection and nothing else')
def _(lab):
    random_ = random.Random(SEED)
    for octets in noise(random_, 120):
        with lab.network.pbx.entered():
            connection = socket.create_connection(lab.edge.access_tcp, 5, source_address=(STRANGER, 0))
        if random_.random() < 0.5:        # a reset instead of an orderly end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        try:
            connection.sendall(octets)
        except OSError:
            pass
        connection.close()
    lab.edge.require_answering()


@case('connections that break off in or before the TLS handshake leave nothing behind')
def _(lab):
    random_ = random.Random(SEED)
    hello = client_hello(lab)
    for _ in range(60):
        with lab.network.pbx.entered():
            connection = socket.create_connection(lab.edge.access_tls, 5, source_address=(STRANGER, 0))
        part = hello[:random_.randrange(len(hello))] if random_.random() < 0.5 else random_.randbytes(200)
        try:
            connection.sendall(part)
        except OSError:
            pass
        connection.close()
    lab.edge.require_answering()


def client_hello(lab):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = transport.client_context(lab.edge.ca.certificate).wrap_bio(incoming, outgoing,
                                                                        server_hostname=lab.edge.server_name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@case('TLS 1.0 and 1.1 are refused [SC-8.1.1-03]')
def _(lab):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        warnings.simplefilter('ignore', DeprecationWarning)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(lab.edge.ca.certificate)
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version = context.maximum_version = version
        with lab.network.pbx.entered():
            plain = socket.create_connection(lab.edge.access_tls, 5)
        try:
            with context.wrap_socket(plain, server_hostname=lab.edge.server_name):
                raise AssertionError(f'{version.name} was accepted')
        except ssl.SSLError as refusal:
            equal(refusal.reason, 'TLSV1_ALERT_PROTOCOL_VERSION', 'the alert')


@case('inputs that once crashed other stacks do not crash this one')
def _(lab):
    folder = testdata() / 'fuzz' / 'advisories'
    if not folder.is_dir():
        raise Skipped('no test data')
    files = sorted(p for p in folder.rglob('*') if p.is_file())
    for path in files:
        octets = path.read_bytes()
        if len(octets) <= 60_000:
            stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
            stranger.send(octets, lab.edge.access_udp)
            stranger.close()
        with lab.network.pbx.entered():
            connection = socket.create_connection(lab.edge.access_tcp, 5, source_address=(STRANGER, 0))
        try:
            connection.sendall(octets)
        except OSError:
            pass
        connection.close()
        lab.edge.require_alive()
    lab.edge.require_answering()


@case('garbage on media ports, in use or not, reaches nobody and is counted as dropped')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    probes = [pbx.probe(outgoing, outgoing.local_sdp, duration=3), core.probe(incoming, incoming.local_sdp, duration=3)]
    before = lab.edge.scrape('media')
    random_ = random.Random(SEED)
    with lab.network.pbx.entered():
        attacker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        attacker.bind((STRANGER, 0))
    used = outgoing.remote_sdp.audio

    def dropped():
        name = 'sallyport_media_dropped_packets_total'
        return lab.edge.scrape('media').get(name) - before.get(name)
    sent = 0
    for port in (used.port, used.port + 1, used.port + 200):
        for _ in range(10):
            for _ in range(20):  # no more at once than the cable holds: what is lost on it nobody can count
                attacker.sendto(random_.randbytes(random_.choice((1, 11, 12, 40, 172, 1400))), (used.address, port))
            sent += 20
            process.wait_until(lambda: dropped() >= sent, 5, f'{sent} datagrams of garbage are counted as dropped')
    attacker.close()
    results = [p.result() for p in probes]
    outgoing.bye()
    for result in results:
        require(result['ok'], f'the call beside the garbage: {result["failure"]}')
        equal(result['corrupt'] + result['not_rtp'] + result['wrong_type'] + result['auth_failed'], 0, 'garbage that arrived')


@case('a million random datagrams on the SIP port and all over the media ports: what arrives is counted, and nothing is left')
def _(lab):
    random_ = random.Random(SEED)
    sip = list(noise(random_, 400))
    media = [random_.randbytes(random_.choice((1, 11, 12, 40, 172, 1400))) for _ in range(200)]
    media += [bytes([0x80 | random_.randrange(64), random_.randrange(256)]) + random_.randbytes(170) for _ in range(200)]
    before = lab.edge.scrape('media'), lab.edge.scrape('signaling')
    with lab.network.pbx.entered():
        attacker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        attacker.bind((STRANGER, 0))
    attacker.setblocking(False)           # nobody reads what he is answered
    for i in range(1_000_000):
        target = lab.edge.access_udp if i % 8 == 0 else (ACCESS.media, random_.randrange(1024, 65536))
        try:
            attacker.sendto((sip if i % 8 == 0 else media)[random_.randrange(400)], target)
        except OSError:                   # a full queue, or the answer that a port is closed
            pass
    attacker.close()
    lab.edge.require_answering()
    dropped = lab.edge.scrape('media').get('sallyport_media_dropped_packets_total') - \
        before[0].get('sallyport_media_dropped_packets_total')
    refused = lab.edge.scrape('signaling').get('sallyport_sip_parse_errors_total') - before[1].get('sallyport_sip_parse_errors_total')
    require(dropped > 100_000, f'media counted {dropped:.0f} drops')
    require(refused > 10_000, f'signaling counted {refused:.0f} drops')
    lab.require_no_leftovers(60)


@case('garbage on gRPC and HTTP sockets is refused and the next client is served')
def _(lab):
    random_ = random.Random(SEED)
    for address in lab.edge.service_addresses():
        for octets in list(noise(random_, 30)) + [b'GET / HTTP/1.1\r\n\r\n', b'GET /metrics HTTP/9\r\n\r\n',
                                                  b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + random_.randbytes(90)]:
            connection = lab.edge.connect(address)
            try:
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(4096)
            except OSError:
                pass
            connection.close()
    lab.edge.require_answering()
    for daemon in lab.edge.daemons:
        require(lab.edge.scrape(daemon).samples, f'{daemon} serves no metrics any more')


@case('after all of it memory has not grown, and a call goes through')
def _(lab):
    for daemon, before in lab.resident_at_start.items():
        now = process.resident_bytes(lab.edge.daemons[daemon].pid)
        require_growth(now - before, 96 << 20, daemon)
    parties.talk(lab.pbx(), lab.core(), lab.number_uri(lab.core_number), lab.pbx_number, seconds=1).require_intact()
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('garbage', lambda: running_edge('garbage', access=('udp', 'tcp', 'tls'))))
