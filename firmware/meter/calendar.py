"""Activity calendar (COSEM class 20, IEC 62056-6-2): which rate is in force when.

Seasons select a week, the weekday selects a day profile, its switch times select a rate;
special days (class 11) override. Every choice is a function of local civil time alone, so
an hour that DST repeats repeats its rates, and one that it skips never was.
"""

from meter.civil import DAY_S, date, days

LAST_DAY = 0  # a billing day: the last day of the month


class Calendar:
    """The calendar in packed form; built from the checked lists of a tariff.

    zone      civil.Zone
    seasons   [[month, day, week index], ...] starts in the year, ascending
    weeks     [[day index] * 7, ...] Monday first
    day_profiles   [[[minute of day, rate], ...], ...] ascending, the first at minute 0
    special_days   [[year or 0 for every year, month, day, day index], ...]
    """

    def __init__(self, zone, seasons, weeks, day_profiles, special_days):
        self.zone = zone
        self._seasons = bytes([x for season in seasons for x in season])
        self._weeks = bytes([x for week in weeks for x in week])
        self._switches = [
            bytes([x for minute, rate in profile for x in (minute >> 8, minute & 255, rate)])
            for profile in day_profiles
        ]
        self._special = bytes(
            [x for year, m, d, i in special_days for x in (year - 2000 if year else 0, m, d, i)]
        )
        self._day = (None, b"")  # local day that was asked for last, its switches; one store

    def segment(self, t):
        """-> (end, rate): the rate at core second t and the switch, midnight or change of
        offset at which to ask again."""
        _, change, offset = self.zone.stretch(t)
        local = t + offset
        today, second = local // DAY_S, local % DAY_S
        day, switches = self._day
        if day != today:
            day = today
            switches = self._switches[self.day_profile(day)]
            self._day = day, switches
        rate, end_s = switches[2], DAY_S
        for i in range(0, len(switches), 3):
            at_s = 60 * (switches[i] << 8 | switches[i + 1])
            if at_s > second:
                end_s = at_s
                break
            rate = switches[i + 2]
        end = t + end_s - second
        return (end if change is None or end <= change else change), rate

    def segments(self, t0, t1):
        """Yields (start, end, rate) over [t0, t1), in order, without a gap; neighbours
        differ in rate."""
        start, rate = t0, None
        while t0 < t1:
            end, following = self.segment(t0)
            if following != rate:
                if rate is not None:
                    yield start, t0, rate
                start, rate = t0, following
            t0 = end
        if rate is not None:
            yield start, t1, rate

    def interval_end(self, t, interval_s):
        """-> core second of the next border after t on the local grid of interval_s."""
        _, change, offset = self.zone.stretch(t)
        end = t + interval_s - (t + offset) % interval_s
        return end if change is None or end <= change else change

    def midnight(self, t):
        """-> core second of the next local midnight after t."""
        day = self.local_day(t)
        end = self.zone.to_utc((day + 1) * DAY_S)
        return end if end > t else self.zone.to_utc((day + 2) * DAY_S)

    def period_end(self, t, billing_day):
        """-> core second of the next start of a billing period after t.

        billing_day   1..28, or LAST_DAY; a period starts there at local 00:00
        """
        year, month = date(self.local_day(t))[:2]
        while True:
            end = self.zone.to_utc(_billing_date(year, month, billing_day) * DAY_S)
            if end > t:
                return end
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def period_start(self, t, billing_day):
        """-> core second of the start of the billing period that t is in, t itself included."""
        year, month = date(self.local_day(t))[:2]
        while True:
            start = self.zone.to_utc(_billing_date(year, month, billing_day) * DAY_S)
            if start <= t:
                return start
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)

    def local_day(self, t):
        """-> the local date at core second t, as a number of days (civil.days)."""
        return (t + self.zone.offset_at(t)) // DAY_S

    def days(self, t0, t1):
        """-> how many local dates begin after t0 and until t1; 0 if a clock was set back."""
        return max(0, self.local_day(t1) - self.local_day(t0))

    def day_profile(self, day_number):
        """-> index of the day profile of a local date, the special days heeded."""
        year, month, day, weekday = date(day_number)
        special = self._special
        chosen = None
        for i in range(0, len(special), 4):
            if special[i + 1] == month and special[i + 2] == day:
                if special[i] == year - 2000:
                    return special[i + 3]
                if special[i] == 0:
                    chosen = special[i + 3]
        if chosen is not None:
            return chosen
        seasons = self._seasons
        week = seasons[len(seasons) - 1]  # before the first start the year's last one holds
        for i in range(0, len(seasons), 3):
            if (seasons[i], seasons[i + 1]) > (month, day):
                break
            week = seasons[i + 2]
        return self._weeks[7 * week + weekday]


def _billing_date(year, month, billing_day):
    if billing_day != LAST_DAY:
        return days(year, month, billing_day)
    return days(year + month // 12, month % 12 + 1, 1) - 1
