"""How much each meter used under which rate, and where its tiers changed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meter.sample import EXPORT, IMPORT
from wattledger.engine.load import COUNTS_PER_MWH, Ints, Load
from wattledger.engine.registers import Crossed, Instants, crossing, mwh
from wattledger.engine.timeline import Timeline


@dataclass(frozen=True)
class Crossing:
    """The end of a tier of a chronological set; exact, in the middle of a segment.

    part, segment   indexes in the timeline; t: core second
    tier_set, tier  that end here; used_mwh: of the segment's rate since the segment began
    """

    part: int
    segment: int
    t: int
    tier_set: int
    tier: int
    used_mwh: int


@dataclass
class Usage:
    """
    imported, exported   int64 (meters, segments + 1), mWh: the totals at the borders
    crossings   of the only meter, in order; `read` does not look for them
    """

    timeline: Timeline
    load: Load
    imported: Ints
    exported: Ints | None
    crossed: Crossed
    crossings: list[Crossing] = field(default_factory=list)

    def totals(self) -> Ints:
        """-> int64 (meters, parts, rates), mWh by rate of the tariff of the part."""
        bought, sold = sums_by_rate(self.timeline)
        found = bought.add(np.diff(self.imported))
        if self.exported is not None:
            found += sold.add(np.diff(self.exported))
        return found


class Sums:
    """Adds up columns of segments by part and rate. Made once for many meters.

    part_of, rates   int64 (segments); shape: (parts, rates)
    """

    def __init__(self, part_of: Ints, rates: Ints, shape: tuple[int, int]) -> None:
        key = part_of * shape[1] + rates
        self._order: Ints | slice = np.argsort(key, kind="stable")
        keys = key[self._order]
        if np.array_equal(keys, key):
            self._order = slice(None)
        self._first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys, self._shape = keys[self._first], shape

    def add(self, grown: Ints) -> Ints:
        """grown (meters, segments) -> int64 (meters, parts, rates)."""
        parts, rates = self._shape
        found = np.zeros((len(grown), parts * rates), dtype=np.int64)
        if len(self._keys):
            found[:, self._keys] = np.add.reduceat(grown[:, self._order], self._first, axis=1)
        return found.reshape(len(grown), parts, rates)


def sums_by_rate(timeline: Timeline) -> tuple[Sums, Sums]:
    """-> what adds up import and export by the rates that they count into."""
    shape = len(timeline.parts), max(len(part.tariff.rates) for part in timeline.parts)
    exports = np.empty_like(timeline.rates)
    for i, part in enumerate(timeline.parts):
        here = timeline.part_of == i
        exports[here] = np.frombuffer(part.tariff.export_of, dtype=np.uint8)[timeline.rates[here]]
    return (
        Sums(timeline.part_of, timeline.rates, shape),
        Sums(timeline.part_of, exports, shape),
    )


def measure(timeline: Timeline, load: Load, peaks_mw: Ints | None = None) -> Usage:
    """Read the registers of one meter at the borders of the rates, and find its crossings.

    peaks_mw  int64 (parts): its highest demand, for bounds per kW
    """
    crossed = Crossed()
    while True:
        instants = Instants(load, timeline.times, timeline.next_border, crossed)
        usage = read(timeline, load, instants)
        usage.crossed = crossed
        usage.crossings, seen = _crossings(usage, peaks_mw)
        if _split(seen, instants) == _split(crossed, instants):
            return usage
        crossed = seen  # they moved a border in their row: what follows from it moves too


def read(timeline: Timeline, load: Load, instants: Instants) -> Usage:
    """Read the registers of all meters. instants: of timeline.times, without crossings."""
    sold = load.counts[EXPORT]
    return Usage(
        timeline,
        load,
        mwh(instants.counts(load.of(IMPORT))),
        None if sold is None else mwh(instants.counts(sold, False)),
        Crossed(),
    )


def chronological(tariff: Any) -> list[int]:
    """-> indexes of the tier sets whose tiers follow one another in time."""
    return [i for i, tiers in enumerate(tariff.tier_sets) if tiers[0] == "chronological"]


def by_peak(tariff: Any) -> bool:
    """-> whether tiers that follow one another in time have bounds per kW."""
    return any(tariff.tier_sets[i][1] == "kw" for i in chronological(tariff))


def in_set(tariff: Any, tier_set: int) -> Ints:
    """-> bool (rates): which import rates belong to a tier set."""
    member = [tariff.tier_set(rate) == tier_set for rate in range(tariff.imports)]
    return np.array(member, dtype=bool)


def _crossings(usage: Usage, peaks_mw: Ints | None) -> tuple[list[Crossing], Crossed]:
    timeline, load = usage.timeline, usage.load
    imported = usage.imported[0]
    reached: list[tuple[int, int, int, int, int]] = []  # register at it, segment, part, set, tier
    for i, part in enumerate(timeline.parts):
        for tier_set in chronological(part.tariff):
            of_set = np.append(in_set(part.tariff, tier_set), False)
            rates = np.where(timeline.part_of == i, timeline.rates, -1)
            here = np.flatnonzero(of_set[rates])
            grown = imported[here + 1] - imported[here]
            used = np.cumsum(grown)
            peak = 0 if peaks_mw is None else int(peaks_mw[i])
            bounds = part.tariff.tier_bounds(tier_set, part.start, part.planned_end, peak)
            for tier, bound in enumerate(bounds):
                at = int(np.searchsorted(used, bound))
                if at == len(used):
                    break
                segment = int(here[at])
                rest = bound - int(used[at] - grown[at])
                reached.append((int(imported[segment]) + rest, segment, i, tier_set, tier))
    crossed, found = Crossed(), []
    for register, segment, i, tier_set, tier in sorted(reached, key=lambda r: (r[1], r[0])):
        began = int(timeline.starts[segment])
        row, t, after, counts = crossing(
            load, register * COUNTS_PER_MWH, timeline.next_border, crossed
        )
        if t >= began:
            crossed.add(row, t, after, counts)
        grown_mwh = max(0, register - int(imported[segment]))
        found.append(Crossing(i, segment, max(t, began), tier_set, tier, grown_mwh))
    return found, crossed


def _split(crossed: Crossed, instants: Instants) -> dict[int, list[tuple[int, int, int]]]:
    """-> the crossings in rows that are split, which alone move anything."""
    rows = set(instants.split_rows.tolist())
    return {row: points for row, points in crossed.by_row.items() if row in rows}
