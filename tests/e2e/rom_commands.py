"""The commands of an ESP32's serial loader: bytes of one frame in, those of its reply out.

Commands and their status bytes after Espressif, "Serial Protocol" (esptool's documentation).
"""

import hashlib
import struct
import zlib

SECTOR_SIZE = 4096
_SYNC_REPLIES = 8
_SYNC_BODY = b"\x07\x07\x12\x20" + 32 * b"\x55"
_ROM_SYNC_VALUE = 0x20120707  # the stub says 0, which is how esptool knows it
_READ_SLOW_SIZE = 64  # the ROM's answer to READ_FLASH_SLOW
_CHECKSUM_SEED = 0xEF

# Second status byte of a refusal
BAD_MESSAGE, FAILED, BAD_CHECKSUM, BAD_LENGTH, BAD_DEFLATE = 0x05, 0x06, 0x07, 0x0A, 0x0B


class Refused(Exception):
    """code: what the status says"""

    def __init__(self, code):
        self.code = code


class Loader:
    """flash       rom_chip.Flash
    registers   rom_chip.Registers

    served   names of the commands that were done, in their order, for a test to look at
    """

    def __init__(self, flash, registers):
        self.flash, self._registers = flash, registers
        self.served = []

    def session(self, slip):
        """From reset until the host hangs up (HungUp), or Stopped."""
        self.is_stub = self._attached = False
        self._size = self.flash.size
        self._ram_left = 0
        self._write = None
        while True:
            self._answer(slip, slip.receive())

    def _answer(self, slip, frame):
        if len(frame) < 8 or frame[0] != 0:
            return
        _, op, size, checksum = struct.unpack_from("<BBHI", frame)
        name = _COMMANDS.get(op) or (_STUB_COMMANDS.get(op) if self.is_stub else None)
        value, data, status = 0, b"", b"\0\0"
        try:
            if name is None or size != len(frame) - 8:
                raise Refused(BAD_MESSAGE)
            value, data = getattr(self, "_" + name)(frame[8:], checksum) or (0, b"")
            self.served.append(name)
        except Refused as refused:
            status = bytes((1, refused.code))
        except struct.error:
            status = bytes((1, BAD_MESSAGE))
        if not self.is_stub or name == "mem_end":
            status += b"\0\0"
        reply = struct.pack("<BBHI", 1, op, len(data) + len(status), value) + data + status
        for _ in range(_SYNC_REPLIES if name == "sync" else 1):
            slip.send(reply)
        if status[0] == 0:
            self._after(name, slip)

    def _after(self, name, slip):
        """What follows a reply."""
        if name == "mem_end" and self.is_stub:
            slip.send(b"OHAI")
        elif name == "read_flash":
            self._stream(slip)

    # registers and RAM

    def _sync(self, body, _checksum):
        if body != _SYNC_BODY:
            raise Refused(BAD_MESSAGE)
        return (0 if self.is_stub else _ROM_SYNC_VALUE), b""

    def _read_reg(self, body, _checksum):
        return self._registers.read(*struct.unpack("<I", body)), b""

    def _write_reg(self, body, _checksum):
        for at, value, mask, _delay_us in struct.iter_unpack("<IIII", body):
            self._registers.write(at, value, mask)

    def _mem_begin(self, body, _checksum):
        self._ram_left, _blocks, _size, _offset = struct.unpack("<IIII", body)

    def _mem_data(self, body, checksum):
        _, data = _block(body, checksum)
        if len(data) > self._ram_left:
            raise Refused(BAD_LENGTH)
        self._ram_left -= len(data)

    def _mem_end(self, body, _checksum):
        stay, entry = struct.unpack("<II", body)
        if self._ram_left:
            raise Refused(FAILED)
        if not stay and entry != 0:
            self.is_stub = self._attached = True  # the stub attaches the flash by itself

    def _change_baudrate(self, body, _checksum):
        struct.unpack("<II", body)  # a pty has no rate

    # flash

    def _spi_attach(self, body, _checksum):
        if len(body) != (4 if self.is_stub else 8):
            raise Refused(BAD_MESSAGE)
        self._attached = True

    def _spi_set_params(self, body, _checksum):
        size = struct.unpack("<IIIIII", body)[1]
        self._size = min(size, self.flash.size)

    def _flash_begin(self, body, _checksum):
        words = "<IIII" if not self.is_stub else "<IIIII"  # the fifth: encrypted
        size, _blocks, block_size, at = struct.unpack(words, body)[:4]
        if size:
            self._in_flash(at, size)
        if not self.is_stub:
            self.flash.erase(at, size)
        self._write = _Write(self.flash, at, block_size, self.is_stub)

    def _flash_data(self, body, checksum):
        seq, data = _block(body, checksum)
        if self._write is None:
            raise Refused(FAILED)
        self._write.put(seq * self._write.block_size, data)

    def _flash_end(self, _body, _checksum):
        self._write = None

    def _flash_defl_begin(self, body, checksum):
        self._flash_begin(body, checksum)
        self._inflate, self._inflated, self._seq = zlib.decompressobj(), 0, 0

    def _flash_defl_data(self, body, checksum):
        seq, data = _block(body, checksum)
        if self._write is None or seq != self._seq:
            raise Refused(FAILED)
        try:
            plain = self._inflate.decompress(data)
        except zlib.error:
            raise Refused(BAD_DEFLATE) from None
        self._write.put(self._inflated, plain)
        self._inflated += len(plain)
        self._seq += 1

    def _spi_flash_md5(self, body, _checksum):
        at, size, _, _ = struct.unpack("<IIII", body)
        self._in_flash(at, size)
        digest = hashlib.md5(self.flash.read(at, size))
        return 0, (digest.digest() if self.is_stub else digest.hexdigest().encode())

    def _read_flash_slow(self, body, _checksum):
        at, size = struct.unpack("<II", body)
        if self.is_stub or size > _READ_SLOW_SIZE:
            raise Refused(BAD_LENGTH)
        self._in_flash(at, size)
        return 0, self.flash.read(at, size).ljust(_READ_SLOW_SIZE, b"\0")

    def _erase_flash(self, _body, _checksum):
        self._in_flash(0, self.flash.size)
        self.flash.erase(0, self.flash.size)

    def _erase_region(self, body, _checksum):
        at, size = struct.unpack("<II", body)
        if at % SECTOR_SIZE or size % SECTOR_SIZE:
            raise Refused(BAD_LENGTH)
        self._in_flash(at, size)
        self.flash.erase(at, size)

    def _read_flash(self, body, _checksum):
        self._asked = struct.unpack("<IIII", body)
        self._in_flash(*self._asked[:2])

    def _stream(self, slip):
        """Blocks, acknowledged by the number of bytes that have arrived; then their MD5."""
        at, size, block_size, blocks_ahead = self._asked
        data = self.flash.read(at, size)
        sent = acknowledged = 0
        while acknowledged < size:
            if sent < size and sent - acknowledged < blocks_ahead * block_size:
                slip.send(data[sent : sent + block_size])
                sent = min(size, sent + block_size)
            else:
                (acknowledged,) = struct.unpack("<I", slip.receive())
        slip.send(hashlib.md5(data).digest())

    def _in_flash(self, at, size):
        if not self._attached:
            raise Refused(FAILED)
        if at + size > self._size:
            raise Refused(BAD_LENGTH)


