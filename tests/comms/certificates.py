"""Certificates of a small fleet: one CA, a broker, a head-end, meters; and some that are wrong."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wattledger.headend.broker_config import Tls

DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """Signs certificates into a folder. name: its own, in its certificate."""

    folder: Path
    name: str

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(self.name)
        self.certificate = self._signed(self._subject, self._key.public_key(), True, 0, ())
        self.path = self.folder / "ca.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def issue(self, name, expired=False, hosts=()):
        """-> (certificate, key): PEM files. hosts: names or addresses that a server goes by."""
        key = ec.generate_private_key(ec.SECP256R1())
        shift = -30 if expired else 0
        certificate = self._signed(_name(name), key.public_key(), False, shift, hosts)
        stem = f"{name}-expired" if expired else name
        paths = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def broker(self, expired=False, hosts=("127.0.0.1", "localhost")):
        return Tls(self.path, *self.issue("broker", expired, hosts))

    def client(self, name, expired=False):
        """-> what a link's profile has under "tls"."""
        certificate, key = self.issue(name, expired)
        return {"ca": str(self.path), "cert": str(certificate), "key": str(key)}

    def _signed(self, subject, public_key, is_ca, shift_days, hosts):
        now = datetime.datetime.now(datetime.UTC) + shift_days * DAY
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 10 * DAY)
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
