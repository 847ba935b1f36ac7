"""One measured run of a relay: rtp_load sends at a stated rate on one cable and counts on the other, while the relay's
CPU time is read. What a run is worth (clean or not) is judged here."""
import contextlib
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import cables, measure

GENERATOR_CPU = 1
SEND_PORT, COUNT_PORT = 40_000, 40_002
CLEAN_LOSS = 0.001      # of what was offered
CLEAN_PACE = 1.05       # how much longer than asked for the generator may take
PATIENCE = 5            # seconds for the first packet to come
SETTLE_SECONDS = 0.05   # for what is still in the relay's queues


@dataclass(frozen=True)
class Run:
    offered: int          # packets that should have been sent
    sent: int             # that the generator's kernel took
    received: int         # that came out of the relay
    uncounted: int        # that came out and found the counter's socket full
    seconds: float        # the generator took
    wanted_seconds: float
    cpu_seconds: float    # of the relay

    @property
    def loss(self):
        return (self.offered - self.received) / self.offered if self.offered else 1.0

    @property
    def per_cpu_second(self):
        return self.received / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def generator_fault(self):
        """What the generator did not do; None when it did its part."""
        if self.uncounted or self.offered - self.sent > CLEAN_LOSS * self.offered:
            return f"the generator sent {self.sent} of {self.offered} packets and did not count {self.uncounted}"
        if self.seconds > self.wanted_seconds * CLEAN_PACE:
            return f"the generator took {self.seconds:.2f} s instead of {self.wanted_seconds:g}"
        return None

    @property
    def fault(self):
        """Why this run is not a measurement; None when it is one."""
        if self.generator_fault:
            return self.generator_fault
        if self.received > self.sent:
            return "more came out than went in"
        if self.offered - self.received > CLEAN_LOSS * self.offered:
            return f"{self.loss:.2%} lost"
        if self.cpu_seconds <= 0:
            return "too short to be told in CPU time"
        return None

    def report(self):
        return {**asdict(self), "loss": round(self.loss, 6), "packets_per_cpu_second": round(self.per_cpu_second),
                "fault": self.fault}


class Load:
    def __init__(self, laid, programs, directory, places, key):
        self._cables, self._key = laid, key
        self.directory, self.places = directory, places
        self._program = str(Path(programs) / "bench" / "rtp_load")
        self._destinations = Path(directory) / "destinations"
        self._destinations.write_text("".join(f"{address} {port}\n" for address, port in places))
        self._streams = len(places)
        self._sequence = 1  # a stream goes on where it was: SRTP refuses what it has heard

    def start(self, namespace, *words):
        command = measure.pinned(GENERATOR_CPU, [self._program, *map(str, words)])
        return subprocess.Popen(namespace.prefix(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def line(child):
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"rtp_load ended with status {child.wait()}")
        return json.loads(line)

    def _socket_full(self):
        """Packets that the receiving side's kernel had no room for in a socket."""
        return udp_counter(self._cables.receiver.run("cat", "/proc/net/snmp"), "RcvbufErrors")

    def run(self, rate, seconds, cpu_seconds):
        """`cpu_seconds()` tells what the relay has used so far."""
        send = ["send", cables.SENDER, SEND_PORT, self._destinations, rate, seconds, self._sequence]
        if self._key:
            send.append(self._key.hex())
        with contextlib.ExitStack() as undo:
            sender = self.start(self._cables.sender, *send)
            undo.callback(end, sender)
            self.line(sender)  # ready; the counter's patience begins after the making of packets
            counter = self.start(self._cables.receiver, "count", cables.RECEIVER, COUNT_PORT, PATIENCE + seconds)
            undo.callback(end, counter)
            self.line(counter)
            full = self._socket_full()
            before = cpu_seconds()
            sender.stdin.write("\n")
            sender.stdin.flush()
            sent = self.line(sender)
            time.sleep(SETTLE_SECONDS)
            used = cpu_seconds() - before
            received = self.line(counter)["received"] if sent["sent"] else 0
            full = self._socket_full() - full
        offered = int(rate * seconds)
        self._sequence += -(-offered // self._streams)
        return Run(offered, sent["sent"], received, full, sent["seconds"], seconds, used)


def udp_counter(snmp, name):
    """A counter of /proc/net/snmp: a line of names and a line of values, both beginning with the protocol."""
    names, values = (line.split() for line in snmp.splitlines() if line.startswith("Udp:"))
    return int(values[names.index(name)])


def highest_clean_rate(run, start, limit, factor=1.2):
    """Climbs until a run is not clean any more: the last clean rate, and who gave up first."""
    clean, rate = 0, start
    while rate <= limit:
        outcome = run(rate)
        if outcome.fault:
            return {"packets_per_second": clean, "limited_by": "generator" if outcome.generator_fault else "relay",
                    "fault": outcome.fault}
        clean, rate = rate, int(rate * factor)
    return {"packets_per_second": clean, "limited_by": "limit", "fault": None}


def rate_with_room(side, run, start, floor, factor=1.25):
    """Descends from `start` to the first clean rate; below `start` one step more, since that one was the limit."""
    rate = start
    while rate >= floor:
        outcome = run(rate)
        if not outcome.fault:
            return rate if rate == start else max(floor, int(rate / factor))
        rate = int(rate / factor)
    raise RuntimeError(f"{side}: not even {floor:,} packets/s are relayed cleanly here ({outcome.fault})")


def end(child):
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
