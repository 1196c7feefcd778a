"""Balances of feeders to the last mWh, and who is suspected of what."""

import numpy as np
import pytest

from meter.civil import days
from tests.fleet import stores
from tests.fleet.conftest import tariff_of
from wattledger.errors import ToolError
from wattledger.fleet import answers_grid, loss_band, losses, roster, suspects
from wattledger.fleet.roster import Member, Roster
from wattledger.fleet.store import Store


def of_feeders(**feeders):
    """feeder=meters -> Roster; the feeder's own meter has its name."""
    return Roster(
        tuple(Member(name, "", name, True) for name in feeders)
        + tuple(Member(s, "", name, False) for name, behind in feeders.items() for s in behind)
    )


UTC = stores.START + 900 * np.arange(5)
REGISTERS = {
    "north": np.array([1000, 1120, 1250, 1400, 1500]),
    "a": np.array([0, 50, 110, 200, 240]),
    "b": np.array([(500, 550, 610, 660, 710), (0, 0, 10, 10, 10)]),
}


def test_balance_by_hand(tmp_path, duckdb):
    folder = stores.parquet(tmp_path, UTC, REGISTERS)
    store = Store(folder, duckdb)
    (found,) = losses.balances(store, of_feeders(north=["a", "b"]), UTC[0], UTC[-1])
    assert found.supplied_mwh.tolist() == [120, 130, 150, 100]
    assert found.used_mwh.tolist() == [100, 110, 140, 90]  # b fed 10 in
    assert found.lost_mwh.tolist() == [20, 20, 10, 10]
    assert found.start.tolist() == UTC[:-1].tolist()
    by_day = found.by_day(tariff_of("one-price"))
    assert (by_day.supplied_mwh.tolist(), by_day.used_mwh.tolist()) == ([500], [440])


def test_an_instant_without_one_meter_is_spanned(tmp_path, duckdb):
    kept = {name: REGISTERS[name] for name in ("north", "a")}
    stores.parquet(tmp_path / "1", UTC, kept)
    some = np.array([0, 1, 3, 4])
    stores.parquet(tmp_path / "2", UTC[some], {"b": REGISTERS["b"][:, some]})
    store = Store(tmp_path, duckdb)
    (found,) = losses.balances(store, of_feeders(north=["a", "b"]), UTC[0], UTC[-1])
    assert found.supplied_mwh.tolist() == [120, 280, 100]
    assert found.used_mwh.tolist() == [100, 250, 90]
    assert found.left_out == 1


def test_no_balance_over_a_new_journal(tmp_path, duckdb):
    kept = {name: REGISTERS[name] for name in ("north", "a")}
    stores.parquet(tmp_path / "1", UTC, kept)
    stores.parquet(tmp_path / "2", UTC[:2], {"b": REGISTERS["b"][:, :2]})
    stores.parquet(tmp_path / "3", UTC[2:], {"b": REGISTERS["b"][:, 2:]}, salt=78)
    store = Store(tmp_path, duckdb)
    (found,) = losses.balances(store, of_feeders(north=["a", "b"]), UTC[0], UTC[-1])
    assert found.start.tolist() == [UTC[0], UTC[2], UTC[3]]
    assert found.supplied_mwh.tolist() == [120, 150, 100]


def test_band_finds_what_is_not_technical():
    dice = np.random.default_rng(1)
    supplied = dice.integers(20_000_000, 90_000_000, 400)
    technical = 200_000 + supplied**2 * 2e-10 * 4 + dice.normal(0, 20_000, 400)
    stolen = np.zeros(400)
    stolen[100:120] = 900_000
    band = loss_band.fit(supplied, (technical + stolen).astype(np.int64), np.full(400, 900))
    assert band.outside[100:120].all()
    assert band.outside.sum() <= 20 + 4
    assert np.abs(band.expected_mwh - technical).max() < 100_000


