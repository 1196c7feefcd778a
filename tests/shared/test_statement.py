"""The bill as a meter makes it from its records; what rows of the profile decide."""

import unittest

import tariffs
from rig import Rig, unix

from meter import billing, billing_rows, codes, statement
from meter.billing import Account, Reading
from meter.errors import MeterError
from meter.records import Row

KWH = 1_000_000
NIGHT, DAY, FEED_IN = 0, 1, 2


def running(start, **changes):
    rig = Rig(start)
    rig.run(60)
    rig.push(tariffs.text(**changes))
    rig.run(60)
    return rig


def bill(rig, period=None):
    number = rig.meter.contract.w.period if period is None else period
    return list(statement.lines(rig.meter, number)[3])


def kinds(lines):
    return [(line.kind, line.rounded) for line in lines]


class TestParts(unittest.TestCase):
    def test_a_change_inside_a_period_leaves_two_parts_that_share_the_month(self):
        # 28 February 22:58 UTC is a minute before March in Madrid: 1 of 28 days, then 0
        rig = running(unix(2026, 2, 28, 22), fixed=[["grid", 28 * 10**9, "month"]])
        rig.run(7200, step_s=900, imported=900)
        # March has 31 days; the change comes on the 2nd, so that 1 of them ended before it
        rig.run(86400, step_s=3600)
        rig.push(tariffs.text(name="next", fixed=[["grid", 31 * 10**9, "month"]]))
        rig.run(60)
        self.assertEqual(rig.meter.contract.w.period, 3)
        found = [
            [line.rounded for line in bill(rig, number) if line.kind == "fixed"]
            for number in (1, 2, 3)
        ]
        # 28 x 1 / 28; 28 x 1 / 31 = 0.90; 31 x 30 / 31
        self.assertEqual(found, [[100 * 1], [90], [3000]])

    def test_a_bill_by_interval_is_refused_once_its_rows_are_gone(self):
        netted = {"mode": "interval", "carry": "none"}
        rig = running(unix(2026, 10, 5), netting=netted)
        rig.run(2 * 86400, step_s=900, imported=900, exported=100)
        rig.push(tariffs.text(name="next"))
        rig.run(900, step_s=900)
        before = kinds(bill(rig, 1))
        self.assertTrue(rig.meter.journal.profile.first_seq == 1)
        rig.run(4 * 86400, step_s=900)
        self.assertEqual(kinds(bill(rig, 1)), before)
        rig.run(60 * 86400, step_s=900)
        self.assertTrue(rig.meter.journal.profile.first_seq > 200)
        rig.restart()
        self.assertRaises(MeterError, bill, rig, 1)

    def test_a_closed_bill_reads_its_rows_once(self):
        rig = running(unix(2026, 10, 5), netting={"mode": "interval", "carry": "none"})
        rig.run(2 * 86400, step_s=900, imported=900, exported=100)
        rig.push(tariffs.text(name="next"))
        rig.run(900, step_s=900)
        first, read, asked = bill(rig, 1), rig.meter.journal.profile.read, []

        def counted(seq, buf):
            asked.append(seq)
            return read(seq, buf)

        rig.meter.journal.profile.read = counted
        self.assertEqual(kinds(bill(rig, 1)), kinds(first))
        self.assertEqual(asked, [])

    def test_the_bill_of_a_part_is_what_its_registers_grew(self):
        rig = running(unix(2026, 6, 10, 5))
        rig.run(7200, step_s=900, imported=900)
        w = rig.meter.contract.w
        opening = rig.meter.book.closed(w.period - 1)
        found = {line.name: line.quantity[0] for line in bill(rig)}
        grown = [rig.live.rates[r] - opening.rates[r] for r in (NIGHT, DAY)]
        self.assertEqual(found, {"night": grown[0], "day": grown[1]})
        self.assertTrue(min(grown) > 0)

    def test_sets_are_crossed_on_their_own_bounds(self):
        # 30 days of June remain from its first midnight; bounds 1 kWh for night, 2 for day
        sets = [{"mode": "chronological", "per": "period", "bounds": [n * KWH]} for n in (1, 2)]
        rates = [
            {"name": "night", "export": 0, "prices": [10**8, 2 * 10**8], "tiers": 0},
            {"name": "day", "export": 0, "prices": [3 * 10**8, 4 * 10**8], "tiers": 1},
        ]
        rig = running(unix(2026, 5, 31, 21), tiers=sets, rates=rates)
        rig.run(3600)
        rig.run(86400, step_s=900, imported=900)  # 15 Wh a quarter of an hour
        rig.run(2 * 86400, step_s=900, imported=9000)
        found = {(line.name, line.tier): line.quantity[0] for line in bill(rig)}
        self.assertEqual((found["night", 0], found["day", 0]), (KWH, 2 * KWH))
        total = sum(found.values())
        opening = rig.meter.book.closed(rig.meter.contract.w.period - 1)
        self.assertEqual(total, rig.live.registers[0] - opening.registers[0])


