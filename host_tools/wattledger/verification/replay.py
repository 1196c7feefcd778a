"""Replays the calendar over the profile, and compares with the growth of the rate registers.

Between two instants whose registers are known the energy comes in pieces, from one profile row
to the next. A piece that the calendar gives to one rate is sure. One in an interval that holds
a switch, or that the meter marked, may belong to each rate that was in force in it. One that a
limiter or a price event ruled belongs to the rates that these can give (wattledger.overrides).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from meter import codes, limits
from meter.civil import EPOCH
from meter.sample import EXPORT, IMPORT
from wattledger.errors import ToolError
from wattledger.verification.overrides import RULED, Overrides


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
    """The totals at core second t; status and rate register of the profile row that it is in or
    ends, rate None while there is no such row."""

    t: int
    totals: tuple[int, int]
    status: int
    rate: int | None = None


def check_row(before: Any, row: Any, overrides: Overrides) -> None:
    """An interval that is not marked is whole, has one rate, and that one; one that a limiter or
    a price event ruled has one that these can give."""
    tariff = overrides.tariff
    if row.status & codes.DISTURBED & ~RULED:
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
    if len(rates) > 1 and not row.status & RULED:
        raise Difference(f"{name}: the calendar switches inside of it: it is not marked")
    allowed = overrides.rates(rates, start, end, row.status)
    if allowed is not None and row.rate not in {tariff.register(rate) for rate in allowed}:
        other = "another one" if not row.status & RULED else "others, and so have its overrides"
        raise Difference(f"{name}: rate register {row.rate}, the calendar has {other}")


def check_span(a: Instant, b: Instant, rows: dict[int, Any], overrides: Overrides) -> None:
    """Growth of each rate register from a to b against the profile in between.

    rows        by seq
    overrides   of the tariff in force from a to b; one, because a change of it is an instant
    """
    sure = [0] * limits.RATES
    doubt = [0] * limits.RATES
    for before, after in pairwise(_points(a, b, rows)):
        for channel in (IMPORT, EXPORT):
            energy = after.totals[channel] - before.totals[channel]
            if energy:
                where = _registers(before, after, overrides, channel)
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
        yield Point(row.utc - EPOCH, (row.import_mwh, row.export_mwh), row.status, row.rate)
    following = rows.get(b.profile_seq + 1)
    # An open interval is marked as limited with the next commit only.
    status, rate = b.status | codes.LIMITED, None
    if following:
        status, rate = following.status, following.rate
    yield Point(b.t, (b.registers[IMPORT], b.registers[EXPORT]), status, rate)


def _registers(before: Point, after: Point, overrides: Overrides, channel: int) -> set[int]:
    """-> the rate registers that a piece may have gone to."""
    tariff, status = overrides.tariff, after.status
    lost = codes.CLOCK_STEP | codes.CLOCK_INVALID | codes.TARIFF_LOST
    if status & lost or after.t <= before.t:
        rates = set(range(tariff.imports))
    elif status & RULED and not status & codes.DISTURBED & ~RULED and after.rate is not None:
        rates = {after.rate}  # nothing changed inside, and check_row has seen the rate
    else:
        rates = {rate for _, _, rate in tariff.calendar.segments(before.t, after.t)}
        allowed = overrides.rates(rates, before.t, after.t, status)
        if allowed is None:
            allowed = set(range(tariff.imports)) if after.rate is None else {after.rate}
        rates = allowed
    if channel == EXPORT:
        rates = {tariff.export_of[rate] for rate in rates}
    registers = {tariff.register(rate) for rate in rates}
    if status & codes.TARIFF_LOST:  # then the meter ran without a tariff
        registers.add(0 if channel == IMPORT else limits.RATES - 1)
    return registers
