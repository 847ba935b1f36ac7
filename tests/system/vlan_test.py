#!/usr/bin/env python3
"""Media ports in VLANs (IEEE 802.1Q): calls cross a switch that passes nothing but their VLANs, with the priority (802.1p) that goes
with each packet's class; what is in no VLAN, or in another one, is not the port's."""
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from vlan_trunk import VlanTrunk  # noqa: E402

VLANS = {'access': 100, 'core': 200}
EF, AF31 = 46, 26
FIXED = 6                                     # of the core's port, whatever the code point


def prepare(lab):
    lab.trunks = {}
    for name, side, namespace in (('access', ACCESS, lab.network.pbx), ('core', CORE, lab.network.core)):
        lab.trunks[name] = VlanTrunk(namespace, 'med0', 'host0', VLANS[name])
        namespace.ip('route', 'replace', f'{side.media}/32', 'dev', 'host0', 'src', side.peers[0])
    file = lab.edge.run / 'media.yaml'
    text = file.read_text()
    for name, more in (('access', 'dscp: EF\n    dscp_rtcp: AF31'), ('core', f'vlan_priority: {FIXED}')):
        place = f'  - name: {name}\n'
        equal(text.count(place), 1, f'places of {name} in {file}')
        text = text.replace(place, f'{place}    vlan: {VLANS[name]}\n    {more}\n')
    file.write_text(text)
    lab.edge.restart('media')


def media(trunk, side):
    """(RTP, RTCP) that the edge has sent into the trunk, each with its tag."""
    source = socket.inet_aton(side.media)
    sent = [t for t in trunk.seen if t.frame[12:14] == b'\x08\x00' and t.frame[23] == 17 and t.frame[26:30] == source]
    port = {id(t): int.from_bytes(t.frame[34:36], 'big') for t in sent}
    return [t for t in sent if port[id(t)] % 2 == 0], [t for t in sent if port[id(t)] % 2 == 1]


def dscp(tagged):
    return tagged.frame[15] >> 2


@case('a call between two VLANs is heard bit by bit; each packet has its VLAN and the priority of its class: that of its DSCP, or the '
      'port\'s own')
def _(lab):
    for trunk in lab.trunks.values():
        trunk.seen.clear()
    parties.talk(lab.pbx(), lab.core(), lab.number_uri(lab.core_number), lab.pbx_number, seconds=3).require_intact()
    for name, side, of_rtp, of_rtcp in (('access', ACCESS, (EF, EF >> 3), (AF31, AF31 >> 3)),
                                        ('core', CORE, (EF, FIXED), (EF, FIXED))):
        trunk = lab.trunks[name]
        equal({t.vlan for t in trunk.seen}, {VLANS[name]}, f'VLANs of what the {name} port sends')
        for what, packets, expected in zip(('RTP', 'RTCP'), media(trunk, side), (of_rtp, of_rtcp)):
            require(packets, f'no {what} on the {name} side')
            equal({(dscp(t), t.priority) for t in packets}, {expected}, f'DSCP and priority of {what}, {name} side')


@case('frames without a tag, or of another VLAN, are nobody\'s: no answer, and counted')
def _(lab):
    trunk = lab.trunks['access']

    def not_for_us():
        return lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason='not_for_us')
    ours = {t.frame[6:12] for t in media(trunk, ACCESS)[0]}
    equal(len(ours), 1, 'link addresses of the port')
    own = bytes.fromhex('020000000042')
    question = (b'\xff' * 6 + own + b'\x08\x06' + b'\x00\x01\x08\x00\x06\x04\x00\x01' + own + socket.inet_aton(ACCESS.peers[1])
                + bytes(6) + socket.inet_aton(ACCESS.media))

    def answers():
        return [t for t in trunk.seen if t.frame[:6] == own]
    for vlan in (None, VLANS['access'] + 1):
        before = not_for_us()
        trunk.send(question, vlan)
        process.wait_until(lambda: not_for_us() == before + 1, 5, f'a frame of VLAN {vlan} is counted')
        equal(answers(), [], f'answers to a question in VLAN {vlan}')
    trunk.send(question, VLANS['access'])
    process.wait_until(answers, 5, 'the same question in the right VLAN is answered')
    equal({t.vlan for t in answers()}, {VLANS['access']}, 'VLAN of the answer')


if __name__ == '__main__':
    sys.exit(main('vlan', lambda: running_edge('vlan', prepare=prepare)))
