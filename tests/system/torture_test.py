#!/usr/bin/env python3
"""The torture messages of RFC 4475 and RFC 5118 against the running signaling daemon, each over the transport that its
Via names. Verdicts are ours, read from the RFCs; the messages come from the shared test data."""
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import case, main, require, testdata  # noqa: E402
from edge_fixture import STRANGER, running_edge  # noqa: E402
from lab import capture  # noqa: E402
from pbx_sim import sip_message, transport  # noqa: E402

# Final statuses that are right: "501" that one, "!400" any but that, "-" no answer, "*" any; alternatives with "|".
# A message that may be answered or not (its Via is broken) has "-" among them.
VERDICTS = {
    'rfc4475/wsinv': '!400', 'rfc4475/intmeth': '501', 'rfc4475/esc01': '!400', 'rfc4475/escnull': '!400',
    'rfc4475/esc02': '501', 'rfc4475/lwsdisp': '!400', 'rfc4475/longreq': '!400!413!513', 'rfc4475/dblreq': '!400',
    'rfc4475/semiuri': '!400', 'rfc4475/transports': '!400', 'rfc4475/mpart01': '!400', 'rfc4475/unreason': '-',
    'rfc4475/noreason': '-', 'rfc4475/badinv01': '400|-', 'rfc4475/clerr': '400', 'rfc4475/ncl': '400',
    'rfc4475/scalar02': '400', 'rfc4475/scalarlg': '-', 'rfc4475/quotbal': '*', 'rfc4475/ltgtruri': '*',
    'rfc4475/lwsruri': '400', 'rfc4475/lwsstart': '*', 'rfc4475/trws': '*', 'rfc4475/escruri': '*',
    'rfc4475/baddate': '*', 'rfc4475/regbadct': '*', 'rfc4475/badaspec': '*', 'rfc4475/baddn': '*|-',
    'rfc4475/badvers': '505', 'rfc4475/mismatch01': '400', 'rfc4475/mismatch02': '501', 'rfc4475/bigcode': '-',
    'rfc4475/badbranch': '*', 'rfc4475/insuf': '400|-', 'rfc4475/unkscm': '416', 'rfc4475/novelsc': '416|404',
    'rfc4475/unksm2': '*', 'rfc4475/bext01': '420', 'rfc4475/invut': '!400', 'rfc4475/regaut01': '*',
    'rfc4475/multi01': '400|-', 'rfc4475/mcl01': '400', 'rfc4475/bcast': '-', 'rfc4475/zeromf': '200|483|404|403',
    'rfc4475/cparam01': '!400', 'rfc4475/cparam02': '!400', 'rfc4475/regescrt': '!400', 'rfc4475/sdp01': '!200',
    'rfc4475/inv2543': '*', 'rfc5118-wire/ipv6-good': '!400', 'rfc5118-wire/ipv6-bad': '400',
    'rfc5118-wire/port-ambiguous': '!400', 'rfc5118-wire/port-unambiguous': '!400',
    'rfc5118-wire/via-received-param-with-delim': '!400', 'rfc5118-wire/via-received-param-no-delim': '!400',
    'rfc5118-wire/ipv6-in-sdp': '!400', 'rfc5118-wire/mult-ip-in-header': '!400', 'rfc5118-wire/mult-ip-in-sdp': '!400',
    'rfc5118-wire/ipv4-mapped-ipv6': '!400', 'rfc5118-wire/ipv6-bug-abnf-3-colons': '!400',
    'rfc5118-wire/ipv6-correct-abnf-2-colons': '!400',
}
TCP = {'rfc4475/intmeth', 'rfc4475/esc02', 'rfc4475/longreq', 'rfc4475/scalar02', 'rfc4475/scalarlg', 'rfc4475/trws',
       'rfc4475/unkscm', 'rfc4475/novelsc', 'rfc4475/regaut01'}
TLS = {'rfc4475/bext01'}
# Same top Via as an earlier one: for 32 s it is a retransmission of that. A new process has not seen the first.
SECOND_PASS = {'rfc4475/cparam02', 'rfc4475/regescrt', 'rfc4475/novelsc', 'rfc5118-wire/ipv6-bad',
               'rfc5118-wire/port-ambiguous', 'rfc4475/bcast', 'rfc4475/bigcode',
               'rfc5118-wire/ipv6-correct-abnf-2-colons'}
THIRD_PASS = {'rfc5118-wire/port-unambiguous'}
SENT_BY_PORTS = (5060, 5050, 19823, 6050)
PATIENCE = 8          # for a final response
SILENCE = 0.5         # after the marker that follows a message which wants no answer


def judge(verdict, status):
    if status is None:
        return '-' in verdict.split('|')
    for alternative in verdict.split('|'):
        if alternative == '*' or alternative == str(status):
            return True
        if alternative.startswith('!') and str(status) not in alternative[1:].split('!'):
            return True
    return False


def octets(name):
    data = (testdata() / 'torture' / f'{name}.dat').read_bytes()
    return data if b'\r\n\r\n' in data else data.rstrip(b'\r\n') + b'\r\n\r\n'


def marker(call_id, transport_name):
    """A request after the message, same Call-ID: once it is answered, the message before it has been handled."""
    return wire.request('OPTIONS', f'sip:{STRANGER}', via=f'SIP/2.0/{transport_name} {STRANGER}:5060',
                        branch=sip_message.new_branch(), call_id=call_id, to='<sip:marker@example.net>')


def final_of(messages):
    finals = [m for m in messages if not m.is_request and m.status >= 200 and 'marker@' not in m.get('To', '')]
    return finals[0].status if finals else None


