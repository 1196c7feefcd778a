"""Answers to `get` and `put`: tariff files of a meter that has no REPL. Loaded on demand.

A file is no more than a candidate: it takes effect by a request that its utility has signed.
"""

import binascii

from meter.compat import const
from meter.security.gate import from_base64
from meter.service import Refused

_PART = const(512)
_NAMES = const(10)  # in one answer
_DIGITS = const(64)
_DIGITS_MIN = const(8)
_PRICES = b'"kind":"prices"'


def get(meter, identity, args):
    """512 bytes of a file by its digest or the beginning of it; without a name, some names."""
    files, at = meter.ports.files, args.get("from", 0)
    _need(_is_int(at), "from", "a number of bytes")
    if "name" not in args:
        names = files.names()
        return {"names": names[at : at + _NAMES], "of": len(names)}
    name = args["name"]
    _need(_is_hex(name) and len(name) >= _DIGITS_MIN, "name", "8 to 64 hex digits")
    found = files.read(name, at)
    if found is None:
        raise Refused("state", "get: no file " + name[:16] + ": push it")
    name, size, data = found
    return {"name": name, "size": size, "data": _base64(data)}


def put(meter, identity, args):
    """Take the next bytes of a file; answers how many are there, all of them: it is whole."""
    name, at, size = args["name"], args["at"], args["size"]
    _need(_is_hex(name) and len(name) == _DIGITS, "name", "64 hex digits")
    _need(_is_int(at) and _is_int(size), "at and size", "numbers of bytes")
    data = from_base64(args["data"].encode())
    _need(0 < len(data) <= _PART, "data", "base64 of 1 to 512 bytes")
    files = meter.ports.files
    held = files.candidate(name, at, data, size)
    if held == size:
        _drop_old_prices(files, meter.contract.w.price_digest.hex(), name)
    return {"at": held}


def _drop_old_prices(files, in_force, new):
    """Price schedules come daily, and a profile row has its price by itself."""
    for name in files.names():
        if name != new and not name.startswith(in_force):
            if _PRICES in (files.load(name) or b""):
                files.remove(name)


def _base64(data):
    return str(binascii.b2a_base64(data), "ascii").strip()


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 30


def _is_hex(text):
    if not isinstance(text, str) or len(text) > _DIGITS:
        return False
    return not text.strip("0123456789abcdef")  # a letter taken out would be interned for ever


def _need(condition, where, expected):
    if not condition:
        raise Refused("arguments", "args: " + where + ": expected " + expected)
