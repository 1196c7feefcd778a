"""Answers to the requests of somebody who calibrates: loaded on demand, as meter.answers is."""

import binascii
import hashlib

from meter import calibration as record_of
from meter import codes
from meter.civil import EPOCH
from meter.compat import const
from meter.errors import MeterError
from meter.measuring import Measuring
from meter.service import Refused

_CHUNK_BYTES = const(512)
_QUIET_S = const(5)  # each calibration is an event of its own, and nobody floods the ring at once


def calibration(meter, identity, args):
    """The record in force, 512 bytes from `from`; `digest`: first make that file the record."""
    store, ic = meter.ports.calibration_store(), _ic(meter)
    if "digest" in args:
        _need_leave(meter, args)
        _take(meter, store, ic, args["digest"])
    data = record_of.choose(store.copies(), ic)[0] or b""
    at = args.get("from", 0)
    chunk = bytes(data[at : at + _CHUNK_BYTES])
    return {
        "ic": ic,
        "size": len(data),
        "digest": _digest(data).hex() if data else None,
        "data": str(binascii.b2a_base64(chunk), "ascii").strip(),
        "fault": meter.calibration_fault,
        "num": meter.ports.chip.energy_ratio[0],
        "den": meter.ports.chip.energy_ratio[1],
    }


def measure(meter, identity, args):
    """Sums over ticks; `ticks`: begin anew. 0 done: come back later."""
    if "ticks" in args:
        meter.measuring = Measuring(args["ticks"])
    found = meter.measuring
    if found is None:
        raise Refused("state", "measure: nothing was begun: give ticks first")
    return {
        "ticks": max(0, found.done),
        "of": found.ticks,
        "seconds": max(0, found.ended - found.began),
        "v_mv": found.v_mv,
        "i_ma": found.i_ma,
        "p_mw": found.p_mw,
        "freq_mhz": found.freq_mhz,
        "counts": found.counts,
    }


def _need_leave(meter, args):
    """Only with the seal open, and if there are keys, signed by the maker."""
    gate = meter.gate
    if gate is not None:
        if not gate.seal.repl_open(gate.clock.quality() and gate.clock.now()):
            raise Refused("state", "calibration: the meter is sealed: unseal it first")
        from meter.security import orders

        orders.require(meter, "calibration", args["digest"], args)


def _take(meter, store, ic, digest):
    """Give the chip what the file says; event and record stay, or everything is as before."""
    ports = meter.ports
    if meter.state != "ready":
        raise Refused("state", "calibration: the journal is " + meter.state + ": format it first")
    data = store.candidate(digest)
    if data is None or _digest(data).hex() != digest:
        raise Refused("arguments", "calibration: no file of this digest: write it first")
    record = record_of.unpack(data)
    if not record["ic"].startswith(ic):
        raise Refused("arguments", "calibration: for " + record["ic"] + ", this meter has " + ic)
    before = record_of.choose(store.copies(), ic)[0]
    meter.count(ports.clock.now())  # what has flowed was measured with the values of before
    old = ports.calibration
    try:
        ports.chip.start(record["registers"])
        head = _head(before) if before else 0
        meter.events.log(codes.EVENT_CALIBRATION, _now(meter), head, _head(data), _QUIET_S)
        store.store(data)
    except MeterError:
        ports.chip.start(old)
        raise
    ports.calibration = record["registers"]
    meter.calibration_fault = None
    meter.commit()


def _now(meter):
    return max(meter.live.t, meter.ports.clock.now() - EPOCH)


def _ic(meter):
    return type(meter.ports.chip).__name__.upper()


def _digest(data):
    return hashlib.sha256(data).digest()


def _head(data):
    return int.from_bytes(_digest(data)[:7], "big")
