"""Energy on a bill, each case worked by hand in its comment: tiers, netting, what is carried."""

import unittest

import tariffs
from bill_cases import CENT, KWH, PRICES, account, bill, madrid, reading, rounded, tiered

from meter.billing import lines, round_fraction, total


class TestEnergy(unittest.TestCase):
    def test_two_rates(self):
        # 12.345 kWh x 0.10 = 1.2345 -> 1.23; 7 kWh x 0.30 = 2.10
        found = bill(tariffs.load(), (12_345_000, 7 * KWH))
        self.assertEqual(rounded(found), [123, 210])
        self.assertEqual(found[0].amount, (12_345_000 * 100_000_000, 1))
        self.assertEqual(total(found), 333)

    def test_export_is_a_credit(self):
        # 40 kWh x 0.05 = 2.00
        found = bill(tariffs.load(), (), (40 * KWH,))
        self.assertEqual([(line.kind, line.rounded) for line in found], [("export", -200)])


class TestTiers(unittest.TestCase):
    def test_chronological_splits_at_the_crossing(self):
        # 100 kWh bound, crossed at 60 night + 40 day; then 10 night + 5 day
        crossing = 0, reading(madrid(6, 12), (60 * KWH, 40 * KWH))
        made = tiered("chronological", [100 * KWH])
        found = bill(made, (70 * KWH, 45 * KWH), crossings=[crossing])
        # 60 x 0.10, 10 x 0.20, 40 x 0.30, 5 x 0.40
        self.assertEqual(rounded(found), [600, 200, 1200, 200])

    def test_chronological_sets_are_crossed_each_by_itself(self):
        # night crosses 10 kWh while day stands at 4, day crosses 20 while night stands at 12
        sets = [{"mode": "chronological", "per": "period", "bounds": [n * KWH]} for n in (10, 20)]
        rates = [
            {"name": "night", "export": 0, "prices": list(PRICES[0]), "tiers": 0},
            {"name": "day", "export": 0, "prices": list(PRICES[1]), "tiers": 1},
        ]
        made = tariffs.load(tiers=sets, rates=rates)
        crossings = [
            (0, reading(madrid(6, 4), (10 * KWH, 4 * KWH))),
            (1, reading(madrid(6, 9), (12 * KWH, 20 * KWH))),
        ]
        found = bill(made, (15 * KWH, 21 * KWH), crossings=crossings)
        # 10 x 0.10, 5 x 0.20, 20 x 0.30, 1 x 0.40
        self.assertEqual(rounded(found), [100, 100, 600, 40])

    def test_chronological_tiers_without_energy_have_no_line(self):
        # a part of no days: both bounds are 0 and crossed at its opening, all is in tier 3
        rates = [{"name": "a", "export": 0, "prices": [10**9, 2 * 10**9, 3 * 10**9]}]
        tiers = {"mode": "chronological", "per": "period", "bounds": [KWH, 2 * KWH]}
        made = tariffs.load(rates=rates, tiers=tiers, days=[[[0, 0]]])
        at, end = madrid(6, 5, 10), madrid(6, 5, 12)
        crossings = [(0, reading(at)), (0, reading(at))]
        found = bill(made, (2 * KWH,), begin=at, end=end, crossings=crossings)
        self.assertEqual([(line.tier, line.rounded) for line in found], [(2, 600)])

    def test_prorata_shares_the_tiers(self):
        # 70 + 30 = 100 kWh, bound 60: night 42 + 28, day 18 + 12
        found = bill(tiered("prorata", [60 * KWH]), (70 * KWH, 30 * KWH))
        # 4.20, 5.60, 5.40, 4.80
        self.assertEqual(rounded(found), [420, 560, 540, 480])
        self.assertEqual([line.quantity[1] for line in found], [100 * KWH] * 4)

    def test_prorata_of_thirds_stays_exact(self):
        found = bill(tiered("prorata", [1]), (1, 2))
        amounts = [(line.amount[0], line.amount[1]) for line in found]
        # night 1/3 in tier 1 and 2/3 in tier 2; day 2/3 and 4/3
        self.assertEqual([n for n, _ in amounts], [10**8, 4 * 10**8, 6 * 10**8, 16 * 10**8])
        self.assertEqual([d for _, d in amounts], [3] * 4)

    def test_per_rate_gives_every_rate_its_own_block(self):
        # bound 60: night 60 + 10, day 30
        found = bill(tiered("per_rate", [60 * KWH]), (70 * KWH, 30 * KWH))
        self.assertEqual(rounded(found), [600, 200, 900])

    def test_a_rate_outside_the_set_does_not_use_it_up(self):
        # only night has tiers: 60 of its 70 kWh in the first; 30 kWh of day at 0.30
        rates = [
            {"name": "night", "export": 0, "prices": list(PRICES[0]), "tiers": 0},
            {"name": "day", "export": 0, "prices": [300_000_000], "tiers": -1},
        ]
        tiers = [{"mode": "prorata", "per": "period", "bounds": [60 * KWH]}]
        found = bill(tariffs.load(tiers=tiers, rates=rates), (70 * KWH, 30 * KWH))
        self.assertEqual(rounded(found), [600, 200, 900])

    def test_a_part_has_its_days_of_the_bound(self):
        # 1 to 13 June 10:00: 12 of 30 days, 24 of 60 kWh; 30 kWh night: 24 + 6
        part = {"begin": madrid(6, 1), "end": madrid(6, 13, 10)}
        found = bill(tiered("prorata", [60 * KWH]), (30 * KWH,), **part)
        self.assertEqual(rounded(found), [240, 120])

    def test_an_open_part_has_the_days_until_its_planned_end(self):
        # 5 June, but the tariff changes on the 16th: 15 of 30 days, 30 of 60 kWh
        made = account((40 * KWH,), begin=madrid(6, 1), end=madrid(6, 5))
        made.end = madrid(6, 16)
        self.assertEqual(rounded(lines(tiered("prorata", [60 * KWH]), made)), [300, 200])

    def test_a_bound_per_kw_of_the_peak(self):
        # 10 kWh per kW, peak 2.5 kW: 25 kWh at 0.10, 5 at 0.20; 2.5 kW at 0 are a line of 0.00
        charges = tariffs.demand(tariffs.charge(prices=[0]))
        made = tiered("per_rate", [10 * KWH], "kw", demand=charges)
        found = bill(made, (30 * KWH,), demand=[2_500_000, 1])
        self.assertEqual(rounded(found), [250, 100, 0])


