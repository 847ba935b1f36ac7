#!/usr/bin/env python3
"""What real devices have sent, and field names that were made to be read differently by two parsers, against the running
daemon: from a trunk it knows, from one behind a NAT and from a stranger. Every request gets the answer that corpus.toml has for it, and what goes on to
the other side is written anew: nothing of the first leg's own is in it."""
import contextlib
import queue
import re
import socket
import sys
import threading
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import wire  # noqa: E402
from cases import Skipped, case, equal, main, require, testdata  # noqa: E402
from edge_fixture import CORE_ADDRESS, CORE_NUMBER, PBX_ADDRESS, STRANGER, running_edge  # noqa: E402
from lab import capture, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sip_message  # noqa: E402

TRUNK, OWN, OTHER_OWN, FOREIGN = '192.0.2.20', '+4940555001', '+4940555002', '+15610009999'
OFFER = f'v=0\r\no=- 1 1 IN IP4 {TRUNK}\r\ns=-\r\nc=IN IP4 {TRUNK}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n'
PATIENCE, DISCARD = 8, 9
BEHIND_NAT = f'''kind: Trunk
name: trunks/behind-nat
mode: static
realm: access
domain: nat.sallyport.example
transports: [udp, tcp]
targets: [{{host: {PBX_ADDRESS}, port: 5080, transport: udp}}]
sources: [{PBX_ADDRESS}/32]
numbers: [{{first: "+4940777000", last: "+4940777999"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: "off"}}
network: {{unprobed: true, nat: on}}
'''
PROBE = re.compile(rf"""OPTIONS sip:{CORE_ADDRESS}:5060 SIP/2\.0\r
Via: SIP/2\.0/UDP {CORE.signaling}:5060;branch=z9hG4bK[0-9a-f]+;rport\r
Max-Forwards: 70\r
From: <sip:{CORE.signaling}:5060>;tag=[0-9a-f]+\r
To: <sip:{CORE_ADDRESS}:5060>\r
Call-ID: [0-9a-f]+\r
CSeq: 1 OPTIONS\r
Contact: <sip:{CORE.signaling}:5060>\r
Accept: application/sdp\r
User-Agent: Sallyport\r
Content-Length: 0\r
\r
""".encode())


class Callee:
    """The core, busy for every call; keeps the octets that came to it."""

    def __init__(self, lab):
        self.peer, self._over = lab.core().peer, threading.Event()
        self.seen, self.invites = len(self.peer.transport.trace), 0
        self._thread = threading.Thread(target=self._refuse, daemon=True)
        self._thread.start()

    def _refuse(self):
        while not self._over.is_set():
            with contextlib.suppress(queue.Empty):
                self.peer.wait_call(0.1).reject(486, 'Busy Here')
                self.invites += 1

    def since(self, start):
        """What has come, but for our own probes."""
        return [t.data for t in list(self.peer.transport.trace)[start:] if not t.outgoing and not is_probe(t.data)]

    def invites_since(self, start):
        return [data for data in self.since(start) if data.startswith(b'INVITE ')]

    def close(self):
        self._over.set()
        self._thread.join()


def is_probe(data):
    """Of the carrier, as the node itself asks whether it is there: nothing in it is anybody else's."""
    return PROBE.fullmatch(data) is not None


@contextlib.contextmanager
def busy_core(lab):
    callee = Callee(lab)
    try:
        yield callee
    finally:
        callee.close()


def require_only_calls(came, invites):
    """That what came to the core is these INVITEs and one ACK for each: nothing else, and nothing of anything else."""
    calls = {sip_message.parse(data)['Call-ID'] for data in invites}
    acknowledged = []
    for data in came:
        request = sip_message.parse(data)
        require(data in invites or (request.method == 'ACK' and request['Call-ID'] in calls), f'on the other leg: {data!r}')
        acknowledged += [request['Call-ID']] * (request.method == 'ACK')
    equal(sorted(set(acknowledged)), sorted(calls), 'calls whose refusal was acknowledged')


