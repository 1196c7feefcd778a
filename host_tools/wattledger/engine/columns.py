"""What the bills of many meters rest on, as columns: energy by rate and tier, peaks."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from meter.sample import EXPORT, IMPORT, Q1, Q2
from wattledger.engine import peaks
from wattledger.engine.load import Ints, Load
from wattledger.engine.registers import Crossed, Instants, mwh
from wattledger.engine.timeline import Timeline
from wattledger.engine.usage import Sums, by_peak, chronological, in_set, sums_by_rate


@dataclass
class Quantities:
    """
    used      int64 (meters, parts, rates), mWh
    by_tier   {(digest, chronological set): int64 (meters, tiers, parts, rates), mWh}
    peaks_mw  int64 (meters, parts, slots), or None
    plus      int64 (meters, parts), mvarh of Q1 and Q2, or None
    """

    used: Ints
    by_tier: dict[tuple[str, int], Ints]
    peaks_mw: Ints | None
    plus: Ints | None

    @staticmethod
    def joined(found: "list[Quantities]") -> "Quantities":
        """One after the other."""
        first = found[0]
        return Quantities(
            np.concatenate([q.used for q in found]),
            {key: np.concatenate([q.by_tier[key] for q in found]) for key in first.by_tier},
            None if first.peaks_mw is None else np.concatenate([q.peaks_mw for q in found]),
            None if first.plus is None else np.concatenate([q.plus for q in found]),
        )


class Reader:
    """Reads loads with the same edges, whatever their energy."""

    def __init__(self, timeline: Timeline, load: Load) -> None:
        self._timeline = timeline
        crossed, border = Crossed(), timeline.next_border
        self._instants = Instants(load, timeline.times, border)
        self._windows = peaks.plan(timeline, load, crossed)
        self._bought, self._sold = sums_by_rate(timeline)
        ends = np.array([part.start for part in timeline.parts] + [timeline.end], dtype=np.int64)
        self._parts = Instants(load, ends, border)
        tariffs = {part.tariff.digest: part.tariff for part in timeline.parts}
        self._tiers = {
            (digest, tier_set): _Tiers(timeline, tariff, tier_set)
            for digest, tariff in tariffs.items()
            for tier_set in chronological(tariff)
        }
        split = [self._instants, self._parts, *(windows.instants for windows in self._windows)]
        self._is_split = any(len(instants.split_rows) for instants in split)
        self._needs_plus = any(tariff.reactive for tariff in tariffs.values())
        self._tariffs = list(tariffs.values())

    @property
    def suits(self) -> bool:
        """-> whether totals are all that the bills of these tariffs need.

        A tier crossing in a row that is split moves what follows in the row.
        """
        if self._is_split and self._tiers:
            return False
        return all(is_plain(tariff) for tariff in self._tariffs)

    def read(self, load: Load) -> Quantities:
        """-> Quantities of all its meters."""
        bought = np.diff(mwh(self._instants.counts(load.of(IMPORT))))
        used = self._bought.add(bought)
        sold = load.counts[EXPORT]
        if sold is not None:
            used += self._sold.add(np.diff(mwh(self._instants.counts(sold, False))))
        found = peaks.find(self._timeline, load, self._windows)
        return Quantities(
            used,
            {key: tiers.split(bought) for key, tiers in self._tiers.items()},
            found.mw if found else None,
            self._plus(load) if self._needs_plus else None,
        )

    def _plus(self, load: Load) -> Ints:
        found = np.zeros((load.meters, len(self._timeline.parts)), dtype=np.int64)
        for channel in (Q1, Q2):
            counts = load.counts[channel]
            if counts is not None:
                found += np.diff(mwh(self._parts.counts(counts, False)))
        return found


class _Tiers:
    """Splits energy at the bounds of a chronological set, in clock order within each part."""

    def __init__(self, timeline: Timeline, tariff: Any, tier_set: int) -> None:
        parts = [part if part.tariff is tariff else None for part in timeline.parts]
        of_tariff = np.array([part is not None for part in parts])
        member = np.append(in_set(tariff, tier_set), False)
        rates = np.where(of_tariff[timeline.part_of], timeline.rates, -1)
        self._here = np.flatnonzero(member[rates])
        part_of = timeline.part_of[self._here]
        bounds = [
            tariff.tier_bounds(tier_set, part.start, part.planned_end) if part else None
            for part in parts
        ]
        count = len(tariff.tier_sets[tier_set][2])
        by_part = np.array([b or (0,) * count for b in bounds], dtype=np.int64).reshape(-1, count)
        self._bounds = by_part[part_of].T  # (bounds, segments)
        self._first = np.searchsorted(part_of, part_of)  # first segment of the same part
        shape = len(parts), max(len(part.tariff.rates) for part in timeline.parts)
        self._sums = Sums(part_of, rates[self._here], shape)

    def split(self, bought: Ints) -> Ints:
        """bought (meters, segments) -> int64 (meters, tiers, parts, rates), mWh."""
        grown = bought[:, self._here]
        total = np.zeros((len(grown), grown.shape[1] + 1), dtype=np.int64)
        np.cumsum(grown, axis=1, out=total[:, 1:])
        began = total[:, self._first]
        before, after = total[:, :-1] - began, total[:, 1:] - began
        tiers, below = [], np.zeros_like(grown)
        for bounds in self._bounds:
            upto = np.minimum(after, bounds) - np.minimum(before, bounds)
            tiers.append(self._sums.add(upto - below))
            below = upto
        tiers.append(self._sums.add(grown - below))
        return np.stack(tiers, axis=1)


def is_plain(tariff: Any) -> bool:
    """-> whether a bill needs neither other parts nor single intervals."""
    demand = tariff.demand
    return not (
        tariff.dynamic
        or tariff.netting != "none"
        or tariff.carry != "none"
        or (tariff.limiter and any(level[1] == "reprice" for level in tariff.limiter[1]))
        or (tariff.minimum and tariff.minimum[1] == "year")
        or (demand and any(charge[6] for charge in demand[2]))
        or by_peak(tariff)
    )
