"""COSEM data as bytes: A-XDR (IEC 61334-6; types of IEC 62056-6-2, 4.1.5) and date-times.

What is made here is bytes; what is read from a client is checked byte by byte.
"""

import struct

from meter.civil import DAY_S, EPOCH, date, days
from meter.compat import const

NULL = b"\x00"
_NESTED = const(4)  # structures in each other; a selection has three
_ANY_YEAR = const(0xFFFF)
_ANY = const(0xFF)
_NO_DEVIATION = const(-0x8000)
_DATE_TIME_SIZE = const(12)
I8, U8, U16, U32, U64, ENUM = const(15), const(17), const(18), const(6), const(21), const(22)
I16 = const(16)
_SIZES = {I8: 1, U8: 1, ENUM: 1, I16: 2, U16: 2, U32: 4, U64: 8}


class Malformed(Exception):
    """Bytes that are no APDU, or no data, of the kind that is due here."""


class Denied(Exception):
    """A request that is sound and not granted: (Data-Access-Result)."""


TEMPORARY_FAILURE = const(2)
READ_WRITE_DENIED = const(3)
OBJECT_UNDEFINED = const(4)
CLASS_INCONSISTENT = const(9)
TYPE_UNMATCHED = const(12)
SCOPE_VIOLATED = const(13)
BLOCK_UNAVAILABLE = const(14)
NO_LONG_GET = const(16)
BLOCK_NUMBER_INVALID = const(19)


class Cursor:
    """Reads bytes from left to right. Malformed: there are fewer than are asked for."""

    def __init__(self, data):
        self._data, self._at = data, 0

    def take(self, size):
        """-> bytes"""
        start = self._at
        if size > len(self._data) - start:
            raise Malformed
        self._at = start + size
        return self._data[start : start + size]

    def number(self, size):
        """-> an unsigned number of so many octets"""
        return int.from_bytes(self.take(size), "big")

    def length(self):
        """-> as `length` writes it, at most 65535"""
        first = self.number(1)
        if first < 0x80:
            return first
        if first not in (0x81, 0x82):
            raise Malformed
        return self.number(first & 7)

    def more(self):
        """-> whether something is left."""
        return self._at < len(self._data)

    def end(self):
        """Malformed: something is left."""
        if self.more():
            raise Malformed

    def value(self, depth=_NESTED):
        """-> int, bytes or a list of them: data of a selection."""
        kind = self.number(1)
        if kind in (1, 2):  # array, structure
            if not depth:
                raise Malformed
            return [self.value(depth - 1) for _ in range(self.length())]
        if kind == 9:
            return self.take(self.length())
        if kind == 0x19:
            return self.take(_DATE_TIME_SIZE)
        if kind not in _SIZES:
            raise Malformed
        return self.number(_SIZES[kind])  # none of those asked for is below 0


def length(size):
    """-> a count of octets or elements, A-XDR and BER alike."""
    if size < 0x80:
        return bytes((size,))
    width = 1 if size < 0x100 else 2 if size < 0x10000 else 4
    return bytes((0x80 | width,)) + size.to_bytes(width, "big")


def octets(data):
    """-> octet-string"""
    return b"\x09" + length(len(data)) + data


def array(count):
    """-> the head of an array; its elements follow."""
    return b"\x01" + length(count)


def structure(*parts):
    """-> structure of parts that are data already"""
    return bytes((2, len(parts))) + b"".join(parts)


def number(kind, value):
    """-> a number of this type. value: int >= 0; below 0 its two's complement"""
    return bytes((kind,)) + value.to_bytes(_SIZES[kind], "big")


def date_time(utc, status=0):
    """-> 12 octets in UTC: deviation 0. utc: Unix seconds; status: of the clock, 0 is good."""
    t = utc - EPOCH
    second = t % DAY_S
    return _date(t // DAY_S) + struct.pack(
        ">BBBBhB", second // 3600, second // 60 % 60, second % 60, 0, 0, status
    )


def wild(month=_ANY, day=_ANY):
    """-> 12 octets: this month and day of every year at 00:00 local time; without: never."""
    hour = _ANY if month == _ANY else 0
    return struct.pack(
        ">HBBBBBBBhB", _ANY_YEAR, month, day, _ANY, hour, hour, hour, hour, _NO_DEVIATION, _ANY
    )


def unix(data):
    """-> Unix seconds of 12 octets; without a deviation they are UTC. Malformed: no instant.

    What is not specified of a date cannot bound a range; of a time it counts as 0.
    """
    if len(data) != _DATE_TIME_SIZE:
        raise Malformed
    year, month, day, _, hour, minute, second, _, deviation, _ = struct.unpack(">HBBBBBBBhB", data)
    hour, minute, second = [0 if x == _ANY else x for x in (hour, minute, second)]
    if not (1970 <= year <= 2105 and 1 <= month <= 12 and 1 <= day <= 31):
        raise Malformed
    if hour > 23 or minute > 59 or second > 59:
        raise Malformed
    if deviation == _NO_DEVIATION:
        deviation = 0
    time_s = hour * 3600 + (minute + deviation) * 60 + second
    return days(year, month, day) * DAY_S + time_s + EPOCH


_last = (None, b"")  # day of the newest date and its octets; rows of one day share them


def _date(day):
    """-> year, month, day of month and weekday, 5 octets. day: as meter.civil counts them"""
    global _last
    known, found = _last
    if known != day:
        year, month, day_of_month, weekday = date(day)
        found = struct.pack(">HBBB", year, month, day_of_month, weekday + 1)
        _last = day, found
    return found
