#!/usr/bin/env python3
"""SIP over TCP and UDP as RFC 3261 18 has it: messages cut out of a stream, whatever the segments; lengths that lie;
keep-alives; responses that find their way back; large messages; peers that do not read, and peers that come too often."""
import collections
import contextlib
import itertools
import queue
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, equal, main, require, sanitized  # noqa: E402
from edge_fixture import CORE_ADDRESS, DOMAIN, STRANGER, running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from listening_pbx import ListeningPbx, connect  # noqa: E402
from pbx_sim import sip_message, sip_peer, transport  # noqa: E402
from registrant import over_tcp, over_udp  # noqa: E402

PBX, CROWD, SLOW = '192.0.2.31', '192.0.2.32', '192.0.2.33'
PBX_DOMAIN, NUMBER, PBX_PORT = 'tcp.sallyport.example', '+4941555001', 5080
LARGE_CARRIER, SMALL_CARRIER, STUCK_CARRIER = '198.51.100.11', '198.51.100.66', '198.51.100.12'
CONNECTIONS_OF_ONE = 20

TRUNKS = f'''
kind: Trunk
limits: {{concurrent_calls: 0, calls_per_second: 0}}
name: trunks/tcp-pbx
mode: static
realm: access
domain: {PBX_DOMAIN}
transports: [udp, tcp, tls]
targets:
  - {{host: {PBX}, port: {PBX_PORT}, transport: tcp}}
sources: [{PBX}/32]
numbers:
  - {{first: "+4941555000", last: "+4941555999"}}
media: {{srtp: off}}
network: {{unprobed: true}}
---
kind: Trunk
name: trunks/registering
mode: registration
realm: access
transports: [udp, tcp]
registration_aor: sip:both@{DOMAIN}
credentials: [{{username: both, password: over either of them}}]
numbers: ["+4941556001"]
media: {{srtp: off}}
---
kind: Carrier
name: carriers/core
realm: core
targets:
  - {{host: {CORE_ADDRESS}, port: 5060, transport: udp}}
---
kind: Carrier
name: carriers/any-transport
realm: core
targets:
  - {{host: {LARGE_CARRIER}}}
---
kind: Carrier
name: carriers/datagrams
realm: core
targets:
  - {{host: {SMALL_CARRIER}, port: 5060, transport: udp}}
---
kind: Carrier
name: carriers/stuck
realm: core
targets:
  - {{host: {STUCK_CARRIER}, port: 5060, transport: tcp}}
options_interval_seconds: 5
---
kind: Route
name: routes/stuck
prefix: "+4973"
carriers: [carriers/stuck]
---
kind: Route
name: routes/any-transport
prefix: "+4971"
carriers: [carriers/any-transport]
---
kind: Route
name: routes/datagrams
prefix: "+4972"
carriers: [carriers/datagrams]
'''


def prepare(lab):
    for address in (LARGE_CARRIER, SMALL_CARRIER):      # they answer the probes of their health
        lab.parties[address] = core_at(lab, address)
    lab.network.core.ip('addr', 'add', f'{STUCK_CARRIER}/24', 'dev', 'sig0')
    for address in (PBX, CROWD, SLOW):
        lab.network.pbx.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
    apply(lab, TRUNKS)


def apply(lab, text):
    file = Path(lab.run_directory) / 'transport.yaml'
    file.write_text(text)
    lab.edge.apply(file)


def options(name, call_id=None, uri=f'sip:{ACCESS.signaling}', via=f'SIP/2.0/TCP {STRANGER}:5060', extra='', body=''):
    return wire.request('OPTIONS', uri, via=via, branch=sip_message.new_branch(), call_id=call_id or name, extra=extra,
                        body=body)


def tcp(lab, address=STRANGER, to=None):
    with lab.network.pbx.entered():
        return socket.create_connection(to or lab.edge.access_tcp, 5, source_address=(address, 0))


def exchange(lab, data, count=1, seconds=5):
    """(answers, whether the edge closed) to octets on a connection of their own."""
    with tcp(lab) as connection:
        return wire.stream_exchange(connection, data, seconds, lambda messages: len(messages) >= count)


def tcp_listener(lab, address, port):
    with lab.network.pbx.entered():
        listener = socket.create_server((address, port))
    listener.settimeout(10)
    return listener


def answers_to(connection, data, count, seconds=10):
    return wire.stream_exchange(connection, data, seconds, lambda messages: len(messages) >= count)[0]


def closed_within(connection, seconds):
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


# -- calls over TCP

@case('a basic call over TCP, from the PBX: its connection carries all of it [SC-8-01]')
def _(lab):
    pbx = connect(lab, PBX, lab.edge.access_tcp, PBX_DOMAIN, contact=(PBX, PBX_PORT))
    try:
        outgoing, incoming = parties.establish(pbx, lab.core(), f'sip:{lab.core_number}@{PBX_DOMAIN}', NUMBER)
        equal(incoming.bye().status, 200, 'BYE from the core')
        require(outgoing.wait_ended(), 'the BYE did not come over the connection')
    finally:
        pbx.close()


