"""A SIP user agent for tests and demonstrations: registers, calls and is called over one transport. Written against
the RFCs from outside, so that it agrees with the product only where both agree with the text."""
import queue
import secrets
import threading

from . import sip_digest, sip_message
from .call import Call
from .sip_message import Message, new_branch, new_tag, parameter, uri_of
from .transactions import ClientTransaction, ServerTransaction, Timers
from .transport import host_port


class Peer:
    allow = 'INVITE, ACK, CANCEL, BYE, OPTIONS'

    def __init__(self, transport, domain, user='', username='', password='', contact_address=None, user_agent='pbx_sim',
                 incoming=None):
        self.transport, self.domain = transport, domain
        self.user, self.username, self.password = user, username or user, password
        self.contact_address = contact_address or transport.local
        self.user_agent = user_agent
        self.algorithms = sip_digest.PREFERENCE
        self.calls, self.incoming = {}, queue.Queue() if incoming is None else incoming
        self.stray = []                                       # what matched nothing
        self.options_seen = 0
        self._clients, self._servers, self._by_invite = {}, {}, {}
        self._register_cseq, self._register_call_id = 0, secrets.token_hex(12)
        self._lock = threading.RLock()
        self.timers = Timers()
        transport.on_message = self._receive

    def close(self):
        self.timers.stop()
        self.transport.close()

    # -- pieces of messages
    def via(self):
        return f'SIP/2.0/{self.transport.name} {host_port(self.contact_address)};branch={new_branch()};rport'

    def contact(self, user='', parameters=''):
        at = f'{user}@' if user else ''
        transport = '' if self.transport.name == 'UDP' else f';transport={self.transport.name.lower()}'
        return f'<sip:{at}{host_port(self.contact_address)}{transport}{parameters}>'

    def send(self, data, destination=None):
        self.transport.send(data, destination)

    def start(self, request, destination=None):
        """Sends a request as a client transaction."""
        with self._lock:
            return self._begin(request, destination)

    def _begin(self, request, destination):
        branch = parameter(request['Via'], 'branch')
        transaction = ClientTransaction(request, lambda data: self.send(data, destination), self.timers,
                                        self.transport.reliable)
        self._clients[branch, request.method] = transaction
        return transaction

    # -- registration (RFC 3261 10; RFC 6140 when bulk)
    def register(self, expires=600, bulk=False, contact=None, headers=(), timeout=10):
        """REGISTER, answering one challenge; the final response. Requests as sent are in `transport.trace`."""
        response, authorization = None, None
        for _ in range(2):
            request = self._register_request(expires, bulk, contact, headers, authorization)
            response = self.start(request).wait_final(timeout)
            if response is None or response.status not in (401, 407):
                return response
            authorization = self._authorize(request, response)
            if authorization is None:
                return response
        return response

    def _register_request(self, expires, bulk, contact, headers, authorization):
        self._register_cseq += 1
        uri = f'sip:{self.domain}'
        aor = f'<sip:{self.user}@{self.domain}>'
        request = Message(f'REGISTER {uri} SIP/2.0')
        request.add('Via', self.via())
        request.add('Max-Forwards', '70')
        request.add('From', f'{aor};tag={new_tag()}')
        request.add('To', aor)
        request.add('Call-ID', self._register_call_id)
        request.add('CSeq', f'{self._register_cseq} REGISTER')
        request.add('Contact', contact or (self.contact('', ';bnc') if bulk else self.contact(self.user)))
        if bulk:
            request.add('Require', 'gin')
            request.add('Proxy-Require', 'gin')
            request.add('Supported', 'path, gin')
        request.add('Expires', str(expires))
        request.add('User-Agent', self.user_agent)
        for name, value in headers:
            request.add(name, value)
        if authorization:
            request.add(*authorization)
        return request

    def _authorize(self, request, challenge):
        name, field = (('WWW-Authenticate', 'Authorization') if challenge.status == 401
                       else ('Proxy-Authenticate', 'Proxy-Authorization'))
        chosen = sip_digest.choose(challenge.all(name), self.algorithms)
        if chosen is None:
            return None
        return field, sip_digest.answer(chosen, self.username, self.password, request.method, request.uri)

    # -- calling
    def invite(self, to, description='', caller=None, request_uri=None, headers=(), destination=None, call_id=None,
               from_value=None):
        """Starts a call; a challenge is answered once, inside the same Call. `to` may be a whole To value, `from_value`
        is a whole From value; both without tag."""
        call_id = call_id or secrets.token_hex(12)
        local = f'{from_value or f"<sip:{caller or self.user}@{self.domain}>"};tag={new_tag()}'
        call = Call(self, call_id, local, to if '<' in to else f'<{to}>', outgoing=True)
        call.destination = destination
        call.remote_target = request_uri or (uri_of(to) if '<' in to else to)
        call.invite = self._invite_request(call, description, headers)
        with self._lock:
            self.calls[call.key] = call
            call.transaction = self._begin(call.invite, destination)
        call.may_authorize = (description, headers)
        challenge = call.transaction.wait(lambda r: True, 5)
        if challenge is not None and challenge.status in (401, 407):
            self._authorize_call(call, challenge)
        return call

    def _authorize_call(self, call, challenge):
        """Sends the INVITE of this call again with credentials, once."""
        with self._lock:
            if call.may_authorize is None:
                return
            authorization = self._authorize(call.invite, challenge)
            if authorization:
                (description, headers), call.may_authorize = call.may_authorize, None
                call.local_cseq += 1
                call.invite = self._invite_request(call, description, [*headers, authorization])
                challenged, call.transaction = call.transaction, self._begin(call.invite, call.destination)
                challenged.supersede()

    def _invite_request(self, call, description, headers):
        extra = [('Allow', self.allow), ('Supported', 'replaces'), ('User-Agent', self.user_agent), *headers]
        return call.request('INVITE', description, extra, cseq=call.local_cseq)

    def options(self, uri, headers=(), destination=None, timeout=10):
        return self.start(self.plain_request('OPTIONS', uri, headers), destination).wait_final(timeout)

    def plain_request(self, method, uri, headers=(), body=b''):
        """A request outside of any dialog."""
        request = Message(f'{method} {uri} SIP/2.0')
        request.add('Via', self.via())
        request.add('Max-Forwards', '70')
        request.add('From', f'<sip:{self.user or "probe"}@{self.domain}>;tag={new_tag()}')
        request.add('To', f'<{uri}>')
        request.add('Call-ID', secrets.token_hex(12))
        request.add('CSeq', f'1 {method}')
        request.add('Contact', self.contact(self.user))
        for name, value in headers:
            request.add(name, value)
        request.body = body
        return request

    def wait_call(self, timeout=10):
        """The next incoming call, not answered yet (100 Trying has gone); raises queue.Empty."""
        return self.incoming.get(timeout=timeout)

    # -- what comes in
    def _receive(self, message, source):
        with self._lock:
            if message.is_request:
                self._receive_request(message, source)
            else:
                self._receive_response(message)

    def _receive_response(self, message):
        transaction = self._clients.get((message.branch, message.cseq[1]))
        if transaction is None:
            self.stray.append(message)
            return
        call = self.calls.get((message.call_id, parameter(message['From'], 'tag')))
        late = message.status in (401, 407) and any(r.status == 100 for r in transaction.responses)
        if late and call is not None and call.transaction is transaction:      # a proxy's 100 came first
            self._authorize_call(call, message)
        transaction.receive(message)
        if message.cseq[1] != 'INVITE' or message.status < 200:
            return
        if message.status >= 300:
            self._acknowledge_failure(transaction.request, message)
        elif call is not None:
            call.acknowledge_again(message)

    def _acknowledge_failure(self, request, response):
        """RFC 3261 17.1.1.3: same branch, the response's To."""
        ack = Message(f'ACK {request.uri} SIP/2.0')
        ack.add('Via', request['Via'])
        ack.add('Max-Forwards', '70')
        for route in request.all('Route'):
            ack.add('Route', route)
        ack.add('From', request['From'])
        ack.add('To', response['To'])
        ack.add('Call-ID', request.call_id)
        ack.add('CSeq', f'{request.cseq[0]} ACK')
        call = self.calls.get((request.call_id, parameter(request['From'], 'tag')))
        self.send(ack.encode(), call.destination if call else None)

    def _receive_request(self, message, source):
        method = message.method
        if method == 'ACK':
            self._receive_ack(message)
            return
        known = self._servers.get((message.branch, method))
        if known is not None:
            known.retransmitted()
            return
        server = ServerTransaction(message, lambda data: self.send(data, source), self.timers, self.transport.reliable)
        self._servers[message.branch, method] = server
        tag = parameter(message['To'], 'tag')
        call = self.calls.get((message.call_id, tag)) if tag else None
        if method == 'CANCEL':
            self._receive_cancel(message, server)
        elif method == 'OPTIONS' and call is None:
            self.options_seen += 1
            server.respond(sip_message.response_to(message, 200, 'OK', new_tag(), [('Allow', self.allow)]))
        elif method == 'INVITE' and tag is None:
            self._receive_invite(message, server, source)
        elif call is None:
            self.stray.append(message)
            server.respond(sip_message.response_to(message, 481, 'Call/Transaction Does Not Exist', new_tag()))
        else:
            self._receive_in_dialog(call, message, server)

    def _receive_invite(self, message, server, source):
        server.respond(sip_message.response_to(message, 100, 'Trying'))
        call = Call(self, message.call_id, f'{message["To"]};tag={new_tag()}', message['From'], outgoing=False)
        call.invite, call.server, call.local_cseq = message, server, 0
        call.destination = source
        call.learn(message)
        self.calls[call.key] = call
        self._by_invite[message.branch] = call
        self.incoming.put(call)

    def _receive_cancel(self, message, server):
        call = self._by_invite.get(message.branch)
        if call is None:
            server.respond(sip_message.response_to(message, 481, 'Call/Transaction Does Not Exist', new_tag()))
            return
        server.respond(sip_message.response_to(message, 200, 'OK', parameter(call.local, 'tag')))
        if not call.ended.is_set():
            call.cancelled.set()
            call.ended.set()
            call.respond(487, 'Request Terminated')

    def _receive_in_dialog(self, call, message, server):
        call.requests.append(message)
        if message.method == 'BYE':
            server.respond(sip_message.response_to(message, 200, 'OK'))
            call.ended.set()
        elif message.method == 'INVITE' and call.local_sdp is not None:
            call.invite, call.server = message, server
            call.learn(message)
            call.on_reinvite(message) if hasattr(call, 'on_reinvite') else call.respond(488, 'Not Acceptable Here')
        elif message.method == 'UPDATE' and message.body:
            call.learn(message)
            call.on_update(message, server) if hasattr(call, 'on_update') else call.answer_update(message, server, 488)
        elif message.method == 'PRACK':
            call.learn(message)
            server.respond(sip_message.response_to(message, 200, 'OK'))
            call.acknowledged.put(message)
        elif message.method in ('OPTIONS', 'UPDATE', 'INFO'):
            server.respond(sip_message.response_to(message, 200, 'OK'))
        else:
            server.respond(sip_message.response_to(message, 501, 'Not Implemented'))

    def _receive_ack(self, message):
        call = self.calls.get((message.call_id, parameter(message['To'], 'tag')))
        if call is not None and call.server is not None and call.invite.cseq[0] == message.cseq[0]:
            call.server.acknowledged.set()
            if message.body:
                call.learn(message)
        elif call is None:
            server = self._servers.get((message.branch, 'INVITE'))
            if server is not None:
                server.acknowledged.set()
            else:
                self.stray.append(message)


def caller_of(message):
    return sip_message.user_of(uri_of(message['From']))
