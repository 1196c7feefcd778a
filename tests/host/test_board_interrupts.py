"""Ctrl-C, and a tick, between any two bytecodes of relay and clock: no coil stays on, no wrong
place is remembered, no wrong time is told."""

from contextlib import suppress

import pytest
import test_ds3231
import test_panels

from drivers import ds3231, ds3231_setup, load_switch
from tests.host.struck import Struck

CLOCK = {ds3231.__file__, ds3231_setup.__file__}
RELAY = {load_switch.__file__}


def strike(files, n, error, call, *args):
    """-> bytecodes seen. n None: none is struck."""
    struck = Struck(files.__contains__, **({"event": "opcode", "n": n, "error": error}))
    with suppress(KeyboardInterrupt, MemoryError), struck:
        call(*args)
    return struck.seen


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("at_end", [False, True])
def test_relay(error, at_end):
    n = 0
    while True:
        n += 1
        bench = test_panels.Bench()
        bench.relay(1)
        bench.end()
        step = bench.end if at_end else bench.relay
        if at_end:
            bench.relay(0)
        seen = strike(RELAY, n, error, step, *(() if at_end else (0,)))
        if bench.due and n % 2:
            bench.end()  # else the scheduler lost it
        for _ in range(3):
            bench.relay.tick(None)
        assert bench.levels == [0, 0], f"bytecode {n}"
        if n % 3 == 0:
            bench.start()
        bench.relay(0)
        if bench.due:
            bench.end()
        assert (bench.levels, bench.contact) == ([0, 0], 0), f"bytecode {n}"
        if seen < n:
            break
    assert n > 30


@pytest.mark.parametrize("call", ["set", "discipline", "now"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_clock(error, call):
    n = 0
    while True:
        n += 1
        world = test_ds3231.World(4000)
        world.clock.discipline(world.s)
        world.s += 20 * 86400
        told = {world.clock.now(), world.s}
        args = () if call == "now" else (world.s,)
        seen = strike(CLOCK, n, error, getattr(world.clock, call), *args)
        assert world.clock.now() in told, f"bytecode {n}"
        started = world.start()
        assert not started.quality() or started.now() in told, f"bytecode {n}"
        world.clock.set(world.s)
        assert world.clock.now() == world.s
        if seen < n:
            break
    assert n > 50
