"""What a bill has beside energy, each case worked by hand in its comment."""

import unittest

import tariffs
from bill_cases import CENT, KW, KWH, account, bill, madrid, rounded

from meter.billing import lines, total


class TestDemand(unittest.TestCase):
    def bill(self, demand, *charges, **more):
        return bill(tariffs.load(demand=tariffs.demand(*charges)), demand=demand, **more)

    def test_the_highest_window(self):
        # 3.456 kW x 10 = 34.56
        found = self.bill([3_456_000, 77], tariffs.charge())
        self.assertEqual(
            (found[0].kind, found[0].name, found[0].rounded), ("demand", "peak", 3456)
        )
        self.assertEqual(self.bill([0, 0], tariffs.charge()), [])

    def test_the_mean_of_the_highest_of_those_there_are(self):
        # (4 + 5 + 3) / 3 = 4 kW; with two so far (4 + 5) / 2 = 4.5 kW
        charge = tariffs.charge(highest=3)
        full = [4 * KW, 1, 5 * KW, 2, 3 * KW, 3]
        self.assertEqual(rounded(self.bill(full, charge)), [4000])
        self.assertEqual(rounded(self.bill(full[:4] + [0, 0], charge)), [4500])

    def test_charges_have_their_slots_in_order(self):
        # peak: the mean of slots 0 and 1, 3 kW; other: slot 2, 7 kW x 2
        charges = tariffs.charge(highest=2), tariffs.charge("other", prices=[2_000_000_000])
        found = self.bill([2 * KW, 1, 4 * KW, 2, 7 * KW, 3], *charges)
        self.assertEqual(
            [(line.name, line.rounded) for line in found], [("peak", 3000), ("other", 1400)]
        )

    def test_tiers_in_kw(self):
        # 250 kW, bound 100: 100 x 5 + 150 x 8; of a mean of halves: 100 and 0.5 kW
        charge = tariffs.charge(bounds=[100 * KW], prices=[5_000_000_000, 8_000_000_000])
        self.assertEqual(rounded(self.bill([250 * KW, 1], charge)), [50000, 120000])
        charge["highest"] = 2
        found = self.bill([100 * KW, 1, 101 * KW, 2], charge)
        self.assertEqual([(line.tier, line.rounded) for line in found], [(0, 50000), (1, 400)])

    def test_only_in_its_months(self):
        # July and August; 15 June to 15 July touches July, 1 June to 1 July does not
        charge = tariffs.charge(months=0b1100_0000)
        part = {"begin": madrid(6, 15), "end": madrid(7, 15)}
        self.assertEqual(rounded(self.bill([KW, 1], charge, **part)), [1000])
        self.assertEqual(self.bill([KW, 1], charge), [])
        # December to January, over the end of the year
        part = {"begin": madrid(12, 15), "end": madrid(1, 15, year=2027)}
        self.assertEqual(rounded(self.bill([KW, 1], tariffs.charge(months=1), **part)), [1000])
        self.assertEqual(self.bill([KW, 1], tariffs.charge(months=2), **part), [])

    def test_ratchet(self):
        # 80 % of the 10 kW of two parts ago are 8; of three parts ago it is forgotten
        charge = tariffs.charge(ratchet=[800_000, 2])
        history = [[5 * KW, 1], [10 * KW, 2], [90 * KW, 3]]
        self.assertEqual(rounded(self.bill([3 * KW, 9], charge, history=history)), [8000])
        self.assertEqual(rounded(self.bill([9 * KW, 9], charge, history=history)), [9000])
        self.assertEqual(rounded(self.bill([0, 0], charge, history=history)), [8000])
        self.assertEqual(rounded(self.bill([3 * KW, 9], charge, history=[])), [3000])

    def test_ratchet_of_a_mean(self):
        # 90 % of (4 + 5) / 2 = 4.05 kW, more than 4 kW
        charge = tariffs.charge(highest=2, ratchet=[900_000, 12])
        found = self.bill([4 * KW, 8, 0, 0], charge, history=[[4 * KW, 1, 5 * KW, 2]])
        self.assertEqual(rounded(found), [4050])


class TestReactive(unittest.TestCase):
    def test_beyond_what_is_free(self):
        # 100 kWh, 0.33 kvarh free per kWh: 40 - 33 = 7 kvarh x 0.05
        made = tariffs.load(reactive={"price": 50_000_000, "free": 330_000_000})
        found = bill(made, (100 * KWH,), q1=40 * KWH)
        self.assertEqual([line.rounded for line in found if line.kind == "reactive"], [35])
        self.assertEqual(found[-1].quantity[0], 7 * KWH * found[-1].quantity[1])

    def test_within_what_is_free(self):
        made = tariffs.load(reactive={"price": 50_000_000, "free": 330_000_000})
        found = bill(made, (100 * KWH,), q1=33 * KWH)
        self.assertEqual([line.kind for line in found], ["energy"])