class _Write:
    """Data that arrives for flash. The ROM has erased already, the stub does it as it comes."""

    def __init__(self, flash, at, block_size, erases):
        self._flash, self._at, self.block_size = flash, at, block_size
        self._erased_to = at if erases else None

    def put(self, offset, data):
        at = self._at + offset
        if at + len(data) > self._flash.size:
            raise Refused(BAD_LENGTH)
        while self._erased_to is not None and self._erased_to < at + len(data):
            self._flash.erase(self._erased_to, 1)
            self._erased_to = (self._erased_to // SECTOR_SIZE + 1) * SECTOR_SIZE
        self._flash.program(at, data)


def _block(body, checksum):
    """-> (sequence number, data) of a DATA command."""
    size, seq, _, _ = struct.unpack_from("<IIII", body)
    data = body[16:]
    if size != len(data):
        raise Refused(BAD_LENGTH)
    seen = _CHECKSUM_SEED
    for byte in data:
        seen ^= byte
    if seen != checksum & 0xFF:
        raise Refused(BAD_CHECKSUM)
    return seq, data


_COMMANDS = {
    0x02: "flash_begin",
    0x03: "flash_data",
    0x04: "flash_end",
    0x05: "mem_begin",
    0x06: "mem_end",
    0x07: "mem_data",
    0x08: "sync",
    0x09: "write_reg",
    0x0A: "read_reg",
    0x0B: "spi_set_params",
    0x0D: "spi_attach",
    0x0E: "read_flash_slow",
    0x0F: "change_baudrate",
    0x10: "flash_defl_begin",
    0x11: "flash_defl_data",
    0x12: "flash_end",
    0x13: "spi_flash_md5",
}
_STUB_COMMANDS = {0xD0: "erase_flash", 0xD1: "erase_region", 0xD2: "read_flash"}
