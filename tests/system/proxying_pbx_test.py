#!/usr/bin/env python3
"""A PBX that forwards as a proxy does (Kamailio): what it was sent comes back with the same Call-ID, From tag and CSeq, for
another number, and the PBX stays in the path of both legs. A and C are in the core."""
import contextlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
import exchanges  # noqa: E402
from edge_fixture import CORE_NUMBER, running_edge  # noqa: E402
from lab import kamailio, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

CONFIG = Path(__file__).resolve().parent / 'kamailio' / 'forwarder.cfg'
ONWARD = '+4989777003'
# The PBX has two addresses, each a trunk: one whose callers may be anybody, one whose callers are screened.
TRUSTED, SCREENED = ('trusted', ACCESS.peers[1], '+49405550'), ('screened', ACCESS.peers[2], '+49405551')
BY_HISTORY_INFO, BY_DIVERSION, BY_NOTHING, BY_LOOP = '01', '02', '03', '04'
TRUNK = '''kind: Trunk
name: trunks/{name}
mode: static
realm: access
domain: {name}.example
transports: [udp]
targets: [{{host: {address}, port: 5060, transport: udp}}]
sources: [{address}/32]
numbers: [{{first: "{numbers}00", last: "{numbers}99"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
identity: {{screening: {screening}}}
media: {{srtp: "off"}}
on_net: node
'''


@contextlib.contextmanager
def fixture():
    with running_edge('proxying', access=('udp', 'tls')) as lab:
        lab.edge.cli('delete', 'trunk', 'sipp-static')       # the address is the PBX's
        lab.proxy = kamailio.Kamailio(
            lab.network.pbx, lab.run_directory, CONFIG, listen=[f'{TRUSTED[1]}:5060', f'{SCREENED[1]}:5060'], name='kamailio-forwarder',
            defines={k: f'"{v}"' for k, v in {'EDGE_HOST': ACCESS.signaling, 'EDGE': f'{ACCESS.signaling}:5060',
                                              'ONWARD': ONWARD}.items()})
        try:
            file = Path(lab.run_directory) / 'forwarders.yaml'
            file.write_text('---\n'.join(TRUNK.format(name=name, address=address, numbers=numbers, screening=screening)
                                         for (name, address, numbers), screening in ((TRUSTED, 'pass'), (SCREENED, 'reject'))))
            lab.edge.apply(file)
            yield lab
        finally:
            lab.proxy.stop()


def to(which, how):
    return f'sip:{which[2]}{how}@{CORE.signaling}'


def passed_on(lab):
    """Requests that the PBX has passed on within dialogs, in order."""
    return re.findall(r'in dialog: (\w+) from', lab.proxy.text())


def records_since(lab, known, reached=True):
    """The records of both passages, the one to the PBX first; they are of one call, and the PBX's leg is in both."""
    records = process.wait_until(lambda: len(found := lab.edge.records()[known:]) >= 2 and found, 10, 'two records')
    equal(len(records), 2, 'records')
    first, second = sorted(records, key=lambda r: r['direction'], reverse=True)
    equal([first['direction'], second['direction']], ['to-pbx', 'from-pbx'], 'directions')
    trunk = f'trunks/{first["trunk"]}'
    equal([first['ends'], second['ends']], [['carriers/core', trunk], [trunk, 'carriers/core' if reached else '']], 'ends')
    equal([first['from'], second['from'], second['to']], [CORE_NUMBER, CORE_NUMBER, ONWARD], 'numbers')
    equal(second['session_id'], first['session_id'], 'Session-ID of the second record')
    equal(second['sip_call_ids'][0], first['sip_call_ids'][1], 'the Call-ID between them')
    equal(len({*first['sip_call_ids'], *second['sip_call_ids']}), 3 if reached else 2, 'Call-IDs of all legs')
    return first, second


def without_hosts(values):
    return [re.sub(r'@[^;?>]*', '', v) for v in values]


WAYS = {
    BY_HISTORY_INFO: ('History-Info', [f'<sip:{{number}};user=phone?Reason=SIP%3Bcause%3D302>;index=1',
                                       f'<sip:{ONWARD};user=phone>;index=1.1;mp=1']),
    BY_DIVERSION: ('Diversion', ['<sip:{number};user=phone>;reason=unconditional;counter=1']),
    BY_NOTHING: ('', []),
}


def forwarded(lab, which, how):
    """A has called the PBX and C has answered; whoever has forwarded is named as the PBX names it."""
    core, seen = lab.core(), len(lab.core().peer.transport.trace)
    outgoing, incoming = parties.establish(core, core, to(which, how), CORE_NUMBER)
    number, (field, entries) = which[2] + how, WAYS[how]
    invite = incoming.invite
    equal((parties.number_of(invite), sip_message.user_of(invite['From'])), (ONWARD, CORE_NUMBER), 'who is called, by whom')
    equal(invite['Max-Forwards'], '67', 'Max-Forwards after the edge, the PBX and the edge')
    for name in ('History-Info', 'Diversion'):
        equal(without_hosts(sip_message.split_list(invite.all(name))),
              [e.format(number=number) for e in entries] if name == field else [], f'{name} at C')
    require(f'sip:{number if field else which[2] + "00"}@' in invite['P-Asserted-Identity'],
            f'who answers for it: {invite["P-Asserted-Identity"]}')
    for message in (t.data.decode() for t in list(core.peer.transport.trace)[seen:] if not t.outgoing):
        require(not re.search(r'192\.0\.2\.|(?m:^Record-Route:)', message), f'the PBX shows in the core:\n{message}')
    return outgoing, incoming


