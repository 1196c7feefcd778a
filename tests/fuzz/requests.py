"""Requests as those see them who have every key: good envelopes, and the REPL of an open meter."""

import json

from gate_rig import CHANGE, READ, ROLES, Client

from meter.limits import LINE_BYTES
from meter.request import is_change
from tests.fuzz import grammar
from tests.fuzz.mutate import dumps, letters
from tests.fuzz.world import World, is_answer

_WORLDS = (
    {},
    {"sealed": False},
    {"sealed": False, "keyed": False},
    {"blank": True},
)
# After these a meter is another one.
_LASTING = (
    "clock",
    "format",
    "keys",
    "seal",
    "unseal",
    "update",
    "tariff",
    "prices",
    "calibration",
)


class Requests:
    """An input is a byte, which of `_WORLDS` | role << 2, and the text of a request."""

    LIFE = 200

    def __init__(self):
        self._worlds = {}

    def revive(self):
        for world in self._worlds.values():
            world.revive()

    def make(self, chance):
        return bytes([chance.below(16)]) + grammar.request(chance)

    def feed(self, data):
        data = data or b"\0"
        which, role, text = data[0] & 3, ROLES[data[0] >> 2 & 3], data[1:]
        if which not in self._worlds:
            self._worlds[which] = World(**_WORLDS[which])
        world = self._worlds[which]
        if len(data) % 32 == 7:
            world.tick(len(data) % 60, len(data))
        found = (
            self._sealed(world, role, text) if which in (0, 3) else self._open(world, role, text)
        )
        if found == "ok":
            do = json.loads(text)["do"]
            if do in _LASTING:
                for seconds in (1, 30, 900):
                    world.tick(seconds, 9)
                world.revive()
        return found

    def _sealed(self, world, role, text):
        """As somebody who has the key."""
        client = Client(world.rig, role if role != "public" else "maker")
        kind = READ
        try:
            request = json.loads(text)
            if is_change(request["do"], request.get("args", {})):
                kind = CHANGE
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            kind = READ
        nonce = client.change_nonce() if kind else bytes.fromhex(client.hello()["nonce"])
        return world.send(client.line(kind, nonce, "", raw=text or b" "))

    def _open(self, world, role, text):
        rig, before = world.rig, world.registers()
        held, had_left = dict(rig.held), rig.gate.leave
        found = is_answer(rig.service.handle(role, text), LINE_BYTES)
        if found != "ok":
            assert rig.held == held, "vault"
        assert world.registers() == before, "registers"
        assert rig.gate.leave == had_left
        world.check()
        return found


class Letters(Requests):
    """Requests in which one text is of letters that nobody has seen before."""

    def make(self, chance):
        do, args = chance.of([request for request in grammar.GOOD if _has_text(request[1])])
        made = {"id": 1, "do": do, "args": _lettered(chance, args)}
        return bytes([1 + 4 * 3]) + dumps(made)


def _has_text(value):
    """-> whether it is a text, or an object with one in it"""
    return isinstance(value, str) or (
        isinstance(value, dict) and any(_has_text(part) for part in value.values())
    )


def _lettered(chance, args):
    """-> the same with another text"""
    made = dict(args)
    name = chance.of(sorted([n for n in made if _has_text(made[n])]))
    made[name] = _lettered(chance, made[name]) if isinstance(made[name], dict) else letters(chance)
    return made
