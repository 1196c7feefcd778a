"""The MicroPython image as micropython.org ships it: checked, and given another partition table.

A merged image is what flash holds from the chip's boot loader on: boot loader, partition table
at 0x8000, application. Layouts after ESP-IDF, "App Image Format" and "Partition Tables".
"""

import hashlib
import re
import struct
from dataclasses import dataclass

from wattledger import partitions
from wattledger.errors import ToolError
from wattledger.partitions import TABLE_OFFSET, TABLE_SIZE, Partition

VERSION_MIN = (1, 24)
# board.toml's chip -> (chip id in image headers, address that the ROM boots from)
CHIPS = {
    "esp32": (0, 0x1000),
    "esp32s2": (2, 0x1000),
    "esp32c3": (5, 0),
    "esp32s3": (9, 0),
    "esp32c6": (13, 0),
}
_SECTOR = 0x1000
_MAGIC = 0xE9
_HEADER = struct.Struct("<BBBBI4xHB2HxxxxB")  # esp_image_header_t, 24 bytes
_SEGMENT = struct.Struct("<II")
_SEGMENTS_MAX = 16
_CHECKSUM_SEED = 0xEF
_DIGEST_SIZE = 32
_DESCRIPTION = struct.Struct("<I12x32s32s")  # esp_app_desc_t, up to project_name
_DESCRIPTION_AT = _HEADER.size + _SEGMENT.size  # first thing in the first segment
_DESCRIPTION_MAGIC = 0xABCD5432
_MB = 0x100000
_AGAIN = "download it again"
_WHOLE = "take the .bin of the download page, not the .app-bin"


@dataclass(frozen=True)
class Firmware:
    """A merged image that was checked.

    start        flash address of data[0]
    boot_size    bytes of the boot loader
    app_at       flash address of the application; app_size: its bytes
    flash_size   what the boot loader believes the flash to have, bytes
    version      of MicroPython, as its descriptor says
    """

    name: str
    data: bytes
    start: int
    boot_size: int
    app_at: int
    app_size: int
    flash_size: int
    version: str

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclass(frozen=True)
class _Part:
    size: int
    chip_id: int
    flash_size: int


def check(name: str, data: bytes, chip: str) -> Firmware:
    """Look through a merged image. ToolError: names what is wrong with it; see `CHIPS`.

    name   of the file, for messages
    """
    if chip not in CHIPS:
        raise ToolError(f"{name}: board.toml says chip {chip!r}: known are {', '.join(CHIPS)}")
    start = CHIPS[chip][1]
    boot = _part(name, "boot loader", data, 0)
    _check_chip(name, boot, chip)
    at = TABLE_OFFSET - start
    if boot.size > at:
        raise ToolError(
            f"{name}: its first image has {boot.size:#x} bytes, a boot loader at most {at:#x}:"
            f" {_WHOLE}"
        )
    table = partitions.decode(data[at : at + TABLE_SIZE])
    apps = [p for p in table or () if p.kind == "app"]
    if not apps:
        raise ToolError(f"{name}: no partition table at {TABLE_OFFSET:#x}: {_WHOLE}")
    app_at = apps[0].offset
    app = _part(name, "application", data, app_at - start)
    _check_chip(name, app, chip)
    version = _version(name, data, app_at - start)
    return Firmware(name, data, start, boot.size, app_at, app.size, boot.flash_size, version)


def fit(firmware: Firmware, table: list[Partition]) -> None:
    """ToolError: this table cannot stand over this image."""
    where = f"{firmware.name} under the board's table"
    end = firmware.app_at + firmware.app_size
    for p in table:
        if p.kind != "app" and p.offset < end and p.offset + p.size > firmware.app_at:
            raise ToolError(
                f"{where}: {p.name} at {p.offset:#x} overlaps the application, which fills"
                f" {firmware.app_at:#x} to {end:#x}: move it in board.toml, nothing was written"
            )
    app = next((p for p in table if p.kind == "app"), None)
    if app is None or app.offset != firmware.app_at:
        seen = "none" if app is None else f"one at {app.offset:#x}"
        raise ToolError(
            f"{where}: application at {firmware.app_at:#x}, app partition: {seen}: correct"
            " board.toml"
        )
    if app.size < firmware.app_size:
        raise ToolError(
            f"{where}: application of {firmware.app_size:#x} bytes, {app.name} has {app.size:#x}:"
            " take a smaller firmware"
        )
    last = max(p.offset + p.size for p in table)
    if last > firmware.flash_size:
        raise ToolError(
            f"{where}: it ends at {last:#x}, the image is made for a flash of"
            f" {firmware.flash_size // _MB} MB: take the firmware for {-(-last // _MB)} MB"
        )


