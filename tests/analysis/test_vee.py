"""Validation and estimation: what is found, what is replaced, and that no energy is made."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter import codes
from meter.civil import Zone
from wattledger.analysis.slices import runs
from wattledger.errors import ToolError
from wattledger.vee import layer, readings
from wattledger.vee.estimate import Method, shared
from wattledger.vee.readings import Reading
from wattledger.vee.rules import Rule

from .histories import KWH, history

ZONE = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
HOURS = 24 * 70


def drawn(seed=1, hours=HOURS):
    """A house: its hours differ, no two alike."""
    random = np.random.default_rng(seed)
    daily = 1 + np.sin(np.arange(hours) * np.pi / 12) ** 2
    return history(ZONE, (KWH * daily * random.uniform(0.5, 1.5, hours)).astype(int))


def without(past, first, last):
    keep = np.ones(len(past), dtype=bool)
    keep[first:last] = False
    return past.part(keep)


def registers(past):
    """-> what the registers say at the edges of the history."""
    names = ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")
    totals = tuple(int(getattr(past, name).sum()) for name in names)
    return [Reading(int(past.start[0]), (0, 0, 0, 0)), Reading(int(past.end[-1]), totals)]


def broken(made):
    return {(found.rule, found.intervals, found.estimated) for found in layer.findings(made)}


def test_clean_history_stays_as_it_is():
    past = drawn()
    made = layer.of(past)
    assert made.history.import_mwh.tolist() == past.import_mwh.tolist()
    assert made.added_mwh == made.beyond_mwh == 0
    assert made.shares == (0, 0)
    assert not any(found.estimated for found in layer.findings(made))


def test_short_hole_lies_on_a_line_by_hand():
    # 1 kWh and 4 kWh on both sides of two hours: 2 and 3 kWh lie on the line between them.
    past = without(history(ZONE, [KWH, 9 * KWH, 9 * KWH, 4 * KWH]), 1, 3)
    made = layer.of(past)
    assert made.history.import_mwh.tolist() == [KWH, 2 * KWH, 3 * KWH, 4 * KWH]
    assert made.methods.tolist() == [0, Method.LINE, Method.LINE, 0]
    assert made.history.estimated.tolist() == [False, True, True, False]
    assert made.added_mwh == 5 * KWH


def test_line_is_scaled_to_the_registers_by_hand():
    # The registers say 10 kWh for the same two hours: 2 : 3 of it.
    past = without(history(ZONE, [KWH, 4 * KWH, 6 * KWH, 4 * KWH]), 1, 3)
    ends = [Reading(int(past.start[0]), (7,)), Reading(int(past.end[-1]), (7 + 15 * KWH,))]
    made = layer.of(past, None, [Reading(r.utc, (*r.registers, None, None, None)) for r in ends])
    assert made.history.import_mwh.tolist() == [KWH, 4 * KWH, 6 * KWH, 4 * KWH]


def test_long_hole_follows_the_same_weekdays_by_hand():
    # Monday to Friday 1 kWh an hour, Saturday 2, Sunday 3; a Saturday is lost.
    days = [[1, 1, 2, 3, 1, 1, 1][day % 7] for day in range(28)]  # 2026-01-01 is a Thursday
    past = history(ZONE, [KWH * kwh for kwh in days for _ in range(24)])
    made = layer.of(without(past, 9 * 24, 10 * 24))
    assert made.history.import_mwh.tolist() == past.import_mwh.tolist()
    assert set(made.methods[9 * 24 : 10 * 24]) == {Method.LIKE_DAYS}


def test_day_with_an_outage_is_no_example():
    past = history(ZONE, [KWH] * 24 * 28)
    energy, status = past.import_mwh.copy(), past.status.copy()
    energy[24 * 8 + 12], status[24 * 8 + 12] = KWH // 9, codes.POWER_FAIL  # a Friday
    cut = without(replace(past, import_mwh=energy, status=status), 24 * 15, 24 * 16)
    assert layer.of(cut).history.import_mwh[24 * 15 : 24 * 16].tolist() == [KWH] * 24


@given(st.integers(0, 1 << 60), st.lists(st.integers(0, 1 << 40), min_size=1, max_size=40))
def test_shares_are_the_total_and_each_is_near_its_part(total, guesses):
    parts = shared(total, guesses)
    assert sum(parts) == total
    assert min(parts) >= 0
    if any(guesses):
        for part, guess in zip(parts, guesses, strict=True):
            assert abs(part * sum(guesses) - total * guess) < 2 * sum(guesses)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whatever_is_lost_the_registers_decide_the_sum(data):
    past = drawn(data.draw(st.integers(0, 9)), 24 * 20)
    keep = np.ones(len(past), dtype=bool)
    for _ in range(data.draw(st.integers(0, 4))):
        first = data.draw(st.integers(1, len(past) - 2))
        keep[first : data.draw(st.integers(first + 1, min(first + 90, len(past) - 1)))] = False
    made = layer.of(past.part(keep), None, registers(past))
    for name in ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh"):
        assert getattr(made.history, name).sum() == getattr(past, name).sum()
    assert np.all(made.history.end[:-1] == made.history.start[1:])
    assert int(made.history.estimated.sum()) == int((~keep).sum())
    there = made.history.import_mwh[keep]
    assert there.tolist() == past.import_mwh[keep].tolist()


def test_reading_in_a_hole_cuts_it():
    past = drawn()
    middle = int(past.start[120]) + 600
    known = registers(past)
    half = int(past.import_mwh[:120].sum()) + 12345
    known.insert(1, Reading(middle, (half, None, None, None)))
    made = layer.of(without(past, 100, 140), None, known)
    before = made.history.end <= middle
    assert int(made.history.import_mwh[before].sum()) == half
    assert int(made.history.import_mwh.sum()) == int(past.import_mwh.sum())


def test_one_row_for_a_day_is_spread_and_keeps_its_energy():
    past = drawn()
    day = slice(240, 264)
    row = past.part(day)
    sums = {n: np.array([getattr(row, n).sum()]) for n in ("import_mwh", "lagging_mvarh")}
    one = replace(row.part(slice(0, 1)), end=row.end[-1:], **sums)
    columns = ("start", "end", "import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")
    parts = past.part(slice(0, 240)), one, past.part(slice(264, None))
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (*columns, "status", "estimated")
    }
    lumped = replace(past, **joined)
    made = layer.of(lumped)
    assert len(made.history) == len(past)
    assert int(made.history.import_mwh[day].sum()) == int(past.import_mwh[day].sum())
    assert made.history.estimated[day].all()
    assert made.added_mwh == 0
    assert (Rule.LUMPED, 24, 24) in broken(made)


def test_outage_is_no_lump():
    past = without(drawn(), 240, 264)
    end = past.end.copy()
    end[239] = past.start[240]
    status = past.status.copy()
    status[239] = codes.POWER_FAIL
    made = layer.of(replace(past, end=end, status=status))
    assert not made.history.estimated.any()


def test_register_that_fell_is_replaced():
    past = drawn()
    energy = past.import_mwh.copy()
    energy[300] = -5 * KWH
    made = layer.of(replace(past, import_mwh=energy))
    assert (Rule.NEGATIVE, 1, 1) in broken(made)
    assert made.history.import_mwh.min() > 0
    assert int(made.history.import_mwh[300]) == made.added_mwh - 5 * KWH


@pytest.mark.parametrize(("max_mw", "replaced"), [(None, 0), (10 * KWH, 1)])
def test_over_range_is_replaced_only_where_the_limit_is_known(max_mw, replaced):
    past = drawn()
    energy = past.import_mwh.copy()
    energy[300] = 50 * KWH
    made = layer.of(replace(past, import_mwh=energy), max_mw)
    assert (Rule.OVER_RANGE, 1, replaced) in broken(made)
    assert bool(made.history.estimated[300]) is bool(replaced)


def stood_still(past, first, last, caught_up):
    energy = past.import_mwh.copy()
    if caught_up:
        energy[last] = energy[first : last + 1].sum()
    energy[first:last] = 0
    return replace(past, import_mwh=energy)


def test_register_that_caught_up_keeps_its_energy():
    past = drawn()
    made = layer.of(stood_still(past, 300, 320, caught_up=True))
    assert int(made.history.import_mwh.sum()) == int(past.import_mwh.sum())
    assert made.history.estimated[300:321].all()
    assert made.beyond_mwh == 0
    assert made.history.lagging_mvarh.tolist() == past.lagging_mvarh.tolist()


def test_register_that_did_not_catch_up_is_told_apart():
    past = drawn()
    stood = stood_still(past, 300, 320, caught_up=False)
    made = layer.of(stood, None, registers(stood))
    lost = int(past.import_mwh[300:320].sum())
    assert made.added_mwh == made.beyond_mwh
    assert abs(made.beyond_mwh - lost) < lost // 4
    assert (Rule.STUCK, 20, 20) in broken(made)


def test_hole_and_standstill_between_two_readings():
    stood = stood_still(drawn(), 300, 320, caught_up=False)
    made = layer.of(without(stood, 500, 540), None, registers(stood))
    assert int(made.history.import_mwh.sum()) == int(stood.import_mwh.sum()) + made.beyond_mwh
    hole = slice(500, 540)
    assert int(made.history.import_mwh[hole].sum()) == int(stood.import_mwh[hole].sum())


def test_zero_without_any_sign_of_energy_is_only_marked():
    past = drawn()
    quiet = stood_still(past, 300, 320, caught_up=False)
    reactive = quiet.lagging_mvarh.copy()
    reactive[300:320] = 0
    made = layer.of(replace(quiet, lagging_mvarh=reactive))
    assert (Rule.STUCK, 20, 0) in broken(made)
    assert made.added_mwh == 0


def test_clock_and_spike_are_marked_and_stay():
    past = history(ZONE, [KWH * (1 + n % 3) for n in range(72)])
    energy, status = past.import_mwh.copy(), past.status.copy()
    energy[30], status[50] = 10 * KWH, codes.CLOCK_STEP
    made = layer.of(replace(past, import_mwh=energy, status=status))
    assert {(Rule.CLOCK, 1, 0), (Rule.SPIKE, 1, 0)} <= broken(made)
    assert made.added_mwh == 0


def test_registers_that_contradict_are_told():
    past = drawn()
    known = registers(past)
    wrong = Reading(known[1].utc, (known[1].registers[0] + 1, *known[1].registers[1:]))
    assert {found.rule for found in layer.findings(layer.of(past, None, [known[0], wrong]))} >= {
        Rule.SUM
    }
    assert Rule.SUM not in {f.rule for f in layer.findings(layer.of(past, None, known))}


def test_hole_of_years_is_refused():
    past = drawn(hours=48)
    late = replace(past, start=past.start + 400 * 86400, end=past.end + 400 * 86400)
    columns = ("start", "end", "import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")
    joined = {
        name: np.concatenate([getattr(past, name), getattr(late, name)])
        for name in (*columns, "status", "estimated")
    }
    with pytest.raises(ToolError, match="398 days without a row"):
        layer.of(replace(past, **joined))


def test_raw_is_never_changed():
    past = without(drawn(), 100, 140)
    before = {name: column.copy() for name, column in vars(past).items() if np.ndim(column)}
    made = layer.of(past, 2 * KWH)
    assert made.raw is past
    for name, column in before.items():
        assert np.array_equal(getattr(past, name), column)


def test_runs_by_hand():
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert runs(np.array([False, False])) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,export_kwh\n", "import_kwh"),
        ("time,import_kwh\n2026-01-01T00:00,1\n", "line 2: 2026-01-01T00:00: no offset"),
        ("time,import_kwh\n2026-01-01T00:00Z,-1\n", "line 2: -1"),
        ("time,import_kwh\n2026-01-01T00:00Z,0.0000001\n", "six decimals"),
        ("time,import_kwh\n2026-01-01T00:00Z,NaN\n", "line 2"),
        ("time,import_kwh\n2026-01-02T00:00Z,1\n2026-01-01T00:00Z,2\n", "line 3: not after"),
    ],
)
def test_wrong_registers_file(tmp_path, text, said):
    path = tmp_path / "registers.csv"
    path.write_text(text)
    with pytest.raises(ToolError, match=said):
        readings.read_csv(path)


def test_registers_file(tmp_path):
    path = tmp_path / "registers.csv"
    path.write_text("time,import_kwh,export_kwh\n2026-01-01T00:00+01:00,12.345678,\n")
    assert readings.read_csv(path) == [Reading(1767222000, (12345678, None, None, None))]
