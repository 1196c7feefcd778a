"""Price events: rates that a price schedule puts in force from one time to another."""

from collections.abc import Sequence

import numpy as np

from meter.price_schedule import Schedule
from wattledger.engine.timeline import Timeline, place, stretches


def call(base: Timeline, schedules: Sequence[Schedule]) -> Timeline:
    """-> the timeline with the price events in it, from and to borders of rows as the meter
    rounds them; of two schedules the later one counts."""
    found = base
    for schedule in schedules:
        for begin, end, name in schedule.events:
            for tariff, start, until in stretches(base):
                calendar, names = tariff.calendar, tariff.rates[: tariff.imports]
                first, last = (
                    max(start, min(until, calendar.interval_end(t - 1, tariff.interval_s)))
                    for t in (begin, end)
                )
                if first < last and name in names:
                    found = _between(found, first, last, names.index(name))
    return found


def _between(timeline: Timeline, first: int, last: int, rate: int) -> Timeline:
    marks = [t for t in (first, last) if t < timeline.end]
    starts = np.union1d(timeline.starts, np.array(marks, dtype=np.int64))
    rates = timeline.rates[place(timeline.starts, starts)]
    rates[(starts >= first) & (starts < last)] = rate
    return timeline.with_rates(starts, rates)
