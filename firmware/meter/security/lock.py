"""Lock-out after failed authentications: longer each time, and no reset or power cut ends it."""

import struct

from meter.compat import const
from meter.errors import MeterError

_FREE = const(3)  # the third failure locks for the first second
_TIME_MAX_S = const(3600)
_FAILURES_MAX = const(15)  # 2 ** 12 s is over an hour: counting on would only wear the vault out


class Lock:
    """One a road, so that nobody on one locks out who comes by another.

    failures   authentications that failed since the last good one
    """

    def __init__(self, vault, name, now):
        """name: in the vault. now: Unix seconds; a lock that was on begins anew, in full."""
        self._vault, self._name, self._seen = vault, name, now
        self.failures = held(vault, name, "<H", (0,))[0]
        self._left_s = self._full_s()

    def left_s(self, now):
        """-> seconds that nothing is tried any more, 0: not locked. A clock that goes back does
        not shorten them."""
        self._left_s = max(0, self._left_s - max(0, now - self._seen))
        self._seen = now
        return self._left_s

    def moved(self, before, now):
        """The clock jumped from `before` to `now`: no time went by."""
        self.left_s(before)
        self._seen = now

    def fail(self, now):
        """Count one more; it is in the vault before anybody is told. MeterError: it counts in RAM
        only."""
        self._seen = now
        stored, self.failures = self.failures, min(self.failures + 1, _FAILURES_MAX)
        self._left_s = self._full_s()
        if self.failures != stored:
            self._vault.store(self._name, struct.pack("<H", self.failures))

    def clear(self):
        """Somebody with a key was here. Costs a store only if there were failures."""
        if self.failures:
            self._vault.store(self._name, struct.pack("<H", 0))
        self.failures = self._left_s = 0

    def _full_s(self):
        return min(1 << self.failures - _FREE, _TIME_MAX_S) if self.failures >= _FREE else 0


def held(vault, name, layout, first):
    """-> tuple of what the vault has under a name; `first` before there is anything. MeterError:
    nobody here wrote what it has."""
    data = vault.load(name)
    if data is None:
        return first
    if len(data) != struct.calcsize(layout):
        raise MeterError("vault: " + name + ": of another length: replace the board")
    return struct.unpack(layout, data)
