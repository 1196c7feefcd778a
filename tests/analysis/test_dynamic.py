"""Dynamic prices: every analysis bills what the schedules say, and tells what they do not."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from meter.civil import DAY_S, EPOCH, days
from meter.price_schedule import UNPRICED, Schedule
from wattledger import simulate
from wattledger.analysis import (
    advice,
    choice,
    findings,
    forecast,
    forecast_prices,
    peaks,
    unpriced,
)
from wattledger.errors import ToolError
from wattledger.prices import prices_file
from wattledger.tariffs.tariff_file import compile_file

from .histories import KWH, history, tariff

MARKET = compile_file(Path(__file__).parents[2] / "docs/tariffs/market-price.toml").tariff()
ZONE = MARKET.calendar.zone
CENT = 10**7


def schedule(prices, date=(2026, 1, 1), events=()):
    """Of hours from local midnight of a date on, in cents."""
    data = {
        "schema": 1, "kind": "prices", "id": 1, "currency": "EUR", "step_s": 3600,
        "start": ZONE.to_utc(days(*date) * DAY_S) + EPOCH,
        "import": [CENT * int(cents) for cents in prices], "export": [], "events": list(events),
    }  # fmt: skip
    return Schedule(data)


def hours(count):
    """-> cents of some days: 45 from 17 to 21 h, 5 from 2 to 6 h, else 20"""
    return ([20] * 2 + [5] * 4 + [20] * 11 + [45] * 4 + [20] * 3) * count


def said(schedules):
    """-> (findings of 31 days at 1 kW, their bills)"""
    past = history(ZONE, [KWH] * 24 * 31)
    bills = simulate.bills_of([MARKET], past.load(), schedules)
    return findings.of(past, MARKET, [("market", MARKET)], schedules), bills


def test_the_same_prices_count_everywhere():
    plain, _ = said([])
    found, bills = said([schedule(hours(31))])
    total = Fraction(sum(bill.total for bill in bills), 100)
    assert found.choice.candidates[0].total == found.costs.total == total
    assert plain.costs.total != total
    dear = found.costs.by(found.history.minute // 60)
    # 31 kWh at 0.45 + 0.1312, and at 0.05 + 0.1312
    assert [dear[hour].amount for hour in (18, 3)] == [
        31 * Fraction("0.5812"), 31 * Fraction("0.1812")
    ]  # fmt: skip
    assert not found.unpriced
    assert found.as_dict()["costs"]["without_price_kwh"] == "0.000000"


def test_energy_without_a_price_is_told():
    found, bills = said([schedule(hours(28))])
    assert unpriced.of(bills, MARKET) == (72 * KWH, 744 * KWH)
    assert found.unpriced == (
        "Market price with feed-in: 9.7 % of the energy at dynamic prices is in no price schedule"
        " and counts at the rate's own price"
    )
    assert found.as_dict()["costs"]["without_price_kwh"] == "72.000000"
    short = [schedule(hours(31)[:-1])]  # a 744th
    past = history(ZONE, [KWH] * 24 * 31 + [0])
    assert ": 0.1 % of" in unpriced.sentence(
        simulate.bills_of([MARKET], past.load(), short), MARKET
    )


def test_a_tariff_without_dynamic_prices_lacks_none():
    past = history(ZONE, [KWH] * 48)
    assert unpriced.sentence(simulate.bills_of([tariff()], past.load()), tariff()) == ""


def test_a_peak_costs_what_its_interval_says():
    bought = [KWH] * 24 * 28
    bought[18] = 3 * KWH
    past = history(ZONE, bought)
    [peak] = peaks.highest(past, MARKET, 1, [schedule(hours(28))])
    # 2 kWh at 0.5812 and 21 % VAT, and what rounding the lines adds
    assert abs(peak.saved - 2 * Fraction("0.5812") * Fraction("1.21")) <= Fraction(1, 100)


def test_a_choice_gives_all_candidates_the_prices():
    past, prices = history(ZONE, [KWH] * 240), [schedule(hours(10))]
    found = choice.of(past, [("plain", tariff()), ("market", MARKET)], prices)
    [bill] = simulate.bills_of([MARKET], past.load(), prices)
    assert found.candidates[1].total == Fraction(bill.total, 100)


def test_advice_moves_into_the_cheap_hours_of_each_day():
    bought = [100_000] * 24 * 30
    bought[18::24] = [4_100_000] * 30
    past = history(ZONE, bought)
    cents = np.array(hours(30)).reshape(30, 24)
    cents[20:, 2:6], cents[19:, 22:] = 20, 5  # then it is cheap before midnight
    prices = [schedule(cents.ravel())]
    found = {one.kind: one for one in advice.advise(past, [("market", MARKET)], prices)}
    shift = found["shift"]
    assert shift.sentence.startswith(
        "Moving 1.0 kWh a day of what is used in the dear hours of each day to its cheapest ones"
    )
    moved = past.import_mwh - shift.history.import_mwh
    assert set(past.minute[moved > 0].tolist()) == {18 * 60}
    hour, late = past.minute // 60, np.arange(720) >= 19 * 24 + 12
    assert set(hour[(moved < 0) & ~late].tolist()) == {2, 3, 4, 5}
    assert set(hour[(moved < 0) & late].tolist()) == {22, 23}
    # without prices there is one price, and nothing to move
    assert "shift" not in {one.kind for one in advice.advise(past, [("market", MARKET)])}


def test_advice_tells_what_had_no_price():
    past = history(ZONE, ([100_000] * 18 + [4 * KWH] + [100_000] * 5) * 30)
    prices = [schedule(hours(15))]
    found = advice.advise(past, [("market", MARKET), ("plain", tariff())], prices)
    assert all("50.0 % of the energy at dynamic prices" in one.assumption for one in found)


def test_only_what_was_announced_is_known():
    day = schedule(range(1, 25), events=[(EPOCH + 10, EPOCH + 20, "critical")])
    noon = day.start + 12 * 3600
    [known] = forecast_prices.announced([day], noon)
    assert known.market(noon - 1, 900, "interval")[1] == 12 * CENT
    assert known.market(noon, 900, "interval") == UNPRICED
    assert day.market(noon, 900, "interval")[1] == 13 * CENT
    [none] = forecast_prices.announced([day], 5)
    assert (none.count, none.events) == (0, [])


@pytest.mark.parametrize("each_h", [24, 11 * 24])
def test_prices_to_come_are_those_of_a_week_before(each_h):
    cents = np.arange(11 * 24)
    known = [
        schedule(cents[at : at + each_h], (2026, 1, 1 + at // 24))
        for at in range(0, len(cents), each_h)
    ]
    start = known[0].start
    found = forecast_prices.expected(known, start + 25 * DAY_S)

    def cents_at(hour):
        prices = (one.market(start + 3600 * hour, 900, "interval") for one in found)
        return next((price[1] // CENT for price in prices if price[0]), None)

    for hour in (0, 263):
        assert cents_at(hour) == hour
    for hour in range(264, 25 * 24):
        assert cents_at(hour) == 96 + (hour - 264) % 168
    assert forecast_prices.expected([], start) == []


def test_a_week_that_repeats_is_forecast_to_the_cent_and_to_the_trial():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    draw = np.random.default_rng(3)
    use, cents = draw.integers(0, 2 * KWH, 168), draw.integers(-10, 60, 168)
    whole = history(ZONE, np.resize(use, 24 * 120), (2025, 11, 1))  # until 28 February
    cut = whole.between(int(whole.start[0]), int(whole.start[0]) + 101 * DAY_S)
    prices = schedule(np.resize(cents, 24 * 120), (2025, 11, 1))
    then = forecast_prices.announced([prices], int(cut.end[-1]) - EPOCH)
    found = forecast.of(cut, MARKET, then)
    truth = simulate.bills_of([MARKET], whole.load(), [prices])[-1]
    assert (found.bill.total, found.bill.end) == (truth.total, truth.end)
    [trial] = found.trials
    assert trial.misses[forecast.NAIVE].units == 0
    # prices of another week are not known in the trial
    other = schedule(np.resize(cents, 24 * 70).tolist() + [90] * 24 * 50, (2025, 11, 1))
    [missed] = forecast.of(cut, MARKET, [other]).trials
    assert missed.misses[forecast.NAIVE].units < 0


def test_prices_in_another_currency_are_refused(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text('{"start":1577836800,"step_s":3600,"currency":"SEK","id":0,"import":[1],'
                    '"export":[],"events":[]}')  # fmt: skip
    with pytest.raises(ToolError, match="prices in SEK, the tariff is in EUR"):
        prices_file.read_all([path], "EUR")
    assert prices_file.read_all([path], "SEK")[0].count == 1
    path.write_text("[]")
    with pytest.raises(ToolError, match="expected what wattledger prices import writes"):
        prices_file.read(path)
