#!/usr/bin/env python3
"""Descriptions of other people's making through the running daemons, over sockets: what products have offered, from a PBX and
from the core, crosses as a description of our own or is refused, as descriptions.toml says of each; offers and answers of
another relay's tests come out as they did there, but for what relay_steps.toml has a reason for. Nothing of one side's
network is in what the other is told, and nothing is left of the calls."""
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import descriptions  # noqa: E402
import relay_steps  # noqa: E402
import sdp_grammar  # noqa: E402
from cases import Skipped, case, equal, main, require, testdata  # noqa: E402
from descriptions import Description  # noqa: E402
from edge_fixture import CORE_NUMBER, DOMAIN, PASSWORD, PBX_NUMBER, running_edge, without  # noqa: E402
from exchanges import Site  # noqa: E402
from lab import parties  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim import sdp  # noqa: E402

HERE = Path(__file__).resolve().parent
SECOND_ADDRESS, PLAIN_NUMBER, SECOND_NUMBER = '192.0.2.20', '+4940555001', '+4930777011'
ALL = 'concurrent_calls: 0, calls_per_second: 0'
# NAT mode on: products were recorded behind routers, and name addresses that nobody here has.
TRUNKS = f'''kind: Trunk
name: trunks/plain
mode: static
realm: access
domain: plain.example
transports: [udp]
targets: [{{host: {SECOND_ADDRESS}, port: 5060, transport: udp}}]
sources: [{SECOND_ADDRESS}/32]
numbers: [{{first: "+4940555000", last: "+4940555999"}}]
limits: {{{ALL}}}
media: {{srtp: "off"}}
network: {{unprobed: true, nat: on}}
---
kind: Trunk
name: trunks/second
mode: registration
realm: access
registration_aor: sip:second@{DOMAIN}
credentials: [{{username: second, password: {PASSWORD}}}]
numbers: [{{first: "+4930777010", last: "+4930777019"}}]
limits: {{{ALL}}}
network: {{nat: on}}
on_net: node
'''


def prepare(lab):
    """Two PBXs with SRTP over TLS, one without over UDP, and the core."""
    text = without(lab.edge.cli('get', 'trunk', 'acme-hq'), 'network') + '\nnetwork: {nat: on}\non_net: node\n'
    lab.edge.cli('delete', 'trunk', 'sipp-static')
    file = Path(lab.run_directory) / 'descriptions.yaml'
    file.write_text(f'{text}---\n{TRUNKS}')
    lab.edge.apply(file)
    plain = Site(lab, lab.network.pbx, SECOND_ADDRESS, lab.edge.access_udp, name='plain', domain='plain.example').party
    second = parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary, edge=lab.edge.access_tls, ca_file=lab.edge.ca.certificate,
        server_name=lab.edge.server_name, domain=DOMAIN, user='second', password=PASSWORD, address=SECOND_ADDRESS, contact_port=5072,
        name='second')
    lab.parties['second'] = second
    parties.require_status(second.peer.register(bulk=True), 200, 'REGISTER')
    pbx, core = lab.pbx(), lab.core()
    lab.ways = {          # caller, callee, whom it calls, as whom
        'srtp': (pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER),
        'plain': (plain, core, f'sip:{CORE_NUMBER}@plain.example', PLAIN_NUMBER),
        'core': (core, plain, f'sip:{PLAIN_NUMBER}@{CORE.signaling}', CORE_NUMBER),
        'core to srtp': (core, pbx, f'sip:{PBX_NUMBER}@{CORE.signaling}', CORE_NUMBER),
        'srtp to srtp': (pbx, second, lab.number_uri(SECOND_NUMBER), PBX_NUMBER),
        'srtp back': (second, pbx, lab.number_uri(PBX_NUMBER), SECOND_NUMBER),
    }


# -- what products offer

SENDERS = ('srtp', 'plain', 'core', 'core to srtp')


def stated():
    """(file, sender) -> the status that refuses it, or what the other side is offered."""
    table, found = tomllib.loads((HERE / 'descriptions.toml').read_text()), {}

    def state(name, sender, outcome):
        require((name, sender) not in found, f'descriptions.toml has two outcomes for {name} by {sender}')
        found[name, sender] = outcome
    for row in table['refused']:
        for name in row['files']:
            for sender in row['senders']:
                state(name, sender, str(row['status']))
    for row in table['offered']:
        for name, outline in row['files'].items():
            for sender in row['senders']:
                state(name, sender, outline)
    return found


def place(lab, sender, octets):
    """(what became of it, what the callee was offered, what the caller was answered); the call is over when this returns."""
    caller, callee, to, number = lab.ways[sender]
    outgoing = caller.peer.invite(to, octets, caller=number)
    try:
        incoming = parties.wait_call(callee, outgoing, 5)
    except parties.CallFailed:
        response = outgoing.wait_final(5)
        return str(response.status) if response else 'no answer', None, None
    offer = Description(incoming.invite.body)
    answer = descriptions.taken(offer, callee.media_address, 20000, callee.suite)
    incoming.local_sdp = sdp.parse(answer)
    incoming.respond(200, 'OK', answer)
    response = parties.require_status(outgoing.wait_final(10), 200, 'an answer that takes all')
    parties.require_status(outgoing.bye(10), 200, 'BYE')
    require(incoming.wait_ended(10), 'the BYE has not reached the callee')
    return offer.outline(), incoming.invite.body, response.body


