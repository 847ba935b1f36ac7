"""A running edge of its own for a test file: namespaces, daemons, provisioning and the parties on both sides. Everything
is taken down afterwards; the logs stay when a case failed to come up."""
import contextlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from cases import Skipped, any_failed, build_directory, require

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from lab import edge as edge_module, network, parties, process  # noqa: E402

STRANGER = '192.0.2.66'          # an address of the access network that no trunk knows
PBX_ADDRESS, CORE_ADDRESS = '192.0.2.10', '198.51.100.10'
DOMAIN, USER, PASSWORD = 'sip.sallyport.example', 'acme-hq', 'a test password'
PBX_NUMBER, CORE_NUMBER = '+4930555001', '+4989777001'


def pbx_trunk(**options):
    """The trunk of the fixture's PBX as it is provisioned, with these fields beside what it needs."""
    lines = ['kind: Trunk', f'name: trunks/{USER}', 'mode: registration', 'realm: access',
             f'registration_aor: sip:{USER}@{DOMAIN}', f'credentials: [{{username: {USER}, password: {PASSWORD}}}]',
             'numbers: [{first: "+4930555000", last: "+4930555099"}]', *(f'{name}: {value}' for name, value in options.items())]
    return '\n'.join(lines) + '\n'


def without(text, *fields):
    """A provisioned object without these fields."""
    for field in fields:
        text = re.sub(rf'(?m)^{field}:.*\n(?:[ -].*\n)*', '', text + '\n')
    return text


class Lab:
    def __init__(self, name, access, lease_seconds, remote_media=False, **edge_options):
        self.run_directory = tempfile.mkdtemp(prefix=f'sallyport-{name}-')
        self.network = network.Network(f'sallyport-{name}', remote_media)
        self.edge_options = dict(access=access, lease_seconds=lease_seconds, **edge_options)
        self.pbx_number, self.core_number = PBX_NUMBER, CORE_NUMBER
        self.peer_addresses = [STRANGER, PBX_ADDRESS, CORE_ADDRESS, *network.ACCESS.peers_v6, *network.CORE.peers_v6]
        self.parties = {}
        self.edge = None

    def start(self):
        self.network.create()
        self.core()                      # before the edge first asks whether it is there
        self.edge = edge_module.Edge(self.network, self.run_directory, build_directory() / 'bin', **self.edge_options)
        self.edge.start()
        self.edge.apply(Path(__file__).resolve().parents[1] / 'system' / 'provision.yaml')
        self.resident_at_start = {n: process.resident_bytes(p.pid) for n, p in self.edge.daemons.items()}

    def stop(self):
        for party in self.parties.values():
            party.close()
        if self.edge:
            self.edge.stop()
        self.network.delete()

    @staticmethod
    def number_uri(number):
        return f'sip:{number}@{DOMAIN};user=phone'

    def pbx(self):
        """The registered PBX, made at first use and again after its connection was lost."""
        party = self.parties.get('pbx')
        if party is None or party.peer.transport.closed:
            party = parties.registered_pbx(
                self.network.pbx, self.run_directory, self.probe_binary, edge=self.edge.access_tls,
                ca_file=self.edge.ca.certificate, server_name=self.edge.server_name, domain=DOMAIN, user=USER,
                password=PASSWORD, address=PBX_ADDRESS)
            response = party.peer.register(bulk=True)
            require(response is not None and response.status == 200, f'REGISTER: {response and response.start_line}')
            self.parties['pbx'] = party
        return party

    def core(self):
        if 'core' not in self.parties:
            self.parties['core'] = parties.core(self.network.core, self.run_directory, self.probe_binary,
                                                edge=edge_module.CORE_UDP, address=CORE_ADDRESS)
        return self.parties['core']

    @property
    def probe_binary(self):
        return str(build_directory() / 'bin' / 'rtp_probe')

    def require_no_leftovers(self, timeout=40):
        """Zero calls, sessions, media ports and transactions: waits for the timers of RFC 3261 that have to run out."""
        process.wait_until(lambda: not self.edge.leftovers(), timeout,
                           f'nothing is left ({self.edge.leftovers() or "nothing"})')


@contextlib.contextmanager
def running_edge(name, access=('tls',), prepare=None, lease_seconds=30, **edge_options):
    if os.geteuid() != 0:
        raise Skipped('needs root for network namespaces')
    lab = Lab(name, access, lease_seconds, **edge_options)
    try:
        lab.start()
        if prepare:
            prepare(lab)
        yield lab
    except Exception:
        print(f'logs: {lab.run_directory}', flush=True)
        lab.stop()
        raise
    lab.stop()
    if any_failed():
        print(f'logs: {lab.run_directory}', flush=True)
    else:
        shutil.rmtree(lab.run_directory, ignore_errors=True)
