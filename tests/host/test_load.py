"""Loads: a file's energy to the microjoule, clear refusals, a household that stays the same."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.household import Household, winter_percent
from boards.virtual.load import Feed, isqrt, open_load
from boards.virtual.load_csv import LoadError, parse_stamp

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "loads"
HOUSEHOLD_WH = (190688, 81735)  # seed 1: a week in January, a week in July


def unix(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def written(tmp_path, text):
    path = tmp_path / "load.csv"
    path.write_text(text)
    return path


def energy_uj(load, t0_s, t1_s, what="p_mw"):
    """-> mW x ms, checking that the segments have no gap."""
    total, at_ms = 0, t0_s * 1000
    for ta_ms, tb_ms, point in load.segments(t0_s * 1000, t1_s * 1000):
        assert ta_ms == at_ms < tb_ms
        at_ms = tb_ms
        total += sum(getattr(point, what)) * (tb_ms - ta_ms)
    assert at_ms == t1_s * 1000
    return total


POWER = """timestamp,p_kw,q_kvar,v,a,note
2006-12-16T17:24,4.216,-0.418,234.84,18.4,x
2006-12-16T17:25,0.0000015,0,233.63,0.1,y
2006-12-16T17:26,,,,,
"""


def test_power_file(tmp_path):
    load = open_load(written(tmp_path, POWER))
    t = unix("2006-12-16T17:24")
    assert (load.first_ms, load.step_ms, load.count, load.missing) == (t * 1000, 60000, 3, 1)
    (_, _, point), *_ = load.segments(t * 1000, t * 1000 + 1)
    assert (point.p_mw, point.q_mvar) == ([4216000, 0, 0], [-418000, 0, 0])
    assert (point.v_mv, point.i_ma, point.freq_mhz) == ([234840, 0, 0], [18400, 0, 0], 50000)
    assert energy_uj(load, t + 60, t + 120) == 90000  # 1.5 mW
    assert energy_uj(load, t + 120, t + 180) == 0
    assert energy_uj(load, t - 60, t + 600) == 4216000 * 60000 + 90000


def test_energy_file(tmp_path):
    text = (
        "timestamp,kwh,kvarh_lag,kvarh_lead\n"
        "2018-01-01T00:00,2.55063,0.1,0\n"
        "2018-01-01T00:15,3.17,2.95,4\n"
    )
    load = open_load(written(tmp_path, text), phases=3)
    t = unix("2018-01-01T00:00")
    assert load.step_ms == 900000
    assert energy_uj(load, t, t + 900) == 2550630000 * 3600
    assert energy_uj(load, t + 900, t + 1800) == 3170000000 * 3600
    assert energy_uj(load, t, t + 900, "q_mvar") == 100000000 * 3600
    assert energy_uj(load, t + 900, t + 1800, "q_mvar") == -1050000000 * 3600
    (_, _, point), *_ = load.segments(t * 1000, t * 1000 + 1)
    assert max(point.p_mw) - min(point.p_mw) < 3
    assert point.i_ma[0] == pytest.approx(10202520 / 3 / 230 * 1.00077, rel=1e-3)


def test_another_start_and_repetition(tmp_path):
    load = open_load(written(tmp_path, POWER), start=1700000040, repeat=True)
    assert load.first_ms == 1700000040000
    day = energy_uj(load, 1700000040, 1700000040 + 180)
    assert energy_uj(load, 1700000040 + 1800 * 3 - 90, 1700000040 + 1800 * 3 + 90) == day
    assert energy_uj(load, 1700000040 - 180, 1700000040) == day


@given(
    st.lists(st.decimals(0, 50, places=5), min_size=2, max_size=5),
    st.integers(0, 5000),
    st.integers(1, 4000),
)
def test_any_row_keeps_its_energy(tmp_path_factory, rows, start, length):
    text = "timestamp,kwh\n"
    for i, kwh in enumerate(rows):
        text += f"2020-01-01T{i:02d}:00,{kwh}\n"
    load = open_load(written(tmp_path_factory.mktemp("load"), text))
    t = unix("2020-01-01T00:00")
    wanted = sum(Fraction(kwh) for kwh in rows) * 3600 * 10**9
    assert energy_uj(load, t, t + 3600 * len(rows)) == wanted
    whole = energy_uj(load, t + start, t + start + length)
    parts = sum(energy_uj(load, t + s, t + s + 1) for s in range(start, start + length))
    assert whole == parts


def test_a_local_file_over_the_change_to_winter_time(tmp_path):
    hours = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    text = "timestamp,kwh\n" + "".join(f"2024-10-27T{h},{i}\n" for i, h in enumerate(hours))
    load = open_load(written(tmp_path, text), zone="Europe/Amsterdam")
    assert load.first_ms == unix("2024-10-26T22:00") * 1000
    assert load.step_ms == 3600000
    assert energy_uj(load, unix("2024-10-27T01:00"), unix("2024-10-27T02:00")) == 3 * 36 * 10**11
    text = "timestamp,kwh\n2024-03-31T01:00,1\n2024-03-31T03:00,2\n"
    assert open_load(written(tmp_path, text), zone="Europe/Amsterdam").step_ms == 3600000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: header needs timestamp"),
        ("timestamp,watts\n2020-01-01T00:00,1\n", "line 1: header needs timestamp"),
        ("timestamp,p_kw,kwh\n2020-01-01T00:00,1,1\n", "line 1: header needs"),
        ("timestamp,kwh\n2020-01-01T00:00,1\n", "line 2: needs two rows"),
        ("timestamp,kwh\n2020-01-01T00:00,1\n2020-01-01T00:00,1\n", "line 3: .* not after"),
        ("timestamp,kwh\n2020-01-01T00:00,1\n2020-01-01T01:00\n", "line 3: has 1 cells"),
        (
            "timestamp,kwh\n2020-13-01T00:00,1\n2020-01-01T01:00,1\n",
            "line 2: timestamp is '2020-13",
        ),
        ("timestamp,kwh\n2020-01-01T00:00,1\n2020-01-01T01:00,1e3\n", "line 3: kwh is '1e3'"),
        ("timestamp,kwh\n2020-01-01T00:00,1\n2020-01-01T01:00,--1\n", "line 3: kwh is '--1'"),
        (
            "timestamp,kwh\n2020-01-01T00:00,1\n2020-01-01T01:00,1\n2020-01-01T03:00,1\n",
            "line 4: timestamp is 3600 s off the step of 3600 s",
        ),
        ("timestamp,kwh,v\n2020-01-01T00:00,1,230\n2020-01-01T01:00,1,\n", "line 3: v is ''"),
    ],
)
def test_refusals_name_file_and_line(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(LoadError, match=words) as seen:
        open_load(path)
    assert str(seen.value).startswith(f"{path} line ")
    assert "\n" not in str(seen.value)


def test_an_unknown_zone_is_refused(tmp_path):
    with pytest.raises(LoadError, match="no time zone 'Mars/Olympus'"):
        open_load(written(tmp_path, POWER), zone="Mars/Olympus")


@given(st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)))
def test_stamps_agree_with_datetime(moment):
    moment = moment.replace(microsecond=0)
    seconds = int(moment.replace(tzinfo=UTC).timestamp())
    assert parse_stamp(moment.isoformat()) == (seconds, None)
    assert parse_stamp(moment.isoformat() + "Z") == (seconds, 0)
    assert parse_stamp(moment.isoformat() + "-05:30") == (seconds, -19800)


@pytest.mark.parametrize(
    "text", ["2023-02-29T00:00", "2023-02-28", "2023-02-28T24:00", "2023-04-31 00:00", "x" * 16]
)
def test_no_such_time(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the reader words it
        parse_stamp(text)


@given(st.integers(0, 10**14))
def test_isqrt(value):
    root = isqrt(value)
    assert root * root <= value < (root + 1) ** 2


def test_feed_hands_out_each_stretch_once():
    now = [1700000000000]
    house = Household()
    feed = Feed(house, lambda: now[0])
    assert feed.point().v_mv[0] > 220000
    assert list(feed.steps()) == []
    total = 0
    for ms in (1, 59999, 3600000, 0, 7):
        now[0] += ms
        total += sum(dt_ms * point.p_mw[0] for dt_ms, point in feed.steps())
    end = 1700000000000 + 3660007
    whole = sum((b - a) * p.p_mw[0] for a, b, p in house.segments(1700000000000, end))
    assert total == whole
    now[0] -= 1000
    assert list(feed.steps()) == []


def test_household_is_what_it_was():
    """The demo's bill depends on it."""
    january, july = unix("2025-01-13T00:00"), unix("2025-07-14T00:00")
    week_s = 7 * 86400
    winter = energy_uj(Household(1), january, january + week_s) // 3600000000
    summer = energy_uj(Household(1), july, july + week_s) // 3600000000
    assert (winter, summer) == HOUSEHOLD_WH
    assert energy_uj(Household(2), january, january + week_s) // 3600000000 != winter


