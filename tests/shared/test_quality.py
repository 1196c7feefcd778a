"""Power quality and tamper on the rig: debounce, hysteresis, events, counters over power cuts."""

import binascii
import gc
import json
import struct
import unittest

import tariffs
from rig import Rig, unix

from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.load import Constant, point_of
from boards.virtual.spi import SelectWire, SpiWire
from drivers.atm90e32 import Atm90e32
from drivers.atm90e32_quality import Atm90e32Quality
from meter import codes, quality_codes
from meter.errors import MeterError
from meter.quality import COUNTERS, RECORD_SIZE, Quality
from meter.rows import Event
from meter.sample import Sample

START = unix(2026, 10, 5, 4)
LIMITS = {
    "wiring": "3p4w",
    "un_mv": 230000,
    "imax_ma": 65000,
    "reverse_mw": 20000,
    "temp_c": (-25, 70),
}
SAG, SWELL, OVER, LOSS, SEQUENCE, NEUTRAL = 0x010, 0x012, 0x014, 0x016, 0x018, 0x01A
TEMPERATURE, REVERSE, COVER, MAGNET = 0x01C, 0x401, 0x403, 0x405
GOOD_MV = 230000


class Store:
    """NVS of the module: it outlives everything."""

    def __init__(self, kept=b""):
        self.kept, self.writes, self.fails = kept, 0, False

    def load(self):
        return self.kept

    def store(self, buf):
        if self.fails:
            raise OSError(5)
        self.kept, self.writes = bytes(buf), self.writes + 1


class Ic:
    """What only the IC knows."""

    def __init__(self):
        self.wrong, self.armed = False, 0

    def wrong_sequence(self):
        return self.wrong

    def arm_sag(self):
        self.armed += 1


class Bench(Rig):
    """A rig that watches; `v i p` are what the IC reads."""

    def __init__(self, **changes):
        self.limits = dict(LIMITS)
        self.limits.update(changes)
        self.store, self.inputs, self.ic, self.celsius = Store(), 0, Ic(), 25
        self.v, self.i, self.p = [GOOD_MV] * 3, [5000] * 3, [1000000] * 3
        super().__init__(START)
        self.go(2)
        self.push(tariffs.text(exports=[{"name": "unpaid", "prices": [0]}]))
        self.go(2)

    def _boot(self):
        self.ports.quality = Quality(
            self.limits, self.store, lambda: self.inputs, lambda: self.celsius, self.ic
        )
        super()._boot()

    def go(self, seconds):
        for _ in range(seconds):
            self.ports.clock.utc += 1
            self.ports.chip.read = self._read
            self.meter.tick(self.ports.clock.utc)

    def _read(self, sample):
        sample.counts = tuple(self.ports.chip.counts)
        sample.v_mv[:], sample.i_ma[:], sample.p_mw[:] = self.v, self.i, self.p
        sample.flags = 0

    @property
    def quality(self):
        return self.meter.quality

    def events(self, *groups):
        """-> [(code, count, before, after)] of metrology and security, oldest first."""
        found = []
        for group in groups or (codes.METROLOGY, codes.SECURITY):
            ring = self.meter.journal.events[group]
            buf = bytearray(ring.slot_size)
            for seq in range(max(ring.first_seq, 1), ring.last_seq + 1):
                assert ring.read(seq, buf)
                event = Event()
                event.unpack(buf)
                found.append(
                    (event.group << 8 | event.code, event.count, event.before, event.after)
                )
        return found

    def counts(self):
        return {code: entry[0] for code, entry in self.ask("quality")["counts"].items()}


