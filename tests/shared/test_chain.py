"""The chains of evidence: what a tag is, what it covers, and that no cut or restart breaks one."""

import json
import struct
import unittest
from binascii import unhexlify
from hashlib import sha256

import tariffs
from layouts import fields_of
from rig import LAYOUT, Rig, unix

from boards.virtual.nor import PowerCut
from meter import chain, codes
from meter.fields import SIZES
from meter.limits import LINE_BYTES
from meter.records import Event, Ledger, Row, Snapshot

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
KEY = bytes(range(1, 33))
NONE = bytes(32)

# RFC 4231, section 4: key, data, HMAC-SHA-256; the last one is cut to 128 bits there.
VECTORS = (
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
)


def stored(ring):
    """-> bytes of all records that a ring holds, oldest first."""
    found, buf = [], bytearray(ring.slot_size)
    for seq in range(ring.first_seq, ring.last_seq + 1):
        if ring.read(seq, buf):
            found.append(bytes(buf))
    return found


def unpacked(ring, kind):
    found = []
    for raw in stored(ring):
        record = kind()
        record.unpack(raw)
        found.append(record)
    return found


def broken_links(ring, key, previous=NONE):
    """-> places at which a tag does not follow. previous: None is not known."""
    broken = []
    for place, raw in enumerate(stored(ring)):
        body = bytearray(raw)
        chain.field(body)[:] = NONE
        found = bytes(chain.field(raw))
        if previous is not None and chain.tag(key, previous, body[:-4]) != found:
            broken.append(place)
        previous = found
    return broken


def running(key=KEY):
    rig = Rig(START, key=key)
    rig.run(60)
    rig.push(tariffs.text())
    rig.run(60)
    return rig


def clock_event(rig, n):
    rig.meter.events.log(codes.EVENT_CLOCK_SET, n * 4000, n, n)


