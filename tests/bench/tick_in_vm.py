"""Bytes that one tick allocates, measured inside the VM: plain ticks, and ticks with a commit."""

import gc

import tariffs
from gate_rig import GateRig, some_keys
from rig import unix


class OnlyOurs:
    """The simulated flash without what it allocates itself: the chip's is C."""

    def __init__(self, flash):
        self._flash = flash
        self.sector_size, self.sectors = flash.sector_size, flash.sectors
        self.bytes = 0

    def read(self, at, buf):
        before = gc.mem_alloc()
        self._flash.read(at, buf)
        self.bytes += gc.mem_alloc() - before

    def program(self, at, buf):
        before = gc.mem_alloc()
        self._flash.program(at, buf)
        self.bytes += gc.mem_alloc() - before

    def erase(self, sector):
        before = gc.mem_alloc()
        self._flash.erase(sector)
        self.bytes += gc.mem_alloc() - before


rig = GateRig(unix(2026, 10, 5, 4), keys=some_keys(), sealed=True)
flash = OnlyOurs(rig.ports.flash)
for ring in rig.meter.journal.rings:
    ring.flash = flash
rig.ports.clock.utc += 1
rig.meter.tick(rig.ports.clock.utc)
rig.push(tariffs.text())
# Registers of a meter that has run for years: beyond 2**30 an int is an object.
rig.ports.chip.add(imported=400_000_000)
rig.run(5, step_s=1)  # takes the tariff, and the dicts grow to their size
plain, commits, borders = [], [], []


def ticks(count):
    """Tick second by second; note what each allocated by what it did."""
    meter, clock, chip = rig.meter, rig.ports.clock, rig.ports.chip
    for _ in range(count):
        chip.add(imported=7)
        clock.utc += 1
        seq, rows = meter.journal.seq, meter.journal.profile.last_seq
        flash.bytes = 0
        before = gc.mem_alloc()
        meter.tick(clock.utc)
        rig.gate.seal.tick(clock.utc)  # as app does
        after = gc.mem_alloc() - flash.bytes
        if meter.journal.profile.last_seq != rows:
            borders.append(after - before)
        elif meter.journal.seq != seq:
            commits.append(after - before)
        else:
            plain.append(after - before)


def report():
    """name, most bytes, ticks seen"""
    for name, found in (("plain", plain), ("commit", commits)):
        print(name, max(found), len(found))
