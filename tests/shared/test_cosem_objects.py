"""What the COSEM server makes of a running meter: registers, clock, calendar, by role."""

import struct
import unittest

import tariffs
from cosem_client import (
    CALENDAR,
    CLOCK,
    DEVICE,
    IMPORT,
    PROFILE,
    REFUSED,
    START,
    Client,
    entries,
    stamp,
    started,
)
from gate_rig import GateRig, some_keys
from rig import unix


class TestObjects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = started()

    def setUp(self):
        self.client = Client(self.rig)

    def test_registers_are_those_of_the_meter(self):
        registers = self.rig.ask("registers")["registers"]
        self.assertEqual(len(registers), 10)
        for code, value in registers.items():
            name = "0100" + "".join(["%02x" % int(part) for part in code.split(".")]) + "ff"
            self.assertEqual(self.client.read(3, name, 2), value)
        self.assertEqual(
            self.client.get(3, IMPORT, 2), b"\x15" + registers["1.8.0"].to_bytes(8, "big")
        )
        plus = registers["5.8.0"] + registers["6.8.0"]
        self.assertTrue(plus > 0)
        self.assertEqual(self.client.read(3, "0100030800ff", 2), plus)

    def test_scaler_and_unit(self):
        for code, wanted in (
            ("010800", 30),
            ("030800", 32),
            ("090800", 31),
            ("010700", 27),
            ("200700", 35),
            ("0e0700", 44),
            ("1f0700", 33),
        ):
            found = self.client.get(3, "0100" + code + "ff", 3)
            self.assertEqual(found, bytes((2, 2, 0x0F, 0xFD, 0x16, wanted)))

    def test_live_values(self):
        self.assertEqual(self.client.read(3, "0100200700ff", 2), 230_000)

    def test_names(self):
        self.assertEqual(self.client.read(1, DEVICE, 2), b"WTLtest")
        self.assertEqual(self.client.read(1, "0000600100ff", 2), b"test")
        self.assertEqual(self.client.read(1, "0100000202ff", 2), b"test")
        self.assertEqual(self.client.read(1, "0000800d00ff", 2), tariffs.MADRID.encode())
        self.assertEqual(self.client.read(1, DEVICE, 1), bytes.fromhex(DEVICE))

    def test_rate(self):
        self.assertEqual(self.rig.ask("info")["rate"], "day")
        self.assertEqual(self.client.read(1, "0000600e00ff", 2), 2)

    def test_clock(self):
        for quality, status in ((2, 0), (1, 2), (0, 1)):
            self.rig.ports.clock.good = quality
            time = self.client.read(8, CLOCK, 2)
            self.assertEqual(time, stamp(2026, 10, 5, 1, 6, 0, status))
            self.assertEqual(self.client.read(8, CLOCK, 4), status)
        self.rig.ports.clock.good = 2
        self.assertEqual(self.client.get(8, CLOCK, 3), b"\x10\x00\x00")
        self.assertEqual(self.client.get(8, CLOCK, 8), b"\x03\x00")

    def test_what_there_is_not(self):
        for class_id, name, attribute, why in (
            (3, "0100010863ff", 2, "undefined"),
            (3, "0100630863ff", 1, "undefined"),
            (3, "01000108007f", 2, "undefined"),
            (3, "0100800700ff", 2, "undefined"),  # a price: no COSEM unit
            (1, "000000000000", 2, "undefined"),
            (1, IMPORT, 2, "class"),
            (3, DEVICE, 2, "class"),
            (8, CLOCK, 0, "undefined"),
            (8, CLOCK, 10, "undefined"),
            (8, CLOCK, 0xFF, "undefined"),
            (15, "0000280000ff", 7, "denied"),
        ):
            self.assertEqual(self.client.get(class_id, name, attribute), REFUSED[why])
        self.assertEqual(self.client.get(8, CLOCK, 2, entries(1, 1)), REFUSED["scope"])

    def test_each_attribute_of_each_object_in_the_list_can_be_read(self):
        found = self.client.read(15, "0000280000ff", 2)
        names = [name for _, _, name, _ in found]
        self.assertEqual(len(names), len(set(names)))
        for class_id, _, name, (attributes, methods) in found:
            self.assertEqual(methods, [])
            self.assertEqual([a[0] for a in attributes], list(range(1, len(attributes) + 1)))
            for attribute, mode, selectors in attributes:
                secret = (class_id, attribute) == (15, 7)
                self.assertEqual(mode, 0 if secret else 1)
                self.assertEqual(selectors, [1, 2] if (class_id, attribute) == (7, 2) else None)
                if not secret:
                    self.client.read(class_id, str(name.hex()), attribute)
            self.assertEqual(self.client.get(class_id, str(name.hex()), len(attributes) + 1), 4)
        classes = [part[0] for part in found]
        self.assertEqual([classes.count(n) for n in (15, 8, 7, 20, 11)], [1] * 5)

    def test_nothing_but_reads_is_asked(self):
        self.test_each_attribute_of_each_object_in_the_list_can_be_read()
        asked = sorted({do for do, _ in self.client.calls})
        self.assertEqual(asked, ["get", "info", "live", "registers", "rows"])


