#!/usr/bin/env python3
"""Whose number is called, in which form, and where the call goes: public identities (SIPconnect 9), both Request-URI
builders (16.7, 17.6), dial plans, translation tables, routes and carriers. Against the running daemons, over real sockets."""
import contextlib
import itertools
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, DOMAIN, PASSWORD, PBX_ADDRESS, USER, running_edge  # noqa: E402
from exchanges import Site, answered, arrived, hang_up, identities, place, refused, without_tag  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.edge import CORE_UDP  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

FAR = '+4989777001'              # a number in the core
OWN = '+4930555001'              # of the registered PBX
HOSTS = {'by-address': '192.0.2.31', 'by-name': '192.0.2.32', 'american': '192.0.2.33',
         'translating': '192.0.2.34'}
V6 = '2001:db8:1::31'
BLOCKS = {'acme-hq': '+49305550', 'by-address': '+494010', 'by-address-v6': '+494020', 'by-name': '+494030'}
DOMAINS = {'by-address': '192.0.2.31', 'by-address-v6': f'[{V6}]', 'by-name': 'enterprise.example'}


def prepare(lab):
    for address in HOSTS.values():
        lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    lab.network.pbx.ip('addr', 'add', f'{V6}/64', 'dev', 'sig0', 'nodad')
    for address in ('198.51.100.21', '198.51.100.22'):
        lab.network.core.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    lab.sites = {name: Site(lab, lab.network.pbx, address, lab.edge.access_udp, name=name, domain=f'{name}.lan')
                 for name, address in HOSTS.items()}
    lab.sites['by-address-v6'] = Site(lab, lab.network.pbx, V6, (ACCESS.signaling_v6, 5060), name='by-address-v6',
                                      domain='v6.lan')
    for name, address in (('second', '198.51.100.21'), ('legacy', '198.51.100.22')):
        lab.sites[name] = Site(lab, lab.network.core, address, CORE_UDP, name=name, domain=f'{name}.example')
    lab.edge.apply(Path(__file__).resolve().parent / 'numbers.yaml')      # once they answer probes
    process.wait_until(lambda: all(lab.sites[n].peer.options_seen for n in ('second', 'legacy')), 10, 'the carriers are probed')


def site(lab, name):
    """The party that stands for a trunk or a carrier."""
    if name == 'acme-hq':
        return lab.pbx()
    return lab.core() if name == 'core' else lab.sites[name].party


def uri_parts(uri):
    """(user, host, lower-case parameters) of a SIP URI, the host with its port."""
    scheme, rest = uri.split(':', 1)
    require(scheme == 'sip', f'a SIP URI: {uri}')
    address, *parameters = rest.split(';')
    user, _, host = address.rpartition('@')
    return user, host, parameters


def call_from_core(lab, uri, trunk, **options):
    return arrived(lab.core(), site(lab, trunk), options.pop('to', f'sip:{FAR}@somewhere.example'), uri=uri,
                   from_=f'<sip:{FAR}@core.example;user=phone>', **options)


def call_to_core(lab, trunk, uri, carrier='core', to=None, **options):
    return arrived(site(lab, trunk), site(lab, carrier), to or uri, uri=uri, **options)


def numbers_of(trunk):
    return [f'{BLOCKS[trunk]}{i:02}' for i in (0, 57, 99)]


@case('every number of every trunk is reachable and accepted as its caller: ranges and domains, no identity typed in [SC-4-03] [SC-5-08]')
def _(lab):
    for trunk in BLOCKS:
        for number in numbers_of(trunk):
            got = call_from_core(lab, f'sip:{number}@{CORE.signaling};user=phone', trunk)
            equal(uri_parts(got.uri)[0], number, f'called at {trunk}')
            domain = DOMAINS.get(trunk, DOMAIN)
            sent = call_to_core(lab, trunk, f'sip:{FAR}@{domain};user=phone', from_=f'<sip:{number}@{domain};user=phone>')
            equal(identities(sent), [f'<sip:{number}@{domain};user=phone>'], f'who calls from {trunk}')
            equal(without_tag(sent['From']), f'<sip:{number}@{domain};user=phone>', f'From of {trunk}')


