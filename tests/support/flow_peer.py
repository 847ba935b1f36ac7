"""What a peer of a flow says: its dialogs and the text of its messages, written from the RFCs and sharing nothing with the
product. It has no timers of its own; the flow says when anything is sent, or sent again."""
import re

from pbx_sim import sip_digest

METHODS = 'INVITE, ACK, CANCEL, BYE, OPTIONS'


class Text:
    """A SIP message as its lines."""

    def __init__(self, start, fields=(), body=''):
        self.start, self.fields, self.body = start, list(fields), body

    @classmethod
    def read(cls, octets):
        head, _, body = octets.decode('utf-8', 'replace').partition('\r\n\r\n')
        start, *lines = head.split('\r\n')
        return cls(start, [tuple(p.strip() for p in line.partition(':')[::2]) for line in lines], body)

    def wire(self):
        fields = [f for f in self.fields if f[0].lower() != 'content-length'] + [('Content-Length', str(len(self.body.encode())))]
        return ('\r\n'.join([self.start, *(f'{n}: {v}' for n, v in fields)]) + '\r\n\r\n' + self.body).encode()

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def first(self, name):
        return next(iter(self.all(name)), '')

    def add(self, name, value):
        self.fields.append((name, value))

    def remove(self, name):
        self.fields = [f for f in self.fields if f[0].lower() != name.lower()]

    def set(self, name, value):
        """In the place of the first of this name; at the end where there is none."""
        at = next((i for i, f in enumerate(self.fields) if f[0].lower() == name.lower()), len(self.fields))
        self.remove(name)
        self.fields.insert(at, (name, value))

    @property
    def is_request(self):
        return not self.start.startswith('SIP/2.0 ')

    @property
    def status(self):
        return '' if self.is_request else self.start.split()[1]

    @property
    def method(self):
        return self.start.split()[0] if self.is_request else self.first('CSeq').split()[1]

    @property
    def uri(self):
        return self.start.split()[1]

    @property
    def kind(self):
        return self.method if self.is_request else f'{self.status} {self.method}'


def tag_of(value):
    found = re.search(r';tag=([^;>\s]+)', value)
    return found.group(1) if found else ''


def without_tag(value):
    return value.partition(';tag=')[0]


def uri_of(value):
    found = re.search(r'<([^>]*)>', value)
    return found.group(1) if found else value.partition(';')[0].strip()


def tagged(value, tag):
    return f'{value};tag={tag}' if tag else value


class Dialog:
    def __init__(self, call_id, local, remote, target, tag, remote_tag='', routes=()):
        self.call_id, self.local, self.remote, self.target = call_id, local, remote, target
        self.tag, self.remote_tag, self.routes = tag, remote_tag, list(routes)
        self.cseq = self.invite_cseq = self.version = 0
        self.invite_branch = self.invite_uri = ''
        self.early = True


