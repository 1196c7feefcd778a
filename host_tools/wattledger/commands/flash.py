"""wattledger flash"""

import time
from pathlib import Path

import typer

from wattledger import partitions, session
from wattledger.commands import deploy
from wattledger.errors import ToolError
from wattledger.flashing import console, image, sealed, writing
from wattledger.flashing.esptool import BAUD, Esptool
from wattledger.link import BOOT_TIMEOUT_S, Link

PORT = typer.Option(None, "--port", help="Serial port of the module.")
SPEED = typer.Option(BAUD, "--baud", help="Speed of esptool; 115200 if a cable is bad.")
YES = typer.Option(False, "--yes", help="Do not ask.")
DRY_RUN = typer.Option(False, "--dry-run", help="Print each command, touch nothing.")
NVS = "nvs"  # the partition that keys and seal are in
FIRST_START_S = 60  # a first start formats the file system
_RUNNING_S = 1.5


def command(
    ctx: typer.Context,
    board: str = typer.Option(..., "--board", help="Folder name below boards/."),
    firmware: Path = typer.Option(..., "--firmware", help="ESP32_GENERIC-....bin, 1.24 or newer."),
    port: str | None = PORT,
    baud: int = SPEED,
    yes: bool = YES,
    dry_run: bool = DRY_RUN,
    erase: bool = typer.Option(False, "--erase", help="Erase what the meter has counted, too."),
    output: Path | None = typer.Option(None, "--output", help="Folder of the files made."),
) -> None:
    """Make a meter of a bare module: MicroPython, the flash map of the board, the software."""
    chip = partitions.board_toml(board)["chip"]
    table = partitions.of_board(board)
    checked = image.check(firmware.name, _read(firmware), chip)
    image.fit(checked, table)
    esptool = Esptool(port_of(ctx, port, dry_run), chip, baud, dry_run)
    folder = output or Path(f"flash-{board}")
    folder.mkdir(parents=True, exist_ok=True)
    is_sealed = not dry_run and commit(esptool.port, session.of(ctx).keyring_if_given)
    with esptool.untouched():
        todo = _agreed(esptool, checked, table, folder, erase, yes)
    writing.write(esptool, todo, folder)
    if dry_run:
        print(f"wattledger --port {esptool.port} deploy --board {board}")
        return
    print(f"read back: as written. The image in one file: {folder / 'image.bin'}")
    has_seal = is_sealed and any(p.name == NVS for p in todo.kept)
    if not has_seal or not _stays_sealed(esptool.port):
        _deploy(esptool.port, board)


def _agreed(
    esptool: Esptool,
    firmware: image.Firmware,
    table: list[partitions.Partition],
    folder: Path,
    erase: bool,
    yes: bool,
) -> writing.Plan:
    """Look at the module, show the map, ask. ToolError, or the exit of a no: nothing is done."""
    module = esptool.module()
    writing.check_module(module, table)
    present = writing.present_table(esptool, folder)
    todo = writing.plan(firmware, table, None if erase else present)
    for line in todo.lines():
        print(line)
    if todo.lost:
        raise ToolError(
            f"flash: the module has a meter partition at {todo.lost.offset:#x}, which this map"
            " overwrites: wattledger backup, then flash with --erase"
        )
    if module:
        lost = "keeps what the meter has counted" if todo.kept else "ERASES the module"
        ask(f"This writes module {module.mac} on {esptool.port} and {lost}. Go on?", yes)
    return todo


def port_of(ctx: typer.Context, port: str | None, dry_run: bool = False) -> str:
    """-> the port to flash. ToolError: none was given; it names those that are there."""
    given = port or session.of(ctx).port
    if given != session.VIRTUAL:
        return given
    from serial.tools import list_ports

    there = [entry.device for entry in list_ports.comports()]
    if dry_run:
        return there[0] if there else "/dev/ttyUSB0"
    seen = f"there are {', '.join(there)}" if there else "none is there: plug the module in"
    raise ToolError(f"flash: which port? give --port: {seen}")


def ask(question: str, yes: bool) -> None:
    """Exit code 1 unless the answer is yes."""
    if not yes:
        typer.confirm(question, abort=True)


def commit(port: str, keyring: sealed.Keys = None) -> bool:
    """A meter that runs saves what it has counted, as esptool resets it like a power cut.

    One that cannot is told of; it is no reason not to go on. -> whether it is sealed
    keyring  called if it is; None: no keys were given
    """
    if not console.wait_for_prompt(port, _RUNNING_S)[0]:
        found = session.sealed_on(port, keyring)
        if found is None:
            return False
        with found:
            print(sealed.save(found, keyring))
        return True
    try:
        with Link(port) as meter:
            if not meter.has_software():
                return False
            meter.request("commit")
    except ToolError as error:
        print(f"it could not save its registers: {error}")
    else:
        print("the meter has saved its registers")
    return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ToolError(
            f"{path}: {error.strerror}: download it from micropython.org/download/ESP32_GENERIC"
        ) from None


def _stays_sealed(port: str) -> bool:
    """Whether a meter that was sealed is so again once it has started; its software is no less."""
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    while time.monotonic() < deadline:
        found = session.sealed_on(port)
        if found is not None:
            found.close()
            print("the meter is sealed and runs the software that it had: wattledger update")
            return True
    return False


def _deploy(port: str, board: str) -> None:
    came, said = console.wait_for_prompt(port, FIRST_START_S)
    if not came:
        told = console.meaning(said) or "press reset, then wattledger deploy"
        raise ToolError(f"{port}: flashed, but no MicroPython prompt came: {told}")
    with Link(port) as meter:
        deploy.run(meter, board)
