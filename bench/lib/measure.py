"""CPU time of processes and the statistics of repeated runs. Linux only: /proc."""
import gzip
import os
import statistics
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")


def children(pid):
    """pid and every process below it."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent == pid:
                found += children(int(entry))
    return found


def cpu_seconds(pid):
    """User and system time that the process and those below it have used so far."""
    total = 0
    for each in children(pid):
        try:
            with open(f"/proc/{each}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def thread_seconds(pid):
    """Time that each of its threads has used so far, by name, finer than the ticks of cpu_seconds(); of those that have ended
    nothing."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/comm") as comm, open(f"/proc/{pid}/task/{thread}/schedstat") as used:
                name = comm.read().strip()
                found[name] = found.get(name, 0) + int(used.read().split()[0]) / 1e9
        except OSError:
            continue
    return found


def softirq_seconds(cpu):
    """What the kernel's own thread for deferred network work has used on a processor. Such work is billed to whoever
    happens to run; only when there is much of it does it go to this thread, and then it must not get lost."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm") as name:
                    if name.read().strip() == f"ksoftirqd/{cpu}":
                        return cpu_seconds(int(entry))
            except OSError:
                continue
    return 0.0


def irq_time_accounting():
    """Whether this kernel keeps interrupts and softirq off the bill of the process they interrupt; None: not told."""
    for name, opened in (("/proc/config.gz", gzip.open), (f"/boot/config-{os.uname().release}", open)):
        try:
            with opened(name, "rt") as config:
                return "CONFIG_IRQ_TIME_ACCOUNTING=y\n" in config
        except OSError:
            continue
    return None


def median(values):
    return statistics.median(values)


def pinned(cpu, command):
    """The command, kept on one processor (on all when there is only one)."""
    if (os.cpu_count() or 1) < 2:
        return command
    return ["taskset", "-c", str(cpu)] + command


def stop(process):
    """Ends a process that we started, and waits for it."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def result(name, unit, ours, peer, peer_name, extra=None):
    """The one object that `bench/run NAME --json` prints. `ours` and `peer` are lists of raw values."""
    report = {
        "name": name,
        "unit": unit,
        "ours": median(ours) if ours else None,
        "peer": median(peer) if peer else None,
        "ratio": round(median(ours) / median(peer), 3) if ours and peer and median(peer) else None,
        "peer_name": peer_name,
        "runs": {"ours": ours, "peer": peer},
    }
    report.update(extra or {})
    return report
