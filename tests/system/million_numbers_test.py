#!/usr/bin/env python3
"""A million ported numbers as routes of the running daemons: each goes where it was ported to, longest match first, in memory
that is bounded; and what one of them says is changed without the others."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, PBX_NUMBER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.edge import CORE_UDP  # noqa: E402
from pbx_sim import sip_peer, transport  # noqa: E402

ROUTES, PREFIXES_OF_EACH = 20, 50_000
PORTED = '198.51.100.21'
BYTES_PER_PREFIX = 600          # of the signaling plane: its index, the snapshot, and the one before while they change


def number(route, index):
    """+49 30 1000 0000 and so on: every second one is ported."""
    return f'+4930{10_000_000 + 2 * (route * PREFIXES_OF_EACH + index)}'


def route_text(route, carrier='ported'):
    prefixes = ', '.join(f'"{number(route, i)}"' for i in range(PREFIXES_OF_EACH))
    return f'kind: Route\nname: routes/ported-{route}\ncarriers: [carriers/{carrier}]\nprefixes: [{prefixes}]\n'


def apply(lab, *documents):
    file = Path(lab.run_directory) / 'million.yaml'
    file.write_text('---\n'.join(documents))
    lab.edge.apply(file)


def prepare(lab):
    lab.network.core.ip('addr', 'add', f'{PORTED}/24', 'dev', 'sig0')
    with lab.network.core.entered():
        lab.ported = sip_peer.Peer(transport.UdpTransport((PORTED, 5060), CORE_UDP), PORTED, user_agent='ported')
    lab.resident = process.resident_bytes(lab.edge.daemons['signaling'].pid)
    apply(lab, *(f'''kind: Carrier
name: carriers/{name}
realm: core
targets: [{{host: {address}, port: 5060, transport: udp}}]
''' for name, address in (('core', CORE_ADDRESS), ('ported', PORTED))))
    for route in range(ROUTES):
        apply(lab, route_text(route))


def goes_to(lab, called):
    """Who is asked for a number, which declines."""
    outgoing = lab.pbx().peer.invite(lab.number_uri(called), lab.pbx().offer(), caller=PBX_NUMBER)
    peers = {'ported': lab.ported, 'core': lab.core().peer}
    process.wait_until(lambda: any(not peer.incoming.empty() for peer in peers.values()), 5, f'{called} is called')
    (name, peer), = [(name, peer) for name, peer in peers.items() if not peer.incoming.empty()]
    incoming = peer.wait_call(1)
    equal(parties.number_of(incoming.invite), called, 'the number that is called')
    incoming.reject(486, 'Busy Here')
    equal(outgoing.wait_final(5).status, 486, f'the call to {called}')
    return name


@case('of a million ported numbers the first, the last and those between go where they were ported to, their neighbours do not')
def _(lab):
    for route, index in ((0, 0), (0, 1), (ROUTES // 2, PREFIXES_OF_EACH // 2), (ROUTES - 1, PREFIXES_OF_EACH - 1)):
        ported = number(route, index)
        equal(goes_to(lab, ported), 'ported', f'route of {ported}')
        equal(goes_to(lab, ported[:-1] + str(int(ported[-1]) + 1)), 'core', f'route of the neighbour of {ported}')
    equal(goes_to(lab, number(3, 3) + '77'), 'ported', 'route of a number that is longer than its prefix')


@case('what they take in memory is bounded')
def _(lab):
    grown = process.resident_bytes(lab.edge.daemons['signaling'].pid) - lab.resident
    each = grown / (ROUTES * PREFIXES_OF_EACH)
    require(each < BYTES_PER_PREFIX, f'{each:.0f} bytes for each prefix')


@case('one of the routes is changed, and the others are not')
def _(lab):
    apply(lab, route_text(7, carrier='core'))
    equal(goes_to(lab, number(7, 0)), 'core', 'the route that was changed')
    equal(goes_to(lab, number(8, 0)), 'ported', 'another one')


if __name__ == '__main__':
    sys.exit(main('million_numbers', lambda: running_edge('million', prepare=prepare)))
