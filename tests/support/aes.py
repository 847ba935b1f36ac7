"""AES-128, one block at a time (FIPS 197): for tests that speak where no library does. No shelter for secrets."""


def _doubled(octet):
    return (octet << 1 ^ (0x11b if octet & 0x80 else 0)) & 0xff


def _substitution():
    """FIPS 197 5.1.1, by stepping through the field with a generator and its inverse."""
    table, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= _doubled(p)
        for shift in (1, 2, 4):
            q ^= q << shift & 0xff
        q ^= 0x09 if q & 0x80 else 0
        table[p] = 0x63
        for turn in range(5):
            table[p] ^= (q << turn | q >> 8 - turn) & 0xff
        if p == 1:
            return table


_S = _substitution()
_DOUBLED = [_doubled(octet) for octet in range(256)]
_ROWS_SHIFTED = [(i + 4 * (i % 4)) % 16 for i in range(16)]


class Aes128:
    def __init__(self, key):
        words, constant = [key[i:i + 4] for i in range(0, 16, 4)], 1
        while len(words) < 44:
            word = words[-1]
            if len(words) % 4 == 0:
                word = bytes([_S[word[1]] ^ constant, _S[word[2]], _S[word[3]], _S[word[0]]])
                constant = _doubled(constant)
            words.append(bytes(x ^ y for x, y in zip(words[-4], word)))
        self._keys = [b''.join(words[i:i + 4]) for i in range(0, 44, 4)]

    def block(self, block):
        state = [x ^ y for x, y in zip(block, self._keys[0])]
        for turn, key in enumerate(self._keys[1:], 1):
            state = [_S[state[i]] for i in _ROWS_SHIFTED]
            if turn < 10:
                mixed = []
                for column in range(0, 16, 4):
                    part = state[column:column + 4]
                    whole = part[0] ^ part[1] ^ part[2] ^ part[3]
                    mixed += [part[i] ^ whole ^ _DOUBLED[part[i] ^ part[(i + 1) % 4]] for i in range(4)]
                state = mixed
            state = [x ^ y for x, y in zip(state, key)]
        return bytes(state)
