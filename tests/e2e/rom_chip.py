"""What an ESP32's loader reaches: its flash, and the registers that tell who it is.

Addresses and fields after the ESP32 Technical Reference Manual: eFuse controller, SPI controller.
"""

import struct

from boards.virtual.nor import SECTOR_SIZE, Nor

FLASH_SIZE = 0x400000
MAGIC = {"esp32": 0x00F01D83, "esp32s2": 0x000007C6}  # of the ROM, at _MAGIC_AT
_MAGIC_AT = 0x40001000
_UART_CLKDIV, _RTC_CALIBRATION = 0x3FF40014, 0x3FF5F06C
_EFUSE, _APB_DATE = 0x3FF5A000, 0x3FF6607C
_SPI, _SPI_W0, _SPI_USR2 = 0x3FF42000, 0x3FF42080, 0x3FF42024
_SPI_USR = 1 << 18  # of SPI_CMD_REG: start; the chip clears it
_FLASH_ID = 0x1640EF  # Winbond W25Q32: 4 MB; the maker's byte comes first
_RDID = 0x9F


class Flash:
    """A flash of FLASH_SIZE bytes out of NOR models.

    path    file of the whole; made, all FF, if it is not there
    parts   {address: (size, file)}: ranges whose bytes are in a file of their own
    """

    size = FLASH_SIZE

    def __init__(self, path, parts=None):
        sizes = {0: (FLASH_SIZE, path), **(parts or {})}
        self._nors = [
            (at, at + size, Nor(size // SECTOR_SIZE, str(file)))
            for at, (size, file) in sizes.items()
        ]

    def close(self):
        for _, _, nor in self._nors:
            nor.close()

    def nor(self, at):
        """-> (model, address in it): the part has its range, the whole the rest."""
        for start, end, nor in reversed(self._nors):
            if start <= at < end:
                return nor, at - start
        raise ValueError(f"{at:#x} is behind the flash")

    def read(self, at, size):
        """-> bytes"""
        data = bytearray(size)
        for start, stop in _by_sector(at, size):
            nor, offset = self.nor(start)
            piece = bytearray(stop - start)
            nor.read(offset, piece)
            data[start - at : stop - at] = piece
        return bytes(data)

    def program(self, at, data):
        """AND the bytes into what is there."""
        for start, stop in _by_sector(at, len(data)):
            nor, offset = self.nor(start)
            nor.program(offset, data[start - at : stop - at])

    def erase(self, at, size):
        """Erase every sector that the range touches."""
        for start, _ in _by_sector(at, size):
            nor, offset = self.nor(start)
            nor.erase(offset // SECTOR_SIZE)


class Registers:
    """An ESP32-D0WD-V3, revision 3.0, on a crystal of 40 MHz; others by the `magic` of their ROM.

    mac     6 bytes, in the eFuses
    """

    def __init__(self, magic=MAGIC["esp32"], mac=b"\xa0\xb7\x65\x00\x12\x34"):
        high, low = struct.unpack(">HI", mac)
        self._values = {
            _MAGIC_AT: magic,
            _EFUSE + 4: low,
            _EFUSE + 8: high,
            _EFUSE + 12: 1 << 15 | 1 << 9,  # revision bit 0, package D0WD
            _EFUSE + 16: 128,  # of the internal 8 MHz clock, with _RTC_CALIBRATION: 40 MHz
            _EFUSE + 20: 1 << 20,  # revision bit 1
            _APB_DATE: 1 << 31,  # revision bit 2
            _UART_CLKDIV: 347,  # 40 MHz by 115200
            _RTC_CALIBRATION: 800 << 7,
        }

    def read(self, at):
        return self._values.get(at, 0)

    def write(self, at, value, mask):
        self._values[at] = self.read(at) & ~mask | value & mask
        if at == _SPI and value & _SPI_USR:
            command = self.read(_SPI_USR2) & 0xFF
            self._values[_SPI_W0] = _FLASH_ID if command == _RDID else 0
            self._values[_SPI] = 0


def _by_sector(at, size):
    end = at + size
    while at < end:
        stop = min(end, (at // SECTOR_SIZE + 1) * SECTOR_SIZE)
        yield at, stop
        at = stop
