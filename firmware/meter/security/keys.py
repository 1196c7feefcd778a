"""The keys of one meter, as they lie in its vault. docs/formats.md, "Keys"."""

import struct
from binascii import crc32

from meter.compat import const, forget
from meter.errors import MeterError
from meter.security.key_set import FIELDS, Keys

SIZE = const(316)
_BODY = "<2sBBI32s32s32s32s32s64s64s16s"  # "WK" version zero generation, then FIELDS
_MAGIC = b"WK"
_VERSION = const(1)
_SECRETS = const(5)  # the first of them
_PUBLIC = const(7)  # where the public keys end

assert struct.calcsize(_BODY) + 4 == SIZE


def pack(keys):
    """-> 316 bytes of Keys. MeterError: keys that no meter may have, as in `unpack`, or one that
    is not of its length."""
    values = [getattr(keys, name) for name in FIELDS.split()]
    values[-1] = values[-1].encode()
    data = struct.pack(_BODY, _MAGIC, _VERSION, 0, keys.generation, *values)
    data += struct.pack("<I", crc32(data))
    kept = unpack(data)
    for name in FIELDS.split():
        if getattr(kept, name) != getattr(keys, name):
            _refuse(name + " is too long or too short")
    return data


def unpack(data):
    """-> Keys. MeterError: damaged, of another format, or keys that no meter may have: one of
    zeros, two that are equal, a public key off the curve, a group that is not plain ASCII."""
    if len(data) != SIZE:
        _refuse("%d bytes, expected %d" % (len(data), SIZE))
    if crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        _refuse("wrong CRC")
    magic, version, zero, generation, *values = struct.unpack(_BODY, data[:-4])
    if (magic, version, zero) != (_MAGIC, _VERSION, 0):
        _refuse("format unknown, expected WK 1")
    if not generation:
        _refuse("generation 0, expected 1 or more")
    _check(values[:_PUBLIC])
    values[-1] = _group(values[-1])
    return Keys(generation, *values)


def _check(values):
    names = FIELDS.split()
    for i, value in enumerate(values):
        if not any(value):
            _refuse(names[i] + " is zero")
        if value in values[:i]:
            _refuse(names[i] + " is equal to " + names[values.index(value)])
    from meter.security import p256

    forget("meter.security.p256")
    for i in range(_SECRETS, _PUBLIC):
        if not p256.on_curve(values[i]):
            _refuse(names[i] + " is no point of P-256")


def _group(field):
    name = field.rstrip(b"\0")
    for byte in name:
        if not 0x21 <= byte <= 0x7E:
            _refuse("group is not printable ASCII without blanks")
    return name.decode()


def _refuse(what):
    raise MeterError("keys: " + what + ": derive them again")
