"""The seal of software: whether the REPL may be had, and that it once was, for all to see."""

import struct

from meter.compat import const

WINDOW_S = const(600)  # how long the REPL stays open
_STATE = "<BxxxII"  # state, and the window [opened_at, open_until) in Unix seconds
_SIZE = const(12)
_OPEN = const(0)
_SEALED = const(1)
_BROKEN = const(2)
_NAMES = ("open", "sealed", "broken")


class Seal:
    """Its state lies in the vault, each change is one store of it.

    name   "open": never sealed, on the bench; "sealed"; "broken": opened, and not sealed again, or
           lost with the keys
    """

    def __init__(self, vault):
        self._vault = vault
        data, window = vault.load("seal"), (_OPEN, 0, 0)
        if data is not None:  # what nobody here wrote is no reason to open
            window = struct.unpack(_STATE, data) if len(data) == _SIZE else (_BROKEN, 0, 0)
        if window[0] > _BROKEN:
            window = (_BROKEN, 0, 0)
        # A witness alone: the power went in `close`, or everything was lost, the keys too.
        if data == b"\1" and vault.load("keys") is not None:
            window = (_SEALED, 0, 0)
        self._state, self._from, self._until = window
        self._was_open = False

    @property
    def name(self):
        return _NAMES[self._state]

    def repl_open(self, now):
        """Whether the REPL is to be had; `tick` tells whoever was told so when that ends.

        now   Unix seconds, 0 with a clock that is not to be believed: only the bench has it then
        """
        is_open = self._state == _OPEN
        if self._state == _BROKEN:
            is_open = self._from <= now < self._until
        self._was_open = self._was_open or is_open
        return is_open

    def close(self):
        """Seal the meter. A REPL that is open ends with the next `tick`."""
        self._store(_SEALED, 0, 0)

    def open(self, now, seconds=WINDOW_S):
        """Break the seal: from now on the REPL is open so long."""
        self._store(_BROKEN, now, now + seconds)

    def tick(self, now):
        """-> True once when the time of the REPL has ended: reset the machine then."""
        was_open, self._was_open = self._was_open, False
        return not self.repl_open(now) and was_open

    def _store(self, state, opened_at, open_until):
        self._vault.store("seal", struct.pack(_STATE, state, opened_at, open_until))
        self._state, self._from, self._until = state, opened_at, open_until
