"""The layer: a history without holes, beside the raw one, which stays as it was.

Every interval says which rules it broke, whether its energy is an estimate and by which method.
What the layer has more than the raw rows is accounted for: with registers known on both sides
the sum over them is their difference, to the last mWh.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from wattledger.analysis.history import History
from wattledger.analysis.slices import runs
from wattledger.engine.load import Ints
from wattledger.vee.estimate import Guesser, Method, shared
from wattledger.vee.grid import ENERGIES, Grid, make
from wattledger.vee.readings import Reading
from wattledger.vee.rules import Rule

_IMPORT = 0


@dataclass(frozen=True)
class Layer:
    """
    raw       as it was given
    history   n intervals without holes; `estimated` where the energies are not the meter's
    marks     int64 (n), bits 1 << Rule
    methods   int64 (n), Method of the import
    beyond_mwh   of the import: what registers that stood still did not count, an estimate
    """

    raw: History
    history: History
    marks: Ints
    methods: Ints
    beyond_mwh: int

    @property
    def added_mwh(self) -> int:
        """-> what the import has more than the raw rows; less: negative."""
        return int(self.history.import_mwh.sum()) - int(self.raw.import_mwh.sum())

    @property
    def estimated_mwh(self) -> int:
        return int(self.history.import_mwh[self.history.estimated].sum())

    @property
    def shares(self) -> tuple[Fraction, Fraction]:
        """-> estimated of all intervals, and of all imported energy."""
        total = int(self.history.import_mwh.sum())
        count = Fraction(int(self.history.estimated.sum()), len(self.history))
        return count, Fraction(self.estimated_mwh, total) if total else Fraction(0)


class Finding(NamedTuple):
    """A run of intervals of the layer that broke one rule, Unix s; estimated: how many of them."""

    rule: Rule
    start: int
    end: int
    intervals: int
    estimated: int
    import_mwh: int


def of(history: History, max_mw: int | None = None, readings: Sequence[Reading] = ()) -> Layer:
    """max_mw     what can flow at most; None: not known, and nothing is replaced for it
    readings   ascending; those inside a measured interval decide nothing
    """
    grid = make(history, max_mw, [reading.utc for reading in readings])
    guesser = Guesser(grid.history, grid.is_open)
    columns: dict[str, Ints] = {}
    marks, beyond = grid.marks.copy(), 0
    methods = np.zeros(len(marks), dtype=np.int64)
    for channel, name in enumerate(ENERGIES):
        is_open = grid.open_in(channel)
        energy, found = _guesses(is_open, guesser, getattr(grid.history, name))
        free = _shared(grid, energy, is_open, channel)
        stood = free & grid.stood
        differs = _fit(grid.history, energy, free & ~stood, stood, channel, readings)
        marks[differs] |= 1 << Rule.SUM
        columns[name] = energy
        if channel == _IMPORT:
            methods, beyond = found, int(energy[stood].sum())
    return Layer(history, grid.with_energies(columns), marks, methods, beyond)


def findings(layer: Layer) -> list[Finding]:
    """-> by rule and time."""
    found = []
    history = layer.history
    for rule in Rule:
        for first, last in runs(layer.marks >> rule & 1 > 0):
            run = slice(first, last)
            found.append(
                Finding(
                    *(rule, int(history.start[first]), int(history.end[last - 1]), last - first),
                    *(int(history.estimated[run].sum()), int(history.import_mwh[run].sum())),
                )
            )
    return found


def _guesses(is_open: Any, guesser: Guesser, measured: Ints) -> tuple[Ints, Ints]:
    """-> energies with guesses where it is open, Method of each."""
    energy = measured.copy()
    methods = np.full(len(energy), Method.MEASURED, dtype=np.int64)
    for first, last in runs(is_open):
        hole = slice(first, last)
        energy[hole], methods[hole] = guesser.fill(hole, measured)
    return energy, methods


def _shared(grid: Grid, energy: Ints, is_open: Any, channel: int) -> Any:
    """Fits the guesses to the totals of rows. -> bool (n): open and without a total."""
    free = is_open.copy()
    for span, totals in grid.pots:
        if channel < len(totals):
            energy[span] = shared(totals[channel], energy[span].tolist())
            free[span] = False
    return free


def _fit(
    history: History, energy: Ints, free: Any, stood: Any, channel: int, readings: Any
) -> Any:
    """Fits what has no total to the registers. -> bool (n): intervals that contradict them.

    What a register that stood still did not count is in no difference of it.
    """
    differs = np.zeros(len(energy), dtype=bool)
    for span, total in _between(history, readings, channel):
        inside = np.flatnonzero(free[span]) + span.start
        rest = total - int(energy[span][~free[span] & ~stood[span]].sum())
        if rest < 0 or (rest and not len(inside)):
            differs[span] = True
        elif len(inside):
            energy[inside] = shared(rest, energy[inside].tolist())
    return differs


def _between(
    history: History, readings: Sequence[Reading], channel: int
) -> list[tuple[slice, int]]:
    """-> the intervals between each two readings that lie on edges, and what was counted there."""
    edges = {int(t): i for i, t in enumerate(history.start)}
    edges[int(history.end[-1])] = len(history)
    known = [
        (edges[reading.utc], register)
        for reading in readings
        if reading.utc in edges and (register := reading.registers[channel]) is not None
    ]
    return [
        (slice(first, last), after - before) for (first, before), (last, after) in pairwise(known)
    ]
