"""RAM that a mounted journal keeps, measured inside the VM by storage.mjs, step by step: garbage
goes only between two calls into the VM."""

import gc

from meter.journal import Journal


class ImageFlash:
    """A flash in a file, so that none of it is on the heap that is measured."""

    sector_size = 4096
    sectors = 320

    def __init__(self, path):
        self._file = open(path, "rb")  # noqa: SIM115 - open as long as the VM

    def read(self, at, buf):
        self._file.seek(at)
        self._file.readinto(buf)


class Bench:
    """steps   to be called in turn; each leaves less than the one before"""

    def __init__(self, path):
        self._flash = ImageFlash(path)
        self._journal = None
        self.mount()  # what the first mount leaves behind, names above all, is not the journal's
        self._journal = None
        self.steps = (self.nothing, self.mount, self.drop_states, self.drop_others)

    def nothing(self):
        pass

    def mount(self):
        before = gc.mem_alloc()
        self._journal = Journal(self._flash)
        self._journal.mount()
        self.allocated = gc.mem_alloc() - before

    def drop_states(self):
        """The newest E and W become the meter's own."""
        assert self._journal.newest_e is not None
        self._journal.newest_e = self._journal.newest_w = None

    def drop_others(self):
        """Leave the register rings only."""
        journal = self._journal
        journal.rings = journal.rings[:2]
        journal.profile = journal.ledger = journal.snapshots = journal.events = None
