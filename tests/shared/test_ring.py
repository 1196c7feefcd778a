"""One ring of slots on NOR flash: what it keeps, what it refuses, when it erases."""

import unittest

from watched_flash import WatchedFlash

from boards.virtual.nor import Nor
from meter import formatting, mounting
from meter.errors import MeterError
from meter.ring import Ring

SALT = 0xC0FFEE01
SLOT = 64
SLOTS = 63  # a sector, without its header slot


def payload(seq):
    """A record whose every byte follows from its seq; the ring sets seq and CRC."""
    return bytearray((seq * 7 + i) & 0xFF for i in range(SLOT))


class Case(unittest.TestCase):
    def start(self, sectors=5, formatted=True):
        self.flash = WatchedFlash(Nor(sectors))
        ring = self.ring()
        if formatted:
            self.format(ring, SALT)
        return ring

    def ring(self):
        return Ring(self.flash, 0, self.flash.sectors, SLOT, 3)

    def format(self, ring, salt):
        formatting.wipe(ring)
        formatting.begin(ring, salt)

    def mounted(self):
        ring = self.ring()
        mounting.mount_ring(ring)
        return ring

    def fill(self, ring, count):
        for _ in range(count):
            ring.append(payload(ring.last_seq + 1))
            ring.prepare()

    def check(self, ring, seq):
        buf = bytearray(SLOT)
        self.assertTrue(ring.read(seq, buf), f"seq {seq} is lost")
        self.assertEqual(bytes(buf[4:60]), bytes(payload(seq)[4:60]))
        self.assertEqual(int.from_bytes(bytes(buf[:4]), "little"), seq)

    def address(self, at):
        return (at >> 7) * 4096 + (at & 127) * SLOT

    def poke(self, at, buf):
        self.flash._flash.program(at, buf)


class NoErase(WatchedFlash):
    """One sector can no longer be erased."""

    def erase(self, sector):
        if sector == 2:
            raise MeterError("flash: erase: failed")
        super().erase(sector)


class TestWornSector(Case):
    def test_the_records_it_still_holds_are_no_island_after_a_mount(self):
        ring = self.start()
        self.fill(ring, 3 * SLOTS)
        worn = NoErase(self.flash._flash)
        self.flash = ring.flash = worn
        self.fill(ring, 8 * SLOTS)
        again = self.mounted()
        self.assertEqual(again.last_seq, ring.last_seq)
        for seq in range(again.first_seq, again.last_seq + 1):
            self.check(again, seq)


class TestDeadPrograms(Case):
    def test_no_good_sector_is_erased_while_nothing_can_be_programmed(self):
        ring = self.start(sectors=6)
        self.fill(ring, 9 * SLOTS)
        first = ring.first_seq
        while ring.due() < 0:
            ring.append(payload(ring.last_seq + 1))
        self.flash._flash.fail = {"program"}
        for _ in range(60):
            ring.prepare()
        self.flash._flash.fail = set()
        self.assertTrue(ring.first_seq - first <= SLOTS)

    def test_what_could_not_even_be_disowned_is_no_island_when_programs_work_again(self):
        ring = self.start(sectors=4)
        self.fill(ring, 6 * SLOTS)
        self.flash = ring.flash = WatchedFlash(self.flash._flash)
        oldest = ring.order[0]
        while ring.due() < 0:
            ring.append(payload(ring.last_seq + 1))
        self.assertEqual(ring.due(), oldest)
        self.flash.stuck, self.flash.loud = {oldest}, True
        for _ in range(2):
            ring.prepare()  # no erase, no program: its records stand, and it is retired
        self.flash.stuck = set()
        while ring.due() >= 0 or ring.rest:
            ring.prepare()  # erases younger ones in its place
        again = self.mounted()
        self.assertEqual(again.last_seq, ring.last_seq)
        for seq in range(again.first_seq, again.last_seq + 1):
            self.check(again, seq)


