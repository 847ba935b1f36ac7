#!/usr/bin/env python3
"""TLS towards PBXs as SIPconnect 2.0 has it in 8.1, 16.2 and 17.2: versions, suites and their order in both roles, what
our certificate says, what a peer's must say, whom a static trunk trusts, and what never happens where TLS is required."""
import contextlib
import json
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import tls_wire  # noqa: E402
import wire  # noqa: E402
from cases import build_directory, case, equal, main, require, require_growth  # noqa: E402
from certificate_lab import Authority, OcspResponder, client_context, server_context  # noqa: E402
from edge_fixture import CORE_ADDRESS, DOMAIN, PASSWORD, PBX_ADDRESS, PBX_NUMBER, STRANGER, USER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from listening_pbx import ListeningPbx, connect  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

LEGACY = ACCESS.signaling, 5062
OTHER_NAME = 'sbc.other.example'
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = TLS_1_2, TLS_1_3
SUITE = parties.SUITE
# The lab's trunks: name -> last octet of its address.
HOME = {'legacy': 40, 'ca': 41, 'pin': 42, 'print': 43, 'wild': 44, 'open': 45, 'nocert': 46, 'dns': 47, 'two': 48,
        'second': 49, 'ocsp': 50}
NAMES = {'ca': 'pbx.example', 'wild': 'pbx.wild.example', 'dns': 'dns.example', 'legacy': 'legacy.example', 'ocsp': 'ocsp.example'}


def address(name):
    return f'192.0.2.{HOME[name]}'


def number(name):
    return f'+4942{HOME[name]}001'


class Certificates:
    """Of the edge and of every PBX; made once, before the edge starts."""

    def __init__(self, directory):
        self.root = Authority(directory, 'root')
        self.stranger = Authority(directory, 'stranger')
        self.middle = Authority(directory, 'middle', parent=self.root, constraints='critical,CA:TRUE,pathlen:0')
        self.below = Authority(directory, 'below', parent=self.middle)
        names = f'URI:sip:{DOMAIN},DNS:{DOMAIN}'
        self.edge = self.middle.issue('edge', names, DOMAIN, key=self.root.rsa_key, chain=(self.middle,))
        self.edge_ec = self.root.issue('edge-ec', names, DOMAIN)
        self.other = self.root.issue('other', f'DNS:{OTHER_NAME}', key=self.root.rsa_key, end=5)
        self.staple = self.middle.ocsp_response(self.edge, 'edge.ocsp')
        self.pbx = self.root.issue('pbx', 'URI:sip:pbx.example', key=self.root.rsa_key)
        self.pinned = self.root.self_signed('pinned', 'Some PBX')
        self.printed = self.root.self_signed('printed', 'Another PBX')
        self.wild = self.root.issue('wild', 'DNS:*.wild.example')

    @property
    def trusted(self):
        return self.root.certificate


MADE = None


def edge_tls(edge):
    """The TLS of the edge: two kinds of keys and a further name, and a realm with everything that is deprecated."""
    global MADE
    MADE = Certificates(edge.run / 'lab')
    m = MADE
    access = (f'{{certificate: {m.edge.certificate}, key: {m.edge.key}, ca: {m.trusted}, ocsp_staple: {m.staple}, '
              f'more_certificates: [{{certificate: {m.edge_ec.certificate}, key: {m.edge_ec.key}}}, '
              f'{{certificate: {m.other.certificate}, key: {m.other.key}}}]}}')
    legacy = f'''  - name: legacy
    media_port: access
    listeners:
      - {{transport: tls, bind: "{LEGACY[0]}:{LEGACY[1]}"}}
    tls: {{certificate: {m.edge.certificate}, key: {m.edge.key}, ca: {m.trusted}, rsa_suites: [aes128-gcm, aes128-cbc], tls_1_0: true}}
'''
    return access, legacy


def trunk(name, tls, targets=None, realm='access', sources=None, **more):
    document = {'kind': 'Trunk', 'name': f'trunks/{name}', 'mode': 'static', 'realm': realm,
                'domain': NAMES.get(name, f'{name}.example'),
                'targets': targets or [{'host': NAMES.get(name, address(name)), 'port': 5061, 'transport': 'tls'}],
                'sources': sources or [f'{address(name)}/32'], 'numbers': [{'first': f'+4942{HOME[name]}000', 'last': f'+4942{HOME[name]}099'}]}
    return {**document, **({'tls': tls} if tls else {}), **more}


def provision(lab, *documents):
    file = Path(lab.run_directory) / 'tls.yaml'
    file.write_text('\n---\n'.join(json.dumps(d) for d in documents))
    lab.edge.apply(file)


def prepare(lab):
    for name in HOME:
        lab.network.pbx.ip('addr', 'add', f'{address(name)}/24', 'dev', 'sig0')
    m = MADE
    provision(lab,
              trunk('legacy', None, realm='legacy'),
              trunk('ca', {'required': True, 'authorities': [m.root.pem]}),
              trunk('pin', {'certificates': [m.pinned.pem]}),
              trunk('print', {'fingerprints': [m.printed.fingerprint]}),
              trunk('wild', {'authorities': [m.root.pem], 'wildcards': True}),
              trunk('open', None, transports=['udp', 'tcp', 'tls']),
              trunk('nocert', {'required': True, 'client_certificate': 'none'}),
              trunk('dns', {'required': True, 'authorities': [m.root.pem]}, [{'host': NAMES['dns']}]),
              trunk('ocsp', {'required': True, 'authorities': [m.root.pem], 'ocsp': 'hard'}),
              trunk('two', {'required': True, 'authorities': [m.root.pem], 'names': ['pbx.example']},
                    [{'host': address('two'), 'port': 5061, 'transport': 'tls', 'priority': 1},
                     {'host': address('second'), 'port': 5061, 'transport': 'tls', 'priority': 2}],
                    sources=[f'{address("two")}/32', f'{address("second")}/32']))


# -- pieces

def openssl_client(lab, *arguments, to=None, text='Q\n'):
    """s_client against the edge, verifying our chain; what it says, and whether the handshake came about."""
    host, port = to or lab.edge.access_tls
    command = lab.network.pbx.prefix('openssl', 's_client', '-connect', f'{host}:{port}', '-CAfile', str(MADE.trusted),
                                     '-verify_return_error', '-verify_hostname', DOMAIN, *arguments)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr, done.returncode == 0


def negotiated(said):
    """(version, suite) of a handshake that s_client has made; None where none came about."""
    found = re.search(r'New, (\S+), Cipher is (\S+)', said)
    version = re.search(r'Protocol(?:  : |: )(\S+)', said) or found
    return (version.group(1), found.group(2)) if found and found.group(2) != '(NONE)' else None