class TestCarry(unittest.TestCase):
    def test_credit_goes_into_the_ledger_and_from_there_into_the_next_bill(self):
        # 28 February to 1 April: 2000 counts are 33.3 Wh an hour sold in March
        rig = running(
            unix(2026, 2, 28, 22, 30),
            netting={"mode": "none", "carry": "money"},
            decimals=6,
        )
        rig.run(3600)
        rig.run(31 * 86400 - 3600, step_s=3600, exported=2000)
        rig.run(86400, step_s=3600, imported=1000)
        march = rig.meter.book.closed(2)
        credit = -sum([line.rounded for line in bill(rig, 2) if line.kind == "export"])
        self.assertTrue(credit > 0)
        self.assertEqual(billing.total(bill(rig, 2)), 0)
        self.assertEqual(march.money[0], credit * 10**9)
        self.assertEqual(rig.meter.contract.w.money, march.money)
        april = bill(rig)
        due = sum([line.rounded for line in april if line.kind != "carry"])
        self.assertTrue(0 < due < credit)
        self.assertEqual((kinds(april)[-1], billing.total(april)), (("carry", -due), 0))


class TestRatchet(unittest.TestCase):
    def test_looks_back_at_the_ledger(self):
        charge = tariffs.charge(ratchet=[2_000_000, 12])
        rig = running(unix(2026, 2, 28, 22), demand=tariffs.demand(charge))
        rig.run(3600, step_s=60, imported=600)
        rig.run(7200, step_s=900)
        before = rig.meter.book.closed(1)
        self.assertTrue(before.demand[0] > 0)
        for number, quantity in (
            (1, (before.demand[0], 1)),  # not back at itself
            (2, (before.demand[0] * 2_000_000, 1_000_000)),
        ):
            found = [line.quantity for line in bill(rig, number) if line.kind == "demand"]
            self.assertEqual(found, [quantity])


def row(seq, bought, sold, rate=NIGHT, status=0, price=0, export=0):
    """bought, sold: the registers at its end."""
    made = Row()
    made.seq, made.import_mwh, made.export_mwh = seq, bought, sold
    made.rate, made.status, made.price_id = rate, status, int(price != 0)
    made.price_nano, made.export_nano = price, export
    return made


def settled(tariff, rows, bought, sold, seq=4):
    """bought, sold: by rate, how much the registers grew from 1000."""
    opening, closing = [0] * 16, [0] * 16
    for rate, energy in enumerate(bought + sold):
        register = tariff.register(rate)
        opening[register], closing[register] = 1000, 1000 + energy
    begin = [1000 * len(bought), 1000, 0, 0, 0, 0, 0]
    account = Account(Reading(0, opening, begin), Reading(9, closing))
    state = billing_rows.add(tariff, billing_rows.start(account.opening, seq), rows)
    billing_rows.settle(tariff, account, state)
    return account


