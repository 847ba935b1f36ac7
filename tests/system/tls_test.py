#!/usr/bin/env python3
"""TLS of the edge itself as SIPconnect 2.0 has it in 8.1 and 16.2: versions, suites and their order in both roles, what our
certificates say and how they are exchanged, and what registering PBXs may take from it."""
import contextlib
import re
import signal
import ssl
import subprocess
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import tls12_client  # noqa: E402
import tls_wire  # noqa: E402
import wire  # noqa: E402
from cases import build_directory, case, equal, main, require, require_growth  # noqa: E402
from certificate_lab import client_context  # noqa: E402
from edge_fixture import DOMAIN, PASSWORD, PBX_ADDRESS, PBX_NUMBER, STRANGER, USER  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from registrant import Registrant  # noqa: E402
from tls_lab import (  # noqa: E402
    BOTH, FETCHED_NAME, LEGACY, MADE, OTHER_NAME, OWN, OWN_LOGIN, STAPLE_PORT, SUITE, TLS_1_2, TLS_1_3, UP_TO_1_2, address, alert_of,
    called, edge_with_trunks, listening, log_of, negotiated, number, openssl_client, options, plain, registered_pbx,
    registering_pbx, responding)

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


@case('TLS 1.0 and 1.1 are refused with protocol_version; behind its switch TLS 1.0 gets AES128-SHA [SC-8.1.1-03] [D-08]')
def _(lab):
    warnings.simplefilter('ignore', DeprecationWarning)
    for version in ('-tls1', '-tls1_1'):
        said, _ = openssl_client(lab, version, '-cipher', 'ALL:@SECLEVEL=0')
        require('alert protocol version' in said, f'{version}: {said[:400]}')
    said, _ = openssl_client(lab, '-tls1', '-cipher', 'ALL:@SECLEVEL=0', to=LEGACY)
    equal(negotiated(said), ('TLSv1', 'AES128-SHA'), 'with the switch')


@case('a realm with TLS 1.3 switched off has TLS 1.2 at most, as server and in the connections that it opens; the others have '
      '1.3, and the log tells which has not [SC-8.1.1-02]')
