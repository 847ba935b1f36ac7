"""Raw sockets of a stranger: sends octets to the edge as they are and tells what came back, over UDP, TCP and TLS."""
import contextlib
import select
import socket
import time

from pbx_sim import sip_message


def _messages(data):
    framer = sip_message.StreamFramer()
    return list(framer.feed(data))


class Stranger:
    """UDP sockets on the ports where answers to a message may go: the source port, and any sent-by port."""

    def __init__(self, namespace, address, ports):
        with namespace.entered():
            self.sockets = {}
            for port in ports:
                family = socket.AF_INET6 if ':' in address else socket.AF_INET
                self.sockets[port] = socket.socket(family, socket.SOCK_DGRAM)
                self.sockets[port].bind((address, port))

    def send(self, data, to, port=None):
        (self.sockets[port] if port else next(iter(self.sockets.values()))).sendto(data, to)

    def received(self, seconds, until=None):
        """Datagrams of the next seconds, or up to the first one that `until` accepts."""
        got, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for ready in select.select(list(self.sockets.values()), [], [], left)[0]:
                with contextlib.suppress(OSError):
                    data, source = ready.recvfrom(65_535)
                    got.append((data, source[:2]))
                    if until and until(data):
                        return got
        return got

    def close(self):
        for each in self.sockets.values():
            each.close()


def stream_exchange(connection, data, seconds, until=lambda messages: bool(messages)):
    """Sends over a connected (TLS) socket; (messages that came, whether the other side closed)."""
    buffer, closed = b'', False
    deadline = time.monotonic() + seconds
    connection.settimeout(seconds)
    try:
        connection.sendall(data)
        while (left := deadline - time.monotonic()) > 0 and not until(_messages(buffer)):
            connection.settimeout(left)
            chunk = connection.recv(65_536)
            if not chunk:
                closed = True
                break
            buffer += chunk
    except TimeoutError:
        pass
    except OSError:
        closed = True
    return _messages(buffer), closed


def request(method, uri, *, via, branch, call_id, from_='<sip:stranger@example.net>;tag=s', cseq=1, extra='', body='',
            to=None):
    """A plain request as octets, everything under control of the test."""
    return (f'{method} {uri} SIP/2.0\r\nVia: {via};branch={branch}\r\nMax-Forwards: 70\r\nFrom: {from_}\r\n'
            f'To: {to or "<" + uri + ">"}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{extra}'
            f'Content-Length: {len(body)}\r\n\r\n{body}').encode()
