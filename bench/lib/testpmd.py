"""dpdk-testpmd beside our loop: packets in a circle through one net_ring, addresses and ports swapped in each and nothing
looked up. As many packets under way, of the same size, in bursts of the same size, on one processor."""
import os
import subprocess
import time

from . import measure

BURST = 32
PORT_FLIGHT = 512  # a net_ring has 1,024 places: more packets want more rings, which the one lcore takes in turn


def packets_per_second(mode, frame_bytes, flight, seconds, cpu=0):
    """What `mode` (5tswap, io) forwards in a second of its lcore's CPU time; raises when testpmd does not."""
    ports = -(-flight // PORT_FLIGHT)
    command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@1,1@{cpu}" if (os.cpu_count() or 1) > 1 else "0@0,1@0", "--no-pci",
               "--no-huge", "--no-shconf", "--no-telemetry", "-m", "256", "--file-prefix", f"bench-{os.getpid()}",
               *(f"--vdev=net_ring{i}" for i in range(ports)), "--", "-i", f"--forward-mode={mode}", f"--burst={BURST}", f"--txpkts={frame_bytes}",
               "--nb-cores=1", "--port-topology=loop", f"--total-num-mbufs={max(8191, 4 * flight - 1)}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        ask(process, f"start tx_first {flight // ports // BURST}")
        time.sleep(0.5)
        first, began = received(process, ports), cpu_seconds(process.pid)
        time.sleep(seconds)
        last, ended = received(process, ports), cpu_seconds(process.pid)
        ask(process, "stop")
        ask(process, "quit")
        process.communicate(timeout=10)
    finally:
        measure.stop(process)
    if last <= first:
        raise RuntimeError("dpdk-testpmd forwards nothing")
    return (last - first) / (ended - began)


def cpu_seconds(pid):
    """Of the lcore that forwards, which never rests: time that others had its processor is not its own."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as comm:
            if "worker" not in comm.read():
                continue
        with open(f"/proc/{pid}/task/{task}/schedstat") as schedstat:
            return int(schedstat.read().split()[0]) / 1e9
    raise RuntimeError("dpdk-testpmd has no worker")


def ask(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def received(process, ports):
    ask(process, "show port stats all")
    counts = []
    for line in process.stdout:
        if "RX-packets:" in line:
            counts.append(int(line.split("RX-packets:")[1].split()[0]))
            if len(counts) == ports:
                return sum(counts)
    raise RuntimeError("dpdk-testpmd ended early")
