#!/usr/bin/env python3
"""Who calls, and who is told: From, P-Asserted-Identity, P-Preferred-Identity and Privacy in both directions (SIPconnect
10.1.3, 10.1.4, 10.2.3 to 10.2.6; RFC 3323, 3325, 5876), and a scan of everything either side receives for what belongs
to the other alone. Against the running daemons, over real sockets."""
import contextlib
import itertools
import sys
import threading
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
from leak_scan import Scan, personal_fields, received, topology_fields  # noqa: E402
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
        for method in ('MESSAGE', 'OPTIONS'):
            with answering(site(lab, 'plain').peer, method, 200, 'OK', ()) as came:
                answer = asked_outside_of_calls(lab.core(), method, f'sip:{OWN["plain"]}@{CORE.signaling}', headers=privacy(*values))
            equal((answer.status, came), (500, []), f'Privacy: {values} of a {method}')


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

@case('identities in responses and re-INVITEs are held to the same rules, and none is in ACK, CANCEL or BYE [E-32]')
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

PRIVACIES = (None, 'none', 'id', 'user', 'header', 'session', 'id;critical', 'header;user;session')
CALLERS = ('number', 'name', 'anonymous')
OUTSIDE_OF_CALLS = ('message', 'options')
ENDINGS = ('answered', 'refused', 'cancelled', *OUTSIDE_OF_CALLS)
SAID = b'what is said crosses'
SAYINGS = ('asserted', 'preferred', 'both')        # in which field the caller names himself; in both: another one in the second
PAIRS = [*itertools.product(('in', 'out'), ('plain', 'trusted', 'acme-hq'), ('core', 'peer'))]
FORWARDER = '5619990000'                          # has sent a call on, and asks not to be named


def wants_to_hide(asked, who):
    tokens = set((asked or '').split(';'))
    return bool(tokens & {'id', 'user', 'header'}) or (who == 'anonymous' and 'none' not in tokens)


class Row:
    """One row of the truth table: who calls whom, what he asks for, and what each side may be told."""

    def __init__(self, direction, trunk, carrier, asked, who, saying):
        self.direction, self.trunk, self.carrier, self.asked, self.who, self.saying = direction, trunk, carrier, asked, who, saying
        self.caller_side, self.callee_side = ('pbx', 'core') if direction == 'out' else ('core', 'pbx')
        self.trusts = {'pbx': trunk == 'trusted', 'core': carrier == 'core'}
        self.number = OWN[trunk] if direction == 'out' else CALLER
        self.hides = wants_to_hide(asked, who)
        # A carrier that nobody trusts vouches for nobody; of a PBX of any kind its own numbers are believed.
        self.vouched = direction == 'out' or self.trusts['core']
        self.told = self.vouched and (self.trusts[self.callee_side] or not self.hides)
        # What is preferred is a hint of a PBX; of a carrier it is nothing.
        self.named = self.vouched and (saying != 'preferred' or direction == 'out')
        self.callee_hides = wants_to_hide(asked, 'number')

    def __str__(self):
        return f'{self.direction} {self.trunk} {self.carrier} Privacy: {self.asked}, From: {self.who}, {self.saying}'

    def name(self, side):
        return f'Zoe-{side}'

    def uri(self, side):
        """Who is on a side of the call, as that side says it."""
        if side == self.caller_side:
            return epi(self.number) if side == 'pbx' else f'sip:{self.number}@origin.example'
        return epi(OWN[self.trunk]) if side == 'pbx' else f'sip:{FAR}@origin.example'

    def identity(self, side):
        return asserted(f'"{self.name(side)}" <{self.uri(side)}>') + (privacy(self.asked) if self.asked else [])

    def shown(self):
        """From as the callee gets it."""
        if self.hides:
            return ANONYMOUS
        return {'number': epi(self.number), 'name': epi(self.number) if self.named else UNAVAILABLE, 'anonymous': ANONYMOUS}[self.who]

    @property
    def other(self):
        """A number of the same side that is not the caller's."""
        return self.number[:-1] + '7'

    def own_words(self):
        """The caller's request names him in the one field, in the other, or another one in the second."""
        asserted_ones = self.identity(self.caller_side)
        if self.saying == 'asserted':
            return asserted_ones
        if self.saying == 'preferred':
            return [(name.replace('Asserted', 'Preferred'), value) for name, value in asserted_ones]
        other = self.uri(self.caller_side).replace(self.number, self.other)
        return [*asserted_ones, ('P-Preferred-Identity', f'"Other" <{other}>')]

    def fields(self):
        """Of the caller's requests: his identity, names of his network, and where he hides himself wherever else he is named;
        where he shows his number, who has sent the call on."""
        side, more = self.caller_side, []
        if self.hides:
            more = personal_fields(self.number)
        elif self.who == 'number':
            entry, way = f'<sip:{{}}@via-{side}.example{{}}>;index={{}}', self.number
            more = [('History-Info', entry.format(way, '?Reason=SIP%3Bcause%3D302', '1')),
                    ('History-Info', entry.format('+1' + FORWARDER, '?Privacy=history', '1.1')),
                    ('Diversion', f'<sip:{way}@via-{side}.example>;reason=no-answer')]
        return self.own_words() + more + topology_fields(side, True)

    def hidden(self):
        """What neither side may learn: side -> words."""
        words = {'pbx': ['P-Preferred-Identity'], 'core': ['P-Preferred-Identity']}
        words[self.callee_side].append(self.other[1:])
        if not self.trusts[self.callee_side]:
            words[self.callee_side].append(FORWARDER)
            if self.hides:
                words[self.callee_side] += [self.number[1:], self.name(self.caller_side), 'zoe', 'inner.example', 'origin.example']
        if not self.trusts[self.caller_side] and self.callee_hides:
            words[self.caller_side].append(self.name(self.callee_side))
        return words


