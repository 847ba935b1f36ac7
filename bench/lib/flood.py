"""media-flood: how hard a flood may be before the calls beside it lose anything."""
import contextlib
import sys
from pathlib import Path

from lab import prometheus

from . import cables, load, media_plane, measure, relay

CALL_RATE = relay.LIGHT_RATE      # packets/s of the calls: 400 of G.711, one way
FLOOD_SOURCE_PORT = 40_010
FIRST_RATE, FACTOR = 20_000, 1.3
CLOSED_PORTS = 1_000


class Flood:
    """Packets to UDP ports that no call has, beside the load of the calls, from another socket of the same host."""

    def __init__(self, offered, laid, programs, directory, taken):
        self._offered, self._laid = offered, laid
        self._program = str(Path(programs) / "bench" / "rtp_load")
        self._file = Path(directory) / "closed"
        closed = [port for port in range(16_384, 32_768, 2) if port not in taken][-CLOSED_PORTS:]
        self._file.write_text("".join(f"{cables.RELAY_ACCESS} {port}\n" for port in closed))

    def run(self, rate, seconds, cpu_seconds):
        """(the calls' run, what the flood did not do; None when it did its part)"""
        with contextlib.ExitStack() as undo:
            sender = self._offered.start(self._laid.sender, "send", cables.SENDER, FLOOD_SOURCE_PORT, self._file, rate,
                                         seconds + 1, 1)
            undo.callback(load.end, sender)
            load.Load.line(sender)
            sender.stdin.write("\n")
            sender.stdin.flush()
            run = self._offered.run(CALL_RATE, seconds, cpu_seconds)
            done = load.Load.line(sender)
        fault = None
        if done["seconds"] > (seconds + 1) * load.CLEAN_PACE or done["sent"] < 0.99 * rate * (seconds + 1):
            fault = f"the flood had {done['sent']} packets in {done['seconds']:.2f} s, {rate * (seconds + 1):.0f} were to be sent"
        return run, fault


def drops(laid):
    seen = prometheus.scrape(media_plane.METRICS, laid.relay)
    told = {dict(labels)["reason"]: value for labels, value in seen.series("sallyport_media_dropped_packets_total").items() if value}
    return ", ".join(f"{reason} {value:.0f}" for reason, value in told.items()) + \
        f'; never received: {seen.get("sallyport_media_port_receive_missed_total"):.0f}'


def climb(laid, programs, seconds):
    def start(laid_, directory):
        return media_plane.MediaPlane(laid_, directory, programs)
    with relay.ready(start, laid, programs, srtp=False) as (plane, offered):
        offered.run(CALL_RATE, 1, plane.cpu_seconds)
        flood = Flood(offered, laid, programs, offered.directory, {port for _, port in offered.places})
        clean, rate = 0, FIRST_RATE
        while True:
            run, fault = flood.run(rate, seconds, plane.cpu_seconds)
            lost = run.offered - run.received
            print(f"  flood of {rate:,} packets/s: the calls lost {lost} of {run.offered}{'; ' + fault if fault else ''}",
                  file=sys.stderr, flush=True)
            if fault or run.generator_fault:
                return clean, fault or run.generator_fault, "generator"
            if lost != 0:
                return clean, f"the calls lost {lost} of {run.offered} packets ({run.sent} were sent); dropped so far: {drops(laid)}", "relay"
            clean, rate = rate, int(rate * FACTOR)


def media_flood(programs, rounds, quick):
    """The highest rate of a flood on closed ports that leaves calls at 20,000 packets/s with no loss at all, over veth."""
    with cables.laid() as laid:
        runs = [climb(laid, programs, 1 if quick else 3) for _ in range(rounds)]
    return measure.result("media-flood", "packets per second of the flood", [clean for clean, _, _ in runs], [], None, {
        "calls_packets_per_second": CALL_RATE, "sessions": relay.SESSIONS,
        "ended_by": [{"who": who, "why": why} for _, why, who in runs]})