@case('a basic call over TCP, to the PBX: the edge opens one connection, and the next call uses it too [SC-8-01]')
def _(lab):
    pbx = ListeningPbx(lab, PBX, PBX_PORT, PBX_DOMAIN)
    try:
        for _ in range(2):
            offer = lab.core().offer()
            outgoing = lab.core().peer.invite(f'sip:{NUMBER}@{CORE.signaling}', offer, caller=lab.core_number)
            incoming = pbx.wait_call()
            require(incoming.answer(pbx.party_of(incoming).answer_to(incoming.remote_sdp)), 'no ACK came over TCP')
            equal(outgoing.wait_final().status, 200, 'the call')
            equal(incoming.invite['Via'].split()[0], 'SIP/2.0/TCP', 'transport in the Via of the edge')
            equal(outgoing.bye().status, 200, 'BYE')
            require(incoming.wait_ended(), 'the BYE did not come over the connection')
        equal(len(pbx.connections), 1, 'connections that the edge has opened')
    finally:
        pbx.close()


@case('TCP is there beside UDP: OPTIONS and a call of one trunk over either, at the same port [SC-8-02] [SC-8-03]')
def _(lab):
    with lab.network.pbx.entered():
        socket_ = transport.UdpTransport((PBX, 5062), lab.edge.access_udp)
    datagrams = parties.Party('udp-pbx', lab.network.pbx, sip_peer.Peer(socket_, PBX_DOMAIN), PBX, None,
                             lab.run_directory, lab.probe_binary)
    stream = connect(lab, PBX, lab.edge.access_tcp, PBX_DOMAIN)
    try:
        equal(lab.edge.access_udp, lab.edge.access_tcp, 'the address and port of both')
        for pbx in (datagrams, stream):
            answer = pbx.peer.options(f'sip:{ACCESS.signaling}')
            equal(answer.status, 200, f'OPTIONS over {pbx.peer.transport.name}')
            outgoing, incoming = parties.establish(pbx, lab.core(), f'sip:{lab.core_number}@{PBX_DOMAIN}', NUMBER)
            equal(outgoing.bye().status, 200, f'BYE over {pbx.peer.transport.name}')
            require(incoming.wait_ended(), 'the call did not end')
    finally:
        datagrams.close()
        stream.close()


@case('a PBX that has registered over UDP may use TCP all the same: OPTIONS and a call over a connection to the same port '
      '[SC-8-02]')
def _(lab):
    who = dict(domain=DOMAIN, user='both', password='over either of them')
    registered = over_udp(lab, STRANGER, 5066, **who)
    stream = over_tcp(lab, STRANGER, **who)
    try:
        equal(registered.register().status, 200, 'REGISTER over UDP')
        equal([r['transport'] for r in lab.edge.registrations() if r['trunk'] == 'registering'], ['UDP'], 'its registration')
        equal(lab.edge.access_udp, lab.edge.access_tcp, 'the address and port of both')
        equal(stream.options(f'sip:{ACCESS.signaling}').status, 200, 'OPTIONS over TCP')
        pbx = parties.Party('by-tcp', lab.network.pbx, stream, STRANGER, None, lab.run_directory, lab.probe_binary)
        outgoing, incoming = parties.establish(pbx, lab.core(), f'sip:{lab.core_number}@{DOMAIN}', '+4941556001')
        equal(outgoing.invite['Via'].split()[0], 'SIP/2.0/TCP', 'transport of the INVITE')
        equal(incoming.bye().status, 200, 'BYE of the core')
        require(outgoing.wait_ended(), 'the BYE did not come over the connection')
        equal(registered.register(['*'], expires=0).status, 200, 'the end of the registration')
    finally:
        registered.close()
        stream.close()


@case('over UDP a repeated INVITE makes one call, and its answer is repeated [SC-8-03]')
def _(lab):
    stranger = wire.Stranger(lab.network.pbx, PBX, (5063,))
    offer = lab.core().offer()
    invite = wire.request('INVITE', f'sip:{lab.core_number}@{PBX_DOMAIN}', via=f'SIP/2.0/UDP {PBX}:5063;rport',
                          branch=sip_message.new_branch(), call_id=sip_message.new_tag(),
                          from_=f'<sip:{NUMBER}@{PBX_DOMAIN}>;tag=a',
                          extra=f'Contact: <sip:{PBX}:5063>\r\nContent-Type: application/sdp\r\n', body=offer)
    stranger.send(invite, lab.edge.access_udp)
    incoming = lab.core().peer.wait_call()
    stranger.send(invite, lab.edge.access_udp)
    incoming.reject(486, 'Busy Here')
    busy = stranger.received(10, until=lambda d: d.startswith(b'SIP/2.0 486'))[-1][0]
    require(busy.startswith(b'SIP/2.0 486'), 'the call was not answered')
    stranger.send(invite, lab.edge.access_udp)
    again = stranger.received(10, until=lambda d: d.startswith(b'SIP/2.0 486'))[-1][0]
    equal(again, busy, 'the answer to the repeated INVITE')
    answer = sip_message.parse(busy)
    ack = wire.request('ACK', f'sip:{lab.core_number}@{PBX_DOMAIN}', via=f'SIP/2.0/UDP {PBX}:5063;rport',
                       branch=answer.branch, call_id=answer.call_id, from_=answer['From'], to=answer['To'])
    stranger.send(ack, lab.edge.access_udp)
    try:
        lab.core().peer.wait_call(0.5)
        raise AssertionError('the repeated INVITE made a second call')
    except queue.Empty:
        pass
    stranger.close()


