"""What the telegrams of a P1 port cost in the VM, with the modules that answer kept, and not."""

import gc
import time

import tariffs
from rig import Rig, unix

from comms import obis_lines, p1

START = unix(2026, 10, 5, 4)
KEPT = "request readings chain obis quality_answer quality_codes".split()  # as in app.py
rig = Rig(START)
rig.run(60)
rig.push(tariffs.text())
rig.run(600, imported=50)
asked = []  # of the telegram in hand


def _handle(role, line):
    asked.append(line)
    return rig.service.handle(role, line)


port = p1.P1(obis_lines.Facts(_handle, "reader", lambda: (rig.ports.clock.utc, 7200, True)))
port.telegram()  # asks everything
spent = {}  # (what it asked, "kept" or "anew") -> [telegrams, us, bytes]


def telegram(how):
    """One second, in which no garbage goes. how: kept, anew"""
    rig.ports.clock.utc += 1
    rig.meter.tick(rig.ports.clock.utc)
    rig.service.kept = KEPT if how == "kept" else []
    asked[:] = ()
    size, before = gc.mem_alloc(), time.ticks_us()
    port.telegram()
    us, size = time.ticks_diff(time.ticks_us(), before), gc.mem_alloc() - size
    do = str(asked[0], "utf-8").split('"')[5]
    found = spent.setdefault((do, how), [0, 0, 0])
    for i, value in enumerate((1, us, size)):
        found[i] += value


def report():
    """what it asked, how, telegrams, microseconds and bytes of all"""
    for (do, how), found in spent.items():
        print(do, how, *found)
