"""What a store holds of one meter: the history of its journals, and its event log."""

from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from meter import codes
from meter.civil import Zone
from meter.records import Event, Row
from wattledger import profile
from wattledger.analysis import history as histories
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.headend import catalogue
from wattledger.profile import Interval

_COLUMNS = tuple(Row.layout[::3])
_ROWS = f"SELECT salt, {', '.join(_COLUMNS)} FROM intervals WHERE serial = ? ORDER BY salt, seq"
_GROUPS = ", ".join(f"'{group}'" for group in codes.GROUPS)
_EVENTS = (
    f"SELECT record FROM records WHERE serial = ? AND ring IN ({_GROUPS}) ORDER BY utc, ring, seq"
)


def read(folder: Path, serial: str, zone: Zone) -> tuple[History, list[Any]]:
    """-> (history, meter.records.Event oldest first). ToolError: the store has no such meter."""
    try:
        with catalogue.connect(folder) as database:
            rows = database.execute(_ROWS, [serial]).fetchall()
            raws = database.execute(_EVENTS, [serial]).fetchall()
    except duckdb.Error as error:
        # Files that were merged meanwhile are gone; the manifest names the new ones.
        raise ToolError(f"{folder}: {str(error).splitlines()[0]}: try again") from None
    intervals: list[Interval] = []
    for _, journal in groupby(rows, key=lambda row: row[0]):
        intervals += profile.intervals([_row(values) for _, *values in journal])
    if not intervals:
        raise ToolError(f"{folder}: no interval of meter {serial}: name one that it has")
    known = histories.of_intervals(intervals, zone, f"meter {serial}")
    return known, [_event(raw) for (raw,) in raws]


def _row(values: list[int]) -> Any:
    row = Row()
    for name, value in zip(_COLUMNS, values, strict=True):
        setattr(row, name, value)
    return row


def _event(raw: bytes) -> Any:
    event = Event()
    event.unpack(raw)
    return event
