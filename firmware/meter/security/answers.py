"""Answers to the requests of the gate itself: loaded on demand, as meter.answers is.

Whatever alters who may come in leaves an event first, and is then one store of the vault.
"""

import binascii
import struct

from meter import codes
from meter.civil import EPOCH
from meter.compat import const
from meter.errors import MeterError
from meter.security import keys as keys_of
from meter.security.gate import from_base64
from meter.security.lock import held
from meter.security.seal import WINDOW_S
from meter.service import Refused

_STATES = ("open", "sealed", "broken")  # in events: by place
_VIEW = "<BH"
_ORDERS = "<" + "I4x" * 6
_VIEWS = const(3)
_DAYS_MAX = const(3650)


def hello(meter, identity, args):
    """What a session begins with: a nonce for the first read (null on the REPL), the counters
    that a change must pass, the versions that an order must, the time that an expiry is reckoned
    from, and the lock."""
    gate = meter.gate
    now, road, nonce = gate.clock.now(), gate.road, gate.next_nonce()
    return {
        "serial": identity["serial"],
        "nonce": nonce and str(binascii.hexlify(nonce), "ascii"),
        "counters": gate.counters,
        "orders": _order_versions(gate.vault),
        "utc": now,
        "clock": gate.clock.quality(),
        "seal": gate.seal.name,
        "locked_s": road.lock.left_s(now) if road else 0,
        "generation": gate.keys.generation if gate.keys else 0,
    }


def _order_versions(vault):
    """-> of the newest order of each kind, by its place in meter.security.orders"""
    return list(held(vault, "orders", _ORDERS, (0,) * 6))


def seal(meter, identity, args):
    """Close the REPL: if it is open, the machine is reset within a second or two."""
    gate, name = meter.gate, meter.gate.seal.name
    if gate.keys is None:
        raise Refused("state", "seal: no keys, nobody could unseal: run wattledger keys install")
    if name != "sealed":
        _need_journal(meter, "seal")
        _event(meter, codes.EVENT_SEAL, _STATES.index(name), gate.keys.generation)
        gate.seal.close()
        gate.leave = False
    return {"seal": gate.seal.name}


def unseal(meter, identity, args):
    """Open the REPL for ten minutes; the seal stays broken until the meter is sealed again.

    A meter whose journal is not ready can be opened too, or nobody could repair it.
    """
    gate, name, now = meter.gate, meter.gate.seal.name, meter.gate.clock.now()
    if name == "open":
        return {"seal": name, "until": None}
    if meter.state == "ready":
        _event(meter, codes.EVENT_UNSEAL, _STATES.index(name), now + WINDOW_S)
    gate.seal.open(now)
    gate.leave = True
    return {"seal": gate.seal.name, "until": now + WINDOW_S}


def keys(meter, identity, args):
    """Install the first keys, or those of the next generation; twice the same: nothing happens.

    The event that says so is the last one under the old evidence key.
    """
    gate = meter.gate
    if not gate.seal.repl_open(gate.clock.quality() and gate.clock.now()):
        raise Refused("state", "keys: the meter is sealed: unseal it first")
    data = from_base64(args["data"].encode())
    new, old = _unpacked(data), gate.keys.generation if gate.keys else 0
    if data != gate.vault.load("keys"):
        if old and new.generation != old + 1:
            raise Refused("state", "keys: expected generation " + str(old + 1) + ": rotate once")
        _need_journal(meter, "keys")
        _event(meter, codes.EVENT_KEYS, old, new.generation)
        gate.vault.store("keys", data)
    gate.keys = new
    meter.key = meter.book.key = meter.events.key = new.evidence
    return {"generation": new.generation}


def view(meter, identity, args):
    """Choose what the public sees, and how many days of the profile a reader does."""
    public, days = args["public"], args["days"]
    if not (public in range(_VIEWS) and days in range(_DAYS_MAX + 1)):
        raise Refused("arguments", "view: public 0 nothing 1 totals 2 rates, days 0 (all) to 3650")
    gate = meter.gate
    old, new = struct.pack(_VIEW, *gate.view()), struct.pack(_VIEW, public, days)
    from meter.security import orders

    orders.require(meter, "view", str(public) + " " + str(days), args)
    if new != old:
        if meter.state == "ready":
            _event(meter, codes.EVENT_VIEW, _number(old), _number(new))
        gate.vault.store("view", new)
    return {"public": public, "days": days}


def _unpacked(data):
    try:
        return keys_of.unpack(data)
    except MeterError as error:
        raise Refused("arguments", str(error))


def _need_journal(meter, do):
    if meter.state != "ready":
        raise Refused("state", do + ": the journal is " + meter.state + ": format it first")


def _event(meter, event, before, after):
    """MeterError: it is not in the flash, so what it tells of must not happen."""
    ring = meter.journal.events[codes.SECURITY]
    seq = ring.last_seq
    t = max(meter.live.t, meter.ports.clock.now() - EPOCH)
    meter.events.log(event, t, before, after, 0)
    if ring.last_seq == seq:
        raise MeterError("events: the event was not stored: nothing was done: try again")


def _number(view):
    public, days = struct.unpack(_VIEW, view)
    return public << 16 | days
