"""A PBX that registers as a test wants it to: every field of its REGISTER, its nonces and their counts in the test's
hand. Calls and is called like any peer."""
import queue
import secrets
import xml.etree.ElementTree as xml

from cases import equal, require
from pbx_sim import sip_digest, sip_peer, transport
from pbx_sim.sip_message import Message, new_tag, response_to, split_list

GIN = ('gin',)


class Registrant(sip_peer.Peer):
    def __init__(self, connection, domain, user, password, username=None, contact=None):
        super().__init__(connection, domain, user, username=username or user, password=password)
        self.bulk_contact = contact or self.contact('', ';bnc')
        self.call_id, self.cseq = secrets.token_hex(8), 0
        self.challenge, self.count = None, 0         # the nonce in use
        self.notifications, self.messages = queue.Queue(), queue.Queue()
        self.answer_to_notify = (200, 'OK')

    def _receive_request(self, message, source):
        if message.method == 'NOTIFY':
            self.notifications.put(message)
            self.send(response_to(message, *self.answer_to_notify).encode(), source)
        elif message.method == 'MESSAGE':
            self.messages.put(message)
            self.send(response_to(message, 200, 'OK').encode(), source)
        else:
            super()._receive_request(message, source)

    def subscribe(self, uri, expires=600, event='reg', headers=(), dialog=None):
        """SUBSCRIBE, outside of a dialog or (`dialog`: the first request and its 200) within it; the final response."""
        for _ in range(2):
            message = self.plain_request('SUBSCRIBE', uri, [('Event', event), ('Expires', str(expires)), *headers])
            if dialog:
                first, answer = dialog
                self.cseq += 100
                for name, value in (('From', first['From']), ('To', answer['To']), ('Call-ID', first['Call-ID']),
                                    ('CSeq', f'{self.cseq} SUBSCRIBE')):
                    message.set(name, value)
            field = 'Proxy-Authorization' if dialog else 'Authorization'
            response = self.ask(message if self.challenge is None else self.signed(message, field))
            if response is None or response.status not in (401, 407):
                break
        self.subscribed = message
        return response

    def request(self, contacts=None, *, to=None, from_=None, expires=None, require=GIN, proxy_require=GIN,
                supported='path, gin', path=(), cseq=None, call_id=None, extra=(), uri=None):
        """A REGISTER without credentials."""
        aor = f'<sip:{self.user}@{self.domain}>'
        self.cseq = cseq or self.cseq + 1
        message = Message(f'REGISTER {uri or "sip:" + self.domain} SIP/2.0')
        message.add('Via', self.via())
        message.add('Max-Forwards', '70')
        message.add('From', f'{from_ or to or aor};tag={new_tag()}')
        message.add('To', to or aor)
        message.add('Call-ID', call_id or self.call_id)
        message.add('CSeq', f'{self.cseq} REGISTER')
        for contact in [self.bulk_contact] if contacts is None else contacts:
            message.add('Contact', contact)
        for name, tags in (('Require', require), ('Proxy-Require', proxy_require)):
            if tags:
                message.add(name, ', '.join(tags))
        if supported:
            message.add('Supported', supported)
        for hop in path:
            message.add('Path', hop)
        if expires is not None:
            message.add('Expires', str(expires))
        for name, value in extra:
            message.add(name, value)
        return message

    def ask(self, message, timeout=10):
        """The final response; whatever nonce it brings is the one in use from now on."""
        response = self.start(message).wait_final(timeout)
        if response is not None and response.status in (401, 407):
            name = 'WWW-Authenticate' if response.status == 401 else 'Proxy-Authenticate'
            self.challenge, self.count = sip_digest.choose(response.all(name), self.algorithms), 0
        return response

    def credentials(self, method, uri, *, password=None, username=None, count=None, challenge=None, qop=True,
                    digest_uri=None):
        if count is None:
            self.count += 1
        parameters = dict(challenge or self.challenge)
        if not qop:
            parameters.pop('qop', None)
        return sip_digest.answer(parameters, username or self.username, password or self.password, method,
                                 digest_uri or uri, nonce_count=count or self.count)

    def signed(self, message, field='Authorization', **options):
        message.add(field, self.credentials(message.method, message.uri, **options))
        return message

    def register(self, contacts=None, **options):                       # noqa: the base class' is for simple peers
        """REGISTER with the nonce in use, or, without one, after a challenge; the final response."""
        response = None
        for _ in range(3):
            message = self.request(contacts, **options)
            response = self.ask(self.signed(message) if self.challenge else message)
            if response is None or response.status != 401:
                return response
        return response


def listed(response):
    """The Contacts of a 200, each as its URI and its parameters."""
    out = []
    for value in split_list(response.all('Contact')):
        uri, _, tail = value[1:].partition('>')
        out.append((uri, dict(p.partition('=')[::2] for p in tail.strip(';').split(';') if p)))
    return out


def told(pbx, timeout=8):
    """The next notification: its state, and the contacts of its one registration with its state and version."""
    try:
        message = pbx.notifications.get(timeout=timeout)
    except queue.Empty:
        raise AssertionError('no notification') from None
    equal(message['Content-Type'], 'application/reginfo+xml', 'the body')
    require(b'bnc' not in message.body, f'bnc has leaked: {message.body}')
    root = xml.fromstring(message.body)
    space = '{urn:ietf:params:xml:ns:reginfo}'
    (registration,) = root.findall(f'{space}registration')
    contacts = [c.find(f'{space}uri').text for c in registration.findall(f'{space}contact')]
    return (message['Subscription-State'].partition(';')[0], registration.get('aor'), registration.get('state'),
            contacts, int(root.get('version')))


_at_port = {}          # who sits at a fixed port: one that a failed case has left makes room for the next


def over_udp(lab, address, port=0, **options):
    left = _at_port.pop((address, port), None) if port else None
    if left is not None:
        left.close()
    with lab.network.pbx.entered():
        registrant = Registrant(transport.UdpTransport((address, port), lab.edge.access_udp), **options)
    if port:
        _at_port[address, port] = registrant
    return registrant


def over_tcp(lab, address, port=0, **options):
    with lab.network.pbx.entered():
        return Registrant(transport.StreamTransport.connect(lab.edge.access_tcp, (address, port)), **options)


def over_tls(lab, address, port=0, **options):
    context = transport.client_context(lab.edge.ca.certificate)
    with lab.network.pbx.entered():
        connection = transport.StreamTransport.connect(lab.edge.access_tls, (address, port), context,
                                                       lab.edge.server_name)
    return Registrant(connection, **options)
