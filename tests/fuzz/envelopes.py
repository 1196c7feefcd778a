"""Envelopes: good ones, and good ones altered by who has the key and by who has not."""

import json
import struct
from binascii import a2b_base64, b2a_base64

from gate_rig import CHANGE, HEADER, READ, ROLES, Client

from meter.request import is_change
from meter.security import keys
from tests.fuzz import grammar
from tests.fuzz.world import World

_RECIPE = 5  # who and what, how it is altered, 3 bytes more for that
_EXPIRES = (0, -1, 1, 59, 60, 61, 86399, 86400, 86401, 0xFFFFFFFF, 1 << 31)
_WAITS = (1, 59, 60, 61, 3600)


class Envelopes:
    """An input is a recipe of 5 bytes, then the text that is put into the envelope:
    role (2 bits) | kind << 2 | road << 3, which of `_WAYS`, a number of 24 bits for it."""

    LIFE = 200

    def __init__(self):
        self.world = World()
        self.revive = self.world.revive

    def make(self, chance):
        text = grammar.request(chance)
        who = chance.below(3) + 1 | chance.below(2) << 3
        try:
            request = json.loads(text)
            kind = is_change(request["do"], request["args"])
        except (ValueError, KeyError, TypeError, RuntimeError):
            kind = chance.below(2)
        if chance.one_in(10):
            kind = not kind
        way = 0 if chance.one_in(3) else chance.below(len(_WAYS))
        return bytes([who | (4 if kind else 0), way]) + chance.bytes(3) + text

    def feed(self, data):
        """-> what became of it, and "locked": nothing was tried"""
        data = data + bytes(max(0, _RECIPE - len(data)))
        role, kind = ROLES[data[0] % 3 + 1], CHANGE if data[0] & 4 else READ
        road, number = "mqtt" if data[0] & 8 else "console", int.from_bytes(data[2:5], "little")
        self._wait(road, number)
        case = _Case(self.world, role, kind, road, number, data[_RECIPE:])
        line = _WAYS[data[1] % len(_WAYS)](case)
        found = self.world.send(line, road)
        self.world.rig.ports.clock.good = 2
        self._repair(found, data[_RECIPE:])
        return found

    def _wait(self, road, number):
        """Time goes on; mostly until a lock has ended."""
        left = self.world.rig.gate._roads[road].lock.left_s(self.world.rig.ports.clock.now())
        if left and number & 3:
            self.world.tick(left)
        elif number & 15 == 5:
            self.world.tick(1 + number % 50, number % 200)

    def _repair(self, found, text):
        """What was done may end the life of this meter as one that is sealed and runs."""
        if self.world.rig.gate.leave or (found == "ok" and b'"clock"' in text):
            self.world.revive()


class _Case:
    """A good envelope, and what it is made of."""

    def __init__(self, world, role, kind, road, number, text):
        self.world, self.kind, self.number, self.text = world, kind, number, text
        self.rig, self.road = world.rig, road
        self.client = Client(world.rig, role, road=road)
        self.nonce = self._nonce()
        self.expiry = self.rig.ports.clock.utc + 60

    def _nonce(self):
        if self.kind == CHANGE:
            return self.client.change_nonce()
        return bytes.fromhex(self.client.hello()["nonce"])

    def head(self, **changes):
        fields = {
            "version": 1, "kind": self.kind, "role": self.client.role, "zero": 0,
            "serial": self.rig.serial, "expiry": self.expiry & 0xFFFFFFFF, "nonce": self.nonce,
        }  # fmt: skip
        fields.update(changes)
        names = "version kind role zero serial expiry nonce".split()
        return struct.pack(HEADER, *[fields[name] for name in names])

    def line(self, **changes):
        return self.client.seal(self.head(**changes), self.text)

    def data(self):
        return bytearray(a2b_base64(self.line()[4:]))


def _wrapped(data):
    return b"WL1 " + b2a_base64(bytes(data)).strip()


def _good(case):
    return case.line()


def _bit(case):
    data = case.data()
    data[case.number // 8 % len(data)] ^= 1 << case.number % 8
    return _wrapped(data)


def _cut(case):
    data = case.data()
    return _wrapped(data[: case.number % len(data)])


def _longer(case):
    data, at = case.data(), case.number % 200
    return _wrapped(data[:at] + bytes(1 + case.number % 7) + data[at:])


def _letter(case):
    line = bytearray(case.line())
    line[case.number // 256 % len(line)] = case.number % 256
    return bytes(line).replace(b"\n", b"?").replace(b"\r", b"?")


def _field(case):
    """By who has the key: the tag is right."""
    value = case.number // 16
    name = ("version", "kind", "role", "zero")[case.number % 4]
    return case.line(**{name: value % 5 if value & 256 else value % 256})


def _serial(case):
    serial = bytearray(case.rig.serial)
    serial[case.number % 6] ^= 1 << case.number // 6 % 8
    return case.line(serial=bytes(serial))


def _expiry(case):
    case.expiry = case.rig.ports.clock.utc + _EXPIRES[case.number % len(_EXPIRES)]
    return case.line()


def _nonce(case):
    nonce = bytearray(case.nonce)
    nonce[case.number % 16] ^= 1 << case.number // 16 % 8
    return case.line(nonce=bytes(nonce))


def _edge_nonce(case):
    """For a change: the counter of before, or one near the end of what it can count to."""
    counts = (0, 1, (1 << 64) - 1, (1 << 63) - 1, case.client.hello()["counters"][0])
    if case.number % 5 == 2 and case.kind == CHANGE:
        return case.line(kind=READ)  # else this meter would have no counter left
    return case.line(nonce=struct.pack(">Q", counts[case.number % 5]) + bytes(8))


def _other_key(case):
    head = case.head()
    case.client.key = getattr(case.rig.gate.keys, keys.FIELDS.split()[case.number % 5])
    return case.client.seal(head, case.text)


def _again(case):
    line = case.line()
    case.world.send(line, case.road)
    return line


def _other_road(case):
    line = case.line()
    case.world.send(line, "mqtt" if case.road == "console" else "console")
    return line


def _splice(case):
    first, text = case.data(), case.text
    case.text, case.nonce = text[1:] + text[:1], case._nonce()
    second, at = case.data(), (30, len(first) - 32, case.number % 300)[case.number % 3]
    return _wrapped(first[:at] + second[at:])


def _late(case):
    line = case.line()
    case.world.tick(_WAITS[case.number % len(_WAITS)])
    return line


def _no_clock(case):
    case.rig.ports.clock.good = case.number % 2
    return case.line()


def _long_text(case):
    case.text = (case.text + b" " * 1200)[: 900 + case.number % 300]
    return case.line()


def _mark(case):
    return case.line().replace(
        b"WL1 ", (b"WL1", b"wl1 ", b"WL1  ", b" WL1 ", b"WL2 ")[case.number % 5]
    )


_WAYS = (_good, _bit, _cut, _longer, _letter, _field, _serial, _expiry, _nonce, _edge_nonce)
_WAYS += (_other_key, _again, _other_road, _splice, _late, _no_clock, _long_text, _mark)
