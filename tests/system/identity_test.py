#!/usr/bin/env python3
"""Who calls, and who is told: From, P-Asserted-Identity, P-Preferred-Identity and Privacy in both directions (SIPconnect
10.1.3, 10.1.4, 10.2.3 to 10.2.6; RFC 3323, 3325, 5876), and a scan of everything either side receives for what belongs
to the other alone. Against the running daemons, over real sockets."""
import itertools
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import exchanges  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, running_edge  # noqa: E402
from exchanges import Site, answered, arrived, hang_up, identities, refused, without_tag  # noqa: E402
from lab import parties  # noqa: E402
from lab.edge import CORE_UDP  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

HOSTS = {'trusted': '192.0.2.41', 'transparent': '192.0.2.42', 'strict': '192.0.2.43', 'restricted': '192.0.2.44',
         'plain': '192.0.2.45'}
OWN = {'acme-hq': '+4930555001', 'trusted': '+4931101', 'transparent': '+4931201', 'strict': '+4931301',
       'restricted': '+4931401', 'plain': '+4931501'}
DEFAULT = {'acme-hq': '+4930555000', 'trusted': '+4931150', 'transparent': '+4931250', 'restricted': '+4931450', 'plain': '+4931550'}
CALLER = '+15616261234'
FAR, FOREIGN = '+4989777001', '+8133001'           # in the core, behind the carrier that nobody trusts
ANONYMOUS, UNAVAILABLE = 'sip:anonymous@anonymous.invalid', 'sip:unavailable@unknown.invalid'
PEER_ADDRESS = '198.51.100.31'


def prepare(lab):
    for address in HOSTS.values():
        lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    lab.network.core.ip('addr', 'add', f'{PEER_ADDRESS}/24', 'dev', 'sig0')
    lab.sites = {name: Site(lab, lab.network.pbx, address, lab.edge.access_udp, name=name, domain='branch.lan').party
                 for name, address in HOSTS.items()}
    lab.sites['peer'] = Site(lab, lab.network.core, PEER_ADDRESS, CORE_UDP, name='peer', domain='peer.example').party
    lab.edge.apply(Path(__file__).resolve().parent / 'identity.yaml')     # once they answer probes


def site(lab, name):
    return lab.pbx() if name == 'acme-hq' else lab.core() if name == 'core' else lab.sites[name]


def asserted(*values):
    return [('P-Asserted-Identity', value) for value in values]


def privacy(*values):
    return [('Privacy', value) for value in values]


def epi(number):
    return f'sip:{number}@{DOMAIN};user=phone'


def uri(message, name='From'):
    return sip_message.uri_of(message[name])


def in_(lab, trunk, from_=f'<sip:{CALLER}@peer.net>', headers=(), carrier='core', **options):
    """What a PBX gets of a call from the core."""
    return arrived(site(lab, carrier), site(lab, trunk), f'sip:{OWN[trunk]}@{CORE.signaling}', from_=from_, headers=headers,
                   **options)


def out(lab, trunk, from_=None, headers=(), to=FAR, **options):
    """What a carrier gets of a call from a PBX."""
    return arrived(site(lab, trunk), site(lab, 'peer' if to == FOREIGN else 'core'), epi(to),
                   from_=from_ or f'<{epi(OWN[trunk])}>', headers=headers, **options)


# ---------------------------------------------------------------- towards a PBX

@case('a caller with a number is shown as number, provider\'s domain and user=phone, with his name if he has one [SC-10.1.3-05] [SC-10.1.3-06]')
def _(lab):
    for form in (f'<sip:{CALLER}@peer.net>', f'<sip:{CALLER}@peer.net:5070;user=phone>', f'<tel:{CALLER}>', '<tel:+1-561-626-1234>'):
        for trunk in ('acme-hq', 'trusted', 'plain'):
            got = in_(lab, trunk, f'"John Smith" {form}')
            equal(without_tag(got['From']), f'"John Smith" <{epi(CALLER)}>', f'{form} at {trunk}')
    hidden = in_(lab, 'acme-hq', f'"John Smith" <sip:{CALLER}@peer.net>', privacy('id'))
    require('John' not in str(hidden), f'the name of a hidden caller: {hidden}')


@case('any From that RFC 3261 knows is taken: SIP and tel URIs, names, without brackets [SC-10.1.3-01]')
def _(lab):
    for form, normal, transparent in (
            (f'<tel:{CALLER}>', epi(CALLER), f'tel:{CALLER}'), ('<sip:alice@a.b>', UNAVAILABLE, 'sip:alice@a.b'),
            ('sip:alice@a.b', UNAVAILABLE, 'sip:alice@a.b'), (f'<sip:{CALLER}@a.b;x=y>', epi(CALLER), f'sip:{CALLER}@a.b;x=y'),
            ('<sips:bob@a.b>', UNAVAILABLE, 'sips:bob@a.b')):
        equal(uri(in_(lab, 'acme-hq', form)), normal, f'{form}, normalised')
        equal(uri(in_(lab, 'transparent', form)), transparent, f'{form}, transparent')


