"""SRTP by SDES as a test says and hears it: lines of a=crypto (RFC 4568), and what the media plane counts."""
import re

from cases import equal, require
from lab import parties
from pbx_sim import sdp

MANDATORY = parties.SUITE


def key_line(tag=1, suite=MANDATORY, more=''):
    return f'{tag} {suite} inline:{sdp.new_key(suite)}{more}'


def crypto_lines(stream):
    return [a.removeprefix('crypto:') for a in stream.attributes if a.startswith('crypto:')]


def require_mandatory(stream, what):
    """SRTP with the mandatory suite and nothing behind its key."""
    equal(stream.profile, 'RTP/SAVP', f'{what}: profile')
    lines = crypto_lines(stream)
    require(any(re.fullmatch(rf'\d+ {MANDATORY} inline:[A-Za-z0-9+/]{{40}}', line) for line in lines), f'{what}: {lines}')


def keys_of(description):
    return {c.key for c in description.audio.cryptos}


def counted(lab, reason):
    return lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason=reason)
