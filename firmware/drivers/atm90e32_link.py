"""Transfers to an ATM90E32AS: one register a frame, one frame a chip select (DS 4.2)."""

from meter.compat import const
from meter.errors import MeterError

_TRIES = const(4)  # transfers until one is believed; more would only wait for a broken bus


class Link:
    """spi   mode 3, at most 900 kHz; `write(buf)`, `write_readinto(out, in)`
    cs    callable pin, 0 selects

    last  what the chip's LastSPIData holds as far as we know; 0 is a promise
    """

    def __init__(self, spi, cs):
        self._spi, self._cs = spi, cs
        self._frame = bytearray(4)
        self.last = 1

    def get(self, register):
        """One read, no allocation. -> 0 to 65535. OSError: bus fault."""
        frame = self._frame
        frame[0], frame[1] = 0x80, register
        frame[2], frame[3] = 0xFF, 0xFF  # what is left of them was never sent
        self.last = 1
        self._cs(1)  # a transfer that was broken off may have left it low, and edges frame
        self._cs(0)
        try:
            self._spi.write_readinto(frame, frame)
        finally:
            self._cs(1)
        value = frame[2] << 8 | frame[3]
        self.last = value
        return value

    def put(self, register, value):
        """One write; the chip obeys at the rising edge, after exactly 32 clocks."""
        frame = self._frame
        frame[0], frame[1] = 0, register
        frame[2], frame[3] = value >> 8, value & 0xFF
        self.last = 1
        self._cs(1)
        self._cs(0)
        try:
            self._spi.write(frame)
        finally:
            self._cs(1)

    def reads(self, register, value):
        """-> bool; one transfer that fails proves nothing, so a difference is read again."""
        for _ in range(_TRIES):  # noqa: SIM110 - a generator would allocate
            if self.get(register) == value:
                return True
        return False

    def write(self, register, value, stage):
        """Write and read back. MeterError names the stage."""
        for _ in range(_TRIES):
            self.put(register, value)
            if self.get(register) == value:
                return
        self.expect(register, value, stage)

    def expect(self, register, value, stage):
        """MeterError: the register does not read as `value`; it names the stage."""
        if not self.reads(register, value):
            seen = self.get(register)
            where = f"atm90e32: {stage}: register 0x{register:02x}"
            raise MeterError(f"{where} read 0x{seen:04x}, expected 0x{value:04x}: check wiring")
