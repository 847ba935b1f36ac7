#!/usr/bin/env python3
"""What an operator lets a trunk do, on the wire and at the command line: limits that nest, hours, header rules, and what
`sallyport explain` says of a call before it is made. Against the running daemons, over real sockets."""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PBX_NUMBER, running_edge  # noqa: E402
from exchanges import Site, answered, arrived, hang_up, place, refused  # noqa: E402
from lab import parties, process, sipp  # noqa: E402
from lab.network import CORE  # noqa: E402

UAS = ROOT / 'bench' / 'signaling' / 'uas.xml'
PROVISION = (Path(__file__).resolve().parent / 'provision.yaml').read_text()
CUSTOMER = 'kind: Customer\nname: acme\ndisplay_name: ACME AG\nlimits: {concurrent_calls: 1, bandwidth_kbps: 1000}\n'
TO_CORE = f'sip:{CORE_NUMBER}@{DOMAIN}'
TO_PBX = f'sip:{PBX_NUMBER}@{CORE.signaling}'


def file(lab, name, text):
    path = Path(lab.run_directory) / name
    path.write_text(text)
    return path


def provision(lab, more='', trunk='', carrier='', customer=CUSTOMER):
    """Provisions acme-hq and sipp-static as the customer's, with `trunk` as fields of acme-hq and `carrier` of the core."""
    text = PROVISION.replace('name: trunks/acme-hq\n', f'name: trunks/acme-hq\ncustomer: acme\n{trunk}')
    text = text.replace('name: trunks/sipp-static\n', 'name: trunks/sipp-static\ncustomer: acme\n')
    text = text.replace('name: carriers/core\n', f'name: carriers/core\n{carrier}')
    lab.edge.apply(file(lab, 'policy.yaml', f'{customer}---\n{text}{more}'))


def invite(lab, uri=TO_CORE, name='invite.sip', number=PBX_NUMBER, more='', srtp=True):
    """A message as an operator keeps it: LF, and no Content-Length to count."""
    body = (f'v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio 30000 RTP/{"S" if srtp else ""}AVP 8\n'
            + (f'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{"A" * 40}\n' if srtp else ''))
    return file(lab, name, f'INVITE {uri} SIP/2.0\nVia: SIP/2.0/TLS 192.0.2.10:5071;branch=z9hG4bKx\nMax-Forwards: 70\n'
                f'From: <sip:{number}@{DOMAIN}>;tag=x\nTo: <{uri}>\nCall-ID: x@pbx\nCSeq: 1 INVITE\n'
                f'Contact: <sip:192.0.2.10:5071;transport=tls>\n{more}Content-Type: application/sdp\n\n{body}')


def explained(lab, message, *arguments):
    return lab.edge.json('explain', str(message), *arguments)


def rule(answer, name):
    return next(line['text'] for line in answer['rules'] if line['rule'] == name)


def changed(answer, name):
    return next((h['before'], h['after']) for h in answer['headers'] if h['name'] == name)


@case('two trunks share their customer\'s calls: the second one is 503 for the PBX, 486 for the core, and room comes back')
def _(lab):
    provision(lab)
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = answered(pbx, core, TO_CORE)
    shown = lab.edge.json('customer', 'list')['customers'][0]
    equal((shown['customer'], shown['trunks'], shown['calls'], shown['concurrent_calls']), ('acme', 2, 1, 1), 'the customer')
    require(0 < int(shown['media_kbps']) < 1000, f'media is counted: {shown}')
    again = place(pbx, TO_CORE)
    final = again.wait_final(10)
    equal((final.status, final.get('Retry-After')), (503, None), 'a second call of the PBX')
    equal(refused(core, 'sip:+4940555123@x', uri=f'sip:+4940555123@{CORE.signaling}'), 486, 'a call for the other trunk')
    require('customer acme has all its 1 calls' in lab.edge.cli('call', 'list') or
            any('customer acme has all its 1 calls' in json.dumps(r) for r in lab.edge.records()), 'the record says why')
    equal(lab.edge.scrape('signaling').get('sallyport_customer_calls', customer='acme'), 1, 'the metric')
    answer = explained(lab, invite(lab), '--trunk', 'acme-hq')
    equal((answer['refusal'], answer['status'], answer['limits'][0]['calls']), ('too-many-calls', 503, 1), 'explained')
    hang_up(outgoing, incoming)
    process.wait_until(lambda: lab.edge.json('customer', 'show', 'acme')['customers'][0]['calls'] == 0, 10, 'room comes back')
    equal(lab.edge.json('customer', 'show', 'acme')['customers'][0]['media_kbps'], '0', 'media')
    arrived(pbx, core, TO_CORE)


