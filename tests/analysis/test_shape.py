"""Load curves, duration curve and base load of loads whose shape is known; what peaks cost."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.civil import Zone
from wattledger.analysis import peaks, shape
from wattledger.errors import ToolError

from .histories import KWH, history, tariff

ZONE = Zone("CET-1CEST,M3.5.0,M10.5.0/3")


def test_the_mean_day_is_that_of_the_clock():
    bought = np.tile(np.arange(24) * KWH, 60)  # from 1 January, standard time
    found = {curve.name: curve for curve in shape.load_curves(history(ZONE, bought))}
    assert found["all days"].mean_w.tolist() == [1000.0 * hour for hour in range(24)]
    assert (found["all days"].days, found["weekends"].days) == (60, 18)
    assert [name for name in found if "Feb" in name] == ["Feb working days", "Feb weekends"]


def test_the_hour_that_is_set_back_counts_twice_for_the_same_hour():
    past = history(ZONE, [KWH] * 25, (2026, 10, 25))
    [curve] = [curve for curve in shape.load_curves(past) if curve.name == "all days"]
    assert (curve.days, curve.mean_w.tolist()) == (1, [1000.0] * 24)


@given(st.lists(st.integers(0, 10 * KWH), min_size=24, max_size=24 * 9))
def test_curves_keep_the_energy(bought):
    past = history(ZONE, bought)
    everything = shape.load_curves(past)[0]
    hours = np.bincount(past.minute // 60, minlength=24)
    assert np.sum(everything.mean_w * hours) == pytest.approx(sum(bought) / 1000)
    found = shape.duration_curve(past)
    assert np.all(np.diff(found.power_mw) <= 0)
    assert np.sum(np.diff(found.seconds, prepend=0) * found.power_mw) == sum(bought) * 3600
    share = np.mean(past.power_mw >= found.exceeded_mw(0.25))
    assert share >= 0.25


def test_vacation_and_heating_leave_the_base_load_where_it_is():
    day = np.array([200_000] * 6 + [900_000] * 18)
    days = np.tile(day, (100, 1))
    days[:20] = 50_000  # away
    days[40:] += 400_000  # winter
    past = history(ZONE, days.ravel())
    assert shape.base_load(past) == 200_000
    assert shape.base_load(history(ZONE, days[40:].ravel())) == 600_000


def test_the_base_load_is_of_an_hour_not_of_a_quarter():
    quarters = np.tile([0, 100_000, 0, 100_000], 24 * 5)  # a fridge
    assert shape.base_load(history(ZONE, quarters, step_s=900)) == 200_000


def test_no_base_load_of_half_a_day():
    with pytest.raises(ToolError, match="no day with 20 hours"):
        shape.base_load(history(ZONE, [KWH] * 12))


DEMAND = """
[demand]
window_min = {window}
sub_windows = {parts}
[demand.charges.peak]
price = "10"
"""


def test_a_peak_costs_its_bill_less_that_of_the_next_level():
    made = tariff(DEMAND.format(window=60, parts=1))
    bought = [KWH] * 24 * 31
    bought[36], bought[37], bought[84] = 7 * KWH, 6 * KWH, 4 * KWH  # noon of the 2nd, of the 4th
    past = history(made.calendar.zone, bought)
    first, second = peaks.highest(past, made, 2)
    assert (first.start, first.mw, first.next_mw) == (int(past.start[36]), 7 * KWH, 4 * KWH)
    # down to 4 kW: 3 + 2 kWh at 0.30, 3 kW at 10
    assert (first.saved_mwh, first.saved, first.demand_saved) == (5 * KWH, Fraction("31.5"), 30)
    # all three down to 1 kW: 6 + 5 + 3 kWh, 6 kW
    assert (second.mw, second.next_mw) == (4 * KWH, KWH)
    assert (second.saved, second.demand_saved) == (Fraction("64.2"), 60)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 9 * KWH), min_size=96, max_size=192),
    st.sampled_from(((15, 1), (30, 1), (15, 3), (60, 4))),
    st.sampled_from((900, 1800, 3600)),
    st.integers(0, 20 * KWH),
)
def test_what_is_shaved_has_no_window_above_the_limit(bought, window, step_s, limit_mw):
    made = tariff(DEMAND.format(window=window[0], parts=window[1]))
    past = history(made.calendar.zone, bought, step_s=step_s)
    steps = peaks.Steps(past, made)
    after = steps.shaved(limit_mw)
    assert peaks.Steps(after, made).by_day()[0][1] <= limit_mw
    assert np.all(after.import_mwh <= past.import_mwh)
    if steps.by_day()[0][1] <= limit_mw:
        assert np.array_equal(after.import_mwh, past.import_mwh)


def test_without_demand_charges_a_window_is_an_interval():
    made = tariff()
    bought = [KWH] * 96 * 31
    bought[40 * 4] = 3 * KWH
    [peak] = peaks.highest(history(made.calendar.zone, bought, step_s=900), made, 1)
    assert (peak.end - peak.start, peak.mw, peak.demand_saved) == (900, 12 * KWH, 0)
    assert peak.saved == Fraction("0.60")
