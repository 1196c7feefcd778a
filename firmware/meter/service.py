"""The wire: one line of JSON in, one line out, the same on every road (docs/protocol.md)."""

import binascii
import json

from meter import codes
from meter.compat import const, forget
from meter.errors import MeterError
from meter.limits import LINE_BYTES

PROTOCOL = const(1)
JOURNAL = const(1)
_ROWS_BYTES = const(512)  # raw bytes of records in one answer
_ROWS_TRIED = const(256)  # of which no more may turn out not to be for the asker
# What a request can be wrong by, however deep in an answer it is found.
_UNFIT = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
)


class Refused(Exception):
    """A request that cannot be carried out: (code, text)."""


class Service:
    """Answers requests about one Meter.

    identity   {"serial", "board", "firmware", "software"}: strings shown by `info`; "more": a
               function, -> pairs of what else it shows
    kept       names of meter.request.ON_DEMAND that stay loaded, for who asks each second
    """

    def __init__(self, meter, identity):
        self.meter, self.kept = meter, []
        self._identity = identity

    def handle(self, role, line, admit=None):
        """bytes -> bytes, one line each; never raises for what is in the line.

        role    one of meter.request.ROLES, by whatever brought the line
        admit   called with (do, args) when the role may, before it is done; raises Refused
        """
        number, meter, loaded = None, self.meter, ""
        try:
            from meter import request

            loaded = request.ON_DEMAND
            number, do, args = request.parse(line)
            request.permit(role, do)
            if admit is not None:
                admit(do, args)
            meter.locked = True
            try:
                answer = self._answer(role, do, args, request.place_of(do))
            finally:
                meter.locked = False
            reply = {"id": number, "ok": answer}
        except Refused as refused:
            reply = _error(number, *refused.args)
        except MeterError as error:
            reply = _error(number, "meter", str(error))
        except _UNFIT as error:
            reply = _error(number, "arguments", "args: " + repr(error)[:80])
        finally:
            for name in loaded.split():
                if name not in self.kept:
                    forget("meter." + name)
        out = json.dumps(reply).encode()
        if len(out) > LINE_BYTES:
            out = json.dumps(_error(number, "size", "the answer is too long")).encode()
        return out

    def _answer(self, role, do, args, place):
        gate = self.meter.gate
        if gate is not None and gate.seal.name != "open":
            if (role == "public" and do != "hello") or (role == "reader" and do == "rows"):
                place = "security.view"
        if gate is None and place.startswith("security"):
            raise Refused("state", do + ": this board has no vault for keys")
        if place == "readings" and do == "rows":
            return rows(self.meter, args)
        return getattr(_module(place), do)(self.meter, self._identity, args)


def rows(meter, args, since_utc=0):
    """-> the answer to `rows`. since_utc: of older rows nothing is told; the profile only, in
    which a utc stands in bytes 4 to 7."""
    name = args["ring"]
    ring = _ring(meter.journal, name)
    size, count = ring.slot_size, args.get("n", 64)
    buf, found, crc = bytearray(size), [], 0
    seq = first = max(args["from_seq"], ring.first_seq, 1)
    while seq <= ring.last_seq and len(found) < min(count, _ROWS_BYTES // size):
        if seq - first >= _ROWS_TRIED:
            break
        if ring.read(seq, buf) and int.from_bytes(buf[4:8], "little") >= since_utc:
            found.append(str(binascii.b2a_base64(bytes(buf)), "ascii").strip())
            crc = binascii.crc32(buf, crc)
        seq += 1
    return {
        "ring": name,
        "from": first,
        "rows": found,
        "crc": crc,
        "next": seq,
        "first": ring.first_seq,
        "last": ring.last_seq,
        "salt": ring.salt or 0,
    }


def _ring(journal, name):
    if name in codes.GROUPS:
        return journal.events[codes.GROUPS.index(name)]
    if name not in ("profile", "ledger", "snapshots"):
        raise Refused("arguments", "rows: no ring of this name")
    return getattr(journal, name)


def _module(place):
    """-> meter.<place>, loaded on demand"""
    found = __import__("meter." + place)
    for name in place.split("."):
        found = getattr(found, name)
    return found


def _error(number, code, text):
    return {"id": number, "error": {"code": code, "text": text}}
