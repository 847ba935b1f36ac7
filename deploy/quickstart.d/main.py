#!/usr/bin/env python3
"""The quickstart after packages and build: the demo network, the daemons, the scenario, and the way back."""
import argparse
import os
import signal
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / 'tools')]

from demo import Demo  # noqa: E402
from lab.netns import NetworkError  # noqa: E402
from steps import StepFailed, Steps  # noqa: E402


def options():
    parser = argparse.ArgumentParser(prog='quickstart')
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--name', default='sallyport-demo')
    parser.add_argument('--no-softphone', action='store_true')
    return parser.parse_args()


INTERRUPTED = 130                     # exit status
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted(number, frame):
    """Once: what tidies up afterwards must not be interrupted."""
    for each in ENDINGS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def keep(demo):
    print('\nIt is running. In another terminal:')
    for number, command in enumerate(demo.commands_to_try(), 1):
        print(f'  {number}.  {command}')
    print('Ctrl-C here ends it.', flush=True)
    demo.answer_until_interrupted()


def main():
    asked = options()
    for each in ENDINGS:
        signal.signal(each, interrupted)
    # Below /tmp: the daemons' sockets live in it, and a socket's path is short.
    run_directory = Path(tempfile.mkdtemp(prefix='sallyport-demo-', dir='/tmp'))
    os.chmod(run_directory, 0o755)
    began, status = time.monotonic(), 1
    demo = Demo(asked.name, run_directory, Path(os.environ['SALLYPORT_BUILD']) / 'bin', softphone=not asked.no_softphone)
    try:
        demo.play(Steps(demo.step_count))
        print(f'\nEverything was as expected ({time.monotonic() - began:.0f} s).')
        status = 0
        if asked.keep:
            keep(demo)
    except KeyboardInterrupt:
        print('\ninterrupted', flush=True)
        status = status if asked.keep else INTERRUPTED
    except (StepFailed, NetworkError) as reason:
        print(f'\nFAILED: {reason}', file=sys.stderr)
        print(f'The logs are in {run_directory}', file=sys.stderr)
    finally:
        demo.stop()
        if status in (0, INTERRUPTED):
            shutil.rmtree(run_directory, ignore_errors=True)
    return status


if __name__ == '__main__':
    sys.exit(main())
