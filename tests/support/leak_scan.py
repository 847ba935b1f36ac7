"""A search of everything that two parties receive for what belongs to the other one alone: its addresses, names, identifiers,
and whatever in the fields of a message names elements of its network or whoever wants to stay unknown."""
from cases import require
from pbx_sim import sip_message


def personal_fields(number, host='inner.example'):
    """Fields in which a caller's identity travels beside From and P-Asserted-Identity."""
    return [('Remote-Party-ID', f'<sip:{number}@{host}>;party=calling'), ('Diversion', f'<sip:{number}@{host}>;reason=unconditional'),
            ('History-Info', f'<sip:{number}@{host}>;index=1'), ('Reply-To', f'<sip:{number}@{host}>'), ('Referred-By', f'<sip:{number}@{host}>'),
            ('P-Preferred-Identity', f'<sip:{number}@{host}>'), ('Subject', f'call of {number}'), ('Organization', f'{host}'),
            ('Call-Info', f'<http://{host}/{number}>'), ('X-Caller', number), ('Identity', f'{number};info=<https://{host}/c>;alg=ES256'),
            ('P-Called-Party-ID', f'<sip:{number}@{host}>'), ('P-Charging-Vector', f'icid-value={number}'),
            ('P-Access-Network-Info', f'IEEE-802.11;x={number}'), ('User-to-User', f'{number}'), ('Geolocation', f'<cid:{number}@{host}>')]


TOPOLOGY = ('via-{0}.example', 'rr-{0}.example', 'contact-{0}', 'agent-{0}', 'icid-{0}', 'warn-{0}.example', 'sdp-user-{0}', 'sdp-name-{0}')


def topology_fields(side, request):
    """Fields that name elements of a side; none may be seen on the other, whoever calls and whatever is hidden."""
    fields = [('Server', f'agent-{side}'), ('Warning', f'399 warn-{side}.example "x"'), ('P-Charging-Vector', f'icid-value=icid-{side}'),
              ('Error-Info', f'<sip:warn-{side}.example>'), ('P-Visited-Network-ID', f'warn-{side}.example'), ('P-Internal-Route', f'rr-{side}.example'), ('Path', f'<sip:rr-{side}.example>'),
              ('Service-Route', f'<sip:rr-{side}.example>'), ('In-Reply-To', f'icid-{side}'), ('Target-Dialog', f'icid-{side};local-tag=a;remote-tag=b'),
              ('Recv-Info', f'icid-{side}'), ('Authentication-Info', f'nextnonce="icid-{side}"'), ('User-Agent', f'agent-{side}')]
    return fields + ([('Proxy-Authorization', f'Digest username="agent-{side}"')] if request else [])


def received(peer):
    """Everything that has come to a peer, in whole messages."""
    framer, datagrams = sip_message.StreamFramer(), []
    for traced in list(peer.transport.trace):
        if traced.outgoing or not traced.data.strip():
            continue
        if peer.transport.reliable:
            datagrams += list(framer.feed(traced.data))
        else:
            datagrams.append(sip_message.parse(traced.data))
    return datagrams


def own_words(peer, side):
    """What only this side may know: its addresses, names, Call-IDs, tags, branches, contacts."""
    words = {word.format(side) for word in TOPOLOGY}
    for traced in list(peer.transport.trace):
        if not traced.outgoing or b'SIP/2.0' not in traced.data:
            continue
        try:
            message = sip_message.parse(traced.data)
        except (sip_message.MalformedMessage, ValueError):
            continue
        ours = message.all('Contact') if 'Contact' in message else []
        words |= {sip_message.parameter(v, 'branch') for v in message.all('Via')[:1] if message.is_request}
        words |= {sip_message.parameter(message['From' if message.is_request else 'To'], 'tag')}
        words |= {sip_message.uri_of(v) for v in ours}
    return words - {None}


class Scan:
    """Two parties whose every received message is searched for what belongs to the other."""

    def __init__(self, pbx, core):
        self.sides = {'pbx': pbx, 'core': core}
        self.networks = {'pbx': ('198.51.100.', '2001:db8:2:'), 'core': ('192.0.2.', '2001:db8:1:', 'branch.lan')}
        self.messages = 0
        for party in (pbx, core):
            party.peer.transport.trace.clear()

    def finish(self, hidden):
        """`hidden`: side -> words that caller or callee do not want known there."""
        self.call_ids = {name: {m.call_id for m in received(p.peer)} for name, p in self.sides.items()}
        for name, other in (('pbx', 'core'), ('core', 'pbx')):
            foreign = own_words(self.sides[other].peer, other) | (self.call_ids[other] - self.call_ids[name])
            foreign |= set(self.networks[name]) | set(hidden[name])
            for message in received(self.sides[name].peer):
                self.messages += 1
                text = str(message)
                found = [word for word in foreign if word in text]
                require(not found, f'{found} of the {other} side reached the {name} side:\n{text}')
            require(not self.call_ids['pbx'] & self.call_ids['core'], 'one Call-ID on both sides')
