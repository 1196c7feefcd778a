"""What every command shares: which meter, and where output goes."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wattledger.errors import ToolError
from wattledger.link import Link, open_port
from wattledger.security.line import Line

if TYPE_CHECKING:
    from wattledger.security.key_file import KeyFile
    from wattledger.security.keyring import Keyring
    from wattledger.security.sealed_link import SealedLink

VIRTUAL = "virtual"
PIPE_WIDTH = 160  # a pipe has no width; tables must not wrap there


@dataclass(frozen=True)
class Session:
    """port: a serial port, or VIRTUAL; state: folder of the virtual board, None for the usual.
    keys: the key file, None: none was given; passphrase_file: with its passphrase, None: see
    wattledger.security.key_file."""

    port: str
    state: Path | None
    keys: Path | None = None
    passphrase_file: Path | None = None
    _opened: "list[KeyFile]" = field(default_factory=list, repr=False)

    def key_file(self) -> "KeyFile":
        """-> the key file, opened once, which may ask for its passphrase. ToolError: none."""
        from wattledger.security import key_file

        if self.keys is None:
            raise ToolError("keys: no key file: give --keys FILE, or set WATTLEDGER_KEYS")
        if not self._opened:
            passphrase = key_file.passphrase(self.passphrase_file)
            self._opened.append(key_file.load(self.keys, passphrase))
        return self._opened[0]

    def keyring(self) -> "Keyring":
        return self.key_file().keyring

    @property
    def keyring_if_given(self) -> "Callable[[], Keyring] | None":
        """-> `keyring`, None: no key file was given."""
        return self.keyring if self.keys else None


def of(ctx: typer.Context) -> Session:
    session = ctx.obj
    assert isinstance(session, Session)
    return session


def meter(ctx: typer.Context, keys: "KeyFile | None" = None) -> Link:
    """-> the meter on the port, to be used in a `with`. ToolError: there is none.

    An open one is asked through its REPL, a sealed one through its line console.
    keys   the key file, if the caller has opened it already
    """
    session = of(ctx)
    if keys is not None:
        return connect(session.port, session.state, lambda: keys.keyring)
    return connect(session.port, session.state, session.keyring_if_given)


def connect(port: str, state: Path | None, keyring: "Callable[[], Keyring] | None" = None) -> Link:
    """keyring: called if the meter is sealed and is asked what is not public."""
    port = port_of(port, state)
    transport, told = _greeted(port)
    if told is None:
        try:
            return Link(port, transport)
        except ToolError:
            # A sealed one may have been starting when it was asked.
            transport, told = _greeted(port)
            if told is None:
                transport.close()
                raise
    from wattledger.security.sealed_link import SealedLink

    return SealedLink(port, transport, told, keyring)


def sealed_meter(ctx: typer.Context, keys: "KeyFile") -> Link:
    """As `meter`, but never by the REPL."""
    port = port_of(of(ctx).port, of(ctx).state)
    found = sealed_on(port, lambda: keys.keyring)
    if found is None:
        raise ToolError(f"{port}: no console of a sealed meter: wattledger info")
    return found


def sealed_on(port: str, keyring: "Callable[[], Keyring] | None" = None) -> "SealedLink | None":
    """-> the sealed meter on a serial port, None: there is no such one. ToolError: no port.

    Nothing is sent that would interrupt a start, or something else that is there.
    keyring   as in `connect`
    """
    from wattledger.security.sealed_link import SealedLink

    transport, told = _greeted(port)
    if told is None:
        transport.close()
        return None
    return SealedLink(port, transport, told, keyring)


def port_of(port: str, state: Path | None) -> str:
    """-> the serial port, that of the virtual board for VIRTUAL"""
    if port != VIRTUAL:
        return port
    from wattledger import virtual

    return virtual.port(state)


def _greeted(port: str) -> tuple[Any, dict[str, Any] | None]:
    """-> (open transport, what a sealed meter answered, None: nothing did)"""
    transport = open_port(port)
    try:
        return transport, Line(transport.serial).hello()
    except OSError as error:
        transport.close()
        raise ToolError(f"{port}: the line broke: {error}: try again") from None


def out() -> Console:
    """The console of results: colour and lines on a terminal, plain text elsewhere."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def progress_bar(text: str, console: Console | None = None) -> Progress:
    """A bar, only on a terminal; it leaves nothing behind.

    console   that others write to meanwhile; None: stderr
    """
    console = console or Console(stderr=True)
    return Progress(
        TextColumn(text),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
