"""Telephones behind the parties: each has an address, a port and a key of its own, describes itself as often as it is
asked, offers and answers within calls, and is listened to while it is talked to."""
import itertools
import secrets

from cases import require
from lab import media, parties
from pbx_sim import sdp, sip_message

MIRRORED = {'sendrecv': 'sendrecv', 'sendonly': 'recvonly', 'recvonly': 'sendonly', 'inactive': 'inactive'}
_runs = itertools.count()


class Telephone:
    def __init__(self, party, address=None, codecs=(8, 101)):
        self.party, self.codecs, self.direction, self.extra = party, codecs, 'sendrecv', ()
        self.number, self.version, self._said = secrets.randbelow(2 ** 31), 0, None
        self.move(address or party.media_address)
        self.rekey()

    def move(self, address=None):
        """To another port, and perhaps another address."""
        self.address = address or self.address
        self.port = media.free_port(self.address, self.party.namespace)

    def rekey(self):
        self.key = sdp.new_key(self.party.suite) if self.party.suite else None

    @property
    def local(self):
        """Where it listens, and the key it sends with."""
        return sdp.parse(self._text()).audio

    def describe(self, to=None, direction=None, version=None):
        """An offer, or the answer to the description `to`; the o= version goes up when something has changed."""
        tag = '1'
        if self.party.suite and to is not None:
            tag = next(c.tag for c in to.audio.cryptos if c.suite == self.party.suite)
        direction = direction or (MIRRORED[to.audio.direction] if to is not None else self.direction)
        content = self._text(tag, direction)
        if content != self._said:
            self.version, self._said = self.version + 1, content
        return self._text(tag, direction, version or self.version)

    def _text(self, tag='1', direction='sendrecv', version=0):
        return sdp.build(self.address, self.port, self.party.suite, self.key, tag, self.codecs, direction, self.number, version,
                         self.extra)


def call(caller, callee, to, number, telephones):
    """(outgoing, incoming) of a call from one telephone to another; its descriptions are kept at the calls."""
    mine, other = telephones
    offer = mine.describe()
    outgoing = caller.peer.invite(to, offer, caller=number)
    incoming = parties.wait_call(callee, outgoing)
    incoming.ring()
    require(outgoing.wait_provisional(180) is not None, f'{caller.name} never heard 180 Ringing')
    require(incoming.answer(other.describe(incoming.remote_sdp)), f'no ACK came to {callee.name}')
    parties.require_status(outgoing.wait_final(), 200, f'{caller.name} -> {callee.name}')
    outgoing.local_sdp = sdp.parse(offer)
    return outgoing, incoming


def answers(call_, telephone, **options):
    """From now on later offers within this call are the telephone's to answer; without an offer it makes one."""
    def answer(message):
        offer = sdp.parse(message.body) if message.body else None
        call_.respond(200, 'OK', telephone.describe(offer, **options), [('Allow', call_.peer.allow)])

    def answer_update(message, server):
        call_.answer_update(message, server, 200, telephone.describe(sdp.parse(message.body), **options))
    call_.local_sdp = call_.local_sdp or sdp.parse(telephone.describe())
    call_.on_reinvite, call_.on_update = answer, answer_update


def offerless(call_):
    """A re-INVITE without an offer: its 200, with the offer of the other side. It waits for `acknowledge`."""
    request = call_.request('INVITE')
    call_.invite, call_.transaction = request, call_.peer.start(request, call_.destination)
    response = parties.require_status(call_.transaction.wait_final(10), 200, 're-INVITE without an offer')
    call_.remote_sdp = sdp.parse(response.body)
    return response


def acknowledge(call_, response, answer):
    call_.peer.send(call_.request('ACK', answer, cseq=response.cseq[0]).encode(), call_.destination)


def listen(telephone, far, streams=None, **options):
    """A probe at the telephone, which talks to `far`, the description it was given; or between other `streams` than the
    audio, (its own, the one it was given)."""
    party = telephone.party
    local, remote = streams or (telephone.local, far.audio)
    return media.Probe(party.probe_binary, party.namespace, party.run_directory, f'{party.name}-{next(_runs)}', local, remote,
                       **options)


def require_talk(what, *ends, seconds=0.5, payload_types=(8, 8)):
    """Each of the two hears the whole signal of the other; ends: (telephone, the description it was given)."""
    probes = [listen(telephone, far, duration=seconds, payload_type=type_) for (telephone, far), type_ in zip(ends, payload_types)]
    for who, heard in (('first', probes[0].result()), ('second', probes[1].result())):
        require(heard['ok'], f'{what}: the {who} hears: {heard["failure"]}')


def tones(*ends, seconds=1, wait=2):
    """What each of them receives while all send, whether they may or not."""
    probes = [listen(telephone, far, duration=seconds, wait=wait, tone=440) for telephone, far in ends]
    return [probe.result() for probe in probes]


def messages(peer, outgoing=False, since=0):
    """What came to the peer, or what it has sent, parsed."""
    framer, found = sip_message.StreamFramer(), []
    for traced in list(peer.transport.trace)[since:]:
        if traced.outgoing == outgoing and traced.data.strip():
            found += list(framer.feed(traced.data))
    return found
