"""Civil time: days and dates of the Gregorian calendar, and a zone by its POSIX TZ rule.

Core seconds count from 2020-01-01 00:00 UTC: a small int on the chip until 2054.
"""

from meter.compat import const, forget

EPOCH = const(1577836800)  # Unix seconds of core second 0
DAY_S = const(86400)
_SHIFT = const(737730)  # days from 0000-03-01 to 2020-01-01
_ERA = const(146097)  # days in 400 Gregorian years


def days(year, month, day):
    """-> int, days from 2020-01-01 to this date (proleptic Gregorian).

    Years that start in March make the leap day the last one; after H. Lilienthal's and
    E. Richards' day-number formulas.
    """
    if month <= 2:
        year -= 1
        month += 12
    return (
        365 * year + year // 4 - year // 100 + year // 400
        + (153 * (month - 3) + 2) // 5 + day - 1 - _SHIFT
    )  # fmt: skip


def date(day_number):
    """Inverse of `days`. -> (year, month, day, weekday), Monday is 0."""
    n = day_number + _SHIFT
    era = n // _ERA
    n -= era * _ERA
    y = (n - n // 1460 + n // 36524 - n // (_ERA - 1)) // 365
    n -= 365 * y + y // 4 - y // 100
    m = (5 * n + 2) // 153
    day = n - (153 * m + 2) // 5 + 1
    month = m + 3 if m < 10 else m - 9
    year = y + era * 400 + (1 if month <= 2 else 0)
    return year, month, day, (day_number + 2) % 7  # 2020-01-01 was a Wednesday


def days_in_month(year, month):
    """-> 28..31"""
    return days(year + month // 12, month % 12 + 1, 1) - days(year, month, 1)


class Zone:
    """A time zone as one POSIX TZ rule (IEEE Std 1003.1, chapter 8.3), `M` rules only.

    posix     e.g. "CET-1CEST,M3.5.0,M10.5.0/3" or "<+0545>-5:45"
    standard_s, summer_s   seconds east of UTC, the same without summer time
    MeterError  the text is not such a rule
    """

    def __init__(self, posix):
        from meter import posix_tz

        self.standard_s, self.summer_s, self._rules = posix_tz.parse(posix)
        forget("meter.posix_tz")
        # (start, end, offset) of the time without a change that was asked for last; one store
        self._stretch = (0, 0, 0) if self._rules else (0, None, self.standard_s)

    def offset_at(self, t):
        """-> seconds east of UTC at core second t."""
        return self.stretch(t)[2]

    def next_transition(self, t):
        """-> core second of the first change of offset after t, or None without such."""
        return self.stretch(t)[1]

    def to_utc(self, local_s):
        """Core second of a local wall clock reading; the earlier where it happens twice.

        local_s   seconds from local 2020-01-01 00:00. A reading that DST skips maps to
                  the instant of the change or after it.
        """
        early = local_s - max(self.standard_s, self.summer_s)
        for t in (early, local_s - self.standard_s):
            if t + self.offset_at(t) == local_s:
                return t
        return self.next_transition(early - 1)

    def stretch(self, t):
        """-> (start, end, seconds east of UTC) of the time around core second t without a change
        of offset; the end is None in a zone without such."""
        found = self._stretch
        if self._rules and not found[0] <= t < found[1]:
            year = date((t + self.standard_s) // DAY_S)[0]
            changes = []
            for y in (year - 1, year, year + 1):
                begin, finish = [_transition(y, rule) for rule in self._rules]
                changes.append((begin - self.standard_s, self.summer_s))
                changes.append((finish - self.summer_s, self.standard_s))
            changes.sort()
            at = max([i for i in range(5) if changes[i][0] <= t])
            found = changes[at][0], changes[at + 1][0], changes[at][1]
            self._stretch = found
        return found


def _transition(year, rule):
    month, week, weekday, time_s = rule
    first = days(year, month, 1)
    day = first + (weekday - (first + 3) % 7) % 7 + 7 * (week - 1)  # POSIX: Sunday is 0
    while day >= first + days_in_month(year, month):
        day -= 7
    return day * DAY_S + time_s
