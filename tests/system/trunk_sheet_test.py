#!/usr/bin/env python3
"""What `sallyport trunk sheet NAME --pbx ...` gives the administrator of a PBX to start from: per family of PBXs where to send calls,
as whom, over what, with or without SRTP and registration, for trunks that register, static ones, ones of IPv6 and ones that are
pointed to a name."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, PASSWORD, running_edge  # noqa: E402
from lab.network import ACCESS  # noqa: E402

NAME_V4 = 'v4.sbc.sallyport.example'
V6 = f'[{ACCESS.signaling_v6}]'


def registering(name, more=''):
    return f'''kind: Trunk
name: trunks/{name}
mode: registration
realm: access
registration_aor: sip:{name}@{DOMAIN}
credentials: [{{username: login-{name}, password: {PASSWORD}}}]
numbers: [{{first: "+493099900{len(name)}"}}]
{more}'''


def fixed(name, address, transport, more=''):
    host = f'[{address}]' if ':' in address else address
    return f'''kind: Trunk
name: trunks/{name}
mode: static
realm: access
domain: {name}.example
transports: [{transport}]
targets: [{{host: "{host}", port: 5060, transport: {transport}}}]
sources: ["{address}/{128 if ':' in address else 32}"]
numbers: [{{first: "+493099901{len(name)}"}}]
network: {{unprobed: true}}
{more}'''


class Trunk:
    """What its sheets have to say."""

    def __init__(self, name, document, host, port, transport, srtp, registers, v6=False):
        self.name, self.document = name, document
        self.host, self.port, self.transport, self.srtp, self.registers, self.v6 = host, port, transport, srtp, registers, v6
        self.domain = DOMAIN if registers else f'{name}.example'
        self.server = f'{host}:{port}'


PLAIN, WITHOUT_SRTP = 'network: {ip_version: %s}\n', 'media: {srtp: "off"}\n'
TRUNKS = (
    Trunk('by-name', registering('by-name', PLAIN % 'v4'), NAME_V4, 5061, 'tls', True, True),
    Trunk('by-v6', registering('by-v6', PLAIN % 'v6'), V6, 5061, 'tls', True, True, v6=True),
    Trunk('plain-v6', registering('plain-v6', PLAIN % 'v6' + 'transports: [tcp]\n' + WITHOUT_SRTP), V6, 5060, 'tcp', False, True, v6=True),
    Trunk('fixed', fixed('fixed', '192.0.2.30', 'udp', WITHOUT_SRTP), NAME_V4, 5060, 'udp', False, False),
    Trunk('fixed-v6', fixed('fixed-v6', ACCESS.peers_v6[0], 'tls'), V6, 5061, 'tls', True, False, v6=True),
)


def lines_of(lab, trunk, pbx):
    """The template without the sheet before it."""
    whole, sheet = lab.edge.cli('trunk', 'sheet', trunk.name, '--pbx', pbx), lab.edge.cli('trunk', 'sheet', trunk.name)
    require(whole.startswith(sheet.rstrip('\n')), f'{pbx}: the sheet is not before the template')
    require(PASSWORD not in whole, f'{pbx}: the password')
    return [line.rstrip() for line in whole[len(sheet.rstrip('\n')):].strip('\n').split('\n')]


def sections(lines):
    """Of pjsip.conf: type -> {option: value}."""
    found, options = {}, {}
    for line in lines:
        if line.startswith('['):
            options = {}
        elif '=' in line and not line.startswith(';'):
            name, _, value = line.partition('=')
            options[name] = value
            if name == 'type':
                require(value not in found, f'two sections of type {value}')
                found[value] = options
    return found


@case('Asterisk: transport and where it is bound, registration or none, user, domain, proxy, SRTP, per kind of trunk')
def _(lab):
    for trunk in TRUNKS:
        got, what = sections(lines_of(lab, trunk, 'asterisk')), trunk.name
        proxy = f'sip:{trunk.server}\\;transport={trunk.transport}'
        equal((got['transport']['protocol'], got['transport']['bind']), (trunk.transport, '[::]' if trunk.v6 else '0.0.0.0'), f'{what}: transport')
        equal(got['transport'].get('verify_server'), 'yes' if trunk.transport == 'tls' else None, f'{what}: the certificate')
        end = got['endpoint']
        equal((end['from_domain'], end['media_encryption'], end['outbound_proxy'], end.get('rtp_ipv6')),
              (trunk.domain, 'sdes' if trunk.srtp else 'no', f'{proxy}\\;lr', 'yes' if trunk.v6 else None), f'{what}: endpoint')
        equal((got['aor']['contact'], got['identify']['match']), (proxy, trunk.host.strip('[]')), f'{what}: where calls go and come from')
        equal({kind for kind in got if kind in ('auth', 'registration')}, {'auth', 'registration'} if trunk.registers else set(), f'{what}: sections')
        if trunk.registers:
            of = got['registration']
            equal((of['client_uri'], of['server_uri'], of['contact_user'], of['outbound_proxy']),
                  (f'sip:{what}@{trunk.domain}', f'sip:{trunk.domain}\\;transport={trunk.transport}', what, f'{proxy}\\;lr'), f'{what}: registration')
            equal((got['auth']['username'], got['auth']['password']), (f'login-{what}', '<PASSWORD>'), f'{what}: auth')


@case('FreeSWITCH: profile, proxy, transport, register on and off, user, domain, SRTP, per kind of trunk')
def _(lab):
    for trunk in TRUNKS:
        text, what = '\n'.join(lines_of(lab, trunk, 'freeswitch')), trunk.name
        got = dict(re.findall(r'<param name="([^"]*)" value="([^"]*)"/>', text))
        equal({name: got[name] for name in ('realm', 'proxy', 'from-domain', 'outbound-proxy', 'register', 'register-transport', 'username', 'password')},
              {'realm': trunk.domain, 'proxy': trunk.domain, 'from-domain': trunk.domain, 'outbound-proxy': trunk.server,
               'register': 'true' if trunk.registers else 'false', 'register-transport': trunk.transport,
               'username': f'login-{what}' if trunk.registers else what, 'password': 'PASSWORD' if trunk.registers else 'none'}, what)
        require(f'sip_profiles/external{"-ipv6" if trunk.v6 else ""}/{what}.xml' in text, f'{what}: {text}')
        require(f'{{rtp_secure_media={"mandatory" if trunk.srtp else "false"},' in text and f'sofia/gateway/{what}/' in text, f'{what}: {text}')


@case('3CX: server, proxy, kind of authentication, user, transport, SRTP, per kind of trunk')
def _(lab):
    for trunk in TRUNKS:
        got = dict(line.strip().split('  ', 1) for line in lines_of(lab, trunk, '3cx') if re.match(r'  \S.*?  ', line))
        got = {name: value.strip() for name, value in got.items()}
        wanted = {'Registrar/Server/Gateway': f'{trunk.domain}, port {trunk.port}', 'Outbound Proxy': trunk.server,
                  'Type of Authentication': 'Register/Account based' if trunk.registers else 'Do not require - IP based',
                  'Transport Protocol': trunk.transport.upper(), 'SRTP': 'Enforced' if trunk.srtp else 'Not supported'}
        equal({name: got.get(name) for name in wanted}, wanted, trunk.name)
        equal(got.get('Authentication ID'), f'login-{trunk.name}' if trunk.registers else None, f'{trunk.name}: user')


@case('CUBE: hosts introduced by their kind (dns:, ipv4:, ipv6:), registrar or none, user, domain, session transport, SRTP, per kind of trunk')
def _(lab):
    for trunk in TRUNKS:
        lines, what = lines_of(lab, trunk, 'cube'), trunk.name
        wanted = [f' sip-server dns:{trunk.domain}', f' outbound-proxy {"ipv6" if trunk.v6 else "dns"}:{trunk.server}',
                  f' session transport {"tcp tls" if trunk.transport == "tls" else trunk.transport}']
        if trunk.registers:
            user = f'username login-{what} password 0 <PASSWORD> realm {trunk.domain}'
            over = {'udp': '', 'tcp': ' tcp', 'tls': ' tls'}[trunk.transport]
            wanted += [f' registrar 1 dns:{trunk.domain} expires 600{over}', f' credentials number {what} {user}', f' authentication {user}']
        wanted += [' protocol mode ipv6'] if trunk.v6 else []
        begins = ' registrar', ' credentials', ' authentication', ' sip-server', ' outbound-proxy', ' session transport', ' protocol'
        equal(sorted(line for line in lines if line.startswith(begins)), sorted(wanted), what)
        equal(lines.count(' srtp'), 2 if trunk.srtp else 0, f'{what}: lines that ask for SRTP')
        equal('crypto pki trustpoint PROVIDER-CA' in lines, trunk.transport == 'tls', f'{what}: trust')


@case('a CUBE that is pointed to an IPv4 address is told ipv4:')
def _(lab):
    lab.edge.run.joinpath('signaling.yaml').write_text(lab.edge._signaling().replace(f', advertised: "{NAME_V4}"', ''))
    lab.edge.restart('signaling')
    require(f' outbound-proxy ipv4:{ACCESS.signaling}:5061' in lines_of(lab, TRUNKS[0], 'cube'), 'not by its address')


@case('any other PBX: the REGISTER to send or none, domain, proxy, transport, SRTP, per kind of trunk')
def _(lab):
    for trunk in TRUNKS[1:3] + TRUNKS[4:]:          # the name of the others is an address since the case before
        text, what = '\n'.join(lines_of(lab, trunk, 'generic')), trunk.name
        registers = f'To/From sip:{what}@{trunk.domain}, Contact <sip:PBX-ADDRESS;bnc>, Require: gin, Proxy-Require: gin, Supported: path'
        for line in (f'registrar and proxy +{re.escape(f"sip:{trunk.domain} by {trunk.server} ({trunk.transport.upper()})")}$',
                     f'REGISTER +{re.escape(registers if trunk.registers else "none")}$',
                     f'Request-URI +{re.escape(f"sip:+NUMBER@{trunk.domain};user=phone")}$',
                     f'media +{"SRTP .*SDES.*" if trunk.srtp else "RTP/AVP, not encrypted"}$'):
            require(re.search(line, text, re.M), f'{what}: {line} is not in\n{text}')


def prepare(lab):
    file = Path(lab.run_directory) / 'sheets.yaml'
    file.write_text('---\n'.join(trunk.document for trunk in TRUNKS))
    lab.edge.apply(file)


if __name__ == '__main__':
    sys.exit(main('trunk_sheet', lambda: running_edge('trunk-sheet', access=('udp', 'tcp', 'tls'), prepare=prepare,
                                                      advertised=(NAME_V4, ACCESS.media))))
