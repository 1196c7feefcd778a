"""wattledger keys"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from wattledger import session
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.security import commissioning, derive, key_file
from wattledger.security.keyring import GENERATION_MAX, SIGNERS, Fleet, fleet_of

app = typer.Typer(
    help="Keys of a fleet: in an encrypted file, given by --keys, and on its meters.",
    no_args_is_help=True,
)
OUT_PASSPHRASE = "WATTLEDGER_OUT_PASSPHRASE"
LOSS = (
    "Keep a copy elsewhere: without the file or its passphrase nobody can unseal these meters"
    " or sign a tariff for them."
)


def _known_role(text: str) -> str:
    if text not in derive.ROLES:
        raise typer.BadParameter(f"{text}: expected {', '.join(derive.ROLES)}")
    return text


ROLE = typer.Option("reader", "--role", callback=_known_role, help=", ".join(derive.ROLES))


@app.command()
def new(ctx: typer.Context, file: Path = typer.Argument(..., help="File to make.")) -> None:
    """Make the keys of a new fleet. A file that exists is never overwritten."""
    if file.exists():
        raise ToolError(f"{file}: it exists, and keys are never written over: choose another")
    fleet = Fleet.new()
    key_file.create(file, fleet, key_file.passphrase(session.of(ctx).passphrase_file, new=True))
    print(f"{file}: keys of a new fleet, fingerprint {fleet.fingerprint()}")
    print(LOSS)


@app.command()
def show(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show what a key file is for: public keys, fingerprint, meters. No secret is shown."""
    keyring = session.of(ctx).keyring()
    shown: dict[str, Any]
    if isinstance(keyring, Fleet):
        shown = {
            "generation": keyring.generation,
            "fingerprint": keyring.fingerprint(),
            **{f"{name}_public": keyring.public(name).hex() for name in SIGNERS},
            "meters": {
                serial: {"generation": known.generation, "group": known.group}
                for serial, known in sorted(keyring.meters.items())
            },
        }
    else:
        names = ("serial", "role", "generation")
        shown = {name: getattr(keyring, name) for name in names}
    if as_json:
        session.print_json(shown)
        return
    meters = shown.pop("meters", {})
    for name, value in shown.items():
        print(f"{name:15} {value}")
    for serial, known in meters.items():
        told = f"generation {known['generation']}" if known["generation"] else "not finished"
        print(f"meter {serial}   {told}" + (f", group {known['group']}" if known["group"] else ""))


@app.command("derive")
def derive_role(
    ctx: typer.Context,
    serial: str = typer.Argument(..., help="Of the meter, as wattledger info shows it."),
    role: str = ROLE,
    out: Path = typer.Option(..., "--out", help="File to make."),
    out_passphrase: Path | None = typer.Option(
        None,
        "--out-passphrase-file",
        help="File with its passphrase; else WATTLEDGER_OUT_PASSPHRASE, or it is asked for.",
    ),
) -> None:
    """Make a key file for one role of one meter, such as a landlord's reader."""
    serial = derive.serial_of(serial)
    keys = session.of(ctx).key_file()
    fleet = fleet_of(keys.keyring, "keys derive")
    chosen = key_file.passphrase(out_passphrase, variable=OUT_PASSPHRASE, new=True)
    if keys.is_open_with(chosen):
        raise ToolError("keys derive: whoever gets this file must not know the fleet's passphrase")
    key_file.create(out, fleet.derive(serial, role), chosen)
    print(f"{out}: {role} of meter {serial}, and no more than that")


@app.command()
def install(
    ctx: typer.Context,
    group: str = typer.Option("", "--group", help="Orders can be signed for a whole group."),
) -> None:
    """Give a meter its keys, once; its REPL is open then. Cut: run it again."""
    with _opened(ctx, "keys install") as (meter, keys, fleet, serial, has):
        if serial not in fleet.meters:
            # Before the meter has them, so that a cut loses neither the meter nor its group.
            fleet.blob(serial, fleet.generation, group)
            fleet = fleet.with_meter(serial, 0, has.group if has else group)
            keys.save(fleet)
        known = fleet.meters[serial]
        if group and group != known.group:
            raise ToolError(
                f"keys: meter {serial} is of group {known.group or 'none'}: it stays there"
            )
        _bring_up(meter, keys, fleet, serial)


@app.command()
def rotate(
    ctx: typer.Context,
    another: bool = typer.Option(
        False, "--new", help="Begin another rotation, though meters are left of the last one."
    ),
) -> None:
    """Give the meters new secrets, one after the other: run it with each. Cut: run it again.

    The file gets the next generation first. What keys derive has made for others then ends; a
    copy of the fleet's own file goes on, for all generations come from its master.
    """
    with _opened(ctx, "keys rotate") as (meter, keys, fleet, serial, has):
        if has is None:
            raise ToolError(f"keys: meter {serial} has none: wattledger keys install")
        if not fleet.behind() or another:
            if fleet.generation >= GENERATION_MAX:
                raise ToolError(f"keys: generation {GENERATION_MAX} is the last: make a new fleet")
            fleet = fleet.next_generation()
            keys.save(fleet)
        if serial not in fleet.meters:
            fleet = fleet.with_meter(serial, 0, has.group)
        _bring_up(meter, keys, fleet, serial)
    left = [s for s in fleet_of(keys.keyring, "keys rotate").behind() if s != serial]
    print(f"left: {', '.join(left)}" if left else "no meter is left")


@contextmanager
def _opened(
    ctx: typer.Context, what: str
) -> Iterator[tuple[Link, key_file.KeyFile, Fleet, str, commissioning.Held | None]]:
    """An open meter and the fleet's file -> (meter, file, fleet, serial, what the meter has).

    ToolError: it is sealed, or has keys of another fleet.
    """
    keys = session.of(ctx).key_file()
    fleet = fleet_of(keys.keyring, what)
    with session.meter(ctx, keys) as meter:
        commissioning.need_open(meter, what)
        serial = derive.serial_of(meter.request("info")["serial"])
        has = commissioning.held(meter)
        if has is not None:
            commissioning.check(has, fleet, serial)
        yield meter, keys, fleet, serial, has


def _bring_up(meter: Link, keys: key_file.KeyFile, fleet: Fleet, serial: str) -> None:
    generation, group = commissioning.bring_up(meter, fleet, serial, fleet.meters[serial].group)
    if fleet.meters[serial].generation != generation:
        keys.save(fleet.with_meter(serial, generation, group))
    told = f", group {group}" if group else ""
    print(f"meter {serial} has its keys: generation {generation}{told}")
