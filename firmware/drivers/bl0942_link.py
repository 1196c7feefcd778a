"""Transfers to a BL0942 over SPI: 48 clocks, the last 8 a checksum over the others (DS 3.1)."""

from meter.compat import const
from meter.errors import MeterError

_READ = const(0x58)
_WRITE = const(0xA8)
_USR_WRPROT = const(0x1D)  # 55h lets the registers from 12h on be written
_UNLOCK_CODE = const(0x55)
_TRIES = const(4)  # transfers until one is believed; more would only wait for a broken bus
# Six FFh begin a new frame (DS 3.1.4); five bytes before them let it end a reply that it may be
# in, as it is not said whether it listens then.
_RESYNC = b"\x00" * 5 + b"\xff" * 6
_FIRST_FIELD = const(0x12)
# Bits of the registers 12h to 1Ah; what a chip shows in those above is not documented.
_FIELD_BITS = b"\x08\x00\x08\x10\x03\x02\x06\x0a\x02"


class Link:
    """spi   mode 1, at most 900 kHz; `write(buf)`, `write_readinto(out, in)`
    cs    callable pin, 0 selects; the 10-pin package has no such pin and ignores it

    relocks   the write protection has closed by itself, so it is opened before each write
    """

    def __init__(self, spi, cs):
        self._spi, self._cs = spi, cs
        self._frame = bytearray(6)
        self.relocks = False

    def get(self, register):
        """-> 24 bits of a register; no allocation. MeterError: no reply has a right checksum.

        What was altered on the way, the request too, is not believed but asked for again.
        """
        frame = self._frame
        for _ in range(_TRIES):
            frame[0], frame[1] = _READ, register
            frame[2] = frame[3] = frame[4] = frame[5] = 0xFF
            self._cs(1)  # a transfer that was broken off may have left it low
            self._cs(0)
            try:
                self._spi.write_readinto(frame, frame)
            finally:
                self._cs(1)
            if (_READ + register + frame[2] + frame[3] + frame[4] + frame[5]) & 0xFF == 0xFF:
                return frame[2] << 16 | frame[3] << 8 | frame[4]
            self.resync()
        seen = frame[2] << 24 | frame[3] << 16 | frame[4] << 8 | frame[5]
        cure = "MISO floating? check wiring and SEL" if seen == 0xFFFFFFFF else "check wiring"
        raise MeterError(
            f"bl0942: register 0x{register:02x} answered 0x{seen:08x}, checksum is wrong: {cure}"
        )

    def field(self, register):
        """-> the bits that a register of the configuration has. MeterError: as `get`."""
        return self.get(register) & (1 << _FIELD_BITS[register - _FIRST_FIELD]) - 1

    def put(self, register, value):
        """One write; the chip tells nothing about it."""
        if self.relocks and register != _USR_WRPROT:
            self.put(_USR_WRPROT, _UNLOCK_CODE)
        frame = self._frame
        frame[0], frame[1] = _WRITE, register
        frame[2], frame[3], frame[4] = value >> 16, value >> 8 & 0xFF, value & 0xFF
        frame[5] = ~(_WRITE + register + frame[2] + frame[3] + frame[4]) & 0xFF
        self._cs(1)
        self._cs(0)
        try:
            self._spi.write(frame)
        finally:
            self._cs(1)

    def resync(self):
        """Make the chip wait for the first byte of a frame, wherever it was."""
        self._cs(0)
        try:
            self._spi.write(_RESYNC)
        finally:
            self._cs(1)

    def unlock(self):
        self.put(_USR_WRPROT, _UNLOCK_CODE)

    def write(self, register, value, stage):
        """Write and read back. MeterError names the stage."""
        seen = -1
        for attempt in range(_TRIES):
            if attempt:
                self.resync()
                self.unlock()
            self.put(register, value)
            seen = self.field(register)
            if seen == value:
                self.relocks = self.relocks or attempt > 0  # or a glitch; then it costs a frame
                return
        where = f"bl0942: {stage}: register 0x{register:02x}"
        raise MeterError(f"{where} read 0x{seen:04x}, expected 0x{value:04x}: check wiring")
