#!/usr/bin/env python3
"""Debian's baresip at both ends: a telephone of a customer's with TLS and SRTP, and one of the operator's core with UDP and
plain RTP. Neither was made for the other or for us. What either hears is told by its recordings, and while a call is up by
what comes to its network card."""
import contextlib
import hashlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import Skipped, case, equal, main, require  # noqa: E402
from edge_fixture import CORE_ADDRESS, CORE_NUMBER, DOMAIN, PBX_NUMBER, running_edge  # noqa: E402
from lab import audio, baresip, capture, parties, process  # noqa: E402
from lab.network import ACCESS, CORE  # noqa: E402
from pbx_sim import sdp  # noqa: E402
from telephones import Telephone, acknowledge  # noqa: E402

USER, PASSWORD, NUMBER = 'phone-shop', 'a telephone of its own', '+4940777123'
OTHER_CORE_NUMBER = '+4989777002'
TONES = {'pbx': 440, 'core': 1000}                   # what each of them says
TRUNK = f'''kind: Trunk
name: trunks/{USER}
mode: registration
realm: access
single_aor_compatibility: true
registration_aor: sip:{USER}@{DOMAIN}
credentials:
  - username: {USER}                # baresip gives up on SHA-256
    ha1_md5: {hashlib.md5(f'{USER}:{DOMAIN}:{PASSWORD}'.encode()).hexdigest()}
numbers:
  - {{first: "{NUMBER}"}}
media: {{srtp: required}}
'''


class Ends:
    """The two telephones, made at first use."""

    def __init__(self, lab):
        self.lab = lab
        file = Path(lab.run_directory) / 'telephone.yaml'
        file.write_text(TRUNK)
        lab.edge.apply(file)
        lab.parties.pop('core').close()              # its address is the telephone's now
        lines = [f'<sip:{number}@{CORE_ADDRESS}>;regint=0;audio_codecs=PCMA;answermode=manual;'
                 f'outbound="sip:{CORE.signaling};transport=udp"' for number in (OTHER_CORE_NUMBER, CORE_NUMBER)]
        self.core = baresip.Baresip(lab.network.core, lab.run_directory, '\n'.join(lines), interface='sig0',
                                    name='core-phone', listen=f'{CORE_ADDRESS}:5060', tone_hertz=TONES['core'])
        self.pbx = baresip.Baresip(
            lab.network.pbx, lab.run_directory, f'<sip:{USER}@{DOMAIN};transport=tls>;auth_user={USER};'
            f'auth_pass="{PASSWORD}";outbound="sip:{ACCESS.signaling}:5061;transport=tls";regint=300;mediaenc=srtp-mand;'
            'audio_codecs=PCMA;answermode=manual', interface='sig0', name='pbx-phone', ca_file=lab.edge.ca.certificate,
            tone_hertz=TONES['pbx'])
        process.wait_until(lambda: [r for r in lab.edge.registrations() if USER in r['aor']], 15, 'the telephone registers')

    def close(self):
        for phone in (self.pbx, self.core):
            phone.stop()

    def of(self, side):
        return (self.pbx, self.core) if side == 'pbx' else (self.core, self.pbx)

    def dial(self, side):
        """The telephone of that side rings the other one."""
        caller, callee = self.of(side)
        for phone in (caller, callee):
            phone.forget_events()
        caller.command('uafind', f'sip:{CORE_NUMBER}@{CORE_ADDRESS}')
        caller.dial(f'sip:{CORE_NUMBER}@{DOMAIN};user=phone' if side == 'pbx' else f'sip:{NUMBER}@{CORE.signaling}')
        incoming = callee.wait_event('CALL_INCOMING')
        equal(incoming['peeruri'].partition(':')[2].partition('@')[0], NUMBER if side == 'pbx' else CORE_NUMBER, 'the caller')
        caller.wait_event('CALL_RINGING', 'CALL_PROGRESS')
        return caller, callee

    def call(self, side):
        caller, callee = self.dial(side)
        callee.accept()
        for phone in (caller, callee):
            phone.wait_event('CALL_ESTABLISHED')
        return caller, callee

    def received(self):
        """Frames that have come to each of them over the cables of media."""
        counts = [n.run('cat', '/sys/class/net/med0/statistics/rx_packets') for n in (self.lab.network.pbx, self.lab.network.core)]
        return [int(c if isinstance(c, str) else c.stdout) for c in counts]

    def require_media(self, what):
        """In both directions, 50 packets a second."""
        before = self.received()
        process.wait_until(lambda: all(b - a >= 40 for a, b in zip(before, self.received())), 5, f'{what}: media both ways')

    def require_silence(self, what):
        """RTCP at most. What was under way comes still."""
        time.sleep(0.2)
        before = self.received()
        time.sleep(0.8)                              # there is no event of silence
        packets = [b - a for a, b in zip(before, self.received())]
        require(max(packets) <= 10, f'{what}: {packets[0]} packets to the PBX, {packets[1]} to the core within 0.8 s')

    def hang_up(self, who, other):
        who.hang_up()
        for phone in (who, other):
            phone.wait_event('CALL_CLOSED')

    def require_tones(self, seconds):
        """Each has heard what the other one says, for so long at least."""
        for name, phone, hertz in (('PBX', self.pbx, TONES['core']), ('core', self.core, TONES['pbx'])):
            heard = phone.heard_seconds(hertz)
            require(heard >= seconds, f'the {name} heard {hertz} Hz for {heard:.1f} s, at least {seconds} expected')


