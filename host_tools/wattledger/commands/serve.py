"""wattledger serve"""

from collections.abc import Callable
from pathlib import Path

import typer

from wattledger import session
from wattledger.commands.tariff_compare import PRICES
from wattledger.errors import ToolError
from wattledger.live.meter_source import MeterSource
from wattledger.live.state import Source
from wattledger.prices import prices_file
from wattledger.tariffs.tariff_file import compile_file

STORE = typer.Option(None, "--store", help="Store of a head-end, instead of the meter.")
SERIAL = typer.Option(None, "--serial", help="Of the meter in the store.")
TARIFF = typer.Option(None, "--tariff", help="Tariff in force, a TOML file; with --store.")
PORT = typer.Option(8080, "--port", min=0, max=65535, help="Port of the page; 0: a free one.")
HOST = typer.Option("127.0.0.1", "--host", help="Where to listen; others: anybody there sees it.")


def command(
    ctx: typer.Context,
    store: Path | None = STORE,
    serial: str | None = SERIAL,
    tariff: Path | None = TARIFF,
    prices: list[Path] = PRICES,
    port: int = PORT,
    host: str = HOST,
) -> None:
    """Show a meter on a page of this machine, live: docs/live.md. Ctrl-C ends."""
    try:
        from wattledger.live import guard, server
    except ImportError as error:
        raise ToolError(f"serve: no {error.name}: pip install 'wattledger[serve]'") from None
    open_source = _source(ctx, store, serial, tariff, prices)
    if not guard.is_local(host):
        typer.echo(
            f"Warning: whoever reaches {host} sees load, tariff and bill, without a password"
            " and unencrypted.",
            err=True,
        )
    server.run(open_source, host, port, lambda address: print(address, flush=True))


def _source(
    ctx: typer.Context,
    store: Path | None,
    serial: str | None,
    tariff: Path | None,
    prices: list[Path],
) -> Callable[[], Source]:
    if store is None:
        if serial or tariff or prices:
            raise typer.BadParameter(
                "--serial, --tariff, --prices go with --store: a meter says its own"
            )
        return lambda: MeterSource(session.meter(ctx))
    try:
        import duckdb  # noqa: F401, as the store is read with it

        from wattledger.live.store_source import StoreSource
    except ImportError as error:
        raise ToolError(f"serve: no {error.name}: pip install 'wattledger[headend]'") from None
    if tariff is None:
        if prices:
            raise typer.BadParameter("--prices: give the --tariff that they are for")
        return lambda: StoreSource(store, serial)
    made = compile_file(tariff, wide=True).tariff()
    schedules = prices_file.read_all(prices, made.currency)
    return lambda: StoreSource(store, serial, made, schedules)
