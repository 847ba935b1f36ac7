"""What the tests of TLS share: the certificates of the edge and of every PBX, an edge with two TLS realms, static trunks with
one trust each, and PBXs that connect to it or are called by it."""
import contextlib
import json
import queue
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import equal, require  # noqa: E402
from certificate_lab import Authority, OcspResponder, client_context, server_context  # noqa: E402
from edge_fixture import DOMAIN, PASSWORD, PBX_ADDRESS, STRANGER, USER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from listening_pbx import ListeningPbx  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

LEGACY, OWN, UP_TO_1_2 = (ACCESS.signaling, 5062), (ACCESS.signaling, 5063), (ACCESS.signaling, 5064)
OTHER_NAME, FETCHED_NAME = 'sbc.other.example', 'sbc.fetched.example'
RESPONDER_PORT, STAPLE_PORT = 8888, 8891
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = TLS_1_2, TLS_1_3
SUITE = parties.SUITE
OWN_LOGIN = {'username': 'own-hq', 'password': 'what its own realm knows'}
DIGEST = {'username': 'proves-itself', 'password': 'on each connection'}
# The lab's trunks: name -> last octet of its address.
HOME = {'legacy': 40, 'ca': 41, 'pin': 42, 'print': 43, 'wild': 44, 'open': 45, 'nocert': 46, 'dns': 47, 'two': 48,
        'second': 49, 'ocsp': 50, 'digest': 51, 'own': 52, 'old': 53}
NAMES = {'ca': 'pbx.example', 'wild': 'pbx.wild.example', 'dns': 'dns.example', 'legacy': 'legacy.example', 'ocsp': 'ocsp.example'}


def address(name):
    return f'192.0.2.{HOME[name]}'


def number(name):
    return f'+4942{HOME[name]}001'


class Certificates:
    """Of the edge and of every PBX; made once, before the edge starts."""

    def make(self, directory):
        self.root = Authority(directory, 'root')
        self.stranger = Authority(directory, 'stranger')
        self.middle = Authority(directory, 'middle', parent=self.root, constraints='critical,CA:TRUE,pathlen:0')
        self.below = Authority(directory, 'below', parent=self.middle)
        self.no_authority = Authority(directory, 'no-authority', parent=self.root, constraints='critical,CA:FALSE')
        self.elsewhere = Authority(directory, 'elsewhere', parent=self.root,
                                   extra='nameConstraints=critical,permitted;DNS:elsewhere.example')
        names = f'URI:sip:{DOMAIN},DNS:{DOMAIN}'
        self.edge = self.middle.issue('edge', names, DOMAIN, key=self.root.rsa_key, chain=(self.middle,))
        self.edge_ec = self.root.issue('edge-ec', names, DOMAIN)
        self.other = self.root.issue('other', f'DNS:{OTHER_NAME}', key=self.root.rsa_key, end=5)
        self.fetched = self.root.issue('fetched', f'DNS:{FETCHED_NAME}', key=self.root.rsa_key, extra=asks_at(STAPLE_PORT))
        self.own = self.root.self_signed('own', DOMAIN, names)
        self.own.key = directory / 'own.key'      # the same key in a file of its own: cases exchange that of edge_ec
        self.own.key.write_bytes(self.root.ec_key.read_bytes())
        self.staple = self.middle.ocsp_response(self.edge, 'edge.ocsp')
        self.pbx = self.root.issue('pbx', 'URI:sip:pbx.example', key=self.root.rsa_key)
        self.pinned = self.root.self_signed('pinned', 'Some PBX')
        self.printed = self.root.self_signed('printed', 'Another PBX')
        self.wild = self.root.issue('wild', 'DNS:*.wild.example')

    @property
    def trusted(self):
        return self.root.certificate


MADE = Certificates()


def edge_tls(edge, fetching):
    """The TLS of the edge: two kinds of keys and further names, one of them (`fetching`) with an OCSP response to be fetched,
    a realm with everything that is deprecated, and one whose certificate nobody but its PBXs knows."""
    MADE.make(edge.run / 'lab')
    m = MADE
    fetched = f', {{certificate: {m.fetched.certificate}, key: {m.fetched.key}, ocsp_staple: fetch}}' if fetching else ''
    access = (f'{{certificate: {m.edge.certificate}, key: {m.edge.key}, ca: {m.trusted}, ocsp_staple: {m.staple}, '
              f'more_certificates: [{{certificate: {m.edge_ec.certificate}, key: {m.edge_ec.key}}}, '
              f'{{certificate: {m.other.certificate}, key: {m.other.key}}}{fetched}]}}')
    legacy = f'''  - name: legacy
    media_port: access
    listeners:
      - {{transport: tls, bind: "{LEGACY[0]}:{LEGACY[1]}"}}
    tls: {{certificate: {m.edge.certificate}, key: {m.edge.key}, ca: {m.trusted}, rsa_suites: [aes128-gcm, aes128-cbc], tls_1_0: true}}
'''
    own = f'''  - name: own
    media_port: access
    listeners:
      - {{transport: tls, bind: "{OWN[0]}:{OWN[1]}"}}
    tls: {{certificate: {m.own.certificate}, key: {m.own.key}, ca: {m.trusted}}}
'''
    up_to_1_2 = f'''  - name: up-to-1-2
    media_port: access
    listeners:
      - {{transport: tls, bind: "{UP_TO_1_2[0]}:{UP_TO_1_2[1]}"}}
    tls: {{certificate: {m.edge.certificate}, key: {m.edge.key}, ca: {m.trusted}, tls_1_3: false}}
'''
    return access, legacy + own + up_to_1_2