def described(text, side):
    """A description that names its side where it can."""
    return text.replace('o=- ', f'o=sdp-user-{side} ').replace('s=-', f's=sdp-name-{side}', 1)


def offered_anew(what, method, calls, ends, fields, answer_fields):
    """An offer within the call by the first of two ends, (party, side) each; what the other got, and its answer as it came."""
    (call, other), ((party, side), (far, far_side)) = calls, ends

    def answer(message, server=None):
        text = described(far.answer_to(other.remote_sdp), far_side)
        if server:
            other.answer_update(message, server, 200, text, answer_fields)
        else:
            other.respond(200, 'OK', text, answer_fields)

    def in_time(*came):                              # not on the thread that receives
        threading.Thread(target=answer, args=came, daemon=True).start()
    other.on_reinvite, other.on_update, known = in_time, in_time, len(other.requests)
    other.local_sdp = other.local_sdp or other.remote_sdp      # a call that has described itself takes re-INVITEs
    transaction = party.peer.start(call.request(method, described(party.offer(version=2), side), fields), call.destination)
    response = parties.require_status(transaction.wait_final(10), 200, f'{method} by the {side} side: {what}')
    if method == 'INVITE':
        call.acknowledge(response)
        require(other.server.acknowledged.wait(5), f'no ACK of the re-INVITE: {what}')
    got = [m for m in other.requests[known:] if m.method == method]
    equal(len(got), 1, f'{method} at the {far_side} side: {what}')
    return got[0], response


def require_told(row, message, number, told, what):
    found = identities(message)
    equal(bool(found), told, f'an identity is told in {what}: {row}: {found}')
    require(all(number in value for value in found), f'the identity in {what}: {row}: {found}')