@case('From policy of a trunk: normalise, transparent, anonymise; the tag is ours in each [SC-10.1.3-02]')
def _(lab):
    for trunk, expected in (('acme-hq', epi(CALLER)), ('transparent', f'sip:{CALLER}@peer.net'), ('strict', ANONYMOUS)):
        outgoing, incoming = answered(lab.core(), site(lab, trunk), f'sip:{OWN[trunk]}@{CORE.signaling}', from_=f'<sip:{CALLER}@peer.net>')
        equal(uri(incoming.invite), expected, f'From at {trunk}')
        tags = [sip_message.parameter(m['From'], 'tag') for m in (outgoing.invite, incoming.invite)]
        require(all(tags) and tags[0] != tags[1], f'tags: {tags}')
        hang_up(outgoing, incoming)
        equal(without_tag(incoming.requests[-1]['From']), without_tag(incoming.invite['From']), 'From of the BYE')
        equal(sip_message.parameter(incoming.requests[-1]['From'], 'tag'), tags[1], 'its tag')


@case('a caller made anonymous is exactly sip:anonymous@anonymous.invalid, and his number is in no field [SC-10.1.3-03]')
def _(lab):
    for value in ('id', 'user', 'header', 'id;critical', 'user;id'):
        got = in_(lab, 'acme-hq', f'"Sam Spade" <sip:{CALLER}@peer.net>', asserted(f'"Sam Spade" <sip:{CALLER}@peer.net>') + privacy(value)
                  + personal_fields(CALLER))
        equal(uri(got), ANONYMOUS, f'From with Privacy: {value}')
        for secret in (CALLER, CALLER[1:], 'Spade', 'peer.net'):
            require(secret not in str(got), f'{secret} with Privacy: {value}: {got}')


@case('a caller without a number who hides nothing is unavailable [SC-10.1.3-07]')
def _(lab):
    for form in ('<sip:alice@a.b>', '"Alice" <sip:a.b>', '<sip:1234@a.b>', f'<{UNAVAILABLE}>'):
        equal(uri(in_(lab, 'acme-hq', form)), UNAVAILABLE, form)
    equal(uri(in_(lab, 'acme-hq', '<sip:alice@a.b>', asserted(f'<tel:{CALLER}>'))), epi(CALLER), 'one whom the core vouches for')


NAMES = ('Jürgen Größe', '山田太郎', 'Anonymous', 'Smith, John', 'A "quoted" \\ name', '+4930555001', 'sip:x@y', 'Restricted <x>')


@case('names in any language, with quotes and commas, or called Anonymous, arrive as they are and mean nothing [SC-10.1.3-04]')
def _(lab):
    for name in NAMES:
        quoted = '"' + name.replace('\\', '\\\\').replace('"', '\\"') + '"'
        got = in_(lab, 'acme-hq', f'{quoted} <sip:{CALLER}@peer.net>', asserted(f'{quoted} <sip:{CALLER}@peer.net>'))
        equal(without_tag(got['From']), f'{quoted} <{epi(CALLER)}>', f'From of {name}')
        equal(identities(got), [f'{quoted} <sip:{CALLER}@peer.net>'], f'identity of {name}')
        sent = out(lab, 'plain', f'{quoted} <{epi(OWN["plain"])}>')
        equal(without_tag(sent['From']), f'{quoted} <{epi(OWN["plain"])}>', f'From of {name} at the core')


@case('privacy asked for, PBX not trusted: no identity is left, nor the number anywhere [SC-10.1.4-01]')
def _(lab):
    got = in_(lab, 'acme-hq', f'<sip:{CALLER}@peer.net>',
              asserted(f'"Sam" <sip:{CALLER}@peer.net;user=phone>', f'<tel:{CALLER}>') + privacy('id') + personal_fields(CALLER))
    equal(identities(got), [], 'identities')
    require(CALLER[1:] not in str(got), f'the number: {got}')
    equal(uri(got), ANONYMOUS, 'From')


