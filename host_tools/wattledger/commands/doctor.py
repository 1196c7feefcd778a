"""wattledger doctor"""

from dataclasses import asdict

import typer

from wattledger import session, virtual
from wattledger.commands.info import JSON
from wattledger.flashing import doctor
from wattledger.flashing.checks import BAD, NOTE, OK

_MARK = {OK: "ok  ", NOTE: "note", BAD: "BAD "}


def command(
    ctx: typer.Context,
    port: str | None = typer.Option(None, "--port", help="Serial port of the module."),
    board: str | None = typer.Option(None, "--board", help="Folder name below boards/."),
    restart: bool = typer.Option(False, "--restart", help="Reset it and read its boot log."),
    as_json: bool = JSON,
) -> None:
    """Look at port, firmware, wiring, clock and flash of a meter, and say what to do."""
    here = session.of(ctx)
    name = port or here.port
    if name == session.VIRTUAL:
        name = virtual.port(here.state)
    found = []
    for check in doctor.examine(name, board, restart, here.keyring_if_given):
        found.append(check)
        if not as_json:
            print(f"{_MARK[check.state]} {check.name:10} {check.seen}")
            if check.cure:
                print(f"{'':15} -> {check.cure}")
    if as_json:
        session.print_json([asdict(check) for check in found])
    if any(check.state == BAD for check in found):
        raise typer.Exit(1)
