"""When what holds: tariff versions, parts of billing periods, and the rate of every instant.

All of it comes from the tariffs' own calendars, the ones that the meter runs. A timeline
belongs to the tariffs and the time of a load, not to its energy: it is made once for a fleet.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from meter.civil import EPOCH
from wattledger.engine.load import Ints
from wattledger.errors import ToolError

_CALENDARS_KEPT = 64
Stretch = tuple[Any, int, int]  # a tariff, core second from which it holds, until


@dataclass(frozen=True)
class Part:
    """What is billed on its own, core seconds; is_open: the load ends before it does.

    planned_end   end of the billing period, or the change of tariff if sooner
    """

    tariff: Any
    start: int
    end: int
    planned_end: int

    @property
    def is_open(self) -> bool:
        return self.end < self.planned_end


@dataclass(frozen=True)
class Timeline:
    """
    parts    in order, without a gap
    starts   int64 (segments), core seconds; a segment has one rate and lies in one part
    rates    int64 (segments), import rate of the tariff of its part
    part_of  int64 (segments), index of its part
    more     ascending core seconds at which the meter splits beside all the rest
    """

    parts: list[Part]
    starts: Ints
    rates: Ints
    part_of: Ints
    more: tuple[int, ...] = ()

    @property
    def start(self) -> int:
        return self.parts[0].start

    @property
    def end(self) -> int:
        return self.parts[-1].end

    @property
    def times(self) -> Ints:
        """-> int64 (segments + 1): the borders of the segments."""
        return np.append(self.starts, self.end)

    def next_border(self, t: int) -> int:
        """-> core second after t at which the meter splits the energy of a row next."""
        part = self.parts[bisect_right(self.parts, t, key=lambda part: part.start) - 1]
        tariff, calendar = part.tariff, part.tariff.calendar
        ends: list[int] = [part.planned_end, calendar.segment(t)[0]]
        ends += [calendar.interval_end(t, grid_s) for grid_s in grids(tariff)]
        later = bisect_right(self.more, t)
        if later < len(self.more):
            ends.append(self.more[later])
        return min(ends)

    def is_like(self, other: "Timeline") -> bool:
        """-> whether the same rates hold at the same times."""
        if self is other:
            return True
        return np.array_equal(self.starts, other.starts) and np.array_equal(
            self.rates, other.rates
        )

    def with_rates(self, starts: Ints, rates: Ints) -> "Timeline":
        """-> the same parts with other rates in force: rates[i] from starts[i] on."""
        opened = np.array([part.start for part in self.parts], dtype=np.int64)
        all_starts = merged(starts, opened)
        return replace(
            self,
            starts=all_starts,
            rates=rates[place(starts, all_starts)],
            part_of=place(opened, all_starts),
        )


def grids(tariff: Any) -> set[int]:
    """-> seconds of the local grids on which this tariff closes something."""
    found = {tariff.interval_s}
    if tariff.demand:
        found.add(tariff.demand[0] // tariff.demand[1])
    if tariff.limiter:
        found.add(tariff.limiter[0])
    return found


def plan(versions: list[Any], start: int, end: int) -> Timeline:
    """Tariffs in the order of their valid_from -> Timeline of [start, end), core seconds.

    The first holds from the start on, whatever its own date is.
    ToolError: two versions begin at the same time.
    """
    begins = [version.valid_from - EPOCH for version in versions]
    parts: list[Part] = []
    starts: list[Ints] = []
    rates: list[Ints] = []
    for i, tariff in enumerate(versions):
        change = begins[i + 1] if i + 1 < len(begins) else None
        if change is not None and change <= max(begins[i], 0):
            raise ToolError(
                f"{versions[i + 1].name}: valid_from is not after the version before it:"
                " give every version its own date"
            )
        first = max(begins[i], start) if parts else start
        last = end if change is None else min(change, end)
        if first < last:
            parts += _parts(tariff, first, last, change)
            in_force = segments(tariff, first, last)
            starts.append(in_force[0])
            rates.append(in_force[1])
    whole = Timeline(parts, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))
    return whole.with_rates(np.concatenate(starts), np.concatenate(rates))


def segments(tariff: Any, start: int, end: int) -> tuple[Ints, Ints]:
    """-> (starts, rates), int64: the calendar of a tariff over [start, end)."""
    return _segments(_Calendar(tariff), start, end)


def grid(tariff: Any, start: int, end: int, grid_s: int) -> Ints:
    """-> int64 core seconds: start, every border of a local grid after it, until end at most."""
    zone = tariff.calendar.zone
    found = [np.array([start], dtype=np.int64)]
    t = start
    while t < end:
        change = zone.next_transition(t)
        last = end if change is None else min(change, end)
        first = t + grid_s - (t + zone.offset_at(t)) % grid_s
        found.append(np.arange(first, last, grid_s, dtype=np.int64))
        if last == change or (last + zone.offset_at(t)) % grid_s == 0:
            found.append(np.array([last], dtype=np.int64))
        t = last
    return np.concatenate(found)


def _parts(tariff: Any, start: int, end: int, change: int | None) -> list[Part]:
    found = []
    while start < end:
        planned = tariff.calendar.period_end(start, tariff.billing_day)
        if change is not None:
            planned = min(planned, change)
        found.append(Part(tariff, start, min(planned, end), planned))
        start = planned
    return found


class _Calendar:
    """A tariff's calendar as a key: two tariffs with the same bytes have the same one."""

    def __init__(self, tariff: Any) -> None:
        self.calendar, self._digest = tariff.calendar, tariff.digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Calendar) and self._digest == other._digest


@lru_cache(_CALENDARS_KEPT)
def _segments(key: _Calendar, start: int, end: int) -> tuple[Ints, Ints]:
    found = [(at, rate) for at, _, rate in key.calendar.segments(start, end)]
    starts, rates = np.array(found, dtype=np.int64).T
    return starts, rates


def stretches(timeline: Timeline) -> list[Stretch]:
    """-> what the versions of the tariff are in force for, in order."""
    found: list[Stretch] = []
    for part in timeline.parts:
        if found and found[-1][0] is part.tariff:
            found[-1] = (part.tariff, found[-1][1], part.end)
        else:
            found.append((part.tariff, part.start, part.end))
    return found


def place(starts: Ints, times: Ints) -> Ints:
    """-> index of the last of ascending starts that is not after each of ascending times."""
    first = np.searchsorted(times, starts)  # the few among the many, not the other way round
    lengths = np.diff(first, prepend=0, append=len(times))
    return np.repeat(np.arange(-1, len(starts)), lengths)


def merged(borders: Ints, more: Ints) -> Ints:
    """-> ascending borders with those of `more` that are not among them."""
    at = np.minimum(np.searchsorted(borders, more), len(borders) - 1)
    new = more[borders[at] != more]
    return np.sort(np.concatenate((borders, new))) if len(new) else borders


def forget_calendars() -> None:
    """Work out the calendar of each tariff anew when it is asked for next."""
    _segments.cache_clear()
