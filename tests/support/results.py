"""What the last test run said, case by case: the lines of Catch2 programs (*.tsv, see catch_main.cpp), the JUnit files
of script tests (*.xml) and CTest's own (ctest.xml), which knows the programs that left no word."""
import collections
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Case = collections.namedtuple('Case', 'program name passed skipped seconds tags')


def default_directory():
    """The results of the most recent run of any preset."""
    found = sorted(ROOT.glob('build/*/results/ctest.xml'), key=lambda p: p.stat().st_mtime)
    return found[-1].parent if found else None


def _catch_cases(path):
    for line in path.read_text(errors='replace').splitlines():
        result, seconds, name, tags = (line.split('\t') + [''] * 4)[:4]
        if result in ('passed', 'failed'):
            yield Case(path.stem, name, result == 'passed', False, float(seconds), tags)


def _junit_cases(path):
    for case in xml.parse(path).getroot().iter('testcase'):
        failed = case.find('failure') is not None or case.find('error') is not None
        yield Case(path.stem, case.get('name', ''), not failed, case.find('skipped') is not None,
                   float(case.get('time', 0)), '')


def read(directory):
    """(cases, skips): every case that ran, and the sentences of those that had to be left out."""
    directory = Path(directory)
    cases = [c for p in sorted(directory.glob('*.tsv')) for c in _catch_cases(p)]
    cases += [c for p in sorted(directory.glob('*.xml')) if p.name != 'ctest.xml' for c in _junit_cases(p)]
    by_program = collections.defaultdict(list)
    for case in cases:
        by_program[case.program].append(case)
    skips = [f'{c.program}: {c.name}' for c in cases if c.skipped]
    ctest = directory / 'ctest.xml'
    if ctest.exists():
        for test in xml.parse(ctest).getroot().iter('testcase'):
            name, passed = test.get('name'), test.get('status') == 'run'
            known = by_program.get(name, [])
            output = (test.findtext('system-out') or '')
            skips += [f'{name}: {line.strip()}' for line in output.splitlines() if line.strip().startswith('skipped:')]
            if not known:
                cases.append(Case(name, name, passed, False, float(test.get('time', 0)), ''))
            elif not passed and all(c.passed for c in known):
                cases.append(Case(name, 'ended badly after its last case', False, False, 0.0, ''))
    return [c for c in cases if not c.skipped], list(dict.fromkeys(skips))
