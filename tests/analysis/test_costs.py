"""What the intervals cost is the bill, to the last unit, whatever the tariff and the load."""

import json
import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import roads_drawn
from hypothesis import given, settings
from hypothesis import strategies as st

from meter import tariff_check
from meter.civil import DAY_S, EPOCH, days
from meter.price_schedule import Schedule
from wattledger.analysis import costs
from wattledger.analysis import history as histories_of
from wattledger.bills import bill_units
from wattledger.tariffs.tariff_file import compile_file

from .histories import KWH, history, tariff

FILES = sorted((Path(__file__).parents[2] / "docs/tariffs").glob("*.toml"))
DAYS = 40


def check(found):
    """All laws of what costs.of gives."""
    past = found.history
    rests = sum((rest.amount for rest in found.rests), Fraction())
    for keys in (past.month, past.weekday, past.minute // 60, np.arange(len(past))):
        by = found.by(keys)
        assert sum((cost.amount for cost in by.values()), rests) == found.total
        assert sum(cost.import_mwh for cost in by.values()) == past.import_mwh.sum()
    amounts, energies = defaultdict(Fraction), defaultdict(int)
    for spread in found.spreads:
        key = spread.bill, spread.kind, spread.name
        share = sum(spread.share.tolist())
        amounts[key] += spread.scale * share
        if spread.kind != "demand" and spread.scale != Fraction(1, 10**15):
            energies[key] += share
    billed, quantities = defaultdict(Fraction), defaultdict(Fraction)
    for i, bill in enumerate(found.bills):
        made = found.tariffs[bill.digest]
        for line in bill.lines:
            key = i, line["kind"], line["name"]
            if line["kind"] in ("energy", "export", "demand") and bill_units.amount(line):
                billed[key] += bill_units.amount(line)
                by_interval = bill_units.is_by_interval(line, made)
                if line["kind"] != "demand" and made.netting != "month" and not by_interval:
                    quantities[key] += Fraction(*line["quantity"])
    assert amounts == billed
    assert {key: energies[key] for key in quantities} == quantities


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_intervals_are_the_bill(file):
    made = compile_file(file).tariff()

    @settings(max_examples=4, deadline=None)
    @given(st.integers(0, 2**32), st.sampled_from((900, 1800, 3600)), st.booleans())
    def hold(seed, step_s, sells):
        draw = np.random.default_rng(seed)
        rows = DAYS * DAY_S // step_s
        bought = draw.exponential(draw.uniform(0.1, 20) * KWH, rows).astype(np.int64)
        sold = draw.integers(0, KWH, rows) * draw.integers(0, 2, rows) if sells else None
        past = history(made.calendar.zone, bought, (2026, 3, 15), step_s, sold)
        start = int(past.start[0]) - EPOCH
        text = roads_drawn.prices_text(random.Random(seed), start, made.currency)
        check(costs.of(past, [made], [Schedule(json.loads(text))] if made.dynamic else []))

    hold()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_they_are_under_any_tariff(seed):
    draw = random.Random(seed)
    made = tariff_check.load(roads_drawn.tariff_text(draw))
    load = roads_drawn.load(draw, made)
    schedules = []
    if made.dynamic:
        text = roads_drawn.prices_text(draw, load.start, rates=range(made.imports))
        schedules = [Schedule(json.loads(text))]
    past = histories_of.of_load(load, made.calendar.zone, "drawn")
    check(costs.of(past, [made], schedules))


def test_a_change_of_tariff_splits_what_it_bills():
    old = tariff()
    new = tariff(name="New", from_=("billing_day", "valid_from = 2026-01-16\nbilling_day"))
    found = costs.of(history(old.calendar.zone, [KWH] * 24 * 31), [old, new])
    assert len(found.bills) == 2
    check(found)


def test_each_hour_costs_its_rate():
    made = tariff()
    found = costs.of(history(made.calendar.zone, [2 * KWH] * 24 * 31), [made])
    by = found.by(found.history.minute // 60)
    # 31 days x 2 kWh x 0.10 or 0.30
    assert [by[hour].amount for hour in (7, 8, 19, 20)] == [
        Fraction(n, 10) for n in (62, 186, 186, 62)
    ]
    assert found.rests == []
    assert by[8].import_mwh == 62 * KWH


def test_an_interval_over_a_switch_costs_both_rates():
    made = tariff(switch=('["08:00-20:00"]', '["08:15-20:00"]'))
    found = costs.of(history(made.calendar.zone, [4 * KWH] * 24 * 31), [made])
    assert found.by_interval()[8].amount == Fraction("0.10") + 3 * Fraction("0.30")


def test_a_tier_ends_inside_an_interval():
    tiers = '\n[tiers.all]\nmode = "chronological"\nper = "period"\nup_to_kwh = [10, "rest"]\n'
    made = tariff(
        tiers,
        night=('price = "0.10"', 'prices = ["0.10", "0.20"]'),
        day=('price = "0.30"', 'prices = ["0.30", "0.60"]'),
    )
    found = costs.of(history(made.calendar.zone, [3 * KWH] * 24 * 31), [made])
    # the fourth hour brings 12 kWh, two of them beyond the bound
    assert [cost.amount for cost in found.by_interval()[2:5]] == [
        Fraction(3, 10), Fraction(1, 10) + Fraction(4, 10), Fraction(6, 10)
    ]  # fmt: skip


DEMAND = """
[demand]
window_min = 60
sub_windows = 1
[demand.charges.peak]
price = "10"
"""


def test_a_peak_pays_for_the_demand():
    made = tariff(DEMAND)
    bought = [KWH] * 24 * 31
    bought[100] = 5 * KWH
    found = costs.of(history(made.calendar.zone, bought), [made])
    by = found.by_interval()
    assert by[100].amounts["demand"] == 50
    assert sum("demand" in cost.amounts for cost in by) == 1


def test_a_ratchet_is_paid_by_the_month_that_made_it():
    made = tariff(DEMAND + 'ratchet = { percent = "80", months = 11 }\n')
    bought = [KWH] * 24 * (31 + 28)
    bought[100], bought[1000] = 5 * KWH, 2 * KWH
    found = costs.of(history(made.calendar.zone, bought), [made])
    by = found.by_interval()
    assert by[100].amounts["demand"] == 50 + 40  # January, and 80 % of it in February
    assert "demand" not in by[1000].amounts
    check(found)


def test_an_hour_at_a_market_price_costs_what_it_says(root):
    made = compile_file(root / "docs/tariffs/market-price.toml").tariff()
    start = made.calendar.zone.to_utc(days(2026, 1, 1) * DAY_S) + EPOCH
    prices = [10**9 * n // 100 for n in (10, -20)]
    schedule = {
        "schema": 1, "kind": "prices", "id": 1, "currency": "EUR", "start": start,
        "step_s": 3600, "import": prices, "export": [], "events": [],
    }  # fmt: skip
    past = history(made.calendar.zone, [KWH] * 24 * 31)
    by = costs.of(past, [made], [Schedule(schedule)]).by_interval()
    # + 0.1312 on each; afterwards the rate's own price
    assert [cost.amount for cost in by[:3]] == [
        Fraction("0.2312"), Fraction("-0.0688"), Fraction("0.2890")
    ]  # fmt: skip


def test_could_shift_is_above_the_base_and_above_the_cheapest():
    made = tariff()
    bought = [KWH] * 24 * 31
    bought[12], bought[2] = 4 * KWH, 9 * KWH  # by day; at night it is cheap already
    found = costs.could_shift(costs.of(history(made.calendar.zone, bought), [made]), KWH)
    assert (found.mwh, found.of_mwh) == (3 * KWH, (24 * 31 + 3 + 8) * KWH)
    assert found.at_most == Fraction(3 * 20, 100)
