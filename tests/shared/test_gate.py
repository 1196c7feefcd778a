"""The gate: who is let in, and that everybody else learns and alters nothing."""

import json
import struct
import unittest
from binascii import a2b_base64, b2a_base64, hexlify

import tariffs
from gate_rig import (
    CHANGE,
    HEADER,
    READ,
    REFUSED,
    SERIAL,
    START,
    Client,
    GateRig,
    in_line,
    some_keys,
)

from boards.virtual.nor import PowerCut
from meter import codes, service
from meter.errors import MeterError
from meter.limits import LINE_BYTES

OTHER = bytes((0x24, 0x6F, 0x28, 9, 9, 9))
JUNK = (
    b"",
    b"\0",
    b"\x01\x02\x03\x04\x05",
    b"\xff" * 80,
    b"WL1",
    b"WL1 ",
    b"WL1 " + b"A" * 1597,
    b"x" * 1600,
    b"{" * 1000,
    b"[" * 1000,
    b'{"id":' + b"[" * 400 + b"]" * 400 + b',"do":"info"}',
    b'{"id":[1],"do":"info"}',
    b'{"id":{"a":1},"do":"info"}',
    b'{"id":' + b"9" * 900 + b',"do":"info"}',
    b'{"id":"\xc3\xa9","do":"info"}',
    b'{"id":1.5,"do":"info"}',
    b'{"id":1e400,"do":"info"}',
    b'{"id":NaN,"do":"info"}',
    b'{"id":1,"do":"info","args":{"x":1e999}}',
    b'{"id":1,"do":"info","do":"live"}',
    b'{"id":1,"do":"' + b"y" * 900 + b'"}',
    b'{"id":1,"do":["info"]}',
    b'{"id":1,"do":"info","args":[]}',
)
LOCKED = codes.EVENT_LOCKED & 255


def sealed():
    return GateRig(keys=some_keys(), sealed=True)


def plain_line(do, **args):
    return json.dumps({"id": 1, "do": do, "args": args}).encode()


def unwrapped(line):
    return a2b_base64(line[4:])


def wrapped(data):
    return b"WL1 " + b2a_base64(data).strip()


def spoilt(line):
    """-> the same envelope with a wrong tag"""
    data = bytearray(unwrapped(line))
    data[-1] ^= 1
    return wrapped(data)


class GateCase(unittest.TestCase):
    def setUp(self):
        self.rig = sealed()
        self.client = Client(self.rig, "utility")

    def fresh(self, do="live", **more):
        """-> an envelope that would be let in"""
        return self.client.line(READ, bytes.fromhex(self.client.hello()["nonce"]), do, **more)

    def refused(self, line, road="console"):
        self.assertEqual(self.rig.send(line, road), REFUSED)

    def let_in(self, line, road="console"):
        self.assertTrue(self.rig.send(line, road).startswith(b"WL1 "))

    def fail_times(self, times, client=None):
        """Authentications that fail, each as soon as the lock lets it."""
        client = client or self.client
        for _ in range(times):
            hello = client.hello()
            self.rig.ports.clock.utc += hello["locked_s"]
            line = client.line(READ, bytes.fromhex(hello["nonce"]), "live")
            self.refused(spoilt(line), client.road)


