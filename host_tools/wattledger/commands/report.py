"""wattledger report"""

from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from meter.civil import Zone
from wattledger import session
from wattledger.analysis import history as histories
from wattledger.analysis.history import History
from wattledger.commands import bill as bill_command
from wattledger.commands import simulate
from wattledger.commands.tariff_compare import PRICES
from wattledger.errors import ToolError
from wattledger.prices import prices_file
from wattledger.reports import editions, from_meter
from wattledger.reports import subject as subjects
from wattledger.reports.editions import Edition
from wattledger.reports.subject import Span, Subject
from wattledger.tariffs.tariff_file import Compiled, compile_file
from wattledger.verification import evidence

FILE = typer.Argument(None, help="A load file, or the CSV of wattledger profile.")
METER = typer.Option(False, "--meter", help="Of the meter on --port, under its own tariff.")
STORE = typer.Option(None, "--store", help="Of a head-end's store, a folder; with --serial.")
SERIAL = typer.Option(None, "--serial", help="Which meter of the store.")
TARIFF = typer.Option(None, "--tariff", help="The tariff in force, a TOML file.")
AGAINST = typer.Option([], "--against", help="Another tariff to compare; may be repeated.")
PERIOD = typer.Option(None, "--period", min=1, help="One billing period by its number.")
FROM = typer.Option(None, "--from", help="Local time of the tariff; else all there is.")
TO = typer.Option(None, "--to", help="Local time; up to and without it.")
EDITION = typer.Option(Edition.HOUSEHOLD, "--edition", help="For whom.")
OUT = typer.Option(Path("report.html"), "--out", help="The HTML file to write.")


def command(
    ctx: typer.Context,
    file: Path | None = FILE,
    meter: bool = METER,
    store: Path | None = STORE,
    serial: str | None = SERIAL,
    tariff: Path | None = TARIFF,
    against: list[Path] = AGAINST,
    prices: list[Path] = PRICES,
    period: int | None = PERIOD,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    zone: str | None = simulate.ZONE,
    edition: Edition = EDITION,
    out: Path = OUT,
) -> None:
    """Write a report of one meter as one HTML file that opens anywhere and prints."""
    if sum((file is not None, meter, store is not None)) != 1:
        raise typer.BadParameter("give one of: a file, --meter, or --store with --serial")
    if (store is None) != (serial is None):
        raise typer.BadParameter("--store and --serial: give both")
    if (tariff is None) != meter:
        raise typer.BadParameter("--tariff: give it, but not with --meter, which has its own")
    others = [(path.name, compile_file(path, wide=True).tariff()) for path in against]
    if tariff is None:
        if prices:
            raise typer.BadParameter("--prices: not with --meter, whose own are known")
        if start or end:
            raise ToolError("report: a meter's report is of one bill: give --period N")
        subject = _of_meter(ctx, period, others)
    else:
        compiled = compile_file(tariff, wide=True)
        tariffs = [(tariff.name, compiled.tariff()), *others]
        schedules = prices_file.read_all(prices, compiled.data["currency"])
        if file is not None:
            read = _of_file(file, compiled, zone)
        else:
            read = _of_store(Path(str(store)), str(serial), tariffs[0][1].calendar.zone)
        subject = subjects.of_history(*read, tariffs, Span(period, start, end), schedules)
    with session.progress_bar("working out") as bar:
        task = bar.add_task("", total=None)
        editions.write(subject, edition, out, lambda: bar.advance(task))
    print(f"report of {subject.name} to {out}")


def _of_file(
    file: Path, compiled: Compiled, zone: str | None
) -> tuple[History, str, list[Any] | None]:
    """-> (all that is known, its source, events)"""
    stamps = zone or compiled.data["zone_name"]
    known = histories.read(file, compiled.tariff().calendar.zone, stamps)
    return known, f"the file {file.name}", None


def _of_store(store: Path, serial: str, zone: Zone) -> tuple[History, str, list[Any] | None]:
    """-> as _of_file"""
    try:
        from wattledger.headend import one_meter
    except ImportError:
        raise ToolError("report: duckdb is missing: pip install 'wattledger[headend]'") from None
    known, events = one_meter.read(store, serial, zone)
    return known, "the store of a head-end", events


def _of_meter(ctx: typer.Context, period: int | None, others: list[tuple[str, Any]]) -> Subject:
    with session.meter(ctx) as link, session.progress_bar("reading") as bar:
        task = bar.add_task("", total=None)
        found = evidence.collect(link, lambda done, of: bar.update(task, completed=done, total=of))
    return from_meter.subject(found, period, others, bill_command.verdict_of(found))