class TestFixed(unittest.TestCase):
    def fixed(self, per, begin, end, nano=12_000_000_000):
        return rounded(bill(tariffs.load(fixed=[["meter", nano, per]]), begin=begin, end=end))[0]

    def test_per_day_month_and_year_of_a_whole_period(self):
        # 12 per day, month, year in June: 30 x 12, 12, 12 / 12
        whole = madrid(6, 1), madrid(7, 1)
        found = [self.fixed(per, *whole) for per in ("day", "month", "year")]
        self.assertEqual(found, [36000, 1200, 100])

    def test_a_part_pays_for_the_days_that_end_in_it(self):
        # a change on 11 June at 10:00: 10 and 20 of 30 days
        change = madrid(6, 11, 10)
        first, second = (madrid(6, 1), change), (change, madrid(7, 1))
        found = [self.fixed(per, *part) for per in ("day", "month") for part in (first, second)]
        self.assertEqual(found, [12000, 24000, 400, 800])
        # 10 / 30 of 12 / 12
        self.assertEqual(self.fixed("year", *first), 33)

    def test_days_with_a_change_of_offset_and_29_february(self):
        march, october = (madrid(3, 1), madrid(4, 1)), (madrid(10, 1), madrid(11, 1))
        february = madrid(2, 1, year=2028), madrid(3, 1, year=2028)
        found = [self.fixed("day", *part) for part in (march, october, february)]
        self.assertEqual(found, [37200, 37200, 34800])

    def test_an_open_part_pays_days_so_far_and_months_as_planned(self):
        # 5 June: 4 days; the month that is planned to its end
        made = tariffs.load(fixed=[["d", 10**9, "day"], ["m", 10**9, "month"]])
        open_one = account(begin=madrid(6, 1), end=madrid(6, 5, 7))
        open_one.end = madrid(7, 1)
        self.assertEqual(rounded(lines(made, open_one)), [400, 100])

    def test_every_fixed_charge_is_a_line(self):
        made = tariffs.load(fixed=[["grid", 10**9, "month"], ["meter", 2 * 10**9, "month"]])
        found = bill(made)
        self.assertEqual(
            [(line.name, line.rounded) for line in found], [("grid", 100), ("meter", 200)]
        )


class TestMinimum(unittest.TestCase):
    def bill(self, minimum, *args, **more):
        made = tariffs.load(minimum=minimum, fixed=[["grid", 10**9, "month"]])
        return bill(made, *args, **more)

    def test_tops_up_what_it_covers(self):
        # 2 kWh x 0.10 = 0.20, less than 5: 4.80; the fixed 1.00 is not covered
        found = self.bill([5 * 10**9, "month", ["energy"]], (2 * KWH,))
        self.assertEqual([line.kind for line in found], ["energy", "fixed", "minimum"])
        self.assertEqual(rounded(found), [20, 100, 480])
        # with the fixed charge: 3.80
        found = self.bill([5 * 10**9, "month", ["energy", "fixed"]], (2 * KWH,))
        self.assertEqual(rounded(found), [20, 100, 380])

    def test_enough_needs_none(self):
        found = self.bill([5 * 10**9, "month", ["energy"]], (50 * KWH,))
        self.assertEqual(rounded(found), [500, 100])

    def test_a_credit_counts_as_nothing(self):
        # -2.00 + 0.10 from energy: the minimum takes 5, not 6.90
        found = self.bill([5 * 10**9, "month", ["energy", "export"]], (KWH,), (40 * KWH,))
        self.assertEqual(rounded(found), [10, -200, 100, 500])

    def test_by_the_days_of_a_part(self):
        # 10 of 30 days of 6 a month: 2; and 10 days of 0.30: 3
        part = {"begin": madrid(6, 1), "end": madrid(6, 11)}
        found = self.bill([6 * 10**9, "month", ["energy"]], (2 * KWH,), **part)
        self.assertEqual(rounded(found, "minimum"), [180])
        found = self.bill([300_000_000, "day", ["energy"]], (2 * KWH,), **part)
        self.assertEqual(rounded(found, "minimum"), [280])

    def test_of_a_year(self):
        # 60 a year; November 30.00, December 20.00: 10.00 in the part that ends the year
        made = tariffs.load(wide=True, minimum=[60 * 10**9, "year", ["energy"]])
        november = account((300 * KWH,), begin=madrid(11, 1), end=madrid(12, 1))
        self.assertEqual(rounded(lines(made, november)), [3000])
        self.assertEqual(november.carry_out, (0, 3000 * CENT, 0, 0))
        december = account(
            (200 * KWH,),
            begin=madrid(12, 1),
            end=madrid(1, 1, year=2027),
            carry=november.carry_out,
        )
        self.assertEqual(rounded(lines(made, december)), [2000, 1000])
        self.assertEqual(december.carry_out, (0, 0, 0, 0))


class TestTax(unittest.TestCase):
    def test_is_on_the_rounded_lines_it_names(self):
        made = tariffs.load(
            fixed=[["grid", 120_000_000, "day"]],
            taxes=[["VAT", 210_000, ["energy", "fixed"]], ["levy", 50_000, ["energy"]]],
        )
        found = bill(made, (12_345_000,), (40 * KWH,))
        # energy 1.23, export -2.00, fixed 3.60; VAT 21 % of 4.83 = 1.0143; levy 5 % of 1.23
        self.assertEqual(rounded(found), [123, -200, 360, 101, 6])
        self.assertEqual(total(found), 390)

    def test_may_be_on_the_minimum_and_on_demand(self):
        # 0.10 energy, 10.00 demand, 4.90 minimum; 10 % of 14.90
        made = tariffs.load(
            demand=tariffs.demand(),
            minimum=[5 * 10**9, "month", ["energy"]],
            taxes=[["VAT", 100_000, ["demand", "minimum"]]],
        )
        found = bill(made, (KWH,), demand=[KW, 1])
        self.assertEqual(rounded(found), [10, 1000, 490, 149])


if __name__ == "__main__":
    unittest.main()
