"""Parts of a billing period, and the tiers in them, in the running meter."""

import unittest

import tariffs
from rig import DEN, NUM, Rig, unix
from test_meter import START, records, running

from meter import codes
from meter.records import Event, Ledger, Row, Snapshot
from meter.sample import IMPORT

DAY_S = 86400
NIGHT = {"name": "night", "export": 0, "prices": [100_000_000], "tiers": 0}
DAY = {"name": "day", "export": 0, "prices": [300_000_000, 400_000_000], "tiers": 1}
AT_NIGHT, BY_DAY = [20, 50], [40]  # kWh a period


def tier_set(bounds_kwh, per="period", mode="chronological"):
    return {"mode": mode, "per": per, "bounds": [1_000_000 * kwh for kwh in bounds_kwh]}


def two_sets():
    """A tariff on 5 October at 06:02 (27 of the 31 days of its period): night and day each have
    their own tiers."""
    return running(rates=[NIGHT, DAY], tiers=[tier_set(AT_NIGHT), tier_set(BY_DAY)])


def one_set(bounds_kwh, **changes):
    return running(tiers=tier_set(bounds_kwh), **changes)


def crossings(rig):
    """-> [(tier set, tier that ends, Snapshot), ...]"""
    found = [s for s in records(rig, "snapshots", Snapshot) if s.reason == codes.TIER]
    return [(s.tier >> 3, s.tier & 7, s) for s in found]


def used_mwh(rig, register=None):
    """-> by crossing: what the total, or one rate register, had grown by since the opening."""
    opening = records(rig, "ledger", Ledger)[-1]
    base = opening.registers[IMPORT] if register is None else opening.rates[register]
    return [
        (s.registers[IMPORT] if register is None else s.rates[register]) - base
        for _, _, s in crossings(rig)
    ]


