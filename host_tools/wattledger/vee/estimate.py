"""Energy for intervals that have none, in integers: methods E1 to E4 (docs/vee.md).

An estimate is first a guess from what was measured around it. Where a register tells what all
intervals of a hole had together, the guesses are only its shares: the sum is the register's.
"""

from collections import defaultdict
from enum import IntEnum
from itertools import accumulate, pairwise

import numpy as np

from meter import codes
from wattledger.analysis.history import History
from wattledger.engine.load import Ints

INTERPOLATED_S = 2 * 3600  # longer holes follow like days
LIKE_DAYS = 28  # on either side
_SATURDAY, _SUNDAY = 5, 6


class Method(IntEnum):
    MEASURED = 0
    LINE = 1  # E1: on a line between its neighbours
    LIKE_DAYS = 2  # E2: average of the same time on like days, four weeks on either side
    SAME_TIME = 3  # E3: average of the same time on all days
    FLAT = 4  # E4: average of all that was measured


METHOD_WORDS = {
    Method.LINE: "on a line between its neighbours",
    Method.LIKE_DAYS: "average of like days",
    Method.SAME_TIME: "average of the same time on all days",
    Method.FLAT: "average of all",
}


class Guesser:
    """Guesses for the open intervals of a grid, from those that are measured.

    grid       History whose open intervals have any energies
    is_open    bool (n)
    """

    def __init__(self, grid: History, is_open: Ints) -> None:
        self._grid, self._open = grid, is_open
        self._kind = np.clip(grid.weekday, _SATURDAY - 1, _SUNDAY)  # Monday to Friday are alike
        self._day, self._minute = grid.day, grid.minute
        self._at: dict[tuple[int, int], list[int]] = defaultdict(list)
        failed = (grid.status & codes.POWER_FAIL) != 0  # an outage is true, but no example
        whole = ~is_open & ~failed & (grid.duration_s == grid.interval_s)
        for i in np.flatnonzero(whole).tolist():
            self._at[int(self._minute[i]), int(self._kind[i])].append(i)
        self._whole = np.flatnonzero(whole)

    def fill(self, hole: slice, energy: Ints) -> tuple[list[int], list[Method]]:
        """-> mWh of each interval of a hole that has no total, and how it was found."""
        start, end = self._grid.start, self._grid.end
        if int(end[hole.stop - 1] - start[hole.start]) <= INTERPOLATED_S:
            line = self._line(hole, energy)
            if line is not None:
                return line, [Method.LINE] * len(line)
        found = [self._alike(i, energy) for i in range(hole.start, hole.stop)]
        return [mwh for mwh, _ in found], [method for _, method in found]

    def _line(self, hole: slice, energy: Ints) -> list[int] | None:
        """None: it has no neighbour on one side."""
        grid, before, after = self._grid, hole.start - 1, hole.stop
        if before < 0 or after >= len(grid):
            return None
        t0, t1 = (int(grid.start[i] + grid.end[i]) for i in (before, after))  # twice the middles
        p0, p1 = ((int(energy[i]), int(grid.end[i] - grid.start[i])) for i in (before, after))
        found = []
        for i in range(hole.start, hole.stop):
            start, end = int(grid.start[i]), int(grid.end[i])
            middle = start + end
            share = p0[0] * p1[1] * (t1 - middle) + p1[0] * p0[1] * (middle - t0)
            found.append(share * (end - start) // ((t1 - t0) * p0[1] * p1[1]))
        return found

    def _alike(self, i: int, energy: Ints) -> tuple[int, Method]:
        minute, kind, day = int(self._minute[i]), int(self._kind[i]), int(self._day[i])
        same = self._at.get((minute, kind), [])
        near = [j for j in same if abs(int(self._day[j]) - day) <= LIKE_DAYS]
        if near:
            return self._mean(i, near, energy), Method.LIKE_DAYS
        at = [j for k in range(_SATURDAY - 1, _SUNDAY + 1) for j in self._at.get((minute, k), [])]
        if at:
            return self._mean(i, at, energy), Method.SAME_TIME
        return self._mean(i, self._whole.tolist(), energy), Method.FLAT

    def _mean(self, i: int, of: list[int], energy: Ints) -> int:
        duration = int(self._grid.end[i] - self._grid.start[i])
        measured_s = len(of) * self._grid.interval_s
        return int(energy[of].sum()) * duration // measured_s if of else 0


def shared(total: int, guesses: list[int]) -> list[int]:
    """-> the total in parts like the guesses, to the last unit: as a register that is read at
    each edge and rounded down there. Without any guess in equal parts."""
    weights = guesses if any(guesses) else [1] * len(guesses)
    edges = [0, *accumulate(weights)]
    registers = [total * edge // edges[-1] for edge in edges]
    return [after - before for before, after in pairwise(registers)]


def grid_edges(start: int, end: int, step_s: int, phase_s: int, also: list[int]) -> list[int]:
    """-> the edges of the intervals of a hole, Unix s: every step from the phase, and `also`."""
    first = start - (start - phase_s) % step_s + step_s
    inner = {*range(first, end, step_s), *(t for t in also if start < t < end)}
    return [start, *sorted(inner), end]