@case('privacy asked for, PBX trusted: the identity, Privacy: id beside what else was asked, and From anonymous [SC-10.1.4-02] [SC-10.1.4-03] [SC-10.1.4-04]')
def _(lab):
    for asked, told in (('id', {'id'}), ('user', {'user', 'id'}), ('id;critical', {'id', 'critical'}), ('session;header', {'session', 'header', 'id'})):
        got = in_(lab, 'trusted', f'<sip:{CALLER}@peer.net>', asserted(f'"Sam" <sip:{CALLER}@peer.net>') + privacy(asked))
        equal(identities(got), [f'"Sam" <sip:{CALLER}@peer.net>'], f'identities with {asked}')
        equal(set(got['Privacy'].split(';')), told, f'Privacy for {asked}')
        equal(uri(got), ANONYMOUS, f'From with {asked}')


@case('no privacy: the identity names the caller, with his name; where the trunk says so none is sent [SC-10.1.4-06] [SC-10.1.4-12] [SC-10.1.4-05]')
def _(lab):
    value = f'"John Smith" <sip:{CALLER}@peer.net;user=phone>'
    for trunk in ('acme-hq', 'trusted', 'transparent'):
        equal(identities(in_(lab, trunk, headers=asserted(value))), [value], f'identities at {trunk}')
    got = in_(lab, 'restricted', headers=asserted(value))
    equal(identities(got), [], 'identities where they are not sent')
    equal(uri(got), epi(CALLER), 'From there')


PASSED = ('<sips:+15616261234@peer.net;x-unknown=%41;lr>', '"J. \\"JR\\" Smith" <sip:alice@other.example:5070;user=phone>',
          '<tel:+1-561-626-1234;ext=5;x=y>', '"山" <sip:+15616261234@enterprise.example;user=phone;cpc=ordinary>')


@case('a trusted core\'s identities pass unmodified in requests and responses: sip, sips, tel, parameters, names, foreign domains [SC-10.1.4-07] [SC-10.1.4-09]')
def _(lab):
    for value in PASSED:
        for trunk in ('acme-hq', 'trusted'):
            equal(identities(in_(lab, trunk, headers=asserted(value))), [value], f'in the INVITE to {trunk}')
        outgoing, incoming = answered(site(lab, 'trusted'), lab.core(), epi(FAR), from_=f'<{epi(OWN["trusted"])}>',
                                      ring_headers=asserted(value), answer_headers=asserted(value))
        for response in outgoing.transaction.responses:
            if response.status > 100:
                equal(identities(response), [value], f'in the {response.status}')
        hang_up(outgoing, incoming)


@case('two identities, a SIP URI and a tel URI, in one field or two; of more the first of each kind [SC-10.1.4-10] [SC-10.1.4-08]')
def _(lab):
    one, two = f'"S" <sip:{CALLER}@peer.net>', '<tel:+15616269999>'
    for headers in (asserted(one, two), asserted(f'{one}, {two}'), asserted(f'{one},{two} , <sip:+1999@x>', '<tel:+1888>')):
        for trunk in ('acme-hq', 'trusted'):
            equal(identities(in_(lab, trunk, headers=headers)), [one, two], f'{headers} at {trunk}')
    equal(identities(in_(lab, 'trusted', headers=asserted('<sips:a@x>', f'<sip:{CALLER}@peer.net>'))), ['<sips:a@x>'], 'sips and sip')
    equal(identities(in_(lab, 'trusted', headers=asserted('<mailto:a@x>', '"broken <sip:x', two))), [two], 'what is no identity')


@case('Privacy: none passes, and the identity with it [SC-10.1.4-13]')
def _(lab):
    for trunk in ('trusted', 'acme-hq'):
        got = in_(lab, trunk, f'<{ANONYMOUS}>', asserted(f'<tel:{CALLER}>') + privacy('none'))
        equal((identities(got), got['Privacy']), ([f'<tel:{CALLER}>'], 'none'), trunk)


@case('every From that the edge sends is one that a PBX takes: anonymous, unavailable, tel, number [SC-10.1.3-08]')
def _(lab):
    for trunk, from_, headers in (('acme-hq', f'<sip:{CALLER}@p>', privacy('id')), ('acme-hq', '<sip:alice@a.b>', ()),
                                  ('transparent', f'<tel:{CALLER}>', ()), ('acme-hq', f'<sip:{CALLER}@p>', ())):
        hang_up(*answered(lab.core(), site(lab, trunk), f'sip:{OWN[trunk]}@{CORE.signaling}', from_=from_, headers=headers))


@case('a carrier that is not trusted asserts nothing')
def _(lab):
    got = in_(lab, 'trusted', '<sip:alice@peer.example>', asserted(f'<sip:{CALLER}@peer.example>'), carrier='peer')
    equal((identities(got), uri(got)), ([], UNAVAILABLE), 'what the PBX is told')


# ---------------------------------------------------------------- from a PBX

