"""A firmware image as ESP32_GENERIC-....bin is built, of a size that a test can afford.

Layout after ESP-IDF, "App Image Format" (esp_image_header_t, esp_app_desc_t) and "Partition
Tables". There is no code in it: a seeded generator fills the segments.
"""

import hashlib
import random
import struct

IMAGE_AT = 0x1000  # in flash, of the first byte of a merged image for ESP32
TABLE_AT, APP_AT = 0x8000, 0x10000
IMAGE_SIZE = 256 * 1024
CHIP_ID = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9}
_HEADER = struct.Struct("<BBBBIB3sHBHH4sB")
_APP_DESC = struct.Struct("<II8s32s32s16s16s32s32sHHB3s72s")
_APP_DESC_MAGIC = 0xABCD5432
_DIO, _4MB_40M = 2, 0x20
_ENTRY = 0x40081000
_DROM, _IRAM = 0x3F400020, 0x40080000
_CHECKSUM_SEED = 0xEF
assert _HEADER.size == 24
assert _APP_DESC.size == 256


def app_image(size, chip="esp32", version="v1.24.1", seed=1, project="micropython"):
    """-> `size` bytes: header, descriptor in the first segment, code, checksum, SHA-256.

    version None: without a descriptor, as a boot loader is. size: a multiple of 16, >= 512.
    """
    noise = random.Random(seed)
    first = b"" if version is None else app_desc(version, project)
    first += noise.randbytes(64)
    fixed = _HEADER.size + 8 + len(first) + 8 + 16 + 32
    second = noise.randbytes(size - fixed)
    head = _header(2, chip)
    body, checksum = b"", _CHECKSUM_SEED
    for at, data in ((_DROM, first), (_IRAM, second)):
        body += struct.pack("<II", at, len(data)) + data
        for byte in data:
            checksum ^= byte
    image = head + body
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    image += hashlib.sha256(image).digest()
    assert len(image) == size, (len(image), size)
    return image


def app_desc(version, project="micropython"):
    """-> the 256 bytes of esp_app_desc_t."""
    return _APP_DESC.pack(
        _APP_DESC_MAGIC,
        0,
        bytes(8),
        version.encode(),
        project.encode(),
        b"12:00:00",
        b"Nov 29 2024",
        b"v5.2.2",
        hashlib.sha256(version.encode()).digest(),
        0,
        0,
        0,
        bytes(3),
        bytes(72),
    )


def stock_table():
    """-> 0xC00 bytes: the table that MicroPython 1.24 ships for 4 MB."""
    rows = (
        (1, 0x02, 0x9000, 0x6000, b"nvs"),
        (1, 0x01, 0xF000, 0x1000, b"phy_init"),
        (0, 0x00, APP_AT, 0x1F0000, b"factory"),
        (1, 0x81, 0x200000, 0x200000, b"vfs"),
    )
    entries = b"".join(
        struct.pack("<2sBBLL16sL", b"\xaa\x50", kind, subtype, at, size, name, 0)
        for kind, subtype, at, size, name in rows
    )
    table = entries + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()
    return table.ljust(0xC00, b"\xff")


def merged_image(chip="esp32", version="v1.24.1", size=IMAGE_SIZE, seed=1, table=None):
    """-> `size` bytes: boot loader, table and application, as one file for IMAGE_AT.

    table   0xC00 bytes; None: the stock one
    """
    boot = app_image(0x4000, chip, None, seed)
    app = app_image(IMAGE_AT + size - APP_AT, chip, version, seed + 1)
    image = boot.ljust(TABLE_AT - IMAGE_AT, b"\xff") + (table or stock_table())
    return image.ljust(APP_AT - IMAGE_AT, b"\xff") + app


def fault(read):
    """What a boot loader finds wrong: None, or a line as the chip would print it.

    read   callable(at, size) -> bytes of the flash
    """
    for at, name in ((IMAGE_AT, "boot loader"), (APP_AT, "app")):
        head = read(at, _HEADER.size)
        if head[0] != 0xE9:
            return f"invalid header: {struct.unpack_from('<I', head)[0]:#010x} ({name})"
        image, checksum = _image_at(read, at, head[1])
        if checksum != image[-1]:
            return f"{name}: checksum does not match"
        if hashlib.sha256(image).digest() != read(at + len(image), 32):
            return f"{name}: SHA-256 does not match"
    table = read(TABLE_AT, 0xC00)
    end = 0
    while table[end : end + 2] == b"\xaa\x50":
        end += 32
    if table[end + 16 : end + 32] != hashlib.md5(table[:end]).digest():
        return "partition table: MD5 does not match"
    return None


def partition(read, name):
    """-> (at, size) in the table of that flash, or None."""
    table = read(TABLE_AT, 0xC00)
    for i in range(0, len(table), 32):
        if table[i : i + 2] == b"\xaa\x50":
            at, size, label = struct.unpack_from("<LL16s", table, i + 4)
            if label.rstrip(b"\0") == name.encode():
                return at, size
    return None


def _header(segments, chip):
    return _HEADER.pack(
        *(0xE9, segments, _DIO, _4MB_40M, _ENTRY, 0xEE, bytes(3), CHIP_ID[chip]),
        *(0, 0, 0xFFFF if chip != "esp32" else 399, bytes(4), 1),
    )


def _image_at(read, at, segments):
    """-> (bytes up to the checksum, checksum of the segments as it should be)"""
    end, checksum = at + _HEADER.size, _CHECKSUM_SEED
    for _ in range(segments):
        _, size = struct.unpack("<II", read(end, 8))
        if size > 0x1F0000:
            return b"\0", None
        for byte in read(end + 8, size):
            checksum ^= byte
        end += 8 + size
    return read(at, (end - at) // 16 * 16 + 16), checksum
