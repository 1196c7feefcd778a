"""machine.RTC and machine.WDT.  Behaviour: ports/esp32/machine_rtc.c and machine_wdt.c."""

import time

import _board
import _esp
from uctypes import addressof

_MEMORY_SIZE = 2048


class RTC:
    def __init__(self, id=0):
        pass

    def datetime(self, when=None):
        """when: (year, month, day, weekday, hour, minute, second, microsecond), UTC."""
        if when is None:
            y, mo, d, h, mi, s, weekday, _ = time.gmtime()
            return (y, mo, d, weekday, h, mi, s, _board.rtc_fraction_ms() * 1000)
        if len(when) != 8:
            raise ValueError("requested length 8 but object has length " + str(len(when)))
        y, mo, d, _, h, mi, s, us = when
        seconds = time.mktime((y, mo, d, h, mi, s, 0, 0))
        _esp.call(do="rtc_set", seconds=seconds, ms=us // 1000)

    init = datetime

    def memory(self, data=None):
        if data is None:
            buf = bytearray(_board.rtc_load(0))
            if buf:
                _board.rtc_load(addressof(buf))
            return bytes(buf)
        if len(data) > _MEMORY_SIZE:
            raise ValueError("buffer too long")
        _esp.answer(
            _board.rtc_store(addressof(data), len(data)) if data else _board.rtc_store(0, 0)
        )


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _esp.call(do="wdt", timeout_ms=timeout)

    def feed(self):
        _board.wdt_feed()