@case('a trusted PBX\'s identity passes if it is its own, an untrusted one\'s is replaced by ours; without one the default is asserted [SC-10.2.3-01]')
def _(lab):
    good = f'"Ann" <sip:{OWN["trusted"]}@{DOMAIN};user=phone;x=y>'
    equal(identities(out(lab, 'trusted', headers=asserted(good, f'<tel:{OWN["trusted"]}>'))), [good, f'<tel:{OWN["trusted"]}>'], 'trusted')
    equal(identities(out(lab, 'trusted', f'<{ANONYMOUS}>', asserted(f'<sip:{CALLER}@{DOMAIN};user=phone>'))),
          [f'<{epi(DEFAULT["trusted"])}>'], 'trusted, somebody else\'s number')
    equal(identities(out(lab, 'plain', headers=asserted(f'"Ann" <sip:{OWN["plain"]}@{DOMAIN};user=phone;x=y>'))),
          [f'"Ann" <{epi(OWN["plain"])}>'], 'untrusted')
    equal(identities(out(lab, 'plain', f'<sip:{CALLER}@x>', asserted(f'<sip:{CALLER}@x>'))), [f'<{epi(DEFAULT["plain"])}>'],
          'untrusted, somebody else\'s number')
    for trunk in ('acme-hq', 'plain', 'trusted'):
        for from_ in (f'<{ANONYMOUS}>', '<sip:reception@branch.lan>', f'<sip:{CALLER}@x>'):
            equal(identities(out(lab, trunk, from_)), [f'<{epi(DEFAULT[trunk])}>'], f'{trunk}, none, From {from_}')


@case('an identity that is not of the form of section 9 is normalised or replaced, never sent on raw [SC-10.2.3-02]')
def _(lab):
    own, domain = OWN['trusted'], DOMAIN
    for value in (f'<sip:{own}@{domain}>', f'<sip:{own}@192.0.2.41>', f'<sip:+49-311-01@{domain};user=phone>', f'<sip:0{own[3:]}@{domain}>',
                  f'<sip:%2B{own[1:]}@{domain};user=phone>', f'<sip:{own}@{domain}:5060;user=phone>'):
        equal(identities(out(lab, 'trusted', f'<{ANONYMOUS}>', asserted(value))), [f'<{epi(own)}>'], value)
    for value in (f'<sip:{own[1:]}@{domain};user=phone>', f'<sip:reception@{domain}>', f'<sip:{OWN["plain"][1:]}@{domain}>'):
        equal(identities(out(lab, 'plain', f'<{ANONYMOUS}>', asserted(value))), [f'<{epi(DEFAULT["plain"])}>'], value)


FROM_FORMS = ('<{epi}>', f'<{ANONYMOUS}>', f'<sip:{CALLER}@isdn.lan>', f'<tel:{CALLER}>', '<sip:reception@branch.lan>', 'sip:reception@branch.lan')


@case('whatever a PBX puts in From is accepted: its own identity, an anonymous one, one from behind it [SC-10.2.4-01] [SC-10.2.4-02]')
def _(lab):
    shown = {'plain': (epi(OWN['plain']), ANONYMOUS, *[epi(DEFAULT['plain'])] * 4),
             'transparent': (epi(OWN['transparent']), ANONYMOUS, epi(CALLER), epi(CALLER), *[f'sip:reception@{DOMAIN}'] * 2)}
    for trunk, expected in shown.items():
        for form, from_ in zip(FROM_FORMS, expected):
            got = out(lab, trunk, form.format(epi=epi(OWN[trunk])))
            equal(uri(got), from_, f'From of {trunk} for {form}')
            require('.lan' not in str(got), f'a name of the PBX\'s network: {got}')


@case('screening of callers: shown, replaced by the trunk\'s number, refused [SC-10.2.4-03]')
def _(lab):
    foreign = f'"Bob" <sip:{CALLER}@x>'
    equal(without_tag(out(lab, 'transparent', foreign)['From']), f'"Bob" <{epi(CALLER)}>', 'pass')
    equal(identities(out(lab, 'transparent', foreign)), [f'"Bob" <{epi(DEFAULT["transparent"])}>'], 'pass: asserted all the same')
    equal(without_tag(out(lab, 'plain', foreign)['From']), f'"Bob" <{epi(DEFAULT["plain"])}>', 'substitute')
    equal(refused(site(lab, 'strict'), epi(FAR), from_=foreign), 603, 'reject')
    equal(refused(site(lab, 'strict'), epi(FAR), from_='<sip:reception@branch.lan>'), 603, 'reject a name')
    equal(refused(site(lab, 'strict'), epi(FAR), from_=f'<{ANONYMOUS}>', headers=asserted(f'<sip:{CALLER}@x>')), 603, 'reject an identity')
    equal(uri(out(lab, 'strict')), epi(OWN['strict']), 'its own')
    equal(uri(out(lab, 'strict', f'<{ANONYMOUS}>', asserted(f'<{epi(OWN["strict"])}>'))), ANONYMOUS, 'anonymous, with its own identity')


