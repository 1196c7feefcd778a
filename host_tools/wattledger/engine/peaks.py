"""The highest demands of each part, as meter.demand keeps them in the slots of its charges."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from meter.civil import DAY_S, EPOCH
from meter.sample import IMPORT
from wattledger.engine.load import Ints, Load
from wattledger.engine.registers import Crossed, Instants, mwh
from wattledger.engine.timeline import Stretch, Timeline, grid, merged, place, stretches

_HOUR_S = 3600
_DAYS_MAX = 1 << 32


@dataclass(frozen=True)
class Peaks:
    """
    mw   int64 (meters, parts, slots), 0: empty
    end  int64 (parts, slots), Unix seconds of the end of the window of the only meter, 0: empty
    """

    mw: Ints
    end: Ints

    def highest_mw(self, timeline: Timeline) -> Ints:
        """-> int64 (meters, parts): the peak that bounds per kW rest on."""
        slots = np.array([part.tariff.peak_slot for part in timeline.parts])
        found: Ints = self.mw[:, np.arange(len(slots)), np.maximum(slots, 0)] * (slots >= 0)
        return found


def plan(timeline: Timeline, load: Load, crossed: Crossed) -> "list[Windows]":
    """-> the windows of each tariff with demand charges, for any load with these edges."""
    return [
        Windows(timeline, load, crossed, stretch)
        for stretch in stretches(timeline)
        if stretch[0].demand
    ]


def find(timeline: Timeline, load: Load, planned: "list[Windows]") -> Peaks | None:
    """-> Peaks, or None if no tariff has a demand charge. planned: of `plan`."""
    if not planned:
        return None
    slots = max(_slots(part.tariff) for part in timeline.parts)
    shape = load.meters, len(timeline.parts), slots
    peaks = Peaks(np.zeros(shape, dtype=np.int64), np.zeros(shape[1:], dtype=np.int64))
    for windows in planned:
        windows.find(peaks, load)
    return peaks


def _slots(tariff: Any) -> int:
    return sum(charge[3] for charge in tariff.demand[2]) if tariff.demand else 0


class Windows:
    """All whole windows of one tariff: when they end, and what they belong to.

    instants   the borders of the (sub-)windows
    """

    def __init__(self, timeline: Timeline, load: Load, crossed: Crossed, stretch: Stretch) -> None:
        tariff, start, end = stretch
        self._window_s, self._sub_windows, self._charges = tariff.demand
        parts = self._sub_windows
        opened = np.array([part.start for part in timeline.parts], dtype=np.int64)
        borders = grid(tariff, start, end, self._window_s // parts)
        borders = merged(borders, opened[(opened > start) & (opened < end)])
        self.instants = Instants(load, borders, timeline.next_border, crossed)
        begins, ends = borders[:-parts], borders[parts:]
        of_part = place(opened, ends - 1)
        whole = (ends - begins == self._window_s) & (place(opened, begins) == of_part)
        self._whole = None if whole.all() else np.flatnonzero(whole)
        self._ends, parts_of = ends[whole], of_part[whole]
        last = self._ends - 1
        rates = timeline.rates[place(timeline.starts, begins[whole] if parts == 1 else last)]
        days = local_days(tariff, last)
        changes = [np.diff(column, prepend=-1) != 0 for column in (parts_of, rates, days)]
        # Runs: windows of one day, rate and part that follow one another.
        self._runs = np.flatnonzero(np.logical_or.reduce(changes))
        self._parts, self._rates, self._days = (
            column[self._runs] for column in (parts_of, rates, days)
        )
        dates = (self._days + EPOCH // DAY_S).astype("datetime64[D]")
        self._months = dates.astype("datetime64[M]").astype(np.int64) % 12

    def find(self, peaks: Peaks, load: Load) -> None:
        """Fill the slots of all charges of this tariff."""
        if not len(self._runs):
            return
        totals, parts = mwh(self.instants.counts(load.of(IMPORT))), self._sub_windows
        energy = totals[:, parts:] - totals[:, :-parts]
        if self._whole is not None:
            energy = energy[:, self._whole]
        # The highest energy is the highest demand: the floor of a quotient keeps the order.
        most = self._mw(np.maximum.reduceat(energy, self._runs, axis=1))
        first = 0
        for charge in self._charges:
            self._fill(peaks, energy, most, charge, first)
            first += charge[3]

    def _mw(self, energy: Ints) -> Ints:
        found: Ints = energy * _HOUR_S // self._window_s
        return found

    def _fill(self, peaks: Peaks, energy: Ints, most: Ints, charge: Any, first: int) -> None:
        """Put the N highest windows of a charge, one a local day, into its slots.

        energy   mWh by window; most: mW by run
        """
        _, rates, months, highest, *_ = charge
        wanted = (months >> self._months & 1).astype(bool)
        if rates:
            wanted &= np.isin(self._rates, rates)
        runs = np.flatnonzero(wanted)
        if not len(runs):
            return
        parts = self._parts[runs]
        key = parts if highest == 1 else parts * _DAYS_MAX + self._days[runs]
        begins = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
        by_key = np.maximum.reduceat(most[:, runs], begins, axis=1)
        parts = parts[begins]
        if highest == 1:
            peaks.mw[:, parts, first] = by_key
        for part in np.unique(parts).tolist():
            days = np.flatnonzero(parts == part)
            if highest > 1:
                found = -np.sort(-by_key[:, days], axis=1)[:, :highest]
                peaks.mw[:, part, first : first + found.shape[1]] = found
            if len(most) == 1:
                best = days[np.argsort(-by_key[0, days], kind="stable")[:highest]]
                for slot, day in enumerate(best.tolist()):
                    of_day = runs[begins[day] : begins[day + 1] if day + 1 < len(begins) else None]
                    peaks.end[part, first + slot] = self._end(energy, most, of_day)

    def _end(self, energy: Ints, most: Ints, runs: Ints) -> int:
        """-> Unix second at which the first of the highest windows ended; 0: none had energy."""
        run = runs[np.argmax(most[0, runs])]
        if not most[0, run]:
            return 0
        until = np.append(self._runs, len(self._ends))[run + 1]
        at = self._runs[run] + np.argmax(self._mw(energy[0, self._runs[run] : until]))
        return int(self._ends[at]) + int(EPOCH)


def local_days(tariff: Any, times: Ints) -> Ints:
    """-> int64: the local date of each ascending core second, as meter.civil.days counts."""
    found = np.empty_like(times)
    zone, at = tariff.calendar.zone, 0
    while at < len(times):
        t = int(times[at])
        change = zone.next_transition(t)
        until = len(times) if change is None else int(np.searchsorted(times, change))
        found[at:until] = (times[at:until] + zone.offset_at(t)) // DAY_S
        at = until
    return found
