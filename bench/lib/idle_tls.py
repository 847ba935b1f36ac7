"""idle-tls: what a trunk that has registered over TLS and then says nothing costs in memory. idle-flows: whether many of them
are still there, and can be called, after they have been silent for longer than a connection of nobody's may be."""
import contextlib
import hashlib
import os
import re
import resource
import select
import socket
import ssl
import time

from lab import network, process
from pbx_sim import sdp, sip_digest, sip_message, sip_peer, transport

from . import measure, node, programs as own

DOMAIN, PASSWORD = "bench.example", "bench-secret-0001"
SETTLE_SECONDS = 3.0
CHALLENGE = re.compile(rb"WWW-Authenticate: (Digest [^\r]*MD5[^\r]*)", re.I)


def trunk(number):
    name = f"idle{number}"
    ha1 = hashlib.md5(f"{name}:{DOMAIN}:{PASSWORD}".encode()).hexdigest()
    return (f"kind: Trunk\nname: {name}\nmode: registration\nrealm: access\ntransports: [tls]\n"
            f"registration_aor: sip:{name}@{DOMAIN}\ncredentials: [{{username: {name}, ha1_md5: {ha1}}}]\n"
            f"numbers: [{{first: \"+4930{number:06}\"}}]\nmedia: {{srtp: off}}\n")


class Pbx:
    def __init__(self, number, address, context):
        self.name = f"idle{number}"
        self.socket = context.wrap_socket(socket.create_connection(address, 10), server_hostname="sip.sallyport.example")
        self.local = "{}:{}".format(*self.socket.getsockname())

    def ask(self, cseq, authorization=""):
        aor = f"<sip:{self.name}@{DOMAIN}>"
        self.socket.sendall((
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TLS {self.local};branch=z9hG4bK{self.name}x{cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {aor};tag={self.name}\r\nTo: {aor}\r\nCall-ID: {self.name}\r\n"
            f"CSeq: {cseq} REGISTER\r\nContact: <sip:{self.local};transport=tls;bnc>\r\nExpires: 3600\r\nRequire: gin\r\n"
            f"Proxy-Require: gin\r\nSupported: path\r\n{authorization}Content-Length: 0\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = self.socket.recv(4096)
            if not more:
                raise RuntimeError(f"{self.name}: the node has closed the connection")
            answer += more
        return answer

    def register(self):
        challenge = CHALLENGE.search(self.ask(1))
        if not challenge:
            raise RuntimeError(f"{self.name}: no challenge for MD5")
        answer = sip_digest.answer(sip_digest.challenge_parameters(challenge.group(1).decode()), self.name, PASSWORD,
                                   "REGISTER", f"sip:{DOMAIN}")
        if not self.ask(2, f"Authorization: {answer}\r\n").startswith(b"SIP/2.0 200"):
            raise RuntimeError(f"{self.name} was not registered")


    def is_called(self, core, number):
        """Whether a call of the core to its number arrives here; it is busy."""
        call = core.invite(f"sip:+4930{number:06}@{network.CORE.signaling}", sdp.build(node.UAS_ADDRESS, 20_000),
                           caller=node.CALLED)
        framer, came = sip_message.StreamFramer(), False
        self.socket.settimeout(10)
        try:
            while not came:
                more = self.socket.recv(65_536)
                if not more:
                    return False
                for message in framer.feed(more):
                    if isinstance(message, sip_message.Message) and message.is_request and message.method == "INVITE":
                        came = True
                        self.socket.sendall(sip_message.response_to(message, 486, "Busy Here", "busy").encode())
        except OSError:
            return False
        final = call.wait_final(10)
        return final is not None and final.status == 486


def may_open(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 256)), hard))
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < count + 256:
        raise RuntimeError(f"{count} connections need as many open files: ulimit -n is {hard}")