@case('an anonymous From with an identity: the trunk and its identity authorise the call, From does not [SC-10.2.4-04]')
def _(lab):
    for trunk in ('acme-hq', 'plain', 'trusted'):
        got = out(lab, trunk, f'<{ANONYMOUS}>', asserted(f'<{epi(OWN[trunk])}>'))
        equal((uri(got), identities(got)), (ANONYMOUS, [f'<{epi(OWN[trunk])}>']), trunk)
        equal(got['Privacy'], 'id', f'Privacy from {trunk}')


@case('Privacy: id with an anonymous From: the core keeps identity and Privacy, a carrier that is not trusted gets no identity [SC-10.2.5-01]')
def _(lab):
    for trunk in ('acme-hq', 'trusted'):
        headers = asserted(f'"Ann" <{epi(OWN[trunk])}>') + privacy('id')
        got = out(lab, trunk, f'<{ANONYMOUS}>', headers)
        equal((uri(got), identities(got), got['Privacy']), (ANONYMOUS, [f'"Ann" <{epi(OWN[trunk])}>'], 'id'), f'{trunk} to the core')
        got = out(lab, trunk, f'"Ann" <{epi(OWN[trunk])}>', headers, to=FOREIGN)
        equal((uri(got), identities(got)), (ANONYMOUS, []), f'{trunk} to the other carrier')
        require(OWN[trunk][1:] not in str(got) and 'Ann' not in str(got), f'the caller: {got}')
        open_ = out(lab, trunk, headers=asserted(f'<{epi(OWN[trunk])}>'), to=FOREIGN)
        equal(identities(open_), [f'<{epi(OWN[trunk])}>'], 'who hides nothing is asserted to it')


@case('a trunk that is anonymous by default; Privacy: none presents the caller for one call [SC-10.2.5-02]')
def _(lab):
    own = OWN['restricted']
    got = out(lab, 'restricted', f'"Ann" <{epi(own)}>')
    equal((uri(got), got['Privacy'], identities(got)), (ANONYMOUS, 'id', [f'<{epi(own)}>']), 'by default')
    require('Ann' not in got['From'], f'the name: {got["From"]}')
    got = out(lab, 'restricted', f'"Ann" <{epi(own)}>', privacy('none'))
    equal((without_tag(got['From']), got['Privacy']), (f'"Ann" <{epi(own)}>', 'none'), 'with Privacy: none')


@case('every Privacy that a PBX may send is understood, one that is critical and unknown is 500 [SC-10.2.5-03]')
def _(lab):
    for values, told in ((('id',), 'id'), (('none',), 'none'), (('id;critical',), 'id;critical'), (('header;id',), 'id;header'),
                         (('header', 'id'), 'id;header'), (('user;session;id',), 'id;user;session'), ((' ID ; Critical ',), 'id;critical'),
                         (('pizza',), None), (('session',), None), (('',), None), ((';;',), None)):
        got = out(lab, 'plain', headers=privacy(*values))
        equal(got.get('Privacy'), told, f'Privacy: {values}')
        equal(uri(got), ANONYMOUS if told and 'id' in told else epi(OWN['plain']), f'From with {values}')
    for values in (('pizza;critical',), ('critical', 'id;pizza')):
        equal(refused(site(lab, 'plain'), epi(FAR), from_=f'<{epi(OWN["plain"])}>', headers=privacy(*values)), 500, f'Privacy: {values}')
        equal(refused(lab.core(), f'sip:{OWN["plain"]}@{CORE.signaling}', headers=privacy(*values)), 500, f'Privacy: {values} of the core')


@case('a preferred identity is a hint where the trunk takes hints, and never reaches the core [SC-10.2.6-01] [SC-10.2.6-02]')
def _(lab):
    def preferring(trunk, number, more=()):
        got = out(lab, trunk, f'<{ANONYMOUS}>', [('P-Preferred-Identity', f'"Pat" <sip:{number}@{DOMAIN};user=phone>'), *more])
        require('P-Preferred-Identity' not in got, f'it reached the core: {got}')
        return identities(got)
    for trunk in ('plain', 'trusted'):
        number = OWN[trunk][:-1] + '7'
        equal(preferring(trunk, number), [f'"Pat" <{epi(number)}>'], f'a number of {trunk}')
        equal(preferring(trunk, CALLER), [f'<{epi(DEFAULT[trunk])}>'], 'somebody else\'s')
        equal(preferring(trunk, number, asserted(f'<{epi(OWN[trunk])}>')), [f'<{epi(OWN[trunk])}>'], 'beside an identity')
    equal(preferring('restricted', OWN['restricted']), [f'<{epi(DEFAULT["restricted"])}>'], 'where hints are not taken')


