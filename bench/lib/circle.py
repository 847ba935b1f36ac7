"""media-circle, media-scaling: the lcore loop over net_ring with no generator in it, see media/relay_circle.cpp; media-latency
and media-memory."""
import os
import sys

from . import measure, programs as own_programs, testpmd

SESSIONS, FLIGHT = 10_000, 512
HEADERS, RTP = 42, 172
MANY = 8192  # as many packets as there are sessions, nearly: neither side finds one in its caches


def circle(programs, seconds, *more, flight=FLIGHT):
    command = [os.path.join(programs, "bench", "relay_circle"), "--sessions", str(SESSIONS), "--flight", str(flight),
               "--seconds", str(seconds), *more]
    run = own_programs.run_json(command)
    if run["dropped"]:
        raise RuntimeError(f"packets were dropped in the circle: {run['drops']}")
    return run["packets_per_second"][0]


def relay(programs, rounds, quick):
    """Packets/s of one lcore, RTP to RTP over net_ring with 10,000 sessions, beside dpdk-testpmd in 5tswap mode."""
    seconds = 0.5 if quick else 1
    ours, peer = [], []
    summed, many, peer_many = [], [], []  # not the headline
    for _ in range(rounds):
        ours.append(round(circle(programs, seconds)))
        peer.append(round(testpmd.packets_per_second("5tswap", HEADERS + RTP, FLIGHT, seconds)))
        summed.append(round(circle(programs, seconds, "--verify")))
        many.append(round(circle(programs, seconds, flight=MANY)))
        peer_many.append(round(testpmd.packets_per_second("5tswap", HEADERS + RTP, MANY, seconds)))
        print(f"  {ours[-1]:,} packets/s; testpmd {peer[-1]:,}; checksums in software {summed[-1]:,}; with {MANY:,} "
              f"packets under way {many[-1]:,}; testpmd {peer_many[-1]:,}", file=sys.stderr, flush=True)
    at_least = 0.4
    report = measure.result("media-circle", "packets per second and core", ours, peer,
                            "dpdk-testpmd 5tswap over net_ring", {
        "sessions": SESSIONS, "packets_under_way": FLIGHT,
        "checksums_in_software": {"median": measure.median(summed), "runs": summed},
        f"with_{MANY}_packets_under_way": {
            "ours": measure.median(many), "peer": measure.median(peer_many),
            "ratio": round(measure.median(many) / measure.median(peer_many), 3),
            "runs": {"ours": many, "peer": peer_many}}})
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


def latency(programs, rounds, quick):
    """Microseconds that one lcore adds to a packet's way at half of what it can do, over net_ring: the 99.9th percentile."""
    command = [os.path.join(programs, "bench", "relay_ring"), "--delay", "--packets", "400000" if quick else "2000000"]
    runs = [own_programs.run_json(command) for _ in range(rounds)]
    if any(run["dropped"] for run in runs):
        raise RuntimeError("packets were dropped over net_ring: not a clean run")
    delays = {each: [run["microseconds"][each] for run in runs] for each in runs[0]["microseconds"]}
    at_most = 100
    report = measure.result("media-latency", "microseconds, 99.9th percentile", delays["p99.9"], [], None, {
        "p50": measure.median(delays["p50"]), "p99": measure.median(delays["p99"]), "delays": delays,
        "packets_per_second": [run["packets_per_second"] for run in runs]})
    return report | {"wanted_below": at_most, "reached": report["ours"] < at_most}


def memory(programs, rounds, quick):
    """Bytes of resident memory per session with SRTP on one leg, beyond what its SRTP contexts take by themselves."""
    command = [os.path.join(programs, "bench", "session_memory"), "--sessions", "2000" if quick else "10000"]
    runs = [own_programs.run_json(command) for _ in range(rounds)]
    at_most = 2000
    report = measure.result("media-memory", "bytes per session beyond its SRTP contexts",
                            [run["beyond_engine"] for run in runs], [run["engine_bytes"] for run in runs],
                            "its two SRTP contexts", {"whole": [run["bytes_per_session"] for run in runs]})
    return report | {"wanted_below": at_most, "reached": report["ours"] < at_most}


def srtp_rates(programs, rounds, quick):
    """Nanoseconds of SRTP per packet, 10,000 sessions: the burst engine, the multi-buffer library alone, libsrtp2; both ways."""
    suites = {}
    for suite, of_raw in (("AES_CM_128_HMAC_SHA1_80", 0.5), ("AEAD_AES_128_GCM", 0.3)):
        command = measure.pinned(0, [os.path.join(programs, "bench", "srtp_rates"), "--suite", suite, "--sessions", str(SESSIONS),
                                     "--bursts", "500" if quick else "2000", "--runs"])
        run = own_programs.run_json(command + [str(rounds)])
        # Its cost grows with the number of its sessions; this few are in its favour.
        stock = own_programs.run_json(command + [str(rounds), "--stock", "1", "--sessions", "500", "--bursts", "100"])
        for way in ("protect", "unprotect"):
            run[way] |= stock[way]
        for way in ("protect", "unprotect"):
            took = {who: measure.median(values) for who, values in run[way].items()}
            ratio = round(took["raw"] / took["burst"], 3)
            suites[f"{suite} {way}"] = took | {
                "of_raw": ratio, "wanted": of_raw, "reached": ratio >= of_raw,
                "times_libsrtp2": round(took["libsrtp2"] / took["burst"], 2), "wanted_times": 10,
                "reached_times": took["libsrtp2"] >= 10 * took["burst"], "runs": run[way]}
    first = suites["AES_CM_128_HMAC_SHA1_80 protect"]
    return measure.result("media-srtp-rates", "nanoseconds per packet (AES_CM_128_HMAC_SHA1_80, protect)",
                          first["runs"]["burst"], first["runs"]["raw"], "the multi-buffer library alone",
                          {"suites": suites})
