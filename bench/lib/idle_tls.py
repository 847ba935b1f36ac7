"""idle-tls: what a trunk that has registered over TLS and then says nothing costs in memory."""
import contextlib
import hashlib
import os
import re
import resource
import socket
import ssl
import time

from lab import process
from pbx_sim import sip_digest

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


def idle_tls(programs, rounds, quick):
    """kB of the server's memory per registered, idle TLS trunk, beside the resident memory that OpenSSL
    alone takes for a connection."""
    step = 200 if quick else 1_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, (rounds + 1) * step + 256)), hard))
    count = (rounds + 1) * step
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
