"""What a person sees of the quickstart: numbered steps with their time, facts under them, and the reason when one fails."""
import contextlib
import sys
import time


class StepFailed(Exception):
    pass


class Steps:
    def __init__(self, total):
        self._total, self._number = total, 0
        self._began = time.monotonic()

    @contextlib.contextmanager
    def step(self, title):
        self._number += 1
        began = time.monotonic()
        print(f'[{self._number:2}/{self._total}] {title} ', end='', flush=True)
        facts = []
        try:
            yield facts.append
        except Exception as reason:
            print('FAILED')
            self._print(facts)
            raise StepFailed(f'step {self._number} ({title}): {reason}') from reason
        print(f'{"." * max(3, 84 - len(title))} ok {time.monotonic() - began:5.1f} s')
        self._print(facts)

    def _print(self, facts):
        for fact in facts:
            for line in str(fact).splitlines():
                print(f'        {line}')
        sys.stdout.flush()

    @property
    def seconds(self):
        return time.monotonic() - self._began


def expect(condition, sentence):
    if not condition:
        raise AssertionError(sentence)
