"""What is kept in binary: the keys, the rest of the vault, the record of a calibration."""

import struct
from binascii import crc32

from gate_rig import READ, Client, some_keys

from meter import calibration
from meter.errors import MeterError
from meter.security import keys
from tests.fuzz.mutate import bytes_of, dumps, json_of, vary
from tests.fuzz.world import World

_NAMES = ("seal", "counters", "orders", "lock", "lock_mqtt", "view")
_RECORD = {
    "ic": "ATM90E32AS",
    "utc": 1_790_000_000,
    "reference": "bench",
    "registers": {"Ugain0": 32768, "Igain0": 30000},
    "results": [[0, 230_000, 5_000, 0, 120], [1, 230_000, 5_000, 60_000, -75]],
}
_KEYS_CRC = 4


class KeyBlobs:
    """An input is a blob of keys; with the right CRC after it mostly, so that it is looked at."""

    LIFE = 200

    def revive(self):
        pass

    def make(self, chance):
        body = keys.pack(some_keys(1 + chance.size(9), chance.below(3)))[:-_KEYS_CRC]
        kind = chance.below(4)
        if kind == 0:
            return bytes_of(chance, keys.pack(some_keys()))
        at = chance.of((0, 2, 3, 4, 8, 40, 72, 104, 136, 168, 200, 232, 264, 296))
        if kind == 1:
            body = bytearray(body)
            body[at] ^= 1 << chance.below(8)
        elif kind == 2:
            size = chance.of((1, 4, 16, 32, 64))
            body = (body[:at] + chance.of((bytes(size), b"\xff" * size, body[8:72][:size]))
                    + body[at + size :])[: len(body)]  # fmt: skip
        return bytes(body) + struct.pack("<I", crc32(bytes(body)))

    def feed(self, data):
        try:
            found = keys.unpack(data)
        except MeterError:
            return "refused"
        assert keys.pack(found) == data, "taken, and packed again it is another"
        return "taken"


class Vaults:
    """An input is a byte, which name of the vault, and what stands there at the next start.

    Whatever it is, the meter starts, or says what is wrong; it does not open by it.
    """

    LIFE = 200

    def __init__(self):
        self.world = World()
        self.revive = self.world.revive

    def make(self, chance):
        at = chance.below(len(_NAMES))
        held = self.world.rig.held.get(_NAMES[at], bytes(48 if at == 2 else 24))
        return bytes([at]) + bytes_of(chance, held, 512)

    def feed(self, data):
        data = data or b"\0"
        world, rig, name = self.world, self.world.rig, _NAMES[data[0] % len(_NAMES)]
        rig.held[name] = data[1:]
        try:
            rig.restart()
        except MeterError:
            world.revive()
            return "refused"
        now = rig.ports.clock.utc
        if name == "seal" and rig.gate.seal.repl_open(now):
            assert data[1:2] == b"\0" or _is_window(data[1:], now), "open by %r" % data[1:]
        for do in ("info", "registers", "hello"):
            found = rig.public(do)
            assert "ok" in found or found["error"]["code"] in ("meter", "role"), found
        if "ok" in found:
            client, nonce = Client(rig, "utility"), bytes.fromhex(found["ok"]["nonce"])
            rig.send(client.line(READ, nonce, "rows", ring="profile", from_seq=1))
        rig.gate.seal.tick(now)
        world.revive()
        return "started"


def _is_window(data, now):
    if len(data) != 12 or data[0] != 2:
        return False
    opened_at, open_until = struct.unpack_from("<II", data, 4)
    return opened_at <= now < open_until


class Calibrations:
    """An input is the record of a calibration, with the right length and CRC mostly."""

    LIFE = 200

    def __init__(self):
        self._good = calibration.pack(_RECORD)

    def revive(self):
        pass

    def make(self, chance):
        if chance.one_in(5):
            return bytes_of(chance, self._good)
        body = json_of(chance, _RECORD, 3000)
        if chance.one_in(3):
            made = dict(_RECORD)
            made[chance.of(("registers", "results"))] = vary(chance, _RECORD["results"])
            body = dumps(made)
        head = struct.pack("<4sBBH", b"WLCA", 0 if chance.one_in(9) else 1, 0, len(body))
        return head + body + struct.pack("<I", crc32(head + body))

    def feed(self, data):
        copies = [data, self._good]
        try:
            record = calibration.unpack(data)
        except MeterError:
            found, chosen, fault = calibration.choose(copies, "ATM90E32")
            assert (found, chosen, fault is None) == (self._good, _RECORD, False)
            assert calibration.choose([data, None], "ATM90E32")[1] is None
            return "refused"
        assert sorted(record) == sorted(_RECORD)
        calibration.choose(copies[::-1], "ATM90E32")
        return "taken"
