#!/usr/bin/env python3
"""The kinds of DPDK device that a machine without a spare NIC can offer, and hugepages: a call with media through each."""
import contextlib
import re
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


def steered_call(lab, device, expected):
    """With two lcores: a call, and what the daemon says of how packets come to the one that owns their port."""
    call_goes_through(lab, device)
    ways = {port['name']: port.get('steering', '') for port in lab.edge.json('status')['media']['ports']}
    require(all(f'steering: {way}' in lab.edge.cli('status') for way in ways.values()), 'the status for people says it')
    log = lab.edge.daemons['media'].text()
    rules = {side: lab.edge.scrape('media').get('sallyport_media_port_flow_rules', port=side) for side in ways}
    for side, way in ways.items():
        require(expected(way), f'{side}: {way}')
        require(way in log, f'the log does not say "{way}"')
        equal(rules[side], int(way.split()[0]) if way.endswith('flow rules') else 0, f'rules of {side}')


def two_lcores_on_taps(lab):
    two_lcores(lab)                    # and its taps are new ones
    bridge_taps(lab)


def two_lcores(lab):
    file = lab.edge.run / 'media.yaml'
    text = re.sub(r'^(lcores|cpus):.*\n', '', file.read_text(), flags=re.M)
    file.write_text(text + 'lcores: 2\n')
    lab.edge.restart('media')


@case('two lcores on a device of one queue: packets are handed over, and that is said')
def _():
    with running_edge('onequeue', prepare=two_lcores) as lab:
        steered_call(lab, 'net_af_packet', lambda way: way == 'hand-over: the device has 1 receive queues for 2 lcores')


@case('two lcores on a device of two queues that knows no flow rules: likewise, in its own words')
def _():
    with running_edge('norules', prepare=two_lcores, device='net_af_packet{number},iface={interface},qpairs=2') as lab:
        steered_call(lab, 'net_af_packet', lambda way: way.startswith('hand-over: ') and len(way) > len('hand-over: '))


@case('two lcores on a tap, which knows some rules: what it takes or refuses is said, and calls pass')
def _():
    with running_edge('taprules', prepare=two_lcores_on_taps, device='net_tap{number},iface=t-{interface}') as lab:
        steered_call(lab, 'net_tap', lambda way: way.endswith('flow rules') or way.startswith('hand-over: '))


SUITES = {'AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM',
          'AEAD_AES_256_GCM'}


def slow_suites(lab):
    status = lab.edge.json('status')
    warnings = [w for w in status.get('warnings', []) if w.startswith('SRTP is done packet by packet')]
    return set(status['media'].get('srtp_slow_suites', [])), warnings


@case('SRTP that is done packet by packet is told in status, metric and log, and calls pass; where bursts are, nothing is')
def _():
    with running_edge('slowsrtp', options={'media': 'srtp: {engine: libsrtp}\n'}) as lab:
        call_goes_through(lab, 'net_af_packet')
        suites, warnings = slow_suites(lab)
        equal(suites, SUITES, 'suites that are told to be slow')
        require(len(warnings) == 1 and all(suite in warnings[0] for suite in SUITES), f'warnings: {warnings}')
        require(warnings[0] in lab.edge.cli('status'), 'the status for people says it')
        equal(lab.edge.scrape('media').get('sallyport_media_srtp_slow_suites'), len(SUITES), 'the metric')
        require('srtp-slow' in lab.edge.daemons['media'].text(), 'the log')
    with running_edge('fastsrtp') as lab:
        if lab.edge.scrape('media').get('sallyport_media_srtp_slow_suites'):
            raise Skipped('this processor has no AES')
        equal(slow_suites(lab), (set(), []), 'where bursts are done')


if __name__ == '__main__':
    sys.exit(main('devices'))
