"""Plans: the cheapest by trying every one, what the bill says of them, and what cannot be."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from meter.civil import DAY_S, EPOCH, Zone, days
from meter.price_schedule import Schedule
from wattledger import cli
from wattledger.analysis import (
    planner,
    planner_cost,
    planner_horizon,
    planner_loads,
    planner_model,
    planner_room,
    planner_tasks,
)
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_file

from .plan_cases import best, draw

pytest.importorskip("scipy", reason="scipy is not installed: pip install 'wattledger[analysis]'")

ROOT = Path(__file__).parents[2]
TARIFFS = ROOT / "docs/tariffs"
EVENING = ROOT / "docs/plans/evening.toml"
CASES, CHUNKS = 200, 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_other_plan_costs_less(chunk):
    """Each of 200 small cases has the exact cost of the best of all plans, and the bill of its
    plan, where no limiter re-prices, is the model's; never above greedy, at times below."""
    solved = strictly = 0
    for seed in range(chunk, CASES, CHUNKS):
        case = draw(seed)
        least = best(case)
        if least is None:
            with pytest.raises(ToolError):
                planner.plan(case.file, case.horizon)
            continue
        found = planner.plan(case.file, case.horizon)
        tasks = planner_tasks.of(case.file.loads, case.horizon)
        room = planner_room.of(case.horizon, ("shed",))
        by_task, doubt = planner_model.solve(case.horizon, tasks, room, True)
        added = planner_cost.added(case.horizon)(np.sum(by_task, axis=0))
        assert (added, doubt) == (least, 0.0), seed
        if not (case.limit and case.limit[0] == "reprice"):
            assert Fraction(found.best.cost, 10**9) == found.best.modelled == least, seed
        if found.greedy:
            assert found.best.cost <= found.greedy.cost, seed
            strictly += found.best.cost < found.greedy.cost
        solved += 1
    assert solved > CASES // CHUNKS // 2
    assert strictly


def horizon(name, hour, history=None, schedules=(), day=(2026, 10, 5), length=1):
    tariff = compile_file(TARIFFS / f"{name}.toml").tariff()
    start = tariff.calendar.zone.to_utc(days(*day) * DAY_S + hour * 3600)
    return planner_horizon.of(tariff, start, length, history, schedules)


def loads(text):
    return planner_loads.of_text('schema = 1\nname = "x"\n' + text, "x.toml")


CAR = """
[loads.car]
kind = "charge"
energy_kwh = {}
power_kw = [1.4, 7.2]
between = ["{}", "{}"]
"""


def test_a_repeated_hour_is_planned_twice():
    over = horizon("one-price", 0, day=(2026, 10, 25))
    assert len(over.times) == 25 * 4 + 1
    found = planner.plan(loads(CAR.format(7.2, "02:00", "03:00")), over)
    # 7.2 kWh in an hour of the clock that has two: all of the first will do
    assert found.best.total.sum() == 7_200_000 * 3600
    assert found.best.cost == round(7.2 * 29.47)
    with pytest.raises(ToolError, match=r"at most 14\.4 kWh"):
        planner.plan(loads(CAR.format(14.5, "02:00", "03:00")), over)


