#!/usr/bin/env python3
"""Digest as a PBX, and somebody who guesses, meet it (SIPconnect 16.4.1.4, 16.6.1, 17.2; RFC 7616, RFC 8760): who is
challenged for what, what is taken and refused, lock-outs, and where passwords come from."""
import json
import os
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from asking import Asking, require_every_request_asked, require_status, status_of  # noqa: E402
from cases import case, equal, main, require, require_growth  # noqa: E402
from edge_fixture import DOMAIN, STRANGER, running_edge  # noqa: E402
from lab import process, prometheus  # noqa: E402
from lab.edge import METRICS  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp, sip_digest, transport  # noqa: E402
from pbx_sim.sip_message import new_branch  # noqa: E402
from registrant import Registrant, over_tcp, over_tls, over_udp  # noqa: E402

HERE = Path(__file__).resolve().parent
PBX, OTHER, NOBODY, SOURCE = '192.0.2.10', '192.0.2.20', '192.0.2.99', '192.0.2.98'
NONCE_SECONDS, FAILURES, LOCKED_SECONDS = 3, 6, 4
SECOND_METRICS = '127.0.0.1:9113'
STRICT = dict(domain=DOMAIN, user='strict', password='again and again')
CALLS = dict(domain=DOMAIN, user='calls', password='calls and nothing else')
USUAL = dict(domain=DOMAIN, user='usual', password='as always before')
MD5 = dict(domain=DOMAIN, user='md5', password='an elderly client')
FIRST = dict(domain=DOMAIN, user='first', password='reads one header only')
RFC2069 = dict(domain=DOMAIN, user='rfc2069', password='from the last century')
CONNECTION = dict(domain=DOMAIN, user='+4930600007', username='fixed', password='nailed to the wall')
REQUEST = dict(domain=DOMAIN, user='+4930600008', username='fixed-too', password='nailed to the floor')
BY_SOURCE = dict(domain=DOMAIN, user='+4930600010', username='by-source', password='an address is no proof')


def digest_section(action='refuse', failures=FAILURES, nonce_seconds=NONCE_SECONDS, more=''):
    return (f'digest: {{nonce_seconds: {nonce_seconds}, {more}lockout: {{failures: {failures}, window_seconds: 60, '
            f'seconds: {LOCKED_SECONDS}, action: {action}}}}}\n')


def prepare(lab):
    for address in (NOBODY, SOURCE):
        lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    lab.edge.apply(HERE / 'provision_digest.yaml')


def restart_with(lab, section):
    """Signaling with another digest section of its node file."""
    file = lab.edge.run / 'signaling.yaml'
    file.write_text(re.sub(r'^digest: .*\n', section, file.read_text(), flags=re.MULTILINE))
    lab.edge.kill('signaling')
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')
    lab.edge.wait_recovered()


def counter(lab, name, **labels):
    return lab.edge.scrape('signaling').get(name, **labels)


def askings(lab):
    """REGISTER over UDP; INVITE and OPTIONS of a static trunk over TLS without a client certificate."""
    registering = over_udp(lab, STRANGER, 5071, **STRICT)
    fixed = over_tls(lab, PBX, **REQUEST)
    return (Asking(registering, 'REGISTER', 401, 200),
            Asking(fixed, 'INVITE', 407, 484, f'sip:12345@{DOMAIN}'),      # past the challenge it is no number
            Asking(fixed, 'OPTIONS', 401, 200, f'sip:{DOMAIN}'))


@case('a challenge has realm, nonce, qop and algorithm, and what answers it by either algorithm is taken, for REGISTER, '
      'INVITE and OPTIONS alike [SC-16.6.1-02] [SC-16.6.1-05] [SC-17.2-25] [SC-17.2-28]')
def _(lab):
    for asking in askings(lab):
        response = asking.bare()
        values = response.all('WWW-Authenticate' if asking.challenged == 401 else 'Proxy-Authenticate')
        parsed = [sip_digest.challenge_parameters(v) for v in values]
        equal([(p['realm'], p['algorithm'], p['qop']) for p in parsed],
              [(DOMAIN, 'SHA-256', 'auth'), (DOMAIN, 'MD5', 'auth')], f'the challenges of {asking.method}')
        require(len(parsed[0]['nonce']) >= 64, f'a nonce of {len(parsed[0]["nonce"])} characters')
        asking.require_taken('with SHA-256', challenge=parsed[0])
        asking.require_taken('with MD5 and the next count', challenge=parsed[1])
        if asking.method != 'INVITE':
            asking.pbx.close()


@case('what is wrong is challenged anew, and told apart from what is stale: password, user, method, replay, age, forgery '
      '[SC-16.6.1-02] [SC-16.4.1.4-01] [SC-16.4.1.3-02] [SC-17.2-28] [SC-17.2-29]')
def _(lab):
    asking_for = askings(lab)
    for asking in asking_for:
        asking.bare()
        first = asking.pbx.challenge['nonce']
        asking.require_challenged(asking.signed(password='wrong'), 'with a wrong password', stale=False)
        require(first != asking.pbx.challenge['nonce'], 'the nonce is not fresh')
        asking.require_challenged(asking.signed(username='nobody'), 'of an unknown user', stale=False)
        message = asking.request()
        message.add(asking.field, asking.pbx.credentials('BYE', message.uri))
        asking.require_challenged(asking.pbx.ask(message), 'with the digest of another method', stale=False)
        asking.require_taken('with the right password')
        used = asking.pbx.challenge
        asking.require_challenged(asking.signed(challenge=used, count=1), 'with a count that was used', stale=True)
        asking.require_taken('after that, in one round')
        asking.require_challenged(asking.signed(challenge=dict(used, nonce='0' * len(used['nonce']))),
                                  'with a nonce of somebody else', stale=True)
        asking.require_taken('after that, in one round')
        asking.require_challenged(asking.signed(qop=False), 'without qop', stale=False)
        require_status(asking.signed(digest_uri='sip:other.example'), 400, f'{asking.method} for another place')
        asking.bare()
        asking.require_challenged(asking.with_header('Basic dXNlcjpwYXNzd29yZA=='), 'with Basic', stale=False)
    ageing = []
    for asking in asking_for:
        asking.bare()
        ageing.append((asking, asking.pbx.challenge))
    for asking, nonce in ageing:
        count = 0

        def outdated():
            nonlocal count
            count += 1
            return status_of(asking.signed(challenge=nonce, count=count), 'an ageing nonce') != asking.taken
        process.wait_until(outdated, NONCE_SECONDS + 5, 'the nonce has its age', every=0.2)
        equal(asking.pbx.challenge.get('stale', '').lower(), 'true', 'stale when it is too old')
        asking.require_taken('after that, in one round')
    for asking in asking_for:
        asking.pbx.close()


