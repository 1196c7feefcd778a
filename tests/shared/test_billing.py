"""Bill arithmetic, each case worked by hand in its comment."""

import unittest

import tariffs

from meter.billing import lines, round_fraction, total
from meter.civil import DAY_S, days

KWH = 1_000_000  # mWh


class Reading:
    def __init__(self, day, rates):
        self.utc = days(2026, 10, 1) * DAY_S - 7200 + day * DAY_S
        self.rates = list(rates) + [0] * (16 - len(rates))


def bill(tariff, used, crossings=(), sold=0):
    closing = Reading(30, used)
    closing.rates[15] = sold
    return list(lines(tariff, Reading(0, ()), closing, crossings))


def tiered(mode, bounds, prices=((100_000_000, 200_000_000), (300_000_000, 400_000_000))):
    rates = [
        {"name": name, "export": 0, "prices": list(p)} for name, p in zip(("night", "day"), prices)
    ]
    return tariffs.load(tiers={"mode": mode, "per": "period", "bounds": bounds}, rates=rates)


class TestEnergy(unittest.TestCase):
    def test_two_rates(self):
        # 12.345 kWh x 0.10 = 1.2345 -> 1.23; 7 kWh x 0.30 = 2.10
        found = bill(tariffs.load(), (12_345_000, 7 * KWH))
        self.assertEqual([line.rounded for line in found], [123, 210])
        self.assertEqual(found[0].amount, (12_345_000 * 100_000_000, 1))
        self.assertEqual(total(found), 333)

    def test_export_is_a_credit(self):
        # 40 kWh x 0.05 = 2.00
        found = bill(tariffs.load(), (), sold=40 * KWH)
        self.assertEqual([(line.kind, line.rounded) for line in found], [("export", -200)])


class TestTiers(unittest.TestCase):
    def test_chronological_splits_at_the_crossing(self):
        # 100 kWh bound, crossed at 60 night + 40 day; then 10 night + 5 day
        crossing = Reading(12, (60 * KWH, 40 * KWH))
        found = bill(tiered("chronological", [100 * KWH]), (70 * KWH, 45 * KWH), [crossing])
        # 60 x 0.10, 10 x 0.20, 40 x 0.30, 5 x 0.40
        self.assertEqual([line.rounded for line in found], [600, 200, 1200, 200])

    def test_prorata_shares_the_tiers(self):
        # 70 + 30 = 100 kWh, bound 60: night 42 + 28, day 18 + 12
        found = bill(tiered("prorata", [60 * KWH]), (70 * KWH, 30 * KWH))
        # 4.20, 5.60, 5.40, 4.80
        self.assertEqual([line.rounded for line in found], [420, 560, 540, 480])
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
        self.assertEqual([line.rounded for line in found], [600, 200, 900])


class TestFixedAndTax(unittest.TestCase):
    def test_per_day_and_per_month(self):
        day = tariffs.load(fixed=[120_000_000, "day"])  # 30 x 0.12
        month = tariffs.load(fixed=[9_500_000_000, "month"])
        self.assertEqual([line.rounded for line in bill(day, ())], [360])
        self.assertEqual([line.rounded for line in bill(month, ())], [950])

    def test_tax_is_on_the_rounded_lines_it_names(self):
        made = tariffs.load(
            fixed=[120_000_000, "day"],
            taxes=[["VAT", 210_000, ["energy", "fixed"]], ["levy", 50_000, ["energy"]]],
        )
        found = bill(made, (12_345_000,), sold=40 * KWH)
        # energy 1.23, export -2.00, fixed 3.60; VAT 21 % of 4.83 = 1.0143; levy 5 % of 1.23
        self.assertEqual([line.rounded for line in found], [123, -200, 360, 101, 6])
        self.assertEqual(total(found), 390)


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
