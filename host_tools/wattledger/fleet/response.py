"""What a price event did: actual use against a baseline, by meter and by group.

Baseline of a meter: of the OF last like days before the event without an event, the HIGHEST in
which it used most in the same local hours, on average ("5 of 10", as in many programmes). Like:
a working day for a working day, Saturday or Sunday for one of them. Integers, rounded down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from meter.civil import DAY_S
from wattledger.engine.load import Ints
from wattledger.errors import ToolError
from wattledger.fleet import energy, slots
from wattledger.fleet.store import Store

HIGHEST, OF = 5, 10
_DAYS_BACK = 60

Window = tuple[int, int]  # core seconds, within one local day


@dataclass(frozen=True)
class Response:
    """
    event      core seconds
    like_days  local dates, as meter.civil.days, latest first
    serials    of the meters that were read at both ends of each window
    baseline_mwh, actual_mwh   int64 (meters)
    left_out   serials of the others
    """

    event: Window
    like_days: list[int]
    serials: list[str]
    baseline_mwh: Ints
    actual_mwh: Ints
    left_out: list[str]

    @property
    def saved_mwh(self) -> Ints:
        """-> int64 (meters): negative where more was used."""
        found: Ints = self.baseline_mwh - self.actual_mwh
        return found

    def of_group(self, serials: Sequence[str]) -> tuple[int, int, int]:
        """-> (meters, baseline, actual in mWh) of those of a group that were measured."""
        here = np.isin(self.serials, serials)
        return (
            int(here.sum()),
            int(self.baseline_mwh[here].sum()),
            int(self.actual_mwh[here].sum()),
        )


def measure(
    store: Store, tariff: Any, event: Window, others: Sequence[int] = (), oldest: int = 0
) -> Response:
    """others   local dates of other events, which are no like days
    oldest   core second from which the store has rows
    ToolError: the event is not within a day, or fewer than OF like days are there
    """
    calendar = tariff.calendar
    days = [calendar.local_day(t) for t in (event[0], event[1] - 1)]
    if event[0] >= event[1] or days[0] != days[1]:
        raise ToolError("event: not within one local day: give --event and --until of one day")
    like = _like_days(calendar, days[0], others)
    windows = [_shifted(calendar, event, days[0] - day) for day in like]
    windows = [window for window in windows if window[0] >= oldest]
    if len(windows) < OF:
        raise ToolError(f"event: {len(windows)} like days before it are stored: {OF} are needed")
    found = energy.by_slot(store, _slots([event, *windows]))
    whole = found.whole.all(axis=1)
    used = found.values["import_mwh"][whole]
    highest = np.sort(used[:, 1:], axis=1)[:, OF - HIGHEST :]
    serials = np.array(found.serials)
    return Response(
        event,
        like,
        serials[whole].tolist(),
        highest.sum(axis=1) // HIGHEST,
        used[:, 0],
        serials[~whole].tolist(),
    )


def _like_days(calendar: Any, day: int, excluded: Sequence[int]) -> list[int]:
    before = np.arange(day - 1, day - 1 - _DAYS_BACK, -1)
    like = slots.is_weekend(before) == slots.is_weekend(np.array([day]))
    return [int(d) for d in before[like] if d not in excluded][:OF]


def _shifted(calendar: Any, window: Window, days: int) -> Window:
    """-> the same local hours so many days before."""
    zone = calendar.zone
    start, end = (int(zone.to_utc(t + zone.offset_at(t) - days * DAY_S)) for t in window)
    return start, end


def _slots(windows: list[Window]) -> slots.Slots:
    starts, ends = np.array(windows, dtype=np.int64).T
    return slots.of_stretches(starts, ends, np.arange(len(windows)), len(windows))