@case('transport=tls in a Request-URI, a Route and a Contact means nothing: a call over TCP is taken, and what follows comes '
      'over TCP, also once that connection is gone [SC-8.1-03]')
def _(lab):
    refused = tcp_listener(lab, PBX, 5061)                          # where TLS would be
    pbx = connect(lab, PBX, lab.edge.access_tcp, PBX_DOMAIN, contact=(PBX, PBX_PORT))
    pbx.peer.contact = lambda user='', parameters='': f'<sip:{PBX}:{PBX_PORT};transport=tls{parameters}>'
    route = ('Route', f'<sip:{ACCESS.signaling}:5060;transport=tls;lr>')
    to = f'sip:{lab.core_number}@{PBX_DOMAIN}'
    outgoing, incoming = parties.establish(pbx, lab.core(), to, NUMBER, request_uri=f'{to};transport=tls', headers=[route])
    equal(incoming.bye().status, 200, 'BYE from the core')
    require(outgoing.wait_ended(), 'the BYE did not come over the connection')
    outgoing, incoming = parties.establish(pbx, lab.core(), to, NUMBER, request_uri=f'{to};transport=tls')
    listener = tcp_listener(lab, PBX, PBX_PORT)
    pbx.close()
    wait_connections(lab, 0)
    bye = incoming.peer.start(incoming.request('BYE'))
    connection, _ = listener.accept()
    connection.settimeout(5)
    request = sip_message.parse(connection.recv(65_536))
    equal((request.method, request['Via'].split()[0]), ('BYE', 'SIP/2.0/TCP'), 'what came over TCP')
    connection.sendall(sip_message.response_to(request, 200, 'OK', 'x').encode())
    connection.close()
    listener.close()
    refused.settimeout(0.1)
    try:
        refused.accept()
        raise AssertionError('the edge tried TLS')
    except TimeoutError:
        pass
    refused.close()
    equal(bye.wait_final().status, 200, 'the answer to the BYE of the core')


# -- the stream

@case('two hundred messages in one segment, and one message over many, are each answered once [SC-8-01] [E-30]')
def _(lab):
    names = [f'segment-{i}' for i in range(200)]
    with tcp(lab) as connection:
        answers = answers_to(connection, b''.join(options(n) for n in names), len(names))
        equal([a.call_id for a in answers], names, 'answers')
    with tcp(lab) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        message = options('pieces', body='a body that comes in pieces too')
        for i in range(0, len(message) - 7, 7):
            connection.sendall(message[i:i + 7])
        connection.sendall(b'')
        rest = message[(len(message) - 8) // 7 * 7 + 7:]
        answers = answers_to(connection, rest + options('after'), 2)
        equal([a.call_id for a in answers], ['pieces', 'after'], 'answers')


@case('a request without Content-Length is answered 400, and the connection ends there [E-30]')
def _(lab):
    message = options('no-length').replace(b'Content-Length: 0\r\n', b'')
    answers, _ = exchange(lab, message + options('smuggled'))
    equal([(a.status, a.call_id) for a in answers], [(400, 'no-length')], 'answers')
    with tcp(lab) as connection:
        connection.sendall(message)
        require(closed_within(connection, 5), 'the connection is still open')


@case('a Content-Length that is no length, is there twice, or is beyond reason ends the connection with one answer; '
      'nothing behind it is taken for a message [E-30] [reliability 7]')
def _(lab):
    before = lab.edge.scrape('signaling')
    smuggled = options('smuggled')
    lies = ['-1', '+5', '5 5', '0x10', '5,5', '1e3', '', '2147483609', '4294967296', '4294967297', '18446744073709551616',
            f'0\r\nContent-Length: {len(smuggled)}', f'{len(smuggled)}\r\nl: 0', f'0\r\nl: {len(smuggled)}']
    for lie in lies:
        message = options(f'lie').replace(b'Content-Length: 0', b'Content-Length: ' + lie.encode())
        answers, _ = exchange(lab, message + smuggled)
        require(not [a for a in answers if a.call_id == 'smuggled'], f'Content-Length {lie!r}: what followed was taken')
        require([a.status for a in answers] in ([400], [513]), f'Content-Length {lie!r}: {[a.status for a in answers]}')
        with tcp(lab) as connection:
            connection.sendall(message)
            require(closed_within(connection, 5), f'Content-Length {lie!r}: the connection is still open')
    counted = before.get('sallyport_sip_connections_closed_total', reason='bad_framing') + 2 * len(lies)
    process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_sip_connections_closed_total',
                                                                reason='bad_framing') >= counted, 5,
                       'each of the connections is counted as closed for its framing')


