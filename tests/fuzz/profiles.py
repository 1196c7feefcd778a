"""What the vault holds of the profiles of communication: forged, cut, or of another shape than
this software writes. comms.run and its profiles, comms.profiles, meter.security.safe."""

import json

from plain_network import Network

from comms import mqtt_link, run
from meter.errors import MeterError
from meter.security import safe
from tests.fuzz import grammar, loops
from tests.fuzz.mutate import bytes_of, json_of
from tests.fuzz.world import BROKERS, World

_NAMES = ["wifi", "local"] + BROKERS
_SERIAL = "246f28010203"
_SECRET = "sesame-17"
_TOLD_MAX = 64  # "stopped: " and 48 characters
_BLOB_MAX = 512


class Profiles:
    """An input is a byte, which name of the vault (bits 0 to 3), 4: under the meter's own key, 5:
    there is no network; and what stands there, or is encrypted there.

    Whatever it is, the loop that the console runs in is made, and all else in it runs; what is not
    under the meter's own key and for its place is as good as nothing.
    """

    LIFE = 100

    def __init__(self):
        self.world = World()
        rig = self.world.rig
        for do, args in grammar.GOOD:
            if do in ("wifi", "mqtt", "local") and args.get("ssid", args.get("host", args)):
                rig.ask(do, **args)
        self._plain = {
            name: safe.load(rig.gate, name) if rig.held.get(name) else b"\x30\x77" + bytes(119)
            for name in _NAMES
        }
        self.world._keep()
        self.gate, self.crypto, self.serial = rig.gate, rig.gate.crypto, _SERIAL
        self.revive = self.world.revive

    def make(self, chance):
        head = chance.below(len(_NAMES)) | chance.below(4) << 4
        name = _NAMES[head & 15]
        if head & 16:
            plain = self._plain[name]
            if name in BROKERS and "_" in name:
                return bytes([head]) + bytes_of(chance, plain, safe.ROOM)
            return bytes([head]) + json_of(chance, json.loads(plain), safe.ROOM)
        kind, held = chance.below(6), self.world.rig.held
        if kind == 0:
            return bytes([head]) + chance.bytes(chance.size(_BLOB_MAX))
        if kind == 1:  # another's
            return bytes([head]) + (held.get(chance.of(_NAMES)) or b"")
        blob = held.get(name) or held["wifi"]
        if kind == 2:
            return bytes([head]) + blob[: chance.below(len(blob))]
        return bytes([head]) + bytes_of(chance, blob, _BLOB_MAX)

    def feed(self, data):
        data = data or b"\0"
        head, name, world = data[0], _NAMES[(data[0] & 15) % len(_NAMES)], self.world
        rig, blob = world.rig, data[1 : 1 + _BLOB_MAX]
        before, good = world.registers(), rig.held.get(name)
        if head & 16:
            safe.store(self.gate, name, blob[: safe.ROOM])
        else:
            rig.held[name] = blob
        mine = bool(head & 16) or blob in (good, b"")
        held, self.told = dict(rig.held), {}
        found = self._read(name)
        assert mine or found == "unreadable", "taken for our own: " + name
        found += ", " + self._start(bool(head & 32))
        assert mine or name != "wifi" or "wifi" not in self._names, "a network that nobody set"
        for text in self.told.values():
            assert len(text) <= _TOLD_MAX, text
            assert _SECRET not in text, text
        assert world.registers() == before, "registers"
        assert rig.held == held, "vault"
        world.check()
        rig.ask("wifi", ssid=None)  # it can be set again, which cures it
        world.revive()
        return found

    def _read(self, name):
        try:
            return "none" if self.profile(name) is None else "read"
        except MeterError:
            return "unreadable"

    def _start(self, alone):
        """As main.py does. -> how much runs"""
        modules = {"asyncio": loops.Asyncio(), "network": None if alone else Network()}
        with loops.Instead(**modules):
            kept, mqtt_link.asyncio = mqtt_link.asyncio, modules["asyncio"]
            try:
                loop = run._loaded(self)
                self._names = loop.names if loop else []
                for name in self._names:
                    self._task(loop, name)
            finally:
                mqtt_link.asyncio = kept
        return "%d tasks" % len(self._names)

    def _task(self, loop, name):
        """The beginning of it, connected and not; what breaks it is told."""
        for connected in (False, True):
            if loop._wifi is not None:
                loop._wifi.connected = connected
            loops.drive(loop._kept(name))
        unset = name in BROKERS and self._read(name) == "none"
        assert unset or name in self.told, name + " says nothing"

    # What the loop has as the app: see comms.run.run.

    def answer(self, line, road):
        return self.world.send(line, road)

    def handle(self, role, line):
        return self.world.rig.service.handle(role, line)

    def profile(self, name):
        return safe.load(self.gate, name)

    def uart(self, name, settings):
        """A port that ends as soon as it is used; the real one checks its settings, too."""
        if not isinstance(settings["tx"], int):
            raise ValueError("tx")
        return _Port()

    def local(self):
        return None

    def read_each_second(self, goes_on):
        self.world.rig.service.kept = ["request", "readings"] if goes_on else []

    def hint(self, utc):
        raise AssertionError("nobody has told the time")


class _Port:
    def read(self):
        raise OSError(5)

    def write(self, data):
        raise OSError(5)

    def wanted(self):
        return True

    def close(self):
        pass
