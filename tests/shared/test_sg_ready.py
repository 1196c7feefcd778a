"""SG-Ready: the contacts follow price and limiter, and no faster than a heat pump may."""

import unittest

import tariffs
from rig import Rig, unix

from drivers.sg_ready import BLOCKED, FORCED, NORMAL, RECOMMENDED, SgReady

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid; the day rate begins two hours later
NIGHT, DAY = 100_000_000, 300_000_000
CONTACTS = {BLOCKED: [1, 0], NORMAL: [0, 0], RECOMMENDED: [0, 1], FORCED: [1, 1]}


class Pins:
    def __init__(self):
        self.levels = [None, None]

    def pin(self, n):
        def drive(level):
            self.levels[n] = level

        return drive


class TestSgReady(unittest.TestCase):
    def start(self, tariff=None, **thresholds):
        self.rig, self.pins = Rig(START), Pins()
        if tariff is not False:
            self.rig.push(tariff or tariffs.text())
        self.panel = SgReady(self.pins.pin(0), self.pins.pin(1), **thresholds)

    def run_for(self, seconds, imported=0):
        """A tick of meter and panel each second; the load comes by the minute."""
        for second in range(seconds):
            self.rig.run(1, 1, imported=0 if second % 60 else imported)
            self.panel.tick(self.rig.meter)
            self.assertEqual(self.pins.levels, CONTACTS[self.panel.state])

    def test_the_price_chooses(self):
        for thresholds, by_night, by_day in (
            ({}, NORMAL, NORMAL),
            ({"suggest": NIGHT}, RECOMMENDED, NORMAL),
            ({"suggest": DAY, "force": NIGHT}, FORCED, RECOMMENDED),
            ({"block": DAY}, NORMAL, BLOCKED),
            ({"block": DAY + 1, "suggest": NIGHT - 1}, NORMAL, NORMAL),
        ):
            self.start(**thresholds)
            self.run_for(30)
            self.assertEqual(self.panel.state, by_night)
            self.rig.run(7200 - 60 - 30, 30)
            self.run_for(700)
            self.assertEqual(self.panel.state, by_day)

    def test_a_state_is_held_ten_minutes(self):
        self.start(suggest=NIGHT)
        self.rig.run(7200 - 60)  # the last minute of the night rate
        self.run_for(11)
        self.assertEqual(self.panel.state, RECOMMENDED)
        self.run_for(560)
        self.assertEqual(self.panel.state, RECOMMENDED)
        self.run_for(60)
        self.assertEqual(self.panel.state, NORMAL)

    def test_a_price_blocks_for_two_hours_at_most(self):
        self.start(block=DAY)
        self.rig.run(7200)
        states = []
        for _ in range(8 * 3600 // 600):
            self.run_for(600)
            states.append(self.panel.state)
        self.assertEqual(states[0], BLOCKED)
        self.assertTrue(states.count(BLOCKED) in (12, 13))
        self.assertEqual(states[-1], NORMAL)

    def test_the_limiter_blocks_at_once_and_lets_go_with_its_return(self):
        level = tariffs.level(action="shed", rate=0, manual=1)
        limiter = tariffs.limiter(level, window_s=900)
        self.start(tariffs.text(limiter=limiter), force=NIGHT)
        self.run_for(20)
        self.assertEqual(self.panel.state, FORCED)
        self.rig.run(1800, imported=6000)
        self.run_for(1)
        self.assertEqual(self.panel.state, BLOCKED)
        self.rig.ask("load_switch", on=True)
        self.run_for(620)
        self.assertEqual(self.panel.state, FORCED)

    def test_without_a_tariff_it_is_normal(self):
        self.start(tariff=False, block=0)
        self.run_for(30)
        self.assertEqual(self.panel.state, NORMAL)

    def test_thresholds_that_contradict_each_other(self):
        for wrong in ({"suggest": 1, "force": 2}, {"block": 1, "suggest": 1}):
            with self.assertRaises(AssertionError):
                self.start(**wrong)