@case('credentials that are no credentials are a bad request or a challenge, never a crash [CVE-2023-28098] '
      '[CVE-2022-24754] [reliability 9]')
def _(lab):
    def bound():
        return [(r['contact'], r['transport']) for r in lab.edge.registrations() if r['trunk'] == 'every-request']
    before = bound()
    pbx = over_tcp(lab, STRANGER, **STRICT)
    asking = Asking(pbx, 'REGISTER', 401, 200)
    asking.bare()
    good = pbx.credentials('REGISTER', f'sip:{DOMAIN}', count=1)
    for value in ('Digest', 'Digest ', 'Digest ,,,', 'Digest username', 'Digest username=', 'Digest =x', 'Digest "',
                  good + f', realm="{DOMAIN}"', good + ', algorithm=MD5',
                  re.sub(r'response="[0-9a-f]*"', 'response=""', good),
                  re.sub(r'response="[0-9a-f]*"', f'response="{"a" * 40_000}"', good),
                  re.sub(r'nonce="[0-9a-f]*"', f'nonce="{"b" * 40_000}"', good),
                  re.sub(r'algorithm=[^,]*', 'algorithm=SHA-512-256', good),
                  re.sub(r'algorithm=[^,]*', 'algorithm="' + 'x' * 5_000 + '"', good),
                  re.sub(r'nc=[0-9a-f]*', 'nc=1', good), re.sub(r'nc=[0-9a-f]*', 'nc=zzzzzzzz', good),
                  re.sub(r'qop=auth', 'qop=auth-int', good), re.sub(r'cnonce="[^"]*"', 'cnonce=""', good),
                  'Digest ' + ', '.join(f'x{i}="{i}"' for i in range(2_000)), 'digest\tusername="strict"',
                  'Digest username="strict\\', 'Bearer ' + 'z' * 10_000):
        response = asking.with_header(value)
        if response is None:                        # too large to be read: the connection is closed instead
            require(pbx.transport.wait_closed(2), f'{value[:60]}: no answer')
            pbx = over_tcp(lab, STRANGER, **STRICT)
            asking = Asking(pbx, 'REGISTER', 401, 200)
        else:
            require(response.status in (400, 401, 513), f'{value[:60]}: {response.status}')
    lab.edge.require_answering()
    equal(bound(), before, 'bindings')
    pbx.close()


@case('repeated octets of a REGISTER are answered again, not judged again; a retry may keep branch or CSeq, and change its From tag [E-26] [E-28]')
def _(lab):
    pbx = over_udp(lab, STRANGER, 5071, **STRICT)
    asking = Asking(pbx, 'REGISTER', 401, 200)
    asking.bare()
    message = pbx.signed(pbx.request())
    require_status(pbx.ask(message), 200, 'REGISTER')
    pbx.transport.trace.clear()
    for _ in range(2):
        pbx.send(message.encode())
    process.wait_until(lambda: len([t for t in pbx.transport.trace if not t.outgoing]) >= 2, 5, 'both are answered')
    equal({t.data.split(b'\r\n')[0] for t in pbx.transport.trace if not t.outgoing}, {b'SIP/2.0 200 OK'}, 'the answers')
    pbx.close()
    pbx = over_udp(lab, OTHER, 5072, **CALLS)
    require_status(pbx.register(), 200, 'REGISTER')
    calls = []
    for kept, cseq in ((('Via', 'From'), 2), (('Via',), 2), (('From',), 1), ((), 2), ((), 1)):      # of what the challenge was to
        bare = pbx.plain_request('INVITE', lab.number_uri('12345'))
        require_status(pbx.ask(bare), 407, 'INVITE')
        again = pbx.plain_request('INVITE', lab.number_uri('12345'))
        for name in ('Call-ID', *kept):
            again.set(name, bare[name])
        again.set('CSeq', f'{cseq} INVITE')
        require_status(pbx.ask(pbx.signed(again, 'Proxy-Authorization')), 484, f'the retry that keeps {kept or "neither"}, CSeq {cseq}')
        calls.append(bare.call_id)

    def recorded():
        found = [call_id for record in lab.edge.records() for call_id in record['sip_call_ids']]
        return [found.count(call_id) for call_id in calls]
    process.wait_until(lambda: min(recorded()) > 0, 10, 'each has its record')
    equal(recorded(), [1] * len(calls), 'records of each call')
    pbx.close()


@case('requests of one nonce may overtake one another, sent one after another or at once: each count within 64 of the highest is '
      'taken once, in any order; one that is further behind is stale, though nobody has used it [E-26]')
