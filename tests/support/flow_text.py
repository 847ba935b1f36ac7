"""What a SIP message of a flow is, for whoever plays a peer of it: its lines, read and written by means that share nothing
with the product; and the session description that such a peer has."""
import re

METHODS = 'INVITE, ACK, CANCEL, BYE, OPTIONS'


class Text:
    """A SIP message as its lines."""

    def __init__(self, start, fields=(), body=''):
        self.start, self.fields, self.body = start, list(fields), body
        self.text = ''                      # that it was read from

    @classmethod
    def read(cls, octets):
        return cls.of(octets.decode('utf-8', 'replace'), '\r\n')

    @classmethod
    def of(cls, text, end='\n'):
        """`end`: of a line, as whoever has written it down has it."""
        head, _, body = text.partition(end + end)
        start, *lines = head.split(end)
        message = cls(start, [tuple(p.strip() for p in line.partition(':')[::2]) for line in lines], body)
        message.text = text
        return message

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


def description(name, host, version, wish='sendrecv', key=''):
    """SDP of the party of this name: what the flow wishes of it (a direction, `fax`, `te=` and the number of telephone-events, `formats=` in order);
    with SRTP where it has a key."""
    words = wish.split()
    direction = words[0] if words and '=' not in words[0] else 'sendrecv'
    event = next((w[3:] for w in words if w.startswith('te=')), '101')
    formats = next((w[8:] for w in words if w.startswith('formats=')), '8,0').replace(',', ' ')
    at = f'IN IP4 {host}'
    lines = ['v=0', f'o={name}-user 4711 {version} {at}', f's={name}-session', f'c={at}', 't=0 0']
    if direction == 'fax':
        lines += ['m=image 30002 udptl t38', 'a=T38FaxVersion:0', 'a=T38MaxBitRate:14400', 'a=T38FaxRateManagement:transferredTCF',
                  'a=T38FaxUdpEC:t38UDPRedundancy']
    else:
        lines += [f'm=audio 30000 RTP/{"SAVP" if key else "AVP"} {formats} {event}', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:0 PCMU/8000',
                  f'a=rtpmap:{event} telephone-event/8000', f'a=fmtp:{event} 0-15']
        if key:
            lines.append(f'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}')
        lines.append(f'a={direction}')
    return '\r\n'.join(lines) + '\r\n'
