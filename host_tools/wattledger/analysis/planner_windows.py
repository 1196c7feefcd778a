"""The windows in which a plan's power is measured, for demand charges and for the limiter."""

from dataclasses import dataclass

import numpy as np

from meter.civil import EPOCH
from meter.sample import IMPORT
from wattledger.engine.load import Ints, Load
from wattledger.engine.peaks import local_days
from wattledger.engine.registers import Crossed, Instants
from wattledger.engine.timeline import Timeline, grid, merged, place

_DAY_S = 86400


@dataclass(frozen=True)
class Windows:
    """All whole windows of one length, from the opening of the bill to the end of the plan.

    base    int64 (m), counts (mW s) that the base load buys in each
    parts, rates, days, months   int64 (m): what each belongs to; days as meter.civil counts,
            months from 0
    slots   by window: ((slot of the plan, seconds that they have in common), ...)
    """

    window_s: int
    base: Ints
    parts: Ints
    rates: Ints
    days: Ints
    months: Ints
    slots: list[tuple[tuple[int, int], ...]]

    def __len__(self) -> int:
        return len(self.base)


def windows(timeline: Timeline, base: Load, times: Ints, window_s: int, parts: int) -> Windows:
    """As wattledger.engine.peaks reads them.

    times   borders of the plan's slots; parts: sub-windows of a sliding window, 1: block windows
    """
    tariff = timeline.parts[0].tariff
    opened = np.array([part.start for part in timeline.parts], dtype=np.int64)
    borders = merged(grid(tariff, timeline.start, timeline.end, window_s // parts), opened)
    begins, ends = borders[:-parts], borders[parts:]
    of_part = place(opened, ends - 1)
    whole = (ends - begins == window_s) & (place(opened, begins) == of_part)
    counts = Instants(base, borders, timeline.next_border, Crossed()).counts(base.of(IMPORT))[0]
    energy = counts[parts:] - counts[:-parts]
    begins, ends, last = begins[whole], ends[whole], ends[whole] - 1
    days = local_days(tariff, last)
    dates = (days + EPOCH // _DAY_S).astype("datetime64[D]")
    return Windows(
        window_s,
        energy[whole],
        of_part[whole],
        timeline.rates[place(timeline.starts, begins if parts == 1 else last)],
        days,
        dates.astype("datetime64[M]").astype(np.int64) % 12,
        [_overlaps(times, begin, end) for begin, end in zip(begins, ends, strict=True)],
    )


def _overlaps(times: Ints, begin: int, end: int) -> tuple[tuple[int, int], ...]:
    first = max(0, int(np.searchsorted(times, begin, side="right")) - 1)
    last = min(len(times) - 1, int(np.searchsorted(times, end)))
    found = []
    for slot in range(first, last):
        common_s = min(int(times[slot + 1]), int(end)) - max(int(times[slot]), int(begin))
        if common_s > 0:
            found.append((slot, common_s))
    return tuple(found)
