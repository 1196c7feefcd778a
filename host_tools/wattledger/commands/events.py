"""wattledger events"""

import typer

from meter import codes
from wattledger import reading, session, show
from wattledger.commands.info import JSON


def command(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show the event log of all groups, oldest first."""
    with session.meter(ctx) as meter:
        shown = meter.request("info")
        zone = reading.zone_of(meter, shown)
        cache = reading.cache_of(shown["serial"])
        entries = [e for group in codes.GROUPS for e in reading.read_ring(meter, group, cache)]
    records = [entry.record() for entry in entries]
    if as_json:
        keys = ("seq", "utc", "group", "code", "count", "before", "after")
        session.print_json([{key: getattr(r, key) for key in keys} for r in records])
    else:
        session.out().print(show.events(records, zone))
