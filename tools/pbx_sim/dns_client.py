"""How a PBX finds its provider (RFC 3263 4): NAPTR, SRV and addresses, asked of one server over UDP. Written from the
RFCs (1035, 2782, 3403), sharing nothing with the product or its resolver library."""
import secrets
import socket
import struct

TYPES = {'A': 1, 'AAAA': 28, 'SRV': 33, 'NAPTR': 35}
SERVICES = {'SIPS+D2T': 'tls', 'SIP+D2T': 'tcp', 'SIP+D2U': 'udp'}
PREFIXES = {'tls': '_sips._tcp.', 'tcp': '_sip._tcp.', 'udp': '_sip._udp.'}


class DnsError(Exception):
    pass


class Client:
    def __init__(self, server, local=None, timeout=2):
        """`server`: (address, port). Make it inside the namespace that it asks from."""
        self.server = server
        self.socket = socket.socket(socket.AF_INET6 if ':' in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        if local:
            self.socket.bind((local, 0))
        self.socket.settimeout(timeout)

    def close(self):
        self.socket.close()

    def ask(self, name, kind):
        """The records of this type; empty when there are none."""
        number = secrets.randbelow(1 << 16)
        labels = b''.join(bytes([len(p)]) + p.encode() for p in name.rstrip('.').split('.')) + b'\0'
        self.socket.sendto(struct.pack('!6H', number, 0x0100, 1, 0, 0, 0) + labels + struct.pack('!HH', TYPES[kind], 1),
                           self.server)
        for _ in range(5):
            data = self.socket.recv(4096)
            if struct.unpack_from('!H', data)[0] == number:
                return _answers(data, TYPES[kind])
        raise DnsError(f'no answer to {kind} {name}')

    def locate(self, domain, transports=('tls', 'tcp', 'udp'), family=4):
        """[(transport, address, port, host)] in the order in which a client tries them; weights are not drawn."""
        services = [(r[0], r[1], SERVICES.get(r[3].upper()), r[5]) for r in self.ask(domain, 'NAPTR')
                    if r[2].lower() == 's']
        chosen = [(t, name) for _, _, t, name in sorted(services, key=lambda s: s[:2]) if t in transports]
        if not chosen:
            chosen = [(t, PREFIXES[t] + domain) for t in transports]
        found = []
        for transport, name in chosen:
            for _, _, port, host in sorted(self.ask(name, 'SRV')):
                found += [(transport, a, port, host) for a in self.ask(host, 'A' if family == 4 else 'AAAA')]
        return found


def _name(data, at):
    labels, end = [], None
    for _ in range(128):
        length = data[at]
        if length & 0xc0 == 0xc0:
            end = end or at + 2
            at = (length & 0x3f) << 8 | data[at + 1]
        elif length:
            labels.append(data[at + 1:at + 1 + length].decode('ascii'))
            at += 1 + length
        else:
            return '.'.join(labels), end or at + 1
    raise DnsError('a name that has no end')


def _answers(data, wanted):
    _, flags, questions, answers, _, _ = struct.unpack_from('!6H', data)
    if flags & 15 not in (0, 3):
        raise DnsError(f'RCODE {flags & 15}')
    at, out = 12, []
    for _ in range(questions):
        at = _name(data, at)[1] + 4
    for _ in range(answers):
        _, at = _name(data, at)
        kind, _, _, length = struct.unpack_from('!HHIH', data, at)
        at += 10
        if kind == wanted:
            out.append(_value(data, at, kind, length))
        at += length
    return out


def _value(data, at, kind, length):
    if kind in (1, 28):
        return socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, data[at:at + length])
    if kind == 33:
        priority, weight, port = struct.unpack_from('!3H', data, at)
        return priority, weight, port, _name(data, at + 6)[0]
    order, preference = struct.unpack_from('!HH', data, at)
    at += 4
    texts = []
    for _ in range(3):
        texts.append(data[at + 1:at + 1 + data[at]].decode('ascii'))
        at += 1 + data[at]
    return (order, preference, *texts, _name(data, at)[0])
