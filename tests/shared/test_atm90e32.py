"""The ATM90E32AS driver against the register-level model: counts, faults, broken reads."""

import unittest

from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.load import Constant, Point, point_of
from boards.virtual.spi import SelectWire, SpiWire
from drivers.atm90e32 import Atm90e32
from meter.errors import MeterError
from meter.sample import GLITCH, RESET, SATURATED, Sample

try:
    from micropython import heap_lock, heap_unlock
except ImportError:
    heap_lock = None

IMPORT, EXPORT, Q1, Q2, Q3, Q4, APPARENT = range(7)
PL_CONST_L = 0x32
AP_ENERGY_T = 0x80


class Break(KeyboardInterrupt):
    pass


class Wire(SpiWire):
    """Stops at transfer `at`: before it, after `bytes_through` of it, or after all of it."""

    at = None
    bytes_through = 0

    def write_readinto(self, out, into):
        if self.at is not None:
            self.at -= 1
            if self.at < 0:
                self.at = None
                SpiWire.write_readinto(
                    self, out[: self.bytes_through], bytearray(self.bytes_through)
                )
                raise Break
        SpiWire.write_readinto(self, out, into)


class Rig:
    """Model, wires and a started driver at a load of 2300 W and 500 var, by default."""

    def __init__(self, point=None, settings=(), **model):
        self.ms = 0
        self.load = Constant(point or point_of(2300000, 500000, 230000, 10234))
        self.model = Atm90e32Model(self.load, lambda: self.ms, reset_ms=5, **model)
        self.wire = Wire(self.model)
        self.settings = {"imp_per_kwh": 600, "wiring": "1p", "pmax_w": 15000}
        self.settings.update(settings)
        self.driver = self.new_driver()
        self.sample = Sample()
        self.driver.start({})

    def new_driver(self):
        select = SelectWire(self.model)
        return Atm90e32(
            self.wire, select, self.sleep_ms, ticks_ms=lambda: self.ms, **self.settings
        )

    def sleep_ms(self, ms):
        self.ms += ms

    def read(self, after_s=60):
        """-> sample of a read after so much time"""
        self.ms += after_s * 1000
        self.driver.read(self.sample)
        return self.sample

    def registers(self):
        """-> the counts of the last sample in the order of the model's true_counts"""
        c = self.sample.counts
        return (c[IMPORT], c[EXPORT], c[Q1] + c[Q2], c[Q3] + c[Q4], c[APPARENT])


