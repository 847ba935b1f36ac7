"""Requests that have to be proved by Digest: how each kind is made, how it is challenged, what it gets at last."""
from cases import equal, require
from edge_fixture import DOMAIN


def status_of(response, what):
    require(response is not None, f'{what}: no answer')
    return response.status


def require_status(response, status, what):
    equal(status_of(response, what), status, what)
    return response


class Asking:
    """One kind of request that has to carry credentials: how it is made, how it is challenged, what it gets at last."""

    def __init__(self, pbx, method, challenged, taken, uri=None):
        self.pbx, self.method, self.challenged, self.taken = pbx, method, challenged, taken
        self.uri = uri
        self.field = 'Authorization' if challenged == 401 else 'Proxy-Authorization'

    def request(self):
        if self.method == 'REGISTER':
            return self.pbx.request()
        return self.pbx.plain_request(self.method, self.uri)

    def bare(self):
        return require_status(self.pbx.ask(self.request()), self.challenged, f'{self.method} without credentials')

    def signed(self, **options):
        return self.pbx.ask(self.pbx.signed(self.request(), self.field, **options))

    def with_header(self, value):
        message = self.request()
        message.add(self.field, value)
        return self.pbx.ask(message, timeout=3)

    def require_taken(self, what, **options):
        require_status(self.signed(**options), self.taken, f'{self.method} {what}')

    def require_challenged(self, response, what, stale):
        require_status(response, self.challenged, f'{self.method} {what}')
        equal(self.pbx.challenge.get('stale', 'false').lower() == 'true', stale, f'stale in the answer to {what}')


def require_every_request_asked(lab, pbx, number):
    """Each request of a trunk that is otherwise known is challenged, those within a call as well, whatever was proved before;
    what is not proved does nothing. ACK is not asked."""
    core = lab.core()
    for _ in range(2):
        for asking in (Asking(pbx, 'OPTIONS', 401, 200, f'sip:{DOMAIN}'), Asking(pbx, 'INVITE', 407, 484, f'sip:12345@{DOMAIN}')):
            asking.bare()
            asking.require_taken('with credentials')
            asking.bare()
    asking.require_challenged(asking.signed(password='a guess'), 'with a wrong password', stale=False)
    to = lab.number_uri(lab.core_number)
    require_status(pbx.ask(pbx.plain_request('INVITE', to)), 407, 'a call without credentials')
    require(core.peer.incoming.empty(), 'a call without credentials has reached the core')
    outgoing = pbx.invite(to, core.offer(), caller=number)              # which answers the challenge
    incoming = core.peer.wait_call(5)
    equal(outgoing.invite.cseq[0], 2, 'CSeq of the INVITE that was taken')
    require(incoming.answer(core.answer_to(incoming.remote_sdp)), 'no ACK, which nobody is asked to prove, reached the core')
    require_status(outgoing.wait_final(10), 200, 'the call')
    require_status(pbx.ask(outgoing.request('BYE')), 407, 'BYE without credentials')
    equal([c['state'] for c in lab.edge.calls() if c['state'] != 'ended'], ['answered'], 'calls after a BYE without credentials')
    require_status(pbx.ask(pbx.signed(outgoing.request('BYE'), 'Proxy-Authorization')), 200, 'BYE with credentials')
    require(incoming.wait_ended(5), 'the BYE has not reached the core')
    require(core.peer.incoming.empty(), 'the core was called twice')
