"""The ADE7953 model against the datasheet's numbers: vectors, widths, locks, scales."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boards.virtual.ade7953 import Ade7953Model
from boards.virtual.load import Constant, Point, point_of

FULL_SCALE = point_of(31035000, 0, 310350, 100000)


class Bench:
    def __init__(self, point=FULL_SCALE, **model):
        self.ms = 0
        self.load = Constant(point)
        self.chip = Ade7953Model(self.load, lambda: self.ms, **model)

    def frame(self, *mosi):
        self.chip.select(0)
        miso = self.chip.transfer(bytes(mosi))
        self.chip.select(1)
        return miso

    def read(self, address, size=None):
        size = size or (address >> 8) + 1
        miso = self.frame(address >> 8, address & 0xFF, 0x80, *[0xFF] * size)
        return int.from_bytes(miso[3:], "big")

    def write(self, address, value, size=None):
        size = size or (address >> 8) + 1
        self.frame(address >> 8, address & 0xFF, 0, *value.to_bytes(size, "big"))


def test_defaults():
    chip = Bench()
    for address, value in ((0x004, 0x40), (0x102, 0x8004), (0x103, 0x3F), (0x107, 0x300)):
        assert chip.read(address) == value
    assert chip.read(0x303) == 0x00E419
    assert chip.read(0x380) == chip.read(0x280) == 0x400000
    assert chip.read(0x37F) == 0xFFFFFFFF


def test_vectors():
    chip = Bench()
    chip.frame(0x00, 0xFE, 0x00, 0xAD)
    chip.frame(0x01, 0x20, 0x00, 0x00, 0x30)
    assert chip.chip._registers[0x120] == 0x30
    chip.chip.select(0)
    chip.chip.transfer(bytes((0x01, 0x02, 0x00, 0x00, 0x04)))
    chip.ms += 1
    chip.chip.select(1)
    assert chip.chip.locked
    assert chip.read(0x102) == 0x0004
    chip.ms += 999
    assert chip.frame(0x03, 0x1E, 0x80, 0, 0, 0, 0)[3:] == (206900).to_bytes(4, "big")


def test_the_optimum_setting_needs_the_key_just_before():
    chip = Bench()
    chip.write(0x120, 0x30)
    assert chip.chip._registers[0x120] == 0
    chip.write(0x0FE, 0xAD)
    chip.read(0x102)
    chip.write(0x120, 0x30)
    assert chip.chip._registers[0x120] == 0


def test_full_scale():
    chip = Bench()
    assert (chip.read(0x21C), chip.read(0x21A)) == (9032007, 9032007)
    assert chip.read(0x212) == 4862401
    assert chip.read(0x10E) == 4474
    back = Bench(point_of(-31035000, 0, 310350, 100000))
    assert back.read(0x212) == 0x1000000 - 4862401
    assert back.read(0x312) == 0x100000000 - 4862401  # the upper byte has the sign


def test_an_energy_register_rolls_over_after_40_s_and_a_half():
    chip = Bench()
    chip.ms = 40544
    assert chip.read(0x21E) == 206900 * 40544 // 1000 == 8388553
    assert chip.read(0x21E) == 0
    assert chip.read(0x22D) >> 3 & 1 == 0
    chip.ms += 40545
    value = chip.read(0x21E)
    assert value & 0x800000
    assert value == 206900 * 81089 // 1000 - 8388553
    assert chip.read(0x22E) & 0x100009 == 0x100009  # reset, half full, rolled over
    assert chip.read(0x22E) & 0x100009 == 0


def test_no_load_is_a_ratio_of_full_scale():
    chip = Bench(point_of(3103, 0, 310350, 10))  # 10000:1 is E419 by default
    chip.ms = 100000
    assert chip.read(0x21E) == 0
    assert chip.read(0x201) >> 16 & 1
    chip.write(0x001, 7)
    chip.ms += 100000
    assert chip.read(0x21E) == 206900 * 3103 * 100 // 31035000
    assert Bench(point_of(3105, 0, 310350, 10)).read(0x201) >> 16 & 1 == 0


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("moves", [False, True])
def test_what_it_says_of_the_newest_transfer(moves, apart):
    chip = Bench(last_moves=moves, last_apart=apart)
    chip.write(0x282, 0x345678)
    assert chip.read(0x0FD) == 0xCA
    chip.read(0x282)
    assert chip.read(0x2FF) == 0x345678
    assert chip.read(0x1FE) == (0x2FF if moves else 0x282)
    assert chip.read(0x2FF) == (
        0x345678 if apart or not moves else 0x2FF  # the data of the read before
    )


@pytest.mark.parametrize(("clears", "left"), [("end", 206900), ("start", 0)])
def test_a_read_that_is_broken_off(clears, left):
    chip = Bench(clears=clears)
    chip.ms = 1000
    chip.frame(0x02, 0x1E, 0x80, 0, 0)
    assert chip.read(0x1FE) == 0
    assert chip.read(0x21E) == left


def test_protection_and_checksum():
    chip = Bench()
    chip.write(0x102, 0x8104)
    before = chip.read(0x37F)
    chip.write(0x282, 0x400001)
    assert chip.read(0x37F) != before
    chip.write(0x382, 0x400000)
    assert chip.read(0x37F) == before
    chip.write(0x040, 7)
    for address in (0x004, 0x102, 0x282, 0x382):
        held = chip.read(address)
        chip.write(address, 0x10)
        assert chip.read(address) == held
    chip.write(0x040, 0)
    chip.write(0x102, 0x8004 | 0x80)  # software reset
    assert chip.read(0x102) == 0x8004
    assert chip.read(0x22D) & 1 << 20


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0x200000, 0x600000),
    st.lists(st.tuples(st.integers(-15000000, 15000000), st.integers(1, 30000)), max_size=8),
)
def test_energy_is_exact_for_every_gain(gain, steps):
    """Forward minus reverse counts are the whole energy, but for less than a count."""
    chip = Bench(point_of(0, 0, 230000))
    chip.write(0x001, 7)
    chip.write(0x282, gain)
    energy = 0
    for p_mw, dt_ms in steps:
        chip.load.point = point_of(p_mw, 0, 230000)
        chip.ms += dt_ms
        chip.chip.true_counts()  # the load is taken when somebody asks
        energy += p_mw * 1000000 * gain // 0x400000 * dt_ms
    forward, reverse = chip.chip.true_counts()[:2]
    count = 310350 * 100000 * 1000 * 1000
    assert abs(energy * 206900 - (forward - reverse) * count) < count


def test_gains_phase_and_offsets():
    chip = Bench(point_of(10000000, 0, 230000, 43478))
    plain = chip.read(0x212)
    chip.write(0x282, 0x440000)
    assert abs(chip.read(0x212) - plain * 17 // 16) < 2
    chip.write(0x282, 0x400000)
    chip.write(0x281, 0x420000)  # voltage
    assert abs(chip.read(0x212) - plain * 33 // 32) < 2
    chip.write(0x281, 0x400000)
    chip.write(0x289, 512 * 100)
    assert abs(chip.read(0x212) - plain - 100) < 2
    chip.write(0x289, 0)
    chip.write(0x108, 100)  # 111.7 us are 2.01 degrees at 50 Hz
    assert abs(chip.read(0x214) - plain * 351 // 10000) < plain // 5000
    chip.write(0x108, 0x200 | 100)
    assert chip.read(0x214) & 0x800000


@pytest.mark.parametrize(("b_gain", "factor"), [("own", 32), ("shared", 33)])
def test_channel_b(b_gain, factor):
    point = Point([0] * 3, [0] * 3, [230000, 0, 0], [0, 8696, 0], 50000)
    point.p_mw[1] = 2000000
    chip = Bench(point, b_gain=b_gain)
    plain = chip.read(0x213)
    chip.write(0x281, 0x420000)
    assert abs(chip.read(0x213) - plain * factor // 32) < 2
    chip.write(0x28C, 0x200000)
    assert abs(chip.read(0x213) - plain * factor // 64) < 2
