"""The files of a store, and their rows as one table of integers.

A head-end's store is read through its manifest; any other folder by all Parquet files in it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meter.civil import EPOCH
from wattledger.errors import ToolError
from wattledger.fleet.engines import Engine
from wattledger.headend import manifest
from wattledger.headend.store import INTERVALS, month_of

REGISTERS = ("import_mwh", "export_mwh", "reactive_plus_mvarh")
_NUMBERS = ("salt", "seq", "utc", "duration_s", *REGISTERS)


@dataclass(frozen=True)
class Store:
    """only: serials that are asked for, None: all.

    ToolError: nothing is in the folder that could be read.
    """

    folder: Path
    engine: Engine
    only: tuple[str, ...] | None = None

    def rows(self, start: int | None = None, end: int | None = None) -> Any:
        """-> Ibis table: serial, and int64 salt, seq, utc (core s), duration_s and the registers
        (import_mwh, export_mwh, reactive_plus_mvarh) as they are at utc.

        start, end   core seconds; files that hold nothing of it are left out, if it is known
        """
        found = self.engine.read(self._paths(start, end))
        missing = [name for name in ("serial", *_NUMBERS) if name not in found.columns]
        if missing:
            raise ToolError(
                f"{self.folder}: no column {missing[0]}: expected the intervals of a head-end"
            )
        numbers = {name: found[name].cast("int64") for name in _NUMBERS}
        numbers["utc"] -= int(EPOCH)
        rows = found.select("serial", **numbers)
        if self.only is None:
            return rows
        return rows.semi_join(self.engine.table({"serial": self.only}), "serial")

    def span(self) -> tuple[int, int]:
        """-> core seconds: when the first row began, when the last one ended."""
        rows = self.rows()
        wanted = rows.aggregate(start=(rows.utc - rows.duration_s).min(), end=rows.utc.max())
        found = self.engine.fetch(wanted).to_pylist()[0]
        return found["start"], found["end"]

    def serials(self, start: int, end: int) -> list[str]:
        """-> who has a row that ends in (start, end], ascending."""
        rows = self.rows(start, end)
        here = rows.filter((rows.utc > start) & (rows.utc <= end))
        found = self.engine.fetch(here.select("serial").distinct())
        return sorted(found["serial"].to_pylist())

    def _paths(self, start: int | None, end: int | None) -> list[Path]:
        files = [file for file in manifest.read(self.folder)[0] if file.kind == INTERVALS]
        if start is not None and end is not None:
            first, last = month_of(start + EPOCH), month_of(end + EPOCH)
            files = [file for file in files if first <= file.month <= last] or files
        paths = [self.folder / file.path for file in files]
        paths = paths or sorted(self.folder.rglob("*.parquet"))
        if not paths:
            raise ToolError(
                f"{self.folder}: no Parquet: give the store of a head-end (FOLDER/store)"
            )
        return paths
