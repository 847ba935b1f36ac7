"""SIP messages as an independent peer sees them (RFC 3261 7, 18.3, 25): text in, text out, nothing shared with the
product's parser. Lenient where a peer may be, strict about framing."""
import email
import secrets

COMPACT = {'v': 'via', 'f': 'from', 't': 'to', 'i': 'call-id', 'm': 'contact', 'l': 'content-length',
           'c': 'content-type', 'k': 'supported', 's': 'subject', 'e': 'content-encoding'}


class MalformedMessage(Exception):
    pass


def canonical(name):
    name = name.strip().lower()
    return COMPACT.get(name, name)


class Message:
    def __init__(self, start_line, headers=(), body=b''):
        self.start_line = start_line
        self.headers = list(headers)
        self.body = body if isinstance(body, bytes) else body.encode()

    # -- what it is
    @property
    def is_request(self):
        return not self.start_line.startswith('SIP/2.0 ')

    @property
    def method(self):
        return self.start_line.split(' ', 1)[0] if self.is_request else self.cseq[1]

    @property
    def uri(self):
        return self.start_line.split(' ')[1]

    @property
    def status(self):
        return int(self.start_line.split(' ', 2)[1])

    @property
    def reason(self):
        return (self.start_line.split(' ', 2) + [''])[2]

    @property
    def cseq(self):
        number, method = self['CSeq'].split(None, 1)
        return int(number), method.strip()

    @property
    def call_id(self):
        return self['Call-ID']

    @property
    def description(self):
        """The session description, alone or a part of the body."""
        kind = self.get('Content-Type', '')
        if not kind.lower().startswith('multipart/'):
            return self.body
        head = f'Content-Type: {kind}\r\n\r\n'.encode()
        parts = email.message_from_bytes(head + self.body).walk()
        return next((p.get_payload(decode=True) for p in parts if p.get_content_type() == 'application/sdp'), b'')

    @property
    def branch(self):
        return parameter(self['Via'], 'branch')

    # -- its fields
    def all(self, name):
        wanted = canonical(name)
        return [value for key, value in self.headers if canonical(key) == wanted]

    def __getitem__(self, name):
        values = self.all(name)
        if not values:
            raise KeyError(f'no {name} in {self.start_line!r}')
        return values[0]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def __contains__(self, name):
        return bool(self.all(name))

    def tokens(self, name):
        """The members of a comma-separated field, lower case."""
        return [t.strip().lower() for value in self.all(name) for t in value.split(',') if t.strip()]

    def add(self, name, value):
        self.headers.append((name, value))

    def set(self, name, value):
        self.headers = [(k, v) for k, v in self.headers if canonical(k) != canonical(name)]
        self.headers.append((name, value))

    def encode(self):
        headers = [(k, v) for k, v in self.headers if canonical(k) != 'content-length']
        lines = [self.start_line] + [f'{k}: {v}' for k, v in headers] + [f'Content-Length: {len(self.body)}', '', '']
        return '\r\n'.join(lines).encode('utf-8', 'surrogateescape') + self.body

    def __str__(self):
        return self.encode().decode('utf-8', 'replace')


def parse(data):
    """One whole message: a datagram, or what the stream framer has cut."""
    head, separator, body = data.partition(b'\r\n\r\n')
    if not separator:
        raise MalformedMessage('no empty line')
    text = head.decode('utf-8', 'surrogateescape').replace('\r\n ', ' ').replace('\r\n\t', ' ')
    lines = text.split('\r\n')
    if not lines[0].strip():
        raise MalformedMessage('no start line')
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(':')
        if not colon:
            raise MalformedMessage(f'no colon in {line!r}')
        headers.append((name.strip(), value.strip()))
    message = Message(lines[0], headers, body)
    declared = message.get('Content-Length')
    if declared is not None:
        message.body = body[:int(declared)]
    return message


class StreamFramer:
    """RFC 3261 18.3 over a stream; counts CRLF keep-alives (RFC 5626 3.5.1)."""

    def __init__(self):
        self.buffer = b''
        self.pings = 0
        self._line_ends = 0                # one after the other, between messages; two are a ping

    def feed(self, data):
        self.buffer += data
        while True:
            while self.buffer.startswith(b'\r\n'):
                self.buffer = self.buffer[2:]
                self._line_ends += 1
                self.pings += self._line_ends % 2 == 0
            head, separator, rest = self.buffer.partition(b'\r\n\r\n')
            if not separator:
                return
            length = int(parse(head + separator).get('Content-Length', '0'))
            if len(rest) < length:
                return
            yield parse(head + separator + rest[:length])
            self._line_ends = 0
            self.buffer = rest[length:]


def parameter(value, name):
    """A header parameter after the closing bracket (or anywhere, when there is none)."""
    tail = value[value.rindex('>') + 1:] if '>' in value else value
    for piece in tail.split(';')[0 if '>' in value else 1:]:
        key, _, content = piece.strip().partition('=')
        if key.lower() == name:
            return content.strip().strip('"')
    return None


def uri_of(value):
    """The URI in a From, To, Contact or Record-Route value."""
    if '<' in value:
        return value[value.index('<') + 1:value.index('>')]
    return value.split(';')[0].strip()


def user_of(uri):
    rest = uri.split(':', 1)[1] if ':' in uri else uri
    return rest.split('@')[0].split(';')[0] if '@' in rest else ''


def split_list(values):
    """Comma-separated header values outside of quotes and brackets."""
    out = []
    for value in values:
        piece, quoted, depth = '', False, 0
        for c in value:
            if c == '"':
                quoted = not quoted
            elif not quoted and c in '<>':
                depth += 1 if c == '<' else -1
            if c == ',' and not quoted and depth == 0:
                out.append(piece.strip())
                piece = ''
            else:
                piece += c
        out.append(piece.strip())
    return [piece for piece in out if piece]


def response_to(request, status, reason, to_tag=None, headers=(), body=b''):
    """RFC 3261 8.2.6: what a response copies from its request."""
    copied = [(k, v) for k, v in request.headers
              if canonical(k) in ('via', 'from', 'to', 'call-id', 'cseq') or
              (canonical(k) == 'record-route' and 101 <= status <= 299)]
    out = []
    for key, value in copied:
        if canonical(key) == 'to' and to_tag and parameter(value, 'tag') is None:
            value += f';tag={to_tag}'
        out.append((key, value))
    return Message(f'SIP/2.0 {status} {reason}', out + list(headers), body)


def new_branch():
    return 'z9hG4bK' + secrets.token_hex(8)


def new_tag():
    return secrets.token_hex(6)
