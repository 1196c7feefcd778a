"""wattledger fleet"""

from datetime import datetime
from pathlib import Path

import typer

from wattledger import session
from wattledger.commands import fleet_analyse
from wattledger.commands.fleet_question import (
    ENGINE,
    FROM,
    GROUP,
    METERS,
    STORE,
    TARIFF,
    TO,
    Asked,
    tell,
)
from wattledger.commands.info import JSON
from wattledger.tariffs.tariff_file import compile_file

app = typer.Typer(
    help="Bills and questions of a whole fleet, from a head-end's store: docs/fleet.md.",
    no_args_is_help=True,
)
app.add_typer(fleet_analyse.app, name="analyse")
AGAINST = typer.Option(None, "--against", help="Another tariff: what would change.")
OUT = typer.Option(None, "--out", help="Write one HTML file instead.")


@app.command()
def bill(
    folder: Path = STORE,
    tariff: Path = TARIFF,
    meters: Path | None = METERS,
    group: list[str] = GROUP,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    engine: str = ENGINE,
    as_json: bool = JSON,
) -> None:
    """Bill every meter of a store, to the unit what the core would bill it."""
    from wattledger.fleet import answers_money, billing

    asked = Asked(folder, tariff, meters, group, start, end, engine)
    tell(answers_money.bill(billing.bill(*asked.question()), asked.tariff), as_json)


@app.command()
def report(
    folder: Path = STORE,
    tariff: Path = TARIFF,
    against: Path | None = AGAINST,
    meters: Path | None = METERS,
    group: list[str] = GROUP,
    start: datetime | None = FROM,
    end: datetime | None = TO,
    engine: str = ENGINE,
    out: Path | None = OUT,
    as_json: bool = JSON,
) -> None:
    """All that can be answered of a store with what is given, in one go."""
    from wattledger.fleet import fleet_report, page

    asked = Asked(folder, tariff, meters, group, start, end, engine)
    new = compile_file(against, wide=True).tariff() if against else None
    roster = asked.roster if meters and not group else None
    customers, made, *span = asked.question()
    answers = list(fleet_report.answers(asked.store, customers, made, new, roster, *span))
    if out is not None:
        page.write(out, asked.tariff.name, answers)
        print(out)
    elif as_json:
        session.print_json({answer.title: answer.data for answer in answers})
    else:
        for answer in answers:
            session.out().print(answer.shown(), "")