@contextlib.contextmanager
def watched_core(lab, name):
    """Nothing leaves the node for the core but what its peer gets to see: no other address, port or transport."""
    wire_of_core = capture.Capture(lab.network.core, ['sig0'], lab.run_directory, name)
    try:
        yield
        with lab.network.edge.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.bind((CORE.signaling, 0))
            last.sendto(b'the end of ' + name.encode(), (CORE_ADDRESS, DISCARD))
        process.wait_until(lambda: b'the end of ' + name.encode() in Path(wire_of_core.file).read_bytes(), 10, 'the last packet is recorded')
    finally:
        wire_of_core.stop()
    fields = 'frame.protocols', 'ip.dst', 'ipv6.dst', 'udp.dstport', 'tcp.dstport'
    sent = wire_of_core.fields(f'(ip.src == {CORE.signaling} || ipv6.src == {CORE.signaling_v6}) && !icmp && !icmpv6', fields)
    beside = [row for row in sent if row[1:] != [CORE_ADDRESS, '', '5060', '']]
    equal([row[1:] for row in beside], [[CORE_ADDRESS, '', str(DISCARD), '']], 'packets to the core beside its SIP port, and that one')


def final_of(request):
    """Whether octets are a final answer to this one: others before it are repeated, nobody acknowledges them."""
    found = re.search(rb'^(?:Call-ID|i)[ \t]*:\s*(\S+)', request, re.I | re.M)
    call_id = found.group(1) if found else b''

    def is_final(data):
        return data.startswith(b'SIP/2.0 ') and data[8:9] != b'1' and b'marker@' not in data and call_id in data
    return is_final


def sent_by_port(data):
    found = re.search(rb'^(?:Via|v)[ \t]*:[ \t]*SIP[ ]*/[ ]*2\.0[ ]*/[ ]*\w+[ \t]+(?:\[[^\]]*\]|[^:;,\s]+)(?::(\d+))?', data, re.I | re.M)
    return int(found.group(1) or 5060) if found else 5060


def exchange(lab, source, data, wants_answer):
    """The final statuses that a message is answered with, up to the answer to a request that follows it."""
    is_final = final_of(data)
    ports = {5999, *({sent_by_port(data)} - {0})}
    sender = wire.Stranger(lab.network.pbx, source, sorted(ports))
    marker = wire.request('OPTIONS', f'sip:{ACCESS.signaling}', via=f'SIP/2.0/UDP {source}:5999', branch=sip_message.new_branch(),
                          call_id=sip_message.new_tag(), to='<sip:marker@example.net>')
    try:
        sender.send(data, lab.edge.access_udp, port=5999)
        got = sender.received(PATIENCE, is_final) if wants_answer else []
        sender.send(marker, lab.edge.access_udp, port=5999)
        got += sender.received(PATIENCE, lambda octets: b'marker@' in octets)
        require(any(b'marker@' in octets for octets, _ in got), 'nothing is answered any more')
        return [int(octets[8:11]) for octets, _ in got if is_final(octets)]
    finally:
        sender.close()


def corpus():
    files = sorted((testdata() / 'corpus').glob('*.sip'))
    if not files:
        raise Skipped('no test data (corpus)')
    return [(file.stem, file.read_bytes()) for file in files]


def expected():
    """File -> sender -> (status, calls at the core, the reason)."""
    found = {}
    for row in tomllib.loads((Path(__file__).resolve().parent / 'corpus.toml').read_text())['answer']:
        for name in row['files']:
            require(name not in found, f'corpus.toml names {name} twice')
            calls, why = row.get('calls', 0), row['why']
            found[name] = {'trunk': (row['trunk'], calls, why), 'stranger': (row['stranger'], 0, why),
                           'nat': (row.get('nat', row['trunk']), row.get('nat_calls', calls), why)}
    return found


# Nobody can answer it: the port in its Via is no number.
UNANSWERABLE = {'032-aastra-register'}


def sent_words(data):
    """What only the sender's side may know: Call-ID, tag, branches, its hosts and the addresses in its description."""
    text = data.decode('latin-1')
    words = set(re.findall(r'^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)', text, re.I | re.M))
    words |= set(re.findall(r'^(?:From|f)[ \t]*:.*?;tag=([^;\s]+)', text, re.I | re.M))
    words |= set(re.findall(r';branch=([^;,\s]+)', text))
    words |= set(re.findall(r'^(?:Via|v)[ \t]*:[ \t]*SIP/2\.0/\w+[ \t]+([^:;,\s]+)', text, re.I | re.M))
    words |= set(re.findall(r'^(?:Contact|m)[ \t]*:.*?@([^:;>\s]+)', text, re.I | re.M))
    words |= set(re.findall(r'^(?:User-Agent)[ \t]*:[ \t]*([^\r\n]+?)[ \t]*$', text, re.I | re.M))
    words |= set(re.findall(r'^[oc]=.*IN IP[46] (\S+)', text, re.M))
    told = ' '.join(re.findall(r'^(?:To|t)[ \t]*:(.*)', text, re.I | re.M))     # whom it calls is said to whom it calls
    return {w for w in words if len(w) >= 6 and w != '0.0.0.0' and w not in told}


