"""The highest windows of a history, and what each of them costs: the bill with the peak shaved
to the next level, by the engine that bills."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from meter.civil import EPOCH
from meter.price_schedule import Schedule
from meter.sample import IMPORT
from wattledger import simulate
from wattledger.analysis.history import History
from wattledger.engine import timeline
from wattledger.engine.peaks import local_days
from wattledger.engine.registers import Instants, mwh
from wattledger.reading import MeterBill

_HOUR_S = 3600


@dataclass(frozen=True)
class Peak:
    """The highest window of its local day.

    start, end   Unix s; mw: its average
    next_mw      the level of the next one
    saved_mwh, saved   what all bills lose in energy and in units of the currency if neither
                 this window nor those before it had been above next_mw
    demand_saved   of that, the demand charges
    """

    start: int
    end: int
    mw: int
    next_mw: int
    saved_mwh: int
    saved: Fraction
    demand_saved: Fraction


def highest(
    history: History, tariff: Any, count: int, schedules: Sequence[Schedule] = ()
) -> list[Peak]:
    """-> up to count of them, the highest first, one a local day, each with its cost.

    The window is that of the tariff's demand charges, else its profile interval, or the
    history's own where that is longer.
    """
    steps = Steps(history, tariff)
    found = steps.by_day()[: count + 1]
    before = simulate.bills_of([tariff], history.load(), schedules)
    shown: list[Peak] = []
    for (end, level), (_, next_mw) in zip(found, [*found[1:], (0, 0)], strict=True):
        if len(shown) == count or level == 0:
            break
        shaved = steps.shaved(next_mw)
        after = simulate.bills_of([tariff], shaved.load(), schedules)
        shown.append(
            Peak(
                start=end - steps.window_s + EPOCH,
                end=end + EPOCH,
                mw=level,
                next_mw=next_mw,
                saved_mwh=int((history.import_mwh - shaved.import_mwh).sum()),
                saved=_sum(before, tariff) - _sum(after, tariff),
                demand_saved=_sum(before, tariff, "demand") - _sum(after, tariff, "demand"),
            )
        )
    return shown


class Steps:
    """The energy of a history on the grid of the tariff's (sub-)windows.

    window_s   seconds of a window
    """

    def __init__(self, history: History, tariff: Any) -> None:
        self._history = history
        self.window_s, self._parts = history.interval_s, 1
        if tariff.demand:
            self.window_s, self._parts = tariff.demand[:2]
        elif tariff.interval_s > self.window_s:
            self.window_s = tariff.interval_s
        load = history.load()
        plan = timeline.plan([tariff], load.start, load.end)
        step_s = self.window_s // self._parts
        self._borders = timeline.grid(tariff, load.start, load.end, step_s)
        self._times = np.unique(np.concatenate((load.edges, self._borders)))
        self._tariff = tariff

        def next_border(t: int) -> int:
            end: int = tariff.calendar.interval_end(t, step_s)
            return min(plan.next_border(t), end)

        register = mwh(Instants(load, self._times, next_border).counts(load.of(IMPORT)))[0]
        self._energy = np.diff(register)
        self._step = timeline.place(self._borders, self._times[:-1])
        self._row = timeline.place(history.start - EPOCH, self._times[:-1])
        self._sums = np.zeros(len(self._borders), dtype=np.int64)
        np.add.at(self._sums, self._step, self._energy)

    def by_day(self) -> list[tuple[int, int]]:
        """-> [(core second of its end, mW) of the highest window of each day], descending."""
        parts = self._parts
        begins, ends = self._borders[:-parts], self._borders[parts:]
        total = np.concatenate(([0], np.cumsum(self._sums)))
        power = (total[parts:-1] - total[: -1 - parts]) * _HOUR_S // self.window_s
        whole = ends - begins == self.window_s
        ends, power = ends[whole], power[whole]
        days = local_days(self._tariff, ends - 1)
        order = np.lexsort((ends, -power, days))
        first = order[np.flatnonzero(np.diff(days[order], prepend=-1))]
        first = first[np.lexsort((ends[first], -power[first]))]
        return list(zip(ends[first].tolist(), power[first].tolist(), strict=True))

    def shaved(self, limit_mw: int) -> History:
        """-> the history with no window above limit_mw: what is too much in one is taken off its
        last step, in proportion to energy; nothing is put elsewhere."""
        most = limit_mw * self.window_s // _HOUR_S
        kept = self._sums.tolist()
        for at in range(len(kept)):
            room = most - sum(kept[max(0, at - self._parts + 1) : at])
            kept[at] = max(0, min(kept[at], room))
        left = np.array(kept, dtype=object)[self._step] * self._energy
        of_step = np.maximum(self._sums, 1)[self._step]
        energy = np.zeros(len(self._history), dtype=np.int64)
        np.add.at(energy, self._row, (left // of_step).astype(np.int64))
        return replace(self._history, import_mwh=energy)


def _sum(bills: Sequence[MeterBill], tariff: Any, kind: str = "") -> Fraction:
    """-> units of the currency; kind: of these lines alone."""
    units = sum(
        line["rounded"] for bill in bills for line in bill.lines if kind in ("", line["kind"])
    )
    return Fraction(units, 10**tariff.decimals)
