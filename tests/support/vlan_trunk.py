"""A switch with one trunk and one access port (IEEE 802.1Q), between a cable on which frames are tagged and an interface of a host that
knows nothing of VLANs. In user space, because not every kernel has VLAN interfaces; and it remembers the tags that it has taken off."""
import select
import socket
import struct
import threading
from collections import namedtuple

from lab import netns

ETH_P_ALL, ETHERTYPE_VLAN = 3, 0x8100
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 0x10
AUXDATA = struct.Struct('=IIIHHHH')           # status, len, snaplen, mac, net, vlan_tci, vlan_tpid

Tagged = namedtuple('Tagged', 'vlan priority frame')       # `vlan` None: it came without a tag; `frame` without it


class VlanTrunk:
    """The host's side is a new interface `host`; what it sends leaves `trunk` tagged with `vlan`, and only such frames come back."""

    def __init__(self, namespace, trunk, host, vlan):
        self.seen = []                        # what has come from the trunk
        self._vlan = vlan
        inside = f'{host}-sw'
        netns.veth(namespace, host, namespace, inside)
        with namespace.entered():
            self._trunk, self._host = self._open(trunk), self._open(inside)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f'vlan-{trunk}')
        self._thread.start()

    @staticmethod
    def _open(interface):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        opened.bind((interface, ETH_P_ALL))
        return opened

    @staticmethod
    def _receive(opened):
        """(tag or None, frame without it), or None for what this end itself has sent. A kernel takes the tag out of the frame."""
        frame, ancillary, _, (_, _, kind, *_) = opened.recvmsg(65_535, socket.CMSG_SPACE(AUXDATA.size))
        if kind == socket.PACKET_OUTGOING:
            return None
        for level, name, data in ancillary:
            if (level, name) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, _ = AUXDATA.unpack(data[:AUXDATA.size])
                if status & TP_STATUS_VLAN_VALID:
                    return tci, frame
        if int.from_bytes(frame[12:14], 'big') == ETHERTYPE_VLAN:
            return int.from_bytes(frame[14:16], 'big'), frame[:12] + frame[16:]
        return None, frame

    def send(self, frame, vlan, priority=0):
        """One frame onto the trunk; `vlan` None: untagged."""
        tag = b'' if vlan is None else struct.pack('!HH', ETHERTYPE_VLAN, priority << 13 | vlan)
        self._trunk.send(frame[:12] + tag + frame[12:])

    def _run(self):
        while not self._stopped.is_set():
            for ready in select.select([self._trunk, self._host], [], [], 0.2)[0]:
                try:
                    received = self._receive(ready)
                except OSError:               # the cables are taken away
                    return
                if received is None:
                    continue
                tag, frame = received
                if ready is self._host:
                    self.send(frame, self._vlan)
                    continue
                vlan = None if tag is None else tag & 0xfff
                self.seen.append(Tagged(vlan, None if tag is None else tag >> 13, frame))
                if vlan == self._vlan:
                    self._host.send(frame)

    def close(self):
        self._stopped.set()
        self._thread.join(5)
        self._trunk.close()
        self._host.close()
