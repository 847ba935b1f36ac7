"""Debian's Kamailio as a proxy beside the edge. Started with -x fm: its default allocator is a debugging one and would
make it four times slower than it is."""
import contextlib
import os
import socket
import tempfile

from .process import Process

START_SECONDS = 15


class Kamailio:
    def __init__(self, namespace, run_directory, config, *, listen, defines=None, prefix=(), name='kamailio'):
        """`listen`: host:port (UDP) or transport:host:port, the first over UDP; `defines`: what -A sets; `prefix`: words
        before the command."""
        self.namespace = namespace
        sockets = [each if each.split(':')[0] in ('udp', 'tcp', 'tls') else f'udp:{each}' for each in listen]
        self._state = tempfile.TemporaryDirectory(prefix='sallyport-kamailio-')      # short: the names of UNIX sockets are
        command = ['kamailio', '-f', config, '-x', 'fm', '-m', '512', '-M', '16', '-DD', '-E', '-Y', self._state.name,
                   '-w', self._state.name, '--atexit=no']
        for each in sockets:
            command += ['-l', each]
        for key, value in (defines or {}).items():
            command += ['-A', key if value is None else f'{key}={value}']
        self.process = Process(name, namespace.prefix(*prefix, *map(str, command)), run_directory)
        host, _, port = sockets[0].removeprefix('udp:').rpartition(':')
        try:
            with self._asking(host, int(port)) as answered:
                self.process.wait_for(answered, START_SECONDS, 'answers')
        except BaseException:
            self.stop()
            raise

    @contextlib.contextmanager
    def _asking(self, host, port):
        probe = (f'OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKready;rport\r\n'
                 f'From: <sip:probe@{host}>;tag=1\r\nTo: <sip:{host}>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n'
                 'Max-Forwards: 0\r\nContent-Length: 0\r\n\r\n').encode()
        with self.namespace.entered():
            asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with asking:
            asking.bind((host, 0))
            asking.settimeout(0.2)

            def answered():
                with contextlib.suppress(OSError):
                    asking.sendto(probe, (host, port))
                    return asking.recv(4096)
            yield answered

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.process.text()

    def stop(self):
        self.process.stop()
        self._state.cleanup()
