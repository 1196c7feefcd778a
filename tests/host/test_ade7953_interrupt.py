"""Ctrl-C between any two bytecodes of the ADE7953 driver: nothing lost, nothing doubled."""

import random
from contextlib import suppress

import pytest

from boards.virtual.ade7953 import Ade7953Model
from boards.virtual.load import Constant, Point
from drivers import ade7953, ade7953_doubt, ade7953_intake, ade7953_link, ade7953_setup
from tests.host.struck import Struck, StruckDriver

FILES = {m.__file__ for m in (ade7953, ade7953_doubt, ade7953_intake, ade7953_link, ade7953_setup)}
POINTS = {
    "import": ([2000000, 300000, 0], [500000, 200000, 0], [8964, 1568, 0]),
    "export": ([-2000000, -300000, 0], [-500000, -200000, 0], [8964, 1568, 0]),
    "nothing": ([0, 0, 0], [0, 0, 0], [0, 0, 0]),
}
OPTIONS = {
    "plain": {},
    "moves": {"last_moves": True},
    "apart": {"last_moves": True, "last_apart": True},
}


class Rig(StruckDriver):
    def __init__(self, name, option="plain"):
        p_mw, q_mvar, i_ma = POINTS[name]
        load = Constant(Point(p_mw, q_mvar, [230000, 0, 0], i_ma, 50000))
        super().__init__(
            lambda now_ms: Ade7953Model(load, now_ms, **OPTIONS[option]),
            *(ade7953.Ade7953, FILES, 3),
            wiring="2c",
            pmax_w=30000,
        )


@pytest.mark.parametrize(
    ("name", "error", "option"),
    [
        ("import", KeyboardInterrupt, "plain"),
        ("export", MemoryError, "plain"),
        ("nothing", KeyboardInterrupt, "moves"),
        ("export", KeyboardInterrupt, "moves"),
        ("import", MemoryError, "apart"),
    ],
)
def test_at_every_line(name, error, option):
    lines = Rig(name, option).read(event="line")
    assert lines > 400
    for n in range(1, lines + 1):
        rig = Rig(name, option)
        rig.read(event="line", n=n, error=error)
        rig.read()
        assert rig.is_whole(), f"line event {n}"


@pytest.mark.parametrize("option", ["plain", "moves"])
def test_at_every_bytecode(option):
    bytecodes = Rig("import", option).read(event="opcode")
    assert bytecodes > 4000
    for n in range(1, bytecodes + 1, 5):  # every line is in the test above
        rig = Rig("import", option)
        rig.read(event="opcode", n=n)
        rig.read()
        assert rig.is_whole(), f"bytecode {n}"


@pytest.mark.parametrize("option", OPTIONS)
def test_again_and_again(option):
    dice = random.Random(79)
    for _ in range(60):
        rig = Rig("import", option)
        strikes = [dice.randrange(1, 6000) for _ in range(6)]
        for n in strikes:
            rig.read(event="opcode", n=n)
        rig.read()
        assert rig.is_whole(), strikes


def test_a_broken_restart_is_begun_again():
    struck = 0
    for n in range(1, 12000, 97):
        rig = Rig("import")
        rig.model.power_on()
        struck += rig.read(event="line", n=n) >= n
        rig.read()
        before, true = rig.sample.counts, rig.model.true_counts()
        rig.read()
        assert rig.driver.ok()
        after = rig.model.true_counts()
        assert rig.sample.counts[0] - before[0] == after[0] - true[0] > 0, f"line event {n}"
    assert struck > 40


def test_a_broken_change_of_gains_is_ended_by_the_next_read():
    gains = {"AWGAIN": 0x410000, "AVARGAIN": 0x3F0000}
    for n in range(1, 20000, 61):
        rig = Rig("import")
        rig.ms += 3000
        with suppress(KeyboardInterrupt), Struck(FILES.__contains__, "line", n) as struck:
            rig.driver.start(gains)
        if struck.n > struck.seen:
            break
        rig.read()
        assert rig.driver.ok(), f"line event {n}"
        assert rig.sample.counts[0] == rig.model.true_counts()[0], f"line event {n}"
    assert 1500 < n < 19000