# ---------------------------------------------------------------- within a call

@case('identities in responses and re-INVITEs are held to the same rules, and none is in ACK, CANCEL or BYE')
def _(lab):
    own = OWN['plain']
    outgoing, incoming = answered(lab.core(), site(lab, 'plain'), f'sip:{own}@{CORE.signaling}', from_=f'<sip:{CALLER}@peer.net>',
                                  headers=asserted(f'<sip:{CALLER}@peer.net>'),
                                  ring_headers=asserted(f'<sip:{CALLER}@x>'), answer_headers=asserted(f'"Ann" <sip:{own}@branch.lan>'))
    said = {r.status: identities(r) for r in outgoing.transaction.responses if r.status > 100}
    equal(said, {180: [], 200: [f'"Ann" <{epi(own)}>']}, 'what the core hears of who answers')
    exchanges.accept_reinvites(incoming, site(lab, 'plain'), asserted(f'<sip:{own}@branch.lan>') + privacy('id'))
    request = outgoing.request('INVITE', lab.core().offer(), asserted('"New" <sip:+15610000000@peer.net>'))
    outgoing.transaction = lab.core().peer.start(request, outgoing.destination)
    response = outgoing.transaction.wait_final(10)
    equal((response.status, identities(response), response.get('Privacy')), (200, [f'<{epi(own)}>'], 'id'), 'the answer to the re-INVITE')
    outgoing.acknowledge(response)
    equal(identities(incoming.requests[-1]), ['"New" <sip:+15610000000@peer.net>'], 'the re-INVITE')
    require(incoming.server.acknowledged.wait(5), 'the ACK')
    hang_up(outgoing, incoming)
    calling = exchanges.place(lab.core(), f'sip:{own}@{CORE.signaling}', headers=asserted(f'<tel:{CALLER}>'), from_=f'<sip:{CALLER}@peer.net>')
    ringing = parties.wait_call(site(lab, 'plain'), calling)
    ringing.ring()
    require(calling.wait_provisional(180), 'it rings')
    calling.cancel()
    require(ringing.cancelled.wait(5), 'CANCEL arrives')
    for peer in (site(lab, 'plain').peer, lab.core().peer):
        for message in received(peer):
            if message.start_line.split()[0] in ('ACK', 'CANCEL', 'BYE') or (not message.is_request and message.status > 299):
                equal(identities(message), [], message.start_line)


@case('malformed optional fields neither refuse nor end a call, in either direction [reliability 25]')
def _(lab):
    broken = [('Privacy', ';;,id"'), ('P-Asserted-Identity', '"unclosed <sip:+1@x'), ('P-Asserted-Identity', '<>'),
              ('P-Preferred-Identity', 'sip:'), ('Warning', 'CLI Should be in E164 Format'), ('Date', 'yesterday'), ('Alert-Info', '<<>'),
              ('Call-Info', ';purpose'), ('Retry-After', '-1'), ('Accept-Language', ',,;q='), ('Reason', 'SIP;;cause=x'),
              ('Diversion', '<sip'), ('History-Info', 'x;index='), ('Geolocation', '<'), ('User-to-User', ''), ('Subject', ''),
              ('Session-Expires', 'x'), ('Min-SE', ''), ('Allow', ',,'), ('Timestamp', 'x'), ('P-Charging-Vector', '='), ('Identity', ';')]
    for caller, callee, to in ((lab.core(), lab.pbx(), f'sip:{OWN["acme-hq"]}@{CORE.signaling}'), (lab.pbx(), lab.core(), epi(FAR)),
                               (site(lab, 'trusted'), lab.core(), epi(FAR)), (lab.core(), site(lab, 'trusted'), f'sip:{OWN["trusted"]}@{CORE.signaling}')):
        hang_up(*answered(caller, callee, to, headers=broken, ring_headers=broken, answer_headers=broken))
        arrived(caller, callee, to, headers=broken, response_headers=broken)


# ---------------------------------------------------------------- the leak scan

