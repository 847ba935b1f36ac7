#!/usr/bin/env python3
"""Node files of the three daemons: the examples are good, and what is wrong is refused with file, line, field, the
mistake and an example of right, with exit code 2, before anything starts."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests' / 'support')]
from cases import build_directory, case, equal, main, require  # noqa: E402

DAEMONS = ('control', 'signaling', 'media')


def example(daemon):
    return (ROOT / 'deploy' / 'examples' / f'{daemon}.yaml').read_text()


def start(daemon, text, *options):
    """(exit status, output, path of the file) of a daemon with this configuration."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / f'{daemon}.yaml'
        file.write_text(text)
        done = subprocess.run([build_directory() / 'bin' / f'sallyport-{daemon}', '--config', file, *options],
                              capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr, str(file)


def line_matching(text, pattern):
    return next(n for n, line in enumerate(text.splitlines(), 1) if re.search(pattern, line))


def refused(daemon, text, line, field):
    status, said, file = start(daemon, text)
    equal(status, 2, f'exit status; it said: {said}')
    place = re.search(re.escape(file) + r':(\d+):\d+: ([\w.\[\]]*)', said)
    require(place, f'no FILE:LINE:COLUMN: FIELD in: {said}')
    equal(int(place.group(1)), line, f'line; it said: {said}')
    require(place.group(2).endswith(field), f'field {place.group(2)!r}, expected {field!r}; it said: {said}')
    return said


for daemon in DAEMONS:
    @case(f'sallyport-{daemon}: the example configuration is good')
    def _(daemon=daemon):
        status, said, _ = start(daemon, example(daemon), '--check-config')
        equal(status, 0, f'exit status; it said: {said}')

    @case(f'sallyport-{daemon}: a key that nobody knows is refused where it stands')
    def _(daemon=daemon):
        text = example(daemon).rstrip('\n') + '\nnonsense: 1\n'
        refused(daemon, text, len(text.splitlines()), 'nonsense')

    @case(f'sallyport-{daemon}: a mistyped key is answered with the one that was meant')
    def _(daemon=daemon):
        text = re.sub(r'^metrics:', 'metrcs:', example(daemon), flags=re.MULTILINE)
        require('metrics' in refused(daemon, text, line_matching(text, '^metrcs:'), 'metrcs'), 'no hint')

    @case(f'sallyport-{daemon}: an address that is none is refused with an example of right')
    def _(daemon=daemon):
        text = re.sub(r'(^metrics:\n(?:\s*#.*\n)*\s*listen:) *\S+', r'\1 nowhere', example(daemon), flags=re.MULTILINE)
        said = refused(daemon, text, line_matching(text, r'listen: nowhere'), 'listen')
        require('example' in said or 'e.g.' in said, f'no example of right in: {said}')

    @case(f'sallyport-{daemon}: the same key twice is refused')
    def _(daemon=daemon):
        text = example(daemon).rstrip('\n') + '\nnode: again\n'
        refused(daemon, text, len(text.splitlines()), 'node')

    @case(f'sallyport-{daemon}: text that is not YAML is refused with its line')
    def _(daemon=daemon):
        status, said, file = start(daemon, 'node: edge-1\nmetrics: [unclosed\nlog: {}\n')
        equal(status, 2, f'exit status; it said: {said}')
        require(re.search(re.escape(file) + r':\d+:\d+: ', said), f'no place in: {said}')

    @case(f'sallyport-{daemon}: a file that is not there, or no file at all, is wrong usage')
    def _(daemon=daemon):
        program = build_directory() / 'bin' / f'sallyport-{daemon}'
        done = subprocess.run([program, '--config', '/nonexistent.yaml'], capture_output=True, text=True, timeout=20)
        equal(done.returncode, 2, f'exit status; it said: {done.stdout + done.stderr}')
        require('/nonexistent.yaml' in done.stdout + done.stderr, 'the file is not named')
        done = subprocess.run([program, '--no-such-option'], capture_output=True, text=True, timeout=20)
        equal(done.returncode, 2, f'exit status; it said: {done.stdout + done.stderr}')

    @case(f'sallyport-{daemon}: --version and --help say what they are asked')
    def _(daemon=daemon):
        program = build_directory() / 'bin' / f'sallyport-{daemon}'
        version = subprocess.run([program, '--version'], capture_output=True, text=True, timeout=20)
        require(version.returncode == 0 and re.search(r'\d+\.\d+\.\d+', version.stdout), version.stdout + version.stderr)
        said = subprocess.run([program, '--help'], capture_output=True, text=True, timeout=20)
        require(said.returncode == 0 and '--config' in said.stdout, said.stdout + said.stderr)


if __name__ == '__main__':
    sys.exit(main('config'))
