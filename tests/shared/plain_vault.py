"""The vault port in RAM, with a power cut at the n-th store, as a commit of NVS: old or new."""

from boards.virtual.nor import PowerCut


class PlainVault:
    """held     {name: bytes}; give it to the next PlainVault and the power is back
    stores   how many there have been
    """

    def __init__(self, held=None):
        self.held = {} if held is None else held
        self.stores, self._cut, self._kept, self._off = 0, None, False, False

    def cut_after(self, stores, kept=False):
        """Of the stores from now on this many work; the next raises PowerCut, and so does all that
        follows. kept: that next one is in the flash already when the power goes."""
        self._cut, self._kept = self.stores + stores, kept

    def load(self, name):
        self._need_power(name)
        return self.held.get(name)

    def store(self, name, data):
        self._need_power(name)
        assert len(data) <= 512
        self._off = self.stores == self._cut
        if not self._off or self._kept:
            self.held[name] = bytes(data)
        if self._off:
            raise PowerCut("vault: store of " + name)
        self.stores += 1

    def _need_power(self, name):
        assert 0 < len(name) <= 15  # what NVS takes
        if self._off:
            raise PowerCut("vault: " + name + " after the power cut")
