"""wattledger simulate"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from wattledger import load_file, session, show, simulate
from wattledger.commands.info import JSON
from wattledger.commands.tariff import FILE, WIDE
from wattledger.load_file import profile_spans
from wattledger.reading import MeterBill
from wattledger.tariffs.tariff_file import compile_file

__all__ = ("command", "profile_spans", "summary")
PROFILE = typer.Option(None, "--profile", help="CSV of wattledger profile.")
LOAD = typer.Option(None, "--load", help="CSV: timestamp,p_kw[,q_kvar,v,a] or timestamp,kwh.")
START = typer.Option(None, "--start", help="UTC time at which the load begins instead.")
ZONE = typer.Option(None, "--zone", help="Time zone of the load's stamps; else the tariff's.")
PERIOD = typer.Option(None, "--period", min=1, help="Show only this one, line by line.")


def command(
    tariff: Path = FILE,
    profile_csv: Path | None = PROFILE,
    load: Path | None = LOAD,
    start: datetime | None = START,
    zone: str | None = ZONE,
    period: int | None = PERIOD,
    wide: bool = WIDE,
    as_json: bool = JSON,
) -> None:
    """Bill a profile or a load file without a meter, with the meter's own code."""
    path = profile_csv or load
    if path is None or (profile_csv and load):
        raise typer.BadParameter("give either --profile or --load")
    compiled = compile_file(tariff, wide)
    made = compiled.tariff()
    known = load_file.read(path, start, zone or compiled.data["zone_name"])
    bills = [b for b in simulate.bills_of([made], known) if period in (None, b.period)]
    if as_json:
        session.print_json([asdict(bill) for bill in bills])
    elif len(bills) == 1:
        session.out().print(show.bill(bills[0], made))
    else:
        session.out().print(summary(bills, {made.digest: made}))


def summary(bills: list[MeterBill], tariffs: dict[str, Any]) -> Any:
    """A table of one row for each bill. tariffs: by digest."""
    last = tariffs[bills[-1].digest]
    lines = show.table(">period", "from", "to", ">kWh", ">" + last.currency)
    for bill in bills:
        zone = tariffs[bill.digest].calendar.zone
        energy = [line["quantity"] for line in bill.lines if line["kind"] == "energy"]
        lines.add_row(
            *(str(bill.period), show.instant(bill.start, zone), show.instant(bill.end, zone)),
            show.energy(sum(num // den for num, den in energy)),
            show.money(bill.total, tariffs[bill.digest].decimals),
        )
    lines.add_section()
    whole = show.money(sum(bill.total for bill in bills), last.decimals)
    lines.add_row("", "total", "", "", whole, style="bold")
    return lines
