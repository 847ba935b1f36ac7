"""Processes that the lab starts: their own group, their output in a file, ended by us and only by their own id."""
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


class NotReady(Exception):
    pass


def wait_until(condition, timeout, what, every=0.02):
    """Waits for a condition; its value. Raises NotReady with the sentence when time is up."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise NotReady(f'{what} within {timeout:g} s')
        time.sleep(every)


class Process:
    def __init__(self, name, command, log_directory, environment=None, stdin=subprocess.DEVNULL):
        self.name, self.command = name, [str(c) for c in command]
        self.log = Path(log_directory) / f'{name}.log'
        with open(self.log, 'ab') as log:
            self._child = subprocess.Popen(self.command, stdin=stdin, stdout=log, stderr=subprocess.STDOUT,
                                           env={**os.environ, **(environment or {})}, start_new_session=True)

    @property
    def pid(self):
        return self._child.pid

    @property
    def stdin(self):
        return self._child.stdin

    @property
    def alive(self):
        return self._child.poll() is None

    @property
    def status(self):
        return self._child.poll()

    def text(self):
        return self.log.read_text(errors='replace')

    def last_lines(self, count=12):
        return '\n'.join(self.text().splitlines()[-count:])

    def wait(self, timeout=None):
        return self._child.wait(timeout)

    def require_alive(self):
        if not self.alive:
            raise NotReady(f'{self.name} ended with status {self.status}; its last words ({self.log}):\n'
                           f'{self.last_lines()}')

    def wait_for(self, condition, timeout, what):
        """Like wait_until, but gives up at once when the process has ended."""
        def check():
            value = condition()
            if not value:
                self.require_alive()
            return value
        return wait_until(check, timeout, f'{self.name}: {what}')

    def stop(self, timeout=10):
        """SIGTERM, then SIGKILL to the process group that this object started; its exit status."""
        if self.alive:
            self._signal(signal.SIGTERM)
            try:
                self._child.wait(timeout)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        return self._child.wait()

    def kill(self):
        self._signal(signal.SIGKILL)
        return self._child.wait()

    def _signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def resident_bytes(pid):
    return int(Path(f'/proc/{pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
