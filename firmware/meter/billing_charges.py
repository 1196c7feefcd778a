"""The lines of a bill that are not energy: demand, reactive energy, fixed charges. On demand."""

from meter import tiers
from meter.billing_line import PER_NANO, Line
from meter.civil import date
from meter.sample import IMPORT, Q1, Q2

_PPM = 1_000_000
_NANO = 1_000_000_000
_ALL_MONTHS = 4095


def lines(tariff, account):
    """Yields the Lines of one part: demand, reactive, fixed."""
    if tariff.demand:
        for line in _demand(tariff, account):
            yield line
    if tariff.reactive:
        line = _reactive(tariff, account)
        if line is not None:
            yield line
    opening = account.opening.utc
    for name, nano, per in tariff.fixed:
        if per == "day":
            num, den = tariff.calendar.days(opening, account.closing.utc), 1
        else:
            num, den = tiers.share(tariff, opening, account.end)
            den *= 12 if per == "year" else 1
        amount = (num * nano * PER_NANO, den)
        yield Line("fixed", name, 0, (num, den), nano, amount, tariff)


def _demand(tariff, account):
    first, months = 0, None
    for name, _, mask, highest, bounds, prices, ratchet in tariff.demand[2]:
        if mask != _ALL_MONTHS and months is None:
            months = _months(tariff, account)
        if mask == _ALL_MONTHS or mask & months:
            num, den = _mean(account.demand, first, highest)
            if ratchet:
                ppm, back = ratchet
                for earlier in account.history[:back]:
                    n, d = _mean(earlier, first, highest)
                    if n * ppm * den > num * d * _PPM:
                        num, den = n * ppm, d * _PPM
            below = 0
            for tier, bound in enumerate(bounds + (None,)):
                upper = num if bound is None else min(bound * den, num)
                if upper > below:
                    kw, nano = upper - below, prices[tier]
                    yield Line("demand", name, tier, (kw, den), nano, (kw * nano, den), tariff)
                    below = upper
        first += highest


def _mean(demand, first, highest):
    """-> (sum of the mW in the slots of a charge, how many are filled; 1 if none)."""
    num = filled = 0
    for slot in range(2 * first, min(2 * (first + highest), len(demand)), 2):
        if demand[slot + 1]:
            num += demand[slot]
            filled += 1
    return num, max(1, filled)


def _months(tariff, account):
    """-> bits of the local months that this part touches; bit 0: January."""
    local_day = tariff.calendar.local_day
    opening, closing = account.opening.utc, account.closing.utc
    month = date(local_day(opening))[1]
    last = date(local_day(max(opening, closing - 1)))[1]
    found = 1 << month - 1
    while month != last:
        month = month % 12 + 1
        found |= 1 << month - 1
    return found


def _reactive(tariff, account):
    price, free = tariff.reactive
    before, after = account.opening.registers, account.closing.registers
    plus = after[Q1] + after[Q2] - before[Q1] - before[Q2]
    billed = plus * _NANO - (after[IMPORT] - before[IMPORT]) * free
    if billed <= 0:
        return None
    return Line("reactive", "reactive", 0, (billed, _NANO), price, (billed * price, _NANO), tariff)
