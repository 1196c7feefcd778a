"""Receipts: what lets a meter go on to the next block. docs/protocol.md, "Uplink"."""

import json
import secrets

from wattledger.security.envelope import NONCE_SIZE, RECEIPT, Envelopes, Header


def receipt(envelopes: Envelopes, serial: str, salt: int, upto: dict[str, int]) -> bytes:
    """-> the envelope that says up to which seq each ring of this journal is durable here."""
    header = Header(RECEIPT, "utility", serial, 0, secrets.token_bytes(NONCE_SIZE))
    text = json.dumps({"salt": salt, "upto": upto}, separators=(",", ":")).encode()
    return envelopes.seal(header, text)