def faults(lab, sender, offered, told, answered):
    """What is wrong with what came of it: what both were told, held against what was offered."""
    callee, ours = lab.ways[sender][1], lab.edge.addresses
    wrong = [f'the other side was told {w}' for w in descriptions.leaked(told, descriptions.own_words(offered), ours)]
    wrong += [f'the caller was told {w}' for w in descriptions.leaked(answered, {'taker', 'taker-session', callee.media_address}, ours)]
    wrong += sdp_grammar.faults(told, 4) + sdp_grammar.faults(answered, 4)
    one, other, back = Description(offered), Description(told), Description(answered)
    for description in (other, back):
        if [s.kind for s in description.streams] != [s.kind for s in one.streams]:
            return [*wrong, f'streams: {description.outline()}']
    for asked, crossed, answer in zip(one.streams, other.streams, back.streams):
        if bool(crossed.port) != bool(answer.port) or answer.profile != asked.profile:
            wrong.append(f'the answer to {asked.kind} {asked.profile}: {back.outline()}')
        if answer.port and not set(answer.formats) <= set(asked.formats):
            wrong.append(f'formats {answer.formats} were not offered')
    return wrong


@case('every description of the corpus as an offer of a PBX with SRTP, of one without, and of the core to either: a valid offer on the '
      'other leg and a valid answer back, or the refusal that its table says; nothing of either side in them')
def _(lab):
    files = sorted((testdata() / 'corpus' / 'sdp').glob('*.sdp'))
    if not files:
        raise Skipped('no test data (corpus/sdp)')
    outcomes, wrong, crossed = stated(), [], 0
    for file in files:
        for sender in SENDERS:
            octets, expected = file.read_bytes(), outcomes.pop((file.stem, sender), 'nothing: it has no row')
            outcome, told, answered = place(lab, sender, octets)
            if outcome != expected:
                wrong.append(f'{file.stem} by {sender}: {outcome}, descriptions.toml says {expected}')
            if told is not None:
                crossed += 1
                wrong += [f'{file.stem} by {sender}: {w}' for w in faults(lab, sender, octets, told, answered)]
        lab.edge.require_alive()
    require(not wrong, f'{len(wrong)} of the corpus: ' + '; '.join(wrong[:12]))
    equal(list(outcomes), [], 'rows of descriptions.toml that are not in the corpus')
    require(crossed >= 250, f'{crossed} offers have crossed: little was shown')


# -- what another relay makes of offers and answers

WAYS = {(False, False): ('plain', 'core'), (True, False): ('srtp',), (False, True): ('core to srtp',), (True, True): ('srtp to srtp', 'srtp back')}


def differing():
    """(place, way) -> what comes of it here; way: None for all."""
    found = {}
    for row in tomllib.loads((HERE / 'relay_steps.toml').read_text())['differs']:
        for name, outcome in row['steps'].items():
            require((name, row.get('way')) not in found, f'relay_steps.toml names {name} twice')
            found[name, row.get('way')] = outcome
    return found


@case('offers and answers of another relay\'s tests, first ones and later ones, from either side, with SRTP on neither, one or both: '
      'streams, profiles, directions and payload types come out as they do there, or there is a reason why not')
def _(lab):
    expected, wrong, alike, used = differing(), [], 0, set()

    def judge(step, octets):
        wrong.extend(f'{step.place}: the other side was told {w}' for w in relay_steps.leaks(step, octets, lab.edge.addresses))
        wrong.extend(f'{step.place}: {w}' for w in sdp_grammar.faults(octets, 4))
    for steps in relay_steps.calls():
        if not steps[0].is_offer:
            continue
        for way in WAYS[steps[0].profiles]:
            play = relay_steps.Play(*lab.ways[way], judge)
            play.run(steps)
            for place_, outcome in play.outcomes.items():
                key = (place_, way) if (place_, way) in expected else (place_, None)
                used.add(key)
                if outcome != expected.get(key, 'as there'):
                    wrong.append(f'{place_} by {way}: {outcome}, expected {expected.get(key, "as there")}')
                alike += outcome == 'as there'
        lab.edge.require_alive()
    require(not wrong, f'{len(wrong)} steps: ' + '; '.join(wrong[:12]))
    equal(sorted(set(expected) - used, key=str), [], 'rows of relay_steps.toml that nothing was asked for')
    require(alike >= 850, f'{alike} steps have come out as they do there')


@case('no call, transaction, media session, port or buffer is left of any of them, and every daemon answers')
def _(lab):
    lab.require_no_leftovers(60)
    lab.edge.require_answering()


if __name__ == '__main__':
    sys.exit(main('descriptions', lambda: running_edge('descriptions', access=('udp', 'tls'), prepare=prepare)))