def scan_one(lab, row, ending):
    """One call of the truth table, or one request outside of calls; the number of messages that were looked through."""
    sides = {'pbx': site(lab, row.trunk), 'core': site(lab, row.carrier)}
    caller, callee = sides[row.caller_side], sides[row.callee_side]
    from_ = {'number': f'"{row.name(row.caller_side)}" <sip:{row.number}@via-{row.caller_side}.example>',
             'name': f'"{row.name(row.caller_side)}" <sip:zoe@via-{row.caller_side}.example>', 'anonymous': f'<{ANONYMOUS}>'}[row.who]
    headers = row.fields() + [('Record-Route', f'<sip:rr-{row.caller_side}.example;lr>')]
    scan = Scan(sides['pbx'], sides['core'])
    to = epi(FOREIGN if row.carrier == 'peer' else FAR) if row.direction == 'out' else f'sip:{OWN[row.trunk]}@{CORE.signaling}'
    if ending in OUTSIDE_OF_CALLS:
        said_outside_of_calls(row, ending.upper(), caller, callee, to, from_, headers)
        scan.finish(row.hidden())
        return scan.messages
    common = dict(from_=from_, headers=headers, offer=described(caller.offer(), row.caller_side))
    back = topology_fields(row.callee_side, False)
    if ending == 'answered':
        said = row.identity(row.callee_side) + back
        outgoing, incoming = answered(caller, callee, to, ring_headers=said, answer_headers=said, **common)
        got = incoming.invite
        for response in outgoing.transaction.responses:
            if response.status > 100:
                require_answerer(row, response)
        ends = (caller, row.caller_side), (callee, row.callee_side)
        again, answer = offered_anew(row, 'INVITE', (outgoing, incoming), ends, row.fields(), said)
        require_told(row, again, row.number, row.told and row.saying != 'preferred', 'the re-INVITE')
        require_answerer(row, answer)
        by_callee = row.identity(row.callee_side) + topology_fields(row.callee_side, True)
        by_caller = row.identity(row.caller_side) + topology_fields(row.caller_side, False)
        again, answer = offered_anew(row, 'UPDATE', (incoming, outgoing), ends[::-1], by_callee, by_caller)
        require_answerer(row, again)
        require_told(row, answer, row.number, row.told, 'the answer to the UPDATE')
        hang_up(*((outgoing, incoming) if row.asked else (incoming, outgoing)))
    elif ending == 'cancelled':
        outgoing = exchanges.place(caller, to, **common)
        incoming = parties.wait_call(callee, outgoing)
        incoming.respond(180, 'Ringing', headers=back)
        require(outgoing.wait_provisional(180), 'it rings')
        outgoing.cancel()
        require(incoming.cancelled.wait(5) and outgoing.wait_final(10), 'it is cancelled')
        require(incoming.server.acknowledged.wait(5), f'no ACK of the 487: {row}')
        got = incoming.invite
    else:
        got = arrived(caller, callee, to, response_headers=back + [('Reason', f'Q.850;cause=17;text="warn-{row.callee_side}.example"')],
                      status=486, reason=f'Busy at warn-{row.callee_side}.example', **common)
    equal(uri(got), row.shown(), f'From: {row}, {ending}')
    require_told(row, got, row.number, row.told and row.named, 'the INVITE')
    if row.hides:
        require('id' in got['Privacy'].split(';'), f'Privacy: {row}: {got["Privacy"]}')
    elif row.who == 'number' and row.asked != 'session' and row.vouched:
        require(f'{row.number}@' in got.get('History-Info', ''), f'History-Info: {row}: {got.get("History-Info")}')
    scan.finish(row.hidden())
    return scan.messages


def said_outside_of_calls(row, method, caller, callee, to, from_, headers):
    """OPTIONS or MESSAGE for a number, and the answer. From the core it is carried to the PBX; a PBX's goes nowhere."""
    back = row.identity(row.callee_side) + topology_fields(row.callee_side, False)
    status = 486 if row.who == 'name' else 200
    with answering(callee.peer, method, status, f'Said at warn-{row.callee_side}.example', back) as came:
        answer = asked_outside_of_calls(caller, method, to, from_, headers)
    if row.direction == 'out':
        equal((answer.status, came), (405 if method == 'MESSAGE' else 200, []), f'{method}: {row}')
        require_told(row, answer, row.number, False, f'the answer to {method}')
        return
    got, = came
    equal((answer.status, uri(got), got.body), (status, row.shown(), SAID if method == 'MESSAGE' else b''), f'{method}: {row}')
    require_told(row, got, row.number, row.told and row.named, method)
    require_answerer(row, answer)
    if row.hides:
        require('id' in got['Privacy'].split(';'), f'Privacy of {method}: {row}: {got["Privacy"]}')


def asked_outside_of_calls(caller, method, to, from_=None, headers=()):
    """The final answer to a request for a number."""
    text = [('Content-Type', 'text/plain')] if method == 'MESSAGE' else []
    request = caller.peer.plain_request(method, to, [*headers, *text], SAID if text else b'')
    if from_:
        request.set('From', f'{from_};tag={sip_message.new_tag()}')
    answer = caller.peer.start(request).wait_final(10)
    require(answer is not None, f'no answer to {method} {to}')
    return answer


@contextlib.contextmanager
def answering(peer, method, status, reason, headers):
    """The peer answers every request for a number, by this method, outside of calls like that; the requests."""
    original, came = peer._receive_request, []

    def receive(message, source):
        if message.method != method or not sip_message.user_of(message.uri):        # a probe names nobody
            return original(message, source)
        came.append(message)
        return peer.send(sip_message.response_to(message, status, reason, sip_message.new_tag(), headers).encode(), source)
    peer._receive_request = receive
    try:
        yield came
    finally:
        peer._receive_request = original


