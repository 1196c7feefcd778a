"""A reader of the journal written from docs/formats.md alone: nothing of the firmware is used.

`decode(image)` -> {ring id: [Found, ...]}, each ring in the order of its records.
"""

import struct
from binascii import crc32
from dataclasses import dataclass

SECTOR = 4096
BLANK = 0xFF
COPY = 1

# Partition: ring id -> (sectors, slot size, names of its records); 0: what the others leave.
RINGS = (
    (40, 256, ("E", "W")),
    (40, 256, ("E", "W")),
    (0, 64, ("row",)),
    (44, 512, ("ledger",)),
    (36, 256, ("snapshot",)),
    *[(4, 64, ("event",))] * 5,
)
KINDS = {0x45: "E", 0x57: "W", 0x53: "snapshot", 0x4C: "ledger"}

HEADER = "kind u8, version u8, flags u16, seq u32, utc u32, boot u16, ms u16"
REGISTERS = "registers 7 u48, rates 16 u48"
TABLES = {
    "E": f"{HEADER}, {REGISTERS}, carries 7 u32, interval_status u16, v_min_dv u16,"
    " v_max_dv u16, price_id u16, sliding 11 u32, window_rate u8, window_flags u8,"
    " limiter_flags u8, - 1, window_mwh u32, limiter_mwh u32, limiter_windows u16, commit u32",
    "W": f"{HEADER}, active_digest 8 s, active_since u32, passive_digest 8 s, passive_at u32,"
    " period_start u32, period u16, period_flags u16, tier_base_mwh u48, tiers u16,"
    " demand 24 u32, money 4 i128, limiter_state u8, - 1, limiter_trips u16,"
    " limiter_since u32, - 4, price_digest 8 s,"
    " price_expiry u32, outputs u32, export_mask u16, - 2, commit u32",
    "row": "seq u32, utc u32, import_mwh u48, export_mwh u48, reactive_plus_mvarh u48,"
    " reactive_minus_mvarh u48, status u16, rate u8, tier u8, price_id u16, v_min_dv u16,"
    " v_max_dv u16, duration_s u16, price_nano i64, export_nano i64",
    "event": "seq u32, utc u32, group u8, code u8, count u16, before i64, after i64, tag 32 s",
    "snapshot": f"{HEADER}, reason u8, tier u8, period u16, digest 8 s, {REGISTERS},"
    " profile_seq u32, money 2 i128, tag 32 s, rows 16 s, - 2",
    "ledger": f"{HEADER}, reason u8, tier u8, period u16, period_start u32, digest 32 s,"
    f" {REGISTERS}, profile_seq u32, snapshot_seq u32, demand 24 u32, money 4 i128,"
    " profile_head 16 s, ledger_head 16 s, event_heads 20 s, tag 32 s, software 32 s, - 30",
}


@dataclass
class Found:
    """A record whose CRC is right; at: its first byte in the image."""

    name: str
    at: int
    fields: dict

    @property
    def seq(self):
        return self.fields["seq"]


@dataclass
class Sector:
    """One that has a valid header row."""

    start: int
    index: int
    seq: int
    erases: int
    salt: int
    rows: int


def decode(image):
    """-> {ring id: records in order, of two with one seq the later}."""
    found = {}
    for ring, (_, slot_size, names) in enumerate(RINGS):
        records = {}
        for sector in sectors(image, ring):
            for slot in range(1, SECTOR // slot_size):
                record = _record(image, ring, sector, slot, slot_size, names)
                if record:
                    records.pop(record.seq, None)
                    records[record.seq] = record
        found[ring] = list(records.values())
    return found


def newest(found, name):
    """-> the E or the W that is the state of the meter: the highest seq in rings 0 and 1."""
    return max((r for ring in (0, 1) for r in found[ring] if r.name == name), key=lambda r: r.seq)


def sectors(image, ring):
    """-> sectors of the ring with a valid header row, in the order of their sector seq."""
    first, count = _place(image, ring)
    salt, slot_size = _salt(image), RINGS[ring][1]
    found = []
    for index in range(count):
        start = (first + index) * SECTOR
        rows = [_header(image, start + 32 * tag, ring, tag, slot_size, index) for tag in (0, 1)]
        good = [row for row in rows if row and row[2] == salt]
        if good:
            found.append(Sector(start, index, *good[0], rows=len(good)))
    return sorted(found, key=lambda sector: sector.seq)


def _place(image, ring):
    """-> (first sector, sectors) of a ring"""
    left = len(image) // SECTOR - sum(count for count, _, _ in RINGS)
    counts = [count or left for count, _, _ in RINGS]
    return sum(counts[:ring]), counts[ring]


def _salt(image):
    """-> the salt of the first register sector that has a valid row"""
    for index in range(RINGS[0][0]):
        for tag in (0, 1):
            row = _header(image, index * SECTOR + 32 * tag, 0, tag, RINGS[0][1], index)
            if row:
                return row[2]
    raise ValueError("no sector of ring 0 has a valid header row")


def _header(image, at, ring, tag, slot_size, index):
    """-> (sector_seq, erase_count, salt), or None if the row is not valid"""
    magic, *place, _, sector_seq, erase_count, salt, _, crc = struct.unpack_from(
        "<4sBBHHHIIIII", image, at
    )
    expected = [ring, tag, slot_size, index]
    if magic != b"WLR1" or place != expected or crc != crc32(image[at : at + 28]):
        return None
    return sector_seq, erase_count, salt


def _record(image, ring, sector, slot, slot_size, names):
    at = sector.start + slot * slot_size
    raw = image[at : at + slot_size]
    seed = crc32(struct.pack("<IBHIB", sector.salt, ring, sector.index, sector.seq, slot))
    if int.from_bytes(raw[-4:], "little") != crc32(raw[:-4], seed):
        return None
    name = names[0] if names[0] in ("row", "event") else KINDS[raw[0]]
    assert name in names, f"a {name} in ring {ring}"
    return Found(name, at, _fields(TABLES[name], raw))


def _fields(table, raw):
    """-> {field: number, bytes or list of numbers}; the table ends where the CRC begins"""
    fields, at = {}, 0
    for entry in table.split(", "):
        name, *count, kind = entry.split()
        if name == "-":
            at += int(kind)
            continue
        many = int(count[0]) if count else 1
        if kind == "s":
            fields[name], size = raw[at : at + many], 1
        else:
            size = int(kind[1:]) // 8
            signed = kind[0] == "i"
            values = [
                int.from_bytes(raw[at + i * size : at + (i + 1) * size], "little", signed=signed)
                for i in range(many)
            ]
            fields[name] = values if many > 1 else values[0]
        at += size * many
    assert at == len(raw) - 4, f"{table[:20]}: {at} bytes"
    return fields
