"""refusals and avalanche: what a node does with more work than it can do."""
import contextlib
import re
import socket
import threading
import time

from lab import avalanche as crowd_module
from lab import process

from . import measure, node, signaling, sipp

STRANGER = "192.0.2.66"
BUSY = ("overload: {busy_ms: 1}\n")
TO_TAG = re.compile(rb"\r\n(?:To|t) *:[^\r\n]*;tag=([^;\r\n]+)")
CALL_ID = re.compile(rb"\r\nCall-ID: *([^\r\n]+)")


class Flood:
    """INVITEs of somebody nobody knows, a fixed number under way, each acknowledged when it is answered."""
    UNDER_WAY = 400

    def __init__(self, namespace):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self.socket.bind((STRANGER, 5090))
        self.socket.connect(("192.0.2.1", 5060))
        self.socket.settimeout(0.2)
        self.sent = self.refused = self.others = 0
        self.counting = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _message(self, method, number, tag=""):
        return (f"{method} sip:+4989777001@sip.sallyport.example;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGER}:5090;"
                f"branch=z9hG4bKflood{number};rport\r\nMax-Forwards: 70\r\nFrom: <sip:+4930100@sip.sallyport.example>;tag=f"
                f"\r\nTo: <sip:+4989777001@sip.sallyport.example>{tag}\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\n"
                f"Contact: <sip:{STRANGER}:5090>\r\nContent-Length: 0\r\n\r\n").encode()

    def _next(self):
        self.sent += 1
        with contextlib.suppress(OSError):
            self.socket.send(self._message("INVITE", self.sent))

    def _run(self):
        for _ in range(self.UNDER_WAY):
            self._next()
        while not self._stop.is_set():
            try:
                answer = self.socket.recv(65_535)
            except OSError:               # what was lost is replaced, or the flood would dry up
                for _ in range(self.UNDER_WAY):
                    self._next()
                continue
            tag, call_id = TO_TAG.search(answer), CALL_ID.search(answer)
            if not answer.startswith(b"SIP/2.0 100"):
                if self.counting:
                    refused = answer.startswith(b"SIP/2.0 503")
                    self.refused, self.others = self.refused + refused, self.others + (not refused)
                if tag and call_id:
                    with contextlib.suppress(OSError):
                        self.socket.send(self._message("ACK", call_id.group(1).decode(), f";tag={tag.group(1).decode()}"))
                self._next()

    def stop(self):
        self._stop.set()
        self._thread.join()
        self.socket.close()


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
            flood = Flood(network.pbx)
            try:
                process.wait_until(lambda: edge_node.scrape("signaling").get("sallyport_overload_level") >= 1, 60,
                                   "the flood overloads the node", every=0.2)
                for _ in range(rounds):
                    before, refused, others = node.cpu_seconds(edge_node), flood.refused, flood.others
                    flood.counting = True
                    time.sleep(seconds)
                    flood.counting = False
                    spent = node.cpu_seconds(edge_node) - before
                    refused, others = flood.refused - refused, flood.others - others
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
                          "cpu_seconds": round(node.cpu_seconds(edge_node), 2)})
    return measure.result("avalanche", f"seconds until all {count} are registered, begun within {within} s", ours, [], "",
                          {"rounds": facts})
