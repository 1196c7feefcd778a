"""Ctrl-C between any two bytecodes of the ATM90E32AS driver: nothing lost, nothing doubled."""

import random
from contextlib import suppress

import pytest

from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.load import Constant, point_of
from drivers import atm90e32, atm90e32_link
from tests.host.struck import Struck, StruckDriver

FILES = {atm90e32.__file__, atm90e32_link.__file__}
POINTS = {
    "import": point_of(2300000, 500000, 230000, 10234),
    "export": point_of(-2300000, -500000, 230000, 10234),
    "nothing": point_of(0, 0, 230000),
}


class Rig(StruckDriver):
    def __init__(self, point):
        super().__init__(
            lambda now_ms: Atm90e32Model(Constant(point), now_ms),
            *(atm90e32.Atm90e32, FILES, 60),
            imp_per_kwh=600,
            wiring="1p",
            pmax_w=15000,
        )


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_at_every_line(name, error):
    lines = Rig(POINTS[name]).read(event="line")
    assert lines > 200
    for n in range(1, lines + 1):
        rig = Rig(POINTS[name])
        rig.read(event="line", n=n, error=error)
        rig.read()
        assert rig.is_whole(), f"line event {n}"


def test_at_every_bytecode():
    bytecodes = Rig(POINTS["import"]).read(event="opcode")
    assert bytecodes > 1000
    for n in range(1, bytecodes + 1):
        rig = Rig(POINTS["import"])
        rig.read(event="opcode", n=n)
        rig.read()
        assert rig.is_whole(), f"bytecode {n}"


def test_again_and_again():
    dice = random.Random(90)
    for _ in range(60):
        rig = Rig(POINTS["import"])
        strikes = [dice.randrange(1, 2500) for _ in range(6)]
        for n in strikes:
            rig.read(event="opcode", n=n)
        rig.read()  # so late that a register may have been full
        rig.read()
        assert rig.is_whole(), strikes


def test_a_broken_restart_is_begun_again():
    lines = 3000
    for n in range(1, lines, 37):
        rig = Rig(POINTS["import"])
        rig.model.power_on()
        rig.read(event="line", n=n)
        rig.read()
        before, true = rig.sample.counts, rig.model.true_counts()
        rig.read()
        assert rig.driver.ok()
        after = rig.model.true_counts()
        assert rig.sample.counts[0] - before[0] == after[0] - true[0] == 2300, f"line event {n}"


def test_a_broken_change_of_gains_is_ended_by_the_next_read():
    gains = {"UgainA": 0x8100, "IgainA": 0x7F00}
    for n in range(1, 1500, 23):
        rig = Rig(POINTS["import"])
        rig.ms += 30000
        with suppress(KeyboardInterrupt), Struck(FILES.__contains__, "line", n) as struck:
            rig.driver.start(gains)
        if struck.n > struck.seen:
            break
        rig.read()
        assert rig.driver.ok(), f"line event {n}"
        assert rig.sample.counts[0] == rig.model.true_counts()[0], f"line event {n}"
    assert n > 500
