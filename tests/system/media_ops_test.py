#!/usr/bin/env python3
"""The media plane as its operator works with it: the worst sessions, one-way calls told without RTCP, packets of a call for
tshark and who may have them, what a link that is lost looks like, and the time that packets spend inside."""
import functools
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, PBX_ADDRESS, running_edge  # noqa: E402
from lab import parties, process, prometheus  # noqa: E402
from lab.edge import CONTROL  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from media_calls import Voice, both_talk, media_call  # noqa: E402
from rtp_end import event, events_type, noise  # noqa: E402

ROLES = ('viewer', 'capture', 'decrypt')


def prepare(lab):
    for role in ROLES:
        lab.edge.ca.issue(role, usage='clientAuth', unit=role)


def command(lab, role, *arguments):
    """The command line with the certificate of that role; "admin": the operator's."""
    words = lab.edge.cli_command(*arguments)
    name = 'operator' if role == 'admin' else role
    return [w.replace('/pki/operator.', f'/pki/{name}.') for w in words]


def run(lab, role, *arguments):
    return subprocess.run(command(lab, role, *arguments), capture_output=True, text=True, timeout=60)


def call_id(lab):
    live = [c for c in lab.edge.json('call', 'list', '--live')['calls'] if c['state'] == 'answered']
    equal(len(live), 1, 'live calls')
    return live[0]['id']


def fields_of(file, display_filter, fields, *more):
    words = ['tshark', '-n', '-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-Y', display_filter,
             '-T', 'fields', '-E', 'separator=/t', *more]
    for field in fields:
        words += ['-e', field]
    done = subprocess.run(words, capture_output=True, text=True)
    equal(done.returncode, 0, f'tshark: {done.stderr}')
    return [(line.split('\t') + [''] * len(fields))[:len(fields)] for line in done.stdout.splitlines()]


@functools.cache
def ports_of(file):
    return sorted({int(port) for pair in fields_of(file, 'udp', ('udp.srcport', 'udp.dstport')) for port in pair})


def tshark(file, display_filter, *fields, rtp=False):
    """By default nothing but IP and UDP is read. tshark takes a datagram for whatever its lower port is registered for (the
    ports of a call may be those of QUAKE3, RakNet, BACnet), and then finds it malformed: all of the file are named to it."""
    named = [f'udp.port=={port},{"rtp" if rtp and port % 2 == 0 else "data"}' for port in ports_of(file)]
    return fields_of(file, display_filter, fields, *(word for name in named for word in ('-d', name)))


