"""From the fleet's master to the keys of each meter: HKDF-SHA256 (RFC 5869)."""

import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wattledger.errors import ToolError

ROLES = ("reader", "utility", "maker")  # of a lower rank first
NAMES = (*ROLES, "evidence", "storage")
KEY_SIZE = 32
SERIAL_SIZE = 6


def serial_of(text: str) -> str:
    """-> a meter's serial as `wattledger info` shows it: its unique id, 12 hex digits."""
    if not re.fullmatch("[0-9a-f]{12}", text):
        raise ToolError(f"serial {text}: expected 12 hex digits as wattledger info shows them")
    return text


def meter_key(master: bytes, serial: str, name: str, generation: int) -> bytes:
    """-> 32 bytes. name: one of NAMES; generation: 1 and up."""
    assert len(master) == KEY_SIZE
    assert name in NAMES
    assert generation >= 1
    info = f"wattledger 1 {name} {generation}".encode()
    hkdf = HKDF(SHA256(), KEY_SIZE, salt=serial_of(serial).encode(), info=info)
    return hkdf.derive(master)
