"""wattledger analyse"""

from datetime import datetime
from pathlib import Path

import typer

from wattledger import session
from wattledger.analysis import findings, history, tables
from wattledger.commands import simulate
from wattledger.commands.info import JSON
from wattledger.commands.tariff_compare import PRICES
from wattledger.prices import prices_file
from wattledger.tariffs.tariff_file import compile_file

FILE = typer.Argument(help="A load file, or the CSV of wattledger profile.", show_default=False)
TARIFF = typer.Option(..., "--tariff", help="The tariff in force, a TOML file.")
AGAINST = typer.Option([], "--against", help="Another tariff to compare; may be repeated.")


def command(
    file: Path = FILE,
    tariff: Path = TARIFF,
    against: list[Path] = AGAINST,
    prices: list[Path] = PRICES,
    start: datetime | None = simulate.START,
    zone: str | None = simulate.ZONE,
    as_json: bool = JSON,
) -> None:
    """Say what a history tells: its shape, what cost what, the best tariff, the next bill."""
    compiled = [compile_file(path, wide=True) for path in (tariff, *against)]
    made = [one.tariff() for one in compiled]
    stamps = zone or compiled[0].data["zone_name"]
    known = history.read(file, made[0].calendar.zone, stamps, start)
    schedules = prices_file.read_all(prices, made[0].currency)
    names = [path.name for path in (tariff, *against)]
    with session.progress_bar("analysing") as bar:
        task = bar.add_task("", total=None)
        tariffs = list(zip(names, made, strict=True))
        found = findings.of(known, made[0], tariffs, schedules, lambda: bar.advance(task))
    if as_json:
        session.print_json(found.as_dict())
        return
    for section in tables.everything(found):
        session.out().print(section, soft_wrap=isinstance(section, str))
        session.out().print()
