#!/usr/bin/env python3
"""The registrar as a PBX meets it (SIPconnect 16.4, RFC 6140, RFC 3261 10): what it takes and refuses, whom it believes,
where calls go afterwards, and what survives a restart. Over UDP, TCP and TLS against the running daemons."""
import contextlib
import os
import queue
import signal
import sqlite3
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require, require_growth  # noqa: E402
from edge_fixture import DOMAIN, STRANGER, running_edge  # noqa: E402
from lab import process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sip_digest  # noqa: E402
from pbx_sim.sip_message import uri_of  # noqa: E402
from registrant import listed, over_tcp, over_tls, over_udp, told  # noqa: E402

HERE = Path(__file__).resolve().parent
PBX = '192.0.2.10'
BULK = dict(domain=DOMAIN, user='pbx17', username='login-of-17', password='seventeen old phones')
LARGE = dict(domain=DOMAIN, user='large', password='ten thousand numbers')
BRIEF = dict(domain=DOMAIN, user='brief', password='gone before you know it')
BRIEF_SECONDS = 10
ONE = dict(domain=DOMAIN, user='one', password='just one number')
NUMBER = dict(domain=DOMAIN, user='+4930444000', password='looks like a number')
ESCAPED = dict(domain=DOMAIN, user='a.b%20c', username='a.b c', password='a space within')
COMPAT = dict(domain=DOMAIN, user='main', password='an old telephone')
NAT_A = dict(domain=DOMAIN, user='nat-a', password='first of the two', contact='<sip:10.0.0.5:5060;bnc>')
NAT_B = dict(domain=DOMAIN, user='nat-b', password='second of the two', contact='<sip:10.0.0.5:5060;bnc>')
seen = set()          # every status that answered a REGISTER


def prepare(lab):
    lab.edge.apply(HERE / 'provision_registrar.yaml')


def ok(response, what='REGISTER'):
    require(response is not None, f'{what}: no answer')
    seen.add(response.status)
    equal(response.status, 200, what)
    return response


def refused(response, status, what):
    require(response is not None, f'{what}: no answer')
    seen.add(response.status)
    equal(response.status, status, what)
    return response


def bindings(lab, trunk):
    return [r for r in lab.edge.registrations() if r['trunk'] == trunk]


def invite(lab, number):
    core = lab.core()
    return core.peer.invite(f'sip:{number}@{CORE.signaling}', core.offer(), caller=lab.core_number)


def delivered(lab, number, pbx):
    """Calls from the core; the INVITE as the PBX got it (and refused it)."""
    outgoing = invite(lab, number)
    try:
        incoming = pbx.wait_call(5)
    except queue.Empty:
        final = outgoing.wait_final(5)
        raise AssertionError(f'{number} did not ring: {final and final.start_line}') from None
    incoming.reject(486, 'Busy Here')
    equal(outgoing.wait_final(10).status, 486, f'the call to {number}')
    return incoming.invite


def not_delivered(lab, number, status, *pbxs):
    final = invite(lab, number).wait_final(10)
    require(final is not None, f'the call to {number} is never answered')
    equal(final.status, status, f'the call to {number}')
    for pbx in pbxs:
        require(pbx.incoming.empty(), f'the call to {number} reached somebody')


def gone(pbx):
    """Takes away what it has registered and leaves."""
    if not pbx.transport.closed:
        ok(pbx.register(['*'], expires=0), 'the end of the registration')
    pbx.close()


@case('nothing is registered, refreshed, fetched or removed without credentials, over TLS neither '
      '[SC-7-02] [SC-16.2-18] [SC-16.4.1.3-01]')
def _(lab):
    pbx = over_tls(lab, PBX, **BULK)
    challenge = refused(pbx.ask(pbx.request()), 401, 'REGISTER without credentials')
    require(all(v.startswith('Digest ') for v in challenge.all('WWW-Authenticate')), 'the challenge is Digest')
    equal([sip_digest.challenge_parameters(v)['algorithm'] for v in challenge.all('WWW-Authenticate')],
          ['SHA-256', 'MD5'], 'the algorithms of the challenge')
    equal(bindings(lab, 'reg-bulk'), [], 'bindings before anybody has proved himself')
    ok(pbx.register())
    for what, contacts, expires in (('a refresh', None, None), ('a fetch', [], None), ('a removal', None, 0),
                                    ('a removal of everything', ['*'], 0)):
        refused(pbx.ask(pbx.request(contacts, expires=expires)), 401, f'{what} without credentials')
    equal(len(bindings(lab, 'reg-bulk')), 1, 'bindings after all of it')
    gone(pbx)


@case('a wrong password is challenged anew, binds nothing and is counted; Basic is not even looked at '
      '[SC-16.2-19] [SC-16.4.1.3-02] [SC-16.4.1.4-01]')
