"""NOR flash at the level of its bits: the flash port, and the faults that a journal must bear.

Programming can only clear bits; only an erase of a whole sector sets them. Power may go
between any two bytes of a program and in the midst of an erase; `tear` says what that leaves
(boards/virtual/nor_faults.py). After a cut every call raises PowerCut until `power_on()`.
Not modelled: wear-out.
"""

SECTOR_SIZE = 4096
ROW_SIZE = 32  # what an encrypted flash programs as one: only once between two erases
_PAGE = 256  # an erase goes in steps of this
_STEPS_PER_ERASE = SECTOR_SIZE // _PAGE


class PowerCut(Exception):
    """The supply went in the midst of an operation."""


class Nor:
    """sectors   of 4096 bytes
    path      file that holds the bytes, written through; None: RAM only

    cut_after     steps until the power goes, or None. A programmed byte is a step, an erase
                  is 16; a cut at 0 comes before the next step
    tear          a nor_faults.Tear, or None: bytes stop at the cut, and an erase at a page
    torn_mask     without a tear: bits of the byte at the cut that are programmed nevertheless
    fail          set of "read", "program", "erase": operations that the chip reports as failed
    fail_read_in  reads until one fails once, or None
    stuck_programs stuck_erases   sectors that do not; silently, or with an error if `loud`
    unstable      what nor_faults leaves behind: bits that are neither 0 nor 1

    reads programs erases   operations done; bytes_read bytes_programmed; erase_counts by sector
    changed_bits_refused    0 bits that a program asked to set, which NOR cannot
    rows_again    rows of 32 bytes programmed a second time without an erase, zeros left out
    torn_again    the same, where a cut had stopped the first time
    """

    sector_size = SECTOR_SIZE

    def __init__(self, sectors, path=None):
        self.sectors = sectors
        self.cut_after = self.tear = self.fail_read_in = None
        self.torn_mask, self.loud = 0, False
        self.fail = set()
        self.stuck_programs, self.stuck_erases, self.unstable = set(), set(), []
        self.reads = self.programs = self.erases = 0
        self.bytes_read = self.bytes_programmed = self.changed_bits_refused = 0
        self.rows_again = self.torn_again = 0
        self.erase_counts = [0] * sectors
        self._rows, self._torn = [0] * sectors, [0] * sectors  # a bit a row since the erase
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

    def image(self):
        """-> what the cells hold, for `restore`; unstable bits are not in it."""
        return bytes(self._bytes), tuple(self._rows), tuple(self._torn), tuple(self.erase_counts)

    def restore(self, image):
        """Be as at the time of that image, all counters at 0 but erase_counts, nothing armed."""
        self._bytes[:] = image[0]
        self._rows, self._torn, self.erase_counts = list(image[1]), list(image[2]), list(image[3])
        self.reads = self.programs = self.erases = 0
        self.bytes_read = self.bytes_programmed = self.changed_bits_refused = 0
        self.rows_again = self.torn_again = 0
        self.unstable = []
        self.fail_read_in = None
        self.power_on()

    def read(self, at, buf):
        """Fill `buf` from address `at`."""
        self._begin("read", at, len(buf))
        buf[:] = self._bytes[at : at + len(buf)]
        for bits in self.unstable:
            bits.show(at, buf)
        self.reads += 1
        self.bytes_read += len(buf)

    def program(self, at, buf):
        """AND `buf` into what is there."""
        size = len(buf)
        self._begin("program", at, size)
        if self._is_stuck(self.stuck_programs, at // SECTOR_SIZE):
            return
        before = bytes(self._bytes[at : at + size])
        old, asked = int.from_bytes(before, "little"), int.from_bytes(bytes(buf), "little")
        if asked & ~old:
            self.changed_bits_refused += bin(asked & ~old).count("1")
        new = (old & asked).to_bytes(size, "little")
        whole = self._steps(size)
        if whole:
            self._note_rows(at, size, whole < size, asked)
        self.bytes_programmed += whole
        if self.unstable:
            self.unstable = [bits for bits in self.unstable if bits.settle(at, buf[:whole])]
        if whole < size:
            self._stop_program(at, before, new, whole)
            raise PowerCut
        self.put(at, new)
        self.programs += 1

    def erase(self, sector):
        """All bits of the sector to 1; a cut leaves it erased up to a page."""
        at = sector * SECTOR_SIZE
        self._begin("erase", at, SECTOR_SIZE)
        if self._is_stuck(self.stuck_erases, sector):
            return
        whole = self._steps(_STEPS_PER_ERASE)
        if whole:
            self.erase_counts[sector] += 1
            self.unstable = [b for b in self.unstable if not at <= b.at < at + SECTOR_SIZE]
        if whole < _STEPS_PER_ERASE:
            if whole:
                self._torn[sector] |= self._rows[sector]
                self._rows[sector] = 0
            if whole and self.tear is not None:
                before = bytes(self._bytes[at : at + SECTOR_SIZE])
                self.tear.cut_erase(self, sector, before, whole)
            else:
                self.put(at, b"\xff" * (whole * _PAGE))
            raise PowerCut
        self.put(at, b"\xff" * SECTOR_SIZE)
        self._rows[sector] = self._torn[sector] = 0
        self.erases += 1

    def put(self, at, data):
        """Set bytes whatever was there: a fault, not an operation."""
        self._bytes[at : at + len(data)] = data
        if self._fd is not None and data:
            self._os.pwrite(self._fd, data, at)

    def peek(self, at, size):
        """-> the bytes that the cells hold, not counted as a read."""
        return bytes(self._bytes[at : at + size])

    def _stop_program(self, at, before, new, whole):
        if self.tear is not None:
            if whole:
                self.tear.cut_program(self, at, before, new, whole)
            return
        torn = before[whole] & (new[whole] | (0xFF ^ self.torn_mask))
        self.put(at, new[:whole] + bytes([torn]))

    def _note_rows(self, at, size, is_cut, asked):
        """Count rows that were programmed before, and remember these. Zeros may go anywhere."""
        end = at + size
        while at < end:
            sector, offset = at // SECTOR_SIZE, at % SECTOR_SIZE
            stop = min(end - at + offset, SECTOR_SIZE)
            count = (stop + ROW_SIZE - 1) // ROW_SIZE - offset // ROW_SIZE
            rows = ((1 << count) - 1) << offset // ROW_SIZE
            again, torn = rows & self._rows[sector], rows & self._torn[sector]
            if asked and again | torn:
                self.rows_again += bin(again).count("1")
                self.torn_again += bin(torn & ~again).count("1")
            if is_cut:
                self._torn[sector] |= rows
            else:
                self._rows[sector] |= rows
            at += stop - offset

    def _begin(self, what, at, size):
        assert at >= 0, "outside of the partition"
        assert at + size <= self.sectors * SECTOR_SIZE, "outside of the partition"
        if self._dead:
            raise PowerCut
        failed = what in self.fail
        if what == "read" and self.fail_read_in is not None:
            self.fail_read_in -= 1
            if self.fail_read_in < 0:
                self.fail_read_in, failed = None, True
        if failed:
            self._report(what, at)

    def _is_stuck(self, stuck, sector):
        if self.loud and sector in stuck:
            self._report("program" if stuck is self.stuck_programs else "erase", sector * 4096)
        return sector in stuck

    def _report(self, what, at):
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
