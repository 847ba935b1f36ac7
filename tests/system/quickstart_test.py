#!/usr/bin/env python3
"""The first of the two commands of the README, as a person runs it: it must say that everything was as expected, and
leave nothing behind."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import Skipped, build_directory, case, equal, main, require  # noqa: E402
from lab import netns  # noqa: E402

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


if __name__ == '__main__':
    sys.exit(main('quickstart'))
