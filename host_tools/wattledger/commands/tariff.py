"""wattledger tariff"""

from enum import StrEnum
from pathlib import Path

import typer

from wattledger import session, show, tariff_show
from wattledger.link import Link
from wattledger.reading import TARIFFS
from wattledger.tariff_file import Compiled, compile_file

app = typer.Typer(help="Tariffs: TOML files, described in docs/tariffs.md.", no_args_is_help=True)
FILE = typer.Argument(help="The tariff, a TOML file.", show_default=False)


class When(StrEnum):
    period = "period"
    now = "now"


@app.command()
def check(file: Path = FILE) -> None:
    """Check a tariff file, without a meter."""
    compiled = compile_file(file)
    tariff = compiled.tariff()
    exports, tiers = len(tariff.rates) - tariff.imports, len(tariff.tier_bounds_mwh) + 1
    print(
        f"{file.name}: good: {tariff.imports} import and {exports} export rates, {tiers} tiers,"
        f" {len(compiled.text)} bytes, {compiled.digest[:16]}"
    )
    for name in tariff_show.never_in_force(tariff):
        print(f"{file.name}: note: the calendar never selects {name}")


@app.command(name="show")
def show_file(file: Path = FILE) -> None:
    """Show a tariff: prices, a week of each season as a picture, special days, clock changes."""
    out = session.out()
    for part in tariff_show.parts(compile_file(file)):
        out.print(part)


@app.command()
def push(
    ctx: typer.Context,
    file: Path = FILE,
    when: When = typer.Option(
        When.period, help="At the end of the billing period, or now: that closes the period."
    ),
) -> None:
    """Copy a tariff to the meter and let it take effect; the first one starts at once."""
    compiled = compile_file(file)
    with session.meter(ctx) as meter:
        at = run(meter, compiled, when)
        now = meter.request("info")["utc"]
    zone = compiled.tariff().calendar.zone
    print(compiled.digest)
    print("in force now" if at <= now else f"in force from {show.instant(at, zone)}")


def run(meter: Link, compiled: Compiled, when: str) -> int:
    """-> Unix second at which it takes effect. A file copied in part is never in force: it
    carries its name only after its hash was checked on the meter."""
    meter.mkdir(TARIFFS)
    path = f"{TARIFFS}/{compiled.digest}.json"
    if meter.hash_file(path) != compiled.digest:
        meter.replace(path, compiled.text)
    answer = meter.request("tariff", digest=compiled.digest, when=str(when))
    return int(answer["at"])
