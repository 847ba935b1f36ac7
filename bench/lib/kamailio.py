"""Debian's Kamailio as the neighbour to measure beside. Started with -x fm: its default allocator is a debugging one
and would make it four times slower than it is."""
import os
import socket
import subprocess
import tempfile
import time

from . import measure

SERVER_CPU = 0
HERE = os.path.dirname(os.path.abspath(__file__))


class Kamailio:
    def __init__(self, namespace, config, addresses, port, defines=()):
        self.namespace = namespace
        self.directory = tempfile.TemporaryDirectory(prefix="sallyport-bench-")
        command = ["kamailio", "-f", os.path.join(HERE, "..", "signaling", config), "-x", "fm", "-m", "512", "-M", "16",
                   "-DD", "-E", *(word for address in addresses for word in ("-l", f"udp:{address}:{port}")), "-Y", self.directory.name, "-w", self.directory.name,
                   "--atexit=no"]
        for define in defines:
            command += ["-A", define]
        self.log = open(os.path.join(self.directory.name, "log"), "w+")
        self.process = subprocess.Popen(namespace.prefix(*measure.pinned(SERVER_CPU, command)), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self._wait_for_answer(addresses[0], port)

    def _wait_for_answer(self, address, port):
        probe = (f"OPTIONS sip:{address}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKready;rport\r\n"
                 f"From: <sip:probe@{address}>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n"
                 "Max-Forwards: 0\r\nContent-Length: 0\r\n\r\n").encode()
        with self.namespace.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.bind((address, 0))
            sock.settimeout(0.2)
            deadline = time.monotonic() + 15
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                try:
                    sock.sendto(probe, (address, port))
                    sock.recvfrom(4096)
                    return
                except OSError:
                    continue
        self.log.seek(0)
        raise RuntimeError("Kamailio did not start:\n" + self.log.read()[-2000:])

    def cpu_seconds(self):
        return measure.cpu_seconds(self.process.pid)

    def stop(self):
        measure.stop(self.process)
        self.log.close()
        self.directory.cleanup()
