"""The intervals of the layer before they have energies: which are open, which holes have a sum."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from wattledger.analysis.history import History
from wattledger.analysis.slices import runs
from wattledger.engine.load import Ints
from wattledger.errors import ToolError
from wattledger.vee import rules
from wattledger.vee.estimate import Guesser, grid_edges
from wattledger.vee.rules import Rule

ENERGIES = ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")
HOLE_MAX_S = 366 * 86400  # nothing near it tells what was used for longer
_ACTIVE = (0, 1)
_FALSE = 1 << Rule.NEGATIVE  # what cannot be true, whatever is known


class Pot(NamedTuple):
    """Intervals whose energies together are known, in the order of ENERGIES, as far as it goes."""

    span: slice
    totals: tuple[int, ...]


@dataclass(frozen=True)
class Grid:
    """
    history   n intervals without holes, their energies those of the rows
    is_open   bool (n): to be estimated
    stood     bool (n): open because the active registers stood still; the reactive ones did not
    marks     int64 (n), bits 1 << Rule
    """

    history: History
    is_open: Any
    stood: Any
    marks: Ints
    pots: list[Pot]

    def open_in(self, channel: int) -> Any:
        """-> bool (n): to be estimated in this one of ENERGIES."""
        return self.is_open if channel in _ACTIVE else self.is_open & ~self.stood

    def with_energies(self, columns: dict[str, Any]) -> History:
        return replace(self.history, **columns, estimated=self.history.estimated | self.is_open)


def make(history: History, max_mw: int | None, cuts: list[int]) -> Grid:
    """cuts: Unix s at which a register is known; those inside a hole become edges.

    ToolError: a hole of more than a year
    """
    marks = rules.marks(history, max_mw)
    false = (marks & (_FALSE | (1 << Rule.OVER_RANGE if max_mw is not None else 0))) != 0
    rows: list[int] = []
    bounds: list[tuple[int, int]] = []
    row_marks: list[int] = []
    is_open: list[bool] = []
    pots: list[Pot] = []
    for row, edges in _pieces(history, marks, cuts):
        count = len(edges) - 1
        if row is not None and count > 1:
            totals = tuple(int(getattr(history, name)[row]) for name in ENERGIES)
            pots.append(Pot(slice(len(bounds), len(bounds) + count), totals))
        bounds += pairwise(edges)
        rows += [-1 if row is None else row] * count
        row_marks += [1 << Rule.MISSING if row is None else int(marks[row])] * count
        is_open += [row is None or count > 1 or bool(false[row])] * count
    at = np.array(rows)
    grid = _grid(history, np.array(bounds, dtype=np.int64), at, np.array(is_open))
    opened = np.array(is_open)
    found = Grid(grid, opened, np.zeros_like(opened), np.array(row_marks, dtype=np.int64), pots)
    return _with_stopped(found)


def _pieces(
    history: History, marks: Ints, cuts: list[int]
) -> Iterator[tuple[int | None, list[int]]]:
    """Yields (row, edges) of rows, None for a hole; a row for several intervals is cut."""
    step_s = history.interval_s
    phases, often = np.unique(history.start % step_s, return_counts=True)
    phase_s = int(phases[np.argmax(often)])
    is_lumped = (marks >> Rule.LUMPED & 1) > 0
    before = int(history.start[0])
    for row, (start, end) in enumerate(
        zip(history.start.tolist(), history.end.tolist(), strict=True)
    ):
        if start - before > HOLE_MAX_S:
            raise ToolError(
                f"{history.name}: {(start - before) // 86400} days without a row: give the parts"
                " before and after it by themselves"
            )
        if start > before:
            yield None, grid_edges(before, start, step_s, phase_s, cuts)
        yield row, grid_edges(start, end, step_s, phase_s, []) if is_lumped[row] else [start, end]
        before = end


def _grid(history: History, bounds: Ints, at: Ints, is_open: Any) -> History:
    """at: the row of each interval, -1 where there is none."""
    there = at >= 0
    columns: dict[str, Any] = {
        name: np.where(there & ~is_open, getattr(history, name)[at], 0) for name in ENERGIES
    }
    return replace(
        history,
        start=bounds[:, 0],
        end=bounds[:, 1],
        status=np.where(there, history.status[at], 0),
        estimated=np.where(there, history.estimated[at], False),
        **columns,
    )


def _with_stopped(grid: Grid) -> Grid:
    """Opens what registers that stood still did not count.

    If the interval after it has more than half of what was to be expected as well, they caught
    up: that interval and the run have its energy together. Else their sum is not known.
    """
    is_open, stood, pots = grid.is_open.copy(), grid.stood.copy(), list(grid.pots)
    energy = grid.history.import_mwh
    for first, last in runs((grid.marks >> Rule.STUCK & 1) > 0):
        if not rules.is_stopped(grid.history, slice(first, last)):
            continue
        is_open[first:last] = stood[first:last] = True
        if last == len(energy) or is_open[last]:
            continue
        span = slice(first, last + 1)
        is_open[last] = True
        expected, _ = Guesser(grid.history, is_open).fill(span, energy)
        caught_up = 2 * int(energy[last]) > 2 * expected[-1] + sum(expected[:-1])
        is_open[last] = stood[last] = caught_up
        if caught_up:
            totals = tuple(int(getattr(grid.history, ENERGIES[c])[span].sum()) for c in _ACTIVE)
            pots.append(Pot(span, totals))
    return replace(grid, is_open=is_open, stood=stood, pots=pots)
