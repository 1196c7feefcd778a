"""Ctrl-C between any two bytecodes of the BL0942 driver: nothing lost, nothing doubled."""

import random
from contextlib import suppress

import pytest

from boards.virtual.bl0942 import Bl0942Model
from boards.virtual.load import Constant, point_of
from drivers import bl0942, bl0942_link, bl0942_setup
from meter.sample import RESET, Sample
from tests.host.struck import Struck, StruckDriver

FILES = {bl0942.__file__, bl0942_link.__file__, bl0942_setup.__file__}
POINTS = {
    "import": point_of(2300000, 0, 230000, 10000),
    "export": point_of(-2300000, 0, 230000, 10000),
    "nothing": point_of(0, 0, 230000),
}


class Rig(StruckDriver):
    def __init__(self, point, **facts):
        self.before = (0, 0)  # of drivers that were
        super().__init__(
            lambda now_ms: Bl0942Model(Constant(point), now_ms, **facts),
            *(bl0942.Bl0942, FILES, 60),
            pmax_w=15000,
        )

    def seen(self):
        return tuple(a + b for a, b in zip(self.before, self.sample.counts[:2], strict=True))


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_at_every_line(name, error):
    lines = Rig(POINTS[name]).read(event="line")
    assert lines > 80
    for n in range(1, lines + 1):
        rig = Rig(POINTS[name])
        rig.read(event="line", n=n, error=error)
        rig.read()
        assert rig.is_whole(), f"line event {n}"


@pytest.mark.parametrize("facts", [{}, {"ncs": False}, {"relocks": True}])
def test_at_every_bytecode(facts):
    bytecodes = Rig(POINTS["import"], **facts).read(event="opcode")
    assert bytecodes > 700
    for n in range(1, bytecodes + 1):
        rig = Rig(POINTS["import"], **facts)
        rig.read(event="opcode", n=n)
        rig.read()
        assert rig.is_whole(), f"bytecode {n}"


def test_again_and_again():
    dice = random.Random(42)
    for _ in range(60):
        rig = Rig(POINTS["export"])
        strikes = [dice.randrange(1, 1400) for _ in range(6)]
        for n in strikes:
            rig.read(event="opcode", n=n)
        rig.read()
        assert rig.is_whole(), strikes


def test_a_broken_restart_is_begun_again():
    """Of what flowed after the reset nothing is doubled, and little is lost."""
    for n in range(1, 3000, 7):
        rig = Rig(POINTS["import"])
        rig.model.power_on()
        rig.read(1, event="line", n=n)
        rig.read(1)
        told = rig.sample.flags & RESET
        lost = rig.model.true_counts()[0] - rig.seen()[0]
        assert 0 <= lost <= 7, f"line event {n}"
        rig.read()
        assert rig.driver.ok()
        assert rig.model.true_counts()[0] - rig.seen()[0] == lost, f"line event {n}"
        if not told:
            break  # the read was over before it could be struck
    assert n > 300


def test_a_broken_restart_takes_no_count_of_before_for_one_of_now():
    """A little energy before the reset, less after it: the difference is no export."""
    for n in range(1, 3000):
        rig = Rig(POINTS["import"])
        rig.model.power_on()
        rig.read(1)
        rig.read(5)
        rig.model.power_on()
        rig.read(1, FILES - {bl0942_link.__file__}, event="line", n=n)
        rig.read(1)
        assert rig.sample.counts[1] == 0, f"line event {n}"
        if not rig.sample.flags & RESET:
            break
    assert n > 100


def test_a_processor_that_stops_in_its_start_goes_on():
    """A new driver that is stopped anywhere in its start takes nothing from the next one."""
    for n in range(1, 1500, 3):
        rig = Rig(POINTS["import"])
        rig.before = rig.seen()
        rig.sample = Sample()
        rig.ms += 30000
        rig.driver = rig.new_driver()
        with suppress(KeyboardInterrupt), Struck(FILES.__contains__, "line", n) as struck:
            rig.driver.start({"P_GAIN": 0x8000, "I_RMSOS": 5})
        rig.driver = rig.new_driver()
        rig.driver.start({})
        rig.read()
        assert rig.is_whole(), f"line event {n}"
        if n > struck.seen:
            break
    assert n > 150
