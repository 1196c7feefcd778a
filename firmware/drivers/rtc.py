"""What the chip's RTC offers: the time of day, and memory that survives a reset.

Both are lost with the power. Without a battery the clock starts again in its epoch year, so
a reading before 2024 means that nobody has set it since.
"""

import time

from meter.compat import const

INVALID = const(0)
RUNNING = const(1)  # was set before the last reset; nobody has confirmed it since
GOOD = const(2)
_OLDEST_S = const(1704067200)  # 2024-01-01 UTC


class Clock:
    """The clock port on `machine.RTC`. Unix seconds, whatever the epoch of the port."""

    def __init__(self, rtc):
        self._rtc = rtc
        self._epoch_s = 946684800 if time.gmtime(0)[0] == 2000 else 0
        self._was_set = False
        self.doubted = False  # its time is of `hint`; the composition keeps that over a reset

    def now(self):
        """-> Unix s"""
        return int(time.time()) + self._epoch_s

    def quality(self):
        """-> 0 invalid, 1 running but unconfirmed, 2 set since this start"""
        if self.doubted or self.now() < _OLDEST_S:
            return INVALID
        return GOOD if self._was_set else RUNNING

    def set(self, unix_s):
        year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - self._epoch_s)[:7]
        self._rtc.datetime((year, month, day, weekday, hour, minute, second, 0))
        self._was_set, self.doubted = True, False

    def hint(self, unix_s):
        """Show a time that nobody vouches for: the quality stays 0 until it is set."""
        self.doubted = True
        self.set(unix_s)
        self.doubted, self._was_set = True, False

    def discipline(self, unix_s):
        """Take the time of a reference, exact to a second. -> None: its speed cannot be trimmed"""
        if not self._was_set or unix_s != self.now():
            self.set(unix_s)


class Retained:
    """The retained port on `machine.RTC().memory`."""

    def __init__(self, rtc):
        self._rtc = rtc

    def load(self):
        """-> bytes, b"" when nothing was stored since the power came."""
        return self._rtc.memory()

    def store(self, buf):
        self._rtc.memory(buf)
