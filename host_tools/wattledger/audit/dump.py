"""What a dump holds: an image of the meter's partition, or a folder of rings that were read."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from meter import codes
from meter.errors import MeterError
from meter.journal import Journal
from meter.partition import LAYOUT
from wattledger.errors import ToolError
from wattledger.flashing import backup
from wattledger.reading import RINGS, Entry
from wattledger.verification import heads
from wattledger.verification.chain_check import SECTORS_MIN
from wattledger.verification.heads import Head
from wattledger.verification.replay import Difference

_SECTOR_SIZE = 4096
_CHECK_SIZE = 4  # behind each record in a folder, as in reading.Cache
_SERIAL = re.compile("[0-9a-f]{12}")


@dataclass
class Dump:
    """rings    {ring: entries, oldest first}
    serial   of the meter, 12 hex digits, or None: the dump does not say
    newest   EState of the newest commit, contract: WState; None: only an image has them
    seen     heads of the chains, seen no later than the dump was made
    layout, sectors   of the partition
    info     as the meter answers; {}: it was not asked
    """

    rings: dict[str, list[Entry]]
    serial: str | None = None
    newest: Any = None
    contract: Any = None
    seen: list[Head] = field(default_factory=list)
    layout: Any = LAYOUT
    sectors: int = SECTORS_MIN
    info: dict[str, Any] = field(default_factory=dict)


def load(path: Path, layout: Any = LAYOUT) -> Dump:
    """ToolError: nothing that we know. Difference: what is there cannot be what a meter wrote."""
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise ToolError(f"{path}: no such file: give what wattledger backup has written")
    if not backup.header_path(path).is_file():
        return of_image(path.read_bytes(), str(path), layout)
    header, data = backup.load(path)
    try:
        saved = datetime.fromisoformat(header.saved).timestamp()
    except (TypeError, ValueError):
        raise ToolError(f"{path}: its header has no time: take the right file") from None
    found = of_image(data, str(path), layout)
    found.serial = header.serial
    known = heads.store_of(header.serial).load()
    found.seen = [head for head in known if head.at <= saved]
    return found


def of_image(image: bytes, name: str, layout: Any = LAYOUT) -> Dump:
    """-> what the code of the meter finds in the bytes of its partition."""
    if len(image) % _SECTOR_SIZE:
        raise ToolError(f"{name}: {len(image)} bytes, expected whole sectors of 4096: cut short")
    flash = _Image(image)
    try:
        journal = Journal(flash, layout)
    except MeterError as error:
        raise ToolError(f"{name}: no partition of a meter: {error}") from None
    journal.mount()
    if journal.state != "ready":
        raise ToolError(f"{name}: its journal is {journal.state}: no meter has counted there")
    names = ("profile", "ledger", "snapshots", *codes.GROUPS)
    rings = dict(zip(names, journal.rings[2:], strict=True))
    found: dict[str, list[Entry]] = {
        name: list(_entries(name, ring)) for name, ring in rings.items()
    }
    return Dump(found, None, journal.newest_e, journal.newest_w, [], layout, flash.sectors)


def _entries(name: str, ring: Any) -> Iterator[Entry]:
    for seq in range(max(ring.first_seq, 1), ring.last_seq + 1):
        buf = bytearray(ring.slot_size)
        if ring.read(seq, buf):
            yield Entry.of(name, bytes(buf))


def _of_folder(folder: Path) -> Dump:
    """Files as reading.Cache writes them; unlike that, nothing that is damaged is left out."""
    files = {ring: folder / f"{ring}.bin" for ring in RINGS}
    if not any(file.is_file() for file in files.values()):
        raise ToolError(f"{folder}: no rings of a meter in it: expected profile.bin and others")
    rings = {ring: _of_file(ring, file) for ring, file in files.items()}
    serial = folder.name if _SERIAL.fullmatch(folder.name) else None
    return Dump(rings, serial, seen=heads.Store(folder / "heads.jsonl").load())


def _of_file(ring: str, file: Path) -> list[Entry]:
    if not file.is_file():
        return []
    data, size = file.read_bytes(), RINGS[ring].size
    found: list[Entry] = []
    for at in range(0, len(data), size + _CHECK_SIZE):
        raw, check = data[at : at + size], data[at + size : at + size + _CHECK_SIZE]
        if len(check) < _CHECK_SIZE or zlib.crc32(raw) != int.from_bytes(check, "little"):
            raise Difference(f"{ring}: record {len(found) + 1} of the file is damaged: read again")
        found.append(Entry.of(ring, raw))
    return found


class _Image:
    """The flash port over bytes that stay as they are."""

    sector_size = _SECTOR_SIZE

    def __init__(self, image: bytes) -> None:
        self._image, self.sectors = memoryview(image), len(image) // _SECTOR_SIZE

    def read(self, at: int, buf: bytearray) -> None:
        buf[:] = self._image[at : at + len(buf)]

    def program(self, at: int, buf: bytes) -> None:
        raise AssertionError("an audit writes nothing")

    def erase(self, sector: int) -> None:
        raise AssertionError("an audit writes nothing")
