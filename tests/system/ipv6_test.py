#!/usr/bin/env python3
"""Calls over IPv6: signaling and media on either side, and a call between a PBX that has only IPv6 and a core that has
only IPv4, with the known signal through the media plane in both directions."""
import ipaddress
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, PASSWORD, PBX_NUMBER, USER, running_edge  # noqa: E402
from lab import parties  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402

PBX_V6, CORE_V6 = ACCESS.peers_v6[0], CORE.peers_v6[0]
NUMBER_OVER_V6 = '+4988777001'


def prepare(lab):
    """A PBX and a core that speak nothing but IPv6."""
    lab.parties['core-v6'] = parties.core(lab.network.core, lab.run_directory, lab.probe_binary,
                                          edge=(CORE.signaling_v6, 5060), address=CORE_V6, name='core-v6',
                                          domain=f'[{CORE_V6}]')
    lab.edge.apply(Path(__file__).resolve().parent / 'provision_v6.yaml')


def pbx_v6(lab):
    if 'pbx-v6' not in lab.parties:
        party = parties.registered_pbx(
            lab.network.pbx, lab.run_directory, lab.probe_binary, edge=(ACCESS.signaling_v6, 5061),
            ca_file=lab.edge.ca.certificate, server_name=lab.edge.server_name, domain=DOMAIN, user=USER,
            password=PASSWORD, address=PBX_V6, name='pbx-v6')
        lab.parties['pbx-v6'] = party
    return lab.parties['pbx-v6']


def require_family(talk, caller, callee):
    for name, call, version in (('caller', talk.caller, caller), ('callee', talk.callee, callee)):
        address = ipaddress.ip_address(call.remote_sdp.audio.address)
        equal(address.version, version, f'IP version of the media address that the {name} was given ({address})')


@case('a PBX registers in bulk over TLS on IPv6 [SC-8.1-01]')
def _(lab):
    response = pbx_v6(lab).peer.register(bulk=True)
    require(response is not None and response.status == 200, f'REGISTER: {response and response.start_line}')
    listed = [r for r in lab.edge.registrations() if r['trunk'] == USER]
    equal(len(listed), 1, 'registrations')
    require(PBX_V6 in str(listed[0]), f'its flow is not over IPv6: {listed[0]}')


@case('IPv6 to IPv6: SRTP from the PBX, RTP in the core, both directions intact')
def _(lab):
    talk = parties.talk(pbx_v6(lab), lab.parties['core-v6'], lab.number_uri(NUMBER_OVER_V6), lab.pbx_number, seconds=1)
    talk.require_intact()
    require_family(talk, 6, 6)


@case('and from the core to the PBX')
def _(lab):
    talk = parties.talk(lab.parties['core-v6'], pbx_v6(lab), f'sip:{PBX_NUMBER}@[{CORE.signaling_v6}]', NUMBER_OVER_V6,
                        seconds=1, hang_up='callee')
    talk.require_intact()
    require_family(talk, 6, 6)


@case('a PBX with IPv6 alone talks to a core with IPv4 alone')
def _(lab):
    talk = parties.talk(pbx_v6(lab), lab.core(), lab.number_uri(lab.core_number), lab.pbx_number, seconds=1)
    talk.require_intact()
    require_family(talk, 6, 4)


@case('and a core with IPv4 alone to a PBX with IPv6 alone')
def _(lab):
    talk = parties.talk(lab.core(), pbx_v6(lab), f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.core_number, seconds=1)
    talk.require_intact()
    require_family(talk, 4, 6)
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('ipv6', lambda: running_edge('ipv6', prepare=prepare)))
