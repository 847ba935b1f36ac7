"""A certificate authority that makes what a peer may show, right and wrong: dates, names, extensions, chains, revocation,
OCSP responses (openssl(1): ca, ocsp). Two keys serve for all certificates; they are worth nothing outside of a test."""
import datetime
import hashlib
import http.server
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

    def ocsp_response(self, leaf, file, minutes=60):
        """The DER of a response about the leaf, signed by this authority."""
        response = self.directory / file
        openssl('ocsp', '-issuer', self.certificate, '-cert', leaf.certificate, '-index', self.directory / 'index.txt',
                '-rsigner', self.certificate, '-rkey', self.key, '-CA', self.certificate, '-respout', response,
                '-nmin', minutes, '-noverify')
        return response


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
