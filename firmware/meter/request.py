"""What may be asked: reads the line of a request, and knows who may ask it and who answers it.
For meter.service, which loads it on demand.

MicroPython's json takes much that is no JSON, and what is in a line may come from anybody.
"""

import json

from meter.compat import const
from meter.limits import LINE_BYTES
from meter.service import Refused

ROLES = ("public", "reader", "utility", "maker")
# What answers, all of meter. Texts take less room than lists of them.
_PLACES = (
    "readings answers calibrating security.answers security.files_answer security.update_answer"
    " load_control security.profiles_answer"
)
# request -> lowest role, by its place in ROLES; a change or not; the place of its answer
_ROLE = const(3)
_CHANGE = const(4)  # through an envelope it costs a counter, which is stored, and not a nonce
_PLACE = const(3)  # bits above which it stands
_REQUESTS = {
    "hello": 0 + 24,
    "info": 0,
    "registers": 0,
    "live": 1,
    "rows": 1,
    "bill": 1 + 8,
    "quality": 1 + 8,
    "control": 1 + 48,
    "cheapest": 1 + 48,
    "get": 1 + 32,
    "put": 2 + 32,
    "tariff": 2 + _CHANGE + 8,
    "prices": 2 + _CHANGE + 8,
    "clock": 2 + _CHANGE + 8,
    "load_switch": 2 + _CHANGE + 8,
    "commit": 2 + _CHANGE + 8,
    "seal": 2 + _CHANGE + 24,
    "unseal": 2 + _CHANGE + 24,
    "view": 2 + _CHANGE + 24,
    "wifi": 2 + _CHANGE + 56,
    "mqtt": 2 + _CHANGE + 56,
    "local": 2 + _CHANGE + 56,
    "stage": 2 + 40,
    "update": 2 + _CHANGE + 40,
    "format": 3 + _CHANGE + 8,
    "calibration": 3 + 16,
    "measure": 3 + 16,
    "keys": 3 + _CHANGE + 24,
}
# What an answer loads, and this itself, in the order in which it goes.
ON_DEMAND = (
    "request answers readings statement billing billing_energy billing_line billing_rows records"
    " chain obis prices_check prices calibrating calibration measuring quality_answer"
    " quality_codes security.answers security.view security.files_answer security.update_answer"
    " security.update security.orders security.keys security.p256 load_control cheapest"
    " security.profiles_answer security.safe"
)
_DEPTH = const(3)  # of objects and lists in each other
_ID_CHARS = const(32)


def parse(line):
    """-> (id, do, args): an object of integers, texts of ASCII, true, false, null and a few more
    objects or lists, each name in it once. Refused: anything else."""
    if len(line) > LINE_BYTES:
        raise Refused("size", "line: " + str(len(line)) + " bytes, at most " + str(LINE_BYTES))
    try:
        request = json.loads(line) if max(line, default=0) < 0x80 else None
        if isinstance(request, dict) and _names(request, _DEPTH) == _colons(line):
            number, do, args = request["id"], request["do"], request.get("args", {})
            _names(number, 0)
            if len(str(number)) <= _ID_CHARS and isinstance(do, str) and isinstance(args, dict):
                return number, do, args
    except (KeyError, ValueError, RuntimeError):  # the last one: too many brackets for CPython
        request = None
    raise Refused("json", 'line: expected {"id":1,"do":"info","args":{}}')


def permit(role, do):
    """Refused: there is no such request, or this one of ROLES may not ask it."""
    if do not in _REQUESTS:
        raise Refused("unknown", "do: " + do[:32] + " is not a request")
    needed = role_of(do)
    if ROLES.index(role) < ROLES.index(needed):
        raise Refused("role", do + ": " + role + " may not: ask as " + needed)


def role_of(do):
    """-> the lowest of ROLES that may ask this."""
    return ROLES[_REQUESTS[do] & _ROLE]


def is_change(do, args):
    """-> whether this request alters what the meter keeps."""
    return bool(_REQUESTS[do] & _CHANGE) or (do == "calibration" and "digest" in args)


def place_of(do):
    """-> the module below meter whose function of this name answers"""
    return _PLACES.split()[_REQUESTS[do] >> _PLACE]


def _names(value, depth):
    """-> how many names stand in all objects of a value. ValueError: what no request has."""
    if value is None or isinstance(value, (int, bool)):
        return 0
    if isinstance(value, str):
        if len(value.encode()) != len(value):  # by an escape; the answer would have it as it is
            raise ValueError
        return 0
    if not depth or not isinstance(value, (dict, list)):
        raise ValueError
    if isinstance(value, list):
        return sum([_names(part, depth - 1) for part in value])
    for name in value:
        _names(name, 0)
    return len(value) + sum([_names(part, depth - 1) for part in value.values()])


def _colons(line):
    """-> how many colons stand outside of strings: one behind each name."""
    parts = line.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    return sum([parts[i].count(b":") for i in range(0, len(parts), 2)])
