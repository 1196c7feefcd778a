"""A load in columns: what every meter has counted at the edges of its rows.

A count is 1 mW for 1 s. A register is the whole mWh of the counts so far, so it is exact for
any load in whole mW; a load in uJ keeps its remainders from row to row.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from meter import limits
from meter.sample import CHANNELS, EXPORT, IMPORT, Q1, Q2, Q3, Q4
from wattledger.errors import ToolError

Ints = npt.NDArray[np.int64]
COUNTS_PER_MWH = 3600
COUNTS_MAX = limits.REGISTER_MAX * COUNTS_PER_MWH
UJ_PER_COUNT = 1000
UJ_PER_MWH = COUNTS_PER_MWH * UJ_PER_COUNT


@dataclass(frozen=True)
class Span:
    """Energy from start to end, core seconds, spread evenly where it is split.

    imported, exported   uJ; lagging, leading: reactive energy, uvar s
    """

    start: int
    end: int
    imported: int
    exported: int
    lagging: int = 0
    leading: int = 0


class Load:
    """The same rows of one or more meters.

    edges    int64 (rows + 1), core seconds, ascending
    counts   by channel (meter.sample): int64 (meters, rows + 1), counts from the first edge
             to each; None: the channel counts nothing
    """

    def __init__(self, edges: Ints, counts: list[Ints | None]) -> None:
        self.edges, self.counts = edges, counts

    @property
    def meters(self) -> int:
        return int(self.of(IMPORT).shape[0])

    @property
    def start(self) -> int:
        return int(self.edges[0])

    @property
    def end(self) -> int:
        return int(self.edges[-1])

    def of(self, channel: int) -> Ints:
        """-> int64 (meters, rows + 1) also of a channel that counts nothing."""
        counts = self.counts[channel]
        if counts is None:
            return np.zeros_like(self.of(IMPORT))
        return counts

    def meter(self, first: int, last: int | None = None) -> "Load":
        """-> the load of these meters alone, a view."""
        part = slice(first, first + 1 if last is None else last)
        return Load(self.edges, [None if c is None else c[part] for c in self.counts])


def of_rows(start: int, step_s: int, imported: Any, exported: Any = None) -> Load:
    """A matrix (meters, rows) of counts a row, mW s, integers, or one row of it -> Load.

    start   core second at which the first row begins
    ToolError: no integers, negative, or more than a register holds
    """
    bought = _matrix(imported)
    edges = start + step_s * np.arange(bought.shape[1] + 1, dtype=np.int64)
    counts: list[Ints | None] = [None] * CHANNELS
    counts[IMPORT] = _cumulative(bought, step_s)
    if exported is not None:
        sold = _matrix(exported)
        if sold.shape != bought.shape:
            raise ToolError(f"load: export {sold.shape}, import {bought.shape}: give equal rows")
        counts[EXPORT] = _cumulative(sold, step_s)
    return Load(edges, counts)


def of_spans(spans: Iterable[Span]) -> Load:
    """Spans in any order, without overlap; between them there is no energy. ToolError: none,
    or two overlap."""
    found = [span for span in spans if span.end > span.start or any(_energies(span))]
    if not found:
        raise ToolError("load: no rows: give one with energy in it")
    if any(span.end <= span.start for span in found):
        raise ToolError("load: a row with energy in no time: give it an end after its start")
    starts = np.array([span.start for span in found], dtype=np.int64)
    ends = np.array([span.end for span in found], dtype=np.int64)
    edges = np.unique(np.concatenate((starts, ends)))
    at = np.searchsorted(edges, starts)
    if np.any(edges[at + 1] != ends) or len(np.unique(at)) < len(at):
        raise ToolError("load: two rows overlap: give each instant once")
    longest = int(np.diff(edges).max())
    counts: list[Ints | None] = [None] * CHANNELS
    for channel, values in enumerate(_by_channel(found)):
        if channel == IMPORT or any(values):
            counts[channel] = _of_uj(values, at, len(edges) - 1, longest)
    return Load(edges, counts)


def _energies(span: Span) -> tuple[int, ...]:
    return span.imported, span.exported, span.lagging, span.leading


def _by_channel(spans: list[Span]) -> list[list[int]]:
    """-> uJ by channel and span; reactive energy by the sign of the active one beside it."""
    found: list[list[int]] = [[0] * len(spans) for _ in range(CHANNELS)]
    for i, span in enumerate(spans):
        found[IMPORT][i], found[EXPORT][i] = span.imported, span.exported
        lag, lead = (Q2, Q3) if span.exported > span.imported else (Q1, Q4)
        found[lag][i], found[lead][i] = span.lagging, span.leading
    return found


def _of_uj(values: list[int], at: Ints, rows: int, longest_s: int) -> Ints:
    if sum(values) > COUNTS_MAX * UJ_PER_COUNT or min(values) < 0:
        raise ToolError("load: a row is negative, or all are more than a register holds: check it")
    whole = np.zeros((1, rows), dtype=np.int64)
    rest = np.zeros((1, rows), dtype=np.int64)
    whole[0, at] = [value // UJ_PER_COUNT for value in values]
    rest[0, at] = [value % UJ_PER_COUNT for value in values]
    counted = _cumulative(whole, longest_s)
    counted[:, 1:] += np.cumsum(rest, axis=1) // UJ_PER_COUNT
    return counted


def _matrix(rows: Any) -> Ints:
    made = np.atleast_2d(np.asarray(rows))
    if made.dtype.kind not in "iu" or made.ndim != 2 or not made.size:
        raise ToolError(
            f"load: {made.dtype} in {made.ndim} dimensions: give whole mW s by meter and row"
        )
    return made.astype(np.int64, copy=False)


def _cumulative(rows: Ints, longest_s: int) -> Ints:
    """-> counts at the edges; what could overflow in any later step is refused here."""
    most = int(rows.max())
    if int(rows.min()) < 0:
        raise ToolError("load: a row with negative energy: give import and export apart")
    beyond = most * rows.shape[1] > COUNTS_MAX
    if beyond and max(sum(map(int, row)) for row in rows) > COUNTS_MAX:
        raise ToolError("load: more than the 281 GWh that a register holds: check the unit")
    if most * longest_s >= 1 << 62:
        raise ToolError(f"load: a row of {most} mW s in {longest_s} s: check the unit")
    counted = np.empty((rows.shape[0], rows.shape[1] + 1), dtype=np.int64)
    counted[:, 0] = 0
    np.cumsum(rows, axis=1, out=counted[:, 1:])
    return counted
