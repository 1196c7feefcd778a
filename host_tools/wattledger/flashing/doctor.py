"""What can be wrong with a meter on the bench, check by check, each with what to do."""

import contextlib
import grp
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wattledger import partitions, session
from wattledger.errors import ToolError
from wattledger.flashing import console, probes, sealed
from wattledger.flashing.checks import BAD, NOTE, OK, Check, alerts, clock, journal
from wattledger.flashing.image import VERSION_MIN
from wattledger.link import Link
from wattledger.partitions import Partition

PROMPT_S = 4
RESTART_S = 20
HEAP_MIN = 20_000  # bytes; a bill and the console want less
_KINDS = {0: "app", 1: "data"}
_CAUSES = {1: "power-on", 2: "reset", 3: "watchdog", 4: "deep sleep", 5: "soft reset"}
_WATCHDOG = 3


def examine(
    port: str, board: str | None, restart: bool = False, keyring: sealed.Keys = None
) -> Iterator[Check]:
    """Check after check, until one makes the next ones impossible.

    board    whose flash map and ratings are expected; None: what the meter says it is
    restart  reset the module and read its boot log; nothing else here changes anything
    keyring  called if the meter is sealed; None: no keys were given
    """
    found = list(port_checks(port))
    yield from found
    if any(check.state == BAD for check in found):
        return
    came, said = console.wait_for_prompt(port, PROMPT_S)
    behind_seal = None if came else session.sealed_on(port, keyring)
    if restart and behind_seal is None:
        came, said = _restart(port, came)
        behind_seal = None if came else session.sealed_on(port, keyring)
    if behind_seal is not None:
        with behind_seal:
            yield from sealed.examine(behind_seal, keyring, restart, time.time())
        return
    yield _boot(port, came, said, restart)
    if not came:
        return
    with Link(port) as meter:
        facts = meter.probe(probes.FIRMWARE)
        yield firmware(facts)
        yield module(facts)
        raised = meter.probe(probes.SOFTWARE)
        yield software(raised, board)
        info = None
        if raised is None:
            info = meter.request("info")
            yield spi(meter.probe(probes.chip_code()))
            yield journal(info)
            yield from alerts(info)
        yield clock(facts, info, time.time())
        yield flash_map(facts, board or (info or {}).get("board"))


def port_checks(port: str) -> Iterator[Check]:
    """The port as a file: there, and ours."""
    path = Path(port)
    if not path.exists():
        from serial.tools import list_ports

        there = ", ".join(entry.device for entry in list_ports.comports()) or "none"
        yield Check(
            "port",
            BAD,
            f"{port} does not exist; there are: {there}",
            "plug the module in by a cable that carries data, or give --port",
        )
        return
    yield Check("port", OK, port)
    if os.access(path, os.R_OK | os.W_OK):
        yield Check("permission", OK, "may be read and written")
        return
    try:
        group = grp.getgrgid(path.stat().st_gid).gr_name
    except KeyError:
        group = str(path.stat().st_gid)
    yield Check(
        "permission",
        BAD,
        f"belongs to group {group}, you are not in it",
        f"sudo usermod -aG {group} $USER, then log in again",
    )


def _restart(port: str, listens: bool) -> tuple[bool, str]:
    """A meter that listens saves its registers and restarts itself; else by the reset line."""
    if not listens:
        return console.restart(port, RESTART_S)
    with Link(port) as meter:
        if meter.has_software():
            with contextlib.suppress(ToolError):
                meter.request("commit")
        return True, meter.reset()


def _boot(port: str, came: bool, said: str, restarted: bool) -> Check:
    told = console.meaning(said)
    lines = [line.strip() for line in said.splitlines() if line.strip(" \r>")]
    if came:
        if "Traceback" in said:
            return Check("boot", BAD, lines[-1], "wattledger deploy; the lines below say more")
        how = f"{len(lines)} lines, then the prompt" if restarted else "MicroPython's prompt"
        return Check("boot", NOTE if told and restarted else OK, how, told or "")
    if told:
        return Check("boot", BAD, f"no prompt; it said {lines[-1][:60]!r}", told)
    if lines:
        return Check(
            "boot",
            BAD,
            f"no prompt; it said {lines[-1][:60]!r}",
            "something else runs on it, or at another speed: wattledger flash",
        )
    cure = "press reset, see that its supply is on, or read its boot log: --restart"
    return Check("boot", BAD, f"no prompt, and {port} is silent", cure)


