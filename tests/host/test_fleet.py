"""Many meters at once: every kind of line of every bill is what one bill alone comes to."""

import random
from fractions import Fraction

import numpy as np
import pytest
import roads_drawn as drawn
import tariffs
from hypothesis import given
from hypothesis import strategies as st

from meter import tariff_check
from meter.billing_line import ONE, round_fraction
from wattledger import simulate
from wattledger.engine.load import of_rows
from wattledger.engine.money import Rounder
from wattledger.errors import ToolError
from wattledger.fleet import bills as fleet

METERS = 3
PLAIN = {
    "dynamic": None,
    "netting": {"mode": "none", "carry": "none"},
    "limiter": None,
}


def matrix(draw, rows, step_s):
    numbers = np.random.default_rng(draw.randrange(1 << 32))
    most = numbers.choice((0, 40, 900_000, 9_000_000), size=(METERS, rows))
    return numbers.integers(0, most + 1) * step_s + numbers.integers(0, 7, size=most.shape)


def alone(versions, start, step_s, bought, sold):
    """-> {kind: [[units by part] by meter]} from one bill after the other."""
    found = {kind: [] for kind in fleet.LINE_KINDS}
    for i in range(METERS):
        bills = simulate.bills_of(versions, of_rows(start, step_s, bought[i], sold[i]))
        for kind, rows in found.items():
            sums = [sum(x["rounded"] for x in b.lines if x["kind"] == kind) for b in bills]
            rows.append(sums)
    return found


def check(versions, draw, start, step_s, rows):
    bought, sold = matrix(draw, rows, step_s), matrix(draw, rows, step_s)
    found = fleet.bills(versions, start, step_s, bought, sold)
    expected = alone(versions, start, step_s, bought, sold)
    assert {kind: sums.tolist() for kind, sums in found.sums.items()} == expected
    assert found.totals.tolist() == np.sum(list(expected.values()), axis=0).tolist()
    return found


@pytest.mark.parametrize("seed", range(24))
def test_any_tariff(seed):
    draw = random.Random(seed)
    plain = PLAIN if seed % 3 else {}
    versions = [tariff_check.load(drawn.tariff_text(draw, **plain))]
    rows = draw.randrange(500, 2500)
    step_s = draw.choice((900, 1800, 3600))
    start = 86400 * draw.randrange(1500, 2500) + draw.choice((0, 900 * draw.randrange(96)))
    if seed % 2:
        change = start + 86400 * draw.randint(1, 20)
        changes = {"valid_from": change + 1577836800, "currency": "EUR", **plain}
        versions.append(tariff_check.load(drawn.tariff_text(draw, name="next", **changes)))
    check(versions, draw, start, step_s, rows)


def test_amounts_beyond_64_bits():
    # 10,000 kWh a row at 40,000 a kWh: an amount of one rate and tier is about 10^25 x 1e-15
    rates = [{"name": "dear", "export": 0, "prices": [4 * 10**13, 5 * 10**13]}]
    changes = {
        "rates": rates,
        "tiers": {"mode": "prorata", "per": "period", "bounds": [10**11]},
        "days": [[[0, 0]]],
    }
    tariff = tariffs.load(**changes)
    rows = np.full((2, 48), 10**10 * 3600, dtype=np.int64)
    found = fleet.bills([tariff], 0, 3600, rows)
    bills = simulate.bills_of([tariff], of_rows(0, 3600, rows[0]))
    assert found.sums["energy"].tolist() == [[bill.total for bill in bills]] * 2
    # the first 100,000 kWh at 40,000, the other 380,000 kWh at 50,000
    assert [bill.total for bill in bills] == [23 * 10**9 * 100]
    with pytest.raises(ToolError, match="fewer decimals"):
        fleet.bills([tariffs.load(decimals=9, **changes)], 0, 3600, rows)


@given(
    st.lists(st.integers(-(10**22), 10**22), min_size=1, max_size=8),
    st.integers(1, 10**12),
    st.integers(0, 9),
    st.sampled_from(("half_even", "half_up", "down")),
)
def test_rounding_of_columns_is_that_of_a_line(nums, den, decimals, rule):
    class Tariff:
        pass

    Tariff.decimals, Tariff.rounding = decimals, rule
    unit = ONE // 10**decimals
    nums = [num for num in nums if abs(Fraction(num, den * unit)) < 2**62] or [0]
    big = max(map(abs, nums)) >= 2**63
    column = np.array(nums, dtype=object if big else np.int64)
    found = Rounder(Tariff).fraction(column, den)
    assert found.tolist() == [round_fraction(num, den * unit, rule) for num in nums]


def test_halves_are_rounded_by_the_rule():
    class Tariff:
        decimals, rounding = 2, "half_even"

    halves = np.array([-3, -1, 1, 3, 5], dtype=np.int64) * (10**13 // 2)
    assert Rounder(Tariff).fraction(halves, 1).tolist() == [-2, 0, 0, 2, 2]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.ones((1, 4)), "float64"),
        (np.array([[1, -1]]), "negative"),
        (np.full((1, 4), 2**60), "check the unit"),
    ],
)
def test_refusals(rows, words):
    with pytest.raises(ToolError, match=words):
        fleet.bills([tariffs.load()], 0, 3600, rows)
