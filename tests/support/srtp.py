"""SRTP and SRTCP with AES_CM_128_HMAC_SHA1_80 as RFC 3711 has them, packet by packet and without a memory of what came
before: what is a replay, or out of order, is the test's business, and so is how often the sequence number has turned (`roc`)."""
import base64
import hmac
import struct

from aes import Aes128

RTP_TAG = RTCP_TAG = 10                  # octets, RFC 3711 5.2
RTCP_TRAILER = 4 + RTCP_TAG              # E and index, then the tag
ENCRYPTED = 0x80000000                   # E
RTCP_HEADER = 8


class NotAuthentic(Exception):
    pass


def rtp_header_size(packet):
    """RFC 3550 5.1, 5.3.1."""
    size = 12 + 4 * (packet[0] & 0x0f)
    if packet[0] & 0x10:
        size += 4 + 4 * int.from_bytes(packet[size + 2:size + 4], 'big')
    return size


class _Keys:
    def __init__(self, master, salt, labels):
        cipher = Aes128(master)

        def derive(label, size):                 # RFC 3711 4.3.1, with a derivation rate of 0
            start = int.from_bytes(salt, 'big') ^ label << 48
            blocks = (cipher.block(((start << 16) + i).to_bytes(16, 'big')) for i in range(-(-size // 16)))
            return b''.join(blocks)[:size]
        encryption, authentication, salting = labels
        self.cipher = Aes128(derive(encryption, 16))
        self.authentication = derive(authentication, 20)
        self.salt = int.from_bytes(derive(salting, 14), 'big')

    def crypt(self, text, ssrc, index):          # RFC 3711 4.1.1
        start = self.salt << 16 ^ ssrc << 64 ^ index << 16
        stream = b''.join(self.cipher.block((start + i).to_bytes(16, 'big')) for i in range(-(-len(text) // 16)))
        return bytes(a ^ b for a, b in zip(text, stream))

    def tag(self, *parts):
        return hmac.digest(self.authentication, b''.join(parts), 'sha1')[:10]


class Srtp:
    """One direction, under one key: `inline` as in a=crypto; packets that we send name it by `mki` (RFC 3711 3.1, 3.4)."""

    def __init__(self, inline, mki=b''):
        self.inline, self.mki, key = inline, mki, base64.b64decode(inline)
        self.rtp, self.rtcp = (_Keys(key[:16], key[16:], labels) for labels in ((0, 1, 2), (3, 4, 5)))
        self.rtcp_index = self.roc = 0

    def protect(self, packet):
        size = rtp_header_size(packet)
        ssrc, index = int.from_bytes(packet[8:12], 'big'), self.roc << 16 | int.from_bytes(packet[2:4], 'big')
        out = packet[:size] + self.rtp.crypt(packet[size:], ssrc, index)
        return out + self.mki + self.rtp.tag(out, struct.pack('>I', self.roc))

    def unprotect(self, packet):
        out, tag = packet[:-RTP_TAG], packet[-RTP_TAG:]
        if tag != self.rtp.tag(out, struct.pack('>I', self.roc)):
            raise NotAuthentic
        return self.protect(out)[:len(out)]      # counter mode undoes itself

    def protect_rtcp(self, packet, index=None):
        """With the next index, or with this one."""
        if index is None:
            self.rtcp_index += 1
            index = self.rtcp_index
        out = packet[:RTCP_HEADER] + self.rtcp.crypt(packet[RTCP_HEADER:], int.from_bytes(packet[4:8], 'big'), index)
        out += struct.pack('>I', ENCRYPTED | index)
        return out + self.mki + self.rtcp.tag(out)

    def unprotect_rtcp(self, packet):
        """(the packet, its index). One that is authentic and not encrypted is given as it is."""
        out, tag = packet[:-RTCP_TAG], packet[-RTCP_TAG:]
        if tag != self.rtcp.tag(out):
            raise NotAuthentic
        plain, word = out[:-4], int.from_bytes(out[-4:], 'big')
        if word & ENCRYPTED:
            ssrc = int.from_bytes(plain[4:8], 'big')
            plain = plain[:RTCP_HEADER] + self.rtcp.crypt(plain[RTCP_HEADER:], ssrc, word & ~ENCRYPTED)
        return plain, word & ~ENCRYPTED


def for_key(inline, before=None, mki=b''):
    """The direction under this key. If it was another one before, RTP and SRTCP go on counting (RFC 3711 3.3.1, 3.4)."""
    if before is not None and before.inline == inline:
        return before
    direction = Srtp(inline, mki)
    if before is not None:
        direction.rtcp_index, direction.roc = before.rtcp_index, before.roc
    return direction
