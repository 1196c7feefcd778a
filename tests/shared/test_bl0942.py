"""The BL0942 driver against the register-level model: counts, resets, faults, broken reads."""

import unittest

from boards.virtual.bl0942 import Bl0942Model
from boards.virtual.load import Constant, point_of
from boards.virtual.spi import SelectWire, SpiWire
from drivers.bl0942 import Bl0942
from meter.errors import MeterError
from meter.sample import EXPORT, GLITCH, IMPORT, RESET, SATURATED, Sample

try:
    from micropython import heap_lock, heap_unlock
except ImportError:
    heap_lock = None

# Where the datasheet is silent, or one source alone says so: the driver is right under each.
FACTS = (
    {},
    {"ncs": False},
    {"ncs": False, "deaf": True},
    {"relocks": True},
    {"reset_clears": False},
    {"mode_clears": True},
    {"upper_bits": 0xFFFFFF},
    {"relocks": True, "reset_clears": False, "mode_clears": True, "deaf": True},
)
CF_CNT, WA_CREEP, MODE, GAIN_CR = 0x07, 0x14, 0x19, 0x1A


class Break(KeyboardInterrupt):
    pass


class Wire(SpiWire):
    """Stops at transfer `at`, after `bytes_through` of it."""

    at = None
    bytes_through = 0

    def _stops(self, out):
        if self.at is None:
            return
        self.at -= 1
        if self.at < 0:
            self.at = None
            self._model.transfer(bytes(out[: self.bytes_through]))
            raise Break

    def write_readinto(self, out, into):
        self._stops(out)
        SpiWire.write_readinto(self, out, into)

    def write(self, out):
        self._stops(out)
        SpiWire.write(self, out)


class Rig:
    """Model, wires and a started driver, at 2300 W by default."""

    def __init__(self, point=None, settings=(), **model):
        self.ms = 0
        self.load = Constant(point or point_of(2300000, 500000, 230000, 10000))
        self.model = Bl0942Model(self.load, lambda: self.ms, reset_ms=5, **model)
        self.wire = Wire(self.model)
        self.settings = {"pmax_w": 15000}
        self.settings.update(settings)
        self.driver = self.new_driver()
        self.sample = Sample()
        self.driver.start({})
        self.base = self.model.true_counts()

    def new_driver(self):
        select = SelectWire(self.model)
        return Bl0942(self.wire, select, self.sleep_ms, ticks_ms=lambda: self.ms, **self.settings)

    def sleep_ms(self, ms):
        self.ms += ms

    def use(self, point):
        self.model.true_counts()
        self.load.point = point

    def read(self, after_s=60):
        """-> sample of a read after so much time"""
        self.ms += after_s * 1000
        self.driver.read(self.sample)
        return self.sample

    def missing(self):
        """-> pulses that flowed and were not counted, both ways"""
        true, c = self.model.true_counts(), self.sample.counts
        return (true[0] - self.base[0] - c[IMPORT], true[1] - self.base[1] - c[EXPORT])

    def fault(self, n, name, value):
        """Give the model a fault before the n-th frame from now."""
        self.at_frame(n, lambda: setattr(self.model, name, value))

    def at_frame(self, n, act):
        """Call act() before the n-th frame from now."""
        at = self.model.frames + n

        def look(frame):
            if frame == at:
                act()

        self.model.before_frame = look