def personal_fields(number, host='inner.example'):
    """Fields in which a caller's identity travels beside From and P-Asserted-Identity."""
    return [('Remote-Party-ID', f'<sip:{number}@{host}>;party=calling'), ('Diversion', f'<sip:{number}@{host}>;reason=unconditional'),
            ('History-Info', f'<sip:{number}@{host}>;index=1'), ('Reply-To', f'<sip:{number}@{host}>'), ('Referred-By', f'<sip:{number}@{host}>'),
            ('P-Preferred-Identity', f'<sip:{number}@{host}>'), ('Subject', f'call of {number}'), ('Organization', f'{host}'),
            ('Call-Info', f'<http://{host}/{number}>'), ('X-Caller', number), ('Identity', f'{number};info=<https://{host}/c>;alg=ES256'),
            ('P-Called-Party-ID', f'<sip:{number}@{host}>'), ('P-Charging-Vector', f'icid-value={number}'),
            ('P-Access-Network-Info', f'IEEE-802.11;x={number}'), ('User-to-User', f'{number}'), ('Geolocation', f'<cid:{number}@{host}>')]


TOPOLOGY = ('via-{0}.example', 'rr-{0}.example', 'contact-{0}', 'agent-{0}', 'icid-{0}', 'warn-{0}.example', 'sdp-user-{0}', 'sdp-name-{0}')


def topology_fields(side, request):
    """Fields that name elements of a side; none may be seen on the other, whoever calls and whatever is hidden."""
    fields = [('Server', f'agent-{side}'), ('Warning', f'399 warn-{side}.example "x"'), ('P-Charging-Vector', f'icid-value=icid-{side}'),
              ('Error-Info', f'<sip:warn-{side}.example>'), ('P-Visited-Network-ID', f'warn-{side}.example'), ('P-Internal-Route', f'rr-{side}.example'), ('Path', f'<sip:rr-{side}.example>'),
              ('Service-Route', f'<sip:rr-{side}.example>'), ('In-Reply-To', f'icid-{side}'), ('Target-Dialog', f'icid-{side};local-tag=a;remote-tag=b'),
              ('Recv-Info', f'icid-{side}'), ('Authentication-Info', f'nextnonce="icid-{side}"'), ('User-Agent', f'agent-{side}')]
    return fields + ([('Proxy-Authorization', f'Digest username="agent-{side}"')] if request else [])


def received(peer):
    """Everything that has come to a peer, in whole messages."""
    framer, datagrams = sip_message.StreamFramer(), []
    for traced in list(peer.transport.trace):
        if traced.outgoing or not traced.data.strip():
            continue
        if peer.transport.reliable:
            datagrams += list(framer.feed(traced.data))
        else:
            datagrams.append(sip_message.parse(traced.data))
    return datagrams


def own_words(peer, side):
    """What only this side may know: its addresses, names, Call-IDs, tags, branches, contacts."""
    words = {word.format(side) for word in TOPOLOGY}
    for traced in list(peer.transport.trace):
        if not traced.outgoing or b'SIP/2.0' not in traced.data:
            continue
        try:
            message = sip_message.parse(traced.data)
        except (sip_message.MalformedMessage, ValueError):
            continue
        ours = message.all('Contact') if 'Contact' in message else []
        words |= {sip_message.parameter(v, 'branch') for v in message.all('Via')[:1] if message.is_request}
        words |= {sip_message.parameter(message['From' if message.is_request else 'To'], 'tag')}
        words |= {sip_message.uri_of(v) for v in ours}
    return words - {None}


class Scan:
    """Two parties whose every received message is searched for what belongs to the other."""

    def __init__(self, pbx, core):
        self.sides = {'pbx': pbx, 'core': core}
        self.networks = {'pbx': ('198.51.100.', '2001:db8:2:'), 'core': ('192.0.2.', '2001:db8:1:', 'branch.lan')}
        self.messages = 0
        for party in (pbx, core):
            party.peer.transport.trace.clear()

    def finish(self, hidden=(), hidden_from=None):
        """`hidden`: what a caller or callee does not want known to `hidden_from`."""
        self.call_ids = {name: {m.call_id for m in received(p.peer)} for name, p in self.sides.items()}
        for name, other in (('pbx', 'core'), ('core', 'pbx')):
            foreign = own_words(self.sides[other].peer, other) | (self.call_ids[other] - self.call_ids[name])
            foreign |= set(self.networks[name]) | (set(hidden) if name == hidden_from else set())
            for message in received(self.sides[name].peer):
                self.messages += 1
                text = str(message)
                found = [word for word in foreign if word in text]
                require(not found, f'{found} of the {other} side reached the {name} side:\n{text}')
            require(not self.call_ids['pbx'] & self.call_ids['core'], 'one Call-ID on both sides')


PRIVACIES = (None, 'none', 'id', 'user', 'header', 'session', 'id;critical', 'header;user;session')
CALLERS = ('number', 'name', 'anonymous')


