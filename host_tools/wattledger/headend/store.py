"""What the meters sent, in Parquet by month: appended in batches, merged as it grows.

A batch is durable, whole, when `append` returns; a crash at any point leaves it out or in.
"""

import itertools
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wattledger.errors import ToolError
from wattledger.headend import records
from wattledger.headend.manifest import File, Manifest, sync_folder
from wattledger.headend.records import PROFILE

MERGE = 16  # files of one month and level become one of the next
MERGED_ROWS_MAX = 8_000_000  # a merge holds them all in RAM
INTERVALS, RECORDS = "intervals", "records"
_SORT = {
    INTERVALS: [("serial", "ascending"), ("salt", "ascending"), ("seq", "ascending")],
    RECORDS: [
        ("serial", "ascending"),
        ("salt", "ascending"),
        ("ring", "ascending"),
        ("seq", "ascending"),
    ],
}

Record = tuple[str, int, str, bytes]  # serial, salt, ring, raw


class Store:
    """folder   of the store. ToolError: somebody has it, or it is damaged."""

    def __init__(self, folder: Path) -> None:
        self.manifest = Manifest(folder)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.manifest.close()

    @property
    def folder(self) -> Path:
        return self.manifest.folder

    def append(self, batch: Iterable[Record]) -> None:
        """ToolError: it is not kept, nothing of it."""
        added = []
        try:
            for kind, month, part in _parts(batch):
                table = _TABLES[kind](part)
                added.append(self._write(kind, month, 0, table))
            if added:
                self.manifest.commit(added, [])
        except OSError as error:
            raise ToolError(f"store: {self.folder}: {error.strerror}: make room") from None

    def merge(self) -> bool:
        """Make one file of some small ones. -> whether there was something to do.

        ToolError: there is no room for it; all stays as it was.
        """
        try:
            return self._merge()
        except OSError as error:
            raise ToolError(f"store: {self.folder}: {error.strerror}: make room") from None

    def _merge(self) -> bool:
        files = sorted(self.manifest.files)
        for (kind, month, level), group in itertools.groupby(files, _level):
            found = list(itertools.islice(group, MERGE))
            if len(found) < MERGE or sum(file.rows for file in found) > MERGED_ROWS_MAX:
                continue
            tables = [pq.ParquetFile(self.folder / file.path).read() for file in found]
            table = pa.concat_tables(tables).sort_by(_SORT[kind])
            self.manifest.commit([self._write(kind, month, level + 1, table)], found)
            return True
        return False

    def _write(self, kind: str, month: str, level: int, table: pa.Table) -> File:
        file = File(kind, month, level, self.manifest.number(), table.num_rows)
        path = self.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".tmp")
        with open(new, "wb") as sink:
            pq.write_table(table, sink, compression="zstd")
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(new, path)
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)
        return file


def _level(file: File) -> tuple[str, str, int]:
    return file.kind, file.month, file.level


def month_of(utc: int) -> str:
    """-> YYYY-MM in UTC; what ends at midnight belongs to the day before."""
    return datetime.fromtimestamp(max(utc - 1, 0), UTC).strftime("%Y-%m")


def _parts(batch: Iterable[Record]) -> list[tuple[str, str, list[Record]]]:
    """-> (kind, month, records), in the order in which they came"""
    found: dict[tuple[str, str], list[Record]] = {}
    months: dict[int, str] = {}  # of days, as most records share theirs
    for record in batch:
        _, _, ring, raw = record
        utc = records.utc_of(ring, raw)
        day = max(utc - 1, 0) // 86400
        if day not in months:
            months[day] = month_of(utc)
        kind = INTERVALS if ring == PROFILE else RECORDS
        found.setdefault((kind, months[day]), []).append(record)
    return [(kind, month, part) for (kind, month), part in found.items()]


def _intervals(part: list[Record]) -> pa.Table:
    columns = records.columns(b"".join(record[3] for record in part))
    return pa.table(
        {
            "serial": pa.array([record[0] for record in part]),
            "salt": pa.array([record[1] for record in part], pa.uint32()),
            **{name: pa.array(values) for name, values in columns.items()},
        }
    )


def _records(part: list[Record]) -> pa.Table:
    rings = [record[2] for record in part]
    raws = [record[3] for record in part]
    return pa.table(
        {
            "serial": pa.array([record[0] for record in part]),
            "salt": pa.array([record[1] for record in part], pa.uint32()),
            "ring": pa.array(rings),
            "seq": pa.array(map(records.seq_of, rings, raws), pa.uint32()),
            "utc": pa.array(map(records.utc_of, rings, raws), pa.uint32()),
            "record": pa.array(raws, pa.binary()),
        }
    )


_TABLES = {INTERVALS: _intervals, RECORDS: _records}