def _(lab):
    said, ok = openssl_client(lab, '-tls1_3')
    require(ok and negotiated(said)[0] == 'TLSv1.3', said[-400:])
    said, _ = openssl_client(lab, '-tls1_3', to=UP_TO_1_2)
    require('alert protocol version' in said and negotiated(said) is None, said[:400])
    said, ok = openssl_client(lab, to=UP_TO_1_2)
    require(ok and negotiated(said)[0] == 'TLSv1.2', said[-400:])
    for name, highest in (('old', 0x0303), ('legacy', 0x0304)):
        listener = tls_wire.listener(lab.network.pbx, address(name), 5061)
        lab.core().peer.invite(f'sip:{number(name)}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
        connection, _ = listener.accept()
        equal(max(v for v in tls_wire.versions_of_hello(connection) if v >> 8 == 3), highest, f'highest version offered to {name}')
        connection.close()
        listener.close()
    require('realm up-to-1-2: TLS 1.3 is off (tls_1_3)' in log_of(lab), 'no warning that TLS 1.3 is off')
    require('realm access: TLS 1.3' not in log_of(lab), 'a warning where it is on')


@case('versions and values that nobody knows do not disturb a handshake [SC-8.1.1-04] [D-10]')
def _(lab):
    for version in (0x0303, 0x0304, 0x0309, 0x03ff, 0x0462, 0x04ff, 0x0500):
        with plain(lab, STRANGER) as connection:
            equal(tls_wire.first_answer(connection, tls_wire.client_hello(version)), ('hello', 0x0303, 0xc02f),
                  f'the answer to a ClientHello of version {version:#06x} without supported_versions')
    with plain(lab, STRANGER) as connection:
        hello = tls_wire.client_hello(0x0303, versions=(0x7a7a, 0x0999, 0x0303))
        equal(tls_wire.first_answer(connection, hello), ('hello', 0x0303, 0xc02f), 'the answer to unknown supported_versions')


@case('a client that proposes a higher version than anybody knows, and none beside it, gets TLS 1.2, registers, and calls go '
      'both ways [SC-8.1.1-05]')
def _(lab):
    for version in (0x0309, 0x0462):
        pbx = proposing(lab, version)
        try:
            equal(pbx.peer.transport.socket.version, tls12_client.TLS_1_2, f'the version for one that proposes {version:#06x}')
            equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER')
            calls_both_ways(lab, pbx, PBX_NUMBER, DOMAIN)
            equal(pbx.peer.transport.malformed, [], 'what is no SIP, or no record of this connection')
        finally:
            pbx.close()


def proposing(lab, version):
    hello = tls_wire.client_hello(version, groups=(tls_wire.GREASE, tls12_client.SECP256R1))
    stream = parties.transport.StreamTransport(tls12_client.Tls12Client(plain(lab, PBX_ADDRESS), hello), 'TLS')
    peer = parties.sip_peer.Peer(stream, DOMAIN, USER, password=PASSWORD, contact_address=(PBX_ADDRESS, 5071))
    return parties.Party('pbx', lab.network.pbx, peer, PBX_ADDRESS, SUITE, lab.run_directory, lab.probe_binary)


def calls_both_ways(lab, pbx, its_number, domain):
    outgoing, incoming = parties.establish(pbx, lab.core(), f'sip:{lab.core_number}@{domain}', its_number)
    equal(outgoing.bye().status, 200, 'BYE of the PBX')
    require(incoming.wait_ended(), 'the BYE did not reach the core')
    outgoing, incoming = parties.establish(lab.core(), pbx, f'sip:{its_number}@{CORE.signaling}', lab.core_number)
    equal(outgoing.bye().status, 200, 'BYE of the core')
    require(incoming.wait_ended(), 'the BYE did not reach the PBX')


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


@case('suites without forward secrecy connect behind their switches only [SC-8.1.1-07] [SC-8.1.1-08] [D-08]')
def _(lab):
    for suite in ('AES128-GCM-SHA256', 'AES128-SHA'):
        said, _ = openssl_client(lab, '-tls1_2', '-cipher', suite)
        require('alert handshake failure' in said, f'{suite}: {said[:300]}')
        said, _ = openssl_client(lab, '-tls1_2', '-cipher', suite, to=LEGACY)
        equal(negotiated(said), ('TLSv1.2', suite), 'suite behind the switch')


@case('the order of the server decides, whatever the client prefers [SC-8.1.1-09] [SC-8.1.1-10] [SC-8.1.1-11] [D-09]')
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

    def told():                                  # so many refusals a second are logged, and no more
        openssl_client(lab, '-tls1_2', '-cipher', 'AES256-SHA256', to=LEGACY)
        return re.search(rf'TLS with {re.escape(ACCESS.peers[0])}:\d+: [^\n]*no shared cipher', log_of(lab))
    process.wait_until(told, 10, 'the log names the peer without a suite in common', every=0.4)


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
      '[SC-8.1-05] [SC-8.1-11]')
def _(lab):
    for sni, wanted, unwanted in ((DOMAIN, (f'DNS:{DOMAIN}', f'URI:sip:{DOMAIN}', f'CN = {DOMAIN}'), OTHER_NAME),
                                  (OTHER_NAME, (f'DNS:{OTHER_NAME}',), f'DNS:{DOMAIN}'),
                                  ('unknown.example', (f'URI:sip:{DOMAIN}',), OTHER_NAME)):
        said, _ = openssl_client(lab, '-servername', sni, '-verify_hostname', DOMAIN if sni == 'unknown.example' else sni)
        shown = subprocess.run(['openssl', 'x509', '-noout', '-subject', '-ext', 'subjectAltName'], input=said,
                               capture_output=True, text=True).stdout
        require(all(w in shown for w in wanted) and unwanted not in shown, f'asked for {sni}: {shown}')


@case('a realm\'s certificate may be signed by an authority, which PBXs trust, or by itself, when they have pinned it: they '
      'register, calls go both ways, and whoever has neither goes away [SC-16.2-15]')
