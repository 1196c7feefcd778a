"""The core as a whole, in RAM: splits, closes, saves, and takes up again."""

import json
import unittest

import tariffs
from rig import DEN, NUM, Rig, unix

from boards.virtual.nor import Nor, PowerCut
from meter import codes
from meter.civil import EPOCH
from meter.errors import MeterError
from meter.records import Event, Ledger, Row, Snapshot
from meter.sample import GLITCH, IMPORT, RESET, SATURATED

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid


def records(rig, name, kind):
    journal = rig.meter.journal
    ring = (
        journal.events[codes.GROUPS.index(name)]
        if name in codes.GROUPS
        else getattr(journal, name)
    )
    found, buf = [], bytearray(ring.slot_size)
    for seq in range(max(ring.first_seq, 1), ring.last_seq + 1):
        if ring.read(seq, buf):
            record = kind()
            record.unpack(buf)
            found.append(record)
    return found


def running(text=None, **changes):
    rig = Rig(START)
    rig.run(60)
    rig.push(text or tariffs.text(**changes))
    rig.run(60)
    return rig


class TestCounting(unittest.TestCase):
    def test_a_new_meter_starts_unmarked_by_any_power_failure(self):
        rig = Rig(START)
        rig.run(1800)
        rows = records(rig, "profile", Row)
        self.assertEqual([row.status for row in rows], [codes.PARTIAL, 0])

    def test_energy_goes_to_the_rate_of_its_time(self):
        rig = running()
        rig.run(2 * 3600 - 120, imported=10)  # to 08:00: night
        rig.run(3600, imported=20)  # day
        live = rig.live
        self.assertEqual(live.rates[0], 118 * 10 * NUM // DEN)
        self.assertEqual(live.registers[IMPORT], (118 * 10 + 60 * 20) * NUM // DEN)
        self.assertEqual(live.rates[0] + live.rates[1], live.registers[IMPORT])

    def test_a_late_tick_is_split_at_the_switch(self):
        rig = running()
        rig.run(6600, imported=0)  # 07:52
        rig.run(900, step_s=900, imported=900)  # 480 s night, 420 s day
        self.assertEqual(rig.live.rates[0], 480 * NUM // DEN)
        self.assertEqual(rig.live.rates[1], 900 * NUM // DEN - 480 * NUM // DEN)

    def test_profile_rows_add_up_to_the_registers(self):
        rig = running()
        rig.run(4 * 3600, step_s=70, imported=33, exported=2)
        rows = records(rig, "profile", Row)
        self.assertEqual(len(rows), 16)
        for before, after in zip(rows, rows[1:]):
            self.assertEqual(after.utc - before.utc, 900)
            self.assertEqual(after.utc % 900, 0)
            self.assertTrue(after.import_mwh > before.import_mwh)
        self.assertTrue(rows[-1].import_mwh <= rig.live.registers[IMPORT])
        self.assertEqual(rows[5].v_min_dv, 2300)

    def test_a_day_leaves_a_snapshot_at_local_midnight(self):
        rig = running()
        rig.run(86400, imported=5)
        found = records(rig, "snapshots", Snapshot)
        self.assertEqual([(s.utc, s.reason) for s in found], [(unix(2026, 10, 5, 22), codes.DAY)])


class TestPeriods(unittest.TestCase):
    def test_a_period_closes_once_and_the_next_begins_where_it_ended(self):
        rig = running()
        rig.run(30 * 86400, step_s=300, imported=50)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual([(r.reason, r.period) for r in ledger], [(1, 0), (2, 1)])
        self.assertEqual(ledger[1].utc, unix(2026, 10, 31, 23))
        self.assertEqual(ledger[1].period_start, ledger[0].utc)
        self.assertEqual(rig.meter.contract.w.period, 2)
        self.assertEqual(rig.meter.contract.w.tier_base_mwh, ledger[1].registers[IMPORT])

    def test_the_bill_is_the_registers_between_two_ledger_records(self):
        rig = running(fixed=[["supply", 120_000_000, "day"]])
        rig.run(30 * 86400, step_s=300, imported=50)
        ledger = records(rig, "ledger", Ledger)
        used = [after - before for before, after in zip(ledger[0].rates, ledger[1].rates)]
        first = rig.ask("bill", period=1, line=0)
        self.assertEqual(first["line"]["quantity"], [used[0], 1])
        self.assertEqual(first["line"]["amount"], [used[0] * 100_000_000, 1])
        fixed = rig.ask("bill", period=1, line=2)["line"]
        self.assertEqual((fixed["kind"], fixed["quantity"]), ("fixed", [27, 1]))
        self.assertTrue(rig.ask("bill")["open"])

    def test_a_tier_crossing_is_a_snapshot_on_the_bound(self):
        tiers = {"mode": "chronological", "per": "period", "bounds": [1_000_000, 3_100_000]}
        rig = running(tiers=tiers)  # on 5 October: 27 of 31 days
        base = rig.meter.contract.w.tier_base_mwh
        rig.run(86400, step_s=60, imported=200)
        found = [s for s in records(rig, "snapshots", Snapshot) if s.reason == codes.TIER]
        bounds = [1_000_000 * 27 // 31, 2_700_000]
        self.assertEqual([s.registers[IMPORT] - base for s in found], bounds)
        self.assertEqual([s.tier for s in found], [0, 1])
        lines = [rig.ask("bill", line=n)["line"] for n in range(rig.ask("bill")["lines"])]
        total = sum([line["quantity"][0] for line in lines])
        self.assertEqual(total, rig.live.registers[IMPORT] - base)

    def test_a_passive_tariff_waits_for_the_end_of_the_period(self):
        rig = running()
        answer = rig.push(tariffs.text(name="next"), when="period")
        self.assertEqual(answer["at"], unix(2026, 10, 31, 23))
        rig.run(26 * 86400, step_s=900)
        self.assertEqual(rig.ask("info")["tariff"]["name"], "test")
        rig.run(86400, step_s=900)
        self.assertEqual(rig.ask("info")["tariff"]["name"], "next")
        self.assertEqual(rig.ask("info")["period"]["number"], 2)


class TestTariffFiles(unittest.TestCase):
    def test_the_same_tariff_again_changes_nothing_and_drops_the_next(self):
        rig = running()
        rig.push(tariffs.text(name="next"), when="period")
        again = rig.push(tariffs.text())
        rig.run(120)
        info = rig.ask("info")
        self.assertEqual(again["at"], info["tariff"]["since"])
        self.assertEqual((info["period"]["number"], info["tariff"]["passive"]), (1, None))

    def test_a_lost_file_closes_no_period_and_comes_back_with_a_push(self):
        rig = running()
        rig.run(3600, imported=5)
        rig.ports.files.held.clear()
        rig.restart()
        rig.run(40 * 86400, step_s=900, imported=1)
        self.assertTrue("tariff file missing or altered" in rig.ask("info")["alerts"])
        self.assertEqual(rig.meter.contract.w.period, 1)
        rig.push(tariffs.text())
        rig.run(900, step_s=900)
        self.assertEqual(rig.ask("info")["alerts"], [])
        self.assertEqual(rig.meter.contract.w.period, 2)
        self.assertTrue(rig.meter.accounts.imbalance(0x8000) is None)

    def test_an_altered_file_is_not_run(self):
        rig = running()
        held = rig.ports.files.held
        digest = next(iter(held))
        held[digest] = held[digest].replace(b"300000000", b"100000000")
        rig.restart()
        self.assertTrue("tariff file missing or altered" in rig.ask("info")["alerts"])

    def test_a_register_with_energy_keeps_its_direction(self):
        many = [{"name": "r" + str(i), "export": 0, "prices": [1]} for i in range(15)]
        rig = running(rates=many, days=[[[0, 14]]])
        rig.run(600, imported=5)
        few = [{"name": "e" + str(i), "prices": [1]} for i in range(2)]
        with self.assertRaises(AssertionError):
            rig.push(tariffs.text(exports=few))
        self.assertEqual(rig.ask("info")["tariff"]["passive"], None)


class TestDoubt(unittest.TestCase):
    def test_an_event_bounds_what_the_chip_may_have_lost(self):
        for flag, code in ((RESET, 1), (GLITCH, 2), (SATURATED, 3)):
            rig = running()
            rig.ports.chip.flags = flag
            rig.run(10, step_s=10, imported=5)
            found = [e for e in records(rig, "metrology", Event) if e.code == code]
            self.assertEqual(len(found), 1)
            self.assertEqual(found[0].after, 15000 * 10 * 5 * 1000 // (4 * 3600) + 1)
            self.assertTrue(rig.live.status)


class TestFailingFlash(unittest.TestCase):
    def test_flash_that_failed_for_a_while_is_used_again(self):
        rig = running()
        for fault in ("program", "read"):
            rig.ports.flash.fail = {fault}
            for _ in range(100):
                try:
                    rig.run(1, step_s=1, imported=1)
                except MeterError:
                    pass
            rig.ports.flash.fail = set()
            raised = 0
            for _ in range(1200):
                try:
                    rig.run(1, step_s=1, imported=1)
                except MeterError:
                    raised += 1
            self.assertTrue(raised < 900)
            committed = rig.meter.journal.seq
            rig.run(120, step_s=1, imported=1)
            self.assertTrue(rig.meter.journal.seq > committed)
        counts = rig.ports.chip.counts[0]
        self.assertEqual(rig.live.registers[IMPORT], counts * NUM // DEN)

    def test_a_start_on_flash_that_fails_for_a_while(self):
        for seconds, cut in ((5, False), (30, True)):
            rig = running()
            rig.run(3600, imported=3)
            rig.cut() if cut else rig.restart()
            rig.ports.flash.fail = {"program"}
            for _ in range(seconds):
                try:
                    rig.run(1, step_s=1, imported=1)
                except MeterError:
                    pass
            rig.ports.flash.fail = set()
            raised = 0
            for _ in range(900):
                try:
                    rig.run(1, step_s=1, imported=1)
                except MeterError:
                    raised += 1
            self.assertTrue(raised < 600)
            code = (codes.EVENT_POWER_FAIL if cut else codes.EVENT_RESTART) & 255
            rig.run(6 * 3600, imported=1)  # retired sectors are tried again
            self.assertTrue(code in [e.code for e in records(rig, "power", Event)])
            expected = (60 * 3 + seconds + 900 + 360) * NUM // DEN
            self.assertEqual(rig.live.registers[IMPORT], expected)


class TestStarts(unittest.TestCase):
    def test_years_without_power_and_clock_close_more_periods_than_sectors_are_ready(self):
        rig = running()
        rig.cut()
        rig.ports.clock.good = 0
        rig.run(120, step_s=1)
        rig.ports.clock.utc += 3 * 365 * 86400
        rig.ports.clock.good = 2
        failed = 0
        for _ in range(3000):
            try:
                rig.run(1, step_s=1, imported=1)
            except MeterError:
                failed += 1
        self.assertTrue(0 < failed < 2000)
        rig.run(120, step_s=1)
        self.assertEqual(rig.live.t + EPOCH, rig.ports.clock.utc)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual([r.period for r in ledger], list(range(37)))

    def test_a_cut_loses_at_most_the_save_period(self):
        rig = running()
        rig.run(3600, step_s=1, imported=1)
        rig.run(42, step_s=1, imported=1)
        before = list(rig.live.registers)
        rig.cut(off_s=600)
        self.assertEqual(before[IMPORT] - rig.live.registers[IMPORT], 42 * NUM // DEN)
        rig.run(1800, step_s=1, imported=1)
        self.assertTrue(rig.live.registers[IMPORT] > before[IMPORT])
        self.assertTrue(rig.meter.accounts.imbalance(0xFFFC) is None)
        events = [
            e for e in records(rig, "power", Event) if e.code == codes.EVENT_POWER_FAIL & 255
        ]
        self.assertEqual(len(events), 1)
        self.assertEqual(events[0].after - events[0].before, 600 + 42 + 1)
        marked = [r for r in records(rig, "profile", Row) if r.status & codes.POWER_FAIL]
        self.assertTrue(marked)

    def test_a_cut_right_at_the_end_of_a_period_closes_it_there(self):
        end = unix(2026, 10, 31, 23)
        for after in (256, 300, 600, 900):
            rig = Rig(end - 3600)
            rig.run(60)
            rig.push(tariffs.text())
            rig.run(3480, imported=5)
            rig.ports.flash.cut_after = after
            with self.assertRaises(PowerCut):
                rig.run(60)
            rig.ports.flash.power_on()
            rig.cut(off_s=10 * 86400)
            rig.run(120)
            closed = [r for r in records(rig, "ledger", Ledger) if r.period == 1]
            self.assertEqual([r.utc for r in closed], [end])

    def test_an_outage_over_a_period_end_closes_the_period_there(self):
        rig = running()
        rig.run(3600, imported=7)
        rig.cut(off_s=40 * 86400)
        rig.run(120)
        ledger = records(rig, "ledger", Ledger)
        self.assertEqual(ledger[1].utc, unix(2026, 10, 31, 23))
        self.assertEqual(ledger[1].registers[IMPORT], 60 * 7 * NUM // DEN)
        self.assertEqual(rig.meter.contract.w.period, 2)

    def test_a_last_gasp_loses_nothing(self):
        rig = running()
        rig.run(3600 + 42, step_s=1, imported=3)
        programs = rig.ports.flash.programs
        rig.meter.last_gasp(rig.ports.clock.utc)
        self.assertEqual(rig.ports.flash.programs - programs, 1)
        before = list(rig.live.registers)
        rig.cut(off_s=60)
        self.assertEqual(rig.live.registers, before)

    def test_a_supply_that_comes_and_goes_wears_no_flash(self):
        rig = running()
        rig.run(3600, imported=3)
        programs, erases = rig.ports.flash.programs, rig.ports.flash.erases
        for _ in range(50):
            rig.cut(off_s=3)
            rig.run(8, step_s=1, imported=1)
        self.assertEqual((rig.ports.flash.programs, rig.ports.flash.erases), (programs, erases))

    def test_what_came_while_nothing_was_written_is_counted(self):
        rig = running()
        rig.run(600, imported=3)
        rig.cut(off_s=300)
        base = rig.live.registers[IMPORT]
        rig.run(20, step_s=1, imported=6)
        self.assertEqual(rig.live.registers[IMPORT] - base, 20 * 6 * NUM // DEN)

    def test_upkeep_waits_longer_each_time_the_power_fails(self):
        rig = running()
        rig.run(3700, imported=3)
        waits = []
        for _ in range(3):
            rig.cut(off_s=30)
            rig.run(15, step_s=1)
            rig.meter.commit()
            waits.append(rig.meter._calm_t - rig.live.t)
        self.assertTrue(waits[0] < waits[1] < waits[2])
        rig.run(3 * 3600)
        rig.cut(off_s=30)
        rig.run(15, step_s=1)
        self.assertEqual(rig.meter._calm_t - rig.live.t, waits[0])

    def test_a_soft_reset_right_after_a_power_failure_does_not_hide_it(self):
        for soon in (True, False):  # within the first seconds; while the clock is not set
            rig = running()
            rig.run(3600, imported=5)
            registers = list(rig.live.registers)
            rig.cut(off_s=5 * 86400)
            rig.ports.clock.good = 2 if soon else 0
            rig.run(5 if soon else 300, step_s=1, imported=50)
            rig.restart()
            rig.ports.clock.good = 2
            rig.run(60, step_s=1, imported=50)
            kinds = [e.code for e in records(rig, "power", Event)]
            self.assertEqual(kinds.count(codes.EVENT_POWER_FAIL & 255), 1)
            marked = [r for r in records(rig, "profile", Row) if r.status & codes.POWER_FAIL]
            self.assertTrue(marked)
            counts = (65 if soon else 360) * 50
            self.assertEqual(rig.live.registers[IMPORT] - registers[IMPORT], counts * NUM // DEN)

    def test_nor_does_one_between_a_commit_and_the_retained_counts(self):
        rig = running()
        rig.run(3600, imported=5)
        rig.cut(off_s=86400)
        rig.ports.clock.good = 0
        rig.run(30, step_s=1, imported=5)
        kept = rig.ports.retained.load()
        rig.meter.commit()
        rig.ports.retained.store(kept)  # the reset came before it was stored again
        rig.restart()
        rig.ports.clock.good = 2
        rig.run(60, step_s=1, imported=5)
        kinds = [e.code for e in records(rig, "power", Event)]
        self.assertEqual(kinds.count(codes.EVENT_POWER_FAIL & 255), 1)

    def test_a_dead_battery_counts_at_the_fallback_rate_until_the_clock_is_set(self):
        rig = running()
        rig.run(3 * 3600, imported=1)  # 09:02, day
        now, night = rig.ports.clock.utc, rig.live.rates[0]
        rig.cut()
        rig.ports.clock.utc, rig.ports.clock.good = 946684800, 0
        rig.run(600, step_s=1, imported=2)
        self.assertEqual(rig.live.rates[0] - night, 600 * 2 * NUM // DEN)
        rig.ask("clock", utc=now + 600)
        rig.run(600, step_s=1, imported=2)
        self.assertEqual(rig.live.rates[0] - night, 600 * 2 * NUM // DEN)
        self.assertTrue(rig.meter.accounts.imbalance(0x8000) is None)

    def test_a_commit_before_the_first_tick_is_no_instant_of_2020(self):
        rig = Rig(START)
        rig.ask("commit")
        rig.restart()
        rig.run(3600, imported=5)
        self.assertTrue(len(records(rig, "profile", Row)) <= 5)
        self.assertEqual(rig.live.registers[IMPORT], 60 * 5 * NUM // DEN)

    def test_a_soft_reset_after_days_without_a_tick_is_a_gap(self):
        for hours, is_gap in ((5, False), (50, True)):
            rig = running()
            rig.run(3600, imported=5)
            total, rows = rig.live.registers[IMPORT], len(records(rig, "profile", Row))
            rig.ports.clock.utc += hours * 3600
            rig.restart()
            rig.run(600, imported=5)
            self.assertEqual(rig.live.registers[IMPORT] - total, 10 * 5 * NUM // DEN)
            rig.run(900)
            closed = records(rig, "profile", Row)[rows:]
            self.assertEqual(len(closed) <= 3, is_gap)
            self.assertEqual(bool(closed[0].status & codes.GAP), is_gap)

    def test_what_the_ic_told_while_nothing_is_written_is_told_later(self):
        rig = running()
        rig.cut(60)
        rig.run(3, step_s=1)
        rig.ports.chip.flags = RESET
        rig.run(30, step_s=1)
        kinds = [e.code for e in records(rig, "metrology", Event)]
        self.assertEqual(kinds, [codes.EVENT_CHIP_RESET & 255])

    def test_a_soft_reset_loses_nothing(self):
        rig = running()
        rig.run(3600 + 42, step_s=1, imported=3)
        counted = rig.ports.chip.counts[0]
        for _ in range(3):
            rig.restart()
            rig.run(7, step_s=1, imported=3)
            counted += 21
        self.assertEqual(rig.live.registers[IMPORT], counted * NUM // DEN)
        self.assertEqual(rig.live.rates[0] + rig.live.rates[1], rig.live.registers[IMPORT])


class TestClock(unittest.TestCase):
    def test_without_a_valid_clock_energy_goes_to_the_fallback_rate(self):
        rig = running()
        rig.run(3 * 3600, imported=1)  # 09:02, day
        night, day = rig.live.rates[0], rig.live.rates[1]
        rig.ports.clock.good = 0
        rig.run(3600, imported=4)
        self.assertEqual(rig.live.rates[1], day)
        self.assertEqual(rig.live.rates[0] - night, 240 * NUM // DEN)
        self.assertTrue(rig.live.status & codes.CLOCK_INVALID)

    def test_a_year_before_2020_is_not_valid_whatever_the_clock_says(self):
        rig = running()
        rig.run(3 * 3600, imported=1)  # 09:02, day
        seq, day = rig.meter.journal.profile.last_seq, rig.live.rates[1]
        rig.ports.clock.utc, rig.ports.clock.good = 9482542, 2
        rig.run(3600, imported=4)
        self.assertEqual(rig.live.rates[1], day)
        self.assertEqual(rig.meter.journal.profile.last_seq, seq)
        self.assertTrue(rig.live.status & codes.CLOCK_INVALID)

    def test_a_step_back_repeats_no_seq_and_loses_nothing(self):
        rig = running()
        rig.run(7200, imported=5)
        rig.ports.clock.utc -= 3000
        rig.run(7200, imported=5)
        rows = records(rig, "profile", Row)
        self.assertEqual([r.seq for r in rows], list(range(1, len(rows) + 1)))
        self.assertEqual(rig.live.registers[IMPORT], 240 * 5 * NUM // DEN)
        self.assertTrue([r for r in rows if r.status & codes.CLOCK_STEP])
        self.assertTrue(rig.meter.accounts.imbalance(0xFFFC) is None)


class TestService(unittest.TestCase):
    def test_the_longest_answers_fit_a_line(self):
        rates = [{"name": "r" * 61 + str(10 + i), "export": 0, "prices": [1]} for i in range(15)]
        rig = running(rates=rates, name="n" * 64)
        meter = rig.meter
        rig.ports.clock.utc += 900
        rig.ports.chip.add(imported=1 << 40, exported=1 << 40)
        meter.tick(rig.ports.clock.utc)
        meter.sample.v_mv = meter.sample.i_ma = meter.sample.p_mw = [65_535_999] * 3
        meter.failure, meter.broken, meter.contract.lost = "f" * 300, (1, 2), True
        for ring in meter.journal.rings:
            ring.seq_max = ring.erases_max = 1_000_000
        for do in ("info", "registers"):
            self.assertTrue(rig.ask(do)["utc"])

    def refusal(self, rig, line, role="maker"):
        return json.loads(rig.service.handle(role, line))["error"]["code"]

    def test_what_is_refused(self):
        rig = running()
        for line, code in (
            (b"", "json"),
            (b"[]", "json"),
            (b'{"id":1}', "json"),
            (b"x" * 2000, "size"),
            (b'{"id":1,"do":"nothing"}', "unknown"),
            (b'{"id":1,"do":"rows","args":{}}', "arguments"),
            (b'{"id":1,"do":"rows","args":{"ring":"x","from_seq":1}}', "arguments"),
            (b'{"id":1,"do":"rows","args":[]}', "json"),
            (b'{"id":1,"do":["bill"]}', "json"),
            (b'{"id":1,"do":"_hex"}', "unknown"),
            (b'{"id":1,"do":"tariff","args":{"digest":"00"}}', "arguments"),
            (b'{"id":1,"do":"tariff","args":{"digest":"' + b"0" * 64 + b'"}}', "meter"),
            (b'{"id":1,"do":"bill","args":{"period":9}}', "meter"),
            (b'{"id":1,"do":"format","args":{"salt":1}}', "state"),
        ):
            self.assertEqual(self.refusal(rig, line), code)
            self.assertTrue(not rig.meter.locked)

    def test_numbers_that_no_record_can_hold_are_refused_before_anything_is_done(self):
        rig = running()
        now = rig.ports.clock.utc
        for utc in (0, (1 << 32) - 1, 1 << 32, 1 << 48, True, "1"):
            for reference in (False, True):
                args = {"utc": utc, "reference": reference}
                line = json.dumps({"id": 1, "do": "clock", "args": args}).encode()
                self.assertEqual(self.refusal(rig, line), "arguments", utc)
                self.assertEqual(rig.ports.clock.utc, now)
        rig.ports.flash = Nor(rig.ports.flash.sectors)
        rig.restart()
        for salt in (0, -1, 1 << 32, True, "1"):
            line = json.dumps({"id": 1, "do": "format", "args": {"salt": salt}}).encode()
            self.assertEqual(self.refusal(rig, line), "arguments", salt)
            self.assertEqual(rig.meter.state, "blank")

    def test_roles(self):
        rig = running()
        self.assertEqual(self.refusal(rig, b'{"id":1,"do":"commit"}', "reader"), "role")
        self.assertEqual(self.refusal(rig, b'{"id":1,"do":"rows"}', "public"), "role")
        self.assertEqual(rig.ask("info", role="public")["state"], "ready")

    def test_a_locked_meter_keeps_its_energy_for_the_next_tick(self):
        rig = running()
        rig.meter.locked = True
        rig.run(60, imported=9)
        self.assertEqual(rig.live.registers[IMPORT], 0)
        rig.meter.locked = False
        rig.run(60)
        self.assertEqual(rig.live.registers[IMPORT], 150)


if __name__ == "__main__":
    unittest.main()
