"""python tests/host/golden/make_image.py: writes journal_1.bin.xz, once for each journal format.

A journal with every kind of record and every oddity that docs/formats.md speaks of: rings gone
round, restarts with their skipped slots and copies, cuts in records and headers, damage. The image
stays as it is when the software changes: what is in the field must be read by what comes.
"""

import lzma
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tests/host")]

from golden import content  # noqa: E402

from boards.virtual.nor import Nor, PowerCut  # noqa: E402
from meter.journal import Journal  # noqa: E402
from meter.records import EState, Event, Ledger, Row, Snapshot, WState  # noqa: E402

IMAGE = Path(__file__).parent / "journal_1.bin.xz"
SECTORS, SALT = 320, 0x0DDBA115
STATES = {"E": EState, "W": WState}
CLASSES = {"row": Row, "event": Event, "snapshot": Snapshot, "ledger": Ledger}
# ring id -> (kind, records written)
WRITTEN = {
    2: ("row", 200),
    3: ("ledger", 10),
    4: ("snapshot", 20),
    5: ("event", 5),
    6: ("event", 70),
    7: ("event", 300),
    8: ("event", 8),
    9: ("event", 3),
}
LAST_E, LAST_W = 60, 5
CUT_E, CUT_ROW, LATE_ROW = 45, 100, 110
FLIPPED_EVENT = 50  # in ring 6
MOVED_SNAPSHOT = 12
HALF_RINGS = {8: 0, 9: 1}  # which header row of the first sector is damaged


class Maker:
    def __init__(self):
        self.flash = Nor(SECTORS)
        self.boot()
        self.journal.format(SALT)

    def boot(self):
        self.flash.power_on()
        self.journal = Journal(self.flash)
        self.journal.mount()

    def restart(self):
        self.boot()
        self.journal.reaffirm()

    def save(self, kind, number):
        state = filled(STATES[kind](), kind, number)
        (self.journal.commit_e if kind == "E" else self.journal.commit_w)(state)
        self.journal.maintain()

    def append(self, ring_id, kind, number):
        """-> address of the record"""
        ring, record = self.journal.rings[ring_id], filled(CLASSES[kind](), kind, number)
        while ring.prepare():
            continue
        buf = bytearray(record.size)
        record.pack_into(buf)
        at = ring.append(buf)
        return ring.address(at >> 7, at & 127)

    def cut(self, steps, action, *args):
        """Do it, with the power gone after so many steps."""
        self.flash.cut_after = steps
        try:
            action(*args)
        except PowerCut:
            self.restart()
            return
        raise AssertionError("no cut")


def filled(record, kind, number):
    for name, value in content.record(kind, number).items():
        assert hasattr(record, name), f"{kind} has no {name}"
        setattr(record, name, value)
    return record


def make():
    """-> bytes of the whole partition"""
    maker = Maker()
    registers(maker)
    profile(maker)
    for ring_id, (kind, count) in WRITTEN.items():
        if ring_id == 2:
            continue
        places = {n: maker.append(ring_id, kind, n) for n in range(1, count + 1)}
        if ring_id == 6:  # a bit that has fallen to 0
            damage(maker.flash, places[FLIPPED_EVENT] + 5)
        if ring_id == 4:  # a valid record where it was not written
            move(maker.flash, places[MOVED_SNAPSHOT], places[count] + 256)
    for ring_id, tag in HALF_RINGS.items():
        damage(maker.flash, maker.journal.rings[ring_id].address(0, 0) + 32 * tag + 28)
    return everything(maker.flash)


def registers(maker):
    maker.save("W", 1)
    for number in range(1, 41):
        maker.save("E", number)
    maker.restart()
    for number in range(41, LAST_E + 1):
        if number == CUT_E:
            maker.cut(100, maker.save, "E", number)
        maker.save("E", number)
        if number % 5 == 0:
            maker.save("W", number // 5 - 7)


def profile(maker):
    count = WRITTEN[2][1]
    for number in range(1, count + 1):
        if number == CUT_ROW:
            maker.cut(40, maker.append, 2, "row", number)
        if number == LATE_ROW:  # all but its last byte shows at the mount, and then that too
            maker.cut(63, maker.append, 2, "row", count + 1)
            late = maker.append(2, "row", number)
            maker.flash.program(*last_byte(maker.flash, late))
            continue
        maker.append(2, "row", number)


def last_byte(flash, after):
    """-> (address, byte) that completes the torn row three slots before `after`, by trial."""
    journal = Journal(flash)
    journal.mount()
    ring, buf = journal.profile, bytearray(64)
    index, slot = divmod(after - ring.address(0, 0), 4096)
    torn = index << 7 | slot // 64 - 3  # skipped one, and the row before, affirmed
    at = ring.address(torn >> 7, torn & 127)
    for value in range(256):
        twin = Nor(SECTORS)
        twin.program(0, everything(flash))
        twin.program(at + 63, bytes([value]))
        journal.profile.flash = twin
        if ring.load(torn, buf):
            return at + 63, bytes([value])
    raise AssertionError("no torn row there")


def damage(flash, at):
    """A bit of this byte falls to 0."""
    byte = bytearray(1)
    flash.read(at, byte)
    assert byte[0], f"no bit to lose at {at:#x}"
    flash.program(at, bytes([byte[0] & byte[0] - 1]))


def move(flash, source, target):
    buf = bytearray(256)
    flash.read(target, buf)
    assert buf == b"\xff" * 256
    flash.read(source, buf)
    flash.program(target, buf)


def everything(flash):
    buf = bytearray(SECTORS * 4096)
    flash.read(0, buf)
    return bytes(buf)


if __name__ == "__main__":
    IMAGE.write_bytes(lzma.compress(make(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{IMAGE.name}: {IMAGE.stat().st_size} bytes")
