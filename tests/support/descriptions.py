"""Session descriptions of other people's making, read line by line: what a party describes, what it tells of its own network,
and the answer of a peer that takes all it is offered. Nothing here knows more of SDP than its lines."""
import re
import secrets

from pbx_sim import sdp

DIRECTIONS = ('sendrecv', 'sendonly', 'recvonly', 'inactive')
MIRRORED = {'sendrecv': 'sendrecv', 'sendonly': 'recvonly', 'recvonly': 'sendonly', 'inactive': 'inactive'}
# Attributes of ICE, DTLS, BUNDLE and the like: nothing that this node has agreed to.
NEVER = ('candidate', 'remote-candidates', 'ice-', 'fingerprint', 'setup', 'group', 'mid', 'msid', 'ssrc', 'rtcp-mux', 'extmap', 'acap', 'tcap',
         'pcfg', 'acfg', 'key-mgmt', 'alt', 'path', 'cname')


class Stream:
    def __init__(self, line):
        self.kind, port, self.profile, *self.formats = line[2:].split()
        self.port, self.lines = int(port.partition('/')[0]), []

    def attributes(self, name):
        return [line.partition(':')[2] for line in self.lines if line.startswith(f'a={name}:')]


class Description:
    def __init__(self, octets):
        text = octets.decode('utf-8', 'replace') if isinstance(octets, bytes) else octets
        self.lines, self.streams = [], []
        for line in filter(None, re.split(r'\r?\n', text)):
            if line.startswith('m='):
                self.streams.append(Stream(line))
            else:
                (self.streams[-1].lines if self.streams else self.lines).append(line)

    def direction(self, stream):
        said = [line[2:] for line in (*self.lines, *stream.lines) if line[:2] == 'a=' and line[2:] in DIRECTIONS]
        return said[-1] if said else 'sendrecv'

    def outline(self):
        """What each stream is: refused, or its direction and its formats; one word after the other, streams apart by "; "."""
        return '; '.join(' '.join([s.kind, *([self.direction(s), *sorted(s.formats)] if s.port else ['refused'])]) for s in self.streams)


ADDRESS = re.compile(r'(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:])')


def own_words(octets):
    """What only the network of whoever wrote it may know: addresses, host names, who and which session it is, keys."""
    text = octets.decode('utf-8', 'replace')
    origin = re.search(r'(?m)^o=(\S+) (\S+) (\S+) IN IP[46] (\S+)', text)
    words = set(origin.groups()) if origin else set()
    words |= set(ADDRESS.findall(text))
    words |= set(re.findall(r'(?m)^c=IN IP[46] ([^\s/]+)', text))
    words |= {value.strip() for value in re.findall(r'(?m)^[siuep]=(.*)', text)}
    words |= set(re.findall(r'inline:([^\s|;]+)', text)) | set(re.findall(r'a=(?:ice-ufrag|ice-pwd|fingerprint|cname):(.*?)\s*$', text, re.M))
    return {w for w in words if len(w) >= 6 and w not in ('0.0.0.0', '127.0.0.1')}


def leaked(octets, words, ours):
    """Which of `words` stand in a description as they are; `ours`: addresses of the node itself."""
    text = octets.decode('utf-8', 'replace')
    found = {w for w in words - set(ours) if re.search(rf'(?<![\w.:]){re.escape(w)}(?![\w.:])', text)}
    names = re.findall(r'(?m)^a=([^:\s]+)', text)
    return sorted(found | {n for n in names for never in NEVER if n == never or never.endswith('-') and n.startswith(never)})


def taken(offer, address, port, suite):
    """The answer of a peer that takes every stream with every format it is offered."""
    lines = ['v=0', f'o=taker {secrets.randbelow(2 ** 31)} 1 IN IP4 {address}', 's=taker-session', f'c=IN IP4 {address}', 't=0 0']
    for number, stream in enumerate(offer.streams):
        lines.append(f'm={stream.kind} {stream.port and port + 4 * number} {stream.profile} {" ".join(stream.formats)}')
        if not stream.port:
            continue
        lines += [line for line in stream.lines if line.startswith(('a=rtpmap:', 'a=fmtp:', 'a=T38'))]
        lines.append(f'a={MIRRORED[offer.direction(stream)]}')
        lines += [f'a=crypto:{c.split()[0]} {suite} inline:{sdp.new_key(suite)}' for c in stream.attributes('crypto') if c.split()[1] == suite]
    return '\r\n'.join(lines) + '\r\n'
