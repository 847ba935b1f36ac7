"""TLS as octets: a ClientHello of our own making, and what a peer says first (RFC 5246 7.4, RFC 8446 4.1)."""
import os
import socket
import struct

ALERTS = {40: 'handshake_failure', 47: 'illegal_parameter', 70: 'protocol_version', 80: 'internal_error'}
GREASE = 0x1a1a                               # RFC 8701: values that mean nothing and must be ignored


def _extension(kind, data):
    return struct.pack('>HH', kind, len(data)) + data


def _list(values, size=2):
    data = b''.join(struct.pack('>H', v) for v in values)
    return len(data).to_bytes(size, 'big') + data


def client_hello(version, suites=(GREASE, 0x1234, 0xc02f), versions=None, record_version=0x0301, groups=(GREASE, 23, 29)):
    """`version`: the legacy field, RFC 5246 7.4.1.2. `versions`: supported_versions, None: a client that knows none."""
    extensions = _extension(GREASE, b'\0') + _extension(10, _list(groups)) + _extension(11, b'\1\0')
    extensions += _extension(13, _list((GREASE, 0x0401, 0x0804, 0x0403))) + _extension(0xffaa, b'nobody knows this one')
    if versions:
        extensions += _extension(43, _list(versions, 1))
    body = struct.pack('>H', version) + os.urandom(32) + b'\0' + _list(suites) + b'\1\0'
    body += struct.pack('>H', len(extensions)) + extensions
    handshake = b'\1' + len(body).to_bytes(3, 'big') + body
    return b'\x16' + struct.pack('>HH', record_version, len(handshake)) + handshake


def read_record(connection):
    """(type, payload) of the next record; (None, b'') at the end."""
    header = _exactly(connection, 5)
    if len(header) < 5:
        return None, b''
    return header[0], _exactly(connection, struct.unpack('>H', header[3:])[0])


def _exactly(connection, count):
    data = b''
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            break
        data += chunk
    return data


def first_answer(connection, hello):
    """('hello', version, suite) of the ServerHello, or ('alert', name)."""
    connection.settimeout(5)
    connection.sendall(hello)
    kind, payload = read_record(connection)
    if kind == 21:
        return 'alert', ALERTS.get(payload[1], payload[1])
    if kind != 22 or payload[0] != 2:
        return 'nothing', kind
    version = struct.unpack('>H', payload[4:6])[0]
    session = payload[38]
    return 'hello', version, struct.unpack('>H', payload[39 + session:41 + session])[0]


def read_hello(connection):
    connection.settimeout(10)
    kind, payload = read_record(connection)
    if kind != 22 or payload[0] != 1:
        raise AssertionError(f'no ClientHello but a record of type {kind}')
    return payload


def versions_of_hello(connection):
    """What the ClientHello that comes in offers: its supported_versions, or without them its version alone."""
    payload = read_hello(connection)
    at = 4 + 2 + 32
    at += 1 + payload[at]
    at += 2 + struct.unpack('>H', payload[at:at + 2])[0]
    at += 1 + payload[at] + 2
    while at < len(payload):
        kind, size = struct.unpack('>HH', payload[at:at + 4])
        if kind == 43:
            count = payload[at + 4] // 2
            return list(struct.unpack(f'>{count}H', payload[at + 5:at + 5 + 2 * count]))
        at += 4 + size
    return list(struct.unpack('>H', payload[4:6]))


def suites_of_hello(connection):
    """The suites of the ClientHello that comes in, in its order."""
    payload = read_hello(connection)
    at = 4 + 2 + 32
    at += 1 + payload[at]
    count = struct.unpack('>H', payload[at:at + 2])[0]
    return list(struct.unpack(f'>{count // 2}H', payload[at + 2:at + 2 + count]))


def listener(namespace, address, port):
    with namespace.entered():
        server = socket.create_server((address, port))
    server.settimeout(10)
    return server
