"""wattledger clock"""

import time
from datetime import UTC, datetime

import typer

from wattledger import session, show
from wattledger.errors import ToolError

app = typer.Typer(help="The clock of the meter.", no_args_is_help=True)


@app.command("set")
def set_clock(
    ctx: typer.Context,
    utc: str | None = typer.Option(None, "--utc", help="ISO time; without it the computer's."),
) -> None:
    """Set the clock; the meter closes what is open and logs an event."""
    now = int(time.time()) if utc is None else _unix(utc)
    with session.meter(ctx) as meter:
        answer = meter.request("clock", utc=now)
    print(f"clock set to {show.instant(answer['utc'])}")


def _unix(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ToolError(f"clock: {text}: expected an ISO time such as 2026-10-01T08:00") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
