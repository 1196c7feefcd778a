"""AES in counter mode (NIST SP 800-38A, 6.5) on the single blocks that the chip encrypts, a
comparison whose time tells nothing, and the keys that a role has for both."""

from struct import pack_into

from meter.chain import tag
from meter.compat import const

_BLOCK = const(16)
_IV = const(12)


def ctr(ecb, iv, buf):
    """Encrypt or decrypt buf in place.

    ecb   with `encrypt(block16) -> bytes`, of the crypto port
    iv    12 bytes, never twice under one key
    buf   bytearray of any length; block i of the stream is encrypt(iv || i as big-endian u32)
    """
    assert len(iv) == _IV
    counter = bytearray(_BLOCK)
    counter[:_IV] = iv
    size = len(buf)
    for start in range(0, size, _BLOCK):
        pack_into(">I", counter, _IV, start // _BLOCK)
        stream = ecb.encrypt(counter)
        for i in range(start, min(start + _BLOCK, size)):
            buf[i] ^= stream[i - start]


def same(expected, given):
    """-> whether two byte strings are equal; the time depends on len(expected) alone."""
    size = len(given)
    differs = len(expected) ^ size
    for i in range(len(expected)):
        differs |= expected[i] ^ (given[i] if i < size else 0)
    return not differs


def sub_keys(key):
    """-> (request cipher 16, request mac 32, answer cipher 16, answer mac 32 bytes) of a role"""
    return (
        tag(key, b"request cipher", b"")[:16],
        tag(key, b"request mac", b""),
        tag(key, b"answer cipher", b"")[:16],
        tag(key, b"answer mac", b""),
    )
