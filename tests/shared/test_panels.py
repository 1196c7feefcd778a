"""Display, status LED, latching relay. Runs on CPython, in the MicroPython VM, and on a board."""

import sys
import unittest

import plain_framebuf  # noqa: F401 - first: CPython has no framebuf
import tariffs
from rig import Rig, unix

from boards.virtual.i2c import I2cWire
from boards.virtual.ssd1306 import Ssd1306Model
from drivers.display import Display, item, kwh, price
from drivers.load_switch import LatchingRelay
from drivers.ssd1306 import ADDRESS, Ssd1306
from drivers.status_led import StatusLed
from meter.errors import MeterError

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid: night
REAL_FONT = sys.implementation.name == "micropython"

SNAPSHOT = """
   ##             ####             ##
   ##            ##  ##            ##
  ###            ##  ##           ###
   ##             ####             ##
   ##            ##  ##            ##
   ##      ##    ##  ##    ##      ##
 ######    ##     ####     ##    ######

     ##   ####            ####    ####   ######
     ##   ####            ####    ####   ######
    ###  ##  ##          ##  ##  ##  ##  ##  ##
    ###  ##  ##          ##  ##  ##  ##  ##  ##
   ####      ##          ## ###  ## ###     ##
   ####      ##          ## ###  ## ###     ##
 ##  ##     ##           ### ##  ### ##    ##
 ##  ##     ##           ### ##  ### ##    ##
 #######  ##             ##  ##  ##  ##    ##
 #######  ##             ##  ##  ##  ##    ##
     ##  ##        ##    ##  ##  ##  ##    ##
     ##  ##        ##    ##  ##  ##  ##    ##
     ##  ######    ##     ####    ####     ##
     ##  ######    ##     ####    ####     ##
"""


def running(**changes):
    rig = Rig(START)
    rig.run(60)
    rig.push(tariffs.text(**changes))
    rig.run(60)
    return rig


class Screen:
    """The rows as texts."""

    def __init__(self):
        self.starts, self.sent, self.dead = 0, 0, False
        self.rows = [None] * 8

    def start(self):
        self.starts += 1
        self.rows = [""] * 8

    def row(self, row, text):
        if self.dead:
            raise OSError(116)
        assert len(text) <= 16, text
        self.rows[row] = text
        self.sent += 1

    def tall(self, row, text):
        self.row(row, text)
        self.row(row + 1, text)


class TestSsd1306(unittest.TestCase):
    def setUp(self):
        self.model = Ssd1306Model()
        self.wire = I2cWire({ADDRESS: self.model})
        self.screen = Ssd1306(self.wire)

    def test_start_clears_it_and_switches_it_on(self):
        self.assertEqual(self.model.art(), [""] * 64)  # off
        self.screen.start()
        self.assertTrue(self.model.on)
        self.assertEqual(bytes(self.model.ram), bytes(1024))
        self.assertEqual(self.model.settings[0xA8], 63)

    def test_a_row_goes_to_its_page_and_is_whole(self):
        self.screen.start()
        self.screen.row(3, "x" * 20)
        lit = [any(self.model.ram[128 * page : 128 * page + 128]) for page in range(8)]
        self.assertEqual(lit, [page == 3 for page in range(8)])
        self.screen.row(3, "")
        self.assertEqual(bytes(self.model.ram), bytes(1024))

    def test_tall_is_each_line_twice(self):
        self.screen.start()
        self.screen.row(0, "0.12 kWh")
        self.screen.tall(4, "0.12 kWh")
        flat, tall = self.model.art(range(1)), self.model.art(range(4, 6))
        self.assertEqual([line for line in flat for _ in (0, 1)], tall)
        self.assertTrue(any(flat))

    def test_what_a_row_costs(self):
        self.screen.start()
        before = self.wire.bytes_sent
        self.screen.row(0, "1.8.0 import")
        self.assertEqual(self.wire.bytes_sent - before, 5 + 130)

    def test_nobody_there_is_an_os_error(self):
        with self.assertRaises(OSError):
            Ssd1306(I2cWire({})).start()

    @unittest.skipIf(not REAL_FONT, "MicroPython has the font")
    def test_snapshot(self):
        self.screen.start()
        self.screen.row(0, "1.8.1")
        self.screen.tall(1, "42.007")
        self.assertEqual("\n".join(self.model.art(range(3))).strip(), SNAPSHOT.strip())


