#!/usr/bin/env python3
"""The flows of tests/flows once more, black box: SIPp is every peer, the daemons are the product. Those that SIPp cannot play are
in peer_flows_test.py, or have their reason there."""
import contextlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, main, require  # noqa: E402
import flow_file  # noqa: E402
import sipp_flow  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import process  # noqa: E402

AT_LEAST = 40                       # flows that have to be among them, lest they all become unfit one day


@contextlib.contextmanager
def fixture():
    with running_edge('flows', access=('udp', 'tls')) as lab:
        lab.core().close()          # its address is SIPp's
        lab.parties.pop('core')
        for kind, name in (('route', 'everything'), ('trunk', 'sipp-static'), ('trunk', 'sipp-tls'), ('trunk', 'acme-hq'),
                           ('carrier', 'core')):
            lab.edge.cli('delete', kind, name)
        lab.provisioning = sipp_flow.Provisioning(lab.edge, lab.run_directory)
        lab.wires = {address: sipp_flow.Wire(lab.network.pbx if address.startswith(sipp_flow.ACCESS_SIDE) else lab.network.core, address)
                     for address, *_ in sipp_flow.ACTORS.values()}
        try:
            lab.provisioning.apply()
            process.wait_until(lambda: all(lab.wires[sipp_flow.ACTORS[name][0]].asked > 1 for name in ('core', 'core2')), 20,
                               'the targets of the carrier are asked')
            lab.provisioning.probed = 3600       # who counts what is left finds no questions under way
            lab.provisioning.apply()
            yield lab
        finally:
            for each in lab.wires.values():
                each.stop()


def played(flow):
    def play(lab):
        lab.provisioning.reset()
        lab.provisioning.apply()
        sipp_flow.FlowRun(lab, flow, lab.provisioning).run()
        lab.edge.require_alive()
    return play


# A target that says 503 with Retry-After is left alone for a while: that flow is the last one.
FLOWS = sorted(flow_file.all_flows(), key=lambda flow: flow.name == 'failover-503')
for each in FLOWS:
    if not sipp_flow.unfit(each):
        case(f'{each.name}: {each.title}')(played(each))


@case('most flows that a peer in real time can play are played, and nothing of them is left')
def _(lab):
    fit = [f.name for f in FLOWS if not sipp_flow.unfit(f)]
    for flow in FLOWS:
        if flow.name not in fit and os.environ.get('SALLYPORT_FLOWS_VERBOSE'):
            print(f'    not with SIPp: {flow.name} {sipp_flow.unfit(flow)}')
    require(len(fit) >= AT_LEAST, f'{len(fit)} of {len(FLOWS)} flows are played: {" ".join(fit)}')
    lab.require_no_leftovers(60)


if __name__ == '__main__':
    sys.exit(main('flows', fixture))
