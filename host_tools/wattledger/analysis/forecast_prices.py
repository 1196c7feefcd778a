"""Prices that nobody has announced yet: those of the same time a week before."""

from collections.abc import Sequence
from copy import copy

from meter.civil import DAY_S
from meter.price_schedule import Schedule

_WEEK_S = 7 * DAY_S


def announced(schedules: Sequence[Schedule], t: int) -> list[Schedule]:
    """-> what they say of the time before core second t."""
    found = []
    for schedule in schedules:
        cut = copy(schedule)
        cut.count = max(0, min(cut.count, (t - cut.start) // cut.step_s))
        cut.events = [event for event in cut.events if event[0] < t]
        found.append(cut)
    return found


def expected(schedules: Sequence[Schedule], end: int) -> list[Schedule]:
    """-> the schedules, and after the last of their prices those of its week again and again, up
    to core second end. Price events are not repeated."""
    priced = [schedule for schedule in schedules if schedule.count]
    found = list(schedules)
    if not priced:
        return found
    last = max(map(_end, priced))
    week = [schedule for schedule in priced if _end(schedule) > last - _WEEK_S]
    for later_s in range(_WEEK_S, max(0, end - last) + _WEEK_S, _WEEK_S):
        for schedule in week:
            again = copy(schedule)
            again.start += later_s
            again.events = []
            found.append(again)
    return found


def _end(schedule: Schedule) -> int:
    """-> core second at which its prices end"""
    end: int = schedule.start + schedule.count * schedule.step_s
    return end
