"""A bill from registers: the one piece of arithmetic that meter and host both run.

Quantities and amounts are exact fractions of integers until a line is rounded, once, by
the tariff's rule. An amount counts in 1e-15 of the currency: mWh x nano-units per kWh.
"""

from meter.compat import const

_ONE = const(1_000_000_000_000_000)  # one unit of currency in 1e-15
_PER_DAY = const(1_000_000)  # nano-units to 1e-15


class Reading:
    """Rate registers at one instant, utc in core seconds."""

    def __init__(self, utc, rates):
        self.utc, self.rates = utc, list(rates)


class Line:
    """One line of a bill.

    kind      "energy", "export", "fixed" or "tax"
    name      of the rate, "fixed", or of the tax
    tier      0-based; 0 where there are none
    quantity  (num, den): mWh, days, months, or the taxed sum in units of rounding
    price     nano-units per kWh, day or month; parts per million for a tax
    amount    (num, den) in 1e-15 of the currency; negative is a credit
    rounded   int, units of 10^-decimals of the currency
    """

    def __init__(self, kind, name, tier, quantity, price, amount, tariff):
        self.kind, self.name, self.tier = kind, name, tier
        self.quantity, self.price, self.amount = quantity, price, amount
        unit = amount[1] * (_ONE // 10**tariff.decimals)
        self.rounded = round_fraction(amount[0], unit, tariff.rounding)

    def as_dict(self):
        """-> the line as it goes over the wire."""
        return {
            "kind": self.kind,
            "name": self.name,
            "tier": self.tier,
            "quantity": self.quantity,
            "price": self.price,
            "amount": self.amount,
            "rounded": self.rounded,
        }


def lines(tariff, opening, closing, crossings=()):
    """Yields the Lines of one billing period in their printed order.

    opening, closing   records or readings with utc (core seconds), rates (16 ints, mWh)
    crossings  readings at the tier crossings between them, in order; only the
               chronological tier mode has any
    """
    taxable = {}
    for line in _untaxed(tariff, opening, closing, crossings):
        taxable[line.kind] = taxable.get(line.kind, 0) + line.rounded
        yield line
    for name, ppm, kinds in tariff.taxes:
        base = sum([taxable.get(kind, 0) for kind in kinds])
        amount = (base * (_ONE // 10**tariff.decimals) * ppm, 1_000_000)
        yield Line("tax", name, 0, (base, 1), ppm, amount, tariff)


def total(all_lines):
    """-> int, the sum of the rounded lines: what is to be paid."""
    return sum([line.rounded for line in all_lines])


def round_fraction(num, den, rule):
    """num / den -> int by "half_even", "half_up" (away from zero) or "down" (to zero)."""
    sign = -1 if num < 0 else 1
    whole, rest = abs(num) // den, abs(num) % den
    up = 2 * rest - den  # above, below, or exactly half
    if rule != "down" and (up > 0 or (up == 0 and (rule == "half_up" or whole & 1))):
        whole += 1
    return sign * whole


def _untaxed(tariff, opening, closing, crossings):
    for rate in range(tariff.imports):
        for tier, quantity in _tier_quantities(tariff, rate, opening, closing, crossings):
            yield _energy("energy", tariff, rate, tier, quantity, 1)
    for rate in range(tariff.imports, len(tariff.rates)):
        sold = _energy_of(tariff, rate, opening, closing)
        if sold:
            yield _energy("export", tariff, rate, 0, (sold, 1), -1)
    if tariff.fixed:
        nano, per = tariff.fixed
        n = tariff.calendar.local_days(opening.utc, closing.utc) if per == "day" else 1
        yield Line("fixed", "fixed", 0, (n, 1), nano, (n * nano * _PER_DAY, 1), tariff)


def _energy(kind, tariff, rate, tier, quantity, sign):
    price = tariff.price_nano(rate, tier)
    amount = (sign * quantity[0] * price, quantity[1])
    return Line(kind, tariff.rates[rate], tier, quantity, price, amount, tariff)


def _tier_quantities(tariff, rate, opening, closing, crossings):
    """Yields (tier, (mWh num, den)) with energy for one import rate."""
    if tariff.tier_mode == "chronological":
        readings = [opening] + list(crossings) + [closing]
        for tier in range(len(readings) - 1):
            used = _energy_of(tariff, rate, readings[tier], readings[tier + 1])
            if used:
                yield tier, (used, 1)
        return
    used = whole = _energy_of(tariff, rate, opening, closing)
    if not used:
        return
    if tariff.tier_mode == "prorata":
        whole = sum([_energy_of(tariff, r, opening, closing) for r in range(tariff.imports)])
    below = 0
    for tier, bound in enumerate(_bounds(tariff, opening) + (None,)):
        upper = whole if bound is None else min(bound, whole)
        if upper > below:
            share = (used * (upper - below), whole) if whole != used else (upper - below, 1)
            yield tier, share
        below = max(below, upper)


def _bounds(tariff, opening):
    calendar = tariff.calendar
    return tariff.tier_bounds(opening.utc, calendar.period_end(opening.utc, tariff.billing_day))


def _energy_of(tariff, rate, before, after):
    register = tariff.register(rate)
    return after.rates[register] - before.rates[register]
