"""The two sides that the edge stands between, each a SIP peer with rtp_probe as its media: a PBX that offers SRTP with
SDES over TLS, and a carrier's core that offers plain RTP over UDP."""
import queue
import time
from dataclasses import dataclass

from pbx_sim import sdp, sip_message, sip_peer, transport

from . import media

SUITE = 'AES_CM_128_HMAC_SHA1_80'


class CallFailed(Exception):
    pass


@dataclass
class Party:
    name: str
    namespace: object
    peer: sip_peer.Peer
    media_address: str
    suite: str
    run_directory: str
    probe_binary: str

    def port(self):
        return media.free_port(self.media_address, self.namespace)

    def offer(self, **options):
        key = sdp.new_key(self.suite) if self.suite else None
        return sdp.build(self.media_address, self.port(), self.suite, key, **options)

    def answer_to(self, offer, **options):
        """The description that accepts an offer: its first PCMA stream, its first suite that is ours."""
        crypto = next((c for c in offer.audio.cryptos if c.suite == self.suite), None)
        if self.suite and crypto is None:
            raise CallFailed(f'{self.name}: the offer has no {self.suite}: {offer.audio}')
        if not self.suite and offer.audio.profile != 'RTP/AVP':
            raise CallFailed(f'{self.name}: plain RTP expected, the offer says {offer.audio.profile}')
        key, tag = (sdp.new_key(self.suite), crypto.tag) if self.suite else (None, '1')
        return sdp.build(self.media_address, self.port(), self.suite, key, tag=tag, **options)

    def probe(self, call, local, **options):
        return media.Probe(self.probe_binary, self.namespace, self.run_directory, f'{self.name}-{local.audio.port}',
                           local.audio, call.remote_sdp.audio, **options)

    def close(self):
        self.peer.close()


def registered_pbx(namespace, run_directory, probe_binary, *, edge, ca_file, server_name, domain, user, password,
                   address, contact_port=5071, media_address=None, name='pbx', username=None):
    """A PBX with its TLS connection to the edge; it has not registered yet."""
    context = transport.client_context(ca_file)
    with namespace.entered():
        connection = transport.StreamTransport.connect(edge, (address, 0), context, server_name)
    peer = sip_peer.Peer(connection, domain, user, username=username, password=password,
                         contact_address=(address, contact_port))
    return Party(name, namespace, peer, media_address or address, SUITE, run_directory, probe_binary)


def core(namespace, run_directory, probe_binary, *, edge, address, port=5060, domain=None, name='core',
         media_address=None):
    with namespace.entered():
        socket = transport.UdpTransport((address, port), edge)
    peer = sip_peer.Peer(socket, domain or address, user_agent='core_sim')
    return Party(name, namespace, peer, media_address or address, None, run_directory, probe_binary)


@dataclass
class Talk:
    """A completed call as both ends saw it."""
    caller: object
    callee: object
    heard_by_caller: dict
    heard_by_callee: dict

    def require_intact(self):
        for who, heard in (('the caller', self.heard_by_caller), ('the callee', self.heard_by_callee)):
            if not heard['ok']:
                raise CallFailed(f'media to {who}: {heard["failure"]}')


def require_status(response, status, what):
    if response is None:
        raise CallFailed(f'{what}: no final response')
    if response.status != status:
        raise CallFailed(f'{what}: {response.status} {response.reason}, expected {status}')
    return response


def establish(caller, callee, to, caller_number, request_uri=None, headers=()):
    """INVITE, 180, 200, ACK; (outgoing call, incoming call, their descriptions)."""
    offer = caller.offer()
    outgoing = caller.peer.invite(to, offer, caller=caller_number, request_uri=request_uri, headers=headers)
    outgoing.local_sdp = sdp.parse(offer)
    incoming = wait_call(callee, outgoing)
    incoming.ring()
    if outgoing.wait_provisional(180) is None:
        raise CallFailed(f'{caller.name} never heard 180 Ringing')
    answer = callee.answer_to(incoming.remote_sdp)
    incoming.local_sdp = sdp.parse(answer)
    incoming.respond(200, 'OK', answer, [('Allow', callee.peer.allow)])
    require_status(outgoing.wait_final(), 200, f'{caller.name} -> {callee.name}')
    if not incoming.server.acknowledged.wait(5):
        raise CallFailed(f'no ACK came to {callee.name}')
    return outgoing, incoming


def wait_call(callee, outgoing, timeout=10):
    """The call that came to the callee; CallFailed as soon as the caller was refused, or when time is up."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return callee.peer.wait_call(0.05)
        except queue.Empty:
            refused = outgoing.transaction.final
            if (refused and refused.status not in (401, 407)) or time.monotonic() > deadline:
                said = [r.start_line for r in outgoing.transaction.responses]
                raise CallFailed(f'no call came to {callee.name}; the caller got {said or "no answer"}') from None


def talk(caller, callee, to, caller_number, *, seconds=2.0, hang_up='caller', request_uri=None):
    """A whole call with the verified signal both ways, ended by the named side."""
    outgoing, incoming = establish(caller, callee, to, caller_number, request_uri)
    probes = [caller.probe(outgoing, outgoing.local_sdp, duration=seconds),
              callee.probe(incoming, incoming.local_sdp, duration=seconds)]
    heard_by_caller, heard_by_callee = (probe.result() for probe in probes)
    first, other = (outgoing, incoming) if hang_up == 'caller' else (incoming, outgoing)
    require_status(first.bye(), 200, f'BYE from the {hang_up}')
    if not other.wait_ended():
        raise CallFailed('the BYE did not reach the other side')
    return Talk(outgoing, incoming, heard_by_caller, heard_by_callee)


def cancelled(caller, callee, to, caller_number, request_uri=None):
    """CANCEL while it rings: 487 for the caller, CANCEL at the callee."""
    outgoing = caller.peer.invite(to, caller.offer(), caller=caller_number, request_uri=request_uri)
    incoming = wait_call(callee, outgoing)
    incoming.ring()
    if outgoing.wait_provisional(180) is None:
        raise CallFailed(f'{caller.name} never heard 180 Ringing')
    require_status(outgoing.cancel(), 200, 'CANCEL')
    if not incoming.cancelled.wait(5):
        raise CallFailed(f'the CANCEL did not reach {callee.name}')
    require_status(outgoing.wait_final(), 487, 'the cancelled INVITE')
    return outgoing, incoming


def busy(caller, callee, to, caller_number, request_uri=None):
    outgoing = caller.peer.invite(to, caller.offer(), caller=caller_number, request_uri=request_uri)
    incoming = wait_call(callee, outgoing)
    incoming.reject(486, 'Busy Here')
    require_status(outgoing.wait_final(), 486, 'the call to a busy line')
    return outgoing, incoming


def number_of(message):
    return sip_message.user_of(message.uri)
