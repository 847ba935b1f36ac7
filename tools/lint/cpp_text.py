"""C++ source as the lint scripts read it: which files are tracked, and their text without comments and literals.

Not a parser: it only knows enough of the lexical grammar to blank out what is not code, keeping every line number.
"""
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_SKIP = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"(?P<delim>[^()\\\s]{0,16})\(.*?\)(?P=delim)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def tracked(*suffixes, under=()):
    """Tracked and new (not ignored) files of the repository with one of these suffixes."""
    listed = subprocess.run(
        ['git', '-C', str(ROOT), 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', *under],
        check=True, capture_output=True, text=True).stdout.split('\0')
    return sorted(p for p in set(listed) if p.endswith(suffixes) and (ROOT / p).is_file())


def code_only(text, keep_strings=False):
    """The text with comments (and, unless told otherwise, literals) blanked; line numbers stay true."""
    def blank(match):
        token = match.group(0)
        if keep_strings and not token.startswith(('//', '/*')):
            return token
        return re.sub(r'[^\n]', ' ', token)
    return _SKIP.sub(blank, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1
