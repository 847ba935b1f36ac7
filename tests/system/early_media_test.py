#!/usr/bin/env python3
"""What is heard before an answer, and what is told instead of one (SIPconnect 14.8, 14.9): early media in both directions of
call, how soon it arrives, what comes too early or from elsewhere, and the reasons of calls that fail."""
import contextlib
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
import rtp_sprayer  # noqa: E402
from cases import case, equal, main, require  # noqa: E402
from conversation import provision_media  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, STRANGER, running_edge  # noqa: E402
from lab import capture, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from telephones import Telephone, listen, require_talk  # noqa: E402

PACKET_TIME = 0.020
STRANGER_IN_CORE = '198.51.100.66'


class Attempt:
    """A call that is not answered yet, between a telephone of either side; `callee` is the side that is called."""

    def __init__(self, lab, callee, headers=()):
        pbx, core = lab.pbx(), lab.core()
        caller_party, callee_party = (core, pbx) if callee == 'pbx' else (pbx, core)
        to_pbx, to_core = f'sip:{PBX_NUMBER}@{CORE.signaling}', lab.number_uri(CORE_NUMBER)
        to, number = (to_pbx, CORE_NUMBER) if callee == 'pbx' else (to_core, PBX_NUMBER)
        self.what = f'a call to the {callee}'
        self.caller, self.callee = Telephone(caller_party), Telephone(callee_party)
        self.out = caller_party.peer.invite(to, self.caller.describe(), caller=number, headers=headers)
        self.into = parties.wait_call(callee_party, self.out)

    def progress(self, status, described=True, headers=(), told=None):
        """An 18x as the caller gets it; `told`: with a description, where that depends on more than the callee's."""
        told = described if told is None else told
        body = self.callee.describe(self.into.remote_sdp) if described else ''
        before = len(self.out.transaction.responses)
        self.into.respond(status, 'Progress', body, headers)
        transaction = self.out.transaction
        response = transaction.wait(lambda r: r.status == status and r in transaction.responses[before:], 5)
        require(response is not None, f'{self.what}: no {status} came to the caller')
        equal(bool(response.body), told, f'{self.what}: a description in the {status}')
        if told:
            self.out.remote_sdp = sdp.parse(response.body)
        return response

    @property
    def ends(self):
        return (self.caller, self.out.remote_sdp), (self.callee, self.into.remote_sdp)

    def require_unanswered(self):
        equal(self.out.transaction.final, None, f'{self.what}: a final response')

    def answer(self):
        require(self.into.answer(self.callee.describe(self.into.remote_sdp)), f'{self.what}: no ACK came')
        parties.require_status(self.out.wait_final(), 200, self.what)

    def hang_up(self):
        parties.require_status(self.out.bye(10), 200, 'BYE')
        require(self.into.wait_ended(10), 'the BYE did not reach the other side')

    def give_up(self):
        parties.require_status(self.out.cancel(), 200, 'CANCEL')
        parties.require_status(self.out.wait_final(10), 487, 'the cancelled INVITE')


# ---------------------------------------------------------------- heard before the answer

@case('what the callee plays before it answers is heard, and it hears the caller, in calls of either direction; the answer '
      'changes nothing of it [SC-14.9-01]')
def _(lab):
    for callee in ('core', 'pbx'):
        for status in (183, 180):
            attempt = Attempt(lab, callee)
            attempt.progress(status)
            require_talk(f'{attempt.what} after a {status}', *attempt.ends)
            attempt.require_unanswered()
            attempt.answer()
            require_talk(f'{attempt.what} after its answer', *attempt.ends)
            attempt.hang_up()


class Witness:
    """Which RTP has left one telephone and arrived at another, and when: recorded at both, told by tshark."""

    def __init__(self, lab, name):
        self.captures = {side: capture.Capture(namespace, ['med0'], lab.run_directory, f'{name}-{side}')
                         for side, namespace in (('pbx', lab.network.pbx), ('core', lab.network.core))}

    def seen(self, side, direction, port):
        """Sequence number -> time, of RTP to or from this port of a telephone at this side."""
        other = ACCESS.media if side == 'pbx' else CORE.media
        far, near = ('src', 'dstport') if direction == 'to' else ('dst', 'srcport')
        where = f'udp.{near} == {port} && ip.{far} == {other}'
        rows = self.captures[side].fields(where, ('frame.time_epoch', 'udp.payload'))
        packets = [(float(at), bytes.fromhex(payload.replace(':', ''))) for at, payload in rows]
        return {int.from_bytes(p[2:4], 'big'): at for at, p in reversed(packets) if p[1] & 0x7F == 8}

    def delays(self, attempt, callee, port, count=20):
        """Of the first packets that left the callee, None for one that has not arrived."""
        caller = 'pbx' if callee == 'core' else 'core'
        sent = process.wait_until(lambda: self._enough(callee, 'from', port, count), 10, 'enough was sent')
        came = process.wait_until(lambda: self._enough(caller, 'to', attempt.caller.port, count), 10, 'enough has arrived')
        return [came[n] - sent[n] if n in came else None for n in sorted(sent)[:count]]

    def _enough(self, side, direction, port, count):
        found = self.seen(side, direction, port)
        return found if len(found) >= count else None

    def stop(self):
        for each in self.captures.values():
            each.stop()