def firmware(facts: dict[str, Any]) -> Check:
    version = ".".join(map(str, facts["version"]))
    seen = f"{facts['name']} {version}, {facts['free']} bytes free, started by" + (
        f" {_CAUSES.get(facts['reset_cause'], facts['reset_cause'])}"
    )
    if facts["name"] != "micropython" or tuple(facts["version"][:2]) < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        return Check("firmware", BAD, seen, f"MicroPython {wanted} or newer: wattledger flash")
    if facts["free"] < HEAP_MIN:
        return Check("firmware", NOTE, seen, f"less than {HEAP_MIN} bytes free: restart it")
    if facts["reset_cause"] == _WATCHDOG:
        return Check("firmware", NOTE, seen, "a watchdog reset it: see wattledger events")
    return Check("firmware", OK, seen)


def module(facts: dict[str, Any]) -> Check:
    about = facts["machine"] or "a module that does not say what it is"
    seen = f"{about}, serial {facts['serial']}"
    if set(facts["serial"]) <= {"0"} or set(facts["serial"]) <= {"f"}:
        return Check("module", BAD, seen, "its MAC is blank: take another module")
    return Check("module", OK, seen)


def software(raised: str | None, board: str | None) -> Check:
    if raised is None:
        return Check("software", OK, "the meter runs")
    which = f" --board {board}" if board else ""
    if "'app'" in raised:
        return Check("software", BAD, "none", f"wattledger deploy{which or ' --board BOARD'}")
    if "no partition" in raised:
        return Check("software", BAD, raised, f"wattledger flash{which or ' --board BOARD'}")
    return Check("software", BAD, raised, f"wattledger deploy{which}")


def spi(answer: tuple[str, int | str | bool]) -> Check:
    """answer: of probes.CHIP"""
    name, seen = answer
    if isinstance(seen, str):  # what the driver raised tells the wires itself
        return Check("SPI", BAD, f"{name}: {seen}", "check the IC's wires and its supply")
    if name not in probes.CHIPS:
        if seen:
            return Check("SPI", OK, f"{name}: holds its configuration")
        cure = "check the IC's wires and its supply; wattledger info shows its alerts"
        return Check("SPI", BAD, f"{name}: does not hold its configuration", cure)
    asked, _, wanted, digits = probes.CHIPS[name]
    text = f"{name}: asked {asked}, chip answered 0x{seen:0{digits}x}"
    if seen == wanted:
        return Check("SPI", OK, text)
    text += f", expected 0x{wanted:0{digits}x}"
    return Check("SPI", BAD, text, probes.wiring(wanted, seen, digits))


def flash_map(facts: dict[str, Any], board: str | None) -> Check:
    """The module's partitions against those of board.toml."""
    there = [Partition(row[4], _KINDS[row[0]], *row[1:4]) for row in facts["table"]]
    seen = ", ".join(f"{p.name} {p.offset:#x}+{p.size:#x}" for p in there)
    if board is None:
        return Check("flash map", NOTE, seen, "give --board to compare it")
    try:
        wanted = partitions.of_board(board)
    except ToolError as error:
        return Check("flash map", NOTE, seen, str(error))
    size = facts["flash_size"]
    last = max(p.offset + p.size for p in wanted)
    if size and size < last:
        return Check(
            "flash map", BAD, f"{size:#x} bytes of flash, expected {last:#x}", "a larger module"
        )
    missing = [p.name for p in wanted if p not in there]
    if missing:
        cure = f"wattledger flash --board {board}"
        return Check("flash map", BAD, f"{seen}; not as in board.toml: {', '.join(missing)}", cure)
    return Check("flash map", OK, seen)
