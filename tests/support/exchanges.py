"""Calls as tables of tests want them: one line places a call and gives what arrived on the other side, without media."""
import threading
import time

from cases import require
from lab import parties
from pbx_sim import sdp, sip_message

REFUSALS_PER_SECOND = 15     # the edge refuses 20 a second of a party properly, then only briefly (503)


class Site:
    """A party (see lab.parties) and the way it is called; a static PBX or a carrier of its own over UDP."""

    def __init__(self, lab, side, address, edge, *, name, domain=None, port=5060):
        self.party = parties.core(side, lab.run_directory, lab.probe_binary, edge=edge, address=address, port=port,
                                  name=name, domain=domain)
        lab.parties[name] = self.party

    @property
    def peer(self):
        return self.party.peer


def place(caller, to, *, uri=None, from_=None, headers=(), offer=None):
    """An INVITE on its way. `to`: a URI or a whole To value; `uri`: the Request-URI if it differs."""
    peer = caller.peer
    return peer.invite(to, caller.offer() if offer is None else offer, request_uri=uri, headers=headers,
                       from_value=from_ or f'<sip:{peer.user or "tester"}@{peer.domain}>')


_next_turn = [0.0]


def _take_turn():
    """No faster than the edge goes to the expense of."""
    threading.Event().wait(max(0, _next_turn[0] - time.monotonic()))
    _next_turn[0] = time.monotonic() + 1 / REFUSALS_PER_SECOND


def refused(caller, to, **options):
    """The final status of a call that reaches nobody."""
    _take_turn()
    outgoing = place(caller, to, **options)
    response = outgoing.wait_final(10)
    require(response is not None, f'no answer to a call to {options.get("uri") or to}')
    return response.status


def arrived(caller, callee, to, *, status=486, reason='Busy Here', response_headers=(), **options):
    """The INVITE as the callee gets it, which refuses it; the whole attempt is over when this returns."""
    outgoing = place(caller, to, **options)
    incoming = parties.wait_call(callee, outgoing)
    incoming.reject(status, reason, response_headers)
    final = outgoing.wait_final(10)
    require(final is not None and final.status >= 300, f'the caller got {final and final.start_line}')
    return incoming.invite


def answered(caller, callee, to, *, answer_headers=(), ring_headers=(), **options):
    """(outgoing, incoming) of a call that is up; end it with `hang_up`."""
    outgoing = place(caller, to, **options)
    incoming = parties.wait_call(callee, outgoing)
    incoming.respond(180, 'Ringing', headers=ring_headers)
    require(outgoing.wait_provisional(180) is not None, 'the caller never heard 180 Ringing')
    answer = callee.answer_to(incoming.remote_sdp)
    incoming.local_sdp = sdp.parse(answer)
    incoming.respond(200, 'OK', answer, [('Allow', callee.peer.allow), *answer_headers])
    parties.require_status(outgoing.wait_final(10), 200, f'{caller.name} -> {callee.name}')
    require(incoming.server.acknowledged.wait(5), f'no ACK came to {callee.name}')
    return outgoing, incoming


def hang_up(first, other):
    parties.require_status(first.bye(10), 200, 'BYE')
    require(other.wait_ended(10), 'the BYE did not reach the other side')


def accept_reinvites(call, party, headers=()):
    """The callee's side of re-INVITEs: answers each with a description; what came is in call.requests."""
    def answer(_message):
        description = party.answer_to(call.remote_sdp)
        threading.Thread(target=call.respond, args=(200, 'OK', description, list(headers)), daemon=True).start()
    call.on_reinvite = answer


def identities(message):
    return sip_message.split_list(message.all('P-Asserted-Identity'))


def without_tag(value):
    """A From or To value without its tag parameter."""
    tag = sip_message.parameter(value, 'tag')
    return value.replace(f';tag={tag}', '') if tag else value