@contextlib.contextmanager
def witness(lab, name):
    found = Witness(lab, name)
    try:
        yield found
    finally:
        found.stop()


def judged(delays, what):
    """What is wrong with them, if anything."""
    missing = [n for n, delay in enumerate(delays) if delay is None]
    if missing:
        return f'{what}: of the first packets {missing} did not arrive'
    late = [f'{n}: {1000 * delay:.1f} ms' for n, delay in enumerate(delays) if delay > PACKET_TIME]
    return f'{what}: late are {late}' if late else ''


def require_soon(lab, name, begin):
    """The first packets arrive within a packet's time, each of them. Where the machine had something else to do it is asked
    again: it can only be late by that, not early."""
    for callee in ('core', 'pbx'):
        wrong = ''
        for turn in range(3):
            with witness(lab, f'{name}-{callee}-{turn}') as seen:
                attempt = Attempt(lab, callee)
                port = begin(attempt)
                wrong = judged(seen.delays(attempt, callee, port), attempt.what)
                attempt.require_unanswered()
                attempt.give_up()
            if not wrong:
                break
        require(not wrong, wrong)


class Ringer:
    """A telephone that rings by itself until RTP comes to its port."""

    def __init__(self, telephone):
        with telephone.party.namespace.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((telephone.address, telephone.port))
        self.socket.setblocking(False)

    def first(self):
        """The first packet that came and was not looked at yet."""
        with contextlib.suppress(BlockingIOError):
            return self.socket.recv(2048)
        return None

    def close(self):
        self.socket.close()


def plays(attempt, port=None, **options):
    """The callee plays a tone, from the port that it has described or another one; the caller's telephone is silent."""
    telephone, far = attempt.ends[1]
    sender = telephone.local
    sender.port = port or sender.port
    listen(telephone, None, streams=(sender, far.audio), duration=0.6, wait=0.6, tone=425, **options).result()


@case('early RTP after a 183 with a description is at the caller within the time of one packet, from the first packet on, in '
      'calls of either direction [SC-14.9-11]')
def _(lab):
    def begin(attempt):
        attempt.progress(183)
        ringer = Ringer(attempt.caller)
        plays(attempt)
        ringer.close()
        return attempt.callee.port
    require_soon(lab, 'after-183', begin)


@case('without P-Early-Media: nothing comes to a caller whose telephone rings by itself until the callee sends; then the very '
      'first packet does, also from another port than described, and none waits for the relay to latch [SC-14.9-10]')
def _(lab):
    for described_port in (True, False):
        def begin(attempt, described_port=described_port):
            attempt.progress(180, described=False)
            attempt.progress(180)
            ringer = Ringer(attempt.caller)
            port = attempt.callee.port if described_port else Telephone(attempt.callee.party).port
            try:
                equal(ringer.first(), None, 'RTP before the callee has sent any')
                plays(attempt, port, sequence=4711)
                packet = ringer.first()
            finally:
                ringer.close()
            require(packet is not None, f'{attempt.what}: it rings on, nothing came')
            equal(int.from_bytes(packet[2:4], 'big'), 4711, f'{attempt.what}: the packet that stops the ringing')
            return port
        require_soon(lab, f'ringing-{described_port}', begin)


# ---------------------------------------------------------------- too early, and from elsewhere

def drops(lab, reason):
    return lab.edge.scrape('media').get('sallyport_media_dropped_packets_total', reason=reason)


@case('RTP that comes before any description is not forwarded, is counted, and takes nothing: not a stranger\'s, nor the '
      'callee\'s own; then early media are heard as if nothing had been [SC-14.9-13]')
