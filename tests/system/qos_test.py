#!/usr/bin/env python3
"""Packets are marked as their realm says (RFC 2474): SIP and RTP with the values of a node that says nothing, and with
others of each realm, as seen by who listens at the other end of the cables."""
import contextlib
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from conversation import Conversation  # noqa: E402
from edge_fixture import DOMAIN, PASSWORD, USER, pbx_trunk, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from lab.capture import Capture  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sip_peer, transport  # noqa: E402
from video_stream import video_beside_audio  # noqa: E402

LISTENING, LISTENING_V6, LISTENING_PORT = '192.0.2.40', '2001:db8:1::40', 5090
NUMBER_OVER_V6 = '+4988777001'
EF, CS3 = 46, 24
AF31, AF41, CS4, CS5 = 26, 34, 32, 40

TRUNKS = ''.join(f'''
kind: Trunk
name: trunks/listening-{version}
mode: static
realm: access
domain: {version}.sallyport.example
transports: [tcp]
targets:
  - {{host: "{address}", port: {LISTENING_PORT}, transport: tcp}}
sources: ["{address}/{length}"]
numbers:
  - {{first: "{first}", last: "{first}"}}
media: {{srtp: off}}
network: {{options_interval_seconds: 5}}
---''' for version, address, length, first in (('v4', LISTENING, 32, '+4941555001'), ('v6', LISTENING_V6, 128, '+4941555002')))


def prepare(lab):
    lab.parties['core-v6'] = parties.core(lab.network.core, lab.run_directory, lab.probe_binary,
                                          edge=(CORE.signaling_v6, 5060), address=CORE.peers_v6[0], name='core-v6',
                                          domain=f'[{CORE.peers_v6[0]}]')
    lab.edge.apply(Path(__file__).resolve().parent / 'provision_v6.yaml')
    lab.network.pbx.ip('addr', 'add', f'{LISTENING}/24', 'dev', 'sig0')
    lab.network.pbx.ip('addr', 'add', f'{LISTENING_V6}/64', 'dev', 'sig0', 'nodad')
    file = Path(lab.run_directory) / 'listening.yaml'
    file.write_text(TRUNKS.removesuffix('---'))
    lab.edge.apply(file)


@contextlib.contextmanager
def recording(lab, name):
    """What arrives at the PBXs and at the core meanwhile; to be judged after it."""
    captures = [Capture(namespace, ('sig0', 'med0'), lab.run_directory, f'{name}-{namespace.name}')
                for namespace in (lab.network.pbx, lab.network.core)]
    try:
        yield captures
    finally:
        for capture in captures:
            capture.stop()


def registered_over_v6(lab):
    party = parties.registered_pbx(
        lab.network.pbx, lab.run_directory, lab.probe_binary, edge=(ACCESS.signaling_v6, 5061),
        ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, domain=DOMAIN, user=USER,
        password=PASSWORD, address=ACCESS.peers_v6[0], name='pbx-v6')
    response = party.peer.register(bulk=True)
    require(response is not None and response.status == 200, f'REGISTER over IPv6: {response and response.start_line}')
    return party


def call(lab, pbx, core, number):
    talk = parties.talk(pbx, core, lab.number_uri(number), lab.pbx_number, seconds=2)
    talk.require_intact()            # the receiver's kernel has verified every checksum
    for heard in (talk.heard_by_caller, talk.heard_by_callee):
        require(heard['rtcp_received'] > 0, f'no RTCP came: {heard}')


def options_over_everything(lab):
    for local, edge in ((ACCESS.peers[2], ACCESS.signaling), (ACCESS.peers_v6[0], ACCESS.signaling_v6)):
        with lab.network.pbx.entered():
            ways = [transport.UdpTransport((local, 5062), (edge, 5060)),
                    transport.StreamTransport.connect((edge, 5060), (local, 0))]
        for way in ways:
            peer = sip_peer.Peer(way, DOMAIN)
            try:
                answer = peer.options(f'sip:{edge}' if ':' not in edge else f'sip:[{edge}]')
                require(answer is not None, f'OPTIONS over {way.name} from {local} was not answered')
            finally:
                peer.close()


