"""Keys onto an open meter, through its REPL; whatever is cut is finished by doing it again."""

import base64
import hashlib
from dataclasses import dataclass

from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.security.derive import ROLES
from wattledger.security.keyring import Fleet, Keyring

# Runs on the device. Hashes tell whether two hold the same keys, and nothing else of them.
_PROBE = """
def _wl_held():
    import esp32, hashlib, binascii
    buf = bytearray(512)
    try:
        size = esp32.NVS("wl").get_blob("keys", buf)
    except OSError:
        return None
    def digest(start, end):
        return str(binascii.hexlify(hashlib.sha256(buf[start:end]).digest()), "ascii")
    return {
        "generation": int.from_bytes(buf[4:8], "little"),
        "group": str(bytes(buf[296:312]).rstrip(b"\\0"), "ascii"),
        "whole": digest(0, size),
        "roles": [digest(i, i + 32) for i in (8, 40, 72)],
    }
import json
print(json.dumps(_wl_held()))
del _wl_held
"""


@dataclass(frozen=True)
class Held:
    """What is known of the keys on a meter. whole, roles: SHA-256 in hex."""

    generation: int
    group: str
    whole: str
    roles: list[str]

    def is_of(self, fleet: Fleet, serial: str) -> bool:
        """Whether they are this fleet's, the public ones too."""
        blob = fleet.blob(serial, self.generation, self.group)
        return hashlib.sha256(blob).hexdigest() == self.whole


def held(meter: Link) -> Held | None:
    """-> of the meter on an open REPL, None: it has no keys."""
    found = meter.probe(_PROBE)
    return None if found is None else Held(**found)


def need_open(meter: Link, what: str) -> None:
    if meter.sealed:
        raise ToolError(f"{what}: the meter is sealed: wattledger unseal first")


def bring_up(meter: Link, fleet: Fleet, serial: str, group: str) -> tuple[int, str]:
    """Give the meter the fleet's keys, generation by generation. -> (generation, group) it has.

    group   of a meter without keys; one that has keys keeps its own
    ToolError: as `check`.
    """
    has = held(meter)
    if has is None:
        _install(meter, fleet, serial, fleet.generation, group)
        return fleet.generation, group
    check(has, fleet, serial)
    for generation in range(has.generation + 1, fleet.generation + 1):
        _install(meter, fleet, serial, generation, has.group)
    return fleet.generation, has.group


def check(has: Held, fleet: Fleet, serial: str) -> None:
    """ToolError: the meter has keys that are not this fleet's, or of a later generation."""
    if not has.is_of(fleet, serial):
        raise ToolError(
            f"keys: meter {serial} has keys that are not of this key file: nothing was done:"
            " give the file that they are of"
        )
    if has.generation > fleet.generation:
        raise ToolError(
            f"keys: meter {serial} has generation {has.generation}, this file is of"
            f" {fleet.generation}: give the newer file"
        )


def prove(meter: Link, keyring: Keyring, serial: str) -> None:
    """ToolError: with this key file nobody could unseal the meter."""
    has = held(meter)
    if has is None:
        raise ToolError("seal: the meter has no keys: wattledger keys install first")
    role = keyring.best_role(serial, "utility")
    key = keyring.key(serial, role, has.generation)
    if hashlib.sha256(key).hexdigest() != has.roles[ROLES.index(role)]:
        raise ToolError(
            "seal: the keys on the meter are not of this key file: you could not unseal it:"
            " nothing was done"
        )


def _install(meter: Link, fleet: Fleet, serial: str, generation: int, group: str) -> None:
    blob = fleet.blob(serial, generation, group)
    meter.request("keys", data=base64.b64encode(blob).decode())
    now = held(meter)
    if now is None or not now.is_of(fleet, serial) or now.generation != generation:
        raise ToolError("keys: the meter kept others than it was given: try again")
