"""The history of one meter in columns, with the local time of each interval.

All energies are integers, differences of registers: sums over it are what the registers say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from meter.civil import DAY_S, EPOCH, Zone, date
from meter.sample import EXPORT, IMPORT, Q1, Q2, Q3, Q4
from wattledger import load_file, profile
from wattledger.engine.load import COUNTS_PER_MWH, UJ_PER_MWH, Ints, Load, Span, of_spans
from wattledger.errors import ToolError
from wattledger.profile import Interval

ESTIMATED = 1 << 16  # a status bit of the host's: a meter has sixteen


@dataclass(frozen=True)
class History:
    """n intervals, ascending, without overlap; what is missing between two is a gap.

    name      what it is of, for people
    zone      meter.civil.Zone of its local times
    start, end   int64 (n), Unix s
    import_mwh, export_mwh, lagging_mvarh, leading_mvarh   int64 (n)
    status    int64 (n), bits of meter.codes; 0 in a load file
    estimated   bool (n): the energies are not the meter's (wattledger.vee)
    """

    name: str
    zone: Zone
    start: Ints
    end: Ints
    import_mwh: Ints
    export_mwh: Ints
    lagging_mvarh: Ints
    leading_mvarh: Ints
    status: Ints
    estimated: Any

    def __len__(self) -> int:
        return len(self.start)

    @property
    def duration_s(self) -> Ints:
        found: Ints = self.end - self.start
        return found

    @cached_property
    def interval_s(self) -> int:
        """-> the length that most intervals have."""
        lengths, often = np.unique(self.duration_s, return_counts=True)
        return int(lengths[np.argmax(often)])

    @property
    def power_mw(self) -> Ints:
        """-> int64 (n): average power from the grid, rounded down."""
        found: Ints = self.import_mwh * 3600 // self.duration_s
        return found

    @cached_property
    def local_s(self) -> Ints:
        """-> int64 (n): local wall clock at the starts, seconds from local 2020-01-01 00:00."""
        core = self.start - EPOCH
        local: Ints = np.empty_like(core)
        at = 0
        while at < len(core):
            _, until, offset = self.zone.stretch(int(core[at]))
            last = len(core) if until is None else int(np.searchsorted(core, until))
            local[at:last] = core[at:last] + offset
            at = last
        return local

    @property
    def day(self) -> Ints:
        """-> int64 (n): local date as meter.civil.days."""
        found: Ints = self.local_s // DAY_S
        return found

    @property
    def minute(self) -> Ints:
        """-> int64 (n): local minute of the day, 0..1439."""
        found: Ints = self.local_s % DAY_S // 60
        return found

    @property
    def weekday(self) -> Ints:
        """-> int64 (n): 0 is Monday."""
        found: Ints = (self.day + 2) % 7
        return found

    @cached_property
    def month(self) -> Ints:
        """-> int64 (n): local year * 12 + month - 1."""
        days, place = np.unique(self.day, return_inverse=True)
        months = [year * 12 + month - 1 for year, month, *_ in map(date, days.tolist())]
        found: Ints = np.array(months, dtype=np.int64)[place]
        return found

    def part(self, chosen: Any) -> "History":
        """-> the intervals of a slice, or where a bool (n) is true."""
        columns = ("start", "end", *_ENERGIES, "status", "estimated")
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})

    def between(self, start: int, end: int) -> "History":
        """-> the intervals that lie within, Unix s."""
        return self.part((self.start >= start) & (self.end <= end))

    def load(self) -> Load:
        """-> what wattledger.simulate bills; a gap has no energy."""
        energies = [getattr(self, name).tolist() for name in _ENERGIES]
        starts, ends = (self.start - EPOCH).tolist(), (self.end - EPOCH).tolist()
        return of_spans(
            Span(start, end, *(UJ_PER_MWH * energy for energy in one))
            for start, end, *one in zip(starts, ends, *energies, strict=True)
        )


_ENERGIES = ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")


def of_intervals(found: Sequence[Interval], zone: Zone, name: str) -> History:
    """Of a meter's profile. A row of no time gives its energy and status to the next.

    ToolError: there is none.
    """
    rows: list[tuple[int, ...]] = []
    kept, status = [0] * 4, 0
    for i in found:
        energies = i.import_mwh, i.export_mwh, i.reactive_plus_mvarh, i.reactive_minus_mvarh
        kept = [old + new for old, new in zip(kept, energies, strict=True)]
        status |= i.status
        if i.end > i.start:
            rows.append((i.start, i.end, *kept, status))
            kept, status = [0] * 4, 0
    return _of_rows(rows, zone, name)


def of_load(load: Load, zone: Zone, name: str) -> History:
    """Of a load of one meter: its registers are rounded down at each edge, as a meter's are."""
    registers = {c: load.of(c)[0] // COUNTS_PER_MWH for c in (IMPORT, EXPORT, Q1, Q2, Q3, Q4)}
    energy = {channel: np.diff(register) for channel, register in registers.items()}
    rows = len(load.edges) - 1
    return History(
        name,
        zone,
        load.edges[:-1] + EPOCH,
        load.edges[1:] + EPOCH,
        energy[IMPORT],
        energy[EXPORT],
        energy[Q1] + energy[Q2],
        energy[Q3] + energy[Q4],
        np.zeros(rows, dtype=np.int64),
        np.zeros(rows, dtype=bool),
    )


def read(path: Path, zone: Zone, zone_name: str | None, start: datetime | None = None) -> History:
    """A CSV of `wattledger profile`, or a load file.

    zone_name, start   of a load file's stamps, as in load_file.read
    ToolError: names what is wrong with it.
    """
    if load_file.is_profile(path):
        if start is not None:
            raise ToolError(f"{path}: a profile has its own times: leave --start out")
        return of_intervals(profile.read_csv(path), zone, path.stem)
    return of_load(load_file.read(path, start, zone_name), zone, path.stem)


def _of_rows(rows: Iterable[tuple[int, ...]], zone: Zone, name: str) -> History:
    found = sorted(rows)
    if not found:
        raise ToolError(f"{name}: no intervals: give a longer profile")
    start, end, *energies, status = np.array(found, dtype=np.int64).T
    if np.any(end[:-1] > start[1:]):
        raise ToolError(f"{name}: two intervals overlap: give the profile of one journal")
    bought, sold, lag, lead = energies
    estimated = (status & ESTIMATED) != 0
    return History(name, zone, start, end, bought, sold, lag, lead, status & ~ESTIMATED, estimated)