@contextlib.contextmanager
def listening_pbxs(lab):
    """PBXs whose health the edge asks for over TCP connections of its own: yields a function that waits for both."""
    with contextlib.ExitStack() as stack:
        with lab.network.pbx.entered():
            listeners = [stack.enter_context(socket.create_server((address, LISTENING_PORT), family=family))
                         for address, family in ((LISTENING, socket.AF_INET), (LISTENING_V6, socket.AF_INET6))]

        def wait():
            for listener in listeners:
                listener.settimeout(20)
                connection = stack.enter_context(listener.accept()[0])
                connection.settimeout(10)
                require(connection.recv(65_536).startswith(b'OPTIONS'), 'the edge has opened a connection to ask nothing')
        yield wait


def require_marked(capture, display_filter, dscp, what):
    """Every packet that matches carries this code point, and there is one."""
    rows = capture.fields(f'({display_filter}) && !icmp && !icmpv6',
                          ('ip.dsfield.dscp', 'ipv6.tclass.dscp', 'ip.checksum.status'),
                          ('-o', 'ip.check_checksum:TRUE'))
    require(rows, f'{what}: nothing was captured')
    equal({int(v4 or v6) for v4, v6, _ in rows}, {dscp}, f'{what}: DSCP of {len(rows)} packets')
    equal({status for v4, _, status in rows if v4} - {'1'}, set(), f'{what}: IPv4 header checksums that are not good')


def from_address(address):
    return f'ipv6.src == {address}' if ':' in address else f'ip.src == {address}'


SEGMENTS = '(tcp.len > 0 || tcp.flags.syn == 1)'       # a reset is the kernel's, and mirrors what it resets


def require_sip(at_pbx, at_core, access, core):
    for version, source, core_source in (('IPv4', ACCESS.signaling, CORE.signaling),
                                         ('IPv6', ACCESS.signaling_v6, CORE.signaling_v6)):
        ours = from_address(source)
        require_marked(at_pbx, f'{ours} && udp.srcport == 5060', access, f'SIP over UDP, {version}, access')
        require_marked(at_pbx, f'{ours} && tcp.srcport == 5060 && {SEGMENTS}', access, f'SIP over TCP, {version}, access')
        require_marked(at_pbx, f'{ours} && tcp.srcport == 5061 && {SEGMENTS}', access, f'SIP over TLS, {version}, access')
        require_marked(at_pbx, f'{ours} && tcp.dstport == {LISTENING_PORT} && {SEGMENTS}', access,
                       f'SIP over TCP that the edge opens, {version}, access')
        require_marked(at_core, f'{from_address(core_source)} && udp.srcport == 5060', core,
                       f'SIP over UDP, {version}, core')


def require_media(at_pbx, at_core, access, core):
    for capture, side, dscp in ((at_pbx, ACCESS, access), (at_core, CORE, core)):
        for source in (side.media, side.media_v6):
            for kind, remainder in (('RTP', 0), ('RTCP', 1)):
                ports = {int(row[0]) for row in capture.fields(f'{from_address(source)} && udp && !icmp', ('udp.srcport',))}
                these = [f'udp.srcport == {port}' for port in ports if port % 2 == remainder]
                require(these, f'no {kind} came from {source}')
                require_marked(capture, f'{from_address(source)} && ({" || ".join(these)})', dscp,
                               f'{kind} of {source}, {side.name} side')
    # What the edge was sent bears no mark: it is not what it has passed on.
    require_marked(at_pbx, f'ip.dst == {ACCESS.media} && udp', 0, 'RTP that the PBX sends')


def exercise(lab, name):
    """(at the PBXs, at the core): everything that is to be marked, once."""
    with listening_pbxs(lab) as both_are_asked, recording(lab, name) as captures:
        options_over_everything(lab)
        call(lab, lab.pbx(), lab.core(), lab.core_number)
        over_v6 = registered_over_v6(lab)
        try:
            call(lab, over_v6, lab.parties['core-v6'], NUMBER_OVER_V6)
        finally:
            over_v6.close()
        both_are_asked()
    return captures


@case('a node that says nothing marks SIP as CS3 and RTP and RTCP as EF, on every transport and IP version, in both realms '
      '[SC-5-05]')
def _(lab):
    at_pbx, at_core = exercise(lab, 'default')
    require_sip(at_pbx, at_core, CS3, CS3)
    require_media(at_pbx, at_core, EF, EF)


