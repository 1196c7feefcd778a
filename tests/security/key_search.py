"""Looks for keys in whatever left a meter: as bytes, in hex and in base64, whole or in part."""

import base64
import hashlib
import hmac
import json
import re

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from meter.security import keys as meter_keys

SECRETS = ("reader", "utility", "maker", "evidence", "storage")
USES = ("request cipher", "request mac", "answer cipher", "answer mac")
ROLES = (None, *SECRETS[:3])  # by their number in an envelope
_PART = 8  # bytes; nothing has so many of a key by accident
_STEP = 4  # so that each run of 12 bytes of a key has a whole part in it
_HEADER, _TAG = 30, 32  # of an envelope
_ENVELOPE = re.compile(rb"WL1 ([A-Za-z0-9+/]+=*)")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}=*")


def shapes(part):
    """-> what some bytes look like: themselves, as Python writes them, in hex, and in base64
    wherever they begin in it"""
    found = [part, repr(part).encode()[2:-1], part.hex().encode(), part.hex().upper().encode()]
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + part)
        whole = (shift + len(part)) // 3 * 4  # digits that owe nothing to what comes behind
        found.append(coded[(0, 2, 3)[shift] : whole])
    return found


def leaks(secrets, data):
    """-> names of the secrets of which a part is in data. secrets: {name: bytes}"""
    found = []
    for name, secret in secrets.items():
        parts = [secret[at : at + _PART] for at in range(0, len(secret) - _PART + 1, _STEP)]
        if any(shape in data for part in parts for shape in shapes(part)):
            found.append(name)
    return found


def secrets_of(blob):
    """bytes of the vault's "keys" -> {name: bytes}: the secrets, and what follows from them"""
    keys, found = meter_keys.unpack(blob), {}
    for name in SECRETS:
        found[name] = getattr(keys, name)
        if name in ROLES:
            found |= {f"{name}: {use}": _mac(found[name], use.encode()) for use in USES}
    return found


def opened(data, blobs):
    """-> data, what the answers in its envelopes say, and what base64 in all of that stands for

    blobs   the vault's "keys", of each generation
    """
    said = [data]
    for line in _ENVELOPE.findall(data):
        raw = base64.b64decode(line + b"=" * (-len(line) % 4))
        said += filter(None, (_opened(raw, meter_keys.unpack(blob)) for blob in blobs))
    for part in list(said):
        said += [base64.b64decode(text[: len(text) // 4 * 4]) for text in _BASE64.findall(part)]
    return b"\n".join(said)


def _opened(raw, keys):
    """-> what is in an envelope, None: it is none of these keys"""
    head, text, tag = raw[:_HEADER], raw[_HEADER:-_TAG], raw[-_TAG:]
    if not 0 < head[2] < len(ROLES):
        return None
    key = getattr(keys, ROLES[head[2]])
    if _mac(_mac(key, b"answer mac"), head + text) != tag:
        return None
    start = hashlib.sha256(head).digest()[:12] + bytes(4)
    return Cipher(AES(_mac(key, b"answer cipher")[:16]), CTR(start)).encryptor().update(text)


def _mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def blob_of(board):
    """-> the "keys" in the vault of a virtual board, None: it has none, or a test's own bytes"""
    path = board.state / "nvs.json"
    held = json.loads(path.read_text()).get("wl", {}) if path.exists() else {}
    blob = bytes.fromhex(held["keys"][1]) if "keys" in held else b""
    return blob if len(blob) == meter_keys.SIZE else None


def left(board, blobs):
    """-> all that a virtual board said on its port or in its log, and what lies in its files"""
    files = [path for path in board.files.rglob("*") if path.is_file() and path.suffix != ".mpy"]
    files = [path for path in (board.said, board.state / "bridge.log", *files) if path.exists()]
    return opened(b"\n".join(path.read_bytes() for path in files), blobs)


def leaks_of(board):
    """-> `leaks` of the keys that a virtual board has now"""
    blob = blob_of(board)
    if blob is None:
        return []
    return leaks(secrets_of(blob), left(board, [blob]))