class TestReplay(GateCase):
    def test_r01_a_change_is_let_in_once(self):
        self.assertTrue(self.client.change("commit")["ok"])
        for _ in range(2):
            self.refused(self.client.sent)
        self.rig.restart()
        self.refused(self.client.sent)
        self.rig.cut(30)
        self.refused(self.client.sent)

    def test_r01_neither_is_one_that_was_kept_back(self):
        old = self.client.line(CHANGE, self.client.change_nonce(1), "commit")
        self.let_in(self.client.line(CHANGE, self.client.change_nonce(7), "commit"))
        self.assertEqual(self.client.hello()["counters"], [0, 7, 0])
        self.refused(old)

    def test_r01_a_cut_after_the_counter_and_before_the_deed(self):
        self.rig.run(60, imported=5)
        self.rig.ports.flash.cut_after = 0
        self.assertRaises(PowerCut, self.client.change, "commit")
        self.rig.ports.flash.power_on()
        self.rig.cut(5)
        self.assertEqual(self.client.hello()["counters"], [0, 1, 0])
        self.refused(self.client.sent)
        self.assertTrue(self.client.change("commit")["ok"])

    def test_roles_have_counters_of_their_own(self):
        self.client.change("commit")
        maker = Client(self.rig, "maker")
        self.assertTrue(maker.change("commit")["ok"])
        self.assertTrue(maker.change("commit")["ok"])
        self.assertEqual(self.client.hello()["counters"], [0, 1, 2])

    def test_a_vault_that_does_not_take_the_counter_lets_nothing_in(self):
        def fail(name, data):
            raise MeterError("vault: full: do something")

        self.rig.vault.store = fail
        self.assertEqual(self.client.change("unseal"), "refused")
        self.assertEqual((self.rig.gate.seal.name, self.rig.gate.leave), ("sealed", False))

    def test_a_read_stores_nothing(self):
        stores, commits = self.rig.vault.stores, self.rig.meter.journal.seq
        for _ in range(5):
            self.assertTrue(self.client.read("live")["ok"])
        self.assertEqual((self.rig.vault.stores, self.rig.meter.journal.seq), (stores, commits))


class TestWhoseItIs(GateCase):
    def test_r02_what_is_for_one_meter_is_refused_by_another(self):
        other = GateRig(serial=OTHER, keys=some_keys(), sealed=True)  # even with the same keys
        line = self.client.line(CHANGE, self.client.change_nonce(), "commit")
        self.assertEqual(other.send(line), REFUSED)
        self.let_in(line)
        data = unwrapped(line)
        self.assertEqual(other.send(wrapped(data[:4] + OTHER + data[10:])), REFUSED)

    def test_r03_wrong_keys_and_tags_are_all_the_same(self):
        strange = some_keys(meter=1)
        for role in ("reader", "utility", "maker"):
            thief = Client(self.rig, role, strange)
            self.assertEqual(thief.read("live"), "refused")
            self.rig.ports.clock.utc += 3600
        good = unwrapped(self.fresh())
        for data in (good[:-1], good[:-31], good[:-32], good + b"\0", good[:-32] + bytes(32)):
            self.refused(wrapped(data))
            self.rig.ports.clock.utc += 3600
        self.refused(wrapped(good[:30] + good[-32:]))  # nothing in it

    def test_r03_every_byte_is_covered(self):
        self.rig.gate._roads["console"].lock.fail = lambda now: None
        size = len(unwrapped(self.fresh()))
        for place in range(0, size):
            data = bytearray(unwrapped(self.fresh()))
            data[place] ^= 1 << place % 8
            self.refused(wrapped(data))
        self.let_in(self.fresh())

    def test_one_role_cannot_speak_as_another(self):
        reader = Client(self.rig, "reader")
        nonce = bytes.fromhex(reader.hello()["nonce"])
        head = struct.pack(HEADER, 1, READ, 2, 0, SERIAL, self.rig.ports.clock.utc + 60, nonce)
        self.refused(reader.seal(head, plain_line("live")))
        self.assertEqual(reader.change("commit"), "refused")
        self.assertEqual(reader.hello()["counters"], [0, 0, 0])  # and it costs no store
        self.assertEqual(reader.read("put"), "refused")

    def test_the_header_is_of_this_version_only(self):
        for at, value in ((0, 0), (0, 2), (1, 2), (1, 0x80), (2, 0), (2, 4), (3, 1)):
            head = bytearray(unwrapped(self.fresh())[:30])
            head[at] = value
            self.refused(self.client.seal(bytes(head), plain_line("live")))

    def test_without_keys_no_envelope_is_opened(self):
        self.rig.gate.keys = None
        self.refused(self.fresh())


