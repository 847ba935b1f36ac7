"""A TLS 1.2 client made of octets, for what no library's client says: its ClientHello is the caller's. One suite,
ECDHE-RSA-AES128-GCM-SHA256 (RFC 5246, 5289, 8422) over P-256; it proves nothing of who the server is, and is no shelter
for secrets. Stands in for a socket where transport.StreamTransport takes one."""
import hashlib
import hmac
import secrets
import struct

import tls_wire
from aes import Aes128

SUITE, SECP256R1 = 0xc02f, 23
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE, FINISHED = 2, 11, 12, 14, 16, 20
TLS_1_2 = 0x0303


class HandshakeFailure(AssertionError):
    pass


class Tls12Client:
    def __init__(self, connected, hello):
        """`hello`: the whole record of a ClientHello that offers SUITE and SECP256R1 and no extension that changes the keys."""
        self.socket, self._incoming, self._outgoing = connected, None, None     # ciphers, once they are agreed upon
        self._transcript, self._handshake, self._octets = hello[5:], b'', b''
        connected.settimeout(10)
        connected.sendall(hello)
        self._shake_hands(client_random=hello[11:43])

    # -- the handshake (RFC 5246 7.3)
    def _shake_hands(self, client_random):
        body = self._message(SERVER_HELLO)
        version, server_random, session = struct.unpack('>H', body[:2])[0], body[2:34], body[34]
        suite = struct.unpack('>H', body[35 + session:37 + session])[0]
        if (version, suite) != (TLS_1_2, SUITE):
            raise HandshakeFailure(f'the server wants version {version:#06x}, suite {suite:#06x}')
        self.version, self._certificates = version, self._message(CERTIFICATE)
        body = self._message(SERVER_KEY_EXCHANGE)
        if body[:5] != struct.pack('>BHBB', 3, SECP256R1, 65, 4):
            raise HandshakeFailure(f'the server wants another group: {body[:5].hex()}')
        theirs = int.from_bytes(body[5:37], 'big'), int.from_bytes(body[37:69], 'big')
        self._message(SERVER_HELLO_DONE)
        secret = secrets.randbelow(P256_ORDER - 1) + 1
        x, y = multiply(secret, P256_BASE)
        self._say(CLIENT_KEY_EXCHANGE, b'\x41\4' + x.to_bytes(32, 'big') + y.to_bytes(32, 'big'))
        master = prf(multiply(secret, theirs)[0].to_bytes(32, 'big'), b'master secret', client_random + server_random, 48)
        keys = prf(master, b'key expansion', server_random + client_random, 40)
        self._send_record(CHANGE_CIPHER_SPEC, b'\1')
        self._outgoing = RecordCipher(keys[:16], keys[32:36])
        self._say(FINISHED, self._verify_data(master, b'client finished'))
        kind, payload = self._next_record()
        if kind != CHANGE_CIPHER_SPEC:
            raise HandshakeFailure(self._what(kind, payload))
        self._incoming = RecordCipher(keys[16:32], keys[36:40])
        expected = self._verify_data(master, b'server finished')
        if self._message(FINISHED) != expected:
            raise HandshakeFailure('the server has heard another handshake')

    def _verify_data(self, master, label):
        return prf(master, label, hashlib.sha256(self._transcript).digest(), 12)

    def _say(self, kind, body):
        message = bytes([kind]) + len(body).to_bytes(3, 'big') + body
        self._transcript += message
        self._send_record(HANDSHAKE, message)

    def _message(self, expected):
        while len(self._handshake) < 4 or len(self._handshake) < 4 + int.from_bytes(self._handshake[1:4], 'big'):
            kind, payload = self._next_record()
            if kind != HANDSHAKE:
                raise HandshakeFailure(self._what(kind, payload))
            self._handshake += payload
        end = 4 + int.from_bytes(self._handshake[1:4], 'big')
        message, self._handshake = self._handshake[:end], self._handshake[end:]
        if message[0] != expected:
            raise HandshakeFailure(f'handshake message {message[0]} where {expected} was expected')
        self._transcript += message
        return message[4:]

    @staticmethod
    def _what(kind, payload):
        if kind == ALERT:
            return f'alert {tls_wire.ALERTS.get(payload[1], payload[1])}'
        return 'the connection has ended' if kind is None else f'a record of type {kind} within the handshake'

    def _next_record(self):
        kind, payload = tls_wire.read_record(self.socket)
        return kind, self._incoming.open(kind, payload) if self._incoming else payload

    def _send_record(self, kind, payload):
        if self._outgoing:
            payload = self._outgoing.seal(kind, payload)
        self.socket.sendall(struct.pack('>BHH', kind, TLS_1_2, len(payload)) + payload)

    # -- as a socket
    def send(self, data):
        part = bytes(data[:16_000])
        self.socket.setblocking(True)
        try:
            self._send_record(APPLICATION_DATA, part)
        finally:
            self.socket.setblocking(False)
        return len(part)

    def recv(self, count):
        """What all records that have come say, which may be more than `count`: nobody could wait for what is left."""
        octets = self.socket.recv(count)
        if not octets:
            return b''
        self._octets += octets
        said = b''
        while len(self._octets) >= 5:
            kind, _, size = struct.unpack('>BHH', self._octets[:5])
            if len(self._octets) < 5 + size:
                break
            payload = self._incoming.open(kind, self._octets[5:5 + size])
            self._octets = self._octets[5 + size:]
            if kind == ALERT:
                return said
            said += payload
        if not said:
            raise BlockingIOError
        return said

    def __getattr__(self, name):                     # setblocking, fileno, getsockname, shutdown, close ...
        return getattr(self.socket, name)


