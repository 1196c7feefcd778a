"""The record of a calibration, its two copies, and the requests of somebody who calibrates."""

import binascii
import hashlib
import unittest

from rig import Chip, Rig, unix

from meter import calibration, codes
from meter.errors import MeterError
from meter.rows import EVENT_SIZE, Event

RECORD = {
    "ic": "ATM90E32AS",
    "utc": 1767225600,
    "reference": "bench 7, class 0.05",
    "registers": {"UgainA": 0x8123, "PhiA": 36},
    "results": [[0, 230000, 5000, 0, -120], [0, 230000, 5000, 60000, 310]],
}


class Atm90e32(Chip):
    """A chip that notes what it was started with."""

    def __init__(self):
        Chip.__init__(self)
        self.started = []

    def start(self, values):
        self.started.append(values)
        if "wrong" in values:
            raise MeterError("atm90e32: calibration: wrong: calibrate")


class Store:
    """The store port, in RAM."""

    def __init__(self):
        self.held, self.files, self.broken = [None, None], {}, False

    def copies(self):
        return list(self.held)

    def candidate(self, digest):
        return self.files.get(digest)

    def store(self, data):
        if self.broken:
            raise MeterError("calibration: not stored: full")
        self.held = [data, data]


def changed(**fields):
    record = dict(RECORD)
    record.update(fields)
    return record


class TestRecord(unittest.TestCase):
    def test_round_trip(self):
        data = calibration.pack(RECORD)
        self.assertEqual(calibration.unpack(data), RECORD)

    def test_layout(self):
        data = calibration.pack(RECORD)
        self.assertEqual(data[:6], b"WLCA\x01\x00")
        self.assertEqual(int.from_bytes(data[6:8], "little"), len(data) - 12)
        self.assertEqual(int.from_bytes(data[-4:], "little"), binascii.crc32(data[:-4]))

    def test_every_flipped_bit_and_every_cut_is_caught(self):
        good = calibration.pack(RECORD)
        for bit in range(8 * len(good)):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(MeterError):
                calibration.unpack(bytes(bad))
        for size in range(len(good)):
            with self.assertRaises(MeterError):
                calibration.unpack(good[:size])

    def test_what_is_no_record_is_refused(self):
        wrong = (
            changed(utc="now"),
            changed(registers={"UgainA": "0x8000"}),
            changed(results=[[1, 2, 3]]),
            changed(more=1),
            [],
        )
        for record in wrong:
            with self.assertRaises(MeterError):
                calibration.pack(record)

    def test_too_long(self):
        with self.assertRaises(MeterError):
            calibration.pack(changed(reference="x" * 2048))


class TestChoose(unittest.TestCase):
    def setUp(self):
        self.data = calibration.pack(RECORD)
        self.other = calibration.pack(changed(utc=5))

    def choose(self, *copies):
        return calibration.choose(copies, "ATM90E32")

    def test_never_calibrated(self):
        self.assertEqual(self.choose(None, None), (None, None, None))

    def test_both_good(self):
        self.assertEqual(self.choose(self.data, self.data), (self.data, RECORD, None))

    def test_one_copy_is_enough_and_is_told(self):
        broken = self.data[:-1] + b"?"
        for copies in (
            (None, self.data),
            (self.data, None),
            (broken, self.data),
            (self.data, broken),
            (b"", self.data),
        ):
            data, record, fault = self.choose(*copies)
            self.assertEqual((data, record), (self.data, RECORD))
            self.assertTrue("a copy was" in fault)

    def test_the_first_of_two_good_ones_counts(self):
        data, _, fault = self.choose(self.data, self.other)
        self.assertEqual(data, self.data)
        self.assertTrue("another" in fault)

    def test_no_good_one_is_no_silent_default(self):
        data, record, fault = self.choose(b"", self.data[:-1] + b"?")
        self.assertEqual((data, record), (None, None))
        self.assertTrue("datasheet values" in fault)

    def test_of_another_ic(self):
        data, _, fault = calibration.choose((self.data, self.data), "ADE7953")
        self.assertEqual(data, None)
        self.assertTrue("of ATM90E32AS, expected ADE7953" in fault)


