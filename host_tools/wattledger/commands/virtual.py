"""wattledger virtual"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import typer

from wattledger import session, show, virtual
from wattledger.commands.info import JSON
from wattledger.errors import ToolError

app = typer.Typer(help="The virtual board: a whole meter without hardware.", no_args_is_help=True)
_DURATION = re.compile(r"(\d+)([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Time(StrEnum):
    real = "real"
    held = "held"


@app.command()
def start(
    ctx: typer.Context,
    clock: Time | None = typer.Option(
        None, help="Follow the wall clock, or move by advance only; else as it was."
    ),
    at: datetime | None = typer.Option(None, help="UTC time to start at; else as it was."),
    outage: str = typer.Option("0s", help="Time that passed without power: 90s, 5m, 2h, 1d."),
    load: Path | None = typer.Option(None, help="A load file; else a household."),
    load_start: datetime | None = typer.Option(None, help="UTC time its first row begins at."),
    zone: str | None = typer.Option(None, help="Time zone of the load file's stamps; else UTC."),
    repeat: bool = typer.Option(False, help="Begin the load file again after its end."),
    seed: int = typer.Option(1, help="Which household."),
) -> None:
    """Power on."""
    seen = virtual.start(
        session.of(ctx).state,
        clock=clock,
        unix_s=_unix(at),
        outage_s=_seconds(outage),
        load=load_options(load, _unix(load_start), zone, repeat, seed),
    )
    held = ", held" if seen["held"] else ""
    print(f"virtual board on {seen['tty']}, {show.instant(seen['unix_ms'] // 1000)}{held}")


@app.command()
def stop(ctx: typer.Context) -> None:
    """Power off in good order."""
    virtual.stop(session.of(ctx).state)


@app.command()
def cut(ctx: typer.Context) -> None:
    """Take the power away without warning."""
    virtual.cut(session.of(ctx).state)


@app.command()
def advance(
    ctx: typer.Context,
    duration: str = typer.Argument(None, help="90s, 15m, 2h or 3d.", show_default=False),
    until: datetime | None = typer.Option(None, help="UTC time to go on to instead."),
    step: str = typer.Option("60s", help="Time between two ticks of the meter."),
) -> None:
    """Let time pass at full speed."""
    if (duration is None) == (until is None):
        raise typer.BadParameter("give either a duration or --until")
    with session.progress_bar("time") as bar:
        task = bar.add_task("", total=None)
        seen = virtual.advance(
            session.of(ctx).state,
            seconds=None if until else _seconds(duration),
            until=_unix(until),
            step_s=_seconds(step),
            on_progress=lambda done, of: bar.update(task, completed=done, total=of),
        )
    print(show.instant(seen["unix_ms"] // 1000))


@app.command()
def status(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show the board from outside."""
    seen = virtual.status(session.of(ctx).state)
    if as_json:
        session.print_json(seen)
        return
    lines = show.table("", "")
    for key, value in seen.items():
        if key.endswith("_ms") and key != "advanced_ms":
            lines.add_row(key.removesuffix("_ms"), show.instant(value // 1000))
        else:
            lines.add_row(key, str(value))
    session.out().print(lines)


def load_options(
    load: Path | None, start: int | None, zone: str | None, repeat: bool, seed: int = 1
) -> dict[str, object]:
    """-> what the board opens its load with; see boards/virtual/load.py."""
    if load is None:
        return {"seed": seed}
    return {"path": str(load.resolve()), "start": start, "zone": zone, "repeat": repeat}


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ToolError(f"{text}: expected a duration such as 90s, 15m, 2h or 3d")
    return int(match[1]) * _UNIT_S[match[2]]


def _unix(utc: datetime | None) -> int | None:
    return None if utc is None else int(utc.replace(tzinfo=UTC).timestamp())