def ends(lab):
    if 'ends' not in lab.parties:
        lab.parties['ends'] = Ends(lab)
    return lab.parties['ends']


def both_ways(lab):
    for side in ('pbx', 'core'):
        yield side, ends(lab)


@case('either telephone calls the other one, SRTP at one end and plain RTP at the other; each hears the tone of the other, '
      'and either may hang up')
def _(lab):
    for side, phones in both_ways(lab):
        for by_caller in (True, False):
            caller, callee = phones.call(side)
            phones.require_media(f'{side} calls')
            phones.require_media(f'{side} calls, after a second')
            phones.hang_up(*((caller, callee) if by_caller else (callee, caller)))
            phones.require_tones(1.2)


@case('hold by either end is silence at both, and resume brings everything back, by one or by both and in any order; a telephone '
      'that holds keeps the key that it was told')
def _(lab):
    for side, phones in both_ways(lab):
        logged = len(phones.pbx.process.text())
        phones.call(side)
        phones.require_media('before')
        for first, second in ((phones.pbx, None), (phones.pbx, phones.core), (phones.core, phones.pbx)):
            first.command('hold')
            phones.require_silence(f'{side} calls, {first.name} holds')
            if second:
                second.command('hold')
                phones.require_silence(f'{side} calls, both hold')
                first.command('resume')
                phones.require_silence(f'{side} calls, {first.name} has resumed')
            (second or first).command('resume')
            phones.require_media(f'{side} calls, nobody holds')
            # Later offers of the core's have new keys (SIPconnect 14.4), which this version of baresip passes over.
            require(second or 'failed to decrypt' not in phones.pbx.process.text()[logged:], 'noise after its own hold')
        # After a hold it records nothing any more, whoever its peer is: what the core gets is looked at on its way.
        wire = capture.Capture(lab.network.core, ['med0'], lab.run_directory, f'hold-{side}')
        phones.require_media('after all that')
        phones.hang_up(phones.pbx, phones.core)
        voice = b''.join(p.payload[12:] for p in wire.stop().udp(f'ip.src == {CORE.media} && udp.length == 180'))
        require(len(voice) >= 30 * 160, f'{len(voice)} octets of PCMA to the core')
        pure = audio.power_at(audio.from_alaw(voice[:4800]), 8000, TONES['pbx'])
        require(pure > 0.7, f'{pure:.2f} of what the core gets is what the PBX says')


@case('digits of either telephone are heard at the other one, in their order and once each')
def _(lab):
    for side, phones in both_ways(lab):
        caller, callee = phones.call(side)
        phones.require_media('before')
        for sender, receiver in ((caller, callee), (callee, caller)):
            sender.command('sndcode', '159#')
            heard = ''
            while len(heard) < 4:
                heard += receiver.wait_event('CALL_DTMF_START')['param']
            equal(heard, '159#', f'digits, {side} calls')
        phones.require_media('after')
        phones.hang_up(caller, callee)