class TestRequests(unittest.TestCase):
    def setUp(self):
        self.rig = rig = Rig(unix(2026, 1, 1))
        rig.ports.chip = rig.meter.ports.chip = self.chip = Atm90e32()
        rig.ports.calibration, self.store = {}, Store()
        rig.ports.calibration_store = lambda: self.store
        rig.meter.calibration_fault = None

    def put(self, record):
        data = calibration.pack(record)
        digest = hashlib.sha256(data).digest().hex()
        self.store.files[digest] = data
        return data, digest

    def events(self):
        ring, buf, found = (
            self.rig.meter.journal.events[codes.CONFIGURATION],
            bytearray(EVENT_SIZE),
            [],
        )
        for seq in range(1, ring.last_seq + 1):
            self.assertTrue(ring.read(seq, buf))
            event = Event()
            event.unpack(buf)
            if event.code == codes.EVENT_CALIBRATION & 0xFF:
                found.append((event.before, event.after))
        return found

    def test_write_and_read_back(self):
        data, digest = self.put(changed(reference="long " * 150))
        answer = self.rig.ask("calibration", digest=digest)
        self.assertEqual((answer["digest"], answer["size"]), (digest, len(data)))
        self.assertEqual(self.store.held, [data, data])
        self.assertEqual(self.chip.started, [RECORD["registers"]])
        self.assertEqual(self.rig.ports.calibration, RECORD["registers"])
        read = b""
        while len(read) < len(data):
            part = self.rig.ask("calibration", **{"from": len(read)})
            read += binascii.a2b_base64(part["data"].encode())
        self.assertEqual(read, data)

    def test_an_event_says_what_was_and_what_is(self):
        _, digest_1 = self.put(RECORD)
        _, digest_2 = self.put(changed(utc=1767225700))
        self.rig.ask("calibration", digest=digest_1)
        self.rig.run(60)
        self.rig.ask("calibration", digest=digest_2)
        heads = [int(digest[:14], 16) for digest in (digest_1, digest_2)]
        self.assertEqual(self.events(), [(0, heads[0]), (heads[0], heads[1])])

    def test_energy_until_then_is_counted_first(self):
        _, digest = self.put(RECORD)
        self.rig.run(60)
        self.chip.add(imported=600)
        self.rig.ports.clock.utc += 30
        self.rig.ask("calibration", digest=digest)
        self.assertEqual(self.rig.live.registers[0], 600 * 50 // 3)

    def refused(self, role="maker", **args):
        with self.assertRaises(AssertionError) as raised:
            self.rig.ask("calibration", role, **args)
        self.assertEqual(self.store.held, [None, None])
        self.assertEqual(self.events(), [])
        return str(raised.exception)

    def test_only_the_maker(self):
        _, digest = self.put(RECORD)
        self.assertTrue("ask as maker" in self.refused("utility", digest=digest))
        self.assertEqual(self.chip.started, [])
        with self.assertRaises(AssertionError):
            self.rig.ask("measure", "utility", ticks=1)

    def test_refused_and_nothing_changed(self):
        _, other = self.put(changed(ic="ADE7953"))
        self.assertTrue("for ADE7953" in self.refused(digest=other))
        self.assertTrue("no file" in self.refused(digest="0" * 64))
        data, digest = self.put(RECORD)
        self.store.files[digest] = data[:-1] + b"?"
        self.assertTrue("no file" in self.refused(digest=digest))
        self.assertEqual(self.chip.started, [])

    def test_values_that_the_chip_refuses(self):
        self.rig.ports.calibration = {"UgainA": 1}
        _, digest = self.put(changed(registers={"wrong": 1}))
        self.refused(digest=digest)
        self.assertEqual(self.chip.started, [{"wrong": 1}, {"UgainA": 1}])

    def test_a_record_that_cannot_be_kept_is_not_in_force(self):
        self.rig.ports.calibration, self.store.broken = {"UgainA": 1}, True
        _, digest = self.put(RECORD)
        with self.assertRaises(AssertionError):
            self.rig.ask("calibration", digest=digest)
        self.assertEqual(self.chip.started, [RECORD["registers"], {"UgainA": 1}])
        self.assertEqual(self.rig.ports.calibration, {"UgainA": 1})

    def test_a_fault_is_an_alert_and_an_event(self):
        self.rig.meter.miscalibrated("calibration: a copy was broken")
        self.assertTrue("a copy was broken" in str(self.rig.ask("info")["alerts"]))
        ring = self.rig.meter.journal.events[codes.CONFIGURATION]
        buf, event = bytearray(EVENT_SIZE), Event()
        self.assertTrue(ring.read(ring.last_seq, buf))
        event.unpack(buf)
        self.assertEqual(event.code, codes.EVENT_CALIBRATION_LOST & 0xFF)
        _, digest = self.put(RECORD)
        self.rig.ask("calibration", digest=digest)
        self.assertEqual(self.rig.ask("info")["alerts"], [])

    def test_measure(self):
        with self.assertRaises(AssertionError):
            self.rig.ask("measure")
        self.rig.ask("measure", ticks=10)
        self.rig.run(7 * 1, step_s=1, imported=5)  # skipped, and one to begin from
        self.assertEqual(self.rig.ask("measure")["ticks"], 0)
        self.rig.run(30, step_s=1, imported=7)
        found = self.rig.ask("measure")
        self.assertEqual((found["ticks"], found["of"], found["seconds"]), (10, 10, 10))
        self.assertEqual(found["v_mv"], [2300000, 0, 0])
        self.assertEqual(found["counts"][:3], [70, 0, 30])
        self.assertEqual(found["counts"][6], None)


if __name__ == "__main__":
    unittest.main()
