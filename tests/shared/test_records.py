"""Records to bytes and back; the offsets are typed in here, not taken from the layouts."""

import struct
import unittest

from layouts import fields_of

from meter.errors import MeterError
from meter.records import RECORDS, EState, Event, Ledger, Row, Snapshot, WState

U48_MAX = (1 << 48) - 1
SIZES = {EState: 256, WState: 256, Row: 64, Event: 64, Snapshot: 256, Ledger: 512}


def filled(record, seed=1):
    """Give every field another value, the widest ones among them."""
    value = seed
    for name, code, count in fields_of(record.layout):
        value += 1
        if name in ("kind", "version") or code == "x":
            continue
        if code == "s":
            setattr(record, name, bytes((value + i) & 0xFF for i in range(count)))
        elif count == 1:
            setattr(record, name, value)
        else:
            setattr(record, name, [U48_MAX - i if code == "u48" else i for i in range(count)])
    return record


def u48(buf, at):
    low, high = struct.unpack_from("<IH", buf, at)
    return low | high << 32


class TestRoundTrip(unittest.TestCase):
    def test_what_is_packed_is_unpacked(self):
        for kind in RECORDS:
            buf = bytearray(b"\xaa" * kind.size)
            record = filled(kind())
            record.pack_into(buf)
            again = kind()
            again.unpack(buf)
            for name, code, _ in fields_of(kind.layout):
                if code != "x":
                    self.assertEqual(getattr(again, name), getattr(record, name), name)

    def test_sizes_and_the_crc_is_left_to_the_ring(self):
        for kind in RECORDS:
            self.assertEqual(kind.size, SIZES[kind])
            buf = bytearray(b"\xaa" * kind.size)
            kind().pack_into(buf)
            self.assertEqual(bytes(buf[-4:]), b"\xaa" * 4)
            self.assertFalse(b"\xaa" in bytes(buf[:-4]), "a byte was left out")

    def test_a_memoryview_will_do(self):
        buf = bytearray(512)
        view = memoryview(buf)[:64]
        filled(Row()).pack_into(view)
        row = Row()
        row.unpack(view)
        self.assertEqual(row.seq, 2)

    def test_money_and_changes_may_be_negative(self):
        w, buf = WState(), bytearray(256)
        w.money = [-1, -(10**30), (1 << 127) - 1, -(1 << 127)]
        w.pack_into(buf)
        again = WState()
        again.unpack(buf)
        self.assertEqual(again.money, w.money)
        event, buf = Event(), bytearray(64)
        event.before, event.after = -(1 << 63), (1 << 63) - 1
        event.pack_into(buf)
        event.unpack(buf)
        self.assertEqual((event.before, event.after), (-(1 << 63), (1 << 63) - 1))

    def test_unpacked_lists_are_new(self):
        mine = [5] * 7
        e, buf = EState(), bytearray(256)
        e.registers = mine
        e.pack_into(buf)
        e.registers[0] = 6
        e.unpack(buf)
        self.assertEqual((e.registers[0], mine[0]), (5, 6))


class TestBounds(unittest.TestCase):
    def test_a_register_beyond_48_bits_is_refused(self):
        for value in (U48_MAX + 1, -1):
            e = EState()
            e.registers[3] = value
            with self.assertRaises(MeterError):
                e.pack_into(bytearray(256))

    def test_a_short_digest_is_a_bug(self):
        w = WState()
        w.active_digest = b"short"
        with self.assertRaises(AssertionError):
            w.pack_into(bytearray(256))

    def test_another_kind_or_version_is_refused(self):
        buf = bytearray(256)
        WState().pack_into(buf)
        with self.assertRaises(MeterError):
            EState().unpack(buf)
        EState().pack_into(buf)
        buf[1] = 2
        with self.assertRaises(MeterError):
            EState().unpack(buf)


