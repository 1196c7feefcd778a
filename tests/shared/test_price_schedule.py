"""Price schedules by themselves: what they say of a row, and which files are refused."""

import json
import unittest

from rig import unix

from meter import prices_check
from meter.civil import EPOCH
from meter.errors import MeterError
from meter.price_schedule import UNPRICED, Schedule, half_even

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid


def schedule(**changes):
    """A dict of a schedule: 0.01, 0.02, ... from START on, four hours of quarters."""
    made = {
        "schema": 1,
        "kind": "prices",
        "id": 7,
        "currency": "EUR",
        "start": START,
        "step_s": 900,
        "import": [10_000_000 * (n + 1) for n in range(16)],
        "export": [],
        "events": [],
    }
    made.update(changes)
    return made


def text(**changes):
    return json.dumps(schedule(**changes)).encode()


class TestSchedule(unittest.TestCase):
    def market(self, minute, interval_s=900, settlement="interval", **changes):
        made = Schedule(schedule(**changes))
        return made.market(START - EPOCH + 60 * minute, interval_s, settlement)

    def test_a_step_holds_from_its_start_to_the_next(self):
        self.assertEqual(self.market(0), (8, 10_000_000, 10_000_000))
        self.assertEqual(self.market(14), (8, 10_000_000, 10_000_000))
        self.assertEqual(self.market(15), (9, 20_000_000, 20_000_000))
        self.assertEqual(self.market(239), (23, 160_000_000, 160_000_000))

    def test_outside_of_its_steps_it_says_nothing(self):
        self.assertEqual(self.market(-1), UNPRICED)
        self.assertEqual(self.market(240), UNPRICED)

    def test_settled_by_the_hour_it_is_the_mean_of_the_hour(self):
        for minute in (0, 15, 59):
            mean = self.market(minute, settlement="hour")[1]
            self.assertEqual(mean, 25_000_000)  # of 10, 20, 30, 40
        self.assertEqual(self.market(15, settlement="hour")[0], 9)  # the step, still

    def test_an_hour_that_is_not_whole_has_no_mean(self):
        prices = [1, 2, 3, 4, 5, 6]
        self.assertEqual(self.market(45, settlement="hour", **{"import": prices})[1], 2)
        self.assertEqual(self.market(60, settlement="hour", **{"import": prices}), UNPRICED)
        late = {"import": prices, "start": START + 900}
        self.assertEqual(self.market(30, settlement="hour", **late), UNPRICED)

    def test_a_row_of_several_steps_has_their_mean(self):
        self.assertEqual(self.market(0, interval_s=1800)[1], 15_000_000)
        self.assertEqual(self.market(29, interval_s=1800), self.market(0, interval_s=1800))

    def test_short_rows_share_a_step(self):
        steps = {"import": [5, 6], "step_s": 3600}
        self.assertEqual(self.market(55, interval_s=300, **steps), (8, 5, 5))
        self.assertEqual(self.market(60, interval_s=300, **steps), (9, 6, 6))

    def test_export_prices_of_its_own(self):
        prices = {"import": [5, 6], "export": [-3, -4]}
        self.assertEqual(self.market(15, **prices), (9, 6, -4))

    def test_price_ids_go_round_and_never_are_0(self):
        self.assertEqual(self.market(0, id=65534)[0], 65535)
        self.assertEqual(self.market(15, id=65534)[0], 1)
        self.assertEqual(self.market(0, id=65535)[0], 1)

    def test_a_half_goes_to_the_even_one(self):
        halves = [half_even(n, 2) for n in (1, 3, 5, -1, -3, -5)]
        self.assertEqual(halves, [0, 2, 2, 0, -2, -2])
        self.assertEqual([half_even(n, 4) for n in (-7, -5, 5, 7)], [-2, -1, 1, 2])


class TestCheck(unittest.TestCase):
    def refused(self, **changes):
        with self.assertRaises(MeterError) as caught:
            prices_check.load(text(**changes))
        return str(caught.exception)

    def test_what_is_refused_is_named(self):
        for changes, where in (
            ({"schema": 2}, "schema"),
            ({"kind": "tariff"}, "kind"),
            ({"id": 65536}, "id"),
            ({"currency": "EURO"}, "currency"),
            ({"step_s": 600}, "step_s"),
            ({"start": START + 60}, "start"),
            ({"import": [1] * 193}, "import"),
            ({"import": [], "events": []}, "import"),
            ({"import": ["1"]}, "import"),
            ({"import": [True]}, "import"),
            ({"import": [10**15 + 1]}, "import"),
            ({"export": [1]}, "export"),
            ({"events": [[START, START, "day"]]}, "events"),
            ({"events": [[START, START + 9, "a"], [START, START + 9, "b"]]}, "events"),
            ({"events": [[START + n, START + n + 1, "a"] for n in range(17)]}, "events"),
            ({"events": [[START, START + 9, 1]]}, "events"),
            ({"start": None}, "start"),
        ):
            self.assertTrue(where in self.refused(**changes), (changes, self.refused(**changes)))

    def test_a_missing_key_and_no_json_are_refused(self):
        for broken in (b"", b"[]", b"{", b'{"schema":1}', b" " * 8193):
            with self.assertRaises(MeterError):
                prices_check.load(broken)

    def test_the_most_that_a_meter_holds(self):
        made = prices_check.load(text(**{"import": [-(10**9)] * 192, "export": [10**9] * 192}))
        last = START - EPOCH + 191 * 900
        self.assertEqual(made.market(last, 900, "interval"), (199, -(10**9), 10**9))


if __name__ == "__main__":
    unittest.main()