@case('a telephone that tries to transfer by REFER is refused, and nobody is called for it [SC-12.1-03]')
def _(lab):
    for side, phones in both_ways(lab):
        for by_caller in (True, False):
            caller, callee = phones.call(side)
            phones.require_media('before the REFER')
            who, other = (caller, callee) if by_caller else (callee, caller)
            who.command('transfer', f'sip:{CORE_NUMBER}@{DOMAIN}')
            equal(who.wait_event('TRANSFER_FAILED')['param'], '405 Method Not Allowed', 'the transfer')
            other.wait_event('CALL_CLOSED')          # it hangs up then, of itself
            came = [e['type'] for phone in (caller, callee) for e in phone.forget_events()]
            require('CALL_INCOMING' not in came, f'somebody is called: {came}')


@case('transferred by a PBX, by INVITE and re-INVITE: a telephone of the core that has called it talks to another one of the core '
      'instead, and the end of the one call is that of the other [SC-12.1.1-01]')
def _(lab):
    phones, pbx = ends(lab), lab.pbx()
    phones.core.forget_events()
    phones.core.command('uafind', f'sip:{CORE_NUMBER}@{CORE_ADDRESS}')
    phones.core.dial(f'sip:{PBX_NUMBER}@{CORE.signaling}')
    leg = pbx.peer.wait_call(5)
    leg.ring()
    transferor = Telephone(pbx)
    leg.local_sdp = sdp.parse(transferor.describe(leg.remote_sdp))
    require(leg.answer(transferor.describe(leg.remote_sdp)), 'no ACK')
    phones.core.wait_event('CALL_ESTABLISHED')
    to_target = pbx.peer.invite(lab.number_uri(OTHER_CORE_NUMBER), '', caller=PBX_NUMBER)
    phones.core.wait_event('CALL_INCOMING')
    phones.core.accept()
    late = parties.require_status(to_target.transaction.wait_final(10), 200, 'the call to the target')
    to_target.learn(late)
    answer = parties.require_status(leg.reinvite(late.body.decode(), 10), 200, 're-INVITE')
    acknowledge(to_target, late, answer.body.decode())
    phones.core.wait_event('CALL_ESTABLISHED')
    wire = capture.Capture(lab.network.core, ['med0'], lab.run_directory, 'transferred')
    before = phones.received()[1]
    process.wait_until(lambda: phones.received()[1] - before >= 160, 4, 'two streams to the core')
    heard = {}
    for packet in wire.stop().udp(f'ip.src == {CORE.media} && udp.length == 180'):
        heard.setdefault(packet.destination_port, bytearray()).extend(packet.payload[12:])
    equal(len(heard), 2, 'telephones that hear something')
    for voice in heard.values():
        pure = audio.power_at(audio.from_alaw(voice[:4800]), 8000, TONES['core'])
        require(len(voice) >= 4800 and pure > 0.7, f'{pure:.2f} of {len(voice)} octets is what the other one says')
    phones.core.hang_up()                            # the call that came last
    require(to_target.wait_ended(5), 'the BYE of the target')
    parties.require_status(leg.bye(10), 200, 'BYE')
    for _ in range(2):
        phones.core.wait_event('CALL_CLOSED')


@case('a call that is refused, and one that is given up while it rings, end at both telephones')
def _(lab):
    for side, phones in both_ways(lab):
        for refused in (True, False):
            caller, callee = phones.dial(side)
            (callee if refused else caller).hang_up()
            for phone in (caller, callee):
                phone.wait_event('CALL_CLOSED')


@case('nothing is left of all these calls, and each has its record')
def _(lab):
    lab.edge.wait_no_leftovers(40)
    records = [r for r in lab.edge.records() if USER in str(r)]
    equal(sorted(r['sip_status'] for r in records), [200] * 12 + [486] * 2 + [487] * 2, 'how the calls have ended')


@contextlib.contextmanager
def fixture():
    if not Path(baresip.MODULE_PATH).is_dir():
        raise Skipped('baresip is not installed')
    with running_edge('baresip') as lab:
        yield lab


if __name__ == '__main__':
    sys.exit(main('baresip', fixture))
