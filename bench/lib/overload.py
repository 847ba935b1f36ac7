"""refusals and avalanche: what a node does with more work than it can do."""
import json
import os
import subprocess
import time

from lab import avalanche as crowd_module
from lab import process

from . import measure, node, signaling, sipp

STRANGER = "192.0.2.66"
BUSY = ("overload: {busy_ms: 1}\n")
GENERATOR_CPU = 1
MOST_OF_A_PBX = 8 << 10        # octets that a PBX which has just registered may cost, with its transactions


class Flood:
    """INVITEs of somebody nobody knows (signaling/flood.cpp), a fixed number under way, each acknowledged when answered."""
    UNDER_WAY = 400

    def __init__(self, programs, namespace):
        command = [os.path.join(programs, "bench", "sip_flood"), STRANGER, "5090", "192.0.2.1", "5060", str(self.UNDER_WAY)]
        with namespace.entered():
            self._child = subprocess.Popen(measure.pinned(GENERATOR_CPU, command), stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, text=True)

    def counts(self):
        """How many were refused with 503 so far, and how many answered otherwise."""
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        counted = json.loads(self._child.stdout.readline())
        return counted["refused"], counted["others"]

    def stop(self):
        self._child.stdin.close()
        self._child.wait(10)


def refusals(programs, rounds, quick):
    """CPU microseconds of the server per INVITE that is refused for load, its ACK included, and the share of a call's."""
    units, rate, seconds = (500, 250, 3) if quick else (3000, 300, 8)
    with node.running(programs, signaling.CALLS, options={"signaling": BUSY}) as edge_node:
        network = edge_node.network
        uas = sipp.Uas(network.core, signaling.scenario("uas.xml"), node.UAS_ADDRESS, 5060)

        def run(calls, rate):
            return sipp.run_uac(network.pbx, signaling.scenario("uac.xml"), "192.0.2.1:5060", node.UAC_ADDRESS, 5080, calls,
                                rate, node.CALLED)
        ours, calls, shares = [], [], []
        try:
            run(calls=100, rate=100)
            for _ in range(rounds):
                calls.append(signaling.microseconds_per_unit("Sallyport", lambda: node.cpu_seconds(edge_node), run, units, rate))
            flood = Flood(programs, network.pbx)
            try:
                process.wait_until(lambda: edge_node.scrape("signaling").get("sallyport_overload_level") >= 1, 60,
                                   "the flood overloads the node", every=0.2)
                for _ in range(rounds):
                    (refused, others), before = flood.counts(), node.cpu_seconds(edge_node)
                    time.sleep(seconds)
                    (refused_then, others_then), spent = flood.counts(), node.cpu_seconds(edge_node) - before
                    refused, others = refused_then - refused, others_then - others
                    ours.append(round(spent / max(refused + others, 1) * 1e6, 2))
                    shares.append(round(refused / max(refused + others, 1), 3))
            finally:
                flood.stop()
        finally:
            uas.stop()
    share = round(measure.median(ours) / measure.median(calls), 4)
    return measure.result("refusals", "CPU microseconds per INVITE refused for load, with its ACK", ours, [], "",
                          {"call_microseconds": calls, "share_of_a_call": share, "refused_share": shares,
                           "at_most_2_percent": share <= 0.02})


def avalanche(programs, rounds, quick):
    """Seconds until 10,000 PBXs that begin to register within 10 s are registered, with Digest over UDP."""
    count, within = (1_000, 2) if quick else (10_000, 10)
    ours, facts = [], []
    for _ in range(1 if quick else min(rounds, 3)):
        with node.running(programs, crowd_module.trunks(count, "bench.example")) as edge_node:
            daemon = edge_node.daemons["signaling"].pid
            before = process.resident_bytes(daemon)
            crowd = crowd_module.Avalanche(edge_node.network.pbx, "192.0.2.10", ("192.0.2.1", 5060), "bench.example", count)
            try:
                crowd.start(within)
                if not crowd.play(300):
                    raise RuntimeError(f"{crowd.registered} of {count} are registered after 300 s: {dict(crowd.statuses)}")
            finally:
                crowd.close()
            ours.append(round(crowd.seconds, 2))
            facts.append({"answers": dict(crowd.statuses), "retransmissions": crowd.retransmissions,
                          "grown_kB": (process.resident_bytes(daemon) - before) >> 10,
                          "registered": int(edge_node.status()["signaling"]["trunk_states"]["registered"]),
                          "cpu_seconds": round(node.cpu_seconds(edge_node), 2)})
    absorbed = all(f["registered"] == count and f["grown_kB"] << 10 <= count * MOST_OF_A_PBX for f in facts)
    return measure.result("avalanche", f"seconds until all {count} are registered, begun within {within} s", ours, [], "",
                          {"rounds": facts, "absorbed": absorbed})
