"""What others must not read lies in the vault encrypted: Wi-Fi and broker credentials.

    "S1" | iv 12 | ciphertext | tag 32          AES-128 in CTR mode, then HMAC-SHA256

Both keys follow from the storage key of the meter; the tag covers the name in the vault, so that
nothing can take the place of another. Loaded on demand.
"""

from meter.chain import tag
from meter.compat import const
from meter.errors import MeterError
from meter.security.cipher import ctr, same

ROOM = const(466)  # bytes that the vault has for one
_MARK = b"S1"
_IV = const(12)
_HEAD = const(14)
_TAG = const(32)


def store(gate, name, data):
    """Keep data, at most ROOM bytes, under a name of the vault; b"": nothing is kept.

    MeterError: it is not sure what is kept. The gate has keys.
    """
    assert len(data) <= ROOM
    if data:
        cipher_key, mac_key = _keys(gate)
        iv, text = gate.crypto.random(_IV), bytearray(data)
        ctr(gate.crypto.aes_ecb(cipher_key), iv, text)
        data = _MARK + iv + text
        data += tag(mac_key, name.encode(), data)
    gate.vault.store(name, data)


def load(gate, name):
    """-> bytes, or None: nothing is kept. MeterError: it cannot be read with these keys."""
    data = gate.vault.load(name)
    if not data:
        return None
    if gate.keys is None or data[: len(_MARK)] != _MARK or len(data) < _HEAD + _TAG:
        _refuse(name)
    cipher_key, mac_key = _keys(gate)
    if not same(tag(mac_key, name.encode(), data[:-_TAG]), data[-_TAG:]):
        _refuse(name)
    text = bytearray(data[_HEAD:-_TAG])
    ctr(gate.crypto.aes_ecb(cipher_key), data[len(_MARK) : _HEAD], text)
    return bytes(text)


def _keys(gate):
    key = gate.keys.storage
    return tag(key, b"safe cipher", b"")[:16], tag(key, b"safe mac", b"")


def _refuse(name):
    raise MeterError(name + ": stored under other keys, or altered: set it again")