@case('a Content-Length smaller than the body makes the rest a message of its own, which must be one [reliability 7]')
def _(lab):
    inner = options('inner')
    message = options('outer').replace(b'Content-Length: 0', b'Content-Length: 4') + b'abcd' + inner
    answers, _ = exchange(lab, message, 2)
    equal([a.call_id for a in answers], ['outer', 'inner'], 'answers of a pipelined second message')
    answers, closed = exchange(lab, options('outer', body='abcd').replace(b'Content-Length: 4', b'Content-Length: 2') +
                               options('behind'), 2, seconds=2)
    equal([(a.status, a.call_id) for a in answers[:1]], [(200, 'outer')], 'the answer to what its length ends')
    rest = [(a.status, a.call_id) for a in answers[1:]]
    require(not [status for status, _ in rest if status < 400], f'the tail of a body was skipped for what is behind it: {rest}')
    require(rest or closed, 'what begins within a body was neither refused nor the end of the connection')


@case('on UDP a Content-Length beyond the datagram is refused, and octets behind the body count for nothing '
      '[reliability 7]')
def _(lab):
    stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
    via = f'SIP/2.0/UDP {STRANGER}:5060'
    stranger.send(options('too-long', via=via, extra=f'X-Filler: {"x" * 200}\r\n').replace(
        b'Content-Length: 0', b'Content-Length: 50'), lab.edge.access_udp)
    answers = stranger.received(5, until=lambda d: True)
    equal(sip_message.parse(answers[0][0]).status, 400, 'a body that is not there')
    stranger.send(options('tail', via=via) + options('hidden', via=via), lab.edge.access_udp)
    answers = [sip_message.parse(d).call_id for d, _ in stranger.received(0.5)]
    equal(answers, ['tail'], 'answers to a datagram with something behind its message')
    stranger.close()


@case('line ends: two are a ping and answered with one, a single one is ignored, and none of them disturbs a message '
      '[D-19] [E-30]')
def _(lab):
    with tcp(lab) as connection:
        connection.sendall(b'\r\n\r\n')
        connection.settimeout(5)
        equal(connection.recv(100), b'\r\n', 'the answer to a ping')
        connection.sendall(b'\r\n')
        connection.settimeout(0.3)
        try:
            raise AssertionError(f'a single line end was answered: {connection.recv(100)!r}')
        except TimeoutError:
            pass
        answers = answers_to(connection, b'\r\n' + options('one', body='x') + b'\r\n' + options('two') + b'\r\n\r\n' +
                             options('three'), 3)
        equal([a.call_id for a in answers], ['one', 'two', 'three'], 'answers')
    pings = lab.edge.scrape('signaling').get('sallyport_sip_pings_total')
    require(pings >= 1, 'no ping was counted')


@case('a message of almost 64 kB is taken over TCP and in one datagram; a larger one is refused [SC-8-03]')
def _(lab):
    filler = 'X-Filler: ' + 'x' * 990 + '\r\n'
    answers, _ = exchange(lab, options('large', extra=filler * 60, body='b' * 3_000))
    equal([a.status for a in answers], [200], 'answers over TCP')
    stranger = wire.Stranger(lab.network.pbx, STRANGER, (5060,))
    datagram = options('large-datagram', via=f'SIP/2.0/UDP {STRANGER}:5060', extra=filler * 62)
    require(len(datagram) > 62_000, 'the datagram is not large')
    stranger.send(datagram, lab.edge.access_udp)
    answers = stranger.received(5, until=lambda d: True)
    equal([sip_message.parse(d).status for d, _ in answers], [200], 'answers over UDP')
    stranger.close()
    answers, _ = exchange(lab, options('too-large', body='b' * 70_000))
    require([a.status for a in answers] in ([400], [513]), f'answers to a message of 70 kB: {[a.status for a in answers]}')


# -- where answers go

@case('an answer over UDP goes to received and rport, or to the port of the Via; over TCP where the request came from '
      '[E-29]')