class TestConditions(unittest.TestCase):
    """Each begins after its seconds, not before, and ends after its own."""

    def check(self, bench, event, start_s, end_s, wrong, right, before, worst, code):
        self.assertEqual(bench.events(), [])
        wrong()
        bench.go(start_s - 1)
        self.assertEqual(bench.events(), [])
        bench.go(1)
        self.assertEqual([e[:3] for e in bench.events()], [(event, 1, before)])
        alert = bench.ask("info")["alerts"]
        self.assertEqual(len(alert), 1, alert)
        bench.go(20)
        self.assertEqual(bench.counts(), {code: 1})
        right()
        bench.go(end_s - 1)
        self.assertEqual(len(bench.events()), 1)
        bench.go(1)
        self.assertEqual(bench.events()[1:], [(event + 1, 1, before, worst)])
        self.assertEqual(bench.ask("info")["alerts"], [])
        self.assertEqual(bench.quality.active, 0)
        self.assertEqual(bench.counts(), {code: 1})

    def by_voltage(self, event, start_s, end_s, mv, phase, code):
        bench = Bench()

        def put(value):
            bench.v[phase] = value

        self.check(
            bench,
            event,
            start_s,
            end_s,
            lambda: put(mv),
            lambda: put(GOOD_MV),
            phase + 1,
            mv,
            code,
        )

    def test_sag(self):
        self.by_voltage(SAG, 2, 2, 206000, 1, "52.32.0")

    def test_swell(self):
        self.by_voltage(SWELL, 2, 2, 254000, 2, "72.36.0")

    def test_phase_loss(self):
        self.by_voltage(LOSS, 5, 5, 20000, 0, "32.40.0")

    def test_over_current(self):
        bench = Bench()

        def put(ma):
            bench.i[0] = ma

        self.check(
            bench, OVER, 10, 10, lambda: put(66000), lambda: put(60000), 1, 66000, "31.36.0"
        )

    def test_sequence(self):
        bench = Bench()

        def put(wrong):
            bench.ic.wrong = wrong

        self.check(
            bench, SEQUENCE, 10, 10, lambda: put(True), lambda: put(False), 0, 0, "128.32.0"
        )

    def test_reverse(self):
        bench = Bench()

        def put(mw):
            bench.p[0] = mw

        bench.p = [0, 0, 0]
        self.check(
            bench, REVERSE, 60, 60, lambda: put(-50000), lambda: put(0), 0, -50000, "128.32.3"
        )

    def test_cover_and_magnet(self):
        for event, bit, start_s, code in ((COVER, 1, 1, "96.20.0"), (MAGNET, 2, 2, "96.20.15")):
            bench = Bench()

            def put(bits, bench=bench):
                bench.inputs = bits

            self.check(
                bench, event, start_s, 5, lambda bit=bit: put(bit), lambda: put(0), 0, 0, code
            )

    def test_neutral_current_that_does_not_flow_back(self):
        bench = Bench(wiring="1pn")
        bench.v, bench.i = [GOOD_MV, 0, 0], [5000, 5000, 0]

        def put(ma):
            bench.i[1] = ma

        self.check(
            bench, NEUTRAL, 10, 10, lambda: put(1000), lambda: put(4900), 0, 4000, "128.32.1"
        )

    def test_a_lost_neutral_lifts_one_phase_and_drops_another(self):
        bench = Bench()
        bench.v = [190000, 270000, 230000]
        bench.go(10)
        self.assertEqual({e[0] for e in bench.events()}, {SAG, SWELL, NEUTRAL})

    def test_temperature_is_looked_at_once_a_minute(self):
        bench = Bench()
        bench.celsius = 75
        bench.go(125)
        self.assertEqual(bench.events(), [(TEMPERATURE, 1, 0, 75)])
        bench.celsius = 69  # not yet far enough inside
        bench.go(130)
        self.assertEqual(len(bench.events()), 1)
        bench.celsius = 60
        bench.go(130)
        self.assertEqual(bench.events()[1:], [(TEMPERATURE + 1, 1, 0, 75)])


