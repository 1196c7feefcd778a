"""Files of JSON: tariffs and price schedules, which run when they are taken, and manifests."""

import json
from hashlib import sha256

import tariffs
import test_prices
from gate_rig import START
from plain_slots import PlainSlots
from test_update import BOOT, NEW, legal_of, manifest_of

from meter import prices_check, tariff_check
from meter.errors import MeterError
from meter.security import update
from meter.service import Refused
from tests.fuzz.mutate import json_of, vary
from tests.fuzz.world import World

_TIERS = (
    {"mode": "chronological", "per": "period", "bounds": [1_000_000, 3_000_000]},
    {"mode": "prorata", "per": "day", "bounds": [1_000_000, 3_000_000]},
    {"mode": "per_rate", "per": "period", "bounds": [1_000_000, 3_000_000]},
)


def _hex(text):
    return "".join(["%02x" % byte for byte in sha256(text).digest()])


def good_tariffs():
    """-> dicts of compiled tariffs; between them they have everything"""
    rate = {"name": "all", "export": 0, "prices": [1, 2, 3], "tiers": 0}
    found = [tariffs.data(tiers=[t], rates=[rate], days=[[[0, 0]]]) for t in _TIERS]
    charges = (
        tariffs.charge("other"),
        tariffs.charge(bounds=[1000], prices=[1, 2], highest=3, ratchet=[500_000, 3]),
    )
    levels = tariffs.level(), tariffs.level("cut", action="shed", manual=1, over=2, rate=0)
    found += [
        tariffs.data(),
        tariffs.data(demand=tariffs.demand(*charges, parts=3), limiter=tariffs.limiter(*levels)),
        tariffs.data(netting={"mode": "month", "carry": "kwh"}),
        tariffs.data(
            special_days=[[0, 12, 25, 0], [2027, 1, 1, 0]],
            fixed=[["meter", 1_000_000_000, "day"], ["line", 5_000_000_000, "month"]],
            minimum=[9_000_000_000, "month", ["energy", "fixed"]],
            taxes=[["vat", 210_000, ["energy", "fixed"]]],
        ),
        tariffs.data(seasons=[[1, 1, 0], [6, 15, 1]], weeks=[[0] * 7, [0, 0, 0, 0, 0, 1, 1]],
                     days=[[[0, 0], [480, 1]], [[0, 1]]]),
    ]  # fmt: skip
    for data in found:
        tariff_check.load(json.dumps(data).encode())
    return found


class Tariffs:
    """An input is a tariff file. What is taken must run: one in four does, for two days."""

    LIFE = 100

    def __init__(self):
        self.world = World(sealed=False, keyed=False)
        self._good = good_tariffs()
        self.revive = self.world.revive

    def make(self, chance):
        return json_of(chance, chance.of(self._good))

    def feed(self, data):
        try:
            tariff_check.load(data)
        except MeterError:
            return "refused"
        name = _hex(data)
        if int(name[:2], 16) % 4:
            return "taken"
        self.world.rig.ports.files.add(name, data)
        return self._run(name)

    def _run(self, name):
        world, rig = self.world, self.world.rig
        reply = json.loads(rig.service.handle("maker", _line("tariff", digest=name, when="now")))
        if "error" in reply:
            assert reply["error"]["code"] in ("meter", "size"), reply
            return "taken"
        for hour in range(0, 48, 3):
            world.tick(3 * 3600 - 1, 7 * hour)
            _ask(rig, hour)
            if hour == 24:
                rig.restart()
        world.revive()
        return "ran"


class Prices(Tariffs):
    """An input is a price schedule, for a tariff with dynamic rates."""

    def __init__(self):
        super().__init__()
        self.world.take(test_prices.dynamic())
        start = START // 900 * 900
        self._good = [
            {"schema": 1, "kind": "prices", "id": 7, "currency": "EUR", "start": start,
             "step_s": step_s, "import": [100, -5, 3_000] * 8, "export": export,
             "events": [[start + 900, start + 5400, "day"], [start + 9000, start + 9001, "night"]]}
            for step_s, export in ((900, []), (3600, [1] * 24))
        ]  # fmt: skip

    def feed(self, data):
        try:
            prices_check.load(data)
        except MeterError:
            return "refused"
        name, world, rig = _hex(data), self.world, self.world.rig
        rig.ports.files.add(name, data)
        reply = json.loads(rig.service.handle("maker", _line("prices", digest=name)))
        if "error" in reply:
            assert reply["error"]["code"] in ("meter", "size"), reply
            return "taken"
        for step in range(10):
            world.tick(899, 7 * step)
            _ask(rig, step)
        world.revive()
        return "ran"


class Manifests:
    """An input is a manifest, of files that are there."""

    LIFE = 200

    def __init__(self):
        self._good = json.loads(manifest_of(NEW, 2))

    def revive(self):
        pass

    def make(self, chance):
        made = dict(self._good)
        if chance.one_in(4):
            made["files"] = vary(chance, made["files"])
            made["legal"] = "0" * 64
        return json_of(chance, made, 17000)

    def feed(self, data):
        slots = PlainSlots({"b/" + path: text for path, text in NEW.items()})
        slots.files["boot.py"] = BOOT
        try:
            manifest = update.parse(data)
            slots.files["b/manifest.json"] = data
            update.check(manifest, "virtual", 1, 6, legal_of(NEW))
            update.verify(manifest, slots, _feed)
        except Refused as refused:
            code, text = refused.args
            assert code == "update"
            assert len(text) < 900, len(text)
            return "refused"
        assert manifest["files"] == self._good["files"]
        assert manifest["version"] > 1
        return "taken"


def _feed():
    pass


def _line(do, **args):
    return json.dumps({"id": 1, "do": do, "args": args}).encode()


def _ask(rig, line):
    """What a person would look at; a bill may be refused, with a word of the meter."""
    for do, args in (("info", {}), ("live", {}), ("registers", {}), ("bill", {"line": line % 4})):
        reply = rig.service.handle("maker", _line(do, **args))
        assert len(reply) <= 1024
        reply = json.loads(reply)
        assert "ok" in reply or reply["error"]["code"] in ("meter", "size", "state"), reply
