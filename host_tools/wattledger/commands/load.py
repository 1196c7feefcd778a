"""wattledger load"""

import typer

from wattledger import session

app = typer.Typer(help="The load switch of the meter.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """One command so far, and still named: the switch opens by the limiter of the tariff only."""


@app.command()
def on(ctx: typer.Context) -> None:
    """Let a load return that the limiter shed until a person says so; an event stays."""
    with session.meter(ctx) as meter:
        answer = meter.request("load_switch", on=True)
    print("load on" if answer["on"] else "released; a level that returns by rule holds it open")
