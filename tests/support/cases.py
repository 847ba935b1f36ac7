"""Script tests: functions whose names are sentences, run in order, with a JUnit file for whoever counts them.

    @case('a wrong key is not heard [SC-x]')
    def _(lab): ...

`lab` is what the file's fixture yields, made once; a case raises AssertionError (or anything) to fail and Skipped to
say that it could not run.
"""
import argparse
import contextlib
import os
import re
import sys
import time
import traceback
import xml.etree.ElementTree as xml
from pathlib import Path

_cases = []
_outcomes = []


class Skipped(Exception):
    pass


def case(sentence):
    def register(function):
        _cases.append((sentence, function))
        return function
    return register


def require(condition, sentence):
    """An assertion that says what a person wants to know."""
    if not condition:
        raise AssertionError(sentence)


def equal(actual, expected, what):
    require(actual == expected, f'{what}: {actual!r}, expected {expected!r}')


def build_directory():
    """Where the programs under test were built: $SALLYPORT_BUILD, as CTest sets it, else the release preset's."""
    return Path(os.environ.get('SALLYPORT_BUILD') or Path(__file__).resolve().parents[2] / 'build' / 'release')


def sanitizer():
    """The sanitizers that the programs under test are built with: 'address,undefined', 'thread', or '' for none."""
    cache = build_directory() / 'CMakeCache.txt'
    found = re.search('^SALLYPORT_SANITIZE:STRING=(.*)$', cache.read_text(), re.MULTILINE) if cache.exists() else None
    return found.group(1) if found else ''


def sanitized():
    return sanitizer() != ''


def require_growth(grown, most, who):
    """Octets that a daemon may have grown. Under a sanitizer memory is kept on purpose and says nothing."""
    if not sanitized():
        require(grown < most, f'{who} has grown by {grown >> 10} kB')


def testdata():
    """The shared test data; skips where a checkout stands alone."""
    found = Path(os.environ.get('SALLYPORT_TESTDATA') or Path(__file__).resolve().parents[3] / 'shared' / 'testdata')
    if not found.is_dir():
        raise Skipped('no test data')
    return found


def _run_one(suite, sentence, function, arguments):
    node = xml.SubElement(suite, 'testcase', name=sentence)
    began = time.monotonic()
    outcome = 'ok'
    try:
        function(*arguments)
    except Skipped as reason:
        outcome = 'skipped'
        xml.SubElement(node, 'skipped', message=str(reason))
        print(f'skipped: {reason}: {sentence}', flush=True)
    except Exception as error:                       # noqa: BLE001: whatever a case raises is its failure
        outcome = 'FAILED'
        xml.SubElement(node, 'failure', message=f'{type(error).__name__}: {error}').text = traceback.format_exc()
        if isinstance(error, AssertionError):
            where = traceback.extract_tb(error.__traceback__)[1 if len(traceback.extract_tb(error.__traceback__)) > 1 else 0]
            print(f'    {where.filename}:{where.lineno}: {error}', flush=True)
        else:
            traceback.print_exc(file=sys.stdout)
    seconds = time.monotonic() - began
    node.set('time', f'{seconds:.3f}')
    if outcome != 'skipped':
        print(f'{outcome:7} {seconds:6.2f} s  {sentence}', flush=True)
    return outcome


def main(name, fixture=None):
    """Runs the cases of the calling file; exit status 1 when one failed. The fixture is a context manager."""
    parser = argparse.ArgumentParser(description=f'{name}: script tests')
    parser.add_argument('--filter', default='', help='only cases whose sentence contains this')
    parser.add_argument('--list', action='store_true')
    options = parser.parse_args()
    chosen = [(s, f) for s, f in _cases if options.filter in s]
    if options.list:
        print(*(s for s, _ in chosen), sep='\n')
        return 0
    suite = xml.Element('testsuite', name=name)
    with contextlib.ExitStack() as stack:
        arguments, broken = (), None
        if fixture is not None and chosen:
            try:
                arguments = (stack.enter_context(fixture()),)
            except Exception as error:               # noqa: BLE001: without its fixture no case can pass
                broken = error
                if not isinstance(error, Skipped):
                    traceback.print_exc(file=sys.stdout)
        for sentence, function in chosen:
            if broken is None:
                _outcomes.append(_run_one(suite, sentence, function, arguments))
            else:
                _outcomes.append(_run_one(suite, sentence, _raiser(broken), ()))
    results = os.environ.get('SALLYPORT_RESULTS')
    if results:
        xml.ElementTree(suite).write(Path(results) / f'{name}.xml', encoding='utf-8', xml_declaration=True)
    return 1 if any_failed() else 0


def any_failed():
    """What a fixture asks in the end: are its logs still needed?"""
    return 'FAILED' in _outcomes


def _raiser(error):
    def fail():
        raise error
    return fail