@case('a block of a hundred numbers: each arrives unchanged at its PBX [SC-10.1-01]')
def _(lab):
    for i in range(100):
        number = f'+49305550{i:02}'
        equal(uri_parts(call_from_core(lab, f'sip:{number}@{CORE.signaling}', 'acme-hq').uri)[0], number, 'the called number')


@case('the core names a number in every form, and all are the same identity and trunk [SC-9-01] [SC-9.1-01] [SC-9-04] [E-33]')
def _(lab):
    number = '+4930555042'
    forms = [f'sip:{number}@{CORE.signaling};user=phone', f'sip:{number}@{CORE.signaling}', f'SIP:{number}@Some.Core.Example',
             f'sip:{number}@some.core.EXAMPLE:5062;transport=udp;user=phone', f'tel:{number}', 'tel:+49-30-555.042',
             'tel:+49(30)555042', f'tel:{number};ext=7', f'sip:%2B{number[1:]}@{CORE.signaling};user=phone',
             f'sip:+49-30-555-042@{CORE.signaling};user=phone', f'sip:{number};npdi;rn=+4989@{CORE.signaling};user=phone',
             f'sip:{number};isub=1@{CORE.signaling}']
    for form in forms:
        user, host, _ = uri_parts(call_from_core(lab, form, 'acme-hq').uri)
        equal((user, host.split(':')[0]), (number, PBX_ADDRESS), f'{form} at the PBX')


@case('what is no number with + is nobody\'s: 484 for digits, 404 for names and for numbers in a context [SC-9-02] [SC-9-03] [SC-9-08] [E-33]')
def _(lab):
    for uri, status in ((f'sip:4930555001@{CORE.signaling};user=phone', 484), (f'sip:030555001@{CORE.signaling}', 484),
                        ('tel:555001;phone-context=core.example', 404),
                        (f'sip:alice@{CORE.signaling}', 404), (f'sip:{CORE.signaling}', 404),
                        (f'sip:7042;phone-context=+49305@{CORE.signaling};user=phone', 404),
                        (f'sip:{OWN};phone-context=+49@{CORE.signaling};user=phone', 404),
                        (f'sip:555001;phone-context=+4930@{CORE.signaling};user=phone', 404),
                        (f'sip:+4930555999@{CORE.signaling}', 404), (f'sip:{OWN}9@{CORE.signaling}', 404)):
        equal(refused(lab.core(), f'sip:{OWN}@{CORE.signaling}', uri=uri), status, uri)


@case('provisioning knows global numbers alone: no separators, no phone-context, not without + [SC-9-03] [SC-9-04] [SC-9-02]')
def _(lab):
    for number in ('+1-613-258-1234', '+16132581234;phone-context=x', '16132581234', '+1 613'):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            file.write(f'kind: Trunk\nname: trunks/bad\nmode: registration\nrealm: access\nregistration_aor: sip:bad@{DOMAIN}\n'
                       f'credentials: [{{username: bad, password: a test password}}]\nnumbers: [{{first: "{number}"}}]\n')
            file.flush()
            done = lab.edge.cli('apply', '-f', file.name, check=False)
        require(done.returncode != 0, f'{number} was provisioned')
        require('numbers[0]' in done.stderr and '+4930123456' in done.stderr, f'says what is right: {done.stderr}')


