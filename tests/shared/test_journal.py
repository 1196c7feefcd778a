"""All rings on one flash: commits, their copies, what a mount reads and what a commit costs."""

import gc
import sys
import unittest

from watched_flash import WatchedFlash

from boards.virtual.nor import Nor
from meter import mounting
from meter.errors import MeterError
from meter.journal import Journal
from meter.partition import LAYOUT, NAMES
from meter.records import EState, Event, Ledger, Row, Snapshot, WState

SALT = 0x5EED0001
# The same rings, small enough to go round many times.
SMALL = ((4, 256, 4), (4, 256, 4), (0, 64, 0), (4, 512, 4), (4, 256, 4)) + ((4, 64, 0),) * 5
EIGHT = ((8, 256, 4), (8, 256, 4)) + SMALL[2:]
E_PER_LAP = 15 * 4 * 2


class Case(unittest.TestCase):
    def start(self, layout=SMALL, sectors=40):
        self.flash, self.layout = WatchedFlash(Nor(sectors)), layout
        self.e, self.w = EState(), WState()
        journal = Journal(self.flash, layout)
        journal.mount()
        self.assertEqual(journal.state, "blank")
        journal.format(SALT)
        return journal

    def mounted(self):
        journal = Journal(self.flash, self.layout)
        journal.mount()
        self.assertEqual(journal.state, "ready")
        return journal

    def save_e(self, journal, value):
        self.e.registers[0] = self.e.utc = value
        journal.commit_e(self.e)

    def save_w(self, journal, value):
        self.w.tier_base_mwh = self.w.utc = value
        journal.commit_w(self.w)

    def run_on(self, journal, count):
        """count save periods, as the meter does them."""
        for _ in range(count):
            self.save_e(journal, self.e.registers[0] + 1)
            journal.maintain()

    def check(self, journal, e, w):
        self.assertEqual(journal.newest_e.registers[0], e)
        self.assertEqual(journal.newest_e.utc, e)
        self.assertEqual(journal.newest_w.tier_base_mwh, w)


class TestState(Case):
    def test_a_blank_flash_waits_for_the_order_to_format(self):
        flash = WatchedFlash(Nor(320))
        journal = Journal(flash)
        journal.mount()
        self.assertEqual(journal.state, "blank")
        self.assertFalse(journal.maintain())
        with self.assertRaises(MeterError):
            journal.commit_e(EState())
        self.assertEqual((flash.programs, flash.erases), (0, 0))

    def test_foreign_content_is_told_apart_and_kept(self):
        flash = WatchedFlash(Nor(320))
        flash.program(4096 * 200, b"somebody else's")
        journal = Journal(flash)
        flash.clear()
        journal.mount()
        self.assertEqual(journal.state, "foreign")
        self.assertFalse(journal.maintain())
        self.assertEqual((flash.programs, flash.erases), (0, 0))
        journal.format(SALT)
        self.assertEqual(journal.state, "ready")
        self.assertEqual((journal.newest_e, journal.newest_w), (None, None))

    def test_formatting_anew_forgets_and_goes_on(self):
        journal = self.start()
        self.run_on(journal, 50)
        journal.format(SALT + 1)
        self.assertTrue(self.mounted().newest_e is None)
        self.save_e(journal, 7)
        self.assertEqual(self.mounted().newest_e.registers[0], 7)

    def test_the_rings_of_a_4_mb_chip(self):
        journal = Journal(WatchedFlash(Nor(320)))
        got = [(ring.first_sector, ring.sectors, ring.slot_size) for ring in journal.rings]
        want = [(0, 40, 256), (40, 40, 256), (80, 140, 64), (220, 44, 512), (264, 36, 256)]
        self.assertEqual(got, want + [(300 + 4 * i, 4, 64) for i in range(5)])
        self.assertEqual([ring.ring_id for ring in journal.rings], list(range(10)))
        self.assertEqual(len(NAMES), 5)

    def test_more_flash_lengthens_the_profile_and_too_little_is_refused(self):
        journal = Journal(WatchedFlash(Nor(400)))
        self.assertEqual(journal.profile.sectors, 220)
        self.assertEqual(journal.events[4].first_sector, 396)
        with self.assertRaises(MeterError):
            Journal(WatchedFlash(Nor(183)))
        self.assertEqual(sum(sectors for sectors, _, _ in LAYOUT), 180)