def idle_flows(programs, rounds, quick):
    """Of 10,000 registered TLS flows that are silent for twice the idle time of others, how many can be called."""
    count, sample, idle_seconds = (500, 50, 10) if quick else (10_000, 200, 90)
    may_open(count)
    carrier = (f"kind: Carrier\nname: core\nrealm: core\n"
               f"targets: [{{host: {node.UAS_ADDRESS}, port: 5060, transport: udp}}]\n")
    streams = ("max_connections_per_source: 100000, connections_per_second_per_source: 100000, "
               f"idle_seconds: {idle_seconds}")
    called, closed = [], []
    with contextlib.ExitStack() as undo:
        edge_node = undo.enter_context(node.running(programs, "---\n".join(trunk(n) for n in range(count)),
                                                    options={"signaling": f"streams: {{{streams}}}\n"}))
        file = edge_node.run / "carrier.yaml"          # by itself: one request provisions 10,000 resources
        file.write_text(carrier)
        edge_node.apply(file)
        context = ssl.create_default_context(cafile=str(edge_node.ca.certificate))
        with edge_node.network.core.entered():
            core = sip_peer.Peer(transport.UdpTransport((node.UAS_ADDRESS, 5060), edge_node.core_udp), node.UAS_ADDRESS)
        undo.callback(core.close)
        flows = []
        with edge_node.network.pbx.entered():
            for number in range(count):
                flows.append(Pbx(number, edge_node.access_tls, context))
                undo.callback(flows[-1].socket.close)
                flows[-1].register()
        for round_ in range(rounds):
            time.sleep(2 * idle_seconds)                  # the silence is what is measured
            ended = select.poll()
            for flow in flows:
                ended.register(flow.socket, select.POLLRDHUP)
            closed.append(len(ended.poll(0)))
            chosen = range(round_ % (count // sample), count, count // sample)
            called.append(round(100 * sum(flows[n].is_called(core, n) for n in chosen) / len(chosen), 1))
        known = edge_node.scrape("signaling").get("sallyport_sip_transport_connections", transport="tls")
    return measure.result("idle-flows", "% of the silent flows that are called", called, [], "",
                          {"flows": count, "called_each_round": sample, "silent_seconds": 2 * idle_seconds,
                           "closed": max(closed), "known_to_the_node": int(known),
                           "all_there": max(closed) == 0 and min(called) == 100 and int(known) == count})


def idle_tls(programs, rounds, quick):
    """kB of the server's memory per registered, idle TLS trunk, beside the resident memory that OpenSSL
    alone takes for a connection."""
    step = 200 if quick else 1_000
    count = (rounds + 1) * step
    may_open(count)
    ours, openssl = [], []
    with contextlib.ExitStack() as undo:
        edge_node = undo.enter_context(node.running(
            programs, "---\n".join(trunk(n) for n in range(count)),
            options={"signaling": "streams: {max_connections_per_source: 100000, connections_per_second_per_source: 100000}\n"}))
        daemon = edge_node.daemons["signaling"].pid
        context = ssl.create_default_context(cafile=str(edge_node.ca.certificate))
        with edge_node.network.pbx.entered():
            before = None
            for group in range(rounds + 1):          # the first is for what is made once
                for number in range(group * step, (group + 1) * step):
                    pbx = Pbx(number, edge_node.access_tls, context)
                    undo.callback(pbx.socket.close)
                    pbx.register()
                time.sleep(SETTLE_SECONDS)
                now = process.resident_bytes(daemon)
                if before is not None:
                    ours.append(round((now - before) / step / 1024, 1))
                before = now
        certificate, key = (str(edge_node.run / "pki" / f"edge.{end}") for end in ("pem", "key"))
        for _ in range(rounds):
            openssl.append(round(own.run_json([os.path.join(programs, "bench", "tls_memory"), certificate, key, str(step)])
                                 ["bytes_per_connection"] / 1024, 1))
    beyond = round(measure.median(ours) - measure.median(openssl), 1)
    return measure.result("idle-tls", "kB per registered, idle TLS trunk", ours, openssl, "OpenSSL alone, a server's connection",
                          {"trunks": count, "beyond_openssl_kB": beyond, "under_40_kB": beyond < 40})
