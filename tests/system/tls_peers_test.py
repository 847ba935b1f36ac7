#!/usr/bin/env python3
"""Peers over TLS as SIPconnect 2.0 has them in 8.1, 17.2 and 17.5: what a certificate must say, whom a static trunk trusts
and of what status, and what never happens where TLS is required."""
import json
import re
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import tls_wire  # noqa: E402
import wire  # noqa: E402
from asking import require_every_request_asked  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from certificate_lab import client_context  # noqa: E402
from edge_fixture import DOMAIN  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import CORE  # noqa: E402
from listening_pbx import ListeningPbx, connect  # noqa: E402
from pbx_sim import sip_message, sip_peer, transport  # noqa: E402
from registrant import Registrant  # noqa: E402
from tls_lab import (  # noqa: E402
    BOTH, DIGEST, MADE, NAMES, RESPONDER_PORT, SUITE, TLS_1_2, TLS_1_3, address, alert_of, asks_at, call_reaches,
    called, dial, edge_with_trunks, listening, log_of, number, ocsp_rule, openssl_server, options, plain, presented,
    provision, responding, trunk, wait_log)

NOBODY_THERE = 8889          # where no responder listens


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
              ('with a critical extension that nobody knows', m.root.issue('critical', names, extra=unknown), 'CERTIFICATE_UNKNOWN'),
              ('whose issuer is no authority', m.no_authority.issue('by-a-leaf', names, chain=(m.no_authority,)), 'UNKNOWN_CA'),
              ('for a name that its authority may not vouch for', m.elsewhere.issue('constrained', names, chain=(m.elsewhere,)),
               'CERTIFICATE_UNKNOWN')]
    for what, leaf, alert in matrix:
        equal(alert_of(lab, 'ca', leaf), alert, f'alert to a PBX that connects with a certificate {what}')
        require(alert in presented(lab, 'ca', leaf), f'a PBX was called with a certificate {what}')
    good = m.middle.issue('chained', names, chain=(m.middle,))
    equal((alert_of(lab, 'ca', good), presented(lab, 'ca', good)), ('ok', 'ok'), 'a right one through an intermediate')


@case('whom a certificate names: URI before DNS, the common name only without any subjectAltName, nothing else; wildcards '
      'on the trunk that says so [SC-8.1-06] [SC-8.1-07] [SC-8.1-08] [SC-8.1-09] [SC-8.1-10] [D-11] [D-12]')
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
    for text, names, common_name in (('by its common name alone: legacy', '', 'pbx.example'),
                                     ('other.example, not pbx.example', 'DNS:other.example', 'pbx.example')):
        leaf = m.root.issue(f'told-{common_name}-{len(names)}', names, common_name)
        wait_log(lab, text, again=lambda leaf=leaf: alert_of(lab, 'ca', leaf))
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
        require(outgoing.wait_final(10).status in (480, 503), 'a call with TLS away')
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


@case('a trunk that does not require TLS is called as its zone prefers, or over the transport that its target names; once TLS '
      'is required the same zone leads to TLS alone [SC-17.2-09]')
def _(lab):
    transports = ['udp', 'tcp', 'tls']
    with lab.network.pbx.entered():
        over_udp = sip_peer.Peer(transport.UdpTransport((address('dns'), 5060)), 'dns.example', contact_address=(address('dns'), 5060))
    over_tcp = ListeningPbx(lab, address('dns'), 5060, 'dns.example')
    try:
        with listening(lab, 'dns', MADE.root.issue('dns-free', 'DNS:dns.example')) as over_tls:
            places = {'UDP': over_udp, 'TCP': over_tcp, 'TLS': over_tls}
            for target, tls, taken in (({'host': 'dns.example'}, None, 'UDP'),              # which its NAPTR lists first
                                       ({'host': 'dns.example', 'port': 5060, 'transport': 'tcp'}, None, 'TCP'),
                                       ({'host': 'dns.example'}, {'required': True, 'authorities': [MADE.root.pem]}, 'TLS')):
                provision(lab, trunk('dns', tls, [target], **({} if tls else {'transports': transports})))
                equal(called(lab, 'dns', places[taken]), (486, True), f'the call over {taken}')
                for other, place in places.items():
                    require(place.incoming.empty(), f'the call that was for {taken} came over {other} too')
    finally:
        over_udp.close()
        over_tcp.close()
        provision(lab, trunk('dns', {'required': True, 'authorities': [MADE.root.pem]}, [{'host': NAMES['dns']}]))


@case('an INVITE from the right address over UDP or TCP is refused where TLS is required [SC-17.2-11] [SC-8-03]')
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
    process.wait_until(lambda: all(c['state'] == 'ended' for c in lab.edge.calls()), 10, 'the calls are over')
    equal(presented(lab, 'ca', MADE.pbx), 'ok', 'a call once that connection is gone')