class TestKeeping(Case):
    def test_an_empty_flash_is_not_formatted_by_a_mount(self):
        self.start(formatted=False)
        ring = self.mounted()
        self.assertFalse(ring.order)
        self.assertFalse(any(mounting.has_header(ring, index) for index in range(5)))
        self.assertFalse(ring.prepare())
        with self.assertRaises(MeterError):
            ring.append(payload(1))
        self.assertEqual((self.flash.programs, self.flash.erases), (0, 0))

    def test_what_was_appended_is_read_after_a_mount(self):
        self.fill(self.start(), 100)
        ring = self.mounted()
        self.assertEqual((ring.first_seq, ring.last_seq), (1, 100))
        for seq in range(1, 101):
            self.check(ring, seq)
        buf = bytearray(SLOT)
        self.assertEqual(ring.load(ring.newest_at, buf), 100)
        self.assertEqual(buf[4:60], payload(100)[4:60])
        self.assertFalse(ring.read(101, buf))
        self.assertFalse(ring.read(0, buf))

    def test_many_rounds_keep_the_newest_and_read_them_all(self):
        ring = self.start()
        for round_ in range(12):
            self.fill(ring, 97)
            self.assertEqual(ring.last_seq, 97 * (round_ + 1))
            if round_ % 5 == 4:
                ring = self.mounted()
            held = ring.last_seq - ring.first_seq + 1
            self.assertTrue(held >= min(ring.last_seq, 3 * SLOTS - round_), held)
        for seq in range(ring.first_seq, ring.last_seq + 1, 5):
            self.check(ring, seq)

    def test_the_seq_that_the_caller_sets_counts(self):
        ring = self.start()
        for seq in (5, 9, 12, 40):
            ring.append(payload(seq), seq)
        ring = self.mounted()
        for seq in (5, 9, 12, 40):
            self.check(ring, seq)
        self.assertFalse(ring.read(10, bytearray(SLOT)))

    def test_wear_is_spread_and_its_counters_survive(self):
        ring = self.start()
        for _ in range(9):
            self.fill(ring, 150)
            ring = self.mounted()
        erased = self.flash.erased
        self.assertTrue(max(erased) - min(erased) <= 1, str(erased))
        self.assertEqual(ring.erases_max, max(erased))

    def test_a_new_format_forgets_the_records_not_the_wear(self):
        ring = self.start()
        self.fill(ring, 400)
        worn = ring.erases_max
        self.format(ring, SALT + 1)
        self.assertEqual(self.mounted().last_seq, 0)
        self.assertTrue(self.mounted().erases_max >= worn + 1)


class TestWriting(Case):
    def test_an_append_is_one_program_and_never_an_erase(self):
        ring = self.start()
        for _ in range(200):
            self.flash.clear()
            ring.append(payload(ring.last_seq + 1))
            self.assertEqual((self.flash.programs, self.flash.erases), (1, 0))
            self.flash.clear()
            ring.prepare()
            self.assertTrue(self.flash.erases <= 1)

    def test_without_prepare_an_append_is_refused_not_made_by_an_erase(self):
        ring = self.start()
        self.flash.clear()
        for _ in range(SLOTS):
            ring.append(payload(ring.last_seq + 1))
        self.assertTrue(ring.due() >= 0)
        self.assertEqual(mounting.room(ring), 0)
        with self.assertRaises(MeterError):
            ring.append(payload(1))
        self.assertEqual(self.flash.erases, 0)
        self.assertTrue(ring.prepare())
        ring.append(payload(SLOTS + 1))
        self.check(ring, SLOTS + 1)

    def test_a_mount_programs_nothing(self):
        ring = self.start()
        for _ in range(20):
            self.fill(ring, 13)
            self.flash.clear()
            ring = self.mounted()
            self.assertEqual((self.flash.programs, self.flash.erases), (0, 0))

    def test_one_slot_is_skipped_after_a_mount_also_across_a_border(self):
        ring = self.start()
        for count in (1, SLOTS - 4, 1):  # with skips: slots 1, 3..61, 63, then 2 of the next
            self.fill(ring, count)
            ring = self.mounted()
        self.assertEqual(ring.newest_at & 127, SLOTS)
        ring.append(payload(ring.last_seq + 1))
        self.assertEqual((ring.newest_at >> 7, ring.newest_at & 127), (1, 2))
        self.assertEqual(self.mounted().last_seq, SLOTS - 1)
        for seq in range(1, SLOTS):
            self.check(self.mounted(), seq)

    def test_the_newest_record_is_never_erased(self):
        ring = self.start(4)
        for _ in range(600):
            newest = ring.newest_at >> 7
            before = list(self.flash.erased)
            self.fill(ring, 1)
            if newest >= 0:
                self.assertEqual(self.flash.erased[newest], before[newest])

    def test_the_newest_record_outlives_sectors_of_torn_slots(self):
        ring = self.start(4)
        self.fill(ring, 3)
        for sector in (1, 2, 3, 1, 2, 3):
            ring.cross()
            ring.prepare()
            self.assertEqual(ring.target(), sector)
            self.poke(sector * 4096 + SLOT, bytes(SLOTS * SLOT))
            ring = self.mounted()
            self.assertEqual(ring.target(), -1)
            self.check(ring, 3)

    def test_a_kept_position_is_not_erased(self):
        ring = self.start(4)
        self.fill(ring, 1)
        ring.keep = [ring.newest_at]
        self.fill(ring, 800)
        self.assertTrue(ring.load(ring.keep[0], bytearray(SLOT)) == 1)


