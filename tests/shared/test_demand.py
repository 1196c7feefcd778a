"""Demand in the running meter: which windows count, whose they are, and what survives what."""

import unittest

import tariffs
from rig import DEN, NUM, Rig, unix
from test_meter import records

from boards.virtual.nor import PowerCut
from meter import codes
from meter.civil import EPOCH
from meter.records import Ledger

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
SAVED = 36 * 100 * NUM // DEN  # mWh of the window that TestBreaks breaks off, at the last commit
LORD_HOWE = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"  # summer time is half an hour


def running(*charges, window_s=900, parts=1, **changes):
    """A meter with demand charges since 06:00; k counts a minute are k W."""
    rig = Rig(START - 60)
    rig.run(60)
    rig.push(
        tariffs.text(demand=tariffs.demand(*charges, window_s=window_s, parts=parts), **changes)
    )
    return rig


def kept(rig, slot=0, count=1):
    """-> [(mW, Unix s), ...] of slots."""
    flat = rig.meter.contract.w.demand[2 * slot : 2 * (slot + count)]
    return [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]


class TestWindows(unittest.TestCase):
    def test_the_highest_window_and_when_it_ended(self):
        rig = running()
        for watts in (300, 900, 2000, 600):
            rig.run(900, imported=watts)
        self.assertEqual(kept(rig), [(2_000_000, START + 3 * 900)])
        values = rig.ask("live")
        self.assertEqual((values["1.5.0"], values["1.6.0"]), (600_000, 2_000_000))
        rig.run(300, imported=900)
        self.assertEqual(rig.ask("live")["1.4.0"], 300_000)

    def test_of_equal_windows_the_first(self):
        rig = running()
        for _ in range(3):
            rig.run(900, imported=500)
        self.assertEqual(kept(rig), [(500_000, START + 900)])

    def test_an_average_is_cut_off_to_whole_mw(self):
        rig = running()
        rig.run(900, step_s=900, imported=1)
        self.assertEqual(kept(rig)[0][0], NUM // DEN * 3600 // 900)

    def test_late_ticks_are_split_at_windows(self):
        rig = running(window_s=300)
        rig.run(1800, step_s=1800, imported=1080)
        self.assertEqual(kept(rig), [(36_000, START + 300)])

    def test_a_block_belongs_to_the_rate_at_its_beginning(self):
        rig = running(tariffs.charge(rates=[0]), tariffs.charge(rates=[1]), window_s=3600)
        rig.run(2 * 3600, imported=1000)  # to 08:00: night
        rig.run(3600, imported=400)
        self.assertEqual(kept(rig), [(1_000_000, START + 3600)])
        self.assertEqual(kept(rig, 1), [(400_000, START + 3 * 3600)])

    def test_a_sliding_window_finds_what_lies_across_a_border(self):
        rig = running(window_s=900, parts=3)
        rig.run(600, imported=100)
        rig.run(900, imported=900)  # 06:10 to 06:25
        rig.run(900, imported=100)
        self.assertEqual(kept(rig), [(900_000, START + 1500)])

    def test_a_sliding_window_belongs_to_the_rate_at_its_end(self):
        rig = running(tariffs.charge(rates=[0]), tariffs.charge(rates=[1]), window_s=3600, parts=4)
        rig.run(2 * 3600, imported=1000)  # to 08:00: night
        rig.run(900, imported=0)
        self.assertEqual(kept(rig), [(1_000_000, START + 3600)])
        self.assertEqual(kept(rig, 1), [(750_000, START + 2 * 3600 + 900)])

    def test_months(self):
        rig = running(tariffs.charge(months=1 << 9), tariffs.charge(months=1 << 10))
        rig.run(900, imported=100)
        self.assertEqual((kept(rig)[0][0], kept(rig, 1)[0][0]), (100_000, 0))

    def test_the_mean_is_of_one_window_a_local_day(self):
        rig = running(tariffs.charge(highest=3), tariffs.charge("other"))
        for _, watts in enumerate((500, 900, 700, 300, 800)):
            rig.run(8 * 3600, step_s=900)
            for more in (100, 50):
                rig.run(900, imported=watts + more)
            rig.run(16 * 3600 - 1800, step_s=900)
        self.assertEqual([mw for mw, _ in kept(rig, 0, 3)], [1_000_000, 900_000, 800_000])
        self.assertEqual(kept(rig, 3), kept(rig, 0))
        # 23:45 and 00:00: the last second decides to which day a window belongs.
        rig.run(16 * 3600, step_s=900)  # to 22:00
        rig.run(2 * 3600, imported=950)
        rig.run(900, imported=960)
        self.assertEqual([mw for mw, _ in kept(rig, 0, 3)], [1_000_000, 960_000, 950_000])

    def test_a_change_of_the_offset_cuts_a_window_short(self):
        rig = Rig(unix(2026, 10, 3, 12, 59))
        rig.run(60)
        rig.push(
            tariffs.text(zone=LORD_HOWE, days=[[[0, 0]]], demand=tariffs.demand(window_s=3600))
        )
        rig.run(1800, imported=100)  # 23:30 to 24:00
        self.assertEqual(kept(rig), [(0, 0)])
        rig.run(2 * 3600, imported=200)
        rig.run(1800, imported=5000)  # from 02:00, which is summer time's 02:30, to 03:00
        self.assertEqual(kept(rig), [(200_000, unix(2026, 10, 3, 14, 30))])
        rig.run(3600, imported=300)
        self.assertEqual(kept(rig), [(300_000, unix(2026, 10, 3, 17))])


class TestParts(unittest.TestCase):
    def test_a_window_that_was_open_when_the_tariff_came_gives_nothing(self):
        rig = running()
        rig.run(600, imported=900)
        rig.push(tariffs.text(name="next", demand=tariffs.demand()))
        rig.run(300, imported=900)
        self.assertEqual(kept(rig), [(0, 0)])
        rig.run(900, imported=100)
        self.assertEqual(kept(rig), [(100_000, START + 1800)])

    def test_the_ledger_keeps_the_demand_of_the_part_and_the_next_begins_anew(self):
        rig = running(window_s=900, parts=3)
        rig.run(26 * 86400 + 18 * 3600, step_s=900, imported=1500)  # to 31 October, 22:00 UTC
        rig.run(3600, step_s=300, imported=2000)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual([r.period for r in ledger], [0, 1])
        self.assertEqual(ledger[1].demand[:2], [400_000, unix(2026, 10, 31, 22, 15)])
        self.assertEqual(kept(rig), [(0, 0)])
        rig.run(600, step_s=300, imported=5000)  # with it, less than a whole window of the part
        self.assertEqual(kept(rig), [(0, 0)])
        rig.run(300, step_s=300)
        self.assertEqual(kept(rig), [(10_000 * NUM // DEN * 4, unix(2026, 10, 31, 23, 15))])

    def test_a_scheduled_tariff_starts_at_its_time(self):
        rig = running()
        at = START + 2 * 3600 + 300
        rig.push(tariffs.text(name="next", demand=tariffs.demand()), when=at)
        rig.run(3 * 3600, imported=100)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual([(r.utc, r.reason) for r in ledger[1:]], [(at, codes.TARIFF)])
        self.assertEqual(kept(rig), [(100_000, START + 2 * 3600 + 1800)])


class TestBreaks(unittest.TestCase):
    """A window of 900 s at 600 W, broken off after 400 s."""

    def begun(self, parts=1):
        rig = running(parts=parts)
        rig.run(900, step_s=10, imported=10)  # a window that is lower
        rig.run(400, step_s=10, imported=100)
        return rig

    def test_a_soft_reset_goes_on_with_the_window(self):
        for parts in (1, 3):
            rig = self.begun(parts)
            rig.restart()
            rig.run(500, step_s=10, imported=100)
            self.assertEqual(kept(rig), [(600_000, START + 1800)])

    def test_a_power_cut_goes_on_with_what_was_saved(self):
        for parts in (1, 3):
            rig = self.begun(parts)
            rig.cut(off_s=60)
            rig.run(440, step_s=10, imported=100)
            mwh = SAVED + 44 * 100 * NUM // DEN
            self.assertTrue(abs(kept(rig)[0][0] - mwh * 4) <= 4)
            self.assertEqual(kept(rig)[0][1], START + 1800)

    def test_power_off_ends_windows_as_they_are(self):
        for parts in (1, 3):
            rig = self.begun(parts)
            rig.cut(off_s=3 * 3600)
            rig.run(60, step_s=10, imported=100)
            # Sliding, the highest has 300 s of the lower load before.
            highest = (SAVED * 4, START + 1800) if parts == 1 else (260_000, START + 1500)
            self.assertEqual(kept(rig), [highest])
            rig.run(1400, step_s=10, imported=200)
            self.assertEqual(kept(rig)[0][0], 1_200_000)

    def test_an_outage_over_the_end_of_the_part(self):
        rig = self.begun()
        rig.cut(off_s=40 * 86400)
        rig.run(60, step_s=10)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual(ledger[1].demand[:2], [SAVED * 4, START + 1800])
        self.assertEqual(kept(rig), [(0, 0)])

    def test_a_clock_step_leaves_the_window_without_a_maximum(self):
        for step_s in (-3 * 3600, 2 * 3600):
            rig = self.begun()
            before = kept(rig)
            rig.ports.clock.utc += step_s
            rig.run(500, step_s=10, imported=900)
            self.assertEqual(kept(rig), before)
            rig.run(900, step_s=10, imported=90)
            self.assertEqual(kept(rig)[0][0], 540_000)

    def test_a_clock_that_is_behind_after_an_outage_leaves_the_window_without_a_maximum(self):
        rig = self.begun()
        before = kept(rig)
        rig.cut(off_s=-3 * 3600)
        rig.run(500, step_s=10, imported=900)
        self.assertEqual(kept(rig), before)
        rig.meter.step_clock(rig.ports.clock.utc)  # it was right, the journal was not
        rig.run(900, step_s=10, imported=90)
        self.assertEqual(kept(rig)[0][0], 540_000)

    def test_an_invalid_clock_leaves_the_window_without_a_maximum(self):
        rig = self.begun()
        before = kept(rig)
        rig.ports.clock.good = 0
        rig.run(60, step_s=10, imported=900)
        rig.ports.clock.good = 2
        rig.run(440, step_s=10, imported=900)
        self.assertEqual(kept(rig), before)
        rig.run(900, step_s=10, imported=90)
        self.assertEqual(kept(rig)[0][0], 540_000)

    def test_a_cut_between_the_border_and_the_next_commit(self):
        """The border is settled once more; a sub-window must not count twice."""
        rig = running(window_s=900, parts=3)
        rig.run(900, imported=600)
        rig.run(300, step_s=10, imported=50)
        rig.cut()  # E is of the border
        rig.run(600, step_s=10, imported=200)
        self.assertEqual(kept(rig)[0], (900_000, START + 1800))

    def test_a_commit_right_after_the_border_is_not_settled_again(self):
        rig = running(window_s=900, parts=3)
        rig.run(900, imported=600)
        rig.run(300, step_s=10, imported=50)
        rig.meter.commit()
        rig.cut()
        rig.run(600, step_s=10, imported=200)
        self.assertEqual(kept(rig)[0], (900_000, START + 1800))


def number(seed):
    """A stream of numbers below 2**31 that looks like chance."""
    while True:
        seed = (1103515245 * seed + 12345) & 0x7FFFFFFF
        yield seed >> 8


class TestOracle(unittest.TestCase):
    """Any load, with soft resets in between, against the minutes of the load itself."""

    def minutes(self, seed, rig, count):
        chance, loads = number(seed), []
        for _ in range(count):
            watts = next(chance) % 3000
            loads.append(watts)
            rig.run(60, step_s=60, imported=watts)
            if next(chance) % 40 == 0:
                rig.meter.commit()
            if next(chance) % 40 == 0:
                rig.restart()
        return loads

    def expected(self, loads, parts, highest):
        """Daily maxima by hand. loads: W by minute from 06:00 Madrid."""
        sub = 15 // parts
        best = {}
        for end in range(15, len(loads) + 1, sub):
            energy = [sum(loads[:m]) * NUM // DEN for m in (end - 15, end)]
            mw = (energy[1] - energy[0]) * 4
            day = (6 * 60 + end - 1) // 1440
            if mw > best.get(day, (0, 0))[0]:
                best[day] = (mw, START + 60 * end)
        found = sorted(best.values(), key=lambda pair: (-pair[0], pair[1]))[:highest]
        return found + [(0, 0)] * (highest - len(found))

    def test_random_loads(self):
        for seed, parts in ((1, 1), (2, 3), (3, 5), (4, 15)):
            rig = running(
                tariffs.charge(highest=2), window_s=900, parts=parts if parts < 13 else 1
            )
            parts = parts if parts < 13 else 1
            loads = self.minutes(seed, rig, 2000)
            self.assertEqual(kept(rig, 0, 2), self.expected(loads, parts, 2), seed)


class TestCuts(unittest.TestCase):
    def test_a_cut_at_any_byte_of_a_border_keeps_the_maximum(self):
        """Power fails while the border of a window is written, then comes back."""
        for after in range(1, 3000, 150):
            rig = running()
            rig.run(900, imported=300)
            rig.run(840, imported=600)
            flash = rig.ports.flash
            flash.cut_after = after
            try:
                rig.run(60, imported=600)
            except PowerCut:
                flash.power_on()
            flash.cut_after = None
            rig.cut(off_s=5)
            rig.run(120, step_s=10)
            mw, utc = kept(rig)[0]
            self.assertEqual(utc, START + 1800)
            self.assertTrue(560_000 <= mw <= 600_000, (after, mw))
            self.assertTrue(rig.live.t + EPOCH > utc)


if __name__ == "__main__":
    unittest.main()
