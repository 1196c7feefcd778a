"""Replays the calendar over the profile, and compares with the growth of the rate registers.

Between two instants whose registers are known the energy comes in pieces, from one profile row
to the next. A piece that the calendar gives to one rate is sure. One in an interval that holds
a switch, or that the meter marked, may belong to each rate that was in force in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from meter import codes, limits
from meter.civil import EPOCH
from meter.sample import EXPORT, IMPORT
from wattledger.errors import ToolError


class Difference(ToolError):
    """The meter does not hold what it promised; the text names the first record."""


@dataclass(frozen=True)
class Instant:
    """All registers at core second t. profile_seq: of the newest row then; status: of the
    interval that is open, where no later row tells it."""

    name: str
    t: int
    registers: list[int]
    rates: list[int]
    profile_seq: int
    status: int = 0


@dataclass(frozen=True)
class Point:
    """The totals at core second t; status: of the profile row it is in or ends."""

    t: int
    totals: tuple[int, int]
    status: int


def check_row(before: Any, row: Any, tariff: Any) -> None:
    """An interval that is not marked is whole, has one rate, and that one."""
    if row.status & codes.DISTURBED:
        return
    name = f"profile: row {row.seq}"
    start, end = before.utc - EPOCH, row.utc - EPOCH
    if not end - start == row.duration_s == tariff.interval_s:
        raise Difference(
            f"{name}: {end - start} s since the row before and a duration of {row.duration_s} s,"
            f" expected {tariff.interval_s} s: it is not marked as partial"
        )
    if tariff.calendar.interval_end(end - 1, tariff.interval_s) != end:
        raise Difference(f"{name}: ends at {row.utc}, which is not on the grid of the profile")
    rates = {rate for _, _, rate in tariff.calendar.segments(start, end)}
    if len(rates) > 1:
        raise Difference(f"{name}: the calendar switches inside of it: it is not marked")
    if row.rate != tariff.register(rates.pop()):
        raise Difference(f"{name}: rate register {row.rate}, the calendar has another one")


def check_span(a: Instant, b: Instant, rows: dict[int, Any], tariff: Any) -> None:
    """Growth of each rate register from a to b against the profile in between.

    rows     by seq
    tariff   in force from a to b; one, because a change of it is an instant
    """
    sure = [0] * limits.RATES
    doubt = [0] * limits.RATES
    for before, after in pairwise(_points(a, b, rows)):
        for channel in (IMPORT, EXPORT):
            energy = after.totals[channel] - before.totals[channel]
            if energy:
                where = _registers(before, after, tariff, channel)
                for register in where:
                    (sure if len(where) == 1 else doubt)[register] += energy
    for register in range(limits.RATES):
        grown = b.rates[register] - a.rates[register]
        low, high = sure[register], sure[register] + doubt[register]
        if not low <= grown <= high:
            expected = f"{low}" if low == high else f"{low} to {high}"
            raise Difference(
                f"{b.name}: rate register {register} grew by {grown} mWh since {a.name},"
                f" profile and calendar give {expected} mWh"
            )


def _points(a: Instant, b: Instant, rows: dict[int, Any]) -> Iterator[Point]:
    yield Point(a.t, (a.registers[IMPORT], a.registers[EXPORT]), 0)
    for seq in range(a.profile_seq + 1, b.profile_seq + 1):
        row = rows[seq]
        yield Point(row.utc - EPOCH, (row.import_mwh, row.export_mwh), row.status)
    next_row = rows.get(b.profile_seq + 1)
    status = next_row.status if next_row else b.status
    yield Point(b.t, (b.registers[IMPORT], b.registers[EXPORT]), status)


def _registers(before: Point, after: Point, tariff: Any, channel: int) -> set[int]:
    """-> the rate registers that a piece may have gone to."""
    lost = codes.CLOCK_STEP | codes.CLOCK_INVALID | codes.TARIFF_LOST
    if after.status & lost or after.t <= before.t:
        rates = set(range(tariff.imports))
    else:
        rates = {rate for _, _, rate in tariff.calendar.segments(before.t, after.t)}
    if channel == EXPORT:
        rates = {tariff.export_of[rate] for rate in rates}
    registers = {tariff.register(rate) for rate in rates}
    if after.status & codes.TARIFF_LOST:  # then the meter ran without a tariff
        registers.add(0 if channel == IMPORT else limits.RATES - 1)
    return registers
