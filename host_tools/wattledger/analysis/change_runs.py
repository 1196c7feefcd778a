"""Runs of days or hours that are not like others: vacations, and a register that stands still."""

from typing import NamedTuple

import numpy as np

from wattledger.analysis.history import History
from wattledger.analysis.slices import days_of, runs
from wattledger.vee import rules

QUIET = 0.5  # of the high part of such a weekday
DAYS_MIN = 2
_HIGH = 90  # percent of a day
_NEAR_DAYS = 42
_EVIDENCE, _NONE = 0.9, 0.5


class Run(NamedTuple):
    """Unix s; power_mw: less than usual, positive; confidence 0..1"""

    start: int
    end: int
    power_mw: int
    confidence: float


def vacations(history: History) -> list[Run]:
    """-> two days or more in a row whose peaks are half of what such a weekday has, or less.

    Compared with the median of the same weekday in six weeks on either side, so a plant that
    rests on Sunday is not away; one day between quiet ones belongs to them.
    """
    days, power = days_of(history), history.power_mw
    starts = [day.start for day in days]
    number, weekday = history.day[starts], history.weekday[starts]
    high = np.array([np.percentile(power[day], _HIGH) for day in days])
    usual = np.array(
        [
            np.median(high[(weekday == kind) & (np.abs(number - day) <= _NEAR_DAYS)])
            for day, kind in zip(number, weekday, strict=True)
        ]
    )
    quiet = high < QUIET * usual
    quiet[1:-1] |= quiet[:-2] & quiet[2:]
    found = []
    for first, last in runs(quiet):
        if last - first >= DAYS_MIN:
            less = float((usual - high)[first:last].mean())
            loudest = float(np.median((high / np.maximum(usual, 1))[first:last]))
            start, end = history.start[starts[first]], history.end[days[last - 1].stop - 1]
            found.append(Run(int(start), int(end), int(less), max(0.0, 1 - loudest)))
    return found


def stopped(history: History) -> list[Run]:
    """-> six hours or more in which no import was counted and no export (rule V6)."""
    usual = int(np.median(history.power_mw))
    found = []
    for first, last in runs(rules.stuck(history) & (history.import_mwh == 0)):
        run = slice(first, last)
        if history.export_mwh[run].any():
            continue
        confidence = _EVIDENCE if rules.is_stopped(history, run) else _NONE
        start, end = history.start[first], history.end[last - 1]
        found.append(Run(int(start), int(end), usual, confidence))
    return found
