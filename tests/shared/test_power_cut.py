"""A thin sweep of the fault campaign of tests/sim: the same lives, cuts and judge, where the
journal runs as on the chip. And what the campaign has found, each as a case of its own."""

import unittest

import journal_cuts
import journal_rings
from journal_life import LAYOUTS, Life, Recorder
from journal_oracle import Broken, Oracle, e_state, w_state

from boards.virtual.nor_faults import PROGRAM_FAULTS
from meter import formatting, mounting
from meter.journal import Journal
from meter.ring import Ring

LAYOUT, SECTORS = LAYOUTS[4]
SLOT = 64


class Sweep(unittest.TestCase):
    """One class a part: the VM collects garbage between classes only."""

    def sweep(self, seed, start, ops, stride):
        life, cuts = Life(seed), 0
        life.skip_to(start)
        for phase in range(ops):
            life.step()
            cuts += sum(journal_cuts.sweep(life, stride, PROGRAM_FAULTS, phase).values())
        self.assertTrue(cuts > 20, cuts)


class TestEarly(Sweep):
    def test_cuts(self):
        self.sweep(1, 0, 8, 29)


class TestAcrossSectors(Sweep):
    def test_cuts(self):
        self.sweep(2, 27, 8, 29)


class TestAfterLaps(Sweep):
    def test_cuts(self):
        self.sweep(3, 90, 8, 29)


class TestChains(unittest.TestCase):
    def test_cuts_in_what_follows_a_cut(self):
        life, cuts = Life(4), 0
        for index in range(8):
            life.step()
            if life.steps():
                cuts += journal_cuts.chain(life, index, "harsh" if index % 2 else "plain")
        self.assertTrue(cuts > 8, cuts)

    def test_the_same_operation_is_cut_again_and_again(self):
        life = Life(5)
        life.step()
        self.assertTrue(journal_cuts.same_again(life, 1, "random", "partly", 12) > 6)


class TestDataRings(unittest.TestCase):
    def test_cuts(self):
        life, cuts = journal_rings.RingLife(6), 0
        for phase in range(12):
            life.step()
            for found in journal_rings.sweep(life, 61, phase=phase).values():
                cuts += found["cuts"]
        self.assertTrue(cuts > 10, cuts)


class TestOracle(unittest.TestCase):
    def test_it_sees_an_old_value_a_wrong_one_and_none(self):
        flash = Recorder(SECTORS)
        journal = Journal(flash, LAYOUT)
        journal.format(1)
        oracle = Oracle()
        journal.commit_e(e_state(1))
        journal.mount()
        with self.assertRaises(Broken):
            oracle.check(journal)
        oracle.begin("e", 1)
        oracle.check(journal)
        oracle.done("e")
        oracle.check(journal)
        oracle.begin("w", 2)
        oracle.done("w")
        with self.assertRaises(Broken):
            oracle.check(journal)
        wrong = w_state(2)
        wrong.money[3] += 1
        journal.commit_w(wrong)
        journal.mount()
        with self.assertRaises(Broken):
            oracle.check(journal)


class Fading(Recorder):
    """A flash of which one slot reads right a number of times, and then no more."""

    slot, reads = -1, 0

    def read(self, at, buf):
        super().read(at, buf)
        if at == self.slot:
            self.reads -= 1
            if self.reads < 0:
                buf[len(buf) // 2] ^= 1


class TestFound(unittest.TestCase):
    """Faults of the journal that the campaign has found."""

    def start(self):
        flash = Fading(SECTORS)
        journal = Journal(flash, LAYOUT)
        journal.format(1)
        journal.reaffirm()
        for value in range(1, 4):
            journal.commit_w(w_state(value))
            journal.commit_e(e_state(value))
        r = journal.source[0]
        at = journal.rings[r].keep[0]
        flash.slot = journal.rings[r].address(at >> 7, at & 127)
        return flash

    def test_a_record_that_reads_right_once_is_not_read_twice(self):
        """The second read was believed without its CRC: a wrong value."""
        for reads in range(1, 8):
            flash, oracle = self.start(), Oracle()
            flash.reads = reads
            oracle.allowed = {"e": [3, 2, 1], "w": [3]}
            journal = Journal(flash, LAYOUT)
            journal.mount()
            found = oracle.check(journal)
            # Nor may it be affirmed from a further read: what was found is what stays.
            oracle.shown(found)
            journal.reaffirm()
            again = Journal(flash, LAYOUT)
            again.mount()
            oracle.check(again)

    def test_last_seq_is_of_the_record_that_was_found(self):
        flash = Fading(3)
        ring = Ring(flash, 0, 3, SLOT, 3)
        formatting.begin(ring, 1)
        for _ in range(5):
            ring.append(bytearray(SLOT))
        flash.slot, flash.reads = ring.newest_at * SLOT, 1
        ring = Ring(flash, 0, 3, SLOT, 3)
        mounting.mount_ring(ring)
        self.assertEqual(ring.last_seq, 5)

    def test_a_cut_that_hides_in_a_slot_is_seen_by_the_next_mount(self):
        """Restart, a cut that does not show, restart: the slot was programmed again."""
        flash = Recorder(3)
        ring = Ring(flash, 0, 3, SLOT, 3)
        formatting.begin(ring, 1)
        ring.append(bytearray(SLOT))
        mounting.mount_ring(ring)
        ring.append(bytearray(SLOT))
        used = ring.newest_at
        flash.put(used * SLOT, b"\xff" * SLOT)  # as if none of it had come through yet
        mounting.mount_ring(ring)
        ring.append(bytearray(SLOT))
        self.assertTrue(ring.newest_at > used, ring.newest_at)

    def test_a_sector_left_in_the_midst_of_an_append_costs_no_record(self):
        """The mark of a skipped slot went over the record that was written meanwhile."""
        flash = Recorder(4)
        ring = Ring(flash, 0, 4, SLOT, 3)
        formatting.begin(ring, 1)
        ring.append(bytearray(SLOT))
        ring.prepare()
        mounting.mount_ring(ring)
        flash.stuck_programs = {0}
        for _ in range(2):
            ring.append(bytearray(SLOT))
        mounting.mount_ring(ring)
        self.assertEqual((ring.first_seq, ring.last_seq), (1, 3))
        for seq in range(1, 4):
            self.assertTrue(ring.read(seq, bytearray(SLOT)), seq)


if __name__ == "__main__":
    unittest.main()
