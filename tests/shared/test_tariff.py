"""The calendar of a tariff, and what its tiers hold in a part of a billing period."""

import unittest

import tariffs

from meter.civil import DAY_S, days


def local(year, month, day, hour=0, east_h=1):
    """-> core second of a wall clock reading in Madrid; east_h 2 in summer."""
    return days(year, month, day) * DAY_S + 3600 * (hour - east_h)


class TestBounds(unittest.TestCase):
    def bounds(self, opening, end, per="period", bound=31_000_000, peak_mw=0, **changes):
        more = {"demand": tariffs.demand()} if per == "kw" else {}
        more.update(changes)
        tiers = {"mode": "prorata", "per": per, "bounds": [bound]}
        made = tariffs.load(tiers=tiers, **more)
        return made.tier_bounds(0, opening, end, peak_mw)[0]

    def test_per_period(self):
        # 31 kWh a month of 31 days: 1 kWh a day that ends in the part
        whole = local(2026, 1, 1), local(2026, 2, 1)
        self.assertEqual(self.bounds(*whole), 31_000_000)
        self.assertEqual(self.bounds(whole[0], local(2026, 1, 12, 10)), 11_000_000)
        self.assertEqual(self.bounds(local(2026, 1, 12, 10), whole[1]), 20_000_000)
        self.assertEqual(self.bounds(whole[0], whole[0] + 7200), 0)

    def test_per_period_is_cut_to_mwh(self):
        # 10 days of 31 of 100 mWh: 32.26
        self.assertEqual(self.bounds(local(2026, 1, 1), local(2026, 1, 11), bound=100), 32)

    def test_per_day_counts_leap_days_and_hours_that_dst_takes(self):
        found = [
            self.bounds(local(2024, 2, 1), local(2024, 3, 1), per="day", bound=10),
            self.bounds(local(2026, 3, 1), local(2026, 4, 1, east_h=2), per="day", bound=10),
            self.bounds(local(2026, 3, 29), local(2026, 3, 30, east_h=2), per="day", bound=10),
        ]
        self.assertEqual(found, [290, 310, 10])

    def test_per_kw_of_the_peak(self):
        # 100 kWh per kW x 2.5 kW, and 3 mWh per kW x 0.5 kW: 1.5
        part = local(2026, 1, 1), local(2026, 1, 5)
        self.assertEqual(self.bounds(*part, per="kw", bound=10**8, peak_mw=2_500_000), 25 * 10**7)
        self.assertEqual(self.bounds(*part, per="kw", bound=3, peak_mw=500_000), 1)

    def test_a_set_has_the_days_on_which_its_rates_are_in_force(self):
        # Summer from 16 June: the set of its rate has 15 of 30 days, and no day in January.
        rates = [
            {"name": "winter", "export": 0, "prices": [1, 2], "tiers": 0},
            {"name": "summer", "export": 0, "prices": [1, 2], "tiers": 1},
        ]
        made = tariffs.load(
            rates=rates,
            tiers=[
                {"mode": "chronological", "per": "period", "bounds": [30_000_000]},
                {"mode": "chronological", "per": "day", "bounds": [1_000_000]},
            ],
            days=[[[0, 0]], [[0, 1]]],
            weeks=[[0] * 7, [1] * 7],
            seasons=[[1, 1, 0], [6, 16, 1], [9, 16, 0]],
        )
        june = local(2026, 6, 1, east_h=2), local(2026, 7, 1, east_h=2)
        january = local(2026, 1, 1), local(2026, 2, 1)
        found = [made.tier_bounds(i, *part)[0] for part in (june, january) for i in (0, 1)]
        self.assertEqual(found, [15_000_000, 15_000_000, 30_000_000, 0])


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

    def test_a_period_starts_where_the_one_before_ends(self):
        for billing_day in (1, 15, 28, 0):
            calendar = tariffs.load().calendar
            t = local(2024, 1, 20)
            for _ in range(15):
                end = calendar.period_end(t, billing_day)
                self.assertEqual(calendar.period_start(end, billing_day), end)
                self.assertTrue(calendar.period_start(end - 1, billing_day) <= t)
                self.assertEqual(calendar.period_end(end - 1, billing_day), end)
                t = end
        # the 15th and the last day, seen from 20 January
        start = tariffs.load().calendar.period_start
        self.assertEqual(start(local(2024, 1, 20), 15), local(2024, 1, 15))
        self.assertEqual(start(local(2024, 1, 20), 0), local(2023, 12, 31))

    def test_a_day_belongs_to_the_part_in_which_it_ends(self):
        count = tariffs.load().calendar.days
        noon, end = local(2026, 10, 25, 12), local(2026, 10, 26)
        self.assertEqual(
            [count(noon - 60, noon), count(noon, end), count(noon, end - 1)], [0, 1, 0]
        )

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
