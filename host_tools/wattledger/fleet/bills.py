"""The bills of thousands of meters at once, as integers: what meter.billing gives for each.

Columns over meters and parts: energy by rate, tiers, peaks, then money. A tariff that needs more
than its totals (a limiter that re-prices, prices by interval, what is carried over) goes meter
by meter, through the same engine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meter.price_schedule import Schedule
from meter.tariff_check import KINDS
from wattledger.engine import account, called, fleet_lines, timeline
from wattledger.engine.columns import Quantities, Reader
from wattledger.engine.load import Ints, Load, of_rows
from wattledger.engine.timeline import Part, Timeline
from wattledger.simulate import versions

LINE_KINDS = (*KINDS, "carry", "tax")
_CHUNK = 32  # meters at a time: enough for numpy's loops, and the columns stay in a cache


@dataclass(frozen=True)
class FleetBills:
    """
    parts   what each bill is of, in order
    used    int64 (meters, parts, rates), mWh
    sums    by kind of line: int64 (meters, parts), units of 10^-decimals of the currency
    """

    parts: list[Part]
    used: Ints
    sums: dict[str, Ints]

    @property
    def totals(self) -> Ints:
        """-> int64 (meters, parts): what is to be paid."""
        found: Ints = np.sum(list(self.sums.values()), axis=0)
        return found


def bills(
    tariffs: Sequence[Any],
    start: int,
    step_s: int,
    imported: Any,
    exported: Any = None,
    schedules: Sequence[Schedule] = (),
) -> FleetBills:
    """Bill a matrix of meters.

    tariffs   versions of one contract, as in simulate.bills_of
    start     core second at which the first row begins; step_s: seconds of a row
    imported, exported   ints (meters, rows), mW s
    ToolError: not such a matrix
    """

    def load(first: int, last: int) -> Load:
        sold = None if exported is None else exported[first:last]
        return of_rows(start, step_s, imported[first:last], sold)

    return _bills(tariffs, len(imported), load, schedules)


def of_load(tariffs: Sequence[Any], load: Load, schedules: Sequence[Schedule] = ()) -> FleetBills:
    """Bill all meters of a load. Arguments and errors as of `bills`."""
    return _bills(tariffs, load.meters, load.meter, schedules)


def of_quantities(base: Timeline, found: Quantities) -> FleetBills:
    """The money of what was added up elsewhere, for tariffs that need sums alone."""
    return FleetBills(base.parts, found.used, _sums(base, found))


def _bills(
    tariffs: Sequence[Any],
    meters: int,
    load: Callable[[int, int], Load],
    schedules: Sequence[Schedule],
) -> FleetBills:
    one = load(0, 1)
    base = called.call(timeline.plan(versions(tariffs), one.start, one.end), schedules)
    reader = Reader(base, one)
    if not reader.suits:
        alone = [_alone(base, load(i, i + 1), schedules) for i in range(meters)]
        kinds = {kind: np.concatenate([sums[kind] for _, sums in alone]) for kind in LINE_KINDS}
        return FleetBills(base.parts, np.concatenate([used for used, _ in alone]), kinds)
    chunks = [reader.read(load(at, min(at + _CHUNK, meters))) for at in range(0, meters, _CHUNK)]
    return of_quantities(base, Quantities.joined(chunks))


def _sums(base: Timeline, found: Quantities) -> dict[str, Ints]:
    zero = np.zeros(found.used.shape[:2], dtype=np.int64)
    sums = {kind: zero.copy() for kind in LINE_KINDS}
    first = 0
    while first < len(base.parts):
        tariff, last = base.parts[first].tariff, first
        while last < len(base.parts) and base.parts[last].tariff is tariff:
            last += 1
        here = slice(first, last)
        for kind, amounts in fleet_lines.sums(tariff, base.parts[here], here, found).items():
            sums[kind][:, here] = amounts
        first = last
    return sums


def _alone(
    base: Timeline, load: Load, schedules: Sequence[Schedule]
) -> tuple[Ints, dict[str, Ints]]:
    """-> (used, sums) of one meter."""
    sums = {kind: np.zeros((1, len(base.parts)), dtype=np.int64) for kind in LINE_KINDS}
    counted = account.count(base, load, list(schedules))
    for i, (_, _, lines) in enumerate(account.billed(counted)):
        for line in lines:
            sums[line.kind][0, i] += line.rounded
    return counted.usage.totals(), sums
