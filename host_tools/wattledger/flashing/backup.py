"""The `meter` partition in a file: all that a meter has counted, and whose it is.

Beside FILE stands FILE.json, its header: serial, chip, offset, size and SHA-256.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from wattledger import partitions
from wattledger.errors import ToolError
from wattledger.flashing.esptool import Esptool, Module
from wattledger.flashing.writing import METER, compare
from wattledger.partitions import TABLE_OFFSET, TABLE_SIZE, Partition
from wattledger.security import derive

FORMAT = 1
CHIP = "esp32"  # of every board so far


@dataclass(frozen=True)
class Header:
    """serial: of the module, 12 digits; offset, size: bytes of flash; saved: ISO time in UTC"""

    format: int
    serial: str
    chip: str
    offset: int
    size: int
    sha256: str
    saved: str


def header_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def meter_partition(esptool: Esptool, board: str | None, path: Path) -> Partition:
    """-> where the module's own table has the meter; in a dry run, where the board's has it.

    path   of the backup; beside it stands for a moment what is read. ToolError: there is none.
    """
    beside = path.with_name(path.name + ".table")
    try:
        found = partitions.decode(esptool.read(TABLE_OFFSET, TABLE_SIZE, beside))
    finally:
        beside.unlink(missing_ok=True)
    if esptool.dry_run:
        found = partitions.of_board(board or "virtual")
    for p in found or ():
        if p.name == METER:
            return p
    raise ToolError(
        f"{esptool.port}: the module has no meter partition: is it a meter? wattledger flash"
        " makes one of it"
    )


def save(esptool: Esptool, module: Module | None, part: Partition, path: Path) -> Header | None:
    """Read the partition into `path` and write its header. -> it, None in a dry run."""
    data = esptool.read(part.offset, part.size, path, last=True)
    if module is None:
        return None
    digest = hashlib.sha256(data).hexdigest()
    saved = datetime.now(UTC).isoformat(timespec="seconds")
    header = Header(FORMAT, module.mac, esptool.chip, part.offset, part.size, digest, saved)
    header_path(path).write_text(json.dumps(asdict(header), indent=2) + "\n")
    return header


def load(path: Path) -> tuple[Header, bytes]:
    """-> what `save` made. ToolError: a file is missing, altered, or of another kind."""
    try:
        data = path.read_bytes()
        text = header_path(path).read_bytes()
    except OSError as error:
        raise ToolError(
            f"restore: {error.filename}: {error.strerror}: a backup is two files, FILE and"
            " FILE.json"
        ) from None
    try:
        header = Header(**json.loads(text))
        derive.serial_of(header.serial)
    except (ValueError, TypeError, RecursionError, ToolError):
        raise ToolError(
            f"{header_path(path)}: no header of a backup: take the right file"
        ) from None
    if header.format != FORMAT:
        raise ToolError(f"{path}: format {header.format}, expected {FORMAT}: take a newer tool")
    if len(data) != header.size:
        raise ToolError(f"{path}: {len(data)} bytes, its header says {header.size}: cut short")
    if hashlib.sha256(data).hexdigest() != header.sha256:
        raise ToolError(f"{path}: its SHA-256 is not that of its header: take another copy")
    return header, data


def check_target(
    header: Header, module: Module | None, part: Partition, chip: str, other_chip: bool
) -> None:
    """ToolError: the backup does not belong on this module, before anything is written."""
    if header.chip != chip or header.size != part.size:
        raise ToolError(
            f"restore: the backup is {header.size:#x} bytes of an {header.chip}, this module's"
            f" meter partition has {part.size:#x} on an {chip}: restore it where it came from"
        )
    if module and module.mac != header.serial and not other_chip:
        raise ToolError(
            f"restore: the backup is of meter {header.serial}, this is {module.mac}: two meters"
            " with one history are a fraud unless the first is gone: then say --other-chip"
        )


def put(esptool: Esptool, part: Partition, path: Path, data: bytes) -> None:
    """Write the partition, read it back, compare."""
    beside = path.with_name(path.name + ".read-back")
    esptool.write([(part.offset, path)])
    try:
        seen = esptool.read(part.offset, part.size, beside, last=True)
        if not esptool.dry_run:
            compare(part.offset, data, seen)
    finally:
        beside.unlink(missing_ok=True)
