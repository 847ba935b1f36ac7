"""The demo network: a PBX site, the edge node and the operator's core, in documentation address space.

    pbx                          edge                         core
    sig0 192.0.2.10,.20 -------- access0 192.0.2.1            (kernel: SIP)
    med0 (no address)   -------- media-access 192.0.2.2       (owned by DPDK)
                                 core0 198.51.100.1  -------- sig0 198.51.100.10
                                 media-core 198.51.100.2 ---- med0 (no address; DPDK on the edge's side)

The same with 2001:db8:1::/64 towards the PBX and 2001:db8:2::/64 towards the core. To its neighbours the edge's media
address is one more host of the subnet, reached by a host route over the media cable.

With a remote media plane the media cables end in a namespace of its own, joined to the edge by one more:

    edge link0 203.0.113.1 ----- media link0 203.0.113.2      (kernel: gRPC)
"""
from dataclasses import dataclass

from . import netns


@dataclass(frozen=True)
class Side:
    """One outer network of the edge."""
    name: str                # of the namespace and of the media port
    signaling: str           # the edge's address for SIP
    media: str               # the edge's address for media, owned by DPDK
    peers: tuple             # addresses of the namespace on the other end
    signaling_v6: str
    media_v6: str
    peers_v6: tuple
    edge_interface: str      # kernel interface of the edge
    media_interface: str     # the edge's end that DPDK takes


ACCESS = Side('pbx', '192.0.2.1', '192.0.2.2', ('192.0.2.10', '192.0.2.20', '192.0.2.66'),
              '2001:db8:1::1', '2001:db8:1::2', ('2001:db8:1::10',), 'access0', 'media-access')
CORE = Side('core', '198.51.100.1', '198.51.100.2', ('198.51.100.10', '198.51.100.11', '198.51.100.66'),
            '2001:db8:2::1', '2001:db8:2::2', ('2001:db8:2::10',), 'core0', 'media-core')


LINK_EDGE, LINK_MEDIA = '203.0.113.1', '203.0.113.2'     # between the edge and a remote media plane


class Network:
    def __init__(self, name, remote_media=False):
        self.name = name
        self.pbx, self.edge, self.core = (netns.Namespace(f'{name}-{part}') for part in ('pbx', 'edge', 'core'))
        self.media = netns.Namespace(f'{name}-media') if remote_media else self.edge
        self._made = []          # by this object: what it may take away

    @property
    def remote_media(self):
        return self.media is not self.edge

    @property
    def namespaces(self):
        return self.pbx, self.edge, self.core, *((self.media,) if self.remote_media else ())

    def claim(self):
        """Refuses when somebody works in namespaces of these names; takes away what a killed run left behind."""
        there = [n for n in self.namespaces if n.name in netns.existing()]
        busy = {n.name: n.processes() for n in there if n.processes()}
        if busy:
            names = ', '.join(f'{name} (processes {" ".join(map(str, pids))})' for name, pids in busy.items())
            raise netns.NetworkError(f'another run is using {names}: end it, or choose another name with --name')
        for namespace in there:
            namespace.delete()

    def create(self):
        self.claim()
        try:
            for namespace in self.namespaces:
                self._made.append(namespace)
                namespace.create()
            self._side(ACCESS, self.pbx)
            self._side(CORE, self.core)
            if self.remote_media:
                netns.veth(self.edge, 'link0', self.media, 'link0')
                self.edge.ip('addr', 'add', f'{LINK_EDGE}/24', 'dev', 'link0')
                self.media.ip('addr', 'add', f'{LINK_MEDIA}/24', 'dev', 'link0')
        except BaseException:    # an interrupt too
            self.delete()
            raise
        return self

    def delete(self):
        for namespace in self._made:
            namespace.delete()
        self._made.clear()

    def _side(self, side, outside):
        netns.veth(outside, 'sig0', self.edge, side.edge_interface)
        netns.veth(outside, 'med0', self.media, side.media_interface)
        self.edge.ip('addr', 'add', f'{side.signaling}/24', 'dev', side.edge_interface)
        self.edge.ip('addr', 'add', f'{side.signaling_v6}/64', 'dev', side.edge_interface, 'nodad')
        for address in side.peers:
            outside.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
        for address in side.peers_v6:
            outside.ip('addr', 'add', f'{address}/64', 'dev', 'sig0', 'nodad')
            # Neighbour discovery is answered for addresses of the very interface only.
            outside.ip('addr', 'add', f'{address}/128', 'dev', 'med0', 'nodad')
        outside.ip('route', 'add', f'{side.media}/32', 'dev', 'med0', 'src', side.peers[0])
        outside.ip('-6', 'route', 'add', f'{side.media_v6}/128', 'dev', 'med0', 'src', side.peers_v6[0])
        # The kernel has no business on the cable that DPDK owns.
        self.media.run('sysctl', '-qw', f'net.ipv6.conf.{side.media_interface}.disable_ipv6=1', check=False)
        self.media.run('sysctl', '-qw', f'net.ipv4.conf.{side.media_interface}.arp_ignore=8', check=False)
