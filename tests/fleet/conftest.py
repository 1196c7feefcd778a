"""Engines for the questions of a fleet, and one store of meters of every sort."""

import shutil
from pathlib import Path

import pytest

for module in ("pyarrow", "duckdb", "ibis"):
    pytest.importorskip(module, reason=f"no {module}: pip install 'wattledger[fleet]'")

from tests.fleet import stores  # noqa: E402
from wattledger.fleet import engines  # noqa: E402
from wattledger.fleet.store import Store  # noqa: E402
from wattledger.tariffs.tariff_file import compile_file  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GAP = stores.START + 90_000, stores.START + 190_000


def tariff_of(name):
    return compile_file(ROOT / "docs" / "tariffs" / f"{name}.toml", wide=True).tariff()


@pytest.fixture(scope="session")
def duckdb():
    return engines.connect("duckdb")


@pytest.fixture(scope="session")
def spark():
    """One session for all tests, small."""
    pytest.importorskip("pyspark", reason="no pyspark: pip install 'wattledger[spark]'")
    if not shutil.which("java"):
        pytest.skip("no java: Spark needs Java 17")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    yield engines.connect("spark")
    session.stop()


@pytest.fixture(scope="session")
def meters():
    """-> {serial: (spans, records)}, of meters that run and of those that were disturbed."""
    whole, late = stores.steps(), stores.steps(start=stores.START + 300_000 // 900 * 900)
    gap = [t for t in whole if t[1] <= GAP[0] or t[0] >= GAP[1]]
    gap.insert(100, (GAP[0], gap[100][0]))
    off_border = stores.steps(start=stores.START - 1200, step_s=1800, count=721)
    times = {"a": whole, "b": whole, "gap": gap, "late": late, "off": off_border, "two": whole}
    made = {
        name: stores.spans(n, t, sold=name == "b") for n, (name, t) in enumerate(times.items())
    }
    found = {name: (made[name], stores.records(name, made[name])) for name in ("a", "gap", "late")}
    found["b"] = made["b"], stores.records("b", made["b"], seq=5000, base=(1 << 47, 7, 9))
    found["off"] = made["off"], stores.records("off", made["off"])
    first, second = made["two"][:500], made["two"][500:]
    journals = stores.records("two", first) + stores.records("two", second, salt=78)
    found["two"] = made["two"], journals
    return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory, meters):
    batch = [record for _, records in meters.values() for record in records]
    back = stores.steps(40) + stores.steps(40, start=stores.START + 9000)
    batch += stores.records("back", stores.spans(9, back))  # its clock was set back
    return stores.head_end(tmp_path_factory.mktemp("store"), batch)


@pytest.fixture(scope="session")
def store(folder, duckdb):
    return Store(folder, duckdb)
