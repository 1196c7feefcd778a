"""The sectors of a ring: their header rows, and the only place that erases.

A sector is prepared when both rows of its header are valid. Row 1 is programmed only after the
erase was checked and row 0 was read back, so a cut anywhere in between leaves a sector that
nobody takes for blank. Order comes from the sector seq in the header, never from position.
"""

import binascii
import struct

from meter.compat import const
from meter.errors import MeterError

_ROW = const(32)
_FORM = "<4sBBHHHIIII"  # magic ring tag slot_size index zero seq erases salt zero; then CRC32
_SEQ_AT = const(12)
_SALT_AT = const(20)


def header(ring, index, tag):
    """-> (seq, erase count) of header row 0 or 1, or None: not a row of this ring and device.

    A ring without a salt takes that of the first row that is one.
    """
    back = ring.scratch[_ROW : 2 * _ROW]
    ring.flash.read(ring.address(index, 0) + tag * _ROW, back)
    if back[0] == 0xFF:  # blank: a seq and count of all ones would be objects on the heap
        return None
    found = struct.unpack_from("<II", back, _SEQ_AT)
    salt = ring.salt or struct.unpack_from("<I", back, _SALT_AT)[0]
    # A row is valid if it is, bit by bit, the one that we would have written.
    if _row(ring, index, tag, found[0], found[1], salt) != back:
        return None
    ring.salt = salt
    return found


def renew(ring, index, seq, erases):
    """One erase, a blank check and two header rows, each read back.

    -> True: all held; False: the erase did not; None: a program did not.
    """
    scratch, at = ring.scratch, ring.address(index, 0)
    but_last, but_first, back = scratch[:-1], scratch[1:], scratch[_ROW : 2 * _ROW]
    failed = False  # type: bool | None
    try:
        ring.flash.erase(ring.first_sector + index)
        for offset in range(0, ring.flash.sector_size, len(scratch)):
            ring.flash.read(at + offset, scratch)
            # All bytes are FF if the first one is and each equals the next.
            if scratch[0] != 0xFF or but_last != but_first:
                return failed
        failed = None
        for tag in (0, 1):
            row = _row(ring, index, tag, seq, erases, ring.salt)
            ring.flash.program(at + tag * _ROW, row)
            ring.flash.read(at + tag * _ROW, back)
            if back != row:
                return failed
    except MeterError:
        return failed
    return True


def disown(ring):
    """Zero the headers of stale sectors, before younger records are erased: what they hold would
    be an island behind a gap for the next mount. What fails is tried again."""
    for index in range(ring.sectors if ring.stale else 0):
        if ring.stale >> index & 1:
            try:
                ring.flash.program(ring.address(index, 0), bytes(2 * _ROW))
                ring.stale &= ~(1 << index)
            except MeterError:
                continue  # no program works just now, or never more in this sector


def _row(ring, index, tag, seq, erases, salt):
    """-> a header row, made in the first bytes of the ring's scratch."""
    row = ring.scratch[:_ROW]
    struct.pack_into(
        _FORM, row, 0, b"WLR1", ring.ring_id, tag, ring.slot_size, index, 0, seq, erases, salt, 0
    )
    struct.pack_into("<I", row, _ROW - 4, binascii.crc32(row[:-4]))
    return row
