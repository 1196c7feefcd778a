"""Chains of evidence: the tag of each record covers the record and the tag before it.

A record is altered, removed, moved or added only by who has the key, and then not past a head
that somebody outside has seen. docs/formats.md, "Chains", has what is covered.
"""

from hashlib import sha256

from meter.compat import const

_BLOCK = const(64)  # of SHA-256
_TAG_SIZE = const(32)
_CRC_SIZE = const(4)


def tag(key, previous, body):
    """-> 32 bytes: HMAC-SHA256 (RFC 2104) of previous and body. key: at most 64 bytes."""
    pad = bytearray(_BLOCK)
    pad[: len(key)] = key
    for mask in (0x36, 0x36 ^ 0x5C):
        for i in range(_BLOCK):
            pad[i] ^= mask
        found = sha256(pad)
        found.update(previous)
        found.update(body)
        previous, body = found.digest(), b""
    return previous


def field(record):
    """-> view of the tag in a stored event, snapshot or ledger record."""
    size = len(record)
    at = 28 if size == 64 else 202 if size == 256 else 414
    return memoryview(record)[at : at + _TAG_SIZE]


def head(ring):
    """-> (seq, tag) of the newest record, (0, zeros) before the first; it is in ring.slot.

    Read each time: that is right after a restart, and where an interrupt came between a
    record and its being counted, which stores it a second time with the same seq.
    """
    seq = ring.last_seq
    while seq >= ring.first_seq:
        if ring.read(seq, ring.slot):
            return seq, bytes(field(ring.slot))
        seq -= 1
    return 0, bytes(_TAG_SIZE)


def append(key, ring, record):
    """Put the tag into a packed record, in which it is zeros, and append it."""
    field(record)[:] = tag(key, head(ring)[1], memoryview(record)[:-_CRC_SIZE])
    ring.append(record)