def whole_corpus(lab, source, sender):
    """The corpus from there; `sender`: "trunk", "nat" (behind one, NAT mode on) or "stranger". How many calls came to the core."""
    known, wrong, answers = sender != 'stranger', [], expected()
    with watched_core(lab, f'corpus-{sender}'), busy_core(lab) as callee:
        first, invites = len(callee.peer.transport.trace), []
        for name, data in corpus():
            start = len(callee.peer.transport.trace)
            method = data.split(b' ', 1)[0].decode('latin-1')
            if known and method == 'INVITE':
                data = data.replace(data.split(b' ', 2)[1], f'sip:{CORE_NUMBER}@{ACCESS.signaling}'.encode(), 1)
            statuses = exchange(lab, source, data, method not in ('SIP/2.0', 'ACK') and name not in UNANSWERABLE)
            lab.edge.require_alive()
            if method in ('SIP/2.0', 'ACK') or name in UNANSWERABLE:
                if statuses:
                    wrong.append(f'{name}: {method} was answered {statuses}')
                continue
            if name not in answers:
                wrong.append(f'{name}: {method} was answered {statuses}, corpus.toml has no row for it')
                continue
            status, calls, why = answers.pop(name)[sender]
            if set(statuses) != {status}:
                wrong.append(f'{name}: {method} was answered {statuses or "not at all"}, not {status}: {why}')
            came = callee.invites_since(start)
            if len(came) != calls:
                wrong.append(f'{name}: {len(came)} calls at the core')
            invites += came
            for invite in came:
                leaked = [w for w in sent_words(data) if w.encode('latin-1') in invite]
                if leaked:
                    wrong.append(f'{name}: the other leg was told {leaked}: {invite!r}')
        require(not wrong, f'{len(wrong)} of the corpus: ' + '; '.join(wrong[:12]))
        equal(list(answers), [], 'files of corpus.toml that are not in the corpus')
        process.wait_until(lambda: sum(d.startswith(b'ACK ') for d in callee.since(first)) >= len(invites), 5, 'every refusal is acknowledged')
        require_only_calls(callee.since(first), invites)
    return len(invites)


@case('every message of the corpus from a trunk that is known: the answer that the RFCs want, and nothing on the other leg but its calls, '
      'with nothing of its own in them')
def _(lab):
    require(whole_corpus(lab, TRUNK, 'trunk') >= 10, 'hardly a call of the corpus came to the core: nothing was shown')


@case('every message of the corpus from a trunk with NAT mode on: its private addresses are no reason to refuse a call any more, and are '
      'not told to the other leg')
def _(lab):
    lab.edge.restart('signaling')               # which has not seen those transactions
    require(whole_corpus(lab, PBX_ADDRESS, 'nat') >= 25, 'hardly a call of the corpus came to the core: nothing was shown')


@case('every message of the corpus from a stranger: the answer that the RFCs want, and nothing at all on the other leg')
def _(lab):
    lab.edge.restart('signaling')
    equal(whole_corpus(lab, STRANGER, 'stranger'), 0, 'calls at the core')


# ---------------------------------------------------------------- parser differentials

def invite(extra, call_id, names=None, body=OFFER, values=None):
    """An INVITE of the known trunk as octets. `extra`: lines as they are; `names`, `values`: others of its own fields."""
    fields = [('Via', f'SIP/2.0/UDP {TRUNK}:5999;branch={sip_message.new_branch()}'), ('Max-Forwards', '70'),
              ('From', f'<sip:{OWN}@static.sallyport.example>;tag=from-{call_id}'), ('To', f'<sip:{CORE_NUMBER}@{ACCESS.signaling}>'),
              ('Call-ID', call_id), ('CSeq', '1 INVITE'), ('Contact', f'<sip:raw-contact@{TRUNK}:5999>'),
              ('Content-Type', 'application/sdp'), ('Content-Length', str(len(body)))]
    head = ''.join(f'{(names or {}).get(name, name)}: {(values or {}).get(name, value)}\r\n' for name, value in fields).encode()
    return f'INVITE sip:{CORE_NUMBER}@{ACCESS.signaling} SIP/2.0\r\n'.encode() + head + extra + b'\r\n' + body.encode()


def crossed(lab, callee, data):
    """(final status, the INVITE that came to the core or None)."""
    start = len(callee.peer.transport.trace)
    statuses = exchange(lab, TRUNK, data, True)
    require(len(set(statuses)) == 1, f'answers: {statuses}')
    came = callee.invites_since(start)
    return statuses[0], came[0] if came else None


