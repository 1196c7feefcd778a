"""docs/formats.md says what the code does: each table, byte by byte."""

import re
import struct
from binascii import crc32

import pytest
from layouts import fields_of

from boards.virtual.nor import Nor
from meter import codes
from meter.fields import HEADER
from meter.journal import Journal
from meter.partition import LAYOUT, NAMES
from meter.records import EState, Event, Ledger, Row, Snapshot, WState

CODES = {"u8": "B", "u16": "H", "u32": "I", "i64": "q"}
TABLES = {
    "E: registers": EState,
    "W: what changes seldom": WState,
    "Row: load profile": Row,
    "Event": Event,
    "Snapshot": Snapshot,
    "Ledger": Ledger,
}


@pytest.fixture(scope="module")
def tables(root):
    """Heading -> rows of its first table, as lists of cells."""
    found, heading = {}, None
    for line in (root / "docs/formats.md").read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| ") and not line.startswith(("| at ", "| ring id")):
            found.setdefault(heading, []).append([c.strip() for c in line.strip("|").split("|")])
    return found


def layout(rows):
    """The layout that a table describes; its bytes must follow one another."""
    at = 0
    for start, size, kind, name, _ in rows:
        assert int(start) == at, name
        at += int(size)
        count, _, kind = kind.rpartition(" x ") if " x " in kind else ("1", "", kind)
        if kind == "header":
            yield from fields_of(HEADER)
        elif kind == "-":
            yield ("", "x", int(size))
        elif kind.endswith(" s"):
            yield (name, "s", int(size))
        elif name != "crc":
            yield (name, CODES.get(kind, kind), int(count))


@pytest.mark.parametrize("heading", TABLES)
def test_a_record_is_what_its_table_says(tables, heading):
    kind, rows = TABLES[heading], tables[heading]
    assert list(layout(rows)) == fields_of(kind.layout)
    assert [rows[-1][0], rows[-1][1], rows[-1][3]] == [str(kind.size - 4), "4", "crc"]
    if rows[0][2] == "header":
        assert int(re.search("0x(..)", rows[0][4])[1], 16) == kind.kind


def test_the_common_header(tables):
    assert list(layout(tables["Common header"])) == fields_of(HEADER)


def test_the_rings(tables):
    rows = tables["Partition"]
    names = [*NAMES, *(f"events: {name}" for name in codes.GROUPS)]
    assert [row[1] for row in rows] == names
    for ring_id, (row, (sectors, slot_size, _)) in enumerate(zip(rows, LAYOUT, strict=True)):
        numbers = [int(row[i]) for i in (0, 2, 3, 4)]
        assert numbers == [ring_id, sectors or 140, slot_size, 4096 // slot_size - 1]


def test_header_row_and_crc_of_a_record_in_flash(tables):
    """Find an event by the page alone: partition, header row, CRC, event."""
    flash = Nor(320)
    journal = Journal(flash)
    journal.format(0xFEEDBEEF)
    record, buf = Event(), bytearray(64)
    record.utc, record.before = 1_800_000_000, -5
    record.pack_into(buf)
    journal.events[2].append(buf)
    at = (40 + 40 + 140 + 44 + 36 + 2 * 4) * 4096
    sector = bytearray(4096)
    flash.read(at, sector)
    for tag in (0, 1):
        row = sector[tag * 32 : tag * 32 + 32]
        head = struct.unpack("<4sBBHHHIIIII", row)
        assert head == (b"WLR1", 7, tag, 64, 0, 0, 1, 1, 0xFEEDBEEF, 0, crc32(row[:28]))
    # The first slot was left out, and marked with zeros: format ends with a mount.
    assert sector[64:128] == bytes(4) + b"\xff" * 60
    slot = next(n for n in range(2, 64) if sector[n * 64 : n * 64 + 64] != b"\xff" * 64)
    found = sector[slot * 64 : slot * 64 + 64]
    seed = crc32(struct.pack("<IBHIB", 0xFEEDBEEF, 7, 0, 1, slot))
    assert struct.unpack_from("<I", found, 60)[0] == crc32(found[:60], seed)
    assert struct.unpack_from("<IIBBHq", found, 0) == (1, 1_800_000_000, 0, 0, 0, -5)
    rows = tables["Header row"]
    assert [int(row[0]) for row in rows] == [0, 4, 5, 6, 8, 10, 12, 16, 20, 24, 28]
