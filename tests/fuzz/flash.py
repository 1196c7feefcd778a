"""What a start finds in the flash, and what becomes of files that come in parts."""

import json
from binascii import b2a_base64, crc32
from hashlib import sha256

import tariffs

from boards.virtual.nor import SECTOR_SIZE
from meter.errors import MeterError
from meter.ring import SLOT_BITS, SLOT_MASK
from tests.fuzz import folders
from tests.fuzz.mutate import dumps, value
from tests.fuzz.world import World

_FAULT = 6  # bytes of a fault in an input: way, address (4), size
_CRC_SIZE = 4
_FILES = 3
_SIZE_MAX = 8192
_RINGS = "profile ledger snapshots metrology clock power configuration security".split()


class Images:
    """An input is a list of faults of 6 bytes: what is done (flip a bit, put ones, zeros, noise,
    copy a sector or swap two) at an address of a formatted journal with some life in it."""

    LIFE = 50

    TARIFF, STATES = None, ("ready", "blank", "foreign")

    def __init__(self):
        self.world = World(sealed=False, keyed=False)
        if self.TARIFF:
            self.world.take(self.TARIFF)
        world, rig = self.world, self.world.rig
        for day in range(3):
            for _ in range(96):
                world.tick(899, 10 + day)
            rig.restart()
        world.tick(60)
        world._keep()
        self._image = rig.ports.flash.image()
        cells, size, blank = self._image[0], SECTOR_SIZE, b"\xff" * SECTOR_SIZE
        self._used = [s for s in range(len(cells) // size) if cells[s * size :][:size] != blank]
        self.revive = world.revive

    def make(self, chance):
        made = b""
        for _ in range(1 + chance.size(20)):
            sector = chance.of(self._used)
            at = sector * SECTOR_SIZE + chance.below(1 << 4 + chance.below(9))
            made += bytes([chance.below(6)]) + at.to_bytes(4, "little") + chance.bytes(1)
        return made

    def feed(self, data):
        world, rig = self.world, self.world.rig
        flash = rig.ports.flash
        flash.restore(self._image)
        for i in range(0, len(data) - _FAULT + 1, _FAULT):
            self._spoil(flash, data[i : i + _FAULT])
        rig.ports.clock.set(world._kept[2])
        try:
            rig.cut(60)
        except MeterError as error:  # as firmware/app.py does; STATES says who may come to this
            rig.meter.fault(error)
        return self._live(rig)

    def _spoil(self, flash, fault):
        end = flash.sectors * SECTOR_SIZE
        way, at, size = fault[0] % 6, int.from_bytes(fault[1:5], "little") % end, fault[5]
        size = min(1 + size * (16 if size & 1 else 1), end - at)
        start = at // SECTOR_SIZE * SECTOR_SIZE
        if way == 0:
            flash.put(at, bytes([flash.peek(at, 1)[0] ^ 1 << fault[5] % 8]))
        elif way == 1:
            flash.put(at, b"\xff" * size)
        elif way == 2:
            flash.put(at, bytes(size))
        elif way == 3:
            noise = sha256(fault).digest()
            flash.put(at, (noise * (size // 32 + 1))[:size])
        else:
            other = (start + SECTOR_SIZE * (1 + fault[5] % 8)) % end
            mine, its = flash.peek(start, SECTOR_SIZE), flash.peek(other, SECTOR_SIZE)
            flash.put(other, mine)
            if way == 5:
                flash.put(start, its)

    def _live(self, rig):
        """From the start on, for half an hour."""
        world, state = self.world, rig.meter.state
        assert state in self.STATES, state
        assert state == "ready" or rig.meter.alerts()
        failed = 0
        for seconds in (0, 11, 60, 900, 900):
            rig.ports.clock.utc += seconds
            rig.ports.chip.add(seconds // 2)
            try:
                rig.meter.tick(rig.ports.clock.utc)
            except MeterError as error:
                rig.meter.fault(error)
                failed += 1
        self._ask(rig)
        if rig.meter.broken is None and state == "ready":
            world.check()
        return "failing" if failed else state

    def _ask(self, rig):
        for do, args in (("info", {}), ("registers", {}), ("live", {}), ("bill", {})):
            _reply(rig, do, args)
        for ring in _RINGS:
            rows = _reply(rig, "rows", {"ring": ring, "from_seq": 1}).get("ok")
            assert rows is None or rows["next"] >= 1


def _reply(rig, do, args):
    line = rig.service.handle("maker", json.dumps({"id": 1, "do": do, "args": args}).encode())
    assert len(line) <= 1024
    reply = json.loads(line)
    assert "ok" in reply or reply["error"]["code"] in ("meter", "state", "blocked", "size"), reply
    return reply


class Forged(Images):
    """As by somebody who can write to the flash: an input is a list of 6 bytes, which record (2),
    byte of it (2), what is put there (1), how (1); each with the CRC that belongs to it."""

    STATES = ("ready", "stopped")
    _LEVEL = tariffs.level()
    TARIFF = tariffs.text(
        rates=[dict(rate, tiers=0, prices=[1, 2, 3]) for rate in tariffs.data()["rates"]],
        tiers=[{"mode": "chronological", "per": "period", "bounds": [1_000_000, 9_000_000]}],
        demand=tariffs.demand(tariffs.charge(highest=3), tariffs.charge("other"), parts=3),
        limiter=tariffs.limiter(
            tariffs.level(), tariffs.level("cut", action="shed", manual=1, rate=0)
        ),
    )

    def __init__(self):
        super().__init__()
        self.world.rig.cut(60)
        found = []
        for ring in self.world.rig.meter.journal.rings:
            for at in set([ring.newest_at] + list(ring.keep)):  # noqa: C405, RUF005: MicroPython
                found += [(ring, at - back) for back in (0, 1, 2)]
        self._records = [(ring, at) for ring, at in found if at > 0 and ring.load(at, ring.slot)]
        self.world.revive()

    def make(self, chance):
        made = b""
        for _ in range(1 + chance.size(5)):
            made += chance.bytes(6)
        return made

    def _spoil(self, flash, how):
        ring, at = self._records[int.from_bytes(how[:2], "little") % len(self._records)]
        record = bytearray(ring.slot_size)
        ring.load(at, record)  # what was forged already may be no record any more
        where = int.from_bytes(how[2:4], "little") % (ring.slot_size - _CRC_SIZE)
        size = min(1 << how[5] % 4, ring.slot_size - _CRC_SIZE - where)
        way = how[5] >> 2 & 3
        put = (
            sha256(how).digest() if way > 1 else bytes([how[4] if way else 255 * (how[4] & 1)]) * 8
        )
        record[where : where + size] = put[:size]
        crc = crc32(memoryview(record)[:-_CRC_SIZE], ring._start(at))
        record[-_CRC_SIZE:] = crc.to_bytes(_CRC_SIZE, "little")
        flash.put(ring.address(at >> SLOT_BITS, at & SLOT_MASK), record)


class Parts:
    """An input is JSON: parts of files, [which file, at, bytes, size it is said to have, how many
    bytes], and now and then any value instead of one of these."""

    LIFE = 50

    def __init__(self):
        self.world = World()
        self.revive = self.world.revive
        self._texts = [sha256(bytes([n])).digest() * (20 * n + 3) for n in range(_FILES)]
        self._names = [_hex(text) for text in self._texts]

    def make(self, chance):
        made, at = [], [0] * _FILES
        for _ in range(1 + chance.size(30)):
            which = chance.below(_FILES) if chance.one_in(4) else 1
            size = len(self._texts[which])
            part = [which, at[which], chance.of((512, 512, 512, 1, 0, 513)), size, 0]
            at[which] = (at[which] + part[2]) % size
            if chance.one_in(6):
                part[chance.below(5)] = chance.of(
                    (0, 1, -1, 511, _SIZE_MAX, _SIZE_MAX + 1, 1 << 30)
                )
            if chance.one_in(12):
                part[chance.below(5)] = value(chance, 1)
            made.append(part)
        return dumps(made)

    def feed(self, data):
        rig, whole = self.world.rig, 0
        kept = folders.content(rig.ports.files.folder)
        for which, at, count, size, wrong in json.loads(data):
            text = self._texts[which % _FILES] if _is_int(which) else b""
            start = at if _is_int(at) and at <= _SIZE_MAX else 0
            count = count if _is_int(count) else 5
            part = text[start : start + count] if start >= 0 and 0 <= count <= 600 else b"x"
            if wrong and part:
                part = part[:-1] + b"?"
            args = {"name": self._names[which % _FILES] if _is_int(which) else which}
            args["at"], args["size"], args["data"] = (
                at,
                size,
                str(b2a_base64(part), "ascii").strip(),
            )
            reply = json.loads(rig.service.handle("utility", json.dumps(
                {"id": 1, "do": "put", "args": args}).encode()))  # fmt: skip
            if "error" in reply:
                assert reply["error"]["code"] in ("arguments", "meter", "size", "json"), reply
            whole += self._look(kept)
        return "whole" if whole else "in part"

    def _look(self, kept):
        """-> files that are there and whole; what is there is what it is named."""
        found = folders.content(self.world.rig.ports.files.folder)
        candidates = [name for name in found if name.endswith(".new")]
        assert len(candidates) <= 1, candidates
        for name, text in found.items():
            assert len(text) <= _SIZE_MAX
            if name.endswith(".json"):
                assert name == _hex(text) + ".json", name
        for name in [name for name in kept if name.endswith(".json")]:
            assert found.get(name) == kept[name], "a file that was there"
        return len([name for name in found if name not in kept]) - len(candidates)


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _hex(text):
    return "".join(["%02x" % byte for byte in sha256(text).digest()])
