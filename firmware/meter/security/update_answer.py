"""Answers to `stage` and `update`: new software goes into the free slot, is looked at as a whole,
and boots on trial. Loaded on demand."""

import binascii
from hashlib import sha256

from meter import codes
from meter.civil import EPOCH
from meter.compat import const
from meter.security import orders
from meter.security import update as rules
from meter.security.gate import from_base64
from meter.service import Refused

_NAMES_BYTES = const(600)
_DATA_BYTES = const(512)
_RESTART_TICKS = const(3)  # so that the answer gets out first


def stage(meter, identity, args):
    """One step on the free slot: `from`: what is in it, and what runs; else with a `path`: its
    state, `data` at `at`, `copy` from the slot that runs what has this digest, `remove`."""
    if "from" in args:
        return _names(meter.ports.slots(), args["from"])
    slots, path = _slots(meter), args["path"]
    if not rules.is_path(path):
        raise Refused("arguments", "stage: no path of a file in a slot")
    if "data" in args:
        return {"size": _write(slots, path, args["at"], from_base64(args["data"].encode()))}
    if args.get("remove"):
        slots.remove(path)
    found, wanted = slots.digest(path), args.get("copy")
    if wanted and (found is None or found[1] != wanted):
        there = slots.digest(path, slots.running)
        if there is not None and there[1] == wanted:
            found = slots.copy(path)
    return {"size": found and found[0], "sha256": found and found[1]}


def update(meter, identity, args):
    """Verify the free slot against its manifest and the maker's order, and let it boot."""
    if meter.state != "ready":
        raise Refused("state", "update: the journal is " + meter.state + ": format it first")
    slots, gate, ports = _slots(meter), meter.gate, meter.ports
    data = slots.load(rules.MANIFEST, rules.MANIFEST_BYTES)
    digest = str(binascii.hexlify(sha256(data or b"").digest()), "ascii")
    if digest != args["manifest"]:
        raise Refused("update", "manifest: " + digest[:16] + " is here: send it again")
    manifest = rules.parse(data)
    running, now = version(slots), ports.clock.now()
    legal = identity["software"]
    if gate.seal.repl_open(now if ports.clock.quality() else 0):
        legal = None
    rules.check(manifest, ports.name, running, slots.abi, legal)
    rules.verify(manifest, slots, ports.watchdog.feed)
    orders.require(meter, "update", digest, args)
    t = max(meter.live.t, now - EPOCH)
    meter.events.log(codes.EVENT_UPDATE, t, running, manifest["version"], 0)
    meter.commit()
    slots.flip()
    ports.restart_in = _RESTART_TICKS
    return {"slot": slots.free, "version": manifest["version"], "legal": manifest["legal"]}


def version(slots):
    """-> build number of the software that runs, 0: it has none"""
    data = slots.load(rules.MANIFEST, rules.MANIFEST_BYTES, slots.running)
    try:
        return rules.parse(data or b"")["version"]
    except Refused:
        return 0


def _slots(meter):
    """-> the port. The fall-back of a slot on trial is not free."""
    slots = meter.ports.slots()
    if slots.on_trial():
        raise Refused("state", "update: slot " + slots.running + " is on trial: a minute more")
    return slots


def _names(slots, first):
    names, size, found = slots.names(), 0, []
    for name in names[first:]:
        size += len(name) + 4
        if size > _NAMES_BYTES:
            break
        found.append(name)
    return {
        "slot": slots.free,
        "names": found,
        "of": len(names),
        "version": version(slots),
        "trial": slots.on_trial(),
        "abi": slots.abi,
    }


def _write(slots, path, at, data):
    """-> size of the file. What was written before its answer was lost may come again."""
    size = slots.size(path) or 0
    if not 0 < len(data) <= _DATA_BYTES:
        raise Refused("arguments", "stage: expected 1 to 512 bytes of data")
    if at and at != size:
        if at + len(data) == size and slots.load(path, size)[at:] == data:
            return size
        raise Refused("state", "stage: " + path + " has %d bytes" % size)
    slots.write(path, at, data)
    return at + len(data)