class TestDisplay(unittest.TestCase):
    def shown(self, rig, ticks):
        screen = Screen()
        display, seen = Display(screen), []
        for _ in range(ticks):
            before = screen.sent
            display.tick(rig.meter)
            self.assertTrue(screen.sent - before <= 3)
            if screen.rows[0] and (not seen or seen[-1][0] != screen.rows[0]):
                seen.append((screen.rows[0], screen.rows[1].strip()))
        return screen, seen

    def test_it_shows_every_register_and_the_live_values_in_turn(self):
        rig = running()
        rig.meter.sample.p_mw[0] = 2_345_678
        rig.live.registers[0] = 1_234_567_890
        rig.live.rates[0] = 1_234_567_000
        rig.meter.book.software = bytes(range(0xA0, 0xC0))
        _, seen = self.shown(rig, 45)
        self.assertEqual(
            seen,
            [
                ("1.8.0 import", "1234.567 kWh"),
                ("1.8.1 night", "1234.567 kWh"),
                ("1.8.2 day", "0.000 kWh"),
                ("1.7.0 power", "2345 W"),
                ("32.7.0 voltage", "230.0 V"),
                ("software", "a0a1a2a3a4a5a6a7"),
                ("1.8.0 import", "1234.567 kWh"),
                ("1.8.1 night", "1234.567 kWh"),
                ("1.8.2 day", "0.000 kWh"),
            ],
        )

    def test_rate_and_price_of_now(self):
        rig = running()
        screen, _ = self.shown(rig, 6)
        night = rig.meter.contract.tariff.price_nano(0, 0)
        self.assertEqual(screen.rows[4], "rate night")
        self.assertEqual(screen.rows[5], price(rig.meter))
        self.assertEqual(screen.rows[5].split()[0].replace(".", "") + "0000", f"{night:010d}")
        rig.run(3 * 3600)
        screen, _ = self.shown(rig, 6)
        self.assertEqual(screen.rows[4], "rate day")
        self.assertTrue(screen.rows[5] != price(running().meter))

    def test_without_a_tariff_it_says_so(self):
        screen, _ = self.shown(Rig(START), 6)
        self.assertEqual(screen.rows[5], "no tariff")

    def test_export_power_and_trouble(self):
        rig = running()
        rig.ports.chip.add(exported=6000)
        rig.run(60)
        rig.meter.sample.p_mw[0] = -1_500_000
        rig.meter.fault(MeterError("flash: program failed"))
        screen, seen = self.shown(rig, 40)
        self.assertTrue(("2.8.0 export", "0.100 kWh") in seen)
        self.assertTrue(("2.7.0 power out", "1500 W") in seen)
        self.assertEqual(screen.rows[7], "! flash: program")

    def test_the_largest_values_fit(self):
        rig = running()
        for value in (0, 999, 1_000_000, 99_999_999_999_999, 100_000_000_000_000, (1 << 48) - 1):
            self.assertTrue(len(kwh(value)) <= 16, value)
        rig.meter.sample.v_mv[:] = [655_350] * 3
        rig.meter.sample.p_mw[:] = [-69_000_000] * 3
        n = 0
        while item(rig.meter, n) is not None:
            found = item(rig.meter, n)
            self.assertTrue(not found or len(found[1]) <= 16, found)
            n += 1

    def test_a_screen_that_is_gone_is_tried_again_each_minute(self):
        rig, screen = running(), Screen()
        display = Display(screen)
        for n in range(200):
            screen.dead = 10 <= n < 100
            display.tick(rig.meter)
        self.assertEqual(screen.starts, 3)  # the second one finds rows that it cannot send
        self.assertTrue(screen.rows[0])

    def test_it_waits_while_the_meter_is_locked(self):
        rig, screen = running(), Screen()
        display = Display(screen)
        rig.meter.locked = True
        display.tick(rig.meter)
        self.assertEqual(screen.starts, 0)


class TestStatusLed(unittest.TestCase):
    def lights(self, rig, lit=1):
        levels = []
        led = StatusLed(levels.append, lit)
        for _ in range(8):
            led.tick(rig.meter)
        return levels

    def test_well_is_one_light_in_four(self):
        rig = running()
        self.assertEqual(self.lights(rig), [0, 0, 0, 1, 0, 0, 0, 1])
        self.assertEqual(self.lights(rig, lit=0), [1, 1, 1, 0, 1, 1, 1, 0])

    def test_trouble_is_every_other_second(self):
        trouble = [1, 0, 1, 0, 1, 0, 1, 0]
        rig = running()
        rig.meter.fault(MeterError("no chip"))
        self.assertEqual(self.lights(rig), trouble)
        rig = running()
        rig.ports.clock.good = 0
        self.assertEqual(self.lights(rig), trouble)
        rig = running()
        rig.meter.broken = (1, 2)
        self.assertEqual(self.lights(rig), trouble)
        rig = running()
        rig.meter.state = "foreign"
        self.assertEqual(self.lights(rig), trouble)


