"""The lines of many bills at once: for each the integer that meter.billing rounds it to."""

from typing import Any

import numpy as np

from meter import billing
from meter.billing import Account, Reading
from meter.billing_line import PER_NANO
from wattledger.engine.columns import Quantities
from wattledger.engine.load import Ints
from wattledger.engine.money import Rounder, times
from wattledger.engine.timeline import Part

_PPM = 1_000_000
_NANO = 1_000_000_000


def sums(tariff: Any, parts: list[Part], here: slice, found: Quantities) -> dict[str, Ints]:
    """-> by kind of line: int64 (meters, parts), units of rounding.

    here   which parts of the quantities are those of this tariff
    """
    made = _Bills(tariff, parts, here, found)
    kinds = {
        "energy": made.energy(),
        "export": made.export(),
        "demand": made.demand(),
        "reactive": made.reactive(),
        "fixed": made.fixed(),
    }
    if tariff.minimum:
        kinds["minimum"] = made.minimum(kinds)
    kinds["tax"] = made.tax(kinds)
    return kinds


class _Bills:
    def __init__(self, tariff: Any, parts: list[Part], here: slice, found: Quantities) -> None:
        self._tariff, self._parts, self._here = tariff, parts, here
        self._found, self._used = found, found.used[:, here]
        self._rounder = Rounder(tariff)
        self._none = np.zeros(self._used.shape[:2], dtype=np.int64)

    def energy(self) -> Ints:
        total = self._none.copy()
        for rate in range(self._tariff.imports):
            used, index = self._used[:, :, rate], self._tariff.tier_set(rate)
            if index < 0:
                total += self._rounder.product(used, self._tariff.price_nano(rate, 0))
                continue
            mode = self._tariff.tier_sets[index][0]
            if mode == "chronological":
                tiers = self._found.by_tier[self._tariff.digest, index][:, :, self._here, rate]
                for tier in range(tiers.shape[1]):
                    nano = self._tariff.price_nano(rate, tier)
                    total += self._rounder.product(tiers[:, tier], nano)
            else:
                whole = used if mode == "per_rate" else self._whole(index)
                for tier, inside in enumerate(self._tiers(index, whole)):
                    total += self._shared(used, inside, whole, self._tariff.price_nano(rate, tier))
        return total

    def export(self) -> Ints:
        total = self._none.copy()
        for rate in range(self._tariff.imports, len(self._tariff.rates)):
            nano = self._tariff.price_nano(rate, 0)
            total += self._rounder.product(self._used[:, :, rate], -nano)
        return total

    def demand(self) -> Ints:
        total, first = self._none.copy(), 0
        if not self._tariff.demand:
            return total
        assert self._found.peaks_mw is not None
        for _, _, _, highest, bounds, prices, _ in self._tariff.demand[2]:
            kept = self._found.peaks_mw[:, self._here, first : first + highest]
            num, den = kept.sum(axis=2), np.maximum(1, (kept > 0).sum(axis=2))
            below = 0
            for bound, nano in zip((*bounds, None), prices, strict=True):
                upper = num if bound is None else np.minimum(bound * den, num)
                total += self._rounder.fraction(times(upper - below, nano), den)
                below = upper
            first += highest
        return total

    def reactive(self) -> Ints:
        if not self._tariff.reactive or self._found.plus is None:
            return self._none
        price, free = self._tariff.reactive
        bought = self._used[:, :, : self._tariff.imports].sum(axis=2)
        plus = self._found.plus[:, self._here]
        billed = times(plus, _NANO) - times(bought, free)
        return self._rounder.fraction(times(np.maximum(billed, 0), price), _NANO)

    def fixed(self) -> Ints:
        """The same for each meter: the core's own lines of a bill without energy."""
        total = self._none.copy()
        for column, part in enumerate(self._parts):
            registers = [0] * self._tariff.registers
            ends = Reading(part.start, registers), Reading(part.end, registers)
            lines = billing.lines(self._tariff, Account(*ends, end=part.planned_end))
            total[:, column] = sum(line.rounded for line in lines if line.kind == "fixed")
        return total

    def minimum(self, kinds: dict[str, Ints]) -> Ints:
        nano, per, covers = self._tariff.minimum
        covered = np.maximum(0, sum((kinds[kind] for kind in covers), self._none))
        num, den = np.array([self._times(per, part) for part in self._parts], dtype=np.int64).T
        due = times(times(num, int(PER_NANO)), nano)
        missing = due - times(times(covered, self._rounder.unit), den)
        return self._rounder.fraction(np.maximum(missing, 0), den)

    def tax(self, kinds: dict[str, Ints]) -> Ints:
        total = self._none.copy()
        for _, ppm, on in self._tariff.taxes:
            base = sum((kinds[kind] for kind in on if kind in kinds), self._none)
            total += self._rounder.fraction(times(times(base, self._rounder.unit), ppm), _PPM)
        return total

    def _whole(self, index: int) -> Ints:
        rates = [r for r in range(self._tariff.imports) if self._tariff.tier_set(r) == index]
        found: Ints = self._used[:, :, rates].sum(axis=2)
        return found

    def _tiers(self, index: int, whole: Ints) -> Any:
        """Yields for each tier how much of `whole` is in it."""
        below: Any = 0
        for bound in (*self._bounds(index), None):
            upper = whole if bound is None else np.maximum(np.minimum(bound, whole), below)
            yield upper - below
            below = upper

    def _bounds(self, index: int) -> list[Ints]:
        """-> the bounds between tiers, mWh by part, or by meter and part."""
        _, per, bounds = self._tariff.tier_sets[index]
        if per == "kw":
            peaks_mw = self._found.peaks_mw
            assert peaks_mw is not None
            highest = peaks_mw[:, self._here, self._tariff.peak_slot]
            return [times(highest, bound) // _PPM for bound in bounds]
        by_part = [
            self._tariff.tier_bounds(index, part.start, part.planned_end) for part in self._parts
        ]
        return list(np.array(by_part, dtype=np.int64).T)

    def _shared(self, used: Ints, inside: Ints, whole: Ints, nano: int) -> Ints:
        """-> rounded used x inside / whole x nano: the share of a rate in a tier of its set."""
        if whole is used:
            return self._rounder.product(inside, nano)
        num = times(times(used, inside), nano)
        return self._rounder.fraction(num, np.maximum(whole, 1))

    def _times(self, per: str, part: Part) -> tuple[int, int]:
        """-> (num, den): how many times a minimum per day or month is due in a part."""
        if per == "day":
            return self._tariff.calendar.days(part.start, part.end), 1
        from meter import tiers

        num, den = tiers.share(self._tariff, part.start, part.planned_end)
        return num, den
