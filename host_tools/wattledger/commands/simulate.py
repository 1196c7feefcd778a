"""wattledger simulate"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from meter.civil import EPOCH
from wattledger import load_file, profile, session, show, simulate
from wattledger.commands.info import JSON
from wattledger.commands.tariff import FILE
from wattledger.reading import MeterBill
from wattledger.simulate import COUNTS_PER_MWH, Span
from wattledger.tariff_file import compile_file

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
    as_json: bool = JSON,
) -> None:
    """Bill a profile or a load file without a meter, with the meter's own code."""
    if (profile_csv is None) == (load is None):
        raise typer.BadParameter("give either --profile or --load")
    compiled = compile_file(tariff)
    if load:
        start_s = int(start.replace(tzinfo=UTC).timestamp()) if start else None
        whole = load_file.opened(load, start_s, zone or compiled.data["zone_name"])
        spans = load_file.spans(whole)
    else:
        assert profile_csv
        spans = profile_spans(profile.read_csv(profile_csv))
    made = compiled.tariff()
    bills = [b for b in simulate.bills(made, spans) if period in (None, b.period)]
    if as_json:
        session.print_json([asdict(bill) for bill in bills])
    elif len(bills) == 1:
        session.out().print(show.bill(bills[0], made))
    else:
        session.out().print(_summary(bills, made))


def profile_spans(intervals: list[profile.Interval]) -> Iterator[Span]:
    """A profile as the spans of a simulation, exactly."""
    for i in intervals:
        energies = (i.import_mwh * COUNTS_PER_MWH, i.export_mwh * COUNTS_PER_MWH)
        yield Span(i.start - EPOCH, i.end - EPOCH, *energies)


def _summary(bills: list[MeterBill], tariff: Any) -> Any:
    lines = show.table(">period", "from", "to", ">kWh", ">" + tariff.currency)
    zone = tariff.calendar.zone
    for bill in bills:
        energy = [line["quantity"] for line in bill.lines if line["kind"] == "energy"]
        lines.add_row(
            *(str(bill.period), show.instant(bill.start, zone), show.instant(bill.end, zone)),
            show.kilo(sum(num // den for num, den in energy)),
            show.money(bill.total, tariff.decimals),
        )
    lines.add_section()
    whole = show.money(sum(bill.total for bill in bills), tariff.decimals)
    lines.add_row("", "total", "", "", whole, style="bold")
    return lines
