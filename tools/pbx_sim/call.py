"""One leg of a call as a peer holds it: the dialog (RFC 3261 12) and what may happen in it. Blocking calls with
deadlines, for scripts that read like the scenario they play."""
import queue
import threading

from . import sdp, sip_message
from .sip_message import Message, parameter, split_list, uri_of


class Call:
    def __init__(self, peer, call_id, local, remote, outgoing):
        self.peer, self.call_id, self.outgoing = peer, call_id, outgoing
        self.local, self.remote = local, remote            # From/To values with our tag and, later, theirs
        self.local_cseq = 1
        self.remote_target, self.route_set = None, []
        self.destination = None
        self.ended = threading.Event()
        self.cancelled = threading.Event()
        self.requests = []                                   # in-dialog requests that came
        self.acknowledged = queue.Queue()                    # PRACKs that came
        self.invite, self.transaction, self.server = None, None, None
        self.local_sdp, self.remote_sdp = None, None
        self._acks = {}
        self.may_authorize = None                            # what the INVITE is made of, until a challenge was answered

    # -- dialog state
    @property
    def key(self):
        return self.call_id, parameter(self.local, 'tag')

    def learn(self, message):
        """Remote tag, target and route set, from the response (outgoing) or the request (incoming); of what comes later
        in the dialog the target alone (RFC 3261 12.2)."""
        contacts = split_list(message.all('Contact'))
        if contacts:
            self.remote_target = uri_of(contacts[0])
        routes = split_list(message.all('Record-Route'))
        if self.outgoing and not message.is_request:
            self.remote = message['To']
            self.route_set = list(reversed(routes))
        elif parameter(message['To'], 'tag') is None:
            self.route_set = routes
        if message.description:
            self.remote_sdp = sdp.parse(message.description)

    def request(self, method, body=b'', headers=(), cseq=None):
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        message = Message(f'{method} {self.remote_target} SIP/2.0')
        message.add('Via', self.peer.via())
        message.add('Max-Forwards', '70')
        for route in self.route_set:
            message.add('Route', route)
        message.add('From', self.local)
        message.add('To', self.remote)
        message.add('Call-ID', self.call_id)
        message.add('CSeq', f'{cseq} {method}')
        message.add('Contact', self.peer.contact(sip_message.user_of(uri_of(self.local))))
        for name, value in headers:
            message.add(name, value)
        if body:
            if 'Content-Type' not in message:
                message.add('Content-Type', 'application/sdp')
            message.body = body.encode() if isinstance(body, str) else body
        return message

    # -- outgoing
    def wait_provisional(self, code=None, timeout=10):
        return self._wait(lambda t: t.wait(lambda r: r.status == code if code else 100 < r.status < 200, timeout))

    def _wait(self, look):
        """What `look` finds at the transaction of the INVITE, or at the one that has credentials in its place."""
        while True:
            transaction = self.transaction
            response = look(transaction)
            if transaction is self.transaction:
                return response

    def wait_final(self, timeout=32):
        """The final response; a 2xx is acknowledged at once (RFC 3261 13.2.2.4)."""
        response = self._wait(lambda t: t.wait_final(timeout))
        if response is not None and response.status < 300:
            self.learn(response)
            self.acknowledge(response)
        return response

    def acknowledge(self, response):
        key = parameter(response['To'], 'tag'), response.cseq[0]
        if key not in self._acks:
            self._acks[key] = self.request('ACK', cseq=response.cseq[0]).encode()
        self.peer.send(self._acks[key], self.destination)

    def acknowledge_again(self, response):
        """For a 2xx that came once more."""
        if (parameter(response['To'], 'tag'), response.cseq[0]) in self._acks:
            self.acknowledge(response)

    def cancel(self):
        """RFC 3261 9.1; returns the response to the CANCEL. The INVITE still gets its own final response."""
        message = Message(f'CANCEL {self.invite.uri} SIP/2.0')
        message.add('Via', self.invite['Via'])
        message.add('Max-Forwards', '70')
        for name in ('From', 'To', 'Call-ID'):
            message.add(name, self.invite[name])
        for route in self.invite.all('Route'):
            message.add('Route', route)
        message.add('CSeq', f'{self.invite.cseq[0]} CANCEL')
        return self.peer.start(message, self.destination).wait_final()

    # -- incoming
    def respond(self, status, reason, body=b'', headers=()):
        tag = parameter(self.local, 'tag')
        extra = [('Contact', self.peer.contact(sip_message.user_of(self.invite.uri)))]
        if body:
            extra.append(('Content-Type', 'application/sdp'))
        self.server.respond(sip_message.response_to(self.invite, status, reason, tag, extra + list(headers), body))

    def ring(self):
        self.respond(180, 'Ringing')

    def answer(self, description, timeout=10):
        """200 with the description; True when its ACK came."""
        self.local_sdp = sdp.parse(description)
        self.respond(200, 'OK', description, [('Allow', self.peer.allow)])
        return self.server.acknowledged.wait(timeout)

    def reject(self, status, reason, headers=()):
        self.respond(status, reason, headers=headers)
        self.ended.set()
        return self.server.acknowledged.wait(10)

    # -- either
    def bye(self, timeout=32):
        response = self.peer.start(self.request('BYE'), self.destination).wait_final(timeout)
        self.ended.set()
        return response

    def wait_ended(self, timeout=10):
        return self.ended.wait(timeout)

    def reinvite(self, description, timeout=32):
        """A new offer in the dialog; the final response, acknowledged."""
        request = self.request('INVITE', description)
        self.transaction = self.peer.start(request, self.destination)
        self.invite = request
        response = self.transaction.wait_final(timeout)
        if response is not None and response.status < 300:
            self.remote_sdp = sdp.parse(response.body) if response.body else self.remote_sdp
            self.acknowledge(response)
        return response

    def update(self, description='', timeout=32, headers=()):
        """UPDATE (RFC 3311), with an offer or without; its final response."""
        response = self.peer.start(self.request('UPDATE', description, headers), self.destination).wait_final(timeout)
        if response is not None and response.status < 300 and response.body:
            self.remote_sdp = sdp.parse(response.body)
        return response

    def prack(self, provisional, description='', timeout=32):
        """Acknowledges an 18x (RFC 3262), with an answer, an offer or neither; the final response."""
        self.learn(provisional)
        rack = [('RAck', f'{provisional["RSeq"]} {provisional.cseq[0]} INVITE')]
        response = self.peer.start(self.request('PRACK', description, rack), self.destination).wait_final(timeout)
        if response is not None and response.status < 300 and response.body:
            self.remote_sdp = sdp.parse(response.body)
        return response

    def answer_update(self, request, server, status, description='', headers=()):
        contact = [('Contact', self.peer.contact())] if status < 300 else []
        if description:
            contact.append(('Content-Type', 'application/sdp'))
        reason = 'OK' if status < 300 else 'Not Acceptable Here' if status == 488 else 'Refused'
        server.respond(sip_message.response_to(request, status, reason, None, contact + list(headers), description))
