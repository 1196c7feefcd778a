"""A tariff the meter can run is taken; anything else is refused before it is active."""

import json
import unittest

import tariffs

from meter import tariff_check
from meter.errors import MeterError

ONE = {"name": "a", "export": 0, "prices": [1]}
TWO = {"name": "a", "export": 0, "prices": [1, 2]}
HALF_HOUR = [[[0, 0], [30, 1]]]
SET = {"mode": "prorata", "per": "period", "bounds": [1000]}
MONTH, INTERVAL = {"mode": "month", "carry": "kwh"}, {"mode": "interval", "carry": "none"}
BY_HOUR = {"settlement": "hour"}


def charged(**changes):
    return {"demand": tariffs.demand(tariffs.charge(**changes))}


def limited(**changes):
    return {"limiter": tariffs.limiter(tariffs.level(**changes))}


def dynamic(**changes):
    made = {"rates": [dict(ONE, dynamic=[1_000_000, 0])], "dynamic": BY_HOUR, "days": [[[0, 0]]]}
    made.update(changes)
    return made


def in_set(**changes):
    made = {"rates": [TWO], "tiers": dict(SET), "days": [[[0, 0]]]}
    made["tiers"].update(changes)
    return made


GOOD = (
    {"fixed": [["meter", 1, "day"], ["grid", 2, "month"], ["line", 3, "year"]]},
    {"minimum": [1, "month", ["energy", "fixed"]], "taxes": [["VAT", 1, ["minimum"]]]},
    {"reactive": {"price": 1, "free": 328_684_105}},
    {"netting": MONTH},
    {"netting": INTERVAL},
    charged(rates=[1], months=0b1110_0000, highest=3, ratchet=[800_000, 11]),
    charged(bounds=[100_000_000], prices=[1, 2]),
    {"demand": tariffs.demand(window_s=3600, parts=12), "days": [[[0, 0], [7, 1]]]},
    {"demand": tariffs.demand(window_s=1800, parts=1), "days": HALF_HOUR},
    limited(action="shed", rate=0, manual=1),
    limited(action="remind", rate=0, over=31),
    dynamic(),
    in_set(),
    dict(in_set(per="kw"), demand=tariffs.demand()),
)

