"""What every metering IC's driver keeps, over its register-level model; see chip_ics, chip_faults.

`Contract` is a TestCase without an IC: test_chip_contract.py has one class for each.
"""

import unittest

from chip_faults import Schedule
from chip_rig import Rig, Strike

from boards.virtual.load import point_of
from meter.errors import MeterError
from meter.sample import EXPORT, GLITCH, IMPORT, RESET, SATURATED

SCHEDULES = 40  # of `make sim`'s 10,000


class Contract(unittest.TestCase):
    """ic   an entry of chip_ics.ICS"""

    ic = None

    def point(self, p_w, q_var=0):
        return point_of(p_w * 1000, q_var * 1000, 230000, phases=self.ic.phases)

    def rigs(self, p_w=2300, q_var=500):
        """A rig for each way in which the facts may be."""
        for option in self.ic.options:
            yield Rig(self.ic, option, self.point(p_w, q_var))

    def same(self, rig):
        self.assertEqual(rig.seen(), rig.true())

    # energy

    def test_energy_is_exact_in_counts(self):
        for rig in self.rigs():
            flags = 0
            for s in (1, 7, 1, 19, 3, 1, 11, 2):
                rig.use(self.point(300 * s, 50 * s))
                flags |= rig.read(min(s, self.ic.window_s))
                self.same(rig)
            self.assertEqual(flags, 0)
            self.assertTrue(rig.sample.counts[IMPORT] > 0)

    def test_counts_are_milliwatt_hours_by_the_ratio(self):
        for rig in self.rigs(3600, 0):
            before = rig.sample.counts[IMPORT]
            for _ in range(10):
                rig.read(10)
            num, den = rig.driver.energy_ratio
            mwh = (rig.sample.counts[IMPORT] - before) * num // den
            self.assertTrue(abs(mwh - 100000) <= 2 * num // den + 100, mwh)

    def test_import_and_export_are_apart(self):
        for rig in self.rigs():
            at = rig.sample.counts
            rig.use(self.point(-2300, 500))
            rig.read(10)
            first = rig.sample.counts
            rig.read(10)
            self.same(rig)
            self.assertEqual(rig.sample.counts[IMPORT], first[IMPORT])
            self.assertTrue(rig.sample.counts[EXPORT] > first[EXPORT])
            rig.use(self.point(2300, 500))
            rig.read(10)
            back = rig.sample.counts
            rig.read(10)
            self.same(rig)
            self.assertEqual(rig.sample.counts[EXPORT], back[EXPORT])
            self.assertTrue(rig.sample.counts[IMPORT] > back[IMPORT] >= at[IMPORT])

    def test_no_load_counts_nothing(self):
        for rig in self.rigs(0, 0):
            rig.use(self.point(0))
            for p_mw in (0, self.ic.start_mw // 3):
                rig.use(point_of(p_mw, 0, 230000, phases=self.ic.phases))
                rig.read(1)
                before = rig.seen()
                for _ in range(20):
                    self.assertEqual(rig.read(self.ic.window_s // 2), 0)
                self.assertEqual(rig.seen(), before)

    def test_what_starts_is_counted(self):
        for rig in self.rigs(0, 0):
            rig.use(point_of(self.ic.start_mw, 0, 230000, phases=self.ic.phases))
            before = rig.sample.counts[IMPORT]
            for _ in range(60):
                rig.read(min(60, self.ic.window_s // 2))
            self.same(rig)
            self.assertTrue(rig.sample.counts[IMPORT] > before)

    def test_more_than_pmax_is_counted_and_told_or_exact(self):
        for rig in self.rigs():
            rig.use(self.point(self.ic.pmax_w * 13 // 10, 0))
            rig.read(1)
            before = rig.seen()
            for _ in range(4):
                rig.read(2)
            self.assertTrue(rig.seen()[0] > before[0])
            self.same(rig)

    def test_a_late_read_is_exact_or_says_so(self):
        for rig in self.rigs():
            rig.use(self.point(self.ic.pmax_w, 0))
            rig.read(1)
            self.same(rig)
            self.assertEqual(rig.read(self.ic.window_s), 0)
            self.same(rig)
            self.assertTrue(rig.read(self.ic.full_s) & SATURATED)
            self.assertEqual(rig.read(1), 0)

    def test_counts_never_fall_and_are_one_tuple(self):
        for rig in self.rigs():
            held = rig.sample.counts
            copy = list(held)
            rig.read(5)
            self.assertEqual(list(held), copy)
            self.assertTrue(rig.sample.counts is not held)
            for a, b in zip(held, rig.sample.counts):
                self.assertTrue(a is None or a <= b)

    # resets and glitches

    def test_a_reset_of_the_ic_is_told_and_bounded(self):
        for rig in self.rigs():
            rig.read(5)
            before = rig.missing()
            rig.ms += 5000
            rig.model.true_counts()
            rig.model.power_on()
            self.assertFalse(rig.driver.ok())
            flags = rig.read(1)
            self.assertTrue(flags & RESET)
            for a, b in zip(before, rig.missing()):
                self.assertTrue(0 <= b - a <= rig.doubt(6000) and b >= a, (a, b))
            self.assertTrue(rig.driver.ok())
            lost = rig.missing()
            self.assertEqual(rig.read(5), 0)
            self.assertEqual(rig.missing(), lost)

    def test_a_flipped_bit_on_the_way_back_is_no_reset(self):
        for rig in self.rigs():
            told = 0
            for frame in range(1, 20):
                for bit in range(0, self.ic.frame_bits, 5):
                    told |= self.flipped(rig, "flip_miso", frame, bit)
                    self.same(rig)
            self.assertEqual(told & ~GLITCH, 0)

    def flipped(self, rig, line, frame, bit):
        at = rig.model.frames + frame

        def flip(number):
            if number == at:
                setattr(rig.model, line, 1 << bit)

        rig.model.before_frame = flip
        flags = rig.read(1)
        rig.model.before_frame = None
        setattr(rig.model, line, 0)
        return flags

    def test_a_dead_bus_is_an_error_and_then_no_reset(self):
        for level in (0, 1):
            for rig in self.rigs():
                rig.read(2)
                rig.model.stuck_select = level
                for _ in range(3):
                    self.fails(rig, level)
                rig.model.stuck_select = None
                self.assertEqual(rig.read(2) & RESET, 0)
                rig.read(2)
                self.same(rig)

    def fails(self, rig, level):
        """A read over a bus whose chip select does not move."""
        if level:
            with self.assertRaises(MeterError):
                rig.read(2)
            return
        try:
            rig.read(2)
        except MeterError:
            return
        self.same(rig)  # an IC may do without a select that is low

    # processor

    def test_a_reset_of_the_processor_takes_no_energy(self):
        for rig in self.rigs():
            rig.read(5)
            rig.ms += 5000
            rig.restart()
            self.assertEqual(rig.read(1), 0)
            self.same(rig)

    def test_ctrl_c_in_any_transfer_takes_no_energy(self):
        for rig in self.rigs():
            for at in range(25):
                for through in rig.throughs:
                    rig.wire.at, rig.wire.bytes_through = at, through
                    try:
                        rig.read(1)
                    except Strike:
                        pass
                    rig.wire.at = None
                    self.assertEqual(rig.read(1), 0, (at, through))
                    self.same(rig)

    # all together

    def test_schedules_of_faults(self):
        for seed in range(SCHEDULES):
            Schedule(self.ic, seed).run()
