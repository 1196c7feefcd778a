"""The load profile as a list of intervals, and as a CSV that `simulate` reads back exactly."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from wattledger.errors import ToolError

COLUMNS = (
    *("seq", "start", "end", "import_kwh", "export_kwh", "reactive_plus_kvarh"),
    *("reactive_minus_kvarh", "rate_register", "tier", "v_min", "v_max", "status"),
)


@dataclass(frozen=True)
class Interval:
    """Energy from start to end (Unix seconds); mWh, mvarh."""

    seq: int
    start: int
    end: int
    import_mwh: int
    export_mwh: int
    reactive_plus_mvarh: int
    reactive_minus_mvarh: int
    rate_register: int
    tier: int
    v_min_dv: int
    v_max_dv: int
    status: int

    def as_dict(self) -> dict[str, int]:
        return dict(vars(self))


def intervals(rows: list[Any]) -> list[Interval]:
    """Differences of neighbouring meter.records.Row; the first row ever counts from zero."""
    first = rows[:1] if rows and rows[0].seq == 1 else []
    found = [_between(None, row) for row in first]
    for before, row in pairwise(rows):
        if row.seq == before.seq + 1:
            found.append(_between(before, row))
    return found


def write_csv(file: TextIO, shown: Iterable[Interval]) -> None:
    """Energies in kWh with all six decimals: nothing is rounded."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i in shown:
        energies = (i.import_mwh, i.export_mwh, i.reactive_plus_mvarh, i.reactive_minus_mvarh)
        writer.writerow(
            (
                *(i.seq, _iso(i.start), _iso(i.end)),
                *(f"{Decimal(energy).scaleb(-6):.6f}" for energy in energies),
                *(i.rate_register, i.tier, _volts(i.v_min_dv), _volts(i.v_max_dv), i.status),
            )
        )


def read_csv(path: Path) -> list[Interval]:
    """What write_csv wrote. ToolError: names line and column of what is not that."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(_parsed(csv.DictReader(file), path.name))
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable CSV file") from None
    except UnicodeDecodeError:
        raise ToolError(f"{path}: not UTF-8: give a CSV of wattledger profile") from None


def _between(before: Any, row: Any) -> Interval:
    start = before.utc if before else row.utc - row.duration_s
    base = before or type(row)()
    return Interval(
        seq=row.seq,
        start=start,
        end=row.utc,
        import_mwh=row.import_mwh - base.import_mwh,
        export_mwh=row.export_mwh - base.export_mwh,
        reactive_plus_mvarh=row.reactive_plus_mvarh - base.reactive_plus_mvarh,
        reactive_minus_mvarh=row.reactive_minus_mvarh - base.reactive_minus_mvarh,
        rate_register=row.rate,
        tier=row.tier,
        v_min_dv=row.v_min_dv,
        v_max_dv=row.v_max_dv,
        status=row.status,
    )


def _parsed(reader: "csv.DictReader[str]", name: str) -> Iterator[Interval]:
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise ToolError(f"{name}: no column {missing[0]}: give a CSV of wattledger profile")
    for row in reader:
        try:
            yield Interval(
                seq=int(row["seq"]),
                start=_unix(row["start"]),
                end=_unix(row["end"]),
                import_mwh=_milli(row["import_kwh"]),
                export_mwh=_milli(row["export_kwh"]),
                reactive_plus_mvarh=_milli(row["reactive_plus_kvarh"]),
                reactive_minus_mvarh=_milli(row["reactive_minus_kvarh"]),
                rate_register=int(row["rate_register"]),
                tier=int(row["tier"]),
                v_min_dv=0,
                v_max_dv=0,
                status=int(row["status"]),
            )
        except (ValueError, TypeError, InvalidOperation) as error:
            raise ToolError(f"{name}: line {reader.line_num}: {error}: correct it") from None


def _milli(text: str) -> int:
    value = Decimal(text).scaleb(6)
    if value != value.to_integral_value() or value < 0:
        raise ValueError(f"{text} kWh: expected up to six decimals, not negative")
    return int(value)


def _iso(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _unix(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _volts(deci: int) -> str:
    return "" if deci in (0, 0xFFFF) else f"{Decimal(deci).scaleb(-1):.1f}"
