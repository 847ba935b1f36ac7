"""signaling-calls: what a B2BUA call costs in CPU time, in all our processes and in Kamailio, over UDP and with TLS to the PBX."""
import contextlib
from pathlib import Path

from lab import sipp as tunnels

from . import kamailio, measure, node, sipp
from .signaling import CALLS, KAMAILIO_PORT, clean_run, scenario

WANTED, WANTED_WITHOUT_MEDIA = 1.2, 0.8
PROVISION = CALLS.replace("transports: [udp]", "transports: [udp, tls]")
PEER = "Kamailio, stateful proxy with dialog tracking and topology hiding"
TUNNELS = {"ours": 6061, "peer": 6071}      # where stunnel listens


class Bill:
    """CPU time of our daemons per call, run by run: whole processes, and their threads by name, as far as they still live."""

    def __init__(self, daemons):
        self.pids = {name: daemon.pid for name, daemon in daemons.items()}
        self.processes = {name: [] for name in self.pids}
        self.threads = {name: {} for name in self.pids}

    def read(self):
        return {name: (measure.cpu_seconds(pid), measure.thread_seconds(pid)) for name, pid in self.pids.items()}

    def add(self, before, after, calls):
        def each(seconds):
            return round(seconds / calls * 1e6, 1)
        for name in self.pids:
            self.processes[name].append(each(after[name][0] - before[name][0]))
            for thread, seconds in after[name][1].items():
                self.threads[name].setdefault(thread, []).append(each(seconds - before[name][1].get(thread, 0)))

    def totals(self):
        return [round(sum(run), 1) for run in zip(*self.processes.values())]

    def without_media(self):
        """Less the media plane, and the thread of signaling that talks to it. What the SIP thread does for the media (it makes
        the commands and takes the replies) is still in: the true figure is smaller."""
        both = zip(self.totals(), self.processes["media"], self.threads["signaling"]["rpc"])
        return [round(total - plane - stream, 1) for total, plane, stream in both]

    def split(self):
        def summary(runs):
            return {"median": measure.median(runs), "runs": runs}
        return {name: {**summary(runs), "threads": {thread: summary(seen) for thread, seen in sorted(self.threads[name].items())
                                                    if measure.median(seen) >= 1}}
                for name, runs in self.processes.items()}


def compare(edge_node, proxy, runs, rounds, units, rate):
    """Both in turn, after a first run of each that is not counted."""
    bill, peer = Bill(edge_node.daemons), []
    for run in runs.values():
        run(calls=200, rate=100)
    for _ in range(rounds):
        before = bill.read()
        clean_run("Sallyport", runs["ours"], units, rate)
        bill.add(before, bill.read(), units)
        before = proxy.cpu_seconds()
        clean_run("Kamailio", runs["peer"], units, rate)
        peer.append(round((proxy.cpu_seconds() - before) / units * 1e6, 1))
    return bill, peer


def shared_rate(highest):
    """Calls a second that both take cleanly with a quarter of room, as the relays' packets: far below it both sides mostly pay
    for being woken. Where nobody has looked for it, a rate that is below it on any machine. The tunnels of TLS share the
    generator's processor, and bear less."""
    return min(side["calls_per_second"] for side in highest.values()) * 3 // 4 // 50 * 50 if highest else 1_500


def beside(ours, peer, wanted=None):
    found = {"ours": measure.median(ours), "peer": measure.median(peer), "runs": {"ours": ours, "peer": peer}}
    found["ratio"] = round(found["ours"] / found["peer"], 3)
    if wanted is not None:
        found.update(wanted=wanted, reached=found["ratio"] <= wanted)
    return found


def over_tls(running, edge_node, rounds, units, rate):
    """The same, the PBX behind stunnel: TLS to the edge or to Kamailio, UDP to the core."""
    certificate = edge_node.ca.issue("kamailio", names=["kamailio.example"])
    proxy = kamailio.Kamailio(edge_node.network.edge, "kamailio-proxy.cfg", ("192.0.2.1", "198.51.100.1"), KAMAILIO_PORT,
                              ("WITH_TOPOH",), tls=certificate)
    running.callback(proxy.stop)
    pbx, runs = edge_node.network.pbx, {}
    for side, server, name in (("ours", edge_node.access_tls, "sip.sallyport.example"),
                               ("peer", ("192.0.2.1", KAMAILIO_PORT + 1), "kamailio.example")):
        directory = Path(edge_node.run) / f"tunnel-{side}"
        directory.mkdir()
        tunnel = tunnels.stunnel(pbx, directory, accept=TUNNELS[side], connect=server, ca_file=edge_node.ca.certificate,
                                 server_name=name, local=node.UAC_ADDRESS)
        running.callback(tunnel.stop)
        node.pin(tunnel.pid, sipp.GENERATOR_CPU)

        def run(calls, rate, server=f"{server[0]}:{server[1]}", tunnel=f"127.0.0.1:{TUNNELS[side]}"):
            return sipp.run_uac(pbx, scenario("uac.xml"), server, node.UAC_ADDRESS, 5080, calls, rate, node.CALLED, tunnel=tunnel)
        runs[side] = run
    bill, peer = compare(edge_node, proxy, runs, rounds, units, rate)
    return {**beside(bill.totals(), peer), "processes": bill.split()}


def calls(programs, rounds, quick):
    """CPU microseconds of all our processes per call (INVITE-100-180-200-ACK-BYE-200 over UDP), media programmed in a real
    plane over its stream; the same without what programs media, and with TLS to the PBX; and the highest clean rates."""
    units, tls_units, tls_rate = (3000, 1000, 250) if quick else (15000, 5000, 500)
    with contextlib.ExitStack() as running:
        edge_node = running.enter_context(node.running(programs, PROVISION))
        network = edge_node.network
        running.callback(sipp.Uas(network.core, scenario("uas.xml"), node.UAS_ADDRESS, 5060).stop)

        def ask(address):
            return lambda calls, rate: sipp.run_uac(network.pbx, scenario("uac.xml"), address, node.UAC_ADDRESS, 5080, calls,
                                                    rate, node.CALLED)
        runs = {"ours": ask("192.0.2.1:5060"), "peer": ask(f"192.0.2.1:{KAMAILIO_PORT}")}
        with contextlib.ExitStack() as udp:
            proxy = kamailio.Kamailio(network.edge, "kamailio-proxy.cfg", ("192.0.2.1", "198.51.100.1"), KAMAILIO_PORT,
                                      ("WITH_TOPOH",))
            udp.callback(proxy.stop)
            highest = {} if quick else {side: sipp.highest_clean_rate(run, 500) for side, run in runs.items()}
            rate = shared_rate(highest)
            bill, peer = compare(edge_node, proxy, runs, rounds, units, rate)
        tls = over_tls(running, edge_node, rounds, tls_units, tls_rate)
    both = beside(bill.totals(), peer, WANTED)
    return measure.result("signaling-calls", "CPU microseconds per call, all processes", bill.totals(), peer, PEER, {
        "wanted": WANTED, "reached": both["reached"],
        "without_media_programming_at_most": beside(bill.without_media(), peer, WANTED_WITHOUT_MEDIA),
        "processes": bill.split(), "tls_to_the_pbx": tls,
        "calls_per_run": units, "calls_per_second": rate, "highest_clean_rate": highest})
