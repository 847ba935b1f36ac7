"""NAT in the lab (nftables): a symmetric one with PBXs behind it, a 1:1 one for a PBX with a public address of its own,
and one in front of the edge, which the world knows by other addresses than those it is bound to.

    home 192.168.77.10 -- lan0 192.168.77.1 [pbx: NAT] 192.0.2.77 (symmetric, for .10)
         192.168.77.20, .30                            192.0.2.78 (1:1, for .20), 192.0.2.79 (1:1, for .30)
                                 198.18.5.1 -> edge 192.0.2.1 (SIP), 198.18.5.2 -> edge 192.0.2.2 (media)
"""
import contextlib
import subprocess

from . import netns
from .network import ACCESS

GATEWAY, BEHIND, ONE_TO_ONE, SECOND_ONE_TO_ONE = '192.168.77.1', '192.168.77.10', '192.168.77.20', '192.168.77.30'
OUTSIDE, OUTSIDE_ONE_TO_ONE, OUTSIDE_SECOND = '192.0.2.77', '192.0.2.78', '192.0.2.79'
EDGE_SIP, EDGE_MEDIA = '198.18.5.1', '198.18.5.2'        # what the edge advertises

RULES = f'''
table ip lab {{
    chain before {{
        type nat hook prerouting priority dstnat;
        ip daddr {EDGE_SIP} dnat to {ACCESS.signaling}
        ip daddr {EDGE_MEDIA} dnat to {ACCESS.media}
        ip daddr {OUTSIDE_ONE_TO_ONE} dnat to {ONE_TO_ONE}
        ip daddr {OUTSIDE_SECOND} dnat to {SECOND_ONE_TO_ONE}
    }}
    chain own {{
        type nat hook output priority -100;
        ip daddr {EDGE_SIP} dnat to {ACCESS.signaling}
        ip daddr {EDGE_MEDIA} dnat to {ACCESS.media}
    }}
    chain inwards {{
        type nat hook input priority 100;
        ip saddr {ACCESS.media} snat to {EDGE_MEDIA}
        ip saddr {ACCESS.signaling} snat to {EDGE_SIP}
    }}
    chain after {{
        type nat hook postrouting priority srcnat;
        oifname lan0 ip saddr {ACCESS.media} snat to {EDGE_MEDIA}
        oifname lan0 ip saddr {ACCESS.signaling} snat to {EDGE_SIP}
        oifname {{ "sig0", "med0" }} ip saddr {ONE_TO_ONE} snat to {OUTSIDE_ONE_TO_ONE}
        oifname {{ "sig0", "med0" }} ip saddr {SECOND_ONE_TO_ONE} snat to {OUTSIDE_SECOND}
        oifname {{ "sig0", "med0" }} ip saddr 192.168.77.0/24 meta l4proto {{ tcp, udp }} snat to {OUTSIDE}:20000-60000 fully-random
    }}
}}
'''


class Nat:
    def __init__(self, network):
        self.network = network
        self.home = netns.Namespace(f'{network.name}-home')

    def start(self):
        if self.home.name in netns.existing():           # what a killed run has left behind
            self.home.delete()
        self.home.create()
        outside = self.network.pbx
        netns.veth(self.home, 'home0', outside, 'lan0')
        outside.ip('addr', 'add', f'{GATEWAY}/24', 'dev', 'lan0')
        for address in (BEHIND, ONE_TO_ONE, SECOND_ONE_TO_ONE):
            self.home.ip('addr', 'add', f'{address}/24', 'dev', 'home0')
        self.home.ip('route', 'add', 'default', 'via', GATEWAY)
        for address in (OUTSIDE, OUTSIDE_ONE_TO_ONE, OUTSIDE_SECOND):
            outside.ip('addr', 'add', f'{address}/24', 'dev', 'sig0')
        outside.ip('route', 'add', f'{EDGE_SIP}/32', 'dev', 'sig0', 'src', ACCESS.peers[0])
        outside.ip('route', 'add', f'{EDGE_MEDIA}/32', 'dev', 'med0', 'src', ACCESS.peers[0])
        outside.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
        done = subprocess.run(outside.prefix('nft', '-f', '-'), input=RULES, capture_output=True, text=True)
        if done.returncode != 0:
            raise netns.NetworkError(f'nft: {done.stderr.strip()}')
        return self

    @contextlib.contextmanager
    def forgetting(self, seconds):
        """Meanwhile a UDP mapping lasts so long without a packet, whichever way."""
        names = [f'net.netfilter.nf_conntrack_udp_timeout{of}' for of in ('', '_stream')]
        before = [self.network.pbx.run('sysctl', '-n', name).strip() for name in names]
        try:
            for name in names:
                self.network.pbx.run('sysctl', '-qw', f'{name}={seconds}')
            yield
        finally:
            for name, value in zip(names, before):
                self.network.pbx.run('sysctl', '-qw', f'{name}={value}')

    def stop(self):
        self.home.delete()
