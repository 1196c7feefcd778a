"""Steps: two weeks that differ from the two before in all parts of their distribution.

Seasons change the peaks slowly, a vacation only the peaks; a lost phase or a bypass takes the
same share of all, so every quantile falls at once. What is always on adds the same to each of
the low ones.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wattledger.analysis.history import History
from wattledger.analysis.slices import days_of

DAYS = 14  # whole weeks, so that both sides have the same weekdays
ALL_PARTS = (5, 20, 50, 80, 95)  # percent
LOW_PARTS = (5, 10, 20, 30)
LOST_MIN = 0.2  # of every part
RISE_MIN = 0.15  # of the lowest
RISE_SPREAD_MAX = 2  # the largest rise of a low part over the smallest: what is added is the same
_COVERED_MIN = 0.8
Floats = npt.NDArray[np.float64]


class Step(NamedTuple):
    """at: Unix s, a local midnight; size: share of before; power_mw: of it; alike: 0..1"""

    at: int
    size: float
    power_mw: int
    alike: float


def shares_lost(history: History) -> list[Step]:
    """-> where every part of the use fell by a fifth or more; size and power are negative."""

    def step(at: int, before: Floats, after: Floats) -> tuple[float, Step] | None:
        if before[1] <= 0:
            return None
        falls = 1 - after[1:] / before[1:]
        least, most = float(falls.min()), float(falls.max())
        if least <= 0:
            return None
        return least, Step(at, -float(np.median(falls)), int(after[0] - before[0]), least / most)

    return _steps(history, ALL_PARTS, step, LOST_MIN)


def base_rises(history: History) -> list[Step]:
    """-> where what is always on rose by 15 % or more, by about the same at all low parts."""

    def step(at: int, before: Floats, after: Floats) -> tuple[float, Step] | None:
        if before[1] <= 0:
            return None
        rises = after[1:] - before[1:]
        least, most = float(rises.min()), float(rises.max())
        if least <= 0 or most > RISE_SPREAD_MAX * least:
            return None
        size = float(np.median(rises) / before[1])
        return least / before[1], Step(at, size, int(np.median(rises)), least / most)

    return _steps(history, LOW_PARTS, step, RISE_MIN)


def _steps(
    history: History,
    parts: tuple[int, ...],
    step: Callable[[int, Floats, Floats], tuple[float, Step] | None],
    score_min: float,
) -> list[Step]:
    """The steps that score highest within two weeks on either side."""
    windows = _windows(history, parts)
    scored = {
        day: found
        for day, (at, after) in windows.items()
        if day - DAYS in windows and (found := step(at, windows[day - DAYS][1], after))
    }
    steps = []
    while scored:
        best = max(scored, key=lambda day: scored[day][0])
        if scored[best][0] < score_min:
            break
        steps.append(scored[best][1])
        scored = {day: found for day, found in scored.items() if abs(day - best) > DAYS}
    return sorted(steps)


def _windows(history: History, parts: tuple[int, ...]) -> dict[int, tuple[int, Floats]]:
    """-> {local date: (its first instant, [mean, parts ...] of the two weeks from it on, mW)}"""
    power, numbers = history.power_mw, history.day
    found: dict[int, tuple[int, Floats]] = {}
    for day in days_of(history):
        number = int(numbers[day.start])
        last = int(np.searchsorted(numbers, number + DAYS))
        window = slice(day.start, last)
        if history.duration_s[window].sum() >= _COVERED_MIN * DAYS * 86400:
            values = np.concatenate(([power[window].mean()], np.percentile(power[window], parts)))
            found[number] = int(history.start[day.start]), values
    return found
