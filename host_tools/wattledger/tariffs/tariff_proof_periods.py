"""Proves the billing periods of a tariff: their borders, their days, and shares of them."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from math import floor

from meter.civil import EPOCH
from wattledger.tariffs.tariff_proof_case import Case

PEAK_MW = 12_345_678  # of which bounds per kW are asked


def prove(case: Case, first: date, years: int) -> Iterator[str]:
    """Yields what was proved. ToolError: names the first thing that differs."""
    starts = _starts(case.words.billing_day, first, 12 * years + 1)
    bounds = 0
    for number, (start, end) in enumerate(pairwise(starts)):
        _prove_borders(case, start, end)
        bounds += _prove_bounds(case, start, end, start, end)
        # One day of change in each period, a different one each time, so that all are met.
        change = start + timedelta(days=1 + number % ((end - start).days - 1))
        bounds += _prove_bounds(case, start, end, start, change)
        bounds += _prove_bounds(case, start, end, change, end)
    yield f"{len(starts) - 1} billing periods, each split by a change: days and shares"
    if bounds:
        yield f"{bounds:,} tier bounds in them, per period, day or kW, whole and pro-rated"


def _starts(billing_day: int | str, first: date, count: int) -> list[date]:
    """-> local dates on which `count` periods begin, by the words of docs/tariffs.md."""
    found = []
    year, month = first.year, first.month
    for _ in range(count):
        if billing_day == "last":
            after = date(year + month // 12, month % 12 + 1, 1)
            found.append(after - timedelta(days=1))
        else:
            found.append(date(year, month, int(billing_day)))
        year, month = year + month // 12, month % 12 + 1
    return found


def _prove_borders(case: Case, start: date, end: date) -> None:
    calendar, day = case.tariff.calendar, case.tariff.billing_day
    t0, t1 = (case.words.midnight(d) - EPOCH for d in (start, end))
    for t in (t0, (t0 + t1) // 2, t1 - 1):
        found = calendar.period_start(t, day), calendar.period_end(t, day)
        if found != (t0, t1):
            shown = " to ".join(case.words.shown(x + EPOCH) for x in found)
            case.refuse(f"period at {case.words.shown(t + EPOCH)}", shown, f"{start} to {end}")
    if calendar.days(t0, t1) != (end - start).days:
        case.refuse(f"days from {start} to {end}", calendar.days(t0, t1), (end - start).days)


def _prove_bounds(case: Case, start: date, end: date, first: date, until: date) -> int:
    """The part from `first` to `until` of the period from `start` to `end`. -> how many."""
    opening, closing = (case.words.midnight(d) - EPOCH for d in (first, until))
    count = 0
    for index, (name, (per, written, rates)) in enumerate(case.words.tier_sets().items()):
        days = (first + timedelta(days=n) for n in range((until - first).days))
        used = sum(not rates.isdisjoint(case.words.rates_of(day)) for day in days)
        expected = []
        for bound in written:
            if per == "kw":
                expected.append(floor(bound * PEAK_MW / 10**6))
            elif per == "day":
                expected.append(floor(bound * used))
            else:
                expected.append(int(bound) * used // (end - start).days)
        found = list(case.tariff.tier_bounds(index, opening, closing, PEAK_MW))
        if found != expected:
            case.refuse(f"tiers.{name} from {first} to {until}, mWh", found, expected)
        count += len(found)
    return count
