"""The register-level model of the ATM90E32AS: vectors computed by hand from the datasheet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boards.virtual.atm90e32 import DETECTION, NORMAL, Atm90e32Model
from boards.virtual.load import Constant, Point, point_of

HOUR_MS = 3600000


class Bench:
    def __init__(self, point=None, **model):
        self.ms = 0
        self.load = Constant(point or point_of(2300000, 0, 230000, 10000))
        self.chip = Atm90e32Model(self.load, lambda: self.ms, **model)

    def frame(self, *mosi):
        self.chip.select(0)
        miso = self.chip.transfer(bytes(mosi))
        self.chip.select(1)
        return miso

    def read(self, address):
        miso = self.frame(0x80 | address >> 8, address & 0xFF, 0xFF, 0xFF)
        return miso[2] << 8 | miso[3]

    def write(self, address, value):
        self.frame(address >> 8, address & 0xFF, value >> 8, value & 0xFF)

    def meter(self, **registers):
        """Unlock and run."""
        self.write(0x7F, 0x55AA)
        for name, value in registers.items():
            self.write(int(name[1:], 16), value)
        self.write(0x00, 1)
        return self


def test_defaults():
    chip = Bench()
    for address, value in ((0x01, 0x0210), (0x02, 0x0654), (0x31, 0x0861), (0x32, 0xC468)):
        assert chip.read(address) == value
    assert chip.read(0x33) == 0x0087
    assert chip.read(0x61) == 0x8000
    assert chip.read(0x00) == 0


def test_unlock_vector_and_last_data():
    chip = Bench()
    chip.frame(0x00, 0x7F, 0x55, 0xAA)
    assert chip.frame(0x80, 0x78, 0xFF, 0xFF)[2:] == b"\x55\xaa"
    assert chip.read(0x78) == 0x55AA


def test_live_values():
    chip = Bench()
    assert (chip.read(0xB1), chip.read(0xC1)) == (0x006D, 0xAC2C)
    assert (chip.read(0xB0), chip.read(0xC0)) == (0x006D, 0xAC2C)
    assert chip.read(0xD9) == 0x59D8
    assert chip.read(0xDD) == 0x2710
    assert chip.read(0xF8) == 0x1388
    assert chip.read(0xBC) == 0x03E8
    chip = Bench(point_of(-2300000, 0, 230000, 10000))
    assert (chip.read(0xB1), chip.read(0xC1)) == (0xFF92, 0x53D4)
    assert chip.read(0xF9) == 1800


def test_counts_at_3200_and_full_register():
    """2300 W are 204.44 counts a second at 3200 imp/kWh, and fill 16 bits in 320.6 s."""
    chip = Bench().meter()
    chip.ms = 9000
    assert chip.read(0x80) == 1840
    assert chip.read(0x80) == 0
    chip.ms += 320000
    assert chip.read(0x80) == 65422
    chip.ms += 320600
    assert chip.read(0x80) == 65535
    wraps = Bench(full="wrap").meter()
    wraps.ms = 320600
    assert wraps.read(0x80) == 65544 - 65536
    assert wraps.chip.true_counts()[0] == 65544


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2**32 - 1),
    st.lists(st.tuples(st.integers(-15000000, 15000000), st.integers(1, 100000)), max_size=8),
)
def test_energy_is_exact_for_every_constant(constant, steps):
    """Forward minus reverse counts are the whole energy, but for less than a count."""
    chip = Bench(point_of(0, 0, 230000)).meter(_31=constant >> 16, _32=constant & 0xFFFF)
    energy_uj = 0
    for p_mw, dt_ms in steps:
        chip.load.point = point_of(p_mw, 0, 230000)
        chip.ms += dt_ms
        chip.chip.true_counts()  # the load is taken when somebody asks
        energy_uj += p_mw * dt_ms
    forward, reverse = chip.chip.true_counts()[:2]
    rest = 25 * energy_uj - (forward - reverse) * 2 * constant
    assert -2 * constant < rest < 2 * constant


def test_directions_cancel_below_a_count():
    chip = Bench(point_of(10000, 0, 230000)).meter()
    for _ in range(100):
        for p_mw in (10000, -10000):  # 1 J each way, a count is 11.25 J
            chip.load.point = point_of(p_mw, 0, 230000)
            chip.ms += 100
            chip.chip.true_counts()
    assert chip.chip.true_counts()[:2] == (0, 0)


def test_absolute_mode_and_phase_enable():
    point = Point([1000000, -400000, 300000], [0] * 3, [230000] * 3, [4348, 1739, 1304], 50000)
    for mode, watts in ((0x87, 900), (0x8F, 1700), (0x84, 1000), (0x85, 1300), (0x83, -100)):
        chip = Bench(point).meter(_33=mode)
        chip.ms = 36000
        forward, reverse = chip.chip.true_counts()[:2]
        assert forward - reverse == watts * 32 // 10
        assert (chip.read(0x81), chip.read(0x86), chip.read(0x83)) == (3200, 1280, 960)


def test_no_load():
    chip = Bench(point_of(3000, 0, 230000)).meter(_35=9375)  # 3 W
    chip.ms = HOUR_MS
    assert chip.read(0x71) & 0x20
    assert chip.chip.true_counts()[0] == 0
    assert Bench(point_of(3001, 0, 230000)).meter(_35=9375).read(0x71) & 0x20 == 0
    phase = Bench(point_of(3000, 1000, 230000)).meter(_38=12500)  # 4 W + var
    phase.ms = HOUR_MS
    assert phase.chip.true_counts()[0] == 0


def test_short_and_long_frames():
    chip = Bench().meter()
    chip.ms = 9000
    chip.frame(0x80)  # 8 clocks: nothing
    assert chip.frame(0x80, 0x80) == b"\x00\x00"  # 16: read out and cleared
    assert chip.read(0x78) == 1840
    assert chip.read(0x80) == 0
    for mosi in ((0x00, 0x34, 0x15), (0x00, 0x34, 0x00, 0x15, 0x00)):
        chip.frame(*mosi)
        assert chip.read(0x34) == 0
    chip.chip.drop_clocks = 1
    chip.write(0x34, 0x15)
    assert chip.read(0x34) == 0
    chip.write(0x34, 0x15)
    assert chip.read(0x34) == 0x15


def test_only_low_ten_address_bits_decode():
    assert Bench().read(0x7C01) == 0x0210
    assert Bench().read(0x0101) == 0


def test_protection_and_crc_monitor():
    chip = Bench()
    chip.write(0x34, 0x15)
    assert chip.read(0x34) == 0
    chip.meter(_34=0x15)
    assert chip.read(0x34) == 0x15
    chip.write(0x7F, 0)
    assert chip.read(0x79) == 0
    chip.chip._registers[0x34] ^= 0x10  # a bit falls over in the chip
    assert chip.read(0x79) == 1


def test_soft_reset_and_deafness():
    chip = Bench(reset_ms=5).meter(_32=0x1234)
    chip.ms = 9000
    chip.write(0x70, 0x789A)
    assert chip.read(0x32) == 0xFFFF
    chip.ms += 5
    assert chip.read(0x32) == 0xC468
    assert chip.read(0x80) == 0
    chip.write(0x70, 0x1111)
    assert chip.read(0x70) == 0


def test_latched_states_clear_by_writing_ones():
    chip = Bench().meter(_08=0x2000)
    chip.read(0x72)
    chip.load.point = point_of(-2300000, 0, 50000)
    chip.ms = 1000
    live = chip.read(0x72)
    assert live & 0x000C == 0x000C  # active power is negative, T and A
    assert live & 0x4000  # sag on A
    latched = chip.read(0x74)
    assert latched & 0x400C == 0x400C
    assert chip.read(0x74) == latched
    chip.write(0x74, 0x0001)
    assert chip.read(0x74) == latched
    chip.write(0x74, 0x4000)
    assert chip.read(0x74) == latched & ~0x4000


def test_sag_threshold_vector():
    """179.4 V is 318D at a gain of 8000."""
    for v_mv, sag in ((179350, 0x4000), (179450, 0)):
        chip = Bench(point_of(0, 0, v_mv)).meter(_08=0x318D)
        assert chip.read(0x72) & 0x4000 == sag


def test_gains():
    chip = Bench().meter(_61=0x4000, _62=0xC000)
    assert chip.read(0xD9) == 11500
    assert chip.read(0xDD) == 15000
    assert chip.read(0xB1) << 16 | chip.read(0xC1) == 7187500 * 3 // 4
    chip.write(0x47, 0x1475)
    energy = Bench(point_of(-2300000, 0, 230000)).meter(_47=0x1475)  # after -13.78 %
    energy.ms = 36000
    assert energy.chip.true_counts()[1] == 2300 * 32 // 10 * (0x8000 + 0x1475) // 0x8000


def test_power_modes():
    chip = Bench().meter()
    chip.ms = 9000
    chip.chip.pm = DETECTION
    chip.ms = 20000
    assert chip.read(0x01) == 0xFFFF
    chip.chip.pm = NORMAL
    assert chip.read(0x01) == 0x0210
    assert chip.read(0x80) == 1840


def test_bus_faults():
    chip = Bench()
    chip.chip.flip_miso = 0x8001
    assert chip.read(0x01) == 0x0210 ^ 0x8001
    assert chip.read(0x01) == 0x0210
    chip.chip.flip_mosi = 0x00030000
    assert chip.read(0x01) == 0x0654
    chip.chip.stuck_select = 1
    assert chip.read(0x01) == 0xFFFF
    chip.chip.stuck_select = 0
    chip.meter(_34=0x15)
    chip.chip.stuck_select = None
    assert chip.read(0x34) == 0


def test_time_that_goes_back_counts_nothing():
    chip = Bench().meter()
    chip.ms = 9000
    assert chip.read(0x80) == 1840
    chip.ms = 0
    assert chip.read(0x80) == 0
    chip.ms = 9000
    assert chip.read(0x80) == 1840


@pytest.mark.parametrize("ratio", [(1, 1), (200, 5), (3, 7)])
def test_transformers(ratio):
    chip = Bench(point_of(2300000, 0, 230000, 10000), ct_ratio=ratio).meter()
    chip.ms = HOUR_MS
    assert chip.chip.true_counts()[0] == 2300 * 320 * ratio[1] // ratio[0]
