"""A rule raises, extends and ends as its numbers say, and says nothing else."""

import json
from decimal import Decimal

import pytest

from wattledger.errors import ToolError
from wattledger.headend import rules
from wattledger.headend.rules import END, EXTEND, RAISE, Decision, Rule, State
from wattledger.prices import prices_import

T0 = 1_790_812_800
KW = 1_000_000
RULE = Rule("peak", "village", 100, 80, "EUR", over_intervals=2, max_min=120, rate="critical")


def told(loads, rule=RULE, counted=10, of=10):
    """-> [(interval, what, minutes from its end to start and end)] for the loads in kW"""
    state, found = State(rule), []
    for n, kw in enumerate(loads):
        utc = T0 + 900 * n
        decision = state.decide(utc, kw * KW, counted, of, 900)
        if decision:
            span = (decision.start - utc) // 60, (decision.end - utc) // 60
            found.append((n, decision.what, *span))
    return found


def test_it_takes_so_many_in_a_row():
    assert told([101, 100, 101, 99, 101, 100]) == []
    assert told([101, 101, 50])[0] == (1, RAISE, 15, 75)


def test_between_the_thresholds_it_is_held_and_below_it_ends():
    loads = [101, 101, 90, 90, 90, 90, 79, 79, 79, 79, 79]
    assert told(loads) == [
        (1, RAISE, 15, 75),
        (4, EXTEND, -30, 45),
        (5, EXTEND, -45, 45),
        (8, END, -90, 0),
    ]


def test_it_lasts_no_longer_than_it_may():
    found = told([150] * 11)
    assert [f[1] for f in found if f[1] != EXTEND] == [RAISE, END]
    assert found[-1] == (10, END, -120, 0)


def test_it_rests_before_it_is_raised_again():
    rule = Rule("p", "v", 100, 80, "EUR", min_min=15, max_min=15, rest_min=60, rate="x")
    found = [(n, what) for n, what, _, _ in told([150] * 9, rule)]
    assert found == [(0, RAISE), (2, END), (6, RAISE), (8, END)]


def test_too_few_meters_say_nothing():
    assert told([500] * 5, counted=7) == []
    assert told([500] * 5, counted=8)[0][1] == RAISE
    assert told([500] * 5, counted=0, of=0) == []


def test_one_without_enough_meters_breaks_the_row():
    state = State(RULE)
    assert state.decide(T0, 500 * KW, 10, 10, 900) is None
    assert state.decide(T0 + 900, 500 * KW, 1, 10, 900) is None
    assert state.decide(T0 + 1800, 500 * KW, 10, 10, 900) is None
    decision = state.decide(T0 + 2700, 500 * KW, 10, 10, 900)
    assert decision == Decision(RAISE, T0 + 3600, T0 + 7200, 500 * KW)


def test_an_event_alone_and_in_a_schedule(tmp_path):
    alone = rules.schedule(RULE, T0, T0 + 3600)
    assert alone.data["events"] == [[T0, T0 + 3600, "critical"]]
    assert alone.data["import"] == []
    base = tmp_path / "day.json"
    base.write_bytes(_base(events=[[T0 + 7200, T0 + 9000, "critical"]]).text)
    with_base = Rule("p", "v", 100, 80, "EUR", rate="critical", prices=base)
    merged = rules.schedule(with_base, T0, T0 + 3600)
    assert merged.data["events"] == [
        [T0, T0 + 3600, "critical"],
        [T0 + 7200, T0 + 9000, "critical"],
    ]
    assert merged.data["import"] == [100_000_000] * 8


def test_a_price_step_adds_to_its_steps_only(tmp_path):
    base = tmp_path / "day.json"
    base.write_bytes(_base().text)
    rule = Rule("p", "v", 100, 80, "EUR", step=Decimal("0.25"), prices=base)
    prices = rules.schedule(rule, T0 + 900, T0 + 2700).data["import"]
    assert prices == [100_000_000, 350_000_000, 350_000_000, *[100_000_000] * 5]
    with pytest.raises(ToolError, match="no prices for all of p"):
        rules.schedule(rule, T0, T0 + 9 * 900)


def _base(events=()):
    return prices_import.made(
        {
            "schema": 1,
            "kind": "prices",
            "id": 0,
            "currency": "EUR",
            "start": T0,
            "step_s": 900,
            "import": [100_000_000] * 8,
            "export": [],
            "events": list(events),
        },
        [],
    )


GOOD = {
    "name": '"p"',
    "group": '"v"',
    "above_kw": "100",
    "below_kw": "80",
    "currency": '"EUR"',
    "rate": '"critical"',
}


def file(tmp_path, **changes):
    path = tmp_path / "rules.toml"
    entries = {**GOOD, **changes}
    lines = [f"{name} = {value}" for name, value in entries.items() if value]
    path.write_text("[[rules]]\n" + "\n".join(lines) + "\n")
    return path


def test_a_file_of_rules(tmp_path):
    (rule,) = rules.load(file(tmp_path, rate="", step='"-0.05"', prices='"d.json"'))
    assert (rule.step, rule.prices, rule.rate) == (Decimal("-0.05"), tmp_path / "d.json", None)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": ""}, "rule 1: name is missing"),
        ({"above_kw": '"x"'}, "rule 1: above_kw = 'x': expected int"),
        ({"above_kw": "true"}, "rule 1: above_kw = True: expected int"),
        ({"above": "1"}, "rule 1: above: expected one of name, group"),
        ({"below_kw": "101"}, "below_kw 101: expected 0 to above_kw"),
        ({"rate": ""}, "expected rate or step, one of the two"),
        ({"step": '"1"'}, "expected rate or step, one of the two"),
        ({"rate": "", "step": '"1"'}, "step: expected prices"),
        ({"rate": "", "step": '"x"', "prices": '"d"'}, 'step = "x": expected a price'),
        ({"rate": "", "step": '"1e-10"', "prices": '"d"'}, "at most 9 decimals"),
        ({"min_min": "300"}, "min_min up to max_min"),
        ({"coverage_percent": "0"}, "coverage_percent 0: expected 1 to 100"),
    ],
)
def test_a_wrong_file_is_named_with_its_entry(tmp_path, changes, text):
    path = file(tmp_path, **changes)
    with pytest.raises(ToolError) as error:
        rules.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert text in str(error.value)


def test_two_rules_for_one_group(tmp_path):
    path = file(tmp_path)
    path.write_text(2 * path.read_text())
    with pytest.raises(ToolError, match="two rules for v"):
        rules.load(path)
    json.dumps(str(path))
