"""Orders: signed by the right one, by the wrong one, by nobody, and altered afterwards."""

import json

from gate_rig import START, some_keys
from plain_vault import PlainVault
from test_orders import HEX, MAKER, SERIAL, UTILITY, sign

from meter.security import orders
from meter.service import Refused
from tests.fuzz.mutate import dumps, other

_ARGUMENT = "ab" * 32 + " now"
_TARGETS = (HEX, "*", "group:village", "group:", "", "group:town", HEX.upper(), "246f28010204")
_PRIVATE = (UTILITY, UTILITY, MAKER, MAKER, 7)
_U32 = 0xFFFFFFFF


class Orders:
    """An input is JSON: what is signed, by which private key, and what is altered then."""

    LIFE = 100

    def __init__(self):
        self._keys = some_keys()
        self.revive()

    def revive(self):
        self._vault, self._newest = PlainVault(), {}

    def make(self, chance):
        made = {
            "kind": chance.of(orders.KINDS),
            "argument": chance.of((_ARGUMENT, "cd" * 32, "1 30", "")),
            "version": 1 + chance.size(300),
            "target": chance.of(_TARGETS[:3]),
            "until": chance.of((0, 0, START, START + 1)),
            "private": chance.of(_PRIVATE),
            "now": chance.of((START, START, 0)),
            "order": {},
        }
        if chance.one_in(4):
            made["target"] = chance.of(_TARGETS)
        if chance.one_in(4):
            made["version"] = chance.of((_U32, 1, 0))
        if chance.one_in(2):
            name = chance.of(("target", "version", "until", "sig", "x"))
            made["order"][name] = other(chance, made.get(name, "A" * 88))
        if chance.one_in(8):
            made["order"] = other(chance, made["order"])
        if chance.one_in(6):
            made["drop"] = chance.of(("target", "version", "until", "sig"))
        return dumps(made)

    def feed(self, data):
        made = json.loads(data)
        kind, argument, now = made["kind"], made["argument"], made["now"]
        signed = (kind, argument, made["version"], made["target"], made["until"], made["private"])
        good = order = sign(*signed)
        if isinstance(made["order"], dict):
            order = dict(good)
            order.update(made["order"])
            order.pop(made.get("drop"), None)
        else:
            order = made["order"]
        expected = _same(order, good) and self._holds(kind, argument, made, now)
        held = dict(self._vault.held)
        try:
            orders.check(kind, argument, order, self._keys, self._vault, SERIAL, now, _feed)
        except Refused as refused:
            told = refused.args
            assert told == ("order", "order: refused"), told
            assert self._vault.held == held, "the vault has changed"
            assert not expected, "a good order was refused"
            return "refused"
        assert expected, "it was believed"
        self._newest[kind] = made["version"], argument
        return "believed"

    def _holds(self, kind, argument, made, now):
        """Whether a good signature of this is good here, and now."""
        version, until = made["version"], made["until"]
        right = MAKER if kind in ("calibration", "update") else UTILITY
        newest = self._newest.get(kind, (0, None))
        return (
            made["private"] == right
            and made["target"] in _TARGETS[:3]
            and (until == 0 or 0 < now <= until)
            and 1 <= version <= _U32
            and (version > newest[0] or (version, argument) == newest)
        )


def _same(order, good):
    """What else stands in an order does not matter; True is no 1."""
    if not isinstance(order, dict):
        return False
    return [repr(order.get(name)) for name in good] == [repr(good[name]) for name in good]


def _feed():
    pass
