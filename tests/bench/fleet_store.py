"""A month of a fleet in the head-end's store: the same bytes for the same number of meters.

Households by chance: a daily shape, a base, noise in each interval; one in eight feeds in.
Registers are whole mWh and rise from a value of their own, as if the meters had run before.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wattledger.headend.manifest import File, Manifest
from wattledger.headend.store import INTERVALS, month_of

ZONE = ZoneInfo("Europe/Madrid")
START, END = (int(datetime(2026, month, 1, tzinfo=ZONE).timestamp()) for month in (10, 11))
STEP_S = 900
METERS_A_FILE = 500
SALT = 77


def serial(number: int) -> str:
    return f"f{number:011x}"


def make(folder: Path, meters: int) -> int:
    """Write the month, unless it is there. -> its rows."""
    done = folder / "done"
    if not done.exists():
        manifest = Manifest(folder)
        files = []
        for first in range(0, meters, METERS_A_FILE):
            table = _table(first, min(first + METERS_A_FILE, meters))
            files += [_write(manifest, month, part) for month, part in _by_month(table)]
        manifest.commit(files, [])
        manifest.close()
        done.touch()
    return meters * ((END - START) // STEP_S + 1)


def _by_month(table: pa.Table) -> list[tuple[str, pa.Table]]:
    utc = table["utc"].to_numpy()
    border = int(datetime(2026, 10, 1, tzinfo=ZoneInfo("UTC")).timestamp())
    parts = [(month_of(border), utc <= border), (month_of(border + 1), utc > border)]
    return [(month, table.filter(pa.array(here))) for month, here in parts]


def _write(manifest: Manifest, month: str, table: pa.Table) -> File:
    file = File(INTERVALS, month, 3, manifest.number(), table.num_rows)
    path = manifest.folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".tmp")
    pq.write_table(table, new, compression="zstd")
    os.replace(new, path)
    return file


def _table(first: int, last: int) -> pa.Table:
    """-> the rows of some meters, by serial and seq, as Store writes them."""
    dice = np.random.default_rng(first)
    count, rows = last - first, (END - START) // STEP_S + 1
    utc = np.arange(START, END + 1, STEP_S, dtype=np.uint32)
    energy = _energy(dice, utc, count)
    sold = _sun(dice, utc, count)
    net = energy - sold
    registers = {
        "import_mwh": np.maximum(net, 0),
        "export_mwh": np.maximum(-net, 0),
        "reactive_plus_mvarh": energy * 3 // 10,
        "reactive_minus_mvarh": energy // 20,
    }
    columns: dict[str, Any] = {
        "serial": pa.array(np.repeat([serial(n) for n in range(first, last)], rows)),
        "salt": pa.array(np.full(count * rows, SALT, np.uint32)),
        "seq": pa.array(np.tile(np.arange(1001, 1001 + rows, dtype=np.uint32), count)),
        "utc": pa.array(np.tile(utc, count)),
    }
    for name, used in registers.items():
        used[:, 0] = dice.integers(10**9, 10**10, count)  # what the meter had before
        columns[name] = pa.array(np.cumsum(used, axis=1).ravel().astype(np.uint64))
    volts = dice.integers(2280, 2340, count * rows).astype(np.uint16)
    zeros = np.zeros(count * rows, np.int64)
    columns |= {
        "status": pa.array(zeros.astype(np.uint16)),
        "rate": pa.array(np.tile(utc // 28800 % 3, count).astype(np.uint8)),
        "tier": pa.array(zeros.astype(np.uint8)),
        "price_id": pa.array(zeros.astype(np.uint16)),
        "v_min_dv": pa.array(volts),
        "v_max_dv": pa.array(volts + dice.integers(0, 60, count * rows).astype(np.uint16)),
        "duration_s": pa.array(np.full(count * rows, STEP_S, np.uint16)),
        "price_nano": pa.array(zeros),
        "export_nano": pa.array(zeros),
    }
    return pa.table(columns)


def _energy(dice: np.random.Generator, utc: Any, count: int) -> Any:
    """-> int64 (meters, rows), mWh of an interval."""
    hour = (utc / 3600 + 2) % 24
    evening = dice.uniform(18, 22, (count, 1))
    base_w, peak_w = dice.lognormal(5, 0.5, (count, 1)), dice.lognormal(6.5, 0.6, (count, 1))
    shape = base_w + peak_w * np.exp(-((hour - evening) ** 2) / 6)
    noise = dice.lognormal(0, 0.5, (count, len(utc)))
    return (shape * noise * 250).astype(np.int64)


def _sun(dice: np.random.Generator, utc: Any, count: int) -> Any:
    hour = (utc / 3600 + 2) % 24
    size_w = dice.uniform(1500, 5000, (count, 1)) * (dice.random((count, 1)) < 1 / 8)
    clouds = dice.uniform(0.2, 1, (count, len(utc)))
    return (size_w * np.exp(-((hour - 14) ** 2) / 8) * clouds * 250).astype(np.int64)