class TestRows(unittest.TestCase):
    def test_each_interval_is_netted_by_itself(self):
        # 30 and 10: 20 bought; 5 and 25: 20 sold; 7 and 7: none; then 8 in no row yet
        made = tariffs.load(netting={"mode": "interval", "carry": "none"})
        rows = [row(5, 2030, 1010), row(6, 2035, 1035, DAY), row(7, 2042, 1042)]
        found = settled(made, rows, [45, 5], [42])
        self.assertEqual(found.net, {NIGHT: 28, DAY: 0, FEED_IN: 20})
        self.assertEqual(found.spot, {})

    def test_a_row_that_is_not_of_one_rate_is_not_netted(self):
        made = tariffs.load(netting={"mode": "interval", "carry": "none"})
        for status in (codes.RATE_SWITCH, codes.TARIFF_CHANGE, codes.CLOCK_INVALID):
            found = settled(made, [row(5, 2030, 1010, status=status)], [30, 0], [10])
            self.assertEqual(found.net, {NIGHT: 30, DAY: 0, FEED_IN: 10})
        found = settled(made, [row(5, 2030, 1010, status=codes.POWER_FAIL)], [30, 0], [10])
        self.assertEqual(found.net, {NIGHT: 20, DAY: 0, FEED_IN: 0})

    def test_energy_over_missing_rows_is_not_netted(self):
        made = tariffs.load(netting={"mode": "interval", "carry": "none"})
        found = settled(made, [row(6, 2030, 1010), row(7, 2040, 1020)], [40, 0], [20])
        self.assertEqual(found.net, {NIGHT: 30, DAY: 0, FEED_IN: 10})

    def dynamic(self, netting):
        rates = tariffs.data()["rates"]
        rates[DAY]["dynamic"] = [1_000_000, 0]
        exports = [{"name": "feed_in", "prices": [50_000_000], "dynamic": [1_000_000, 0]}]
        return tariffs.load(
            rates=rates,
            exports=exports,
            dynamic={"settlement": "interval"},
            netting={"mode": netting, "carry": "none"},
        )

    def test_prices_by_interval(self):
        # 30 x 7 + 5 x -2 bought by day, sold 10 x 3 + 4 x 1; the night has its own price
        rows = [
            row(5, 2030, 1010, DAY, price=7, export=3),
            row(6, 2035, 1010, DAY, price=-2, export=9),
            row(7, 2040, 1014, NIGHT, price=100, export=1),
            row(8, 2050, 1020, DAY),  # without a price
        ]
        found = settled(self.dynamic("none"), rows, [5, 45], [20])
        self.assertEqual(found.spot, {DAY: (35, 200), FEED_IN: (14, 34)})
        self.assertEqual(found.net, None)

    def test_prices_are_of_what_netting_leaves(self):
        # 30 - 10 = 20 x 7; 5 - 25: 20 sold x 9
        rows = [
            row(5, 2030, 1010, DAY, price=7, export=3),
            row(6, 2035, 1035, DAY, price=-2, export=9),
        ]
        found = settled(self.dynamic("interval"), rows, [0, 35], [35])
        self.assertEqual(found.spot, {DAY: (20, 140), FEED_IN: (20, 180)})
        self.assertEqual(found.net, {NIGHT: 0, DAY: 20, FEED_IN: 20})

    def test_rows_added_in_two_goes_are_the_same(self):
        made = self.dynamic("interval")
        rows = [row(5 + n, 2000 + n * n, 1000 + 3 * n, DAY, price=n - 2) for n in range(6)]
        begin = billing_rows.start(Reading(0, [0] * 16, [2000, 1000, 0, 0, 0, 0, 0]), 4)
        half = billing_rows.add(made, begin, rows[:3])
        kept = [dict(part) for part in half[3:]]
        self.assertEqual(
            billing_rows.add(made, half, rows[3:]), billing_rows.add(made, begin, rows)
        )
        self.assertEqual([half[3], half[4]], kept)


class TestRowsOfAMeter(unittest.TestCase):
    def test_an_open_part_adds_up_what_came_since(self):
        rig = running(
            unix(2026, 6, 10, 5), netting={"mode": "interval", "carry": "none"}, decimals=6
        )
        for _ in range(3):
            rig.run(2700, step_s=900, imported=900, exported=600)
            found = kinds(bill(rig))
            rig.meter.settled = None
            self.assertEqual(kinds(bill(rig)), found)
        opening = rig.meter.book.closed(rig.meter.contract.w.period - 1)
        gross = rig.live.registers[1] - opening.registers[1]
        sold = sum([line.quantity[0] for line in bill(rig) if line.kind == "export"])
        self.assertTrue(0 <= sold < gross)


if __name__ == "__main__":
    unittest.main()
