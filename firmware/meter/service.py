"""The wire: one line of JSON in, one line out, the same on every road (docs/protocol.md)."""

import binascii
import json

from meter import codes
from meter.compat import forget
from meter.errors import MeterError
from meter.limits import LINE_BYTES

PROTOCOL = 1
JOURNAL = 1
ROLES = ("public", "reader", "utility", "maker")
_ROWS_BYTES = 512  # raw bytes of records in one answer
_NEEDS = {  # request -> lowest role, by its place in ROLES
    "info": 0,
    "registers": 0,
    "live": 1,
    "rows": 1,
    "bill": 1,
    "quality": 1,
    "tariff": 2,
    "prices": 2,
    "clock": 2,
    "load_switch": 2,
    "commit": 2,
    "format": 3,
    "calibration": 3,
    "measure": 3,
}
# What an answer loads; the order in which it goes.
_ON_DEMAND = (
    "answers statement billing chain obis prices_check prices calibrating calibration measuring"
    " quality_answer quality_codes"
).split()


class Refused(Exception):
    """A request that cannot be carried out: (code, text)."""


class Service:
    """Answers requests about one Meter.

    identity   {"serial", "board", "firmware", "software"}: strings shown by `info`
    """

    def __init__(self, meter, identity):
        self._meter = meter
        self._identity = identity

    def handle(self, role, line):
        """bytes -> bytes, one line each; never raises for what is in the line.

        role   one of ROLES, by whatever brought the line
        """
        number, meter = None, self._meter
        try:
            number, do, args = _parse(line)
            needed = _NEEDS.get(do)
            if needed is None:
                raise Refused("unknown", "do: " + do[:32] + " is not a request")
            if ROLES.index(role) < needed:
                raise Refused("role", do + ": " + role + " may not: ask as " + ROLES[needed])
            meter.locked = True
            try:
                answer = self._rows(args) if do == "rows" else self._answer(do, args)
            finally:
                meter.locked = False
            reply = {"id": number, "ok": answer}
        except Refused as refused:
            reply = _error(number, *refused.args)
        except MeterError as error:
            reply = _error(number, "meter", str(error))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reply = _error(number, "arguments", "args: " + repr(error)[:80])
        out = json.dumps(reply).encode()
        if len(out) > LINE_BYTES:
            out = json.dumps(_error(number, "size", "the answer is too long")).encode()
        return out

    def _answer(self, do, args):
        try:
            return getattr(_answers(do), do)(self._meter, self._identity, args)
        finally:
            for name in _ON_DEMAND:
                forget("meter." + name)

    def _rows(self, args):
        name, first = args["ring"], args["from_seq"]
        ring = self._ring(name)
        size, count = ring.slot_size, args.get("n", 64)
        buf, rows, crc = bytearray(size), [], 0
        seq = max(first, ring.first_seq, 1)
        while seq <= ring.last_seq and len(rows) < min(count, _ROWS_BYTES // size):
            if ring.read(seq, buf):
                rows.append(str(binascii.b2a_base64(bytes(buf)), "ascii").strip())
                crc = binascii.crc32(buf, crc)
            seq += 1
        return {
            "rows": rows,
            "crc": crc,
            "next": seq,
            "first": ring.first_seq,
            "last": ring.last_seq,
        }

    def _ring(self, name):
        journal = self._meter.journal
        if name in codes.GROUPS:
            return journal.events[codes.GROUPS.index(name)]
        if name not in ("profile", "ledger", "snapshots"):
            raise Refused("arguments", "rows: no ring of this name")
        return getattr(journal, name)


def _answers(do):
    """-> the module that has the answer, loaded on demand."""
    if do in ("calibration", "measure"):
        from meter import calibrating

        return calibrating
    from meter import answers

    return answers


def _parse(line):
    """-> (id, do, args)"""
    if len(line) > LINE_BYTES:
        raise Refused("size", "line: " + str(len(line)) + " bytes, at most " + str(LINE_BYTES))
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if isinstance(request, dict) and "id" in request and isinstance(request.get("do"), str):
        args = request.get("args", {})
        if isinstance(args, dict):
            return request["id"], request["do"], args
    raise Refused("json", 'line: expected {"id":1,"do":"info","args":{}}')


def _error(number, code, text):
    return {"id": number, "error": {"code": code, "text": text}}
