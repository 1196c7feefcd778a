"""wattledger backup and wattledger restore"""

from pathlib import Path

import typer

from wattledger import session
from wattledger.commands.flash import DRY_RUN, PORT, SPEED, YES, ask, commit, port_of
from wattledger.flashing import backup
from wattledger.flashing.esptool import Esptool

BOARD = typer.Option(None, "--board", help="Only for --dry-run, which cannot ask the module.")


def save(
    ctx: typer.Context,
    file: Path = typer.Argument(..., help="File to write; FILE.json is its header."),
    port: str | None = PORT,
    baud: int = SPEED,
    board: str | None = BOARD,
    dry_run: bool = DRY_RUN,
) -> None:
    """Read all that a meter has counted into a file. It stops metering meanwhile.

    A sealed one saves its registers first if --keys has a utility's key.
    """
    esptool = Esptool(port_of(ctx, port, dry_run), backup.CHIP, baud, dry_run)
    if not dry_run:
        commit(esptool.port, session.of(ctx).keyring_if_given)
    with esptool.untouched():
        module = esptool.module()
        part = backup.meter_partition(esptool, board, file)
        header = backup.save(esptool, module, part, file)
    if header:
        print(
            f"{file}: meter {header.serial}, {header.size} bytes from {header.offset:#x}, SHA-256"
            f" {header.sha256[:16]}"
        )


def restore(
    ctx: typer.Context,
    file: Path = typer.Argument(..., help="What wattledger backup has written."),
    port: str | None = PORT,
    baud: int = SPEED,
    board: str | None = BOARD,
    other_chip: bool = typer.Option(False, "--other-chip", help="The first meter is gone."),
    yes: bool = YES,
    dry_run: bool = DRY_RUN,
) -> None:
    """Write a backup into the meter partition, over what that holds."""
    header, data = backup.load(file)
    esptool = Esptool(port_of(ctx, port, dry_run), header.chip, baud, dry_run)
    with esptool.untouched():
        module = esptool.module()
        part = backup.meter_partition(esptool, board, file)
        backup.check_target(header, module, part, header.chip, other_chip)
        if module:
            ask(
                f"This overwrites what meter {module.mac} has counted by the backup of"
                f" {header.saved}. Go on?",
                yes,
            )
    backup.put(esptool, part, file, data)
    if not dry_run:
        print(f"meter {header.serial}: {header.size} bytes restored and read back")
