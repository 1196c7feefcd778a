"""A history as a table: the CSV of wattledger profile, and Parquet with whole mWh."""

from pathlib import Path
from typing import Any, TextIO

import numpy as np

from meter import limits
from meter.civil import Zone
from wattledger import profile
from wattledger.analysis.history import ESTIMATED, History, of_intervals
from wattledger.errors import ToolError
from wattledger.profile import Interval

_ENDS = ("start", "end")
TIME_MAX = (1 << 32) - 1  # Unix s, as a meter's records hold it
_MOST = {"start": TIME_MAX, "end": TIME_MAX, "status": 0xFFFF, "estimated": 1}
_WHOLE = ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh", "status")


def intervals(history: History) -> list[Interval]:
    """As of a meter's profile; an estimate is marked in the status, what is not known is 0."""
    marks = np.where(history.estimated, ESTIMATED, 0) | history.status
    columns = (
        *(history.start, history.end, history.import_mwh, history.export_mwh),
        *(history.lagging_mvarh, history.leading_mvarh, marks),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [_interval(seq, *row) for seq, row in enumerate(rows, 1)]


def _interval(seq: int, *fields: int) -> Interval:
    start, end, bought, sold, plus, minus, status = fields
    return Interval(seq, start, end, bought, sold, plus, minus, 0, 0, 0, 0, status)


def write_profile(history: History, file: TextIO) -> None:
    profile.write_csv(file, intervals(history))


def write_parquet(history: History, path: Path) -> None:
    """start, end (UTC), energies in mWh and mvarh, status, estimated. ToolError: no pyarrow."""
    arrow, parquet = _arrow(path)
    stamp = arrow.timestamp("s", tz="UTC")
    columns = {name: arrow.array(getattr(history, name).tolist(), stamp) for name in _ENDS}
    columns |= {name: arrow.array(getattr(history, name)) for name in (*_WHOLE, "estimated")}
    parquet.write_table(arrow.table(columns), path, compression="zstd")


def read_parquet(path: Path, zone: Zone) -> History:
    """What write_parquet wrote; without `estimated` or `status` none is. ToolError: names the
    column that is missing, has no whole numbers, or is beyond reason."""
    arrow, parquet = _arrow(path)
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise ToolError(f"{path}: {str(error).splitlines()[0]}: give a Parquet file") from None
    rows = table.num_rows
    wanted = {name: _column(arrow, table, name, path) for name in (*_ENDS, "import_mwh")}
    more = {
        name: _column(arrow, table, name, path) if name in table.column_names else [0] * rows
        for name in (*_WHOLE[1:], "estimated")
    }
    made = []
    for seq, row in enumerate(zip(*wanted.values(), *more.values(), strict=True), 1):
        *fields, is_estimate = row
        if fields[1] <= fields[0]:
            raise ToolError(f"{path.name}: row {seq}: its end is not after its start: correct it")
        fields[-1] |= ESTIMATED if is_estimate else 0
        made.append(_interval(seq, *fields))
    return of_intervals(made, zone, path.stem)


def _column(arrow: Any, table: Any, name: str, path: Path) -> list[int]:
    if name not in table.column_names:
        raise ToolError(f"{path.name}: no column {name}: give what wattledger export wrote")
    column = table.column(name)
    try:
        if name in _ENDS:
            if not arrow.types.is_timestamp(column.type) or column.type.tz is None:
                raise ToolError(f"{path.name}: {name}: {column.type}: expected a time with a zone")
            column = column.cast(arrow.timestamp("s", tz="UTC"))
        values: list[int] = column.cast(arrow.int64()).to_pylist()
    except arrow.ArrowException as error:
        raise ToolError(f"{path.name}: {name}: {str(error).splitlines()[0]}: correct it") from None
    most = _MOST.get(name, limits.REGISTER_MAX)
    if any(value is None or not 0 <= value <= most for value in values):
        raise ToolError(f"{path.name}: {name}: empty, negative or above {most}: correct it")
    return values


def _arrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ToolError(
            f"{path.name}: Parquet needs pyarrow: pip install 'wattledger[fleet]'"
        ) from None
    return pyarrow, parquet
