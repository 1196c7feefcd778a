"""Lock-out: how long, that no reset or cut shortens it, and that it wears nothing out."""

import unittest

from plain_vault import PlainVault

from boards.virtual.nor import PowerCut
from meter.errors import MeterError
from meter.security.lock import Lock


class BrokenVault:
    def load(self, name):
        return None

    def store(self, name, data):
        raise MeterError("vault: full: do something")


def failed(lock, times, now=0):
    for _ in range(times):
        lock.fail(now)
    return lock


class TestHowLong(unittest.TestCase):
    def test_two_are_free_then_it_doubles_up_to_an_hour(self):
        lock, found = Lock(PlainVault(), "lock", 0), []
        for _ in range(20):
            lock.fail(0)
            found.append(lock.left_s(0))
        self.assertEqual(found[:6], [0, 0, 1, 2, 4, 8])
        self.assertEqual(found[13:], [2048] + [3600] * 6)

    def test_it_ends_when_its_time_has_passed(self):
        lock = failed(Lock(PlainVault(), "lock", 100), 6, 100)
        self.assertEqual([lock.left_s(now) for now in (100, 101, 107, 108, 999)], [8, 7, 1, 0, 0])
        lock.fail(1000)
        self.assertEqual(lock.left_s(1000), 16)

    def test_a_clock_that_goes_back_does_not_end_it(self):
        lock = failed(Lock(PlainVault(), "lock", 1000), 6, 1000)
        self.assertEqual([lock.left_s(now) for now in (1003, 10, 12, 15)], [5, 5, 3, 0])

    def test_one_that_is_let_in_begins_at_nothing(self):
        vault = PlainVault()
        lock = failed(Lock(vault, "lock", 0), 6)
        lock.clear()
        self.assertEqual((lock.left_s(0), lock.failures), (0, 0))
        self.assertEqual(Lock(vault, "lock", 0).failures, 0)


class TestItIsKept(unittest.TestCase):
    def test_a_reset_begins_it_anew_in_full(self):
        vault = PlainVault()
        lock = failed(Lock(vault, "lock", 0), 8)
        self.assertEqual(lock.left_s(30), 2)
        lock = Lock(vault, "lock", 31)
        self.assertEqual((lock.left_s(31), lock.left_s(62)), (32, 1))

    def test_a_cut_at_its_store_never_gives_back_more_than_that_one(self):
        for before in range(1, 12):
            for kept in (False, True):
                vault = PlainVault()
                lock = failed(Lock(vault, "lock", 0), before)
                vault.cut_after(0, kept)
                self.assertRaises(PowerCut, lock.fail, 0)
                lock = Lock(PlainVault(vault.held), "lock", 0)
                self.assertEqual(lock.failures, before + kept)

    def test_roads_do_not_share_one(self):
        vault = PlainVault()
        failed(Lock(vault, "lock_mqtt", 0), 9)
        self.assertEqual(Lock(vault, "lock", 0).left_s(0), 0)
        self.assertEqual(Lock(vault, "lock_mqtt", 0).left_s(0), 64)

    def test_no_flood_wears_the_vault_out(self):
        vault = PlainVault()
        lock = failed(Lock(vault, "lock", 0), 1000)
        self.assertEqual(vault.stores, 15)
        lock.clear()
        lock.clear()
        self.assertEqual(vault.stores, 16)

    def test_a_vault_that_fails_still_leaves_it_locked(self):
        lock = Lock(BrokenVault(), "lock", 0)
        for _ in range(5):
            self.assertRaises(MeterError, lock.fail, 0)
        self.assertEqual(lock.left_s(0), 4)


if __name__ == "__main__":
    unittest.main()
