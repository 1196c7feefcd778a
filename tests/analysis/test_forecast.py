"""Forecasts: what repeats is forecast exactly, nothing comes from the future, and the simple
one is used unless the other did better; then the whole command."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from meter.civil import DAY_S
from wattledger import cli, simulate
from wattledger.analysis import forecast, forecast_models
from wattledger.analysis.forecast import BOOSTED, NAIVE, Miss, Trial
from wattledger.errors import ToolError

from .histories import HEAD, KWH, history, tariff

ROOT = Path(__file__).parents[2]
HOUSE = ROOT.parent / "shared/data/loads/uci_sceaux_fr_2007_60min.csv"
MADE = tariff()
WEEK = np.random.default_rng(1).integers(0, 2 * KWH, 7 * 24)


@pytest.fixture
def sklearn():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")


def weeks(days_count):
    return history(MADE.calendar.zone, np.resize(WEEK, 24 * days_count))


def test_what_repeats_every_week_is_forecast_to_the_unit():
    past = weeks(59)
    known = past.between(int(past.start[0]), int(past.start[0]) + 45 * DAY_S)
    found = forecast.of(known, MADE)
    [_, truth] = simulate.bills_of([MADE], past.load())
    assert (found.bill.total, found.bill.start, found.bill.end) == (
        truth.total, truth.start, truth.end
    )  # fmt: skip
    assert found.measured_mwh + found.predicted_mwh == past.import_mwh[31 * 24 :].sum()
    assert (found.model, found.half_units, found.trials) == (NAIVE, None, [])


def test_a_history_that_ends_with_a_period_forecasts_the_next():
    found = forecast.of(weeks(31), MADE)
    assert found.until == found.start
    assert (found.measured_mwh, found.so_far_units) == (0, 0)
    assert found.bill.end - found.bill.start == 28 * DAY_S


def test_less_than_a_week_is_not_enough():
    with pytest.raises(ToolError, match="less than a week"):
        forecast.of(weeks(6), MADE)


def test_the_clock_change_moves_nothing():
    bought = np.resize(WEEK, 24 * 86)  # until 28 March, the eve of the change
    past = history(MADE.calendar.zone, bought)
    rest = history(MADE.calendar.zone, [0] * 23, (2026, 3, 29))
    known = forecast_models.known_of(past, past.import_mwh)
    found = forecast_models.naive(known, rest)
    sunday = past.part((past.weekday == 6) & (past.minute != 120)).import_mwh[-23:]
    assert np.rint(found * 1000).tolist() == sunday.tolist()


def test_the_naive_forecast_is_the_mean_of_four_weeks():
    past = history(MADE.calendar.zone, np.repeat([9, 1, 2, 3, 6], 7 * 24) * KWH)
    known = forecast_models.known_of(past, past.import_mwh)
    assert set(forecast_models.naive(known, past).tolist()) == {3000.0}


def test_an_hour_never_seen_on_this_weekday_is_that_of_other_days():
    past = history(MADE.calendar.zone, np.tile(np.arange(24), 3) * KWH)
    later = history(MADE.calendar.zone, [0] * 24, (2026, 1, 6))
    known = forecast_models.known_of(past, past.import_mwh)
    assert forecast_models.naive(known, later).tolist() == [1000.0 * hour for hour in range(24)]


def test_nothing_comes_from_the_future(sklearn):
    past = weeks(150)
    other = past.import_mwh.copy()
    [*_, last] = list(forecast.trials(past, MADE, 10 * DAY_S))
    other[past.start >= last.origin] *= 3
    changed = history(MADE.calendar.zone, other)
    [*_, again] = list(forecast.trials(changed, MADE, 10 * DAY_S))
    rest = (past.start >= last.origin) & (past.end <= last.end)
    truth = [int(one.import_mwh[rest].sum()) for one in (past, changed)]
    for model in (NAIVE, BOOSTED):
        assert truth[0] + last.misses[model].mwh == truth[1] + again.misses[model].mwh


def test_trees_see_through_noise_that_the_naive_one_repeats(sklearn):
    draw = np.random.default_rng(7)
    by_hour = np.tile(np.arange(24) * KWH // 10, 170)
    past = history(MADE.calendar.zone, by_hour + draw.integers(0, 2 * KWH, len(by_hour)))
    naive, boosted = forecast.scores(list(forecast.trials(past, MADE, 0)))
    assert boosted.power_w < naive.power_w


def trial(naive_units, boosted_units):
    misses = {NAIVE: Miss(naive_units, 0, 0.0), BOOSTED: Miss(boosted_units, 0, 0.0)}
    return Trial(0, 1, 2, 100, misses)


def test_the_simple_one_is_used_unless_the_other_did_better():
    assert forecast.best([trial(-5, 4)] * 4) == BOOSTED
    assert forecast.best([trial(-5, 5)] * 4) == NAIVE
    assert forecast.best([trial(-5, -6)] * 4) == NAIVE
    assert forecast.best([trial(-5, 4)] * 3) == NAIVE  # too few to tell


def test_the_interval_is_a_rank_of_the_errors():
    assert forecast.half_units([3, -1, 2]) is None
    assert forecast.half_units([3, -1, 2, -4]) == 4
    assert forecast.half_units([10, 1, 2, 3, 4, 5, 6, 7, -8]) == 8  # the 8th of 9
    assert forecast.held([1, 1, 1, 1, 9]) == (4, 5)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=5, max_size=60))
def test_four_fifths_of_the_errors_lie_within(misses):
    half = forecast.half_units(misses)
    assert sum(abs(miss) <= half for miss in misses) * 5 >= 4 * len(misses)


def run(*args):
    done = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    assert done.exit_code == 0, done.output or done.exception
    return done.output


@pytest.fixture
def files(tmp_path):
    (tmp_path / "old.toml").write_text(HEAD.format(name="Old", currency="EUR"))
    flat = HEAD.format(name="Flat", currency="EUR").replace('"0.30"', '"0.12"')
    (tmp_path / "flat.toml").write_text(flat)
    past = weeks(45)
    rows = [
        f"{np.datetime64(start, 's')}Z,{mwh / 10**6:.6f}"
        for start, mwh in zip(past.start.tolist(), past.import_mwh.tolist(), strict=True)
    ]
    (tmp_path / "load.csv").write_text("\n".join(["timestamp,kwh", *rows]) + "\n")
    return [tmp_path / name for name in ("load.csv", "old.toml", "flat.toml")]


def test_analyse_adds_up_to_the_bills(files):
    load, old, flat = files
    found = json.loads(run("analyse", load, "--tariff", old, "--against", flat, "--json"))
    bills = json.loads(run("tariff", "simulate", load, old, "--json"))
    total = Fraction(sum(bill["total"] for bill in bills), 100)
    costs = found["costs"]
    assert Fraction(costs["total"]) == total
    assert sum(Fraction(line["amount"]) for line in costs["lines"]) == total
    rests = sum(Fraction(rest["amount"]) for rest in costs["not_by_time"])
    for rows in costs["by"].values():
        kinds = [Fraction(row[kind]) for row in rows for kind in ("energy", "export", "demand")]
        assert sum(kinds, rests) == total
    assert found["choice"]["best"] == "flat.toml"
    assert [found["choice"]["days"], found["choice"]["is_year"]] == [45, False]
    assert found["forecast"]["model"] == NAIVE
    assert found["forecast"]["interval_80"] is None


def test_analyse_says_all_of_it_in_words(files):
    load, old, flat = files
    text = run("analyse", load, "--tariff", old, "--against", flat)
    for said in ("base load", "Cost by weekday", "Could shift", "4 needed", "no other season"):
        assert said in text
    short = load.with_name("short.csv")
    short.write_text("".join(load.read_text().splitlines(keepends=True)[:73]))
    assert "No forecast: short: less than a week" in run("analyse", short, "--tariff", old)


@pytest.mark.skipif(not HOUSE.exists(), reason="the folder ../shared/data is not here")
def test_a_year_of_a_house(sklearn):
    sheet = ROOT / "docs/tariffs/one-price.toml"
    found = json.loads(run("analyse", HOUSE, "--tariff", sheet, "--zone", "Etc/GMT-1", "--json"))
    assert found["choice"]["is_year"]
    naive, boosted = found["forecast"]["mean_absolute_error"]
    assert boosted["power_w"] < naive["power_w"]
    low, high = map(Fraction, found["forecast"]["interval_80"])
    assert low < Fraction(found["forecast"]["total"]) < high
    away = [change for change in found["changes"] if change["rule"] == "A3"]
    assert any(change["start"]["local"].startswith("2007-02-24") for change in away)
