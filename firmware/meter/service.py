"""The wire: one line of JSON in, one line out, the same on every road (docs/protocol.md)."""

import binascii
import json

from meter import codes
from meter.compat import const, forget
from meter.errors import MeterError
from meter.limits import LINE_BYTES

PROTOCOL = const(1)
JOURNAL = const(1)
ROLES = ("public", "reader", "utility", "maker")
_ROWS_BYTES = const(512)  # raw bytes of records in one answer
_ROWS_TRIED = const(256)  # of which no more may turn out not to be for the asker
# request -> lowest role, by its place in ROLES; a change or not; the place of its answer
_ROLE = const(3)
_CHANGE = const(4)  # through an envelope it costs a counter, which is stored, and not a nonce
_PLACE = const(3)  # bits above which it stands
_PLACES = "answers calibrating security.answers security.files_answer security.update_answer"
_REQUESTS = {
    "hello": 0 + 16,
    "info": 0,
    "registers": 0,
    "live": 1,
    "rows": 1,
    "bill": 1,
    "quality": 1,
    "get": 1 + 24,
    "put": 2 + 24,
    "tariff": 2 + _CHANGE,
    "prices": 2 + _CHANGE,
    "clock": 2 + _CHANGE,
    "load_switch": 2 + _CHANGE,
    "commit": 2 + _CHANGE,
    "seal": 2 + _CHANGE + 16,
    "unseal": 2 + _CHANGE + 16,
    "view": 2 + _CHANGE + 16,
    "stage": 2 + 32,
    "update": 2 + _CHANGE + 32,
    "format": 3 + _CHANGE,
    "calibration": 3 + 8,
    "measure": 3 + 8,
    "keys": 3 + _CHANGE + 16,
}
# What an answer loads; the order in which it goes. Texts take less room than lists of them.
_ON_DEMAND = (
    "answers statement billing billing_energy billing_line billing_rows records chain obis"
    " prices_check prices calibrating calibration measuring quality_answer quality_codes"
    " security.answers security.view security.files_answer security.update_answer"
    " security.update security.orders security.keys security.p256"
)
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

    identity   {"serial", "board", "firmware", "software"}: strings shown by `info`
    """

    def __init__(self, meter, identity):
        self.meter = meter
        self._identity = identity

    def handle(self, role, line, admit=None):
        """bytes -> bytes, one line each; never raises for what is in the line.

        role    one of ROLES, by whatever brought the line
        admit   called with (do, args) when the role may, before it is done; raises Refused
        """
        number, meter = None, self.meter
        try:
            number, do, args = _parse(line)
            if do not in _REQUESTS:
                raise Refused("unknown", "do: " + do[:32] + " is not a request")
            needed = role_of(do)
            if ROLES.index(role) < ROLES.index(needed):
                raise Refused("role", do + ": " + role + " may not: ask as " + needed)
            if admit is not None:
                admit(do, args)
            meter.locked = True
            try:
                answer = self._answer(role, do, args)
            finally:
                meter.locked = False
            reply = {"id": number, "ok": answer}
        except Refused as refused:
            reply = _error(number, *refused.args)
        except MeterError as error:
            reply = _error(number, "meter", str(error))
        except _UNFIT as error:
            reply = _error(number, "arguments", "args: " + repr(error)[:80])
        out = json.dumps(reply).encode()
        if len(out) > LINE_BYTES:
            out = json.dumps(_error(number, "size", "the answer is too long")).encode()
        return out

    def _answer(self, role, do, args):
        gate = self.meter.gate
        place = _PLACES.split()[_REQUESTS[do] >> _PLACE]
        if gate is not None and gate.seal.name != "open":
            if (role == "public" and do != "hello") or (role == "reader" and do == "rows"):
                place = "security.view"
        if gate is None and place.startswith("security"):
            raise Refused("state", do + ": this board has no vault for keys")
        try:
            if place == "answers" and do == "rows":
                return rows(self.meter, args)
            return getattr(_module(place), do)(self.meter, self._identity, args)
        finally:
            for name in _ON_DEMAND.split():
                forget("meter." + name)


def role_of(do):
    """-> the lowest of ROLES that may ask this."""
    return ROLES[_REQUESTS[do] & _ROLE]


def is_change(do, args):
    """-> whether this request alters what the meter keeps."""
    return bool(_REQUESTS[do] & _CHANGE) or (do == "calibration" and "digest" in args)


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
        "rows": found,
        "crc": crc,
        "next": seq,
        "first": ring.first_seq,
        "last": ring.last_seq,
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


def _parse(line):
    from meter import request

    forget("meter.request")
    return request.parse(line)


def _error(number, code, text):
    return {"id": number, "error": {"code": code, "text": text}}