def wants_to_hide(asked, who):
    tokens = set((asked or '').split(';'))
    return bool(tokens & {'id', 'user', 'header'}) or (who == 'anonymous' and 'none' not in tokens)


def described(party, side):
    """A description that names its side where it can."""
    text = party.offer()
    return text.replace('o=- ', f'o=sdp-user-{side} ').replace('s=-', f's=sdp-name-{side}', 1)


def scan_one(lab, trunk, carrier, direction, asked, who, ending):
    """One call of the truth table; returns what the callee got."""
    pbx, core = site(lab, trunk), site(lab, carrier)
    caller, callee, side = (pbx, core, 'pbx') if direction == 'out' else (core, pbx, 'core')
    other = 'core' if side == 'pbx' else 'pbx'
    number = OWN[trunk] if direction == 'out' else CALLER
    name = f'Zoe-{side}'
    from_ = {'number': f'"{name}" <sip:{number}@via-{side}.example>', 'name': f'"{name}" <sip:zoe@via-{side}.example>',
             'anonymous': f'<{ANONYMOUS}>'}[who]
    headers = asserted(f'"{name}" <{epi(number) if direction == "out" else f"sip:{number}@origin.example"}>')
    headers += [('Privacy', asked)] if asked else []
    hides = wants_to_hide(asked, who)
    headers += personal_fields(number) if hides else []
    headers += topology_fields(side, True) + [('Record-Route', f'<sip:rr-{side}.example;lr>')]
    scan = Scan(pbx, core)
    to = epi(FOREIGN if carrier == 'peer' else FAR) if direction == 'out' else f'sip:{OWN[trunk]}@{CORE.signaling}'
    common = dict(from_=from_, headers=headers, offer=described(caller, side))
    back = topology_fields(other, False)
    if ending == 'answered':
        outgoing, incoming = answered(caller, callee, to, ring_headers=back, answer_headers=back, **common)
        got = incoming.invite
        hang_up(*((outgoing, incoming) if asked else (incoming, outgoing)))
    elif ending == 'cancelled':
        outgoing = exchanges.place(caller, to, **common)
        incoming = parties.wait_call(callee, outgoing)
        incoming.respond(180, 'Ringing', headers=back)
        require(outgoing.wait_provisional(180), 'it rings')
        outgoing.cancel()
        require(incoming.cancelled.wait(5) and outgoing.wait_final(10), 'it is cancelled')
        got = incoming.invite
    else:
        got = arrived(caller, callee, to, response_headers=back + [('Reason', f'Q.850;cause=17;text="warn-{other}.example"')],
                      status=486, reason=f'Busy at warn-{other}.example', **common)
    trusted = trunk == 'trusted' if direction == 'in' else carrier == 'core'
    personal = (number[1:], name, 'zoe', 'inner.example', 'origin.example') if hides and not trusted else ()
    scan.finish(personal, other)
    return got, hides, trusted, number, scan.messages


@case('the truth table of privacy x trust x identity x direction, and in no field of any message anything of the other side')
def _(lab):
    endings, messages, rows = itertools.cycle(('answered', 'refused', 'cancelled')), 0, 0
    for direction, pairs in (('in', (('plain', 'core'), ('trusted', 'core'), ('acme-hq', 'core'))),
                             ('out', (('plain', 'core'), ('plain', 'peer'), ('trusted', 'core'), ('trusted', 'peer'), ('acme-hq', 'core')))):
        for (trunk, carrier), asked, who in itertools.product(pairs, PRIVACIES, CALLERS):
            row = f'{direction} {trunk} {carrier} Privacy: {asked}, From: {who}'
            got, hides, trusted, number, seen = scan_one(lab, trunk, carrier, direction, asked, who, next(endings))
            shown = {'number': epi(number), 'name': epi(number), 'anonymous': ANONYMOUS}[who]
            equal(uri(got), ANONYMOUS if hides else shown, f'From: {row}')
            told = identities(got)
            equal(bool(told), trusted or not hides, f'an identity is told: {row}: {told}')
            require(all(number in value for value in told), f'the identity: {row}: {told}')
            if hides:
                require('id' in got['Privacy'].split(';'), f'Privacy: {row}: {got["Privacy"]}')
            rows, messages = rows + 1, messages + seen
    require(rows == 8 * len(PRIVACIES) * len(CALLERS) and messages > 900, f'{rows} rows, {messages} messages')


@case('no call and no media session is left of all these')
def _(lab):
    lab.edge.wait_no_leftovers(10, but=('transactions',))


if __name__ == '__main__':
    sys.exit(main('identity', lambda: running_edge('identity', access=('udp', 'tls'), prepare=prepare)))