class TestRoles(unittest.TestCase):
    def test_the_public_has_totals_and_clock(self):
        client = Client(started(), "public")
        found = client.read(15, "0000280000ff", 2)
        self.assertTrue(bytes.fromhex(IMPORT) in [part[2] for part in found])
        self.assertEqual({part[0] for part in found}, {1, 3, 8, 15})
        self.assertEqual(client.get(7, PROFILE, 2), REFUSED["undefined"])
        self.assertEqual(client.get(20, CALENDAR, 2), REFUSED["undefined"])
        self.assertEqual(client.get(3, "0100010700ff", 2), REFUSED["denied"])

    def test_of_a_sealed_meter_as_much_as_its_view_says(self):
        rig = started(sealed=True)
        client = Client(rig, "public")
        rated = "0100010801ff"
        for view, total, rate in ((0, 3, 3), (1, b"\x15", 4), (2, b"\x15", b"\x15")):
            rig.vault.store("view", struct.pack("<BH", view, 0))
            for name, wanted in ((IMPORT, total), (rated, rate)):
                got = client.get(3, name, 2)
                self.assertEqual(got if isinstance(got, int) else got[:1], wanted)
            names = [part[2] for part in client.read(15, "0000280000ff", 2)]
            self.assertEqual(bytes.fromhex(IMPORT) in names, view > 0)
            self.assertEqual(bytes.fromhex(rated) in names, view == 2)

    def test_a_reader_sees_as_many_days_as_the_view_says(self):
        rig = started(sealed=True)
        rig.run(3 * 86400, step_s=900, imported=900)
        client = Client(rig)
        self.assertEqual(len(client.read(7, PROFILE, 2)), 24 + 288)
        rig.vault.store("view", struct.pack("<BH", 1, 1))
        rows = client.read(7, PROFILE, 2)
        self.assertEqual(len(rows), client.read(7, PROFILE, 7))
        self.assertEqual((rows[0][0], len(rows)), (stamp(2026, 10, 7, 3, 6), 97))
        self.assertEqual({row[6] for row in rows}, {1, 2})  # of 1.8.1 and 1.8.2
        self.assertEqual(client.read(7, PROFILE, 2, entries(1, 1)), rows[:1])


class TestCalendar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = started(
            seasons=[[4, 1, 1], [10, 1, 0]],
            weeks=[[0] * 5 + [1, 1], [1] * 7],
            days=[[[0, 0], [480, 1], [1350, 0]], [[0, 0]]],
            special_days=[[0, 12, 25, 1], [2026, 5, 1, 0]],
            source="x" * 700,  # so that the lists begin and end in several parts of the file
        )

    def setUp(self):
        self.client = Client(self.rig)

    def test_active(self):
        read = self.client.read
        self.assertEqual(read(20, CALENDAR, 2), self.rig.ask("info")["tariff"]["active"].encode())
        start = b"\xff\xff\x04\x01\xff\x00\x00\x00\x00\x80\x00\xff"
        seasons = read(20, CALENDAR, 3)
        self.assertEqual(seasons[0], [b"S1", start, b"W2"])
        self.assertEqual([season[2] for season in seasons], [b"W2", b"W1"])
        weeks = read(20, CALENDAR, 4)
        self.assertEqual(weeks, [[b"W1"] + [1] * 5 + [2, 2], [b"W2"] + [2] * 7])
        script = bytes.fromhex("00000a0064ff")
        first = [[b"\x00\x00\x00\x00", script, 1], [b"\x08\x00\x00\x00", script, 2]]
        first.append([b"\x16\x1e\x00\x00", script, 1])
        self.assertEqual(read(20, CALENDAR, 5), [[1, first], [2, first[:1]]])

    def test_special_days(self):
        found = self.client.read(11, "00000b0000ff", 2)
        self.assertEqual(found, [[1, b"\xff\xff\x0c\x19\xff", 2], [2, b"\x07\xea\x05\x01\xff", 1]])

    def test_passive(self):
        never = b"\xff" * 9 + b"\x80\x00\xff"
        read = self.client.read
        self.assertEqual(
            [read(20, CALENDAR, n) for n in (6, 7, 8, 9, 10)], [b"", [], [], [], never]
        )
        self.rig.push(tariffs.text(name="next", weeks=[[0] * 7]), unix(2026, 11, 2))
        digest = self.rig.ask("info")["tariff"]["passive"]
        self.assertEqual(read(20, CALENDAR, 6), digest.encode())
        self.assertEqual(read(20, CALENDAR, 8), [[b"W1"] + [1] * 7])
        self.assertEqual(read(20, CALENDAR, 10)[:8], b"\x07\xea\x0b\x02\x01\x00\x00\x00")

    def test_a_name_may_stand_in_two_parts_of_the_file(self):
        for cut in range(1, 7):
            place = tariffs.text(source="").find(b'"days":')
            rig = started(source="x" * (1024 - place - cut))
            client = Client(rig)
            self.assertEqual(len(client.read(20, CALENDAR, 5)), 1)
            self.assertEqual(client.read(1, "0000800d00ff", 2), tariffs.MADRID.encode())

    def test_without_its_file_the_lists_fail_and_the_name_stays(self):
        held, self.rig.ports.files.held = self.rig.ports.files.held, {}
        self.assertEqual(self.client.get(20, CALENDAR, 5), 2)
        self.assertEqual(self.client.get(1, "0000800d00ff", 2), 2)
        self.assertEqual(len(self.client.read(20, CALENDAR, 2)), 16)
        self.rig.ports.files.held = held

    def test_a_meter_without_a_tariff_has_an_empty_calendar(self):
        client = Client(GateRig(START, keys=some_keys()))
        self.assertEqual([client.read(20, CALENDAR, n) for n in (2, 3, 4, 5)], [b"", [], [], []])
        self.assertEqual(client.read(11, "00000b0000ff", 2), [])
        self.assertEqual(client.read(1, "0000800d00ff", 2), b"")
        self.assertEqual(client.read(7, PROFILE, 2), [])


if __name__ == "__main__":
    unittest.main()