def plain(lab, source, to=None):
    with lab.network.pbx.entered():
        return socket.create_connection(to or lab.edge.access_tls, 5, source_address=(source, 0))


def options(via, call_id=None):
    return wire.request('OPTIONS', f'sip:{ACCESS.signaling}', via=via, branch=sip_message.new_branch(),
                        call_id=call_id or sip_message.new_tag())


def dial(lab, name, leaf, version=TLS_1_2):
    """'ok' when a PBX that connects with this certificate gets an answer over the connection, or the alert."""
    try:
        connection = plain(lab, address(name))
        with client_context(MADE.trusted, leaf, version).wrap_socket(connection, server_hostname=DOMAIN) as tls:
            answers, _ = wire.stream_exchange(tls, options(f'SIP/2.0/TLS {address(name)}:5061'), 5)
            if answers:
                return 'ok'
            tls.settimeout(5)
            return f'ended: {tls.recv(100)!r}'
    except ssl.SSLError as refusal:
        return refusal.reason
    except ConnectionError as broken:
        return type(broken).__name__


def alert_of(lab, name, leaf, version=TLS_1_2):
    """As dial(), without the prefix that says which standard named the alert."""
    return re.sub(r'^(SSLV3|TLSV1|TLSV13)_ALERT_', '', dial(lab, name, leaf, version))


@contextlib.contextmanager
def listening(lab, name, leaf, trusted=None, at=None, **options_):
    context = server_context(leaf, trusted or MADE.trusted) if leaf else None
    pbx = ListeningPbx(lab, address(at or name), 5061, NAMES.get(name, f'{name}.example'), context, suite=SUITE, **options_)
    try:
        yield pbx
    finally:
        pbx.close()


