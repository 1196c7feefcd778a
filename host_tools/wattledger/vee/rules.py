"""What is wrong with an interval: eight numbered rules, each with its source in docs/vee.md.

A mark says what was seen. Only rules whose finding cannot be true have the interval replaced;
the others leave it as the meter wrote it.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from meter import codes
from wattledger.analysis.history import History
from wattledger.analysis.slices import days_of, runs
from wattledger.engine.load import Ints


class Rule(IntEnum):
    MISSING = 1  # no row between two that are there
    LUMPED = 2  # one row for several intervals
    CLOCK = 3  # the clock was adjusted, or not known, inside
    NEGATIVE = 4  # a register fell
    OVER_RANGE = 5  # more than can flow
    STUCK = 6  # the same value for hours
    SPIKE = 7  # the day's highest stands alone
    SUM = 8  # registers and intervals say different things


WORDS = {
    Rule.MISSING: "missing",
    Rule.LUMPED: "several intervals in one row",
    Rule.CLOCK: "clock adjusted or not known",
    Rule.NEGATIVE: "a register fell",
    Rule.OVER_RANGE: "more than can flow",
    Rule.STUCK: "the same value for hours",
    Rule.SPIKE: "a peak that stands alone in its day",
    Rule.SUM: "registers and intervals differ",
}
STUCK_S = 6 * 3600  # the longest run of equal values in a year of real loads is 2 h
SPIKE = 1.8  # the highest over the third highest of a day, less one
OVER_DAILY_PEAKS = 4  # times the median of the daily peaks, where no limit is known
_HOUR_S = 3600


def marks(history: History, max_mw: int | None) -> Ints:
    """-> int64 (n): bits 1 << Rule of each interval; the gaps between them have no row here.

    max_mw   what the board or the contract lets through; None: not known
    """
    found = np.zeros(len(history), dtype=np.int64)
    for rule, is_so in (
        (Rule.LUMPED, lumped(history)),
        (Rule.CLOCK, (history.status & (codes.CLOCK_STEP | codes.CLOCK_INVALID)) != 0),
        (Rule.NEGATIVE, negative(history)),
        (Rule.OVER_RANGE, over_range(history, max_mw)),
        (Rule.STUCK, stuck(history)),
        (Rule.SPIKE, spikes(history)),
    ):
        found |= np.where(is_so, 1 << rule, 0)
    return found


def lumped(history: History) -> Any:
    """-> bool (n): longer than the others. Not one with a power failure in it: nothing flowed
    while the supply was gone, so it is no energy of several intervals."""
    failed = (history.status & codes.POWER_FAIL) != 0
    return (history.duration_s > history.interval_s) & ~failed


def negative(history: History) -> Any:
    """-> bool (n): any of the four energies."""
    return (
        (history.import_mwh < 0)
        | (history.export_mwh < 0)
        | (history.lagging_mvarh < 0)
        | (history.leading_mvarh < 0)
    )


def over_range(history: History, max_mw: int | None) -> Any:
    """-> bool (n): import or export above max_mw, else above four median daily peaks."""
    power = np.maximum(history.import_mwh, history.export_mwh) * _HOUR_S // history.duration_s
    if max_mw is None:
        peaks = [int(power[day].max()) for day in days_of(history)]
        max_mw = OVER_DAILY_PEAKS * int(np.median(peaks))
    return (power > max_mw) & ~lumped(history)


def stuck(history: History) -> Any:
    """-> bool (n): import and export the same as in all other intervals of six hours."""
    found = np.zeros(len(history), dtype=bool)
    same = (
        (np.diff(history.import_mwh) == 0)
        & (np.diff(history.export_mwh) == 0)
        & (history.start[1:] == history.end[:-1])
    )
    for first, last in runs(np.append(same, False)):
        run = slice(first, last + 1)
        if history.end[last] - history.start[first] >= STUCK_S:
            found[run] = True
    return found


def is_stopped(history: History, run: slice) -> bool:
    """-> whether nothing was counted in the run, though reactive energy was in most of it."""
    flowed = (history.lagging_mvarh[run] + history.leading_mvarh[run]) > 0
    counted = history.import_mwh[run].any() or history.export_mwh[run].any()
    return bool(not counted and flowed.mean() > 0.5)


def spikes(history: History) -> Any:
    """-> bool (n): the highest of a day, where (highest - third) / third is above 1.8."""
    found = np.zeros(len(history), dtype=bool)
    power = history.power_mw
    for day in days_of(history):
        ranked = np.argsort(power[day], kind="stable")
        if len(ranked) < 3:
            continue
        top, third = int(power[day][ranked[-1]]), int(power[day][ranked[-3]])
        if third > 0 and top - third > SPIKE * third:
            found[day.start + int(ranked[-1])] = True
    return found
