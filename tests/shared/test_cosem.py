"""The COSEM server without I/O: associations, framing, blocks, and what is bent, byte by byte."""

import unittest

from cosem_client import (
    AARQ,
    ACCEPTED,
    CLOCK,
    IMPORT,
    LLS,
    NO_APDU,
    NOT_ASSOCIATED,
    NOT_SUPPORTED,
    PROFILE,
    REFUSED,
    START,
    Client,
    entries,
    moment,
    started,
)
from rig import Rig

from comms.cosem import MAX_INPUT


class TestAssociation(unittest.TestCase):
    def setUp(self):
        self.client = Client(Rig(START))

    def test_public_client(self):
        self.assertEqual(self.client.hello, ACCEPTED)

    def test_conformance_is_what_both_have(self):
        offered = "601da109060760857405080101be10040e01000000065f1f0400400010ffff"  # get, actions
        self.assertEqual(self.client.send(offered)[-14:], "00001002000007")

    def test_with_a_dedicated_key_and_quality_of_service(self):
        initiate = "01" + "0102aabb" + "0100" + "0100" + "065f1f0400001014ffff"
        size = len(initiate) // 2
        user = "be%02x04%02x" % (size + 2, size) + initiate
        aarq = "60%02xa109060760857405080101" % (11 + len(user) // 2) + user
        self.assertEqual(self.client.send(aarq), ACCEPTED)

    def refused(self, aarq, diagnostic, error="", client=16):
        error = "be0604040e0106" + error if error else ""
        body = "a109060760857405080101a203020101a305a1030201" + diagnostic + error
        self.assertEqual(self.client.send(aarq, client), "61%02x" % (len(body) // 2) + body)
        self.assertEqual(self.client.send("c001c1000f0000280000ff0200", client), NOT_ASSOCIATED)

    def test_another_client(self):
        self.refused(AARQ + "ffff", "01", client=17)

    def test_with_a_password(self):
        self.refused(LLS, "0b")

    def test_with_ciphering(self):
        self.refused((AARQ + "ffff").replace("0760857405080101", "0760857405080103"), "02")

    def test_short_names(self):
        self.refused((AARQ + "ffff").replace("0760857405080101", "0760857405080102"), "02")

    def test_an_old_version(self):
        self.refused(AARQ.replace("065f1f", "055f1f") + "ffff", "01", "01")

    def test_answers_that_would_be_too_short(self):
        self.refused(AARQ + "003f", "01", "03")
        self.assertEqual(self.client.send(AARQ + "0040"), ACCEPTED)

    def test_cut_anywhere_it_is_refused(self):
        whole = AARQ + "ffff"
        for size in range(1, len(whole) // 2):
            cut = whole[: 2 * size]
            self.assertTrue(self.client.send(cut).startswith("61"), cut)
            self.assertEqual(self.client.send("c001c1000f0000280000ff0200"), NOT_ASSOCIATED)

    def test_release(self):
        self.assertEqual(self.client.send("6203800100"), "6303800100")
        self.assertEqual(self.client.send("c00281000f0000280000ff0200"), NOT_ASSOCIATED)
        self.assertEqual(self.client.send(AARQ + "0000"), ACCEPTED)

    def test_nothing_but_get(self):
        write = "c101c10008" + CLOCK + "0200" + moment(2030, 1, 1, 0)
        action = "c301c10008" + CLOCK + "0500"
        many = "c003c101" + "0008" + CLOCK + "0200"
        for apdu in (write, action, many, "c8", "21", "0f00", "ff" * 20):
            self.assertEqual(self.client.send(apdu), NOT_SUPPORTED)

    def test_another_logical_device_says_nothing(self):
        self.assertEqual(self.client.send(AARQ + "ffff", device=2), "")

    def test_no_apdu(self):
        request = "c001c10008" + CLOCK + "0200"
        for size in range(2, len(request) // 2):
            self.assertEqual(self.client.send(request[: 2 * size]), NO_APDU)
        self.assertEqual(self.client.send(request + "00"), NO_APDU)


class TestFraming(unittest.TestCase):
    GET = "000100100001000d" + "c001c10003" + IMPORT + "0300"
    ANSWER = "000100010010000a" + "c401c100" + "02020ffd161e"

    def setUp(self):
        self.session = Client(Rig(START)).session
        self.answer = bytes.fromhex(self.ANSWER)

    def test_byte_by_byte(self):
        data = bytes.fromhex(self.GET)
        for i in range(len(data) - 1):
            self.assertEqual(self.session.received(data[i : i + 1]), b"")
        self.assertEqual(self.session.received(data[-1:]), self.answer)

    def test_several_in_one_piece_are_answered_one_by_one(self):
        self.assertEqual(self.session.received(bytes.fromhex(self.GET * 3)), self.answer)
        self.assertEqual(self.session.received(b""), self.answer)
        self.assertEqual(self.session.received(b""), self.answer)
        self.assertEqual(self.session.received(b""), b"")

    def test_what_is_empty_has_no_answer_and_does_no_harm(self):
        empty = "0001001000010000"
        self.assertEqual(self.session.received(bytes.fromhex(empty * 5 + self.GET)), self.answer)

    def test_what_is_no_wrapper_ends_it(self):
        for bad in (
            "000100100001ffff",
            "0001001000010201",
            "0002001000010005",
            "7ea0000000000000",
        ):
            session = Client(Rig(START)).session
            self.assertEqual(session.received(bytes.fromhex(bad + self.GET)), b"")
            self.assertTrue(session.closed)
            self.assertEqual(session.received(bytes.fromhex(self.GET)), b"")

    def test_the_longest_request_is_taken(self):
        apdu = bytes.fromhex("0001001000010200") + b"\xc0" + bytes(511)
        self.assertEqual(self.session.received(apdu)[8:], bytes.fromhex(NOT_SUPPORTED))

    def test_who_sends_and_never_listens_is_dropped(self):
        for _ in range(8):
            self.session.received(bytes.fromhex(self.GET) * (MAX_INPUT // 21))
        self.assertTrue(self.session.closed)

    def test_one_piece_is_bounded(self):
        many = bytes.fromhex(self.GET) * 60
        self.assertEqual(self.session.received(many[: MAX_INPUT + 1]), b"")
        self.assertTrue(self.session.closed)


class TestBlocks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = started()

    def test_any_size_of_answers_gives_the_same(self):
        whole = Client(self.rig).get(7, PROFILE, 2)
        self.assertEqual(len(whole), 2 + 24 * 57)
        for size in (64, 65, 69, 127, 140, 141, 256, 512, 1023, 0):
            client = Client(self.rig, size=size)
            self.assertEqual(client.get(7, PROFILE, 2), whole)

    def test_an_answer_that_just_fits_is_one(self):
        data = Client(self.rig).get(7, PROFILE, 2, entries(1, 4))
        self.assertEqual(len(data), 2 + 4 * 57)
        for size, answers in ((len(data) + 4, "c401c100"), (len(data) + 3, "c402c100")):
            client = Client(self.rig, size=size)
            answer = client.send("c001c10007" + PROFILE + "0201" + entries(1, 4))
            self.assertEqual(answer[:8], answers)
            self.assertTrue(len(answer) // 2 <= size)

    def test_blocks_that_are_not_due(self):
        client = Client(self.rig)
        self.assertEqual(client.send("c002c100000001"), "c402c1010000000101" + "10")
        start = "c001c10007" + PROFILE + "0200"
        self.assertEqual(client.send(start)[:16], "c402c10000000001")
        self.assertEqual(client.send("c002c100000002"), "c402c1010000000201" + "13")
        self.assertEqual(client.send("c002c100000001"), "c402c1010000000101" + "10")
        self.assertEqual(client.send(start)[:16], "c402c10000000001")
        self.assertEqual(client.read(3, IMPORT, 3), [0xFD, 30])  # ends the one before
        self.assertEqual(client.send("c002c100000001"), "c402c1010000000101" + "10")

    def test_without_block_transfer_what_is_too_long_is_refused(self):
        client = Client(self.rig)
        client.send("601da109060760857405080101be10040e01000000065f1f0400000014ffff")
        self.assertEqual(client.get(7, PROFILE, 2), REFUSED["no_block"])
        self.assertEqual(len(client.read(7, PROFILE, 2, entries(1, 2))), 2)

    def test_without_selective_access_none_is_had(self):
        client = Client(self.rig)
        client.send("601da109060760857405080101be10040e01000000065f1f0400001010ffff")
        self.assertEqual(client.get(7, PROFILE, 2, entries(1, 2)), REFUSED["scope"])
        self.assertEqual(len(client.read(7, PROFILE, 2)), 24)

    def test_no_more_is_asked_of_the_meter_than_is_sent(self):
        client = Client(self.rig)
        client.send("c001c10007" + PROFILE + "0200")
        asked = [args["from_seq"] for do, args in client.calls if args.get("n")]
        self.assertEqual(asked, [1, 9, 17])


class TestMalformed(unittest.TestCase):
    def test_a_few_hundred_bent_requests_end_in_an_answer_or_in_the_end(self):
        rig, state = started(), 1
        good = [AARQ + "ffff", "c001c10007" + PROFILE + "0201" + entries(1, 3), "c002c100000001"]
        good.append("c001c10008" + CLOCK + "0200")
        before = rig.ports.flash.image()
        client = Client(rig)
        for n in range(300):
            data = bytearray(bytes.fromhex(good[n % len(good)]))
            for _ in range(n % 3 + 1):
                state = state * 1103515245 + 12345 & 0x7FFFFFFF
                data[(state >> 16) % len(data)] = state >> 8 & 0xFF
            client.send(str(bytes(data).hex()))
            self.assertFalse(client.session.closed)
        self.assertEqual(client.send(AARQ + "ffff"), ACCEPTED)
        self.assertEqual(client.read(3, IMPORT, 2), rig.ask("registers")["registers"]["1.8.0"])
        self.assertTrue(rig.ports.flash.image() == before)


if __name__ == "__main__":
    unittest.main()
