"""A sealed meter on the bench: what doctor sees of it through its console, and how it saves what
it has counted before esptool resets it. The ROM knows no seal; the REPL is shut."""

from collections.abc import Callable, Iterator
from typing import Any

from wattledger.errors import ToolError
from wattledger.flashing.checks import BAD, NOTE, OK, Check, alerts, clock, journal
from wattledger.security.keyring import Keyring
from wattledger.security.sealed_link import SealedLink

BEHIND_S = 10  # more than this between the clock and what is counted is told

Keys = Callable[[], Keyring] | None


def examine(meter: SealedLink, keyring: Keys, restart: bool, now_s: float) -> Iterator[Check]:
    """Check after check, by requests alone; without keys those that everybody may send.

    restart   it was asked for; it is refused, as the reset would cost what is not saved
    now_s     the computer's clock, Unix seconds
    """
    yield console(meter.told)
    found = keys(meter, keyring)
    yield found
    info = (meter if found.state == OK else meter.without_keys()).request("info")
    yield Check("module", OK, f"board {info['board']}, serial {info['serial']}")
    version = info["versions"]["firmware"]
    yield Check("software", OK, f"the meter runs, {version}, {info['software'][:16]}")
    yield counting(info)
    yield journal(info)
    yield from alerts(info)
    yield clock({}, info, now_s)
    unseen = "firmware, SPI and flash map" + (", and it was not restarted" if restart else "")
    yield Check(
        "unseen", NOTE, f"{unseen}: its REPL is shut", "wattledger unseal, then doctor again"
    )


def console(told: dict[str, Any]) -> Check:
    """told: what the meter says of itself to everybody, `hello`"""
    seen = f"its console answers: {told.get('seal')}, keys of generation {told['generation']}"
    if told.get("seal") != "sealed":
        return Check("seal", NOTE, seen, "wattledger seal")
    return Check("seal", OK, seen)


def keys(meter: SealedLink, keyring: Keys) -> Check:
    """Whether it answers to the keys that were given. ToolError: they cannot be read."""
    if meter.told["locked_s"]:
        seen = f"locked for {meter.told['locked_s']} s after failed attempts"
        return Check("keys", NOTE, seen, "try again then; who was on its line?")
    if keyring is None:
        seen = "none given, so only what everybody may see"
        return Check("keys", NOTE, seen, "give --keys FILE, a reader's or above")
    keyring()
    try:
        meter.request("info")
    except ToolError as error:
        return Check("keys", BAD, str(error), "give those of this meter")
    return Check("keys", OK, "it answers to these")


def counting(info: dict[str, Any]) -> Check:
    """Whether the ticks go on: by them alone it shows that the metering IC answers."""
    behind_s = info["utc"] - info["counted_to"]
    if info["state"] == "ready" and info["clock"] and behind_s > BEHIND_S:
        return Check("metering", BAD, f"it has counted up to {behind_s} s ago", "see its alerts")
    return Check("metering", OK, "it counts")


def save(meter: SealedLink, keyring: Keys) -> str:
    """Have it write its registers, which takes a utility's key. -> what to tell the user.

    ToolError: the keys cannot be read.
    """
    if keyring is not None:
        keyring()
    try:
        if keyring is not None:
            meter.request("commit")
            return "the meter has saved its registers"
        lost_s = meter.request("info")["save_period_s"]
    except ToolError as error:
        return f"it could not save its registers, the last minute may be missing: {error}"
    return (
        f"the meter is sealed: what it has counted since its last commit, {lost_s} s at most, may"
        " be missing: with --keys FILE, a utility's, it is saved first"
    )