def test_dynamic_prices_come_from_the_schedule():
    start = days(2026, 10, 5) * DAY_S + 16 * 3600  # 18:00 in Amsterdam
    prices = [300_000_000] * 8 + [-50_000_000, 20_000_000, 10_000_000] + [300_000_000] * 13
    data = {
        **{"start": start + EPOCH, "step_s": 3600, "currency": "EUR", "id": 1},
        **{"import": prices, "export": [], "events": []},
    }
    over = horizon("market-price", 18, schedules=[Schedule(data)])
    found = planner.plan(loads(CAR.format(14.4, "18:00", "17:45")), over)
    used = np.flatnonzero(found.best.total)
    assert set(used // 4) == {8, 10}
    # 7.2 kWh each at -0.05 and 0.01, both with 0.1312 on top, and 21 %
    assert found.best.modelled == Fraction("7.2") * Fraction("0.2224") * Fraction("1.21")


def test_the_tier_that_the_bill_has_reached_counts():
    """Three prices: 250 kWh are behind, so night costs 0.1257."""
    start = days(2026, 10, 1) * DAY_S - 7200 + EPOCH
    count = 6 * 24
    starts = start + 3600 * np.arange(count, dtype=np.int64)
    none = np.zeros(count, dtype=np.int64)
    flat = np.full(count, 3_000_000, dtype=np.int64)
    zone = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
    history = History(
        "x", zone, starts, starts + 3600, flat, none, none, none, none, none.astype(bool)
    )
    over = horizon("three-prices-two-seasons", 18, history)
    assert over.shifted_s == 0
    found = planner.plan(loads(CAR.format(7.2, "00:00", "06:00")), over)
    assert found.best.modelled == Fraction("7.2") * Fraction("0.1257") * Fraction("1.21")


def test_an_older_base_load_keeps_its_weekday_and_hour():
    count = 8 * 24
    start = days(2026, 8, 31) * DAY_S - 7200 + EPOCH  # a Monday in Berlin
    starts = start + 3600 * np.arange(count, dtype=np.int64)
    none = np.zeros(count, dtype=np.int64)
    energy = 1000 * np.arange(count, dtype=np.int64)
    zone = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
    history = History(
        "x", zone, starts, starts + 3600, energy, none, none, none, none, none.astype(bool)
    )
    over = horizon("one-price", 18, history)
    assert over.shifted_s == 35 * DAY_S
    hours = over.bought.reshape(-1, 4).sum(axis=1) // 3600
    assert hours.tolist() == (1000 * np.arange(18, 42)).tolist()
    with pytest.raises(ToolError, match="give a longer history"):
        horizon("one-price", 18, history, day=(2026, 10, 4), length=7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CAR.format(40, "18:00", "22:00"), r"car: 40 kWh wanted, at most 28\.8 kWh possible"),
        (
            '[loads.wash]\nkind = "run"\nprofile_kw = [1, 1, 1]\nstep_min = 30\n'
            'between = ["20:00", "21:00"]',
            "wash: does not fit in the 4 intervals",
        ),
        (
            CAR.format(100, "22:00", "08:00").replace("7.2", "11")
            + '[loads.water]\nkind = "heat"\nenergy_kwh = 20\npower_kw = 11\nblock_min = 60\n'
            'between = ["22:00", "08:00"]',
            "car: no room below the water_heater limit beside the other loads",
        ),
    ],
)
def test_what_cannot_be_served_is_named(text, said):
    with pytest.raises(ToolError, match=said):
        planner.plan(loads(text), horizon("capacity-and-limiter", 18))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"charge"', '"charger"', "loads.car.kind"),
        ("energy_kwh = 14", "energy_kwh = 0", "leave the load out"),
        ('"1.38", "7.36"', '"7.36"', "one entry"),
        ('"1.38", "7.36"', '"8", "7.36"', "above the most"),
        ('"1.38"', '"1.385"', "whole 10 W"),
        ('"18:30", "07:00"', '"18:30", "25:00"', "local time"),
        ("block_min = 45\n", "", "block_min is missing"),
        ("days = 1", "days = 8", "1 to 7"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(old, new, said):
    text = EVENING.read_text()
    assert old in text
    with pytest.raises(ToolError, match=said):
        planner_loads.of_text(text.replace(old, new, 1), "loads.toml")


def run(*args):
    done = CliRunner().invoke(cli.app, ["plan", *map(str, args)])
    assert done.exit_code == 0, done.output or done.exception
    return done.output


def test_the_command_plans_the_example():
    tariff = TARIFFS / "three-prices-two-seasons.toml"
    args = (EVENING, "--tariff", tariff, "--from", "2026-10-05T18:00")
    found = json.loads(run(*args, "--json"))
    assert len(found["slots"]) == 96
    energy = {"car": 0.0, "water": 0.0, "washing": 0.0}
    for slot in found["slots"]:
        for name in energy:
            energy[name] += float(slot["power_kw"][name]) / 4
    assert energy == pytest.approx({"car": 14, "water": 6, "washing": 1.075})
    # By hand: 20 kWh at 0.1143 and the washing at 0.1706, both with 21 % on the rounded lines
    assert found["cost"] == "2.99"
    assert float(found["at_once"]["cost"]) > 2.99
    shown = run(*args)
    assert "The plan adds 21.075 kWh and 2.99 EUR to the bill." in shown
    assert "2026-10-05 22:00  2026-10-05 22:15   0.1706" in shown


def test_water_is_heated_every_day():
    text = EVENING.read_text().replace("days = 1", "days = 3")
    found = planner.plan(planner_loads.of_text(text, "x"), horizon("one-price", 18, length=3))
    assert found.best.by_load["water"].sum() == 3 * 6_000_000 * 3600
    assert found.best.by_load["car"].sum() == 14_000_000 * 3600
