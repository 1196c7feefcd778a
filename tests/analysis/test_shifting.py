"""Energy that is moved is neither made nor lost, and no interval goes beyond its limit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meter.civil import DAY_S, EPOCH, Zone, days
from wattledger.analysis import shifting
from wattledger.analysis.history import History

HOURS = 72
START = days(2026, 3, 28) * DAY_S + EPOCH  # with the clock change of the 29th
energies = st.lists(st.integers(0, 5_000_000), min_size=HOURS, max_size=HOURS)
minutes = st.integers(0, 23).map(lambda hour: 60 * hour)
windows = st.tuples(minutes, minutes)


def history(import_mwh):
    starts = START + 3600 * np.arange(len(import_mwh), dtype=np.int64)
    none = np.zeros(len(import_mwh), dtype=np.int64)
    energy = np.array(import_mwh, dtype=np.int64)
    zone = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
    return History(
        "x", zone, starts, starts + 3600, energy, none, none, none, none, none.astype(bool)
    )


@given(energies, windows, windows, st.integers(0, 20_000_000), st.integers(0, 6_000_000))
def test_a_window_moves_whole(import_mwh, source, target, amount, limit):
    before = history(import_mwh)
    most = np.full(HOURS, limit)
    after = shifting.move_window(before, source, target, amount, most)
    change = after.import_mwh - before.import_mwh
    assert change.sum() == 0
    assert after.import_mwh.min() >= 0
    assert np.all(after.import_mwh[change > 0] <= limit)
    left, arrived = before.minute[change < 0], before.minute[change > 0]
    assert all(inside(minute, source) for minute in left)
    assert all(inside(minute, target) and not inside(minute, source) for minute in arrived)
    day = before.day - (before.minute < source[0])
    for one in np.unique(day):
        moved = change[day == one]
        assert moved.sum() == 0
        assert moved[moved > 0].sum() <= amount


def inside(minute, window):
    begins, ends = window
    if begins < ends:
        return begins <= minute < ends
    return minute >= begins or minute < ends


def test_an_evening_moves_into_the_night():
    energy = np.zeros(HOURS, dtype=np.int64)
    energy[[17, 18, 20]] = 1000, 2000, 500  # 18:00, 19:00 and 21:00 in winter time
    after = shifting.move_window(
        history(energy), (1080, 1260), (1320, 360), 1501, np.full(HOURS, 200)
    )
    night = after.import_mwh[21 : 21 + 7]  # 22:00 to 06:00: the clock leaves out 02:00
    assert after.import_mwh[[17, 18, 20]].tolist() == [1000 - 467, 2000 - 933, 500]
    assert night.tolist() == [200] * 7
    assert after.import_mwh.sum() == 3500


@given(energies, st.integers(0, 5_000_000))
def test_a_cap_lets_energy_wait_and_keeps_it(import_mwh, limit):
    before = history(import_mwh)
    after = shifting.cap(before, np.full(HOURS, limit))
    change = after.import_mwh - before.import_mwh
    assert change.sum() == 0
    assert np.all(np.cumsum(change) <= 0)  # nothing is used before it was
    assert np.all(after.import_mwh <= np.maximum(before.import_mwh, limit))
    assert np.all(after.import_mwh[before.import_mwh <= limit] <= limit)


def test_a_peak_arrives_in_the_hours_after_it():
    after = shifting.cap(history([1, 9, 2, 5, 0, 0]), np.full(6, 4))
    assert after.import_mwh.tolist() == [1, 4, 4, 4, 4, 0]


def test_what_finds_no_room_in_a_day_stays():
    energy = [9] + [4] * 25 + [0]
    assert shifting.cap(history(energy), np.full(27, 4)).import_mwh.tolist() == energy


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.data())
def test_a_split_sums_and_stays_below_its_weights(weights, data):
    amount = data.draw(st.integers(0, sum(weights)))
    shares = shifting.split(amount, np.array(weights, dtype=np.int64))
    assert shares.sum() == amount
    for share, weight in zip(shares.tolist(), weights, strict=True):
        assert 0 <= share <= weight
        assert abs(share * sum(weights) - amount * weight) < max(1, sum(weights))


@given(energies, st.integers(0, 10_000_000))
def test_less_is_never_below_nothing(import_mwh, power_mw):
    before = history(import_mwh)
    after = shifting.lower(before, np.full(HOURS, power_mw))
    assert after.import_mwh.tolist() == [max(0, e - power_mw) for e in import_mwh]
