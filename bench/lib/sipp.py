"""Runs SIPp, the independent call generator, and reads its own count of what happened."""
import csv
import os
import subprocess
import tempfile
import time

from . import measure

GENERATOR_CPU = 1


class Uas:
    """A SIPp that answers calls in the background until stopped."""

    def __init__(self, namespace, scenario, address, port):
        self.directory = tempfile.TemporaryDirectory(prefix="sallyport-bench-")
        command = ["sipp", "-sf", scenario, "-i", address, "-p", str(port), "-nostdin", "-aa",
                   "-skip_rlimit", "-buff_size", "4194304"]
        self.process = subprocess.Popen(namespace.prefix(*measure.pinned(GENERATOR_CPU, command)), cwd=self.directory.name,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        measure.stop(self.process)
        self.directory.cleanup()


def over_tls(scenario, target, address, directory):
    """The scenario as it is said behind a tunnel: Debian's SIPp has no TLS and would tell of TCP, and of the tunnel's address."""
    said = os.path.join(directory, "scenario.xml")
    with open(scenario, encoding="latin-1") as plain, open(said, "w", encoding="latin-1") as file:
        file.write(plain.read().replace("[transport]", "TLS").replace("[remote_ip]:[remote_port]", target)
                   .replace("[local_ip]:[local_port]>", f"{address}:[local_port];transport=tls>").replace("[local_ip]", address))
    return said


def run_uac(namespace, scenario, target, address, port, calls, rate, service="", inf=None,
            own_sockets=False, limit_seconds=120, tunnel=None):
    """Makes `calls` calls at `rate` per second. Returns {'ok', 'failed', 'retransmissions', 'seconds'}. `tunnel`: where
    stunnel takes what it says to `target` over TLS, all calls over one connection."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as directory:
        stats = os.path.join(directory, "stat.csv")
        heard = target
        if tunnel:
            scenario, heard = over_tls(scenario, target, address, directory), tunnel
            address = tunnel.rpartition(":")[0]
        command = ["sipp", heard, "-sf", scenario, "-i", address, "-p", str(port), "-m", str(calls),
                   "-r", str(rate), "-l", str(max(1000, rate * 4)), "-nostdin", "-trace_stat", "-stf", stats, "-fd", "1",
                   "-timeout", f"{limit_seconds}s", "-skip_rlimit", "-buff_size", "4194304"]
        if service:
            command += ["-s", service]
        if inf:
            command += ["-inf", inf]
        if own_sockets:
            command += ["-t", "un", "-max_socket", "10000"]
        if tunnel:
            command += ["-t", "t1"]
        started = time.monotonic()
        done = subprocess.run(namespace.prefix(*measure.pinned(GENERATOR_CPU, command)), cwd=directory, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seconds = time.monotonic() - started
        with open(stats) as lines:
            last = list(csv.DictReader(lines, delimiter=";"))[-1]
        return {"ok": int(last["SuccessfulCall(C)"]), "failed": int(last["FailedCall(C)"]),
                "retransmissions": int(last["Retransmissions(C)"]), "seconds": seconds, "exit": done.returncode}


def highest_clean_rate(run, start, limit=20000, seconds=3):
    """Climbs until a run is not clean any more: every call good, at most one retransmission in a thousand, and the
    generator kept its pace. The last clean rate, and who gave up first."""
    clean, rate = 0, start
    while rate <= limit:
        outcome = run(calls=rate * seconds, rate=rate)
        lossless = outcome["failed"] == 0 and outcome["retransmissions"] * 1000 <= outcome["ok"]
        if not lossless:
            return {"calls_per_second": clean, "limited_by": "server"}
        if outcome["seconds"] > seconds * 1.5 + 1:
            return {"calls_per_second": clean, "limited_by": "generator"}
        clean, rate = rate, int(rate * 1.3)
    return {"calls_per_second": clean, "limited_by": "limit"}