class TestLockOut(GateCase):
    def test_r04_it_holds_until_its_time_is_over(self):
        self.fail_times(6)
        self.assertEqual(self.client.hello()["locked_s"], 8)
        self.refused(self.fresh())
        self.rig.ports.clock.utc += 7
        self.refused(self.fresh())
        self.rig.ports.clock.utc += 1
        self.let_in(self.fresh())
        self.assertEqual(self.rig.gate._roads["console"].lock.failures, 0)

    def test_r04_resets_and_cuts_begin_it_anew_and_metering_goes_on(self):
        self.fail_times(3)
        for n in range(4, 10):
            self.rig.ports.clock.utc += 3600
            self.refused(spoilt(self.fresh()))
            (self.rig.restart, self.rig.cut)[n % 2]()
            self.assertEqual(self.client.hello()["locked_s"], 1 << n - 3)
        before = self.rig.live.registers[0]
        self.rig.run(60, step_s=1, imported=1)
        self.refused(self.fresh())
        self.assertEqual(self.rig.live.registers[0] - before, 60 * 50 // 3)

    def test_while_locked_nothing_is_computed_or_counted(self):
        self.fail_times(9)
        stores = self.rig.vault.stores
        for _ in range(50):
            self.refused(spoilt(self.fresh()))
        self.assertEqual(self.rig.vault.stores, stores)
        self.assertEqual(self.client.hello()["locked_s"], 64)

    def test_only_a_wrong_tag_counts(self):
        good = unwrapped(self.fresh())
        for line in (
            b"WL1 ",
            b"WL1 A",
            b"WL1 \xff\xff",
            b"WL1 " + b"A" * 1500,
            wrapped(good[:61]),
        ):
            self.refused(line)
        self.refused(wrapped(good[:4] + OTHER + good[10:]))
        self.client.read("live")
        for _ in range(9):
            self.refused(self.client.sent)  # its tag is right, its nonce is used
        self.assertEqual(self.rig.gate._roads["console"].lock.failures, 0)

    def test_what_was_heard_before_does_not_unlock(self):
        self.client.change("commit")
        old = self.client.sent
        self.fail_times(2)
        self.refused(old)
        self.fail_times(1)
        self.assertEqual(self.client.hello()["locked_s"], 1)

    def test_each_road_has_its_own(self):
        mqtt = Client(self.rig, "utility", road="mqtt")
        self.fail_times(5, mqtt)
        for restart in (False, True):
            if restart:
                self.rig.restart()
            found = mqtt.hello()["locked_s"], self.client.hello()["locked_s"]
            self.assertEqual(found, (4, 0))
            self.let_in(self.fresh())

    def test_no_tick_comes_between_while_it_is_written_down(self):
        seen, log = [], self.rig.meter.events.log

        def watched(*args):
            seen.append(self.rig.meter.locked)
            log(*args)

        self.rig.meter.events.log = watched
        self.fail_times(3)
        self.assertEqual((seen, self.rig.meter.locked), ([True], False))

    def test_an_event_tells_of_it_once_an_hour(self):
        self.fail_times(10)
        found = [event for event in self.rig.events() if event[0] == LOCKED]
        self.assertEqual(found, [(LOCKED, 2, 3)])

    def test_a_vault_that_fails_is_an_alert_and_it_is_locked(self):
        def fail(name, data):
            raise MeterError("vault: full: do something")

        self.rig.vault.store = fail
        self.fail_times(4)
        self.assertEqual(self.client.hello()["locked_s"], 2)
        self.rig.ports.clock.utc += 2
        self.assertEqual(self.rig.meter.failure, "vault: full: do something")
        self.assertFalse(self.rig.meter.locked)
        self.rig.vault.store = lambda name, data: None
        self.let_in(self.fresh())


class TestNonce(GateCase):
    def test_r05_it_is_good_once(self):
        line = self.fresh()
        self.let_in(line)
        self.refused(line)

    def test_r05_not_after_a_failure(self):
        line = self.fresh()
        self.refused(spoilt(line))
        self.refused(line)

    def test_r05_not_after_a_request_that_is_refused(self):
        nonce = bytes.fromhex(self.client.hello()["nonce"])
        self.refused(self.client.line(READ, nonce, "commit"))
        self.refused(self.client.line(READ, nonce, "live"))

    def test_r05_for_a_minute(self):
        line = self.fresh(expiry=START + 900)
        self.rig.ports.clock.utc += 61
        self.refused(line)
        line = self.fresh(expiry=START + 900)
        self.rig.ports.clock.utc += 60
        self.let_in(line)
        line = self.fresh(expiry=START + 900)
        self.rig.ports.clock.utc -= 1
        self.refused(line)

    def test_r05_until_the_next_hello_or_a_restart(self):
        line = self.fresh()
        self.client.hello()
        self.refused(line)
        line = self.fresh()
        self.rig.restart()
        self.refused(line)

    def test_r05_on_its_road(self):
        line = self.fresh()
        self.refused(line, "mqtt")
        self.let_in(line)

    def test_a_read_brings_the_next_one(self):
        said = self.client.read("live")
        for _ in range(3):
            nonce = bytes.fromhex(said["nonce"])
            said = self.client.opened(self.rig.send(self.client.line(READ, nonce, "live")), nonce)
            self.assertTrue(said["ok"])
        said = self.client.read("bill", period=99)
        self.assertEqual((said["error"]["code"], len(said["nonce"])), ("meter", 32))
        self.assertTrue("nonce" not in self.client.change("commit"))

    def test_no_two_are_the_same(self):
        found = {self.client.hello()["nonce"] for _ in range(50)}
        self.assertEqual(len(found), 50)
        self.assertEqual(self.rig.ask("hello")["nonce"], None)  # the REPL needs none


class TestTime(GateCase):
    def test_an_expiry_is_at_most_a_day_ahead(self):
        for expiry, good in ((-1, False), (0, True), (86400, True), (86401, False)):
            for kind in (READ, CHANGE):
                hello = bytes.fromhex(self.client.hello()["nonce"])
                nonce = self.client.change_nonce() if kind else hello
                if not kind:
                    nonce = bytes.fromhex(self.client.hello()["nonce"])
                do = "commit" if kind else "live"
                line = self.client.line(kind, nonce, do, expiry=START + expiry)
                (self.let_in if good else self.refused)(line)

    def test_without_a_clock_reads_go_on_and_only_the_clock_is_changed(self):
        self.rig.ports.clock.good, self.rig.ports.clock.utc = 0, 946_684_800
        self.assertTrue(self.client.read("live", expiry=START)["ok"])
        self.assertEqual(self.client.change("unseal", expiry=START), "refused")
        self.assertEqual(self.client.hello()["counters"], [0, 0, 0])
        said = self.client.change("clock", expiry=START, utc=START)
        self.assertEqual(said["ok"]["utc"], START)
        self.assertTrue(self.client.change("unseal")["ok"])


class TestKinds(GateCase):
    def test_a_change_is_not_a_read_nor_the_other_way(self):
        for do in ("commit", "clock", "unseal", "seal", "tariff"):
            self.assertEqual(self.client.read(do, utc=START), "refused")
        for do in ("live", "rows", "bill", "hello", "put"):
            self.assertEqual(self.client.change(do), "refused")
        self.assertEqual(self.client.hello()["counters"], [0, 0, 0])

    def test_calibration_is_a_change_when_it_changes(self):
        maker = Client(self.rig, "maker")
        self.assertEqual(maker.read("calibration", digest="0" * 64), "refused")
        self.assertTrue(maker.read("calibration") != "refused")
        self.assertEqual(maker.change("calibration"), "refused")

    def test_what_is_no_request_is_refused(self):
        for raw in (b"x", b"[]", b"{}", b"\xff" * 20, b'{"id":1,"do":"none"}', b"[" * 900):
            nonce = bytes.fromhex(self.client.hello()["nonce"])
            self.refused(self.client.line(READ, nonce, None, raw=raw))

    def test_the_longest_answer_fits_the_line(self):
        long = "n" * 32
        rates = [{"name": long[:30] + str(10 + i), "export": 0, "prices": [1]} for i in range(15)]
        self.rig.push(tariffs.text(rates=rates, name=long))
        self.rig.run(60)
        for do in ("info", "registers"):
            nonce = bytes.fromhex(self.client.hello()["nonce"])
            answer = self.rig.send(self.client.line(READ, nonce, do))
            self.assertTrue(len(answer) <= 1600)
            self.assertTrue(self.client.opened(answer, nonce)["ok"])
        # the longest that there can be
        self.assertTrue(4 + (30 + LINE_BYTES + 44 + 32 + 2) // 3 * 4 <= 1600)


class TestPublic(GateCase):
    def test_r25_nothing_of_load_or_contract(self):
        self.rig.push(tariffs.text())
        self.rig.run(3600, imported=5)
        shown = self.rig.public("info")["ok"]
        for name in ("serial", "versions", "software", "state", "utc", "clock", "seal"):
            self.assertTrue(name in shown)
        for name in ("tariff", "period", "rate", "power_mw", "v_mv", "i_ma", "alerts"):
            self.assertFalse(name in shown)
        for do in ("live", "rows", "bill", "quality", "tariff", "clock", "unseal", "keys"):
            self.assertEqual(self.rig.public(do)["error"]["code"], "role")
        self.assertTrue(self.client.read("info")["ok"]["tariff"])

    def test_r25_totals_only_until_the_view_says_otherwise(self):
        self.rig.push(tariffs.text())
        self.rig.run(3600, imported=5)
        shown = self.rig.public("registers")["ok"]
        self.assertTrue(shown["registers"]["1.8.0"] > 0)
        self.assertFalse("1.8.1" in shown["registers"])
        self.assertEqual((shown["names"], shown["status"]), ({}, None))
        self.assertTrue("1.8.1" in self.client.read("registers")["ok"]["registers"])
        self.rig.vault.store("view", struct.pack("<BH", 2, 0))
        self.assertTrue("1.8.1" in self.rig.public("registers")["ok"]["registers"])
        self.rig.vault.store("view", struct.pack("<BH", 0, 0))
        self.assertEqual(self.rig.public("registers")["error"]["code"], "role")
        self.assertTrue(self.rig.public("info")["ok"])

    def test_the_view_is_a_protected_thing(self):
        stores = self.rig.vault.stores
        said = self.client.change("view", public=2, days=30)
        self.assertEqual(said["error"]["code"], "order")
        self.assertEqual(self.rig.vault.stores, stores + 1)  # the counter
        rig = GateRig()  # without keys nobody signs
        for public, days in ((2, 30), (2, 30), (0, 0)):
            shown = {"public": public, "days": days}
            self.assertEqual(rig.ask("view", **shown), shown)
            self.assertEqual(rig.gate.view(), (public, days))
        found = [event[1:] for event in rig.events()]
        self.assertEqual(found, [(1 << 16, 2 << 16 | 30), (2 << 16 | 30, 0)])
        for public, days in ((3, 0), (-1, 0), ("1", 0), (1, 3651), (1, None)):
            self.assertRaises(AssertionError, rig.ask, "view", public=public, days=days)
        self.assertEqual(rig.gate.view(), (0, 0))

    def test_an_open_meter_shows_what_it_always_did(self):
        rig = GateRig(keys=some_keys())
        self.assertTrue("tariff" in rig.public("info")["ok"])
        self.assertTrue(rig.public("registers")["ok"]["status"] is not None)

    def test_r25_a_reader_has_the_days_of_the_profile_that_the_view_gives(self):
        self.rig.push(tariffs.text())
        self.rig.run(4 * 86400, step_s=900)
        reader = Client(self.rig, "reader")
        last = self.rig.meter.journal.profile.last_seq

        def seqs(client, ring="profile"):
            found = client.read("rows", ring=ring, from_seq=1, n=8)["ok"]
            return found["first"], len(found["rows"]), found["next"]

        self.assertEqual(seqs(reader), (1, 8, 9))
        self.rig.vault.store("view", struct.pack("<BH", 1, 2))
        first = last - 2 * 96
        self.assertEqual(seqs(reader), (first, 8, first + 8))
        self.assertEqual(seqs(self.client), (1, 8, 9))
        self.assertEqual(seqs(reader, "snapshots")[0], 1)
        self.rig.run(86400, step_s=86400)  # a gap: what is old does not become younger by it
        self.rig.ports.clock.good, self.rig.ports.clock.utc = 0, START - 900 * 86400
        self.assertEqual(seqs(reader)[0], last - 96)

    def test_r25_with_a_clock_that_was_set_back_no_older_row_either(self):
        self.rig.run(3 * 3600, step_s=900)
        found = service.rows(self.rig.meter, {"ring": "profile", "from_seq": 1}, START + 3600)
        self.assertEqual((len(found["rows"]), found["first"], found["next"]), (8, 1, 11))
        for row in found["rows"]:
            self.assertTrue(
                struct.unpack_from("<I", a2b_base64(row.encode()), 4)[0] >= START + 3600
            )
        self.rig.run(3 * 86400, step_s=900)
        found = service.rows(self.rig.meter, {"ring": "profile", "from_seq": 1}, START * 2)
        self.assertEqual((found["rows"], found["next"]), ([], 257))  # and it does not take long


class TestNothingGetsOut(GateCase):
    def test_r20_no_byte_of_a_key_leaves_the_meter(self):
        keys, rig = some_keys(2), self.rig
        for do in ("info", "registers", "live", "rows", "bill", "hello", "calibration"):
            for role in ("reader", "utility", "maker"):
                Client(rig, role).read(do, ring="profile", from_seq=1)
            rig.public(do)
        self.client.change("unseal")
        maker = Client(rig, "maker")
        for data in (in_line(keys), in_line(keys)[:-8], in_line(some_keys(9)), 5, [in_line(keys)]):
            maker.change("keys", data=data)
            rig.said += rig.service.handle("maker", plain_line("keys", data=data))
            rig.said += rig.service.handle("maker", plain_line("keys", other=data))
            rig.said += rig.service.handle("public", plain_line("keys", data=data))
        opened = rig.said
        for line in rig.said.split(b"\n"):
            opened += a2b_base64(line[4:]) if line.startswith(b"WL1 ") else b""
        for generation in (1, 2):
            keys = some_keys(generation)
            for name in ("reader", "utility", "maker", "evidence", "storage"):
                key = getattr(keys, name)
                shapes = [b2a_base64(key[i:])[:38] for i in range(3)]
                for shown in [key, hexlify(key)] + shapes:
                    for start in range(0, len(shown) - 8, 4):
                        self.assertFalse(shown[start : start + 8] in opened)

    def test_r20_in_the_envelope_neither(self):
        """What is said to the maker, in the clear, has no key either."""
        maker = Client(self.rig, "maker")
        self.client.change("unseal")
        said = json.dumps(maker.change("keys", data=in_line(some_keys(2))))
        said += json.dumps(Client(self.rig, "maker", some_keys(2)).read("info"))
        self.assertEqual(json.loads(said.split("}")[0] + "}}")["ok"], {"generation": 2})
        for key in (some_keys(2).maker, some_keys(2).evidence, some_keys().evidence):
            self.assertFalse(str(hexlify(key), "ascii")[:16] in said)

    def test_r06_junk_alters_nothing(self):
        self.rig.push(tariffs.text())
        self.rig.run(3600, imported=5)
        good = self.fresh()
        held, registers = dict(self.rig.held), list(self.rig.live.registers)
        for line in JUNK + (good[4:], b"wl1 " + good[4:], good + b"AAAA" * 900):
            answer = json.loads(self.rig.send(line))
            self.assertTrue(answer["error"]["code"] in ("json", "size", "refused", "unknown"))
            self.assertFalse(self.rig.meter.locked)
        for args in ({"from_seq": -(10**30)}, {"from_seq": 10**30}, {"from_seq": "1"}, {"n": -5}):
            asked = {"ring": "profile", "from_seq": 1}
            asked.update(args)
            self.assertTrue(self.client.read("rows", **asked) != "refused")
        for period in (-1, 10**30, "x", [], {}, True):
            self.assertTrue(self.client.read("bill", period=period) != "refused")
        self.assertEqual((self.rig.held, self.rig.live.registers), (held, registers))


if __name__ == "__main__":
    unittest.main()
