#!/usr/bin/env python3
"""Every combination that a static trunk over TLS may meet: version x suite x kind of key x who connects x what the
certificate says (SIPconnect 2.0 8.1, 8.1.1, 17.2), each a handshake and a request or a call over it."""
import contextlib
import itertools
import re
import ssl
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from certificate_lab import client_context  # noqa: E402
from edge_fixture import DOMAIN  # noqa: E402
from tls_lab import (MADE, TLS_1_2, TLS_1_3, address, call_reaches, called, edge_with_trunks, listening,  # noqa: E402
                     openssl_server, options, plain, taken)

RSA, EC = 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'
# What the certificate says of a PBX whose target is pbx.example, and whether that is it.
FORMS = {'its SIP URI': ('URI:sip:pbx.example', 'x', True), 'its DNS name': ('DNS:pbx.example', 'x', True),
         'its common name': ('', 'pbx.example', True), 'another DNS name': ('DNS:other.example', 'pbx.example', False)}


def leaves():
    """(trunk, what, kind of key, certificate, right)"""
    for (what, (names, common_name, right)), kind in itertools.product(FORMS.items(), ('rsa', 'ec')):
        key = MADE.root.rsa_key if kind == 'rsa' else MADE.root.ec_key
        file = re.sub(r'\W', '-', f'matrix-{what}-{kind}')
        yield 'ca', what, kind, MADE.root.issue(file, names, common_name, key=key), right
    yield 'pin', 'what is pinned', 'ec', MADE.pinned, True
    yield 'pin', 'what is pinned elsewhere', 'ec', MADE.printed, False
    yield 'print', 'the fingerprint', 'ec', MADE.printed, True
    yield 'print', 'another fingerprint', 'ec', MADE.pinned, False


def connects(lab, name, leaf, version, suite):
    """(version, suite) over which the PBX got an answer, or None."""
    context = client_context(MADE.trusted, leaf, version)
    if suite:
        context.set_ciphers(suite)
    try:
        with context.wrap_socket(plain(lab, address(name)), server_hostname=DOMAIN) as tls:
            if version == TLS_1_3 and not taken(tls):
                return None
            tls.settimeout(9)
            tls.sendall(options(f'SIP/2.0/TLS {address(name)}:5061'))
            return (tls.version(), tls.cipher()[0]) if tls.recv(65_536).startswith(b'SIP/2.0 ') else None
    except (ssl.SSLError, ConnectionError):
        return None


def is_called(lab, name, leaf, version, suite):
    """The same for a PBX that the edge connects to."""
    with listening(lab, name, leaf) as pbx:
        pbx.tls.minimum_version = pbx.tls.maximum_version = version
        pbx.tls.set_ciphers(suite)
        status, reached = called(lab, name, pbx)
        require(reached == (status == 486), f'{status}, and the PBX {"has" if reached else "has not"} heard of the call')
        with contextlib.suppress(IndexError):
            tls = pbx.connections[0].peer.transport.socket
            return (tls.version(), tls.cipher()[0]) if reached else None
    return None


@case('version x suite x key x certificate: a PBX that connects [SC-8.1-06] [SC-8.1.1-01] [SC-17.2-01] [SC-17.2-03]')
def _(lab):
    for name, what, kind, leaf, right in leaves():
        for version, suite in ((TLS_1_2, RSA), (TLS_1_2, EC), (TLS_1_3, None)):
            got = connects(lab, name, leaf, version, suite)
            row = f'{what}, {kind}, {version.name}, {suite}'
            require((got is not None) == right, f'{row}: {got}')
            if got and suite:
                equal(got, ('TLSv1.2', suite), row)
            elif got:
                require(got[0] == 'TLSv1.3' and got[1].startswith('TLS_'), f'{row}: {got}')


@case('version x suite x key x certificate: a PBX that the edge connects to [SC-8.1-06] [SC-8.1.1-01] [SC-17.2-02] [SC-17.2-03]')
def _(lab):
    for name, what, kind, leaf, right in leaves():
        for version in (TLS_1_2, TLS_1_3):
            suite = RSA if kind == 'rsa' else EC
            got = is_called(lab, name, leaf, version, suite)
            row = f'{what}, {kind}, {version.name}'
            require((got is not None) == right, f'{row}: {got}')
            if got and version == TLS_1_2:
                equal(got, ('TLSv1.2', suite), row)
            elif got:
                require(got[0] == 'TLSv1.3', f'{row}: {got}')


# Of the profile's suites those that each kind of key can have; then what it has only for who switches it on.
SUITES = {'rsa': ('ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384'),
          'ec': ('ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384')}
LEGACY = {'rsa': ('AES128-SHA', 'ECDHE-RSA-AES128-SHA'), 'ec': ('ECDHE-ECDSA-AES128-SHA',)}


@case('version x suite x key: `openssl s_server` as the PBX that the edge connects to; suites that are not switched on are none '
      '[SC-8.1-06] [SC-17.2-02]')
def _(lab):
    for what, kind, leaf, right in ((what, kind, leaf, right) for name, what, kind, leaf, right in leaves() if name == 'ca'):
        rows = [(TLS_1_2, ('-cipher', f'{suite}:@SECLEVEL=0'), suite, right) for suite in SUITES[kind]]
        rows += [(TLS_1_3, ('-ciphersuites', suite), suite, right)
                 for suite in ('TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384')]
        if right:
            rows += [(TLS_1_2, ('-cipher', f'{suite}:@SECLEVEL=0'), suite, False) for suite in LEGACY[kind]]
        for version, options_, suite, reached in rows:
            row = f'{what}, {kind}, {version.name}, {suite}'
            with openssl_server(lab, 'ca', leaf, version, *options_) as server:
                equal(call_reaches(lab, 'ca', server), reached, f'{row}: the call reaches it')
                require(f'CIPHER is {suite}' in server.text() or not reached, f'{row}: {server.text()}')


if __name__ == '__main__':
    sys.exit(main('tls_matrix', lambda: edge_with_trunks('tls-matrix')))
