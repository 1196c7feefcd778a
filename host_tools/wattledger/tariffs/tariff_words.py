"""What a tariff file says, read word by word: a second reading that shares no code.

Slow and plain on purpose. `tariff_proof` compares it with what the meter will run; the file has
been compiled before, so it is known to be sound.
"""

import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import holidays

from wattledger.tariffs import zones

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NANO = 10**9
MWH = 10**6


class Words:
    """today: decides the years of `holidays` if the file does not."""

    def __init__(self, text: str, today: date) -> None:
        self._file = tomllib.loads(text, parse_float=Decimal)
        self.zone = zones.table(self._file["timezone"])
        self.billing_day = self._file["billing_day"]
        first = self._file.get("valid_from", today).year
        self._years = [first, first + 1]
        self._offsets: dict[int, int] = {}
        self._days: dict[date, str] = {}
        self._rates: dict[str, list[str]] = {}
        self._holidays: dict[tuple[str, int], Any] = {}

    def midnight(self, day: date) -> int:
        """-> Unix second at which this local date begins."""
        local = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return int(local.astimezone(UTC).timestamp())

    def offset(self, unix_s: int) -> int:
        """-> seconds east of UTC"""
        if unix_s not in self._offsets:
            self._offsets[unix_s] = _offset(datetime.fromtimestamp(unix_s, self.zone))
        return self._offsets[unix_s]

    def shown(self, unix_s: int) -> str:
        return f"{datetime.fromtimestamp(unix_s, self.zone):%Y-%m-%d %H:%M:%S %z}"

    def rate(self, unix_s: int) -> tuple[str, int]:
        """-> (name of the import rate in force, seconds east of UTC)"""
        local = datetime.fromtimestamp(unix_s, self.zone)
        return self.rates_of(local.date())[60 * local.hour + local.minute], _offset(local)

    def rates_of(self, day: date) -> list[str]:
        """-> by minute of the clock: the name of the rate."""
        name = self.day(day)
        if name not in self._rates:
            clocks = [f"{m // 60:02d}:{m % 60:02d}" for m in range(1440)]
            self._rates[name] = [self._at(self._file["days"][name], clock) for clock in clocks]
        return self._rates[name]

    def day(self, day: date) -> str:
        """-> name of the day that counts on a date."""
        if day not in self._days:
            self._days[day] = self._special(day) or self._weekly(day)
        return self._days[day]

    def special_dates(self, first: date, years: int) -> list[date]:
        """-> the dates of `special_days`: of every year, those of some years from first on."""
        found = []
        until = first.replace(year=first.year + years, day=min(first.day, 28))
        for entry in self._file.get("special_days", []):
            if isinstance(entry.get("date"), date):
                found.append(entry["date"])
            elif "holidays" in entry:
                asked = entry.get("years", self._years)
                begin, end = date(asked[0], 1, 1), date(asked[-1], 12, 31)
                found += [d for d in _dates(begin, end) if self._is_holiday(entry, d)]
        found += [d for d in _dates(first, until) if self._special(d)]
        return sorted(set(found))

    def is_special(self, day: date) -> bool:
        return bool(self._special(day))

    def season_starts(self, year: int) -> list[date]:
        starts = [f"{year}-{season['from']}" for season in self._file["seasons"].values()]
        return sorted(date.fromisoformat(start) for start in starts)

    def export(self, rate: str) -> str:
        """-> name of the export rate in force with an import rate."""
        exports = list(self._file.get("exports", {"export": None}))
        return str(self._file["rates"][rate].get("export", exports[0]))

    def prices(self, rate: str, is_export: bool) -> list[Decimal]:
        """-> nano-units per kWh, of each tier or one of all."""
        if is_export and "exports" not in self._file:
            return [Decimal(0)]
        entry = self._file["exports" if is_export else "rates"][rate]
        prices = entry["prices"] if "prices" in entry else [entry["price"]]
        return [Decimal(price) * NANO for price in prices]

    def windows_s(self) -> dict[str, int]:
        """-> by what they are of: seconds of a profile row, a demand and a limiter window."""
        found = {"interval": 60 * self._file.get("interval_min", 15)}
        for name in ("demand", "limiter"):
            if name in self._file:
                part = self._file[name]
                found[name] = part.get("window_s") or 60 * part["window_min"]
        return found

    def tier_sets(self) -> dict[str, tuple[str, list[Decimal], set[str]]]:
        """-> by name: (per, bounds in mWh, names of its rates)"""
        sets = self._file.get("tiers", {})
        only = next(iter(sets)) if len(sets) == 1 else None
        return {
            name: (
                entry.get("per", "period"),
                [Decimal(bound) * MWH for bound in entry["up_to_kwh"][:-1]],
                {r for r, rate in self._file["rates"].items() if rate.get("tiers", only) == name},
            )
            for name, entry in sets.items()
        }

    def _at(self, day: dict[str, Any], clock: str) -> str:
        rest = ""
        for rate, ranges in day.items():
            if ranges == "otherwise":
                rest = rate
            elif any(r[:5] <= clock < r[6:] for r in ranges):
                return rate
        return rest

    def _weekly(self, day: date) -> str:
        begun = sorted((season["from"], season["week"]) for season in self._seasons())
        weeks = [week for start, week in begun if start <= f"{day:%m-%d}"]
        week = self._file["weeks"][weeks[-1] if weeks else begun[-1][1]]
        today = day.weekday()
        for key, name in week.items():
            first, last = (WEEKDAYS.index(part) for part in (key[:3], key[-3:]))
            if first <= today <= last:
                return str(name)
        raise AssertionError("a week has seven days")

    def _seasons(self) -> list[dict[str, str]]:
        return list(self._file["seasons"].values())

    def _special(self, day: date) -> str:
        """-> "" on a day like others. A date goes before one of every year, and that before
        the holidays of a country."""
        entries = self._file.get("special_days", [])
        for when in (day, f"{day:%m-%d}"):
            for entry in entries:
                if entry.get("date") == when:
                    return str(entry["day"])
        for entry in entries:
            if "holidays" in entry and self._is_holiday(entry, day):
                return str(entry["day"])
        return ""

    def _is_holiday(self, entry: dict[str, Any], day: date) -> bool:
        years = entry.get("years", self._years)
        if day.year in years:
            return self._is_public(entry, day)
        every = range(years[0], years[-1] + 29)
        if (day.month, day.day) == (2, 29):
            return False
        return all(self._is_public(entry, day.replace(year=year)) for year in every)

    def _is_public(self, entry: dict[str, Any], day: date) -> bool:
        key = (entry["holidays"], day.year)
        if key not in self._holidays:
            country, _, part = entry["holidays"].partition("-")
            english = "en_US" in getattr(
                holidays.country_holidays(country), "supported_languages", ()
            )
            self._holidays[key] = holidays.country_holidays(
                country,
                subdiv=part or None,
                years=day.year,
                language="en_US" if english else None,
            )
        names = self._holidays[key].get_list(day)
        if "only" not in entry:
            return bool(names)
        wanted = entry["only"]
        return any(f"{name} (".startswith(f"{w} (") for name in names for w in wanted)


def _offset(local: datetime) -> int:
    delta = local.utcoffset()
    assert delta is not None
    return delta.days * 86400 + delta.seconds


def _dates(first: date, until: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((until - first).days + 1)]
