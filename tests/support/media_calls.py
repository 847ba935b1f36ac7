"""Calls between the PBX and the core with the descriptions of the test's choice, and the media of both in its hand."""
import contextlib
import threading
from collections import namedtuple

from lab import parties
from lab.network import CORE
from pbx_sim import sdp
from rtp_end import RtpEnd, noise, require_same

WAYS = ('from the PBX', 'to the PBX')


class MediaCall:
    """A call that is up. `pbx` and `core` are its legs (pbx_sim.call.Call), with the descriptions that hold."""

    def __init__(self, outgoing, incoming, from_pbx, pbx_party, core_party):
        self.outgoing, self.incoming = outgoing, incoming
        self.pbx, self.core = (outgoing, incoming) if from_pbx else (incoming, outgoing)
        self.pbx_party, self.core_party = pbx_party, core_party
        self._ends = {}

    def _end(self, name, party, call):
        if name not in self._ends:
            self._ends[name] = RtpEnd(party.namespace, call.local_sdp.audio, call.remote_sdp.audio)
        return self._ends[name]

    @property
    def at_pbx(self):
        return self._end('pbx', self.pbx_party, self.pbx)

    @property
    def at_core(self):
        return self._end('core', self.core_party, self.core)

    def ends(self):
        """((its name, its end, the other end), ...) for both directions of a stream."""
        return ('PBX to core', self.at_pbx, self.at_core), ('core to PBX', self.at_core, self.at_pbx)

    def probes(self, duration=1):
        """What rtp_probe hears at the PBX and at the core."""
        probes = [party.probe(call, call.local_sdp, duration=duration)
                  for party, call in ((self.pbx_party, self.pbx), (self.core_party, self.core))]
        return [probe.result() for probe in probes]

    def follow(self):
        """The ends of the media take up what both legs have now."""
        for name, end in self._ends.items():
            call = self.pbx if name == 'pbx' else self.core
            end.follow(call.local_sdp.audio, call.remote_sdp.audio)

    def close_media(self):
        for end in self._ends.values():
            end.close()
        self._ends.clear()


def _text(make, given, *arguments):
    return given if isinstance(given, str) else given(*arguments) if callable(given) else make(*arguments, **(given or {}))


def place(lab, way='from the PBX', offer=None):
    """(the outgoing call, its caller, its callee). `offer`: a description, or options of one."""
    pbx, core = lab.pbx(), lab.core()
    caller, callee = (pbx, core) if way == 'from the PBX' else (core, pbx)
    to, number = (lab.number_uri(lab.core_number), lab.pbx_number) if caller is pbx else \
        (f'sip:{lab.pbx_number}@{CORE.signaling}', lab.core_number)
    description = _text(caller.offer, offer)
    outgoing = caller.peer.invite(to, description, caller=number)
    outgoing.local_sdp = sdp.parse(description)
    return outgoing, caller, callee


def answer(callee, incoming, description):
    text = _text(callee.answer_to, description, incoming.remote_sdp)
    incoming.local_sdp = sdp.parse(text)
    incoming.respond(200, 'OK', text, [('Allow', callee.peer.allow)])


@contextlib.contextmanager
def media_call(lab, way='from the PBX', offer=None, answered=None):
    """`answered`: the callee's description, options of one, or a function of the offer that makes it."""
    outgoing, caller, callee = place(lab, way, offer)
    incoming = parties.wait_call(callee, outgoing)
    answer(callee, incoming, answered)
    parties.require_status(outgoing.wait_final(10), 200, f'the call {way}')
    from_pbx = way == 'from the PBX'
    call = MediaCall(outgoing, incoming, from_pbx, *((caller, callee) if from_pbx else (callee, caller)))
    try:
        yield call
    finally:
        call.close_media()
        if not outgoing.ended.is_set():
            parties.require_status(outgoing.bye(10), 200, 'BYE')
            incoming.wait_ended(10)


REVERSED = {'sendrecv': 'sendrecv', 'sendonly': 'recvonly', 'recvonly': 'sendonly', 'inactive': 'inactive'}


def _described_again(call, tag=None, new_key=False, port=None, direction='sendrecv'):
    """What this party said last, but for what is asked for here, with the next version."""
    said = call.local_sdp.audio
    crypto = said.cryptos[0] if said.cryptos else sdp.Crypto('1', None, None)
    number, version = call.local_sdp.origin.split()[1:3]
    return sdp.build(said.address, port or said.port, crypto.suite, sdp.new_key(crypto.suite) if new_key else crypto.key,
                     tag=tag or crypto.tag, codecs=[int(f) for f in said.formats], direction=direction, session_id=number,
                     version=int(version) + 1)


def renegotiate(call, by_pbx, **changes):
    """A re-INVITE of one side that the other answers, on the port it has and, where there is one, with a new key; the offer
    as it came to the other side. `changes`: port, direction, new_key."""
    first, second = (call.pbx, call.core) if by_pbx else (call.core, call.pbx)
    came = []

    def take(message):
        came.append(sdp.parse(message.body))
        cryptos = came[0].audio.cryptos
        text = _described_again(second, cryptos[0].tag if cryptos else None, new_key=bool(cryptos),
                                direction=REVERSED[came[0].audio.direction])
        second.local_sdp = sdp.parse(text)
        second.respond(200, 'OK', text)
    second.on_reinvite = take
    text = _described_again(first, **changes)
    parties.require_status(first.reinvite(text, 10), 200, f're-INVITE of the {"PBX" if by_pbx else "core"}')
    first.local_sdp = sdp.parse(text)
    call.follow()
    return came[0]


Voice = namedtuple('Voice', 'packets octets milliseconds', defaults=(25, 160, 20))     # in each packet, of each packet


def both_talk(call, pbx=Voice(), core=Voice(), type_=8):
    """Both sides talk at once and in time; everything arrives as it was sent, and nothing else."""
    sent = {}

    def talk(name, talker, voice):
        sent[name] = talker.play(noise(voice.packets, voice.octets), type_, 8 * voice.milliseconds, voice.milliseconds / 1000)
    for _, _, listener in call.ends():
        listener.forget()
    threads = [threading.Thread(target=talk, args=(name, talker, voice))
               for (name, talker, _), voice in zip(call.ends(), (pbx, core))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for name, _, listener in call.ends():
        listener.wait_sequence(sent[name][-1])
        require_same(listener.received, sent[name], name)


def refusal(lab, way='from the PBX', offer=None):
    """The final response to a call that comes through to nobody."""
    outgoing, caller, callee = place(lab, way, offer)
    final = outgoing.wait_final(10)
    if final is None or final.status < 300 or not callee.peer.incoming.empty():
        raise AssertionError(f'the call {way} came through: {final and final.start_line}')
    return final


def secure_lines(party, *lines):
    """A description of RTP/SAVP with these a=crypto lines, however odd."""
    plain = sdp.build(party.media_address, party.port(), extra=[f'a=crypto:{line}' for line in lines])
    return plain.replace(' RTP/AVP ', ' RTP/SAVP ')
