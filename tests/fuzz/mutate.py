"""What makes a good input a bad one: of bytes, of values of JSON, of the text of it."""

import json

_EDGES = (0, 1, 0x7F, 0x80, 0xFF)
_DEEP = 40  # beyond what any request or file has, and no more than json can write
_STRAYS = (
    b"\x00",
    b"\xff",
    b"{",
    b"[",
    b"]",
    b"}",
    b'"',
    b":",
    b",",
    b"\\",
    b"\\u0000",
    b"-",
    b"1e9",
)
_STRAYS += (b"NaN", b"null", b"true", b"0.1", b"\r", b"\x03", b"\xc3\xa9", b"9" * 400, b"[" * 1500)
_NUMBERS = (0, 1, -1, 2, 23, 24, 31, 32, 63, 64, 255, 256, 900, 1023, 1024, 1439, 1440, 4095, 8192)
_NUMBERS += (0x7FFF, 0xFFFF, 1 << 30, (1 << 31) - 1, 1 << 31, 0xFFFFFFFF, 1 << 32, 1577836799)
_NUMBERS += (
    1577836800,
    1791000000,
    1 << 47,
    1 << 48,
    1 << 62,
    1 << 63,
    1 << 64,
    1 << 80,
    -(1 << 63),
)
_TEXTS = (
    "",
    "a",
    "0",
    "now",
    "period",
    "profile",
    "security",
    "x" * 65,
    "z" * 600,
    "\u00e9",
    "\0",
)
_TEXTS += (
    "../../boot",
    "/",
    "AAAA",
    "=",
    "ff" * 32,
    "0" * 64,
    "chronological",
    "per_rate",
    "%s%d",
)


def bytes_of(chance, data, size_max=4096):
    """-> data with one to four faults in it"""
    data = bytearray(data)
    for _ in range(1 + chance.size(3)):
        at, n = chance.below(len(data) + 1), 1 + chance.size(32)
        kind = chance.below(8)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << chance.below(8)
        elif kind == 1 and at < len(data):
            data[at] = chance.of(_EDGES)
        elif kind == 2:
            data = data[:at] + chance.bytes(n) + data[at:]
        elif kind == 3:
            data = data[:at] + data[at + n :]
        elif kind == 4:
            data = data[: at + n] + data[at:]
        elif kind == 5:
            data = data[:at]
        elif kind == 6:
            data = data[:at] + chance.of(_STRAYS) + data[at:]
        else:
            data = data[:at] + chance.bytes(n) + data[at + n :]
    return bytes(data[:size_max])


def value(chance, depth=2):
    """-> any value of JSON"""
    kind = chance.below(9 if depth else 6)
    if kind < 2:
        return number(chance)
    if kind < 4:
        return text(chance)
    if kind < 6:
        return chance.of((None, True, False, 1.5))
    if kind < 8:
        return [value(chance, depth - 1) for _ in range(chance.size(20))]
    return {text(chance): value(chance, depth - 1) for _ in range(chance.size(4))}


def text(chance):
    """-> a text that may stand anywhere, or letters"""
    return letters(chance) if chance.one_in(4) else chance.of(_TEXTS)


def letters(chance, count_max=40):
    """-> a text of letters that nobody has seen before: MicroPython never lets go of a string that
    it has interned, and each letter of a text that is looked at one by one is."""
    made = b""
    for _ in range(1 + chance.size(count_max)):
        letter = 0x800 + chance.below(0xD000)  # three bytes of UTF-8
        made += bytes((0xE0 | letter >> 12, 0x80 | letter >> 6 & 63, 0x80 | letter & 63))
    return str(made, "utf-8")


def dumps(value):
    """-> JSON as bytes of ASCII, which CPython makes by itself"""
    made, escaped = json.dumps(value).encode(), b""
    at = 0
    while max(made, default=0) > 0x7F and at < len(made):
        size = 1 if made[at] < 0x80 else 2 if made[at] < 0xE0 else 3
        letter = made[at] & (0xFF, 0x1F, 0x0F)[size - 1]
        for byte in made[at + 1 : at + size]:
            letter = letter << 6 | byte & 63
        escaped += made[at : at + 1] if size == 1 else b"\\u%04x" % letter
        at += size
    return escaped or made


def number(chance, near=0):
    kind = chance.below(4)
    if kind == 0:
        return chance.of(_NUMBERS)
    if kind == 1:
        return near + chance.of((-1, 1))
    if kind == 2:
        return near * chance.of((-1, 2, 1000)) + chance.below(256)
    return chance.below(1 << chance.below(24))


def other(chance, old):
    """-> a value that may stand where old stands: of its type mostly"""
    if chance.one_in(4):
        return value(chance)
    if isinstance(old, bool) or old is None:
        return chance.of((True, False, None, 0, 1, {}))
    if isinstance(old, int):
        return number(chance, old)
    if isinstance(old, str):
        return chance.of((text(chance), old[1:], old + old[:1], old.upper()))
    return _other_parts(chance, old)


def _other_parts(chance, old):
    if isinstance(old, dict):
        new, names = dict(old), sorted(old)
        if names and chance.one_in(2):
            del new[chance.of(names)]
        else:
            new[chance.of(names) if names else "x"] = value(chance)
        return new
    if not isinstance(old, list):
        return value(chance)
    at, kind = chance.below(len(old) + 1), chance.below(4)
    if kind == 0:
        return old[:at] + old[at + 1 :]
    if kind == 1:
        return old[:at] + old[at : at + 1] * (1 + chance.size(40)) + old[at:]
    if kind == 2:
        return old[::-1]
    return old[:at] + [value(chance)] + old[at:]


def vary(chance, old):
    """-> the value with another somewhere in it; old is as it was"""
    if isinstance(old, dict) and old and not chance.one_in(8):
        new, name = dict(old), chance.of(sorted(old))
        new[name] = vary(chance, old[name])
        return new
    if isinstance(old, list) and old and not chance.one_in(3):
        new, at = list(old), chance.below(len(old))
        new[at] = vary(chance, old[at])
        return new
    return other(chance, old)


def json_of(chance, old, size_max=9000):
    """-> bytes: JSON of the value, varied one to four times; or faults in its text"""
    if chance.one_in(5):
        return bytes_of(chance, dumps(old), size_max)
    for _ in range(1 + chance.size(3)):
        old = vary(chance, old)
    if chance.one_in(60):
        for _ in range(_DEEP):
            old = [old]
    return dumps(old)[:size_max]
