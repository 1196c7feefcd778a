"""wattledger demo"""

import shutil
import tempfile
from pathlib import Path

import typer

from wattledger import demo, session
from wattledger.errors import ToolError

REPORT = "wattledger-demo-report.html"  # in --state, else here
LOAD = typer.Option(None, "--load", help="A load file, from its first row on; else a household.")
STATE = typer.Option(None, "--state", help="An empty folder for the board; else a temporary one.")
DAYS = typer.Option(31, "--days", min=2, max=31, help="How many to meter.")
KEEP = typer.Option(False, "--keep", help="Leave the board running, to look around.")


def command(
    load: Path | None = LOAD, state: Path | None = STATE, days: int = DAYS, keep: bool = KEEP
) -> None:
    """Meter a month on a virtual board, with a power cut, to a verified bill and a report."""
    if state and state.exists() and any(state.iterdir()):
        raise ToolError(f"demo: {state} is not empty: give an empty folder, or none")
    folder = state or Path(tempfile.mkdtemp(prefix="wattledger-"))
    try:
        demo.run(folder, load, days, (state or Path()) / REPORT, session.out())
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            demo.power_off(folder)
            if state is None:
                shutil.rmtree(folder, ignore_errors=True)
    if keep:
        print(f"\nIt still runs. Look around: wattledger --state {folder} info")
        print(f"and end it: wattledger --state {folder} virtual stop")
