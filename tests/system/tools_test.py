#!/usr/bin/env python3
"""The tools that judge others are judged first: the lint scripts, rtp_probe, and the SIP peer against SIPp."""
import base64
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import srtp  # noqa: E402
from cases import build_directory, case, equal, main, require  # noqa: E402
from lab import audio, media  # noqa: E402
from pbx_sim import sdp, sip_digest, sip_message, sip_peer, transport  # noqa: E402


def layers(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            (Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(root) / path).write_text(text)
        done = subprocess.run([ROOT / 'tools/lint/layers', '--root', root], capture_output=True, text=True)
    return done.returncode, done.stdout


@case('layers: a grammar room that includes a shell room is refused')
def _():
    status, said = layers({'signaling/sip/uri.cpp': '#include "signaling/io/shard.h"\n'})
    require(status == 1 and 'signaling/sip/uri.cpp:1' in said, said)


@case('layers: protobuf, Asio and DPDK headers are refused outside of their rooms')
def _():
    for include in ('"sallyport/media/v1/media.pb.h"', '<boost/asio/ip/udp.hpp>', '<rte_mbuf.h>', '<openssl/ssl.h>'):
        status, said = layers({'signaling/b2bua/call.h': f'// a call\n#include {include}\n'})
        require(status == 1 and 'call.h:2' in said, f'{include}: {said}')


@case('layers: a clock, a thread and mutable static state are refused below the line')
def _():
    for line in ('auto t = std::chrono::steady_clock::now();', 'std::thread worker;', 'static int calls = 0;'):
        status, said = layers({'signaling/stack/stack.cpp': line + '\n'})
        require(status == 1 and 'stack.cpp:1' in said, f'{line}: {said}')


@case('layers: a comment that names a forbidden thing is no offence, nor is a constant')
def _():
    status, said = layers({'signaling/sip/uri.cpp': '// never std::thread\nstatic constexpr int limit = 3;\n'
                                                     '#include "signaling/sip/uri.h"\n#include <string>\n'})
    equal(status, 0, said)


@case('coroutines: a capturing lambda and a braced temporary inside co_await are found, named ones are not')
def _():
    with tempfile.NamedTemporaryFile('w', suffix='.cpp') as source:
        source.write('void f() {\n    co_await post([this] { go(); });\n    co_await g(Options{1});\n'
                     '    const auto named = Options{1};\n    co_await g(named, table[2]);\n    co_await post([] {});\n}\n')
        source.flush()
        done = subprocess.run([ROOT / 'tools/lint/coroutines', source.name], capture_output=True, text=True)
    require(':2: capturing lambda' in done.stdout and ':3: braced' in done.stdout, done.stdout)
    require('2 findings' in done.stdout and done.returncode == 1, done.stdout)


@case('bootstrap is silent and quick when nothing is missing')
def _():
    done = subprocess.run([ROOT / 'tools/bootstrap', 'build'], capture_output=True, text=True, timeout=20)
    equal((done.returncode, done.stdout + done.stderr), (0, ''), 'status and words')


# -- rtp_probe ---------------------------------------------------------------------------------------------------------

class Loopback:
    """rtp_probe wants a namespace to run in; the machine's own will do on loopback."""
    @staticmethod
    def prefix(*command):
        return list(command)


def probe_pair(keys, duration=0.4, wait=2.0, suite='AES_CM_128_HMAC_SHA1_80', **options):
    """Two probes on loopback; `keys` are what each side sends with and what it believes the other does."""
    with tempfile.TemporaryDirectory() as run:
        ports = [media.free_port('127.0.0.1'), media.free_port('127.0.0.1')]
        ends = []
        for port, (own, _) in zip(ports, keys):
            cryptos = [sdp.Crypto('1', suite, own)] if own else []
            ends.append(sdp.Stream('audio', port, 'RTP/SAVP' if own else 'RTP/AVP', ['8'], '127.0.0.1', cryptos))
        probes = []
        for side, other in ((0, 1), (1, 0)):
            believed = keys[side][1]
            remote = sdp.Stream('audio', ports[other], '', ['8'], '127.0.0.1',
                                [sdp.Crypto('1', suite, believed)] if believed else [])
            probes.append(media.Probe(build_directory() / 'bin/rtp_probe', Loopback, run, str(side), ends[side], remote,
                                      duration=duration, wait=wait, **(options if side == 0 else {})))
        return [p.result() for p in probes]


@case('rtp_probe: every frame of the signal arrives, bit by bit, with each SRTP suite')
def _():
    for suite in sdp.KEY_BYTES:
        a, b = sdp.new_key(suite), sdp.new_key(suite)
        for result in probe_pair([(a, b), (b, a)], suite=suite):
            require(result['ok'] and result['frames_received'] == 20 and result['corrupt'] == 0, f'{suite}: {result}')


@case('rtp_probe: what was protected with another key is not heard')
def _():
    a, b = sdp.new_key(), sdp.new_key()
    deaf, _ = probe_pair([(a, sdp.new_key()), (b, a)], wait=0.5)
    require(not deaf['ok'] and deaf['auth_failed'] > 0 and deaf['packets_received'] == 0, str(deaf))


@case('rtp_probe: a peer that sends something else is called corrupt, not intact')
def _():
    result, _ = probe_pair([('', ''), ('', '')], duration=0.4, wait=0.5)
    require(result['ok'], str(result))
    with tempfile.TemporaryDirectory() as run:
        here = sdp.Stream('audio', media.free_port('127.0.0.1'), 'RTP/AVP', ['8'], '127.0.0.1')
        there = sdp.Stream('audio', media.free_port('127.0.0.1'), 'RTP/AVP', ['8'], '127.0.0.1')
        binary = build_directory() / 'bin/rtp_probe'
        verifying = media.Probe(binary, Loopback, run, 'a', here, there, duration=0.4, wait=0.5)
        toning = media.Probe(binary, Loopback, run, 'b', there, here, duration=1, tone=440)
        verdict = verifying.result()
        toning.result()
    require(not verdict['ok'] and verdict['corrupt'] > 0, str(verdict))


@case('rtp_probe: a tone that was recorded is found at its frequency and at no other')
def _():
    with tempfile.TemporaryDirectory() as run:
        here = sdp.Stream('audio', media.free_port('127.0.0.1'), 'RTP/AVP', ['8'], '127.0.0.1')
        there = sdp.Stream('audio', media.free_port('127.0.0.1'), 'RTP/AVP', ['8'], '127.0.0.1')
        binary = build_directory() / 'bin/rtp_probe'
        pair = [media.Probe(binary, Loopback, run, 'a', here, there, duration=1, tone=440, record=f'{run}/a.wav'),
                media.Probe(binary, Loopback, run, 'b', there, here, duration=1, tone=1000, record=f'{run}/b.wav')]
        for probe in pair:
            probe.result()
        require(audio.tone_seconds(f'{run}/a.wav', 1000) > 0.7, 'a does not hear 1000 Hz')
        require(audio.tone_seconds(f'{run}/b.wav', 440) > 0.7, 'b does not hear 440 Hz')
        require(audio.tone_seconds(f'{run}/b.wav', 1000) == 0, 'b hears what it sent')


@case('srtp: session keys are those of RFC 3711 B.3, and packets under them what the golden ones of the unit tests are')
def _():
    golden = (ROOT / 'tests' / 'unit' / 'srtp' / 'golden_packets.h').read_text()
    rtp, rtcp, key, protected, _, protected_rtcp = (bytes.fromhex(found) for found in re.findall(r'"([0-9a-f]+)"', golden)[:6])
    direction = srtp.Srtp(base64.b64encode(key).decode())
    equal((direction.rtp.authentication.hex(), f'{direction.rtp.salt:028x}'),
          ('cebe321f6ff7716b6fd4ab49af256a156d38baa4', '30cbbc08863d8c85d49db34a9ae1'), 'RFC 3711 B.3')
    equal((direction.protect(rtp), direction.protect_rtcp(rtcp)), (protected, protected_rtcp), 'golden packets')
    equal((direction.unprotect(protected), direction.unprotect_rtcp(protected_rtcp)), (rtp, (rtcp, 1)), 'and back again')
    try:
        direction.unprotect(protected[:-1] + bytes([protected[-1] ^ 1]))
    except srtp.NotAuthentic:
        return
    raise AssertionError('a wrong tag is taken')


# -- the SIP peer ------------------------------------------------------------------------------------------------------

@case('pbx_sim: Digest answers as RFC 7616 3.9.1 shows them, for MD5 and SHA-256')
def _():
    challenge = {'realm': 'http-auth@example.org', 'qop': 'auth, auth-int',
                 'nonce': '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'}
    for algorithm, response in (('MD5', '8ca523f5e9506fed4657c9700eebdbec'),
                                ('SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')):
        field = sip_digest.answer({**challenge, 'algorithm': algorithm}, 'Mufasa', 'Circle of Life', 'GET',
                                  '/dir/index.html', cnonce='f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ')
        require(f'response="{response}"' in field, f'{algorithm}: {field}')
    strongest = sip_digest.choose(['Digest realm="r", nonce="n", algorithm=MD5',
                                   'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'])
    equal(strongest['algorithm'], 'SHA-256', 'the chosen algorithm')


@case('pbx_sim: the stream framer cuts messages wherever the segments end, and counts pings')
def _():
    message = sip_message.Message('OPTIONS sip:a SIP/2.0', [('Call-ID', 'x'), ('CSeq', '1 OPTIONS')], b'body')
    wire = b'\r\n\r\n' + message.encode() + b'\r\n' + message.encode()
    for size in (1, 7, len(wire)):
        framer = sip_message.StreamFramer()
        out = [m for i in range(0, len(wire), size) for m in framer.feed(wire[i:i + size])]
        equal([m.body for m in out], [b'body', b'body'], f'bodies at {size} octets a segment')
        equal(framer.pings, 1, 'pings')


@case('pbx_sim: SIPp, which nobody here wrote, completes calls to it and is called by it')
def _():
    with tempfile.TemporaryDirectory() as run:
        port, sipp_port = media.free_port('127.0.0.1'), media.free_port('127.0.0.1')
        peer = sip_peer.Peer(transport.UdpTransport(('127.0.0.1', port), ('127.0.0.1', sipp_port)), 'b.example', 'bob')
        uac = subprocess.Popen(['sipp', '-sn', 'uac', '-m', '3', '-l', '1', '-r', '10', '-i', '127.0.0.1', '-p',
                                str(sipp_port), '-nostdin', f'127.0.0.1:{port}'], cwd=run, stdout=subprocess.DEVNULL)
        for _ in range(3):
            call = peer.wait_call()
            call.ring()
            require(call.answer(sdp.build('127.0.0.1', 4000)), 'no ACK from SIPp')
            require(call.wait_ended(), 'no BYE from SIPp')
        equal(uac.wait(20), 0, 'SIPp uac')
        uas = subprocess.Popen(['sipp', '-sn', 'uas', '-m', '1', '-i', '127.0.0.1', '-p', str(sipp_port), '-nostdin'],
                               cwd=run, stdout=subprocess.DEVNULL)
        call = peer.invite('sip:alice@a.example', sdp.build('127.0.0.1', 4000),
                           request_uri=f'sip:alice@127.0.0.1:{sipp_port}')
        equal(call.wait_final().status, 200, 'the answer of SIPp')
        equal(call.bye().status, 200, 'the answer to BYE')
        equal(uas.wait(20), 0, 'SIPp uas')
        peer.close()


if __name__ == '__main__':
    sys.exit(main('tools'))
