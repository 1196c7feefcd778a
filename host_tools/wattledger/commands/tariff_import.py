"""wattledger tariff import"""

import sys
from pathlib import Path

import typer

from wattledger.commands import prices
from wattledger.errors import ToolError
from wattledger.prices import prices_import
from wattledger.urdb import sheets as urdb

FILE = typer.Argument(
    help="A rate sheet of OpenEI's URDB, or prices: Octopus, ENTSO-E, OpenADR 3.",
    show_default=False,
)
OUT = typer.Option(None, "--out", help="The file to write; else a tariff file is printed.")
VAT = typer.Option(None, "--vat", help="Octopus: inc or exc, prices with or without VAT.")
TIER_MODE = typer.Option(None, "--tier-mode", help=f"{', '.join(urdb.TIER_MODES)}.")
NETTING = typer.Option(None, "--netting", help=f"Of what is fed in: {', '.join(urdb.NETTINGS)}.")
CARRY = typer.Option(None, "--carry", help=f"What is left of a month: {', '.join(urdb.CARRIES)}.")
TIMEZONE = typer.Option(None, "--timezone", help="IANA name, e.g. America/Los_Angeles.")
CURRENCY = typer.Option(None, "--currency", help="ISO 4217, e.g. USD.")
BILLING_DAY = typer.Option(1, "--billing-day", min=1, max=28, help="A period starts then.")
INTERVAL = typer.Option(15, "--interval-min", help="Minutes of a profile row.")
WINDOW = typer.Option(None, "--window-min", help="Minutes of a demand window.")
ASSUME_ZERO = typer.Option(False, "--assume-zero", help="A missing rate costs nothing.")
ROUND = typer.Option(False, "--round-prices", help="Round prices of more than 9 decimals.")
SAM = typer.Option(False, "--sam", help="The calendar of NREL's SAM, to compare bills with it.")
LABEL = typer.Option(None, "--label", help="Which sheet, if the file has several.")


def command(
    file: Path = FILE,
    out: Path | None = OUT,
    tier_mode: str | None = TIER_MODE,
    netting: str | None = NETTING,
    carry: str | None = CARRY,
    timezone: str | None = TIMEZONE,
    currency: str | None = CURRENCY,
    billing_day: int = BILLING_DAY,
    interval_min: int = INTERVAL,
    window_min: int | None = WINDOW,
    assume_zero: bool = ASSUME_ZERO,
    round_prices: bool = ROUND,
    sam: bool = SAM,
    label: str | None = LABEL,
    vat: str | None = VAT,
) -> None:
    """Make a tariff file of a rate sheet; refuses what it could not bill, with the reason.

    Of a document with prices it makes a price schedule, as `prices import` does.
    """
    if prices_import.is_document(_bytes(file)):
        if out is None:
            raise ToolError(f"{file.name}: prices by interval: say --out for the schedule")
        prices.import_documents([file], out, [], [], None, None, vat, None, None, currency)
        return
    choices = urdb.Choices(
        *(tier_mode, netting, carry, timezone, currency, billing_day, interval_min),
        *(window_min, assume_zero, round_prices, sam, label),
    )
    made = urdb.import_text(_text(file), file.name, choices)
    for note in made.notes:
        print(f"{file.name}: note: {note}", file=sys.stderr)
    if out is None:
        print(made.text, end="")
        return
    try:
        out.write_text(made.text, "utf-8")
    except OSError as error:
        raise ToolError(f"{out}: {error.strerror}: give another place") from None
    print(f"{out}: written{'' if made.fits_meter else ', for simulation only'}")


def _text(file: Path) -> str:
    try:
        return _bytes(file).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{file}: byte {error.start} is not UTF-8: save it as UTF-8") from None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ToolError(f"{file}: {error.strerror}: give a readable rate sheet") from None
