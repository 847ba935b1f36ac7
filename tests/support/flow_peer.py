"""What a peer of a flow says: its dialogs and the text of its messages, written from the RFCs and sharing nothing with the
product. It has no timers of its own; the flow says when anything is sent, or sent again."""
from flow_text import METHODS, Text, description, tag_of, tagged, uri_of, without_tag
from pbx_sim import sip_digest

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
        dialog.version += 1
        key = self.name[:3].ljust(40, 'A') if self.srtp else ''
        return description(self.name, self.media_host, dialog.version, wish, key)

    def secrets(self):
        """What nobody on the other side may ever see."""
        return [self.host, self.media_host, self.agent, f'z9hG4bK{self.name}', *(f'{self.name}-{w}' for w in ('call-', 'tag-', 'contact', 'user', 'session'))]


def credentials(challenge, request, user, password):
    proxy = challenge.status == '407'
    chosen = sip_digest.choose(challenge.all('Proxy-Authenticate' if proxy else 'WWW-Authenticate'))
    return ('Proxy-Authorization' if proxy else 'Authorization',
            sip_digest.answer(chosen, user, password, request.method, request.uri))
