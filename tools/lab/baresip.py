"""Debian's baresip as the telephone of a site: its configuration, its control socket, its recordings."""
import json
import math
import queue
import socket
import struct
import threading
import wave
from pathlib import Path

from . import audio
from .process import Process, wait_until

# Codecs and encryption come first: an account that names what is not loaded yet does without it, in silence.
MODULES = ('g711.so', 'srtp.so', 'aufile.so', 'aubridge.so', 'sndfile.so', 'account.so', 'menu.so', 'ctrl_tcp.so')
MODULE_PATH = '/usr/lib/baresip/modules'
CONTROL_PORT = 4444


def write_tone(path, hertz, seconds, rate=8000, amplitude=9000):
    with wave.open(str(path), 'wb') as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        values = (int(amplitude * math.sin(2 * math.pi * hertz * n / rate)) for n in range(rate * seconds))
        out.writeframes(b''.join(struct.pack('<h', v) for v in values))


class Baresip:
    def __init__(self, namespace, run_directory, account, *, interface, ca_file=None, tone_hertz=440, listen=None,
                 name='baresip'):
        """`listen`: host:port that it can be called at, over UDP and TCP; `name`: of its files, where there are several."""
        self.namespace, self.directory = namespace, Path(run_directory) / name
        self.recordings = self.directory / 'recordings'
        self.recordings.mkdir(parents=True)
        write_tone(self.directory / 'tone.wav', tone_hertz, 60)
        lines = [f'module_path {MODULE_PATH}', *(f'module {m}' for m in MODULES),
                 f'net_interface {interface}', 'net_prefer_ipv6 no',
                 f'audio_source aufile,{self.directory}/tone.wav', 'audio_player aubridge,quiet',
                 'audio_alert aubridge,quiet', 'ausrc_srate 8000', 'auplay_srate 8000', 'ausrc_channels 1',
                 'auplay_channels 1', f'snd_path {self.recordings}', f'ctrl_tcp_listen 127.0.0.1:{CONTROL_PORT}',
                 'call_local_timeout 60', 'rtp_timeout 30']
        if listen:
            lines.append(f'sip_listen {listen}')
        if ca_file:
            lines.append(f'sip_cafile {ca_file}')
        (self.directory / 'config').write_text('\n'.join(lines) + '\n')
        (self.directory / 'accounts').write_text(account + '\n')
        (self.directory / 'contacts').write_text('')
        self.name, self.events, self._old = name, queue.Queue(), set()
        self._answers = queue.Queue()
        self.process = Process(name, namespace.prefix('baresip', '-4', '-f', str(self.directory)), run_directory)
        self._connect()

    def _connect(self):
        def attempt():
            self.process.require_alive()
            with self.namespace.entered():
                try:
                    return socket.create_connection(('127.0.0.1', CONTROL_PORT), 1)
                except OSError:
                    return None
        self._socket = wait_until(attempt, 15, 'baresip opens its control socket')
        self._socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True, name='baresip').start()

    def _read(self):
        """Netstrings (LENGTH:JSON,), events and answers mixed."""
        buffer = b''
        while True:
            try:
                chunk = self._socket.recv(65_536)
            except OSError:
                return
            if not chunk:
                return
            buffer += chunk
            while b':' in buffer:
                length, rest = buffer.split(b':', 1)
                if len(rest) < int(length) + 1:
                    break
                message = json.loads(rest[:int(length)])
                buffer = rest[int(length) + 1:]
                (self.events if message.get('event') else self._answers).put(message)

    def command(self, name, parameters=''):
        text = json.dumps({'command': name, 'params': parameters, 'token': 'lab'}).encode()
        self._socket.sendall(b'%d:%s,' % (len(text), text))
        return self._answers.get(timeout=5)

    def wait_event(self, *kinds, timeout=10):
        """The next event of one of these types; others that come before it are passed over."""
        seen = []
        while True:
            try:
                event = self.events.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError(f'baresip did not report {" or ".join(kinds)} within {timeout} s; '
                                   f'it said {seen or "nothing"} (log: {self.process.log})') from None
            if event.get('type') in kinds:
                return event
            seen.append(event.get('type'))

    def forget_events(self):
        """Begins anew: the events, and recordings, that there are belong to earlier calls. The events."""
        with self.events.mutex:
            earlier = list(self.events.queue)
            self.events.queue.clear()
        self._old = set(self.recordings.glob('*dec*.wav'))
        return earlier

    def dial(self, uri):
        return self.command('dial', uri)

    def accept(self):
        return self.command('accept')

    def hang_up(self):
        return self.command('hangup')

    def recording(self):
        """The newest recording of what was heard in a call."""
        heard = sorted(self.recordings.glob('*dec*.wav'), key=lambda p: p.stat().st_mtime)
        return heard[-1] if heard else None

    def heard_seconds(self, hertz):
        """For how long it has heard this tone since forget_events(). It begins a recording whenever its media changes."""
        return sum(audio.tone_seconds(p, hertz) for p in set(self.recordings.glob('*dec*.wav')) - self._old)

    def stop(self):
        if self.process.alive:
            self._socket.close()
        return self.process.stop()