def _(lab):
    pbx = over_tls(lab, PBX, **BULK)
    pbx.ask(pbx.request())
    first = pbx.challenge['nonce']
    before = lab.edge.scrape('signaling').get('sallyport_auth_failures_total')
    refused(pbx.ask(pbx.signed(pbx.request(), password='guessed')), 401, 'REGISTER with a wrong password')
    require(pbx.challenge['nonce'] != first, 'the new challenge has the old nonce')
    require('stale' not in pbx.challenge, 'a wrong password is not stale')
    equal(lab.edge.scrape('signaling').get('sallyport_auth_failures_total') - before, 1, 'failures counted')
    basic = pbx.request(extra=[('Authorization', 'Basic bG9naW4tb2YtMTc6c2V2ZW50ZWVuIG9sZCBwaG9uZXM=')])
    refused(pbx.ask(basic), 401, 'REGISTER with Basic')
    equal(bindings(lab, 'reg-bulk'), [], 'bindings')
    pbx.close()


@case('one REGISTER binds every number, under a user name that is not the AOR\'s; the answer has the contact with bnc '
      'and its time [SC-16.4-01] [SC-16.4-05] [SC-16-01] [SC-16.2.1-02]')
def _(lab):
    pbx = over_tls(lab, PBX, **BULK)
    response = ok(pbx.register(['<sip:192.0.2.10:5071;bnc>'], expires=600))
    equal(listed(response), [('sip:192.0.2.10:5071;bnc', {'expires': '600'})], 'the contacts')
    equal(sorted(response.tokens('Supported')), ['gin', 'path'], 'Supported')
    (binding,) = bindings(lab, 'reg-bulk')
    equal((binding['transport'], binding['bulk'], binding['numbers']), ('TLS', True, 100), 'the binding')
    gone(pbx)


