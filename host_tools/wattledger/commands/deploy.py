"""wattledger deploy"""

import typer

from wattledger import deploy, session, show
from wattledger.build import boards, build
from wattledger.errors import ToolError
from wattledger.link import Link

BOARD = typer.Option(None, "--board", help="Folder name below boards/.")
FORMAT = typer.Option(False, "--format", help="Erase a partition that holds something else.")


def command(ctx: typer.Context, board: str | None = BOARD, over_foreign: bool = FORMAT) -> None:
    """Put the software on the meter: into the free slot, verified, then switched over."""
    with session.meter(ctx) as meter:
        run(meter, board or _board_of(ctx, meter), over_foreign)


def run(meter: Link, board: str, over_foreign: bool = False) -> None:
    """Build, copy, verify, flip, restart; says what was done."""
    made = build(board)
    todo = deploy.plan(meter, made)
    if todo.current and meter.has_software():
        print(f"slot {todo.slot} runs this software already: {made.digest[:16]}")
        info = meter.request("info")
    else:
        with session.progress_bar(f"slot {todo.slot}") as bar:
            task = bar.add_task("", total=todo.size(made))
            deploy.install(meter, made, todo, lambda n: bar.advance(task, n))
        copied = len(todo.copy) + len(todo.root)
        print(
            f"slot {todo.slot}: {copied} of {len(made.slot) + len(made.root)} files copied,"
            f" {todo.size(made)} bytes, verified"
        )
        info = deploy.restart(meter)
        if info["software"] != made.digest:
            raise ToolError(
                f"deploy: the meter runs {info['software'][:16]}, expected {made.digest[:16]}:"
                " deploy again"
            )
        print(f"meter {info['serial']} runs {made.digest[:16]} since {show.instant(info['utc'])}")
    if deploy.prepare_journal(meter, info, over_foreign):
        print("journal formatted: this meter starts at zero")


def _board_of(ctx: typer.Context, meter: Link) -> str:
    if session.of(ctx).port == session.VIRTUAL:
        return "virtual"
    if meter.has_software():
        return str(meter.request("info")["board"])
    raise ToolError(f"deploy: which board? give --board {' or '.join(boards())}")
