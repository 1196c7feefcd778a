"""Load management in the running meter: windows, trips, outputs, and what survives."""

import unittest

import tariffs
from rig import DEN, NUM, Rig, unix
from test_meter import records

from meter import codes, limits
from meter.rows import Event, Row
from meter.sample import IMPORT

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid: night (rate 0) until 08:00
LIMIT_MW = 5_000_000
LIGHT, HEAVY = 60, 6000  # counts a minute: 60 W and 6 kW


def running(*levels, window_s=900, **changes):
    """A meter whose tariff with a limiter began at 06:15, on the border of a window."""
    rig = Rig(START)
    rig.run(60)
    rig.push(text(*levels, window_s=window_s, **changes))
    rig.run(840)
    return rig


def text(*levels, window_s=900, **changes):
    return tariffs.text(limiter=tariffs.limiter(*levels, window_s=window_s), **changes)


def state(rig):
    return rig.meter.contract.w.limiter_state


def windows(rig):
    return rig.meter.contract.riders[0]._open[2]


def events(rig, code):
    group = codes.GROUPS[code >> 8]
    rig.meter.events.flush(rig.live.t + 7200)
    return [e for e in records(rig, group, Event) if e.code == code & 255]


class TestTrips(unittest.TestCase):
    def test_a_window_above_the_limit_trips_at_its_end_and_reprices_from_there_on(self):
        rig = running()
        rig.run(840, imported=HEAVY)
        self.assertEqual((state(rig), rig.meter.rate, rig.live.rates[1]), (0, 0, 0))
        night = 15 * HEAVY * NUM // DEN
        rig.run(60, imported=HEAVY)
        self.assertEqual((state(rig), rig.meter.rate, rig.live.rates[0]), (1, 1, night))
        rig.run(900, imported=HEAVY)
        self.assertEqual((rig.live.rates[0], rig.live.rates[1]), (night, night))
        rig.run(900, imported=LIGHT)  # this window still counts as it began
        self.assertEqual((state(rig), rig.meter.rate), (0, 0))
        self.assertEqual(rig.live.rates[1], night + 15 * LIGHT * NUM // DEN)
        self.assertTrue(rig.meter.accounts.imbalance(0x8000) is None)

    def test_exactly_the_limit_is_not_above_it(self):
        rig = running()
        rig.run(900, step_s=900, imported=LIMIT_MW // 4 * DEN // NUM)  # a quarter of an hour
        self.assertEqual(rig.live.registers[IMPORT], LIMIT_MW // 4)
        self.assertEqual(state(rig), 0)
        rig.run(900, step_s=900, imported=LIMIT_MW // 4 * DEN // NUM + 1)
        self.assertEqual(state(rig), 1)
        rig.run(900, step_s=900, imported=LIMIT_MW // 4 * DEN // NUM)
        self.assertEqual(state(rig), 0)

    def test_over_and_under_count_windows_in_a_row(self):
        rig = running(tariffs.level(over=3, under=2, release_mw=1_000_000))
        seen = []
        for load in (HEAVY, HEAVY, LIGHT, HEAVY, HEAVY, HEAVY, LIGHT, 2000, LIGHT, LIGHT, LIGHT):
            rig.run(900, imported=load)
            seen.append((state(rig), windows(rig)))
        expected = [(0, 1), (0, 2), (0, 0), (0, 1), (0, 2), (1, 0)]  # over
        expected += [(1, 1), (1, 0), (1, 1), (0, 0), (0, 0)]  # 2 kW is not under
        self.assertEqual(seen, expected)

    def test_a_late_tick_is_split_at_the_trip(self):
        rig = running()
        rig.run(900, step_s=900, imported=15 * HEAVY)
        rig.run(2700, step_s=2700, imported=45 * HEAVY)
        self.assertEqual(rig.live.rates[0], 15 * HEAVY * NUM // DEN)
        self.assertEqual(rig.live.rates[1], 45 * HEAVY * NUM // DEN)

    def test_each_trip_and_release_is_an_event_with_its_average(self):
        rig = running()
        rig.run(900, imported=HEAVY)
        rig.run(900, imported=LIGHT)
        (trip,), (release,) = events(rig, codes.EVENT_LIMIT), events(rig, codes.EVENT_LIMIT_END)
        self.assertEqual((trip.before, trip.after, trip.count), (6_000_000, 0, 1))
        self.assertEqual((release.before, release.after), (60_000, 0))
        self.assertEqual(release.utc - trip.utc, 900)
        w = rig.meter.contract.w
        self.assertEqual((w.limiter_trips, w.limiter_since), (1, release.utc))

    def test_the_rows_of_a_limited_time_are_marked_and_only_those(self):
        rig = running()
        rig.run(900, imported=HEAVY)
        rig.run(1800, imported=HEAVY)
        rig.run(900, imported=LIGHT)
        rig.run(900, imported=LIGHT)
        rows = records(rig, "profile", Row)[-5:]
        limited = [bool(row.status & codes.LIMITED) for row in rows]
        self.assertEqual(limited, [False, True, True, True, False])
        self.assertEqual([row.rate for row in rows], [0, 1, 1, 1, 0])

    def test_a_short_window_marks_the_row_it_ends_in(self):
        rig = running(window_s=60)
        rig.run(60, imported=HEAVY)
        rig.run(60, imported=LIGHT)
        self.assertEqual(rig.live.rates[1], LIGHT * NUM // DEN)
        rig.run(900 - 120, imported=LIGHT)
        row = records(rig, "profile", Row)[-1]
        self.assertTrue(row.status & codes.LIMITED and row.status & codes.RATE_SWITCH)
        rig.run(900, imported=LIGHT)
        self.assertEqual(records(rig, "profile", Row)[-1].status, 0)

    def test_a_limited_row_is_marked_whatever_happens_before_its_end(self):
        rig = running(window_s=60)
        rig.run(60, imported=HEAVY)
        rig.run(60, imported=LIGHT)  # tripped for one save period
        rig.cut(off_s=20)
        rig.run(900)
        marked = [r.status & codes.LIMITED for r in records(rig, "profile", Row)]
        self.assertEqual([bool(bits) for bits in marked[-2:]], [False, True])

    def test_levels_trip_each_for_itself_and_the_last_one_that_reprices_counts(self):
        rates = [{"name": n, "export": 0, "prices": [1]} for n in ("night", "day", "dear", "more")]
        levels = (
            tariffs.level("first", threshold_mw=1_000_000, release_mw=1_000_000, rate=2),
            tariffs.level("second", rate=3, under=2),
            tariffs.level("third", action="remind", rate=0, over=2),
        )
        rig = running(*levels, rates=rates)
        seen = []
        for load in (2000, HEAVY, HEAVY, LIGHT, LIGHT):
            rig.run(900, imported=load)
            seen.append((state(rig), rig.meter.rate))
        self.assertEqual(seen, [(1, 2), (3, 3), (7, 3), (2, 3), (0, 0)])

    def test_a_window_begins_with_the_tariff_only_on_its_grid(self):
        rig = Rig(START)
        rig.run(60)
        rig.push(text())  # 06:01
        rig.run(780, imported=2 * HEAVY)
        rig.restart()
        rig.run(60, imported=2 * HEAVY)
        self.assertEqual((state(rig), windows(rig)), (0, 0))
        rig.run(900, imported=HEAVY)
        self.assertEqual(state(rig), 1)


class TestOutputs(unittest.TestCase):
    SHED = tariffs.level("heater", action="shed", rate=0, under=2)
    MANUAL = tariffs.level("main", action="shed", rate=0, manual=1)
    REMIND = tariffs.level("contract", action="remind", rate=0)

    def test_a_reminder_alarms_and_is_seen(self):
        rig = running(self.REMIND)
        self.assertEqual(rig.ask("info")["alerts"], [])
        rig.run(900, imported=HEAVY)
        outputs = rig.ports.outputs
        self.assertEqual((outputs.load, outputs.alarmed), (True, True))
        self.assertEqual(rig.ask("info")["alerts"], ["load above contract: remind"])
        self.assertEqual(rig.live.status & codes.LIMITED, 0)
        rig.run(900, imported=LIGHT)
        self.assertEqual((outputs.load, outputs.alarmed), (True, False))
        self.assertEqual(rig.ask("info")["alerts"], [])

    def test_a_shed_load_comes_back_after_its_delay(self):
        rig = running(self.SHED)
        outputs, seen = rig.ports.outputs, []
        for load in (HEAVY, LIGHT, LIGHT, LIGHT):
            rig.run(900, imported=load)
            seen.append((outputs.load, outputs.alarmed))
        self.assertEqual(seen, [(False, True), (False, True), (True, False), (True, False)])
        self.assertEqual(outputs.switched, [False, True])
        rows = records(rig, "profile", Row)[-4:]
        self.assertEqual(
            [bool(r.status & codes.LIMITED) for r in rows], [False, True, True, False]
        )

    def test_a_manual_one_waits_for_a_person(self):
        rig = running(self.MANUAL)
        rig.run(900, imported=HEAVY)
        rig.run(8 * 900, imported=0)
        outputs = rig.ports.outputs
        self.assertEqual((state(rig), outputs.load), (1, False))
        self.assertEqual(rig.ask("load_switch", role="utility", on=True), {"on": True})
        self.assertEqual((state(rig), outputs.load, outputs.alarmed), (0, True, False))
        (event,) = events(rig, codes.EVENT_LOAD_SWITCH)
        self.assertEqual((event.before, event.after, event.utc), (1, 0, rig.ports.clock.utc))
        rig.run(900, imported=HEAVY)
        self.assertEqual((state(rig), outputs.load), (1, False))

    def test_a_person_releases_no_level_that_returns_by_rule(self):
        rig = running(self.SHED, self.MANUAL)
        rig.run(900, imported=HEAVY)
        self.assertEqual(rig.ask("load_switch", on=True), {"on": False})
        self.assertEqual((state(rig), rig.ports.outputs.load), (1, False))

    def test_what_the_load_switch_refuses(self):
        shed = running(self.SHED)
        shed.run(900, imported=HEAVY)
        for rig in (running(self.MANUAL), shed, Rig(START)):
            for args in ({"on": True}, {"on": False}, {"on": 1}, {}):
                with self.assertRaises(AssertionError):
                    rig.ask("load_switch", **args)
        self.assertEqual((state(shed), shed.ports.outputs.load), (1, False))
        rig = running(self.MANUAL)
        rig.run(900, imported=HEAVY)
        with self.assertRaises(AssertionError):
            rig.ask("load_switch", role="reader", on=True)
        self.assertEqual(rig.ports.outputs.load, False)

    def test_windows_that_were_under_are_not_over_after_a_person_closed_it(self):
        level = tariffs.level("heater", action="shed", rate=0, over=3, under=9, manual=1)
        rig = running(level)
        rig.run(3 * 900, imported=HEAVY)
        rig.run(4 * 900 + 60, imported=LIGHT)
        self.assertEqual((state(rig), windows(rig)), (1, 4))
        rig.ask("load_switch", on=True)
        rig.restart()
        rig.run(2 * 900 - 60, imported=HEAVY)
        self.assertEqual((state(rig), windows(rig)), (0, 2))

    def test_the_values_of_the_moment_have_the_state(self):
        rig = running(self.REMIND, self.SHED)
        self.assertEqual(rig.ask("live")["128.35.0"], 0)
        rig.run(900, imported=HEAVY)
        self.assertEqual(rig.ask("live")["128.35.0"], 3)


class TestTariffs(unittest.TestCase):
    def test_another_tariff_releases_everything_and_says_so(self):
        shed = tariffs.level("heater", action="shed", rate=0, manual=1)
        for following in (tariffs.text(name="next"), text(shed, tariffs.level(), name="next")):
            rig = running(shed, tariffs.level())
            rig.run(900, imported=HEAVY)
            self.assertEqual((state(rig), rig.meter.rate, rig.ports.outputs.load), (3, 1, False))
            rig.push(following)
            outputs = rig.ports.outputs
            self.assertEqual((state(rig), rig.meter.rate), (0, 0))
            self.assertEqual((outputs.load, outputs.alarmed), (True, False))
            found = events(rig, codes.EVENT_LIMIT_END)
            self.assertEqual(sum([e.count for e in found]), 2)
            self.assertEqual(found[-1].before, -1)
            rig.run(840, imported=HEAVY)
            self.assertEqual((state(rig), rig.meter.rate), (0, 0))

    def test_a_new_period_changes_nothing(self):
        rig = Rig(unix(2026, 10, 31, 22))
        rig.run(60)
        rig.push(text())
        rig.run(7140, imported=HEAVY)
        self.assertEqual(rig.meter.contract.w.period, 2)
        self.assertEqual((state(rig), rig.meter.rate), (1, 1))

    def test_without_its_file_nothing_is_made_up(self):
        tariff = text(tariffs.level(over=2))
        for pushed in (False, True):
            rig = running(tariffs.level(over=2))
            rig.run(900 + 840, imported=HEAVY)
            self.assertEqual((state(rig), windows(rig)), (0, 1))
            held = dict(rig.ports.files.held)
            rig.ports.files.held.clear()
            rig.restart()
            rig.run(3600, imported=HEAVY)
            self.assertEqual(rig.meter.contract.riders, ())
            if pushed:
                rig.push(tariff)
            else:
                rig.ports.files.held.update(held)
                rig.restart()
            rig.run(60, imported=HEAVY)  # to the end of the window
            self.assertEqual((state(rig), windows(rig)), (0, 0))

    def test_the_next_one_does_not_go_on_with_the_windows_of_the_last(self):
        rig = running(tariffs.level(over=2))
        rig.run(900 + 840, imported=HEAVY)
        rig.push(text(tariffs.level(over=2), name="next"))
        rig.restart()
        rig.run(60, imported=HEAVY)
        self.assertEqual((state(rig), windows(rig)), (0, 0))


class TestRestarts(unittest.TestCase):
    def test_a_window_survives_a_soft_reset(self):
        rig = running(tariffs.level(over=2))
        rig.run(900 + 300, imported=HEAVY)
        for _ in range(3):
            rig.restart()
            rig.run(60, step_s=1, imported=HEAVY // 60)
        self.assertEqual((state(rig), windows(rig)), (0, 1))
        rig.run(420, imported=HEAVY)
        self.assertEqual(state(rig), 1)
        (trip,) = events(rig, codes.EVENT_LIMIT)
        self.assertEqual(trip.before, 6_000_000)

    def test_outputs_and_rate_are_back_before_the_first_tick(self):
        for cut in (False, True):
            rig = running(tariffs.level(), tariffs.level("heater", action="shed", rate=0))
            rig.run(900 + 120, imported=HEAVY)
            rig.cut() if cut else rig.restart()
            outputs = rig.ports.outputs
            self.assertEqual((outputs.load, outputs.alarmed), (False, True))
            self.assertEqual((state(rig), rig.meter.rate), (3, 1))
            rig.run(60, step_s=1, imported=HEAVY // 60)
            self.assertEqual((state(rig), rig.meter.rate, outputs.load), (3, 1, False))

    def test_a_restart_on_the_border_of_a_window_judges_it_once(self):
        for cut, committed in ((False, False), (True, False), (False, True), (True, True)):
            rig = running(tariffs.level(over=3))
            rig.run(900, imported=HEAVY)
            if committed:
                rig.ask("commit")
            rig.cut() if cut else rig.restart()
            rig.run(900, step_s=30, imported=HEAVY // 2)
            self.assertEqual((state(rig), windows(rig)), (0, 2))

    def test_a_short_outage_is_a_time_without_load(self):
        rig = running()
        rig.run(480, imported=2 * HEAVY)  # 6.4 kW on average, if nothing more comes
        rig.cut(off_s=240)
        rig.run(180, step_s=20)
        self.assertEqual(state(rig), 1)
        (trip,) = events(rig, codes.EVENT_LIMIT)
        self.assertEqual(trip.before, 6_400_000)

    def test_a_long_outage_ends_its_windows_and_brings_a_shed_load_back(self):
        rig = running(tariffs.level("heater", action="shed", rate=0, under=3))
        rig.run(900 + 300, imported=HEAVY)
        rig.cut(off_s=1500)  # the rest of the window, and one and a half more
        self.assertEqual(rig.ports.outputs.load, False)
        rig.run(60, step_s=1)
        self.assertEqual((state(rig), windows(rig)), (1, 2))
        rig.run(1200)
        self.assertEqual((state(rig), rig.ports.outputs.load), (0, True))
        rig.run(1800, imported=HEAVY)
        self.assertEqual(state(rig), 1)
        rig.cut(off_s=10 * 86400)
        rig.run(60, step_s=1)
        self.assertEqual((state(rig), rig.ports.outputs.load), (0, True))
        self.assertEqual(sum([e.count for e in events(rig, codes.EVENT_LIMIT_END)]), 2)

    def test_the_window_in_which_the_power_comes_back_counts_after_any_outage(self):
        for days in (0, 10):
            rig = running()
            rig.cut(off_s=days * 86400 + 240)
            rig.run(660, step_s=20, imported=HEAVY)
            self.assertEqual(state(rig), 1)

    def test_a_clock_that_is_behind_after_an_outage_discards_the_open_window(self):
        rig = running()
        rig.run(4 * 3600)
        rig.run(480, imported=2 * HEAVY)
        rig.cut(off_s=-3 * 3600)
        rig.run(180, step_s=20)
        rig.ask("commit")
        rig.restart()
        rig.run(900, step_s=20)
        self.assertEqual((state(rig), events(rig, codes.EVENT_LIMIT)), (0, []))

    def test_an_outage_over_the_end_of_a_period(self):
        rig = Rig(unix(2026, 10, 31, 22))
        rig.run(60)
        rig.push(text(tariffs.level(under=5)))
        rig.run(3480, imported=HEAVY)  # 23:59
        self.assertEqual((state(rig), rig.meter.contract.w.period), (1, 1))
        rig.cut(off_s=3600)
        rig.run(120, step_s=1)
        self.assertEqual((rig.meter.contract.w.period, windows(rig)), (2, 4))
        rig.run(900 - 60)
        self.assertEqual(state(rig), 0)

    def test_a_clock_step_discards_the_open_window_and_no_more(self):
        rig = running(tariffs.level(over=2))
        rig.run(900 + 600, imported=HEAVY)
        rig.ask("clock", utc=rig.ports.clock.utc + 7200)  # two hours on, 10 minutes into a window
        rig.run(300, imported=3 * HEAVY)
        self.assertEqual((state(rig), windows(rig)), (0, 1))
        rig.run(900, imported=HEAVY)
        self.assertEqual(state(rig), 1)
        rig.ask("clock", utc=rig.ports.clock.utc - 86400)
        rig.run(300, imported=LIGHT)
        self.assertEqual(state(rig), 1)

    def test_a_clock_step_inside_a_window_discards_it_too(self):
        rig = running(tariffs.level(over=2))
        rig.run(900, imported=HEAVY)
        rig.run(300, imported=LIGHT)
        rig.ask("clock", utc=rig.ports.clock.utc + 300)
        rig.run(300, imported=LIGHT)
        self.assertEqual((state(rig), windows(rig)), (0, 1))

    def test_a_window_without_a_valid_clock_is_not_judged(self):
        rig = running()
        rig.run(600, imported=LIGHT)
        rig.ports.clock.good = 0
        rig.run(1200, imported=HEAVY)
        rig.ports.clock.good = 2
        rig.run(900, imported=LIGHT)
        self.assertEqual(events(rig, codes.EVENT_LIMIT), [])
        rig.run(900, imported=HEAVY)
        self.assertEqual(state(rig), 1)

    def test_a_change_of_the_utc_offset_leaves_whole_windows(self):
        for day in (unix(2026, 10, 24, 23), unix(2027, 3, 27, 23)):  # clocks change at 01:00 UTC
            rig = Rig(day)
            rig.run(60)
            rig.push(text(tariffs.level(over=limits.WINDOWS_MAX), window_s=3600))
            rig.run(6 * 3600 - 60, imported=HEAVY)
            self.assertEqual(windows(rig), 5)


if __name__ == "__main__":
    unittest.main()