@case('registration mode: the number in the user part, host and parameters of the registered contact, to the flow that registered it [SC-10.1.1-01] [SC-16.7-02]')
def _(lab):
    pbx = lab.pbx()
    got = call_from_core(lab, f'sip:{OWN}@{CORE.signaling};user=phone', 'acme-hq')
    equal(uri_parts(got.uri), (OWN, f'{PBX_ADDRESS}:5071', ['transport=tls']), 'the Request-URI')
    for contact, expected in (('<sip:10.9.8.7:5099;transport=tls;line=7;bnc>', '10.9.8.7:5099;transport=tls;line=7'),
                              ('<sip:pbx.lan;bnc;transport=tls>', 'pbx.lan;transport=tls')):
        response = pbx.peer.register(bulk=True, contact=contact)
        equal(response and response.status, 200, f'REGISTER with {contact}')
        got = call_from_core(lab, f'tel:{OWN}', 'acme-hq')
        equal(got.uri, f'sip:{OWN}@{expected}', 'the Request-URI')
        require('bnc' not in str(got), 'bnc is the registration\'s alone')
        pbx.peer.register(bulk=True, contact=contact, expires=0)
    equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER')


@case('static mode: +number, the trunk\'s domain and user=phone, whatever the domain is: address, IPv6 address, name [SC-10.1.1-02] [SC-9-07]')
def _(lab):
    for trunk, domain in DOMAINS.items():
        number = numbers_of(trunk)[1]
        for form in (f'tel:{number}', f'sip:{number}@{CORE.signaling}', f'sip:{number}@{CORE.signaling};user=phone'):
            equal(call_from_core(lab, form, trunk).uri, f'sip:{number}@{domain};user=phone', f'{form} at {trunk}')
        sent = call_to_core(lab, trunk, f'sip:{FAR}@{domain};user=phone',
                            from_=f'<sip:{number}@pbx.lan>', headers=[('P-Asserted-Identity', f'<tel:{number}>')])
        equal(identities(sent), [f'<sip:{number}@{domain};user=phone>'], f'who calls from {trunk}')


@case('static mode, within the call: the Request-URI is the contact that the PBX gave, with its parameters [SC-17.6-01]')
def _(lab):
    pbx, core, number = site(lab, 'by-name'), lab.core(), '+49403012'
    target = f'sip:line-7@{HOSTS["by-name"]}:5060;line=7;x=%20y'
    with replaced(pbx.peer, 'contact', lambda user='', parameters='': f'<{target}>'):
        outgoing, incoming = answered(core, pbx, f'sip:{number}@{CORE.signaling}', from_=f'<sip:{FAR}@core.example>')
        equal(incoming.invite.uri, f'sip:{number}@enterprise.example;user=phone', 'the INVITE')
        hang_up(outgoing, incoming)
        equal(incoming.requests[-1].uri, target, 'the BYE')
        outgoing, incoming = answered(pbx, core, f'sip:{FAR}@enterprise.example', from_=f'<sip:{number}@enterprise.example>')
        hang_up(incoming, outgoing)
        equal(outgoing.requests[-1].uri, target, 'the BYE of the core')


@contextlib.contextmanager
def replaced(thing, name, value):
    before = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, before)


@case('the domain of a trunk is its own matter: changed for one, Request-URI and identity checks change for that one alone [SC-9-05]')
def _(lab):
    def look(domain, foreign):
        equal(call_from_core(lab, 'tel:+49403001', 'by-name').uri, f'sip:+49403001@{domain};user=phone', 'the Request-URI')
        sent = call_to_core(lab, 'by-name', f'sip:{FAR}@{domain}', from_=f'<sip:+49403001@{domain}>')
        equal(without_tag(sent['From']), f'<sip:+49403001@{domain};user=phone>', 'From')
        equal(refused(site(lab, 'by-name'), f'sip:{FAR}@{foreign}'), 404, f'a call to {foreign}')
        equal(call_from_core(lab, 'tel:+49401001', 'by-address').uri, 'sip:+49401001@192.0.2.31;user=phone', 'the other trunk')
    look('enterprise.example', 'branch.example')
    text = (Path(__file__).resolve().parent / 'numbers.yaml').read_text()
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        file.write(text.replace('enterprise.example', 'branch.example'))
        file.flush()
        lab.edge.apply(file.name)
    look('branch.example', 'enterprise.example')
    lab.edge.apply(Path(__file__).resolve().parent / 'numbers.yaml')
    look('enterprise.example', 'branch.example')


