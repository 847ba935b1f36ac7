#!/usr/bin/env python3
"""SRTP as the RFCs have it (3711, 6188, 7714), written for nothing but to be compared with: prints golden_packets.h's
bytes. AES blocks come from the openssl command line, HMAC from Python; the key derivation is checked against RFC 3711 B.3.
"""
import hashlib
import hmac
import struct
import subprocess


def aes_blocks(key, blocks):
    cipher = f"-aes-{len(key) * 8}-ecb"
    run = subprocess.run(["openssl", "enc", cipher, "-K", key.hex(), "-nopad"], input=blocks, capture_output=True,
                         check=True)
    return run.stdout


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def keystream(key, counter, size):
    start = int.from_bytes(counter, "big")
    blocks = b"".join(((start + i) % (1 << 128)).to_bytes(16, "big") for i in range((size + 15) // 16))
    return aes_blocks(key, blocks)[:size]


def derive(master_key, master_salt, label, size):  # RFC 3711 4.3
    x = int.from_bytes(master_salt.ljust(14, b"\0"), "big") ^ (label << 48)
    return keystream(master_key, (x << 16).to_bytes(16, "big"), size)


def multiply(x, y):  # in GF(2^128), NIST SP 800-38D 6.3
    z = 0
    for i in range(128):
        if (x >> (127 - i)) & 1:
            z ^= y
        y = (y >> 1) ^ (0xE1 << 120) if y & 1 else y >> 1
    return z


def gcm(key, iv, associated, plain):
    h = int.from_bytes(aes_blocks(key, bytes(16)), "big")
    cipher = xor(plain, keystream(key, iv + b"\0\0\0\2", len(plain)))
    padded = b"".join(part + bytes(-len(part) % 16) for part in (associated, cipher))
    padded += struct.pack(">QQ", len(associated) * 8, len(cipher) * 8)
    s = 0
    for i in range(0, len(padded), 16):
        s = multiply(s ^ int.from_bytes(padded[i:i + 16], "big"), h)
    return cipher + xor(s.to_bytes(16, "big"), aes_blocks(key, iv + b"\0\0\0\1"))


def srtp(key, salt, tag, packet, roc):  # tag 0: AEAD
    ssrc, index = packet[8:12], (roc << 16) | struct.unpack(">H", packet[2:4])[0]
    encrypt = derive(key, salt, 0, len(key))
    session_salt = derive(key, salt, 2, 14 if tag else 12)
    if not tag:
        iv = xor(b"\0\0" + ssrc + index.to_bytes(6, "big"), session_salt)
        return packet[:12] + gcm(encrypt, iv, packet[:12], packet[12:])
    counter = (int.from_bytes(session_salt, "big") << 16) ^ (int.from_bytes(ssrc, "big") << 64) ^ (index << 16)
    body = packet[:12] + xor(packet[12:], keystream(encrypt, counter.to_bytes(16, "big"), len(packet) - 12))
    return body + hmac.new(derive(key, salt, 1, 20), body + struct.pack(">I", roc), hashlib.sha1).digest()[:tag]


def srtcp(key, salt, tag, packet, index):
    ssrc, trailer = packet[4:8], struct.pack(">I", 0x80000000 | index)
    encrypt = derive(key, salt, 3, len(key))
    session_salt = derive(key, salt, 5, 14 if tag else 12)
    if not tag:
        iv = xor(b"\0\0" + ssrc + b"\0\0" + struct.pack(">I", index), session_salt)
        return packet[:8] + gcm(encrypt, iv, packet[:8] + trailer, packet[8:]) + trailer
    counter = (int.from_bytes(session_salt, "big") << 16) ^ (int.from_bytes(ssrc, "big") << 64) ^ (index << 16)
    body = packet[:8] + xor(packet[8:], keystream(encrypt, counter.to_bytes(16, "big"), len(packet) - 8)) + trailer
    return body + hmac.new(derive(key, salt, 4, 20), body, hashlib.sha1).digest()[:10]


def main():
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")  # of RFC 3711 B.3
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive(key, salt, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(key, salt, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    long_key = key + bytes(range(16))
    rtp = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    rtcp = bytes.fromhex("81c90007cafebabe") + bytes(range(24))
    for suite, k, s, tag in (("aes_cm_128_hmac_sha1_80", key, salt, 10), ("aes_cm_128_hmac_sha1_32", key, salt, 4),
                             ("aead_aes_128_gcm", key, salt[:12], 0), ("aead_aes_256_gcm", long_key, salt[:12], 0),
                             ("aes_256_cm_hmac_sha1_80", long_key, salt, 10)):
        print(suite, srtp(k, s, tag, rtp, 0).hex(), srtp(k, s, tag, rtp, 1).hex(), srtcp(k, s, tag, rtcp, 1).hex())


main()
