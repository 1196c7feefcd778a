"""One meter through a load: the accounts of its parts, ready for meter.billing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from meter import limits
from meter.billing import NOTHING_CARRIED, Account, Line, Reading, lines
from meter.price_schedule import Schedule
from meter.sample import CHANNELS, EXPORT, IMPORT
from wattledger.engine import limited, peaks, rows, usage
from wattledger.engine.load import Ints, Load
from wattledger.engine.peaks import Peaks
from wattledger.engine.registers import Crossed, Instants, mwh
from wattledger.engine.rows import Settled
from wattledger.engine.timeline import Part, Timeline
from wattledger.engine.usage import Usage


@dataclass(frozen=True)
class Counted:
    """All that the bills of one meter rest on; settled: None where no bill needs the rows."""

    usage: Usage
    peaks: Peaks | None
    settled: list[Settled] | None

    @property
    def timeline(self) -> Timeline:
        return self.usage.timeline


def count(base: Timeline, load: Load, schedules: list[Schedule]) -> Counted:
    """Run one meter through its load. schedules: their events are in base already.

    Each round rests on the crossings and peaks of the one before; what comes later in time
    depends only on what came earlier, so the rounds come to an end.
    """
    crossed, peaks_mw = Crossed(), None
    needs_peaks = any(usage.by_peak(part.tariff) for part in base.parts)
    while True:
        timeline = limited.limit(base, load, crossed)
        measured = usage.measure(timeline, load, peaks_mw)
        planned = peaks.plan(timeline, load, measured.crossed)
        found = peaks.find(timeline, load, planned)
        highest = found.highest_mw(timeline)[0] if found and needs_peaks else None
        again = limited.limit(base, load, measured.crossed)
        if _same(highest, peaks_mw) and again.is_like(timeline):
            break
        crossed, peaks_mw = measured.crossed, highest
    settled = None
    if rows.needed(timeline):
        settled = rows.settle(timeline, load, measured.crossed, schedules)
    return Counted(measured, found, settled)


def billed(counted: Counted) -> Iterator[tuple[Part, Account, list[Line]]]:
    """Yields for each part its Account and the lines of its bill; what one part carries over
    opens the next."""
    carry: Any = NOTHING_CARRIED
    history: list[Any] = []
    for account, part in zip(accounts(counted), counted.timeline.parts, strict=True):
        account.carry, account.history = carry, history
        found = list(lines(part.tariff, account))
        yield part, account, found
        carry = account.carry_out
        if part.tariff.carry == "none":
            carry = (0, carry[1], 0, 0)  # but for what a yearly minimum covers
        history = [account.demand, *history][: limits.HISTORY]


def accounts(counted: Counted) -> Iterator[Account]:
    """Yields the Account of each part, without carry and history."""
    timeline, measured = counted.timeline, counted.usage
    totals = measured.totals()[0]
    channels = _channels(measured)
    for i, part in enumerate(timeline.parts):
        tariff = part.tariff
        opening = [0] * tariff.registers
        closing = list(opening)
        for rate, energy in enumerate(totals[i, : len(tariff.rates)].tolist()):
            closing[tariff.register(rate)] = energy
        account = Account(
            Reading(part.start, opening, channels[i]),
            Reading(part.end, closing, channels[i + 1]),
            end=part.planned_end,
            crossings=_crossings(measured, i, part),
        )
        if counted.peaks:
            account.demand = _slots(counted.peaks, i)
        if counted.settled:
            settled = counted.settled[i]
            account.spot = settled.spot
            if tariff.netting == "interval":
                used = enumerate(totals[i, : len(tariff.rates)].tolist())
                account.net = {rate: n - settled.netted.get(rate, 0) for rate, n in used}
        yield account


def _same(a: Ints | None, b: Ints | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _slots(found: Peaks, part: int) -> list[int]:
    pairs = zip(found.mw[0, part].tolist(), found.end[part].tolist(), strict=True)
    return [value for pair in pairs for value in pair]


def _channels(measured: Usage) -> list[list[int]]:
    """-> the 7 registers at each border between parts."""
    timeline, load = measured.timeline, measured.load
    times = np.array([part.start for part in timeline.parts] + [timeline.end], dtype=np.int64)
    instants = Instants(load, times, timeline.next_border, measured.crossed)
    found = np.zeros((CHANNELS, len(times)), dtype=np.int64)
    for channel, counts in enumerate(load.counts):
        if counts is not None:
            found[channel] = mwh(instants.counts(counts, channel == IMPORT))[0]
    shown: list[list[int]] = found.T.tolist()
    return shown


def _crossings(measured: Usage, index: int, part: Part) -> list[tuple[int, Reading]]:
    """-> [(tier set, Reading), ...] of a part. Import is exact; the export total and rates
    are those at the beginning of the segment: no tier rests on them."""
    timeline, tariff = measured.timeline, part.tariff
    found = []
    for crossing in measured.crossings:
        if crossing.part == index:
            rates = [0] * tariff.registers
            first = int(np.searchsorted(timeline.part_of, index))
            for segment in range(first, crossing.segment):
                rate = int(timeline.rates[segment])
                rates[rate] += int(np.diff(measured.imported[0, segment : segment + 2])[0])
                if measured.exported is not None:
                    sold = int(np.diff(measured.exported[0, segment : segment + 2])[0])
                    rates[tariff.register(tariff.export_of[rate])] += sold
            rates[int(timeline.rates[crossing.segment])] += crossing.used_mwh
            registers = [0] * CHANNELS
            registers[IMPORT] = int(measured.imported[0, crossing.segment]) + crossing.used_mwh
            if measured.exported is not None:
                registers[EXPORT] = int(measured.exported[0, crossing.segment])
            found.append((crossing.tier_set, Reading(crossing.t, rates, registers)))
    return found
