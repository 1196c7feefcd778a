"""Nobody floods the event log: not with one thing again and again, not by resets, and what is
written of one group never costs an entry of another."""

import unittest

import tariffs
from gate_rig import START, Client, GateRig, some_keys
from rig import Rig

from meter import codes
from meter.rows import Event

HOUR_S = 3600


def events(rig, group):
    found, ring = [], rig.meter.journal.events[group]
    for seq in range(ring.first_seq, ring.last_seq + 1):
        record = Event()
        assert ring.read(seq, ring.slot)
        record.unpack(ring.slot)
        found.append(record)
    return found


def counts(rig):
    return [ring.last_seq for ring in rig.meter.journal.events]


class TestResets(unittest.TestCase):
    """Before a start looked into the ring this gave an entry a reset, and a ring of 252 entries
    was gone in four hours."""

    def flooded(self, reset, hours=3):
        rig = Rig(START)
        rig.push(tariffs.text())
        rig.run(900)
        before = counts(rig)
        for _ in range(60 * hours):
            reset(rig)
            rig.run(55, step_s=11, imported=1)
        return [after - old for after, old in zip(counts(rig), before)]

    def test_the_reset_button_once_a_minute(self):
        self.assertEqual(self.flooded(Rig.restart), [0, 0, 3, 0, 0])

    def test_the_mains_switch_once_a_minute(self):
        found = self.flooded(lambda rig: rig.cut(5))
        self.assertTrue(3 <= found[codes.POWER] <= 4, found)
        self.assertEqual(sum(found), found[codes.POWER])

    def test_both_with_a_clock_that_is_wrong_at_each_start(self):
        def reset(rig):
            rig.restart()
            rig.ports.clock.good = 0
            rig.run(2, step_s=1)
            rig.ports.clock.good = 2

        found = self.flooded(reset)
        self.assertTrue(found[codes.CLOCK] <= 8, found)
        self.assertTrue(found[codes.POWER] <= 4, found)

    def test_an_hour_later_it_is_told_again(self):
        rig = Rig(START)
        rig.push(tariffs.text())
        for n in range(4):
            rig.run(900, imported=1)
            rig.restart()
            rig.run(HOUR_S, imported=1)
            rig.run(HOUR_S // 4, imported=1)
            kinds = [e.code for e in events(rig, codes.POWER)]
            self.assertEqual(kinds, [codes.EVENT_RESTART & 255] * (n + 1))


class TestRepeats(unittest.TestCase):
    def rig(self):
        rig = Rig(START)
        rig.push(tariffs.text())
        rig.run(900)
        return rig

    def log(self, rig, event, t, n=1, quiet_s=HOUR_S):
        for i in range(n):
            rig.meter.events.log(event, t, i, i + 1, quiet_s)

    def test_they_are_counted_and_told_when_the_hour_is_over(self):
        rig = self.rig()
        t = rig.live.t
        self.log(rig, codes.EVENT_LOCKED, t, 100_0)
        self.assertEqual(len(events(rig, codes.SECURITY)), 1)
        rig.run(2 * HOUR_S, imported=1)
        found = events(rig, codes.SECURITY)
        self.assertEqual([e.count for e in found], [1, 999])
        self.assertEqual((found[1].before, found[1].after), (999, 1000))

    def test_another_kind_is_told_at_once(self):
        rig = self.rig()
        self.log(rig, codes.EVENT_LOCKED, rig.live.t, 50)
        rig.restart()
        self.log(rig, codes.EVENT_VIEW, rig.live.t, 1)
        self.log(rig, codes.EVENT_LOCKED, rig.live.t, 50)
        kinds = [e.code for e in events(rig, codes.SECURITY)]
        self.assertEqual(kinds, [codes.EVENT_LOCKED & 255, codes.EVENT_VIEW & 255])

    def test_who_may_be_told_each_time_is(self):
        rig = self.rig()
        for _ in range(3):
            self.log(rig, codes.EVENT_UNSEAL, rig.live.t, 1, 0)
            rig.restart()
        self.assertEqual(len(events(rig, codes.SECURITY)), 3)

    def test_a_clock_that_went_back_does_not_silence_it(self):
        rig = self.rig()
        t = rig.live.t
        self.log(rig, codes.EVENT_LOCKED, t)
        rig.restart()
        self.log(rig, codes.EVENT_LOCKED, t - 10)
        self.log(rig, codes.EVENT_LOCKED, t - 5)
        self.assertEqual(len(events(rig, codes.SECURITY)), 2)

    def test_a_group_that_goes_round_leaves_the_others(self):
        rig = self.rig()
        self.log(rig, codes.EVENT_CHIP_FAULT, rig.live.t)
        before = [[e.seq for e in events(rig, group)] for group in range(5)]
        security = rig.meter.journal.events[codes.SECURITY]
        for n in range(600):
            rig.meter.events.log(codes.EVENT_UNSEAL, rig.live.t + n, n, n, 0)
            security.prepare()
        self.assertTrue(security.first_seq > 1)
        after = [[e.seq for e in events(rig, group)] for group in range(4)]
        self.assertEqual(after, before[:4])


class TestWrongKeys(unittest.TestCase):
    def test_who_tries_keys_and_resets_the_meter_leaves_an_entry_an_hour(self):
        rig = GateRig(keys=some_keys(), sealed=True)
        thief = Client(rig, "utility", some_keys(meter=9))
        before = rig.meter.journal.events[codes.SECURITY].last_seq
        for n in range(180):
            thief.change("commit")
            if n % 2:
                rig.restart()
            rig.run(60, step_s=20)
        told = rig.meter.journal.events[codes.SECURITY].last_seq - before
        self.assertTrue(1 <= told <= 4, told)


if __name__ == "__main__":
    unittest.main()
