"""The partition table of a board, as ESP-IDF's boot loader reads it.

Layout after ESP-IDF, "Partition Tables": entries of 32 bytes, then an MD5 entry, padded with FF to
0xC00 bytes, at 0x8000 of the flash.
"""

import hashlib
import struct
import tomllib
from dataclasses import dataclass
from typing import Any

from wattledger import bundle
from wattledger.errors import ToolError

TABLE_OFFSET = 0x8000
TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBLL16sL")
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_TYPES = {"app": 0, "data": 1}
_ALIGNMENT = {"app": 0x10000, "data": 0x1000}
_FIRST_OFFSET = TABLE_OFFSET + 0x1000


@dataclass(frozen=True)
class Partition:
    """name: at most 15 letters; kind: "app" or "data"; offset and size in bytes of flash."""

    name: str
    kind: str
    subtype: int
    offset: int
    size: int


def board_toml(board: str) -> dict[str, Any]:
    """-> what boards/<board>/board.toml says. ToolError: no such board."""
    path = bundle.root() / "boards" / board / "board.toml"
    if not path.is_file():
        known = sorted(p.parent.name for p in bundle.root().glob("boards/*/board.toml"))
        raise ToolError(f"partitions: no board {board!r}: known are {', '.join(known)}")
    with path.open("rb") as file:
        return tomllib.load(file)


def of_board(board: str) -> list[Partition]:
    """The table in board.toml. ToolError: no such board, or a table that cannot be."""
    data = board_toml(board)
    table = [
        Partition(p["name"], p["type"], p["subtype"], p["offset"], p["size"])
        for p in data["partition"]
    ]
    _check(table, data["flash_size"])
    return table


def encode(table: list[Partition]) -> bytes:
    """-> the TABLE_SIZE bytes that belong at TABLE_OFFSET."""
    entries = b"".join(
        _ENTRY.pack(_MAGIC, _TYPES[p.kind], p.subtype, p.offset, p.size, p.name.encode(), 0)
        for p in table
    )
    whole = entries + _MD5_MAGIC + _md5(entries)
    return whole.ljust(TABLE_SIZE, b"\xff")


def decode(data: bytes) -> list[Partition] | None:
    """-> the table in TABLE_SIZE bytes read at TABLE_OFFSET; None: there is no whole table.

    Entries without an MD5 entry after them count too: the boot loader takes them.
    """
    table, at = [], 0
    while data[at : at + 2] == _MAGIC and at + _ENTRY.size <= len(data):
        _, kind, subtype, offset, size, name, _ = _ENTRY.unpack_from(data, at)
        text = name.split(b"\0")[0].decode("ascii", "replace")
        table.append(Partition(text, "data" if kind else "app", subtype, offset, size))
        at += _ENTRY.size
    if data[at : at + 16] == _MD5_MAGIC and data[at + 16 : at + 32] != _md5(data[:at]):
        return None
    return table or None


def _md5(entries: bytes) -> bytes:
    return hashlib.md5(entries).digest()


def _check(table: list[Partition], flash_size: int) -> None:
    """ToolError: entries overlap, are not aligned, or leave the flash."""
    free = _FIRST_OFFSET
    for p in table:
        where = f"partitions: {p.name}: {p.offset:#x} + {p.size:#x}"
        if p.kind not in _TYPES or not 0 < len(p.name) < 16:
            raise ToolError(f"{where}: expected type app or data, and a name of 1 to 15 letters")
        if p.offset < free:
            raise ToolError(f"{where}: overlaps what ends at {free:#x}: move it")
        if p.offset % _ALIGNMENT[p.kind] or p.size % 0x1000:
            raise ToolError(f"{where}: expected multiples of {_ALIGNMENT[p.kind]:#x} and 0x1000")
        free = p.offset + p.size
        if free > flash_size:
            raise ToolError(f"{where}: ends behind the flash of {flash_size:#x} bytes")
