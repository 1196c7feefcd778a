"""Verify checks tiers and prices by interval, and names what is not so where one digit of what a
real core wrote is altered."""

import copy
import json

import pytest
from test_verify import CoreLink, reread
from verify_house import DAY_S, House, capacity, capped, priced, refused_by, said_of

from meter import codes
from wattledger.bills import bill_document
from wattledger.verification import evidence, verify_bills, verify_prices
from wattledger.verification.verify import calendar


def test_prices_events_and_netting_hold():
    found = priced()
    said = said_of(found)
    assert "rows have the price of their schedule" in said
    assert "not here" not in said
    rows = found.records("profile")
    assert sum(bool(row.price_id) for row in rows) > 150
    assert sum(bool(row.status & codes.PRICE_EVENT) for row in rows) > 5


def test_without_the_schedules_prices_are_taken_as_they_are_and_it_is_said():
    found = copy.deepcopy(priced())
    found.schedules.clear()
    assert "of schedules that are not here" in said_of(found)


@pytest.fixture
def market_days():
    return copy.deepcopy(priced())


@pytest.fixture
def cap():
    return copy.deepcopy(capped())


def crossing(found):
    return next(r for r in found.records("snapshots") if r.reason == codes.TIER)


def test_a_tier_that_ends_elsewhere_is_named(cap):
    made = crossing(cap)
    reread(cap, "snapshots", made.seq, rates=[made.rates[0] + 1, *made.rates[1:]])
    text = refused_by(verify_bills.crossings, cap)
    assert f"record {made.seq}: tier 1 of set 1: it ends after 12000001 mWh" in text


def test_a_crossing_that_is_missing_is_named(cap):
    made = crossing(cap)
    reread(cap, "snapshots", made.seq, reason=codes.DAY)
    text = refused_by(verify_bills.crossings, cap)
    assert f"period {made.period}: " in text
    assert "no crossing of the bound 12000000 mWh" in text


def test_a_change_that_was_scheduled_and_dropped_leaves_an_event_and_lower_bounds():
    house = House(seed=5)
    text = capacity(tiers={"mode": "chronological", "per": "period", "bounds": [900_000_000]})
    house.rig.push(text)
    house.live(6 * 3600)
    house.rig.push(capacity(name="next"), house.rig.ports.clock.utc + DAY_S)
    house.live(DAY_S - 3600)
    house.rig.push(text, "period")
    house.live(3600)
    found = evidence.collect(CoreLink(house.rig))
    events = [(e.before, e.after) for e in found.records("configuration") if e.code == 8]
    (_, scheduled), dropped = events
    assert dropped == (scheduled, 0)
    used = sum(crossing(found).rates[:3])
    assert used < 90_000_000
    assert "1 tier crossings" in said_of(found)
    reread(found, "configuration", found.records("configuration")[-1].seq, code=9)
    reread(found, "configuration", found.records("configuration")[-2].seq, code=9)
    assert "its bound is 90000000 mWh" in refused_by(verify_bills.crossings, found)


def priced_row(found, status=0):
    rows = [r for r in found.records("profile") if r.price_id and r.status == status]
    return rows[len(rows) // 2]


@pytest.mark.parametrize("field", ["price_id", "price_nano", "export_nano"])
def test_a_price_that_the_schedule_has_not_is_named(market_days, field):
    row = priced_row(market_days)
    reread(market_days, "profile", row.seq, **{field: getattr(row, field) + 1})
    text = refused_by(verify_prices.prices, market_days)
    assert text.startswith(f"profile: row {row.seq}: price ")
    assert f"the schedule gives {row.price_nano} and {row.export_nano}" in text


def test_another_price_makes_another_bill(market_days):
    row = priced_row(market_days)
    reread(market_days, "profile", row.seq, price_nano=row.price_nano + 1000)
    text = refused_by(verify_bills.bills, market_days)
    assert text.startswith("bill of period 1: line ")
    assert "): amount [" in text


def test_a_price_event_rules_only_its_own_rows_and_rate(market_days):
    row = next(r for r in market_days.records("profile") if r.status == codes.PRICE_EVENT)
    assert row.rate == 2
    reread(market_days, "profile", row.seq, rate=0)
    assert f"row {row.seq}: rate register 0" in refused_by(calendar, market_days)


def test_documents_of_these_bills_fit_the_schema():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    validator = jsonschema.Draft202012Validator(bill_document.schema())
    for found in (capped(), priced()):
        for bill in found.bills.values():
            document = bill_document.make(bill, found)
            validator.validate(json.loads(json.dumps(document)))
            assert document["period"]["state"] == ("open" if bill.open else "closed")
            assert document["daily"]
    by_interval = [line for line in document["lines"] if line["price"] is None]
    assert {line["kind"] for line in by_interval} == {"energy", "export"}
    assert any(rest.get("ring") == "profile" for rest in by_interval[0]["rests_on"])
