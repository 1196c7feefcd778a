"""What every command shares: which meter, and where output goes."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wattledger.link import Link

VIRTUAL = "virtual"
PIPE_WIDTH = 160  # a pipe has no width; tables must not wrap there


@dataclass(frozen=True)
class Session:
    """port: a serial port, or VIRTUAL; state: folder of the virtual board, None for the usual."""

    port: str
    state: Path | None


def of(ctx: typer.Context) -> Session:
    session = ctx.obj
    assert isinstance(session, Session)
    return session


def meter(ctx: typer.Context) -> Link:
    """-> the open meter, to be used in a `with`. ToolError: there is none on the port."""
    session = of(ctx)
    return connect(session.port, session.state)


def connect(port: str, state: Path | None) -> Link:
    if port != VIRTUAL:
        return Link(port)
    from wattledger import virtual

    return Link(virtual.port(state))


def out() -> Console:
    """The console of results: colour and lines on a terminal, plain text elsewhere."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def progress_bar(text: str) -> Progress:
    """A bar on stderr, only on a terminal; it leaves nothing behind."""
    console = Console(stderr=True)
    return Progress(
        TextColumn(text),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