class TestTag(unittest.TestCase):
    def test_rfc_4231(self):
        for key, data, expected in VECTORS:
            found = chain.tag(key, data[:5], data[5:])
            self.assertEqual(found[: len(expected) // 2], unhexlify(expected))

    def test_the_field_is_where_the_layout_has_it(self):
        for kind in (Event, Snapshot, Ledger):
            record, buf, at = kind(), bytearray(kind.size), 0
            for name, code, count in fields_of(kind.layout):
                if name == "tag":
                    break
                at += SIZES[code] * count
            record.tag = KEY
            record.pack_into(buf)
            self.assertEqual(bytes(chain.field(buf)), KEY)
            self.assertEqual(bytes(buf[at : at + 32]), KEY)


class TestLinks(unittest.TestCase):
    def test_an_empty_ring_has_no_head(self):
        rig = Rig(START)
        self.assertEqual(chain.head(rig.meter.journal.ledger), (0, NONE))

    def test_all_rings_are_linked_from_the_first_record_on(self):
        rig = running()
        rig.run(3 * 86400, step_s=900, imported=900)
        rig.push(tariffs.text(name="another"))
        rig.run(900)
        for ring in rig.meter.journal.rings[3:]:
            self.assertEqual(broken_links(ring, KEY), [])
        counts = [ring.last_seq for ring in rig.meter.journal.rings[3:6]]
        self.assertEqual(counts, [2, 3, 0])

    def test_another_key_gives_another_chain(self):
        ring = running().meter.journal.events[codes.CONFIGURATION]
        places = list(range(ring.last_seq))
        self.assertTrue(places)
        self.assertEqual(broken_links(ring, NONE), places)
        ring = running(NONE).meter.journal.events[codes.CONFIGURATION]
        self.assertEqual(broken_links(ring, NONE), [])

    def test_a_restart_goes_on_where_the_chain_ended(self):
        rig = running()
        for off_s in (0, 30, 4000, 0):
            if off_s:
                rig.cut(off_s)
            else:
                rig.restart()
            rig.run(120)
        ring = rig.meter.journal.events[codes.POWER]
        self.assertEqual(ring.last_seq, 4)
        self.assertEqual(broken_links(ring, KEY), [])

    def test_a_record_that_is_stored_twice_counts_once(self):
        """What an interrupt leaves between the program and the count of it."""
        rig = running()
        ring = rig.meter.journal.events[codes.CLOCK]
        for n in range(3):
            clock_event(rig, n)
        ring.last_seq -= 1
        clock_event(rig, 7)
        clock_event(rig, 8)
        self.assertEqual([r.before for r in unpacked(ring, Event)], [0, 1, 7, 8])
        self.assertEqual(broken_links(ring, KEY), [])
        rig.restart()
        clock_event(rig, 9)
        ring = rig.meter.journal.events[codes.CLOCK]
        self.assertEqual([r.before for r in unpacked(ring, Event)], [0, 1, 7, 8, 9])
        self.assertEqual(broken_links(ring, KEY), [])

    def test_a_cut_at_any_byte_of_an_append(self):
        for cut_after in range(0, Event.size + 1, 3):
            rig = running()
            clock_event(rig, 1)
            rig.ports.flash.cut_after = cut_after
            try:
                clock_event(rig, 2)
            except PowerCut:
                pass
            rig.ports.flash.power_on()
            rig.cut(10)
            clock_event(rig, 3)
            clock_event(rig, 4)
            ring = rig.meter.journal.events[codes.CLOCK]
            self.assertIn([r.before for r in unpacked(ring, Event)], ([1, 3, 4], [1, 2, 3, 4]))
            self.assertEqual(broken_links(ring, KEY), [])

    def test_what_cannot_be_read_any_more_is_left_out(self):
        rig = running()
        ring = rig.meter.journal.events[codes.CLOCK]
        for n in range(3):
            clock_event(rig, n)
        at = ring.address(ring.newest_at >> 7, ring.newest_at & 127)
        rig.ports.flash.program(at + 20, bytes(8))
        clock_event(rig, 3)
        self.assertEqual([r.seq for r in unpacked(ring, Event)], [1, 2, 4])
        self.assertEqual(broken_links(ring, KEY), [])

    def test_a_ring_that_goes_round(self):
        rig = running()
        ring = rig.meter.journal.events[codes.CLOCK]
        for n in range(400):
            clock_event(rig, n)
            ring.prepare()
        self.assertTrue(ring.first_seq > 63)
        self.assertEqual(broken_links(ring, KEY, None), [])


class TestWhatARecordVouchesFor(unittest.TestCase):
    def test_a_snapshot_has_the_digest_of_the_rows_since_the_one_before(self):
        tiers = {"mode": "chronological", "per": "period", "bounds": [1_700_000]}
        rates = tariffs.data(tiers=tiers)["rates"]
        for rate in rates:
            rate["prices"] = rate["prices"] * 2
        rig = Rig(START, key=KEY)
        rig.run(7200)  # rows before the first snapshot
        rig.push(tariffs.text(tiers=tiers, rates=rates))
        rig.run(2 * 86400, step_s=900, imported=900)
        journal = rig.meter.journal
        rows, after = stored(journal.profile), 0
        snapshots = unpacked(journal.snapshots, Snapshot)
        self.assertEqual([s.reason for s in snapshots], [codes.DAY, codes.TIER, codes.DAY])
        for snapshot in snapshots:
            body = b"".join([row[:-4] for row in rows[after : snapshot.profile_seq]])
            self.assertEqual(snapshot.rows, sha256(body).digest()[:16])
            self.assertTrue(snapshot.profile_seq > after)
            after = snapshot.profile_seq

    def test_of_two_rows_with_one_seq_the_later_counts(self):
        rig = running()
        rig.run(4 * 900)
        journal, row, buf = rig.meter.journal, Row(), bytearray(Row.size)
        journal.profile.last_seq -= 1
        row.seq, row.import_mwh = journal.profile.last_seq + 1, 99
        row.pack_into(buf)
        journal.profile.append(buf)
        self.assertEqual(journal.profile.last_seq, 4)
        rig.meter.book.snapshot(codes.DAY, rig.live, rig.meter.contract, 0)
        rows = stored(journal.profile)
        self.assertEqual(struct.unpack_from("<I", rows[3], 8)[0], 99)
        body = b"".join([row[:-4] for row in rows])
        snapshot = unpacked(journal.snapshots, Snapshot)[-1]
        self.assertEqual((snapshot.profile_seq, snapshot.rows), (4, sha256(body).digest()[:16]))

    def test_a_profile_that_goes_round(self):
        """The rig's profile holds two weeks: the rows of a day lie over its end."""
        rig = running()
        for _ in range(20):
            rig.run(86400, step_s=900)
        journal = rig.meter.journal
        self.assertTrue(journal.profile.first_seq > 1)
        rows, first = stored(journal.profile), journal.profile.first_seq
        snapshots = unpacked(journal.snapshots, Snapshot)[-12:]
        self.assertEqual(len(snapshots), 12)
        for before, snapshot in zip(snapshots, snapshots[1:]):
            day = rows[before.profile_seq + 1 - first : snapshot.profile_seq + 1 - first]
            self.assertEqual(len(day), 96)
            digest = sha256(b"".join([row[:-4] for row in day])).digest()
            self.assertEqual(snapshot.rows, digest[:16])

    def test_a_ledger_record_has_the_heads_of_all_rings(self):
        rig = running()
        rig.run(86400, step_s=900)
        journal = rig.meter.journal
        first = unpacked(journal.ledger, Ledger)[0]
        self.assertEqual((first.ledger_head, first.profile_head), (bytes(16), bytes(16)))
        heads = [chain.head(ring)[1] for ring in journal.rings[3:]]
        rig.push(tariffs.text(name="another"))
        rig.run(60)
        second = unpacked(journal.ledger, Ledger)[1]
        self.assertEqual(second.ledger_head, heads[0][:16])
        self.assertEqual(second.profile_head, heads[1][:16])
        self.assertEqual(second.event_heads, b"".join([head[:4] for head in heads[2:]]))


class TestOnTheWire(unittest.TestCase):
    def test_registers_have_the_heads(self):
        rig = running()
        rig.run(86400, step_s=900)
        heads = rig.ask("registers", role="public")["heads"]
        rings = rig.meter.journal.rings[3:]
        self.assertEqual(len(heads), len(LAYOUT) - 3)
        for (seq, digits), ring in zip(heads, rings):
            self.assertEqual(seq, ring.last_seq)
            self.assertEqual(unhexlify(digits), chain.head(ring)[1][:8])
        self.assertTrue(rig.ask("info")["keyed"])
        self.assertFalse(running(NONE).ask("info")["keyed"])

    def test_with_the_longest_names_they_still_fit(self):
        names = ["%02d" % n + "x" * 30 for n in range(16)]
        made = [{"name": name, "export": 0, "prices": [1]} for name in names[:15]]
        export = [{"name": names[15], "prices": [1]}]
        rig = Rig(START, key=KEY)
        rig.push(tariffs.text(rates=made, exports=export))
        rig.run(120)
        for registers in (rig.live.registers, rig.live.rates):
            registers[:] = [10**12 - 1] * len(registers)  # a million kWh
        for ring in rig.meter.journal.rings[3:]:
            record = bytearray(ring.slot_size)
            chain.field(record)[:] = KEY
            ring.append(record, 123_456)
        line = json.dumps({"id": 1, "do": "registers"}).encode()
        answer = rig.service.handle("public", line)
        self.assertTrue(len(answer) <= LINE_BYTES)
        answer = json.loads(answer)["ok"]
        self.assertEqual((len(answer["heads"]), len(answer["registers"])), (7, 7 + 16))
        self.assertEqual(answer["names"], {})


if __name__ == "__main__":
    unittest.main()