@case('SIPp calls a trunk of the customer as fast as it can: no more calls are up than its number may have, and all is given back')
def _(lab):
    provision(lab, customer='kind: Customer\nname: acme\nlimits: {concurrent_calls: 10}\n')
    text = PROVISION.replace('name: trunks/sipp-static\n', 'name: trunks/sipp-static\ncustomer: acme\n'
                             'number_limits: [{numbers: "+4940555120..+4940555129", concurrent_calls: 3}]\n')
    lab.edge.apply(file(lab, 'numbers.yaml', text.replace('name: trunks/acme-hq\n', 'name: trunks/acme-hq\ncustomer: acme\n')))
    callee = sipp.Sipp(lab.network.pbx, lab.run_directory, 'uas-limit', UAS, address='192.0.2.20', port=5080)
    sipp.wait_listening(lab.network.pbx, 5080)
    core, calls, statuses = lab.core(), [], []
    for _ in range(6):
        outgoing = place(core, f'sip:+4940555123@{CORE.signaling}')
        final = outgoing.wait_final(10)
        statuses.append(final.status)
        if final.status == 200:
            calls.append(outgoing)
    equal(statuses, [200, 200, 200, 486, 486, 486], 'six calls of a number that may have three')
    shown = lab.edge.cli('trunk', 'show', 'sipp-static')
    require('number   +4940555120..+4940555129: 3 of 3' in shown, shown)
    equal(refused(core, f'sip:+4940555129@{CORE.signaling}'), 486, 'the range has its three')
    for call in calls:
        parties.require_status(call.bye(10), 200, 'BYE')
    process.wait_until(lambda: 'number ' not in lab.edge.cli('trunk', 'show', 'sipp-static'), 10, 'all is given back')
    callee.stop()


@case('header rules on the wire: removed, rewritten and added towards the core, and towards the PBX; in nothing but INVITE')
def _(lab):
    provision(lab, customer='kind: Customer\nname: acme\n',
              trunk='headers:\n  in:\n    - {action: remove, header: X-Internal}\n'
                    '    - {action: rewrite, header: Subject, match: "ticket * of *", value: "$2/$1"}\n'
                    '  out: [{action: add, header: X-Queue, value: gold}]\n',
              carrier='headers:\n  out: [{action: add, header: X-Edge, value: "Sal,ly"}]\n'
                      '  in: [{action: remove, header: X-Cost, match: "*cent"}]\n')
    pbx, core = lab.pbx(), lab.core()
    got = arrived(pbx, core, TO_CORE, headers=[('X-Internal', 'rack 7'), ('Subject', 'ticket 17 of today'), ('X-Kept', 'a')])
    equal(tuple(map(got.get, ('X-Internal', 'Subject', 'X-Edge', 'X-Kept', 'X-Queue'))),
          (None, 'today/17', 'Sal,ly', 'a', None), 'the core gets')
    got = arrived(core, pbx, TO_PBX, headers=[('X-Cost', '5 cent'), ('x-cost', '1 euro')])
    equal((got.all('X-Cost'), got.get('X-Queue'), got.get('X-Edge')), (['1 euro'], 'gold', None), 'the PBX gets')
    outgoing, incoming = answered(pbx, core, TO_CORE)
    hang_up(outgoing, incoming)
    bye = next(r for r in incoming.requests if r.method == 'BYE')
    equal(bye.get('X-Edge'), None, 'the BYE')