class TestOffsets(unittest.TestCase):
    """What is in the flash of meters that are in the field."""

    def test_header(self):
        for kind, code in ((EState, 0x45), (WState, 0x57), (Snapshot, 0x53), (Ledger, 0x4C)):
            record = kind()
            record.flags, record.seq, record.utc = 0x1234, 0x89ABCDEF, 0xFEDCBA98
            record.boot, record.ms = 0x4321, 999
            buf = bytearray(kind.size)
            record.pack_into(buf)
            head = struct.unpack_from("<BBHIIHH", buf, 0)
            self.assertEqual(head, (code, 1, 0x1234, 0x89ABCDEF, 0xFEDCBA98, 0x4321, 999))

    def test_e(self):
        e, buf = EState(), bytearray(256)
        e.registers = [U48_MAX - i for i in range(7)]
        e.rates = [100 + i for i in range(16)]
        e.carries = [0xFFFFFFFF, 1, 2, 3, 4, 5, 6]
        e.interval_status, e.v_min_dv, e.v_max_dv, e.price_id = 1, 2, 3, 4
        e.sliding = [10 + i for i in range(11)]
        e.window_rate, e.window_flags, e.limiter_flags = 5, 6, 7
        e.window_mwh, e.limiter_mwh, e.limiter_windows, e.commit = 8, 9, 10, 11
        e.pack_into(buf)
        for i in range(7):
            self.assertEqual(u48(buf, 16 + 6 * i), U48_MAX - i)
        for i in range(16):
            self.assertEqual(u48(buf, 58 + 6 * i), 100 + i)
        carries = struct.unpack_from("<7I", buf, 154)
        self.assertEqual(carries, (0xFFFFFFFF, 1, 2, 3, 4, 5, 6))
        self.assertEqual(struct.unpack_from("<4H", buf, 182), (1, 2, 3, 4))
        self.assertEqual(struct.unpack_from("<11I", buf, 190), tuple(range(10, 21)))
        self.assertEqual(struct.unpack_from("<4B", buf, 234), (5, 6, 7, 0))
        self.assertEqual(struct.unpack_from("<IIHI", buf, 238), (8, 9, 10, 11))

    def test_w(self):
        w, buf = WState(), bytearray(256)
        w.active_digest, w.active_since = b"activeXX", 1
        w.passive_digest, w.passive_at = b"passive!", 2
        w.period_start, w.period, w.period_flags = 3, 4, 5
        w.tier_base_mwh, w.tiers = U48_MAX, 0x7654
        w.demand = list(range(24))
        w.money = [-1, 2, 3, 4]
        w.limiter_state, w.limiter_trips, w.limiter_since = 7, 9, 10
        w.price_digest, w.price_expiry, w.outputs, w.commit = b"prices!!", 13, 14, 15
        w.export_mask = 0xC000
        w.pack_into(buf)
        pointers = struct.unpack_from("<8sI8sI", buf, 16)
        self.assertEqual(pointers, (b"activeXX", 1, b"passive!", 2))
        self.assertEqual(struct.unpack_from("<IHH", buf, 40), (3, 4, 5))
        self.assertEqual((u48(buf, 48), buf[54], buf[55]), (U48_MAX, 0x54, 0x76))
        self.assertEqual(struct.unpack_from("<24I", buf, 56), tuple(range(24)))
        self.assertEqual(bytes(buf[152:168]), b"\xff" * 16)
        self.assertEqual(struct.unpack_from("<QQ", buf, 168), (2, 0))
        self.assertEqual(struct.unpack_from("<BBHII", buf, 216), (7, 0, 9, 10, 0))
        rest = struct.unpack_from("<8sIIHHI", buf, 228)
        self.assertEqual(rest, (b"prices!!", 13, 14, 0xC000, 0, 15))

    def test_row_and_event(self):
        row, buf = Row(), bytearray(64)
        row.seq, row.utc, row.import_mwh, row.export_mwh = 1, 2, U48_MAX, 3
        row.reactive_plus_mvarh, row.reactive_minus_mvarh = 4, U48_MAX
        row.status, row.rate, row.tier, row.price_id = 5, 6, 7, 8
        row.v_min_dv, row.v_max_dv, row.duration_s = 9, 10, 11
        row.price_nano, row.export_nano = -12, 13
        row.pack_into(buf)
        self.assertEqual(struct.unpack_from("<II", buf, 0), (1, 2))
        energies = [u48(buf, at) for at in (8, 14, 20, 26)]
        self.assertEqual(energies, [U48_MAX, 3, 4, U48_MAX])
        self.assertEqual(struct.unpack_from("<HBBHHHH", buf, 32), (5, 6, 7, 8, 9, 10, 11))
        self.assertEqual(struct.unpack_from("<qq", buf, 44), (-12, 13))
        event, buf = Event(), bytearray(64)
        event.seq, event.utc, event.group, event.code, event.count = 1, 2, 3, 4, 5
        event.before, event.after, event.tag = -6, 7, b"t" * 32
        event.pack_into(buf)
        self.assertEqual(struct.unpack_from("<IIBBHqq", buf, 0), (1, 2, 3, 4, 5, -6, 7))
        self.assertEqual(bytes(buf[28:60]), b"t" * 32)

    def test_snapshot(self):
        record, buf = filled(Snapshot()), bytearray(256)
        record.reason, record.tier, record.period, record.digest = 1, 2, 3, b"tariff-8"
        record.registers[0], record.rates[15] = 4, 5
        record.profile_seq, record.money, record.tag = 6, [7, -1], b"t" * 32
        record.pack_into(buf)
        self.assertEqual(struct.unpack_from("<BBH8s", buf, 16), (1, 2, 3, b"tariff-8"))
        self.assertEqual((u48(buf, 28), u48(buf, 160)), (4, 5))
        self.assertEqual(struct.unpack_from("<IQQ", buf, 166), (6, 7, 0))
        self.assertEqual(bytes(buf[186:234]), b"\xff" * 16 + b"t" * 32)

    def test_ledger(self):
        record, buf = filled(Ledger()), bytearray(512)
        record.reason, record.tier, record.period, record.period_start = 1, 2, 3, 4
        record.digest, record.registers[0], record.rates[15] = b"d" * 32, 5, 6
        record.profile_seq, record.snapshot_seq = 7, 8
        record.demand, record.money = list(range(24)), [9, 10, 11, -1]
        record.profile_head, record.ledger_head = b"p" * 16, b"l" * 16
        record.event_heads, record.tag, record.software = b"e" * 20, b"t" * 32, b"s" * 32
        record.pack_into(buf)
        self.assertEqual(struct.unpack_from("<BBHI32s", buf, 16), (1, 2, 3, 4, b"d" * 32))
        self.assertEqual((u48(buf, 56), u48(buf, 188)), (5, 6))
        self.assertEqual(struct.unpack_from("<II", buf, 194), (7, 8))
        self.assertEqual(struct.unpack_from("<24I", buf, 202), tuple(range(24)))
        self.assertEqual(bytes(buf[346:362]), b"\xff" * 16)
        heads = struct.unpack_from("<16s16s20s32s32s", buf, 362)
        self.assertEqual(heads, (b"p" * 16, b"l" * 16, b"e" * 20, b"t" * 32, b"s" * 32))
        self.assertEqual(bytes(buf[478:508]), bytes(30))


if __name__ == "__main__":
    unittest.main()