def called(lab, name, pbx, wait=10):
    """A call from the core to the trunk: its final status; a PBX that hears of it is busy."""
    outgoing = lab.core().peer.invite(f'sip:{number(name)}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
    reached = False

    def heard():
        nonlocal reached
        with contextlib.suppress(queue.Empty):
            pbx.incoming.get_nowait().reject(486, 'Busy Here')
            reached = True
        return outgoing.transaction.final
    process.wait_until(heard, wait, 'the call gets its final answer')
    return outgoing.transaction.final.status, reached


def presented(lab, name, leaf, at=None):
    """Does a call reach a PBX that shows this certificate when the edge connects to it?"""
    with listening(lab, name, leaf, at=at) as pbx:
        status, reached = called(lab, name, pbx)
        require(reached == (status == 486), f'{status}, and the PBX {"has" if reached else "has not"} heard of the call')
        return 'ok' if reached else pbx.refused[0] if pbx.refused else f'{status}'


def log_of(lab):
    return lab.edge.daemons['signaling'].text()


def wait_log(lab, text, what=None):
    process.wait_until(lambda: text in log_of(lab), 10, what or f'the log says "{text}"')


def registering_pbx(lab, version=None, name='pbx', source=PBX_ADDRESS, port=5071):
    party = parties.registered_pbx(lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls,
                                   ca_file=MADE.trusted, server_name=DOMAIN, domain=DOMAIN, user=USER, password=PASSWORD,
                                   address=source, contact_port=port, name=name)
    return party


def registered_pbx(lab, **options_):
    party = registering_pbx(lab, **options_)
    response = party.peer.register(bulk=True)
    equal(response and response.status, 200, 'REGISTER')
    return party


# -- versions and suites, as a server

@case('openssl s_client verifies our chain and host over TLS 1.2 and 1.3, without a certificate of its own '
      '[SC-8.1.1-01] [SC-8.1.1-02] [SC-16.2-01] [SC-16.2-03] [SC-16.2-06]')
def _(lab):
    for version, name in (('-tls1_2', 'TLSv1.2'), ('-tls1_3', 'TLSv1.3')):
        said, ok = openssl_client(lab, version, '-sigalgs', 'RSA-PSS+SHA256:RSA+SHA256')
        require(ok and 'Verify return code: 0 (ok)' in said, f'{name}: {said[-400:]}')
        equal(negotiated(said)[0], name, 'version')
        require('No client certificate CA names sent' in said, 'a certificate was asked of a registering PBX')
        equal(said.count(' s:'), 2, 'certificates in the chain: ours and the intermediate, not the root')


@case('a basic call over TLS 1.2 and over TLS 1.3, sip: URIs throughout [SC-8.1-01] [SC-8.1.1-02] [SC-8.1-02]')
def _(lab):
    for version in BOTH:
        pbx = registered_pbx(lab)
        pbx.close()
        with lab.network.pbx.entered():
            stream = parties.transport.StreamTransport.connect(
                lab.edge.access_tls, (PBX_ADDRESS, 0), client_context(MADE.trusted, version=version), DOMAIN)
        pbx.peer = parties.sip_peer.Peer(stream, DOMAIN, USER, password=PASSWORD, contact_address=(PBX_ADDRESS, 5071))
        equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER')
        equal(stream.socket.version(), {TLS_1_2: 'TLSv1.2', TLS_1_3: 'TLSv1.3'}[version], 'version')
        outgoing, incoming = parties.establish(pbx, lab.core(), lab.number_uri(lab.core_number), PBX_NUMBER)
        equal(outgoing.bye().status, 200, 'BYE')
        outgoing, incoming = parties.establish(lab.core(), pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core_number)
        invite = incoming.invite
        for field in ('Contact', 'From', 'To'):
            require('sips:' not in invite[field], f'{field}: {invite[field]}')
        require(invite.uri.startswith('sip:'), f'Request-URI {invite.uri}')
        equal(outgoing.bye().status, 200, 'BYE')
        process.wait_until(incoming.ended.is_set, 5, 'the BYE arrives')
        sips = pbx.peer.invite(f'sips:{lab.core_number}@{DOMAIN}', pbx.offer(), caller=PBX_NUMBER)
        equal(sips.wait_final().status, 416, 'a sips: Request-URI')
        pbx.close()


@case('TLS 1.0 and 1.1 are refused with protocol_version; behind its switch TLS 1.0 gets AES128-SHA [SC-8.1.1-03]')
def _(lab):
    warnings.simplefilter('ignore', DeprecationWarning)
    for version in ('-tls1', '-tls1_1'):
        said, _ = openssl_client(lab, version, '-cipher', 'ALL:@SECLEVEL=0')
        require('alert protocol version' in said, f'{version}: {said[:400]}')
    said, _ = openssl_client(lab, '-tls1', '-cipher', 'ALL:@SECLEVEL=0', to=LEGACY)
    equal(negotiated(said), ('TLSv1', 'AES128-SHA'), 'with the switch')


@case('versions and values that nobody knows do not disturb a handshake [SC-8.1.1-04]')
def _(lab):
    for version in (0x0303, 0x0304, 0x0309, 0x03ff, 0x0462, 0x04ff, 0x0500):
        with plain(lab, STRANGER) as connection:
            equal(tls_wire.first_answer(connection, tls_wire.client_hello(version)), ('hello', 0x0303, 0xc02f),
                  f'the answer to a ClientHello of version {version:#06x} without supported_versions')
    with plain(lab, STRANGER) as connection:
        hello = tls_wire.client_hello(0x0303, versions=(0x7a7a, 0x0999, 0x0303))
        equal(tls_wire.first_answer(connection, hello), ('hello', 0x0303, 0xc02f), 'the answer to unknown supported_versions')


@case('ECDHE-RSA-AES128-GCM-SHA256 is there beside a certificate of another kind [SC-8.1.1-06]')
def _(lab):
    for suite in ('ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'):
        said, ok = openssl_client(lab, '-tls1_2', '-cipher', suite)
        require(ok, said[-300:])
        equal(negotiated(said), ('TLSv1.2', suite), 'suite')
    with listening(lab, 'ca', MADE.pbx) as pbx:
        pbx.tls.maximum_version = TLS_1_2
        pbx.tls.set_ciphers('ECDHE-RSA-AES128-GCM-SHA256')
        equal(called(lab, 'ca', pbx), (486, True), 'a call to a PBX that has nothing else')
        equal(pbx.connections[0].peer.transport.socket.cipher()[0], 'ECDHE-RSA-AES128-GCM-SHA256', 'suite as a client')


@case('suites without forward secrecy connect behind their switches only [SC-8.1.1-07] [SC-8.1.1-08]')
def _(lab):
    for suite in ('AES128-GCM-SHA256', 'AES128-SHA'):
        said, _ = openssl_client(lab, '-tls1_2', '-cipher', suite)
        require('alert handshake failure' in said, f'{suite}: {said[:300]}')
        said, _ = openssl_client(lab, '-tls1_2', '-cipher', suite, to=LEGACY)
        equal(negotiated(said), ('TLSv1.2', suite), 'suite behind the switch')


@case('the order of the server decides, whatever the client prefers [SC-8.1.1-09] [SC-8.1.1-10] [SC-8.1.1-11]')
def _(lab):
    offered = ['AES128-SHA', 'AES256-SHA256', 'AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256']
    picked = []
    while True:
        said, _ = openssl_client(lab, '-tls1_2', '-cipher', ':'.join(offered), to=LEGACY)
        found = negotiated(said)
        if not found:
            break
        picked.append(found[1])
        offered.remove(found[1])
        if not offered:
            break
    equal(picked, ['ECDHE-RSA-AES128-GCM-SHA256', 'AES128-GCM-SHA256', 'AES128-SHA'], 'suites, the best taken away each time')
    require('alert handshake failure' in said, f'no suite in common: {said[:300]}')
    process.wait_until(lambda: re.search(rf'TLS with {re.escape(ACCESS.peers[0])}:\d+: [^\n]*no shared cipher', log_of(lab)), 10,
                       'the log names the peer without a suite in common')


@case('towards a PBX our ClientHello lists the suites in the order of the profile [SC-8.1.1-12]')
def _(lab):
    listener = tls_wire.listener(lab.network.pbx, address('legacy'), 5061)
    lab.core().peer.invite(f'sip:{number("legacy")}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
    connection, _ = listener.accept()
    ours = [s for s in tls_wire.suites_of_hello(connection) if s in (0xc02f, 0x009c, 0x002f)]
    equal(ours, [0xc02f, 0x009c, 0x002f], 'ECDHE-RSA-AES128-GCM, RSA-AES128-GCM, RSA-AES128-CBC')
    connection.close()
    listener.close()


@case('TLS 1.0 without its only suite is refused with file and line; deprecated switches are warned about at start '
      '[SC-8.1.1-13]')
def _(lab):
    text = (lab.edge.run / 'signaling.yaml').read_text()
    wrong = lab.edge.run / 'wrong.yaml'
    wrong.write_text(text.replace('rsa_suites: [aes128-gcm, aes128-cbc]', 'rsa_suites: [aes128-gcm]'))
    done = subprocess.run([str(build_directory() / 'bin' / 'sallyport-signaling'), '--config', str(wrong), '--check-config'],
                          capture_output=True, text=True, timeout=10)
    equal(done.returncode, 2, 'exit status')
    require(re.search(r'wrong\.yaml:\d+.*tls_1_0.*aes128-cbc', done.stderr), done.stderr)
    for words in ('TLS 1.0 and 1.1 are on', 'aes128-gcm of rsa_suites', 'aes128-cbc of rsa_suites'):
        require(f'realm legacy: {words}' in log_of(lab), f'no warning: {words}')
    require('realm access: TLS 1.0' not in log_of(lab), 'a warning about a realm that is not deprecated')


# -- our certificate

@case('our certificate names us by SIP URI and DNS name; another name gets another certificate '
      '[SC-8.1-04] [SC-8.1-05] [SC-8.1-11]')
def _(lab):
    for sni, wanted, unwanted in ((DOMAIN, (f'DNS:{DOMAIN}', f'URI:sip:{DOMAIN}', f'CN = {DOMAIN}'), OTHER_NAME),
                                  (OTHER_NAME, (f'DNS:{OTHER_NAME}',), f'DNS:{DOMAIN}'),
                                  ('unknown.example', (f'URI:sip:{DOMAIN}',), OTHER_NAME)):
        said, _ = openssl_client(lab, '-servername', sni, '-verify_hostname', sni)
        shown = subprocess.run(['openssl', 'x509', '-noout', '-subject', '-ext', 'subjectAltName'], input=said,
                               capture_output=True, text=True).stdout
        require(all(w in shown for w in wanted) and unwanted not in shown, f'asked for {sni}: {shown}')


@case('a client that asks for it gets a good OCSP response stapled, over TLS 1.2 and 1.3 [SC-16.2-07]')
def _(lab):
    for version in ('-tls1_2', '-tls1_3'):
        said, ok = openssl_client(lab, version, '-status', '-sigalgs', 'RSA-PSS+SHA256:RSA+SHA256')
        require(ok and 'OCSP Response Status: successful' in said and 'Cert Status: good' in said, f'{version}: {said[:300]}')
    said, _ = openssl_client(lab, '-status', '-servername', OTHER_NAME, '-verify_hostname', OTHER_NAME)
    require('OCSP response: no response sent' in said, 'a staple was sent for a certificate that has none')


@case('a realm with TLS does not start without a usable certificate; one that ends soon is an alarm and a metric '
      '[SC-16.2-14] [SC-17.2-19]')
def _(lab):
    text = (lab.edge.run / 'signaling.yaml').read_text()
    wrong = lab.edge.run / 'wrong.yaml'
    for old, new, sentence in ((str(MADE.edge.certificate), '/nonexistent/edge.pem', 'certificate /nonexistent/edge.pem: No such file'),
                               (f'key: {MADE.edge.key}', f'key: {MADE.root.key}', 'does not belong to certificate')):
        wrong.write_text(text.replace(old, new, 1))
        done = subprocess.run([str(build_directory() / 'bin' / 'sallyport-signaling'), '--config', str(wrong)],
                              capture_output=True, text=True, timeout=10)
        equal(done.returncode, 2, 'exit status')
        require('realms[0].tls' in done.stderr and sentence in done.stderr, done.stderr)
    wrong.write_text(re.sub(r'    tls: \{certificate.*\n', '', text, count=1))
    done = subprocess.run([str(build_directory() / 'bin' / 'sallyport-signaling'), '--config', str(wrong), '--check-config'],
                          capture_output=True, text=True, timeout=10)
    require(done.returncode == 2 and 'is missing: a listener of this realm has transport tls' in done.stderr, done.stderr)
    require(re.search(rf'level=error[^\n]*certificate {re.escape(str(MADE.other.certificate))} expires in \d days', log_of(lab))
            or f'certificate {MADE.other.certificate} expires in' in log_of(lab), 'no alarm about its end')
    ends = lab.edge.scrape('signaling').series('sallyport_tls_certificate_expiry_timestamp_seconds')
    equal(sorted(dict(l)['certificate'] for l in ends if dict(l)['realm'] == 'access'),
          sorted(str(c.certificate) for c in (MADE.edge, MADE.edge_ec, MADE.other)), 'certificates in the metric')


# -- registration over TLS

@case('plain SIP on the TLS port is not heard [SC-16.2-16]')
def _(lab):
    before = lab.edge.scrape('signaling').get('sallyport_sip_messages_received_total')
    for request in (options(f'SIP/2.0/TLS {STRANGER}:5061'),
                    wire.request('REGISTER', f'sip:{DOMAIN}', via=f'SIP/2.0/TLS {STRANGER}:5061', branch='z9hG4bKp',
                                 call_id='plain', extra=f'Contact: <sip:{STRANGER}>\r\n')):
        with plain(lab, STRANGER) as connection:
            answers, _ = wire.stream_exchange(connection, request, 3)
            equal(answers, [], 'answers')
    equal(lab.edge.scrape('signaling').get('sallyport_sip_messages_received_total'), before, 'messages that reached a parser')


@case('REGISTER over TLS alone proves nothing: 401 without credentials, 401 and no binding with wrong ones; over TCP this '
      'trunk is refused with the right ones [SC-16.2-18] [SC-16.2-19] [SC-16.2-12]')
def _(lab):
    pbx = registering_pbx(lab)
    try:
        request = pbx.peer._register_request(600, True, None, (), None)
        equal(pbx.peer.start(request).wait_final(5).status, 401, 'without credentials')
        failures = lab.edge.scrape('signaling').get('sallyport_auth_failures_total')
        pbx.peer.password = 'not the password'
        equal(pbx.peer.register(bulk=True).status, 401, 'with a wrong password')
        equal([r for r in lab.edge.registrations() if r['trunk'] == USER], [], 'bindings')
        require(lab.edge.scrape('signaling').get('sallyport_auth_failures_total') > failures, 'the failure is not counted')
    finally:
        pbx.close()
    with lab.network.pbx.entered():
        stream = parties.transport.StreamTransport.connect(lab.edge.access_tcp, (PBX_ADDRESS, 0))
    peer = parties.sip_peer.Peer(stream, DOMAIN, USER, password=PASSWORD, contact_address=(PBX_ADDRESS, 5071))
    equal(peer.register(bulk=True).status, 403, 'REGISTER over TCP')
    peer.close()


@case('an INVITE on a second connection of a registered PBX is challenged; what is for the PBX never takes that one '
      '[SC-16.2-17] [SC-16.2-20]')
def _(lab):
    pbx = registered_pbx(lab)
    second = registering_pbx(lab, name='second', port=5073)
    try:
        second.peer.password = ''
        call = second.peer.invite(lab.number_uri(lab.core_number), second.offer(), caller=PBX_NUMBER)
        equal([r.status for r in call.transaction.responses if r.status >= 200][:1], [407], 'the INVITE on the second')
        outgoing, incoming = parties.establish(lab.core(), pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core_number)
        incoming.on_reinvite = lambda message: incoming.respond(200, 'OK', pbx.answer_to(incoming.remote_sdp))
        equal(outgoing.reinvite(lab.core().offer()).status, 200, 're-INVITE')
        equal(outgoing.bye().status, 200, 'BYE')
        require(incoming.wait_ended(), 'the BYE did not come over the registered connection')
        equal(sum(b'INVITE' in t.data and not t.outgoing and t.data.startswith((b'INVITE', b'BYE'))
                  for t in second.peer.transport.trace), 0, 'requests on the second connection')
    finally:
        second.close()
        pbx.close()


@case('the edge never opens TLS towards a registered PBX: once its connection is gone, 480 and no attempt '
      '[SC-16.2-02] [SC-16.2-11]')
def _(lab):
    pbx = registered_pbx(lab)
    listener = tls_wire.listener(lab.network.pbx, PBX_ADDRESS, 5071)      # where its Contact says it is
    try:
        pbx.close()
        process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_sip_transport_connections', transport='tls') == 0,
                           5, 'the edge knows that the connection is gone')
        outgoing = lab.core().peer.invite(f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
        equal(outgoing.wait_final(5).status, 480, 'a call to the PBX')
        listener.settimeout(0.3)
        try:
            listener.accept()
            raise AssertionError('the edge has connected to the PBX')
        except TimeoutError:
            pass
    finally:
        listener.close()


@case('a hundred PBXs shake hands at a time [SC-16.2-04]')
def _(lab):
    context = client_context(MADE.trusted)
    begun = []
    for _ in range(100):
        connection = plain(lab, STRANGER)
        connection.setblocking(False)
        tls = context.wrap_socket(connection, server_hostname=DOMAIN, do_handshake_on_connect=False)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()                      # says hello, and waits
        begun.append(tls)
    for tls in begun:
        tls.settimeout(10)
        tls.do_handshake()
    equal({tls.version() for tls in begun}, {'TLSv1.3'}, 'versions')
    for tls in begun:
        tls.close()


@case('a PBX that does not trust our authority, or expects another host, goes away, and the log says with which alert; '
      'nothing but TLS proves who we are [SC-16.6.2-01] [SC-16.6.2-02]')
def _(lab):
    for trusted, host, alert in ((MADE.stranger.certificate, DOMAIN, 'unknown ca'), (MADE.trusted, 'other.example', None)):
        with plain(lab, STRANGER) as connection:
            port = connection.getsockname()[1]
            try:
                with client_context(trusted, version=TLS_1_2).wrap_socket(connection, server_hostname=host):
                    raise AssertionError('the PBX has accepted our certificate')
            except ssl.SSLCertVerificationError:
                pass
        if alert:
            process.wait_until(lambda: re.search(rf'{STRANGER}:{port}: [^\n]*alert {alert}', log_of(lab)), 5, 'the log has the alert')
    pbx = registered_pbx(lab)
    response = pbx.peer.register(bulk=True)
    require('Authentication-Info' not in response, 'Digest proves the server too')
    pbx.close()


# -- static trunks: who the peer is

@case('mutual TLS in both roles: asked for and verified as a server, shown as a client; both sides open connections '
      '[SC-17.2-01] [SC-17.2-02] [SC-17.5-01]')
def _(lab):
    for version in BOTH:
        equal(alert_of(lab, 'ca', MADE.pbx, version), 'ok', f'a PBX with a certificate connects ({version.name})')
        missing = {TLS_1_2: 'HANDSHAKE_FAILURE', TLS_1_3: 'CERTIFICATE_REQUIRED'}[version]
        equal(alert_of(lab, 'ca', None, version), missing, f'a PBX without one ({version.name})')
    with listening(lab, 'ca', MADE.pbx) as pbx:                           # which demands a certificate
        equal(called(lab, 'ca', pbx), (486, True), 'a call to the PBX')
        shown = pbx.connections[0].peer.transport.socket.getpeercert()
        require(('URI', f'sip:{DOMAIN}') in shown['subjectAltName'], f'our certificate as a client: {shown}')


@case('a static trunk trusts an authority, a certificate or a fingerprint, and nothing else; a pinned certificate counts '
      'on its own trunk only [SC-17.2-03] [SC-17.2-17] [SC-17.2-20]')
def _(lab):
    m = MADE
    for name, right, wrong in (('ca', m.pbx, (m.pinned, m.printed)), ('pin', m.pinned, (m.printed, m.pbx)),
                               ('print', m.printed, (m.pinned, m.pbx))):
        equal(alert_of(lab, name, right), 'ok', f'the right one connects to trunk {name}')
        equal(presented(lab, name, right), 'ok', f'trunk {name} is called with the right one')
        for leaf in wrong:
            require(alert_of(lab, name, leaf) != 'ok', f'trunk {name}: {leaf.certificate.name} was taken')
            require(presented(lab, name, leaf) != 'ok', f'trunk {name}: {leaf.certificate.name} was called')
    wait_log(lab, 'the certificate is none that is pinned for trunks/pin')
    # A PBX that trusts our certificate alone, and no authority.
    with listening(lab, 'pin', m.pinned, trusted=pinned_edge()) as pbx:
        pbx.tls.verify_flags |= 0x80000                                   # X509_V_FLAG_PARTIAL_CHAIN
        pbx.tls.maximum_version = TLS_1_2
        equal(called(lab, 'pin', pbx), (486, True), 'a call to a PBX that has pinned our certificate')


def pinned_edge():
    file = MADE.root.directory / 'pinned-edge.pem'
    file.write_text(MADE.edge.pem + MADE.edge_ec.pem)
    return file


@case('a path that RFC 5280 does not allow is refused in both roles, with the alert that says why [SC-17.2-04]')
def _(lab):
    m, names = MADE, 'DNS:pbx.example'
    unknown = '1.2.3.4.5=critical,DER:0500'
    matrix = [('expired', m.root.issue('expired', names, start=-10, end=-1), 'CERTIFICATE_EXPIRED'),
              ('not yet valid', m.root.issue('early', names, start=2), 'BAD_CERTIFICATE'),
              ('of an authority that nobody trusts', m.stranger.issue('strange', names), 'UNKNOWN_CA'),
              ('made for something else', m.root.issue('email', names, usage='emailProtection'), 'UNSUPPORTED_CERTIFICATE'),
              ('at the end of too long a path', m.below.issue('deep', names, chain=(m.below, m.middle)), 'UNKNOWN_CA'),
              ('with a critical extension that nobody knows', m.root.issue('critical', names, extra=unknown), 'CERTIFICATE_UNKNOWN')]
    for what, leaf, alert in matrix:
        equal(alert_of(lab, 'ca', leaf), alert, f'alert to a PBX that connects with a certificate {what}')
        require(alert in presented(lab, 'ca', leaf), f'a PBX was called with a certificate {what}')
    good = m.middle.issue('chained', names, chain=(m.middle,))
    equal((alert_of(lab, 'ca', good), presented(lab, 'ca', good)), ('ok', 'ok'), 'a right one through an intermediate')


@case('whom a certificate names: URI before DNS, the common name only without any subjectAltName, nothing else; wildcards '
      'on the trunk that says so [SC-8.1-06] [SC-8.1-07] [SC-8.1-08] [SC-8.1-09] [SC-8.1-10]')
def _(lab):
    m = MADE
    matrix = [('SAN other, CN ok', ('DNS:other.example', 'pbx.example'), False),
              ('no SAN, CN ok', ('', 'pbx.example'), True),
              ('SAN ok, CN other', ('DNS:pbx.example', 'other.example'), True),
              ('URI ok', ('URI:sip:pbx.example', 'x'), True),
              ('URI other, DNS ok', ('URI:sip:other.example,DNS:pbx.example', 'x'), False),
              ('URI with a user, DNS ok', ('URI:sip:bob@other.example,DNS:pbx.example', 'x'), True),
              ('mail and address only', ('email:a@pbx.example,IP:192.0.2.41', 'pbx.example'), False),
              ('empty subject, critical SAN', ('critical,DNS:pbx.example', ''), True),
              ('empty subject, no SAN', ('', ''), False),
              ('wildcard', ('DNS:*.example', 'x'), False)]
    for i, (what, (names, common_name), right) in enumerate(matrix):
        leaf = m.root.issue(f'name-{i}', names, common_name)
        for role, got in (('connects', alert_of(lab, 'ca', leaf)), ('is called', presented(lab, 'ca', leaf))):
            require((got == 'ok') == right, f'{what}: a PBX {role}: {got}')
            require(right or 'BAD_CERTIFICATE' in got, f'{what}: a PBX {role}: alert {got}')
    malformed = m.root.issue('malformed', '', 'pbx.example', extra='2.5.29.17=DER:30038205aa')
    require(alert_of(lab, 'ca', malformed) != 'ok', 'a malformed subjectAltName was taken')
    wait_log(lab, 'certificate names pbx.example by its common name alone: legacy')
    wait_log(lab, 'certificate names other.example, not pbx.example')
    equal((alert_of(lab, 'wild', m.wild), presented(lab, 'wild', m.wild)), ('ok', 'ok'), 'a wildcard where it is allowed')
    require('trunks/wild takes wildcard certificates' in ' '.join(lab.edge.warnings()), 'no warning about wildcards')


# -- static trunks: TLS and nothing else

@case('a trunk that requires TLS is called over TLS whatever its zone lists, and not at all when TLS is away [SC-17.2-09]')
def _(lab):
    with lab.network.pbx.entered():
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((address('dns'), 5060))
    segments = tls_wire.listener(lab.network.pbx, address('dns'), 5060)
    leaf = MADE.root.issue('dns', 'DNS:dns.example')
    try:
        equal(presented(lab, 'dns', leaf), 'ok', 'a call with TLS there')
        outgoing = lab.core().peer.invite(f'sip:{number("dns")}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
        equal(outgoing.wait_final(10).status, 503, 'a call with TLS away')
        for socket_ in (datagrams, segments):
            socket_.settimeout(0.2)
            try:
                socket_.accept() if socket_ is segments else socket_.recv(100)
                raise AssertionError('something came without TLS')
            except TimeoutError:
                pass
    finally:
        datagrams.close()
        segments.close()


@case('an INVITE from the right address over UDP or TCP is refused where TLS is required [SC-17.2-11]')
def _(lab):
    offer = lab.core().offer()

    def invite(transport):
        return wire.request('INVITE', f'sip:{lab.core_number}@{DOMAIN}', via=f'SIP/2.0/{transport} {address("ca")}:5065',
                            branch=sip_message.new_branch(), call_id=sip_message.new_tag(),
                            from_=f'<sip:{number("ca")}@pbx.example>;tag=a',
                            extra=f'Contact: <sip:{address("ca")}:5065>\r\nContent-Type: application/sdp\r\n', body=offer)
    pbx = wire.Stranger(lab.network.pbx, address('ca'), (5065,))
    pbx.send(invite('UDP'), lab.edge.access_udp)
    answers = [sip_message.parse(d).status for d, _ in pbx.received(5, until=lambda d: b' 100 ' not in d[:14])]
    pbx.close()
    equal(answers, [403], 'answers over UDP')
    with plain(lab, address('ca'), lab.edge.access_tcp) as connection:
        answers, _ = wire.stream_exchange(connection, invite('TCP'), 5)
    equal([a.status for a in answers], [403], 'answers over TCP')
    wait_log(lab, 'transport-not-allowed')


@case('a trunk that requires TLS gets nowhere without a valid certificate; where none is asked for, one without gets in '
      '[SC-17.5-02] [SC-17.2-14]')
def _(lab):
    equal(alert_of(lab, 'ca', None), 'HANDSHAKE_FAILURE', 'no certificate where one is required')
    equal(alert_of(lab, 'ca', MADE.stranger.issue('invalid', 'DNS:pbx.example')), 'UNKNOWN_CA', 'one that is not valid')
    equal(alert_of(lab, 'open', None), 'ok', 'no certificate where none is asked for')
    provision(lab, trunk('open', {'client_certificate': 'required'}, transports=['udp', 'tcp', 'tls']))
    equal(alert_of(lab, 'open', None), 'HANDSHAKE_FAILURE', 'the same once it is required')
    equal(alert_of(lab, 'open', MADE.root.issue('opened', 'DNS:open.example')), 'ok', 'and with one')
    provision(lab, trunk('open', None, transports=['udp', 'tcp', 'tls']))
    equal(alert_of(lab, 'open', None), 'ok', 'and when it no longer is')


@case('a target whose certificate is refused, or that has none, is passed over for the next, and told in the log '
      '[SC-17.2-16]')
def _(lab):
    for bad, sentence in ((MADE.stranger.issue('two-bad', 'DNS:pbx.example'), 'certificate'), (None, 'TLS handshake failed')):
        with listening(lab, 'two', bad) as wrong, listening(lab, 'two', MADE.pbx, at='second') as right:
            equal(called(lab, 'two', right), (486, True), 'the call went to the next target')
            equal(wrong.incoming.qsize(), 0, 'calls at the target that was refused')
        process.wait_until(lambda: re.search(rf'TLS with {address("two")}:5061: [^\n]*{sentence}', log_of(lab)), 5,
                           f'the log tells of the target ({sentence})')


@case('a PBX without a certificate opens every connection: the edge never does [SC-17.2-21]')
def _(lab):
    listener = tls_wire.listener(lab.network.pbx, address('nocert'), 5061)
    outgoing = lab.core().peer.invite(f'sip:{number("nocert")}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
    require(outgoing.wait_final(10).status in (480, 503), 'a call to it')
    listener.settimeout(0.3)
    try:
        listener.accept()
        raise AssertionError('the edge has connected')
    except TimeoutError:
        pass
    listener.close()
    wait_log(lab, 'peer opens every connection, and has none: trunks/nocert')


@case('what a PBX has opened and proven is used for all that is for it, and it uses it for all of its own: calls both ways '
      'over one connection [SC-17.1.2.2-06] [SC-17.1.1.2-05] [SC-17.2-13]')
def _(lab):
    listener = tls_wire.listener(lab.network.pbx, address('ca'), 5061)        # where it could be called, and is not
    before = lab.edge.scrape('signaling')
    pbx = connect(lab, address('ca'), lab.edge.access_tls, 'pbx.example', client_context(MADE.trusted, MADE.pbx), DOMAIN,
                  contact=(address('ca'), 5061), suite=SUITE)
    try:
        calls = []
        for _ in range(50):
            calls += [parties.establish(pbx, lab.core(), f'sip:{lab.core_number}@{DOMAIN}', number('ca')),
                      parties.establish(lab.core(), pbx, f'sip:{number("ca")}@{CORE.signaling}', lab.core_number)]
        for outgoing, incoming in calls:
            equal(incoming.bye().status, 200, 'BYE of the callee')
            require(outgoing.wait_ended(), 'the BYE did not reach the caller')
        name = 'sallyport_tls_handshakes_total'
        equal(lab.edge.scrape('signaling').get(name, result='ok') - before.get(name, result='ok'), 1, 'handshakes for 100 calls')
        listener.settimeout(0.2)
        try:
            listener.accept()
            raise AssertionError('the edge has opened a second connection')
        except TimeoutError:
            pass
    finally:
        listener.close()
        pbx.close()
    process.wait_until(lambda: not lab.edge.calls(), 10, 'the calls are over')
    equal(presented(lab, 'ca', MADE.pbx), 'ok', 'a call once that connection is gone')


@case('when the edge has opened the connection, the PBX calls over it too [SC-17.2-13]')
def _(lab):
    with listening(lab, 'ca', MADE.pbx) as pbx:
        outgoing = lab.core().peer.invite(f'sip:{number("ca")}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
        incoming = pbx.wait_call()
        require(incoming.answer(pbx.party_of(incoming).answer_to(incoming.remote_sdp)), 'no ACK')
        equal(outgoing.wait_final().status, 200, 'the call to the PBX')
        party = pbx.connections[0]
        back, there = parties.establish(party, lab.core(), f'sip:{lab.core_number}@{DOMAIN}', number('ca'))
        equal(back.bye().status, 200, 'BYE')
        equal(outgoing.bye().status, 200, 'BYE')
        equal(len(pbx.connections), 1, 'connections')


# -- the status of certificates (RFC 6960)

RESPONDER_PORT = 8888


def asks_at(port=RESPONDER_PORT):
    """A certificate's extension that says where its status is told."""
    return f'authorityInfoAccess=OCSP;URI:http://{STRANGER}:{port}/'


def ocsp_rule(lab, rule):
    provision(lab, trunk('ocsp', {'required': True, 'authorities': [MADE.root.pem], 'ocsp': rule}))


@contextlib.contextmanager
def responding(lab, silent=False, port=RESPONDER_PORT):
    responder = OcspResponder(lab.network.pbx, (STRANGER, port), MADE.root)
    responder.silent = silent
    try:
        yield responder
    finally:
        responder.close()


@case('the status of a peer that connects is asked for once and remembered; a revoked one is refused, or only told, as the '
      'trunk says [SC-17.2-05]')
def _(lab):
    good, revoked = (MADE.root.issue(n, 'DNS:ocsp.example', extra=asks_at()) for n in ('status-good', 'status-revoked'))
    MADE.root.revoke(revoked)
    ocsp_rule(lab, 'hard')
    with responding(lab) as responder:
        for version in BOTH:
            equal(alert_of(lab, 'ocsp', good, version), 'ok', f'a good one ({version.name})')
        equal(responder.asked, 1, 'questions to the responder for two connections')
        for rule, taken in (('hard', False), ('soft', False), ('alarm', True)):
            ocsp_rule(lab, rule)
            equal(alert_of(lab, 'ocsp', revoked) == 'ok', taken, f'a revoked one is taken with {rule}')
        equal(responder.asked, 2, 'questions to the responder in all')
    wait_log(lab, 'the certificate is revoked')
    wait_log(lab, 'taken although the certificate is revoked')
    answers = lab.edge.scrape('signaling')
    for result in ('good', 'revoked', 'cached'):
        require(answers.get('sallyport_tls_ocsp_answers_total', result=result) >= 1, f'{result} is not counted')


@case('a responder that is away, or does not answer, refuses or is told as the trunk says, and nobody else waits for it '
      '[SC-17.2-06]')
def _(lab):
    away, other, hanging = (MADE.root.issue(f'status-{n}', 'DNS:ocsp.example', extra=asks_at(port))
                            for n, port in (('away', 8889), ('other', 8889), ('hanging', 8890)))
    ocsp_rule(lab, 'hard')
    require(alert_of(lab, 'ocsp', away) != 'ok', 'taken although its status is unknown, and that matters')
    wait_log(lab, 'status unknown: the OCSP responder')
    ocsp_rule(lab, 'soft')
    equal(alert_of(lab, 'ocsp', other), 'ok', 'a status that is unknown, and does not matter')
    with responding(lab, silent=True, port=8890) as responder:
        began = time.monotonic()
        connection = plain(lab, address('ocsp'))
        tls = client_context(MADE.trusted, hanging, TLS_1_2).wrap_socket(connection, server_hostname=DOMAIN)
        tls.sendall(options(f'SIP/2.0/TLS {address("ocsp")}:5061'))
        process.wait_until(lambda: responder.asked, 5, 'the responder is asked')
        for _ in range(20):
            asked = time.monotonic()
            equal(dial(lab, 'ca', MADE.pbx), 'ok', 'another peer meanwhile')
            require(time.monotonic() - asked < 1, f'another peer waited for {time.monotonic() - asked:.2f} s')
        tls.settimeout(10)
        require(tls.recv(65_536).startswith(b'SIP/2.0 200'), 'no answer once the responder was given up')
        require(time.monotonic() - began < 9, 'the responder was waited for too long')
        tls.close()


@case('as a client we ask for a staple: a good one is enough, a revoked one is refused, without one the responder is asked '
      '[SC-17.2-07] [SC-17.2-08]')
def _(lab):
    good, revoked = (MADE.root.issue(f'stapled-{n}', 'DNS:ocsp.example', extra=asks_at()) for n in ('good', 'revoked'))
    MADE.root.revoke(revoked)
    ocsp_rule(lab, 'hard')
    with responding(lab) as responder:
        for leaf, stapled, reached, asked in ((good, True, True, 0), (revoked, True, False, 0), (good, False, True, 1)):
            staple = MADE.root.ocsp_response(leaf, f'{leaf.certificate.stem}.der') if stapled else None
            equal(reaches_server(lab, leaf, staple), (reached, stapled), f'{leaf.certificate.stem}, stapled {stapled}')
            equal(responder.asked, asked, 'questions to the responder')


def reaches_server(lab, leaf, staple):
    """(does an INVITE reach an s_server that shows this certificate, did it send its staple)."""
    log = lab.edge.run / 's_server.log'
    log.unlink(missing_ok=True)
    server = process.Process('s_server', lab.network.pbx.prefix(
        'openssl', 's_server', '-accept', f'{address("ocsp")}:5061', '-cert', leaf.certificate, '-key', leaf.key, '-tls1_2',
        *(('-status_file', staple, '-status_verbose') if staple else ())), lab.edge.run, stdin=subprocess.PIPE)
    try:
        server.wait_for(lambda: 'ACCEPT' in server.text(), 5, 'listens')
        call = lab.core().peer.invite(f'sip:{number("ocsp")}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
        process.wait_until(lambda: call.transaction.final or 'INVITE sip:' in server.text(), 15, 'the call reaches it or fails')
        reached = 'INVITE sip:' in server.text()
        if reached:
            call.cancel()
        return reached, 'cert_status' in server.text()
    finally:
        server.stop()


@case('our own OCSP response can be fetched from the responder, and is stapled then [SC-16.2-08]')
def _(lab):
    names = f'URI:sip:{DOMAIN},DNS:{DOMAIN}'
    fetched = MADE.root.issue('edge-fetched', names, DOMAIN, key=MADE.root.rsa_key, extra=asks_at())
    before, staple = MADE.edge.certificate.read_text(), MADE.staple.read_bytes()
    file = lab.edge.run / 'signaling.yaml'
    text = file.read_text()
    try:
        with responding(lab) as responder:
            file.write_text(text.replace(str(MADE.edge.certificate), str(fetched.certificate)).replace(
                f'ocsp_staple: {MADE.staple}', 'ocsp_staple: fetch'))
            lab.edge.restart('signaling')
            for version in ('-tls1_2', '-tls1_3'):
                process.wait_until(lambda: 'Cert Status: good' in openssl_client(
                    lab, version, '-status', '-sigalgs', 'RSA-PSS+SHA256:RSA+SHA256')[0], 10, f'a good staple over {version}')
            require(responder.asked >= 1, 'the responder was not asked')
            ends = lab.edge.scrape('signaling').get('sallyport_tls_staple_expiry_timestamp_seconds', realm='access')
            require(time.time() < ends < time.time() + 3_700, 'the end of the staple is not in the metrics')
    finally:
        file.write_text(text)
        MADE.edge.certificate.write_text(before)
        MADE.staple.write_bytes(staple)
        lab.edge.restart('signaling')


# -- changes under way

@case('a changed trust ends the connections of its trunk, and of no other')
def _(lab):
    pbx = connect(lab, address('ca'), lab.edge.access_tls, 'pbx.example', client_context(MADE.trusted, MADE.pbx), DOMAIN)
    other = connect(lab, address('pin'), lab.edge.access_tls, 'pin.example', client_context(MADE.trusted, MADE.pinned), DOMAIN)
    try:
        provision(lab, trunk('ca', {'required': True, 'authorities': [MADE.stranger.pem]}))
        require(pbx.peer.transport.wait_closed(5), 'the connection that the old trust had let in is still open')
        equal(alert_of(lab, 'ca', MADE.pbx), 'UNKNOWN_CA', 'the old certificate')
        equal(other.peer.options(f'sip:{DOMAIN}').status, 200, 'OPTIONS on the connection of the other trunk')
        provision(lab, trunk('ca', {'required': True, 'authorities': [MADE.root.pem]}))
    finally:
        pbx.close()
        other.close()


@case('a trust that is none is refused with its field, and nothing is applied')
def _(lab):
    file = Path(lab.run_directory) / 'wrong-trust.yaml'
    for tls, field in (({'authorities': ['no certificate']}, 'tls.authorities[0]'), ({'fingerprints': ['AB:CD']}, 'tls.fingerprints[0]'),
                       ({'names': ['not a host']}, 'tls.names[0]'),
                       ({'client_certificate': 'none', 'certificates': [MADE.pinned.pem]}, 'tls.client_certificate')):
        file.write_text(json.dumps(trunk('ca', tls)))
        done = lab.edge.cli('apply', '-f', str(file), check=False)
        require(done.returncode != 0 and field in done.stderr + done.stdout, f'{field}: {done.stdout}{done.stderr}')
    equal(alert_of(lab, 'ca', MADE.pbx), 'ok', 'the trust that was there before')


@case('certificates are exchanged on SIGHUP: new handshakes get the new one, connections and registrations stay, also idle '
      'ones [SC-16.2-21]')
def _(lab):
    pbx = registered_pbx(lab)
    try:
        old = served(lab)
        fresh = MADE.middle.issue('edge-new', f'URI:sip:{DOMAIN},DNS:{DOMAIN}', DOMAIN, key=MADE.root.rsa_key, chain=(MADE.middle,))
        MADE.edge.certificate.write_text(fresh.certificate.read_text())
        MADE.staple.write_bytes(MADE.middle.ocsp_response(fresh, 'edge-new.ocsp').read_bytes())
        reload(lab, 1)
        require(served(lab) != old, 'the old certificate is still served')
        require('Cert Status: good' in openssl_client(lab, '-tls1_2', '-status', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256')[0],
                'the staple was not exchanged with its certificate')
        outgoing, incoming = parties.establish(lab.core(), pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core_number)
        equal(outgoing.bye().status, 200, 'BYE over the connection from before')
        MADE.edge.certificate.write_text('no certificate')
        errors = log_of(lab).count('certificates not reloaded')
        lab.edge.daemons['signaling']._child.send_signal(signal.SIGHUP)
        process.wait_until(lambda: log_of(lab).count('certificates not reloaded') > errors, 5, 'the log says what is wrong')
        require(served(lab) != old, 'no certificate is served')
        MADE.edge.certificate.write_text(fresh.certificate.read_text())
        require(not pbx.peer.transport.closed, 'the connection was closed')
    finally:
        pbx.close()


def served(lab):
    said, _ = openssl_client(lab, '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256')
    return re.search(r'-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', said, re.S).group(0)


def reload(lab, count):
    signaling = lab.edge.daemons['signaling']
    for _ in range(count):
        before = log_of(lab).count('certificates reloaded')
        signaling._child.send_signal(signal.SIGHUP)
        process.wait_until(lambda: log_of(lab).count('certificates reloaded') > before, 5, 'the certificates are reloaded', every=0.001)


@case('a thousand reloads leave memory as it was')
def _(lab):
    reload(lab, 100)                             # the allocator has what it needs
    before = process.resident_bytes(lab.edge.daemons['signaling'].pid)
    reload(lab, 900)
    require_growth(process.resident_bytes(lab.edge.daemons['signaling'].pid) - before, 2 << 20, 'signaling')
    equal(alert_of(lab, 'ca', MADE.pbx), 'ok', 'a handshake afterwards')


ZONE = '''dns:
  records:
%s
''' % '\n'.join(f'    - {json.dumps(line)}' for line in (
    f'pbx.example. 300 IN A 192.0.2.{HOME["ca"]}', f'pbx.wild.example. 300 IN A 192.0.2.{HOME["wild"]}',
    f'ocsp.example. 300 IN A 192.0.2.{HOME["ocsp"]}',
    f'legacy.example. 300 IN A 192.0.2.{HOME["legacy"]}', f'dns.example. 300 IN A 192.0.2.{HOME["dns"]}',
    'dns.example. 300 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.dns.example.',
    'dns.example. 300 IN NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp.dns.example.',
    'dns.example. 300 IN NAPTR 30 10 "s" "SIPS+D2T" "" _sips._tcp.dns.example.',
    '_sip._udp.dns.example. 300 IN SRV 1 1 5060 dns.example.', '_sip._tcp.dns.example. 300 IN SRV 1 1 5060 dns.example.',
    '_sips._tcp.dns.example. 300 IN SRV 1 1 5061 dns.example.'))

if __name__ == '__main__':
    sys.exit(main('tls', lambda: running_edge('tls', access=('udp', 'tcp', 'tls'), prepare=prepare, tls=edge_tls,
                                              options={'signaling': ZONE})))
