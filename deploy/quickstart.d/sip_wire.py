"""Judges the captures of both sides: tshark says what is RTP, and the octets say whether anybody could listen."""
from collections import Counter

from steps import expect

TAG_OCTETS = 10          # HMAC-SHA1-80


def judge(captures, talks, pbx, pbx_address, core_address):
    """Sentences about what was seen; raises with the first thing that should not have been."""
    plain = [p for port in ports(talks, core_side) for p in captures['core'].rtp(core_address, port)]
    secret = [p for port in ports(talks, pbx_side) for p in captures['pbx'].rtp(pbx_address, port)]
    expect(len(plain) > 100 and len(secret) > 100, f'only {len(plain)} and {len(secret)} RTP packets were captured')
    sizes = Counter(len(payload) for *_, payload in secret)
    expect(set(sizes) == {160 + TAG_OCTETS}, f'payloads towards the PBX are {dict(sizes)} octets, not 160 and the tag')
    expect({len(payload) for *_, payload in plain} == {160}, 'payloads towards the core are not 160 octets')
    known = {payload for *_, payload in plain}
    expect(not known & {payload[:160] for *_, payload in secret}, 'a payload crossed to the PBX side unencrypted')
    yield (f'{len(secret)} SRTP packets at the PBX (160 octets and a tag of {TAG_OCTETS}), none of them holds any of the '
           f'{len(known)} payloads seen at the core')
    repeated = max(Counter(payload[:160] for *_, payload in secret).values())
    expect(repeated == 1, f'a ciphertext was seen {repeated} times: the key stream repeats')
    yield from topology(captures, pbx)


def core_side(talk):
    return talk.callee if not talk.callee.local_sdp.audio.cryptos else talk.caller


def pbx_side(talk):
    return talk.caller if talk.caller.local_sdp.audio.cryptos else talk.callee


def ports(talks, side):
    return [side(talk).local_sdp.audio.port for talk in talks]


def topology(captures, pbx):
    """Nothing of one leg shows on the other: addresses, Call-IDs, tags."""
    at_core = [p.payload for p in captures['core'].udp('udp.port == 5060')]
    expect(at_core, 'no SIP was captured at the core')
    leaked = [line for data in at_core for line in data.split(b'\r\n') if b'192.0.2.' in line or b'2001:db8:1:' in line]
    expect(not leaked, f'the core sees addresses of the access side: {leaked[:1]}')
    to_pbx = [t.data for t in pbx.peer.transport.trace if not t.outgoing]
    leaked = [line for data in to_pbx for line in data.split(b'\r\n') if b'198.51.100.' in line]
    expect(not leaked, f'the PBX sees addresses of the core: {leaked[:1]}')
    pbx_calls = {c.call_id.encode() for c in pbx.peer.calls.values()}
    shared = [i for i in pbx_calls if any(i in data for data in at_core)]
    expect(not shared, f'a Call-ID is the same on both legs: {shared[:1]}')
    yield f'{len(at_core)} SIP messages at the core name no address of the access side, nor the other way round; no shared Call-ID'
