"""What one more kWh costs at any time of a bill: the price of the rate in force, by the core.

A rate with tiers has its price in the tier that the bill has reached at its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from meter.billing_line import ONE
from meter.price_schedule import Schedule
from meter.prices import priced
from wattledger.engine.load import COUNTS_PER_MWH, Ints
from wattledger.engine.timeline import Timeline, grid, merged, place
from wattledger.reading import MeterBill

_PPM = 10**6


@dataclass(frozen=True)
class Prices:
    """
    starts   int64 (m), core seconds, ascending
    bought, sold   int64 (m), nano-units per kWh from there on, without taxes
    """

    starts: Ints
    bought: Ints
    sold: Ints

    def over(self, times: Ints) -> tuple[Ints, Ints]:
        """-> (bought, sold), int64 (n): the price between ascending times (n + 1), times the
        seconds of each, so that a slot with two rates is exact too."""
        at = place(self.starts, times)
        found = []
        for nano in (self.bought, self.sold):
            before = np.cumsum(np.append(0, nano[:-1] * np.diff(self.starts)))
            found.append(np.diff(before[at] + nano[at] * (times - self.starts[at])))
        return found[0], found[1]


def of(
    tariff: Any,
    timeline: Timeline,
    bills: Sequence[MeterBill],
    schedules: Sequence[Schedule] = (),
) -> Prices:
    """tariff: the only one of the timeline; bills: one for each of its parts."""
    starts = timeline.starts
    if tariff.dynamic:
        rows = grid(tariff, timeline.start, timeline.end, tariff.interval_s)
        starts = merged(starts, rows[rows < timeline.end])
    at = place(timeline.starts, starts)
    rates, parts = timeline.rates[at], timeline.part_of[at]
    exports = np.frombuffer(tariff.export_of, dtype=np.uint8)[rates].astype(np.int64)
    tiers = [_tiers(tariff, bill) for bill in bills]
    own = np.array(
        [[tariff.price_nano(rate, tier) for rate, tier in enumerate(reached)] for reached in tiers]
    )
    bought, sold = own[parts, rates], own[parts, exports]
    if tariff.netting == "month":
        sold = bought  # what is fed in lowers what was bought
    if tariff.dynamic:
        _announced(tariff, schedules, starts, rates, exports, bought, sold)
    return Prices(starts, bought, sold)


def amount(counts: int, nano_s: int, duration_s: int) -> Fraction:
    """-> units of the currency, exact, for mW s in a slot whose price is `over` it."""
    return Fraction(counts * nano_s, COUNTS_PER_MWH * duration_s * ONE)


def taxed(tariff: Any, kind: str) -> Fraction:
    """-> what a unit of this kind of line comes to with its taxes."""
    return 1 + Fraction(sum(ppm for _, ppm, kinds in tariff.taxes if kind in kinds), _PPM)


def _tiers(tariff: Any, bill: MeterBill) -> list[int]:
    """-> by rate: the tier that its set has reached."""
    reached: dict[int, int] = {}
    for line in bill.lines:
        if line["kind"] == "energy":
            of_rate = tariff.tier_set(tariff.rates.index(line["name"]))
            reached[of_rate] = max(reached.get(of_rate, 0), line["tier"])
    return [reached.get(tariff.tier_set(rate), 0) for rate in range(len(tariff.rates))]


def _announced(
    tariff: Any,
    schedules: Sequence[Schedule],
    starts: Ints,
    rates: Ints,
    exports: Ints,
    bought: Ints,
    sold: Ints,
) -> None:
    """Put the prices of the schedules into bought and sold."""
    for i, t in enumerate(starts.tolist()):
        for schedule in schedules:
            number, buy, sell = schedule.market(t, tariff.interval_s, tariff.settlement)
            if number:
                for nano, rate, market in ((bought, rates[i], buy), (sold, exports[i], sell)):
                    own = priced(market, tariff.dynamic[rate])
                    nano[i] = nano[i] if own is None else own
                break
