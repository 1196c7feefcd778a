"""The best of several tariffs is the one with the smallest bills; a year is said to be one."""

from fractions import Fraction

import pytest

from wattledger.analysis import choice
from wattledger.errors import ToolError

from .histories import KWH, history, tariff

DAY_NIGHT = tariff()
FLAT = tariff(name="Flat", day=('price = "0.30"', 'price = "0.18"'), night=("0.10", "0.18"))


def of(bought, tariffs=(("old", DAY_NIGHT), ("flat", FLAT))):
    return choice.of(history(DAY_NIGHT.calendar.zone, bought), tariffs)


def test_who_uses_by_day_is_better_off_with_one_price():
    found = of(([0] * 8 + [KWH] * 12 + [0] * 4) * 365)
    # 12 kWh a day at 0.30 or 0.18; the hour that the clock is put forward moves 217 days
    assert found.is_year
    assert found.best.name == "flat"
    [old, flat] = (candidate.total for candidate in found.candidates)
    assert flat == Fraction(12 * 365 * 18, 100)
    assert found.saving(found.best) == old - flat > 0
    change = {row["item"]: row["change"] for row in found.changes(found.best)}
    assert sum(change.values()) == flat - old


def test_who_uses_at_night_stays():
    found = of(([KWH] * 8 + [0] * 12 + [KWH] * 4) * 365)
    assert found.best is found.candidates[0]
    assert found.saving(found.best) == 0


def test_a_part_of_a_year_is_taken_in_proportion_and_said_so():
    found = of([0] * 12 + [KWH] * 2 + [0] * 24 * 72)  # 73 days and an hour or so: a fifth
    assert not found.is_year
    assert found.days == 73
    assert found.saving(found.candidates[1]) == 5 * (Fraction("0.60") - Fraction("0.36"))


def test_of_equals_the_one_in_force_is_best():
    found = of([KWH] * 48, (("a", FLAT), ("b", FLAT)))
    assert found.best.name == "a"


def test_two_currencies_are_refused():
    other = tariff(currency="USD")
    with pytest.raises(ToolError, match="one currency"):
        of([KWH] * 48, (("a", FLAT), ("b", other)))
