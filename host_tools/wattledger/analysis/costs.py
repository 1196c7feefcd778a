"""What each interval of a history cost: its bills, spread over time to the last unit.

- Bought and sold energy goes to the intervals of its rate, in proportion to their energy: tier
  by tier where tiers follow one another in time, else all tiers of a rate together, since no
  kWh of it is dearer than another. Energy at a dynamic price costs what its interval says.
- A demand charge goes to the windows that made the maxima, in proportion to their energy;
  with a ratchet to those of the earlier month that holds.
- Reactive energy, fixed charges, minimum, tax, credit and rounding belong to no time: they
  are lines of their own. All together are the bills.

Amounts are exact fractions in units of the currency.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from meter.price_schedule import Schedule
from wattledger import simulate
from wattledger.analysis import pieces, spreads
from wattledger.analysis.history import History
from wattledger.analysis.pieces import Pieces
from wattledger.analysis.spreads import Rest, Spread
from wattledger.bills import bill_units
from wattledger.engine.load import Ints
from wattledger.reading import MeterBill


@dataclass
class Cost:
    """import_mwh, export_mwh: energy; amounts: {"energy" | "export" | "demand": currency}."""

    import_mwh: int = 0
    export_mwh: int = 0
    amounts: dict[str, Fraction] = field(default_factory=dict)

    @property
    def amount(self) -> Fraction:
        return sum(self.amounts.values(), Fraction())


@dataclass(frozen=True)
class Costs:
    """The sum of spreads and rests is that of the totals of the bills.

    tariffs   by digest; pieces: what the spreads point into
    """

    history: History
    tariffs: dict[str, Any]
    bills: list[MeterBill]
    pieces: Pieces
    spreads: list[Spread]
    rests: list[Rest]

    @property
    def total(self) -> Fraction:
        """-> currency: what all bills come to."""
        return sum(
            (
                Fraction(bill.total, 10 ** self.tariffs[bill.digest].decimals)
                for bill in self.bills
            ),
            Fraction(),
        )

    def by(self, keys: Ints) -> dict[int, Cost]:
        """Sums over intervals. keys: int64, one for each interval of the history, as
        history.month, or history.minute // 60.

        -> {key: Cost}, ascending; with the rests it is the total
        """
        history = self.history
        found = {key: Cost() for key in np.unique(keys).tolist()}
        energies = history.import_mwh.tolist(), history.export_mwh.tolist()
        for key, bought, sold in zip(keys.tolist(), *energies, strict=True):
            found[key].import_mwh += bought
            found[key].export_mwh += sold
        of_piece = keys[self.pieces.interval]
        for spread in self.spreads:
            sums: dict[int, int] = {}
            for key, share in zip(
                of_piece[spread.at].tolist(), spread.share.tolist(), strict=True
            ):
                sums[key] = sums.get(key, 0) + share
            for key, share in sums.items():
                amounts = found[key].amounts
                amounts[spread.kind] = amounts.get(spread.kind, Fraction()) + spread.scale * share
        return found

    def by_interval(self) -> list[Cost]:
        """-> one for each interval of the history."""
        return list(self.by(np.arange(len(self.history))).values())


def of(history: History, tariffs: Sequence[Any], schedules: Sequence[Schedule] = ()) -> Costs:
    """tariffs, schedules: as in simulate.bills_of. ToolError: as there."""
    load = history.load()
    counted = simulate.counted(tariffs, load, schedules)
    bills = simulate.of_counted(counted)
    made = pieces.of(history, load, counted, schedules)
    by_digest = {tariff.digest: tariff for tariff in tariffs}
    spread: list[Spread] = []
    rests: list[Rest] = []
    for i, bill in enumerate(bills):
        tariff = by_digest[bill.digest]
        spread += spreads.energy(made, counted, bill, i, tariff)
        spread += spreads.demand(made, counted, bill, i, tariff)
        rests += spreads.rests(bill, i, tariff)
    return Costs(history, by_digest, bills, made, spread, rests)


@dataclass(frozen=True)
class CouldShift:
    """Energy that was bought above the base load at a price above the cheapest of its local day.

    mwh, of_mwh   it, and all that was bought
    at_most   currency: what it had cost less at the cheapest price of its day; before tiers,
              demand charges and tax, and as if there were no limit to what may move
    """

    mwh: int
    of_mwh: int
    at_most: Fraction


def could_shift(found: Costs, base_mw: int) -> CouldShift:
    """The price is that of the rate in force, in its first tier; of a dynamic rate that of the
    interval. base_mw: as wattledger.analysis.shape.base_load finds it."""
    made = found.pieces
    days, of_day = np.unique(found.history.day[made.interval], return_inverse=True)
    cheapest = np.full(len(days), np.iinfo(np.int64).max)
    np.minimum.at(cheapest, of_day, made.price_nano)
    above = np.maximum(made.bought - base_mw * (made.ends - made.starts) // 3600, 0)
    dearer = made.price_nano - cheapest[of_day]
    above[dearer == 0] = 0
    worth = sum(e * n for e, n in zip(above.tolist(), dearer.tolist(), strict=True))
    return CouldShift(
        int(above.sum()), int(made.bought.sum()), Fraction(worth, 10**bill_units.AMOUNT_DECIMALS)
    )
