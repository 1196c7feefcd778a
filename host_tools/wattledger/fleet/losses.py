"""What goes into a feeder and reaches no meter: by interval and by day, exact.

One expression: the registers of all meters behind a feeder are added up at each instant. The
difference of two sums is energy only if the same meters are in both, so instants at which one
is missing are left out, and the balance spans them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger.engine.load import Ints
from wattledger.engine.peaks import local_days
from wattledger.fleet import loss_band
from wattledger.fleet.loss_band import Band
from wattledger.fleet.roster import Roster
from wattledger.fleet.store import Store


@dataclass(frozen=True)
class Balance:
    """n intervals of one feeder, between instants at which all its meters were read.

    start, end   int64 (n), core seconds
    supplied_mwh, used_mwh   int64 (n), import less export: of the feeder, of its meters
    left_out     instants at which not all were read
    """

    feeder: str
    start: Ints
    end: Ints
    supplied_mwh: Ints
    used_mwh: Ints
    left_out: int

    @property
    def lost_mwh(self) -> Ints:
        found: Ints = self.supplied_mwh - self.used_mwh
        return found

    def by_day(self, tariff: Any) -> "Balance":
        """-> the same by local day; an interval belongs to the day that it begins in."""
        days = local_days(tariff, self.start)
        first = np.flatnonzero(np.diff(days, prepend=-1))
        last = np.append(first[1:], len(days)) - 1
        supplied, used = (
            np.add.reduceat(column, first) for column in (self.supplied_mwh, self.used_mwh)
        )
        return Balance(
            self.feeder, self.start[first], self.end[last], supplied, used, self.left_out
        )

    def band(self) -> Band:
        return loss_band.fit(self.supplied_mwh, self.lost_mwh, self.end - self.start)


def balances(store: Store, roster: Roster, start: int, end: int) -> list[Balance]:
    """-> one for each feeder of which two instants are whole. start, end: core seconds"""
    feeders = roster.feeders
    rows = store.rows(start, end)
    rows = rows.filter((rows.utc >= start) & (rows.utc <= end))
    wanted = expression(rows, store.engine.table(_members(feeders)))
    found = store.engine.fetch(wanted.order_by("feeder", "utc"))
    names = np.array(found["feeder"].to_pylist())
    columns = {name: found[name].to_numpy() for name in found.column_names if name != "feeder"}
    made = []
    for name, (_, behind) in feeders.items():
        here = names == name
        one = _balance(name, len(behind), {key: column[here] for key, column in columns.items()})
        if one is not None:
            made.append(one)
    return made


def expression(rows: Any, members: Any) -> Any:
    """-> Ibis: feeder, utc, net registers of the feeder and of its meters, and who was read.

    members   serial, feeder, head (1: the feeder's own), place (0, 1, ... within a feeder)
    """
    joined = rows.join(members, "serial")
    net = joined.import_mwh - joined.export_mwh
    sums = {
        "supplied": net * joined["head"],
        "used": net * (1 - joined["head"]),
        "heads": joined["head"],
        "places": joined.place,
        "salts": joined.salt,
    }
    counted = {"rows": joined.count().cast("int64")}
    counted |= {name: column.sum().cast("int64") for name, column in sums.items()}
    return joined.group_by("feeder", "utc").aggregate(**counted)


def _members(feeders: dict[str, tuple[str, list[str]]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"serial": [], "feeder": [], "head": [], "place": []}
    for name, (head, behind) in feeders.items():
        for place, serial in enumerate((head, *behind)):
            for column, value in zip(found, (serial, name, int(place == 0), place), strict=True):
                found[column].append(value)
    return found


def _balance(name: str, meters: int, found: dict[str, Ints]) -> Balance | None:
    whole = (found["rows"] == meters + 1) & (found["heads"] == 1)
    whole &= found["places"] == meters * (meters + 1) // 2  # each of them, none twice
    left_out = int((~whole).sum())
    utc, supplied, used, salts = (
        found[key][whole] for key in ("utc", "supplied", "used", "salts")
    )
    same = np.diff(salts) == 0  # a new journal begins with other registers
    if not same.any():
        return None
    return Balance(
        name, utc[:-1][same], utc[1:][same], np.diff(supplied)[same], np.diff(used)[same], left_out
    )
