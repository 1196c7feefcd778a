"""The register-level model of the BL0942: vectors computed by hand from the datasheet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boards.virtual.bl0942 import Bl0942Model
from boards.virtual.load import Constant, point_of

I_RMS, V_RMS, WATT, CF_CNT, FREQ, STATUS = 3, 4, 6, 7, 8, 9
WA_CREEP, MODE, GAIN_CR, SOFT_RESET, USR_WRPROT = 0x14, 0x19, 0x1A, 0x1C, 0x1D


class Bench:
    def __init__(self, point=None, **model):
        self.ms = 0
        self.load = Constant(point or point_of(2300000, 0, 230000, 10000))
        self.chip = Bl0942Model(self.load, lambda: self.ms, **model)

    def frame(self, *mosi):
        self.chip.select(0)
        miso = self.chip.transfer(bytes(mosi))
        self.chip.select(1)
        return miso

    def read(self, address):
        miso = self.frame(0x58, address, 0xFF, 0xFF, 0xFF, 0xFF)
        assert (0x58 + address + sum(miso[2:])) & 0xFF == 0xFF
        return int.from_bytes(miso[2:5], "big")

    def write(self, address, value):
        body = bytes([0xA8, address]) + value.to_bytes(3, "big")
        self.frame(*body, ~sum(body) & 0xFF)

    def unlock(self):
        self.write(USR_WRPROT, 0x55)
        return self


def test_defaults():
    chip = Bench()
    defaults = {
        0x12: 0,
        0x14: 0x0B,
        0x15: 0xFFFF,
        0x16: 1,
        0x17: 3,
        0x18: 0x24,
        0x19: 0x87,
        0x1A: 2,
    }
    assert {address: chip.read(address) for address in defaults} == defaults
    assert chip.read(CF_CNT) == 0


def test_live_vectors():
    chip = Bench()
    assert chip.read(V_RMS) == 0x37BE30
    assert chip.read(I_RMS) == 0x265506  # ..06.6
    assert chip.read(WATT) == 0x15E0CD  # ..CD.7
    assert chip.read(FREQ) == 0x4E20
    assert chip.read(STATUS) == 0
    chip.load.point = point_of(-2300000, 0, 230000, 10000, 60000)
    chip.ms = 1
    assert chip.read(WATT) == 0x1000000 - 0x15E0CD
    assert chip.read(FREQ) == 16666


def test_write_vectors_and_protection():
    chip = Bench()
    chip.write(MODE, 0xC7)
    assert chip.read(MODE) == 0x87
    chip.frame(0xA8, 0x1D, 0x00, 0x00, 0x55, 0xE5)
    chip.frame(0xA8, 0x19, 0x00, 0x00, 0xC7, 0x77)
    assert chip.read(MODE) == 0xC7
    chip.frame(0xA8, 0x19, 0x00, 0x00, 0x87, 0x77)  # wrong checksum
    assert chip.read(MODE) == 0xC7
    chip.frame(0xA8, 0x1C, 0x5A, 0x5A, 0x5A, 0x2D)
    assert chip.read(MODE) == 0x87
    chip.write(MODE, 0xC7)  # locked again
    assert chip.read(MODE) == 0x87


def test_a_pulse_each_0_29253_s():
    chip = Bench()
    for ms, pulses in ((292, 0), (293, 1), (585, 1), (586, 2), (2925, 9), (2926, 10)):
        chip.ms = ms
        assert chip.read(CF_CNT) == pulses
    chip.ms = 3600000
    assert chip.read(CF_CNT) == chip.chip.true_counts()[0] == 12306


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-15000000, 15000000), st.integers(1, 100000)), max_size=8))
def test_energy_is_exact(steps):
    """Forward minus reverse pulses are the whole energy, but for less than a pulse."""
    chip = Bench(point_of(0, 0, 230000)).unlock()
    chip.write(WA_CREEP, 0)
    chip.write(MODE, 0x07)
    energy_uj = 0
    for p_mw, dt_ms in steps:
        chip.load.point = point_of(p_mw, 0, 230000)
        chip.ms += dt_ms
        chip.chip.true_counts()
        energy_uj += p_mw * dt_ms
    forward, reverse = chip.chip.true_counts()
    num, den = 1950510 * 1483524 * 419430400, 3537000 * 510 * 1000
    assert abs(energy_uj * den - (forward - reverse) * num) < num
    assert chip.read(CF_CNT) == (forward - reverse) & 0xFFFFFF


def test_modes_of_the_count():
    for mode, after in ((0x87, 24), (0x07, 0xFFFFFF), (0x83, 0)):
        chip = Bench().unlock()
        chip.write(MODE, mode)
        chip.ms = 3500
        first = chip.read(CF_CNT)
        assert first == (11 if mode & 4 else 0)
        chip.load.point = point_of(-2300000, 0, 230000, 10000)
        chip.ms += 3800
        assert chip.read(CF_CNT) == pytest.approx(after, abs=1)
        assert chip.read(STATUS) & 1 == (mode & 4) // 4
    chip = Bench().unlock()
    chip.write(MODE, 0xC7)
    chip.ms = 3500
    assert (chip.read(CF_CNT), chip.read(CF_CNT)) == (11, 0)


def test_creep():
    chip = Bench(point_of(215, 0, 230000, 1))  # 0Bh is 134.3 of WATT, 0.2154 W
    chip.ms = 36000000
    assert (chip.read(WATT), chip.read(I_RMS), chip.read(STATUS) & 2) == (0, 0, 2)
    assert chip.chip.true_counts() == (0, 0)
    above = Bench(point_of(217, 0, 230000, 1))
    above.ms = 36000000
    assert above.read(WATT) == 135
    assert above.read(STATUS) & 2 == 0
    assert above.chip.true_counts()[0] == 11


def test_gain():
    chip = Bench().unlock()
    chip.write(GAIN_CR, 1)
    assert chip.read(I_RMS) == 0x265506 // 4
    assert chip.read(WATT) == 0x15E0CE // 4


def test_six_ffh_begin_a_frame():
    for lost in range(1, 48):
        chip = Bench(ncs=False)
        chip.chip.drop_clocks = lost
        chip.frame(0x58, V_RMS, 0xFF, 0xFF, 0xFF, 0xFF)
        with pytest.raises(AssertionError):
            chip.read(V_RMS)
        chip.frame(0, 0, 0, 0, 0, *[0xFF] * 6)
        assert chip.read(V_RMS) == 0x37BE30
    chip = Bench()
    chip.frame(0x58, V_RMS, 0xFF)
    assert chip.read(V_RMS) == 0x37BE30  # chip select does it too


def test_nobody_on_the_bus():
    chip = Bench()
    chip.chip.stuck_select = 1
    assert chip.frame(0x58, V_RMS, 0xFF, 0xFF, 0xFF, 0xFF) == b"\xff" * 6
    chip.chip.stuck_select = None
    chip.chip.flip_miso = 1 << 8
    assert chip.frame(0x58, V_RMS, 0xFF, 0xFF, 0xFF, 0xFF)[2:] == b"\x37\xbe\x31\x7e"
    assert chip.read(V_RMS) == 0x37BE30
