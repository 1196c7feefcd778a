"""Orders: what a meter with keys does only because its utility or its maker has signed it.

Loaded on demand. docs/protocol.md, "Orders".
"""

import binascii
import struct
from hashlib import sha256

from meter.compat import const
from meter.errors import MeterError
from meter.security.gate import from_base64
from meter.service import Refused

KINDS = ("tariff", "prices", "calibration", "update", "view", "event")  # by place in the vault
_OF_MAKER = ("calibration", "update")
_HEAD = "wattledger order 1"
_ENTRY = "<I4s"  # by kind: version of the newest order, first bytes of its argument's SHA-256
_ENTRY_SIZE = const(8)
_MARK_SIZE = const(4)
_SIG_CHARS = const(88)  # base64 of r || s
_NUMBER_MAX = const(0xFFFFFFFF)
_UNFIT = (LookupError, TypeError, ValueError, AttributeError)


def require(meter, kind, argument, args):
    """Refused: this request to a meter with keys has no order, or none that `check` lets pass.

    args   of the request, with the order under "order"
    """
    gate = meter.gate
    if gate is None or gate.keys is None:
        return
    order, now = args.get("order"), gate.clock.now() if gate.clock.quality() else 0
    feed = meter.ports.watchdog.feed
    check(kind, argument, order, gate.keys, gate.vault, gate.serial6, now, feed)


def check(kind, argument, order, keys, vault, serial, now, feed):
    """Let a good order pass. Its version is in the vault before anything is done.

    The newest one passes again with the same argument, so that whoever was cut off can finish it.
    kind      one of KINDS; argument: what is ordered, text rebuilt from the request itself
    order     {"target", "version", "until", "sig"}
    serial    6 bytes; now: Unix seconds, 0 with a clock that is not to be believed
    feed      called often meanwhile, for the watchdog
    Refused: with the same text whatever is wrong. MeterError: the vault failed.
    """
    held, at = _versions(vault), _ENTRY_SIZE * KINDS.index(kind)
    mark = sha256(argument.encode()).digest()[:_MARK_SIZE]
    try:
        is_good = _is_in_time(order, now) and _is_meant(order["target"], keys, serial)
        is_good = is_good and _is_newer(
            order["version"], mark, struct.unpack_from(_ENTRY, held, at)
        )
        is_good = is_good and _is_signed(kind, argument, order, keys, feed)
    except _UNFIT:
        is_good = False
    if not is_good:
        raise Refused("order", "order: refused")
    entry = struct.pack(_ENTRY, order["version"], mark)
    if held[at : at + _ENTRY_SIZE] != entry:
        held[at : at + _ENTRY_SIZE] = entry
        vault.store("orders", bytes(held))


def _versions(vault):
    size, data = _ENTRY_SIZE * len(KINDS), vault.load("orders")
    if data is not None and len(data) != size:
        raise MeterError(
            "orders: " + str(len(data)) + " bytes in the vault, expected " + str(size)
            + ": replace the board"
        )  # fmt: skip
    return bytearray(data or size)


def _is_in_time(order, now):
    until = _number(order["until"], 0)
    return not until or 0 < now <= until


def _is_meant(target, keys, serial):
    """Whether it is for this meter, for its group, or for all."""
    if target == "*" or target == str(binascii.hexlify(serial), "ascii"):
        return True
    return keys.group != "" and target == "group:" + keys.group


def _is_newer(version, mark, kept):
    return _number(version, 1) > kept[0] or (version, mark) == kept


def _is_signed(kind, argument, order, keys, feed):
    words = (_HEAD, kind, order["target"], str(order["version"]), str(order["until"]), argument)
    if len(order["sig"]) != _SIG_CHARS:
        return False
    signature = from_base64(order["sig"].encode())
    public = keys.maker_public if kind in _OF_MAKER else keys.utility_public
    from meter.security import p256

    return p256.verify(public, sha256("\n".join(words).encode()).digest(), signature, feed)


def _number(value, low):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= _NUMBER_MAX:
        raise ValueError
    return value
