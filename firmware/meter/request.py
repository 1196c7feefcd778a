"""Reads the line of a request, for meter.service: loaded on demand.

MicroPython's json takes much that is no JSON, and what is in a line may come from anybody.
"""

import json

from meter.compat import const
from meter.limits import LINE_BYTES
from meter.service import Refused

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
