"""What a meter keeps of a broker's profile: CA, own certificate, key; in DER, from PEM or DER."""

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from wattledger.errors import ToolError

ROOM = 466  # bytes of DER, see docs/home.md


def der_parts(ca: Path | None, cert: Path | None, key: Path | None) -> dict[str, bytes]:
    """-> DER of what was given, by part of the profile. ToolError: a meter cannot keep it."""
    if (cert is None) != (key is None):
        raise ToolError("comms broker: --cert and --key go together")
    found = {}
    for name, path in (("ca", ca), ("cert", cert)):
        if path is not None:
            found[name] = certificate(path).public_bytes(serialization.Encoding.DER)
    if cert is not None and key is not None:
        private = _private(key)
        if private.public_key() != certificate(cert).public_key():
            raise ToolError(f"{key}: not the key of {cert}")
        found["key"] = private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    for name, data in found.items():
        if len(data) > ROOM:
            raise ToolError(
                f"comms broker: {name}: {len(data)} bytes, a meter keeps {ROOM}: take P-256"
            )
    return found


def certificate(path: Path) -> x509.Certificate:
    """ToolError: there is none in this file."""
    data = _bytes(path)
    try:
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError:
        raise ToolError(f"{path}: no certificate, PEM or DER: give another file") from None


def _private(path: Path) -> Any:
    data = _bytes(path)
    try:
        if data.lstrip().startswith(b"-----"):
            return serialization.load_pem_private_key(data, None)
        return serialization.load_der_private_key(data, None)
    except (ValueError, TypeError):
        raise ToolError(f"{path}: no key without a passphrase, PEM or DER") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give another file") from None
