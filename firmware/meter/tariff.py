"""The tariff in force: packed calendar, rates, prices, and what else a bill rests on.

`meter.tariff_check` reads the file and makes sure that what comes here is sound;
`meter.tariff_pack` makes a Tariff of it.
"""

import struct

from meter.compat import const, forget

MYPY = const(False)  # type checkers take it for true
NO_SET = const(255)


class Tariff:
    """One version of a tariff, as the meter runs and bills it.

    digest      64 hex digits, SHA-256 of the file; name, currency: texts
    valid_from  Unix seconds, or 0
    rates       names, import rates first; the index is what the calendar selects
    imports     how many of them are import rates
    export_of   by import rate: index of the export rate in force with it
    registers   how many rate registers it needs: 16, in a simulation perhaps more
    calendar    Calendar; billing_day, interval_s, fallback (an import rate)
    tier_sets   [(mode, per, bounds in mWh; per kw: in mWh per kW), ...]; mode
                "chronological", "prorata" or "per_rate", per "period", "day" or "kw"
    peak_slot   slot of the demand charge on all rates that kw bounds rest on, or -1
    dynamic     by rate: (multiply in parts per million, add in nano) or None; None: no rate
    settlement  of dynamic rates: "interval" or "hour"; None without such
    demand      (window_s, parts, charges) or None; a charge is (name, import rates or () for
                all, months as bits from January, highest, bounds in mW, prices in nano per kW,
                (ppm, months) of a ratchet or None)
    limiter     (window_s, levels) or None; a level is (name, action, threshold_mw,
                release_mw, over, under, rate, manual)
    netting     "none", "interval" or "month"; carry "none", "money" or "kwh"
    reactive    (nano per kvarh, kvarh free per kWh in nano) or None
    fixed       ((name, nano, "day" or "month" or "year"), ...)
    minimum     (nano, "day" or "month" or "year", kinds of line it covers) or None
    taxes       ((name, parts per million, kinds of line it is on), ...)
    decimals, rounding   of a printed line
    """

    def __init__(self, fields):
        for name in fields:
            setattr(self, name, fields[name])

    if MYPY:  # the fields make the attributes

        def __getattr__(self, name):
            return getattr(self, name)

    def register(self, rate):
        """-> the rate register, 0..15: imports from below, exports from above, so that a
        register keeps its direction from one tariff to the next."""
        return rate if rate < self.imports else self.registers - 1 - (rate - self.imports)

    def tier_set(self, rate):
        """-> index of the tier set that a rate belongs to, or -1."""
        index = self._sets[rate] if rate < self.imports else NO_SET
        return index if index != NO_SET else -1

    def tier_bounds(self, index, opening, end, peak_mw=0):
        """-> tuple of mWh, the bounds between the tiers of a set in one part of a period.

        opening, end   core seconds of the part, the planned end while it is open
        peak_mw        of the part, for bounds per kW
        """
        from meter import tiers

        bounds = tiers.bounds(self, index, opening, end, peak_mw)
        forget("meter.tiers")
        return bounds

    def prices_of(self, rate):
        """-> tuple of nano-units per kWh by tier, or one for all tiers."""
        first, count = self._price_at[rate]
        return struct.unpack_from("<" + str(count) + "q", self._prices, 8 * first)

    def price_nano(self, rate, tier):
        """A rate with one price has it in every tier."""
        first, count = self._price_at[rate]
        return struct.unpack_from("<q", self._prices, 8 * (first + (tier if count > 1 else 0)))[0]