def _(lab):
    for asking in askings(lab):
        def sent(challenge, count):
            message = asking.request()
            if asking.method == 'REGISTER':
                message.set('Call-ID', new_branch())                  # they are ordered among those of one Call-ID
            return asking.pbx.start(asking.pbx.signed(message, asking.field, challenge=challenge, count=count))

        def answered(transaction, count, taken):
            response = require_status(transaction.wait_final(10), asking.taken if taken else asking.challenged,
                                      f'{asking.method} with count {count}')
            if not taken:
                (first, *_) = response.all('WWW-Authenticate' if asking.challenged == 401 else 'Proxy-Authenticate')
                equal(sip_digest.challenge_parameters(first).get('stale', '').lower(), 'true', f'stale in the answer to {count}')
        for at_once in (False, True):
            asking.bare()
            nonce = asking.pbx.challenge
            steps = [((5, True), (3, True), (4, True)), ((3, False), (4, False), (5, False)), ((80, True),),
                     ((6, False), (16, False), (17, True), (79, True)), ((17, False), (79, False), (80, False), (81, True))]
            for step in steps:
                if at_once:
                    pending = [(sent(nonce, count), count, taken) for count, taken in step]
                    for each in pending:
                        answered(*each)
                else:
                    for count, taken in step:
                        answered(sent(nonce, count), count, taken)
        if asking.method != 'INVITE':
            asking.pbx.close()


@case('the source address is no proof: from the PBX\'s own address, over another port, a call is challenged '
      '[SC-16.6.1-01]')
def _(lab):
    pbx = over_udp(lab, STRANGER, 5071, **USUAL)
    require_status(pbx.register(), 200, 'REGISTER')
    other = over_udp(lab, STRANGER, 5072, **USUAL)
    number = lab.number_uri('12345')
    require_status(other.ask(other.plain_request('INVITE', number)), 407, 'INVITE over another port')
    require_status(other.ask(other.signed(other.plain_request('INVITE', number), 'Proxy-Authorization')), 484,
                   'the same with credentials')
    require_status(pbx.ask(pbx.plain_request('INVITE', number)), 484, 'INVITE over the registered flow')
    for each in (pbx, other):
        each.close()


@case('a trunk may have every request challenged, or calls alone, or none; ACK and CANCEL never are '
      '[SC-16.6.1-04] [SC-16.6.1-07]')
def _(lab):
    def challenged(pbx, message):
        response = pbx.ask(message)
        return response.status if response.status in (401, 407) else None

    def call(pbx, number):
        """A call that a nonce in use is good for from the start; ended by BYE as far as it goes."""
        offer = lab.core().offer()
        outgoing = pbx.invite(lab.number_uri(lab.core_number), offer, caller=number,
                              headers=[('Proxy-Authorization', pbx.credentials('INVITE', lab.number_uri(lab.core_number)))])
        incoming = lab.core().peer.wait_call(5)
        require(incoming.answer(lab.core().answer_to(incoming.remote_sdp)), 'no ACK reached the callee')
        require_status(outgoing.wait_final(10), 200, 'INVITE')
        return outgoing, incoming

    for kind, number, bye in ((STRICT, '+4930600001', 407), (CALLS, '+4930600002', None), (USUAL, '+4930600003', None)):
        pbx = over_udp(lab, STRANGER, 5071, **kind)
        require_status(pbx.register(), 200, 'REGISTER')
        outgoing, incoming = call(pbx, number)                  # with the nonce of the REGISTER and its next count
        equal(outgoing.invite.cseq[0], 1, 'the INVITE with the nonce in use was not challenged')
        request = outgoing.request('BYE')
        response = pbx.ask(request)
        equal(response.status if response.status != 200 else None, bye, f'BYE of {kind["user"]} is challenged')
        if bye:
            require_status(pbx.ask(pbx.signed(outgoing.request('BYE'), 'Proxy-Authorization')), 200, 'BYE')
        require(incoming.wait_ended(5), 'the BYE has not reached the core')
        invite = pbx.plain_request('INVITE', lab.number_uri('12345'))
        equal(challenged(pbx, invite), None if kind is USUAL else 407, f'INVITE of {kind["user"]} is challenged')
        options = pbx.plain_request('OPTIONS', f'sip:{DOMAIN}')
        equal(challenged(pbx, options), 401 if kind is STRICT else None, f'OPTIONS of {kind["user"]} is challenged')
        if kind is STRICT:
            outgoing = pbx.invite(lab.number_uri(lab.core_number), lab.core().offer(), caller=number)
            incoming = lab.core().peer.wait_call(5)
            incoming.ring()
            require(outgoing.wait_provisional(180) is not None, '180')
            require_status(outgoing.cancel(), 200, 'CANCEL')
            require_status(outgoing.wait_final(), 487, 'the cancelled INVITE')
        pbx.close()


@case('where every request has to be proved, so do PRACK, UPDATE, re-INVITE and SUBSCRIBE, each by itself and within a dialog by '
      '407; what is not proved changes nothing; ACK and CANCEL never [SC-16.6.1-04] [SC-16.6.1-07]')
