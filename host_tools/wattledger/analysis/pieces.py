"""The intervals of a history cut into pieces of one rate each, with what the registers counted.

A cut is where the meter itself splits energy: a switch of rates, a border of the tariff's own
profile rows, a border of a demand window that is billed. So sums over pieces are what the
registers of the bill say, to the last milliwatt-hour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meter.civil import EPOCH
from meter.price_schedule import Schedule
from meter.sample import EXPORT, IMPORT
from wattledger.analysis.history import History
from wattledger.engine import rows
from wattledger.engine.account import Counted
from wattledger.engine.load import Ints, Load
from wattledger.engine.registers import Instants, mwh
from wattledger.engine.timeline import Timeline, place


@dataclass(frozen=True)
class Pieces:
    """n pieces in order of time.

    starts, ends   int64 (n), core seconds
    interval     int64 (n), index of the interval of the history
    part         int64 (n), index of the bill; rate, export: int64 (n), rates of its tariff
    register     int64 (n), import in mWh from the beginning of the history to the start
    bought, sold   int64 (n), mWh
    net_bought, net_sold   int64 (n), mWh: the same after netting in each interval
    is_dynamic, sells_dynamic   bool (n): its price is that of a schedule
    spent, earned   n ints in 1e-15 of the currency, where it is
    price_nano   int64 (n): what a kWh is bought for; of a rate with tiers in its first one
    """

    starts: Ints
    ends: Ints
    interval: Ints
    part: Ints
    rate: Ints
    export: Ints
    register: Ints
    bought: Ints
    sold: Ints
    net_bought: Ints
    net_sold: Ints
    is_dynamic: Any
    sells_dynamic: Any
    spent: Any
    earned: Any
    price_nano: Ints


def of(
    history: History, load: Load, counted: Counted, schedules: Sequence[Schedule] = ()
) -> Pieces:
    """load: of the history; counted: what the bills of the load rest on."""
    timeline, crossed = counted.timeline, counted.usage.crossed
    settled = list(rows.of(timeline, load, crossed))
    borders = [load.edges, timeline.times, _windows(counted)]
    borders += [border for one in settled for border in (one.starts, one.ends)]
    times = np.unique(np.concatenate(borders))
    instants = Instants(load, times, timeline.next_border, crossed)
    register = mwh(instants.counts(load.of(IMPORT)))[0]
    bought = np.diff(register)
    sold = np.diff(mwh(instants.counts(load.of(EXPORT), False)))[0]
    starts = times[:-1]
    segment = place(timeline.starts, starts)
    part, rate = timeline.part_of[segment], timeline.rates[segment]
    export, price_nano = _exports_and_prices(timeline, part, rate)
    made = Pieces(
        starts=starts,
        ends=times[1:],
        interval=place(history.start - EPOCH, starts),
        part=part,
        rate=rate,
        export=export,
        register=register[:-1],
        bought=bought,
        sold=sold,
        net_bought=bought.copy(),
        net_sold=sold.copy(),
        is_dynamic=np.zeros(len(starts), dtype=bool),
        sells_dynamic=np.zeros(len(starts), dtype=bool),
        spent=np.zeros(len(starts), dtype=object),
        earned=np.zeros(len(starts), dtype=object),
        price_nano=price_nano,
    )
    for one in settled:
        _settle(made, one, list(schedules))
    return made


def _windows(counted: Counted) -> Ints:
    """-> core seconds at which the windows of the demand maxima begin and end."""
    found: list[int] = []
    if counted.peaks:
        for part, ends in zip(counted.timeline.parts, counted.peaks.end.tolist(), strict=True):
            for end in filter(None, ends):
                found += (end - part.tariff.demand[0] - EPOCH, end - EPOCH)
    return np.array(found, dtype=np.int64)


def _exports_and_prices(timeline: Timeline, part: Ints, rate: Ints) -> tuple[Ints, Ints]:
    exports, prices = np.empty_like(rate), np.empty_like(rate)
    for i, one in enumerate(timeline.parts):
        here, tariff = part == i, one.tariff
        exports[here] = np.frombuffer(tariff.export_of, dtype=np.uint8)[rate[here]]
        by_rate = [tariff.price_nano(r, 0) for r in range(tariff.imports)]
        prices[here] = np.array(by_rate, dtype=np.int64)[rate[here]]
    return exports, prices


def _settle(made: Pieces, of_tariff: rows.Rows, schedules: list[Schedule]) -> None:
    """Put into the pieces what is settled row by row; a row's sums are kept."""
    first, last = (np.searchsorted(made.starts, t) for t in (of_tariff.starts, of_tariff.ends))
    spans = list(zip(first.tolist(), last.tolist(), strict=True))
    both = of_tariff.both.tolist()
    for net, energy in ((made.net_bought, made.bought), (made.net_sold, made.sold)):
        for at, value in _divided(spans, both, energy):
            net[at] -= value
    priced, bought_nano, sold_nano = of_tariff.prices(schedules)
    dynamic = of_tariff.tariff.dynamic or ()
    for rates, energies, nano, pieces, amounts, is_dynamic in (
        (of_tariff.rates, of_tariff.bought, bought_nano, made.bought, made.spent, made.is_dynamic),
        (of_tariff.exports, of_tariff.sold, sold_nano, made.sold, made.earned, made.sells_dynamic),
    ):
        of_schedule = priced & np.isin(rates, [r for r, rule in enumerate(dynamic) if rule])
        due = [
            (energy - netted) * price if chosen else 0
            for energy, netted, price, chosen in zip(
                energies.tolist(), both, nano.tolist(), of_schedule.tolist(), strict=True
            )
        ]
        for at, value in _divided(spans, due, pieces):
            amounts[at] += value
        for begin, end in (spans[row] for row in np.flatnonzero(of_schedule)):
            is_dynamic[begin:end] = True
    for row, (begin, end) in enumerate(spans):
        if made.is_dynamic[begin]:
            made.price_nano[begin:end] = bought_nano[row]


def _divided(
    spans: list[tuple[int, int]], amounts: list[int], energy: Ints
) -> Iterator[tuple[int, int]]:
    """Yields (piece, its part of the amount of its row): in proportion to energy, each rounded
    down and the remainder carried to the next, as a meter splits; the parts add up."""
    for (begin, end), amount in zip(spans, amounts, strict=True):
        if amount and end - begin == 1:
            yield begin, amount
        elif amount:
            of_row = energy[begin:end].tolist()
            whole, used, given = sum(of_row), 0, 0
            for at, one in enumerate(of_row, begin):
                used += one
                upto = amount * used // whole
                yield at, upto - given
                given = upto