def _(lab):
    for address, edge in ((STRANGER, lab.edge.access_udp), (ACCESS.peers_v6[0], (ACCESS.signaling_v6, 5060))):
        literal = f'[{address}]' if ':' in address else address
        stranger = wire.Stranger(lab.network.pbx, address, (5064, 5065))
        for via, port, marks in ((f'SIP/2.0/UDP {literal}:5065;rport', 5064, {'rport': '5064', 'received': address}),
                                 (f'SIP/2.0/UDP {literal}:5065', 5065, {'rport': None}),
                                 (f'SIP/2.0/UDP pbx.invalid:5065;rport', 5064, {'rport': '5064', 'received': address}),
                                 (f'SIP / 2.0 / UDP pbx.invalid:5065', 5065, {'rport': None, 'received': address})):
            stranger.send(options('via', via=via), edge, 5064)
            came = [(s.getsockname()[1], sip_message.parse(s.recv(65_535))) for s in receiving(stranger)]
            equal([p for p, _ in came], [port], f'the port that heard the answer to Via {via}')
            for name, value in marks.items():
                got = sip_message.parameter(came[0][1]['Via'], name)
                equal(got.strip('[]') if got else got, value, f'{name} in the answer to Via {via}')
        stranger.close()
    answers, _ = exchange(lab, options('tcp-via', via='SIP/2.0/TCP 203.0.113.9:5999'))
    equal([a.status for a in answers], [200], 'answers on the connection of the request')
    answers, _ = exchange(lab, options('many').replace(b'Via: ', b'v:SIP/2.0/TCP 192.0.2.66;branch=z9hG4bKx , '))
    equal(sip_message.split_list(answers[0].all('Via'))[1].split()[0], 'SIP/2.0/TCP', 'the second of two Vias in a line')


@case('an answer to an INVITE whose TCP connection is gone comes over a new one, to the address that the INVITE came from and the '
      'port of its Via [E-29]')
def _(lab):
    sent_by = 5085                                # neither where the trunk is called nor what Contact says
    elsewhere = tcp_listener(lab, PBX, PBX_PORT)
    for status in (486, 200):
        listener = tcp_listener(lab, PBX, sent_by)

        def request(method, branch, cseq, extra='', body='', to=None):
            return wire.request(method, f'sip:{lab.core_number}@{PBX_DOMAIN}', via=f'SIP/2.0/TCP pbx.invalid:{sent_by}', branch=branch,
                                call_id=call_id, from_=f'<sip:{NUMBER}@{PBX_DOMAIN}>;tag=a', cseq=cseq, to=to, body=body,
                                extra=f'Contact: <sip:{PBX}:{PBX_PORT};transport=tcp>\r\n{extra}')
        branch, call_id = sip_message.new_branch(), sip_message.new_tag()
        invite = request('INVITE', branch, 1, 'Content-Type: application/sdp\r\n', lab.core().offer())
        with tcp(lab, PBX) as connection:
            equal([a.status for a in answers_to(connection, invite, 1)], [100], 'answers over the connection of the INVITE')
            incoming = lab.core().peer.wait_call()
        wait_connections(lab, 0)
        if status == 486:
            incoming.reject(486, 'Busy Here')
        else:
            incoming.respond(200, 'OK', lab.core().answer_to(incoming.remote_sdp))
        again, (source, _) = listener.accept()
        equal(source, ACCESS.signaling, 'who connects')
        with again:
            final, = answers_to(again, b'', 1)
            equal((final.status, final.call_id, final.branch, sip_message.parameter(final['Via'], 'received')),
                  (status, call_id, branch, PBX), 'the answer over the new connection')
            again.sendall(request('ACK', branch if status == 486 else sip_message.new_branch(), 1, to=final['To']))
            if status == 200:
                require(incoming.server.acknowledged.wait(5), 'the ACK has not reached the core')
                bye, = answers_to(again, request('BYE', sip_message.new_branch(), 2, to=final['To']), 1)
                equal((bye.status, bye.cseq[1]), (200, 'BYE'), 'the answer to the BYE over the new connection')
                require(incoming.wait_ended(5), 'the BYE has not reached the core')
        listener.close()
        wait_connections(lab, 0)
    elsewhere.settimeout(0.1)
    try:
        elsewhere.accept()
        raise AssertionError('the edge has connected to where the Contact is')
    except TimeoutError:
        pass
    elsewhere.close()


def wait_connections(lab, count):
    process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_sip_transport_connections', transport='tcp') == count, 5,
                       f'the edge knows {count} TCP connections')


def receiving(stranger, seconds=5):
    import select
    return select.select(list(stranger.sockets.values()), [], [], seconds)[0]


# -- large requests towards a carrier (RFC 3261 18.1.1)

def core_at(lab, address):
    with lab.network.core.entered():
        socket_ = transport.UdpTransport((address, 5060), lab.edge.core_udp)
    return parties.Party(f'core-{address}', lab.network.core, sip_peer.Peer(socket_, address), address, None,
                         lab.run_directory, lab.probe_binary)


def call_with_filler(lab, number, size):
    pbx = connect(lab, PBX, lab.edge.access_tcp, PBX_DOMAIN, contact=(PBX, PBX_PORT))
    call = pbx.peer.invite(f'sip:{number}@{PBX_DOMAIN}', pbx.offer(), caller=NUMBER,
                           headers=[('Subject', 'x' * size)])
    return pbx, call


@case('an INVITE over 1300 octets to a carrier without a fixed transport goes over TCP, and says so in its Via; a small '
      'one over UDP [SC-8-04]')
