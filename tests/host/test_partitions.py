"""The partition table, decoded by the layout of ESP-IDF's documentation."""

import hashlib
import struct

import pytest

from wattledger import partitions
from wattledger.errors import ToolError
from wattledger.partitions import Partition


@pytest.mark.parametrize("board", ["esp32_atm90e32", "virtual"])
def test_every_entry_and_the_md5(board):
    table = partitions.of_board(board)
    data = partitions.encode(table)
    assert len(data) == 0xC00
    for i, p in enumerate(table):
        magic, kind, subtype, offset, size = struct.unpack_from("<HBBLL", data, 32 * i)
        assert (magic, kind, subtype) == (0x50AA, ["app", "data"].index(p.kind), p.subtype)
        assert (offset, size) == (p.offset, p.size)
        assert data[32 * i + 12 : 32 * i + 28].rstrip(b"\0").decode() == p.name
    end = 32 * len(table)
    assert data[end : end + 2] == b"\xeb\xeb"
    assert data[end + 16 : end + 32] == hashlib.md5(data[:end]).digest()
    assert set(data[end + 32 :]) == {0xFF}


def test_the_meter_partition_has_the_sectors_of_the_journal():
    table = {p.name: p for p in partitions.of_board("esp32_atm90e32")}
    assert table["meter"].size // 4096 == 320
    assert table["vfs"].offset == table["meter"].offset + table["meter"].size


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (Partition("a", "data", 1, 0x8000, 0x1000), "overlaps"),
        (Partition("a", "app", 0, 0x11000, 0x1000), "multiples"),
        (Partition("a", "data", 1, 0x9000, 0x800), "multiples"),
        (Partition("a" * 16, "data", 1, 0x9000, 0x1000), "name"),
        (Partition("a", "data", 1, 0x3FF000, 0x2000), "behind the flash"),
    ],
)
def test_what_cannot_be(bad, says):
    with pytest.raises(ToolError, match=says):
        partitions._check([bad], 0x400000)


def test_an_unknown_board_names_the_known_ones():
    with pytest.raises(ToolError, match="esp32_atm90e32"):
        partitions.of_board("nothing")
