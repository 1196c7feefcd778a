"""wattledger advise"""

from pathlib import Path
from typing import Any

import typer

from wattledger import session
from wattledger.analysis import advice, history
from wattledger.analysis.advice import Advice
from wattledger.bills import bill_units
from wattledger.commands import simulate as one
from wattledger.commands.info import JSON
from wattledger.commands.tariff_compare import PRICES
from wattledger.exchange import files
from wattledger.prices import prices_file
from wattledger.tariffs.tariff_file import compile_file

LOAD = typer.Argument(help="A load file, or the CSV of wattledger profile.", show_default=False)
TARIFF = typer.Option(..., "--tariff", help="The tariff in force, a TOML file.")
AGAINST = typer.Option([], "--against", help="Another tariff that could be chosen.")
WRITE = typer.Option(None, "--write", help="Folder for the changed loads, CSV files.")


def command(
    load: Path = LOAD,
    tariff: Path = TARIFF,
    against: list[Path] = AGAINST,
    prices: list[Path] = PRICES,
    write: Path | None = WRITE,
    zone: str | None = one.ZONE,
    as_json: bool = JSON,
) -> None:
    """What would cost less, each saving the difference of two bills that can be made again."""
    paths = [tariff, *against]
    compiled = [compile_file(path, wide=True) for path in paths]
    tariffs = [(str(path), made.tariff()) for path, made in zip(paths, compiled, strict=True)]
    first = tariffs[0][1]
    known = history.read(load, first.calendar.zone, zone or compiled[0].data["zone_name"])
    schedules = prices_file.read_all(prices, first.currency)
    found = advice.advise(known, tariffs, schedules)
    written = {} if write is None else _written(found, known, write)
    if as_json:
        session.print_json([_as_dict(a, first.currency, written.get(a.kind)) for a in found])
        return
    same = "".join(f" --prices {path}" for path in prices)
    for number, item in enumerate(found, 1):
        session.out().print(f"{number}. {item.sentence}")
        session.out().print(f"   Assumed: {item.assumption}.")
        if item.kind in written:
            session.out().print(
                f"   wattledger tariff simulate {written[item.kind]} {item.tariff}{same}"
            )
    if not found:
        session.out().print("Nothing that was tried saves anything.")


def _written(found: list[Advice], known: Any, folder: Path) -> dict[str, Path]:
    """-> by kind: the file of its load; beside them the load as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {item.kind: folder / f"{item.kind}.csv" for item in found}
    for item in found:
        item.csv(paths[item.kind])
    files.write(known, folder / "as-it-is.csv")
    return paths


def _as_dict(item: Advice, currency: str, path: Path | None) -> dict[str, Any]:
    """saving: over the load, yearly: for a year; exact, and to nine decimals."""
    return {
        "kind": item.kind,
        "sentence": item.sentence,
        "assumption": item.assumption,
        "currency": currency,
        "saving": str(item.saving),
        "yearly": bill_units.trimmed(item.yearly, 9),
        "tariff": item.tariff,
        "load": None if path is None else str(path),
    }
