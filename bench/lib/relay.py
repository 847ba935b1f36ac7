"""media-relay and media-srtp: sallyport-media and rtpengine in turn, on the same cables, under the same load; and beside
them the ceiling, our loop over net_ring."""
import contextlib
import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass

from . import cables, load, measure, media_plane, programs as own_programs, rtpengine

SESSIONS = 500
RATES = {False: 150_000, True: 80_000}   # packets/s offered at most: less where this machine does not take it cleanly
LIGHT_RATE = 20_000                      # where waiting for packets costs more than relaying them
RATE_LIMIT = 2_000_000
ATTEMPTS = 2                             # unclean runs are made again, so many times the rounds
PEER = "rtpengine in userspace, one thread, same veth"


def key_for(srtp):
    return hashlib.sha256(b"sallyport bench").digest()[:30] if srtp else None


@contextlib.contextmanager
def ready(start, laid, programs, srtp):
    """A relay that has its sessions, and the load for it."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as directory:
        relay = start(laid, directory)
        try:
            key = key_for(srtp)
            places = relay.program(SESSIONS, (cables.SENDER, load.SEND_PORT), (cables.RECEIVER, load.COUNT_PORT), key)
            yield relay, load.Load(laid, programs, directory, places, key)
        finally:
            relay.stop()


@dataclass(frozen=True)
class Visit:
    """What was measured of one relay while it was up."""
    light: load.Run
    full: load.Run

    @property
    def fault(self):
        return self.light.fault or self.full.fault

    def words(self):
        return (f"{self.full.per_cpu_second:,.0f} packets per CPU second, {self.full.loss:.4%} lost; under light load "
                f"{self.light.per_cpu_second:,.0f}, {self.light.loss:.4%} lost"
                f"{'; not used: ' + self.fault if self.fault else ''}")

    def report(self):
        return {"light": self.light.report(), "full": self.full.report()}


def rate_of_both(starts, laid, programs, srtp):
    """What generator and both relays take without loss, with room to spare. Each rate is tried on a fresh relay: an
    rtpengine that has once fallen behind discards whatever comes on those ports ever after."""
    def try_rate(start, rate):
        with ready(start, laid, programs, srtp) as (relay, offered):
            offered.run(LIGHT_RATE, 1, relay.cpu_seconds)
            return offered.run(rate, 2, relay.cpu_seconds)

    rate = min(load.rate_with_room(name, lambda rate, start=start: try_rate(start, rate), RATES[srtp], LIGHT_RATE)
               for name, start in starts.items())
    print(f"  offered: {rate:,} packets/s", file=sys.stderr, flush=True)
    return rate


def visit(start, laid, programs, srtp, rate, seconds):
    """A fresh relay, alone on the cables: warmed up (neighbours, latches, caches), then measured."""
    with ready(start, laid, programs, srtp) as (relay, offered):
        offered.run(LIGHT_RATE, 1, relay.cpu_seconds)
        light = offered.run(LIGHT_RATE, seconds, relay.cpu_seconds)
        return Visit(light, offered.run(rate, seconds, relay.cpu_seconds))


def climb(start, laid, programs, srtp, rate):
    with ready(start, laid, programs, srtp) as (relay, offered):
        offered.run(LIGHT_RATE, 1, relay.cpu_seconds)
        return load.highest_clean_rate(lambda r: offered.run(r, 2, relay.cpu_seconds), rate, RATE_LIMIT)


def in_turn(sides, rounds, attempts, run):
    """Runs of each side, in turn, until each has so many clean ones; raises when that takes too many."""
    clean, unclean = {side: [] for side in sides}, {side: [] for side in sides}
    for _ in range(attempts):
        for side in sides:
            if len(clean[side]) < rounds:
                outcome = run(side)
                print(f"  {side}: {outcome.words()}", file=sys.stderr, flush=True)
                (unclean if outcome.fault else clean)[side].append(outcome)
        if all(len(runs) >= rounds for runs in clean.values()):
            return clean, unclean
    faults = "; ".join(f"{side}: {', '.join(r.fault for r in runs)}" for side, runs in unclean.items() if runs)
    raise RuntimeError(f"no {rounds} clean runs of each side in {attempts} attempts ({faults})")


def ring(programs, rounds, quick, srtp):
    """Our own loop without a kernel: what one lcore does when packets cost nothing to get and to give away."""
    command = [os.path.join(programs, "bench", "relay_ring"), "--sessions", str(SESSIONS),
               "--packets", "100000" if quick else ("500000" if srtp else "2000000")] + (["--srtp"] if srtp else [])
    runs = [own_programs.run_json(command) for _ in range(rounds)]
    lost = sum(r["dropped"] for r in runs)
    if lost:
        raise RuntimeError(f"{lost} packets were dropped over net_ring: not a clean run")
    return {"unit": "packets per second and core", "ours": measure.median([r["packets_per_second"] for r in runs]),
            "nanoseconds_per_packet": measure.median([r["nanoseconds_per_packet"] for r in runs]),
            "runs": [r["packets_per_second"] for r in runs]}


def report(name, srtp, rate, seconds, clean, unclean, extra):
    def values(which):
        return {side: [round(getattr(v, which).per_cpu_second) for v in visits] for side, visits in clean.items()}

    def losses(which):
        return {side: [round(getattr(v, which).loss, 6) for v in visits] for side, visits in clean.items()}

    full, light = values("full"), values("light")
    return measure.result(name, "packets per CPU second", full["ours"], full["peer"], PEER, {
        "mode": "srtp-to-rtp" if srtp else "rtp-to-rtp", "sessions": SESSIONS, "seconds_per_run": seconds,
        "offered_packets_per_second": rate, "loss": losses("full"),
        "light": {"offered_packets_per_second": LIGHT_RATE, "ours": measure.median(light["ours"]),
                  "peer": measure.median(light["peer"]),
                  "ratio": round(measure.median(light["ours"]) / measure.median(light["peer"]), 3),
                  "runs": light, "loss": losses("light")},
        "irq_time_accounting": measure.irq_time_accounting(),
        "unclean_runs": {side: [v.report() for v in visits] for side, visits in unclean.items()},
        **extra})


def media(name, srtp):
    def bench(programs, rounds, quick):
        seconds = 2 if quick else 5
        starts = {"ours": lambda laid, directory: media_plane.MediaPlane(laid, directory, programs),
                  "peer": rtpengine.Rtpengine}
        extra = {"ring": ring(programs, rounds, quick, srtp)}
        with cables.laid() as laid:
            rate = rate_of_both(starts, laid, programs, srtp)
            clean, unclean = in_turn(starts, rounds, ATTEMPTS * rounds,
                                     lambda side: visit(starts[side], laid, programs, srtp, rate, seconds))
            if not quick:
                extra["highest_clean_rate"] = {side: climb(starts[side], laid, programs, srtp, rate) for side in starts}
        return report(name, srtp, rate, seconds, clean, unclean, extra)
    bench.__doc__ = (f"Packets relayed per second of CPU time, {'SRTP to RTP' if srtp else 'RTP to RTP'}, {SESSIONS} "
                     "sessions at a rate both take, beside rtpengine on the same veth; and one lcore over net_ring.")
    return bench