def _(lab):
    signed = dict(edge=lab.edge.access_tls, ca_file=MADE.trusted, user=USER, password=PASSWORD, address=PBX_ADDRESS)
    itself = dict(edge=OWN, ca_file=MADE.own.certificate, user=OWN_LOGIN['username'], password=OWN_LOGIN['password'],
                  address=address('own'))
    for deployment, numbered in ((signed, PBX_NUMBER), (itself, number('own'))):
        pbx = parties.registered_pbx(lab.network.pbx, lab.run_directory, lab.probe_binary, server_name=DOMAIN, domain=DOMAIN,
                                     **deployment)
        try:
            equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER')
            shown = pbx.peer.transport.socket.getpeercert(binary_form=True)
            equal(shown == MADE.own.der, deployment is itself, 'the certificate is the pinned one')
            calls_both_ways(lab, pbx, numbered, DOMAIN)
        finally:
            pbx.close()
    # Each trusts what is shown elsewhere; the last has pinned another certificate that this very key has signed itself.
    for edge, trusted in ((lab.edge.access_tls, MADE.own.certificate), (OWN, MADE.trusted), (OWN, MADE.pinned.certificate)):
        with plain(lab, STRANGER, edge) as connection:
            try:
                with client_context(trusted).wrap_socket(connection, server_hostname=DOMAIN):
                    raise AssertionError(f'who trusts {trusted} alone has accepted the certificate of {edge}')
            except ssl.SSLCertVerificationError:
                pass


@case('a client that asks for it gets a good OCSP response stapled, over TLS 1.2 and 1.3 [SC-16.2-07] [D-14]')
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
    for leaf, level, days in ((MADE.other, 'error', '[45]'), (MADE.edge, 'warning', '(19|20)'), (MADE.edge_ec, 'warning', '(19|20)')):
        alarm = (rf'level={level} [^\n]*certificate {re.escape(str(leaf.certificate))} expires in {days} days[^\n]*'
                 'event=certificate-expiry')
        require(re.search(alarm, log_of(lab)), f'no alarm of level {level} about the end of {leaf.certificate}')
    ends = {dict(l)['certificate']: end for l, end in
            lab.edge.scrape('signaling').series('sallyport_tls_certificate_expiry_timestamp_seconds').items()
            if dict(l)['realm'] == 'access'}
    equal(sorted(ends), sorted(str(c.certificate) for c in (MADE.edge, MADE.edge_ec, MADE.other, MADE.fetched)),
          'certificates in the metric')
    for leaf in (MADE.edge, MADE.edge_ec, MADE.other, MADE.fetched):
        shown = subprocess.run(['openssl', 'x509', '-noout', '-enddate', '-in', leaf.certificate], capture_output=True, text=True)
        equal(ends[str(leaf.certificate)], ssl.cert_time_to_seconds(shown.stdout.strip().partition('=')[2]),
              f'the end of {leaf.certificate} in the metric')


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
      'trunk is refused with the right ones [SC-16.2-18] [SC-16.2-19]')
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
        second.peer.algorithms = ()                       # it has no answer to a challenge
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


@case('OPTIONS, MESSAGE and NOTIFY go to a PBX over the connection that it has registered over, not over a second one of it that '
      'has only connected [SC-16.2-20]')