def require_written_anew(octets):
    """Full names in our own spelling, one way of writing them, nothing folded (RFC 3261 7.3.1)."""
    for line in octets.split(b'\r\n\r\n')[0].split(b'\r\n')[1:]:
        require(re.fullmatch(rb'[A-Z][A-Za-z0-9-]+: [^\x00-\x08\x0a-\x1f\x7f]*', line), f'not written by us: {line!r}')


@case('a field name is what it is whatever white space stands before its colon: P-Asserted-Identity is read, and screened '
      '[reliability 8] [AST-2016-009] [CVE-2020-28361]')
def _(lab):
    with busy_core(lab) as callee:
        for i, name in enumerate((b'P-Asserted-Identity:', b'P-Asserted-Identity :', b'P-Asserted-Identity\t:', b'P-Asserted-Identity \t :',
                                  b'p-ASSERTED-identity:', b'P-Asserted-Identity:\r\n ', b'P-Asserted-Identity :\r\n\t', b'P-Asserted-Identity \t:\t ')):
            for number, shown in ((OTHER_OWN, OTHER_OWN), (FOREIGN, OWN)):
                status, came = crossed(lab, callee, invite(name + f' <sip:{number}@static.sallyport.example>\r\n'.encode(), f'space-{i}-{number[-4:]}'))
                require(status == 486 and came, f'{name!r}: answered {status}')
                equal(re.findall(rb'^P-Asserted-Identity: .*?(\+\d+)@', came, re.M), [shown.encode()], f'{name!r} with {number}')
                require(FOREIGN.encode() not in came, f'{name!r}: {FOREIGN} has crossed')
                require_written_anew(came)


@case('a field name with a control character, a NUL, UTF-8 or a space within is refused, and nothing crosses [reliability 8]')
def _(lab):
    with busy_core(lab) as callee:
        for i, name in enumerate((b'P-Asserted-Identity\x01:', b'P-Asserted-Identity\0:', b'P-Asserted-Identity\x0b:', b'P-Asserted-Identity\x7f:',
                                  b'P-Asserted-Identity\xc2\xa0:', b'P-Asserted-Identity\xe2\x80\x8b:', b'\xef\xbb\xbfP-Asserted-Identity:',
                                  b'P Asserted-Identity:', b'P-Asserted-Identity x:', b':', b' :')):
            # " :" folds the line above: Content-Length is no number any more.
            status, came = crossed(lab, callee, invite(name + f' <sip:{FOREIGN}@static.sallyport.example>\r\n'.encode(), f'odd-{i}'))
            require(status == 400 and not came, f'{name!r}: answered {status}, crossed: {came}')


@case('internal and identity fields do not cross in any spelling; what crosses is written anew, never copied [reliability 8]')
def _(lab):
    names = ('P-Internal-Route', 'Diversion', 'History-Info', 'Remote-Party-ID', 'Proxy-Authorization', 'P-Charging-Vector', 'P-Preferred-Identity',
             'P-Visited-Network-ID', 'Record-Route', 'Path', 'P-Access-Network-Info')
    with busy_core(lab) as callee:
        for i, between in enumerate((b':', b' :', b'\t:', b':\r\n ', b' \t :\r\n\t')):
            for spelling in (str, str.lower, str.upper):
                lines = b''.join(spelling(n).encode() + between + f' <sip:{FOREIGN}@smuggled-{i}.example>\r\n'.encode() for n in names)
                status, came = crossed(lab, callee, invite(lines, f'internal-{i}-{spelling.__name__}'))
                require(status == 486 and came, f'{between!r} {spelling.__name__}: answered {status}')
                for word in (FOREIGN, 'smuggled', f'internal-{i}', 'raw-contact', TRUNK):
                    require(word.encode() not in came, f'{between!r}: {word} has crossed: {came!r}')
                require_written_anew(came)


