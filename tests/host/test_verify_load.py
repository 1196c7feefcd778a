"""Verify checks demand and limiter against the profile, and names what is not so where one digit
of what a real core wrote is altered."""

import copy

import pytest
import tariffs
from test_verify import CoreLink, reread
from verify_house import DAY_S, House, capped, refused_by, said_of

from meter import codes
from meter.civil import EPOCH
from wattledger.verification import (
    evidence,
    verify_bills,
    verify_demand,
    verify_limiter,
    verify_windows,
)
from wattledger.verification.verify import calendar


def test_demand_limiter_and_tiers_hold():
    found = capped()
    said = said_of(found)
    assert "demand windows recomputed" in said
    assert "rows limited or not" in said
    assert "tier crossings" in said
    assert "not provable" not in said
    rows = found.records("profile")
    assert sum(bool(row.status & codes.LIMITED) for row in rows) > 20
    assert {row.rate for row in rows} == {0, 1, 2}
    assert len(found.bills) == 3
    kinds = {line["kind"] for bill in found.bills.values() for line in bill.lines}
    assert {"energy", "export", "demand", "fixed", "minimum", "tax"} <= kinds


@pytest.fixture
def cap():
    return copy.deepcopy(capped())


def closed(found, number=1):
    """-> (the Ledger record that closed a part, its seq)"""
    return next((r, r.seq) for r in found.records("ledger") if r.period == number)


@pytest.mark.parametrize("slot", range(5))
def test_a_maximum_that_no_window_had_is_named(cap, slot):
    ledger, seq = closed(cap)
    demand = list(ledger.demand)
    assert demand[2 * slot]
    demand[2 * slot] += 1
    reread(cap, "ledger", seq, demand=demand)
    name = ("any", "any", "by day", "by day", "by day")[slot]
    text = refused_by(verify_demand.demands, cap)
    assert text.startswith(f"period 1: demand {name}: {demand[2 * slot]} mW in the window")
    assert f"the profile gives {demand[2 * slot] - 1} mW" in text


def test_a_maximum_that_was_left_out_is_named(cap):
    ledger, seq = closed(cap)
    demand = list(ledger.demand)
    third = max(
        (window for window in verify_windows.windows(part(cap), 900) if window.mw < demand[2]),
        key=lambda window: window.mw,
    )
    demand[0:4] = [*demand[2:4], third.mw, third.end + EPOCH]
    reread(cap, "ledger", seq, demand=demand)
    text = refused_by(verify_demand.demands, cap)
    assert text.startswith("period 1: demand any: ")
    assert text.endswith(f"{third.mw} mW are kept") or "two maxima of one day" in text


def test_a_maximum_of_another_rate_is_named(cap):
    """Slot 2 is of the day rate: the highest window of all is not one of its own."""
    ledger, seq = closed(cap)
    demand = list(ledger.demand)
    by_night = min(
        (window for window in verify_windows.windows(part(cap), 900) if window.first == {0}),
        key=lambda window: -window.mw,
    )
    demand[4:6] = [by_night.mw, by_night.end + EPOCH]
    reread(cap, "ledger", seq, demand=demand)
    text = refused_by(verify_demand.demands, cap)
    assert "demand by day" in text


def part(found, number=1):
    return verify_bills.part_of(found, found.bills[number])


def test_two_maxima_of_one_day_are_named(cap):
    ledger, seq = closed(cap)
    demand = list(ledger.demand)
    day = part(cap).tariff.calendar.local_day
    first = day(demand[1] - EPOCH - 1)
    other = max(
        (
            window
            for window in verify_windows.windows(part(cap), 900)
            if day(window.end - 1) == first and window.end + EPOCH != demand[1]
        ),
        key=lambda window: window.mw,
    )
    demand[2:4] = [other.mw, other.end + EPOCH]
    reread(cap, "ledger", seq, demand=demand)
    assert "two maxima of one day" in refused_by(verify_demand.demands, cap)


def test_a_maximum_of_the_open_part_is_checked_too(cap):
    bill = max(cap.bills.values(), key=lambda bill: bill.period)
    assert bill.open
    bill.demand[0] += 1
    assert f"period {bill.period}: demand any" in refused_by(verify_demand.demands, cap)


def test_demand_in_windows_shorter_than_a_row_is_said_to_be_unproved():
    house = House()
    house.rig.push(tariffs.text(demand=tariffs.demand(window_s=300)))
    house.live(6 * 3600)
    said = said_of(evidence.collect(CoreLink(house.rig)))
    assert "1 bills with windows shorter than a row: not provable from it" in said


def test_a_sliding_window_is_added_up_from_its_parts():
    house = House(seed=2)
    charges = (tariffs.charge("all"), tariffs.charge("day", rates=[1], highest=2))
    text = tariffs.text(demand=tariffs.demand(*charges, window_s=3600, parts=4))
    house.rig.push(text)
    house.live(DAY_S)
    house.rig.run(100, step_s=10, imported=90)
    house.rig.cut(off_s=2500)
    house.live(DAY_S)
    found = evidence.collect(CoreLink(house.rig))
    assert "demand windows recomputed" in said_of(found)
    found.bills[1].demand[0] -= 1
    assert "period 1: demand all" in refused_by(verify_demand.demands, found)


def limited_row(found, is_limited):
    """-> a row in the middle of those that are, or are not, limited and are sure"""
    rows = [
        row
        for row in found.records("profile")[20:]
        if row.status in ((codes.LIMITED,) if is_limited else (0,)) and row.rate == 2 * is_limited
    ]
    return rows[len(rows) // 2]


def test_a_limited_row_that_hides_it_is_named(cap):
    row = limited_row(cap, True)
    reread(cap, "profile", row.seq, status=0)
    text = refused_by(verify_limiter.limits, cap)
    assert text == f"profile: row {row.seq}: the limiter has tripped, it is not marked"


def test_a_row_that_is_limited_without_a_reason_is_named(cap):
    row = limited_row(cap, False)
    reread(cap, "profile", row.seq, status=codes.LIMITED)
    text = refused_by(verify_limiter.limits, cap)
    assert text == f"profile: row {row.seq}: marked as limited, no level has tripped"


def test_a_limited_row_of_another_rate_is_named(cap):
    row = limited_row(cap, True)
    reread(cap, "profile", row.seq, rate=0)
    text = refused_by(verify_limiter.limits, cap)
    assert text == f"profile: row {row.seq}: rate register 0, the limiter gives 2"


def test_energy_repriced_beyond_the_limited_rows_is_named(cap):
    snapshot = next(r for r in cap.records("snapshots") if r.reason == codes.DAY)
    rates = list(snapshot.rates)
    rates[0], rates[2] = rates[0] - 5, rates[2] + 5
    reread(cap, "snapshots", snapshot.seq, rates=rates)
    assert "rate register 0 grew by" in refused_by(calendar, cap)


def test_a_mark_of_the_limiter_opens_no_other_rate(cap):
    row = limited_row(cap, False)
    reread(cap, "profile", row.seq, rate=1 - row.rate, status=codes.LIMITED)
    text = refused_by(calendar, cap)
    assert text.startswith(f"profile: row {row.seq}: rate register {1 - row.rate}, the calendar")


def test_a_trip_at_another_load_is_named(cap):
    events = [e for e in cap.records("power") if e.code == codes.EVENT_LIMIT & 255]
    event = events[len(events) // 2]
    reread(cap, "power", event.seq, before=event.before + 1)
    text = refused_by(verify_limiter.limits, cap)
    assert text.startswith(f"power: event {event.seq}: {event.before + 1} mW")
