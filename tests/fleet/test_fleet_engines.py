"""DuckDB and Spark give the same integers to each question."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.fleet import stores
from tests.fleet.conftest import tariff_of
from tests.fleet.test_fleet_grid import REGISTERS, UTC, of_feeders
from wattledger.engine import timeline
from wattledger.errors import ToolError
from wattledger.fleet import billing, energy, engines, losses, slots
from wattledger.fleet.store import Store


def both(folder, duckdb, spark):
    return Store(folder, duckdb), Store(folder, spark)


def test_bills(folder, duckdb, spark):
    tariff = tariff_of("day-and-night-feed-in")
    a, b = (
        billing.bill(store, tariff, stores.START, stores.END)
        for store in both(folder, duckdb, spark)
    )
    assert (a.serials, a.road, a.refused) == (b.serials, b.road, b.refused)
    assert a.used.dtype == b.used.dtype == np.int64
    assert np.array_equal(a.used, b.used)
    assert all(np.array_equal(a.sums[kind], b.sums[kind]) for kind in a.sums)


def test_energy_of_registers_of_48_bits(folder, duckdb, spark):
    tariff = tariff_of("day-and-night-feed-in")
    wanted, _ = slots.of_rates(timeline.plan([tariff], stores.START, stores.END))
    a, b = (energy.by_slot(store, wanted) for store in both(folder, duckdb, spark))
    assert a.serials == b.serials
    assert np.array_equal(a.whole, b.whole)
    assert all(np.array_equal(a.values[name], b.values[name]) for name in a.values)
    assert a.whole[a.serials.index("b")].any()  # whose registers are beyond 2^47


def test_losses(tmp_path, duckdb, spark):
    stores.parquet(tmp_path, UTC, REGISTERS)
    found = [
        losses.balances(store, of_feeders(north=["a", "b"]), UTC[0], UTC[-1])[0]
        for store in both(tmp_path, duckdb, spark)
    ]
    assert found[0].supplied_mwh.tolist() == found[1].supplied_mwh.tolist()
    assert found[0].used_mwh.tolist() == found[1].used_mwh.tolist()
    assert found[0].start.tolist() == found[1].start.tolist()


def test_a_group_of_meters(folder, duckdb, spark):
    found = [
        Store(folder, engine, ("b", "late", "nobody")).serials(stores.START, stores.END)
        for engine in (duckdb, spark)
    ]
    assert found == [["b", "late"], ["b", "late"]]


def test_engines_that_are_not_here(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ToolError, match="no java: install Java 17"):
        engines.connect("spark")
    with pytest.raises(ToolError, match="expected duckdb or spark"):
        engines.connect("sqlite")


def test_folders_that_are_no_store(tmp_path, duckdb):
    with pytest.raises(ToolError, match="no Parquet"):
        Store(tmp_path, duckdb).rows()
    stores.parquet(tmp_path, UTC, REGISTERS)
    path = tmp_path / "intervals.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["seq"]), path)
    with pytest.raises(ToolError, match="no column seq"):
        Store(tmp_path, duckdb).rows()


def test_a_damaged_file(tmp_path, duckdb, spark):
    (tmp_path / "intervals.parquet").write_bytes(b"no Parquet at all")
    for engine in (duckdb, spark):
        with pytest.raises(ToolError, match=f"{engine.name}: .*head-end"):
            Store(tmp_path, engine).span()


def test_nothing_found_is_an_empty_table(tmp_path, duckdb, spark):
    stores.parquet(tmp_path, UTC, REGISTERS)
    for engine in (duckdb, spark):
        assert Store(tmp_path, engine).serials(0, 900) == []
