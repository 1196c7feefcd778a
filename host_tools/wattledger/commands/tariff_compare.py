"""wattledger tariff simulate, wattledger tariff diff"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from meter.price_schedule import Schedule
from wattledger import compare, load_file, session, show, simulate
from wattledger.commands import simulate as one
from wattledger.commands.info import JSON
from wattledger.engine.load import Load
from wattledger.prices import prices_file
from wattledger.tariffs.tariff_file import Compiled, compile_file

LOAD = typer.Argument(help="A load file, or the CSV of wattledger profile.", show_default=False)
FILES = typer.Argument(help="Tariffs, TOML files.", show_default=False)
OLD = typer.Argument(help="The tariff before, a TOML file.", show_default=False)
NEW = typer.Argument(help="The tariff after.", show_default=False)
ON = typer.Option(..., "--load", help="A load file, or the CSV of wattledger profile.")
PRICES = typer.Option(
    [], "--prices", help="Price schedules for dynamic rates, of wattledger prices import."
)
VERSIONS = typer.Option(
    False, "--versions", help="The tariffs follow one another, each from its valid_from on."
)
WIDE = typer.Option(True, "--wide/--meter", help="More than a meter holds, or not.")


def run(
    load: Path = LOAD,
    files: list[Path] = FILES,
    versions: bool = VERSIONS,
    prices: list[Path] = PRICES,
    start: datetime | None = one.START,
    zone: str | None = one.ZONE,
    wide: bool = WIDE,
    as_json: bool = JSON,
) -> None:
    """Bill a load without a meter: the bills of one tariff, or several tariffs side by side."""
    compiled = [compile_file(file, wide) for file in files]
    known = load_file.read(load, start, zone or compiled[0].data["zone_name"])
    schedules = prices_file.read_all(prices, compiled[0].data["currency"])
    if versions or len(files) == 1:
        tariffs = {made.digest: made for made in (c.tariff() for c in compiled)}
        bills = simulate.bills_of(list(tariffs.values()), known, schedules)
        if as_json:
            session.print_json([asdict(bill) for bill in bills])
        elif len(bills) == 1:
            session.out().print(show.bill(bills[0], tariffs[bills[0].digest]))
        else:
            session.out().print(one.summary(bills, tariffs))
        return
    rows = [(f.name, *_billed(c, known, schedules)) for f, c in zip(files, compiled, strict=True)]
    currency = compare.same_currency([tariff for _, tariff, _ in rows])
    if as_json:
        session.print_json(
            [
                {"tariff": name, "total": str(compare.total(found)), "currency": currency,
                 "lines": [item.as_dict() for item in found]}
                for name, _, found in rows
            ]
        )  # fmt: skip
        return
    decimals = max(tariff.decimals for _, tariff, _ in rows)
    shown = compare.overview([(name, found) for name, _, found in rows], currency, decimals)
    session.out().print(shown)


def diff(
    old: Path = OLD,
    new: Path = NEW,
    load: Path = ON,
    prices: list[Path] = PRICES,
    start: datetime | None = one.START,
    zone: str | None = one.ZONE,
    wide: bool = WIDE,
    as_json: bool = JSON,
) -> None:
    """What a change of tariff costs on a load, line by line."""
    compiled = [compile_file(file, wide) for file in (old, new)]
    known = load_file.read(load, start, zone or compiled[0].data["zone_name"])
    schedules = prices_file.read_all(prices, compiled[0].data["currency"])
    (before, a), (after, b) = (_billed(c, known, schedules) for c in compiled)
    currency = compare.same_currency([before, after])
    found = compare.difference(a, b)
    if as_json:
        exact = ("old_quantity", "new_quantity", "old", "new", "change")
        for row in found:
            row.update({key: None if row[key] is None else str(row[key]) for key in exact})
        session.print_json({"currency": currency, "lines": found})
        return
    decimals = max(before.decimals, after.decimals)
    session.out().print(compare.changes(found, currency, decimals))


def _billed(
    compiled: Compiled, load: Load, schedules: list[Schedule]
) -> tuple[Any, list[compare.Item]]:
    tariff = compiled.tariff()
    bills = simulate.bills_of([tariff], load, schedules)
    return tariff, compare.items(bills, {tariff.digest: tariff})