def _(lab):
    with lab.network.core.entered():
        listener = socket.create_server((LARGE_CARRIER, 5060))
    listener.settimeout(10)
    core = lab.parties[LARGE_CARRIER]
    try:
        pbx, call = call_with_filler(lab, '+4971000001', 10)
        incoming = core.peer.wait_call()
        equal(incoming.invite['Via'].split()[0], 'SIP/2.0/UDP', 'transport of the small one')
        incoming.reject(486, 'Busy Here')
        pbx.close()
        pbx, call = call_with_filler(lab, '+4971000001', 1_400)
        stream, _ = listener.accept()
        second = sip_peer.Peer(transport.StreamTransport(stream, 'TCP'), LARGE_CARRIER)
        incoming = second.wait_call()
        equal(incoming.invite['Via'].split()[0], 'SIP/2.0/TCP', 'transport in the Via of the large one')
        require(len(incoming.invite.encode()) > 1_300, 'it is not large')
        incoming.reject(486, 'Busy Here')
        equal(call.wait_final().status, 486, 'the answer')
        second.close()
        pbx.close()
    finally:
        listener.close()


@case('where TCP is refused it falls back to UDP, and a carrier whose transport is fixed as UDP never sees TCP [SC-8-04]')
def _(lab):
    for address, number in ((LARGE_CARRIER, '+4971000001'), (SMALL_CARRIER, '+4972000001')):   # nobody listens for TCP
        pbx, call = call_with_filler(lab, number, 1_400)
        incoming = lab.parties[address].peer.wait_call()
        equal(incoming.invite['Via'].split()[0], 'SIP/2.0/UDP', f'transport in the Via towards {address}')
        incoming.reject(486, 'Busy Here')
        equal(call.wait_final().status, 486, 'the answer')
        pbx.close()


def first_way(lab, setting, listens):
    """How a large INVITE comes to a carrier whose target says UDP: the transport in its Via, or the status of the refusal."""
    apply(lab, TRUNKS.replace('name: carriers/datagrams\n', f'name: carriers/datagrams\nlarge_requests: {setting}\n'))
    datagrams = lab.parties[SMALL_CARRIER].peer
    with contextlib.ExitStack() as undo:
        if listens:
            with lab.network.core.entered():
                listener = undo.enter_context(socket.create_server((SMALL_CARRIER, 5060)))
            listener.settimeout(10)
        pbx, call = call_with_filler(lab, '+4972000001', 1_400)
        undo.callback(pbx.close)
        core = datagrams
        if listens and setting != 'udp':
            core = sip_peer.Peer(transport.StreamTransport(listener.accept()[0], 'TCP'), SMALL_CARRIER)
            undo.callback(core.close)
        final = None if core is not datagrams else process.wait_until(
            lambda: not datagrams.incoming.empty() or call.wait_final(0.1), 20, 'the call arrives, or is refused')
        if final and final is not True:
            return final.status
        incoming = core.wait_call()
        incoming.reject(486, 'Busy Here')
        equal(call.wait_final().status, 486, 'the answer')
        return incoming.invite['Via'].split()[0]


@case('large_requests of a carrier, whose target says UDP: tcp goes over TCP, and never over UDP where that is refused; '
      'tcp_then_udp does then; udp never moves [SC-8-04]')
def _(lab):
    try:
        equal(first_way(lab, 'tcp', listens=True), 'SIP/2.0/TCP', 'tcp')
        equal(first_way(lab, 'tcp', listens=False), 503, 'tcp, where it is refused')
        equal(first_way(lab, 'tcp_then_udp', listens=True), 'SIP/2.0/TCP', 'tcp_then_udp')
        equal(first_way(lab, 'tcp_then_udp', listens=False), 'SIP/2.0/UDP', 'tcp_then_udp, where it is refused')
        equal(first_way(lab, 'udp', listens=True), 'SIP/2.0/UDP', 'udp')
        require(lab.parties[SMALL_CARRIER].peer.incoming.empty(), 'nothing else has come')
        shown = lab.edge.cli('get', 'carrier', 'datagrams')
        require('large_requests: udp' in shown, f'shown: {shown}')
    finally:
        apply(lab, TRUNKS)


@case('large_requests: tcp of a PBX that registers, or that may not be reached over TCP, is refused with field and reason')
def _(lab):
    file = Path(lab.run_directory) / 'refused.yaml'
    for trunk, why in (('registering', 'belongs to mode static'), ('tcp-pbx', 'needs tcp among')):
        text = TRUNKS.replace(f'name: trunks/{trunk}\n', f'name: trunks/{trunk}\nlarge_requests: tcp\n')
        file.write_text(text.replace('transports: [udp, tcp, tls]\n', 'transports: [udp]\n').replace(', transport: tcp}', '}'))
        done = lab.edge.cli('apply', '-f', str(file), '--dry-run', check=False)
        require(done.returncode != 0 and 'large_requests' in done.stderr and why in done.stderr, f'{trunk}: {done.stderr}')