class TestDoubt(Case):
    def test_every_flipped_bit_makes_the_record_before_the_newest(self):
        ring = self.start(4)
        self.fill(ring, 3)
        good = bytearray(SLOT)
        ring.load(ring.newest_at, good)
        at = self.address(ring.newest_at)
        for bit in range(8 * SLOT):
            bad = bytearray(good)
            bad[bit >> 3] ^= 1 << (bit & 7)
            self.flash._flash.erase(3)
            self.poke(3 * 4096, bad)
            self.copy(3 * 4096, at, ring, bad)
        self.assertEqual(self.mounted().last_seq, 3)

    def copy(self, source, at, ring, bad):
        """The slot as the CRC check sees it: where it belongs, with one bit wrong."""

        class Moved:
            sector_size, sectors = 4096, 4

            def read(self, where, buf):
                whole.flash.read(source if where == at else where, buf)

        whole = self
        flash, ring.flash = ring.flash, Moved()
        self.assertEqual(ring.load(ring.newest_at, bytearray(SLOT)), 0)
        ring.flash = flash

    def test_a_record_in_another_slot_or_sector_or_ring_is_not_valid(self):
        ring = self.start()
        self.fill(ring, 70)
        record = bytearray(SLOT)
        ring.load(ring.newest_at, record)
        current = ring.newest_at >> 7
        for slot in (20, 21):
            self.poke(current * 4096 + slot * SLOT, record)
            self.assertEqual(ring.load(current << 7 | slot, bytearray(SLOT)), 0)
        self.assertEqual(self.mounted().last_seq, 70)
        other = Ring(self.flash, 0, self.flash.sectors, SLOT, 4)
        mounting.mount_ring(other)
        self.assertFalse(other.order)
        self.assertTrue(mounting.has_header(other, 0))

    def test_a_sector_with_one_header_row_is_erased_before_use(self):
        ring = self.start()
        self.fill(ring, SLOTS)  # crossing comes next; sector 1 is the reserve
        self.assertEqual(ring.reserve(0), 1)
        self.poke(4096 + 32, bytes(32))
        ring = self.mounted()
        self.assertEqual(mounting.room(ring), 0)
        self.assertTrue(ring.due() >= 0)
        erased = self.flash.erased[1]
        self.fill(ring, 0)
        ring.prepare()
        self.assertEqual(self.flash.erased[1], erased + 1)
        self.fill(ring, 5)
        self.assertEqual(self.mounted().last_seq, SLOTS + 5)

    def test_records_under_one_header_row_are_read_but_none_is_added(self):
        for row in (0, 32):
            ring = self.start()
            self.fill(ring, 5)
            self.poke(row, bytes(32))
            ring = self.mounted()
            self.assertEqual(ring.last_seq, 5)
            ring.append(payload(6))
            self.assertEqual(ring.newest_at >> 7, 1)
            for seq in range(1, 7):
                self.check(self.mounted(), seq)

    def test_two_slots_with_one_seq_read_as_the_later(self):
        ring = self.start()
        self.fill(ring, 3)
        ring.append(payload(9), 3)
        self.fill(ring, 2)
        buf = bytearray(SLOT)
        self.assertTrue(self.mounted().read(3, buf))
        self.assertEqual(buf[4:60], payload(9)[4:60])
        self.check(self.mounted(), 4)


class TestBrokenSectors(Case):
    def test_a_slot_that_does_not_keep_costs_a_slot(self):
        ring = self.start()
        self.fill(ring, 4)
        self.poke(5 * SLOT, bytes(SLOT))
        self.fill(ring, 1)
        self.assertEqual(ring.newest_at & 127, 6)
        self.check(self.mounted(), 5)

    def test_two_such_slots_retire_the_sector(self):
        for loud in (False, True):
            ring = self.start()
            self.fill(ring, 4)
            self.flash.stuck, self.flash.loud = {0}, loud
            self.fill(ring, 300)
            self.assertTrue(0 not in (ring.newest_at >> 7, ring.target()))
            for seq in range(ring.first_seq, ring.last_seq + 1, 7):
                self.check(ring, seq)
            self.assertEqual(self.mounted().last_seq, 304)

    def test_a_sector_that_does_not_erase_is_tried_twice_then_left(self):
        for loud in (False, True):
            ring = self.start()
            self.fill(ring, 10)
            self.flash.stuck, self.flash.loud = {2}, loud
            before = self.flash.erased[2]
            self.fill(ring, 900)
            self.assertEqual(self.flash.erased[2], before + 2)
            self.check(ring, 910)
            again = self.mounted()
            self.check(again, 910)
            self.fill(again, 300)
            self.check(again, 1210)

    def test_a_flash_that_keeps_nothing_is_an_error(self):
        ring = self.start()
        self.flash.stuck = set(range(5))
        with self.assertRaises(MeterError):
            ring.append(payload(1))

    def test_format_refuses_a_sector_with_a_header_that_will_not_go(self):
        ring = self.start()
        self.flash.stuck = {0}
        with self.assertRaises(MeterError):
            self.format(ring, SALT)

    def test_a_stuck_sector_loses_its_old_header_by_overwriting(self):
        ring = self.start()
        self.fill(ring, 10)
        flash, erase = self.flash, self.flash.erase

        def no_erase_of_0(sector):
            if sector:
                erase(sector)

        flash.erase = no_erase_of_0
        self.format(ring, SALT + 1)
        self.fill(ring, 3)
        again = self.mounted()
        self.assertEqual((again.salt, again.last_seq), (SALT + 1, 3))


if __name__ == "__main__":
    unittest.main()