class TestDebounce(unittest.TestCase):
    def test_hysteresis(self):
        bench = Bench()
        bench.v[0] = 209000  # 90.9 %: no sag, and not the end of one
        bench.go(30)
        self.assertEqual(bench.events(), [])
        bench.v[0] = 200000
        bench.go(3)
        bench.v[0] = 209000
        bench.go(30)
        self.assertEqual([e[0] for e in bench.events()], [SAG])
        bench.v[0] = 212000
        bench.go(2)
        self.assertEqual([e[0] for e in bench.events()], [SAG, SAG + 1])

    def test_what_comes_and_goes_never_begins(self):
        bench = Bench()
        for _ in range(50):
            bench.v[0] = 200000
            bench.go(1)
            bench.v[0] = GOOD_MV
            bench.go(1)
        self.assertEqual(bench.events(), [])
        self.assertEqual(bench.counts(), {})

    def test_the_worst_is_kept(self):
        bench = Bench()
        for mv in (200000, 190000, 150000, 190000, GOOD_MV, GOOD_MV):
            bench.v[0] = mv
            bench.go(1)
        self.assertEqual(bench.events(), [(SAG, 1, 1, 190000), (SAG + 1, 1, 1, 150000)])

    def test_a_clock_that_is_set_ends_no_debounce(self):
        bench = Bench()
        bench.i[0] = 66000
        bench.go(2)
        bench.ask("clock", utc=bench.ports.clock.utc + 3000)
        bench.go(1)
        self.assertEqual(bench.events(), [])

    def test_the_defaults_of_a_bench_are_not_events(self):
        """No phase has a voltage: the module hangs on a USB cable, or the supply just failed."""
        bench = Bench()
        bench.v, bench.i, bench.p = [0, 0, 0], [0, 0, 0], [0, 0, 0]
        bench.go(120)
        self.assertEqual(bench.events(), [])
        bench.v = [100, 50, 0]  # noise
        bench.go(120)
        self.assertEqual(bench.events(), [])

    def test_absent_phases_are_not_lost(self):
        bench = Bench(wiring="1p")
        bench.v = [GOOD_MV, 0, 0]
        bench.go(60)
        self.assertEqual(bench.events(), [])

    def test_who_sells_may_send_energy_back(self):
        bench = Bench()
        bench.push(tariffs.text())
        bench.p = [-500000, 0, 0]
        bench.go(200)
        self.assertEqual(bench.events(), [])