# -- peers that harm

def secure(lab, address=STRANGER):
    context = transport.client_context(lab.edge.ca.certificate)
    return context.wrap_socket(tcp(lab, address, lab.edge.access_tls), server_hostname=lab.edge.server_name)


@case('a peer that does not read is closed when its answers pile up, over TCP and over TLS, and nobody else waits for it')
def _(lab):
    for name, connect_ in (('TCP', tcp), ('TLS', secure)):
        before = closed_as_slow(lab)
        slow = connect_(lab, SLOW)
        slow.settimeout(0.2)
        flood = b''.join(options(f'flood-{i}', extra=f'X-Filler: {"x" * 300}\r\n') for i in range(100))

        def evicted():
            try:
                slow.send(flood)
            except (TimeoutError, BlockingIOError):
                pass
            except OSError:
                return True
            require_prompt(lab, connect_, f'beside a stuck {name} peer')
            return closed_as_slow(lab) > before
        process.wait_until(evicted, 30, f'the slow {name} peer is closed')
        process.wait_until(lambda: closed_as_slow(lab) > before, 5, f'the slow {name} peer is counted')
        slow.close()
        number = itertools.count()
        process.wait_until(lambda: [a.status for a in exchange(lab, options(f'after-{next(number)}'))[0]] == [200], 10,
                           'everybody is served')


def closed_as_slow(lab):
    return lab.edge.scrape('signaling').get('sallyport_sip_connections_closed_total', reason='slow_peer')


def require_prompt(lab, connect_, where):
    """Another peer has its answer within a second."""
    began = time.monotonic()
    with connect_(lab) as connection:
        answers = answers_to(connection, options('beside'), 1, seconds=5)
    waited = time.monotonic() - began
    # Under a sanitizer the flood is an overload, in which an OPTIONS is refused: at once as well.
    require([a.status for a in answers] in ([[200], [503]] if sanitized() else [[200]]), f'the answer {where}: {answers}')
    require(waited < 1, f'another peer waited {waited:.2f} s {where}')


@case('a carrier that has taken our connection and reads no more is given up when what is for it piles up; other calls go on '
      'meanwhile')
def _(lab):
    with lab.network.core.entered():
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)       # inherited: the little that it takes
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((STUCK_CARRIER, 5060))
        listener.listen()
    carrier = Reading(listener)
    pbx = connect(lab, PBX, lab.edge.access_tcp, PBX_DOMAIN, contact=(PBX, PBX_PORT))
    before, calls = closed_as_slow(lab), []

    def call(size):
        return pbx.peer.invite(f'sip:+4973000001@{PBX_DOMAIN}', pbx.offer(), caller=NUMBER, headers=[('Subject', 'x' * size)])
    try:
        process.wait_until(lambda: call(10).wait_final(5).status == 486, 40, 'the carrier is found up, and called', every=0.5)
        carrier.stop_reading()

        def given_up():
            calls.append(call(14_000))
            if len(calls) % 5 == 0:
                began = time.monotonic()
                other = pbx.peer.invite(f'sip:+4972000001@{PBX_DOMAIN}', pbx.offer(), caller=NUMBER)
                incoming = lab.parties[SMALL_CARRIER].peer.wait_call(5)
                require(time.monotonic() - began < 1, f'a call over another carrier took {time.monotonic() - began:.2f} s')
                incoming.reject(486, 'Busy Here')
                equal(other.wait_final(5).status, 486, 'a call over another carrier')
                require_prompt(lab, tcp, 'beside a stuck carrier')
            return closed_as_slow(lab) > before
        process.wait_until(given_up, 60, 'the connection of the stuck carrier is closed', every=0.01)
        carrier.close()
        for each in calls:
            require(each.wait_final(40).status >= 480, 'a call to the stuck carrier')
    finally:
        carrier.close()
        pbx.close()


