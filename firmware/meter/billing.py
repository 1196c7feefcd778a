"""A bill from registers: the one piece of arithmetic that meter and host both run.

Quantities and amounts are exact fractions of integers until a line is rounded, once, by
the tariff's rule. An amount counts in 1e-15 of the currency: mWh x nano-units per kWh.
What is billed is one part of a contract: a billing period, or what a change of tariff left.
"""

from meter import billing_energy
from meter.billing_line import ONE, PER_NANO, Line, round_fraction
from meter.civil import date
from meter.compat import forget

NOTHING_CARRIED = (0, 0, 0, 0)
__all__ = ("Account", "Line", "Reading", "lines", "round_fraction", "total")


class Reading:
    """Registers at one instant.

    utc        core seconds; rates: ints by rate register, mWh
    registers  7 ints by meter.sample channel: mWh, mvarh, mVAh
    """

    def __init__(self, utc, rates, registers=(0, 0, 0, 0, 0, 0, 0)):
        self.utc, self.rates, self.registers = utc, list(rates), list(registers)


class Account:
    """What one part is billed from.

    opening, closing   Reading
    end        planned end of the part, core s; None: it is closed, at closing.utc
    crossings  [(tier set, Reading), ...] in order, of chronological sets
    demand     flat by slot: mW and Unix s of the end of the window; 0, 0: empty
    history    the demand of earlier parts, newest first
    spot       {rate: (mWh, amount in 1e-15)} settled interval by interval at a dynamic price;
               the amount of an export rate is what it earns, positive
    net        {rate: mWh} bought and sold after each interval was netted, or None
    carry      (credit in 1e-15, what the lines under a yearly minimum came to this year in
               1e-15, mWh kept of export rate 0, of export rate 1), at the opening
    carry_out  the same at the closing; there when `lines` has given its last
    """

    def __init__(
        self,
        opening=None,
        closing=None,
        end=None,
        crossings=(),
        demand=(),
        history=(),
        spot=None,
        net=None,
        carry=NOTHING_CARRIED,
    ):
        self.opening, self.closing = opening, closing
        self.end = closing.utc if end is None and closing is not None else end
        self.crossings, self.demand, self.history = crossings, demand, history
        self.spot, self.net = spot or {}, net
        self.carry = tuple(carry)
        self.carry_out = None


def lines(tariff, account):
    """Yields the Lines of one part in their printed order: each once, those without a quantity
    left out. Afterwards account.carry_out is set."""
    sums, due = {}, 0
    account.carry_out = None
    kept = list(account.carry)
    for line in _untaxed(tariff, account, kept):
        sums[line.kind] = sums.get(line.kind, 0) + line.rounded
        due += line.rounded
        yield line
    if tariff.minimum:
        line, kept[1] = _minimum(tariff, account, sums)
        if line is not None:
            sums["minimum"] = line.rounded
            due += line.rounded
            yield line
    unit = ONE // 10**tariff.decimals
    taxes = []
    for name, ppm, kinds in tariff.taxes:
        base = sum([sums.get(kind, 0) for kind in kinds])
        taxes.append(Line("tax", name, 0, (base, 1), ppm, (base * unit * ppm, 1_000_000), tariff))
        due += taxes[-1].rounded
    if tariff.carry == "money":
        # A negative total becomes credit; credit pays a positive one, in whole units.
        moved = -due if due < 0 else -min(due, kept[0] // unit)
        if moved:
            kept[0] += moved * unit
            yield Line("carry", "carry", 0, (moved, 1), 0, (moved * unit, 1), tariff)
    account.carry_out = tuple(kept)
    for line in taxes:
        yield line


def total(all_lines):
    """-> int, the sum of the rounded lines: what is to be paid."""
    return sum([line.rounded for line in all_lines])


def _untaxed(tariff, account, kept):
    for line in billing_energy.lines(tariff, account, kept):
        yield line
    if not (tariff.demand or tariff.reactive or tariff.fixed):
        return
    from meter import billing_charges

    for line in billing_charges.lines(tariff, account):
        yield line
    forget("meter.billing_charges")


def _minimum(tariff, account, sums):
    """-> (Line or None, what the covered lines came to in this calendar year so far).

    Lines that come to a credit count as nothing: a minimum never takes more than itself.
    """
    nano, per, kinds = tariff.minimum
    calendar, opening, closing = tariff.calendar, account.opening.utc, account.closing.utc
    covered = sum([sums.get(kind, 0) for kind in kinds]) * (ONE // 10**tariff.decimals)
    num, den = 1, 1
    if per == "year":
        covered += account.carry[1]
        days = calendar.local_day(opening), calendar.local_day(closing)
        if date(days[0])[0] == date(days[1])[0]:
            return None, covered
    elif per == "month":
        from meter import tiers

        num, den = tiers.share(tariff, opening, account.end)
        forget("meter.tiers")
    else:
        num = calendar.days(opening, closing)
    missing = nano * PER_NANO * num - max(0, covered) * den
    if missing <= 0:
        return None, 0
    return Line("minimum", "minimum", 0, (num, den), nano, (missing, den), tariff), 0
