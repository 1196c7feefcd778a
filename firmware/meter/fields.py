"""How a record becomes bytes: one layout a record, walked here.

A layout is a flat tuple of attribute, code, count and so on: one object in RAM, not one a field.
Codes: B H I q as in struct, little-endian; "u48" and "i128" little-endian of 6 and 16 bytes (two's
complement); "s" count bytes; "x" count bytes that are zero and kept for later. A count above 1 of
a number is a list.
"""

import struct

from meter.compat import const
from meter.errors import MeterError
from meter.limits import RATES, REGISTER_MAX
from meter.sample import CHANNELS

_I128_MASK = (1 << 128) - 1
_I64_MIN = -(1 << 63)
MYPY = const(False)  # type checkers take it for true
VERSION = const(1)
CRC_SIZE = const(4)
STATE_SIZE = const(256)  # E, W and snapshots: one flash page
LEDGER_SIZE = const(512)

# bits of the flags in the common header
COPY = const(1)  # written a second time by the journal; `commit` tells which commit
LAST_GASP = const(2)  # written as the supply was failing

SIZES = {"B": 1, "H": 2, "I": 4, "q": 8, "u48": 6, "i128": 16, "s": 1, "x": 1}
# What a number may be: struct truncates silently on the chip and raises on the host.
_MAX = {"B": 0xFF, "H": 0xFFFF, "I": 0xFFFFFFFF, "q": (1 << 63) - 1, "u48": REGISTER_MAX}
_STRUCT = {"B": "<B", "H": "<H", "I": "<I", "q": "<q", "u48": "<Q"}


def size_of(layout):
    """-> bytes that this layout fills, the CRC not counted."""
    return sum([SIZES[layout[i + 1]] * layout[i + 2] for i in range(0, len(layout), 3)])


def blank(layout, record):
    """Give `record` every attribute of the layout: zeros, and lists and bytes of them."""
    for field in range(0, len(layout), 3):
        name, code, count = layout[field], layout[field + 1], layout[field + 2]
        if code == "s":
            setattr(record, name, bytes(count))
        elif code != "x" and name not in ("kind", "version"):
            setattr(record, name, [0] * count if count > 1 else 0)


def pack(layout, record, buf):
    """Write the attributes of `record` into buf from byte 0, in the order of the layout.

    A u48 is stored as a u64 whose two upper bytes are zero: the field behind it overwrites
    them. That needs no temporary integer; so no layout ends in a u48.
    """
    at = 0
    for field in range(0, len(layout), 3):
        name, code, count = layout[field], layout[field + 1], layout[field + 2]
        size = SIZES[code]
        if code == "x":
            for i in range(at, at + count):
                buf[i] = 0
            at += count
        elif code == "s":
            value = getattr(record, name)
            assert len(value) == count
            buf[at : at + count] = value
            at += count
        elif count == 1:
            _put(buf, at, code, getattr(record, name))
            at += size
        else:
            values = getattr(record, name)
            assert len(values) == count
            for i in range(count):
                _put(buf, at, code, values[i])
                at += size


def unpack(layout, record, buf):
    """Set the attributes of `record` from buf; lists are new ones."""
    at = 0
    for field in range(0, len(layout), 3):
        name, code, count = layout[field], layout[field + 1], layout[field + 2]
        size = SIZES[code]
        if code == "s":
            setattr(record, name, bytes(buf[at : at + count]))
        elif code != "x":
            values = [_get(buf, at + i * size, code) for i in range(count)]
            setattr(record, name, values if count > 1 else values[0])
        at += size * count


def _put(buf, at, code, value):
    if code == "i128":
        assert -(1 << 127) <= value < 1 << 127
        buf[at : at + 16] = (value & _I128_MASK).to_bytes(16, "little")
        return
    if not (_I64_MIN if code == "q" else 0) <= value <= _MAX[code]:
        # Not an assert: what a forged record begins with must not reset the meter for ever.
        raise MeterError("record: a number does not fit: read it out, format it")
    struct.pack_into(_STRUCT[code], buf, at, value)


def _get(buf, at, code):
    if code == "i128":
        value = int.from_bytes(bytes(buf[at : at + 16]), "little")
        return value - (1 << 128) if value >> 127 else value
    if code == "u48":
        return int.from_bytes(bytes(buf[at : at + 6]), "little")
    return struct.unpack_from(_STRUCT[code], buf, at)[0]


HEADER = (
    "kind", "B", 1,
    "version", "B", 1,
    "flags", "H", 1,
    "seq", "I", 1,
    "utc", "I", 1,
    "boot", "H", 1,
    "ms", "H", 1,
)  # fmt: skip
REGISTERS = ("registers", "u48", CHANNELS, "rates", "u48", RATES)


class Record:
    """What all records have.

    seq   set by the ring or the journal when it is stored
    utc   Unix seconds
    """

    size = 0
    layout = ()  # type: tuple[str | int, ...]
    kind = version = -1  # rows and events have neither

    if MYPY:  # the layout makes the attributes

        def __getattr__(self, name):
            return getattr(self, name)

        def __setattr__(self, name, value):
            pass

    def __init__(self):
        blank(self.layout, self)

    def copy(self):
        """-> another record with the same contents."""
        buf, other = bytearray(self.size), self.__class__()
        self.pack_into(buf)
        other.unpack(buf)
        return other

    def pack_into(self, buf):
        """Fill buf[0 : size - 4]."""
        pack(self.layout, self, buf)

    def unpack(self, buf):
        """Take the fields from buf. MeterError: another kind of record, or another version."""
        if self.kind >= 0 and (buf[0] != self.kind or buf[1] != self.version):
            raise MeterError(
                f"record: kind {buf[0]} version {buf[1]}, expected {self.kind} {self.version}: "
                + "read it with the software that wrote it"
            )
        unpack(self.layout, self, buf)


class Stamped(Record):
    """A record that begins with the common header.

    flags       COPY | LAST_GASP; the upper bits are the owner's
    boot, ms    count of starts; milliseconds within the second of utc
    """

    version = VERSION
