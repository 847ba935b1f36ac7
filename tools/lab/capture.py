"""What is on the wire, told by somebody else: dumpcap(1) records, tshark(1) reads."""
import subprocess
from collections import namedtuple

from .process import Process

Packet = namedtuple('Packet', 'source source_port destination destination_port payload')


class Capture:
    """Records interfaces of a namespace from the moment the constructor returns."""

    def __init__(self, namespace, interfaces, run_directory, name):
        self.file = f'{run_directory}/{name}.pcapng'
        options = [word for interface in interfaces for word in ('-i', interface)]
        self.process = Process(f'capture-{name}', namespace.prefix('dumpcap', '-q', '-B', '8', *options, '-w', self.file),
                               run_directory)
        self.process.wait_for(lambda: 'File:' in self.process.text(), 15, 'begins to record')

    def stop(self):
        self.process.stop()
        return self

    def udp(self, display_filter='udp'):
        """UDP packets that match, in order, payloads as bytes."""
        fields = ('ip.src', 'ipv6.src', 'udp.srcport', 'ip.dst', 'ipv6.dst', 'udp.dstport', 'udp.payload')
        rows = self.fields(display_filter, fields)
        return [Packet(r[0] or r[1], int(r[2]), r[3] or r[4], int(r[5]), bytes.fromhex(r[6].replace(':', '')))
                for r in rows]

    def fields(self, display_filter, fields, extra=(), occurrence='f'):
        """One row a packet; `occurrence`: of a field that is there several times f the first, a all, with commas."""
        command = ['tshark', '-n', '-r', self.file, *extra, '-Y', display_filter, '-T', 'fields', '-E', 'separator=/t',
                   '-E', f'occurrence={occurrence}']
        for field in fields:
            command += ['-e', field]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f'tshark: {done.stderr.strip()}')
        return [(line.split('\t') + [''] * len(fields))[:len(fields)] for line in done.stdout.splitlines()]

    def rtp(self, address, port):
        """What tshark takes for RTP to and from this endpoint: (packet, payload type, sequence, payload)."""
        fields = ('ip.src', 'udp.srcport', 'rtp.p_type', 'rtp.seq', 'rtp.payload')
        rows = self.fields(f'rtp && !icmp && ip.addr == {address} && udp.port == {port}', fields,
                           ('-d', f'udp.port=={port},rtp'))
        return [(r[0], int(r[1]), int(r[2]), int(r[3]), bytes.fromhex(r[4].replace(':', ''))) for r in rows if r[2]]
