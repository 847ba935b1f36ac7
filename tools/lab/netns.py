"""Network namespaces and veth pairs (ip-netns(8)), and sockets of this process inside of them (setns(2))."""
import contextlib
import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(Exception):
    pass


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise NetworkError(f'{" ".join(command)}: {done.stderr.strip() or done.stdout.strip()}')
    return done.stdout


def existing():
    return [line.split()[0] for line in run('ip', 'netns', 'list').splitlines() if line.strip()]


class Namespace:
    def __init__(self, name):
        self.name = name

    def create(self):
        run('ip', 'netns', 'add', self.name)
        self.ip('link', 'set', 'lo', 'up')
        return self

    def delete(self):
        run('ip', 'netns', 'delete', self.name, check=False)

    def processes(self):
        return [int(pid) for pid in run('ip', 'netns', 'pids', self.name, check=False).split()]

    def prefix(self, *command):
        """The command line that runs this command in here."""
        return ['ip', 'netns', 'exec', self.name, *command]

    def run(self, *command, check=True):
        return run(*self.prefix(*command), check=check)

    def ip(self, *arguments):
        return run('ip', '-n', self.name, *arguments)

    @contextlib.contextmanager
    def entered(self):
        """Sockets that this thread opens meanwhile belong to the namespace, wherever they are used later."""
        with open(f'/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net') as home, \
                open(f'/run/netns/{self.name}') as there:
            _setns(there.fileno())
            try:
                yield self
            finally:
                _setns(home.fileno())


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise NetworkError(f'setns: {os.strerror(error)}')


def veth(first, first_interface, second, second_interface):
    """A cable between two namespaces, both ends up. Checksums and segments leave it finished: whoever reads frames
    past the kernel at the other end would get what offloads leave half done."""
    run('ip', 'link', 'add', first_interface, 'netns', first.name, 'type', 'veth',
        'peer', 'name', second_interface, 'netns', second.name)
    for namespace, interface in ((first, first_interface), (second, second_interface)):
        namespace.run('ethtool', '-K', interface, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off', check=False)
        namespace.ip('link', 'set', interface, 'up')