def _(lab):
    for callee, namespace, strange, side in (('core', lab.network.core, STRANGER_IN_CORE, CORE),
                                             ('pbx', lab.network.pbx, STRANGER, ACCESS)):
        attempt = Attempt(lab, callee)
        attempt.progress(180, described=False)
        ringer, before = Ringer(attempt.caller), drops(lab, 'leg_disabled')
        port = attempt.into.remote_sdp.audio.port
        own = attempt.callee.address
        sprayers = [rtp_sprayer.Sprayer(namespace, address, side.media, [port]) for address in (own, strange)]
        process.wait_until(lambda: drops(lab, 'leg_disabled') >= before + 100, 10, f'{attempt.what}: the drops are counted')
        require(all(s.sent for s in sprayers), 'both have sent')
        equal(ringer.first(), None, f'{attempt.what}: RTP before any description')
        own_sprayer, strange_sprayer = sprayers
        own_sprayer.stop()
        wrong_before = drops(lab, 'wrong_source')
        attempt.progress(183)                              # the stranger goes on
        ringer.close()
        require_talk(f'{attempt.what} after RTP that came too early', *attempt.ends)
        strange_sprayer.stop()
        equal((own_sprayer.received, strange_sprayer.received), (0, 0), 'packets back to those who came too early')
        require(drops(lab, 'wrong_source') > wrong_before, 'the stranger is counted')
        attempt.answer()
        require_talk(f'{attempt.what} after its answer', *attempt.ends)
        attempt.hang_up()
    lab.edge.require_answering()


# ---------------------------------------------------------------- P-Early-Media (RFC 5009)

@case('what the caller says of early media reaches the callee, and what the callee says the caller, with and without a '
      'description, and media follows [SC-14.9-03] [SC-14.9-08] [SC-14.9-09] [SC-14.9-14]')
def _(lab):
    for callee in ('core', 'pbx'):
        attempt = Attempt(lab, callee, headers=[('P-Early-Media', 'supported')])
        equal(attempt.into.invite['P-Early-Media'], 'supported', f'{attempt.what}: in the INVITE')
        quiet = attempt.progress(180, described=False, headers=[('P-Early-Media', 'inactive')])
        equal(quiet['P-Early-Media'], 'inactive', f'{attempt.what}: in a 180 without media')
        loud = attempt.progress(183, headers=[('P-Early-Media', 'sendonly')])
        equal(loud['P-Early-Media'], 'sendonly', f'{attempt.what}: in a 183 with a description')
        again = attempt.progress(180, described=False, headers=[('P-Early-Media', 'sendrecv')])
        equal(again['P-Early-Media'], 'sendrecv', f'{attempt.what}: in a 180 after it')
        require_talk(f'{attempt.what} before its answer', *attempt.ends)
        attempt.give_up()


# ---------------------------------------------------------------- whether it is relayed at all

def require_nothing(attempt, after):
    """What the callee plays does not come to a caller who rings by himself."""
    ringer = Ringer(attempt.caller)
    plays(attempt)
    equal(ringer.first(), None, f'{attempt.what}: RTP after {after}')
    ringer.close()


@case('the relay opens before the answer as the called side\'s policy says: never after a 180 without a description; by default '
      'with the description; where P-Early-Media must announce it, at the 18x that does; or not at all, which the caller is not '
      'told of then; and always with the answer [SC-14.9-02] [SC-14.9-07]')
def _(lab):
    for callee, namespace, side in (('core', lab.network.core, CORE), ('pbx', lab.network.pbx, ACCESS)):
        for policy in ('described', 'announced', 'none'):
            provision_media(lab, callee, early_media=policy)
            attempt = Attempt(lab, callee)
            attempt.what += f', early media: {policy}'
            attempt.progress(180, described=False)
            ringer = Ringer(attempt.caller)
            sprayer = rtp_sprayer.Sprayer(namespace, attempt.callee.address, side.media, [attempt.into.remote_sdp.audio.port])
            process.wait_until(lambda: sprayer.sent > 50, 5, 'the callee sends')
            sprayer.stop()
            equal(ringer.first(), None, f'{attempt.what}: RTP after a 180 without a description')
            ringer.close()
            attempt.progress(183, headers=[('P-Early-Media', 'sendrecv')] if policy == 'none' else [], told=policy == 'described')
            if policy == 'described':
                require_talk(f'{attempt.what} after a 183', *attempt.ends)
            else:
                require_nothing(attempt, 'a 183')
            if policy == 'announced':
                attempt.progress(180, described=False, headers=[('P-Early-Media', 'sendonly')], told=True)
                require_talk(f'{attempt.what} after P-Early-Media', *attempt.ends)
                attempt.progress(180, described=False, headers=[('P-Early-Media', 'inactive')])
                require_nothing(attempt, 'P-Early-Media: inactive')
                attempt.progress(180, described=False, headers=[('P-Early-Media', 'sendrecv')], told=True)
                require_talk(f'{attempt.what} after P-Early-Media once more', *attempt.ends)
            attempt.require_unanswered()
            attempt.answer()
            require_talk(f'{attempt.what} after its answer', *attempt.ends)
            attempt.hang_up()
        provision_media(lab, callee, early_media='described')


