"""What a plan adds to the bill, in exact fractions: the objective that is minimised.

    energy    each slot at the price of its rate; what the base load would have fed in costs what
              it would have earned
    demand    the highest windows of each charge, as billed; a ratchet is left out
    limiter   what is bought above the threshold of a level that re-prices, at that level's rate

The bill itself has more in it (tiers that are crossed, rounding, how long a limiter holds):
what a plan costs is told by `wattledger.simulate`, never by this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from meter.billing_line import ONE
from wattledger.analysis import marginal_prices
from wattledger.analysis.planner_horizon import Horizon
from wattledger.engine.load import COUNTS_PER_MWH, Ints

Piece = tuple[int | None, Fraction]  # how much has this price, None: the rest; price of one


@dataclass(frozen=True)
class Charge:
    """A demand charge in one part of the plan.

    days     by local day: the windows that count
    highest  it is on the mean of so many days
    pieces   mW at units of the currency for each
    """

    days: tuple[tuple[int, ...], ...]
    highest: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Excess:
    """Above a threshold each count in a window costs so much more, by window of the limiter."""

    threshold_mw: int
    prices: tuple[Fraction, ...]


def energy(horizon: Horizon) -> list[list[Piece]]:
    """-> by slot: counts (mW s) at units of the currency for each."""
    tariff = horizon.tariff
    buy, sell = (marginal_prices.taxed(tariff, kind) for kind in ("energy", "export"))
    found = []
    columns = (*horizon.prices, horizon.sold, horizon.duration_s)
    for bought, fed_in, sold, duration_s in zip(*(c.tolist() for c in columns), strict=True):
        own = marginal_prices.amount(1, fed_in, duration_s) * sell
        rest = marginal_prices.amount(1, bought, duration_s) * buy
        pieces: list[Piece] = [(sold, own)] if sold else []
        found.append([*pieces, (None, rest)])
    return found


def charges(horizon: Horizon) -> list[Charge]:
    tariff, windows = horizon.tariff, horizon.demand
    if windows is None:
        return []
    tax = marginal_prices.taxed(tariff, "demand")
    found = []
    for _, rates, mask, highest, bounds, prices, _ in tariff.demand[2]:
        wanted = (mask >> windows.months & 1).astype(bool)
        if rates:
            wanted &= np.isin(windows.rates, rates)
        widths = [*np.diff(np.array([0, *bounds])).tolist(), None]
        nano = zip(widths, prices, strict=True)
        pieces = tuple((width, tax * Fraction(price, ONE)) for width, price in nano)
        for part in range(len(horizon.timeline.parts)):
            here = np.flatnonzero(wanted & (windows.parts == part))
            by_day: dict[int, list[int]] = {}
            for window in here.tolist():
                by_day.setdefault(int(windows.days[window]), []).append(window)
            days = tuple(tuple(day) for day in by_day.values())
            if any(windows.slots[window] for day in days for window in day):
                found.append(Charge(days, highest, pieces))
    return found


def excesses(horizon: Horizon) -> list[Excess]:
    tariff, windows = horizon.tariff, horizon.limited
    if windows is None:
        return []
    tax = marginal_prices.taxed(tariff, "energy")
    bought, duration_s = horizon.prices[0].tolist(), horizon.duration_s.tolist()
    below = []  # nano per kWh by window, of the level below or of the calendar
    for slots in windows.slots:
        seconds = sum(common_s for _, common_s in slots)
        nano = sum(Fraction(bought[slot] * s, duration_s[slot]) for slot, s in slots)
        below.append(nano / seconds if slots else Fraction())
    found = []
    for level in sorted(tariff.limiter[1], key=lambda level: level[2]):
        if level[1] == "reprice":
            nano = Fraction(tariff.price_nano(level[6], 0))
            more = [max(Fraction(), nano - old) for old in below]
            each = tuple(tax * step / (COUNTS_PER_MWH * ONE) for step in more)
            found.append(Excess(level[2], each))
            below = [max(nano, old) for old in below]
    return found


def added(horizon: Horizon) -> Callable[[Ints], Fraction]:
    """-> planned counts by slot, int64 (n) -> units of the currency that they cost."""
    by_slot, by_charge, by_level = energy(horizon), charges(horizon), excesses(horizon)

    def whole(planned: list[int]) -> Fraction:
        cost = sum((of(pieces, n) for pieces, n in zip(by_slot, planned, strict=True)), Fraction())
        grid = [max(0, n - sold) for n, sold in zip(planned, horizon.sold.tolist(), strict=True)]
        cost += sum((_demand(horizon, charge, grid) for charge in by_charge), Fraction())
        return cost + sum((_limited(horizon, level, grid) for level in by_level), Fraction())

    nothing = whole([0] * len(by_slot))
    return lambda planned: whole(planned.tolist()) - nothing


def of(pieces: list[Piece] | tuple[Piece, ...], quantity: Fraction | int) -> Fraction:
    """-> what a quantity costs, piece after piece."""
    cost, left = Fraction(), Fraction(quantity)
    for width, price in pieces:
        taken = left if width is None else min(left, Fraction(width))
        cost += taken * price
        left -= taken
    return cost


def window_counts(horizon: Horizon, base: int, slots: object, grid: list[int]) -> Fraction:
    """-> what a window has bought, grid: counts by slot beside the base load."""
    assert isinstance(slots, tuple)
    durations = horizon.duration_s
    return base + sum((Fraction(grid[i] * s, int(durations[i])) for i, s in slots), Fraction())


def _demand(horizon: Horizon, charge: Charge, grid: list[int]) -> Fraction:
    windows = horizon.demand
    assert windows is not None
    most = [
        max(window_counts(horizon, int(windows.base[w]), windows.slots[w], grid) for w in day)
        for day in charge.days
    ]
    highest = [day / windows.window_s for day in sorted(most, reverse=True)[: charge.highest]]
    filled = max(1, sum(power > 0 for power in highest))
    return of(charge.pieces, sum(highest, Fraction()) / filled)


def _limited(horizon: Horizon, level: Excess, grid: list[int]) -> Fraction:
    windows = horizon.limited
    assert windows is not None
    cost = Fraction()
    for window, (slots, price) in enumerate(zip(windows.slots, level.prices, strict=True)):
        if slots:
            bought = window_counts(horizon, int(windows.base[window]), slots, grid)
            cost += price * max(Fraction(), bought - level.threshold_mw * windows.window_s)
    return cost
