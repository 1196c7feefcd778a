"""A second calendar, written from docs/tariffs.md alone: what a meter says is compared with
what this one says. Time zones are the operating system's."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

_RATES = 16
_DAY_S = 86400


class Plan:
    """One compiled tariff (a dict); all times are Unix seconds.

    exports   set of rate registers that count export
    """

    def __init__(self, data, digest):
        self.data, self.digest = data, digest
        self.zone = ZoneInfo(data["zone_name"]) if data["zone_name"] else UTC
        self.imports = len(data["rates"])
        self.exports = {self.register(self.imports + n) for n in range(len(data["exports"]))}
        self._switches = {}

    def register(self, rate):
        return rate if rate < self.imports else _RATES - 1 - rate + self.imports

    def registers(self, rate):
        """-> (import register, export register) while this rate is in force."""
        return rate, self.register(self.imports + self.data["rates"][rate]["export"])

    def local(self, t):
        return datetime.fromtimestamp(t, self.zone)

    def rate_at(self, t):
        here = self.local(t)
        return self._rate(here.date(), 60 * here.hour + here.minute)

    def rates_between(self, t0, t1):
        """-> [(start, end, rate), ...] over [t0, t1); neighbours differ."""
        here = self.local(t0)
        if t1 - t0 > 7200 or here.utcoffset() != self.local(t1).utcoffset():
            marks = range(t0 - t0 % 60 + 60, t1, 60)  # every minute: no offset has seconds
        else:
            base = t0 - (3600 * here.hour + 60 * here.minute + here.second)
            marks = [base + 60 * m for m, _ in self._of_day(here.date())]
            marks.append(base + _DAY_S)
            following = (here + timedelta(days=1)).date()
            marks += [base + _DAY_S + 60 * m for m, _ in self._of_day(following)]
        pieces = [[t0, t1, self.rate_at(t0)]]
        for mark in marks:
            if t0 < mark < t1:
                rate = self.rate_at(mark)
                if rate != pieces[-1][2]:
                    pieces[-1][1] = mark
                    pieces.append([mark, t1, rate])
        return pieces

    def rates_possible(self, t0, t1, events):
        """-> the import rates that may have counted in some second of [t0, t1), if the calendar
        has one rate there and nobody knows what limiter and price events did.

        events   [(Unix s, Unix s, rate), ...]
        """
        limiter = self.data["limiter"]
        levels = limiter["levels"] if limiter else ()
        repriced = {level["rate"] for level in levels if level["action"] == "reprice"}
        return {self.rate_at(t0)} | repriced | self.of_events(t0, t1, events)

    def of_events(self, t0, t1, events):
        """-> the rates of the events in [t0, t1); they end with a row of the profile."""
        late_s = self.data["interval_s"]
        return {
            rate
            for begin, end, rate in events
            if begin < t1 and t0 < end + late_s and rate < self.imports
        }

    def limited(self, rate, state):
        """-> the rate in force instead of this one. state: bit i set: level i has tripped."""
        limiter = self.data["limiter"]
        for i, level in enumerate(limiter["levels"] if limiter else ()):
            if state >> i & 1 and level["action"] == "reprice":
                rate = level["rate"]
        return rate

    def outputs(self, state):
        """-> (load switch closed, alarm on)"""
        limiter = self.data["limiter"]
        levels = limiter["levels"] if limiter else ()
        actions = [level["action"] for i, level in enumerate(levels) if state >> i & 1]
        return "shed" not in actions, bool(actions)

    def period_end(self, start):
        """-> the first local midnight of a billing day after start."""
        return next(mark for mark in self._billing_midnights(start) if mark > start)

    def period_start(self, t):
        """-> the last local midnight of a billing day at or before t."""
        return max(mark for mark in self._billing_midnights(t - 64 * _DAY_S, 5) if mark <= t)

    def _billing_midnights(self, t, count=3):
        """Yields those of the month of t and the next ones."""
        here = self.local(t)
        year, month = here.year, here.month
        for _ in range(count):
            day = self.data["billing_day"]
            following = date(year + month // 12, month % 12 + 1, 1)
            chosen = date(year, month, day) if day else following - timedelta(days=1)
            midnight = datetime(chosen.year, chosen.month, chosen.day, tzinfo=self.zone)
            yield int(midnight.timestamp())
            year, month = following.year, following.month

    def days(self, t0, t1):
        """A day belongs to the part in which it ends; a clock that is set back ends none."""
        return max(0, (self.local(t1).date() - self.local(t0).date()).days)

    def share(self, t0, t1):
        """-> Fraction: a part of a billing period, of the whole of it."""
        start, end = self.period_start(t0), self.period_end(t0)
        return Fraction(1) if (t0, t1) == (start, end) else self._of_period(self.days(t0, t1), t0)

    def bounds(self, index, t0, t1):
        """-> mWh, of a tier set in the part from t0 to t1."""
        tiers = self.data["tiers"][index]
        mine = {r for r in range(self.imports) if self.data["rates"][r]["tiers"] == index}
        days, day = 0, self.local(t0).date()
        while day < self.local(t1).date():
            days += any(rate in mine for _, rate in self._of_day(day))
            day += timedelta(days=1)
        factor = days if tiers["per"] == "day" else self._of_period(days, t0)
        if tiers["per"] == "period" and len(mine) == self.imports:
            factor = self.share(t0, t1)
        return [(bound * factor).__floor__() for bound in tiers["bounds"]]

    def _of_period(self, days, t):
        return Fraction(days, self.days(self.period_start(t), self.period_end(t)))

    def _rate(self, day, minute):
        rate = None
        for at, selected in self._of_day(day):
            if at > minute:
                break
            rate = selected
        return rate

    def _of_day(self, day):
        if day not in self._switches:
            self._switches[day] = self.data["days"][self._profile(day)]
        return self._switches[day]

    def _profile(self, day):
        special = {tuple(s[:3]): s[3] for s in self.data["special_days"]}
        for year in (day.year, 0):
            if (year, day.month, day.day) in special:
                return special[year, day.month, day.day]
        begun = [s for s in self.data["seasons"] if (s[0], s[1]) <= (day.month, day.day)]
        week = (begun or self.data["seasons"])[-1][2]
        return self.data["weeks"][week][day.weekday()]
