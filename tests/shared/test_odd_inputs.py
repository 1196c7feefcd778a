"""What make fuzz has found: inputs that ended in an error of ours, and so in a reset."""

import json
import struct
import unittest
from binascii import crc32

import tariffs
from gate_rig import START, GateRig, some_keys
from plain_vault import PlainVault

from meter import calibration, prices_check, tariff_check
from meter.errors import MeterError
from meter.ring import SLOT_BITS, SLOT_MASK
from meter.security import update
from meter.security.seal import Seal
from meter.service import Refused

DAMAGED = (b"\0", b"\xff" * 3, b"\0" * 47, b"\xff" * 512)


class TestVault(unittest.TestCase):
    """A vault that holds what nobody here wrote: the meter says so, and goes on to meter."""

    def test_each_name_damaged(self):
        for name in ("lock", "lock_mqtt", "counters"):
            for data in DAMAGED:
                rig = GateRig(keys=some_keys(), sealed=True)
                rig.held[name] = data
                with self.assertRaises(MeterError):
                    rig.restart()

    def test_what_is_read_with_a_request(self):
        for name, do in (("orders", "hello"), ("view", "registers")):
            for data in DAMAGED[:2] * (name == "orders") + DAMAGED[2:]:
                rig = GateRig(keys=some_keys(), sealed=True)
                rig.held[name] = data
                self.assertEqual(rig.public(do)["error"]["code"], "meter", data)

    def test_a_seal_that_nobody_wrote_opens_nothing(self):
        now = START
        for state in (3, 5, 255):
            vault = PlainVault({"seal": struct.pack("<BxxxII", state, now - 1, now + 600)})
            seal = Seal(vault)
            self.assertEqual(seal.name, "broken")
            self.assertFalse(seal.repl_open(now))


def forge(rig, ring, at, where, data):
    """Alter a record in the flash, as somebody does who can write there and knows the format."""
    record = bytearray(ring.slot_size)
    assert ring.load(at, record)
    record[where : where + len(data)] = data
    crc = crc32(memoryview(record)[:-4], ring._start(at))
    record[-4:] = struct.pack("<I", crc)
    rig.ports.flash.put(ring.address(at >> SLOT_BITS, at & SLOT_MASK), record)


class TestForged(unittest.TestCase):
    """Records with the right CRC and what nobody here wrote: the meter comes up and says so."""

    def setUp(self):
        self.rig = GateRig()
        self.rig.push(tariffs.text())
        self.rig.run(86400 + 7200, step_s=900, imported=5)

    def test_a_register_at_its_end_is_no_reset_for_ever(self):
        """It cannot be counted on, and the meter says so at each tick and to whoever asks."""
        rig, journal = self.rig, self.rig.meter.journal
        for ring in journal.rings[:2]:
            if ring.keep[0] >= 0:
                forge(rig, ring, ring.keep[0], 16, b"\xff" * 6)  # the import register
        rig.cut(60)
        for _ in range(3):
            with self.assertRaises(MeterError) as raised:
                rig.run(120, step_s=1, imported=5)
            rig.meter.fault(raised.exception)  # as app does
        self.assertIn("does not fit", str(rig.ask("info")["alerts"]))

    def stopped(self):
        """It says what is wrong, and stays where it is instead of failing again and again."""
        rig = self.rig
        with self.assertRaises(MeterError) as raised:
            rig.cut(60)
        rig.meter.fault(raised.exception)  # as app does
        self.assertEqual(rig.meter.state, "stopped")
        self.assertIn("forged", rig.ask("info")["alerts"][0])
        rig.meter.tick(rig.ports.clock.utc)

    def test_a_seq_at_the_end_of_what_it_can_be(self):
        for name in ("snapshots", "profile", "ledger"):
            self.setUp()
            ring = getattr(self.rig.meter.journal, name)
            where = 0 if name == "profile" else 4
            forge(self.rig, ring, ring.newest_at, where, b"\xfe\xff\xff\xff")
            self.stopped()

    def test_a_seq_out_of_the_world_is_not_counted_up_to(self):
        rig, ring = self.rig, self.rig.meter.journal.snapshots
        forge(rig, ring, ring.newest_at, 4, struct.pack("<I", 0x7FFFFFF0))
        rig.cut(60)
        found = rig.meter.journal.snapshots
        self.assertEqual(found.last_seq, 0x7FFFFFF0)
        self.assertTrue(found.last_seq - found.first_seq < found.sectors * found.slots)
        rig.ask("bill")


class TestRequests(unittest.TestCase):
    """Numbers that no record can hold are refused before anything is done."""

    def test_a_letter_that_is_no_ascii_wherever_it_stands(self):
        """MicroPython would answer it as it is, and intern it where a text is looked at letter by
        letter: what is interned stays until the next reset."""
        rig = GateRig()
        for escaped in (b"\\u00e9", b"\\u4e00", b"\\ud83d", b"\\ud83d\\ude00"):
            for line in (
                b'{"id":"*","do":"info"}',
                b'{"id":1,"do":"*"}',
                b'{"id":1,"do":"rows","args":{"ring":"*","from_seq":1}}',
                b'{"id":1,"do":"info","args":{"*":1}}',
                b'{"id":1,"do":"info","args":{"a":["*"]}}',
            ):
                answer = rig.service.handle("maker", line.replace(b"*", escaped))
                self.assertTrue(max(answer) < 0x80, answer)
                self.assertEqual(json.loads(answer)["error"]["code"], "json")

    def refused(self, rig, do, **args):
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        self.assertEqual(
            json.loads(rig.service.handle("maker", line))["error"]["code"], "arguments"
        )

    def test_a_part_of_a_file_that_is_no_base64(self):
        rig = GateRig()
        for data in ("A", "AAA", "AAAAA", "=AAA", "AA=A"):
            self.refused(rig, "put", name="ab" * 32, at=0, size=9, data=data)

    def test_a_clock_that_no_record_can_hold(self):
        rig = GateRig()
        for utc in (1 << 32, 1 << 48, 1791176800074, (1 << 32) - 1):
            for reference in (False, True):
                self.refused(rig, "clock", utc=utc, reference=reference)
                self.assertEqual(rig.ports.clock.now(), START)
        rig.run(120)

    def test_a_salt_that_no_record_can_hold(self):
        rig = GateRig()
        rig.ports.flash.put(0, b"\xff" * (rig.ports.flash.sectors * 4096))
        rig.restart()
        self.assertEqual(rig.meter.state, "blank")
        for salt in (0, -1, 1 << 32, True, None, "1"):
            self.refused(rig, "format", salt=salt)
        self.assertEqual(rig.meter.state, "blank")


class TestDeepJson(unittest.TestCase):
    """Brackets in brackets: CPython gives up with an error of its own."""

    DEEP = (b"[" * 3000, b"[" * 3000 + b"]" * 3000, b'{"a":' * 1600)

    def test_tariffs_and_prices(self):
        for text in self.DEEP:
            for load in (tariff_check.load, prices_check.load):
                with self.assertRaises(MeterError):
                    load(text)

    def test_calibrations(self):
        for body in self.DEEP:
            data = struct.pack("<4sBBH", b"WLCA", 1, 0, len(body)) + body
            with self.assertRaises(MeterError):
                calibration.unpack(data + struct.pack("<I", crc32(data)))

    def test_manifests(self):
        for text in self.DEEP:
            with self.assertRaises(Refused):
                update.parse(text)


if __name__ == "__main__":
    unittest.main()
