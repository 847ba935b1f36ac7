#!/usr/bin/env python3
"""How many TCP and TLS connections who may have, how fast, and how many unfinished handshakes: what strangers take keeps
neither who is known out nor the edge from opening connections of its own."""
import contextlib
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, PBX_ADDRESS, STRANGER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from listening_pbx import ListeningPbx  # noqa: E402
from pbx_sim.sip_message import new_branch, new_tag  # noqa: E402
from registrant import over_tcp, over_tls  # noqa: E402

CROWD, HASTY, SILENT = [f'192.0.2.{host}' for host in range(100, 108)], '192.0.2.110', '192.0.2.111'
TCP_PBX, TCP_PBX_PORT, TCP_PBX_DOMAIN, TCP_PBX_NUMBER = '192.0.2.31', 5080, 'tcp.sallyport.example', '+4941555001'
TOTAL, OF_SOURCE, PER_SECOND, HANDSHAKES, SHAKING_SECONDS = 64, 16, 20, 32, 6
ON_TRIAL = TOTAL // 16                      # kept for calls for help, half of them for strangers
LIMITS = f'''shards: 1
streams:
  max_connections: {TOTAL}
  max_connections_per_source: {OF_SOURCE}
  connections_per_second_per_source: {PER_SECOND}
  handshakes_at_a_time: {HANDSHAKES}
  handshake_seconds: {SHAKING_SECONDS}
'''
REGISTERING = dict(domain=DOMAIN, user='streams', password='over either of them')
TRUNKS = f'''
kind: Trunk
name: trunks/tcp-pbx
mode: static
realm: access
domain: {TCP_PBX_DOMAIN}
transports: [tcp]
targets: [{{host: {TCP_PBX}, port: {TCP_PBX_PORT}, transport: tcp}}]
sources: [{TCP_PBX}/32]
numbers: [{{first: "+4941555000", last: "+4941555999"}}]
media: {{srtp: off}}
network: {{unprobed: true}}
numbering: {{dial_plan: {{emergency_numbers: ["112"]}}}}
---
kind: Trunk
name: trunks/registering
mode: registration
realm: access
transports: [tcp, tls]
registration_aor: sip:streams@{DOMAIN}
credentials: [{{username: streams, password: over either of them}}]
numbers: ["+4941556001"]
media: {{srtp: off}}
'''


def prepare(lab):
    for address in (*CROWD, HASTY, SILENT, TCP_PBX):
        lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    file = Path(lab.run_directory) / 'trunk.yaml'
    file.write_text(TRUNKS)
    lab.edge.apply(file)


def connected(lab, address, tls=False):
    with lab.network.pbx.entered():
        return socket.create_connection(lab.edge.access_tls if tls else lab.edge.access_tcp, 5, source_address=(address, 0))


def is_closed(connection):
    """By the edge, as far as can be seen now."""
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


def is_served(connection):
    """Whether OPTIONS is answered; closes the connection."""
    with connection:
        request = wire.request('OPTIONS', f'sip:{ACCESS.signaling}', via=f'SIP/2.0/TCP {STRANGER}:5060', branch=new_branch(),
                               call_id=new_tag())
        return bool(wire.stream_exchange(connection, request, 3)[0])


def metric(lab, name, reason=None, **labels):
    if reason is not None:
        labels['reason'] = reason
    return int(lab.edge.scrape('signaling').get(f'sallyport_sip_connections_{name}_total', **labels))


@contextlib.contextmanager
def held(lab):
    """Connections that are closed in the end, and gone before the next case begins."""
    connections = []
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
        process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_sip_transport_connections') <= 1, 10,
                           'the connections are gone')          # the registered PBX may have one


def take_all_of_strangers(lab, connections):
    """Until the total refuses one, from one address after the other."""
    refused = metric(lab, 'refused', 'too_many')
    for address in CROWD:
        for _ in range(OF_SOURCE - 2):          # its burst is not used up by that
            connections.append(connected(lab, address))
    process.wait_until(lambda: metric(lab, 'refused', 'too_many') > refused, 5, 'the total is reached')


@case('who connects too fast is refused, and served again when he waits')
def _(lab):
    refused = metric(lab, 'refused', 'too_fast')
    with held(lab) as connections:
        began = time.monotonic()
        count = 0
        while metric(lab, 'refused', 'too_fast') == refused:
            for _ in range(2 * PER_SECOND):
                connected(lab, HASTY).close()
            count += 2 * PER_SECOND
            require(count < 100 * PER_SECOND, 'nobody is refused')
        require(count > PER_SECOND, 'the burst was not granted')
        require(time.monotonic() - began < 30, 'it took long')
        require(is_served(connected(lab, CROWD[1])), 'another address is not served')
        process.wait_until(lambda: is_served(connected(lab, HASTY)), 5, 'it is served again')
        connections.clear()


