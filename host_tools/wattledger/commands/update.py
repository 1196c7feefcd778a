"""wattledger update"""

from pathlib import Path
from typing import Any

import typer

from wattledger import BUILD, session, updates
from wattledger.build import build
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.security import orders
from wattledger.security.keyring import Fleet

BUNDLE = typer.Argument(None, help="Bundle to send; without one the software here is built.")
BOARD = typer.Option(None, "--board", help="Folder name below boards/; default: the meter's.")
SAVE = typer.Option(None, "--save", help="Write the bundle to this file and touch no meter.")
TARGET = typer.Option("*", "--target", help="Who may take it: a serial, group:NAME, or *.")
UNTIL_S = 0


def command(
    ctx: typer.Context,
    file: Path | None = BUNDLE,
    board: str | None = BOARD,
    save: Path | None = SAVE,
    target: str = TARGET,
    wait: bool = typer.Option(True, help="Ask the meter until it has confirmed it."),
) -> None:
    """Send new software, signed by the maker; it boots on trial and falls back if it fails.

    A sealed meter confirms it after a minute in which somebody with a key was answered.
    """
    if save is not None:
        if file is not None or board is None:
            raise ToolError("update: --save needs --board, and builds what is here")
        updates.save(_bundle(ctx, board, target), save)
        print(f"{save}: build {BUILD} for {board}, for {target}")
        return
    bundle = None if file is None else updates.load(file)
    with session.meter(ctx) as link:
        if bundle is None:
            bundle = _bundle(ctx, board or str(link.request("info")["board"]), target)
        _send(link, bundle)
    _follow(ctx, bundle, wait)


def _bundle(ctx: typer.Context, board: str, target: str) -> updates.Bundle:
    """Build what is here; signed, if there is a key file with the maker's key."""
    bundle = updates.of_build(build(board))
    if session.of(ctx).keys is None:
        return bundle
    keyring = session.of(ctx).keyring()
    if not isinstance(keyring, Fleet):
        raise ToolError("update: these keys sign nothing: give a signed bundle, or the fleet's")
    private, version = keyring.private("maker"), int(bundle.manifest["version"])
    order = orders.sign("update", target, version, UNTIL_S, bundle.digest, private)
    return updates.Bundle(bundle.files, order)


def _send(link: Link, bundle: updates.Bundle) -> None:
    before, wanted = updates.state(link), bundle.manifest
    if wanted["version"] <= before["version"]:
        raise ToolError(
            f"update: build {wanted['version']}, and the meter runs {before['version']}:"
            " it takes a newer one only"
        )
    total = sum(map(len, bundle.files.values()))
    with session.progress_bar(f"slot {before['slot']}") as bar:
        task = bar.add_task("", total=total)
        sent = updates.stage(link, bundle, lambda n: bar.advance(task, n))
    answer = updates.apply(link, bundle)
    print(
        f"slot {answer['slot']}: build {answer['version']} verified, {sent} of {total} bytes"
        " sent; the meter restarts"
    )


def _follow(ctx: typer.Context, bundle: updates.Bundle, wait: bool) -> None:
    build, repl_open = bundle.manifest["version"], False

    def ask() -> dict[str, Any]:
        nonlocal repl_open
        with session.meter(ctx) as link:
            repl_open = not link.sealed and link.request("info")["seal"] != "open"
            return updates.state(link)

    if updates.follow(ask, build, wait=False):
        print(f"build {build} runs, and is confirmed")
    elif repl_open:
        print(f"build {build} runs on trial: wattledger seal, and a minute later it stays")
    elif not wait:
        print(f"build {build} runs on trial: after a minute without fault it stays")
    else:
        print(f"build {build} runs on trial: asking it until it is confirmed")
        updates.follow(ask, build, wait=True)
        print(f"build {build} is confirmed")
