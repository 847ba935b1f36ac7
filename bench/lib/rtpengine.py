"""Debian's rtpengine as the relay to measure beside, driven over its ng control protocol: a cookie, a space and a
bencoded dictionary in a datagram. Userspace forwarding, one worker thread: its kernel module is another product."""
import base64
import contextlib
import itertools
import socket
import time

from lab import process

from . import bencode, cables, measure

SERVER_CPU = 0
CONTROL = "127.0.0.1", 2223
START_SECONDS = 15


class Refused(RuntimeError):
    pass


class Control:
    """A client of the ng protocol. Answers are matched by their cookie; a lost one is asked for again."""

    def __init__(self, namespace, where=CONTROL, patience=1.0, attempts=5):
        with namespace.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(where)
        self._socket.settimeout(patience)
        self._attempts = attempts
        self._cookies = itertools.count(1)

    def ask(self, **command):
        cookie = f"bench{next(self._cookies)}"
        question = cookie.encode() + b" " + bencode.encode({k.replace("_", "-"): v for k, v in command.items()})
        for _ in range(self._attempts):
            self._socket.send(question)
            with contextlib.suppress(socket.timeout):
                while True:
                    mark, _, body = self._socket.recv(65_535).partition(b" ")
                    if mark.decode() == cookie:
                        return self._checked(command["command"], bencode.decode(body))
        raise Refused(f"rtpengine does not answer {command['command']}")

    @staticmethod
    def _checked(command, answer):
        if not isinstance(answer, dict) or answer.get("result") == "error":
            raise Refused(f"rtpengine refuses {command}: {answer}")
        return answer

    def close(self):
        self._socket.close()


def description(address, port, key=None):
    """SDP of a telephone that talks G.711, over SRTP when it has a key."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
             f"m=audio {port} RTP/{'SAVP' if key else 'AVP'} 8"]
    if key:
        lines.append(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(key).decode()}")
    return "".join(line + "\r\n" for line in lines)


def media_endpoint(sdp):
    """(address, port, profile) of the first stream of a description."""
    session, media = None, None
    for line in sdp.splitlines():
        if line.startswith("m="):
            if media:
                break
            words = line[2:].split()
            media = int(words[1]), words[2]
        elif line.startswith("c="):
            session = line.split()[2]
    if not session or not media:
        raise ValueError("the description names no stream")
    return session, *media


class Rtpengine:
    name = "rtpengine"

    def __init__(self, laid, directory):
        self._cables = laid
        self._undo = contextlib.ExitStack()
        try:
            self._undo.enter_context(laid.relay_addresses())
            command = ["rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--log-level=4", "--table=-1",
                       "--num-threads=1", "--media-num-threads=1", f"--interface=access/{cables.RELAY_ACCESS}",
                       f"--interface=core/{cables.RELAY_CORE}", f"--listen-ng={CONTROL[0]}:{CONTROL[1]}",
                       "--port-min=20000", "--port-max=60000", "--timeout=600", "--silent-timeout=600"]
            self.process = process.Process("rtpengine", laid.relay.prefix(*measure.pinned(SERVER_CPU, command)), directory)
            self._undo.callback(self.process.stop)
            self._control = Control(laid.relay)
            self._undo.callback(self._control.close)
            self._wait_for_answer()
        except BaseException:
            self._undo.close()
            raise

    def _wait_for_answer(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.process.require_alive()
            with contextlib.suppress(OSError, Refused):
                if self._control.ask(command="ping").get("result") == "pong":
                    return
            if time.monotonic() > deadline:
                raise Refused("rtpengine does not answer\n" + self.process.last_lines())
            time.sleep(0.1)

    def program(self, sessions, sender, receiver, key):
        """Calls from the sender, over SRTP when there is a key, to the receiver in clear; where each is to send."""
        return [self._call(f"bench-{i}", sender, receiver, key) for i in range(sessions)]

    def _call(self, call, sender, receiver, key):
        common = {"call_id": call, "from_tag": "a", "ICE": "remove", "replace": ["origin", "session-connection"]}
        self._control.ask(command="offer", sdp=description(*sender, key), direction=["access", "core"],
                          transport_protocol="RTP/AVP", **common)
        answer = self._control.ask(command="answer", to_tag="b", sdp=description(*receiver), **common)
        address, port, profile = media_endpoint(answer["sdp"])
        if profile != ("RTP/SAVP" if key else "RTP/AVP") or address != cables.RELAY_ACCESS:
            raise Refused(f"rtpengine answers {profile} on {address}")
        return address, port

    def cpu_seconds(self):
        return measure.cpu_seconds(self.process.pid) + measure.softirq_seconds(SERVER_CPU)

    def stop(self):
        self._undo.close()
