"""Reads /metrics as a scraper does (Prometheus text format 0.0.4), from inside a namespace where it must."""
import re
import urllib.request

_LINE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?$')
_LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')


class Scrape:
    def __init__(self, text):
        self.text = text
        self.samples, self.help, self.kind = {}, {}, {}
        for line in text.splitlines():
            if line.startswith('# HELP '):
                _, _, name, words = line.split(' ', 3)
                self.help[name] = words
            elif line.startswith('# TYPE '):
                _, _, name, kind = line.split(' ', 3)
                self.kind[name] = kind
            elif line and not line.startswith('#'):
                match = _LINE.match(line)
                if not match:
                    raise ValueError(f'not a sample: {line!r}')
                labels = tuple(sorted(_LABEL.findall(match.group(2) or '')))
                self.samples[match.group(1), labels] = float(match.group(3))

    def get(self, name, **labels):
        """The sum of all series of this name that carry these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(v for (n, l), v in self.samples.items() if n == name and wanted <= set(l))

    def series(self, name):
        return {labels: value for (n, labels), value in self.samples.items() if n == name}


def scrape(address, namespace=None, timeout=5):
    def fetch():
        with urllib.request.urlopen(f'http://{address}/metrics', timeout=timeout) as answer:
            return Scrape(answer.read().decode())
    if namespace is None:
        return fetch()
    with namespace.entered():
        return fetch()


def answers(address, namespace=None):
    """The socket listens a moment before there is something to be had from it."""
    try:
        scrape(address, namespace, timeout=1)
        return True
    except OSError:                             # HTTPError is one
        return False