class TestCounts(unittest.TestCase):
    def test_pulses_of_the_datasheet(self):
        """2300 W are a pulse each 0.29253 s, and 5350.6 are a kWh."""
        rig = Rig()
        for _ in range(3):
            rig.read(3600)
            self.assertEqual(rig.missing(), (0, 0))
        seen = rig.sample.counts[IMPORT]
        self.assertEqual(abs(seen - 3 * 12306) <= 1, True, seen)
        num, den = rig.driver.energy_ratio
        self.assertEqual(abs(seen * num // den - 6900000) < 400, True)
        self.assertEqual(1000000 * den // num, 5350)
        self.assertEqual(rig.sample.counts[2:], (None,) * 5)
        self.assertEqual(rig.sample.flags, 0)
        self.assertEqual(rig.driver.window_counts, 0x7FFFFF)

    def test_export_is_its_own_count(self):
        for facts in FACTS:
            rig = Rig(**facts)
            for p_mw in (2300000, -1500000, -2300000, 900000):
                rig.use(point_of(p_mw, 0, 230000))
                rig.read()
                self.assertEqual(rig.missing(), (0, 0), facts)
            self.assertEqual(min(rig.sample.counts[:2]) > 100, True)

    def test_the_count_goes_around_at_both_ends(self):
        rig = Rig()
        rig.read()
        for start, p_mw in ((0xFFFFF0, 2300000), (0x000010, -2300000), (0x7FFFF0, 2300000)):
            rig.use(point_of(p_mw, 0, 230000))
            base = rig.driver._state
            rig.model._count = start
            rig.driver._state = (start,) + base[1:]
            rig.driver._kept = -1
            missing = rig.missing()
            rig.read(60)
            self.assertEqual(rig.missing(), missing, start)
            self.assertTrue(abs(rig.model._count - start) > 0x800000 or start == 0x7FFFF0)
            self.assertEqual(rig.sample.flags, 0)

    def test_no_load_counts_nothing(self):
        rig = Rig(point_of(2200, 0, 230000, 9))  # half of the starting power is 2.3 W
        rig.read(36000)
        self.assertEqual(rig.sample.counts[:2], (0, 0))
        self.assertEqual((rig.sample.p_mw[0], rig.sample.i_ma[0]), (0, 0))
        rig.use(point_of(2400, 0, 230000, 10))
        rig.read(36000)
        self.assertEqual(rig.sample.counts[IMPORT], 128)

    def test_live_values(self):
        rig = Rig(point_of(-2300000, 0, 230000, 10000, 49980))
        rig.read()
        for seen, true in (
            (rig.sample.v_mv[0], 230000),
            (rig.sample.i_ma[0], 10000),
            (rig.sample.p_mw[0], -2300000),
            (rig.sample.freq_mhz, 49980),
        ):
            self.assertEqual(abs(seen - true) * 20000 <= abs(true) + 20000, True, (seen, true))
        self.assertEqual(rig.sample.p_mw[1:], [0, 0])

    def test_transformers_shunt_and_divider(self):
        parts = {"shunt_uohm": 250, "divider_ohm": (1000000, 470)}
        ratios = {"ct_ratio": (200, 5), "vt_ratio": (10, 1)}
        settings = {"pmax_w": 3000000}
        settings.update(parts)
        settings.update(ratios)
        facts = dict(parts)
        facts.update(ratios)
        rig = Rig(point_of(920000000, 0, 2300000, 400000), settings, **facts)
        rig.read(3600)
        self.assertEqual(rig.missing(), (0, 0))
        num, den = rig.driver.energy_ratio
        self.assertEqual(
            abs(rig.sample.counts[IMPORT] * num // den - 920000000) * den < 2 * num, True
        )
        self.assertEqual(abs(rig.sample.p_mw[0] - 920000000) < 100000, True)

    def test_gains_keep_the_rest(self):
        rig = Rig()
        rig.driver.start({"V_GAIN": 0x8800, "I_GAIN": 0x7800, "P_GAIN": 0x7FFF})
        for _ in range(100):
            rig.read(7)
        pulses = rig.model.true_counts()[0] - rig.base[0]
        self.assertEqual(rig.sample.counts[IMPORT], pulses * 0x7FFF >> 15)
        self.assertEqual(rig.sample.v_mv[0] // 100, 230000 * 17 // 1600)
        self.assertEqual(rig.sample.flags, 0)


class TestStart(unittest.TestCase):
    def test_the_vectors(self):
        """Unlock, soft reset and replies are those of the datasheet's checksum."""
        rig = Rig()
        seen = []

        class Spi:
            def write(self, out):
                seen.append(bytes(out))

        from drivers.bl0942_link import Link

        link = Link(Spi(), lambda level: None)
        link.unlock()
        link.put(0x1C, 0x5A5A5A)
        link.put(MODE, 0xC7)
        self.assertEqual(
            seen,
            [
                b"\xa8\x1d\x00\x00\x55\xe5",
                b"\xa8\x1c\x5a\x5a\x5a\x2d",
                b"\xa8\x19\x00\x00\xc7\x77",
            ],
        )
        rig.model.select(0)
        self.assertEqual(rig.model.transfer(b"\x58\x04\xff\xff\xff\xff")[2:], b"\x37\xbe\x30\x7e")
        rig.model.select(1)

    def test_a_new_processor_goes_on(self):
        for facts in FACTS:
            rig = Rig(**facts)
            rig.read()
            before = rig.sample.counts[IMPORT]
            rig.ms += 3600000
            rig.driver = rig.new_driver()
            rig.driver.start({})
            rig.read(0)
            counts = rig.sample.counts[IMPORT]
            true = rig.model.true_counts()[0] - rig.base[0]
            self.assertEqual(counts, true - before, facts)
            self.assertEqual(rig.sample.flags, 0, facts)

    def test_new_processors_again_and_again(self):
        """Each finds what the one before it handed over last, whatever became of the writes."""
        for facts in FACTS:
            for fault in range(0, 10):
                rig = Rig(**facts)
                seen = 0
                for times in (1, 2, 1, 2):
                    rig.use(point_of(2300000, 0, 230000))
                    for _ in range(times):
                        rig.read(100)
                    if fault:
                        rig.fault(fault, "flip_mosi", 1 << 17)
                        rig.read(100)
                        rig.model.before_frame = None
                        rig.use(point_of(0, 0, 230000))
                        rig.read(10)  # mends a write that did not arrive
                    seen += rig.sample.counts[IMPORT]
                    rig.ms += 50000
                    rig.driver = rig.new_driver()
                    rig.driver.start({})
                rig.read(0)
                seen += rig.sample.counts[IMPORT]
                true = rig.model.true_counts()[0] - rig.base[0]
                self.assertEqual((seen, rig.sample.flags), (true, 0), (facts, fault))

    def test_the_mark_of_a_configured_chip_is_never_the_default(self):
        """215 mW would be 0Bh, which every chip has after a reset."""
        rig = Rig(settings={"start_mw": 440})
        self.assertEqual(rig.driver._link.field(WA_CREEP), 0x0C)
        rig.read()
        rig.model.power_on()
        self.assertEqual(rig.read().flags, RESET)
        self.assertTrue(rig.driver.ok())

    def test_a_processor_that_was_off_too_long_says_so(self):
        rig = Rig()
        rig.read()
        rig.ms += 10 * 3600000  # 23 kWh: more than the 6 kWh that the base bridges
        rig.driver = rig.new_driver()
        rig.driver.start({})
        rig.read(0)
        self.assertEqual(rig.sample.flags, GLITCH)
        rig.read()
        self.assertEqual(rig.sample.flags, 0)

    def test_a_new_gain_takes_no_energy(self):
        rig = Rig()
        rig.ms += 60000
        rig.driver.start({"P_GAIN": 0x8000, "I_RMSOS": 3})
        rig.read(0)
        self.assertEqual(rig.missing(), (0, 0))
        self.assertTrue(rig.driver.ok())
        self.assertEqual(rig.driver._link.field(0x12), 3)

    def test_a_floating_bus_is_named(self):
        rig = Rig()
        rig.model.stuck_select = 1
        with self.assertRaises(MeterError) as seen:
            rig.driver.start({})
        self.assertEqual(
            str(seen.exception),
            "bl0942: register 0x19 answered 0xffffffff, checksum is wrong: "
            "MISO floating? check wiring and SEL",
        )

    def test_what_the_chip_cannot_be_is_refused(self):
        for settings in (
            {"line_hz": 55},
            {"start_mw": 20000},
            {"start_mw": -1},
            {"shunt_uohm": 0},
            {"divider_ohm": (1000, 0)},
        ):
            with self.assertRaises(MeterError):
                Rig(settings=settings)
        rig = Rig()
        for calibration in ({"UgainA": 1}, {"P_GAIN": 65536}, {"P_GAIN": 0}, {"I_RMSOS": 256}):
            with self.assertRaises(MeterError):
                rig.driver.start(calibration)
        self.assertEqual(rig.read().flags, 0)  # and what was right before still is


class TestFaults(unittest.TestCase):
    def test_a_reset_is_no_turn_of_the_count(self):
        for facts in FACTS:
            rig = Rig(**facts)
            rig.read()
            before = rig.sample.counts
            rig.ms += 500
            rig.model.power_on()
            self.assertFalse(rig.driver.ok())
            rig.read(1)
            self.assertEqual(rig.sample.flags, RESET, facts)
            self.assertEqual(rig.sample.counts, before, facts)
            missing = rig.missing()
            rig.read()
            self.assertEqual(rig.sample.flags, 0, facts)
            self.assertEqual(rig.missing(), missing, facts)
            self.assertTrue(rig.driver.ok())

    def test_a_reset_with_the_base_that_a_reset_leaves(self):
        rig = Rig()
        rig.read()
        rig.model._count = 0xFFFF
        rig.driver._state = (0xFFFF,) + rig.driver._state[1:]
        rig.driver._kept = -1
        rig.read(0)
        self.assertEqual((rig.driver._kept, rig.sample.flags), (0xFFFF, 0))
        rig.model.power_on()
        self.assertEqual(rig.read(1).flags, RESET)

    def test_a_reset_at_any_frame_is_told_and_bounded(self):
        for facts in FACTS:
            for n in range(1, 19):
                rig = Rig(**facts)
                rig.read()
                rig.at_frame(n, rig.model.power_on)
                flags = 0
                for _ in range(4):
                    flags |= rig.read(2).flags
                missing = rig.missing()
                self.assertEqual(flags, RESET, (facts, n))
                self.assertEqual(0 <= missing[0] <= 4 * 28, True, missing)
                self.assertEqual(missing[1], 0)
                self.assertEqual(rig.read(2).flags, 0)

    def test_one_altered_register_is_found(self):
        for address, value in ((GAIN_CR, 3), (WA_CREEP, 0x20), (MODE, 0xC7), (0x17, 0)):
            rig = Rig()
            rig.read()
            rig.driver._link.unlock()
            rig.driver._link.put(address, value)
            flags = [rig.read(1).flags for _ in range(20)]
            self.assertEqual(flags.count(RESET), 1, address)
            self.assertTrue(rig.driver.ok())

    def test_a_flipped_bit_changes_nothing(self):
        for way in ("flip_miso", "flip_mosi"):
            for bit in range(48):
                for n in range(1, 8):
                    rig = Rig()
                    rig.read()
                    rig.fault(n, way, 1 << bit)
                    rig.read()
                    flags = rig.sample.flags
                    rig.read()
                    self.assertEqual((flags, rig.sample.flags), (0, 0), (way, bit, n))
                    self.assertEqual(rig.missing(), (0, 0), (way, bit, n))

    def test_lost_clocks_are_found_and_mended(self):
        for facts in FACTS:
            for clocks in range(1, 16):
                for n in range(1, 7):
                    rig = Rig(**facts)
                    rig.read()
                    rig.fault(n, "drop_clocks", clocks)
                    rig.read()
                    rig.model.before_frame = None
                    rig.read()
                    self.assertEqual(rig.sample.flags, 0, (facts, clocks, n))
                    self.assertEqual(rig.missing(), (0, 0), (facts, clocks, n))

    def test_a_bus_that_dies_loses_nothing(self):
        rig = Rig()
        for n in range(1, 8):
            rig.read()
            rig.fault(n, "stuck_select", 1)
            try:
                rig.read()
            except MeterError:
                pass
            rig.model.before_frame = rig.model.stuck_select = None
            rig.read()
            self.assertEqual(rig.missing(), (0, 0), n)

    def test_a_count_that_cannot_be_is_left_out(self):
        rig = Rig()
        rig.read()
        before = rig.sample.counts[IMPORT]
        rig.model._count = rig.model._count + 100000 & 0xFFFFFF
        self.assertEqual(rig.read(1).flags, GLITCH)
        self.assertEqual(rig.sample.counts[IMPORT], before)
        missing = rig.missing()
        self.assertEqual(rig.read(1).flags, 0)
        self.assertEqual(rig.missing(), missing)

    def test_more_than_the_chip_can_show_is_said(self):
        rig = Rig(point_of(15000000, 0, 230000, 65217))
        self.assertEqual(rig.read(1).flags, SATURATED)
        late = Rig()
        late.read()
        self.assertEqual(late.read(10 * 86400).flags, SATURATED)


class TestBrokenReads(unittest.TestCase):
    def broken(self, facts, at, bytes_through, again=None):
        rig = Rig(**facts)
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
        self.assertEqual(rig.missing(), (0, 0), (facts, at, bytes_through, again))
        self.assertEqual(rig.sample.flags, 0, (facts, at, bytes_through, again))

    def test_nothing_is_lost_or_doubled(self):
        for facts in FACTS[:4]:
            for bytes_through in range(7):
                for at in range(8):
                    self.broken(facts, at, bytes_through)

    def test_nor_when_the_next_one_breaks_too(self):
        for facts in FACTS[:4]:
            for at in range(7):
                for again in range(7):
                    self.broken(facts, at, 3, again)

    def test_a_broken_restart_is_begun_again(self):
        for facts in FACTS:
            for at in range(30):
                rig = Rig(**facts)
                rig.read()
                rig.model.power_on()
                rig.wire.at, rig.wire.bytes_through = at, at % 7
                flags = 0
                try:
                    flags = rig.read(1).flags
                except Break:
                    pass
                rig.wire.at = None
                flags |= rig.read(1).flags
                self.assertEqual(flags & RESET, RESET, (facts, at))
                missing = rig.missing()
                self.assertEqual(0 <= missing[0] <= 24, True, (facts, at, missing))
                rig.read(1)
                rig.read(60)
                self.assertEqual(rig.missing(), missing, (facts, at))
                self.assertTrue(rig.driver.ok())


class QuietSpi:
    """A chip whose count goes up by 5 at each read, without allocation."""

    def __init__(self):
        self.count = 0

    def write_readinto(self, out, into):
        register = out[1]
        if register == CF_CNT:
            self.count += 1
            value = self.count
        else:
            value = self.base
        into[2], into[3], into[4] = 0, value >> 8 & 0xFF, value & 0xFF
        into[5] = ~(0x58 + register + into[3] + into[4]) & 0xFF

    def write(self, out):
        self.base = out[3] << 8 | out[4]


def no_select(level):
    pass


class TestAllocation(unittest.TestCase):
    @unittest.skipIf(heap_lock is None, "CPython has no heap_lock")
    def test_the_transfers_allocate_nothing(self):
        spi = QuietSpi()
        spi.base = 0
        driver = Bl0942(spi, no_select, None)
        driver._state, driver._kept, driver._opened = (0, 0, 0, 0, 0), 0, True
        caught = None
        counts = 0
        heap_lock()
        try:
            for _ in range(50):
                counts = driver._count()
                driver._is_ours()
                driver._keep(counts)
        except MemoryError as error:
            caught = error
        finally:
            heap_unlock()
        self.assertTrue(caught is None)
        self.assertEqual((counts, driver._kept), (100, 100))

    @unittest.skipIf(heap_lock is None, "CPython does not tell")
    def test_a_read_allocates_little(self):
        import gc

        driver = Bl0942(QuietSpi(), no_select, None)
        driver._link._spi.base = 0
        driver._state, driver._kept, driver._opened = (0, 0, 0, 0, 0), 0, True
        driver._holds = lambda index: True
        driver._ready, driver._turn = True, 0
        sample = Sample()
        driver.read(sample)
        before = gc.mem_alloc()
        for _ in range(60):
            driver.read(sample)
        self.assertTrue(gc.mem_alloc() - before <= 60 * 400, gc.mem_alloc() - before)
        self.assertEqual(sample.counts[IMPORT], 122)


if __name__ == "__main__":
    unittest.main()
