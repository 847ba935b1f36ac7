"""An edge node in its namespace: node files, certificates, the three daemons, and what they say of themselves over the
command line, their metrics and their records."""
import contextlib
import json
import socket
import subprocess
from pathlib import Path

from . import netns, pki, process, prometheus
from .network import ACCESS, CORE, LINK_MEDIA

SERVER_NAME = 'sip.sallyport.example'
ONE_FOR_MANY = 'limits: {transactions_per_source: 1000000}\n'    # a peer of the lab stands for thousands of others
METRICS = {'control': '127.0.0.1:9101', 'media': '127.0.0.1:9102', 'signaling': '127.0.0.1:9103'}
CONTROL = '127.0.0.1:7443'
REMOTE_MEDIA = f'{LINK_MEDIA}:7444'
ORDER = ('control', 'media', 'signaling')
PORTS = {'udp': 5060, 'tcp': 5060, 'tls': 5061}
START_SECONDS = 30
CORE_UDP = CORE.signaling, PORTS['udp']


class Edge:
    def __init__(self, network, run_directory, programs, access=('tls',), lease_seconds=30, options=None, tls=None,
                 device='net_af_packet{number},iface={interface}', advertised=None, registrations=None):
        self.network, self.run, self.programs = network, Path(run_directory), Path(programs)
        self.lease_seconds = lease_seconds
        self.access = access
        self.options = options or {}      # daemon -> further lines of its node file
        self.tls = tls                    # edge -> (tls section of the access realm, further realms), as YAML
        self.device = device              # how DPDK takes the media cables
        self.advertised = advertised      # what the access realm says of itself: (SIP over IPv4[:port], media[, SIP over IPv6])
        self.registrations_file = registrations or f'{self.run}/registrations.db'     # "none": kept in memory alone
        self.before = {}                  # daemon -> a command that runs it at its next start, as words
        self.daemons = {}
        self.server_name = SERVER_NAME
        self.ca = None

    # -- addresses
    @property
    def access_udp(self):
        return ACCESS.signaling, PORTS['udp']

    @property
    def access_tcp(self):
        return ACCESS.signaling, PORTS['tcp']

    @property
    def access_tls(self):
        return ACCESS.signaling, PORTS['tls']

    @property
    def core_udp(self):
        return CORE_UDP

    @property
    def addresses(self):
        return [a for side in (ACCESS, CORE) for a in (side.signaling, side.media, side.signaling_v6, side.media_v6)]

    def namespace(self, daemon):
        return self.network.media if daemon == 'media' else self.network.edge

    def metrics_address(self, daemon):
        return METRICS[daemon]

    def service_addresses(self):
        """Every socket beside SIP and media: gRPC and HTTP."""
        return [CONTROL, *METRICS.values(), *(str(self.run / f'{daemon}.sock') for daemon in ORDER)]

    def connect(self, address):
        if address.startswith('/'):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(1)
            connection.connect(address)
            return connection
        host, port = address.rsplit(':', 1)
        with self.network.edge.entered():
            return socket.create_connection((host, int(port)), 1)

    # -- files
    def write_files(self):
        self.ca = pki.Authority(self.run / 'pki')
        hosts = [host.partition(':')[0] for host in (self.advertised or ())[::2] if host[0] not in '[0123456789']
        self.ca.issue('edge', names=[SERVER_NAME, *hosts], addresses=[ACCESS.signaling])
        self.ca.issue('control', names=['localhost'], addresses=['127.0.0.1'])
        self.ca.issue('operator', usage='clientAuth', unit='admin')
        if self.network.remote_media:
            self.ca.issue('media', addresses=[LINK_MEDIA])
            self.ca.issue('node', names=['edge-1.sallyport.example'], usage='clientAuth')
        for daemon, text in (('control', self._control()), ('media', self._media()), ('signaling', self._signaling())):
            more = self.options.get(daemon, '')
            if daemon == 'signaling' and 'limits:' not in more:
                more += ONE_FOR_MANY
            (self.run / f'{daemon}.yaml').write_text(text + more)

    def _pem(self, name):
        return self.run / 'pki' / f'{name}.pem', self.run / 'pki' / f'{name}.key'

    def _socket(self, daemon):
        return f'unix:{self.run}/{daemon}.sock'

    def _tls(self, name, more=''):
        certificate, key = self._pem(name)
        return f'tls: {{ca: {self.ca.certificate}, certificate: {certificate}, key: {key}{more}}}'

    def _control(self):
        media = f'{REMOTE_MEDIA}\n  media_{self._tls("node")}' if self.network.remote_media else self._socket('media')
        return f'''node: edge-1
oss:
  listen: {CONTROL}
  {self._tls('control')}
planes:
  listen: {self._socket('control')}
  signaling: {self._socket('signaling')}
  media: {media}
store: {{file: {self.run}/store.db}}
records: {{directory: {self.run}/records}}
metrics: {{listen: "{METRICS['control']}"}}
'''

    def _media(self):
        def port(number, name, side):
            device = self.device.format(number=number, interface=side.media_interface)
            return f'''  - name: {name}
    device: "{device}"
    addresses: ["{side.media}/24", "{side.media_v6}/64"]
'''
        grpc = f'listen: {self._socket("media")}'
        if self.network.remote_media:
            grpc = f'listen: "{REMOTE_MEDIA}", {self._tls("media", ", clients: [edge-1.sallyport.example]")}'
        return f'''node: edge-1
grpc: {{{grpc}}}
metrics: {{listen: "{METRICS['media']}"}}
lcores: 1
lease_seconds: {self.lease_seconds}
ports:
{port(0, 'access', ACCESS)}{port(1, 'core', CORE)}'''

    def _signaling(self):
        certificate, key = self._pem('edge')
        says, says_v6 = ([f', advertised: "{host}"' for host in (self.advertised or ())[::2]] + ['', ''])[:2]
        access = ''.join(f'      - {{transport: {t}, bind: "{address}:{PORTS[t]}"{more}}}\n' for t in self.access
                         for address, more in ((ACCESS.signaling, says), (f'[{ACCESS.signaling_v6}]', says_v6)))
        media = f'    media_advertised: ["{self.advertised[1]}"]\n' if self.advertised else ''
        core = ''.join(f'      - {{transport: {t}, bind: "{address}:{PORTS[t]}"}}\n' for t in ('udp', 'tcp')
                       for address in (CORE.signaling, f'[{CORE.signaling_v6}]'))
        target = f'{REMOTE_MEDIA}\n  {self._tls("node")}' if self.network.remote_media else self._socket('media')
        tls, more_realms = f'{{certificate: {certificate}, key: {key}, ca: {self.ca.certificate}}}', ''
        if self.tls:
            tls, more_realms = self.tls(self)
        return f'''node: edge-1
realms:
  - name: access
{media}    listeners:
{access}    tls: {tls}
{more_realms}  - name: core
    trusted: true
    listeners:
{core}media:
  target: {target}
  lease_seconds: {self.lease_seconds}
control:
  target: {self._socket('control')}
  cache: {self.run}/snapshot
grpc: {{listen: {self._socket('signaling')}}}
metrics: {{listen: "{METRICS['signaling']}"}}
records: {{directory: {self.run}/records}}
registrations: {{file: {self.registrations_file}}}
'''

    # -- life
    def start(self):
        self.write_files()
        for daemon in ORDER:
            self.start_daemon(daemon)
        for daemon in ORDER:
            self.wait_serving(daemon)
        self.wait_status(lambda s: all(d['reachable'] for d in s['daemons']) and s['signaling']['media_up'],
                         'every daemon reaches the others')

    def start_daemon(self, daemon):
        if daemon in self.daemons:          # of a case that failed before its kill
            self.daemons[daemon].kill()
        command = self.namespace(daemon).prefix(*self.before.get(daemon, ()), self.programs / f'sallyport-{daemon}', '--config',
                                                self.run / f'{daemon}.yaml')
        self.daemons[daemon] = process.Process(daemon, command, self.run)

    def wait_serving(self, daemon):
        """Its metrics answer: everything else of a daemon is up before."""
        self.daemons[daemon].wait_for(lambda: prometheus.answers(METRICS[daemon], self.namespace(daemon)), START_SECONDS,
                                      'is serving')

    def restart(self, daemon):
        self.daemons[daemon].stop()
        self.start_daemon(daemon)
        self.wait_serving(daemon)
        self.wait_recovered()

    def kill(self, daemon):
        """As the kernel's OOM killer would: no good-bye."""
        self.daemons[daemon].kill()

    def wait_recovered(self, timeout=30):
        self.wait_status(lambda s: all(d['reachable'] for d in s['daemons']) and s['signaling']['media_up']
                         and s['signaling']['control_up'] and s['signaling']['revision'] == s['revision'],
                         'the daemons have found each other again', timeout)

    def stop(self):
        for daemon in reversed(ORDER):
            if daemon in self.daemons:
                self.daemons[daemon].stop()

    def require_alive(self):
        for each in self.daemons.values():
            each.require_alive()

    def require_answering(self):
        """Alive, and still at work: status over the API shows every daemon reachable."""
        self.require_alive()
        away = [d['name'] for d in self.status()['daemons'] if not d['reachable']]
        if away:
            raise process.NotReady(f'{", ".join(away)} does not answer')

    # -- the command line
    def cli_command(self, *arguments):
        certificate, key = self._pem('operator')
        return self.network.edge.prefix(str(self.programs / 'sallyport'), '--server', CONTROL, '--ca',
                                        str(self.ca.certificate), '--cert', str(certificate), '--key', str(key), *arguments)

    def cli(self, *arguments, check=True):
        done = subprocess.run(self.cli_command(*arguments), capture_output=True, text=True, timeout=30)
        if check and done.returncode != 0:
            raise netns.NetworkError(f'sallyport {" ".join(arguments)}: exit status {done.returncode}: {done.stderr.strip()}')
        return done.stdout.rstrip('\n') if check else done

    def json(self, *arguments):
        return json.loads(self.cli('--json', *arguments))

    def apply(self, file):
        """Provisions, and waits until signaling works with it."""
        said = self.cli('apply', '-f', str(file))
        self.wait_status(lambda s: s['signaling']['revision'] == s['revision'], 'signaling has the new configuration')
        return said

    def status(self):
        return self.json('status')

    def wait_status(self, condition, what, timeout=15):
        def look():
            done = self.cli('--json', 'status', check=False)
            if done.returncode != 0:
                return False
            status = json.loads(done.stdout)
            return status if condition({'signaling': {}, **status}) else False
        return process.wait_until(_patient(look), timeout, what, every=0.1)

    def registrations(self):
        return self.json('registration', 'list')['registrations']

    def calls(self):
        return self.json('call', 'list', '--limit', '1000000')['calls']

    def warnings(self):
        return self.status()['warnings']

    def records(self):
        """Call records on the disk, oldest first. A record ends with its newline: what comes after the last one is still
        being written. Those that are gathered for the next write are waited for, while signaling is there to say so."""
        with contextlib.suppress(OSError, process.NotReady):
            process.wait_until(lambda: self.scrape('signaling').get('sallyport_call_record_queue') == 0, 1,
                               'no record waits for the disk', every=0.01)
        found = []
        for file in sorted((self.run / 'records').glob('*')):
            if file.is_file():
                found += [json.loads(line) for line in file.read_text().split('\n')[:-1] if line.startswith('{')]
        return found

    # -- what is left
    def scrape(self, daemon):
        return prometheus.scrape(METRICS[daemon], self.namespace(daemon))

    def leftovers(self):
        """What is alive and should not be when nobody calls: name -> count; empty is good."""
        media, signaling = self.scrape('media'), self.scrape('signaling')
        counts = {
            'calls': signaling.get('sallyport_calls'),
            'transactions': signaling.get('sallyport_sip_transactions'),
            'media sessions': media.get('sallyport_media_sessions'),
            'UDP port pairs': media.get('sallyport_media_udp_port_pairs') - media.get('sallyport_media_udp_port_pairs_free'),
            'mbufs': media.get('sallyport_media_mbufs_in_use'),
        }
        return {name: int(count) for name, count in counts.items() if count}

    def wait_no_leftovers(self, timeout, but=()):
        """`but`: what may still be there, e.g. transactions, which RFC 3261 keeps for 32 s after their last message."""
        process.wait_until(lambda: not set(self.leftovers()) - set(but), timeout, 'nothing is left of the calls', every=0.2)

    def facts(self):
        """Sentences for people about what runs."""
        media = self.daemons['media'].text()
        memory = ('hugepages' if 'hugepages=true' in media else
                  'ordinary memory (--no-huge): too few free hugepages, see vm.nr_hugepages')
        return [f'sallyport-{d}: process {p.pid}' for d, p in self.daemons.items()] + [f'DPDK runs on {memory}']


def _patient(look):
    """A look that fails for the moment (connection refused, a field not there yet) is a look that says no."""
    def patient():
        try:
            return look()
        except (KeyError, json.JSONDecodeError, subprocess.TimeoutExpired):
            return False
    return patient