# ---------------------------------------------------------------- told instead of an answer

# Statuses that end a call, each with causes that say more than the status does (RFC 3326, Q.850).
FAILURES = ((404, 1), (404, 3), (410, 22), (480, 18), (480, 19), (480, 20), (484, 28), (486, 17), (488, 65), (500, 38),
            (504, 38), (600, 17), (603, 21), (604, 1), (606, 88))
PROMPTLY = 0.5


@case('a call that fails: status and cause come to the caller at once, in either direction, and are what the callee said '
      '[SC-14.8-01]')
def _(lab):
    for callee in ('core', 'pbx'):
        for status, cause in FAILURES:
            attempt = Attempt(lab, callee)
            began = time.monotonic()
            attempt.into.respond(status, 'No', headers=[('Reason', f'Q.850;cause={cause};text="said by the callee"')])
            final = attempt.out.wait_final(10)
            require(final is not None, f'{attempt.what}: {status} did not come')
            equal(final.status, status, f'{attempt.what}: status for {status}')
            reasons = [r.split(';text')[0] for r in final.all('Reason')]
            equal(reasons, [f'Q.850;cause={cause}'], f'{attempt.what}: Reason of {status}')
            require(time.monotonic() - began < PROMPTLY, f'{attempt.what}: {status} took {time.monotonic() - began:.2f} s')


# What the other side is told of a status that means something else there, or nothing; of the cause it hears the same.
TRANSLATED = {'core': ((403, 603, 21), (415, 488, 79), (420, 500, 127), (481, 500, 41), (487, 480, 31)),
              'pbx': ((403, 403, 21), (415, 488, 79), (420, 500, 127), (481, 500, 41), (487, 480, 31))}


@case('what a failure sounds like is the choice of whoever has the ear: of no status and no cause is anything played or announced '
      'here, also where the status is told as another one; what the network of the callee announces is heard, and its cause comes '
      'with the end of it [SC-14.8-02]')
def _(lab):
    for callee in ('core', 'pbx'):
        for status, told, cause in tuple((s, s, c) for s, c in FAILURES) + TRANSLATED[callee]:
            attempt = Attempt(lab, callee)
            ringer = Ringer(attempt.caller)
            attempt.into.respond(status, 'No', headers=[('Reason', f'Q.850;cause={cause}')])
            final = attempt.out.wait_final(10)
            require(final is not None, f'{attempt.what}: {status} did not come')
            equal((final.status, final['Reason']), (told, f'Q.850;cause={cause}'), f'{attempt.what}: {status} is told as')
            said = {r.status for r in attempt.out.transaction.responses}
            require(said <= {100, told}, f'{attempt.what}: before {told} came {said}')
            equal((ringer.first(), final.body), (None, b''), f'{attempt.what}: something was played for {status}')
            ringer.close()
        attempt = Attempt(lab, callee)
        attempt.progress(183, headers=[('Reason', 'Q.850;cause=1')])
        ringer = Ringer(attempt.caller)
        plays(attempt)
        require(ringer.first() is not None, f'{attempt.what}: the announcement was not heard')
        sessions = lab.edge.scrape('media').get('sallyport_media_sessions')
        attempt.into.respond(404, 'Not Found', headers=[('Reason', 'Q.850;cause=1')])
        final = attempt.out.wait_final(10)
        equal((final.status, final['Reason']), (404, 'Q.850;cause=1'), f'{attempt.what}: after the announcement')
        process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_sessions') < sessions, 5, 'the session is released')
        while ringer.first() is not None:
            pass
        plays(attempt)
        equal(ringer.first(), None, f'{attempt.what}: the announcement after its end')
        ringer.close()


if __name__ == '__main__':
    sys.exit(main('early_media', lambda: running_edge('early_media')))