@case('a PBX without a certificate is called over the TLS connection that it has proven by Digest, and over no other: not '
      'before, and not once that is gone [SC-17.2-24]')
def _(lab):
    def unreached(what):
        outgoing = lab.core().peer.invite(f'sip:{number("digest")}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
        require(outgoing.wait_final(10).status in (480, 503), f'a call {what}: {outgoing.transaction.final.status}')
        require(all(p.peer.incoming.empty() for p in (pbx, beside)), f'a call {what} was sent to somebody who has proven nothing')

    listener = tls_wire.listener(lab.network.pbx, address('digest'), 5061)    # where nobody calls it
    try:
        for prove, version in ((proves_by_options, TLS_1_2), (proves_by_calling, TLS_1_3)):
            pbx, beside = without_certificate(lab, version), without_certificate(lab, version)   # which proves nothing
            for party in (pbx, beside):
                challenged = party.peer.start(party.peer.plain_request('INVITE', f'sip:{lab.core_number}@{DOMAIN}'))
                equal(challenged.wait_final(5).status, 407, 'an INVITE without credentials')
            unreached('before the PBX has proven itself')
            prove(lab, pbx)
            outgoing, incoming = parties.establish(lab.core(), pbx, f'sip:{number("digest")}@{CORE.signaling}', lab.core_number)
            equal(outgoing.bye().status, 200, 'BYE')
            require(incoming.wait_ended(), 'the BYE did not come over the connection')
            require(beside.peer.incoming.empty(), 'a call went over the other connection too')
            pbx.close()
            process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_sip_transport_connections', transport='tls') == 1,
                               5, 'the edge knows that the connection is gone')
            unreached('once the proven connection is gone')
            beside.close()
        listener.settimeout(0.2)
        try:
            listener.accept()
            raise AssertionError('the edge has opened a connection')
        except TimeoutError:
            pass
    finally:
        listener.close()


def without_certificate(lab, version):
    pbx = connect(lab, address('digest'), lab.edge.access_tls, 'digest.example', client_context(MADE.trusted, version=version),
                  DOMAIN, suite=SUITE)
    pbx.peer.username, pbx.peer.password = DIGEST['username'], DIGEST['password']
    return pbx


def proves_by_options(lab, pbx):
    asked = pbx.peer.plain_request('OPTIONS', f'sip:{DOMAIN}')
    challenge = pbx.peer.start(asked).wait_final(5)
    equal(challenge.status, 401, 'OPTIONS without credentials')
    equal(pbx.peer.options(f'sip:{DOMAIN}', [pbx.peer._authorize(asked, challenge)]).status, 200, 'OPTIONS with credentials')


def proves_by_calling(lab, pbx):
    outgoing, incoming = parties.establish(pbx, lab.core(), f'sip:{lab.core_number}@{DOMAIN}', number('digest'))
    equal(incoming.bye().status, 200, 'BYE of the callee')
    require(outgoing.wait_ended(), 'the BYE did not reach the caller')


@case('a PBX that is known by its certificate proves every request where its trunk says so as well [SC-16.6.1-04]')
def _(lab):
    who = {'username': 'by-certificate', 'password': 'a certificate is not all'}
    trust = {'required': True, 'authorities': [MADE.root.pem]}
    provision(lab, trunk('ca', trust, media={'srtp': 'off'}, authentication={'digest': 'per_request'}, credentials=[who]))
    try:
        for version in BOTH:
            with lab.network.pbx.entered():
                connection = transport.StreamTransport.connect(lab.edge.access_tls, (address('ca'), 0),
                                                               client_context(MADE.trusted, MADE.pbx, version), DOMAIN)
            pbx = Registrant(connection, domain='pbx.example', user=number('ca'), **who)
            require_every_request_asked(lab, pbx, number('ca'))
            pbx.close()
        equal(alert_of(lab, 'ca', None), 'HANDSHAKE_FAILURE', 'nor are credentials enough: a PBX without a certificate')
    finally:
        provision(lab, trunk('ca', trust, limits={'concurrent_calls': 200}))


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
                            for n, port in (('away', NOBODY_THERE), ('other', NOBODY_THERE), ('hanging', 8890)))
    ocsp_rule(lab, 'hard')
    require(alert_of(lab, 'ocsp', away) != 'ok', 'taken although its status is unknown, and that matters')
    wait_log(lab, 'status unknown: the OCSP responder')
    for version in BOTH:
        equal(reaches_server(lab, away, None, version), (False, False), f'a call to who shows the same over {version.name}')
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
    ocsp_rule(lab, 'hard')
    for version in BOTH:
        good, revoked = (MADE.root.issue(f'stapled-{n}-{version.name}', 'DNS:ocsp.example', extra=asks_at())
                         for n in ('good', 'revoked'))
        MADE.root.revoke(revoked)
        with responding(lab) as responder:
            for leaf, stapled, reached, asked in ((good, True, True, 0), (revoked, True, False, 0), (good, False, True, 1)):
                staple = MADE.root.ocsp_response(leaf, f'{leaf.certificate.stem}.der') if stapled else None
                equal(reaches_server(lab, leaf, staple, version), (reached, stapled), f'{leaf.certificate.stem}, stapled {stapled}')
                equal(responder.asked, asked, f'questions to the responder, {version.name}')


