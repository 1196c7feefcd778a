"""What a DS3231 is told: the time, and how fast to run. Loaded on demand."""

from meter.civil import DAY_S, EPOCH, date
from meter.compat import const
from meter.errors import MeterError

_ADDRESS = const(0x68)
_SECONDS = const(0x00)  # seven BCD registers: s min h weekday day month year
_CONTROL = const(0x0E)
_STATUS = const(0x0F)
_AGING = const(0x10)  # signed; one more step makes the clock about 0.1 ppm slower at 25 C (DS)
_CONTROL_RUN = const(0x04)  # EOSC 0: runs on the battery; square wave and alarms off
_PPB_A_STEP = const(100)
_STEPS_MAX = const(20)  # in one correction: 2 ppm, what the chip promises
_DRIFT_PPB_MAX = const(20000)  # more is no drift of this chip: somebody set one of the two


def write(i2c, unix_s):
    """Set time and control. MeterError: no answer."""
    t = unix_s - EPOCH
    year, month, day, weekday = date(t // DAY_S)
    t %= DAY_S
    fields = (t % 60, t // 60 % 60, t // 3600, weekday + 1, day, month, year % 100)
    buf = bytes([value // 10 << 4 | value % 10 for value in fields])
    try:
        i2c.writeto_mem(_ADDRESS, _CONTROL, bytes((_CONTROL_RUN,)))
        i2c.writeto_mem(_ADDRESS, _SECONDS, buf)  # the second begins with this (DS)
        i2c.writeto_mem(_ADDRESS, _STATUS, bytes(1))  # last: until then it says that it is wrong
    except OSError as error:
        raise MeterError(
            f"ds3231: set: {error}, expected an answer at 0x68: check SDA, SCL and pull-ups"
        )


def trim(i2c, off_s, elapsed_s):
    """Correct half of a drift: off_s, how far the chip was behind after elapsed_s.

    -> (aging before, after), or None: it is no drift, or too little, or there was no answer.
    """
    ppb = abs(off_s) * 1000000000 // elapsed_s
    if ppb > _DRIFT_PPB_MAX:
        return None
    steps = min(ppb // (2 * _PPB_A_STEP), _STEPS_MAX)
    found = bytearray(1)
    try:
        i2c.readfrom_mem_into(_ADDRESS, _AGING, found)
        before = found[0] - (found[0] >> 7 << 8)
        after = max(-128, min(127, before - steps if off_s > 0 else before + steps))
        if after == before:
            return None
        i2c.writeto_mem(_ADDRESS, _AGING, bytes((after & 0xFF,)))
    except OSError:
        return None  # the time is right all the same; the next correction tells again
    return before, after
