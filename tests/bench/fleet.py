"""python tests/bench/fleet.py [--meters 20000] [--spark 20000]: a month of a fleet is billed.

DuckDB and Spark answer the same question to the same Parquet, beside DuckDB reading the columns
of it alone, which is the limit. Each runs in a process of its own, for its peak memory. All
integers are compared, and 100 meters with what the core bills for their rows.
"""

import argparse
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "firmware"), str(ROOT / "tests" / "bench")]

import fleet_store  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from meter.civil import EPOCH  # noqa: E402
from wattledger import simulate  # noqa: E402
from wattledger.engine.load import UJ_PER_MWH, of_spans  # noqa: E402
from wattledger.fleet import billing, engines  # noqa: E402
from wattledger.fleet.store import REGISTERS, Store  # noqa: E402
from wattledger.tariffs.tariff_file import compile_text  # noqa: E402

CACHE = ROOT / "build" / "bench-fleet"
SAMPLED = 100
RATIO = 3.0  # of CPU: billing against reading its columns
MB_MAX = 1000
TARIFF = """
schema = 1
name = "Three rates with feed-in"
currency = "EUR"
decimals = 2
rounding = "half_even"
timezone = "Europe/Madrid"
billing_day = 1
fallback = "flat"
[rates.flat]
price = "0.1706"
export = "surplus"
[rates.peak]
price = "0.2431"
export = "surplus"
[rates.valley]
price = "0.1143"
export = "surplus"
[exports.surplus]
price = "0.0725"
[netting]
mode = "none"
carry = "none"
[seasons.year]
from = "01-01"
week = "week"
[weeks.week]
mon-fri = "workday"
sat-sun = "free"
[days.workday]
valley = ["00:00-08:00"]
peak = ["10:00-14:00", "18:00-22:00"]
flat = "otherwise"
[days.free]
valley = "otherwise"
[fixed.standing]
price = "0.3812"
per = "day"
[[taxes]]
name = "VAT"
percent = "21"
on = ["energy", "fixed"]
"""
SPAN = fleet_store.START - EPOCH, fleet_store.END - EPOCH


def tariff() -> Any:
    return compile_text(TARIFF, "fleet").tariff()


def read(folder: Path) -> Any:
    """The columns that billing reads, and nothing done with them but a sum of each."""
    engine = engines.connect("duckdb")
    rows = Store(folder, engine).rows()
    sums = {name: rows[name].sum() for name in ("salt", "utc", *REGISTERS)}
    return engine.fetch(rows.aggregate(serial=rows.serial.length().sum(), **sums))


def bill(folder: Path, name: str) -> Any:
    found = billing.bill(Store(folder, engines.connect(name)), tariff(), *SPAN)
    return found.serials, found.used, found.sums, found.road.count(billing.SUMS)


def child(what: str, folder: Path, out: Path) -> None:
    if what == "spark":
        engines.connect("spark")  # the JVM starts before the clock does
    began, used = time.monotonic(), time.process_time()
    found = None if what == "read" else bill(folder, what)
    if what == "read":
        read(folder)
    spent = time.monotonic() - began, time.process_time() - used
    out.write_bytes(pickle.dumps((spent, found)))


def measured(what: str, folder: Path) -> tuple[float, float, float, Any]:
    """-> seconds of the wall and of CPU, MB at most, what was found"""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        command = [sys.executable, __file__, "--child", what, str(folder), str(out)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"fleet {what}: it failed: {' '.join(command[:3])}")
        (wall, cpu), found = pickle.loads(out.read_bytes())
        return wall, cpu, used.ru_maxrss / 1024, found


def same_as_core(folder: Path, found: Any) -> int:
    """-> how many sampled meters have the core's bill; each must."""
    serials, _, sums, _ = found
    totals = np.sum(list(sums.values()), axis=0)
    chosen = sorted(random.Random(1).sample(range(len(serials)), min(SAMPLED, len(serials))))
    names = [serials[i] for i in chosen]
    columns = ["serial", "seq", "utc", "import_mwh", "export_mwh"]
    paths = sorted(folder.glob("intervals/*/*.parquet"))
    wanted = [("serial", "in", names)]
    tables = [pq.read_table(path, columns=columns, filters=wanted) for path in paths]
    table = pa.concat_tables(tables).sort_by([("serial", "ascending"), ("seq", "ascending")])
    made = tariff()
    for place, name in zip(chosen, names, strict=True):
        rows = table.filter(pc.equal(table["serial"], name)).to_pylist()
        spans = [
            simulate.Span(
                before["utc"] - EPOCH,
                row["utc"] - EPOCH,
                UJ_PER_MWH * (row["import_mwh"] - before["import_mwh"]),
                UJ_PER_MWH * (row["export_mwh"] - before["export_mwh"]),
            )
            for before, row in pairwise(rows)
        ]
        bills = simulate.bills_of([made], of_spans(spans))
        assert [b.total for b in bills] == totals[place].tolist(), name
    return len(names)


def same(a: Any, b: Any) -> bool:
    kinds = all(np.array_equal(a[2][kind], b[2][kind]) for kind in a[2])
    return a[0] == b[0] and np.array_equal(a[1], b[1]) and kinds


def main(meters: int, spark: int) -> int:
    """Print the costs. -> 1 if a limit is exceeded or a number differs."""
    folder, began = CACHE / str(meters), time.monotonic()
    rows = fleet_store.make(folder, meters)
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    made_s = time.monotonic() - began
    print(f"fleet: {meters:,} meters, {rows:,} rows, {size / 1e6:,.0f} MB ({made_s:.0f} s)")
    wall, limit, most, _ = measured("read", folder)
    print(f"fleet read alone: {rows / wall:,.0f} rows/s, {limit:.1f} s of CPU, {most:,.0f} MB")
    wall, cpu, most, found = measured("duckdb", folder)
    over = cpu > RATIO * limit or most > MB_MAX
    print(f"fleet bill, duckdb: {rows / wall:,.0f} rows/s, {cpu:.1f} s of CPU:")
    print(f"    {cpu / limit:.2f} of {RATIO} times reading; {most:,.0f} of {MB_MAX:,} MB at most")
    print(f"    {found[3]:,} of {len(found[0]):,} bills from sums of the engine")
    print(f"fleet bill: {same_as_core(folder, found)} sampled meters have the core's bill")
    if spark:
        smaller = CACHE / str(spark)
        rows = fleet_store.make(smaller, spark)
        try:
            wall, _, _, other = measured("spark", smaller)
        except SystemExit as error:
            print(f"fleet bill, spark: left out: {error}")
            return int(over)
        if spark != meters:
            found = measured("duckdb", smaller)[3]
        equal = same(found, other)
        over |= not equal
        print(f"fleet bill, spark: {rows / wall:,.0f} rows/s of {spark:,} meters, {wall:.0f} s;")
        print(f"    all integers {'equal' if equal else 'DIFFER from'} those of duckdb")
    return int(over)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        sys.exit(0)
    options = argparse.ArgumentParser()
    options.add_argument("--meters", type=int, default=20_000)
    options.add_argument("--spark", type=int, default=None, help="0: without")
    given = options.parse_args()
    sys.exit(main(given.meters, given.meters if given.spark is None else given.spark))
