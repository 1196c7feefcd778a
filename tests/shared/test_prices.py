"""Prices on the meter: which one a row of the profile has, and what survives what."""

import unittest

import tariffs
from rig import Rig, unix
from test_meter import records
from test_price_schedule import START, text

from meter import codes, prices_check
from meter.price_schedule import UNPRICED
from meter.records import Event, Row
from meter.sample import IMPORT

NANO = 1_000_000_000


def dynamic(night=(1_000_000, 0), day=(1_000_000, 0), feed_in=None, settlement="interval", **more):
    """A compiled tariff whose rates have these (ppm, nano), or None: their own price."""
    rates = [
        {"name": "night", "export": 0, "prices": [100_000_000], "dynamic": night},
        {"name": "day", "export": 0, "prices": [300_000_000], "dynamic": day},
        {"name": "critical", "export": 0, "prices": [900_000_000]},
    ]
    exports = [{"name": "feed_in", "prices": [50_000_000], "dynamic": feed_in}]
    prices = {"settlement": settlement}
    return tariffs.text(rates=rates, exports=exports, dynamic=prices, **more)


class Priced(Rig):
    """A rig that runs a dynamic tariff from START on."""

    def __init__(self, tariff=None):
        super().__init__(START)
        self.run(60)
        self.push(tariff or dynamic())
        self.run(60)

    def put(self, **changes):
        """Copy a schedule to the meter and put it in force."""
        made = text(**changes)
        digest = prices_check.digest(made)
        self.ports.files.held[digest] = made
        return self.ask("prices", digest=digest)

    def to(self, *clock, imported=10, exported=0, step_s=60):
        """Run to this UTC time of the day."""
        until = unix(2026, 10, 5, *clock)
        self.run(until - self.ports.clock.utc, step_s, imported, exported)

    def rows(self):
        """-> {end, minutes after START: (price id, bought, sold)}"""
        found = records(self, "profile", Row)
        return {
            (row.utc - START) // 60: (row.price_id, row.price_nano, row.export_nano)
            for row in found
        }

    def events(self, code):
        found = records(self, "configuration", Event)
        return [event for event in found if event.group << 8 | event.code == code]


class TestRows(unittest.TestCase):
    def test_a_row_has_the_price_of_its_step_from_the_next_row_on(self):
        rig = Priced()
        rig.put()
        rig.to(5, 5)
        rows = rig.rows()
        self.assertEqual(rows[15], UNPRICED)  # it was open when the schedule came
        self.assertEqual([rows[end][:2] for end in (30, 45, 60)],
                         [(9, 20_000_000), (10, 30_000_000), (11, 40_000_000)])  # fmt: skip

    def test_a_rate_has_its_factor_and_its_addition(self):
        rig = Priced(dynamic(night=(1_500_000, 20_000_000), feed_in=(-500_000, 1)))
        rig.put(**{"import": [10_000_000, 20_000_001, 30_000_000]})
        rig.to(4, 35)
        # 20,000,001 x 1.5 = 30,000,001.5 -> even; x -0.5 = -10,000,000.5 -> even
        self.assertEqual(rig.rows()[30], (9, 50_000_002, -9_999_999))

    def test_a_rate_without_a_dynamic_price_has_none_in_its_rows(self):
        rig = Priced(dynamic(night=None))
        rig.put()
        rig.to(6, 20)  # 08:20 in Madrid: day since 08:00
        rows = rig.rows()
        self.assertEqual(rows[120], UNPRICED)
        self.assertEqual(rows[135], (16, 90_000_000, 0))

    def test_beyond_its_end_the_rates_have_their_own_prices_and_an_event_says_so(self):
        rig = Priced()
        rig.put(**{"import": [1, 2, 3]})
        rig.to(5, 20)
        rows = rig.rows()
        self.assertEqual((rows[45][0], rows[60]), (10, UNPRICED))
        self.assertEqual(rig.meter.contract.w.price_expiry, 0)
        expired = rig.events(codes.EVENT_PRICES_EXPIRED)
        self.assertEqual([event.utc for event in expired], [START + 45 * 60])

    def test_a_new_schedule_leaves_the_open_row_alone(self):
        rig = Priced()
        rig.put()
        rig.to(4, 20)
        rig.put(**{"import": [NANO] * 16})
        rig.to(4, 50)
        rows = rig.rows()
        self.assertEqual([rows[end][1] for end in (30, 45)], [20_000_000, NANO])
        taken = rig.events(codes.EVENT_PRICES)
        self.assertEqual(len(taken), 1)
        rig.to(5, 30)  # a second one within the hour is counted, and written when it is over
        taken = rig.events(codes.EVENT_PRICES)
        self.assertEqual([event.count for event in taken], [1, 1])
        self.assertEqual(taken[1].before, taken[0].after)

    def test_the_row_of_an_invalid_clock_has_no_price(self):
        rig = Priced()
        rig.put()
        rig.to(4, 20)
        rig.ports.clock.good = 0
        rig.run(120, imported=10)
        rig.ports.clock.good = 2
        rig.to(4, 50)
        rows = rig.rows()
        self.assertEqual((rows[30], rows[45][0]), (UNPRICED, 10))

    def test_a_row_in_which_the_tariff_changes_has_no_price(self):
        rig = Priced()
        rig.put()
        rig.to(4, 20)
        rig.push(dynamic(night=(2_000_000, 0)))
        rig.to(4, 50)
        rows = rig.rows()
        self.assertEqual((rows[30], rows[45]), (UNPRICED, (10, 60_000_000, 0)))

    def test_a_clock_step_closes_the_row_at_its_own_price(self):
        rig = Priced()
        rig.put()
        rig.to(4, 20)
        rig.ask("clock", utc=unix(2026, 10, 5, 5, 40))
        rig.to(6, 1)
        rows = rig.rows()
        self.assertEqual(rows[20], (9, 20_000_000, 0))
        self.assertEqual((rows[105][1], rows[120][1]), (70_000_000, 80_000_000))


