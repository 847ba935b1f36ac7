"""SIPp, the call generator that nobody here wrote, and stunnel in front of it where it needs TLS."""
import csv
from pathlib import Path

from .process import Process, wait_until


class Sipp:
    """One run of a scenario. A caller ends by itself after its calls, a callee when it is stopped."""

    def __init__(self, namespace, run_directory, name, scenario, *, address, port, remote=None, calls=None, rate=None,
                 at_a_time=None, service=None, keys=None, injection=None, auth_uri=None, pause_ms=None,
                 transport='u1', timeout=300):
        self.directory = Path(run_directory) / f'sipp-{name}'
        self.directory.mkdir(exist_ok=True)
        self.statistics = self.directory / 'statistics.csv'
        command = ['sipp', '-sf', scenario, '-i', address, '-p', port, '-t', transport, '-nostdin', '-skip_rlimit',
                   '-trace_err', '-error_file', self.directory / 'errors.log', '-trace_stat', '-stf', self.statistics,
                   '-fd', '1', '-timeout', f'{timeout}s', '-buff_size', 4 << 20]
        for option, value in (('-m', calls), ('-r', rate), ('-l', at_a_time), ('-s', service), ('-inf', injection),
                              ('-auth_uri', auth_uri), ('-d', pause_ms)):
            if value is not None:
                command += [option, value]
        for key, value in (keys or {}).items():
            command += ['-key', key, value]
        if remote:
            command.append('%s:%d' % remote)
        self.process = Process(f'sipp-{name}', namespace.prefix(*map(str, command)), run_directory)
        self.timeout = timeout

    def wait(self):
        """Its counts when every call has ended."""
        self.process.wait(self.timeout + 30)
        return self.counts()

    def counts(self):
        with open(self.statistics) as lines:
            last = list(csv.DictReader(lines, delimiter=';'))[-1]
        return {'ok': int(last['SuccessfulCall(C)']), 'failed': int(last['FailedCall(C)']),
                'retransmissions': int(last['Retransmissions(C)']), 'exit': self.process.status}

    def errors(self, lines=20):
        log = self.directory / 'errors.log'
        return '\n'.join(log.read_text(errors='replace').splitlines()[:lines]) if log.exists() else ''

    def stop(self):
        self.process.stop()


def listening(namespace, port, protocol='udp'):
    """Whether somebody has bound this port: scenarios must not start before their callee listens."""
    table = namespace.run('ss', '-Hln' + ('u' if protocol == 'udp' else 't'))
    return any(line.split()[3].endswith(f':{port}') for line in table.splitlines() if line.strip())


def wait_listening(namespace, port, protocol='udp'):
    wait_until(lambda: listening(namespace, port, protocol), 10, f'somebody listens on {protocol} port {port}')


def stunnel(namespace, run_directory, *, accept, connect, ca_file, server_name, local=None):
    """Plain TCP on 127.0.0.1:accept becomes TLS to the edge, its certificate verified."""
    file = Path(run_directory) / 'stunnel.conf'
    bind = f'local = {local}\n' if local else ''
    file.write_text(f'foreground = yes\npid =\nsyslog = no\ndebug = notice\n[edge]\nclient = yes\naccept = 127.0.0.1:{accept}\n'
                    f'connect = {connect[0]}:{connect[1]}\n{bind}verifyChain = yes\nCAfile = {ca_file}\n'
                    f'checkHost = {server_name}\nsni = {server_name}\nsslVersionMin = TLSv1.2\nTIMEOUTclose = 0\n')
    process = Process('stunnel', namespace.prefix('stunnel4', str(file)), run_directory)
    process.wait_for(lambda: listening(namespace, accept, 'tcp'), 10, 'listens')
    return process
