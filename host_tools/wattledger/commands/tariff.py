"""wattledger tariff"""

from datetime import UTC, date, datetime
from pathlib import Path

import typer

from meter import civil
from meter.civil import EPOCH
from wattledger import session, show
from wattledger.commands import tariff_import
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.reading import TARIFFS
from wattledger.security.ordering import UNSIGNED, Signer
from wattledger.tariffs import tariff_proof, tariff_show, tariff_svg
from wattledger.tariffs.tariff_file import Compiled, compile_file, compile_text, read_text

app = typer.Typer(help="Tariffs: TOML files, described in docs/tariffs.md.", no_args_is_help=True)
app.command("import")(tariff_import.command)
FILE = typer.Argument(help="The tariff, a TOML file.", show_default=False)
WIDE = typer.Option(False, "--wide", help="More than a meter holds: for simulations.")
SVG = typer.Option(None, "--svg", help="Write the picture of the year to this file too.")
YEAR = typer.Option(None, "--year", min=2020, max=2099, help="Of the picture.")


def _known_when(text: str | None) -> str | None:
    if text not in (None, *WORDS):
        try:
            date.fromisoformat(str(text))
        except ValueError:
            raise typer.BadParameter(
                f"{text}: expected {', '.join(WORDS)} or a date such as 2026-03-01"
            ) from None
    return text


WORDS = ("now", "period", "date")
SHORT_ROWS_S = 900
WHEN = typer.Option(
    None,
    "--when",
    callback=_known_when,
    help="period, now (closes the period), date (its valid_from) or YYYY-MM-DD."
    " [default: date if that is to come, else period]",
)


@app.command()
def check(file: Path = FILE, wide: bool = WIDE) -> None:
    """Check a tariff file without a meter, and prove what a meter would do with it."""
    text = read_text(file)
    compiled = compile_text(text, file.name, wide)
    tariff = compiled.tariff()
    exports = len(tariff.rates) - tariff.imports
    print(
        f"{file.name}: good: {tariff.imports} import and {exports} export rates,"
        f" {len(tariff.tier_sets)} sets of tiers, {len(compiled.text)} bytes,"
        f" {compiled.digest[:16]}"
    )
    for line in tariff_proof.prove(text, file.name, compiled):
        print(f"{file.name}: proved: {line}")
    if tariff.interval_s < SHORT_ROWS_S and (tariff.dynamic or tariff.netting == "interval"):
        print(
            f"{file.name}: note: its bills rest on rows of 5 minutes, and 4 MB of flash hold those"
            " of 30 days: bill longer months on a board with more"
        )
    for name in tariff_show.never_in_force(tariff):
        print(f"{file.name}: note: the calendar never selects {name}, only a price event can")


@app.command(name="show")
def show_file(
    file: Path = FILE, svg: Path | None = SVG, year: int | None = YEAR, wide: bool = WIDE
) -> None:
    """Show a tariff: prices, the year by season and hour, special days, all other charges."""
    compiled = compile_file(file, wide)
    out = session.out()
    for part in tariff_show.parts(compiled):
        out.print(part)
    if svg:
        try:
            svg.write_text(tariff_svg.svg(compiled, year or datetime.now(UTC).year), "utf-8")
        except OSError as error:
            raise ToolError(f"{svg}: {error.strerror}: choose another file") from None


@app.command()
def push(ctx: typer.Context, file: Path = FILE, when: str | None = WHEN) -> None:
    """Copy a tariff to the meter and let it take effect; the first one starts at once."""
    compiled = compile_file(file)
    with session.meter(ctx) as meter:
        signer = Signer(session.of(ctx))
        at = run(meter, compiled, when_of(meter, compiled, when), signer)
        now = meter.request("info")["utc"]
    zone = compiled.tariff().calendar.zone
    print(compiled.digest)
    print("in force now" if at <= now else f"in force from {show.instant(at, zone)}")


def when_of(meter: Link, compiled: Compiled, asked: str | None) -> str | int:
    """-> "now", "period" or a Unix second. ToolError: it would be in force before valid_from."""
    valid_from = int(compiled.data["valid_from"])
    info = meter.request("info")
    now, period_end = info["utc"], info["period"]["end"]
    if asked is None:
        return valid_from if valid_from > now else "period"
    if asked == "date":
        if not valid_from:
            raise ToolError("tariff: no valid_from in the file: add it, or give --when 2026-03-01")
        return valid_from if valid_from > now else "now"
    if asked in ("now", "period"):
        at = now if asked == "now" else period_end
    else:
        at = _midnight(compiled, asked)
    if at < valid_from:
        zone = compiled.tariff().calendar.zone
        raise ToolError(
            f"tariff: {asked} is before its valid_from, {show.instant(valid_from, zone)}:"
            " leave --when out, or change the file"
        )
    return asked if asked in ("now", "period") else at


def run(meter: Link, compiled: Compiled, when: str | int, signer: Signer = UNSIGNED) -> int:
    """-> Unix second at which it takes effect. A file copied in part is never in force: it
    carries its name only after its hash was checked on the meter."""
    meter.mkdir(TARIFFS)
    path = f"{TARIFFS}/{compiled.digest}.json"
    if meter.hash_file(path) != compiled.digest:
        meter.replace(path, compiled.text)
    signed = signer.sign(meter, "tariff", f"{compiled.digest} {when}")
    answer = meter.request("tariff", digest=compiled.digest, when=when, **signed)
    return int(answer["at"])


def _midnight(compiled: Compiled, text: str) -> int:
    day = date.fromisoformat(text)
    zone = compiled.tariff().calendar.zone
    return int(zone.to_utc(civil.days(day.year, day.month, day.day) * civil.DAY_S) + EPOCH)
