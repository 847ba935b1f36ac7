#!/usr/bin/env python3
"""The first of the two commands of the README, as a person runs it: it must say that everything was as expected, and
leave nothing behind."""
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import Skipped, build_directory, case, equal, main, require  # noqa: E402
from lab import netns, process  # noqa: E402

NAME = 'sallyport-quickstart-test'


def run(*options):
    if os.geteuid() != 0:
        raise Skipped('needs root for network namespaces')
    return subprocess.run([ROOT / 'deploy/quickstart', '--build', build_directory(), '--name', NAME, *options],
                          capture_output=True, text=True, timeout=300)


@case('the quickstart does the main job and sees it: bulk registration, calls both ways, SRTP, a softphone')
def _():
    done = run()
    print(done.stdout)
    equal(done.returncode, 0, f'exit status; it said: {done.stdout[-1500:]}{done.stderr[-1500:]}')
    require('Everything was as expected' in done.stdout, done.stdout[-500:])


@case('the quickstart leaves no namespace behind')
def _():
    left = [n for n in netns.existing() if n.startswith(NAME)]
    require(not left, f'namespaces {left}')


@case('the quickstart refuses to work in namespaces that somebody uses, and touches nothing')
def _():
    if os.geteuid() != 0:
        raise Skipped('needs root for network namespaces')
    mine = netns.Namespace(f'{NAME}-edge').create()
    squatter = subprocess.Popen(mine.prefix('cat'), stdin=subprocess.PIPE)
    try:
        done = run()
        require(done.returncode == 1 and 'another run is using' in done.stderr, done.stdout + done.stderr)
        require(squatter.poll() is None and mine.name in netns.existing(), 'it took the namespace away')
    finally:
        squatter.stdin.close()
        squatter.wait(5)
        mine.delete()


def interrupt(when, *signals, options=()):
    """Starts it, sends the signals once it has printed `when` and the network is there; (exit status, what it said)."""
    if os.geteuid() != 0:
        raise Skipped('needs root for network namespaces')
    quickstart = subprocess.Popen([ROOT / 'deploy/quickstart', '--build', build_directory(), '--name', NAME, *options],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    said = ''
    while when not in said:
        line = quickstart.stdout.readline()
        require(line, f'it ended before "{when}": {said}')
        said += line
    process.wait_until(lambda: f'{NAME}-edge' in netns.existing(), 20, 'the network is there')
    for number in signals:
        os.kill(quickstart.pid, number)
    said += quickstart.communicate(timeout=60)[0]
    return quickstart.returncode, said


def require_nothing_left(said):
    left = [n for n in netns.existing() if n.startswith(NAME)]
    require(not left, f'namespaces {left}; it said: {said[-800:]}')


@case('interrupted while it lays out its network, it takes it away again')
def _():
    status, said = interrupt('Sallyport quickstart', signal.SIGTERM)
    equal(status, 130, 'exit status')
    require_nothing_left(said)


@case('interrupted twice in the middle of a call, it still takes away everything it made')
def _():
    status, said = interrupt('a PBX registers', signal.SIGINT, signal.SIGINT)
    equal(status, 130, 'exit status')
    require_nothing_left(said)


@case('with --keep a closed terminal ends it as Ctrl-C does')
def _():
    status, said = interrupt('Ctrl-C here ends it', signal.SIGHUP, options=('--keep', '--no-softphone'))
    equal(status, 0, f'exit status; it said: {said[-800:]}')
    require_nothing_left(said)


if __name__ == '__main__':
    sys.exit(main('quickstart'))
