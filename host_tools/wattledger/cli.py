"""The command line: every command, which meter it is for, and errors in one line."""

import os
import sys
from pathlib import Path

import typer

from meter.errors import MeterError
from wattledger import __version__, session
from wattledger.commands import (
    advise,
    analyse,
    audit,
    backup,
    bill,
    calibrate,
    clock,
    comms,
    demo,
    deploy,
    doctor,
    events,
    exchange,
    flash,
    fleet,
    headend,
    info,
    keys,
    load,
    partitions,
    plan,
    prices,
    profile,
    quality,
    registers,
    report,
    seal,
    serve,
    simulate,
    tariff,
    tariff_compare,
    update,
    validate,
    verify,
    virtual,
    watch,
)
from wattledger.errors import ToolError

app = typer.Typer(
    help="WattLedger: an electricity meter whose every bill can be checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(virtual.app, name="virtual")
app.command("partitions")(partitions.command)
app.command("flash")(flash.command)
app.command("deploy")(deploy.command)
app.command("update")(update.command)
app.command("doctor")(doctor.command)
app.command("backup")(backup.save)
app.command("restore")(backup.restore)
tariff.app.command("simulate")(tariff_compare.run)
tariff.app.command("diff")(tariff_compare.diff)
app.add_typer(tariff.app, name="tariff")
app.add_typer(prices.app, name="prices")
app.command("info")(info.command)
app.command("registers")(registers.command)
app.command("profile")(profile.command)
app.command("events")(events.command)
app.command("quality")(quality.command)
app.command("bill")(bill.command)
app.command("verify")(verify.command)
app.command("audit")(audit.command)
app.command("simulate")(simulate.command)
app.command("analyse")(analyse.command)
app.command("plan")(plan.command)
app.command("advise")(advise.command)
app.command("report")(report.command)
app.command("validate")(validate.command)
app.command("export")(exchange.export)
app.command("import")(exchange.take)
app.add_typer(clock.app, name="clock")
app.command("calibrate")(calibrate.command)
app.command("watch")(watch.command)
app.command("serve")(serve.command)
app.add_typer(keys.app, name="keys")
app.command("seal")(seal.seal)
app.command("unseal")(seal.unseal)
app.add_typer(load.app, name="load")
app.command("demo")(demo.command)
app.add_typer(headend.app, name="headend")
app.add_typer(fleet.app, name="fleet")
app.add_typer(comms.app, name="comms")


def _version(asked: bool) -> None:
    if asked:
        print(f"wattledger {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    port: str = typer.Option(
        session.VIRTUAL, envvar="WATTLEDGER_PORT", help="Serial port of the meter, or virtual."
    ),
    state: Path | None = typer.Option(
        None, envvar="WATTLEDGER_STATE", help="Folder of the virtual board."
    ),
    key_file: Path | None = typer.Option(
        None, "--keys", envvar="WATTLEDGER_KEYS", help="Key file, for a sealed meter."
    ),
    passphrase_file: Path | None = typer.Option(
        None, help="File with its passphrase; else WATTLEDGER_PASSPHRASE, or it is asked for."
    ),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    ctx.obj = session.Session(port, state, key_file, passphrase_file)


def main() -> None:
    """Entry point. Exit code 1 with one line for what the world or the user did, 2 for usage."""
    try:
        app(prog_name="wattledger")
    except (ToolError, MeterError) as error:
        _fail(str(error))
    except FileNotFoundError as error:
        if error.errno is not None:  # only ours come without: what is missing, and the cure
            raise
        _fail(str(error))
    except BrokenPipeError:  # whoever read us has enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(text: str) -> None:
    print("wattledger: " + text.removeprefix("wattledger: "), file=sys.stderr)
    sys.exit(1)
