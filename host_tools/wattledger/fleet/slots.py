"""Which stretches of time an engine adds up, as a table of instants made by the core's calendar.

A register that is read at both ends of a stretch tells what was used in it. So a slot is two
instants with a sign, -1 where it begins and +1 where it ends, and where one ends as the next of
its key begins there is none. The energy of a key is the sum of sign x register.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from meter.civil import DAY_S
from wattledger.engine import timeline
from wattledger.engine.load import Ints
from wattledger.engine.peaks import local_days
from wattledger.engine.timeline import Timeline

BITS = 48  # of a word of instants: the sum of its bits over thousands of rows is an int64
HOUR_S = 3600
HOURS = 24
WEEKEND = HOURS  # what is added to the hour of a Saturday and Sunday


@dataclass(frozen=True)
class Slots:
    """
    utc, key, sign   int64 (instants): core seconds, 0..keys-1, -1 or +1; by key
    keys             how many
    start, end       core seconds that all lie in
    """

    utc: Ints
    key: Ints
    sign: Ints
    keys: int
    start: int
    end: int

    @property
    def _rank(self) -> Ints:
        """-> int64 (instants): 0, 1, ... within each key."""
        found: Ints = np.arange(len(self.key)) - np.searchsorted(self.key, self.key)
        return found

    @property
    def words(self) -> int:
        """-> in how many words of BITS the instants of a key are told apart."""
        return int(self._rank.max()) // BITS + 1

    @property
    def full(self) -> Ints:
        """-> int64 (keys * words): the bits of the instants in each word."""
        found = np.zeros(self.keys * self.words, dtype=np.int64)
        np.add.at(found, self._word, self._bit)
        return found

    @property
    def _word(self) -> Ints:
        found: Ints = self.key * self.words + self._rank // BITS
        return found

    @property
    def _bit(self) -> Ints:
        return np.left_shift(np.int64(1), self._rank % BITS)

    @property
    def columns(self) -> dict[str, Ints]:
        """-> utc, sign, word (key x words + ...), bit: what an engine needs."""
        return {"utc": self.utc, "sign": self.sign, "word": self._word, "bit": self._bit}


def of_stretches(starts: Ints, ends: Ints, key: Ints, keys: int) -> Slots:
    """starts, ends   int64, core seconds; stretches of one key do not overlap"""
    utc = np.concatenate((starts, ends))
    both = np.concatenate((key, key))
    sign = np.repeat(np.array((-1, 1), dtype=np.int64), len(starts))
    pairs, place = np.unique(np.stack((both, utc)), axis=1, return_inverse=True)
    signs = np.zeros(pairs.shape[1], dtype=np.int64)
    np.add.at(signs, place.ravel(), sign)
    kept = signs != 0
    found = pairs[1][kept], pairs[0][kept], signs[kept]
    return Slots(*found, keys, int(starts.min()), int(ends.max()))


def of_rates(base: Timeline) -> tuple[Slots, int]:
    """-> (slots, rates): key = part x rates + import rate in force."""
    rates = max(len(part.tariff.rates) for part in base.parts)
    key = base.part_of * rates + base.rates
    times = base.times
    return of_stretches(times[:-1], times[1:], key, len(base.parts) * rates), rates


def of_days(tariff: Any, start: int, end: int) -> tuple[Slots, Ints]:
    """-> (slots, days): key i is the local date days[i], as meter.civil.days counts them."""
    borders = timeline.grid(tariff, start, end, DAY_S)
    days, key = np.unique(local_days(tariff, borders[:-1]), return_inverse=True)
    return of_stretches(borders[:-1], borders[1:], key, len(days)), days


def of_hours(tariff: Any, start: int, end: int) -> Slots:
    """Key = local hour of the day, and WEEKEND + that on Saturday and Sunday."""
    borders = timeline.grid(tariff, start, end, HOUR_S)
    days = local_days(tariff, borders[:-1])
    key = _local(tariff, borders[:-1]) % DAY_S // HOUR_S + WEEKEND * is_weekend(days)
    return of_stretches(borders[:-1], borders[1:], key, 2 * HOURS)


def is_weekend(days: Ints) -> Ints:
    """days: local dates, as meter.civil.days. -> int64: 1 on a Saturday or Sunday"""
    found: Ints = ((days + 2) % 7 >= 5).astype(np.int64)
    return found


def _local(tariff: Any, times: Ints) -> Ints:
    """-> int64: local seconds of ascending core seconds."""
    zone = tariff.calendar.zone
    found: Ints = times + np.array([zone.offset_at(t) for t in times.tolist()], dtype=np.int64)
    return found
