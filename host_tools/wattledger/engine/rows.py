"""What is settled interval by interval: dynamic prices, and netting of import and export.

The rows are those of the meter's load profile: the local grid of interval_s. What counts is what
meter.billing_rows counts: rows whose energy is all of one rate and of one tariff.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meter.price_schedule import Schedule
from meter.prices import priced
from meter.sample import EXPORT, IMPORT
from wattledger.engine.load import Ints, Load
from wattledger.engine.registers import Crossed, Instants, mwh
from wattledger.engine.timeline import Stretch, Timeline, grid, place, stretches

_HALF_BITS = 20


@dataclass
class Settled:
    """What the rows of one part decide for one meter.

    spot     {rate: (mWh, amount in 1e-15)} at a dynamic price, see meter.billing.Account
    netted   {rate: mWh} by which netting in each interval lowers it
    """

    spot: dict[int, tuple[int, int]] = field(default_factory=dict)
    netted: dict[int, int] = field(default_factory=dict)


def needed(timeline: Timeline) -> bool:
    """-> whether a bill of any part needs the rows."""
    return any(_needs(part.tariff) for part in timeline.parts)


def settle(
    timeline: Timeline, load: Load, crossed: Crossed, schedules: list[Schedule]
) -> list[Settled]:
    """-> for each part what the only meter is billed by rows."""
    found = [Settled() for _ in timeline.parts]
    for rows in of(timeline, load, crossed):
        rows.settle(found, schedules)
    return found


def of(timeline: Timeline, load: Load, crossed: Crossed) -> "Iterator[Rows]":
    """Yields the rows of each tariff that needs them, in order."""
    before = None
    for stretch in stretches(timeline):
        if _needs(stretch[0]):
            yield Rows(timeline, load, crossed, stretch, before)
        before = stretch[0]


def _needs(tariff: Any) -> bool:
    return bool(tariff.dynamic) or tariff.netting == "interval"


def _row_ends(tariff: Any, t: int) -> bool:
    return bool(tariff.calendar.interval_end(t - 1, tariff.interval_s) == t)


class Rows:
    """The rows of one tariff that count. before: the tariff before it.

    starts, ends   int64 (rows), core seconds
    bought, sold   int64 (rows), mWh; both: of either, what netting takes away
    rates, exports   int64 (rows), import and export rate
    """

    def __init__(
        self, timeline: Timeline, load: Load, crossed: Crossed, stretch: Stretch, before: Any
    ) -> None:
        tariff, start, end = stretch
        self.tariff = tariff
        opened = np.array([part.start for part in timeline.parts], dtype=np.int64)
        borders = grid(tariff, start, end, tariff.interval_s)
        instants = Instants(load, borders, timeline.next_border, crossed)
        totals = [mwh(instants.counts(load.of(c), c == IMPORT))[0] for c in (IMPORT, EXPORT)]
        pure = np.ones(len(borders) - 1, dtype=bool)
        switches = timeline.starts[1:][np.diff(timeline.rates) != 0]
        inside = (switches > start) & (switches < borders[-1]) & ~np.isin(switches, borders)
        switches = switches[inside]
        pure[place(borders, switches)] = False
        if start > timeline.start and not _row_ends(before, start):
            pure[:1] = False  # it began under the tariff before
        self.starts, self.ends = borders[:-1][pure], borders[1:][pure]
        self.bought, self.sold = (np.diff(total)[pure] for total in totals)
        self.both = np.zeros_like(self.bought)
        if tariff.netting == "interval":
            self.both = np.minimum(self.bought, self.sold)
        self._parts = place(opened, self.ends - 1)
        self.rates = timeline.rates[place(timeline.starts, self.ends - 1)]
        self.exports = np.frombuffer(tariff.export_of, dtype=np.uint8)[self.rates]

    def settle(self, found: list[Settled], schedules: list[Schedule]) -> None:
        tariff = self.tariff
        if tariff.netting == "interval":
            for part, settled in self._of_parts(found):
                for rates in (self.rates, self.exports):
                    for rate in np.unique(rates[part]).tolist():
                        settled.netted[rate] = int(self.both[part & (rates == rate)].sum())
        if tariff.dynamic:
            priced, bought_nano, sold_nano = self.prices(schedules)
            for part, settled in self._of_parts(found):
                for rates, energy, nano in (
                    (self.rates, self.bought, bought_nano),
                    (self.exports, self.sold, sold_nano),
                ):
                    here = part & priced
                    net = energy[here] - self.both[here]
                    _spot(settled.spot, tariff, rates[here], net, nano[here])

    def _of_parts(self, found: list[Settled]) -> Any:
        for part in np.unique(self._parts).tolist():
            yield self._parts == part, found[part]

    def prices(self, schedules: list[Schedule]) -> tuple[Any, Ints, Ints]:
        """-> (which rows have a price of a schedule, nano per kWh bought, sold); both for rates
        that are dynamic, else 0."""
        tariff = self.tariff
        dynamic, interval_s = tariff.dynamic, tariff.interval_s
        shown = np.zeros((3, len(self.ends)), dtype=np.int64)
        rates, exports = self.rates.tolist(), self.exports.tolist()
        for i, end in enumerate(self.ends.tolist()):
            for schedule in schedules:
                found = schedule.market(end - 1, interval_s, tariff.settlement)
                if found[0]:
                    bought = priced(found[1], dynamic[rates[i]])
                    sold = priced(found[2], dynamic[exports[i]])
                    shown[:, i] = found[0], bought or 0, sold or 0
                    break
        return shown[0] > 0, shown[1], shown[2]


def _spot(
    spot: dict[int, tuple[int, int]], tariff: Any, rates: Ints, energy: Ints, nano: Ints
) -> None:
    for rate in np.unique(rates).tolist():
        if tariff.dynamic[rate]:
            here = rates == rate
            before = spot.get(rate, (0, 0))
            amount = before[1] + _product(energy[here], nano[here])
            spot[rate] = before[0] + int(energy[here].sum()), amount


def _product(energy: Ints, nano: Ints) -> int:
    """-> sum of energy x nano, exact."""
    if int(energy.max()) * max(int(nano.max()), -int(nano.min())) >= 1 << 62:
        return sum(e * n for e, n in zip(energy.tolist(), nano.tolist(), strict=True))
    amounts = energy * nano
    low = int((amounts & (1 << _HALF_BITS) - 1).sum())
    return (int((amounts >> _HALF_BITS).sum()) << _HALF_BITS) + low
