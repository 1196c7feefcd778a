"""A flash port around another: counts, and breaks sectors on request."""

from meter.errors import MeterError


class WatchedFlash:
    """bytes_read programs erases   since `clear`
    erased     counts by sector
    stuck      sectors that neither program nor erase: silently, or with an error if `loud`
    """

    def __init__(self, flash):
        self._flash = flash
        self.sector_size, self.sectors = flash.sector_size, flash.sectors
        self.erased = [0] * flash.sectors
        self.stuck, self.loud = set(), False
        self.clear()

    def clear(self):
        self.reads = self.bytes_read = self.programs = self.bytes_programmed = self.erases = 0

    def read(self, at, buf):
        self.reads += 1
        self.bytes_read += len(buf)
        self._flash.read(at, buf)

    def program(self, at, buf):
        self.programs += 1
        self.bytes_programmed += len(buf)
        if not self._is_stuck(at // self.sector_size):
            self._flash.program(at, buf)

    def erase(self, sector):
        self.erases += 1
        self.erased[sector] += 1
        if not self._is_stuck(sector):
            self._flash.erase(sector)

    def _is_stuck(self, sector):
        if sector in self.stuck and self.loud:
            raise MeterError(f"flash sector {sector}: timeout: replace the flash")
        return sector in self.stuck
