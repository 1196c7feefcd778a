"""Transfers to an ADE7953: one register a frame, one frame a chip select (DS "SPI Interface").

A frame is the address, 16 bits; 80h to read or 00h to write; the data, as wide as the address
says: 0xx 8 bits, 1xx 16, 2xx 24, 3xx the same registers in 32.
"""

from meter.compat import const
from meter.errors import MeterError

_READ = const(0x80)
_TRIES = const(4)  # transfers until one is believed; more would only wait for a broken bus


class Link:
    """spi   mode 0, at most 2 MHz; `write(buf)`, `write_readinto(out, in)`
    cs    callable pin, 0 selects

    latest   register of the newest transfer, but for the registers that tell of the newest
    """

    def __init__(self, spi, cs):
        self._spi, self._cs = spi, cs
        self._frame = bytearray(7)
        view = memoryview(self._frame)
        self._views = view[:4], view[:5], view[:6], view[:7]
        self.latest = 0

    def get(self, register):
        """One read; no allocation up to 24 bits. -> int, unsigned. OSError: bus fault."""
        self._read(register)
        value = 0
        for i in range(3, 4 + (register >> 8)):
            value = value << 8 | self._frame[i]
        return value

    def holds(self, register, expected):
        """-> bool: a 32-bit register reads as these 4 bytes, without allocation."""
        self._read(register)
        for i in range(4):  # noqa: SIM110 - a generator would allocate
            if self._frame[3 + i] != expected[i]:
                return False
        return True

    def raw(self, register):
        """-> the bytes of a register."""
        self._read(register)
        return bytes(self._frame[3 : 4 + (register >> 8)])

    def _read(self, register):
        frame = self._frame
        for i in range(3, 7):
            frame[i] = 0xFF  # what is left of them was never sent
        frame[0], frame[1], frame[2] = register >> 8, register & 0xFF, _READ
        self._note(register)
        view = self._views[register >> 8]
        self._cs(1)  # a transfer that was broken off may have left it low, and edges frame
        self._cs(0)
        try:
            self._spi.write_readinto(view, view)
        finally:
            self._cs(1)

    def put(self, register, value, sleep_ms=None):
        """One write. sleep_ms: keeps the chip selected for a while after it, as what locks the
        interface must be (DS: 1.2 us)."""
        frame, size = self._frame, register >> 8
        frame[0], frame[1], frame[2] = register >> 8, register & 0xFF, 0
        for i in range(size, -1, -1):
            frame[3 + i] = value & 0xFF
            value >>= 8
        self._note(register)
        self._cs(1)
        self._cs(0)
        try:
            self._spi.write(self._views[size])
            if sleep_ms:
                sleep_ms(1)
        finally:
            self._cs(1)

    def _note(self, register):
        if register & 0xFC != 0xFC:
            self.latest = register

    def reads(self, register, value):
        """-> bool; one transfer that fails proves nothing, so a difference is read again."""
        for _ in range(_TRIES):  # noqa: SIM110 - a generator would allocate
            if self.get(register) == value:
                return True
        return False

    def agreed(self, register):
        """-> what two reads in a row agree on. MeterError: no two do."""
        before = self.get(register)
        for _ in range(_TRIES):
            value = self.get(register)
            if value == before:
                return value
            before = value
        raise MeterError(
            f"ade7953: register 0x{register:03x} reads 0x{before:x}, never twice: check wiring"
        )