class TestCounts(unittest.TestCase):
    def test_a_watt_for_a_minute_is_a_count(self):
        rig = Rig()
        for minute in range(1, 6):
            rig.read()
            self.assertEqual(rig.sample.counts[IMPORT], 2300 * minute)
            self.assertEqual(rig.sample.counts[Q1], 500 * minute)
        self.assertEqual(rig.registers(), rig.model.true_counts())
        self.assertEqual(rig.sample.flags, 0)
        self.assertEqual(rig.driver.energy_ratio, (50, 3))
        self.assertEqual(rig.driver.window_counts, 65535)

    def test_quadrants_follow_the_sign_of_active_energy(self):
        for p, q, quadrant in ((1, 1, Q1), (-1, 1, Q2), (-1, -1, Q3), (1, -1, Q4)):
            rig = Rig(point_of(p * 1200000, q * 600000, 230000))
            rig.read()
            expected = [0] * 7
            expected[IMPORT if p > 0 else EXPORT] = 1200
            expected[quadrant] = 600
            self.assertEqual(list(rig.sample.counts[:APPARENT]), expected[:APPARENT])

    def test_both_directions_in_one_read_go_with_the_larger(self):
        rig = Rig(point_of(-1200000, 600000, 230000))
        rig.ms += 20000
        rig.model.true_counts()
        rig.load.point = point_of(1200000, 600000, 230000)
        rig.read(40)
        self.assertEqual(rig.sample.counts[:6], (800, 400, 600, 0, 0, 0))

    def test_without_active_energy_the_last_sign_stays(self):
        rig = Rig(point_of(-1200000, 0, 230000))
        rig.read()
        rig.load.point = point_of(0, 600000, 230000)
        rig.model.true_counts()
        rig.read()
        self.assertEqual(rig.sample.counts[:6], (0, 1200, 0, 600, 0, 0))

    def test_no_load_counts_nothing(self):
        rig = Rig(point_of(2000, 0, 230000, 9))  # half of the starting power is 2.3 W
        rig.read(3600)
        self.assertEqual(rig.registers(), (0, 0, 0, 0, 0))
        rig.load.point = point_of(2400, 0, 230000, 10)
        rig.read(3600)
        self.assertEqual(rig.sample.counts[IMPORT], 144)

    def test_transformer_ratios(self):
        settings = {"ct_ratio": (200, 5), "vt_ratio": (10, 1), "imp_per_kwh": 3200}
        settings["pmax_w"] = 1000000
        rig = Rig(
            point_of(230000000, 0, 2300000, 100000), settings, ct_ratio=(200, 5), vt_ratio=(10, 1)
        )
        sample = rig.read(720)
        num, den = rig.driver.energy_ratio
        self.assertEqual(sample.counts[IMPORT] * num // den, 230000000 // 5)
        self.assertEqual((sample.v_mv[0], sample.i_ma[0]), (2300000, 100000))
        self.assertEqual(sample.p_mw[0], 230000000)

    def test_every_phase_is_measured(self):
        point = Point(
            [1000000, -200000, 300000],
            [0, 0, 0],
            [230000, 231000, 229990],
            [4348, 866, 1304],
            49980,
        )
        rig = Rig(point, {"wiring": "3p4w"})
        sample = rig.read()
        self.assertEqual(sample.counts[IMPORT], 1100)
        self.assertEqual(sample.v_mv, [230000, 231000, 229990])
        self.assertEqual(sample.i_ma, [4348, 866, 1304])
        self.assertEqual(sample.p_mw, [1000000, -200000, 300000])
        rig.read()
        for _ in range(4):
            rig.read()
        self.assertEqual(sample.freq_mhz, 49980)
        self.assertEqual(rig.registers(), rig.model.true_counts())

    def test_a_wiring_without_a_phase_leaves_it_at_zero(self):
        point = Point([1000000] * 3, [0] * 3, [230000] * 3, [4348] * 3, 50000)
        for wiring, counts, v_mv in (
            ("1p", 1000, [230000, 0, 0]),
            ("3p3w", 2000, [230000, 0, 230000]),
        ):
            rig = Rig(point, {"wiring": wiring})
            sample = rig.read()
            self.assertEqual(sample.counts[IMPORT], counts)
            self.assertEqual(sample.v_mv, v_mv)


class TestStart(unittest.TestCase):
    def test_a_configured_chip_keeps_its_energy(self):
        rig = Rig()
        rig.ms += 60000
        rig.driver = rig.new_driver()  # a soft reset of the processor
        rig.driver.start({})
        rig.read(0)
        self.assertEqual(rig.sample.counts[IMPORT], 2300)
        self.assertEqual(rig.sample.flags, 0)

    def test_a_new_gain_takes_no_energy(self):
        rig = Rig()
        rig.ms += 60000
        rig.driver.start({"UgainA": 0x8100})
        rig.read(0)
        self.assertEqual(rig.sample.counts[IMPORT], 2300)
        self.assertTrue(rig.driver.ok())

    def test_a_floating_bus_is_named(self):
        rig = Rig()
        rig.model.stuck_select = 1
        self.assertFalse(rig.driver.ok())
        with self.assertRaises(MeterError) as seen:
            rig.driver.start({})
        self.assertEqual(
            str(seen.exception),
            "atm90e32: presence: ChannelMapI read 0xffff, expected 0x0210: "
            "MISO floating? check wiring and PM1/PM0",
        )

    def test_a_write_that_never_arrives_is_named_by_its_stage(self):
        rig = Rig()
        rig.model.power_on()

        def drop(frame):
            rig.model.drop_clocks = 1

        rig.model.before_frame = drop
        with self.assertRaises(MeterError) as seen:
            rig.driver.start({})
        self.assertTrue("unlock" in str(seen.exception), str(seen.exception))

    def test_what_the_chip_cannot_be_is_refused(self):
        for settings in (
            {"imp_per_kwh": 7000},
            {"imp_per_kwh": 100},
            {"imp_per_kwh": 0},
            {"line_hz": 55},
            {"wiring": "2p"},
            {"start_mw": 42000},
        ):
            with self.assertRaises(MeterError):
                Rig(settings=settings)
        rig = Rig()
        for calibration in ({"Ugain": 1}, {"UgainA": 65536}, {"PhiC": -1}):
            with self.assertRaises(MeterError):
                rig.driver.start(calibration)
        self.assertEqual(rig.read().flags, 0)  # and what was right before still is

    def test_pulse_constants(self):
        for imp_per_kwh in (600, 1000, 3200, 10000):
            rig = Rig(settings={"imp_per_kwh": imp_per_kwh})
            rig.read()
            num, den = rig.driver.energy_ratio
            self.assertEqual(rig.sample.counts[IMPORT], 2300000 * den // (60 * num))


class TestFaults(unittest.TestCase):
    def test_a_chip_that_lost_its_configuration_is_started_again(self):
        rig = Rig()
        rig.read()
        before = rig.sample.counts
        rig.model.power_on()
        self.assertFalse(rig.driver.ok())
        rig.read()  # unconfigured it counts nothing
        self.assertEqual(rig.sample.flags, RESET)
        self.assertEqual(rig.sample.counts, before)
        rig.read()
        self.assertEqual(rig.sample.flags, 0)
        self.assertEqual(rig.sample.counts[IMPORT], before[IMPORT] + 2300)

    def test_one_altered_register_is_found(self):
        rig = Rig()
        rig.read()
        for address, value in ((0x7F, 0x55AA), (PL_CONST_L, 0x1234), (0x7F, 0)):
            rig.driver.link.put(address, value)
        flags = [rig.read(1).flags for _ in range(40)]
        self.assertEqual(sum(flags), RESET)
        self.assertTrue(rig.driver.ok())

    def test_a_flipped_bit_on_the_way_back_changes_nothing(self):
        for bit in range(16):
            for transfer in range(1, 20):
                rig = Rig()
                rig.read()
                first = rig.model.frames

                def flip(frame, rig=rig, first=first, transfer=transfer, bit=bit):
                    if frame == first + transfer:
                        rig.model.flip_miso = 1 << bit

                rig.model.before_frame = flip
                rig.read()
                self.assertEqual(rig.registers(), rig.model.true_counts())
                self.assertEqual(rig.sample.flags & ~GLITCH, 0)

    def test_a_flipped_energy_is_a_glitch(self):
        rig = Rig()
        rig.read()
        seen = []

        def flip(frame):
            seen.append(frame)
            if len(seen) == 5:  # a register, 0, reverse and its check, then forward
                rig.model.flip_miso = 0x80

        rig.model.before_frame = flip
        self.assertEqual(rig.read().flags, GLITCH)
        self.assertEqual(rig.read().flags, 0)
        self.assertEqual(rig.registers(), rig.model.true_counts())

    def test_a_bus_that_dies_is_an_error_and_loses_nothing(self):
        rig = Rig()
        rig.read()
        before = rig.sample.counts
        rig.model.stuck_select = 1
        with self.assertRaises(MeterError):
            rig.read()
        self.assertEqual(rig.sample.counts, before)
        rig.model.stuck_select = None
        rig.read(0)
        self.assertEqual(rig.sample.counts[IMPORT], before[IMPORT] + 2300)
        self.assertEqual(rig.sample.flags, 0)  # the error has told it, the chip lost nothing

    def test_a_full_register_is_said(self):
        for full, counts in (("saturate", 65535), ("wrap", 69000 - 65536)):
            rig = Rig(full=full)
            rig.driver._ticks_ms = None
            sample = rig.read(1800)
            self.assertEqual(sample.counts[IMPORT], counts)
            self.assertEqual(sample.flags, SATURATED if full == "saturate" else 0)

    def test_all_ones_too_early_are_no_energy(self):
        rig = Rig()
        rig.read()
        first = rig.model.frames

        def die(frame):
            if frame == first + 3:
                rig.model.stuck_select = 1

        rig.model.before_frame = die
        before = rig.sample.counts
        with self.assertRaises(MeterError):
            rig.read(1)
        rig.model.before_frame, rig.model.stuck_select = None, None
        rig.read(1)
        self.assertTrue(rig.sample.counts[EXPORT] == before[EXPORT])
        self.assertEqual(rig.sample.counts[IMPORT], before[IMPORT] + 2300 * 2 // 60)


class TestBrokenReads(unittest.TestCase):
    def broken(self, at, bytes_through, again=None):
        rig = Rig()
        rig.read()
        rig.wire.at, rig.wire.bytes_through = at, bytes_through
        for _ in range(2 if again is not None else 1):
            try:
                rig.read()
            except Break:
                pass
            if again is not None:
                rig.wire.at = again
        rig.wire.at = None
        rig.read()
        self.assertEqual(rig.registers(), rig.model.true_counts(), (at, bytes_through, again))
        self.assertEqual(rig.sample.flags, 0)

    def test_nothing_is_lost_or_doubled(self):
        for bytes_through in range(5):
            for at in range(20):
                self.broken(at, bytes_through)

    def test_nor_when_the_recovery_breaks_too(self):
        for at in range(3, 15):
            for again in range(6):
                self.broken(at, 4, again)

    def test_a_value_of_zero_is_not_taken_for_the_one_before(self):
        rig = Rig()
        rig.read()
        rig.load.point = point_of(0, 0, 230000)
        rig.model.true_counts()
        for at in range(20):
            for bytes_through in (0, 2, 4):
                rig.wire.at, rig.wire.bytes_through = at, bytes_through
                try:
                    rig.read(1)
                except Break:
                    pass
        rig.wire.at = None
        rig.read(1)
        self.assertEqual(rig.registers(), rig.model.true_counts())


class QuietSpi:
    """Answers every energy with the same value, without allocation."""

    def __init__(self):
        self.high = self.low = 0  # an attribute that is new would allocate

    def write_readinto(self, out, into):
        register = out[1]
        if register == 0x75:
            self.high, self.low = 0, 0
        elif register != 0x78:
            self.high, self.low = 1, 44
        into[2], into[3] = self.high, self.low


def no_select(level):
    pass


class TestAllocation(unittest.TestCase):
    @unittest.skipIf(heap_lock is None, "CPython has no heap_lock")
    def test_the_intake_allocates_nothing(self):
        driver = Atm90e32(QuietSpi(), no_select, None, 600)
        caught = None
        heap_lock()
        try:
            for _ in range(50):
                driver._intake_all()
        except MemoryError as error:
            caught = error
        finally:
            heap_unlock()
        self.assertTrue(caught is None)
        self.assertEqual(driver._raw, [300 * 50] * 5)


if __name__ == "__main__":
    unittest.main()