@case('strangers cannot have all connections: where somebody has registered from, the rest is for')
def _(lab):
    pbx = over_tcp(lab, PBX_ADDRESS, **REGISTERING)
    try:
        equal(pbx.register().status, 200, 'REGISTER')
        equal(pbx.options(f'sip:{ACCESS.signaling}').status, 200, 'OPTIONS')
        with held(lab) as connections:
            take_all_of_strangers(lab, connections)
            require(not is_served(connected(lab, STRANGER)), 'one more stranger was served')
            require(is_served(connected(lab, PBX_ADDRESS)), 'no other connection for where the PBX has registered from')
            still = sum(not is_closed(c) for c in connections)
            most = TOTAL - TOTAL // 8               # and half of those for calls for help, until they show what they are
            require(most - 2 <= still <= most + ON_TRIAL // 2, f'connections that strangers have: {still}')
        equal(pbx.register(['*'], expires=0).status, 200, 'the end of the registration')
    finally:
        pbx.close()


@case('an address that is provisioned is no stranger\'s, though nobody has come from there yet')
def _(lab):
    with held(lab) as connections:
        take_all_of_strangers(lab, connections)
        require(not is_served(connected(lab, STRANGER)), 'one more stranger was served')
        require(is_served(connected(lab, TCP_PBX)), 'the PBX was taken for a stranger')


@case('a PBX that has all the connections it may have calls for help over one more, which serves nothing else '
      '[SC-13-01]')
def _(lab):
    listening = ListeningPbx(lab, TCP_PBX, TCP_PBX_PORT, TCP_PBX_DOMAIN)
    kept = metric(lab, 'reserved', state='kept')
    try:
        with held(lab) as connections:
            connections += [connected(lab, TCP_PBX) for _ in range(OF_SOURCE)]
            require(not is_served(connected(lab, TCP_PBX)), 'one more connection than its share was served')
            equal(metric(lab, 'reserved', state='kept'), kept, 'what was kept')
            pbx = listening.party(connected(lab, TCP_PBX))
            try:
                call = pbx.peer.invite(f'sip:112@{TCP_PBX_DOMAIN}', pbx.offer(), caller=TCP_PBX_NUMBER)
                incoming = parties.wait_call(lab.core(), call)
                require(incoming.answer(lab.core().answer_to(incoming.remote_sdp)), 'acknowledged')
                equal(call.wait_final().status, 200, 'the call for help')
                equal(call.bye().status, 200, 'BYE')
                require(incoming.wait_ended(), 'the BYE came through')
            finally:
                pbx.close()
            equal(metric(lab, 'reserved', state='kept'), kept + 1, 'what was kept')
            equal(sum(is_closed(c) for c in connections), 0, 'connections that it had before and were closed')
    finally:
        listening.close()


@case('unfinished handshakes of one address take an eighth of them, and nothing from anybody else')
def _(lab):
    closed = metric(lab, 'closed', 'too_many')
    with held(lab) as connections:
        connections += [connected(lab, SILENT, tls=True) for _ in range(HANDSHAKES // 8 + 6)]
        process.wait_until(lambda: metric(lab, 'closed', 'too_many') >= closed + 6, 5, 'what is more is refused')
        equal(sum(not is_closed(c) for c in connections), HANDSHAKES // 8, 'handshakes of one address')
        require(is_served(connected(lab, SILENT)), 'its TCP is not served')
        registrant = over_tls(lab, STRANGER, **REGISTERING)
        equal(registrant.register().status, 200, 'REGISTER over TLS, of another address')
        equal(registrant.register(['*'], expires=0).status, 200, 'the end of the registration')
        registrant.close()


@case('when unfinished handshakes of many addresses take all that strangers may, who is known shakes hands, and the edge '
      'opens connections')
def _(lab):
    known = over_tls(lab, PBX_ADDRESS, **REGISTERING)
    equal(known.register().status, 200, 'REGISTER over TLS')
    known.close()                               # its address stays known
    listening = ListeningPbx(lab, TCP_PBX, TCP_PBX_PORT, TCP_PBX_DOMAIN)
    closed = metric(lab, 'closed', 'too_many')
    try:
        with held(lab) as connections:
            for address in CROWD:
                connections += [connected(lab, address, tls=True) for _ in range(HANDSHAKES // 8)]
            process.wait_until(lambda: metric(lab, 'closed', 'too_many') >= closed + HANDSHAKES // 8, 5, 'strangers have all')
            with contextlib.suppress(OSError):
                over_tls(lab, HASTY, **REGISTERING).close()
                raise AssertionError('one more stranger has shaken hands')
            again = over_tls(lab, PBX_ADDRESS, **REGISTERING)
            equal(again.register().status, 200, 'REGISTER of who is known')
            outgoing = lab.core().peer.invite(f'sip:{TCP_PBX_NUMBER}@{CORE.signaling}', lab.core().offer(), caller=lab.core_number)
            incoming = listening.wait_call()
            require(incoming.answer(listening.party_of(incoming).answer_to(incoming.remote_sdp)), 'no ACK came over TCP')
            equal(outgoing.wait_final().status, 200, 'a call to a PBX that the edge connects to')
            equal(outgoing.bye().status, 200, 'BYE')
            require(incoming.wait_ended(), 'the BYE did not come')
            equal(again.register(['*'], expires=0).status, 200, 'the end of the registration')
            again.close()
            require(all(not is_closed(c) for c in connections[:HANDSHAKES // 8]),
                    'the handshakes ended meanwhile: nothing was shown')
    finally:
        listening.close()


if __name__ == '__main__':
    sys.exit(main('connection_limits', lambda: running_edge('connlimits', access=('udp', 'tcp', 'tls'), prepare=prepare,
                                                            options={'signaling': LIMITS})))