class TestMemory(unittest.TestCase):
    @unittest.skipUnless(hasattr(gc, "mem_alloc"), "only MicroPython counts its heap")
    def test_a_tick_allocates_little(self):
        """A tick of the meter without it takes up to 352 of 512 bytes (make bench)."""
        bench = Bench()
        for v in (GOOD_MV, 200000):
            bench.v[0] = v
            bench.go(70)
            t = bench.live.t
            gc.collect()
            gc.disable()
            before = gc.mem_alloc()
            for i in range(1, 11):
                bench.quality.tick(bench.meter, t + i, True)
            taken = gc.mem_alloc() - before
            gc.enable()
            self.assertLessEqual(taken // 10, 160)


class TestCounters(unittest.TestCase):
    def sag(self, bench, times=1):
        for _ in range(times):
            bench.v[0] = 200000
            bench.go(2)
            bench.v[0] = GOOD_MV
            bench.go(2)

    def test_first_and_last(self):
        bench = Bench()
        first = bench.ports.clock.utc + 1
        self.sag(bench)
        bench.go(100)
        last = bench.ports.clock.utc + 1
        self.sag(bench)
        answer = bench.ask("quality")
        self.assertEqual(answer["counts"], {"32.32.0": [2, first, last]})
        self.assertEqual((answer["since"], answer["active"]), (first, 0))

    def test_a_power_cut_loses_nothing_that_is_written(self):
        bench = Bench()
        self.sag(bench)
        bench.cut(30)
        bench.go(30)
        self.assertEqual(bench.counts()["32.32.0"], 1)
        self.sag(bench)
        self.assertEqual(bench.counts()["32.32.0"], 2)
        bench.cut(30)  # less than 15 min after the write before: the second is lost
        bench.go(30)
        self.assertEqual(bench.counts()["32.32.0"], 1)

    def test_a_reset_of_the_software_keeps_all_that_is_due(self):
        bench = Bench()
        self.sag(bench, 3)
        bench.go(900)
        bench.restart()
        bench.go(3)
        self.assertEqual(bench.counts(), {"32.32.0": 3})

    def test_a_flood_wears_no_flash(self):
        bench = Bench()
        hours = 2
        ring = bench.meter.journal.events[codes.METROLOGY]
        before = ring.last_seq
        self.sag(bench, hours * 900)
        self.assertLessEqual(ring.last_seq - before, 2 * (hours + 1))  # begin and end, an hour
        self.assertLessEqual(bench.store.writes, hours * 4 + 1)
        self.assertEqual(bench.counts()["32.32.0"], hours * 900)

    def test_power_failures(self):
        bench = Bench()
        for off_s in (60, 400):
            bench.cut(off_s)
            bench.go(30)
        self.assertEqual(bench.counts(), {"96.7.21": 2, "96.7.9": 1})
        back_t = bench.quality.counter(18)[2]
        bench.quality.power_failed(back_t - 1, back_t)
        again = bench.counts()
        bench.quality.power_failed(back_t, back_t)  # told again, from where a broken tick got to
        self.assertEqual((again, bench.counts()), ({"96.7.21": 3, "96.7.9": 1},) * 2)

    def test_a_record_that_is_not_whole_is_not_believed(self):
        bench = Bench()
        self.sag(bench)
        bench.go(2)
        good = bench.store.kept
        self.assertEqual(len(good), RECORD_SIZE)
        for at in range(0, RECORD_SIZE, 7):
            bad = bytearray(good)
            bad[at] ^= 0x10
            self.assertEqual(Quality(LIMITS, Store(bytes(bad))).counter(0)[0], 0, at)
        self.assertEqual(Quality(LIMITS, Store(good[:-1])).counter(0)[0], 0)
        self.assertEqual(Quality(LIMITS, Store(good)).counter(0)[0], 1)

    def test_a_store_that_fails_is_an_alert_until_it_works(self):
        bench = Bench()
        bench.store.fails = True
        self.sag(bench)
        bench.go(2)
        self.assertTrue("not stored" in bench.ask("info")["alerts"][0])
        bench.store.fails = False
        bench.go(900)
        self.assertEqual(bench.ask("info")["alerts"], [])
        self.assertEqual(bench.store.writes, 1)

    def test_the_longest_answer_fits_in_a_line(self):
        record = bytearray(RECORD_SIZE)
        struct.pack_into("<BBHI", record, 0, 1, COUNTERS, 0, 4294967295)
        for n in range(COUNTERS):
            struct.pack_into("<HII", record, 8 + 10 * n, 65535, 4294967295, 4294967295)
        struct.pack_into("<I", record, RECORD_SIZE - 4, binascii.crc32(record[:-4]))
        bench = Bench()
        bench.store.kept = bytes(record)
        bench._boot()
        bench.quality.active = (1 << 18) - 1
        line = json.dumps({"id": 123456789, "do": "quality", "args": {}}).encode()
        answer = json.loads(bench.service.handle("reader", line))
        self.assertEqual(len(answer["ok"]["counts"]), COUNTERS)

    def test_the_sag_interrupt_is_armed_once_a_minute(self):
        bench = Bench()
        before = bench.ic.armed
        bench.go(600)
        self.assertEqual(bench.ic.armed - before, 10)

    def test_a_board_that_watches_nothing_says_so(self):
        rig = Rig(START)
        with self.assertRaises(AssertionError):
            rig.ask("quality")


class TestAtm90e32(unittest.TestCase):
    """What the driver gives, over the register-level model."""

    def setUp(self):
        self.load, self.ms = Constant(point_of(2300000, 0, GOOD_MV)), 0
        self.model = Atm90e32Model(self.load, lambda: self.ms)
        self.driver = self.driver_of(wiring="1p", sag_mv=115000)
        self.driver.start({})
        self.ic = Atm90e32Quality(self.driver.link)

    def driver_of(self, **settings):
        wires = SpiWire(self.model), SelectWire(self.model)
        return Atm90e32(*wires, lambda ms: None, 600, ticks_ms=lambda: self.ms, **settings)

    def read(self):
        self.ms += 1000
        sample = Sample()
        self.driver.read(sample)
        return sample

    def irq1(self):
        """IRQ1: a latched change that is enabled, EMMIntState1 and EMMIntEn1."""
        link = self.driver.link
        return link.get(0x74) & link.get(0x76) != 0

    def test_the_threshold_is_where_it_should_be(self):
        self.read()
        self.ic.arm_sag()
        for mv, falls in ((GOOD_MV, False), (120000, False), (112000, True)):
            self.load.point = point_of(0, 0, mv)
            self.read()
            self.assertEqual(self.irq1(), falls, mv)
        self.ic.arm_sag()
        self.assertFalse(self.irq1())

    def test_arming_costs_no_count(self):
        self.read()
        for _ in range(50):
            self.ic.arm_sag()
            self.ic.wrong_sequence()
            sample = self.read()
            self.assertEqual(sample.flags, 0)
        self.assertEqual(sample.counts[0], self.model.true_counts()[0])

    def test_a_gain_moves_the_threshold(self):
        from drivers import atm90e32_setup

        rows = atm90e32_setup.configuration(600, 50, "1p", 0, 4600, 179400, {})
        self.assertEqual([v for r, v, _ in rows if r == 0x08], [0x318D])  # as the datasheet has it
        rows = atm90e32_setup.configuration(600, 50, "1p", 0, 4600, 179400, {"UgainA": 0x4000})
        self.assertEqual([v for r, v, _ in rows if r == 0x08], [0x318D * 2])
        self.assertEqual([v for r, v, _ in rows if r == 0x76], [0x4000])
        with self.assertRaises(MeterError):
            atm90e32_setup.configuration(600, 50, "1p", 0, 4600, 950000, {})

    def test_without_a_threshold_nothing_interrupts(self):
        self.driver = self.driver_of(wiring="1p")
        self.driver.start({})
        self.load.point = point_of(0, 0, 20000)
        self.read()
        self.assertFalse(self.irq1())

    def test_sequence(self):
        self.assertFalse(self.ic.wrong_sequence())
        self.model._metering.reversed_phases = True
        self.assertTrue(self.ic.wrong_sequence())

    def test_temperature(self):
        self.assertEqual(self.ic.temperature(), 25)

    def test_bits_at_their_defaults_are_no_events(self):
        """A chip just out of reset says that phases sag and are lost, and it is not asked."""
        self.model.power_on()
        self.assertTrue(self.driver.link.get(0x72) & 0x7700)
        bench = Bench(wiring="1p")
        bench.quality._chip = self.ic

        def read(sample):
            self.ms += 1000
            self.driver.read(sample)

        bench._read = read
        bench.go(120)
        self.assertEqual(bench.counts(), {})
        self.assertEqual([e for e in bench.events() if e[0] >= SAG], [])


class TestCodes(unittest.TestCase):
    def test_every_counter_has_its_own_code(self):
        self.assertEqual(len(quality_codes.OBIS), COUNTERS)
        self.assertEqual(len(set(quality_codes.OBIS)), COUNTERS)
        self.assertEqual(len({quality_codes.words(n) for n in range(COUNTERS)}), COUNTERS)

    def test_events_are_of_no_other(self):
        taken = {value for name, value in vars_of(codes) if name.startswith("EVENT_")}
        self.assertEqual(taken & set(quality_codes.event_names()), set())

    def test_numbers_here_are_those_of_the_table(self):
        kinds = (SAG, SWELL, OVER, LOSS, SEQUENCE, NEUTRAL, TEMPERATURE, REVERSE, COVER, MAGNET)
        self.assertEqual(tuple(event for _, event in quality_codes.KINDS), kinds)


def vars_of(module):
    return [(name, getattr(module, name)) for name in dir(module)]


if __name__ == "__main__":
    unittest.main()
