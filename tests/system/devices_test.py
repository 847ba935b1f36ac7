#!/usr/bin/env python3
"""The kinds of DPDK device that a machine without a spare NIC can offer, and hugepages: a call with media through each."""
import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import Skipped, case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402

HUGEPAGES = Path('/proc/sys/vm/nr_hugepages')
WANTED_PAGES = 1024                    # of 2 MB


def call_goes_through(lab, device):
    talk = parties.talk(lab.pbx(), lab.core(), lab.number_uri(lab.core_number), lab.pbx_number, seconds=1)
    talk.require_intact()
    require(device in lab.edge.daemons['media'].text(), f'the log of media does not name {device}')
    lab.edge.wait_no_leftovers(20, but=('transactions', 'mbufs'))
    # A device may keep the last packet that it sent until the next.
    held = lab.edge.leftovers().get('mbufs', 0)
    require(held <= 2, f'{held} packet buffers are in use')


@contextlib.contextmanager
def hugepages():
    before = HUGEPAGES.read_text()
    try:
        HUGEPAGES.write_text(str(WANTED_PAGES))
        if int(HUGEPAGES.read_text()) < WANTED_PAGES:
            raise Skipped('no hugepages can be reserved here')
        yield
    finally:
        HUGEPAGES.write_text(before)


def bridge_taps(lab):
    """A tap is a new interface of the kernel; a bridge joins it to the cable. The kernel's end gets another MAC address
    than DPDK's: a bridge keeps to itself what is sent to an address of its members."""
    for number, side in enumerate((ACCESS, CORE)):
        bridge, tap = f'br{number}', f't-{side.media_interface}'
        lab.network.edge.ip('link', 'set', tap, 'address', f'02:00:00:00:01:0{number}')
        lab.network.edge.ip('link', 'add', bridge, 'type', 'bridge')
        for member in (side.media_interface, tap):
            lab.network.edge.ip('link', 'set', member, 'master', bridge)
        for interface in (bridge, tap):
            lab.network.edge.run('sysctl', '-qw', f'net.ipv6.conf.{interface}.disable_ipv6=1')
            lab.network.edge.ip('link', 'set', interface, 'up')


@case('net_af_packet with hugepages')
def _():
    with hugepages(), running_edge('huge') as lab:
        call_goes_through(lab, 'net_af_packet')
        equal(lab.edge.scrape('media').get('sallyport_media_hugepages'), 1, 'sallyport_media_hugepages')


@case('net_af_xdp on the same cables')
def _():
    with running_edge('xdp', device='net_af_xdp{number},iface={interface}') as lab:
        call_goes_through(lab, 'net_af_xdp')


@case('net_tap behind a bridge')
def _():
    with running_edge('tap', prepare=bridge_taps, device='net_tap{number},iface=t-{interface}') as lab:
        call_goes_through(lab, 'net_tap')


if __name__ == '__main__':
    sys.exit(main('devices'))
