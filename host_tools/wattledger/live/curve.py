"""Today against yesterday: the intervals of two local dates by the wall clock."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from meter.civil import DAY_S, EPOCH, date
from wattledger import show
from wattledger.analysis.history import History
from wattledger.live.state import UTC, Day

DAY_MIN = 1440


@dataclass(frozen=True)
class Curve:
    """day: a local date as meter.civil.days; history: its intervals, None: none is known."""

    day: int
    history: History | None

    @property
    def date(self) -> str:
        year, month, day, _ = date(self.day)
        return f"{year}-{month:02d}-{day:02d}"

    @cached_property
    def points(self) -> list[tuple[int, int, int]]:
        """-> (from, to, mW) of each interval: local minutes of the day, average power from the
        grid less that to it, rounded down. An hour that the clock repeats is there twice."""
        if self.history is None:
            return []
        h = self.history
        net = (h.import_mwh - h.export_mwh) * 3600 // h.duration_s
        ends = np.minimum(h.minute + h.duration_s // 60, DAY_MIN)
        return list(zip(h.minute.tolist(), ends.tolist(), net.tolist(), strict=True))

    @property
    def until(self) -> int:
        """-> local minute at which the last interval ends, 0 if there is none."""
        return self.points[-1][1] if self.points else 0

    def import_mwh(self, until: int = DAY_MIN) -> int:
        """-> from the grid, in the intervals that end by a local minute."""
        if self.history is None:
            return 0
        ends = np.array([end for _, end, _ in self.points])
        return int(self.history.import_mwh[ends <= until].sum())

    def hours(self) -> list[int | None]:
        """-> 24: mWh from the grid in the intervals that begin in each local hour, None: none
        does."""
        if self.history is None:
            return [None] * 24
        hour = self.history.minute // 60
        sums = [int(self.history.import_mwh[hour == n].sum()) for n in range(24)]
        return [total if (hour == n).any() else None for n, total in enumerate(sums)]


def of(day: Day) -> tuple[Curve, Curve]:
    """-> (today, yesterday)"""
    core = day.utc - EPOCH
    today = (core + (day.zone or UTC).offset_at(core)) // DAY_S
    return _of_date(day.history, today), _of_date(day.history, today - 1)


def summary(today: Curve, yesterday: Curve) -> str:
    """In one sentence, with sums of whole intervals."""
    if not today.points:
        return f"Yesterday: {_kwh(yesterday.import_mwh())}. Today has no whole interval yet."
    at = f"{today.until // 60:02d}:{today.until % 60:02d}"
    said = f"Today until {at}: {_kwh(today.import_mwh())}"
    if not yesterday.points:
        return said + ". Nothing is known of yesterday."
    so_far, whole = yesterday.import_mwh(today.until), yesterday.import_mwh()
    return said + f"; yesterday by then {_kwh(so_far)}, in all {_kwh(whole)}."


def _of_date(history: History | None, day: int) -> Curve:
    if history is None:
        return Curve(day, None)
    part = history.part(history.day == day)
    return Curve(day, part if len(part) else None)


def _kwh(mwh: int) -> str:
    return f"{show.energy(mwh)} kWh"
