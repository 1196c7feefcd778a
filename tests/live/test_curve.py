"""Today against yesterday: nothing is lost or counted twice, whatever the clock does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.civil import DAY_S, EPOCH, Zone, days
from tests.analysis.histories import history
from wattledger.live import curve
from wattledger.live.state import Day

MADRID = Zone("CET-1CEST,M3.5.0,M10.5.0/3")


def day_of(found, utc):
    return Day(utc, MADRID, found, None, None, "", ())


@settings(max_examples=60, deadline=None)
@given(
    mwh=st.lists(st.integers(0, 10**7), min_size=1, max_size=60),
    step_s=st.sampled_from((900, 1800, 3600)),
    date=st.sampled_from(((2026, 3, 28), (2026, 3, 29), (2026, 10, 24), (2026, 6, 1))),
)
def test_each_interval_is_in_one_hour_of_one_day(mwh, step_s, date):
    found = history(MADRID, mwh, date, step_s)
    last = int(found.end[-1])
    today, yesterday = curve.of(day_of(found, last - 1))
    assert yesterday.day == today.day - 1
    for one in (today, yesterday):
        kept = found.import_mwh[found.day == one.day]
        assert one.import_mwh() == kept.sum()
        assert sum(hour or 0 for hour in one.hours()) == kept.sum()
        assert len(one.points) == len(kept)
        assert all(0 <= start < end <= curve.DAY_MIN for start, end, _ in one.points)
    assert today.import_mwh(today.until) == today.import_mwh() or date[1] == 10


@pytest.mark.parametrize(("date", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_the_day_on_which_clocks_change(date, hours):
    found = history(MADRID, [1_000_000] * hours, date)
    today, _ = curve.of(day_of(found, int(found.end[-1]) - 1))
    assert today.import_mwh() == 1_000_000 * hours
    by_hour = today.hours()
    assert by_hour[2] == (None if hours == 23 else 2_000_000)
    assert by_hour[3] == 1_000_000


def test_the_sentence():
    start = MADRID.to_utc(days(2026, 6, 1) * DAY_S) + EPOCH
    found = history(MADRID, [250_000] * (96 + 40), (2026, 6, 1), 900)
    said = curve.summary(*curve.of(day_of(found, start + DAY_S + 36_600)))
    assert said == (
        "Today until 10:00: 10.000 kWh; yesterday by then 10.000 kWh, in all 24.000 kWh."
    )
    said = curve.summary(*curve.of(day_of(found, start + 2 * DAY_S + 60)))
    assert said == "Yesterday: 10.000 kWh. Today has no whole interval yet."
    said = curve.summary(*curve.of(day_of(found, start + 3600)))
    assert said.endswith(". Nothing is known of yesterday.")


def test_what_is_sold_is_below_zero():
    found = history(MADRID, [0, 500], (2026, 6, 1), 900, sold=[1000, 0])
    today, _ = curve.of(day_of(found, int(found.end[-1])))
    assert [mw for *_, mw in today.points] == [-4000, 2000]
    assert np.all([start % 15 == 0 for start, *_ in today.points])