def heard(lab, *calls):
    probes = [lab.core().probe(call, call.local_sdp, duration=1) for call in calls]
    for who, result in zip(('A', 'C'), [p.result() for p in probes]):
        require(result['ok'], f'media to {who}: {result["failure"]}')


def calls(which, how, hangs_up):
    def play(lab):
        known, passed = len(lab.edge.records()), len(passed_on(lab))
        ends = forwarded(lab, which, how)
        heard(lab, *ends)
        exchanges.hang_up(*(ends if hangs_up == 'caller' else ends[::-1]))
        first, second = records_since(lab, known)
        for record in (first, second):
            equal((record['trunk'], record['sip_status'], record['ended_by']), (which[0], 200, hangs_up), 'record')
            require(all(m['packets_received'] > 20 for m in record['media']), f'media of the record: {record["media"]}')
        equal(second['redirecting_party'], first['to'] if WAYS[how][0] else '', 'who has forwarded')
        equal(passed_on(lab)[passed:], ['ACK', 'BYE'], 'what the PBX has passed on')
    return play


for which, how, hangs_up in ((TRUSTED, BY_HISTORY_INFO, 'caller'), (TRUSTED, BY_DIVERSION, 'callee'), (TRUSTED, BY_NOTHING, 'callee'),
                             (SCREENED, BY_HISTORY_INFO, 'callee'), (SCREENED, BY_DIVERSION, 'caller')):
    case(f'a call that a {which[0]} PBX proxies, with {WAYS[how][0] or "no word about it"}: A and C hear each other through two '
         f'passages, the {hangs_up} hangs up, the two records are of one call [SC-11.1-06]')(calls(which, how, hangs_up))


@case('both ends hold and resume across both passages, and the PBX passes each re-INVITE on once')
def _(lab):
    core, known, passed = lab.core(), len(lab.edge.records()), len(passed_on(lab))
    outgoing, incoming = forwarded(lab, TRUSTED, BY_HISTORY_INFO)
    for call in (outgoing, incoming):
        exchanges.accept_reinvites(call, core)
    for call, other, version, direction in ((outgoing, incoming, 2, 'sendonly'), (outgoing, incoming, 3, 'sendrecv'),
                                            (incoming, outgoing, 2, 'sendonly'), (incoming, outgoing, 3, 'sendrecv')):
        parties.require_status(call.reinvite(core.offer(version=version, direction=direction), 10), 200, direction)
        equal(other.remote_sdp.audio.direction, direction, 'direction at the other end')
    exchanges.hang_up(incoming, outgoing)
    records_since(lab, known)
    equal(passed_on(lab)[passed:], ['ACK', *['INVITE', 'ACK'] * 4, 'BYE'], 'what the PBX has passed on')


@case('A gives up, or C is busy: all three legs end, both records say why')
def _(lab):
    core = lab.core()
    for attempt, status in ((parties.cancelled, 487), (parties.busy, 486)):
        known = len(lab.edge.records())
        attempt(core, core, to(TRUSTED, BY_HISTORY_INFO), CORE_NUMBER)
        equal([r['sip_status'] for r in records_since(lab, known)], [status] * 2, 'status of the records')


@case('a screened PBX that does not say that it forwards is not believed: the call comes back to it as refused, and C hears nothing '
      '[SC-11-03]')
def _(lab):
    core, known = lab.core(), len(lab.edge.records())
    outgoing = core.peer.invite(to(SCREENED, BY_NOTHING), core.offer(), caller=CORE_NUMBER)
    equal(outgoing.wait_final(10).status, 603, 'A is told')
    require(core.peer.incoming.empty(), 'nobody was called')
    equal([r['sip_status'] for r in records_since(lab, known, reached=False)], [603, 603], 'status of the records')


@case('a PBX that sends a call back to its own number, for ever: the third turn is refused, A is told 482, and each turn has its '
      'record [E-36]')
def _(lab):
    core, known = lab.core(), len(lab.edge.records())
    outgoing = core.peer.invite(to(TRUSTED, BY_LOOP), core.offer(), caller=CORE_NUMBER)
    equal(outgoing.wait_final(20).status, 482, 'A is told')
    require(core.peer.incoming.empty(), 'nobody was called')
    turns = 4                               # the one that A has begun, and those of the PBX
    records = process.wait_until(lambda: len(found := lab.edge.records()[known:]) >= turns and found, 10, f'{turns} records')
    equal({r['sip_status'] for r in records}, {482}, 'status of the records')
    equal((len(records), len({r['session_id'] for r in records})), (turns, 1), 'records, and Session-IDs of them')


@case('nothing is left of any of it')
def _(lab):
    complaints = [line for line in lab.proxy.text().splitlines() if re.search('insane|no route', line)]
    equal(complaints, [], 'what Kamailio did not like')
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('proxying_pbx', fixture))
