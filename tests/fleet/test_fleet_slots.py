"""Slots are instants with signs: what is summed over them is what registers rose by."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.civil import days
from tests.fleet import stores
from tests.fleet.conftest import tariff_of
from wattledger.engine import timeline
from wattledger.fleet import energy, slots
from wattledger.fleet.store import Store

ALL = ("day-and-night-feed-in", "three-prices-two-seasons", "commercial", "month-netting")


def summed(found, registers):
    """-> int64 (keys), of registers {core second: mWh}"""
    sums = np.zeros(found.keys, dtype=np.int64)
    read = np.array([registers(t) for t in found.utc.tolist()], dtype=np.int64)
    np.add.at(sums, found.key, found.sign * read)
    return sums


@pytest.mark.parametrize("name", ALL)
def test_all_that_is_used_is_in_one_slot(name):
    tariff = tariff_of(name)
    base = timeline.plan([tariff], stores.START, stores.END)
    of_rates, _ = slots.of_rates(base)
    of_days, _ = slots.of_days(tariff, stores.START, stores.END)
    assert (of_rates.start, of_rates.end) == (stores.START, stores.END)
    for found in (of_rates, of_days, slots.of_hours(tariff, stores.START, stores.END)):
        # days end at the last midnight of the zone
        assert stores.START == found.start < stores.END - 86400 < found.end <= stores.END
        assert summed(found, lambda t: t * t).sum() == found.end**2 - found.start**2
        pairs = set(zip(found.utc.tolist(), found.key.tolist(), strict=True))
        assert len(pairs) == len(found.utc)


def test_seconds_of_rates_are_the_calendars():
    tariff = tariff_of("three-prices-two-seasons")
    base = timeline.plan([tariff], stores.START, stores.END)
    found, rates = slots.of_rates(base)
    expected = np.zeros((len(base.parts), rates), dtype=np.int64)
    for start, end, rate in tariff.calendar.segments(stores.START, stores.END):
        for i, part in enumerate(base.parts):
            expected[i, rate] += max(0, min(end, part.end) - max(start, part.start))
    assert summed(found, lambda t: t).reshape(expected.shape).tolist() == expected.tolist()


def test_hours_of_the_day_that_dst_repeats():
    tariff = tariff_of("three-prices-two-seasons")
    found, dates = slots.of_days(tariff, stores.START, stores.END)
    lengths = dict(zip(dates.tolist(), summed(found, lambda t: t).tolist(), strict=True))
    assert lengths.pop(days(2026, 10, 25)) == 25 * 3600
    assert set(lengths.values()) == {86400}
    hours = summed(slots.of_hours(tariff, stores.START, stores.END), lambda t: t)
    # 15 dates from a Monday on, 4 of them Saturday or Sunday, one of those with 2:00 twice
    assert hours[:24].tolist() == [11 * 3600] * 24
    assert hours[24:].tolist() == [3600 * (5 if hour == 2 else 4) for hour in range(24)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 119), max_size=12), st.sets(st.integers(0, 119), max_size=3))
def test_whole_is_who_was_read_once_at_each_instant(tmp_path_factory, duckdb, again, missing):
    times = stores.START + 3600 * np.arange(120)
    found = slots.of_stretches(times[:-1:2], times[1::2], np.zeros(60, dtype=np.int64), 1)
    assert found.words > 1
    utc = np.sort([t for n, t in enumerate(times) if n not in missing] + [times[n] for n in again])
    if not len(utc):
        return
    folder = tmp_path_factory.mktemp("whole")
    stores.parquet(folder, np.array(utc), {"m": np.arange(len(utc))})
    told = energy.by_slot(Store(folder, duckdb), found)
    assert told.whole.tolist() == [[not again and not missing]]


def test_two_journals_are_not_one(tmp_path, duckdb):
    times = stores.START + 3600 * np.arange(4)
    found = slots.of_stretches(times[:1], times[3:], np.zeros(1, dtype=np.int64), 1)
    for salt, part in ((1, slice(0, 2)), (2, slice(2, 4))):
        utc = times[part]
        stores.parquet(tmp_path / str(salt), utc, {"m": 1000 + np.arange(2)}, salt=salt)
    assert energy.by_slot(Store(tmp_path, duckdb), found).whole.tolist() == [[False]]


def test_first_row_ever_began_at_zero(store, meters):
    end = stores.START + 3600
    one = np.array([0])
    found = slots.of_stretches(one + stores.START, one + end, one, 1)
    told = energy.by_slot(store, found)
    at = told.serials.index("a")
    used = sum(span.imported for span in meters["a"][0] if span.end <= end) // 3_600_000
    assert told.whole[at].all()
    assert told.values["import_mwh"][at].tolist() == [used]
    assert not {"off", "late"} & set(told.serials)