def _(lab):
    pbx = over_udp(lab, STRANGER, 5071, **STRICT)
    require_status(pbx.register(), 200, 'REGISTER')
    core = lab.core()
    heard, before = [], core.peer._receive_request
    allow = f'{core.peer.allow}, PRACK, UPDATE'

    def listening(message, source):
        heard.append(message.method)
        before(message, source)
    core.peer._receive_request = listening
    outgoing = pbx.invite(lab.number_uri(lab.core_number), core.offer(), caller='+4930600001', headers=[('Supported', '100rel')])
    incoming = core.peer.wait_call(5)

    def proved(method, request, status=200):
        """The request of the dialog, first without credentials and then with them; what has come of it each time."""
        came = heard.count(method)
        bare = outgoing.request(method, *request)
        require_status(pbx.ask(bare), 407, f'{method} without credentials')
        equal(heard.count(method), came, f'{method}s that reached the core without credentials')
        return require_status(pbx.ask(pbx.signed(outgoing.request(method, *request), 'Proxy-Authorization')), status,
                              f'{method} with credentials')
    try:
        description = core.answer_to(incoming.remote_sdp)
        incoming.local_sdp = sdp.parse(description)
        incoming.respond(183, 'Session Progress', description, [('Require', '100rel'), ('RSeq', '1'), ('Allow', allow)])
        progress = outgoing.wait_provisional(183)
        require(progress is not None and 'RSeq' in progress, f'a reliable 183: {progress}')
        outgoing.learn(progress)
        process.wait_until(lambda: 'PRACK' in heard, 5, 'the PRACK of the edge itself, which owes the core one of its own')
        proved('PRACK', (b'', [('RAck', f'{progress["RSeq"]} {progress.cseq[0]} INVITE')]))
        incoming.respond(200, 'OK', b'', [('Allow', allow)])
        require_status(outgoing.wait_final(10), 200, 'INVITE')
        require(incoming.server.acknowledged.wait(5), 'the ACK, which nobody asks to be proved, did not reach the core')
        incoming.on_update = lambda message, server: incoming.answer_update(message, server, 200)
        proved('UPDATE', (b'', [('Session-Expires', '1800')]))
        incoming.on_reinvite = lambda message: incoming.respond(200, 'OK', core.answer_to(incoming.remote_sdp))
        offer = core.offer()
        response = proved('INVITE', (offer,))
        outgoing.acknowledge(response)
        proved('BYE', ())
        require(incoming.wait_ended(5), 'the BYE has not reached the core')
    finally:
        core.peer._receive_request = before
    aor = f'sip:strict@{DOMAIN}'
    bare = pbx.plain_request('SUBSCRIBE', aor, [('Event', 'reg'), ('Expires', '600')])
    require_status(pbx.ask(bare), 401, 'SUBSCRIBE without credentials')
    require(pbx.notifications.empty(), 'a notification without credentials')
    answer = require_status(pbx.subscribe(aor), 200, 'SUBSCRIBE')
    dialog = pbx.subscribed, answer
    pbx.notifications.get(timeout=8)
    pbx.challenge = None
    require_status(pbx.subscribe(aor, dialog=dialog), 200, 'SUBSCRIBE within its dialog, once it is proved')
    require_status(pbx.subscribe(aor, expires=0, dialog=dialog), 200, 'the end of the subscription')
    pbx.close()


@case('a call that has to be proved is one call, in its next request with the same Call-ID [SC-16.6.1-06]')
def _(lab):
    pbx = over_udp(lab, STRANGER, 5071, **CALLS)
    require_status(pbx.register(), 200, 'REGISTER')
    outgoing = pbx.invite(lab.number_uri(lab.core_number), lab.core().offer(), caller='+4930600002')
    incoming = lab.core().peer.wait_call(5)
    require(incoming.answer(lab.core().answer_to(incoming.remote_sdp)), 'no ACK reached the callee')
    require_status(outgoing.wait_final(10), 200, 'INVITE')
    equal(outgoing.invite.cseq[0], 2, 'CSeq of the INVITE that was taken')
    equal([c['state'] for c in lab.edge.calls() if c['state'] != 'ended'], ['answered'], 'calls of the edge')
    require(lab.core().peer.incoming.empty(), 'the core was called twice')
    outgoing.bye()
    require(incoming.wait_ended(5), 'the BYE has not reached the core')
    pbx.close()


@case('which algorithms are offered, and in which order, is the trunk\'s; one that is not offered is not taken [E-27]')
def _(lab):
    for kind, offered in ((MD5, ['MD5']), (FIRST, ['MD5', 'SHA-256'])):
        pbx = over_udp(lab, STRANGER, 5071, **kind)
        response = require_status(pbx.ask(pbx.request()), 401, 'REGISTER')
        values = [sip_digest.challenge_parameters(v) for v in response.all('WWW-Authenticate')]
        equal([v['algorithm'] for v in values], offered, f'the algorithms of {kind["user"]}')
        forced = pbx.signed(pbx.request(), challenge=dict(values[0], algorithm='SHA-256'))
        require_status(pbx.ask(forced), 200 if 'SHA-256' in offered else 401, 'an answer with SHA-256')
        require_status(pbx.register(), 200, 'REGISTER')
        pbx.close()


@case('whether a name is anybody\'s cannot be seen where trunks are challenged in different ways either: unknown names are '
      'challenged in each of these ways, and each always in the same [SC-16.4.1.3-03]')
def _(lab):
    pbx = over_tcp(lab, NOBODY, **USUAL)
    number = lab.number_uri('12345')

    def asked(user, method):
        if method == 'REGISTER':
            response = require_status(pbx.ask(pbx.request(to=f'<sip:{user}@{DOMAIN}>')), 401, f'REGISTER of {user}')
            values = response.all('WWW-Authenticate')
        else:
            invite = pbx.plain_request('INVITE', number)
            invite.set('From', f'<sip:{user}@{DOMAIN}>;tag={new_branch()}')
            values = require_status(pbx.ask(invite), 407, f'INVITE of {user}').all('Proxy-Authenticate')
        return tuple((v['realm'], v['algorithm'], v['qop'], len(v['nonce'])) for v in map(sip_digest.challenge_parameters, values))
    known = {asked(user, 'REGISTER') for user in ('strict', 'calls', 'usual', 'md5', 'first', 'rfc2069', 'resold', 'acme-hq')}
    equal(len(known), 4, f'ways in which trunks are challenged: {known}')
    unknown = set()
    for i in range(150):
        first = asked(f'nobody-{i}', 'REGISTER')
        unknown.add(first)
        for method in ('REGISTER', 'INVITE'):
            equal(asked(f'nobody-{i}', method), first, f'{method} of nobody-{i} again')
    equal(unknown, known, 'ways in which unknown names are challenged')
    pbx.close()