class TestNetting(unittest.TestCase):
    def test_interval(self):
        # 10 bought and 4 sold in the registers; 1 of both within one interval
        made = tariffs.load(netting={"mode": "interval", "carry": "none"})
        net = {0: 9 * KWH, 1: 0, 2: 3 * KWH}
        self.assertEqual(rounded(bill(made, (10 * KWH,), (4 * KWH,), net=net)), [90, -15])

    def test_month_shares_what_is_sold_by_what_was_bought(self):
        # 30 night + 10 day bought, 8 sold: four fifths are left, 24 x 0.10 and 8 x 0.30
        made = tariffs.load(netting={"mode": "month", "carry": "none"})
        found = bill(made, (30 * KWH, 10 * KWH), (8 * KWH,))
        self.assertEqual(rounded(found), [240, 240])
        self.assertEqual(found[0].quantity[0], 24 * KWH * found[0].quantity[1])

    def test_month_sells_the_surplus(self):
        # 5 bought, 8 sold: 3 x 0.05
        made = tariffs.load(netting={"mode": "month", "carry": "none"})
        found = bill(made, (5 * KWH,), (8 * KWH,))
        self.assertEqual([(line.kind, line.rounded) for line in found], [("export", -15)])

    def test_month_nets_by_the_export_rate_that_a_rate_names(self):
        # night names the second: 10 - 3; day the first, which sold 6 of 4: 2 x 0.05 earned
        rates = [
            {"name": "night", "export": 1, "prices": [100_000_000]},
            {"name": "day", "export": 0, "prices": [300_000_000]},
        ]
        exports = [{"name": "a", "prices": [50_000_000]}, {"name": "b", "prices": [10_000_000]}]
        made = tariffs.load(
            rates=rates, exports=exports, netting={"mode": "month", "carry": "none"}
        )
        found = bill(made, (10 * KWH, 4 * KWH), (6 * KWH, 3 * KWH))
        self.assertEqual(
            [(line.name, line.rounded) for line in found], [("night", 70), ("a", -10)]
        )

    def test_tiers_are_of_what_is_left(self):
        # 30 + 10 - 8 = 32, bound 16: half of each in tier 1: 12 + 12 night, 4 + 4 day
        made = tiered("prorata", [16 * KWH], netting={"mode": "month", "carry": "none"})
        found = bill(made, (30 * KWH, 10 * KWH), (8 * KWH,))
        self.assertEqual(rounded(found), [120, 240, 120, 160])
        # 8 of 30 night sold off: 22, its own block of 16 and 6
        made = tiered("per_rate", [16 * KWH], netting={"mode": "month", "carry": "none"})
        self.assertEqual(rounded(bill(made, (30 * KWH,), (8 * KWH,))), [160, 120])

    def test_kwh_are_kept_for_the_next_part(self):
        # May: 5 bought, 8 sold: nothing to pay, 3 kept. June: 10 - 1 - 3 = 6 x 0.10
        made = tariffs.load(netting={"mode": "month", "carry": "kwh"})
        may = account((5 * KWH,), (8 * KWH,))
        self.assertEqual(rounded(lines(made, may)), [])
        self.assertEqual(may.carry_out, (0, 0, 3 * KWH, 0))
        june = account((10 * KWH,), (1 * KWH,), carry=may.carry_out)
        self.assertEqual(rounded(lines(made, june)), [60])
        self.assertEqual(june.carry_out, (0, 0, 0, 0))

    def test_money_is_kept_and_pays_what_is_due_with_its_tax(self):
        # May: 40 sold: -2.00, brought to 0. June: 10 x 0.30 = 3.00, tax 0.30, less 2.00
        made = tariffs.load(
            netting={"mode": "none", "carry": "money"}, taxes=[["VAT", 100_000, ["energy"]]]
        )
        may = account((), (40 * KWH,))
        found = list(lines(made, may))
        self.assertEqual([line.kind for line in found], ["export", "carry", "tax"])
        self.assertEqual((rounded(found), total(found)), ([-200, 200, 0], 0))
        self.assertEqual(may.carry_out, (200 * CENT, 0, 0, 0))
        june = account((0, 10 * KWH), carry=may.carry_out)
        found = list(lines(made, june))
        self.assertEqual((rounded(found), total(found)), ([300, -200, 30], 130))
        self.assertEqual(june.carry_out, (0, 0, 0, 0))

    def test_credit_never_takes_more_than_is_due(self):
        # 0.30 due, credit of 5.005: 4.705 are left, and the half cent stays there
        made = tariffs.load(netting={"mode": "none", "carry": "money"})
        june = account((0, KWH), carry=(500 * CENT + CENT // 2, 0, 0, 0))
        self.assertEqual(total(lines(made, june)), 0)
        self.assertEqual(june.carry_out[0], 470 * CENT + CENT // 2)

    def test_without_a_carry_what_was_kept_stays(self):
        june = account((0, KWH), carry=(CENT, 0, 7, 8))
        self.assertEqual(rounded(lines(tariffs.load(), june)), [30])
        self.assertEqual(june.carry_out, (CENT, 0, 7, 8))


class TestDynamic(unittest.TestCase):
    def test_by_interval_and_the_rest_at_the_own_price(self):
        # 6 of 7 kWh cost 1.234567 by interval, 1 x 0.30; 2 of 3 sold earn 0.11, 1 x 0.05
        rates = tariffs.data()["rates"]
        rates[1]["dynamic"] = [1_000_000, 0]
        exports = [{"name": "feed_in", "prices": [50_000_000], "dynamic": [1_000_000, 0]}]
        made = tariffs.load(rates=rates, exports=exports, dynamic={"settlement": "interval"})
        spot = {1: (6 * KWH, 1_234_567 * 10**9), 2: (2 * KWH, 11 * CENT)}
        found = bill(made, (0, 7 * KWH), (3 * KWH,), spot=spot)
        self.assertEqual(rounded(found), [123, 30, -11, -5])
        self.assertEqual([line.price for line in found], [0, 300_000_000, 0, 50_000_000])
        self.assertEqual(found[0].quantity, (6 * KWH, 1))
        self.assertEqual(found[0].amount, (1_234_567 * 10**9, 1))


class TestRounding(unittest.TestCase):
    def test_rules(self):
        cases = (
            (25, 10, 2, 3, 2),
            (35, 10, 4, 4, 3),
            (-25, 10, -2, -3, -2),
            (-26, 10, -3, -3, -2),
            (24, 10, 2, 2, 2),
            (0, 7, 0, 0, 0),
            (29, 10, 3, 3, 2),
        )
        for num, den, even, up, down in cases:
            found = [round_fraction(num, den, r) for r in ("half_even", "half_up", "down")]
            self.assertEqual(found, [even, up, down])


if __name__ == "__main__":
    unittest.main()
