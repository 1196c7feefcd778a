"""Clock discipline: who gets the time, when, and that a correction is logged on the meter."""

import asyncio
from types import SimpleNamespace

from meter import codes
from wattledger.headend.clocks import AT_A_TIME, LOST_S, Clocks
from wattledger.headend.state import Meter

from .conftest import START, Scene, until

EVERY_S = 43200


class Told:
    """Commands that are noted."""

    def __init__(self):
        self.clocks = []

    async def clock(self, group, only):
        self.clocks.append((group, only))


def scene(count=3):
    meters = {f"{n:012x}": Meter(f"{n:012x}", (), online=True) for n in range(count)}
    keys = SimpleNamespace(group=lambda group: [*meters, "never heard of"])
    told, now = Told(), [float(START)]
    clocks = Clocks(SimpleNamespace(meters=meters), keys, told, lambda: now[0], EVERY_S)
    return meters, told, now, clocks


def test_each_that_is_there_gets_the_time_once_in_a_while():
    meters, told, now, clocks = scene()
    a, b, c = meters
    meters[b].online = False
    for _ in range(3):
        asyncio.run(clocks.look())
    assert told.clocks == [("*", [a, c])]
    now[0] += EVERY_S - 1
    meters[b].online = True
    asyncio.run(clocks.look())
    now[0] += 1
    asyncio.run(clocks.look())
    assert told.clocks[1:] == [("*", [b]), ("*", [a, c])]


def test_one_without_the_time_comes_first_and_again():
    meters, told, now, clocks = scene(AT_A_TIME + 1)
    asyncio.run(clocks.look())
    asyncio.run(clocks.look())
    assert [len(serials) for _, serials in told.clocks] == [AT_A_TIME, 1]
    last = list(meters)[-1]
    meters[last].registers = {"status": codes.CLOCK_INVALID}
    for _ in range(4):
        now[0] += LOST_S / 2
        asyncio.run(clocks.look())
    assert told.clocks[2:] == [("*", [last])] * 2


def test_never_is_never():
    *_, told, now, clocks = scene()
    never = Clocks(clocks._intake, clocks._keys, told, lambda: now[0], 0)
    asyncio.run(never.look())
    assert told.clocks == []


def test_a_meter_that_is_behind_is_corrected_and_says_so(program, tmp_path, keys):
    over = Scene(program, tmp_path, keys, count=1)

    async def whole():
        async with over.living():
            meter = next(iter(over.fleet.meters.values()))
            await until(lambda: over.head.clocks.due())
            events = meter.meter.journal.rings[5 + codes.CLOCK]
            before = events.last_seq
            meter.clock.utc -= 3
            await over.head.clocks.look()
            assert over.head.clocks.due() == []
            assert over.head.audit.lines[-1]["done"] == 1
            assert meter.clock.utc == over.fleet.utc
            assert events.last_seq == before + 1

    asyncio.run(asyncio.wait_for(whole(), 60))
