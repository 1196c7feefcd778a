"""wattledger headend"""

import asyncio
import shutil
import signal
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import typer

from wattledger import session, show
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.security.key_file import KeyFile
from wattledger.security.keyring import fleet_of

app = typer.Typer(
    help="The utility's side: broker, store, commands to a fleet: docs/headend.md.",
    no_args_is_help=True,
)
FOLDER = typer.Argument(help="The head-end's folder.", show_default=False)
HOST = typer.Option(None, "--broker", help="Host of a broker that runs already; else our own.")
PORT = typer.Option(8883, "--port", help="Of the broker.")
LISTEN = typer.Option(
    None, "--listen", help="Address of ours for our broker, 0.0.0.0: all; else 127.0.0.1 only."
)
NAME = typer.Option(None, "--name", help="HOST[,HOST]: what meters call the broker.")
GROUP = typer.Option("*", "--group", help="Group of meters, as keys show names them; *: all.")
METERS = typer.Option(3, "--meters", min=1, max=5000, help="How many.")
HOURS = typer.Option(24, "--hours", min=1, help="Of the meters' time.")
SPEED = typer.Option(600, "--speed", min=0, help="Seconds of the meters in one; 0: all we can.")
WHEN = typer.Option("period", "--when", help="now, period, or a Unix second.")
TARIFF = typer.Option(None, "--tariff", help="What simulated meters begin with, a TOML file.")
NEEDS = ("aiomqtt", "duckdb", "pyarrow")


@app.command()
def init(
    ctx: typer.Context,
    folder: Path = FOLDER,
    host: str | None = HOST,
    port: int = PORT,
    listen: str | None = LISTEN,
    name: str | None = NAME,
) -> None:
    """Make a head-end's folder: CA, certificates, configuration. Again: adds new meters."""
    _needed()
    from wattledger.headend import folder as folders
    from wattledger.headend import settings

    keys = session.of(ctx).key_file()
    fleet = fleet_of(keys.keyring, "headend init")
    made = folders.init(folder, keys.path, fleet, host, port, _several(listen), _several(name))
    print(f"{folder}: {'made' if made.new else 'is there'}, fingerprint {fleet.fingerprint()}")
    print(f"certificates for {len(made.meters)} meters in {folder / 'meters'}")
    if made.broker and not made.new:
        print("the broker's certificate is a new one: start the head-end again")
    print(folders.reach(settings.load(folder)))
    if made.new:
        print(f"Keep {folder / 'ca/ca.key'} elsewhere too: who has it, makes meters.")


@app.command()
def run(ctx: typer.Context, folder: Path = FOLDER) -> None:
    """Run it: broker if it is ours, intake, store, rules. Ctrl-C ends it."""
    _needed()
    from wattledger.headend import settings

    found = settings.load(folder)
    try:
        asyncio.run(_run(found, _keys(ctx, found)))
    except (KeyboardInterrupt, asyncio.CancelledError):  # Ctrl-C, SIGTERM
        print("ended: what came is stored")


@app.command()
def status(folder: Path = FOLDER, as_json: bool = JSON) -> None:
    """Show what the head-end knows of each meter."""
    _needed()
    from wattledger.headend import control
    from wattledger.headend.status import table

    told = control.ask(folder, "status")
    if as_json:
        session.print_json(told)
        return
    out = session.out()
    out.print(f"{show.instant(told['utc'])}, broker {told['broker']}", markup=False)
    out.print(table(told))


@app.command()
def query(folder: Path = FOLDER, sql: str = typer.Argument(..., help="DuckDB's SQL.")) -> None:
    """Ask the store; intervals, records, energy, kept and gaps are its tables."""
    _needed()
    from wattledger.headend import catalogue, settings

    found = settings.load(folder)
    names, rows = catalogue.query(found.at(found.store), sql)
    lines = show.table(*names)
    for row in rows:
        lines.add_row(*map(str, row))
    session.out().print(lines)


@app.command()
def read(
    folder: Path = FOLDER,
    what: str = typer.Argument(..., help="info, registers, live, quality or hello."),
    group: str = GROUP,
) -> None:
    """Read from each meter of a group, now. JSON."""
    _ask(folder, "read", group, what=what)


@app.command()
def clock(folder: Path = FOLDER, group: str = GROUP) -> None:
    """Give a group our time as a reference."""
    _ask(folder, "clock", group)


@app.command("load-switch")
def load_switch(folder: Path = FOLDER, group: str = GROUP) -> None:
    """Release the limiter's levels that a person has to release."""
    _ask(folder, "load-switch", group, on=True)