class Peer:
    """`name` begins its Call-IDs, tags and branches; `host`, `port`: what it says that it is reached at."""

    def __init__(self, name, host, port, media_host, run, transport, srtp=False):
        self.name, self.host, self.port, self.media_host = name, host, port, media_host
        self.run, self.transport, self.srtp = run, transport, srtp
        self.agent, self.serial = f'{name}-product/1.0', 0

    def next(self):
        self.serial += 1
        return f'{self.run}.{self.serial}'

    def contact(self):
        return f'<sip:{self.name}-contact@{self.host}:{self.port}>'

    def begin(self, local, remote, target):
        number = self.next()
        return Dialog(f'{self.name}-call-{number}@{self.host}', local, remote, target, f'{self.name}-tag-{number}')

    def taken(self, invite):
        return Dialog(invite.first('Call-ID'), without_tag(invite.first('To')), without_tag(invite.first('From')),
                      uri_of(invite.first('Contact')), f'{self.name}-tag-{self.next()}', tag_of(invite.first('From')), invite.all('Record-Route'))

    @staticmethod
    def learn(dialog, response):
        """What a response to an INVITE of its own says of the dialog (RFC 3261 12.1.2)."""
        tag = tag_of(response.first('To'))
        if response.method != 'INVITE' or not 100 < int(response.status) < 300 or not tag:
            return
        dialog.remote_tag = tag
        if response.all('Contact'):
            dialog.target = uri_of(response.first('Contact'))
        if dialog.early:
            dialog.routes = response.all('Record-Route')[::-1]
            dialog.early = int(response.status) < 200

    def request(self, dialog, method):
        """ACK has the INVITE's number; CANCEL its number, branch and Request-URI."""
        cancel, follows = method == 'CANCEL', method in ('ACK', 'CANCEL')
        dialog.cseq += not follows
        branch = dialog.invite_branch if cancel else f'z9hG4bK{self.name}{self.next()}'
        uri = dialog.invite_uri if cancel else dialog.target
        if method == 'INVITE':
            dialog.invite_cseq, dialog.invite_branch, dialog.invite_uri = dialog.cseq, branch, uri
        text = Text(f'{method} {uri} SIP/2.0', [
            ('Via', f'SIP/2.0/{self.transport} {self.host}:{self.port};branch={branch};rport'), ('Max-Forwards', '70'),
            *(('Route', r) for r in dialog.routes), ('From', tagged(dialog.local, dialog.tag)),
            ('To', tagged(dialog.remote, '' if cancel and dialog.early else dialog.remote_tag)), ('Call-ID', dialog.call_id),
            ('CSeq', f'{dialog.invite_cseq if follows else dialog.cseq} {method}')])
        if method == 'INVITE':
            text.fields += [('Contact', self.contact()), ('Allow', METHODS)]
        text.add('User-Agent', self.agent)
        return text

    def acknowledge(self, dialog, answer):
        """Of a refusal it is part of the INVITE's transaction, of a 2xx a request of the dialog (RFC 3261 17.1.1.3, 13.2.2.4)."""
        if answer is None or answer.status[0] == '2':
            return self.request(dialog, 'ACK')
        ack = self.request(dialog, 'CANCEL')
        ack.start = f'ACK {dialog.invite_uri} SIP/2.0'
        ack.set('CSeq', f'{dialog.invite_cseq} ACK')
        ack.set('To', answer.first('To'))
        return ack

    def response(self, request, status, tag):
        to = request.first('To')
        text = Text(f'SIP/2.0 {status} As Scripted', [
            *(('Via', v) for v in request.all('Via')), ('From', request.first('From')),
            ('To', tagged(to, tag) if status != '100' and not tag_of(to) else to), ('Call-ID', request.first('Call-ID')),
            ('CSeq', request.first('CSeq'))])
        if request.method == 'INVITE' and '100' < status < '300':
            text.add('Contact', self.contact())
        text.add('Server', self.agent)
        return text

    def describe(self, dialog, wish='sendrecv'):
        words = wish.split()
        event = next((w[3:] for w in words if w.startswith('te=')), '101')
        formats = next((w[8:] for w in words if w.startswith('formats=')), '8,0').replace(',', ' ')
        dialog.version += 1
        at = f'IN IP4 {self.media_host}'
        lines = ['v=0', f'o={self.name}-user 4711 {dialog.version} {at}', f's={self.name}-session', f'c={at}', 't=0 0']
        if words[0] == 'fax':
            lines += ['m=image 30002 udptl t38', 'a=T38FaxVersion:0', 'a=T38MaxBitRate:14400', 'a=T38FaxRateManagement:transferredTCF',
                      'a=T38FaxUdpEC:t38UDPRedundancy']
        else:
            lines += [f'm=audio 30000 RTP/{"SAVP" if self.srtp else "AVP"} {formats} {event}', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:0 PCMU/8000',
                      f'a=rtpmap:{event} telephone-event/8000', f'a=fmtp:{event} 0-15']
            if self.srtp:
                lines.append(f'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{self.name[:3].ljust(40, "A")}')
            lines.append(f'a={words[0]}')
        return '\r\n'.join(lines) + '\r\n'

    def secrets(self):
        """What nobody on the other side may ever see."""
        return [self.host, self.media_host, self.agent, f'z9hG4bK{self.name}', *(f'{self.name}-{w}' for w in ('call-', 'tag-', 'contact', 'user', 'session'))]


def credentials(challenge, request, user, password):
    proxy = challenge.status == '407'
    chosen = sip_digest.choose(challenge.all('Proxy-Authenticate' if proxy else 'WWW-Authenticate'))
    return ('Proxy-Authorization' if proxy else 'Authorization',
            sip_digest.answer(chosen, user, password, request.method, request.uri))
