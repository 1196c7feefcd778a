"""wattledger registers"""

import typer

from wattledger import reading, session, show
from wattledger.commands.info import JSON


def command(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show every register by its OBIS code."""
    with session.meter(ctx) as meter:
        shown = meter.request("registers")
        zone = reading.zone_of(meter, meter.request("info"))
    if as_json:
        session.print_json(shown)
    else:
        session.out().print(show.registers(shown, zone))