def fleet_of(folder, seed, feeders=12, behind=12, count=60):
    """Feeders with a thief who bypasses 40 %, a house that stands empty, or both: a plain folder
    with a row a day. -> (Roster, thieves)"""
    dice = np.random.default_rng(seed)
    utc = np.array([midnight(n) for n in range(count + 1)])
    registers, named, thieves = {}, {}, set()
    for f in range(feeders):
        weather = dice.normal(1, 0.1, count)
        used = {}
        for m in range(behind):
            mean = dice.lognormal(16, 0.4)
            used[f"f{f}m{m:02d}"] = mean * weather * dice.lognormal(0, 0.2, count)
        real = dict(used)
        thief, empty = dice.choice(sorted(used), 2, replace=False)
        step, gone = dice.integers(12, count - 12, 2)
        if f % 3 != 1:
            used[thief] = np.where(np.arange(count) >= step, 0.6, 1) * used[thief]
            thieves.add(str(thief))
        if f % 3 != 0:
            factor = np.where(np.arange(count) >= gone, 0.3, 1)
            used[empty], real[empty] = factor * used[empty], factor * real[empty]
        delivered = np.sum(list(real.values()), axis=0)
        supplied = delivered * 1.03 + delivered**2 / 1e11 + dice.normal(0, delivered.mean() / 300)
        for serial, daily in {f"feeder{f}": supplied, **used}.items():
            registers[serial] = np.append(0, np.cumsum(daily.astype(np.int64)))
        named[f"feeder{f}"] = sorted(used)
    stores.parquet(folder, utc, registers)
    return of_feeders(**named), thieves


def midnight(number):
    tariff = tariff_of("one-price")
    return int(tariff.calendar.zone.to_utc(86400 * (days(2026, 2, 1) + number)))


def test_suspects_beat_a_step_alone(tmp_path, duckdb):
    tariff = tariff_of("one-price")
    hits = said = there = plain_hits = plain_said = 0
    for seed in range(4):
        folder = tmp_path / str(seed)
        made, thieves = fleet_of(folder, seed)
        store = Store(folder, duckdb)
        found = suspects.find(store, tariff, made, midnight(0), midnight(60))
        assert found.left_out == []
        accused = {s.serial for s in found.found}
        read, _ = suspects.daily(store, tariff, midnight(0), midnight(60))
        used = read.values["import_mwh"]
        _, before, after = suspects._steps(used)
        plain = {s for s, a, b in zip(read.serials, before, after, strict=True) if b < 0.8 * a}
        hits, said, there = (
            hits + len(accused & thieves),
            said + len(accused),
            there + len(thieves),
        )
        plain_hits, plain_said = plain_hits + len(plain & thieves), plain_said + len(plain)
    precision, recall = hits / said, hits / there
    print(
        f"bypass of 40 %: precision {precision:.2f}, recall {recall:.2f};"
        f" a step alone: {plain_hits / plain_said:.2f}, {plain_hits / there:.2f}"
    )
    assert precision >= 0.9
    assert recall >= 0.9
    assert plain_hits / plain_said < 0.7


def test_a_feeder_without_enough_days(tmp_path, duckdb):
    store = Store(stores.parquet(tmp_path, UTC, REGISTERS), duckdb)
    tariff = tariff_of("one-price")
    end = stores.START + 86400
    found = suspects.find(store, tariff, of_feeders(north=["a", "b"]), stores.START, end)
    assert (found.found, found.left_out) == ([], ["north"])
    assert "north" in answers_grid.suspects(found).notes[1]


def test_roster(tmp_path):
    path = tmp_path / "meters.csv"
    path.write_text(
        "serial,group,feeder,role\na,village,north,\nb,,north,meter\nh,,north,feeder\n"
    )
    found = roster.read(path)
    assert found.feeders == {"north": ("h", ["a", "b"])}
    assert found.groups == {"village": ["a"]}
    assert [m.serial for m in found.of_groups(["village"]).members] == ["a"]
    with pytest.raises(ToolError, match="no group town: expected village"):
        found.of_groups(["town"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("meter\na\n", "no column serial"),
        ("serial\na\na\n", "line 3: a meter: expected each serial once"),
        ("serial,role\na,head\n", "line 2: a head"),
        ("serial,role\na,feeder\n", "without a feeder"),
        ("serial,role,feeder\na,feeder,north\n", "no meter with the role meter"),
    ],
)
def test_roster_refused(tmp_path, text, words):
    path = tmp_path / "meters.csv"
    path.write_text(text)
    with pytest.raises(ToolError, match=words):
        roster.read(path)


def test_a_feeder_has_one_meter_of_its_own():
    with pytest.raises(ToolError, match="feeder north: 0 with role feeder and 1 behind"):
        Roster((Member("a", "", "north", False),)).feeders  # noqa: B018