def called_forms():
    """(kind, written form without its domain's part, whether it has one)."""
    yield 'E.164', 'sip:+4989777001@{}', True
    yield 'national', 'sip:089777001@{}', True
    yield 'outside line', 'sip:9089777001@{}', True
    yield 'international', 'sip:004989777001@{}', True
    yield 'local', 'sip:777001@{}', True
    yield 'short code', 'sip:4711@{}', True
    yield 'too short', 'sip:23@{}', True
    yield 'name', 'sip:alice@{}', True
    yield 'tel', 'tel:+49-89-777001', False
    yield 'tel in a country', 'tel:89777001;phone-context=+49', False
    yield 'tel in our domain', 'tel:089777001;phone-context={own}', False
    yield 'tel elsewhere', 'tel:089777001;phone-context=elsewhere.example', False


WITH_PLAN = {'E.164': FAR, 'national': FAR, 'outside line': FAR, 'international': FAR, 'local': '+4930777001',
             'short code': '+4989777011', 'too short': 484, 'name': 404, 'tel': FAR, 'tel in a country': FAR,
             'tel in our domain': FAR, 'tel elsewhere': 404}
WITHOUT_PLAN = {'E.164': FAR, 'tel': FAR, 'tel in a country': FAR, 'name': 404, 'tel elsewhere': 404}     # others: 484


@case('the truth table of what a PBX may call: form x user=phone x domain x dial plan x whose domain matters [SC-10.2.1-03] [SC-10.2.1-01] [SC-10.2.1-02] [E-33]')
def _(lab):
    rows = 0
    for trunk, own, mine, strict in (('acme-hq', DOMAIN, ACCESS.signaling, False), ('by-name', 'enterprise.example', ACCESS.signaling, True)):
        for (kind, form, has_domain), phone in itertools.product(called_forms(), (True, False)):
            for domain in (own, own.upper(), mine, f'{mine}:5060', 'elsewhere.example') if has_domain else (None,):
                uri = form.format(domain, own=own) + (';user=phone' if phone and has_domain else '')
                expected = WITH_PLAN[kind] if trunk == 'acme-hq' else WITHOUT_PLAN.get(kind, 484)
                if strict and domain == 'elsewhere.example':
                    expected = 404
                if isinstance(expected, int):
                    equal(refused(site(lab, trunk), uri), expected, f'{trunk} calls {uri}')
                else:
                    got = call_to_core(lab, trunk, uri).uri
                    equal(got, f'sip:{expected}@{CORE_ADDRESS};user=phone', f'{trunk} calls {uri}')
                rows += 1
                if not has_domain and not phone:
                    break
    require(rows > 140, f'{rows} rows')


@case('dial strings are translated by the plan of their trunk; what it cannot translate is 404 or 484 [SC-10.2.1-02]')
def _(lab):
    for trunk, dialled, expected in (('american', '92125551212', '+12125551212'), ('american', '2125551212', '+12125551212'),
                                     ('american', '12125551212', '+12125551212'), ('american', '901144205550100', '+44205550100'),
                                     ('american', '5551212', 484), ('american', '%23123', 404), ('acme-hq', '*21', '+4989777021'),
                                     ('acme-hq', '*22', 404), ('acme-hq', '0137555', '+49137555'), ('acme-hq', '+49089777001', FAR)):
        domain = DOMAIN if trunk == 'acme-hq' else 'american.example'
        if isinstance(expected, int):
            equal(refused(site(lab, trunk), f'sip:{dialled}@{domain}'), expected, f'{trunk} dials {dialled}')
            continue
        got = call_to_core(lab, trunk, f'sip:{dialled}@{domain}')
        equal(got.uri, f'sip:{expected}@{CORE_ADDRESS};user=phone', f'{trunk} dials {dialled}')


