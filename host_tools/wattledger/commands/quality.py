"""wattledger quality"""

import typer

from wattledger import quality_words, reading, session, show
from wattledger.commands.info import JSON


def command(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show power quality and tamper: what holds now, and how often each has begun."""
    with session.meter(ctx) as meter:
        answer = meter.request("quality")
        zone = reading.zone_of(meter, meter.request("info"))
    if as_json:
        session.print_json(answer)
        return
    for words in quality_words.holding(answer["active"]):
        session.out().print(f"now: {words}")
    found = quality_words.rows(answer)
    if not found:
        session.out().print("nothing was counted")
        return
    lines = show.table("OBIS", "what", ">count", "first", "last")
    for code, words, count, first, last in found:
        lines.add_row(code, words, str(count), *(show.instant(t, zone) for t in (first, last)))
    session.out().print(lines)
