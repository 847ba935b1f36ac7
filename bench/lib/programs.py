"""parser, routes: programs of our own that measure in one process, run again and again."""
import json
import os
import statistics
import subprocess

from . import measure


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{os.path.basename(command[0])}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


def parser(programs, rounds, quick):
    """Nanoseconds to take a 1,327-byte INVITE and its SDP apart, beside the faster of sofia-sip and osip2 in the same process,
    which read the same fields (the program compares them first)."""
    command = [os.path.join(programs, "bench", "parser_bench"), "--benchmark_format=json",
               "--benchmark_filter=^invite", f"--benchmark_min_time={0.1 if quick else 0.5}"]
    runs = {"invite": {}, "invite-without-sdp": {}}
    for _ in range(rounds):
        for each in run_json(measure.pinned(0, command))["benchmarks"]:
            what, _, who = each["name"].partition("/")
            runs[what].setdefault(who, []).append(round(each["cpu_time"], 1))
    whole, alone = runs["invite"], runs["invite-without-sdp"]
    ours = whole.pop("sallyport")
    if not whole:
        raise RuntimeError("parser_bench was built without libosip2-dev and libsofia-sip-ua-dev: nothing stands beside it")
    fastest = min(whole, key=lambda peer: statistics.median(whole[peer]))
    return measure.result("parser", "nanoseconds per INVITE", ours, whole[fastest], fastest, {
        "peers": whole, "without_sdp": {who: {"median": statistics.median(each), "runs": each} for who, each in alone.items()}})


def routes(programs, rounds, quick):
    """Nanoseconds to find the longest of a million prefixes, beside an ordered map; what each number takes in memory."""
    command = [os.path.join(programs, "bench", "routes_bench"), "--benchmark_format=json",
               f"--benchmark_min_time={0.1 if quick else 0.5}"]
    ours, peer, memory = [], [], {}
    for _ in range(rounds):
        for each in run_json(measure.pinned(0, command))["benchmarks"]:
            (ours if each["name"] == "routes/sallyport" else peer).append(round(each["cpu_time"], 1))
            memory.update({k: round(v, 1) for k, v in each.items() if k.endswith("_bytes_per_number")})
    return measure.result("routes", "nanoseconds per look-up", ours, peer, "std::map of strings", memory)
