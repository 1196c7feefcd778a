"""A tariff the meter can run is taken; anything else is refused before it is active."""

import unittest

import tariffs

from meter import tariff_check
from meter.civil import DAY_S, days
from meter.errors import MeterError

BAD = (
    {"schema": 2},
    {"decimals": 10},
    {"rounding": "up"},
    {"billing_day": 29},
    {"interval_s": 700},
    {"fallback": 2},  # an export rate
    {"rates": []},
    {"exports": []},
    {"rates": [{"name": "a", "export": 1, "prices": [1]}]},
    {"rates": [{"name": "a", "export": 0, "prices": [1, 2]}], "days": [[[0, 0]]]},
    {"rates": [{"name": "a", "export": 0, "prices": ["0.1"]}], "days": [[[0, 0]]]},
    {"tiers": {"mode": "chronological", "per": "period", "bounds": []}},
    {"tiers": {"mode": "none", "per": "period", "bounds": [1]}},
    {"tiers": {"mode": "prorata", "per": "period", "bounds": [2, 1]}},
    {"days": [[[15, 0]]]},
    {"days": [[[0, 0], [60, 1], [60, 0]]]},
    {"days": [[[0, 0], [1440, 1]]]},
    {"days": [[[0, 2]]]},
    {"weeks": [[0] * 6]},
    {"weeks": [[1] * 7]},
    {"seasons": [[6, 1, 0], [1, 1, 0]]},
    {"seasons": [[1, 1, 1]]},
    {"special_days": [[2026, 1, 1, 1]]},
    {"special_days": [[0, 1, 1, 0]] * 41},
    {"fixed": [1, "year"]},
    {"zone": "Europe/Madrid"},
    {"taxes": [["a", 1, []]] * 5},
)


class TestLoad(unittest.TestCase):
    def test_what_cannot_run_is_refused(self):
        for change in BAD:
            with self.assertRaises(MeterError):
                tariffs.load(**change)

    def test_foreign_and_truncated_files(self):
        whole = tariffs.text()
        for text in (b"", b"{}", b"[]", b"\xff\xfe", whole[:-1], whole[:40], b" " * 9000):
            with self.assertRaises(MeterError):
                tariff_check.load(text)

    def test_the_digest_names_the_bytes(self):
        one, two = tariffs.load(), tariffs.load(name="other")
        self.assertEqual(len(one.digest), 64)
        self.assertTrue(one.digest != two.digest)
        self.assertEqual(one.digest, tariff_check.digest(tariffs.text()))

    def test_registers_keep_their_direction(self):
        made = tariffs.load()
        self.assertEqual([made.register(rate) for rate in range(3)], [0, 1, 15])

    def test_a_bound_per_day_counts_the_days_of_the_period(self):
        made = tariffs.load(
            tiers={"mode": "chronological", "per": "day", "bounds": [10_000_000]},
        )
        february = days(2024, 2, 1) * DAY_S - 3600, days(2024, 3, 1) * DAY_S - 3600
        self.assertEqual(made.tier_bounds(*february), (290_000_000,))

    def test_one_price_serves_all_tiers(self):
        made = tariffs.load(
            rates=[
                {"name": "a", "export": 0, "prices": [7]},
                {"name": "b", "export": 0, "prices": [1, 2]},
            ],
            tiers={"mode": "prorata", "per": "period", "bounds": [1000]},
        )
        self.assertEqual([made.price_nano(0, 1), made.price_nano(1, 1)], [7, 2])


class TestCalendar(unittest.TestCase):
    def test_special_days_override_and_the_dated_one_wins(self):
        made = tariffs.load(
            days=[[[0, 0]], [[0, 1]]],
            special_days=[[0, 12, 25, 1], [2027, 12, 25, 0]],
        )
        noon = DAY_S // 2
        for year, rate in ((2026, 1), (2027, 0), (2028, 1)):
            t = days(year, 12, 25) * DAY_S + noon
            self.assertEqual(made.calendar.segment(t)[1], rate)

    def test_the_last_season_reaches_over_new_year(self):
        made = tariffs.load(
            days=[[[0, 0]], [[0, 1]]],
            weeks=[[0] * 7, [1] * 7],
            seasons=[[4, 1, 0], [11, 1, 1]],
        )
        dates = ((2026, 1, 15), (2026, 4, 1), (2026, 10, 31), (2026, 11, 1))
        found = [made.calendar.segment(days(*d) * DAY_S + 43200)[1] for d in dates]
        self.assertEqual(found, [1, 0, 0, 1])

    def test_segments_cover_without_gap_and_neighbours_differ(self):
        calendar = tariffs.load().calendar
        t0, t1 = days(2026, 10, 24) * DAY_S + 77, days(2026, 10, 27) * DAY_S + 5
        last_end, last_rate = t0, None
        for start, end, rate in calendar.segments(t0, t1):
            self.assertEqual(start, last_end)
            self.assertTrue(end > start and rate != last_rate)
            last_end, last_rate = end, rate
        self.assertEqual(last_end, t1)


if __name__ == "__main__":
    unittest.main()
