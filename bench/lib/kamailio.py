"""Debian's Kamailio as the neighbour to measure beside, on the server's processor."""
import os
import tempfile

from lab import kamailio

from . import measure

SERVER_CPU = 0
CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "signaling")


class Kamailio(kamailio.Kamailio):
    def __init__(self, namespace, config, addresses, port, defines=(), tls=None):
        """`tls`: the certificate and the key that its first address has, one port above."""
        self._directory = tempfile.TemporaryDirectory(prefix="sallyport-bench-")
        listen, said = [f"{address}:{port}" for address in addresses], dict.fromkeys(defines)
        if tls:
            listen.append(f"tls:{addresses[0]}:{port + 1}")
            file = os.path.join(self._directory.name, "tls.cfg")
            with open(file, "w") as config_file:
                config_file.write(f"[server:default]\nmethod = TLSv1.2+\ncertificate = {tls[0]}\nprivate_key = {tls[1]}\n")
            said["TLS_CONFIG"] = f'"{file}"'
        super().__init__(namespace, self._directory.name, os.path.join(CONFIGS, config), listen=listen, defines=said,
                         prefix=measure.pinned(SERVER_CPU, []))

    def cpu_seconds(self):
        return measure.cpu_seconds(self.pid)

    def stop(self):
        super().stop()
        self._directory.cleanup()
