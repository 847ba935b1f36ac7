"""sallyport-media alone, on the same cables as its peer: net_af_packet, one lcore, the sessions asked for over gRPC."""
import contextlib
import os
import subprocess
from pathlib import Path

from lab import process

from . import cables, measure

SERVER_CPU = 0
METRICS = "127.0.0.1:9102"
START_SECONDS = 30
# 4,096 frames: what a socket's default buffer times hundreds of sockets gives the peer, net_af_packet's 512 do not.
RING = "blocksz=4096,framesz=2048,framecnt=4096"


def node_file(directory):
    return f"""node: bench
grpc: {{listen: "unix:{directory}/media.sock"}}
metrics: {{listen: "{METRICS}"}}
lcores: 1
ports:
  - name: access
    device: "net_af_packet0,iface={cables.ACCESS_INTERFACE},{RING}"
    addresses: ["{cables.RELAY_ACCESS}/24"]
  - name: core
    device: "net_af_packet1,iface={cables.CORE_INTERFACE},{RING}"
    addresses: ["{cables.RELAY_CORE}/24"]
"""


class MediaPlane:
    name = "Sallyport"

    def __init__(self, laid, directory, programs):
        self._cables, self._programs = laid, Path(programs)
        self._socket = f"unix:{directory}/media.sock"
        self._undo = contextlib.ExitStack()
        file = Path(directory) / "media.yaml"
        file.write_text(node_file(directory))
        command = measure.pinned(SERVER_CPU, [str(self._programs / "bin" / "sallyport-media"), "--config", str(file)])
        self.process = process.Process("media", laid.relay.prefix(*command), directory)
        self._undo.callback(self.process.stop)
        try:
            self.process.wait_for(lambda: os.path.exists(f"{directory}/media.sock"), START_SECONDS, "listens")
        except BaseException:
            self._undo.close()
            raise

    def program(self, sessions, sender, receiver, key):
        """As rtpengine's: where each of the sender's streams is to go."""
        command = [str(self._programs / "bench" / "media_sessions"), self._socket, str(sessions),
                   "%s:%d" % sender, "%s:%d" % receiver] + ([key.hex()] if key else [])
        client = subprocess.Popen(measure.pinned(SERVER_CPU, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        self._undo.callback(self._release, client)
        places = []
        for line in client.stdout:
            if not line.strip():
                return places
            address, port = line.split()
            places.append((address, int(port)))
        raise RuntimeError("media_sessions ended early\n" + self.process.last_lines())

    @staticmethod
    def _release(client):
        client.stdin.close()
        client.stdout.close()
        try:
            client.wait(10)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()

    def cpu_seconds(self):
        return measure.cpu_seconds(self.process.pid) + measure.softirq_seconds(SERVER_CPU)

    def stop(self):
        self._undo.close()
