"""sallyport-signaling on a clock that goes faster than everybody else's (faketime): timers of hours within minutes."""
import shutil

from cases import Skipped, build_directory, sanitized
from lab import parties, process


def needs_faketime():
    if sanitized():
        raise Skipped('a sanitizer wants to be the first library of a process')
    if not shutil.which('faketime'):
        raise Skipped('needs faketime')


def run_faster(lab, times):
    """With what it has on its disk: lines to the other daemons, whose clocks are as ever, may take several attempts."""
    libraries = build_directory() / 'tests' / 'faster_waits.so', '/usr/$LIB/faketime/libfaketimeMT.so.1'
    lab.edge.before['signaling'] = ('env', f'FAKETIME=+0 x{times}', f'FASTER={times}',
                                    f'LD_PRELOAD={":".join(map(str, libraries))}')
    lab.edge.daemons['signaling'].stop()
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')


def patiently(act, what):
    """What this machine does in a moment takes a long time there: a handshake or an answer may come too late."""
    failures = []

    def attempt():
        try:
            return act()
        except (OSError, AssertionError, parties.CallFailed) as failure:
            failures.append(failure)
            return None
    try:
        return process.wait_until(attempt, 60, what)
    except process.NotReady as late:
        raise AssertionError(f'{late}; the last of {len(failures)} attempts: {failures[-1]}') from None