@case('an emergency number is recognised before all normalisation and goes out as it was dialled, by the route that names it')
def _(lab):
    for dialled in ('112', '9112'):
        got = call_to_core(lab, 'acme-hq', f'sip:{dialled}@{DOMAIN}', carrier='second',
                           from_='<sip:anonymous@anonymous.invalid>')
        equal(got.uri, 'sip:112@second.example', f'{dialled} at the carrier')
    equal(call_to_core(lab, 'acme-hq', f'sip:110@{DOMAIN}').uri, f'sip:110@{CORE_ADDRESS}', '110, which no route names')
    equal(refused(site(lab, 'american'), 'sip:112@american.example'), 484, 'from a trunk that has no such number')


@case('towards a PBX the Request-URI decides, To is kept as it is [SC-10.1.2-01]')
def _(lab):
    for to in ('"First" <sip:+4989123456@old.example;user=phone>', '<tel:+49-89-123>', '<sip:sales@old.example>',
               f'<sip:{numbers_of("by-address")[0]}@old.example>', '<xmpp:sales@old.example>'):
        got = call_from_core(lab, f'sip:{OWN}@{CORE.signaling}', 'acme-hq', to=to)
        equal((uri_parts(got.uri)[0], without_tag(got['To'])), (OWN, to), 'Request-URI and To')
    got = call_from_core(lab, f'sip:{OWN}@{CORE.signaling}', 'acme-hq', to=f'<sip:+4989123456@{CORE_ADDRESS}:5060>')
    equal(without_tag(got['To']), f'<sip:+4989123456@{DOMAIN};user=phone>', 'To with the address of an element')


@case('from a PBX too: To names a third number, another trunk\'s, a tel URI or something unknown, and the call goes where the Request-URI says [SC-10.2.2-01] [SC-10.2.2-02] [SC-10.2.2-03]')
def _(lab):
    calls = set()
    for to in (f'<sip:+4989111222@{DOMAIN};user=phone>', f'"Other" <sip:{numbers_of("by-address")[0]}@{DOMAIN};user=phone>',
               '<tel:+49-89-111>', '<sip:bob@elsewhere.example>', '<xmpp:bob@elsewhere.example>'):
        got = call_to_core(lab, 'acme-hq', f'sip:{FAR}@{DOMAIN};user=phone', to=to)
        equal((uri_parts(got.uri)[0], without_tag(got['To'])), (FAR, to), 'Request-URI and To')
        calls.add(got.call_id)

    def recorded():
        return {r['sip_call_ids'][-1]: r['to'] for r in lab.edge.records() if r['sip_call_ids'][-1] in calls}
    process.wait_until(lambda: len(recorded()) == len(calls), 10, 'each call has its record')
    equal(set(recorded().values()), {FAR}, 'the called number in the records')


@case('a registered PBX\'s identities are in the provider\'s domain; a registration for another domain is refused [SC-9-06]')
def _(lab):
    sent = call_to_core(lab, 'acme-hq', f'sip:{FAR}@{DOMAIN}', from_=f'<sip:{OWN}@{PBX_ADDRESS}>')
    equal(identities(sent), [f'<sip:{OWN}@{DOMAIN};user=phone>'], 'the identity')
    pbx = parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls, ca_file=lab.edge.ca.certificate,
        server_name=lab.edge.server_name, domain=DOMAIN, user=USER, password=PASSWORD, address=PBX_ADDRESS,
        contact_port=5072, name='foreign')
    with contextlib.closing(pbx):
        equal(pbx.peer.register(bulk=True).status, 200, 'REGISTER')
        pbx.peer.domain = 'elsewhere.example'
        require(pbx.peer.register(bulk=True).status in (403, 404), 'a foreign domain is refused')
        pbx.peer.domain = DOMAIN
        pbx.peer.register(bulk=True, expires=0)
    equal(lab.pbx().peer.register(bulk=True).status, 200, 'REGISTER')


