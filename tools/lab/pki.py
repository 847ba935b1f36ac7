"""A development certificate authority (openssl(1)) for TLS between the lab's parties. Keys live in the run directory
and are worth nothing outside of it."""
import subprocess
from pathlib import Path


def _openssl(*arguments):
    done = subprocess.run(['openssl', *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f'openssl {arguments[0]}: {done.stderr.strip()}')


class Authority:
    def __init__(self, directory, name='Sallyport development CA', days=30):
        self.directory, self.days = Path(directory), days
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key = self.directory / 'ca.pem', self.directory / 'ca.key'
        if not self.certificate.exists():
            _openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                     '-keyout', self._key, '-out', self.certificate, '-days', days, '-subj', f'/CN={name}',
                     '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
            self._key.chmod(0o600)

    def issue(self, name, names=(), addresses=(), usage='serverAuth', unit=None, days=None):
        """(certificate, key) paths of a leaf; names and addresses become its subjectAltName, the unit its OU."""
        certificate, key = self.directory / f'{name}.pem', self.directory / f'{name}.key'
        if certificate.exists():
            return certificate, key
        request, extensions = self.directory / f'{name}.csr', self.directory / f'{name}.ext'
        alternatives = ','.join([f'DNS:{n}' for n in names] + [f'IP:{a}' for a in addresses])
        lines = ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature', f'extendedKeyUsage={usage}']
        if alternatives:
            lines.append(f'subjectAltName={alternatives}')
        extensions.write_text('\n'.join(lines) + '\n')
        _openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
                 '-out', request, '-subj', f'/CN={name}' + (f'/OU={unit}' if unit else ''))
        _openssl('x509', '-req', '-in', request, '-CA', self.certificate, '-CAkey', self._key, '-CAcreateserial',
                 '-out', certificate, '-days', days if days is not None else self.days, '-extfile', extensions)
        key.chmod(0o600)
        request.unlink()
        extensions.unlink()
        return certificate, key
