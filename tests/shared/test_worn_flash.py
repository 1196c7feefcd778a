"""A meter whose flash can erase no sector any more: what it says, keeps, and goes on counting."""

import unittest

from rig import DEN, NUM, Rig, unix

from meter.errors import MeterError
from meter.sample import IMPORT

NOW = unix(2026, 3, 2, 8)
A_TICK = 60
REGISTER_SECTORS = 16


class TestNothingErases(unittest.TestCase):
    def setUp(self):
        self.rig = Rig(NOW)
        self.rig.run(600, imported=60)
        self.counts, self.refused = 600, []
        self.rig.ports.flash.stuck_erases = set(range(REGISTER_SECTORS))

    def tick(self):
        """As app does it: a fault is noted, the next tick goes on."""
        rig = self.rig
        rig.ports.clock.utc += A_TICK
        rig.ports.chip.add(60)
        self.counts += 60
        try:
            rig.meter.tick(rig.ports.clock.utc)
        except MeterError as error:
            self.refused.append(str(error))
            rig.meter.fault(error)

    def run_until_refused(self):
        ticks = 0
        while not self.refused:
            self.tick()
            ticks += 1
        return ticks

    def heal(self):
        """The flash erases again, and is believed to after a while."""
        self.rig.ports.flash.stuck_erases = set()
        del self.refused[:]
        for _ in range(60):
            self.tick()
        self.assertTrue(len(self.refused) <= 40, len(self.refused))
        self.assertEqual(self.rig.meter.alerts(), [])

    def test_it_stores_as_long_as_there_is_room_and_then_says_so(self):
        self.assertTrue(self.run_until_refused() >= 20)
        self.assertTrue("replace the flash" in self.refused[0], self.refused[0])
        self.assertEqual(self.rig.meter.alerts(), self.refused)

    def test_it_goes_on_counting_through_resets_of_the_processor(self):
        self.run_until_refused()
        for _ in range(4):
            for _ in range(5):
                self.tick()
            self.rig.restart()  # as its watchdog does
            self.tick()
        self.assertTrue(len(self.refused) > 20, self.refused)
        self.heal()
        self.assertEqual(self.rig.live.registers[IMPORT], self.counts * NUM // DEN)

    def test_a_power_cut_leaves_what_was_stored_last(self):
        self.run_until_refused()
        held = self.rig.meter.journal.seq
        for _ in range(5):
            self.tick()
        self.rig.cut(30)
        self.assertTrue(self.rig.meter.e.commit <= held)
        lost = self.counts * NUM // DEN - self.rig.live.registers[IMPORT]
        self.assertTrue(0 <= lost <= 7 * 60 * NUM // DEN, lost)

    def test_a_flash_that_erases_again_is_used_again(self):
        self.run_until_refused()
        for _ in range(10):
            self.tick()
        self.heal()
        self.rig.cut(30)
        self.assertEqual(self.rig.live.registers[IMPORT], self.counts * NUM // DEN)


if __name__ == "__main__":
    unittest.main()