@case('a staple that a stranger or a mere peer has signed, that is about another certificate, or that is of another time is none, '
      'though it says good: the responder is asked, and without it the status is unknown [SC-17.2-07] [SC-17.2-08]')
def _(lab):
    ocsp_rule(lab, 'hard')
    another = MADE.root.issue('staple-of-another', 'DNS:ocsp.example', extra=asks_at())
    kinds = (('a right one', {}), ('signed by a stranger', {'signer': MADE.stranger}),
             ('signed by a peer of the same authority', {'signer': another}), ('about another', {'about': another}),
             ('past its nextUpdate', {'made': -120}), ('of a day ago and more, without nextUpdate', {'made': -1500, 'minutes': None}),
             ('of the future', {'made': 60}))
    for index, (kind, how) in enumerate(kinds):
        for version in BOTH:
            right, what = not how, f'a staple {kind} over {version.name}'

            def leaf_with_staple(name, port=RESPONDER_PORT):
                leaf = MADE.root.issue(f'staple-{index}-{version.name}-{name}', 'DNS:ocsp.example', extra=asks_at(port))
                about, options_ = how.get('about', leaf), {k: v for k, v in how.items() if k != 'about'}
                return leaf, MADE.root.ocsp_response(about, f'{leaf.certificate.stem}.der', **options_)
            good, revoked, alone = leaf_with_staple('good'), leaf_with_staple('revoked'), leaf_with_staple('alone', NOBODY_THERE)
            MADE.root.revoke(revoked[0])
            with responding(lab) as responder:
                equal(reaches_server(lab, *good, version), (True, True), f'a good peer and {what}')
                equal(responder.asked, 0 if right else 1, f'questions to the responder for {what}')
                equal(reaches_server(lab, *revoked, version), (right, True), f'a revoked peer and {what}')
                equal(responder.asked, 0 if right else 2, f'questions to the responder in all for {what}')
            equal(reaches_server(lab, *alone, version), (right, True), f'no responder, and {what}')


@case('as a client too a trunk that says soft takes whose status is unknown, and refuses who is revoked, by staple or by responder '
      '[SC-17.2-05] [SC-17.2-06]')
def _(lab):
    ocsp_rule(lab, 'soft')
    try:
        for version in BOTH:
            unknown, strange, stapled, told = (
                MADE.root.issue(f'soft-{n}-{version.name}', 'DNS:ocsp.example', extra=asks_at(port))
                for n, port in (('unknown', NOBODY_THERE), ('strange', NOBODY_THERE), ('stapled', RESPONDER_PORT), ('told', RESPONDER_PORT)))
            bad = MADE.root.ocsp_response(strange, f'{strange.certificate.stem}.der', signer=MADE.stranger)
            for leaf in (stapled, told):
                MADE.root.revoke(leaf)
            for leaf, staple in ((unknown, None), (strange, bad)):
                equal(reaches_server(lab, leaf, staple, version)[0], True, f'{leaf.certificate.stem}, and no responder')
            revoked = MADE.root.ocsp_response(stapled, f'{stapled.certificate.stem}.der')
            equal(reaches_server(lab, stapled, revoked, version), (False, True), 'a revoked peer that staples it')
            with responding(lab) as responder:
                equal(reaches_server(lab, told, None, version)[0], False, 'a revoked peer without a staple')
                equal(responder.asked, 1, 'questions to the responder')
    finally:
        ocsp_rule(lab, 'hard')


def reaches_server(lab, leaf, staple, version=TLS_1_2):
    """(does an INVITE reach an s_server that shows this certificate, did it send its staple)."""
    stapled = ('-status_file', staple, '-status_verbose') if staple else ()
    with openssl_server(lab, 'ocsp', leaf, version, *stapled) as server:
        return call_reaches(lab, 'ocsp', server), 'cert_status' in server.text()


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


if __name__ == '__main__':
    sys.exit(main('tls_peers', lambda: edge_with_trunks('tls-peers')))