@case('explain says beforehand what the call does then: route, Request-URI, header fields, and at which hours')
def _(lab):
    provision(lab, customer='kind: Customer\nname: acme\n',
              trunk='destinations:\n  time_zone: Europe/Berlin\n  hours:\n    - prefixes: ["+4989"]\n      windows:\n'
                    '        - {days: [monday], from: "08:00", to: "18:00"}\n    - {prefixes: ["+4988"]}\n',
              carrier='headers: {out: [{action: add, header: X-Edge, value: edge-1}]}\n')
    lab.pbx()
    message = invite(lab, more='X-Kept: yes\n')
    monday = explained(lab, message, '--trunk', 'acme-hq', '--at', '2026-11-30T07:00:00Z')        # 08:00 in Berlin
    require(monday['admitted'] and monday['status'] == 0, json.dumps(monday))
    equal(rule(monday, 'permission'), 'may be called now, on monday 08:00 in Europe/Berlin', 'in winter')
    equal(monday['route'], 'everything', 'the route')
    equal(changed(monday, 'X-Edge'), ([], ['edge-1']), 'the header field')
    for at, local in (('2026-11-30T06:59:59Z', 'monday 07:59'), ('2026-11-30T17:00:00Z', 'monday 18:00'),
                      ('2026-07-06T16:00:00Z', 'monday 18:00'), ('2026-11-29T12:00:00Z', 'sunday 13:00')):
        answer = explained(lab, message, '--trunk', 'trunks/acme-hq', '--at', at)
        equal((answer['refusal'], answer['status'], answer['q850']), ('outside-hours', 603, 21), at)
        require(answer['reason'].endswith(f'now, on {local} in Europe/Berlin'), answer['reason'])
    never = f'sip:+4988111@{DOMAIN}'
    equal(explained(lab, invite(lab, never, 'never.sip'), '--trunk', 'acme-hq')['refusal'], 'outside-hours', 'explained')
    equal(refused(lab.pbx(), never), 603, 'and done')
    provision(lab, customer='kind: Customer\nname: acme\n', carrier='headers: {out: [{action: add, header: X-Edge, value: e}]}\n')
    answer = explained(lab, message, '--trunk', 'acme-hq')
    got = arrived(lab.pbx(), lab.core(), TO_CORE, from_=f'<sip:{PBX_NUMBER}@{DOMAIN}>', headers=[('X-Kept', 'yes')])
    equal(answer['request_uri'], got.uri, 'the Request-URI')
    sent = dict(line.split(': ', 1) for line in answer['invite'].split('\r\n\r\n')[0].split('\r\n')[1:])
    for name in ('X-Edge', 'X-Kept', 'P-Asserted-Identity', 'To', 'Allow', 'User-Agent'):
        equal(sent[name], got[name], name)
    text = lab.edge.cli('explain', str(message), '--trunk', 'acme-hq')
    for part in ('permission     may be called at any time', 'it goes on', 'as          ' + got.uri, '  + X-Edge: e',
                 'customer acme', 'UDP 198.51.100.10:5060'):
        require(part in text, f'{part!r} is told:\n{text}')
    answer = explained(lab, invite(lab, TO_PBX, 'in.sip', CORE_NUMBER, srtp=False), '--carrier', 'core')
    equal((answer['direction'], answer['trunk'], answer['status']), ('to-pbx', 'acme-hq', 0), 'a call from the core')
    lab.require_no_leftovers()


@case('a candidate is explained without being applied; its mistakes are told at their lines, as apply does')
def _(lab):
    provision(lab, customer='kind: Customer\nname: acme\n')
    lab.pbx()
    revision = lab.edge.status()['revision']
    message = invite(lab)
    closed = file(lab, 'closed.yaml', 'kind: Customer\nname: acme\ndisabled: true\n')
    answer = explained(lab, message, '--trunk', 'acme-hq', '--candidate', str(closed))
    equal((answer['refusal'], answer['status']), ('customer-disabled', 480), 'with the candidate')
    equal(explained(lab, message, '--trunk', 'acme-hq')['status'], 0, 'without it')
    equal(lab.edge.status()['revision'], revision, 'the revision')
    bad = file(lab, 'bad.yaml', 'kind: Customer\nname: acme\nlimits:\n  burst: 5\n')
    done = lab.edge.cli('explain', str(message), '--trunk', 'acme-hq', '--candidate', str(bad), check=False)
    equal(done.returncode, 1, 'a bad candidate')
    require('bad.yaml:4:' in done.stderr and 'limits.burst' in done.stderr and 'nothing was explained' in done.stderr, done.stderr)
    for arguments, said in (((str(message), '--trunk', 'nobody'), 'there is no trunk "nobody"'),
                            ((str(message),), '--trunk'),
                            ((str(message), '--trunk', 'acme-hq', '--at', 'noon'), '2026-11-29T03:00:00Z'),
                            ((str(message), '--trunk', 'acme-hq', '--at', '2150-01-01T00:00:00Z'), 'at: is no time between 1970 and 2100'),
                            ((str(closed), '--trunk', 'acme-hq'), 'no INVITE'),
                            (('/nowhere.sip', '--trunk', 'acme-hq'), 'cannot read /nowhere.sip')):
        done = lab.edge.cli('explain', *arguments, check=False)
        require(done.returncode in (1, 2) and said in done.stderr + done.stdout, f'{arguments}: {done.stderr}{done.stdout}')


@case('a customer, windows and header rules are shown as they were written, and refused with what would be right')
def _(lab):
    provision(lab, trunk='destinations: {allowed_prefixes: ["+49"], time_zone: UTC, hours: [{prefixes: ["+49"], windows: [{}]}]}\n'
                         'number_limits: [{numbers: "+4930555000..+4930555009", concurrent_calls_each: 1}]\n')
    for kind, name in (('trunk', 'acme-hq'), ('customer', 'acme')):
        shown = lab.edge.cli('get', kind, name)
        again = file(lab, f'{kind}.yaml', shown)
        said = lab.edge.cli('apply', '-f', str(again), '--dry-run')
        require('unchanged' in said, f'{kind} read back:\n{shown}\n{said}')
    require('ACME AG' in lab.edge.cli('list', 'customers'), 'the list')
    used = lab.edge.cli('delete', 'customer', 'acme', check=False)
    require(used.returncode == 1 and 'has trunks/acme-hq' in used.stderr, used.stderr)
    for field, said in (('headers: {in: [{action: remove, header: Via}]}', 'headers.in[0].header'),
                        ('headers: {out: [{action: add, header: P-Asserted-Identity, value: x}]}', 'headers.out[0].header'),
                        ('headers: {out: [{action: add, header: X-A, value: "a\\r\\nVia: b"}]}', 'headers.out[0].value'),
                        ('destinations: {time_zone: Europe/Atlantis}', 'destinations.time_zone'),
                        ('customer: nobody', 'customers/nobody')):
        bad = PROVISION.replace('name: trunks/acme-hq\n', f'name: trunks/acme-hq\n{field}\n')
        done = lab.edge.cli('apply', '-f', str(file(lab, 'bad.yaml', bad)), '--dry-run', check=False)
        require(done.returncode == 1 and said in done.stderr, f'{field}: {done.stderr}')


