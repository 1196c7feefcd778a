"""Dates and zones, at the places where they go wrong."""

import unittest

from meter.civil import DAY_S, Zone, date, days, days_in_month
from meter.errors import MeterError

MADRID = "CET-1CEST,M3.5.0,M10.5.0/3"


class TestDates(unittest.TestCase):
    def test_known_days(self):
        self.assertEqual(days(2020, 1, 1), 0)
        self.assertEqual(days(2000, 2, 29), -7246)
        self.assertEqual(days(2100, 3, 1), days(2100, 2, 28) + 1)
        self.assertEqual(date(0), (2020, 1, 1, 2))
        self.assertEqual(date(days(2026, 11, 24)), (2026, 11, 24, 1))

    def test_there_and_back(self):
        for n in range(-800, 40000, 7):
            self.assertEqual(days(*date(n)[:3]), n)

    def test_months(self):
        self.assertEqual([days_in_month(2023, m) for m in (1, 2, 4, 12)], [31, 28, 30, 31])
        self.assertEqual(days_in_month(2024, 2), 29)


class TestZone(unittest.TestCase):
    def test_summer_time_of_2026(self):
        zone = Zone(MADRID)
        begin = days(2026, 3, 29) * DAY_S + 3600
        end = days(2026, 10, 25) * DAY_S + 3600
        self.assertEqual(zone.next_transition(begin - 1), begin)
        self.assertEqual(zone.next_transition(begin), end)
        self.assertEqual([zone.offset_at(t) for t in (begin - 1, begin)], [3600, 7200])
        self.assertEqual([zone.offset_at(t) for t in (end - 1, end)], [7200, 3600])

    def test_southern_half_hour(self):
        zone = Zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")
        self.assertEqual(zone.offset_at(days(2026, 1, 1) * DAY_S), 39600)
        self.assertEqual(zone.offset_at(days(2026, 7, 1) * DAY_S), 37800)

    def test_local_time_that_happens_twice_is_the_earlier(self):
        zone = Zone(MADRID)
        local = days(2026, 10, 25) * DAY_S + 9000  # 02:30
        self.assertEqual(zone.to_utc(local), local - 7200)

    def test_local_time_that_never_was_is_the_change(self):
        zone = Zone(MADRID)
        local = days(2026, 3, 29) * DAY_S + 9000  # 02:30
        self.assertEqual(zone.to_utc(local), days(2026, 3, 29) * DAY_S + 3600)

    def test_no_summer_time(self):
        zone = Zone("<+0545>-5:45")
        self.assertEqual(zone.offset_at(0), 20700)
        self.assertTrue(zone.next_transition(0) is None)
        self.assertEqual(zone.to_utc(20700), 0)

    def test_what_is_not_a_rule(self):
        for text in ("", "X", "CET", "CET-1CEST,J60,J300", "CET-1CEST,M3.5.0", MADRID + "x"):
            with self.assertRaises(MeterError):
                Zone(text)


if __name__ == "__main__":
    unittest.main()