def require_answerer(row, message):
    """Who answers is told by the same rules, the other way."""
    vouched = row.callee_side == 'pbx' or row.trusts['core']
    told = vouched and (row.trusts[row.caller_side] or not row.callee_hides)
    require_told(row, message, sip_message.user_of(row.uri(row.callee_side)), told, message.start_line)


@contextlib.contextmanager
def taking_update(*takers):
    before = takers[0].peer.allow
    for party in takers:
        party.peer.allow = before + ', UPDATE'
    try:
        yield
    finally:
        for party in takers:
            party.peer.allow = before


@case('of several identities one of each kind crosses in an 18x, a 2xx, a re-INVITE, an UPDATE and their answers, where who is told is '
      'trusted; to others none of a hidden caller [E-32]')
def _(lab):
    one, two, surplus = f'"S" <sip:{FAR}@peer.net>', f'<tel:{FAR}>', '<sip:+1999@surplus.example>'
    own = f'"Ann" <{epi(OWN["trusted"])}>', f'<tel:{OWN["trusted"]}>', f'<sip:{OWN["trusted"]}@surplus.example>'
    network, caller = asserted(f'{one}, {surplus}', two), asserted(*own)
    pbx, core = site(lab, 'trusted'), lab.core()
    ends = (pbx, 'pbx'), (core, 'core')
    with taking_update(pbx, core):
        outgoing, incoming = answered(pbx, core, epi(FAR), from_=f'<{epi(OWN["trusted"])}>', ring_headers=network, answer_headers=network)
        for response in outgoing.transaction.responses:
            if response.status > 100:
                equal(identities(response), [one, two], f'in the {response.status}')
        for method in ('INVITE', 'UPDATE'):
            got, answer = offered_anew('by the PBX', method, (outgoing, incoming), ends, caller, network)
            equal((identities(got), identities(answer)), ([*own[:2]], [one, two]), f'{method} of the PBX and its answer')
            got, answer = offered_anew('by the core', method, (incoming, outgoing), ends[::-1], network, caller)
            equal((identities(got), identities(answer)), ([one, two], [*own[:2]]), f'{method} of the core and its answer')
        hang_up(outgoing, incoming)
        for message in received(pbx.peer) + received(core.peer):
            if message.start_line.split()[0] in ('ACK', 'BYE'):
                equal(identities(message), [], message.start_line)
    # Anonymous by default: who calls stays it, although he asks for nothing any more.
    pbx, number = site(lab, 'restricted'), OWN['restricted']
    with taking_update(pbx, core, site(lab, 'peer')):
        for to, carrier, told in ((FAR, core, ([f'<{epi(number)}>'], 'id')), (FOREIGN, site(lab, 'peer'), ([], None))):
            outgoing, incoming = answered(pbx, carrier, epi(to), from_=f'<{epi(number)}>')
            ends = (pbx, 'pbx'), (carrier, 'core')
            for method in ('INVITE', 'UPDATE'):
                got, _ = offered_anew('hidden', method, (outgoing, incoming), ends, asserted(f'<{epi(number)}>'), [])
                _, answer = offered_anew('hidden', method, (incoming, outgoing), ends[::-1], [], asserted(f'<{epi(number)}>'))
                for message in (got, answer):
                    equal((identities(message), message.get('Privacy')), told, f'{method}: {message.start_line}')
            hang_up(outgoing, incoming)


@case('the truth table of privacy x trust x identity x direction x how it ends, and in no field of any message, of an offer within the '
      'call or outside of calls neither, anything of the other side [E-32]')
def _(lab):
    messages, table = 0, [*itertools.product(PAIRS, PRIVACIES, CALLERS, SAYINGS, ENDINGS)]
    with taking_update(*{id(p): p for _, *names in PAIRS for p in (site(lab, name) for name in names)}.values()):
        for (direction, trunk, carrier), asked, who, saying, ending in table:
            messages += scan_one(lab, Row(direction, trunk, carrier, asked, who, saying), ending)
    require(len(table) == 12 * 8 * 3 * 3 * 5 and messages > 15_000, f'{len(table)} rows, {messages} messages')


@case('no call and no media session is left of all these')
def _(lab):
    lab.edge.wait_no_leftovers(10, but=('transactions',))


if __name__ == '__main__':
    sys.exit(main('identity', lambda: running_edge('identity', access=('udp', 'tls'), prepare=prepare)))
