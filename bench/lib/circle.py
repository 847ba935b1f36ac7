"""media-circle, media-scaling: the lcore loop over net_ring with no generator in it; see media/relay_circle.cpp."""
import os
import sys

from . import measure, programs as own_programs, testpmd

SESSIONS, FLIGHT = 10_000, 512
HEADERS, RTP = 42, 172


def circle(programs, seconds, *more):
    command = [os.path.join(programs, "bench", "relay_circle"), "--sessions", str(SESSIONS), "--flight", str(FLIGHT),
               "--seconds", str(seconds), *more]
    run = own_programs.run_json(command)
    if run["dropped"]:
        raise RuntimeError(f"packets were dropped in the circle: {run['drops']}")
    return run["packets_per_second"][0]


def relay(programs, rounds, quick):
    """Packets/s of one lcore, RTP to RTP over net_ring with 10,000 sessions, beside dpdk-testpmd in 5tswap mode."""
    seconds = 0.5 if quick else 1
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(round(circle(programs, seconds)))
        peer.append(round(testpmd.packets_per_second("5tswap", HEADERS + RTP, FLIGHT, seconds)))
        print(f"  {ours[-1]:,} packets/s; testpmd {peer[-1]:,}", file=sys.stderr, flush=True)
    at_least = 0.4
    report = measure.result("media-circle", "packets per second and core", ours, peer,
                            "dpdk-testpmd 5tswap over net_ring", {"sessions": SESSIONS, "packets_under_way": FLIGHT})
    return report | {"wanted": at_least, "reached": report["ratio"] >= at_least}


def scaling(programs, rounds, quick):
    """Packets/s of two lcores, RTP to RTP over net_ring, beside one; and with every other packet on the wrong lcore."""
    if len(os.sched_getaffinity(0)) < 2:
        raise RuntimeError("two lcores want two processors: this cannot be judged here")
    seconds = 0.5 if quick else 1
    one, two, astray = [], [], []
    for _ in range(rounds):
        one.append(round(circle(programs, seconds)))
        two.append(round(circle(programs, seconds, "--lcores", "2")))
        astray.append(round(circle(programs, seconds, "--lcores", "2", "--astray")))
        print(f"  one {one[-1]:,}, two {two[-1]:,}, half handed over {astray[-1]:,}", file=sys.stderr, flush=True)
    at_least = 1.8
    report = measure.result("media-scaling", "packets per second of two lcores", two, one, "one lcore", {
        "half_handed_over": {"median": measure.median(astray), "runs": astray}})
    return report | {"wanted": at_least, "reached": report["ratio"] >= at_least}
