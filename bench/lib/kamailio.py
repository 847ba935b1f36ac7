"""Debian's Kamailio as the neighbour to measure beside, on the server's processor."""
import os
import tempfile

from lab import kamailio

from . import measure

SERVER_CPU = 0
CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "signaling")


class Kamailio(kamailio.Kamailio):
    def __init__(self, namespace, config, addresses, port, defines=()):
        self._directory = tempfile.TemporaryDirectory(prefix="sallyport-bench-")
        super().__init__(namespace, self._directory.name, os.path.join(CONFIGS, config),
                         listen=[f"{address}:{port}" for address in addresses],
                         defines=dict.fromkeys(defines),
                         prefix=measure.pinned(SERVER_CPU, []))

    def cpu_seconds(self):
        return measure.cpu_seconds(self.pid)

    def stop(self):
        super().stop()
        self._directory.cleanup()
