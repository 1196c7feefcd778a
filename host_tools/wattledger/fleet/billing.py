"""The bills of a store under a tariff, by two roads that give the same integers.

sums   the engine adds up registers at the borders of the rates, the core makes the money
rows   the core's columnar engine gets the rows: for tariffs that rest on more than sums (tiers
       in clock order, demand, netting, limits), and for meters without a reading at a border
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger.engine import timeline
from wattledger.engine.columns import Quantities, is_plain
from wattledger.engine.load import Ints
from wattledger.engine.timeline import Part, Timeline
from wattledger.engine.usage import chronological
from wattledger.errors import ToolError
from wattledger.fleet import bills, energy, journals, slots
from wattledger.fleet.bills import LINE_KINDS, FleetBills
from wattledger.fleet.store import Store

SUMS, ROWS = "sums", "rows"


@dataclass(frozen=True)
class Billed:
    """The bills of meters in the order of `serials`.

    used, sums   as of FleetBills
    road         by meter: SUMS or ROWS
    refused      serial -> why it has no bill
    """

    parts: list[Part]
    serials: list[str]
    used: Ints
    sums: dict[str, Ints]
    road: list[str]
    refused: dict[str, str]

    @property
    def totals(self) -> Ints:
        """-> int64 (meters, parts): what is to be paid."""
        found: Ints = np.sum(list(self.sums.values()), axis=0)
        return found


def whole_days(store: Store, tariff: Any, start: int | None, end: int | None) -> tuple[int, int]:
    """-> (start, end), core seconds: what is None becomes the first or last local midnight
    that the store has. ToolError: there is no time between the two."""
    first, last = store.span() if start is None or end is None else (start, end)
    calendar = tariff.calendar
    if start is None:
        start = int(calendar.midnight(first - 1))
    if end is None:
        end = int(calendar.zone.to_utc(86400 * calendar.local_day(last)))
    if start >= end:
        raise ToolError(f"{store.folder}: no whole day: give --from and --to")
    return start, end


def bill(store: Store, tariff: Any, start: int, end: int) -> Billed:
    """start, end: core seconds; each part of a billing period that they touch is billed."""
    base = timeline.plan([tariff], start, end)
    serials = store.serials(start, end)
    found = _Found(base)
    if needs_sums_alone(tariff):
        quick, made = _by_sums(store, base)
        found.add(SUMS, quick, made)
    left = sorted(set(serials) - set(found.serials))
    for loads in journals.read(store, left, start, end):
        if isinstance(loads, journals.Refused):
            found.refused[loads.serial] = loads.reason
        else:
            found.add(ROWS, loads.serials, bills.of_load([tariff], loads.load))
    return found.billed()


def needs_sums_alone(tariff: Any) -> bool:
    """-> whether energies by rate and part are all that its bills rest on."""
    return is_plain(tariff) and not tariff.demand and not chronological(tariff)


def _by_sums(store: Store, base: Timeline) -> tuple[list[str], FleetBills]:
    """-> (serials, bills) of the meters with a reading at every border."""
    wanted, rates = slots.of_rates(base)
    found = energy.by_slot(store, wanted)
    whole = np.flatnonzero(found.whole.all(axis=1))
    shape = len(whole), len(base.parts), rates
    bought, sold, plus = (column[whole].reshape(shape) for column in found.values.values())
    used = bought.copy()
    for i, part in enumerate(base.parts):
        for rate in range(part.tariff.imports):
            used[:, i, part.tariff.export_of[rate]] += sold[:, i, rate]
    quantities = Quantities(used, {}, None, plus.sum(axis=2))
    return [found.serials[i] for i in whole], bills.of_quantities(base, quantities)


class _Found:
    """Bills as they come, and what becomes of them all."""

    def __init__(self, base: Timeline) -> None:
        self._base = base
        self._rates = max(len(part.tariff.rates) for part in base.parts)
        self.serials: list[str] = []
        self.refused: dict[str, str] = {}
        self._road: list[str] = []
        self._used: list[Ints] = []
        self._sums: dict[str, list[Ints]] = {kind: [] for kind in LINE_KINDS}

    def add(self, road: str, serials: Sequence[str], found: FleetBills) -> None:
        """A meter that began later or ended sooner has no energy and money in other parts."""
        starts = [part.start for part in self._base.parts]
        places = np.searchsorted(starts, [part.start for part in found.parts], side="right") - 1
        shape = len(serials), len(starts)
        used = np.zeros((*shape, self._rates), dtype=np.int64)
        used[:, places] = found.used
        self._used.append(used)
        for kind, made in self._sums.items():
            sums = np.zeros(shape, dtype=np.int64)
            if kind in found.sums:
                sums[:, places] = found.sums[kind]
            made.append(sums)
        self.serials += serials
        self._road += [road] * len(serials)

    def billed(self) -> Billed:
        if not self.serials:
            raise ToolError("fleet: no meter has a bill for this time: give another one")
        order = np.argsort(self.serials)
        return Billed(
            self._base.parts,
            [self.serials[i] for i in order],
            np.concatenate(self._used)[order],
            {kind: np.concatenate(sums)[order] for kind, sums in self._sums.items()},
            [self._road[i] for i in order],
            self.refused,
        )
