"""What is wrong with a session description, judged by RFC 8866 5 and 9 and RFC 4568 9: nothing of it is lenient."""
import base64
import ipaddress
import re

from pbx_sim import sdp

DIRECTIONS = ('sendrecv', 'sendonly', 'recvonly', 'inactive')
LINE = re.compile(r'[a-z]=[^\r\n\0]+')
ORIGIN = re.compile(r'\S+ (\d+) (\d+) IN (IP[46]) (\S+)')
CONNECTION = re.compile(r'IN (IP[46]) (\S+)')
MEDIA = re.compile(r'([\w!#$%&\'*+.^`{|}~-]+) (\d+) ([A-Za-z0-9/]+)((?: \S+)+)')
RTPMAP = re.compile(r'(\d+) [\w.+-]+/\d+(?:/\d+)?')
CRYPTO = re.compile(r'(\d{1,9}) ([A-Z0-9_]+) inline:([A-Za-z0-9+/=]+)(?:\|\S+)?')


def faults(octets, version):
    """Sentences, none when all is well; `version`: the IP version of whoever gets it."""
    text = octets.decode('utf-8')
    if not text.endswith('\r\n') or '\n' in text.replace('\r\n', '') or '\r' in text.replace('\r\n', ''):
        return ['a line does not end with CRLF']
    lines = text.split('\r\n')[:-1]
    wrong = [f'no line of SDP: {line!r}' for line in lines if not LINE.fullmatch(line)]
    if wrong or len(lines) < 3:
        return wrong or ['no description']
    blocks = [[]]
    for line in lines:
        if line.startswith('m='):
            blocks.append([])
        blocks[-1].append(line)
    session, *media = blocks
    kinds = ''.join(line[0] for line in session)
    if not re.fullmatch('vosi?u?e*p*c?b*(tr*)+z?k?a*', kinds):
        wrong.append(f'order of the session\'s lines: {kinds}')
    if session[0] != 'v=0' or session[2] == 's=':
        wrong.append(f'v= or s=: {session[:3]}')
    wrong += _address(session[1], ORIGIN, version)
    if not re.fullmatch(r't=\d+ \d+', next((l for l in session if l[0] == 't'), '')):
        wrong.append('t=')
    for block in media:
        wrong += _media(block, 'c' in kinds, version)
    connections = [line for block in blocks for line in block if line[0] == 'c']
    return wrong + [w for line in connections for w in _address(line, CONNECTION, version)]


def _address(line, form, version):
    match = form.fullmatch(line[2:])
    if not match:
        return [f'{line} is not of its form']
    family, address = match.groups()[-2:]
    try:
        right = ipaddress.ip_address(address).version == int(family[2]) == version
    except ValueError:
        right = False
    return [] if right else [f'{line}: not an address of IPv{version}']


def _media(block, has_connection, version):
    match = MEDIA.fullmatch(block[0][2:])
    if not match:
        return [f'{block[0]} is no m= line']
    wrong, formats = [], match.group(4).split()
    kinds = ''.join(line[0] for line in block[1:])
    if not re.fullmatch('i?c*b*k?a*', kinds):
        wrong.append(f'order of the lines of {block[0]}: {kinds}')
    if match.group(2) == '0':
        return wrong
    if not has_connection and 'c' not in kinds:
        wrong.append(f'{block[0]} has no c= line')
    attributes = [line[2:] for line in block if line[0] == 'a']
    mapped = [a.partition(':')[2] for a in attributes if a.startswith('rtpmap:')]
    wrong += [f'rtpmap:{m}' for m in mapped if not RTPMAP.fullmatch(m) or m.split()[0] not in formats]
    wrong += [f'a={a}' for a in attributes if a.startswith('fmtp:') and a[5:].split()[0] not in formats]
    unmapped = [f for f in formats if f.isdigit() and int(f) >= 96 and f not in [m.split()[0] for m in mapped]]
    wrong += [f'format {f} twice or without rtpmap' for f in formats
              if formats.count(f) > 1 or (f in unmapped and match.group(3).startswith('RTP/'))]
    if len([a for a in attributes if a in DIRECTIONS]) > 1:
        wrong.append(f'directions: {attributes}')
    return wrong + _crypto(attributes, match.group(3))


def _crypto(attributes, profile):
    lines = [a.partition(':')[2] for a in attributes if a.startswith('crypto:')]
    if bool(lines) != (profile in ('RTP/SAVP', 'RTP/SAVPF')):
        return [f'{profile} with {len(lines)} crypto lines']
    matches = [CRYPTO.fullmatch(line) for line in lines]
    if not all(matches):
        return [f'crypto: {lines}']
    wrong = [f'{m.group(2)} with a key of another length' for m in matches
             if _octets(m.group(3)) != sdp.KEY_BYTES.get(m.group(2))]
    return wrong if len({m.group(1) for m in matches}) == len(matches) else [*wrong, 'crypto: a tag twice']


def _octets(key):
    try:
        return len(base64.b64decode(key, validate=True))
    except ValueError:
        return None
