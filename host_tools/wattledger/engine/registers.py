"""What the meter's registers would show at any instant of a load.

The meter takes the energy of a row at its end and splits it at each border inside in
proportion to time: counts * part // span, then the same with what is left (meter.accounts).
So the count at a border depends on the borders before it in its row, and on a tier crossing
there; at the edges of rows it depends on nothing.
"""

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from meter.sample import IMPORT
from wattledger.engine.load import COUNTS_PER_MWH, Ints, Load

Borders = Callable[[int], int]  # core second -> the next one at which the meter splits


@dataclass
class Crossed:
    """Tier crossings of one meter in its rows: row -> [(second, after, counts), ...].

    after   0 or 2: before or after a border of the same second
    """

    by_row: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)

    def add(self, row: int, t: int, after: int, counts: int) -> None:
        insort(self.by_row.setdefault(row, []), (t, after, counts))


class Instants:
    """Where ascending core seconds lie in the rows of a load. Made once for many meters."""

    def __init__(
        self, load: Load, times: Ints, next_border: Borders, crossed: Crossed | None = None
    ) -> None:
        edges = load.edges
        self.times, self._edges = times, edges
        self._next_border = next_border
        self._rows = np.minimum(_rows(edges, times), len(edges) - 2)
        self._late = times >= edges[-1]
        at = self._rows + self._late
        # Every edge in a row is a view, not a copy: what windows of the load's own step ask for.
        self._at = slice(at[0], at[-1] + 1) if len(at) == at[-1] + 1 - at[0] else at
        inside = (times > edges[self._rows]) & ~self._late
        self._inside = np.flatnonzero(inside)
        self.split_rows = np.unique(self._rows[self._inside])
        self._chain(crossed.by_row if crossed else {})

    def _chain(self, crossed: dict[int, list[tuple[int, int, int]]]) -> None:
        """All borders in the rows that are split: their second, row, rank in it, and the
        counts that a crossing fixes, or -1."""
        chain: list[tuple[int, int, int, int]] = []
        place: dict[int, int] = {}
        for row in self.split_rows.tolist():
            at, end = int(self._edges[row]), int(self._edges[row + 1])
            points = [(t, 1, -1) for t in self._between(at, end)]
            points += crossed.get(row, ())
            for rank, (t, kind, counts) in enumerate(sorted(points)):
                if kind == 1:
                    place[t] = len(chain)
                chain.append((t, row, rank, counts))
        columns = np.array(chain, dtype=np.int64).reshape(-1, 4).T
        self._chain_t, self._chain_row, self._chain_rank, self._chain_fixed = columns
        here = [place[t] for t in self.times[self._inside].tolist()]
        self._chain_place = np.array(here, dtype=np.int64)

    def _between(self, t: int, end: int) -> list[int]:
        found = []
        while (t := self._next_border(t)) < end:
            found.append(t)
        return found

    def counts(self, counted: Ints, is_import: bool = True) -> Ints:
        """counted (meters, edges) -> int64 (meters, times); may be a view."""
        found = counted[:, self._at]
        if len(self._inside):
            found = found.copy()
            found[:, self._inside] = self._split(counted, is_import)[:, self._chain_place]
        return found

    def _split(self, counted: Ints, is_import: bool) -> Ints:
        at, row = self._chain_t, self._chain_row
        found = np.empty((len(counted), len(at)), dtype=np.int64)
        for rank in range(int(self._chain_rank.max()) + 1):
            here = np.flatnonzero(self._chain_rank == rank)
            if rank:
                before, began = found[:, here - 1], at[here - 1]
            else:
                before, began = counted[:, row[here]], self._edges[row[here]]
            left = counted[:, row[here] + 1] - before
            span = self._edges[row[here] + 1] - began
            found[:, here] = before + left * (at[here] - began) // span
            fixed = self._chain_fixed[here]
            if is_import and (fixed >= 0).any():
                found[:, here[fixed >= 0]] = fixed[fixed >= 0]
        return found


def _rows(edges: Ints, times: Ints) -> Ints:
    """-> index of the last edge that is not after each time."""
    step_s = edges[1] - edges[0]
    if len(times) * 8 > len(edges) and (np.diff(edges) == step_s).all():
        found: Ints = np.minimum((times - edges[0]) // step_s, len(edges) - 1)
        return found
    return np.searchsorted(edges, times, side="right") - 1


def mwh(counts: Ints) -> Ints:
    """-> what a register shows."""
    found: Ints = counts // COUNTS_PER_MWH
    return found


def crossing(
    load: Load, counts: int, next_border: Borders, crossed: Crossed
) -> tuple[int, int, int, int]:
    """Where the import of one meter reaches `counts`, as the meter finds it.

    crossed   the earlier crossings
    -> (row, core second, 0 or 2: before or after a border of that second, counts there)
    """
    edges, counted = load.edges, load.of(IMPORT)[0]
    row = max(0, int(np.searchsorted(counted, counts)) - 1)
    t, end = int(edges[row]), int(edges[row + 1])
    have, most = int(counted[row]), int(counted[row + 1])
    if counts <= have:
        return row, t, 2, have
    border_t = t
    earlier = [fixed for _, _, fixed in crossed.by_row.get(row, ())]
    while True:
        border = min(next_border(t), end)
        taken = (most - have) * (border - t) // (end - t)
        stop = min([fixed for fixed in earlier if fixed > have] + [counts])
        if have + taken >= stop:
            t += (end - t) * (stop - have) // (most - have)
            have = stop
            if stop == counts:
                return row, t, 2 if t == border_t else 0, counts
        else:
            t = border_t = border
            have += taken
