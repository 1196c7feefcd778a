"""The flash port on an `esp32.Partition`: program without erase, erase on request.

`writeblocks(n, buf)` without an offset would erase first; it is never used here.
"""

from meter.compat import const
from meter.errors import MeterError

_BLOCK_COUNT = const(4)  # of ioctl
_BLOCK_SIZE = const(5)
_BLOCK_ERASE = const(6)


def open_partition(partition_class, label):
    """-> FlashPartition of the data partition `label`. MeterError: there is none.

    partition_class   esp32.Partition
    """
    found = partition_class.find(partition_class.TYPE_DATA, label=label)
    if not found:
        raise MeterError(
            f"flash: no partition {label!r} in the table: write the partition table of this board"
        )
    return FlashPartition(found[0])


class FlashPartition:
    """Addresses are relative to the partition. MeterError: the chip refused an operation."""

    def __init__(self, partition):
        self._partition = partition
        self.sector_size = partition.ioctl(_BLOCK_SIZE, 0)
        self.sectors = partition.ioctl(_BLOCK_COUNT, 0)

    def read(self, at, buf):
        """Fill `buf` from address `at`."""
        size = self.sector_size
        try:
            self._partition.readblocks(at // size, buf, at % size)
        except OSError as error:
            raise _failed("read", at, error)

    def program(self, at, buf):
        """AND `buf` into what is there."""
        size = self.sector_size
        try:
            self._partition.writeblocks(at // size, buf, at % size)
        except OSError as error:
            raise _failed("program", at, error)

    def erase(self, sector):
        """All bits of a sector to 1."""
        try:
            failed = self._partition.ioctl(_BLOCK_ERASE, sector)
        except OSError as error:
            failed = error
        if failed:
            raise _failed("erase", sector * self.sector_size, failed)


def _failed(what, at, error):
    return MeterError(
        f"flash: {what} at 0x{at:x} failed with {error}, expected no error: replace the module"
    )
