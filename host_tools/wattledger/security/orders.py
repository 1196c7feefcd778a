"""Orders: what a meter believes because its utility or maker has signed it (docs/protocol.md).

ECDSA on P-256 over SHA-256 (FIPS 186-5). Of the two s of a signature the lower is sent.
"""

import base64
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from wattledger.errors import ToolError

HEAD = "wattledger order 1"
SIGNER = {  # kind of order -> whose key the meter checks it with
    "tariff": "utility",
    "prices": "utility",
    "view": "utility",
    "event": "utility",
    "calibration": "maker",
    "update": "maker",
}
_TARGET = re.compile(r"[0-9a-f]{12}|group:[!-~]{1,16}|\*")
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_UNTIL_MAX = _VERSION_MAX = (1 << 32) - 1


def canonical(kind: str, target: str, version: int, until: int, argument: str) -> bytes:
    """-> the text that is signed: six lines, the last without its end.

    target     serial in hex, "group:<name>", or "*"
    version    1..2**32 - 1, above all of this kind that the meter has accepted
    until      Unix s after which it is void, 0: never
    argument   of the kind, ASCII without line ends
    """
    if kind not in SIGNER:
        raise ToolError(f"order: no kind {kind}: one of {', '.join(SIGNER)}")
    if not 1 <= version <= _VERSION_MAX or not 0 <= until <= _UNTIL_MAX:
        raise ToolError(f"order: version {version}, until {until}: expected 32-bit numbers")
    if not _TARGET.fullmatch(target):
        raise ToolError(f"order: target {target}: expected a serial, group:NAME, or *")
    lines = [HEAD, kind, target, str(version), str(until), argument]
    if not all(line and line.isascii() and line.isprintable() for line in lines):
        raise ToolError(f"order: {target} {argument}: expected printable ASCII")
    return "\n".join(lines).encode()


def sign(
    kind: str,
    target: str,
    version: int,
    until: int,
    argument: str,
    private_key: ec.EllipticCurvePrivateKey,
) -> dict[str, Any]:
    """-> {"target", "version", "until", "sig"}: what goes as `order` into the request."""
    text = canonical(kind, target, version, until, argument)
    r, s = decode_dss_signature(private_key.sign(text, ec.ECDSA(SHA256())))
    s = min(s, _N - s)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    sig = base64.b64encode(raw).decode()
    return {"target": target, "version": version, "until": until, "sig": sig}
