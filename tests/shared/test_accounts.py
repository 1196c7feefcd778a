"""Counts into registers: nothing lost, nothing invented, whatever the pieces."""

import unittest

from meter.accounts import Accounts
from meter.sample import EXPORT, IMPORT

NUM, DEN = 50, 3  # mWh per count at 600 imp/kWh


def counts(imported, exported=0):
    return imported, exported, imported, 0, 0, 0, None


class TestAdvance(unittest.TestCase):
    def test_pieces_of_a_tick_add_up(self):
        whole, split = Accounts(NUM, DEN), Accounts(NUM, DEN)
        whole.advance(counts(1001), 60, 60, 0, 15, None)
        for until in (7, 31, 32, 60):
            split.advance(counts(1001), 60, until, 0, 15, None)
        self.assertEqual(split.live.registers, whole.live.registers)
        self.assertEqual(split.live.carries, whole.live.carries)
        self.assertEqual(split.live.registers[IMPORT], 1001 * NUM // DEN)

    def test_rates_add_up_to_the_total(self):
        accounts, seen = Accounts(NUM, DEN), 0
        for tick in range(1, 400):
            seen += tick * 7 % 23
            accounts.advance(counts(seen, 2 * seen), tick * 9, tick * 9 - 4, tick % 3, 15, None)
            accounts.advance(counts(seen, 2 * seen), tick * 9, tick * 9, tick % 5, 14, None)
            self.assertTrue(accounts.imbalance(0xC000) is None)
        self.assertEqual(accounts.live.registers[IMPORT], seen * NUM // DEN)
        self.assertEqual(accounts.live.registers[EXPORT], 2 * seen * NUM // DEN)

    def test_imbalance_is_seen(self):
        accounts = Accounts(NUM, DEN)
        accounts.advance(counts(300), 1, 1, 0, 15, None)
        accounts.live.rates[4] += 1
        self.assertEqual(accounts.imbalance(0xC000), (5000, 5001))

    def test_energy_without_time_is_counted(self):
        accounts = Accounts(NUM, DEN)
        accounts.advance(counts(3), 0, 0, 0, 15, None)
        self.assertEqual(accounts.live.registers[IMPORT], 50)

    def test_moving_in_time_moves_no_energy(self):
        accounts = Accounts(NUM, DEN)
        accounts.advance(counts(3), 10, 10, 0, 15, None)
        accounts.move(99)
        self.assertEqual((accounts.live.t, accounts.live.registers[IMPORT]), (99, 50))


class TestBound(unittest.TestCase):
    def test_it_stops_exactly_on_the_bound(self):
        for bound in (1, 49, 50, 51, 777, 16_666):
            accounts = Accounts(NUM, DEN)
            accounts.advance(counts(1000), 100, 100, 0, 15, bound)
            self.assertEqual(accounts.live.registers[IMPORT], bound)
            self.assertTrue(accounts.imbalance(0xC000) is None)
            accounts.advance(counts(1000), 100, 100, 1, 15, None)
            self.assertEqual(accounts.live.registers[IMPORT], 1000 * NUM // DEN)
            self.assertEqual(accounts.live.rates[1], 1000 * NUM // DEN - bound)
            self.assertTrue(accounts.live.carries[IMPORT] < DEN)

    def test_the_second_of_the_crossing(self):
        accounts = Accounts(NUM, DEN)
        accounts.advance(counts(600), 60, 60, 0, 15, 5000)  # 10 counts/s, 300 counts
        self.assertEqual(accounts.live.t, 30)

    def test_a_bound_beyond_the_tick_does_nothing(self):
        accounts = Accounts(NUM, DEN)
        accounts.advance(counts(600), 60, 60, 0, 15, 10_001)
        self.assertEqual((accounts.live.t, accounts.live.registers[IMPORT]), (60, 10_000))

    def test_nothing_arrived_and_nothing_crossed(self):
        accounts = Accounts(NUM, DEN)
        accounts.advance(counts(0), 60, 60, 0, 15, 5)
        self.assertEqual(accounts.live.t, 60)


if __name__ == "__main__":
    unittest.main()