@case('compact forms are the fields they stand for: a whole INVITE of them is a call; Call-ID beside i is refused [reliability 8] [E-31]')
def _(lab):
    compact = {'Via': 'v', 'From': 'f', 'To': 't', 'Call-ID': 'i', 'Contact': 'm', 'Content-Type': 'c', 'Content-Length': 'l'}
    with busy_core(lab) as callee:
        for i, names in enumerate((compact, {n: c.upper() + ' ' for n, c in compact.items()}, {n: c + '\t' for n, c in compact.items()})):
            status, came = crossed(lab, callee, invite(b'k: timer\r\ns: compact\r\ne: identity\r\n', f'compact-{i}', names))
            require(status in (415, 486), f'{names}: answered {status}')
            status, came = crossed(lab, callee, invite(b'k: timer\r\ns: compact\r\n', f'whole-{i}', names))
            require(status == 486 and came and f'whole-{i}'.encode() not in came, f'{names}: answered {status}')
            require_written_anew(came)
        for extra in (b'i: second\r\n', b'i : second\r\n', b'Call-ID: second\r\n', b'f: <sip:x@y>;tag=2\r\n', b'l: 0\r\n'):
            status, came = crossed(lab, callee, invite(extra, f'twice-{extra[:3].hex()}'))
            require(status == 400 and not came, f'{extra!r}: answered {status}')


OWN_URI = f'sip:{OWN}@static.sallyport.example'
SHOWN_URI = f'<{OWN_URI};user=phone>'
# How From may be written (RFC 3261 20, 20.10, 25.1; RFC 4475 3.1.1.1) and how the other leg is told.
WRITTEN = (
    (f'{OWN_URI};tag=a', SHOWN_URI),                                        # without brackets a parameter is the field's
    (f'{OWN_URI};user=phone;tag=a', SHOWN_URI),
    (f'<{OWN_URI};user=phone>;tag=a', SHOWN_URI),
    (f'sip:{OWN}@STATIC.sallyport.EXAMPLE \t ;\r\n  tag\r\n = a', SHOWN_URI),
    (f'Ann of the\r\n\tfirst  floor <{OWN_URI}>;tag=a', None),               # tokens, folded: one name, quoted or not
    (f'"Ann, <sip:{FOREIGN}@x>;tag=b"<{OWN_URI}>;tag=a', f'"Ann, <sip:{FOREIGN}@x>;tag=b" {SHOWN_URI}'),
    (f'"A \\"q\\" \\\\ \\a" <{OWN_URI}>;x="tag=b, c";tag=a', None),
    (f'"Jürgen Größe 山" <{OWN_URI}>;tag=a', f'"Jürgen Größe 山" {SHOWN_URI}'),
    (f'"" <{OWN_URI}>;TAG=a', SHOWN_URI),
)


@case('one field written in every way that the grammar has: folded, with commas and quotes in names, in UTF-8, with and without brackets, '
      'in lists with commas; it is read as what it is, and written anew, never folded [E-31]')
def _(lab):
    with busy_core(lab) as callee:
        for i, (from_, shown) in enumerate(WRITTEN):
            # Via and P-Asserted-Identity as lists: the first value of each counts, and every Via comes back.
            second = 'SIP/2.0/UDP behind.example:5070;branch=z9hG4bKbehind'
            via = f'SIP/2.0/UDP {TRUNK}:5999;branch={sip_message.new_branch()} ,\r\n {second}'
            listed = f'P-Asserted-Identity: "a, \\"b\\", c" <{OWN_URI}>\r\n\t, <tel:{OWN}>,<sip:{FOREIGN}@x>\r\n'.encode()
            status, came = crossed(lab, callee, invite(listed, f'written-{i}', values={'From': from_, 'Via': via}))
            require(status == 486 and came, f'{from_!r}: answered {status}')
            require_written_anew(came)
            told = sip_message.parse(came)
            name = told['From'].rpartition(';tag=')[0]
            require(name == shown if shown else re.fullmatch(f'"[^<>]+" {re.escape(SHOWN_URI)}', name), f'{from_!r}: told as {name}')
            equal(told.all('P-Asserted-Identity'), [f'"a, \\"b\\", c" {SHOWN_URI}'], f'the identity with {from_!r}')
        for i, from_ in enumerate((f'"unclosed <{OWN_URI}>;tag=a', f'Ann, Bob <{OWN_URI}>;tag=a', f'<{OWN_URI};tag=a', f'"a" "b" <{OWN_URI}>;tag=a')):
            status, came = crossed(lab, callee, invite(b'', f'unwritten-{i}', values={'From': from_}))
            require(status == 400 and not came, f'{from_!r}: answered {status}')


@case('of all that nothing is left')
def _(lab):
    lab.require_no_leftovers()


def prepare(lab):
    file = Path(lab.run_directory) / 'behind-nat.yaml'
    file.write_text(BEHIND_NAT)
    lab.edge.apply(file)


if __name__ == '__main__':
    sys.exit(main('corpus', lambda: running_edge('corpus', access=('udp', 'tcp', 'tls'), prepare=prepare)))