def call_id_of(data):
    for line in data.split(b'\r\n'):
        name, _, value = line.partition(b':')
        if name.strip().lower() in (b'call-id', b'i') and value.strip():
            return value.strip().decode('latin-1')
    return 'no-call-id'


def over_udp(lab, data, wants_answer):
    stranger = wire.Stranger(lab.network.pbx, STRANGER, SENT_BY_PORTS)
    try:
        stranger.send(data, lab.edge.access_udp)
        def is_final(octets_):
            return b'marker@' not in octets_ and octets_.startswith(b'SIP/2.0 ') and octets_[8:9] != b'1'
        if wants_answer:
            got = stranger.received(PATIENCE, is_final)
        else:
            stranger.send(marker(call_id_of(data), 'UDP'), lab.edge.access_udp)
            got = stranger.received(PATIENCE, lambda octets_: b'marker@' in octets_) + stranger.received(SILENCE)
            require(any(b'marker@' in d for d, _ in got), 'the daemon does not answer after this message')
        return [sip_message.parse(d) for d, _ in got]
    finally:
        stranger.close()


def over_stream(lab, data, tls):
    with lab.network.pbx.entered():
        remote = lab.edge.access_tls if tls else lab.edge.access_tcp
        connection = socket.create_connection(remote, 5, source_address=(STRANGER, 0))
    if tls:
        context = transport.client_context(lab.edge.ca.certificate)
        connection = context.wrap_socket(connection, server_hostname=lab.edge.server_name)
    with connection:
        messages, _ = wire.stream_exchange(connection, data, PATIENCE, lambda got: final_of(got) is not None)
        return messages


def torture(lab, name):
    data, verdict = octets(name), VERDICTS[name]
    is_response = data.startswith(b'SIP/2.0')
    if name in TLS or (name in TCP and not is_response):
        messages = over_stream(lab, data, name in TLS)
    else:
        messages = over_udp(lab, data, verdict != '-' and '-' not in verdict.split('|'))
    status = final_of(messages)
    require(judge(verdict, status), f'{name}: answered {status or "nothing"}, right is {verdict}')
    finals = {m.start_line for m in messages if not m.is_request and m.status >= 200 and 'marker@' not in m['To']}
    require(len(finals) <= 1, f'{name}: answered more than once: {finals}')
    lab.edge.require_alive()
    return messages


def register_cases(names):
    for name in names:
        case(f'torture {name}: {VERDICTS[name]} [SC-6-01]')(lambda lab, which=name: torture(lab, which))


def restart(lab):
    lab.edge.restart('signaling')


register_cases(n for n in VERDICTS if n not in SECOND_PASS | THIRD_PASS)
case('a restarted daemon has forgotten the transactions before it')(restart)
register_cases(n for n in VERDICTS if n in SECOND_PASS)
case('and forgets again')(restart)
register_cases(n for n in VERDICTS if n in THIRD_PASS)


@case('two messages in one datagram are one request: the octets behind the first are not answered')
def _(lab):
    restart(lab)
    messages = over_udp(lab, octets('rfc4475/dblreq'), False)
    answered = {m.cseq[1] for m in messages if 'marker@' not in m['To']}
    require(answered <= {'REGISTER'}, f'answers to {answered}')


@case('a body that ends early over TCP is waited for, and the connection stays another peer\'s business')
def _(lab):
    with lab.network.pbx.entered():
        waiting = socket.create_connection(lab.edge.access_tcp, 5, source_address=(STRANGER, 0))
        beside = socket.create_connection(lab.edge.access_tcp, 5, source_address=(STRANGER, 0))
    with waiting, beside:
        first, _ = wire.stream_exchange(waiting, octets('rfc4475/clerr'), 1)
        require(not first, f'answered before the body was there: {first}')
        other, _ = wire.stream_exchange(beside, marker('beside', 'TCP'), PATIENCE)
        require(len(other) == 1, 'the other connection got no answer')


@case('conflicting and negative Content-Lengths over TCP cost the connection, after at most one error')
def _(lab):
    for name in ('rfc4475/mcl01', 'rfc4475/ncl'):
        with lab.network.pbx.entered():
            connection = socket.create_connection(lab.edge.access_tcp, 5, source_address=(STRANGER, 0))
        with connection:
            messages, closed = wire.stream_exchange(connection, octets(name), PATIENCE, lambda got: len(got) > 1)
            require(closed, f'{name}: the connection stays open')
            require([m.status for m in messages] in ([], [400]), f'{name}: {messages}')


@case('nothing was ever sent to an address that only a message named')
def _(lab):
    lab.capture.stop()
    known = {*lab.edge.addresses, *lab.peer_addresses, '127.0.0.1', '::1'}
    strange = {p.destination for p in lab.capture.udp('udp && !mdns && !llmnr')} - known
    require(not strange, f'datagrams went to {strange}')
    loopback = [p for p in lab.capture.udp('udp') if p.destination.startswith('127.') and p.destination_port == 5080]
    require(not loopback, 'the Route header of mpart01 was obeyed')
    connects = lab.capture.fields('tcp.flags.syn == 1 && tcp.flags.ack == 0', ('ip.dst',))
    require({row[0] for row in connects} <= known, f'connections to {connects}')


def fixture():
    return running_edge('torture', access=('udp', 'tcp', 'tls'),
                        prepare=lambda lab: setattr(lab, 'capture', capture.Capture(
                            lab.network.edge, ['access0', 'core0', 'lo'], lab.run_directory, 'edge')))


if __name__ == '__main__':
    sys.exit(main('torture', fixture))
