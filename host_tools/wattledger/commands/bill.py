"""wattledger bill"""

from dataclasses import asdict

import typer

from wattledger import reading, session, show
from wattledger.commands.info import JSON

PERIOD = typer.Option(None, "--period", min=1, help="Number; without it the open one.")


def command(ctx: typer.Context, period: int | None = PERIOD, as_json: bool = JSON) -> None:
    """Read the bill of a billing period."""
    with session.meter(ctx) as meter:
        bill = reading.read_bill(meter, period)
        tariff = reading.tariff_of(meter, bill.digest)
    if as_json:
        session.print_json(asdict(bill))
    else:
        session.out().print(show.bill(bill, tariff))
