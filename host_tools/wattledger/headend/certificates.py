"""The fleet's certificates: one CA, and an identity for broker, head-end and each meter.

P-256 all of them: a handshake costs a meter about a second, RSA several.
"""

import datetime
import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wattledger.errors import ToolError

_DNS = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
CA_DAYS, DAYS = 20 * 365, 15 * 365  # a meter stays on its wall, and nobody visits it for this
_DAY = datetime.timedelta(days=1)
# Long before: a meter whose clock begins in the past must be able to connect.
_SINCE = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Pair:
    """PEM files."""

    certificate: Path
    key: Path


class Authority:
    """The CA in a folder. ToolError: what is there cannot be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pair = Pair(folder / "ca.pem", folder / "ca.key")
        try:
            self._certificate = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
            key = serialization.load_pem_private_key(self.pair.key.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise ToolError(f"{folder}: no CA: {error}: wattledger headend init") from None
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    @classmethod
    def new(cls, folder: Path, name: str) -> "Authority":
        """ToolError: there is one already."""
        if (folder / "ca.key").exists():
            raise ToolError(
                f"{folder}: there is a CA already, and it stays: choose another folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(*(n in (5, 6) for n in range(9)))  # signs certificates and CRLs
        builder = _builder(name, name, key.public_key(), CA_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
        certificate = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())
        _write(Pair(folder / "ca.pem", folder / "ca.key"), certificate, key)
        return cls(folder)

    def issue(self, pair: Pair, name: str, hosts: tuple[str, ...] = ()) -> bool:
        """-> whether it was made; a pair that is there stays, if it has these hosts.

        hosts   names and addresses that a server goes by; none: a client
        ToolError: a host that is neither.
        """
        asked = [host_of(host) for host in hosts]
        if pair.key.exists() and _goes_by(pair.certificate, asked):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._certificate.subject
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(name, issuer, key.public_key(), DAYS)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(asked), critical=False)
        pair.key.parent.mkdir(parents=True, exist_ok=True)
        _write(pair, builder.sign(self._key, hashes.SHA256()), key)
        return True


def _builder(
    name: str, issuer: str | x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    subject = _name(name)
    return x509.CertificateBuilder(
        issuer_name=issuer if isinstance(issuer, x509.Name) else subject,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=_SINCE,
        not_valid_after=datetime.datetime.now(datetime.UTC) + days * _DAY,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def host_of(text: str) -> x509.GeneralName:
    """-> as it stands in a certificate. ToolError: neither a name nor an address."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not _DNS.fullmatch(text):
            raise ToolError(f"{text!r}: neither the name of a host nor an address") from None
        return x509.DNSName(text)


def _goes_by(path: Path, hosts: list[x509.GeneralName]) -> bool:
    """Whether a certificate is there, and has all these hosts."""
    if not path.exists():
        return False
    if not hosts:
        return True
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound):
        return False
    return set(hosts) <= set(names.value)


def _write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """The key first, readable by nobody else from its first byte on."""
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with os.fdopen(os.open(pair.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
