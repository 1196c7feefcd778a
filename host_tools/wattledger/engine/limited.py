"""The limiter: which of its levels has tripped when, and the rate that this puts in force.

The windows of one meter in their order, judged as meter.limiter does: only whole ones count.
"""

from typing import Any

import numpy as np

from meter.sample import IMPORT
from wattledger.engine.load import Ints, Load
from wattledger.engine.registers import Crossed, Instants, mwh
from wattledger.engine.timeline import Timeline, grid, merged, place, stretches

_HOUR_S = 3600


def limit(base: Timeline, load: Load, crossed: Crossed) -> Timeline:
    """-> the timeline with the re-priced rates of the only meter in it."""
    starts, rates = [base.starts], [np.full_like(base.rates, -1)]
    for tariff, start, end in stretches(base):
        if tariff.limiter:
            changes = _repriced(tariff, *_windows(base, load, crossed, tariff, start, end))
            starts.append(np.array([t for t, _ in changes] + [end], dtype=np.int64))
            rates.append(np.array([rate for _, rate in changes] + [-1], dtype=np.int64))
    if len(starts) == 1:
        return base
    marks, named = np.concatenate(starts[1:]), np.concatenate(rates[1:])
    inside = marks < base.end
    marks, named = marks[inside], named[inside]
    if not len(marks):
        return base
    all_starts = merged(base.starts, np.unique(marks))
    in_force = base.rates[place(base.starts, all_starts)]
    last = place(marks, all_starts)
    override = np.where(last >= 0, named[last], -1)
    return base.with_rates(all_starts, np.where(override >= 0, override, in_force))


def _windows(
    base: Timeline, load: Load, crossed: Crossed, tariff: Any, start: int, end: int
) -> tuple[Ints, Ints]:
    """-> (end of each whole window, its average in mW)."""
    window_s = tariff.limiter[0]
    borders = grid(tariff, start, end, window_s)
    energy = np.diff(
        mwh(Instants(load, borders, base.next_border, crossed).counts(load.of(IMPORT)))
    )[0]
    whole = np.diff(borders) == window_s
    return borders[1:][whole], energy[whole] * _HOUR_S // window_s


def _repriced(tariff: Any, ends: Ints, averages_mw: Ints) -> list[tuple[int, int]]:
    """-> [(core second, rate that holds from then on, or -1)]"""
    levels = tariff.limiter[1]
    least = min(level[2] for level in levels)
    over = np.flatnonzero(averages_mw > least)
    state, windows = 0, [0] * len(levels)
    found: list[tuple[int, int]] = []
    rate, at = -1, 0
    while at < len(ends):
        if not state and not any(windows):  # nothing happens before the next one above a limit
            following = int(np.searchsorted(over, at))
            if following == len(over):
                break
            at = int(over[following])
        state = _judge(levels, int(averages_mw[at]), state, windows)
        named = _rate(levels, state)
        if named != rate:
            rate = named
            found.append((int(ends[at]), rate))
        at += 1
    return found


def _judge(levels: Any, average_mw: int, state: int, windows: list[int]) -> int:
    for i, (_, _, threshold_mw, release_mw, over, under, _, manual) in enumerate(levels):
        tripped = state >> i & 1
        goes_on = average_mw <= release_mw if tripped else average_mw > threshold_mw
        windows[i] = windows[i] + 1 if goes_on else 0
        if windows[i] >= (under if tripped else over):
            windows[i] = 0
            if not (tripped and manual):
                state ^= 1 << i
    return state


def _rate(levels: Any, state: int) -> int:
    named = -1
    for i, level in enumerate(levels):
        if state >> i & 1 and level[1] == "reprice":
            named = level[6]
    return named
