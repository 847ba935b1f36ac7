"""A certificate authority that makes what a peer may show, right and wrong: dates, names, extensions, chains, revocation,
OCSP responses (openssl(1): ca, ocsp). Two keys serve for all certificates; they are worth nothing outside of a test."""
import datetime
import hashlib
import http.server
import re
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path


def openssl(*arguments):
    done = subprocess.run(['openssl', *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f'openssl {" ".join(map(str, arguments))}: {done.stderr.strip()}')
    return done.stdout


def at(days):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime('%Y%m%d%H%M%SZ')


def der(tag, content):
    """One value of ASN.1 in DER."""
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, 'big')
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([128 | len(octets)]) + octets) + content


def der_parts(octets):
    """The values that stand there one after another, as (tag, content)."""
    parts, at = [], 0
    while at < len(octets):
        tag, size, begin = octets[at], octets[at + 1], at + 2
        if size >= 128:
            begin += size & 127
            size = int.from_bytes(octets[at + 2:begin], 'big')
        parts.append((tag, octets[begin:begin + size]))
        at = begin + size
    return parts


class Leaf:
    def __init__(self, certificate, key, chain=()):
        self.certificate, self.key = Path(certificate), Path(key)
        self.pem = self.certificate.read_text()
        self.pem = self.pem[self.pem.index('-----BEGIN'):]
        if chain:
            self.certificate.write_text(self.pem + ''.join(c.pem for c in chain))

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def fingerprint(self):
        digest = hashlib.sha256(self.der).hexdigest().upper()
        return ':'.join(digest[i:i + 2] for i in range(0, 64, 2))