def test_household_in_any_order_and_in_whole_watts():
    a, b = Household(7), Household(7, phases=3)
    t = unix("2025-03-01T12:00")
    for minute in (5000, 0, 1, 4999, 86400, 0):
        at_ms = (t + 60 * minute) * 1000
        ((_, _, one),) = a.segments(at_ms, at_ms + 60000)
        ((_, _, three),) = b.segments(at_ms, at_ms + 60000)
        assert one.p_mw[0] == sum(three.p_mw)
        assert one.p_mw[0] % 1000 == one.q_mvar[0] % 1000 == 0
        assert 80000 <= one.p_mw[0] < 14000000
        assert 215000 < one.v_mv[0] < 235000


def test_household_charges_a_car_and_has_seasons():
    t = unix("2025-01-01T00:00")
    peaks = [
        max(p.p_mw[0] for _, _, p in Household().segments((t + d) * 1000, (t + d + 86400) * 1000))
        for d in range(0, 28 * 86400, 86400)
    ]
    assert 4 <= sum(peak > 7000000 for peak in peaks) <= 16
    assert winter_percent(20468) > 95  # 15 January 2026
    assert winter_percent(20468 + 181) < 5


@pytest.mark.skipif(not REAL.is_dir(), reason="no real load files beside the project")
@pytest.mark.parametrize("path", sorted(REAL.glob("*.csv")), ids=lambda path: path.stem)
def test_real_files_keep_their_energy(path):
    load = open_load(path)
    header, *rows = [line.split(",") for line in path.read_text().split()]
    column = header.index("p_kw" if "p_kw" in header else "kwh")
    wanted = sum(Fraction(row[column]) for row in rows if row[column])
    if "p_kw" in header:
        wanted *= Fraction(load.step_ms, 3600000)
    end_s = load.first_ms // 1000 + load.count * load.step_ms // 1000
    assert energy_uj(load, load.first_ms // 1000, end_s) == wanted * 3600 * 10**9
    assert load.missing == sum(not row[column] for row in rows)
