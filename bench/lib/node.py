"""A Sallyport node to measure: the lab's edge between two namespaces, its signaling daemon kept on one processor."""
import contextlib
import os
import tempfile
from pathlib import Path

from lab import edge, network

from . import measure

SERVER_CPU = 0
UAC_ADDRESS, UAS_ADDRESS = "192.0.2.20", "198.51.100.10"
CALLED = "+4989777001"


def pin(pid, cpu):
    """Every thread of the process onto one processor."""
    if (os.cpu_count() or 1) < 2:
        return
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {cpu})


@contextlib.contextmanager
def running(programs, provision, access=("udp", "tls"), **edge_options):
    """The node, provisioned with this text. The other daemons share the generator's processor: what they need is little
    and is not what is measured."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-", dir="/tmp") as directory:
        net = network.Network("sallyport-bench").create()
        node = edge.Edge(net, directory, Path(programs) / "bin", access=access, **edge_options)
        try:
            node.start()
            file = Path(directory) / "provision.yaml"
            file.write_text(provision)
            node.apply(file)
            pin(node.daemons["signaling"].pid, SERVER_CPU)
            yield node
        finally:
            node.stop()
            net.delete()


def cpu_seconds(node):
    return measure.cpu_seconds(node.daemons["signaling"].pid)