@case('OPTIONS and MESSAGE for a number reach the flow that its PBX registered, as an INVITE does [SC-16.7-01]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()
    seen = []
    with replaced(pbx.peer, '_receive_request', observing(pbx.peer, seen)):
        for method, body in (('OPTIONS', b''), ('MESSAGE', 'Grüße'.encode())):
            request = core.peer.plain_request(method, f'sip:{OWN}@{CORE.signaling};user=phone', body=body,
                                              headers=[('Content-Type', 'text/plain;charset=utf-8')] if body else ())
            response = core.peer.start(request).wait_final(10)
            equal(response and response.status, 200, f'the answer to {method}')
            got = seen.pop()
            equal((got.method, got.uri, got.body), (method, f'sip:{OWN}@{PBX_ADDRESS}:5071;transport=tls', body), 'what the PBX gets')
            require(CORE_ADDRESS not in str(got) and got.call_id != request.call_id, f'nothing of the core: {got}')
    equal(uri_parts(call_from_core(lab, f'sip:{OWN}@{CORE.signaling}', 'acme-hq').uri)[0], OWN, 'INVITE')
    for uri, method, status in ((f'sip:+4930555999@{CORE.signaling}', 'MESSAGE', 404), (f'sip:{CORE.signaling}', 'OPTIONS', 200),
                                (f'sip:+4930555999@{CORE.signaling}', 'OPTIONS', 200), (f'sip:{OWN}@{CORE.signaling}', 'PUBLISH', 405)):
        equal(core.peer.start(core.peer.plain_request(method, uri)).wait_final(10).status, status, f'{method} {uri}')
    equal(pbx.peer.start(pbx.peer.plain_request('MESSAGE', f'sip:{FAR}@{DOMAIN}')).wait_final(10).status, 405, 'MESSAGE from a PBX')


def observing(peer, seen):
    """The peer's own handling, with every request outside of calls remembered, and MESSAGE accepted."""
    original = peer._receive_request

    def receive(message, source):
        seen.append(message)
        if message.method == 'MESSAGE':
            peer.send(sip_message.response_to(message, 200, 'OK', sip_message.new_tag()).encode(), source)
        else:
            original(message, source)
    return receive


@case('the longest prefix decides among routes with one prefix and with many')
def _(lab):
    for number, carrier, written in (('+442055', 'core', f'sip:+442055@{CORE_ADDRESS};user=phone'),
                                     ('+442011', 'second', 'sip:+442011@second.example;user=phone'),
                                     ('+44201233', 'second', 'sip:+44201233@second.example;user=phone'),
                                     ('+44201244', 'legacy', 'sip:0044201244@198.51.100.22'),
                                     ('+4420129', 'second', 'sip:+4420129@second.example;user=phone')):
        equal(call_to_core(lab, 'acme-hq', f'sip:{number}@{DOMAIN};user=phone', carrier=carrier).uri, written, number)


@case('numbers are written as a carrier wants them, and read as it writes them')
def _(lab):
    got = call_to_core(lab, 'acme-hq', f'sip:+4942555@{DOMAIN};user=phone', carrier='legacy', from_=f'<sip:{OWN}@{DOMAIN}>')
    equal(got.uri, 'sip:042555@198.51.100.22', 'the called number')
    equal(without_tag(got['To']), '<sip:042555@198.51.100.22>', 'To')
    equal(without_tag(got['From']), f'<sip:030555001@{DOMAIN}>', 'the calling number')
    incoming = arrived(site(lab, 'legacy'), lab.pbx(), f'sip:030555001@{CORE.signaling}',
                       from_='<sip:089777001@legacy.example>', headers=[('P-Asserted-Identity', '<sip:0044205550100@legacy.example>')])
    equal(uri_parts(incoming.uri)[0], OWN, 'the called number')
    equal(without_tag(incoming['From']), f'<sip:{FAR}@{DOMAIN};user=phone>', 'the calling number')
    equal(identities(incoming), [f'<sip:+44205550100@{DOMAIN};user=phone>'], 'the asserted one')


@case('a trunk\'s tables: what its PBX dials and calls itself is read by them, and who is called and who calls is written by them; the '
      'longest beginning decides, and what no table has stays as it is')
def _(lab):
    own = '@translating.example'
    for dialled, expected in (('6001', FAR), ('66555', '+4420666555'), (FAR, FAR)):
        equal(call_to_core(lab, 'translating', f'sip:{dialled}{own}').uri, f'sip:{expected}@{CORE_ADDRESS};user=phone', f'it dials {dialled}')
    for said, expected in (('7042', '+494400042'), ('7742', '+494400542'), ('+494400123', '+494400123'), ('8042', '+494400999')):
        got = call_to_core(lab, 'translating', f'sip:{FAR}{own}', from_=f'"Ann" <sip:{said}{own}>',
                           headers=[('P-Asserted-Identity', f'<sip:{said}{own}>')])
        number = f'<sip:{expected}{own};user=phone>'
        equal((without_tag(got['From']), [i.split()[-1] for i in identities(got)]), (f'"Ann" {number}', [number]), f'it calls as {said}')
    for called, written in (('+494400142', '+494400242'), ('+494400342', '+494400342')):
        for caller, shown in ((FAR, '+498900777001'), ('+44205550100', '+44205550100')):
            got = arrived(lab.core(), site(lab, 'translating'), f'sip:{called}@{CORE.signaling}', from_=f'<sip:{caller}@{CORE_ADDRESS}>',
                          headers=[('P-Asserted-Identity', f'<sip:{caller}@{CORE_ADDRESS}>')])
            equal((got.uri, without_tag(got['To'])), (f'sip:{written}{own};user=phone', f'<sip:{written}{own};user=phone>'), f'{called} is called')
            equal((without_tag(got['From']), identities(got)), (f'<sip:{shown}{own};user=phone>', [f'<sip:{shown}{own};user=phone>']), f'{caller} calls')


@case('a table of a trunk that registers is applied from the next call on, and no longer once it is gone')
def _(lab):
    text = lab.edge.cli('get', 'trunk', 'acme-hq')
    require(text.count('\nnumbering:\n') == 1 and 'called_out' not in text, text)
    table = '\nnumbering:\n  called_out:\n    - {match: "+49305550", strip: 9, prepend: "+4930777"}\n'
    with provisioned(lab, text.replace('\nnumbering:\n', table), text):
        got = call_from_core(lab, f'sip:{OWN}@{CORE.signaling}', 'acme-hq')
        equal(uri_parts(got.uri)[0], '+493077701', 'the called number')
    equal(uri_parts(call_from_core(lab, f'sip:{OWN}@{CORE.signaling}', 'acme-hq').uri)[0], OWN, 'the called number without a table')


@case('a carrier\'s tables read what it calls and who it says is calling; the longest beginning decides')
def _(lab):
    for said, expected in (('8001', FAR), ('89555', '+4480555'), ('089777001', FAR)):
        got = arrived(site(lab, 'legacy'), lab.pbx(), f'sip:55501@{CORE.signaling}', from_=f'<sip:{said}@198.51.100.22>',
                      headers=[('P-Asserted-Identity', f'<sip:{said}@198.51.100.22>')])
        equal(uri_parts(got.uri)[0], OWN, 'the called number')
        number = f'<sip:{expected}@{DOMAIN};user=phone>'
        equal((without_tag(got['From']), identities(got)), (number, [number]), f'{said} calls')


def place_over_two(lab, number, status, response_headers=()):
    """The first carrier refuses; did the second get the call? And what did the caller hear?"""
    outgoing = place(lab.pbx(), f'sip:{number}@{DOMAIN};user=phone')
    parties.wait_call(site(lab, 'second'), outgoing).reject(status, 'Refused', response_headers)
    process.wait_until(lambda: outgoing.transaction.final or not lab.core().peer.incoming.empty(), 5, 'the call goes on or ends')
    moved = not lab.core().peer.incoming.empty()
    if moved:
        lab.core().peer.wait_call(1).reject(480, 'Temporarily Unavailable')
    return moved, outgoing.wait_final(10).status


@case('a carrier\'s refusals are tried elsewhere by its table: statuses and Q.850 causes; by default never 486 and 603')
def _(lab):
    for status, headers, moves in ((503, (), True), (500, (), True), (486, (), False), (603, (), False), (404, (), False),
                                   (480, (), False), (480, [('Reason', 'Q.850;cause=34;text="no circuit"')], True),
                                   (480, [('Reason', 'Q.850;cause=16')], False), (486, [('Reason', 'Q.850;cause=17')], False)):
        moved, heard = place_over_two(lab, '+447700', status, headers)
        equal((moved, heard), (moves, 480 if moves else status), f'{status} {headers}')


@contextlib.contextmanager
def provisioned(lab, text, afterwards):
    file = Path(lab.run_directory) / 'provisioned.yaml'
    try:
        file.write_text(text)
        lab.edge.apply(file)
        yield
    finally:
        file.write_text(afterwards)
        lab.edge.apply(file)


@case('a carrier\'s table is what it is provisioned to be: 404 is tried elsewhere and 503 is not, until the default is back')
def _(lab):
    text = lab.edge.cli('get', 'carrier', 'second')
    default = 'reroute_statuses: [408, 500, 502, 503, 504]'
    require(default in text, text)
    with provisioned(lab, text.replace(default, 'reroute_statuses: [404, 486]'), text):
        shown = lab.edge.json('get', 'carrier', 'second')
        equal(shown['reroute_statuses'], [404, 486], 'what the API shows of it')
        for status, moves in ((404, True), (486, True), (480, False), (603, False)):
            equal(place_over_two(lab, '+447700', status), (moves, 480 if moves else status), f'{status}')
        moved, heard = place_over_two(lab, '+447700', 503)
        require(not moved and 500 <= heard < 600, f'503 moved: {moved}, and the caller heard {heard}')
    for status, moves in ((404, False), (503, True)):
        equal(place_over_two(lab, '+447700', status), (moves, 480 if moves else status), f'{status} by default')


@case('carriers of one priority share calls by weight; a worse one gets none while a better one takes them')
def _(lab):
    counts = {'second': 0, 'core': 0, 'legacy': 0}
    for _ in range(60):
        outgoing = place(lab.pbx(), f'sip:+447800@{DOMAIN};user=phone')
        process.wait_until(lambda: any(not site(lab, n).peer.incoming.empty() for n in counts), 5, 'the call arrives')
        taker = next(n for n in counts if not site(lab, n).peer.incoming.empty())
        counts[taker] += 1
        site(lab, taker).peer.wait_call(1).reject(486, 'Busy Here')
        equal(outgoing.wait_final(10).status, 486, 'what the caller hears')
    equal(counts['legacy'], 0, 'calls at the worse carrier')
    require(4 <= counts['second'] <= 28, f'a quarter of 60 calls at the second carrier: {counts}')   # 15 +- 4 sigma


@case('a worse priority takes the call once every better carrier has failed: 503 from both of them, and it rings at the worse one')
def _(lab):
    better = ('second', 'core')
    for _ in range(6):
        outgoing, failed = place(lab.pbx(), f'sip:+447800@{DOMAIN};user=phone'), []
        while len(failed) < len(better):
            process.wait_until(lambda: outgoing.transaction.final or any(not site(lab, n).peer.incoming.empty() for n in (*better, 'legacy')),
                               5, 'the call arrives or ends')
            require(outgoing.transaction.final is None and site(lab, 'legacy').peer.incoming.empty(), f'only {failed} have failed')
            failed += [n for n in better if not site(lab, n).peer.incoming.empty()]
            site(lab, failed[-1]).peer.wait_call(1).reject(503, 'Service Unavailable')
        equal(sorted(failed), sorted(better), 'who was asked first')
        incoming = parties.wait_call(site(lab, 'legacy'), outgoing)
        equal(incoming.invite.uri, 'sip:00447800@198.51.100.22', 'the number as the worse carrier wants it')
        incoming.ring()
        require(outgoing.wait_provisional(180), 'the caller hears that it rings')
        incoming.reject(486, 'Busy Here')
        equal(outgoing.wait_final(10).status, 486, 'what the caller hears')


@case('nothing is left of all these calls')
def _(lab):
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('numbers', lambda: running_edge('numbers', access=('udp', 'tls'), prepare=prepare)))
