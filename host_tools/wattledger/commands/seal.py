"""wattledger seal and wattledger unseal"""

import contextlib
import time
from typing import Any

import typer

from wattledger import session, show
from wattledger.commands.flash import YES, ask
from wattledger.errors import ToolError
from wattledger.link import BOOT_TIMEOUT_S, Link
from wattledger.security import commissioning, derive
from wattledger.security.key_file import KeyFile

_POLL_S = 0.5
WHAT_STAYS = (
    "its REPL closes: mpremote, deploy and calibrate need wattledger unseal first",
    "with --keys these go on: info registers profile events bill verify audit tariff prices clock"
    " watch update, and doctor as far as it sees through the seal",
    "without keys it tells that it is there and well, and its totals",
    "flash and backup go past any seal of software: docs/security.md says what holds",
)


def seal(ctx: typer.Context, yes: bool = YES) -> None:
    """Close the REPL of a meter that has keys; it then answers who has a key, and no other."""
    keys = session.of(ctx).key_file()
    with session.meter(ctx, keys) as meter:
        if meter.sealed:
            _seal_again(meter)
            return
        serial = derive.serial_of(meter.request("info")["serial"])
        commissioning.prove(meter, keys.keyring, serial)
        print(f"meter {serial} will be sealed:")
        for line in WHAT_STAYS:
            print(f"  {line}")
        ask("Seal it?", yes)
        meter.request("seal")
        with contextlib.suppress(ToolError):  # it may be restarting by itself already
            meter.reset_and_close()
    info = _sealed_info(ctx, keys)
    print(f"meter {serial}: {info['seal']}, and it answers to {keys.path}")


def unseal(ctx: typer.Context) -> None:
    """Open the REPL of a sealed meter for ten minutes; it shows a broken seal until sealed."""
    with session.meter(ctx) as meter:
        if not meter.sealed:
            print("its REPL is open")
            return
        answer = meter.request("unseal")
    print(f"its REPL is open until {show.instant(answer['until'])}; its seal is broken")
    print("run wattledger seal when you are done: bills say that the seal is broken until then")


def _seal_again(meter: Link) -> None:
    """Of a meter whose time with an open REPL has run out."""
    if meter.request("info")["seal"] == "sealed":
        print("it is sealed")
        return
    print(f"sealed again: {meter.request('seal')['seal']}")


def _sealed_info(ctx: typer.Context, keys: KeyFile) -> dict[str, Any]:
    """-> what the meter says in an envelope, once its console is there."""
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    while True:
        try:
            with session.sealed_meter(ctx, keys) as meter:
                found: dict[str, Any] = meter.request("info")
                return found
        except ToolError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_POLL_S)