def _(lab):
    context = client_context(MADE.trusted)

    def connected():
        with lab.network.pbx.entered():
            stream = parties.transport.StreamTransport.connect(lab.edge.access_tls, (PBX_ADDRESS, 0), context, DOMAIN)
        return Registrant(stream, DOMAIN, USER, PASSWORD)
    pbx, second = connected(), connected()
    try:
        equal(pbx.register().status, 200, 'REGISTER')
        equal(pbx.subscribe(f'sip:{USER}@{DOMAIN}').status, 200, 'SUBSCRIBE')
        # The second is the latest to be heard of: its PBX is asked for nothing but the options of the edge.
        equal(second.options(f'sip:{ACCESS.signaling}').status, 200, 'OPTIONS over the second connection')
        core, uri = lab.core().peer, f'sip:{PBX_NUMBER}@{CORE.signaling}'
        equal(core.options(uri).status, 200, 'OPTIONS of the core')
        equal(core.start(core.plain_request('MESSAGE', uri)).wait_final(5).status, 200, 'MESSAGE of the core')
        equal(pbx.register(['<sip:192.0.2.10:5099;bnc>']).status, 200, 'a REGISTER that is told of')
        came = ('OPTIONS', 'MESSAGE', 'NOTIFY', 'NOTIFY')

        def requests(peer):
            return [t.data.split(b' ')[0].decode() for t in peer.transport.trace
                    if not t.outgoing and not t.data.startswith(b'SIP/2.0') and t.data.strip()]
        process.wait_until(lambda: sorted(requests(pbx)) == sorted(came), 10, 'all of them came over the registered connection')
        equal(requests(second), [], 'requests over the second connection')
        equal(pbx.register(['*'], expires=0).status, 200, 'the end of the registration')
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


# -- changes under way

@case('our own OCSP response can be fetched from the responder, and is stapled then [SC-16.2-08]')
def _(lab):
    def stapled(version):
        return 'Cert Status: good' in openssl_client(lab, version, '-status', '-servername', FETCHED_NAME,
                                                     '-verify_hostname', FETCHED_NAME)[0]
    require(not stapled('-tls1_2'), 'a staple is there before anybody could be asked')
    with responding(lab, port=STAPLE_PORT) as responder:
        def fetched():
            reload(lab, 1)                       # which asks at once; without it that is done every 15 s
            return stapled('-tls1_2')
        process.wait_until(fetched, 20, 'a good staple over TLS 1.2', every=0.5)
        require(stapled('-tls1_3'), 'no good staple over TLS 1.3')
        require(responder.asked >= 1, 'the responder was not asked')
        ends = lab.edge.scrape('signaling').get('sallyport_tls_staple_expiry_timestamp_seconds', realm='access',
                                                certificate=str(MADE.fetched.certificate))
        require(time.time() < ends < time.time() + 3_700, 'the end of the staple is not in the metrics')


@case('a fetched response is replaced before its nextUpdate: a client never goes without one, and sees the newer thisUpdate in '
      'time [SC-16.2-09]')
def _(lab):
    def life(version='-tls1_2'):
        said, _ = openssl_client(lab, version, '-status', '-servername', FETCHED_NAME, '-verify_hostname', FETCHED_NAME)
        found = re.search(r'Cert Status: good\s+This Update: (.+?)\s+Next Update: (.+)', said)
        return found and [ssl.cert_time_to_seconds(re.sub(r' +', ' ', t.strip())) for t in found.groups()]

    with responding(lab, port=STAPLE_PORT, minutes=1) as responder:
        def fetched():
            reload(lab, 1)                       # which forgets the staple from before
            found = life()
            return found and found[1] - found[0] == 60 and found
        this_update, next_update = process.wait_until(fetched, 20, 'a staple that is good for a minute', every=0.5)
        asked = responder.asked

        def renewed():
            found = life()
            require(found or time.time() > next_update, 'no staple although the last one is good')
            # The answer to another question of the reload's would be younger too, by little.
            return found and found[0] >= this_update + 20
        process.wait_until(renewed, 70, 'a newer staple', every=1)
        require(time.time() < next_update, f'the newer staple came {time.time() - next_update:.0f} s after the end of the old one')
        require(responder.asked > asked, 'nobody has asked the responder for it')
        require(life('-tls1_3')[0] >= this_update + 20, 'the old staple over TLS 1.3')


@case('certificates are exchanged on SIGHUP: new handshakes get the new one, connections and registrations '
      'stay')
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
    """Each is waited for: signals that come together are one."""
    signaling = lab.edge.daemons['signaling']
    with open(signaling.log, errors='replace') as log:
        log.seek(0, 2)
        for _ in range(count):
            said = ''

            def reloaded():
                nonlocal said
                said += log.read()
                return 'certificates reloaded' in said
            signaling._child.send_signal(signal.SIGHUP)
            process.wait_until(reloaded, 5, 'the certificates are reloaded', every=0.001)


