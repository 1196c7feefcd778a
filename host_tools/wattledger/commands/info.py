"""wattledger info"""

import typer

from wattledger import flash_life, reading, session, show

JSON = typer.Option(False, "--json", help="Print as JSON.")


def command(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show what the meter is, what it runs, and how it is."""
    with session.meter(ctx) as meter:
        shown = meter.request("info")
        # Without keys a sealed meter tells nothing of its contract.
        zone = reading.zone_of(meter, shown) if "tariff" in shown else None
    if as_json:
        session.print_json(shown)
    else:
        session.out().print(show.info(shown, zone))
        for line in flash_life.lines(shown):
            session.out().print(line)
