"""The demo's scenario: what is started, who calls whom, and what has to be true afterwards. Believes nothing that the
daemons say about themselves without having seen it from outside first."""
import contextlib
import hashlib
import json
import time
from pathlib import Path

import sip_wire
from lab import audio, baresip, capture, edge, media, network, parties, process, prometheus
from pbx_sim import sdp, sip_message
from steps import expect

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = 'sip.sallyport.example'
PBX_USER, PBX_PASSWORD = 'acme-hq', 'quickstart secret of the PBX'
PHONE_USER, PHONE_PASSWORD = 'phone-shop', 'quickstart secret of the telephone'
PBX_ADDRESS, CORE_ADDRESS = '192.0.2.10', '198.51.100.10'
PBX_NUMBER, PBX_DID = '+4930555001', '+4930555042'
PHONE_NUMBER = '+4940555123'
CORE_NUMBER = '+4989777001'
TALK_SECONDS = 2.0


def uri(number):
    return f'sip:{number}@{DOMAIN};user=phone'


class Demo:
    def __init__(self, name, run_directory, programs, softphone=True):
        self.run_directory, self.programs = run_directory, programs
        self.network = network.Network(name)
        self.edge = edge.Edge(self.network, run_directory, programs)
        self.pbx = self.core = self.phone = None
        self.captures, self.talks = {}, []
        self.softphone = softphone

    @property
    def step_count(self):
        return 12 if self.softphone else 11

    def play(self, steps):
        with steps.step('a network of its own: PBX site, edge, operator core') as say:
            self.network.create()
            say(f'namespaces {", ".join(n.name for n in self.network.namespaces)}; files in {self.run_directory}')
        with steps.step('three daemons start; DPDK owns the edge\'s media ports') as say:
            self.start_daemons(say)
        with steps.step('provisioned through the command line') as say:
            say(self.provision())
        with steps.step('a PBX registers in bulk (RFC 6140) over TLS with Digest') as say:
            self.register(say)
        with steps.step('PBX -> core: the call, SRTP in, RTP out, BYE from either side') as say:
            self.calls(say, self.pbx, self.core, PBX_NUMBER, CORE_NUMBER)
        with steps.step('core -> a DID of the PBX: the same the other way') as say:
            self.calls(say, self.core, self.pbx, CORE_NUMBER, PBX_DID)
        with steps.step('CANCEL while it rings, and a busy line, in both directions') as say:
            self.failing_calls(say)
        with steps.step('on the wire: encrypted towards the PBX, plain towards the core') as say:
            self.judge_wire(say)
        if self.softphone:
            with steps.step('a real softphone (baresip) makes and receives a call') as say:
                self.telephone(say)
        with steps.step('the edge\'s own account: ladder, packets, loss, jitter') as say:
            self.show_calls(say)
        with steps.step('a call record was written') as say:
            self.show_record(say)
        with steps.step('nothing is left, and everything was counted') as say:
            self.show_metrics(say)

    # -- steps
    def start_daemons(self, say):
        # The core answers before the edge first asks whether it is there (OPTIONS).
        self.core = parties.core(self.network.core, self.run_directory, self.programs / 'rtp_probe',
                                 edge=self.edge.core_udp, address=CORE_ADDRESS)
        self.edge.start()
        for line in self.edge.facts():
            say(line)

    def provision(self):
        ha1 = hashlib.md5(f'{PHONE_USER}:{DOMAIN}:{PHONE_PASSWORD}'.encode()).hexdigest()
        secrets = {'PBX_PASSWORD': PBX_PASSWORD, 'PHONE_HA1_MD5': ha1}
        text = (ROOT / 'deploy' / 'examples' / 'demo.yaml').read_text()
        for name, value in secrets.items():
            text = text.replace('${' + name + '}', value)
        file = self.run_directory / 'demo.yaml'
        file.write_text(text)
        return self.edge.apply(file)

    def register(self, say):
        self.pbx = parties.registered_pbx(
            self.network.pbx, self.run_directory, self.programs / 'rtp_probe', edge=self.edge.access_tls,
            ca_file=self.edge.ca.certificate, server_name=self.edge.server_name, domain=DOMAIN, user=PBX_USER,
            password=PBX_PASSWORD, address=PBX_ADDRESS)
        answer = self.pbx.peer.register(bulk=True)
        parties.require_status(answer, 200, 'REGISTER')
        sent = [sip_message.parse(t.data) for t in self.pbx.peer.transport.trace if t.outgoing]
        expect('Authorization' in sent[-1], 'the REGISTER was accepted without Digest')
        say(f'{self.pbx.peer.transport.socket.version()}; 401 {sent[-1]["Authorization"].split("algorithm=")[1].split(",")[0]}'
            f' challenge; Contact {sent[-1]["Contact"]}')
        listed = [r for r in self.edge.registrations() if r['aor'] == f'sip:{PBX_USER}@{DOMAIN}']
        expect(len(listed) == 1, f'`sallyport registration list` shows {len(listed)} registrations of the PBX')
        expect(listed[0].get('bulk') is True, f'the registration is not a bulk one: {listed[0]}')
        say(self.edge.cli('registration', 'list'))

    def calls(self, say, caller, callee, caller_number, callee_number):
        self.start_captures()
        for hang_up in ('caller', 'callee'):
            talk = parties.talk(caller, callee, uri(callee_number), caller_number, seconds=TALK_SECONDS, hang_up=hang_up)
            talk.require_intact()
            expect(parties.number_of(talk.callee.invite) == callee_number,
                   f'the callee was asked for {talk.callee.invite.uri}')
            self.talks.append(talk)
            for side, heard in ((caller.name, talk.heard_by_caller), (callee.name, talk.heard_by_callee)):
                say(f'{side:5} heard {heard["frames_received"]} of {heard["frames_expected"]} frames bit by bit, '
                    f'{heard["lost"]} lost, jitter {heard["jitter_ms"]:.1f} ms, {heard["rtcp_received"]} RTCP'
                    + (f'; BYE from the {hang_up}' if side == caller.name else ''))

    def start_captures(self):
        if not self.captures:
            self.captures = {side: capture.Capture(space, ['sig0', 'med0'], self.run_directory, f'wire-{side}')
                             for side, space in (('pbx', self.network.pbx), ('core', self.network.core))}

    def failing_calls(self, say):
        for caller, callee, own, number in ((self.pbx, self.core, PBX_NUMBER, CORE_NUMBER),
                                            (self.core, self.pbx, CORE_NUMBER, PBX_DID)):
            parties.cancelled(caller, callee, uri(number), own)
            parties.busy(caller, callee, uri(number), own)
            say(f'{caller.name} -> {callee.name}: CANCEL reached the callee, the caller got 487; then 486 from a busy line')

    def judge_wire(self, say):
        for each in self.captures.values():
            each.stop()
        for line in sip_wire.judge(self.captures, self.talks, self.pbx, PBX_ADDRESS, CORE_ADDRESS):
            say(line)

    def telephone(self, say):
        account = (f'<sip:{PHONE_USER}@{DOMAIN};transport=tls>;auth_user={PHONE_USER};auth_pass="{PHONE_PASSWORD}"'
                   f';outbound="sip:{edge.ACCESS.signaling}:5061;transport=tls";regint=300;mediaenc=srtp-mand'
                   f';audio_codecs=PCMA;answermode=manual')
        self.phone = baresip.Baresip(self.network.pbx, self.run_directory, account, interface='sig0',
                                     ca_file=self.edge.ca.certificate)
        listed = process.wait_until(lambda: [r for r in self.edge.registrations() if PHONE_USER in r['aor']], 15,
                                    'the telephone registers')
        expect(len(listed) == 1 and not listed[0].get('bulk'), f'the telephone is listed as {listed}')
        expect(any('phone-shop' in w for w in self.edge.warnings()), 'status does not flag the compatibility mode')
        say('registered as one AOR (compatibility mode, flagged in `sallyport status`)')
        self.phone.dial(uri(CORE_NUMBER))
        self.telephone_call(say, self.core.peer.wait_call(10), made_by_phone=True)
        offer = self.core.offer()
        outgoing = self.core.peer.invite(uri(PHONE_NUMBER), offer, caller=CORE_NUMBER)
        outgoing.local_sdp = sdp.parse(offer)
        self.phone.wait_event('CALL_INCOMING', timeout=10)
        self.phone.accept()
        parties.require_status(outgoing.wait_final(), 200, 'core -> softphone')
        self.telephone_call(say, outgoing, made_by_phone=False)
        self.phone.stop()

    def telephone_call(self, say, call, made_by_phone):
        """Tones both ways: 440 Hz from the telephone, 1000 Hz from the core."""
        heard_by_core = self.run_directory / f'core-heard-{"made" if made_by_phone else "received"}.wav'
        if made_by_phone:
            call.ring()
            expect(call.answer(self.core.answer_to(call.remote_sdp)), 'no ACK for the call that the telephone made')
        self.phone.wait_event('CALL_ESTABLISHED', timeout=10)
        probe = self.core.probe(call, call.local_sdp, duration=3, tone=1000, record=heard_by_core)
        probe.result()
        if made_by_phone:
            self.phone.hang_up()
            expect(call.wait_ended(5), 'the BYE of the telephone did not arrive')
        else:
            parties.require_status(call.bye(), 200, 'BYE to the telephone')
        self.phone.wait_event('CALL_CLOSED', timeout=10)
        to_core = audio.tone_seconds(heard_by_core, 440)
        to_phone = audio.tone_seconds(self.phone.recording(), 1000)
        expect(to_core > 2, f'the core heard the telephone\'s 440 Hz for {to_core:.1f} s of 3')
        expect(to_phone > 2, f'the telephone heard the core\'s 1000 Hz for {to_phone:.1f} s of 3')
        say(f'{"made" if made_by_phone else "received"} a call: recordings hold the other side\'s tone for '
            f'{to_core:.1f} s and {to_phone:.1f} s')

    def show_calls(self, say):
        calls = self.edge.calls()
        expect(len(calls) >= len(self.talks) + 4, f'`sallyport call list` shows {len(calls)} calls')
        for call in reversed(calls):  # oldest first
            say(self.edge.cli('call', 'show', call['id']) + '\n')

    def show_record(self, say):
        records = self.edge.records()
        expect(len(records) >= len(self.talks) + 4, f'{len(records)} call records for {len(self.talks) + 4} attempts')
        say(json.dumps(records[0], indent=None)[:2000])

    def show_metrics(self, say):
        self.edge.wait_no_leftovers(40, but=('transactions',))
        for daemon in self.edge.daemons:
            scrape = self.edge.scrape(daemon)
            missing = [n for n, _ in scrape.samples if n.startswith('sallyport_') and n not in scrape.help
                       and n.rsplit('_', 1)[0] not in scrape.help]
            expect(not missing, f'{daemon}: metrics without HELP: {missing[:3]}')
            say(f'{daemon:9} http://{self.edge.metrics_address(daemon)}/metrics  ({len(scrape.samples)} series, '
                f'in namespace {self.network.edge.name})')

    # -- afterwards
    def commands_to_try(self):
        inside = f'ip netns exec {self.network.edge.name}'
        return [' '.join(map(str, self.edge.cli_command('registration', 'list'))),
                f'ip netns exec {self.network.core.name} env SALLYPORT_BUILD={self.programs.parent} {ROOT}/tools/pbx_sim/core_sim'
                f' --edge 198.51.100.1:5060 --local {CORE_ADDRESS}:5070 call {PBX_DID} --from {CORE_NUMBER}',
                f'{inside} curl -s http://{self.edge.metrics_address("signaling")}/metrics']

    def answer_until_interrupted(self):
        while True:
            time.sleep(0.2)
            self.answer_waiting(self.pbx)

    def answer_waiting(self, party):
        if party.peer.incoming.empty():
            return
        call = party.peer.wait_call()
        call.ring()
        if call.answer(party.answer_to(call.remote_sdp)):
            party.probe(call, call.local_sdp, duration=3)

    def stop(self):
        """Every step is taken, whatever became of the one before."""
        with contextlib.ExitStack() as last_first:
            last_first.callback(self.network.delete)
            last_first.callback(self.edge.stop)
            for party in (self.core, self.pbx):
                if party is not None:
                    last_first.callback(party.close)
            for capture in self.captures.values():
                last_first.callback(capture.stop)
            if self.phone is not None:
                last_first.callback(self.phone.stop)