@case('a request of `sallyport certificate request` names us by SIP URI and DNS name, and what a CA makes of it is what is '
      'served [SC-8.1-04]')
def _(lab):
    requests = {}
    for key_type, bits in (('ec-p256', 'Public-Key: (256 bit)'), ('rsa-2048', 'Public-Key: (2048 bit)'),
                           ('rsa-3072', 'Public-Key: (3072 bit)')):
        request = requests[key_type] = lab.edge.run / f'{key_type}.csr'
        command = [str(build_directory() / 'bin' / 'sallyport'), 'certificate', 'request', '--realm-domain', DOMAIN,
                   '--key-type', key_type, '--out', str(request)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        equal((done.returncode, done.stderr), (0, ''), f'{key_type}: exit status and complaints')
        judged = subprocess.run(['openssl', 'req', '-in', str(request), '-noout', '-verify', '-text'], capture_output=True, text=True)
        require(judged.returncode == 0 and 'verify OK' in judged.stdout + judged.stderr, judged.stderr)
        names = re.search(r'X509v3 Subject Alternative Name: *(critical)?\s+([^\n]+)', judged.stdout)
        require(names and f'URI:sip:{DOMAIN}, DNS:{DOMAIN}' == names.group(2).strip(), judged.stdout)
        require(bits in judged.stdout and f'Subject: CN = {DOMAIN}\n' in judged.stdout, judged.stdout)
        key = request.with_suffix('.key')
        equal(key.stat().st_mode & 0o7777, 0o600, 'mode of the key')
        before = key.read_bytes(), request.read_bytes()
        equal(subprocess.run(command, capture_output=True, timeout=60).returncode, 1, 'exit status over files that are there')
        equal((key.read_bytes(), request.read_bytes()), before, 'files that were there')
    issued = lab.edge.run / 'issued.pem'
    subprocess.run(['openssl', 'x509', '-req', '-in', str(requests['ec-p256']), '-copy_extensions', 'copyall', '-days', '20', '-CA',
                    str(MADE.root.certificate), '-CAkey', str(MADE.root.key), '-out', str(issued)], check=True, capture_output=True)
    files = {MADE.edge_ec.certificate: issued, MADE.edge_ec.key: requests['ec-p256'].with_suffix('.key')}
    kept = {file: file.read_bytes() for file in files}
    try:
        for file, source in files.items():
            file.write_bytes(source.read_bytes())
        reload(lab, 1)
        said, ok = openssl_client(lab, '-tls1_3', '-sigalgs', 'ECDSA+SHA256')
        require(ok and 'Verify return code: 0 (ok)' in said and issued.read_text().strip() in said, said[-600:])
        shown = subprocess.run(['openssl', 'x509', '-noout', '-ext', 'subjectAltName'], input=said, capture_output=True,
                               text=True).stdout
        require(f'URI:sip:{DOMAIN}, DNS:{DOMAIN}' in shown, shown)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
        reload(lab, 1)


@case('more than a thousand reloads leave memory as it was')
def _(lab):
    reload(lab, 100)                             # the allocator has what it needs
    sizes = [process.resident_bytes(lab.edge.daemons['signaling'].pid)]
    for _ in range(6):
        reload(lab, 300)
        sizes.append(process.resident_bytes(lab.edge.daemons['signaling'].pid))
    # What leaks grows in every stretch; a heap that found another place for its pieces grows in one of them.
    grown = [after - before for before, after in zip(sizes, sizes[1:])]
    require_growth(min(grown), 128 << 10, 'signaling, in each 300 reloads')
    require_growth(sum(grown), 8 << 20, 'signaling')
    equal(alert_of(lab, 'ca', MADE.pbx), 'ok', 'a handshake afterwards')


if __name__ == '__main__':
    sys.exit(main('tls', lambda: edge_with_trunks('tls', fetching=True)))