@case('without qop a client is taken where the trunk says so, each nonce once [SC-16.6.1-02]')
def _(lab):
    pbx = over_udp(lab, STRANGER, 5071, **RFC2069)
    asking = Asking(pbx, 'REGISTER', 401, 200)
    asking.bare()
    used = pbx.challenge
    asking.require_taken('without qop', qop=False)
    asking.require_challenged(asking.signed(qop=False, challenge=used), 'the same nonce again', stale=True)
    asking.require_taken('without qop, with a fresh nonce', qop=False)
    require(any('trunks/without-qop takes Digest without qop' in w for w in lab.edge.warnings()), 'status does not warn')
    pbx.close()


@case('a static PBX on TLS without a certificate proves its first request of each connection, and, if asked to, all later '
      'ones; before, no call goes to it [SC-17.2-25] [SC-17.2-26] [SC-17.2-27]')
def _(lab):
    def number(pbx):
        return pbx.plain_request('INVITE', f'sip:12345@{DOMAIN}')
    for first in ('OPTIONS', 'INVITE'):
        pbx = over_tls(lab, STRANGER, **CONNECTION)
        asking = Asking(pbx, first, 401 if first == 'OPTIONS' else 407, 200 if first == 'OPTIONS' else 484,
                        f'sip:{DOMAIN}' if first == 'OPTIONS' else f'sip:12345@{DOMAIN}')
        asking.bare()
        core = lab.core()
        final = core.peer.invite(f'sip:+4930600007@{CORE.signaling}', core.offer(), caller=lab.core_number).wait_final(15)
        require(final.status >= 400 and pbx.incoming.empty(), 'a call was sent to somebody who has proved nothing')
        asking.require_taken('with credentials')
        require_status(pbx.ask(number(pbx)), 484, 'the next INVITE')
        require_status(pbx.ask(pbx.plain_request('OPTIONS', f'sip:{DOMAIN}')), 200, 'the next OPTIONS')
        beside = over_tls(lab, STRANGER, **CONNECTION)
        require_status(beside.ask(number(beside)), 407, 'the first INVITE of another connection')
        beside.close()
        pbx.close()
    pbx = over_tls(lab, PBX, **REQUEST)
    for _ in range(2):
        require_status(pbx.ask(number(pbx)), 407, 'INVITE, asked every time')
        require_status(pbx.ask(pbx.signed(number(pbx), 'Proxy-Authorization')), 484, 'INVITE with credentials')
    pbx.close()


@case('a static PBX that is known by its source address, over UDP or TCP, proves every request where its trunk says so '
      '[SC-16.6.1-04]')
def _(lab):
    for pbx in (over_udp(lab, SOURCE, 5076, **BY_SOURCE), over_tcp(lab, SOURCE, **BY_SOURCE)):
        require_every_request_asked(lab, pbx, '+4930600010')
        pbx.close()


@case('a challenge of one side is no business of the other: it is not passed on, and never answered in our name '
      '[CVE-2021-41158]')
def _(lab):
    pbx = over_udp(lab, STRANGER, 5071, **USUAL)
    require_status(pbx.register(), 200, 'REGISTER')
    core = lab.core()
    for status, field in ((401, 'WWW-Authenticate'), (407, 'Proxy-Authenticate')):
        outgoing = core.peer.invite(f'sip:+4930600003@{CORE.signaling}', core.offer(), caller=lab.core_number)
        incoming = pbx.wait_call(5)
        require('Authorization' not in incoming.invite and 'Proxy-Authorization' not in incoming.invite, 'credentials')
        incoming.reject(status, 'Prove It', [(field, f'Digest realm="{DOMAIN}", nonce="n", algorithm=MD5, qop="auth"')])
        final = outgoing.wait_final(10)
        equal(final.status, 500, f'what the caller hears of a {status}')
        require(field not in final, 'the challenge went on to the caller')
        require(pbx.incoming.empty(), 'the edge has answered the challenge')
    pbx.close()