class RecordCipher:
    """RFC 5288: half of the nonce goes with each record."""

    def __init__(self, key, salt):
        self._gcm, self._salt, self._sequence = Gcm(key), salt, 0

    def _associated(self, kind, size):
        data = struct.pack('>QBHH', self._sequence, kind, TLS_1_2, size)
        self._sequence += 1
        return data

    def seal(self, kind, text):
        explicit = struct.pack('>Q', self._sequence)
        sealed, tag = self._gcm.crypt(self._salt + explicit, text, self._associated(kind, len(text)), sealing=True)
        return explicit + sealed + tag

    def open(self, kind, payload):
        explicit, sealed, tag = payload[:8], payload[8:-16], payload[-16:]
        text, right = self._gcm.crypt(self._salt + explicit, sealed, self._associated(kind, len(sealed)), sealing=False)
        if tag != right:
            raise HandshakeFailure('a record with a wrong tag')
        return text


# -- arithmetic

def prf(secret, label, seed, size):
    """RFC 5246 5, with SHA-256."""
    out, a = b'', label + seed
    while len(out) < size:
        a = hmac.digest(secret, a, 'sha256')
        out += hmac.digest(secret, a + label + seed, 'sha256')
    return out[:size]


P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
P256_BASE = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
             0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P256 == 0:
        return None
    slope = (3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, P256) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P256)) % P256
    x = (slope * slope - a[0] - b[0]) % P256
    return x, (slope * (a[0] - x) - a[1]) % P256


def multiply(factor, point):
    total = None
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


class Gcm:
    """AES-128 in Galois/Counter Mode with nonces of 96 bits (FIPS 197, SP 800-38D)."""

    def __init__(self, key):
        self._block = Aes128(key).block
        self._hash_key = int.from_bytes(self._block(bytes(16)), 'big')

    def _times_hash_key(self, value):
        product, key = 0, self._hash_key
        for bit in range(127, -1, -1):
            if value >> bit & 1:
                product ^= key
            key = key >> 1 ^ (0xe1 << 120 if key & 1 else 0)
        return product

    def crypt(self, nonce, text, associated, sealing):
        """(what it becomes, the tag)."""
        counters = b''.join(self._block(nonce + i.to_bytes(4, 'big')) for i in range(2, 2 + -(-len(text) // 16)))
        other = bytes(x ^ y for x, y in zip(text, counters))
        digest = 0
        sealed = other if sealing else text
        for part in (associated, sealed):
            for i in range(0, len(part), 16):
                digest = self._times_hash_key(digest ^ int.from_bytes(part[i:i + 16].ljust(16, b'\0'), 'big'))
        digest = self._times_hash_key(digest ^ len(associated) * 8 << 64 ^ len(sealed) * 8)
        first = int.from_bytes(self._block(nonce + b'\0\0\0\1'), 'big')
        return other, (digest ^ first).to_bytes(16, 'big')
