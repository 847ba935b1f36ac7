#!/usr/bin/env python3
"""The media plane on another host, commanded over mutual TLS: the calls and the kills of the suite for one host, and who
else may command it."""
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support'), str(ROOT / 'tests' / 'system')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import edge as edge_module, parties, process  # noqa: E402


@case('[SC-3-04] signaling and media plane on two hosts: calls both ways, cancelled and refused, as on one')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    to_core, to_pbx = lab.number_uri(lab.core_number), lab.number_uri(lab.pbx_number)
    parties.talk(pbx, core, to_core, lab.pbx_number, hang_up='caller').require_intact()
    parties.talk(core, pbx, to_pbx, lab.core_number, hang_up='callee').require_intact()
    parties.cancelled(pbx, core, to_core, lab.pbx_number)
    parties.busy(core, pbx, to_pbx, lab.core_number)
    answered = lambda: [len(r['media']) for r in lab.edge.records() if r['sip_status'] == 200]  # noqa: E731
    process.wait_until(lambda: len(answered()) == 2, 5, 'the records of both calls are on the disk')
    equal(answered(), [2, 2], 'legs with statistics')
    lab.require_no_leftovers()


@case('the node and its operator see the remote media plane as they would see it here')
def _(lab):
    media = next(d for d in lab.edge.status()['daemons'] if d['name'] == 'sallyport-media')
    require(media['reachable'], media)
    equal(lab.edge.json('media', 'sessions')['sessions'], [], 'sessions when nobody calls')


@case('a plane whose node file names nobody for it gives no call in clear over TLS, to control neither; it says what would be '
      'right, and logs for whom control asked')
def _(lab):
    lab.edge.ca.issue('listener', usage='clientAuth', unit='decrypt')
    words = [w.replace('/pki/operator.', '/pki/listener.') for w in lab.edge.cli_command(
        'media', 'capture', 'nobody', '--file', f'{lab.run_directory}/clear.pcapng', '--decrypted')]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    equal(done.returncode, 1, done.stderr)
    require('grpc.tls.decrypt_clients of media.yaml' in done.stderr, done.stderr)
    media = lab.edge.daemons['media']
    media.wait_for(lambda: 'capture refused' in media.text(), 5, 'logs the refusal')
    line = next(line for line in media.text().splitlines() if 'capture refused' in line)
    require('who=listener' in line and 'peer=edge-1.sallyport.example' in line and 'asked_for=nobody' in line, line)


def handshake(lab, certificate=None):
    """What a client gets that comes with this certificate, or with none: the server's first bytes."""
    context = ssl.create_default_context(cafile=str(lab.edge.ca.certificate))
    context.set_alpn_protocols(['h2'])
    if certificate:
        context.load_cert_chain(*map(str, certificate))
    host = edge_module.REMOTE_MEDIA.rsplit(':', 1)[0]
    with lab.edge.connect(edge_module.REMOTE_MEDIA) as plain, context.wrap_socket(plain, server_hostname=host) as secure:
        secure.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes.fromhex('000000040000000000'))
        return secure.recv(64)


@case('who has no certificate, or one of another authority, gets no word of the media plane')
def _(lab):
    stranger = edge_module.pki.Authority(Path(lab.run_directory) / 'stranger', 'Somebody else').issue(
        'node', names=['edge-1.sallyport.example'], usage='clientAuth')
    require(handshake(lab, lab.edge.ca.issue('node')), 'not even the node itself gets an answer')
    for who, certificate in (('nobody', None), ('a stranger', stranger)):
        try:
            said = handshake(lab, certificate)
        except (ssl.SSLError, ConnectionError):
            said = b''
        equal(said, b'', f'what {who} hears')


@case('a certificate of the authority that is not among the clients may command nothing')
def _(lab):
    def said_to(name):
        certificate, key = lab.edge.ca.issue(name)
        command = lab.network.edge.prefix(lab.edge.programs / 'sallyport', '--server', edge_module.REMOTE_MEDIA, '--ca',
                                          lab.edge.ca.certificate, '--cert', certificate, '--key', key, 'status')
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=30)
        require(done.returncode != 0, f'{name}: {done.stdout}')
        return done.stderr
    require('this service has no client operator' in said_to('operator'), said_to('operator'))
    require('this service has no client' not in said_to('node'), said_to('node'))       # it has no method "status"


import kill_test  # noqa: E402, F401    its cases follow: the same kills, with the media plane over there


if __name__ == '__main__':
    sys.exit(main('remote_media', lambda: running_edge('remote', lease_seconds=kill_test.LEASE, remote_media=True)))