@case('on the net: a PBX calls another one of this node by way of the carrier, unless its trunk says otherwise; then the core '
      'hears nothing of it, each is told what the core would tell it, both are heard, both trunks hold a place, and the record '
      'names both; a call for help goes to the core all the same')
def _(lab):
    provision(lab, customer=CUSTOMER.replace('concurrent_calls: 1', 'concurrent_calls: 0'))
    pbx, core = lab.pbx(), lab.core()
    number = '+4940555001'
    uri = f'sip:{number}@{DOMAIN};user=phone'
    other = Site(lab, lab.network.pbx, '192.0.2.20', lab.edge.access_udp, name='other-pbx', domain='static.sallyport.example',
                 port=5080)
    from_ = f'"Alice" <sip:{PBX_NUMBER}@{DOMAIN};user=phone>'
    came = arrived(pbx, core, uri, from_=from_)
    require(number in came.uri, f'to the core: {came.start_line}')
    for on_net in ('customer', 'node'):
        provision(lab, trunk=f'on_net: {on_net}\n', customer=CUSTOMER.replace('concurrent_calls: 1', 'concurrent_calls: 0'))
        out, into = answered(pbx, other.party, uri, from_=from_)
        invite_ = into.invite
        equal(invite_.uri, f'sip:{number}@static.sallyport.example;user=phone', 'Request-URI')
        require(f'<sip:{PBX_NUMBER}@static.sallyport.example;user=phone>' in invite_['From'], f'From: {invite_["From"]}')
        require(DOMAIN not in str(invite_['From']), f'the caller\'s domain: {invite_["From"]}')
        hang_up(out, into)

        def recorded():
            return next((r for r in lab.edge.records() if out.call_id in r['sip_call_ids']), None)
        process.wait_until(lambda: recorded() is not None, 10, 'a record')
        record = recorded()
        equal((record['direction'], record['trunk'], record['ends']),
              ('on-net', 'sipp-static', ['trunks/acme-hq', 'trunks/sipp-static']), 'record')
        answer = explained(lab, invite(lab, uri), '--trunk', 'acme-hq')
        require('straight' in rule(answer, 'on net'), rule(answer, 'on net'))
    provision(lab)


@case('call_records of a trunk: all its calls, those alone that come to it, or none leave a record; one for help always, and metrics '
      'see each [SC-16.6.3-02]')
def _(lab):
    pbx, core = lab.pbx(), lab.core()

    def counted():
        return lab.edge.scrape('signaling').get('sallyport_calls_total', outcome='answered')
    for setting, directions in (('all', ['from-pbx', 'to-pbx', 'from-pbx']), ('received', ['to-pbx', 'from-pbx']), ('none', ['from-pbx'])):
        provision(lab, trunk=f'call_records: {setting}\n', customer=CUSTOMER.replace('concurrent_calls: 1', 'concurrent_calls: 0'))
        known, calls, before = len(lab.edge.records()), [], counted()
        for caller, callee, to in ((pbx, core, TO_CORE), (core, pbx, TO_PBX), (pbx, core, 'urn:service:sos')):
            outgoing, incoming = answered(caller, callee, to)
            calls.append(outgoing.call_id)
            hang_up(outgoing, incoming)
        # That of the call for help is the last one that there can be.
        process.wait_until(lambda: any(calls[2] in r['sip_call_ids'] for r in lab.edge.records()[known:]), 10, 'the last record')
        records = lab.edge.records()[known:]
        equal([r['direction'] for r in records], directions, f'records with {setting}')
        equal(records[-1]['emergency'], True, 'the last one is an emergency')
        equal(counted() - before, 3, 'calls in the metrics')
        listed = lab.edge.cli('call', 'list')
        equal(listed.count('from-pbx') >= 2, True, f'the operator sees them: {listed}')
    provision(lab)


if __name__ == '__main__':
    sys.exit(main('policy', lambda: running_edge('policy', access=('udp', 'tls'))))
