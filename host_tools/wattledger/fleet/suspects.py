"""Meters that may not measure all: a step down that the feeder's losses answer.

The rule, by local days, for the meters behind a feeder:
1. a candidate's share of what the feeder was supplied with falls in one step by DROP or more,
   with WEEK days or more on both sides; the day of the step is where the two means tell most
   apart, and what is missing since is the difference of the two x the supply;
2. the feeder's losses are split, by least squares over all days, into technical ones (constant,
   in proportion to the supply and to its square) and a part of what is missing from each
   candidate: who has ANSWERED or more of it is a suspect.
A house that stands empty satisfies the first alone: the feeder loses nothing for it. Who is
found is to be looked at, together with the meter's own events; it proves nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger.engine.load import Ints
from wattledger.fleet import energy, slots
from wattledger.fleet.roster import Roster
from wattledger.fleet.store import Store

DROP, ANSWERED = 0.2, 0.5
WEEK = 7


@dataclass(frozen=True)
class Suspect:
    """
    day         local date of the step, as meter.civil.days
    drop        how much of its share is missing since, 0..1
    answered    part of what is missing that the feeder's losses show: 1 is all
    missing_mwh   since the step, if it had kept its share
    """

    serial: str
    feeder: str
    day: int
    drop: float
    answered: float
    missing_mwh: int


@dataclass(frozen=True)
class Suspects:
    """found: those with most missing first; left_out: feeders with fewer than two weeks of days at
    whose ends all their meters were read."""

    found: list[Suspect]
    left_out: list[str]


def find(store: Store, tariff: Any, roster: Roster, start: int, end: int) -> Suspects:
    """start, end: core seconds; days that are not whole are left out."""
    feeders = roster.feeders
    read, days = daily(store, tariff, start, end)
    place = {serial: i for i, serial in enumerate(read.serials)}
    used = read.values["import_mwh"] - read.values["export_mwh"]
    suspects: list[Suspect] = []
    left_out = []
    for name, (head, behind) in feeders.items():
        rows = [place.get(serial, -1) for serial in (head, *behind)]
        whole = read.whole[rows].all(axis=0) if min(rows) >= 0 else np.zeros(len(days), bool)
        if whole.sum() < 2 * WEEK or (used[rows[0], whole] <= 0).any():
            left_out.append(name)
            continue
        suspects += _of_feeder(name, behind, used[rows][:, whole], days[whole])
    return Suspects(sorted(suspects, key=lambda suspect: -suspect.missing_mwh), left_out)


def daily(store: Store, tariff: Any, start: int, end: int) -> tuple[energy.Energy, Ints]:
    """-> (energy by whole local day, the days)."""
    calendar = tariff.calendar
    first = int(calendar.midnight(start - 1))
    last = int(calendar.zone.to_utc(86400 * calendar.local_day(end)))
    wanted, days = slots.of_days(tariff, first, last)
    return energy.by_slot(store, wanted), days


def _of_feeder(name: str, serials: list[str], read: Ints, days: Ints) -> Iterator[Suspect]:
    """read: int64 (1 + meters, days), mWh: the feeder, then its meters"""
    supplied, used = read[0], read[1:]
    shares = used / supplied
    steps, before, after = _steps(shares)
    candidates = np.flatnonzero((before > 0) & (after <= (1 - DROP) * before))
    since = np.arange(len(days)) >= steps[candidates, None]
    missing = since * (before - after)[candidates, None] * supplied
    answered = _answered(supplied, supplied - used.sum(axis=0), missing)
    for place, candidate in enumerate(candidates):
        if answered[place] >= ANSWERED:
            yield Suspect(
                serials[candidate],
                name,
                int(days[steps[candidate]]),
                float(1 - after[candidate] / before[candidate]),
                float(answered[place]),
                int(missing[place].sum()),
            )


def _answered(supplied: Ints, lost: Ints, missing: Any) -> Any:
    """-> float (candidates): the part of what is missing from each that is in the losses."""
    load = supplied / supplied.mean()
    technical = np.stack([np.ones_like(load), load, load**2])
    unit = float(np.abs(lost).max()) or 1.0  # alike in size, or the solution is not exact
    factors = np.concatenate((technical, missing / unit)).T
    return np.linalg.lstsq(factors, lost / unit, rcond=None)[0][len(technical) :]


def _steps(shares: Any) -> tuple[Any, Any, Any]:
    """shares: float (meters, days). -> (day of the step, mean before, mean after) of each.

    The largest |difference of means| x sqrt(n before x n after), as in a test for one change.
    """
    count = shares.shape[1]
    before = np.arange(WEEK, count - WEEK + 1)
    sums = np.cumsum(shares, axis=1)
    means = sums[:, before - 1] / before
    after = (sums[:, -1:] - sums[:, before - 1]) / (count - before)
    best = np.argmax(np.abs(means - after) * np.sqrt(before * (count - before)), axis=1)
    here = np.arange(len(shares)), best
    return before[best], means[here], after[here]