BAD = (
    {"schema": 2},
    {"valid_from": -1},
    {"decimals": 10},
    {"rounding": "up"},
    {"billing_day": 29},
    {"interval_s": 700},
    {"fallback": 2},  # an export rate
    {"rates": []},
    {"exports": []},
    {"rates": [{"name": "a", "export": 1, "prices": [1]}]},
    {"rates": [TWO], "days": [[[0, 0]]]},
    {"rates": [{"name": "a", "export": 0, "prices": ["0.1"]}], "days": [[[0, 0]]]},
    {"exports": [{"name": "a", "prices": [1, 2]}]},
    {"rates": [ONE] * 16, "days": [[[0, 0]]]},  # and an export rate
    {"tiers": [SET] * 6},
    in_set(mode="none"),
    in_set(per="week"),
    in_set(bounds=[]),
    in_set(bounds=[2, 1]),
    in_set(bounds=[1, 2]),
    in_set(bounds=list(range(1, 9))),
    in_set(per="kw"),  # of what demand?
    dict(in_set(per="kw"), demand=tariffs.demand(tariffs.charge(months=1))),
    dict(in_set(per="kw"), demand=tariffs.demand(tariffs.charge(highest=2))),
    dict(in_set(per="kw"), demand=tariffs.demand(tariffs.charge(rates=[0]))),
    dict(in_set(per="kw", mode="chronological"), demand=tariffs.demand()),
    dict(in_set(mode="chronological"), netting=MONTH),
    dict(in_set(mode="chronological"), netting=INTERVAL),
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
    {"zone": "Europe/Madrid"},
    {"demand": tariffs.demand(window_s=240)},
    {"demand": tariffs.demand(window_s=700)},
    {"demand": tariffs.demand(window_s=900, parts=7)},
    {"demand": tariffs.demand(window_s=3600), "days": HALF_HOUR},
    {"demand": dict(tariffs.demand(), charges=[])},
    charged(rates=[2]),
    charged(months=0),
    charged(months=4096),
    charged(highest=13),
    charged(bounds=[5], prices=[1]),
    charged(ratchet=[800_000, 13]),
    {"demand": tariffs.demand(tariffs.charge(highest=7), tariffs.charge(highest=6))},
    {"limiter": tariffs.limiter(window_s=59)},
    {"limiter": tariffs.limiter(*[tariffs.level()] * 4)},
    limited(action="warn"),
    limited(release_mw=5_000_001),
    limited(over=0),
    limited(under=32),
    limited(rate=2),
    limited(manual=1),
    {"dynamic": BY_HOUR},  # and no rate has a dynamic price
    dynamic(dynamic=None),
    dynamic(dynamic={"settlement": "day"}),
    dynamic(netting=MONTH),
    dynamic(limiter=tariffs.limiter(tariffs.level(rate=0), window_s=600)),
    dynamic(rates=[dict(ONE, dynamic=[1, 0]), dict(ONE)], days=[[[0, 0], [7, 1]]]),
    dynamic(rates=[dict(TWO, dynamic=[1, 0])], tiers=SET),
    {"netting": {"mode": "day", "carry": "none"}},
    {"netting": {"mode": "interval", "carry": "kwh"}},
    {"netting": INTERVAL, "days": [[[0, 0], [7, 1]]]},
    {"netting": MONTH, "exports": [{"name": "a", "prices": [1]}] * 3},
    {"reactive": {"price": 1, "free": -1}},
    {"fixed": [["a", 1, "week"]]},
    {"fixed": [["a", 1, "day"]] * 5},
    {"minimum": [1, "year", ["energy"]]},
    {"minimum": [-1, "month", ["energy"]]},
    {"minimum": [1, "month", ["minimum"]]},
    {"taxes": [["a", 1, []]] * 5},
    {"taxes": [["a", 1, ["carry"]]]},
)
WIDE = (
    {"rates": [ONE] * 199, "days": [[[0, 198]]]},
    {"minimum": [1, "year", ["energy"]]},
    {"name": "long", "source": 9000 * "x"},
    dict(in_set(per="kw", mode="chronological"), demand=tariffs.demand()),
    in_set(mode="per_rate", bounds=[1] + list(range(2, 16))),
)
WIDE[4]["rates"] = [dict(TWO, prices=list(range(16)))]


class TestLoad(unittest.TestCase):
    def test_what_cannot_run_is_refused(self):
        for change in BAD:
            with self.assertRaises(MeterError):
                tariffs.load(**change)

    def test_what_can_run_is_taken(self):
        for change in GOOD:
            self.assertEqual(tariffs.load(**change).name, "test")

    def test_every_key_must_be_there(self):
        for name in tariffs.data():
            if name in ("source", "zone_name"):
                continue  # for people
            short = tariffs.data()
            del short[name]
            with self.assertRaises(MeterError):
                tariff_check.load(json.dumps(short).encode())

    def test_a_simulation_may_have_more_than_a_meter(self):
        for change in WIDE:
            self.assertEqual(len(tariffs.load(wide=True, **change).digest), 64)
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

    def test_more_rates_than_registers_need_more_registers(self):
        made = tariffs.load(wide=True, **WIDE[0])
        self.assertEqual([made.registers, made.register(198), made.register(199)], [200, 198, 199])

    def test_prices_by_tier_or_one_for_all(self):
        made = tariffs.load(
            rates=[
                {"name": "a", "export": 0, "prices": [7]},
                {"name": "b", "export": 0, "prices": [1, -(10**15)]},
                {"name": "c", "export": 0, "prices": [8], "tiers": -1},
            ],
            tiers={"mode": "prorata", "per": "period", "bounds": [1000]},
        )
        found = [made.price_nano(0, 1), made.price_nano(1, 1), made.price_nano(3, 0)]
        self.assertEqual(found, [7, -(10**15), 50_000_000])
        self.assertEqual([made.prices_of(rate) for rate in range(2)], [(7,), (1, -(10**15))])
        self.assertEqual([made.tier_set(rate) for rate in range(4)], [0, 0, -1, -1])

    def test_the_peak_of_all_rates_has_a_slot(self):
        charges = [tariffs.charge(highest=3), tariffs.charge(rates=[1]), tariffs.charge()]
        made = tariffs.load(demand=tariffs.demand(*charges))
        self.assertEqual(made.peak_slot, 4)
        self.assertEqual(tariffs.load().peak_slot, -1)


if __name__ == "__main__":
    unittest.main()