@app.command()
def tariff(
    folder: Path = FOLDER,
    file: Path = typer.Argument(..., help="The tariff, a TOML file."),
    group: str = GROUP,
    when: str = WHEN,
) -> None:
    """Send a tariff to a group, under one signed order."""
    at: str | int = int(when) if when.isdigit() else when
    if at not in ("now", "period") and not isinstance(at, int):
        raise ToolError(f"--when {when}: expected now, period or a Unix second")
    _ask(folder, "tariff", group, file=str(file.resolve()), when=at)


@app.command()
def prices(
    folder: Path = FOLDER,
    file: Path = typer.Argument(..., help="A schedule of prices import."),
    group: str = GROUP,
) -> None:
    """Send a price schedule, or a critical peak, to a group, under one signed order."""
    _ask(folder, "prices", group, file=str(file.resolve()))


@app.command()
def simulate(
    ctx: typer.Context,
    folder: Path = FOLDER,
    meters: int = METERS,
    hours: int = HOURS,
    speed: int = SPEED,
    tariff: Path | None = TARIFF,
) -> None:
    """Let simulated meters live against a head-end; they join its key file as a group."""
    _needed()
    from wattledger.headend import folder as folders
    from wattledger.headend import settings, simulate
    from wattledger.tariffs.tariff_file import compile_file

    found = settings.load(folder)
    keys = _key_file(ctx, found)
    fleet = simulate.with_simulated(fleet_of(keys.keyring, "headend simulate"), meters)
    keys.save(fleet)
    folders.init(folder, keys.path, fleet, None, found.port)
    text = None if tariff is None else compile_file(tariff).text
    begin = _midnight()
    fleet_of_them = simulate.SimFleet(fleet, simulate.serials(meters), begin, tariff=text)
    asyncio.run(_simulate(found, fleet_of_them, begin + hours * 3600, speed))


@app.command()
def demo(meters: int = typer.Option(50, "--meters", min=1, max=1000, help="How many.")) -> None:
    """A day of a fleet: broker, head-end, meters, a critical peak, a new tariff."""
    _needed()
    from wattledger.headend.demo_fleet import FleetDemo

    folder = Path(tempfile.mkdtemp(prefix="wattledger-"))
    try:
        asyncio.run(FleetDemo(folder, meters, session.out()).run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(found: Any, keys: KeyFile) -> None:
    from wattledger.headend import control, folder, head_end, reloading, simulate
    from wattledger.headend.audit import Audit
    from wattledger.headend.store import Store

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    out = session.out()
    audit = Audit(found.folder / "audit.jsonl", say=lambda text: out.print(text, markup=False))
    with head_end.own_broker(found), Store(found.at(found.store)) as store:
        head = head_end.HeadEnd(found, reloading.key_source(keys), store, audit)
        head.clocks.leaves = simulate.is_one
        async with head.running(), control.open_to(head):
            out.print(folder.reach(found), markup=False)
            out.print(f"{len(head.keys.group('*'))} meters in the key file", markup=False)
            await head.wait()


async def _simulate(found: Any, fleet: Any, until: int, speed: int) -> None:
    from wattledger.headend import folder as folders
    from wattledger.headend.sim_meter import Road

    road = Road(found.host, found.port, lambda serial: folders.meter_tls(found, serial))
    fleet.connect(road)
    try:
        await fleet.advance(until, speed)
        await fleet.settle()
    finally:
        await fleet.disconnect()
    print(f"{len(fleet.meters)} meters at {show.instant(fleet.utc)}: all is with the head-end")


def _ask(folder: Path, do: str, group: str, **about: Any) -> None:
    _needed()
    from wattledger.headend import control

    outcomes = control.ask(folder, do, group=group, **about)
    session.print_json(outcomes)
    failed = [serial for serial, outcome in outcomes.items() if "problem" in outcome]
    if failed:
        raise ToolError(f"headend: {do}: {len(failed)} of {len(outcomes)} meters: not done")


def _keys(ctx: typer.Context, found: Any) -> KeyFile:
    keys = _key_file(ctx, found)
    fleet_of(keys.keyring, "headend run")
    return keys


def _key_file(ctx: typer.Context, found: Any) -> KeyFile:
    from dataclasses import replace

    asked = session.of(ctx)
    if asked.keys is None and found.keys is not None:
        asked = replace(asked, keys=found.at(found.keys))
    return asked.key_file()


def _several(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _midnight() -> int:
    today = date.today()
    return (today - date(1970, 1, 1)).days * 86400


def _needed() -> None:
    from importlib.util import find_spec

    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise ToolError(
            f"headend: {', '.join(missing)} not installed: pip install 'wattledger[headend]'"
        )