@case('methods that are not taken are not open to strangers either [CVE-2021-37624] [CVE-2021-41157]')
def _(lab):
    for method in ('MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'PUBLISH', 'INFO', 'XYZZY'):
        stranger = wire.Stranger(lab.network.pbx, NOBODY, (5060,))
        stranger.send(wire.request(method, f'sip:+4930600003@{DOMAIN}', via=f'SIP/2.0/UDP {NOBODY}:5060',
                                   branch=new_branch(), call_id=f'{method}-of-a-stranger'), lab.edge.access_udp)
        answers = [d for d, _ in stranger.received(2, until=lambda d: True)]
        stranger.close()
        require(answers and answers[0].split()[1] in (b'401', b'405', b'407', b'489', b'501'),
                f'{method}: {answers and answers[0][:60]}')


@case('after so many failures a source is refused for that name, even with the right password: until its time is over, '
      'or an operator releases it; nobody else is [SC-16.4.1.4-02]')
def _(lab):
    def lock_out(pbx):
        failures = 0

        def locked():
            nonlocal failures
            response = pbx.ask(pbx.request())
            if response.status == 403:
                return True
            failures += 1
            equal(response.status, 401, 'a challenge before the lock-out')
            equal(pbx.ask(pbx.signed(pbx.request(), password='guess')).status, 401, 'a wrong password')
            return False
        process.wait_until(locked, 10, 'the lock-out', every=0)
        equal(failures, FAILURES, 'failures until the lock-out')

    pbx, other = over_tcp(lab, STRANGER, **USUAL), over_tcp(lab, OTHER, **USUAL)
    before = counter(lab, 'sallyport_auth_lockouts_total')
    lock_out(pbx)
    equal(counter(lab, 'sallyport_auth_lockouts_total') - before, 1, 'lock-outs counted')
    require_status(other.register(), 200, 'REGISTER of the same PBX from elsewhere')
    neighbour = over_tcp(lab, STRANGER, **STRICT)
    require_status(neighbour.register(), 200, 'REGISTER of another PBX at the same address')
    known = other.challenge
    equal(pbx.ask(pbx.signed(pbx.request(), challenge=known)).status, 403, 'the right password while locked out')
    found = lab.edge.json('lockout', 'list')['lockouts']
    equal(sorted((l['source'], l['name'], l['trunk']) for l in found),
          [(STRANGER, f'aor usual@{DOMAIN}', 'as-usual'), (STRANGER, 'user usual', 'as-usual')], 'what operators see')
    require(any('locked out' in w for w in lab.edge.warnings()), 'status does not warn')
    require('event=locked-out' in lab.edge.daemons['signaling'].text(), 'no alarm in the log')
    pbx.challenge = None
    process.wait_until(lambda: pbx.register().status == 200, LOCKED_SECONDS + 5, 'it is over by itself', every=0.2)
    equal(lab.edge.json('lockout', 'list')['lockouts'], [], 'lock-outs afterwards')
    lock_out(pbx)
    require('released: 2' in lab.edge.cli('lockout', 'release', '--trunk', 'as-usual'), 'what the release says')
    pbx.challenge = None
    require_status(pbx.register(), 200, 'REGISTER after the release')
    lock_out(pbx)
    lab.edge.cli('lockout', 'release', '--source', STRANGER)
    pbx.challenge = None
    require_status(pbx.register(), 200, 'REGISTER after the release of the address')
    for each in (pbx, other, neighbour):
        each.close()


@case('a registered PBX that is locked out hears 480 to its INVITE, which is no reason to register again, and 403 to REGISTER '
      'alone [SC-16.4.2-05] [SC-16.4.1.4-02]')
def _(lab):
    pbx = over_tcp(lab, STRANGER, **STRICT)
    require_status(pbx.register(), 200, 'REGISTER')
    asking = Asking(pbx, 'INVITE', 407, 484, f'sip:12345@{DOMAIN}')
    for _ in range(FAILURES):
        asking.bare()
        require_status(asking.signed(password='guess'), 407, 'INVITE with a wrong password')
    require_status(pbx.ask(asking.request()), 480, 'INVITE while locked out')
    require_status(asking.signed(), 480, 'INVITE with the right password while locked out')
    require_status(pbx.ask(pbx.request()), 403, 'REGISTER while locked out')
    lab.edge.cli('lockout', 'release', '--source', STRANGER)
    asking.bare()
    asking.require_taken('after the release')
    pbx.close()


@case('a forged source locks nobody out: over UDP, failures with a nonce that another address was given do not count')
def _(lab):
    thief, victim = over_udp(lab, OTHER, 5075, **USUAL), over_udp(lab, STRANGER, 5075, **USUAL)
    thief.ask(thief.request())
    for i in range(FAILURES + 2):
        victim.challenge, victim.count = thief.challenge, i
        require_status(victim.ask(victim.signed(victim.request(), password='guess')), 401, 'a guess')
        equal(victim.challenge.get('stale', '').lower(), 'true', 'nothing is told of the password')
    require_status(victim.register(), 200, 'REGISTER of the victim')
    for each in (thief, victim):
        each.close()


@case('a node may drop what is locked out instead of answering it, or lock nobody out [SC-16.4.1.4-02]')
def _(lab):
    restart_with(lab, digest_section('drop'))
    pbx = over_udp(lab, STRANGER, 5071, **USUAL)
    pbx.ask(pbx.request())
    for _ in range(FAILURES):
        require_status(pbx.ask(pbx.signed(pbx.request(), password='guess')), 401, 'a guess')
    dropped = counter(lab, 'sallyport_auth_locked_out_requests_total', action='dropped')
    silent = pbx.start(pbx.request())
    process.wait_until(lambda: counter(lab, 'sallyport_auth_locked_out_requests_total', action='dropped') > dropped, 5,
                       'the request is dropped and counted')
    equal(silent.responses, [], 'answers')
    other = over_udp(lab, OTHER, 5071, **USUAL)
    require_status(other.register(), 200, 'REGISTER from elsewhere')
    require_status(silent.wait_final(LOCKED_SECONDS + 10), 401, 'its retransmission when the time is over')
    for each in (pbx, other):
        each.close()
    restart_with(lab, digest_section(failures=0))
    pbx = over_udp(lab, STRANGER, 5071, **USUAL)
    pbx.ask(pbx.request())
    for _ in range(3 * FAILURES):
        require_status(pbx.ask(pbx.signed(pbx.request(), password='guess')), 401, 'a guess')
    require_status(pbx.register(), 200, 'REGISTER after many guesses, where nobody is locked out')
    pbx.close()


def apply_text(lab, name, text, *options):
    file = lab.edge.run / name
    file.write_text(text)
    return lab.edge.cli('apply', '-f', str(file), *options, check=False)


TRUNK = '''kind: Trunk
name: trunks/drawn
mode: registration
realm: access
transports: [udp]
registration_aor: sip:drawn@sip.sallyport.example
credentials: [{credential}]
numbers: ["+4930600020"]
media: {{srtp: off}}
'''


@case('a password that is short, a word or a run of the keyboard is refused with the reason and its line [SC-16.6.1-09]')
def _(lab):
    for weak in ('hunter2', 'Password2024!', 'qwertyuiop', 'drawn-2026', 'aaaaaaaaaaaaaaaa'):
        done = apply_text(lab, 'weak.yaml', TRUNK.format(credential=f'{{username: drawn, password: "{weak}"}}'))
        equal(done.returncode, 1, f'exit status for {weak!r}')
        require('weak.yaml:7:' in done.stderr and 'credentials[0].password' in done.stderr
                and 'generate: true' in done.stderr, f'what is said: {done.stderr}')
        require(weak not in done.stderr, 'the password is in the message')
    equal(lab.edge.cli('get', 'trunk', 'drawn', check=False).returncode, 1, 'the trunk was not made')


@case('control draws a password of 160 bits, tells it once and keeps nothing but hashes of it '
      '[SC-16.6.1-10] [SC-16.6.1-03]')
def _(lab):
    generate = TRUNK.format(credential='{username: drawn, generate: true}')
    dry = apply_text(lab, 'drawn.yaml', generate, '--dry-run')
    require('password' not in dry.stdout, f'a dry run tells a password: {dry.stdout}')
    done = apply_text(lab, 'drawn.yaml', generate)
    first = re.search(r'generated +trunks/drawn: username drawn, realm \S+, password (\S+)', done.stdout)
    require(first is not None, f'what apply says: {done.stdout} {done.stderr}')
    secrets = [first.group(1)]
    again = apply_text(lab, 'drawn.yaml', generate)
    require('password' not in again.stdout and 'unchanged' in again.stdout, f'applied again: {again.stdout}')

    def registers(password, status):
        pbx = over_udp(lab, STRANGER, 5071, domain=DOMAIN, user='drawn', password=password)
        process.wait_until(lambda: status_of(pbx.register(), 'REGISTER') == status, 5, f'REGISTER: {status}')
        pbx.close()
    registers(secrets[0], 200)
    shown = lab.edge.json('secret', 'generate', 'drawn')['secret']
    equal((shown['trunk'], shown['username'], shown['digest_realm']), ('trunks/drawn', 'drawn', DOMAIN), 'the secret')
    secrets.append(shown['password'])
    registers(secrets[1], 200)
    registers(secrets[0], 401)
    secrets += [lab.edge.json('secret', 'generate', 'drawn')['secret']['password'] for _ in range(5)]
    equal(len(set(secrets)), len(secrets), 'different passwords')
    for secret in secrets:
        require(len(secret) == 32 and len(set(secret)) > 10 and re.fullmatch('[a-z2-9]+', secret), f'drawn: {secret}')
    trunk = lab.edge.cli('--json', 'get', 'trunk', 'drawn')
    equal(json.loads(trunk)['credentials'][0]['algorithms'], ['MD5', 'SHA-256'], 'what the API says of it')
    for place in [lab.edge.run / 'store.db', lab.edge.run / 'store.db-wal', lab.edge.run / 'snapshot',
                  *(p.log for p in lab.edge.daemons.values())]:
        content = place.read_bytes() if place.exists() else b''
        require(not any(s.encode() in content for s in [*secrets, 'again and again']), f'a password is in {place.name}')
    require(not any(s in trunk for s in secrets) and not re.search(r'[0-9a-f]{32}', trunk), 'the API gives a secret away')


@case('Digest without TLS is allowed where it is provisioned, and status warns of it')
def _(lab):
    require(any('trunks/as-usual may use Digest without TLS' in w for w in lab.edge.warnings()), 'status does not warn')


@case('a trunk that proves itself by Digest over UDP or TCP raises an alarm, once; over TLS it raises none, and with TLS '
      'alone the alarm is over')
def _(lab):
    provisioned = (TRUNK.replace('drawn', 'in-clear').replace('+4930600020', '+4930600021')
                   .format(credential='{username: in-clear, password: "heard on the wire"}'))
    who = dict(domain=DOMAIN, user='in-clear', password='heard on the wire')

    def provision(transports):
        file = lab.edge.run / 'in-clear.yaml'
        file.write_text(provisioned.replace('[udp]', transports))
        lab.edge.apply(file)

    def registers(pbx, password=None):
        pbx.ask(pbx.request())
        require_status(pbx.ask(pbx.signed(pbx.request(), password=password)), 401 if password else 200,
                       f'REGISTER over {pbx.transport.name}')
        pbx.close()

    def alarms():
        lines = [line for line in lab.edge.daemons['signaling'].text().splitlines()
                 if 'event=digest-in-clear' in line and 'trunk=in-clear' in line]
        return lines, counter(lab, 'sallyport_trunk_digest_in_clear', trunk='in-clear')

    provision('[udp, tcp, tls]')
    registers(over_tls(lab, STRANGER, **who))
    registers(over_udp(lab, STRANGER, 5071, **who), password='a guess that is wrong')
    equal(alarms(), ([], 0), 'alarms about TLS, and about somebody who guesses')
    registers(over_udp(lab, STRANGER, 5071, **who))
    process.wait_until(lambda: alarms()[0], 5, 'the alarm is in the log')
    registers(over_tcp(lab, STRANGER, **who))
    registers(over_udp(lab, STRANGER, 5071, **who))
    lines, raised = alarms()
    equal((len(lines), raised), (1, 1), f'alarms after three registrations in clear: {lines}')
    require('UDP' in lines[0] and STRANGER in lines[0], f'it does not say how and from where: {lines[0]}')
    provision('[tls]')
    equal(alarms()[1], 0, 'the alarm once the trunk may use nothing but TLS')
    provision('[tcp, tls]')
    registers(over_tcp(lab, STRANGER, **who))
    process.wait_until(lambda: len(alarms()[0]) == 2, 5, 'it is told of again')


@case('a guess for a name that nobody has takes as long as one for a name that somebody has, by either algorithm, for '
      'REGISTER and INVITE [SC-16.4.1.3-03]')
def _(lab):
    restart_with(lab, digest_section(failures=0))
    pbx = over_tcp(lab, NOBODY, **USUAL)
    number = lab.number_uri('12345')
    long = 'c' * 14_000                 # whoever guesses chooses how much there is to be hashed: who skips that stands out

    def guess(method, user, algorithm):
        field = 'Authorization' if method == 'REGISTER' else 'Proxy-Authorization'
        message = pbx.request(to=f'<sip:{user}@{DOMAIN}>') if method == 'REGISTER' else pbx.plain_request('INVITE', number)
        if method == 'INVITE':
            message.set('From', f'<sip:{user}@{DOMAIN}>;tag={new_branch()}')
        else:
            message.set('Call-ID', new_branch())
        message.add(field, sip_digest.answer(dict(pbx.challenge, algorithm=algorithm), user, 'a guess', method, message.uri,
                                             cnonce=long))
        began = time.perf_counter()
        response = pbx.ask(message)
        took = time.perf_counter() - began
        require_status(response, 401 if method == 'REGISTER' else 407, f'a guess for {user}')
        require('stale' not in pbx.challenge, f'the guess for {user} was not judged')
        return took
    require_status(pbx.ask(pbx.request()), 401, 'REGISTER')
    for method in ('REGISTER', 'INVITE'):
        for algorithm in ('SHA-256', 'MD5'):
            times = {'usual': [], 'nobody-at-all': []}
            for _ in range(200):
                for user, taken in times.items():
                    taken.append(guess(method, user, algorithm))
            low = {user: sorted(taken)[len(taken) // 4] for user, taken in times.items()}
            difference = abs(low['usual'] - low['nobody-at-all'])
            require(difference < 0.15 * max(low.values()), f'{method} with {algorithm}: {low}')
    pbx.close()


def second_node(lab):
    """Another signaling daemon of the cluster, beside the first and at ports of its own. It has no media plane."""
    run, ports = lab.edge.run, {'5060': '5070', '5061': '5071'}
    text = re.sub(r':(506[01])"', lambda m: f':{ports[m[1]]}"', (run / 'signaling.yaml').read_text())
    for old, new in ((f'{run}/snapshot', f'{run}/snapshot-2'), (f'{run}/signaling.sock', f'{run}/signaling-2.sock'),
                     (f'{run}/media.sock', f'{run}/no-media.sock'), (f'{run}/records', f'{run}/records-2'),
                     (f'{run}/registrations.db', f'{run}/registrations-2.db'), (METRICS['signaling'], SECOND_METRICS)):
        require(old in text, f'{old} is not in the node file')
        text = text.replace(old, new)
    (run / 'signaling-2.yaml').write_text(text)
    (run / 'records-2').mkdir(exist_ok=True)
    command = lab.network.edge.prefix(lab.edge.programs / 'sallyport-signaling', '--config', run / 'signaling-2.yaml')
    daemon = process.Process('signaling-2', command, run)
    daemon.wait_for(lambda: prometheus.answers(SECOND_METRICS, lab.network.edge), 30, 'is serving')
    return daemon


@case('nodes that share a secret take each other\'s challenges, each answer once, and no longer than 10 s: what was recorded at '
      'one is stale at the other [SC-16.6.1-07] [SC-16.4.1.4-01]')
def _(lab):
    secret = lab.edge.run / 'nonce.secret'
    secret.write_bytes(os.urandom(32))
    restart_with(lab, digest_section(nonce_seconds=300, more=f'nonce_secret_file: {secret}, '))
    node = second_node(lab)
    one = over_udp(lab, STRANGER, 5075, **USUAL)
    with lab.network.pbx.entered():
        other = Registrant(transport.UdpTransport((STRANGER, 5077), (ACCESS.signaling, 5070)), **USUAL)
    try:
        def at_other(challenge, count=1):
            return other.ask(other.signed(other.request(), challenge=challenge, count=count))
        process.wait_until(lambda: status_of(other.ask(other.request()), 'REGISTER') == 401, 15, 'the other node has its trunks')
        require_status(one.ask(one.request()), 401, 'REGISTER at one node')
        made, challenge = time.monotonic(), one.challenge
        require_status(at_other(challenge), 200, 'the answer at the other node')
        require_status(at_other(challenge), 401, 'the same answer again')
        equal(other.challenge.get('stale', '').lower(), 'true', 'stale')
        require_status(one.ask(one.signed(one.request(), challenge=challenge, count=1)), 200, 'the answer at its own node')
        count = 1

        def refused():
            nonlocal count
            count += 1
            return status_of(at_other(challenge, count), 'a later count at the other node') != 200
        process.wait_until(refused, 20, 'the other node takes the challenge no longer', every=0.3)
        waited = time.monotonic() - made
        require(9 < waited < 14, f'the other node has taken it for {waited:.1f} s')
        equal(other.challenge.get('stale', '').lower(), 'true', 'stale')
        require_status(at_other(challenge, count + 1), 401, 'a count that nobody has used')
        require_status(one.ask(one.signed(one.request(), challenge=challenge, count=2)), 200, 'the next count at its own node')
        require_status(other.register(), 200, 'REGISTER at the other node, in one round')
        failures = prometheus.scrape(SECOND_METRICS, lab.network.edge).get('sallyport_auth_failures_total')
        equal(failures, 0, 'what was stale is no failure')
    finally:
        one.close()
        other.close()
        node.stop()


@case('after all of it memory has not grown')
def _(lab):
    pid = lab.edge.daemons['signaling'].pid
    before = process.resident_bytes(pid)
    pbx = over_tcp(lab, STRANGER, **USUAL)
    for i in range(500):
        pbx.ask(pbx.request())
        pbx.ask(pbx.signed(pbx.request(), username=f'guess{i}', password='guess'))
    require_growth(process.resident_bytes(pid) - before, 8 << 20, 'signaling')
    pbx.close()


if __name__ == '__main__':
    sys.exit(main('digest', lambda: running_edge('digest', access=('udp', 'tcp', 'tls'), prepare=prepare,
                                                 options={'signaling': digest_section()})))