class TestTierSets(unittest.TestCase):
    def test_each_set_crosses_by_its_own_rates(self):
        rig = two_sets()
        rig.run(3 * DAY_S, step_s=900, imported=33_750)  # 54 kWh a day
        found = crossings(rig)
        self.assertEqual([(s, t) for s, t, _ in found], [(0, 0), (1, 0), (0, 1)])
        share = [kwh * 1_000_000 * 27 // 31 for kwh in AT_NIGHT + BY_DAY]
        self.assertEqual(used_mwh(rig, 0)[0::2], share[:2])
        self.assertEqual(used_mwh(rig, 1)[1], share[2])
        self.assertEqual(rig.meter.contract.w.tiers, 1 << 3 | 2)

    def test_a_row_has_the_tier_of_its_rate(self):
        rig = two_sets()
        rig.run(3 * DAY_S, step_s=900, imported=33_750)
        rows = records(rig, "profile", Row)
        self.assertEqual({(row.rate, row.tier) for row in rows[-4:]}, {(0, 2)})
        self.assertEqual({row.tier for row in rows if row.rate == 1}, {0, 1})
        self.assertTrue([row for row in rows if row.status & codes.CROSSING])

    def test_a_rate_of_no_set_crosses_nothing(self):
        rig = running(rates=[NIGHT, dict(DAY, prices=[1], tiers=-1)], tiers=[tier_set([20])])
        rig.run(7200, imported=1)
        rig.run(12 * 3600, step_s=900, imported=100_000)  # by day
        self.assertEqual(crossings(rig), [])

    def test_other_modes_cross_nothing(self):
        for mode in ("prorata", "per_rate"):
            rig = running(tiers=tier_set([1, 2], mode=mode))
            rig.run(DAY_S, step_s=900, imported=33_750)
            self.assertEqual(crossings(rig), [])

    def test_a_bound_a_day_is_for_all_days_of_the_part(self):
        rig = running(tiers=tier_set([10], "day"))
        rig.run(20 * DAY_S, step_s=900, imported=12_000)  # 19.2 kWh a day
        self.assertEqual(used_mwh(rig), [27 * 10_000_000])

    def test_what_was_used_is_known_after_a_restart(self):
        for restart in ("restart", "cut"):
            rig = two_sets()
            rig.run(9 * 3600, imported=1000)
            rig.meter.commit()
            getattr(rig, restart)()
            rig.run(2 * DAY_S, step_s=900, imported=33_750)
            share = [kwh * 1_000_000 * 27 // 31 for kwh in AT_NIGHT]
            by_set = [s for s, _, _ in crossings(rig)]
            found = [used for used, s in zip(used_mwh(rig, 0), by_set) if s == 0]
            self.assertEqual(found, share)

    def test_without_a_clock_the_set_of_the_fallback_rate_counts(self):
        rig = running(rates=[NIGHT, DAY], tiers=[tier_set(AT_NIGHT), tier_set(BY_DAY)], fallback=1)
        rig.ports.clock.good = 0
        for _ in range(100):
            rig.run(60, imported=1_000_000)
        self.assertEqual([(s, t) for s, t, _ in crossings(rig)], [(1, 0)])
        self.assertEqual(used_mwh(rig, 1), [40_000_000 * 27 // 31])


class TestChanges(unittest.TestCase):
    """A change of tariff that is known ahead: the tiers hold a share of the days until then."""

    AT = unix(2026, 10, 14, 22)  # 15 October 00:00 in Madrid: 10 of 31 days

    def test_the_bounds_of_the_part_are_pro_rated(self):
        rig = one_set([310])
        rig.push(tariffs.text(name="next", tiers=tier_set([620])), when=self.AT)
        rig.run(9 * DAY_S, step_s=900, imported=12_000)
        self.assertEqual(used_mwh(rig), [100_000_000])
        rig.run(20 * DAY_S, step_s=900, imported=30_000)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual([r.reason for r in ledger], [codes.START, codes.TARIFF, codes.PERIOD])
        self.assertEqual(ledger[1].utc, self.AT)
        second = next(s for _, _, s in crossings(rig) if s.period == 2)
        used = second.registers[IMPORT] - ledger[1].registers[IMPORT]
        self.assertEqual(used, 620_000_000 * 17 // 31)

    def test_what_was_used_within_the_former_bound_stays_in_its_tier(self):
        rig = one_set([310])
        rig.run(8 * DAY_S, step_s=900, imported=15_000)  # 192 kWh
        self.assertEqual(crossings(rig), [])
        before = rig.live.registers[IMPORT]
        rig.push(tariffs.text(name="next"), when=self.AT)
        rig.run(60, imported=3)
        self.assertEqual([s.registers[IMPORT] for _, _, s in crossings(rig)], [before])

    def test_a_change_that_is_called_off_gives_the_days_back(self):
        rig = one_set([310])
        rig.push(tariffs.text(name="next"), when=self.AT)
        rig.run(60, imported=3)
        rig.push(tariffs.text(tiers=tier_set([310])))
        rig.run(25 * DAY_S, step_s=900, imported=12_000)
        self.assertEqual(used_mwh(rig), [270_000_000])

    def test_a_time_beyond_the_period_waits_while_periods_end(self):
        rig = running()
        at = unix(2027, 1, 9, 12)
        rig.push(tariffs.text(name="next"), when=at)
        rig.run(100 * DAY_S, step_s=1800)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual([r.reason for r in ledger], [1, 2, 2, 2, 3])
        self.assertEqual(ledger[-1].utc, at)
        self.assertEqual([r.period for r in ledger], [0, 1, 2, 3, 4])
        self.assertEqual(rig.ask("info")["tariff"]["name"], "next")

    def test_a_time_that_passes_while_the_power_is_off(self):
        rig = running()
        rig.push(tariffs.text(name="next"), when=self.AT)
        rig.run(3600, imported=7)
        rig.cut(off_s=40 * DAY_S)
        rig.run(120)
        ledger = records(rig, "ledger", Ledger)
        found = [(r.reason, r.utc) for r in ledger[1:]]
        expected = [(codes.TARIFF, self.AT), (codes.PERIOD, unix(2026, 10, 31, 23))]
        self.assertEqual(found, expected)

    def test_the_end_of_the_part_is_what_comes_first(self):
        rig = running()
        contract = rig.meter.contract
        self.assertEqual(contract.part_end(), contract.period_end)
        rig.push(tariffs.text(name="next"), when=self.AT)
        self.assertEqual(contract.part_end(), self.AT - unix(2020, 1, 1))

    def test_a_time_that_is_past_or_too_far_is_refused(self):
        rig = running()
        now = rig.ports.clock.utc
        for when in (now - 1, now + 401 * DAY_S, "later", None, [1]):
            with self.assertRaises(AssertionError):
                rig.push(tariffs.text(name="next"), when=when)
        self.assertEqual(rig.ask("info")["tariff"]["passive"], None)

    def test_the_first_tariff_may_wait_too(self):
        rig, at = Rig(START), START + 7200
        rig.run(60)
        rig.push(tariffs.text(), when=at)
        rig.run(7140, imported=1)
        self.assertEqual([(r.utc, r.reason) for r in records(rig, "ledger", Ledger)], [(at, 1)])
        self.assertEqual(rig.live.registers[IMPORT], 119 * NUM // DEN)


class TestCarry(unittest.TestCase):
    def test_the_ledger_hands_the_carry_to_the_next_part(self):
        rig = running(
            netting={"mode": "interval", "carry": "money"},
            exports=[{"name": "sun", "prices": [10**9]}],
        )
        rig.run(27 * DAY_S, step_s=900, exported=1000)
        ledger = records(rig, "ledger", Ledger)
        self.assertTrue(ledger[1].money[0] > 0)
        self.assertEqual(rig.meter.contract.w.money, ledger[1].money)
        self.assertEqual(ledger[0].money, [0, 0, 0, 0])


class TestAFileThatWent(unittest.TestCase):
    def test_the_tariff_in_force_goes_on_and_each_midnight_it_is_tried_again(self):
        rig = running()
        after = tariffs.text(name="after")
        rig.push(after, when=rig.ports.clock.utc + 3600)
        waiting, period = rig.meter.contract.w.passive_digest, rig.meter.contract.w.period
        kept, rig.ports.files.held = rig.ports.files.held, {}
        total = rig.live.registers[IMPORT]
        rig.run(7200, imported=5)
        self.assertEqual(rig.live.registers[IMPORT] - total, 120 * 5 * NUM // DEN)
        self.assertEqual(rig.meter.contract.w.period, period)
        self.assertTrue(codes.EVENT_TARIFF_LOST & 255 in event_codes(rig))
        rig.ports.files.held = kept
        rig.run(DAY_S, step_s=900, imported=5)
        self.assertEqual(rig.meter.contract.w.active_digest, waiting)
        last = records(rig, "ledger", Ledger)[-1]
        self.assertEqual((last.utc + 2 * 3600) % DAY_S, 0)  # a midnight of Madrid in summer


def event_codes(rig):
    return [event.code for event in records(rig, "configuration", Event)]


if __name__ == "__main__":
    unittest.main()
