"""The clock port on a DS3231 model. Runs on CPython, in the MicroPython VM, and on a board."""

import unittest

import tariffs
from rig import Rig

from boards.virtual.ds3231 import Ds3231Model
from boards.virtual.i2c import I2cWire
from drivers.ds3231 import ADDRESS, Ds3231
from meter import codes
from meter.errors import MeterError
from meter.records import Event

UNIX_2026 = 1767225600
DAY_S = 86400


class ModuleClock:
    """The clock port of a module: `ppb` too fast, lost with the power."""

    def __init__(self, world, ppb=0):
        self._world, self._ppb = world, ppb
        self.set(946684800)
        self.was_set = False

    def now(self):
        elapsed_s = self._world.s - self._since_s
        return self._shown + elapsed_s + elapsed_s * self._ppb // 1000000000

    def quality(self):
        return 2 if self.was_set else 0

    def set(self, unix_s):
        self._shown, self._since_s, self.was_set = unix_s, self._world.s, True


class World:
    """A bench: the true time, a chip on a bus with its battery, a module that starts anew."""

    def __init__(self, crystal_ppb=0):
        self.s = UNIX_2026
        self.model = Ds3231Model(lambda: self.s * 1000, crystal_ppb)
        self.wire = I2cWire({ADDRESS: self.model})
        self.start()

    def start(self):
        self.module = ModuleClock(self, 20000)
        self.clock = Ds3231(self.wire, self.module)
        return self.clock


class TestTime(unittest.TestCase):
    def test_without_a_battery_it_is_invalid_until_it_is_set(self):
        world = World()
        self.assertEqual(world.clock.quality(), 0)
        world.clock.set(world.s)
        self.assertEqual(world.clock.quality(), 2)
        self.assertEqual(world.clock.now(), UNIX_2026)
        world.model.power_on()
        self.assertEqual(world.start().quality(), 0)

    def test_it_runs_on_through_a_power_cut(self):
        world = World()
        world.clock.set(world.s)
        world.s += 40 * DAY_S + 12345
        clock = world.start()
        self.assertEqual(clock.quality(), 1)
        self.assertEqual(clock.now(), world.s)
        self.assertEqual(world.module.now(), world.s)

    def test_every_day_and_second_comes_back(self):
        world = World()
        for n in range(1500):
            world.s = UNIX_2026 + n * (DAY_S - 61) + n
            world.clock.set(world.s)
            self.assertEqual(world.clock.now(), world.s)
        world.clock.set(4102444799)  # 2099-12-31 23:59:59
        self.assertEqual(world.clock.now(), 4102444799)

    def test_registers_are_those_of_the_datasheet(self):
        world = World()
        world.clock.set(1803859199)  # Sunday 2027-02-28 23:59:59
        self.assertEqual(bytes(world.model.registers[:7]), b"\x59\x59\x23\x07\x28\x02\x27")
        self.assertEqual(bytes(world.model.registers[14:16]), b"\x04\x00")
        world.s += 1
        world.clock.now()
        self.assertEqual(bytes(world.model.registers[:7]), b"\x00\x00\x00\x01\x01\x03\x27")

    def test_twelve_hour_mode_is_read(self):
        for bcd, hour in ((0x52, 0), (0x41, 1), (0x51, 11), (0x72, 12), (0x61, 13), (0x71, 23)):
            world = World()
            world.clock.set(UNIX_2026)
            world.model._tick = lambda: None
            world.model.registers[2] = bcd
            self.assertEqual(world.start().now() - UNIX_2026, hour * 3600)

    def test_what_is_no_time_is_not_believed(self):
        for register, value in ((0, 0x60), (0, 0x5A), (1, 0x60), (2, 0x24), (4, 0), (4, 0x32)):
            self.not_believed(register, value)
        for register, value in ((5, 0), (5, 0x13), (6, 0x23), (6, 0xAA)):
            self.not_believed(register, value)

    def not_believed(self, register, value):
        world = World()
        world.clock.set(world.s)
        world.model._tick = lambda: None
        world.model.registers[register] = value
        self.assertEqual(world.start().quality(), 0, (register, value))


class TestFaults(unittest.TestCase):
    def test_a_silent_chip_is_carried_on(self):
        world = World()
        world.clock.set(world.s)
        world.wire.dead = True
        for _ in range(100):
            world.s += 1
            self.assertEqual(world.clock.now(), world.s)
        world.wire.dead = False
        world.s += DAY_S
        self.assertEqual(world.clock.now(), world.s)

    def test_noise_is_not_a_step(self):
        for mask in (0x01, 0x10, 0x80):
            world = World()
            world.clock.set(world.s)
            flips = [0, mask]
            model_read = world.model.read

            def read(size, flips=flips, model_read=model_read):
                data = bytearray(model_read(size))
                if size == 7 and flips:
                    data[6] ^= flips.pop()
                return bytes(data)

            world.model.read = read
            world.s += 1
            self.assertEqual(world.clock.now(), world.s)
            self.assertEqual(world.clock.quality(), 2)

    def test_a_real_step_of_the_chip_is_taken(self):
        world = World()
        world.clock.set(world.s)
        world.model.write(b"\x02\x05")  # somebody sets the hour
        self.assertEqual(world.clock.now(), UNIX_2026 + 5 * 3600)

    def test_an_oscillator_that_stopped_is_seen(self):
        world = World()
        world.clock.set(world.s)
        world.model.power_on()
        world.s += 1
        self.assertEqual(world.clock.now(), world.s)  # the module's clock carries on
        self.assertEqual(world.clock.quality(), 1)

    def test_no_chip_is_one_clear_error_and_the_time_is_set_all_the_same(self):
        world = World()
        world.wire.dead = True
        with self.assertRaises(MeterError) as caught:
            world.clock.set(world.s)
        self.assertTrue("ds3231: set" in str(caught.exception))
        self.assertTrue("check SDA, SCL" in str(caught.exception))
        self.assertEqual(world.clock.now(), world.s)
        self.assertEqual(world.clock.quality(), 1)

    def test_a_chip_that_does_not_hold_it_is_an_error(self):
        world = World()
        world.model.write = lambda data: setattr(world.model, "_pointer", data[0])
        with self.assertRaises(MeterError) as caught:
            world.clock.set(world.s)
        self.assertTrue("expected 1767225600" in str(caught.exception))


