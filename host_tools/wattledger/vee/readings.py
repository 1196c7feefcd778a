"""Registers that are known at some instants: what makes the sum of a hole exact."""

import csv
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from wattledger.errors import ToolError

COLUMNS = ("import_kwh", "export_kwh", "reactive_plus_kvarh", "reactive_minus_kvarh")


class Reading(NamedTuple):
    """utc   Unix s; registers: mWh, mvarh in the order of COLUMNS, None: not read."""

    utc: int
    registers: tuple[int | None, ...]


def read_csv(path: Path) -> list[Reading]:
    """`time,import_kwh[,export_kwh,...]`, ascending; a time has its offset or Z.

    ToolError: names line and what is wrong with it.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or ()
            if "time" not in names or COLUMNS[0] not in names:
                raise ToolError(f"{path.name}: no time or no {COLUMNS[0]}: give both columns")
            found: list[Reading] = []
            for row in reader:
                one = _reading(row, f"{path.name}: line {reader.line_num}")
                if found and one.utc <= found[-1].utc:
                    raise ToolError(
                        f"{path.name}: line {reader.line_num}: not after the one before: sort them"
                    )
                found.append(one)
            return found
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable CSV file") from None
    except UnicodeDecodeError:
        raise ToolError(f"{path}: not UTF-8: give a CSV of registers") from None


def _reading(row: dict[str, str | None], where: str) -> Reading:
    try:
        at = datetime.fromisoformat(row["time"] or "")
        if at.tzinfo is None:
            raise ValueError(f"{row['time']}: no offset: write 2026-10-01T00:00Z")
        return Reading(int(at.timestamp()), tuple(_milli(row.get(name)) for name in COLUMNS))
    except (ValueError, InvalidOperation) as error:
        raise ToolError(f"{where}: {error}: correct it") from None


def _milli(text: str | None) -> int | None:
    if not text:
        return None
    value = Decimal(text).scaleb(6)
    if not value.is_finite() or value != value.to_integral_value() or value < 0:
        raise ValueError(f"{text}: expected up to six decimals, not negative")
    return int(value)
