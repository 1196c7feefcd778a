"""The load profile over COSEM: by entry, by range, and with rows that are lost."""

import json
import unittest

from cosem_client import (
    AARQ,
    NO_APDU,
    PROFILE,
    REFUSED,
    Client,
    between,
    entries,
    moment,
    stamp,
    started,
)


class TestProfile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = started()

    def setUp(self):
        self.client = Client(self.rig)
        self.rows = self.client.read(7, PROFILE, 2)

    def test_rows_have_the_end_of_their_interval_and_cumulative_registers(self):
        self.assertEqual(len(self.rows), 24)
        for n, row in enumerate(self.rows, 1):
            counted = 15_000 * n
            time = stamp(2026, 10, 5, 1, n // 4, n % 4 * 15)
            self.assertEqual((row[0], row[2], row[4], row[5]), (time, counted, counted // 2, 0))
        self.assertEqual(self.rows[3][3], 100 * 4)

    def test_the_octets_of_a_row(self):
        wanted = "0101" + "0207" + "090c07ea0a0501001e0000000000" + "12%04x" % self.rows[1][1]
        wanted += "15%016x15%016x15%016x15%016x" % (30_000, 200, 15_000, 0) + "1101"
        self.assertEqual(str(self.client.get(7, PROFILE, 2, entries(2, 2)).hex()), wanted)

    def test_capture_objects(self):
        found = self.client.read(7, PROFILE, 3)
        clock, status, rate = [8, "0000010000ff"], [1, "0000600a01ff"], [1, "0000600e00ff"]
        energies = [[3, "01000%d0800ff" % channel] for channel in (1, 2, 3, 4)]
        wanted = [[c, bytes.fromhex(n), 2, 0] for c, n in [clock, status] + energies + [rate]]
        self.assertEqual(found, wanted)
        self.assertEqual(self.client.read(7, PROFILE, 6), wanted[0])
        self.assertEqual([self.client.read(7, PROFILE, n) for n in (4, 5, 7, 8)], [900, 1, 24, 24])

    def test_by_entry(self):
        rows = self.rows
        for low, high, wanted in (
            (1, 1, rows[:1]),
            (2, 5, rows[1:5]),
            (20, 0, rows[19:]),
            (24, 99, rows[23:]),
            (25, 0, []),
            (9, 3, []),
        ):
            self.assertEqual(self.client.read(7, PROFILE, 2, entries(low, high)), wanted)
        columns = [row[2:4] for row in rows[:2]]
        self.assertEqual(self.client.read(7, PROFILE, 2, entries(1, 2, 3, 4)), columns)

    def test_by_range(self):
        rows = self.rows
        for since, until, wanted in (
            ((2026, 10, 5, 2), (2026, 10, 5, 3), rows[7:12]),
            ((2026, 10, 5, 2, 1), (2026, 10, 5, 2, 59), rows[8:11]),
            ((2026, 10, 5, 4, 0, 0xFF88), (2026, 10, 5, 5, 0, 0xFF88), rows[7:12]),  # UTC + 2 h
            ((2020, 1, 1, 0), (2099, 12, 31, 23), rows),
            ((2027, 1, 1, 0), (2028, 1, 1, 0), []),
            ((2025, 1, 1, 0), (2026, 1, 1, 0), []),
            ((2026, 10, 5, 3), (2026, 10, 5, 2), []),
        ):
            selection = between(moment(*since), moment(*until))
            self.assertEqual(self.client.read(7, PROFILE, 2, selection), wanted)

    def test_columns_of_a_range(self):
        chosen = (
            "0102"
            + "020412000309060100010800ff0f02120000"
            + "020412000809060000010000ff0f02120000"
        )
        selection = between(moment(2026, 10, 5, 2), moment(2026, 10, 5, 3), chosen)
        wanted = [[row[2], row[0]] for row in self.rows[7:12]]
        self.assertEqual(self.client.read(7, PROFILE, 2, selection), wanted)

    def test_selections_that_are_none(self):
        since, until = moment(2026, 10, 5, 2), moment(2026, 10, 5, 3)
        for selection in (
            entries(0, 1),
            entries(1, 1, 0),
            "02" + "0203" + "0600000001" + "0600000001" + "120001",
            "02" + "0600000001",
            between(since, "0600000001"),
            between(since, moment(2026, 13, 5, 3)),
            between(moment(0xFFFF, 10, 5, 2), until),
            between(since, until, "0101" + "020412000309060100090800ff0f02120000"),
            between(since, until, "0101" + "12000a"),
            between(since, until, clock="12000309060100010800ff0f02120000"),
            between(since, until, clock="12000809060000010000ff0f03120000"),
        ):
            self.assertEqual(self.client.get(7, PROFILE, 2, selection), REFUSED["type"], selection)
        self.assertEqual(self.client.get(7, PROFILE, 2, "03" + "0600000001"), REFUSED["scope"])

    def test_nested_without_end_is_no_apdu(self):
        request = "c001c10007" + PROFILE + "0201" + "02" + "0201" * 200
        self.assertEqual(self.client.send(request), NO_APDU)


class Thin:
    """Of a meter that answers, without some of its rows."""

    def __init__(self, service, lost):
        self._service, self._lost, self.asked, self.until = service, lost, 0, None

    def handle(self, role, line):
        request, answer = json.loads(line), self._service.handle(role, line)
        if request["do"] != "rows" or not request["args"]["n"]:
            return answer
        self.asked += 1
        if self.until is not None and self.asked > self.until:
            return b'{"id":1,"error":{"code":"meter","text":"gone"}}'
        found = json.loads(answer)["ok"]
        first = request["args"]["from_seq"]
        seqs = range(first, first + len(found["rows"]))
        found["rows"] = [row for seq, row in zip(seqs, found["rows"]) if seq not in self._lost]
        return json.dumps({"id": 1, "ok": found}).encode()


class TestLostRows(unittest.TestCase):
    def client(self, lost, until=None):
        rig = started()
        rig.service = Thin(rig.service, lost)
        rig.service.until = until
        return Client(rig)

    def test_each_has_an_entry_that_says_so(self):
        whole = Client(started()).read(7, PROFILE, 2)
        never = b"\xff" * 9 + b"\x80\x00\xff"
        for lost in ((1,), (24,), (3, 4), tuple(range(9, 17)), tuple(range(1, 25))):
            found = self.client(lost).read(7, PROFILE, 2)
            self.assertEqual(len(found), 24)
            for seq, row in enumerate(found, 1):
                self.assertEqual(row, [never] + [None] * 6 if seq in lost else whole[seq - 1])
        found = self.client((2,)).read(7, PROFILE, 2, entries(1, 3, 1, 3))
        self.assertEqual(found[1], [never, None, None])

    def test_a_meter_that_fails_half_way_ends_the_transfer(self):
        client = self.client((), until=2)
        client.send(AARQ + "0080")
        self.assertEqual(client.get(7, PROFILE, 2), 2)
        self.assertEqual(client.send("c002c100000001")[-2:], "10")


if __name__ == "__main__":
    unittest.main()
