"""wattledger export, wattledger import"""

import sys
from pathlib import Path
from typing import Any

import typer

from wattledger import session, show
from wattledger.analysis.history import History
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.exchange import files

LOAD = typer.Argument(help="CSV of wattledger profile, or a load file.", show_default=False)
THEIRS = typer.Argument(help="Green Button .xml, .parquet or .csv.", show_default=False)
TO = typer.Option(..., "--to", help="File to write: .xml (Green Button), .csv or .parquet.")
TO_PROFILE = typer.Option(..., "--to", help="Profile CSV to write; simulate and report read it.")
ZONE = typer.Option(None, "--zone", help="IANA zone of local times and of a load's stamps; UTC.")


def export(
    file: Path = LOAD, to: Path = TO, zone: str | None = ZONE, as_json: bool = JSON
) -> None:
    """Write intervals for other programs: Green Button (ESPI), CSV or Parquet, to the last mWh."""
    history = files.read(file, zone).history
    files.write(history, to)
    _say(history, to, as_json)


def take(
    file: Path = THEIRS, to: Path = TO_PROFILE, zone: str | None = ZONE, as_json: bool = JSON
) -> None:
    """Read intervals of others into a profile CSV; what breaks their schema is told."""
    if to.suffix.lower() != files.CSV:
        raise ToolError(f"{to}: a profile is a .csv: or take wattledger export --to {to.name}")
    read = files.read(file, zone)
    files.write(read.history, to)
    if read.breaches:
        print(
            f"{file}: {len(read.breaches)} breaches of the schema, first: {read.breaches[0]}",
            file=sys.stderr,
        )
    _say(read.history, to, as_json, read.breaches)


def _say(history: History, to: Path, as_json: bool, breaches: list[str] | None = None) -> None:
    told: dict[str, Any] = {
        "file": str(to),
        "intervals": len(history),
        "start": int(history.start[0]),
        "end": int(history.end[-1]),
        "import_mwh": int(history.import_mwh.sum()),
        "export_mwh": int(history.export_mwh.sum()),
        "estimated": int(history.estimated.sum()),
    }
    if as_json:
        session.print_json(told | ({} if breaches is None else {"breaches": breaches}))
        return
    bought, sold = (show.kilo(told[name], 6) for name in ("import_mwh", "export_mwh"))
    print(
        f"{told['intervals']} intervals to {to}: {bought} kWh import, {sold} kWh export,"
        f" {told['estimated']} estimated"
    )