class Reading:
    """A carrier over TCP, busy and with an answer to probes, as long as it reads."""

    def __init__(self, listener):
        self.listener, self.connections = listener, []
        listener.settimeout(0.1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        framers = {}
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self.listener.accept()
                connection.settimeout(0.1)
                self.connections.append(connection)
                framers[connection] = sip_message.StreamFramer()
            for connection, framer in framers.items():
                with contextlib.suppress(OSError):
                    for request in framer.feed(connection.recv(65_536)):
                        answer = {'OPTIONS': (200, 'OK'), 'INVITE': (486, 'Busy Here')}.get(request.method)
                        if answer:
                            connection.sendall(sip_message.response_to(request, *answer, 'busy').encode())

    def stop_reading(self):
        self._stopped.set()
        self._thread.join(5)
        self.listener.close()               # and nobody takes another connection

    def close(self):
        self.stop_reading()
        for connection in self.connections:
            connection.close()


@case('a source has so many connections and no more; the next is closed at once when what it says first is no call for help, others '
      'are served')
def _(lab):
    crowd = [tcp(lab, CROWD) for _ in range(CONNECTIONS_OF_ONE)]
    for connection in crowd:
        equal(len(answers_to(connection, options('crowd'), 1)), 1, 'answers to one of the crowd')
    before = lab.edge.scrape('signaling')
    one_more = tcp(lab, CROWD)
    began = time.monotonic()
    one_more.sendall(options('one-more'))
    require(closed_within(one_more, 5), 'one connection too many is open')
    require(time.monotonic() - began < 1, 'it was not closed at its first message, but when the time for a handshake was over')
    answers, _ = exchange(lab, options('other-source'))
    equal([a.status for a in answers], [200], 'the answer of another source')
    name = 'sallyport_sip_connections_closed_total'
    refused = lab.edge.scrape('signaling').get(name, reason='too_many') - before.get(name, reason='too_many')
    equal(int(refused), 1, 'refusals counted')
    for connection in crowd:
        connection.close()

    def served():
        with tcp(lab, CROWD) as connection:
            return len(answers_to(connection, options('again'), 1, seconds=1)) == 1
    process.wait_until(served, 5, 'the source is served again when its connections are gone')


@case('a connection that says nothing in its handshake, or half a message, is closed in time')
def _(lab):
    silent = tcp(lab, SLOW, lab.edge.access_tls)
    half = tcp(lab, SLOW)
    half.sendall(options('half')[:40])
    for connection, what in ((silent, 'a handshake that does not begin'), (half, 'half a message')):
        require(closed_within(connection, 6), f'{what} is still waited for')
    closed = lab.edge.scrape('signaling')
    for reason in ('handshake_timeout', 'incomplete'):
        require(closed.get('sallyport_sip_connections_closed_total', reason=reason) >= 1, f'{reason} is not counted')


RESETS = 10_000


def client_hello():
    """A whole one, as OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=DOMAIN).do_handshake()
    return outgoing.read()


@case(f'{RESETS} connections reset amid a message, amid transactions and amid a handshake, each of which had got that far, leave nothing '
      '[reliability 5] [CVE-2018-7286] [CVE-2020-28327]')
def _(lab):
    hello = client_hello()
    offer = lab.core().offer()

    def invite(name):
        return wire.request('INVITE', f'sip:{lab.core_number}@{PBX_DOMAIN}', via=f'SIP/2.0/TCP {STRANGER}:5060',
                            branch=sip_message.new_branch(), call_id=name, extra=f'Contact: <sip:x@{STRANGER}>\r\n'
                            'Content-Type: application/sdp\r\n', body=offer)
    before, happened = lab.edge.scrape('signaling'), collections.Counter()
    for i in range(RESETS):
        # The third ones wait for the first octets of an answer: then the others before them have been taken, too.
        where, data, first = (('message', invite(f'reset-{i}')[:100 + i % 200], None),
                              ('handshake', hello[:5 + i % (len(hello) - 5)], None) if i % 2 else ('handshake', hello, b'\x16\x03'),
                              ('transaction', invite(f'reset-{i}') + options(f'reset-{i}') * 4, b'SI'))[i % 3]
        source = (STRANGER, CROWD, SLOW)[i // 3 % 3]
        with tcp(lab, source, lab.edge.access_tls if where == 'handshake' else None) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            connection.settimeout(5)
            connection.sendall(data)
            if first is not None:
                equal(connection.recv(2), first, f'the first octets of the answer amid a {where}')
        happened[where, first is not None] += 1
    lab.edge.require_answering()
    # Each of them was taken as a connection, none was turned away: nothing of this was about limits.
    after = lab.edge.scrape('signaling')

    def counted(name, **labels):
        return int(after.get(name, **labels) - before.get(name, **labels))
    for reason in ('too_many', 'too_many_of_source', 'too_fast', 'accept_error'):
        equal(counted('sallyport_sip_connections_refused_total', reason=reason), 0, f'connections refused: {reason}')
    require(counted('sallyport_sip_connections_total', direction='accepted') >= RESETS, 'all were accepted')
    for (where, got_answer), least in {('message', False): RESETS // 3, ('transaction', True): RESETS // 3 - 1,
                                       ('handshake', True): RESETS // 7, ('handshake', False): RESETS // 7}.items():
        require(happened[where, got_answer] >= least, f'{where}: {happened}')
    process.wait_until(lambda: lab.edge.scrape('signaling').get('sallyport_sip_transport_connections') == 0, 20,
                       'no connection is left')
    lab.require_no_leftovers()


STREAMS = f'''streams:
  write_queue_bytes: 65536
  handshake_seconds: 2
  message_seconds: 2
  max_connections_per_source: {CONNECTIONS_OF_ONE}
  connections_per_second_per_source: 10000
'''

if __name__ == '__main__':
    sys.exit(main('transport', lambda: running_edge('transport', access=('udp', 'tcp', 'tls'), prepare=prepare,
                                                    options={'signaling': STREAMS})))
