"""A second calendar and a second bill, written from docs/tariffs.md alone: what a meter says
is compared with what these say. Time zones are the operating system's, sums are Fractions."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
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

    def period_end(self, start):
        """-> the first local midnight of a billing day after start."""
        here = self.local(start)
        year, month = here.year, here.month
        while True:
            day = self.data["billing_day"]
            following = date(year + month // 12, month % 12 + 1, 1)
            chosen = date(year, month, day) if day else following - timedelta(days=1)
            midnight = datetime(chosen.year, chosen.month, chosen.day, tzinfo=self.zone)
            end = int(midnight.timestamp())
            if end > start:
                return end
            year, month = following.year, following.month

    def days_between(self, t0, t1):
        return (self.local(t1 - 1).date() - self.local(t0).date()).days + 1

    def bounds(self, start):
        tiers = self.data["tiers"]
        n = self.days_between(start, self.period_end(start)) if tiers["per"] == "day" else 1
        return [bound * n for bound in tiers["bounds"]]

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


def bill(plan, start, end, opening, closing, crossings):
    """-> [(kind, name, tier, quantity, price, amount, rounded), ...]; Fractions.

    opening, closing, crossings   lists of 16 rate registers, mWh
    """
    lines, sums = [], {}

    def add(kind, name, tier, quantity, price, amount):
        units = Fraction(amount) * 10 ** plan.data["decimals"] / 10**15
        rounded = _rounded(units, plan.data["rounding"])
        sums[kind] = sums.get(kind, 0) + rounded
        lines.append((kind, name, tier, quantity, price, amount, rounded))

    rates = plan.data["rates"] + plan.data["exports"]
    used = [closing[plan.register(r)] - opening[plan.register(r)] for r in range(len(rates))]
    for r, rate in enumerate(rates[: plan.imports]):
        for tier, quantity in _tiers(plan, r, start, used, opening, closing, crossings):
            price = rate["prices"][tier if len(rate["prices"]) > 1 else 0]
            add("energy", rate["name"], tier, quantity, price, quantity * price)
    for r in range(plan.imports, len(rates)):
        if used[r]:
            price = rates[r]["prices"][0]
            add("export", rates[r]["name"], 0, Fraction(used[r]), price, -used[r] * price)
    if plan.data["fixed"]:
        nano, per = plan.data["fixed"]
        n = plan.days_between(start, end) if per == "day" else 1
        add("fixed", "fixed", 0, Fraction(n), nano, n * nano * 10**6)
    taxable = dict(sums)
    for name, ppm, kinds in plan.data["taxes"]:
        base = sum(taxable.get(kind, 0) for kind in kinds)
        unit = Fraction(10**15, 10 ** plan.data["decimals"])
        add("tax", name, 0, Fraction(base), ppm, base * unit * ppm / 10**6)
    return lines


def _tiers(plan, r, start, used, opening, closing, crossings):
    """Yields (tier, mWh) of one import rate."""
    mode = plan.data["tiers"]["mode"]
    if mode == "none":
        steps = [used[r]]
    elif mode == "chronological":
        readings = [opening, *crossings, closing]
        steps = [b[r] - a[r] for a, b in pairwise(readings)]
    else:
        whole = used[r] if mode == "per_rate" else sum(used[: plan.imports])
        steps, last = [], 0
        for bound in [*plan.bounds(start), whole]:
            top = max(last, min(bound, whole))
            steps.append(Fraction(used[r] * (top - last), whole) if whole else 0)
            last = top
    for tier, step in enumerate(steps):
        if step:
            yield tier, Fraction(step)


def _rounded(value, rule):
    whole = abs(value).__floor__()
    rest = abs(value) - whole
    half = Fraction(1, 2)
    if rule != "down" and (rest > half or (rest == half and (rule == "half_up" or whole % 2))):
        whole += 1
    return -whole if value < 0 else whole