def trunk(name, tls, targets=None, realm='access', sources=None, **more):
    document = {'kind': 'Trunk', 'name': f'trunks/{name}', 'mode': 'static', 'realm': realm,
                'domain': NAMES.get(name, f'{name}.example'),
                'targets': targets or [{'host': NAMES.get(name, address(name)), 'port': 5061, 'transport': 'tls'}],
                'sources': sources or [f'{address(name)}/32'], 'numbers': [{'first': f'+4942{HOME[name]}000', 'last': f'+4942{HOME[name]}099'}]}
    document['network'] = {'unprobed': True}          # nobody is there until a case says so
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
              trunk('old', None, realm='up-to-1-2'),
              trunk('ca', {'required': True, 'authorities': [m.root.pem]}, limits={'concurrent_calls': 200}),
              trunk('pin', {'certificates': [m.pinned.pem]}),
              trunk('print', {'fingerprints': [m.printed.fingerprint]}),
              trunk('wild', {'authorities': [m.root.pem], 'wildcards': True}),
              trunk('open', None, transports=['udp', 'tcp', 'tls']),
              trunk('nocert', {'required': True, 'client_certificate': 'none'}),
              trunk('digest', {'required': True, 'client_certificate': 'none'}, credentials=[DIGEST]),
              {'kind': 'Trunk', 'name': 'trunks/own', 'mode': 'registration', 'realm': 'own',
               'registration_aor': f'sip:{OWN_LOGIN["username"]}@{DOMAIN}', 'credentials': [OWN_LOGIN], 'numbers': [number('own')]},
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
            if version == TLS_1_3 and not taken(tls):
                return 'ended'
            tls.settimeout(9)                     # a responder that is away is waited for for 4 s
            tls.sendall(options(f'SIP/2.0/TLS {address(name)}:5061'))
            return 'ok' if tls.recv(65_536).startswith(b'SIP/2.0 ') else 'ended'
    except ssl.SSLError as refusal:
        return refusal.reason
    except ConnectionError as broken:
        return type(broken).__name__


def taken(tls):
    """TLS 1.3 tells a client nothing of the verdict on its certificate but the alert, which a message sent too early would
    overtake."""
    tls.settimeout(1)
    try:
        return bool(tls.recv(1))
    except TimeoutError:
        return True


def alert_of(lab, name, leaf, version=TLS_1_2):
    """As dial(), without the prefix that says which standard named the alert."""
    return re.sub(r'^(SSLV3|TLSV1|TLSV13)_ALERT_', '', dial(lab, name, leaf, version))


@contextlib.contextmanager
def listening(lab, name, leaf, trusted=None, at=None, **options_):
    context = server_context(leaf, trusted or MADE.trusted)
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
        if reached:
            return 'ok'
        with contextlib.suppress(process.NotReady):     # its own thread hears of the alert, which may be later
            process.wait_until(lambda: pbx.refused, 2, 'the PBX is told why')
        return pbx.refused[0] if pbx.refused else f'{status}'


def log_of(lab):
    return lab.edge.daemons['signaling'].text()


def wait_log(lab, text, what=None, again=lambda: None):
    """`again`: does what is told once more, where there may have been too much to tell in that second."""
    def told():
        if text in log_of(lab):
            return True
        again()
        return False
    process.wait_until(told, 10, what or f'the log says "{text}"', every=0.3)


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


def asks_at(port=RESPONDER_PORT):
    """A certificate's extension that says where its status is told."""
    return f'authorityInfoAccess=OCSP;URI:http://{STRANGER}:{port}/'


def ocsp_rule(lab, rule):
    provision(lab, trunk('ocsp', {'required': True, 'authorities': [MADE.root.pem], 'ocsp': rule}))


@contextlib.contextmanager
def responding(lab, silent=False, port=RESPONDER_PORT, minutes=60):
    responder = OcspResponder(lab.network.pbx, (STRANGER, port), MADE.root, minutes)
    responder.silent = silent
    try:
        yield responder
    finally:
        responder.close()


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


def edge_with_trunks(name, fetching=False):
    """The fixture: everything above, running."""
    return running_edge(name, access=('udp', 'tcp', 'tls'), prepare=prepare, tls=lambda edge: edge_tls(edge, fetching),
                        options={'signaling': ZONE})


@contextlib.contextmanager
def openssl_server(lab, name, leaf, version, *more):
    """`openssl s_server` where the PBX of this trunk is to be; its text() has what it says of itself and what reaches it."""
    (lab.edge.run / 's_server.log').unlink(missing_ok=True)
    server = process.Process('s_server', lab.network.pbx.prefix(
        'openssl', 's_server', '-accept', f'{address(name)}:5061', '-cert', leaf.certificate, '-key', leaf.key,
        '-tls1_2' if version == TLS_1_2 else '-tls1_3', *more), lab.edge.run, stdin=subprocess.PIPE)
    try:
        server.wait_for(lambda: 'ACCEPT' in server.text(), 5, 'listens')
        yield server
    finally:
        server.stop()


def call_reaches(lab, name, server):
    """Whether the INVITE of a call gets as far as that."""
    call = lab.core().peer.invite(f'sip:{number(name)}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
    process.wait_until(lambda: call.transaction.final or 'INVITE sip:' in server.text(), 15, 'the call reaches it or fails')
    reached = 'INVITE sip:' in server.text()
    if reached:
        call.cancel()
    return reached