class TestDiscipline(unittest.TestCase):
    def test_right_time_leaves_the_second_alone(self):
        world = World()
        world.clock.set(world.s)
        world.start()
        sent = []
        write = world.model.write
        world.model.write = lambda data: (sent.append(len(data)), write(data))
        self.assertTrue(world.clock.discipline(world.s) is None)
        self.assertEqual(world.clock.quality(), 2)
        self.assertEqual(max(sent), 1)  # only pointers

    def test_it_learns_its_drift(self):
        for crystal_ppb in (4000, -4000):
            world = World(crystal_ppb)
            world.clock.discipline(world.s)
            trims = []
            for _ in range(20):
                world.s += 15 * DAY_S
                trims.append(world.clock.discipline(world.s))
                self.assertEqual(world.clock.now(), world.s)
            aging = world.model.registers[0x10]
            aging -= 256 if aging & 0x80 else 0
            self.assertTrue(abs(crystal_ppb - 100 * aging) <= 1600, aging)
            self.assertEqual([trim for trim in trims if trim][-1][1], aging)

    def test_a_step_is_no_drift(self):
        world = World()
        world.clock.discipline(world.s)
        world.s += 20 * DAY_S
        self.assertTrue(world.clock.discipline(world.s + 3600) is None)
        self.assertEqual(world.model.registers[0x10], 0)

    def test_what_a_person_set_says_nothing(self):
        world = World()
        world.clock.discipline(world.s)
        world.s += 20 * DAY_S
        world.clock.set(world.s + 10)
        self.assertTrue(world.clock.discipline(world.s) is None)
        self.assertEqual(world.model.registers[0x10], 0)

    def test_aging_stays_in_its_byte(self):
        world = World(-18000)
        world.clock.discipline(world.s)
        for _ in range(30):
            world.s += 15 * DAY_S
            world.clock.discipline(world.s)
        self.assertEqual(world.model.registers[0x10], 0x80)


class TestReference(unittest.TestCase):
    """The request `clock` with `reference`: what comms do with the time of NTP."""

    def metering(self):
        world = World(4000)
        world.clock.set(world.s)
        rig = Rig(world.s)
        rig.ports.clock = world.clock
        rig.push(tariffs.text())
        self.run_s(world, rig, 300)
        return world, rig

    def run_s(self, world, rig, seconds):
        for _ in range(seconds // 10):
            world.s += 10
            rig.ports.chip.add(imported=1)
            rig.meter.tick(rig.ports.clock.now())

    def events(self, rig):
        ring, found = rig.meter.journal.events[codes.CLOCK], []
        buf = bytearray(ring.slot_size)
        for seq in range(1, ring.last_seq + 1):
            if ring.read(seq, buf):
                record = Event()
                record.unpack(buf)
                found.append((record.group << 8 | record.code, record.before, record.after))
        return found

    def test_a_few_seconds_close_nothing_and_are_logged(self):
        for off_s in (3, -3):
            world, rig = self.metering()
            before = rig.ask("clock", utc=world.s + off_s, reference=True)
            self.assertEqual(before["before"], world.s)
            self.run_s(world, rig, 60)
            self.assertEqual(
                self.events(rig),
                [(codes.EVENT_CLOCK_SLEW, UNIX_2026 + 300, UNIX_2026 + 300 + off_s)],
            )
            self.assertEqual(rig.live.status & codes.CLOCK_STEP, 0)
            rate = rig.live.rates[0] + rig.live.rates[1]
            self.assertEqual(rate, rig.live.registers[0])

    def test_more_is_a_step(self):
        world, rig = self.metering()
        rig.ask("clock", utc=world.s + 5, reference=True)
        found = self.events(rig)
        self.assertEqual([event for event, _, _ in found], [codes.EVENT_CLOCK_SET])
        self.assertTrue(rig.live.status & codes.CLOCK_STEP)

    def test_the_right_time_leaves_no_event(self):
        world, rig = self.metering()
        rig.ask("clock", utc=world.s, reference=True)
        self.assertEqual(self.events(rig), [])

    def test_a_trimmed_speed_is_an_event(self):
        world, rig = self.metering()
        rig.ask("clock", utc=world.s, reference=True)
        world.s += 15 * DAY_S
        aging = rig.ask("clock", utc=world.s, reference=True)["aging"]
        self.assertEqual(aging[0], 0)
        self.assertTrue(aging[1] > 0)
        self.assertTrue((codes.EVENT_CLOCK_AGING, 0, aging[1]) in self.events(rig))


if __name__ == "__main__":
    unittest.main()