class Authority:
    """`openssl ca` in a directory of its own: a root, or an intermediate signed by `parent`."""

    def __init__(self, directory, name, parent=None, constraints='critical,CA:TRUE', extra=''):
        self.directory, self.name, self.parent = Path(directory) / name, name, parent
        self.directory.mkdir(parents=True)
        (self.directory / 'index.txt').write_text('')
        (self.directory / 'serial').write_text(f'{int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"):08X}\n')
        self.key, self.rsa_key = self.directory / 'ca.key', self.directory.parent / 'rsa.key'
        self.ec_key = self.directory.parent / 'ec.key'
        for file, command in ((self.rsa_key, ('genrsa', '-out', self.rsa_key, '2048')),
                              (self.ec_key, ('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', self.ec_key))):
            if not file.exists():
                openssl(*command)
        openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', self.key)
        self.certificate = self.directory / 'ca.pem'
        extensions = f'basicConstraints={constraints}\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n{extra}'
        if parent is None:
            openssl('req', '-x509', '-new', '-key', self.key, '-out', self.certificate, '-days', 30, '-subj', f'/CN={name}',
                    '-addext', f'basicConstraints={constraints}', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
            self.pem = self.certificate.read_text()
        else:
            made = parent.sign(f'{name}-as-ca', f'/CN={name}', extensions, self.key)
            self.certificate, self.pem = made.certificate, made.pem
        self.issuer = self

    def _configuration(self, extensions):
        file = self.directory / 'ca.cnf'
        file.write_text(f'''[ca]
default_ca = here
[here]
database = {self.directory}/index.txt
serial = {self.directory}/serial
new_certs_dir = {self.directory}
certificate = {self.certificate}
private_key = {self.key}
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
x509_extensions = leaf
[any]
commonName = optional
organizationName = optional
[leaf]
{extensions}
''')
        return file

    def sign(self, file, subject, extensions, key, start=-1, end=20, chain=()):
        request, certificate = self.directory / f'{file}.csr', self.directory / f'{file}.pem'
        openssl('req', '-new', '-key', key, '-subj', subject, '-out', request)
        openssl('ca', '-batch', '-notext', '-config', self._configuration(extensions), '-in', request, '-out', certificate,
                '-startdate', at(start), '-enddate', at(end), *(('-subj', subject) if subject == '/' else ()))
        return Leaf(certificate, key, chain)

    def issue(self, file, names='', common_name=None, usage='serverAuth,clientAuth', key=None, extra='', chain=(), **dates):
        """`names`: value of subjectAltName; empty: none. `usage`: extendedKeyUsage; empty: none."""
        lines = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature,keyEncipherment']
        lines += [f'extendedKeyUsage={usage}'] if usage else []
        lines += [f'subjectAltName={names}'] if names else []
        subject = '/' if common_name == '' else f'/CN={common_name or file}'
        return self.sign(file, subject, '\n'.join(lines + [extra]), key or self.ec_key, chain=chain, **dates)

    def self_signed(self, file, common_name, names=''):
        certificate = self.directory / f'{file}.pem'
        openssl('req', '-x509', '-new', '-key', self.ec_key, '-out', certificate, '-days', 20, '-subj', f'/CN={common_name}',
                *(('-addext', f'subjectAltName={names}') if names else ()))
        return Leaf(certificate, self.ec_key)

    def revoke(self, leaf):
        openssl('ca', '-batch', '-config', self._configuration(''), '-revoke', leaf.certificate)

    def ocsp_response(self, leaf, file, minutes=60, signer=None, made=0):
        """The DER of a response about the leaf, good for so many minutes (None: it does not say) from `made` on, minutes from
        now, signed by this authority, or by somebody else (Leaf or Authority)."""
        response, signer = self.directory / file, signer or self
        openssl('ocsp', '-issuer', self.certificate, '-cert', leaf.certificate, '-index', self.directory / 'index.txt',
                '-rsigner', signer.certificate, '-rkey', signer.key, '-CA', self.certificate, '-respout', response,
                *(() if minutes is None else ('-nmin', minutes)), '-noverify')
        if made:
            response.write_bytes(self._of_another_time(response.read_bytes(), signer.key, made))
        return response

    def _of_another_time(self, response, key, minutes):
        """The OCSP response with all of its times moved, signed again (RFC 6960 4.2.1)."""
        (_, answer), = der_parts(response)
        status, (_, wrapped) = der_parts(answer)
        (_, in_bytes), = der_parts(wrapped)
        kind, (_, octets) = der_parts(in_bytes)
        (_, basic), = der_parts(octets)
        (_, told), algorithm, _, *certificates = der_parts(basic)

        def moved(found):
            when = datetime.datetime.strptime(found[1].decode(), '%Y%m%d%H%M%SZ') + datetime.timedelta(minutes=minutes)
            return b'\x18\x0f' + when.strftime('%Y%m%d%H%M%SZ').encode()
        told = der(0x30, re.sub(rb'\x18\x0f(\d{14}Z)', moved, told))
        said, signature = self.directory / 'told', self.directory / 'signature'
        said.write_bytes(told)
        openssl('dgst', '-sha256', '-sign', key, '-out', signature, said)
        basic = told + der(*algorithm) + der(3, b'\0' + signature.read_bytes()) + b''.join(der(*c) for c in certificates)
        return der(0x30, der(*status) + der(0xa0, der(0x30, der(*kind) + der(4, der(0x30, basic)))))


def server_context(leaf, trusted=None):
    """A PBX that listens for TLS, without a certificate where `leaf` is None; `trusted`: PEM file of who may vouch for us, who
    has to show a certificate then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if leaf:
        context.load_cert_chain(leaf.certificate, leaf.key)
    if trusted:
        context.load_verify_locations(trusted)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(trusted, leaf=None, version=None):
    context = ssl.create_default_context(cafile=trusted)
    if leaf:
        context.load_cert_chain(leaf.certificate, leaf.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class OcspResponder:
    """Answers for an authority over HTTP (RFC 6960 appendix A), or hangs, as `silent` says; counts who asks. Its answers are
    good for so many minutes."""

    def __init__(self, namespace, address, authority, minutes=60):
        self.authority, self.minutes, self.asked, self.silent = authority, minutes, 0, False
        self._released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer._answer(self)

            def log_message(self, *words):
                pass
        with namespace.entered():
            self._server = http.server.ThreadingHTTPServer(address, Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def _answer(self, handler):
        request = handler.rfile.read(int(handler.headers['Content-Length']))
        self.asked += 1
        if self.silent:
            self._released.wait(30)
            return
        authority = self.authority
        with tempfile.TemporaryDirectory() as directory:
            asked, said = Path(directory) / 'request', Path(directory) / 'response'
            asked.write_bytes(request)
            openssl('ocsp', '-index', authority.directory / 'index.txt', '-CA', authority.certificate, '-rsigner',
                    authority.certificate, '-rkey', authority.key, '-reqin', asked, '-respout', said, '-nmin', self.minutes)
            response = said.read_bytes()
        handler.send_response(200)
        handler.send_header('Content-Type', 'application/ocsp-response')
        handler.send_header('Content-Length', str(len(response)))
        handler.end_headers()
        handler.wfile.write(response)

    def close(self):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
