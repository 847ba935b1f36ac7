"""A real DNS server (unbound) with a zone of the test's own, in a namespace of its own with a cable to the edge and one
to the PBXs, for whom it is the public DNS.

    dns 203.0.113.53 -------- 203.0.113.1 dns0 edge
        198.18.6.53  -------- 198.18.6.1  dns0 pbx
"""
import re
import signal
from pathlib import Path

from . import netns
from .process import Process, wait_until

ADDRESS, EDGE_ADDRESS = '203.0.113.53', '203.0.113.1'
PUBLIC_ADDRESS, PBX_ADDRESS = '198.18.6.53', '198.18.6.1'
CONFIGURATION = '''server:
  interface: {address}
  interface: {public}
  access-control: 0.0.0.0/0 allow
  module-config: "iterator"
  username: ""
  chroot: ""
  directory: "{directory}"
  pidfile: "{directory}/unbound.pid"
  do-daemonize: no
  use-syslog: no
  logfile: ""
  log-queries: yes
  do-ip6: no
  minimal-responses: yes
remote-control:
  control-enable: no
{zones}'''
ZONE = '''auth-zone:
  name: "{name}"
  zonefile: "{file}"
  for-downstream: yes
  for-upstream: no
  fallback-enabled: no
'''
# Answers that nobody has heard of are believed for two seconds (RFC 2308), so that tests need not wait.
HEAD = '''$ORIGIN {origin}.
$TTL {ttl}
@ IN SOA ns.{origin}. hostmaster.{origin}. {serial} 3600 600 86400 2
@ IN NS ns.{origin}.
ns IN A 203.0.113.53
'''


class DnsServer:
    """`origins`: the zones it has, without the trailing dot; each is empty until it is published."""

    def __init__(self, network, run_directory, origins=('example',)):
        self.network, self.run, self.origins = network, Path(run_directory), origins
        self.namespace = netns.Namespace(f'{network.name}-dns')
        self.process, self._serial = None, 0

    def start(self):
        if self.namespace.name in netns.existing():       # what a killed run has left behind
            self.namespace.delete()
        self.namespace.create()
        netns.veth(self.namespace, 'dns0', self.network.edge, 'dns0')
        self.namespace.ip('addr', 'add', f'{ADDRESS}/24', 'dev', 'dns0')
        self.network.edge.ip('addr', 'add', f'{EDGE_ADDRESS}/24', 'dev', 'dns0')
        netns.veth(self.namespace, 'public0', self.network.pbx, 'dns0')
        self.namespace.ip('addr', 'add', f'{PUBLIC_ADDRESS}/24', 'dev', 'public0')
        self.network.pbx.ip('addr', 'add', f'{PBX_ADDRESS}/24', 'dev', 'dns0')
        for origin in self.origins:
            self._write(origin, '')
        zones = ''.join(ZONE.format(name=o, file=self._file(o)) for o in self.origins)
        configuration = self.run / 'unbound.conf'
        configuration.write_text(CONFIGURATION.format(address=ADDRESS, public=PUBLIC_ADDRESS, directory=self.run, zones=zones))
        self.start_again()
        return self

    def start_again(self):
        log = self.run / 'unbound.log'
        started = log.read_text().count('start of service') if log.exists() else 0
        self.process = Process('unbound', self.namespace.prefix('unbound', '-d', '-c', str(self.run / 'unbound.conf')),
                               self.run)
        self.process.wait_for(lambda: self.process.text().count('start of service') > started, 10, 'is serving')

    def _file(self, origin):
        return self.run / f'{origin}.zone'

    def _write(self, origin, records, ttl=2):
        self._serial += 1
        self._file(origin).write_text(HEAD.format(origin=origin, ttl=ttl, serial=self._serial) + records)

    def publish(self, records, origin=None):
        """Serves these lines (names relative to the origin) in place of what the zone had; $TTL is 2 seconds."""
        started = self.process.text().count('start of service')
        self._write(origin or self.origins[0], records)
        self.process._signal(signal.SIGHUP)
        self.process.wait_for(lambda: self.process.text().count('start of service') > started, 10, 'has the new zone')

    def questions(self, pattern=''):
        """What it has been asked so far, in order: "SRV _sip._udp.pbx.example"."""
        found = re.findall(r'info: \S+ (\S+)\. (\S+) IN', self.process.text())
        return [q for q in (f'{kind} {name}' for name, kind in found) if re.search(pattern, q)]

    def wait_asked(self, pattern, more_than=0, timeout=10):
        wait_until(lambda: len(self.questions(pattern)) > more_than, timeout, f'DNS is asked for {pattern}')

    def silence(self):
        """From here on it answers nobody, as a resolver behind a broken cable."""
        self.namespace.ip('link', 'set', 'dns0', 'down')

    def speak(self):
        self.namespace.ip('link', 'set', 'dns0', 'up')

    def stop(self):
        if self.process:
            self.process.stop()
        self.namespace.delete()
