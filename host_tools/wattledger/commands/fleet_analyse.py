"""wattledger fleet analyse"""

from datetime import datetime
from pathlib import Path

import typer

from wattledger.commands.fleet_question import (
    ENGINE,
    FROM,
    GROUP,
    METERS,
    STORE,
    TARIFF,
    TO,
    Asked,
    core_second,
    tell,
)
from wattledger.commands.info import JSON
from wattledger.tariffs.tariff_file import compile_file

app = typer.Typer(help="One question to a store.", no_args_is_help=True)
ROSTER = typer.Option(..., "--meters", help="CSV: serial,group,feeder,role (docs/fleet.md).")
NEW = typer.Option(..., "--against", help="The new tariff, a TOML file.")
EVENT = typer.Option(..., "--event", help="Local time at which the price event began.")
UNTIL = typer.Option(..., "--until", help="Local time at which it ended.")
OTHERS = typer.Option([], "--other", help="Day of another event, which is no like day.")


@app.command()
def losses(
    folder: Path = STORE,
    tariff: Path = TARIFF,
    meters: Path = ROSTER,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    engine: str = ENGINE,
    as_json: bool = JSON,
) -> None:
    """What feeders were supplied with, less what their meters measured."""
    from wattledger.fleet import answers_grid
    from wattledger.fleet.losses import balances

    asked = Asked(folder, tariff, meters, [], start, end, engine)
    found = balances(asked.store, asked.roster, *asked.span())
    tell(answers_grid.losses(found, asked.tariff), as_json)


@app.command()
def suspects(
    folder: Path = STORE,
    tariff: Path = TARIFF,
    meters: Path = ROSTER,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    engine: str = ENGINE,
    as_json: bool = JSON,
) -> None:
    """Meters whose step down is answered by the losses of their feeder."""
    from wattledger.fleet import answers_grid
    from wattledger.fleet import suspects as rule

    asked = Asked(folder, tariff, meters, [], start, end, engine)
    found = rule.find(asked.store, asked.tariff, asked.roster, *asked.span())
    tell(answers_grid.suspects(found), as_json)


@app.command()
def whatif(
    folder: Path = STORE,
    tariff: Path = TARIFF,
    against: Path = NEW,
    meters: Path | None = METERS,
    group: list[str] = GROUP,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    engine: str = ENGINE,
    as_json: bool = JSON,
) -> None:
    """The whole fleet under another tariff: distribution, winners and losers, revenue."""
    from wattledger.fleet import answers_money
    from wattledger.fleet.whatif import compare_tariffs

    asked = Asked(folder, tariff, meters, group, start, end, engine)
    new = compile_file(against, wide=True).tariff()
    store, old, *span = asked.question()
    tell(answers_money.whatif(compare_tariffs(store, old, new, *span), old, new), as_json)


@app.command()
def shapes(
    folder: Path = STORE,
    tariff: Path = TARIFF,
    meters: Path | None = METERS,
    group: list[str] = GROUP,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    engine: str = ENGINE,
    as_json: bool = JSON,
) -> None:
    """Kinds of customers by the shape of their days."""
    from wattledger.fleet import answers_use
    from wattledger.fleet import shapes as kinds

    asked = Asked(folder, tariff, meters, group, start, end, engine)
    tell(answers_use.shapes(kinds.find(*asked.question())), as_json)


@app.command()
def response(
    folder: Path = STORE,
    event: datetime = EVENT,
    until: datetime = UNTIL,
    other: list[datetime] = OTHERS,
    tariff: Path = TARIFF,
    meters: Path | None = METERS,
    group: list[str] = GROUP,
    engine: str = ENGINE,
    as_json: bool = JSON,
) -> None:
    """What a price event did: use against a baseline of like days before it."""
    from wattledger.fleet import answers_use
    from wattledger.fleet.response import measure

    asked = Asked(folder, tariff, meters, group, None, None, engine)
    zone = asked.tariff.calendar.zone
    window = core_second(event, zone), core_second(until, zone)
    days = [asked.tariff.calendar.local_day(core_second(moment, zone)) for moment in other]
    found = measure(asked.customers, asked.tariff, window, days, asked.store.span()[0])
    groups = asked.roster.groups if meters else {}
    tell(answers_use.response(found, asked.tariff, groups), as_json)