class Capturing:
    def __init__(self, lab, role, call, file, *more):
        self.process = subprocess.Popen(command(lab, role, 'media', 'capture', call, '--file', file, *more),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.first = self.process.stderr.readline()
        require('capturing session' in self.first, f'the capture does not begin: {self.first}')

    def end(self, timeout=30):
        self.process.wait(timeout)
        return self.process.returncode, self.process.stderr.read()


@case('media top shows a call\'s legs with their rates, loss, jitter and MOS, sorted, once where there is no terminal, and as '
      'JSON; the worst first')
def _(lab):
    with media_call(lab) as call:
        def lossy():
            for number, payload in enumerate(noise(650)):
                packet = call.at_pbx.packet(payload)
                if number % 10 != 5:             # one in ten never leaves the PBX
                    call.at_pbx.send(packet)
                time.sleep(0.02)
        talk = threading.Thread(target=lossy), threading.Thread(target=lambda: call.at_core.play(noise(650)))
        for each in talk:
            each.start()
        time.sleep(11.5)                         # what is measured is time: two whole intervals of five seconds
        top = lab.edge.json('media', 'top', '--once', '--sort', 'loss')
        equal(int(top['total']), 1, 'sessions')
        legs = {leg.get('side', 'SIDE_A'): leg for leg in top['sessions'][0]['legs']}
        pbx, core = legs['SIDE_A'], legs['SIDE_B']
        equal((pbx['codec'], core['codec']), ('PCMA', 'PCMA'), 'codecs')
        require(0.07 < pbx['recent_loss'] < 0.13, f'loss of the PBX\'s stream: {pbx}')
        require(2.8 < pbx['recent_mos'] < 3.9, f'its MOS: {pbx}')
        require(core.get('recent_loss', 0) == 0 and core['recent_mos'] > 4.3, f'the core\'s: {core}')
        require(30 < core['packets_per_second'] < 60, f'packets a second: {core}')
        require(pbx['worst_mos'] <= pbx['recent_mos'] + 0.2, f'the worst: {pbx}')
        text = lab.edge.cli('media', 'top')
        require('\x1b' not in text, 'no terminal is there, and the screen was cleared')
        require(text.startswith('1 media session, ') and text.count(' PCMA ') == 2, f'the table: {text}')
        bad = lab.edge.cli('media', 'top', '--sort', 'colour', check=False)
        equal(bad.returncode, 2, 'a measure that there is not')
        for each in talk:
            each.join()
    record, *_ = process.wait_until(lambda: lab.edge.json('call', 'list')['calls'], 5, 'the record is written')
    record = json.loads(lab.edge.json('call', 'show', record['id'])['record_json'])
    media = {leg['side']: leg for leg in record['media']}
    require(2.8 < media['a']['mos'] < 3.9 and media['a']['worst_mos'] <= media['a']['mos'] + 0.1, f'the record: {media}')
    require(media['b']['mos'] > 4.3, f'the record: {media}')


@case('a party that falls silent is told within two seconds, without RTCP: in the ladder, attributed to its leg, and in the '
      'record with how long it was')
def _(lab):
    with media_call(lab) as call:
        both_talk(call, Voice(50), Voice(50))
        identity = call_id(lab)
        played = []
        alone = threading.Thread(target=lambda: played.extend(call.at_core.play(noise(250))))  # five seconds of one side
        alone.start()                            # it is one-way while that side talks, and no longer
        top = lambda: lab.edge.json('media', 'top', '--once', '--sort', 'silence')  # noqa: E731
        process.wait_until(lambda: int(top().get('one_way_sessions', 0)) == 1, 5, 'the call is one-way')
        alone.join()
        call.at_pbx.wait_sequence(played[-1])
        both_talk(call, Voice(100), Voice(100))
        ladder = process.wait_until(
            lambda: (lambda text: text if 'media again from' in text else None)(lab.edge.cli('call', 'show', identity)), 5,
            'the ladder has that it is heard again')
        found = re.findall(r'one-way: nothing comes from leg a, stream 0 for (\d+) ms', ladder)
        equal(len(found), 1, f'one-way in the ladder: {ladder}')
        require(800 <= int(found[0]) <= 2000, f'told after {found[0]} ms')
        require('nothing comes from leg b' not in ladder, 'the other leg is blamed')
    record = json.loads(lab.edge.json('call', 'show', identity)['record_json'])
    media = {leg['side']: leg for leg in record['media']}
    require(3000 < media['a']['one_way_ms'] < 7000 and media['a']['silences'] >= 1, f'the record: {media}')
    equal(media['b']['one_way_ms'], 0, 'the core\'s share')


@case('a capture is what the wire has: read by tshark, with right checksums, both legs and both ways; SRTP stays encrypted; '
      'it ends with the call')
def _(lab):
    with media_call(lab) as call:
        file = f'{lab.run_directory}/wire.pcapng'
        identity = call_id(lab)
        capturing = Capturing(lab, 'capture', identity, file, '--seconds', '60')
        both_talk(call, Voice(100), Voice(100))
        sent = {p.sequence: p for p in call.at_core.received}        # what the PBX sent, as the core had it
        protected = {p.raw for p in call.at_pbx.received}            # what the core sent, as the PBX had it on the wire
        parties.require_status(call.outgoing.bye(10), 200, 'BYE')
        call.incoming.wait_ended(10)
        code, said = capturing.end()
    equal(code, 0, f'exit code: {said}')
    require('the call has ended' in said, f'why it ended: {said}')
    require('missing' not in said, said)
    require('of the leg without SRTP came with the header alone' in said, said)
    equal(oct(Path(file).stat().st_mode & 0o777), '0o600', 'who may read the file')
    equal(tshark(file, 'ip.checksum.status == "Bad" || udp.checksum.status == "Bad"', 'frame.number'), [], 'wrong checksums')
    equal(tshark(file, '_ws.malformed', 'frame.number', '_ws.col.Protocol', '_ws.col.Info'), [], 'what tshark cannot read')
    to_core = tshark(file, f'rtp && ip.dst == {CORE_ADDRESS}', 'rtp.seq', 'frame.len', 'frame.cap_len', rtp=True)
    require({s for s in sent} <= {int(seq) for seq, *_ in to_core}, 'what left for the core')
    equal({(int(length), int(kept)) for _, length, kept in to_core}, {(20 + 8 + 172, 20 + 8 + 12)}, 'and how much of it is shown')
    whole = Path(file).read_bytes()
    require(not any(p.payload in whole for p in sent.values()), 'the leg without SRTP tells what the other one hides')
    to_pbx = {bytes.fromhex(p.replace(':', '')) for p, in tshark(file, f'udp && ip.dst == {PBX_ADDRESS}', 'udp.payload')}
    require(protected <= to_pbx, 'what left for the PBX is what arrived there, encrypted')
    hosts = {tuple(r) for r in tshark(file, 'udp', 'ip.src', 'ip.dst')}
    equal(hosts, {(PBX_ADDRESS, ACCESS.media), (ACCESS.media, PBX_ADDRESS), (CORE_ADDRESS, CORE.media),
                  (CORE.media, CORE_ADDRESS)}, 'between whom')
    comments = {c for c, in tshark(file, 'udp', 'frame.comment')}
    require({'leg a, stream 0, received', 'leg b, stream 0, sent, its header alone: the other side has SRTP'} <= comments,
            f'comments: {comments}')


@case('in clear it is given to who asks for it and has the role, and to nobody else; a viewer has no packets at all; who '
      'listened is on record')
def _(lab):
    with media_call(lab) as call:
        identity = call_id(lab)
        for role, decrypted, needs in (('viewer', False, 'capture'), ('viewer', True, 'decrypt'), ('capture', True, 'decrypt'),
                                       ('admin', True, 'decrypt')):
            file = f'{lab.run_directory}/{role}-{decrypted}.pcapng'
            done = run(lab, role, 'media', 'capture', identity, '--file', file, *(['--decrypted'] if decrypted else []))
            equal(done.returncode, 1, f'{role}, {decrypted}: {done.stderr}')
            require(f'OU={needs}' in done.stderr, f'{role} is told what it needs: {done.stderr}')
            require(not Path(file).exists(), f'{role} has a file')
        file = f'{lab.run_directory}/clear.pcapng'
        capturing = Capturing(lab, 'decrypt', identity, file, '--decrypted', '--packets', '60')
        both_talk(call, Voice(50), Voice(50))
        code, said = capturing.end()
        equal(code, 0, said)
        require('60 packets captured: all packets asked for are there' in said, said)
        sent = {p.sequence: p.payload for p in call.at_core.received}
        rows = tshark(file, f'rtp && ip.src == {PBX_ADDRESS}', 'rtp.seq', 'rtp.payload', 'frame.comment', rtp=True)
        require(len(rows) >= 10, f'{len(rows)} of the PBX')
        for seq, payload, comment in rows:
            equal(bytes.fromhex(payload.replace(':', '')), sent[int(seq)], 'what SRTP hides, in clear')
            equal(comment, 'leg a, stream 0, received, decrypted', 'it says so')
        to_core = tshark(file, f'rtp && ip.dst == {CORE_ADDRESS}', 'rtp.seq', 'rtp.payload', rtp=True)
        require(len(to_core) >= 10, f'{len(to_core)} to the core')
        for seq, payload in to_core:
            equal(bytes.fromhex(payload.replace(':', '')), sent[int(seq)], 'the leg without SRTP, in clear as well')
        again = run(lab, 'decrypt', 'media', 'capture', identity, '--file', file, '--decrypted', '--seconds', '1')
        equal((again.returncode, 'exists, and no file is overwritten' in again.stderr), (1, True), again.stderr)
        nowhere = run(lab, 'admin', 'media', 'capture', identity, '--file', f'{lab.run_directory}/no/where')
        equal((nowhere.returncode, 'No such file or directory' in nowhere.stderr), (1, True), nowhere.stderr)
        for again in ('--once', '--watch'):      # what is wrong for good is not watched
            unknown = run(lab, 'viewer', 'media', 'top', again, '--trunk', 'nosuch')
            equal((unknown.returncode, 'nosuch' in unknown.stderr), (1, True), unknown.stderr)
        nobody = run(lab, 'admin', 'media', 'capture', 'nobody', '--file', f'{lab.run_directory}/x')
        equal((nobody.returncode, 'no media session' in nobody.stderr), (1, True), nobody.stderr)
    log = lab.edge.daemons['control'].text()
    audit = [line for line in log.splitlines() if 'CaptureMedia' in line]
    require(sum('who=decrypt' in line and 'decrypted' in line and 'result=OK' in line for line in audit) >= 1,
            f'the decrypted capture in the audit: {audit}')
    require(any('who=viewer' in line and 'PERMISSION_DENIED' in line for line in audit), f'refusals in the audit: {audit}')
    require('capture begins' in log, 'it was on record before it began')
    heard = [line for line in lab.edge.daemons['media'].text().splitlines() if 'how=decrypted' in line and 'who=decrypt' in line]
    require(any('capture begins' in line and 'seconds_at_most=' in line for line in heard), f'the plane\'s own log: {heard}')
    require(any('capture ends' in line and 'packets=60' in line and 'why=packets' in line for line in heard), f'its end: {heard}')


def metrics(lab):
    """By the sample's name with its labels, as exposed."""
    done = subprocess.run(lab.network.media.prefix('curl', '-s', f'http://{lab.edge.metrics_address("media")}/metrics'),
                          capture_output=True, text=True, timeout=10)
    return {name: float(value) for name, value in
            (line.rsplit(' ', 1) for line in done.stdout.splitlines() if line and line[0] != '#')}


def dial(lab, call, codes):
    """Digits of both parties, one after the other as a person dials; as many are told of each leg in the ladder, which is
    given back with the record of the call."""
    identity = call_id(lab)
    for name, talker, listener in call.ends():
        leg = call.pbx if talker is call.at_pbx else call.core
        for code in codes:
            sent = [talker.send(packet) for packet in (*event(talker, code, events_type(leg.remote_sdp.audio)),
                                                       talker.packet(noise(1)[0]))]
            listener.wait_sequence(sent[-1])
            time.sleep(0.1)                      # nobody dials faster, and who does has his digits told together
    parties.require_status(call.outgoing.bye(10), 200, 'BYE')
    call.incoming.wait_ended(10)
    shown = lab.edge.json('call', 'show', identity)
    return [line for line in lab.edge.cli('call', 'show', identity).splitlines() if 'telephone-event' in line], shown


@case('a digit is told once, though eight packets are about it: in the ladder of its call with its length, in the record and the '
      'metrics with how many there were; which one it was only where the operator wants to see it')
def _(lab):
    codes = (1, 2, 2, 11)
    counted = 'sallyport_media_telephone_events_total'

    def total():
        return sum(value for name, value in metrics(lab).items() if name.startswith(counted))
    node_file = lab.edge.run / 'signaling.yaml'
    for shown in (False, True):
        before = total()
        with media_call(lab) as call:
            both_talk(call, Voice(5), Voice(5))
            told, call_shown = dial(lab, call, codes)
        digits = [f' {"0123456789*#"[code]}' if shown else '' for code in codes]
        equal([re.sub(r'^.*(telephone-event.*?) *\].*$', r'\1', line) for line in told],
              [f'telephone-event{digit}, 120 ms from leg {leg}, stream 0' for leg in 'ab' for digit in digits],
              f'the ladder, shown: {shown}')
        media = json.loads(call_shown['record_json'])['media']
        equal([leg['telephone_events'] for leg in media], [len(codes)] * 2, 'the record')
        equal(total() - before, 2 * len(codes), 'the metric')
        if not shown:
            node_file.write_text(node_file.read_text().replace('lease_seconds:', 'show_digits: true\n  lease_seconds:'))
            lab.edge.restart('signaling')
    log = lab.edge.daemons['signaling'].text() + lab.edge.daemons['media'].text()
    require('telephone-event' not in log, 'what is dialled is in a log')


@case('the time that packets spend inside the plane is a histogram of all that were sent, and streams are judged as they end')
def _(lab):
    before = metrics(lab)
    with media_call(lab) as call:
        both_talk(call, Voice(60), Voice(60))
    after = metrics(lab)
    count = 'sallyport_media_residence_seconds_count{lcore="1"}'
    require(after[count] - before[count] >= 120, f'{after[count] - before[count]} packets in the histogram')
    late = 'sallyport_media_residence_seconds_bucket{lcore="1",le="0.005"}'
    require(after[late] - before[late] >= 0.9 * 120, 'nearly all of them in 5 ms')
    for name in ('mos', 'loss_ratio', 'jitter_seconds'):
        sample = f'sallyport_media_stream_{name}_count'
        require(after[sample] - before[sample] == 2, f'{name}: {after[sample] - before[sample]} streams')


@case('a media port whose link is lost is told: status, warning, log and counter; media passes again when it is back')
def _(lab):
    lab.network.core.ip('link', 'set', 'med0', 'down')
    try:
        status = lab.edge.wait_status(
            lambda s: any('media port core has no link' in w for w in s.get('warnings', [])), 'the warning')
        ports = {p['name']: p.get('link_up', False) for p in status['media']['ports']}
        equal(ports, {'access': True, 'core': False}, 'links')
        lab.edge.daemons['media'].wait_for(lambda: "a media port's link is down" in lab.edge.daemons['media'].text(), 5,
                                           'says so')
    finally:
        lab.network.core.ip('link', 'set', 'med0', 'up')
        # The kernel forgets the route with the link; of the addresses of IPv6 nobody here asks any more.
        lab.network.core.ip('route', 'replace', f'{CORE.media}/32', 'dev', 'med0', 'src', CORE_ADDRESS)
    lab.edge.wait_status(lambda s: not any('no link' in w for w in s.get('warnings', [])), 'the link is back')
    samples = metrics(lab)
    require(samples['sallyport_media_port_link_losses_total{port="core"}'] >= 1, 'the counter')
    with media_call(lab) as call:
        both_talk(call)


if __name__ == '__main__':
    sys.exit(main('media_ops', lambda: running_edge('media_ops', prepare=prepare)))
