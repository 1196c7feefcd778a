"""A flash that counts and never fails, fast enough for years: the port, and a block device."""

SECTOR_SIZE = 4096


class CountingFlash:
    """The journal's flash port in RAM.

    reads programs erases, bytes_read bytes_programmed: since it was made
    low_bytes_read   of these, below `low_sectors`
    erased           counts by sector
    """

    sector_size = SECTOR_SIZE

    def __init__(self, sectors, low_sectors=0):
        self.sectors = sectors
        self.content = bytearray(b"\xff" * (sectors * SECTOR_SIZE))
        self.reads = self.programs = self.erases = 0
        self.bytes_read = self.low_bytes_read = self.bytes_programmed = 0
        self.erased = [0] * sectors
        self._low_end = low_sectors * SECTOR_SIZE

    def read(self, at, buf):
        size = len(buf)
        buf[:] = self.content[at : at + size]
        self.reads += 1
        self.bytes_read += size
        if at < self._low_end:
            self.low_bytes_read += size

    def program(self, at, buf):
        """Refuses what NOR could not do: every byte must be blank or stay as it is."""
        size = len(buf)
        old = self.content[at : at + size]
        assert old == b"\xff" * size, f"programmed twice: {at:#x}"
        self.content[at : at + size] = buf
        self.programs += 1
        self.bytes_programmed += size

    def erase(self, sector):
        at = sector * SECTOR_SIZE
        self.content[at : at + SECTOR_SIZE] = b"\xff" * SECTOR_SIZE
        self.erases += 1
        self.erased[sector] += 1


class CountingBlocks(CountingFlash):
    """The same as littlefs-python wants its user context."""

    def __init__(self, sectors):
        super().__init__(sectors)
        self.in_size = len(self.content)

    def read(self, cfg, block, off, size):
        at = block * SECTOR_SIZE + off
        self.reads += 1
        self.bytes_read += size
        return self.content[at : at + size]

    def prog(self, cfg, block, off, data):
        self.program(block * SECTOR_SIZE + off, data)
        return 0

    def erase(self, cfg, block):
        super().erase(block)
        return 0

    def sync(self, cfg):
        return 0
