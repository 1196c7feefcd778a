"""What of the image is written, what of the module stays, and how that is done."""

from dataclasses import dataclass
from pathlib import Path

from wattledger import partitions
from wattledger.errors import ToolError
from wattledger.flashing import image
from wattledger.flashing.esptool import Esptool, Module
from wattledger.flashing.image import Firmware
from wattledger.partitions import TABLE_OFFSET, TABLE_SIZE, Partition

METER = "meter"


@dataclass(frozen=True)
class Plan:
    """image    bytes from `start` on: one file, the table of the board inside
    kept     data partitions that stay as they are
    blanked  data partitions behind the image that are filled with FF
    lost     the module's own `meter` partition, if this plan would overwrite it
    """

    firmware: Firmware
    table: list[Partition]
    image: bytes
    kept: list[Partition]
    blanked: list[Partition]
    lost: Partition | None

    def pieces(self) -> list[tuple[int, bytes]]:
        """-> (address, bytes) of the image without what is kept, in order."""
        start, end = self.firmware.start, self.firmware.start + len(self.image)
        found = []
        for p in sorted(self.kept, key=lambda p: p.offset):
            if p.offset < end:
                found.append((start, p.offset))
                start = p.offset + p.size
        found.append((start, end))
        base = self.firmware.start
        return [(a, self.image[a - base : b - base]) for a, b in found if a < b]

    def lines(self) -> list[str]:
        """-> the map: address, size, name, and what becomes of it."""
        rows = [
            (self.firmware.start, self.firmware.boot_size, "boot loader", "written"),
            (TABLE_OFFSET, TABLE_SIZE, "partition table", "written"),
        ]
        for p in self.table:
            if p.kind == "app":
                what = f"written: MicroPython {self.firmware.version}, {len_kb(self.firmware)} KB"
            else:
                what = "kept" if p in self.kept else "ERASED"
            rows.append((p.offset, p.size, p.name, what))
        return [f"{at:#010x} {size:#010x} {name:16} {what}" for at, size, name, what in rows]


def len_kb(firmware: Firmware) -> int:
    return -(-firmware.app_size // 1024)


def plan(firmware: Firmware, table: list[Partition], present: list[Partition] | None) -> Plan:
    """present: the table that the module has, None if there is none.

    Data stay where the module has the very same partition. ToolError: the table does not fit.
    """
    image.fit(firmware, table)
    made = image.with_table(firmware, table)
    end = firmware.start + len(made)
    data = [p for p in table if p.kind == "data"]
    kept = [p for p in data if p in (present or [])]
    if not any(p.name == METER for p in kept):
        kept = []  # another program's module: nothing of it is ours
    blanked = [p for p in data if p not in kept and p.offset >= end]
    old = next((p for p in present or [] if p.name == METER), None)
    return Plan(firmware, table, made, kept, blanked, None if old in kept else old)


def present_table(esptool: Esptool, folder: Path) -> list[Partition] | None:
    """Read the table that the module has. -> None if there is none, or in a dry run."""
    path = folder / "table-before.bin"
    return partitions.decode(esptool.read(TABLE_OFFSET, TABLE_SIZE, path))


def check_module(module: Module | None, table: list[Partition]) -> None:
    """ToolError: the flash of the module is too small."""
    last = max(p.offset + p.size for p in table)
    if module and module.flash_size and module.flash_size < last:
        raise ToolError(
            f"flash: the module has {module.flash_size:#x} bytes of flash, the board's table ends"
            f" at {last:#x}: take a larger module"
        )


def write(esptool: Esptool, todo: Plan, folder: Path) -> None:
    """Write, read back, compare; the module starts then. ToolError: the first byte that differs.

    folder   where the files go: image.bin, the whole image in one, pieces of it, and read-back
    """
    pieces = todo.pieces()
    files = []
    for at, data in pieces:
        name = "image.bin" if len(pieces) == 1 else f"image-{at:#x}.bin"
        files.append((at, _file(folder / name, data)))
    for p in todo.blanked:
        files.append((p.offset, _file(folder / f"blank-{p.name}.bin", b"\xff" * p.size)))
    esptool.write(files)
    for n, (at, data) in enumerate(pieces):
        last = n == len(pieces) - 1
        seen = esptool.read(at, len(data), folder / "read-back.bin", last=last)
        if not esptool.dry_run:
            compare(at, data, seen)


def compare(at: int, wanted: bytes, seen: bytes) -> None:
    """ToolError: the first byte of flash that differs. at: address of both"""
    if seen != wanted:
        n = next(i for i in range(len(wanted)) if seen[i : i + 1] != wanted[i : i + 1])
        raise ToolError(
            f"flash: {at + n:#x} reads {seen[n : n + 1].hex()}, written was"
            f" {wanted[n]:02x}: flash again, then change the module"
        )


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
