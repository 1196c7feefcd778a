"""Small stores whose content a test knows: meters that misbehave, and folders of Parquet."""

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from meter.civil import EPOCH, days
from tests.headend.pushed import row
from wattledger.engine.load import UJ_PER_MWH
from wattledger.headend.store import Store as HeadEndStore
from wattledger.simulate import Span

SUMMER_S = 7200  # of Madrid, until 2026-10-25 01:00 UTC
START = 86400 * days(2026, 10, 19) - SUMMER_S  # local midnight, core seconds
END = 86400 * days(2026, 11, 3) - 3600
STEP_S = 900
SALT = 77


def steps(count=None, start=START, step_s=STEP_S):
    """-> [(start, end), ...] of intervals of a meter that works"""
    count = (END - start) // step_s if count is None else count
    return [(start + step_s * n, start + step_s * (n + 1)) for n in range(count)]


def spans(seed, times, most_mwh=900_000, sold=False):
    """-> Spans by chance at these times"""
    dice = random.Random(seed)
    found = []
    for start, end in times:
        bought, fed, lag = (dice.randrange(most_mwh) for _ in range(3))
        fed *= sold and dice.random() < 0.3
        found.append(Span(start, end, *(UJ_PER_MWH * mwh for mwh in (bought, fed, lag))))
    return found


def records(serial, found, salt=SALT, seq=1, base=(0, 0, 0)):
    """-> records of a journal: a row at the end of each span. base: registers before them; then
    seq is that of a row that has them"""
    registers, made = list(base), []
    if seq > 1:
        made.append(_record(serial, salt, seq, found[0].start, 900, registers))
        seq += 1
    for n, span in enumerate(found):
        for i, energy in enumerate((span.imported, span.exported, span.lagging)):
            registers[i] += energy // UJ_PER_MWH
        duration_s = min(span.end - span.start, 65535)
        made.append(_record(serial, salt, seq + n, span.end, duration_s, registers))
    return made


def _record(serial, salt, seq, utc, duration_s, registers):
    fields = {"export_mwh": registers[1], "reactive_plus_mvarh": registers[2]}
    raw = row(seq, utc + EPOCH, registers[0], duration_s=duration_s, **fields)
    return serial, salt, "profile", raw


def head_end(folder, batch):
    """Append records as a head-end does, in three batches that cut through meters."""
    with HeadEndStore(folder) as store:
        for part in range(3):
            store.append(batch[part::3])
    return folder


def parquet(folder, utc, registers, salt=SALT, first_seq=1000):
    """A plain folder: registers {serial: int64 (rows) or int64 (2, rows) with export} at utc."""
    tables = []
    for serial, values in registers.items():
        bought, sold = values if values.ndim == 2 else (values, np.zeros_like(values))
        rows = len(utc)
        columns = {
            "serial": pa.array([serial] * rows),
            "salt": pa.array(np.full(rows, salt, np.uint32)),
            "seq": pa.array(np.arange(first_seq, first_seq + rows, dtype=np.uint32)),
            "utc": pa.array((utc + EPOCH).astype(np.uint32)),
            "duration_s": pa.array(np.full(rows, 900, np.uint16)),
            "import_mwh": pa.array(bought.astype(np.uint64)),
            "export_mwh": pa.array(sold.astype(np.uint64)),
            "reactive_plus_mvarh": pa.array(np.zeros(rows, np.uint64)),
        }
        tables.append(pa.table(columns))
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.concat_tables(tables), folder / "intervals.parquet")
    return folder
