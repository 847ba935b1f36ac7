"""Digest authentication of a client (RFC 7616, RFC 8760): answers a challenge, prefers SHA-256."""
import hashlib
import re
import secrets

HASHES = {'SHA-256': hashlib.sha256, 'MD5': hashlib.md5}
PREFERENCE = ('SHA-256', 'MD5')


def challenge_parameters(value):
    if not value.lower().startswith('digest'):
        return None
    pairs = re.findall(r'([a-zA-Z-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s,]+))', value[6:])
    return {key.lower(): quoted or plain for key, quoted, plain in pairs}


def choose(challenges, algorithms=PREFERENCE):
    """The strongest challenge that we can answer: its parameters, or None."""
    parsed = [p for p in map(challenge_parameters, challenges) if p is not None]
    for algorithm in algorithms:
        for parameters in parsed:
            if parameters.get('algorithm', 'MD5').upper() == algorithm:
                return parameters
    return None


def answer(parameters, username, password, method, uri, nonce_count=1, cnonce=None):
    algorithm = parameters.get('algorithm', 'MD5').upper()

    def digest(text):
        return HASHES[algorithm](text.encode() if isinstance(text, str) else text).hexdigest()

    realm, nonce = parameters.get('realm', ''), parameters['nonce']
    ha1, ha2 = digest(f'{username}:{realm}:{password}'), digest(f'{method}:{uri}')
    fields = [f'username="{username}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"',
              f'algorithm={parameters.get("algorithm", "MD5")}']
    if 'auth' in [q.strip() for q in parameters.get('qop', '').split(',')]:
        cnonce, count = cnonce or secrets.token_hex(8), f'{nonce_count:08x}'
        response = digest(f'{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}')
        fields += ['qop=auth', f'nc={count}', f'cnonce="{cnonce}"']
    else:
        response = digest(f'{ha1}:{nonce}:{ha2}')
    if 'opaque' in parameters:
        fields.append(f'opaque="{parameters["opaque"]}"')
    return 'Digest ' + ', '.join(fields + [f'response="{response}"'])
