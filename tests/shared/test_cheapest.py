"""The cheapest hours: against every choice, and on a meter, with a price schedule or without."""

import json
import unittest

import tariffs
from rig import Rig, unix

from meter import prices_check
from meter.cheapest import SLOTS, Row, contiguous, split, windows
from meter.civil import EPOCH

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
HOUR = 3600
DAY_NANO, NIGHT_NANO = 300_000_000, 100_000_000


def row_of(prices):
    row = Row(len(prices))
    for slot, price in enumerate(prices):
        row.put(slot, price)
    return row


def drawn(seed, count, most):
    prices = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        prices.append((seed >> 8) % most - most // 3)
    return prices


class TestChoice(unittest.TestCase):
    def test_the_run_is_the_best_of_all_and_the_first_of_the_best(self):
        for seed in range(40):
            prices = drawn(seed, 24, 7)
            for wanted in (1, 2, 5, 23, 24):
                sums = [sum(prices[i : i + wanted]) for i in range(24 - wanted + 1)]
                first = sums.index(min(sums))
                found = contiguous(row_of(prices), wanted)
                self.assertEqual(found, list(range(first, first + wanted)))

    def test_split_is_what_a_sort_by_price_and_time_takes(self):
        for seed in range(40):
            prices = drawn(seed, 24, 7)
            for wanted in (1, 3, 12, 24):
                by_both = sorted([(price, slot) for slot, price in enumerate(prices)])
                expected = sorted([slot for _, slot in by_both[:wanted]])
                self.assertEqual(split(row_of(prices), wanted), expected)

    def test_prices_beyond_a_small_int_and_below_zero(self):
        most = 1_000_000_000_000_000
        row = row_of([most, -most, 0, -most])
        self.assertEqual(split(row, 2), [1, 3])
        self.assertEqual(contiguous(row, 2), [1, 2])
        self.assertEqual(row.total([0, 1, 3]), -most)

    def test_windows_join_neighbours(self):
        self.assertEqual(windows([0, 1, 2, 5, 7, 8]), [[0, 3], [5, 6], [7, 9]])
        self.assertEqual(windows([]), [])


class TestRequest(unittest.TestCase):
    def ask(self, rig, role="reader", **args):
        line = json.dumps({"id": 1, "do": "cheapest", "args": args}).encode()
        return json.loads(rig.service.handle(role, line))

    def rig(self, **changes):
        rig = Rig(START)
        rig.push(tariffs.text(**changes))
        rig.run(120)
        return rig

    def test_without_a_schedule_the_calendar_has_the_prices(self):
        rig = self.rig()
        before = unix(2026, 10, 6, 4)
        told = self.ask(rig, hours=3, before=before)["ok"]
        # 06:02 now, day from 08:00 local: what is left of the night, and then that after 22:00
        night = unix(2026, 10, 5, 20)
        first = START + 900
        self.assertEqual(told["windows"], [[first, START + 2 * HOUR], [night, night + 5 * 900]])
        self.assertEqual((told["mean"], told["scheduled"]), (NIGHT_NANO, 0))
        together = self.ask(rig, hours=3, before=before, contiguous=True)["ok"]
        self.assertEqual(together["windows"], [[night, night + 3 * HOUR]])
        self.assertEqual(together["slots"].count("1"), 12)
        self.assertEqual(together["from"], first)

    def test_a_special_day_and_the_end_of_summer_time_are_heeded(self):
        rig = Rig(unix(2026, 10, 24, 20, 10))
        rig.push(tariffs.text(days=[[[0, 0]], [[0, 1], [120, 0], [180, 1]]], weeks=[[1] * 7]))
        rig.run(120)
        told = self.ask(rig, hours=2, before=unix(2026, 10, 25, 12), contiguous=True)["ok"]
        # 02:00 to 03:00 local comes twice in this night: 00:00 to 02:00 UTC
        begin = unix(2026, 10, 25, 0)
        self.assertEqual(told["windows"], [[begin, begin + 2 * HOUR]])

    def test_the_schedule_in_force_where_it_reaches(self):
        rates = [
            {"name": "night", "export": 0, "prices": [NIGHT_NANO]},
            {
                "name": "market",
                "export": 0,
                "prices": [DAY_NANO],
                "dynamic": [1_000_000, 0],
            },
        ]
        rig = self.rig(
            rates=rates, dynamic={"settlement": "interval"}, days=[[[0, 1]]], weeks=[[0] * 7]
        )
        prices = [200_000_000 + n for n in range(12)]
        prices[7] = -5
        schedule = {
            "schema": 1, "kind": "prices", "id": 5, "currency": "EUR", "start": START,
            "step_s": HOUR, "import": prices, "export": [], "events": [],
        }  # fmt: skip
        text = json.dumps(schedule).encode()
        digest = prices_check.digest(text)
        rig.ports.files.held[digest] = text
        rig.ask("prices", digest=digest)
        rig.run(900, step_s=60)
        told = self.ask(rig, hours=1, before=START + 20 * HOUR)["ok"]
        at = START + 7 * HOUR
        self.assertEqual((told["windows"], told["mean"]), ([[at, at + HOUR]], -5))
        # 12 hours of prices but for what has gone; beyond them the rate has its own price
        self.assertEqual(told["scheduled"], 12 * 4 - 2)
        late = self.ask(rig, hours=20, before=START + 44 * HOUR)["ok"]
        self.assertTrue(late["mean_all"] > 200_000_000)

    def test_any_answer_fits_a_line(self):
        rig = self.rig(days=[[[120 * n, n & 1] for n in range(12)]])
        before = unix(2026, 10, 7, 4)
        for hours in (1, 11, 24, 47):
            told = self.ask(rig, hours=hours, before=before)
            self.assertEqual(told["ok"]["slots"].count("1"), 4 * hours)
        self.assertEqual(len(told["ok"]["slots"]), SLOTS - 1)

    def test_what_cannot_be_answered(self):
        rig = self.rig()
        now = rig.ports.clock.utc
        for args in (
            {"hours": 3, "before": now + 2 * HOUR},
            {"hours": 0, "before": now + 9 * HOUR},
            {"hours": -1, "before": now + 9 * HOUR},
            {"hours": True, "before": now + 9 * HOUR},
            {"hours": 3, "before": now + 49 * HOUR},
            {"hours": 3, "before": 1 << 80},
            {"hours": 3, "before": EPOCH},
            {"hours": 3},
            {"hours": "3", "before": now + 9 * HOUR},
            {"hours": 3, "before": now + 9 * HOUR, "contiguous": 1},
        ):
            self.assertEqual(self.ask(rig, **args)["error"]["code"], "arguments")
        good = {"hours": 3, "before": now + 9 * HOUR}
        self.assertEqual(self.ask(rig, "public", **good)["error"]["code"], "role")
        rig.ports.clock.good = 0
        self.assertEqual(self.ask(rig, **good)["error"]["code"], "state")
        self.assertEqual(self.ask(Rig(START), **good)["error"]["code"], "state")


class TestControl(unittest.TestCase):
    def test_price_rate_and_until_when(self):
        rig = Rig(START)
        rig.push(tariffs.text())
        rig.run(120)
        told = rig.ask("control", role="reader")
        self.assertEqual((told["price"], told["rate"]), (NIGHT_NANO, "night"))
        self.assertEqual(told["until"], START + 2 * HOUR)
        rig.run(2 * HOUR)
        told = rig.ask("control", role="reader")
        self.assertEqual((told["price"], told["rate"]), (DAY_NANO, "day"))
        self.assertEqual((told["load"], told["tripped"], told["levels"]), (True, [], 0))
        self.assertEqual((told["currency"], told["demand"]), ("EUR", False))

    def test_a_load_that_was_shed(self):
        rig = Rig(START)
        level = tariffs.level(action="shed", rate=0, manual=1)
        rig.push(tariffs.text(limiter=tariffs.limiter(level, window_s=900)))
        rig.run(3600, imported=6000)
        told = rig.ask("control", role="reader")
        self.assertEqual((told["load"], told["alarm"], told["tripped"]), (False, True, ["limit"]))

    def test_before_the_first_tariff_there_is_no_price(self):
        told = Rig(START).ask("control", role="reader")
        self.assertEqual((told["price"], told["currency"]), (None, "XXX"))