class Nvs:
    def __init__(self):
        self.kept, self.writes, self.dead = {}, 0, False
        self._set = {}

    def get_i32(self, key):
        if key not in self.kept:
            raise OSError(-0x1102)
        return self.kept[key]

    def set_i32(self, key, value):
        if self.dead:
            raise OSError(-1)
        self._set[key] = value

    def commit(self):
        self.kept.update(self._set)
        self.writes += 1


class Bench:
    """A relay with two coils; its contact moves when a pulse ends."""

    def __init__(self):
        self.nvs = Nvs()
        self.contact = 1
        self.pulses = []
        self.break_at = None  # call of a coil at which a Ctrl-C strikes
        self.start()

    def start(self):
        """A reset: coils low, timers gone."""
        self.levels, self.due = [0, 0], None
        self.calls = 0
        self.relay = LatchingRelay(
            lambda level: self._coil(1, level),
            lambda level: self._coil(0, level),
            self.nvs,
            self._one_shot,
            80,
        )

    def _coil(self, place, level):
        self.calls += 1
        if self.calls == self.break_at:
            raise KeyboardInterrupt
        if self.levels[place] and not level:
            self.contact = place
            self.pulses.append(place)
        self.levels[place] = level
        assert self.levels != [1, 1]

    def _one_shot(self, ms, callback):
        assert ms == 80
        self.due = callback

    def end(self):
        due, self.due = self.due, None
        due(None)


class TestLatchingRelay(unittest.TestCase):
    def test_one_pulse_a_change(self):
        bench = Bench()
        for level in (0, 1, 0):
            for _ in range(3):
                bench.relay(level)
            self.assertEqual(bench.levels, [int(not level), int(level)])
            bench.end()
            self.assertEqual(bench.levels, [0, 0])
            bench.relay(level)
            self.assertTrue(bench.due is None)
            self.assertEqual(bench.contact, level)
        self.assertEqual(bench.pulses, [0, 1, 0])

    def test_a_start_pulses_nothing_where_the_place_is_known(self):
        bench = Bench()
        bench.relay(0)
        bench.end()
        for _ in range(5):
            bench.start()
            bench.relay(0)
        self.assertEqual(bench.pulses, [0])
        self.assertEqual(bench.nvs.writes, 2)

    def test_a_new_module_finds_its_place_with_one_pulse(self):
        bench = Bench()
        bench.relay(1)
        self.assertEqual(bench.levels, [0, 1])
        bench.end()
        bench.start()
        bench.relay(1)
        self.assertEqual(bench.pulses, [1])

    def test_a_pulse_that_a_reset_broke_off_is_made_again(self):
        bench = Bench()
        bench.relay(0)
        bench.start()
        bench.relay(0)
        bench.end()
        self.assertEqual(bench.contact, 0)
        self.assertEqual(bench.nvs.kept, {"relay": 0})

    def test_a_change_of_mind_during_a_pulse_is_obeyed(self):
        bench = Bench()
        bench.relay(0)
        bench.relay(1)
        self.assertEqual(bench.levels, [1, 0])
        bench.end()
        bench.end()
        self.assertEqual(bench.contact, 1)
        bench.relay(0)
        bench.relay(1)
        bench.relay(0)
        bench.end()
        self.assertEqual((bench.contact, bench.due), (0, None))

    def test_no_coil_stays_on_when_the_timer_is_lost(self):
        bench = Bench()
        bench.relay(0)
        bench.due = None
        bench.relay.tick(None)
        self.assertEqual(bench.levels, [1, 0])  # a tick right after the pulse began is no end
        bench.relay.tick(None)
        self.assertEqual((bench.levels, bench.contact), ([0, 0], 0))

    def test_a_flash_that_refuses_makes_no_pulse_each_call(self):
        bench = Bench()
        bench.nvs.dead = True
        bench.relay(0)
        bench.end()
        for _ in range(5):
            bench.relay(0)
        self.assertEqual(bench.pulses, [0])

    def test_ctrl_c_leaves_no_coil_on_and_no_wrong_place(self):
        for at in range(1, 7):
            bench = Bench()
            bench.break_at = at
            for level in (0, 1):
                self.broken(bench.relay, level)
                if bench.due:
                    self.broken(bench.end)
            for _ in range(3):
                bench.relay.tick(None)
            bench.relay(1)
            if bench.due:
                bench.end()
            self.assertEqual((bench.levels, bench.contact), ([0, 0], 1), at)

    def broken(self, step, *args):
        try:
            step(*args)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    unittest.main()
