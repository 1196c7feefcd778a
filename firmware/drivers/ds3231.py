"""DS3231 real-time clock over I2C, behind the clock port: it keeps the time through a power cut.

"DS" is the datasheet 19-5170 (docs/sources.md). The chip is asked at every `now`; the clock of
the module carries the seconds on when it does not answer, and refuses what it cannot mean.
"""

from meter.civil import DAY_S, EPOCH, days
from meter.compat import const, forget
from meter.errors import MeterError

ADDRESS = const(0x68)
INVALID = const(0)
RUNNING = const(1)
GOOD = const(2)

_SECONDS = const(0x00)  # seven BCD registers: s min h weekday day month year
_STATUS = const(0x0F)
_OSC_STOPPED = const(0x80)  # OSF: the time is not to be trusted
_HOURS_12 = const(0x40)
_HOURS_PM = const(0x20)
_CENTURY = const(0x80)  # in the month
_YEAR_MIN = const(2024)  # nobody set it if it shows less
_YEAR_MAX = const(2099)
_JUMP_S = const(2)  # more, against the module's clock, is read again before it is believed
_TRIM_S = const(14 * 86400)  # before, a whole second says too little about the drift


class Ds3231:
    """The clock port on a DS3231.

    i2c    at most 400 kHz; `readfrom_mem_into(address, register, buf)`, `writeto_mem` the same
    clock  the module's own, drivers.rtc.Clock: what counts when the chip is silent

    It is never an error when the chip does not answer a question for the time.
    """

    def __init__(self, i2c, clock):
        self._i2c, self._clock = i2c, clock
        self._time = bytearray(7)
        self._byte = bytearray(1)
        self._lead_s = 0  # of the chip before the module's clock
        self._trusted = False  # the chip's time is one that was set
        self._confirmed = False  # since this start
        self._since = 0  # Unix s of the last correction by a reference, 0: none since the start
        unix_s = self._read()
        if unix_s is not None:
            self._trusted = True
            if unix_s != clock.now():
                clock.set(unix_s)
            self._lead_s = unix_s - clock.now()

    def now(self):
        """-> Unix s"""
        carried = self._clock.now() + self._lead_s
        if not self._trusted:
            return carried
        unix_s = self._read()
        if unix_s is not None and not -_JUMP_S <= unix_s - carried <= _JUMP_S:
            again = self._read()
            if again is None or not 0 <= again - unix_s <= 1:
                unix_s = None  # two answers that differ are noise on the bus
        if unix_s is None:
            return carried
        if unix_s != carried:
            self._lead_s = unix_s - self._clock.now()
        return unix_s

    def quality(self):
        """-> 0 invalid, 1 running but unconfirmed, 2 set since this start"""
        if self._trusted:
            return GOOD if self._confirmed else RUNNING
        return min(self._clock.quality(), RUNNING)

    @property
    def doubted(self):
        """Whether the module's clock counts, and has a time of `hint`"""
        return self._clock.doubted and not self._trusted

    @doubted.setter
    def doubted(self, doubted):
        self._clock.doubted = doubted and not self._trusted

    def hint(self, unix_s):
        """See drivers.rtc: the module's clock shows it; the chip is not touched."""
        self._clock.hint(unix_s)
        self._lead_s = 0

    def set(self, unix_s):
        """MeterError: the chip does not hold it; the module's clock does all the same."""
        self._clock.set(unix_s)
        self._lead_s = self._since = 0
        self._trusted = False  # nor does a tick read it while it is written
        from drivers import ds3231_setup

        try:
            ds3231_setup.write(self._i2c, unix_s)
        finally:
            forget("drivers.ds3231_setup")
        seen = self._read()
        if seen is None or not 0 <= seen - unix_s <= 1:
            raise MeterError(
                f"ds3231: set: reads {seen}, expected {unix_s}: check wiring and battery"
            )
        self._trusted = self._confirmed = True

    def discipline(self, unix_s):
        """Take the time of a reference, NTP or DCF77, exact to a second, and learn from it.

        -> (aging before, after) if the chip's speed was corrected, else None. Half of the drift
        that was seen is corrected, once two weeks have shown it. MeterError: see `set`.
        """
        off_s, since = unix_s - self.now(), self._since
        if self._trusted and not off_s:
            self._confirmed = True  # the second that began at the last setting goes on
            self._since = since or unix_s
            return None
        was_trusted = self._trusted
        self.set(unix_s)
        self._since = unix_s
        if not was_trusted or not since or unix_s - since < _TRIM_S:
            return None
        from drivers import ds3231_setup

        try:
            return ds3231_setup.trim(self._i2c, off_s, unix_s - since)
        finally:
            forget("drivers.ds3231_setup")

    def _read(self):
        """-> Unix s, or None: no answer, the oscillator stood, or no time that anybody set."""
        buf = self._time
        try:
            self._i2c.readfrom_mem_into(ADDRESS, _STATUS, self._byte)
            if self._byte[0] & _OSC_STOPPED:
                self._trusted = False
                return None
            self._i2c.readfrom_mem_into(ADDRESS, _SECONDS, buf)
        except OSError:
            return None
        second, minute, day = _binary(buf[0]), _binary(buf[1]), _binary(buf[4])
        month, year = _binary(buf[5] & ~_CENTURY), 2000 + _binary(buf[6])
        if buf[2] & _HOURS_12:
            hour = _binary(buf[2] & 0x1F) % 12 + (12 if buf[2] & _HOURS_PM else 0)
        else:
            hour = _binary(buf[2])
        good = second < 60 and minute < 60 and hour < 24 and 1 <= day <= 31 and 1 <= month <= 12
        if not good or not _YEAR_MIN <= year <= _YEAR_MAX:
            return None
        return EPOCH + days(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second


def _binary(bcd):
    """-> 0 to 99; more for what is no BCD, so that it fails a range."""
    return 100 if bcd & 0x0F > 9 or bcd >> 4 > 9 else (bcd >> 4) * 10 + (bcd & 0x0F)
