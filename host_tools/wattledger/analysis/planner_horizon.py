"""The time that a plan covers: its slots, their prices, the base load, and the windows in which
power is measured. All of it by the tariff's own calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from meter.civil import DAY_S, EPOCH
from meter.price_schedule import Schedule
from meter.sample import EXPORT, IMPORT
from wattledger import simulate
from wattledger.analysis import marginal_prices
from wattledger.analysis.history import History
from wattledger.analysis.planner_windows import Windows, windows
from wattledger.engine import called, timeline
from wattledger.engine.load import UJ_PER_COUNT, UJ_PER_MWH, Ints, Load, Span, of_spans
from wattledger.engine.timeline import Timeline
from wattledger.errors import ToolError
from wattledger.reading import MeterBill

_WEEK_S = 7 * DAY_S


@dataclass(frozen=True)
class Horizon:
    """
    times    int64 (n + 1), core seconds: the borders of the slots, the tariff's intervals
    before   what the bill has had until then
    bought, sold   int64 (n), counts (mW s) of the base load in each slot
    shifted_s   how much older the base load is than the slots; 0: it is of their own time
    """

    tariff: Any
    schedules: tuple[Schedule, ...]
    times: Ints
    before: tuple[Span, ...]
    bought: Ints
    sold: Ints
    shifted_s: int

    def load(self, planned: Ints) -> Load:
        """-> the base load with more in it. planned: int64 (n), counts by slot; what is fed in
        at the same time serves it first."""
        own = np.minimum(planned, self.sold)
        bought, sold = self.bought + planned - own, self.sold - own
        edges = self.times.tolist()
        columns = zip(edges, edges[1:], bought.tolist(), sold.tolist(), strict=False)
        spans = [
            Span(a, b, buy * UJ_PER_COUNT, sell * UJ_PER_COUNT) for a, b, buy, sell in columns
        ]
        return of_spans([*self.before, *spans])

    def bills(self, planned: Ints) -> list[MeterBill]:
        return simulate.bills_of([self.tariff], self.load(planned), self.schedules)

    @cached_property
    def base(self) -> Load:
        return self.load(np.zeros_like(self.bought))

    @cached_property
    def base_bills(self) -> list[MeterBill]:
        return simulate.bills_of([self.tariff], self.base, self.schedules)

    @cached_property
    def timeline(self) -> Timeline:
        planned = timeline.plan([self.tariff], self.base.start, self.base.end)
        return called.call(planned, self.schedules)

    @cached_property
    def prices(self) -> tuple[Ints, Ints]:
        """-> (bought, sold), int64 (n): nano-units per kWh times the seconds of the slot."""
        found = marginal_prices.of(self.tariff, self.timeline, self.base_bills, self.schedules)
        return found.over(self.times)

    @cached_property
    def duration_s(self) -> Ints:
        return np.diff(self.times)

    @cached_property
    def demand(self) -> Windows | None:
        """-> the windows of the demand charges."""
        if not self.tariff.demand:
            return None
        return windows(self.timeline, self.base, self.times, *self.tariff.demand[:2])

    @cached_property
    def limited(self) -> Windows | None:
        """-> the windows of the limiter."""
        if not self.tariff.limiter:
            return None
        return windows(self.timeline, self.base, self.times, self.tariff.limiter[0], 1)


def of(
    tariff: Any,
    start: int,
    days: int,
    history: History | None = None,
    schedules: Sequence[Schedule] = (),
) -> Horizon:
    """From the first interval that begins at or after core second `start`, so many local days.

    history   with the base load; where it ends before the plan, its last weeks stand for it, at
              the same weekday and time. None: there is no base load
    ToolError: the history is shorter than the plan.
    """
    calendar = tariff.calendar
    first = calendar.interval_end(start - 1, tariff.interval_s)
    local = first + calendar.zone.offset_at(first)
    end = calendar.zone.to_utc(local + days * DAY_S)
    times = timeline.grid(tariff, first, end, tariff.interval_s)
    if history is None:
        none = np.zeros(len(times) - 1, dtype=np.int64)
        return Horizon(tariff, tuple(schedules), times, (), none, none, 0)
    shifted_s = _shift(history, calendar.zone, first, end)
    known = history.load()
    bought, sold = (np.diff(_counts(known, c, times - shifted_s)) for c in (IMPORT, EXPORT))
    opened = calendar.period_start(first, tariff.billing_day)
    before = _before(history, opened, first)
    return Horizon(tariff, tuple(schedules), times, before, bought, sold, shifted_s)


def _shift(history: History, zone: Any, first: int, end: int) -> int:
    """-> seconds, whole weeks by the local clock, by which the history must be moved."""
    begins, ends = int(history.start[0]) - EPOCH, int(history.end[-1]) - EPOCH
    weeks = max(0, -((ends - end) // _WEEK_S))
    while True:
        local = first + zone.offset_at(first) - weeks * _WEEK_S
        moved_s = first - zone.to_utc(local)
        if end - moved_s <= ends:
            break
        weeks += 1
    if first - moved_s < begins:
        raise ToolError(
            f"{history.name}: {(ends - begins) // 3600} h of base load: the plan needs"
            f" {(end - first) // 3600} h from the same weekday and time: give a longer history"
        )
    return int(moved_s)


def _before(history: History, opened: int, first: int) -> tuple[Span, ...]:
    """-> what the billing period has had before the plan."""
    part = history.between(opened + EPOCH, first + EPOCH)
    columns = (part.start - EPOCH, part.end - EPOCH, part.import_mwh, part.export_mwh)
    reactive = (part.lagging_mvarh, part.leading_mvarh)
    return tuple(
        Span(start, end, *(UJ_PER_MWH * energy for energy in energies))
        for start, end, *energies in zip(*(c.tolist() for c in columns + reactive), strict=True)
    )


def _counts(load: Load, channel: int, times: Ints) -> Ints:
    """-> int64: counts at each time, in a row in proportion to time."""
    edges, counted = load.edges, load.of(channel)[0]
    row = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(edges) - 2)
    grown, span = counted[row + 1] - counted[row], edges[row + 1] - edges[row]
    found: Ints = counted[row] + grown * (times - edges[row]) // span
    return found
