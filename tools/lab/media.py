"""rtp_probe as the media side of a peer: one process per leg, keys and ports as the descriptions agreed."""
import contextlib
import itertools
import json
import os
import socket

from .process import Process

_ports = itertools.count(os.getpid() % 4_000)


def free_port(address, namespace=None, first=40_000, count=9_000):
    """An even port that nobody has bound there, nor the odd one after it (RTCP). Never the same twice in a row: what
    is late for one call must not land in the next."""
    with namespace.entered() if namespace else contextlib.nullcontext():
        for number in itertools.islice(_ports, count):
            port = first + 2 * (number % count)
            if all(_bindable(address, p) for p in (port, port + 1)):
                return port
    raise RuntimeError(f'no free UDP port on {address}')


def _bindable(address, port):
    with socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, port))
            return True
        except OSError:
            return False


class Probe:
    """Talks to `remote` (a Stream of the other side's description) from `local` (a Stream of ours)."""

    def __init__(self, binary, namespace, run_directory, name, local, remote, *, duration=2.0, wait=10.0, tone=None,
                 record=None, send_key=None, sequence=None, payload_type=None):
        host = f'[{local.address}]' if ':' in local.address else local.address
        to = f'[{remote.address}]' if ':' in remote.address else remote.address
        command = [binary, '--json', '--local', f'{host}:{local.port}', '--remote', f'{to}:{remote.port}',
                   '--duration', duration, '--wait', wait]
        if remote.rtcp_port:
            command += ['--remote-rtcp', f'{to}:{remote.rtcp_port}']
        if local.cryptos:
            ours, theirs = local.cryptos[0], remote.cryptos[0]
            command += ['--suite', theirs.suite, '--srtp-send-key', send_key or ours.key, '--srtp-recv-key', theirs.key]
        if sequence is not None:
            command += ['--sequence', sequence]
        if payload_type is not None:
            command += ['--payload-type', payload_type]
        if tone:
            command += ['--tone', tone]
        if record:
            command += ['--record', record]
        self.process = Process(f'probe-{name}', namespace.prefix(*map(str, command)), run_directory)
        self.duration, self.patience = duration, wait

    def event(self, kind):
        for line in reversed(self.process.text().splitlines()):
            if line.startswith('{') and json.loads(line).get('event') == kind:
                return json.loads(line)
        return None

    def wait_ready(self):
        self.process.wait_for(lambda: self.event('ready') or self.event('result'), 5, 'ready')
        return self

    def result(self):
        """Waits for the end of the signal; what was received, as a dictionary."""
        self.process.wait(self.duration + self.patience + 10)
        found = self.event('result')
        if found is None:
            raise RuntimeError(f'{self.process.name}: {self.process.last_lines()}')
        return found

    def stop(self):
        self.process.stop()