def with_table(firmware: Firmware, table: list[Partition]) -> bytes:
    """-> the image with that table, from `start` to the end of the application, in sectors.

    Between table and application stands FF, as in the original.
    """
    at = TABLE_OFFSET - firmware.start
    end = firmware.app_at + firmware.app_size
    made = bytearray(firmware.data[: end - firmware.start])
    made[at : at + _SECTOR] = partitions.encode(table).ljust(_SECTOR, b"\xff")
    return bytes(made.ljust(-(-len(made) // _SECTOR) * _SECTOR, b"\xff"))


def _part(name: str, what: str, data: bytes, at: int) -> _Part:
    """Walk one image inside the file. ToolError: it is cut short or damaged."""
    where = f"{name}: {what}"
    header = _cut(where, data, at, _HEADER.size)
    magic, segments, _, size_freq, _, chip_id, _, _, _, hashed = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise ToolError(
            f"{where}: begins with {magic:#04x}, expected {_MAGIC:#04x}: is it a firmware"
            " for this chip?"
        )
    if not 0 < segments <= _SEGMENTS_MAX:
        raise ToolError(f"{where}: {segments} segments, expected 1 to {_SEGMENTS_MAX}: {_AGAIN}")
    end, checksum = at + _HEADER.size, _CHECKSUM_SEED
    for _ in range(segments):
        _, size = _SEGMENT.unpack(_cut(where, data, end, _SEGMENT.size))
        checksum ^= _xor(_cut(where, data, end + _SEGMENT.size, size))
        end += _SEGMENT.size + size
    end = at + ((end - at) // 16 + 1) * 16  # the checksum is the last byte of a row of 16
    seen = _cut(where, data, end - 1, 1)[0]
    if seen != checksum:
        raise ToolError(f"{where}: checksum {seen:#04x}, expected {checksum:#04x}: {_AGAIN}")
    if hashed:
        if _cut(where, data, end, _DIGEST_SIZE) != hashlib.sha256(data[at:end]).digest():
            raise ToolError(f"{where}: its SHA-256 is not that of its bytes: {_AGAIN}")
        end += _DIGEST_SIZE
    return _Part(end - at, chip_id, _MB << (size_freq >> 4))


def _cut(where: str, data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise ToolError(
            f"{where}: the file ends at byte {len(data)}, expected at least {at + size}: {_AGAIN}"
        )
    return data[at : at + size]


def _xor(data: bytes) -> int:
    """-> all bytes XORed: folded in halves, as a loop over a megabyte is slow."""
    value, size = int.from_bytes(data, "little"), len(data)
    while size > 1:
        half = (size + 1) // 2
        value = (value >> 8 * half) ^ (value & ((1 << 8 * half) - 1))
        size = half
    return value


def _check_chip(name: str, part: _Part, chip: str) -> None:
    if part.chip_id != CHIPS[chip][0]:
        names = {number: known for known, (number, _) in CHIPS.items()}
        seen = names.get(part.chip_id, f"chip id {part.chip_id}")
        raise ToolError(f"{name}: made for {seen}, the board has {chip}: take its firmware")


def _version(name: str, data: bytes, at: int) -> str:
    """-> the version in the application's descriptor. ToolError: another program, or too old."""
    magic, version, project = _DESCRIPTION.unpack_from(data, at + _DESCRIPTION_AT)
    if magic != _DESCRIPTION_MAGIC:
        raise ToolError(f"{name}: the application has no descriptor: take one of micropython.org")
    program, text = _text(project), _text(version)
    if program != "micropython":
        raise ToolError(f"{name}: holds {program!r}, expected 'micropython': take its firmware")
    match = re.match(r"v?(\d+)\.(\d+)(\.0-preview)?", text)
    wanted = f"{VERSION_MIN[0]}.{VERSION_MIN[1]}"
    if match is None:
        raise ToolError(f"{name}: version {text!r}, expected a release from {wanted} on: take one")
    number = (int(match[1]), int(match[2]))
    if number < VERSION_MIN or (number == VERSION_MIN and match[3]):
        raise ToolError(
            f"{name}: MicroPython {text}, expected {wanted} or newer: take a newer one"
        )
    return text


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("ascii", "replace")