@case('each realm has the marks that it is given, SIP and RTP each their own, whatever the other side has [SC-5-05]')
def _(lab):
    def give(daemon, **marks):
        file = lab.edge.run / f'{daemon}.yaml'
        text = file.read_text()
        for realm, dscp in marks.items():
            place = f'  - name: {realm}\n'
            equal(text.count(place), 1, f'places of {realm} in {file}')
            text = text.replace(place, f'{place}    dscp: {dscp}\n')
        file.write_text(text)
        lab.edge.restart(daemon)

    give('media', access='af41', core=CS4)
    give('signaling', access='AF31', core='CS5')
    at_pbx, at_core = exercise(lab, 'changed')
    require_sip(at_pbx, at_core, AF31, CS5)
    require_media(at_pbx, at_core, AF41, CS4)


@case('RTCP and calls for help have marks of their own where a port gives them some')
def _(lab):
    file = lab.edge.run / 'media.yaml'
    before = file.read_text()
    own = f'    dscp: EF\n    dscp_rtcp: af31\n    dscp_emergency: {CS5}\n'
    text = before
    for realm in ('access', 'core'):
        place = f'  - name: {realm}\n'
        at = text.index(place) + len(place)
        text = text[:at] + own + ''.join(line for line in text[at:].splitlines(True) if not line.startswith('    dscp:'))
    file.write_text(text)
    trunk = Path(lab.run_directory) / 'helping.yaml'
    trunk.write_text(pbx_trunk(numbering='{dial_plan: {emergency_numbers: ["112"]}}'))
    lab.edge.apply(trunk)
    try:
        lab.edge.restart('media')
        with recording(lab, 'classes') as (at_pbx, at_core):
            call(lab, lab.pbx(), lab.core(), lab.core_number)
        with recording(lab, 'help') as (help_at_pbx, help_at_core):
            parties.talk(lab.pbx(), lab.core(), f'sip:112@{DOMAIN}', lab.pbx_number, seconds=2).require_intact()
    finally:
        file.write_text(before)
        lab.edge.restart('media')
    for capture, source in ((at_pbx, ACCESS.media), (at_core, CORE.media)):
        ours = f'{from_address(source)} && udp'
        ports = {int(row[0]) for row in capture.fields(f'{ours} && !icmp', ('udp.srcport',))}
        for kind, remainder, dscp in (('RTP', 0, EF), ('RTCP', 1, AF31)):
            these = ' || '.join(f'udp.srcport == {port}' for port in ports if port % 2 == remainder)
            require(these, f'no {kind} came from {source}')
            require_marked(capture, f'{ours} && ({these})', dscp, f'{kind} of {source}')
    for capture, source in ((help_at_pbx, ACCESS.media), (help_at_core, CORE.media)):
        require_marked(capture, f'{from_address(source)} && udp', CS5, f'a call for help, of {source}')


@case('video has a mark of its own where a port gives it one; the audio of the same call, and RTCP of both, keep theirs')
def _(lab):
    file = lab.edge.run / 'media.yaml'
    before = file.read_text()
    text = before
    for realm in ('access', 'core'):
        place = f'  - name: {realm}\n'
        at = text.index(place) + len(place)
        rest = ''.join(line for line in text[at:].splitlines(True) if not line.startswith('    dscp'))
        text = text[:at] + '    dscp: EF\n    dscp_video: af41\n' + rest
    file.write_text(text)
    try:
        lab.edge.restart('media')
        conversation = Conversation(lab, 'pbx')
        with recording(lab, 'video') as (at_pbx, at_core):
            ports = video_beside_audio(conversation)
        audio = conversation.out.remote_sdp.audio.port, conversation.into.remote_sdp.audio.port
        conversation.hang_up()
    finally:
        file.write_text(before)
        lab.edge.restart('media')
    for capture, source, video, voice in zip((at_pbx, at_core), (ACCESS.media, CORE.media), ports, audio):
        ours = from_address(source)
        require_marked(capture, f'{ours} && udp.srcport == {video}', AF41, f'video of {source}')
        require_marked(capture, f'{ours} && udp.srcport == {voice}', EF, f'audio of {source}')


if __name__ == '__main__':
    sys.exit(main('qos', lambda: running_edge('qos', access=('udp', 'tcp', 'tls'), prepare=prepare)))