@case('three numbers of a trunk ring at its contact, with every parameter but bnc '
      '[SC-7-01] [SC-16-02] [SC-16.4-08] [SC-16.1.1-01] [SC-16.1.2-02]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    ok(pbx.register(['<sip:pbx.example:5062;foo=bar;bnc;x>']))
    for number in ('+4930111000', '+4930111050', '+4930111099'):
        message = delivered(lab, number, pbx)
        equal(message.uri, f'sip:{number}@pbx.example:5062;foo=bar;x', 'the Request-URI')
    not_delivered(lab, '+4930111100', 404, pbx)
    gone(pbx)


@case('ten thousand numbers cost one binding [SC-16-01]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **LARGE)
    ok(pbx.register())
    gone(pbx)
    pbx = over_udp(lab, PBX, 5071, **LARGE)
    before = process.resident_bytes(lab.edge.daemons['signaling'].pid)
    ok(pbx.register())
    require_growth(process.resident_bytes(lab.edge.daemons['signaling'].pid) - before, 1 << 20, 'signaling')
    (binding,) = bindings(lab, 'reg-large')
    equal(binding['numbers'], 10_000, 'the numbers it serves')
    for number in ('+4930220000', '+4930225555', '+4930229999'):
        equal(delivered(lab, number, pbx).uri.split('@')[0], f'sip:{number}', 'the Request-URI')
    gone(pbx)


@case('a single number registers in bulk as well; a plain contact is refused there [SC-16.4-02]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **ONE)
    ok(pbx.register())
    delivered(lab, '+4930333001', pbx)
    gone(pbx)
    pbx = over_udp(lab, PBX, 5071, **ONE)
    refused(pbx.register(['<sip:one@192.0.2.10:5071>'], require=(), proxy_require=()), 403, 'a plain contact')
    equal(bindings(lab, 'reg-one'), [], 'bindings')
    pbx.close()


@case('the contact may name an address of either family, a private one, or a host [SC-16.4-03]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    for host in ('192.0.2.10:5071', '[2001:db8:1::10]:5071', '10.1.2.3', 'pbx.example.net:5070'):
        equal(listed(ok(pbx.register([f'<sip:{host};bnc>'])))[0][0], f'sip:{host};bnc', 'the contact')
        equal(uri_of(f'<{delivered(lab, "+4930111001", pbx).uri}>'), f'sip:+4930111001@{host}', 'the Request-URI')
        ok(pbx.register(['*'], expires=0))
    pbx.close()


@case('nobody registers for somebody else: To and From name the trunk\'s own AOR [SC-16.4-04]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    refused(pbx.register(from_=f'<sip:large@{DOMAIN}>', to=f'<sip:pbx17@{DOMAIN}>'), 403, 'From is another AOR')
    refused(pbx.register(to=f'<sip:large@{DOMAIN}>'), 403, 'To is another trunk\'s AOR')
    refused(pbx.register(to=f'<sip:nobody@{DOMAIN}>'), 404, 'To is nobody')
    equal(bindings(lab, 'reg-bulk') + bindings(lab, 'reg-large'), [], 'bindings')
    pbx.close()


@case('the registration AOR is called by nobody, and a number does not register '
      '[SC-4-04]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **NUMBER)
    ok(pbx.register())
    not_delivered(lab, '+4930444000', 404, pbx)        # its AOR, though it looks like a number
    delivered(lab, '+4930444001', pbx)
    refused(pbx.register(to=f'<sip:+4930444001@{DOMAIN}>', expires=600), 403, 'REGISTER of a number')
    gone(pbx)
    pbx = over_udp(lab, PBX, 5071, **BULK)
    ok(pbx.register())
    core = lab.core()
    final = core.peer.invite(f'sip:pbx17@{CORE.signaling}', core.offer(), caller=lab.core_number).wait_final(10)
    equal(final.status, 404, 'the call to the AOR')
    require(pbx.incoming.empty(), 'the call to the AOR reached the PBX')
    gone(pbx)


@case('AORs with escapes and with the looks of a number register; parameters of the URI do not matter [SC-16-04]')
def _(lab):
    for kind, uri, number in ((BULK, f'sip:pbx17@{DOMAIN};foo=1', '+4930111001'),
                              (NUMBER, f'sip:+4930444000@{DOMAIN};user=phone', '+4930444001'),
                              (ESCAPED, f'sip:a%2Eb%20c@{DOMAIN.upper()}', '+4930444011')):
        pbx = over_udp(lab, PBX, 5071, **kind)
        ok(pbx.register(to=f'<{uri}>'), uri)
        delivered(lab, number, pbx)
        ok(pbx.register(['*'], to=f'<{uri}>', expires=0))
        pbx.close()


@case('a bulk contact with a user part or user= is a bad request and binds nothing [SC-16.4-07]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    for contact in ('<sip:u@192.0.2.10;bnc>', '<sip:192.0.2.10;user=phone;bnc>', '<sip:+4930111001@192.0.2.10;bnc>'):
        refused(pbx.register([contact]), 400, contact)
    equal(bindings(lab, 'reg-bulk'), [], 'bindings')
    pbx.close()


@case('option tags: gin and path are known, gin is asked for, others are refused by name [SC-16.4-06]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    refused(pbx.register(require=(), proxy_require=()), 400, 'bnc without Require: gin')
    equal(refused(pbx.register(require=('gin', 'foo')), 420, 'Require: foo')['Unsupported'], 'foo', 'Unsupported')
    equal(refused(pbx.register(proxy_require=('gin', 'bar')), 420, 'Proxy-Require: bar')['Unsupported'], 'bar',
          'Unsupported')
    equal(bindings(lab, 'reg-bulk'), [], 'bindings')
    ok(pbx.register(require=('gin',), proxy_require=()))
    gone(pbx)


@case('one number\'s de-registration, and that of a plain contact, leave the bulk binding as it is [SC-16.4-09]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    ok(pbx.register(expires=900))
    refused(pbx.register(['<sip:+4930111001@192.0.2.10:5071>'], to=f'<sip:+4930111001@{DOMAIN}>', expires=0,
                         require=(), proxy_require=()), 403, 'the de-registration of a number')
    response = ok(pbx.register(['<sip:192.0.2.10:5071>'], expires=0, require=(), proxy_require=()))
    ((uri, parameters),) = listed(response)
    equal(uri, 'sip:192.0.2.10:5071;bnc', 'the bulk contact is still listed')
    require(int(parameters['expires']) > 800, f'with its own time: {parameters}')
    delivered(lab, '+4930111001', pbx)
    ok(pbx.register(expires=0))
    not_delivered(lab, '+4930111001', 480, pbx)
    pbx.close()


@case('a path is kept, given back, and gone by Route to the PBX; one that the PBX cannot know of is refused '
      '[SC-16.4-10]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    path = ['<sip:p2.example.net;lr>', '<sip:p1.example.net:5070;lr;id=7>']
    equal(ok(pbx.register(path=path)).all('Path'), path, 'the Path of the answer')
    equal(bindings(lab, 'reg-bulk')[0]['path'], path, 'the path that operators see')
    equal(delivered(lab, '+4930111001', pbx).all('Route'), path, 'Route of the INVITE')
    equal(refused(pbx.register(path=path, supported=''), 420, 'Path without Supported: path')['Unsupported'], 'path',
          'Unsupported')
    gone(pbx)


@case('of several contacts the one with the highest q rings first, then the next; there are as many as provisioned [E-25]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    both = ['<sip:low.example;bnc>;q=0.2', '<sip:high.example;bnc>;q=0.9']
    equal([(u, p['q']) for u, p in listed(ok(pbx.register(both)))],
          [('sip:low.example;bnc', '0.200'), ('sip:high.example;bnc', '0.900')], 'the contacts')
    outgoing = invite(lab, '+4930111001')
    first = pbx.wait_call(5)
    equal(first.invite.uri, 'sip:+4930111001@high.example', 'the first to ring')
    first.reject(503, 'Service Unavailable')
    second = pbx.wait_call(5)
    equal(second.invite.uri, 'sip:+4930111001@low.example', 'the second')
    second.reject(486, 'Busy Here')
    equal(outgoing.wait_final(10).status, 486, 'the call')
    refused(pbx.register(['<sip:third.example;bnc>']), 403, 'a third contact')
    equal(len(bindings(lab, 'reg-bulk')), 2, 'bindings')
    gone(pbx)


@case('a REGISTER is carried out whole or not at all, and one that comes late changes nothing [E-25]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    ok(pbx.register(['<sip:a.example;bnc>'], expires=600))
    for contacts in (['<sip:b.example;bnc>', '<sip:u@c.example;bnc>'], ['<sip:b.example;bnc>;expires=1'],
                     ['<sip:a.example;bnc>;expires=0', '<sip:plain@d.example>'],
                     ['<sip:b.example;bnc>', '<sip:c.example;bnc>', '<sip:d.example;bnc>']):
        answer = pbx.register(contacts)
        require(answer.status >= 400, f'{contacts}: {answer.status}')
        seen.add(answer.status)
        equal([b['contact'] for b in bindings(lab, 'reg-bulk')], ['sip:a.example'], f'bindings after {contacts}')
    latest = pbx.cseq
    refused(pbx.register(['<sip:a.example;bnc>'], expires=0, cseq=1), 500, 'an older CSeq of the same Call-ID')
    equal(len(bindings(lab, 'reg-bulk')), 1, 'bindings after the late removal')
    ok(pbx.register(['<sip:a.example;bnc>'], cseq=1, call_id='after-a-restart-of-the-PBX'))
    pbx.cseq = latest + 10
    gone(pbx)


@case('the wildcard removes everything, alone and with Expires: 0 only [E-25]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)
    ok(pbx.register(['<sip:a.example;bnc>', '<sip:b.example;bnc>']))
    refused(pbx.register(['*'], expires=600), 400, '* with a time')
    refused(pbx.register(['*']), 400, '* without Expires')
    refused(pbx.register(['*', '<sip:a.example;bnc>'], expires=0), 400, '* beside another')
    equal(len(bindings(lab, 'reg-bulk')), 2, 'bindings')
    equal(listed(ok(pbx.register(['*'], expires=0))), [], 'what is left')
    equal(bindings(lab, 'reg-bulk'), [], 'bindings')
    pbx.close()


@case('how long: what the PBX asks for between the trunk\'s bounds, its default otherwise, 423 below')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **BULK)

    def granted(**options):
        return int(listed(ok(pbx.register(**options)))[0][1]['expires'])
    equal(granted(), 1200, 'the default')
    equal(granted(expires=600), 600, 'as asked')
    equal(granted(expires=86_400), 1800, 'the most')
    equal(granted(contacts=['<sip:192.0.2.10:5071;bnc>;expires=700'], expires=600), 700, 'the parameter goes before')
    equal(granted(expires='soon'), 1200, 'what is no number')
    equal(refused(pbx.register(expires=89), 423, 'too short')['Min-Expires'], '90', 'Min-Expires')
    require(int(bindings(lab, 'reg-bulk')[0]['expires_seconds']) > 1000, 'the refused refresh has changed nothing')
    gone(pbx)


def on_disk(lab, *texts):
    """Is each of these in what is kept of registrations?"""
    files = [lab.edge.run / 'registrations.db', lab.edge.run / 'registrations.db-wal']
    content = b''.join(file.read_bytes() for file in files if file.exists())
    return all(text.encode() in content for text in texts)


def wait_on_disk(lab, *texts):
    process.wait_until(lambda: on_disk(lab, *texts), 5, 'the registrations are on the disk', every=0.02)


def trunk_state(lab, name):
    """What operators see of a trunk: its state and why, in the list and, of the states, in the metrics."""
    (listed_,) = [t for t in lab.edge.json('trunk', 'list')['trunks'] if t['trunk'] == name]
    equal(lab.edge.scrape('signaling').get('sallyport_trunk_state', trunk=name, state=listed_['state']), 1, 'the state in the metrics')
    return listed_['state'], listed_['why']


@case('a registration that is not refreshed is over at its end and no sooner: no call goes there, the trunk is down, and who '
      'has subscribed is told')
def _(lab):
    pbx, aor = over_udp(lab, PBX, 5076, **BRIEF), f'sip:brief@{DOMAIN}'
    equal(listed(ok(pbx.register(expires=BRIEF_SECONDS)))[0][1]['expires'], str(BRIEF_SECONDS), 'the time that is granted')
    answer = pbx.subscribe(aor)
    equal(answer.status, 200, 'SUBSCRIBE')
    dialog = pbx.subscribed, answer
    contact = pbx.bulk_contact[1:].partition(';bnc')[0]
    equal(told(pbx), ('active', aor, 'active', [contact], 0), 'what is told at once')
    delivered(lab, '+4930333005', pbx)
    process.wait_until(lambda: float(bindings(lab, 'reg-brief')[0]['expires_seconds']) < BRIEF_SECONDS / 2, BRIEF_SECONDS,
                       'half of its time is over')
    asked = time.monotonic()
    ok(pbx.register(expires=BRIEF_SECONDS), 'the refresh')
    soonest, latest = asked + BRIEF_SECONDS, time.monotonic() + BRIEF_SECONDS
    process.wait_until(lambda: time.monotonic() > soonest - 2, BRIEF_SECONDS, 'the time before the refresh is over')
    equal(trunk_state(lab, 'reg-brief')[0], 'registered', 'the trunk once the time before the refresh is over')
    delivered(lab, '+4930333005', pbx)
    process.wait_until(lambda: not bindings(lab, 'reg-brief') or time.monotonic() > latest, BRIEF_SECONDS, 'the registration is over',
                       every=0.02)
    require(time.monotonic() > soonest, f'the registration was over {soonest - time.monotonic():.2f} s too soon')
    process.wait_until(lambda: time.monotonic() > latest, 1, 'its end, at the latest', every=0.001)
    not_delivered(lab, '+4930333005', 480, pbx)
    equal(bindings(lab, 'reg-brief'), [], 'bindings')
    process.wait_until(lambda: trunk_state(lab, 'reg-brief')[0] == 'down', 5, 'the trunk is down', every=0.1)
    require('expired' in trunk_state(lab, 'reg-brief')[1], f'why it is down: {trunk_state(lab, "reg-brief")[1]}')
    equal(told(pbx), ('active', aor, 'init', [], 1), 'what is told of the end')
    ok(pbx.register(expires=BRIEF_SECONDS), 'REGISTER afterwards')
    delivered(lab, '+4930333005', pbx)
    equal(pbx.subscribe(aor, expires=0, dialog=dialog).status, 200, 'the end of the subscription')
    gone(pbx)


@case('a registration that ended while signaling was dead is not there when it is back, and nothing goes there; one that did '
      'not end is')
def _(lab):
    brief, lasting = over_udp(lab, PBX, 5076, **BRIEF), over_udp(lab, PBX, 5071, **BULK)
    ok(lasting.register(['<sip:192.0.2.10:5071;x=lasting;bnc>'], expires=600))
    ok(brief.register(['<sip:192.0.2.10:5076;x=brief;bnc>'], expires=BRIEF_SECONDS))
    over = time.monotonic() + BRIEF_SECONDS             # at the latest: it began before it was answered
    wait_on_disk(lab, 'x=brief', 'x=lasting')
    lab.edge.kill('signaling')
    require(time.monotonic() < over, 'signaling was there at the end of the registration')
    require(on_disk(lab, 'x=brief'), 'the registration is not on the disk any more')
    process.wait_until(lambda: time.monotonic() > over, BRIEF_SECONDS + 1, 'the registration is over', every=0.1)
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')
    lab.edge.wait_recovered()
    equal([r['contact'] for r in lab.edge.json('registration', 'list', '--lost')['registrations'] if r['trunk'] == 'reg-brief'],
          [], 'bindings after the restart, lost ones as well')
    not_delivered(lab, '+4930333005', 480, brief)
    equal(trunk_state(lab, 'reg-brief')[0], 'down', 'the trunk')
    delivered(lab, '+4930111001', lasting)
    ok(brief.register(expires=BRIEF_SECONDS), 'REGISTER after the restart')
    delivered(lab, '+4930333005', brief)
    for pbx in (brief, lasting):
        gone(pbx)


@case('after its registration the PBX is called where it is now; before and afterwards it is not '
      '[SC-9.1-02] [SC-7-05] [SC-16.1.1-01]')
def _(lab):
    not_delivered(lab, '+4930111001', 480)
    behind_nat = dict(BULK, contact='<sip:10.0.0.5:5060;bnc>')
    old = over_udp(lab, PBX, 5071, **behind_nat)
    ok(old.register())
    delivered(lab, '+4930111001', old)
    moved = over_udp(lab, STRANGER, 5099, **behind_nat)          # the site's address has changed
    ok(moved.register())
    delivered(lab, '+4930111001', moved)
    require(old.incoming.empty(), 'the old place was called too')
    renumbered = over_udp(lab, PBX, 5072, **dict(BULK, contact='<sip:192.0.2.10:5072;bnc>'))
    ok(renumbered.register())
    delivered(lab, '+4930111002', renumbered)
    require(moved.incoming.empty(), 'the old contact was called first')
    ok(renumbered.register(['*'], expires=0))
    not_delivered(lab, '+4930111001', 480, old, moved, renumbered)
    for pbx in (old, moved, renumbered):
        pbx.close()


@case('the transport of a binding is that of the connection, whatever the contact says [SC-16.2.1-01]')
def _(lab):
    for connect, transport in ((over_tls, 'TLS'), (over_tcp, 'TCP'), (over_udp, 'UDP')):
        pbx = connect(lab, PBX, **BULK)
        ok(pbx.register(['<sip:1.2.3.4:5061;transport=tls;bnc>']))
        equal([b['transport'] for b in bindings(lab, 'reg-bulk')], [transport], 'the transport')
        delivered(lab, '+4930111001', pbx)
        gone(pbx)


@case('two customers behind one address whose ports change hands: no call ever reaches the other one [E-24]')
def _(lab):
    a, b = over_udp(lab, STRANGER, 40001, **NAT_A), over_udp(lab, STRANGER, 40002, **NAT_B)
    ok(a.register())
    ok(b.register())
    equal(delivered(lab, '+4930444031', a).uri, 'sip:+4930444031@10.0.0.5:5060', 'the same private contact')
    equal(delivered(lab, '+4930444032', b).uri, 'sip:+4930444032@10.0.0.5:5060', 'the same private contact')
    a.close()
    b.close()
    b = over_udp(lab, STRANGER, 40001, **NAT_B)
    call = b.invite(lab.number_uri(lab.core_number), lab.core().offer(), caller='+4930444032')
    equal(call.invite.cseq[0], 2, 'the CSeq of the INVITE that b had to prove, over a port that was a\'s')
    lab.core().peer.wait_call(5).reject(486, 'Busy Here')
    equal(call.wait_final(10).status, 486, 'the call of b')
    ok(b.register())
    not_delivered(lab, '+4930444031', 480, b)           # a's port is b's now: a is nowhere
    delivered(lab, '+4930444032', b)
    a = over_udp(lab, STRANGER, 40002, **NAT_A)
    ok(a.register())
    delivered(lab, '+4930444031', a)
    delivered(lab, '+4930444032', b)
    require('flow-taken' in lab.edge.daemons['signaling'].text(), 'the log does not tell who lost his port')
    gone(a)
    gone(b)


def call_up(lab, pbx, caller):
    """A call of the PBX that is up; the core's end of it."""
    outgoing = pbx.invite(lab.number_uri(lab.core_number), lab.core().offer(), caller=caller)
    incoming = lab.core().peer.wait_call(5)
    require(incoming.answer(lab.core().answer_to(incoming.remote_sdp)), 'no ACK came to the core')
    equal(outgoing.wait_final(10).status, 200, 'the call')
    return incoming


@case('what another customer had over a port is not spoken of there, and an anonymous or forwarded call from there is not his '
      '[E-24]')
def _(lab):
    b = over_udp(lab, STRANGER, 40006, **NAT_B)         # registered, over another port
    ok(b.register())
    b.close()
    for who, from_value, headers in (
            ('anonymous', '<sip:anonymous@anonymous.invalid>', ()),
            ('sent on', '<sip:+4989700123@far.example>', ()),
            ('sent on by another', '<sip:+4989700123@far.example>', [('Diversion', f'<sip:+4930444032@{DOMAIN}>;reason=unconditional')])):
        a = over_udp(lab, STRANGER, 40003, **NAT_A)
        ok(a.register())
        core = call_up(lab, a, '+4930444031')
        a.close()                                       # without a word; the NAT gives its port to b
        b = over_udp(lab, STRANGER, 40003, **NAT_B)
        call = b.invite(lab.number_uri(lab.core_number), lab.core().offer(), from_value=from_value, headers=headers)
        equal(call.invite.cseq[0], 2, f'the CSeq of a call that is {who}, which b had to prove')
        incoming = lab.core().peer.wait_call(5)
        named = ' '.join(incoming.invite.all('P-Asserted-Identity') + incoming.invite.all('From'))
        require('+4930444031' not in named, f'a call of b that is {who} names a number of a: {named}')
        incoming.reject(486, 'Busy Here')
        equal(call.wait_final(10).status, 486, 'the call of b')
        not_delivered(lab, '+4930444031', 480, b)       # b has proved itself there: that is enough
        core.bye()
        equal([m.start_line for m in b.stray], [], f'what b was told of the call of a ({who})')
        b.close()


@case('a call goes on over the port that its PBX registers from since [E-24]')
def _(lab):
    a = over_udp(lab, STRANGER, 40004, **NAT_A)
    ok(a.register())
    equal(a.subscribe(f'sip:nat-a@{DOMAIN}').status, 200, 'SUBSCRIBE')
    core = call_up(lab, a, '+4930444031')
    a.close()
    b = over_udp(lab, STRANGER, 40004, **NAT_B)
    ok(b.register())
    process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_reg_subscriptions') == 0, 10, 'the subscription that a had there ends')
    require(b.notifications.empty(), 'b is told what a has registered')
    a = over_udp(lab, STRANGER, 40005, **NAT_A)
    ok(a.register())
    core.bye()
    process.wait_until(lambda: [m.method for m in a.stray] == ['BYE'], 5, 'the BYE over the new port of a', every=0)
    equal([m.start_line for m in b.stray], [], 'what b was told of the call of a')
    gone(a)
    gone(b)


@case('a PBX that registers one main number like a telephone is a setting of the trunk, and status says so [SC-16.4-02]')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, **COMPAT)
    response = ok(pbx.register(['<sip:main@192.0.2.10:5071>'], require=(), proxy_require=()))
    equal(listed(response)[0][0], 'sip:main@192.0.2.10:5071', 'the contact')
    for number in ('+4930444021', '+4930444029'):
        message = delivered(lab, number, pbx)
        equal(message.uri, 'sip:main@192.0.2.10:5071', 'the Request-URI')
        equal(uri_of(message['To']).split('@')[0], f'sip:{number}', 'the number called is in To')
    equal(lab.edge.status()['signaling']['compatibility_trunks'], ['reg-compat'], 'compatibility trunks of the status')
    require(any('trunks/reg-compat is in single-AOR compatibility mode' in w for w in lab.edge.warnings()),
            'status does not warn')
    gone(pbx)


@case('a trunk in static mode does not register')
def _(lab):
    pbx = over_udp(lab, PBX, 5071, domain=DOMAIN, user='elsewhere', password='not to register')
    refused(pbx.register(), 403, 'REGISTER of a static trunk')
    pbx.close()


@case('whether an AOR exists cannot be seen by whoever has no password for it: same answer, nothing judged before '
      '[SC-16.4.1.3-03]')
def _(lab):
    pbx = over_tcp(lab, STRANGER, **BULK)

    def shape(**options):
        response = refused(pbx.ask(pbx.request(**options)), 401, f'REGISTER without credentials, {options}')
        values = [sip_digest.challenge_parameters(v) for v in response.all('WWW-Authenticate')]
        return ([name for name, _ in response.headers],
                [(v['realm'], v['algorithm'], v['qop'], len(v['nonce']), v.get('stale')) for v in values])
    known = shape()
    # Whom nobody knows is asked like one of the domain's trunks, of which some have secrets for MD5 alone.
    headers, challenges = known
    of_md5 = (headers[:headers.index('WWW-Authenticate')] + headers[headers.index('WWW-Authenticate') + 1:], challenges[1:])
    for options in (dict(to=f'<sip:nobody@{DOMAIN}>'), dict(to=f'<sip:+4930111001@{DOMAIN}>')):
        asked = shape(**options)
        require(asked in (known, of_md5), f'the challenge for {options}: {asked}')
        equal(shape(**options), asked, 'the same one is asked the same again')
    for options in (dict(contacts=['<sip:u@h;bnc>', '*', 'garbage<']), dict(expires='-1'), dict(expires=1),
                    dict(require=('foo',)), dict(path=['garbage<']), dict(uri='tel:+123'), dict(uri='x-unknown:y'),
                    dict(contacts=['<mailto:a@b>'])):
        equal(shape(**options), known, f'the challenge for {options}')
    shapes = []
    for user in ('login-of-17', 'nobody-has-this'):
        pbx.ask(pbx.request())
        response = refused(pbx.ask(pbx.signed(pbx.request(), username=user, password='guess')), 401, user)
        shapes.append([name for name, _ in response.headers])
    equal(shapes[1], shapes[0], 'the answer to a wrong user name')
    pbx.close()


@case('nor by whoever has a clock [SC-16.4.1.3-03]')
def _(lab):
    pbx = over_tcp(lab, STRANGER, **BULK)
    kinds = {'known': f'<sip:pbx17@{DOMAIN}>', 'unknown': f'<sip:nobody@{DOMAIN}>'}
    times = {kind: [] for kind in kinds}
    for _ in range(300):
        for kind, to in kinds.items():
            message = pbx.request(to=to)
            began = time.perf_counter()
            pbx.ask(message)
            times[kind].append(time.perf_counter() - began)
    low = {kind: sorted(t)[len(t) // 4] for kind, t in times.items()}       # the quartile: least disturbed
    require(abs(low['known'] - low['unknown']) < 0.15 * max(low.values()), f'a known AOR takes {low}')
    pbx.close()


@case('after the death of signaling a PBX over UDP is called as before, one over TLS once it is back '
      '[SC-16.1.1-01]')
def _(lab):
    udp, tls = over_udp(lab, PBX, 5071, **BULK), over_tls(lab, PBX, **LARGE)
    ok(udp.register(path=['<sip:p.example;lr>'], contacts=['<sip:192.0.2.10:5071;x=keptudp;bnc>;q=0.5']))
    ok(tls.register(['<sip:192.0.2.10:5061;x=kepttls;bnc>']))
    before = bindings(lab, 'reg-bulk')[0]
    wait_on_disk(lab, 'x=keptudp', 'x=kepttls')
    lab.edge.kill('signaling')
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')
    lab.edge.wait_recovered()
    message = delivered(lab, '+4930111001', udp)
    equal((message.uri, message.all('Route')), ('sip:+4930111001@192.0.2.10:5071;x=keptudp', ['<sip:p.example;lr>']),
          'the INVITE after the restart')
    after = bindings(lab, 'reg-bulk')[0]
    for field in ('contact', 'source', 'transport', 'path', 'registered_at', 'user_agent'):
        equal(after[field], before[field], f'{field} after the restart')
    not_delivered(lab, '+4930220001', 480)
    equal(bindings(lab, 'reg-large'), [], 'usable bindings over the lost connection')
    lost = [r for r in lab.edge.json('registration', 'list', '--lost')['registrations'] if r['trunk'] == 'reg-large']
    equal([r['flow_lost'] for r in lost], [True], 'what operators see of it')
    require(tls.transport.wait_closed(5), 'the PBX has not noticed')
    again = over_tls(lab, PBX, **LARGE)
    ok(again.register())
    delivered(lab, '+4930220001', again)
    refused(udp.register(expires=600, cseq=1), 500, 'an older REGISTER, also after the restart')
    udp.cseq += 50
    ok(udp.register(expires=600, path=['<sip:p.example;lr>']))
    udp.cseq += 1
    gone(again)


@case('nor does it matter that control or the media plane restart')
def _(lab):
    pbx = over_udp(lab, PBX, 5073, **ONE)
    ok(pbx.register())
    for daemon in ('control', 'media'):
        lab.edge.kill(daemon)
        lab.edge.start_daemon(daemon)
        lab.edge.wait_serving(daemon)
    lab.edge.wait_recovered()
    delivered(lab, '+4930333001', pbx)
    pbx.close()


@case('while registrations cannot be written REGISTER is answered as the node file says, 480, 500 or 503, and what is '
      'registered is called as before; by default it is taken [SC-16.4.1.5-01]')
def _(lab):
    file, disk = lab.edge.run / 'signaling.yaml', lab.edge.run / 'registrations.db'
    text = file.read_text()
    pbx = over_udp(lab, PBX, 5075, **ONE)

    def failed_commits():
        return lab.edge.scrape('signaling').get('sallyport_registration_commits_total', result='error')
    try:
        for word in ('480', '500', '503', 'accept'):
            file.write_text(text.replace('registrations.db}', f'registrations.db, unwritable: {word}}}'))
            lab.edge.restart('signaling')
            ok(pbx.register(), 'REGISTER while the disk takes it')
            before = len(bindings(lab, 'reg-one'))
            with contextlib.closing(sqlite3.connect(disk, isolation_level=None)) as other:
                other.execute('BEGIN IMMEDIATE')       # nobody else can write now
                process.wait_until(lambda: pbx.register() and failed_commits() > 0, 20, 'a commit fails', every=0.3)
                response = pbx.register()
                if word == 'accept':
                    ok(response, 'REGISTER where the disk does not matter')
                else:
                    refused(response, int(word), 'REGISTER while the disk does not take it')
                    require((word == '503') == ('Retry-After' in response), f'{word} with Retry-After {response.get("Retry-After")}')
                    equal(len(bindings(lab, 'reg-one')), before, 'bindings meanwhile')
                delivered(lab, '+4930333001', pbx)
                other.execute('ROLLBACK')
            process.wait_until(lambda: pbx.register().status == 200, 20, 'REGISTER is taken again', every=0.3)
    finally:
        file.write_text(text)
        lab.edge.restart('signaling')
    pbx.close()


@case('a draining node tells a PBX when to come back, and nothing was ever answered with 3xx or 6xx [SC-16.4.1.2-01]')
def _(lab):
    pbx = over_udp(lab, PBX, 5074, **ONE)
    ok(pbx.register())
    os.kill(lab.edge.daemons['signaling'].pid, signal.SIGTERM)
    log = lab.edge.daemons['signaling']
    process.wait_until(lambda: 'new work is refused' in log.text(), 5, 'signaling drains')
    response = process.wait_until(lambda: (r := pbx.ask(pbx.request())).status == 503 and r, 5, 'REGISTER is refused')
    refused(response, 503, 'REGISTER while draining')      # a shard hears of it a moment after the log
    require(1 <= int(response['Retry-After']) <= 60, f'Retry-After: {response["Retry-After"]}')
    equal([s for s in seen if 300 <= s < 400 or s >= 600], [], 'statuses that send a PBX elsewhere')
    require({200, 400, 401, 403, 404, 420, 423, 500, 503} <= seen, f'only {sorted(seen)} were seen')
    pbx.close()


if __name__ == '__main__':
    sys.exit(main('registrar', lambda: running_edge('registrar', access=('udp', 'tcp', 'tls'), prepare=prepare,
                                                    options={'signaling': 'drain_seconds: 20\n'})))
