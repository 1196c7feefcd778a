"""What a snapshot and a ledger record vouch for besides themselves. Loaded on demand."""

import struct
from hashlib import sha256

from meter import chain
from meter.compat import const, forget
from meter.ring import SLOT_BITS

_PROFILE_SEQ_AT = const(166)  # of a snapshot
_CRC_SIZE = const(4)
ROWS_BYTES = const(16)  # of a digest of rows, and of a head that a ledger record carries
EVENT_HEAD_BYTES = const(4)


def append(key, journal, ring, record, buf):
    """Append a Snapshot, with the digest of its rows, or a Ledger record, with all heads.

    buf   of its size, to pack it in
    """
    if ring is journal.snapshots:
        record.rows = digest(journal)
    else:
        record.profile_head = chain.head(journal.snapshots)[1][:ROWS_BYTES]
        record.ledger_head = chain.head(journal.ledger)[1][:ROWS_BYTES]
        heads = [chain.head(events)[1][:EVENT_HEAD_BYTES] for events in journal.events]
        record.event_heads = b"".join(heads)
    record.pack_into(buf)
    chain.append(key, ring, buf)
    forget("meter.chain")


def digest(journal):
    """-> 16 bytes: of the SHA-256 of all rows since the newest snapshot, without their CRC."""
    seq, _ = chain.head(journal.snapshots)
    after = struct.unpack_from("<I", journal.snapshots.slot, _PROFILE_SEQ_AT)[0] if seq else 0
    found = sha256()
    for row in _rows(journal.profile, after):
        found.update(row)
    return found.digest()[:ROWS_BYTES]


def _rows(ring, after):
    """Yields the body of each row behind seq `after`, in one pass over the slots: a look-up
    of each by its seq would read a dozen slots for one."""
    newest = ring.rank(ring.next_at >> SLOT_BITS)
    i = newest
    while i > 0 and not 0 < _first(ring, i) <= after + 1:
        i -= 1
    held, held_seq = bytearray(ring.slot_size), 0
    while 0 <= i <= newest:
        for slot in range(1, ring.slots + 1):
            seq = ring.load(ring.order[i] << SLOT_BITS | slot, ring.slot)
            if not max(after + 1, held_seq) <= seq <= ring.last_seq:
                continue
            if held_seq and seq != held_seq:  # of two with one seq the later counts
                yield memoryview(held)[:-_CRC_SIZE]
            held[:], held_seq = ring.slot, seq
        i += 1
    if held_seq:
        yield memoryview(held)[:-_CRC_SIZE]


def _first(ring, i):
    """-> seq of the first valid row of the i-th sector, 0: it holds none."""
    for slot in range(1, ring.slots + 1):
        seq = ring.load(ring.order[i] << SLOT_BITS | slot, ring.slot)
        if seq:
            return seq
    return 0
