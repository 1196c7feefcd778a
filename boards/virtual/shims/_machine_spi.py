"""machine.SPI (hardware buses 1 and 2).  Behaviour: extmod/machine_spi.c, ports/esp32."""

import _board
import _esp
from uctypes import addressof

_transfer = _board.spi


class SPI:
    MSB = 0
    LSB = 1

    def __init__(self, id, baudrate=500000, **kwargs):
        if id not in (1, 2):
            raise ValueError("SPI(" + str(id) + ") doesn't exist")
        self._id = id
        self._live = False
        self._mode = [0, 0, 8, 0]
        self.init(baudrate, **kwargs)

    def init(self, baudrate=-1, *, polarity=-1, phase=-1, bits=-1, firstbit=-1, **pins):
        for name in pins:
            if name not in ("sck", "mosi", "miso"):
                raise TypeError("extra keyword arguments given")
        for i, given in enumerate((polarity, phase, bits, firstbit)):
            if given != -1:
                self._mode[i] = given
        polarity, phase, bits, firstbit = self._mode
        mode = polarity << 1 | phase
        _esp.call(do="spi_setup", id=self._id, mode=mode, bits=bits, lsb=firstbit, hz=baudrate)
        self._live = True

    def deinit(self):
        self._live = False

    def _move(self, tx, rx, n, fill=0):
        if not self._live:
            raise OSError("transfer on deinitialized SPI")
        if n:
            _esp.answer(_transfer(self._id, tx, rx, n, fill))

    def write(self, buf):
        self._move(addressof(buf), 0, len(buf))

    def read(self, nbytes, write=0):
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def readinto(self, buf, write=0):
        self._move(0, addressof(buf), len(buf), write)

    def write_readinto(self, write_buf, read_buf):
        n = len(write_buf)
        if len(read_buf) != n:
            raise ValueError("buffers must be the same length")
        self._move(addressof(write_buf), addressof(read_buf), n)