class TestEvents(unittest.TestCase):
    PEAK = ([unix(2026, 10, 5, 4, 31), unix(2026, 10, 5, 5, 1), "critical"],)

    def test_an_event_chooses_the_rate_on_row_borders(self):
        rig = Priced()
        rig.put(events=list(self.PEAK))
        rig.to(4, 45)  # the event begins with the row after its time
        before = rig.live.registers[IMPORT]
        self.assertEqual(rig.live.rates[2], 0)
        rig.to(5, 15)
        self.assertEqual(rig.live.rates[2], rig.live.registers[IMPORT] - before)
        rig.to(5, 40)
        rows = {row.utc: row for row in records(rig, "profile", Row)}
        marked = [
            (utc - START) // 60 for utc in sorted(rows) if rows[utc].status & codes.PRICE_EVENT
        ]
        self.assertEqual(marked, [60, 75])
        self.assertEqual([rows[START + 60 * end].rate for end in (45, 60, 75, 90)], [0, 2, 2, 0])
        self.assertEqual(rig.rows()[60], UNPRICED)  # critical has a price of its own

    def test_a_tariff_without_dynamic_prices_takes_events_alone(self):
        rates = [
            {"name": "night", "export": 0, "prices": [100_000_000]},
            {"name": "critical", "export": 0, "prices": [900_000_000]},
        ]
        rig = Priced(tariffs.text(rates=rates, days=[[[0, 0]]]))
        rig.put(events=list(self.PEAK), **{"import": []})
        rig.to(6, 0)
        self.assertEqual(rig.live.rates[1], 30 * 10 * 50 // 3)
        self.assertEqual(len(rig.events(codes.EVENT_PRICES_EXPIRED)), 1)

    def test_the_first_schedule_in_an_event_leaves_the_open_row_alone(self):
        rates = [{"name": name, "export": 0, "prices": [1]} for name in ("night", "critical")]
        rig = Priced(tariffs.text(rates=rates, days=[[[0, 0]]]))
        rig.to(4, 50)
        rig.put(events=list(self.PEAK), **{"import": []})
        rig.to(5, 20)
        found = [(row.rate, row.status) for row in records(rig, "profile", Row)]
        self.assertEqual(found[-2:], [(0, 0), (1, codes.PRICE_EVENT)])

    def test_events_survive_a_power_cut(self):
        rig = Priced()
        rig.put(events=list(self.PEAK))
        rig.to(4, 50)
        rig.cut(off_s=60)
        rig.run(240, step_s=20)
        self.assertEqual(rig.meter.rate, 2)
        rig.to(5, 20)
        self.assertEqual(rig.meter.rate, 0)


class TestSurvival(unittest.TestCase):
    def test_a_power_cut_in_a_row_keeps_its_price(self):
        for again in (Rig.restart, Rig.cut):
            rig = Priced()
            rig.put()
            rig.to(4, 22)
            again(rig)
            rig.to(4, 50)
            rows = rig.rows()
            self.assertEqual([rows[end][1] for end in (30, 45)], [20_000_000, 30_000_000])

    def test_a_cut_before_the_first_priced_row_gives_it_no_price(self):
        rig = Priced()
        rig.put()
        rig.run(60)
        rig.cut()
        rig.to(4, 50)
        rows = rig.rows()
        self.assertEqual((rows[15], rows[30][1]), (UNPRICED, 20_000_000))

    def test_rows_after_an_outage_have_the_prices_of_their_time(self):
        rig = Priced()
        rig.put()
        rig.to(4, 22)
        rig.cut(off_s=3600)  # 05:22
        rig.run(480, step_s=20, imported=1)
        rig.to(5, 50)
        rows = rig.rows()
        self.assertEqual((rows[22][1], rows[90][1], rows[105][1]),
                         (20_000_000, 60_000_000, 70_000_000))  # fmt: skip

    def test_a_missing_file_is_an_alert_and_the_rates_own_prices(self):
        rig = Priced()
        digest = rig.put()["digest"]
        rig.to(4, 20)
        held = rig.ports.files.held.pop(digest)
        rig.restart()
        rig.to(4, 50)
        self.assertEqual(rig.rows()[45], UNPRICED)
        alerts = rig.ask("info")["alerts"]
        self.assertTrue([a for a in alerts if "no such file" in a], alerts)
        rig.ports.files.held[digest] = held  # copied again: taken at the next row
        rig.to(5, 20)
        self.assertEqual(rig.rows()[75][1], 50_000_000)
        self.assertEqual(rig.ask("info")["alerts"], [])

    def test_an_altered_file_is_not_believed(self):
        rig = Priced()
        digest = rig.put()["digest"]
        rig.ports.files.held[digest] = text(**{"import": [0] * 16})
        rig.restart()
        rig.to(4, 50)
        self.assertEqual(rig.rows()[45], UNPRICED)
        self.assertTrue("altered" in rig.ask("info")["alerts"][0])

    def test_a_change_of_tariff_keeps_the_schedule_if_it_fits(self):
        rig = Priced()
        rig.put()
        rig.to(4, 20)
        rig.push(dynamic(currency="USD"))
        rig.to(4, 50)
        self.assertEqual(rig.rows()[45], UNPRICED)
        self.assertTrue("currency" in rig.ask("info")["alerts"][0])


class TestVerb(unittest.TestCase):
    def refusal(self, rig, **changes):
        with self.assertRaises(AssertionError) as caught:
            rig.put(**changes)
        return str(caught.exception)

    def test_the_answer_names_the_one_before_and_the_end(self):
        rig = Priced()
        first = rig.put()
        self.assertEqual(first["before"], None)
        self.assertEqual(first["until"], START + 4 * 3600)
        again = rig.put()
        self.assertEqual(again["before"], first["digest"][:16])
        self.assertEqual(len(rig.events(codes.EVENT_PRICES)), 1)
        second = rig.put(id=9)
        self.assertEqual(second["before"], first["digest"][:16])

    def test_what_does_not_fit_the_tariff_is_refused(self):
        rig = Priced()
        self.assertTrue("currency" in self.refusal(rig, currency="USD"))
        self.assertTrue("nowhere" in self.refusal(rig, events=[[START, START + 9, "nowhere"]]))
        self.assertTrue("feed_in" in self.refusal(rig, events=[[START, START + 9, "feed_in"]]))
        self.assertTrue("over" in self.refusal(rig, start=START - 8 * 3600))
        plain = Priced(tariffs.text())
        self.assertTrue("dynamic" in self.refusal(plain))
        self.assertEqual(rig.meter.contract.w.price_digest, bytes(8))

    def test_an_offset_that_rows_do_not_divide_is_refused(self):
        rig = Priced(dynamic(zone="<+0545>-5:45", interval_s=3600))
        self.assertTrue("interval_s" in self.refusal(rig))

    def test_a_gap_after_the_schedule_in_force_is_refused(self):
        rig = Priced()
        rig.put(start=START + 3600)  # nothing is in force yet
        self.assertTrue("start" in self.refusal(rig, start=START + 4 * 3600))
        self.assertTrue("start" in self.refusal(
            rig, events=list(TestEvents.PEAK), **{"import": []}
        ))  # fmt: skip
        rig.put(id=8)

    def test_prices_of_the_next_tariff_may_come_before_it(self):
        rig = Priced(tariffs.text())
        rig.push(dynamic(), when="period")
        rig.put()
        self.assertTrue(rig.meter.contract.w.price_digest != bytes(8))

    def test_a_reader_may_not(self):
        rig = Priced()
        with self.assertRaises(AssertionError):
            rig.ask("prices", role="reader", digest="0" * 64)


if __name__ == "__main__":
    unittest.main()
