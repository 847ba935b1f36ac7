"""parser, media-relay and media-srtp: programs of our own that measure in one process, run again and again."""
import json
import os
import subprocess

from . import measure


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{os.path.basename(command[0])}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


def parser(programs, rounds, quick):
    """Nanoseconds to parse a 1,327-byte INVITE with its SDP, beside osip2 from Debian in the same process."""
    command = [os.path.join(programs, "bench", "parser_bench"), "--benchmark_format=json",
               "--benchmark_filter=^invite/", f"--benchmark_min_time={0.1 if quick else 0.5}"]
    ours, peer = [], []
    for _ in range(rounds):
        for each in run_json(measure.pinned(0, command))["benchmarks"]:
            (ours if each["name"] == "invite/sallyport" else peer).append(round(each["cpu_time"], 1))
    return measure.result("parser", "nanoseconds per INVITE", ours, peer, "osip2")


def media(name, srtp):
    def bench(programs, rounds, quick):
        command = [os.path.join(programs, "bench", "relay_ring"), "--sessions", "500",
                   "--packets", "100000" if quick else ("500000" if srtp else "2000000")] + (["--srtp"] if srtp else [])
        runs = [run_json(command) for _ in range(rounds)]
        lost = sum(r["dropped"] for r in runs)
        if lost:
            raise RuntimeError(f"{lost} packets were dropped: not a clean run")
        ours = [r["packets_per_second"] for r in runs]
        return measure.result(name, "packets per second and core", ours, [], None,
                              {"mode": runs[0]["mode"], "sessions": runs[0]["sessions"],
                               "nanoseconds_per_packet": measure.median([r["nanoseconds_per_packet"] for r in runs])})
    bench.__doc__ = (f"Packets per second of one lcore over net_ring, {'SRTP to RTP' if srtp else 'RTP to RTP'}, 500 sessions. "
                     "net_ring has no kernel under it, so no relay over sockets stands beside it.")
    return bench
