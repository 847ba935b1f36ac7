"""Session descriptions of a peer: audio offers and answers with or without SDES (RFC 8866, 3264, 4568)."""
import base64
import secrets
from dataclasses import dataclass, field

KEY_BYTES = {'AES_CM_128_HMAC_SHA1_80': 30, 'AES_CM_128_HMAC_SHA1_32': 30, 'AES_256_CM_HMAC_SHA1_80': 46,
             'AEAD_AES_128_GCM': 28, 'AEAD_AES_256_GCM': 44}
CODECS = {0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000', 13: 'CN/8000', 18: 'G729/8000', 96: 'telephone-event/8000',
          101: 'telephone-event/8000', 102: 'telephone-event/48000', 111: 'opus/48000/2'}


def new_key(suite='AES_CM_128_HMAC_SHA1_80'):
    return base64.b64encode(secrets.token_bytes(KEY_BYTES[suite])).decode()


@dataclass
class Crypto:
    tag: str
    suite: str
    key: str
    mki: bytes = b''                 # RFC 4568 6.1, as packets have it


@dataclass
class Stream:
    kind: str
    port: int
    profile: str
    formats: list
    address: str = ''
    cryptos: list = field(default_factory=list)
    direction: str = 'sendrecv'
    attributes: list = field(default_factory=list)
    rtcp_port: int = 0


@dataclass
class Session:
    origin: str = ''
    streams: list = field(default_factory=list)

    @property
    def audio(self):
        return next(s for s in self.streams if s.kind == 'audio')


def family(address):
    return 'IP6' if ':' in address else 'IP4'


def build(address, port, suite=None, key=None, tag='1', codecs=(8, 101), direction='sendrecv', session_id=None,
          version=1, extra=()):
    """One audio stream. With a suite it is RTP/SAVP and names the key that this side sends with."""
    number = session_id or secrets.randbelow(2 ** 31)
    profile = 'RTP/SAVP' if suite else 'RTP/AVP'
    lines = ['v=0', f'o=- {number} {version} IN {family(address)} {address}', 's=-',
             f'c=IN {family(address)} {address}', 't=0 0',
             f'm=audio {port} {profile} {" ".join(str(c) for c in codecs)}']
    lines += [f'a=rtpmap:{c} {CODECS[c]}' for c in codecs]
    if 101 in codecs:
        lines.append('a=fmtp:101 0-15')
    if suite:
        lines.append(f'a=crypto:{tag} {suite} inline:{key}')
    lines += ['a=ptime:20', f'a={direction}', *extra]
    return '\r\n'.join(lines) + '\r\n'


def parse(text):
    if isinstance(text, bytes):
        text = text.decode('utf-8', 'replace')
    session, address, stream = Session(), '', None
    for line in text.replace('\r\n', '\n').split('\n'):
        kind, _, value = line.partition('=')
        if kind == 'o':
            session.origin = value
        elif kind == 'c':
            host = value.split()[2].split('/')[0]
            if stream is None:
                address = host
            else:
                stream.address = host
        elif kind == 'm':
            media, port, profile, *formats = value.split()
            stream = Stream(media, int(port.split('/')[0]), profile, formats, address)
            session.streams.append(stream)
        elif kind == 'a' and stream is not None:
            take_attribute(stream, value)
    return session


def take_attribute(stream, value):
    stream.attributes.append(value)
    name, _, content = value.partition(':')
    if name == 'crypto':
        tag, suite, key = content.split()[:3]
        key, *terms = key.removeprefix('inline:').split('|')
        number, _, size = terms[-1].partition(':') if terms else ('', '', '')
        stream.cryptos.append(Crypto(tag, suite, key, int(number).to_bytes(int(size), 'big') if size else b''))
    elif name == 'rtcp':
        stream.rtcp_port = int(content.split()[0])
    elif value in ('sendrecv', 'sendonly', 'recvonly', 'inactive'):
        stream.direction = value
