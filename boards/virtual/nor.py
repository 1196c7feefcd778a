"""NOR flash at the level of its bits: the flash port, and the faults that a journal must bear.

Programming can only clear bits; only an erase of a whole sector sets them. Power may go
between any two bytes of a program and in the midst of an erase. After a cut every call
raises PowerCut until `power_on()`. Not modelled: wear-out and bits that are neither 0 nor 1;
a torn byte (`torn_mask`) and an erase that stops half-way stand for those.
"""

SECTOR_SIZE = 4096
_PAGE = 256  # an erase goes in steps of this
_STEPS_PER_ERASE = SECTOR_SIZE // _PAGE


class PowerCut(Exception):
    """The supply went in the midst of an operation."""


class Nor:
    """sectors   of 4096 bytes
    path      file that holds the bytes, written through; None: RAM only

    cut_after     steps until the power goes, or None. A programmed byte is a step, an erase
                  is 16; a cut at 0 comes before the next step
    torn_mask     bits of the byte at the cut that are programmed nevertheless
    fail          set of "read", "program", "erase": operations that the chip reports as failed

    reads programs erases   operations done; bytes_read bytes_programmed; erase_counts by sector
    changed_bits_refused    0 bits that a program asked to set, which NOR cannot
    """

    sector_size = SECTOR_SIZE

    def __init__(self, sectors, path=None):
        self.sectors = sectors
        self.cut_after = None
        self.torn_mask = 0
        self.fail = set()
        self.reads = self.programs = self.erases = 0
        self.bytes_read = self.bytes_programmed = self.changed_bits_refused = 0
        self.erase_counts = [0] * sectors
        self._dead = False
        self._os = self._fd = None
        if path is None:
            self._bytes = bytearray(b"\xff" * (sectors * SECTOR_SIZE))
        else:
            self._open(path)

    def _open(self, path):
        import os  # not all of it exists in MicroPython, which uses the RAM form

        self._os = os
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        size = self.sectors * SECTOR_SIZE
        found = os.lseek(self._fd, 0, os.SEEK_END)
        if found not in (0, size):
            os.close(self._fd)
            raise ValueError(f"flash: {path} has {found} bytes, expected {size}: delete it")
        if not found:
            os.pwrite(self._fd, b"\xff" * size, 0)
        self._bytes = bytearray(os.pread(self._fd, size, 0))

    def close(self):
        if self._fd is not None:
            self._os.close(self._fd)
            self._fd = None

    def power_on(self):
        """Supply is back; nothing is armed any more."""
        self._dead = False
        self.cut_after = None

    def read(self, at, buf):
        """Fill `buf` from address `at`."""
        self._begin("read", at, len(buf))
        buf[:] = self._bytes[at : at + len(buf)]
        self.reads += 1
        self.bytes_read += len(buf)

    def program(self, at, buf):
        """AND `buf` into what is there."""
        size = len(buf)
        self._begin("program", at, size)
        old = int.from_bytes(self._bytes[at : at + size], "little")
        asked = int.from_bytes(bytes(buf), "little")
        if asked & ~old:
            self.changed_bits_refused += bin(asked & ~old).count("1")
        new = (old & asked).to_bytes(size, "little")
        whole = self._steps(size)
        if whole < size:
            torn = self._bytes[at + whole] & (new[whole] | (0xFF ^ self.torn_mask))
            new = new[:whole] + bytes([torn])
        self._store(at, new)
        self.bytes_programmed += whole
        if whole < size:
            raise PowerCut
        self.programs += 1

    def erase(self, sector):
        """All bits of the sector to 1; a cut leaves it erased up to a page."""
        at = sector * SECTOR_SIZE
        self._begin("erase", at, SECTOR_SIZE)
        whole = self._steps(_STEPS_PER_ERASE)
        self._store(at, b"\xff" * (whole * _PAGE))
        if whole:
            self.erase_counts[sector] += 1
        if whole < _STEPS_PER_ERASE:
            raise PowerCut
        self.erases += 1

    def _begin(self, what, at, size):
        assert at >= 0, "outside of the partition"
        assert at + size <= self.sectors * SECTOR_SIZE, "outside of the partition"
        if self._dead:
            raise PowerCut
        if what in self.fail:
            from meter.errors import MeterError

            raise MeterError(f"flash: {what} at 0x{at:x}: the chip reports a failure: replace it")

    def _steps(self, wanted):
        """-> how many of the steps are done before the power goes."""
        if self.cut_after is None:
            return wanted
        done = min(wanted, self.cut_after)
        self.cut_after -= done
        self._dead = done < wanted
        return done

    def _store(self, at, data):
        self._bytes[at : at + len(data)] = data
        if self._fd is not None and data:
            self._os.pwrite(self._fd, data, at)
