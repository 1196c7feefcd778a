"""The tariff in force: packed calendar, rates, prices and tiers.

`meter.tariff_check` reads the file and makes sure that what comes here is sound.
"""

from meter.calendar import Calendar
from meter.civil import Zone
from meter.limits import RATES


class Tariff:
    """One version of a tariff, as the meter runs and bills it.

    data        dict that `tariff_check.check` has passed (docs/tariffs.md)
    digest      64 hex digits, SHA-256 of the file
    rates       names, import rates first; the index is what the calendar selects
    imports     how many of them are import rates
    export_of   by import rate: index of the export rate in force with it
    prices      by rate: tuple of nano-units per kWh by tier, or one for all tiers
    tier_mode   "none", "chronological", "prorata" or "per_rate"
    tier_bounds_mwh   ascending; tier_per_day: bound x days
    calendar    Calendar
    fixed       (nano-units, "day" or "month") or None
    taxes       [(name, parts per million, kinds of line it is on), ...]
    decimals, rounding   of a printed line
    """

    def __init__(self, data, digest):
        self.digest = digest
        self.name, self.currency = data["name"], data["currency"]
        self.decimals, self.rounding = data["decimals"], data["rounding"]
        self.billing_day, self.interval_s = data["billing_day"], data["interval_s"]
        self.fallback = data["fallback"]
        tiers, imports, rates = data["tiers"], data["rates"], data["rates"] + data["exports"]
        self.tier_mode, self.tier_per_day = tiers["mode"], tiers["per"] == "day"
        self.tier_bounds_mwh = tuple(tiers["bounds"])
        self.imports = len(imports)
        self.rates = [rate["name"] for rate in rates]
        self.prices = [tuple(rate["prices"]) for rate in rates]
        self.export_of = bytes([len(imports) + rate["export"] for rate in imports])
        self.fixed = tuple(data["fixed"]) if data["fixed"] else None
        self.taxes = [(name, ppm, tuple(kinds)) for name, ppm, kinds in data["taxes"]]
        self.calendar = Calendar(
            Zone(data["zone"]), data["seasons"], data["weeks"], data["days"], data["special_days"]
        )

    def register(self, rate):
        """-> the rate register, 0..15: imports from below, exports from above, so that a
        register keeps its direction from one tariff to the next."""
        return rate if rate < self.imports else RATES - 1 - (rate - self.imports)

    def tier_bounds(self, period_start, period_end):
        """-> tuple of mWh, the bounds between the tiers in this billing period."""
        n = self.calendar.local_days(period_start, period_end) if self.tier_per_day else 1
        return tuple([bound * n for bound in self.tier_bounds_mwh])

    def price_nano(self, rate, tier):
        """A rate with one price has it in every tier."""
        prices = self.prices[rate]
        return prices[tier] if len(prices) > 1 else prices[0]