class TestCommits(Case):
    def test_the_newest_of_both_come_back(self):
        journal = self.start()
        self.save_w(journal, 3)
        self.save_e(journal, 1)
        self.check(self.mounted(), 1, 3)
        self.save_e(journal, 2)
        self.check(self.mounted(), 2, 3)
        self.save_w(journal, 4)
        self.check(self.mounted(), 2, 4)
        self.e.registers[0] = self.e.utc = 9
        self.w.tier_base_mwh = 10
        journal.commit(self.e, self.w)
        self.check(self.mounted(), 9, 10)

    def test_commits_alternate_and_their_seq_rises(self):
        journal = self.start()
        rings, seqs = [], []
        for value in range(40):
            self.save_e(journal, value)
            rings.append(0 if journal.rings[0].last_seq == journal.seq else 1)
            seqs.append(self.e.seq)
            journal.maintain()
        self.assertEqual(rings, [value % 2 for value in range(40)])
        self.assertEqual(seqs, [seqs[0] + i for i in range(40)])

    def test_one_program_and_no_erase(self):
        journal = self.start()
        self.save_w(journal, 1)
        for value in range(300):
            self.flash.clear()
            self.save_e(journal, value)
            self.assertEqual((self.flash.programs, self.flash.erases), (1, 0))
            self.assertEqual(self.flash.bytes_programmed, 256)
            self.flash.clear()
            journal.maintain()
            self.assertTrue(self.flash.erases <= 1)
        for value in range(40):
            self.flash.clear()
            self.save_w(journal, value)
            self.assertTrue(self.flash.programs <= 3)
            self.assertEqual(self.flash.erases, 0)
            journal.maintain()

    def test_the_newest_w_outlives_every_lap_of_the_rings(self):
        journal = self.start()
        self.save_w(journal, 77)
        for _ in range(8):
            self.run_on(journal, E_PER_LAP // 2 + 3)
            self.check(self.mounted(), self.e.registers[0], 77)
        self.assertTrue(min(self.flash.erased[:8]) > 2)

    def test_the_newest_e_outlives_many_w(self):
        journal = self.start()
        self.save_e(journal, 5)
        for value in range(E_PER_LAP * 2):
            self.save_w(journal, value)
            journal.maintain()
        self.check(self.mounted(), 5, value)

    def test_a_copy_keeps_the_commit_it_comes_from(self):
        journal = self.start()
        self.save_e(journal, 5)
        commit = self.e.commit
        self.assertEqual(commit, self.e.seq)
        self.save_w(journal, 6)
        journal = self.mounted()
        self.assertEqual(journal.newest_e.commit, commit)
        self.assertEqual(journal.newest_e.flags & 1, 1)
        journal.reaffirm()
        self.assertEqual(self.mounted().newest_e.commit, commit)

    def test_a_seq_is_not_used_again_after_a_mount(self):
        journal = self.start()
        self.run_on(journal, 3)
        self.assertTrue(self.mounted().seq > journal.seq)

    def test_without_upkeep_commits_go_on_in_the_other_ring_then_are_refused(self):
        journal = self.start()
        self.flash.clear()
        saved = 0
        with self.assertRaises(MeterError):
            for value in range(1, 200):
                self.save_e(journal, value)
                saved = value
        self.assertTrue(saved >= 28, saved)
        self.assertEqual(self.e.commit, journal.seq - 1, "a refused commit has no number")
        self.assertEqual(self.flash.erases, 0)
        self.assertEqual(self.mounted().newest_e.registers[0], saved)
        while journal.maintain():
            continue
        self.save_e(journal, 500)
        self.assertEqual(self.mounted().newest_e.registers[0], 500)

    def test_a_broken_ring_leaves_the_other(self):
        journal = self.start()
        self.save_w(journal, 3)
        self.run_on(journal, 5)
        self.flash.stuck = {0, 1, 2, 3}
        self.run_on(journal, 200)
        self.save_w(journal, 4)
        self.run_on(journal, 200)
        self.check(self.mounted(), 405, 4)

    def test_sectors_that_do_not_erase_are_no_trap_for_many_starts(self):
        journal = self.start(EIGHT, 48)
        self.save_w(journal, 3)
        self.run_on(journal, 20)
        erase = self.flash.erase
        self.flash.erase = lambda sector: 2 <= sector % 8 < 5 or erase(sector)
        for start in range(120):
            # No start knows which sectors the one before has tried in vain.
            journal = self.mounted()
            journal.reaffirm()
            self.run_on(journal, 1 + start * 7 % 23)
            self.check(self.mounted(), self.e.registers[0], 3)

    def test_without_any_sector_to_erase_it_goes_on_as_long_as_it_can_and_then_says_so(self):
        journal = self.start()
        self.save_w(journal, 3)
        self.run_on(journal, 20)
        erase = self.flash.erase
        self.flash.erase = lambda sector: sector < 8 or erase(sector)
        saved, error = 20, None
        while error is None:
            try:
                self.run_on(journal, 1)
                saved = self.e.registers[0]
            except MeterError as refused:
                error = str(refused)
        self.assertTrue("replace the flash" in error, error)
        self.assertTrue(saved >= 40, saved)
        for _ in range(40):
            with self.assertRaises(MeterError):
                self.save_e(journal, saved + 1)
            journal.maintain()
        for _ in range(5):
            journal = self.mounted()
            self.check(journal, saved, 3)
            journal.reaffirm()
            with self.assertRaises(MeterError):
                self.save_e(journal, saved + 1)
        self.flash.erase = erase
        journal = self.mounted()
        journal.reaffirm()
        self.run_on(journal, 200)
        self.check(self.mounted(), self.e.registers[0], 3)


class TestBoot(Case):
    def test_reaffirm_puts_both_into_both_rings(self):
        journal = self.start()
        self.save_w(journal, 3)
        self.run_on(journal, 7)
        journal = self.mounted()
        self.flash.clear()
        journal.reaffirm()
        # a copy in each ring, and a mark on the slot that the mount skipped
        self.assertEqual((self.flash.programs, self.flash.erases), (4, 0))
        for ring in self.mounted().rings[:2]:
            self.assertTrue(min(ring.keep) >= 0)
        self.check(self.mounted(), 7, 3)

    def test_a_thousand_boots_without_a_commit(self):
        journal = self.start()
        self.save_w(journal, 3)
        self.run_on(journal, 7)
        boots = 1000 if sys.implementation.name == "cpython" else 60
        for _ in range(boots):
            journal = self.mounted()
            self.check(journal, 7, 3)
            journal.reaffirm()
            while journal.maintain():
                continue
        self.check(self.mounted(), 7, 3)

    def test_a_mount_programs_nothing_and_reads_little(self):
        journal = self.start(LAYOUT, 320)
        self.save_w(journal, 1)
        most = most_registers = 0
        for step in (0, 1, 13, 14, 15, 16, 29, 30, 250, 1301):
            self.run_on(journal, step)
            self.fill_others(journal, 17)
            self.flash.clear()
            for ring in Journal(self.flash).rings[:2]:
                mounting.mount_ring(ring)
            most_registers = max(most_registers, self.flash.bytes_read)
            self.flash.clear()
            self.mounted()
            most = max(most, self.flash.bytes_read)
            self.assertEqual((self.flash.programs, self.flash.erases), (0, 0))
        self.assertTrue(most_registers <= 16 * 1024, most_registers)
        self.assertTrue(most <= 56 * 1024, most)

    def fill_others(self, journal, count):
        for ring, kind in zip(journal.rings[2:], (Row, Ledger, Snapshot) + (Event,) * 5):
            record, buf = kind(), bytearray(kind.size)
            for _ in range(count):
                record.pack_into(buf)
                ring.append(buf)
                ring.prepare()

    def test_wear_of_the_register_rings_is_even(self):
        journal = self.start()
        for value in range(40):
            self.run_on(journal, 15)
            self.save_w(journal, value)
            journal.maintain()
        for erased in (self.flash.erased[:4], self.flash.erased[4:8]):
            self.assertTrue(max(erased) - min(erased) <= 1, str(erased))
        self.assertTrue(max(self.flash.erased[:8]) - min(self.flash.erased[:8]) <= 2)
        commits = self.mounted().seq
        limit = commits * 256 * 107 // (4096 * 100) + 4  # a sector begun, one ready in each
        self.assertTrue(sum(self.flash.erased[:8]) <= limit, f"{commits}: {self.flash.erased[:8]}")


class Forgetful(Journal):
    """A journal whose copies fail now and then, as on a worn flash."""

    forgets = False

    def copy(self, kind, r):
        return False if self.forgets else super().copy(kind, r)


class TestLostSector(Case):
    """A cut during a program may cost the whole sector (program disturb): nothing that was
    acknowledged may stand only there."""

    def test_the_sector_of_each_program_is_lost(self):
        self.live(260, lambda i: False)

    def test_it_may_be_even_when_copies_have_failed(self):
        self.live(260, lambda i: i % 5 < 2)

    def live(self, rounds, forgets):
        if sys.implementation.name != "cpython":
            rounds //= 6
        self.start()
        self.acknowledged = [None, None]
        self.in_flight = [None, None]
        self.flash.lost = None
        self.lose_before_each_program()
        journal = Forgetful(self.flash, self.layout)
        journal.mount()
        for i in range(rounds):
            if i % 50 == 49:  # a restart in between
                journal = Forgetful(self.flash, self.layout)
                journal.mount()
                journal.reaffirm()
            journal.forgets = forgets(i)
            choice = i * (i + 3) % 23 % 11
            self.do(journal, i if choice < 7 or choice > 8 else None, i if choice >= 7 else None)
            while journal.maintain():
                continue
        self.assertTrue(self.losses >= rounds)

    def lose_before_each_program(self):
        read, program, self.losses = self.flash.read, self.flash.program, 0

        def read_or_lost(at, buf):
            read(at, buf)
            if at // 4096 == self.flash.lost:
                for i in range(len(buf)):
                    buf[i] = 0

        def lose_then_program(at, buf):
            sector = at // 4096
            if sector < 8 and at % 4096 >= 256:
                self.flash.lost = sector
                self.check_survivors()
                self.flash.lost = None
                self.losses += 1
            program(at, buf)

        self.flash.read, self.flash.program = read_or_lost, lose_then_program

    def do(self, journal, e, w):
        for kind, value in ((0, e), (1, w)):
            if value is not None:
                self.in_flight[kind] = value
        if e is not None and w is not None:
            self.e.registers[0], self.w.tier_base_mwh = e, w
            journal.commit(self.e, self.w)
        elif e is not None:
            self.save_e(journal, e)
        else:
            self.save_w(journal, w)
        self.acknowledged = list(self.in_flight)

    def check_survivors(self):
        journal = Journal(self.flash, self.layout)
        journal.mount()
        e = journal.newest_e.registers[0] if journal.newest_e else None
        w = journal.newest_w.tier_base_mwh if journal.newest_w else None
        for kind, value in ((0, e), (1, w)):
            allowed = (self.acknowledged[kind], self.in_flight[kind])
            self.assertTrue(value in allowed, f"kind {kind}: {value}, not in {allowed}")


class Echo:
    """A flash that keeps one record and allocates nothing itself."""

    sector_size = 4096

    def __init__(self):
        self.kept = bytearray(256)

    def read(self, at, buf):
        for i in range(len(buf)):
            buf[i] = self.kept[i]

    def program(self, at, buf):
        for i in range(len(buf)):
            self.kept[i] = buf[i]


class TestMemory(Case):
    def test_a_commit_allocates_little(self):
        if not hasattr(gc, "mem_alloc"):
            self.skipTest("CPython does not count what is allocated")
        journal = self.start()
        self.save_w(journal, 1)
        self.e.registers = [(1 << 40) + i for i in range(7)]
        self.e.rates = [(1 << 41) + i for i in range(16)]
        self.e.utc = 1_800_000_000
        journal.commit_e(self.e)
        while journal.maintain():
            continue
        for ring in journal.rings:
            ring.flash = Echo()
        before = gc.mem_alloc()
        journal.commit_e(self.e)
        used = gc.mem_alloc() - before
        self.assertTrue(0 < used < 200, used)
        before = gc.mem_alloc()
        self.assertFalse(journal.maintain())
        used = gc.mem_alloc() - before
        self.assertTrue(used < 200, used)


if __name__ == "__main__":
    unittest.main()
