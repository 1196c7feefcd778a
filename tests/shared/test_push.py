"""Envelopes that nobody asked for, and receipts for them, written down here a second time."""

import json
import struct
import unittest
from binascii import a2b_base64, b2a_base64

from gate_rig import HEADER, SERIAL, START, Client, GateRig, some_keys

from meter import chain

RECEIPT, PUSH = 2, 0x40
ROWS = {"ring": "profile", "from_seq": 1, "n": 4}


def opened(client, line):
    """-> (header fields, what stands in a push) as the key's owner reads it"""
    assert line[:4] == b"WL1 "
    data = a2b_base64(line[4:])
    head, body, mac = data[:30], data[30:-32], data[-32:]
    assert chain.tag(chain.tag(client.key, b"answer mac", b""), head, body) == mac
    text = client._stream(b"answer cipher", head, bytearray(body))
    return struct.unpack(HEADER, head), json.loads(bytes(text))


def receipt(client, text=b'{"upto":{"profile":4}}', kind=RECEIPT, serial=SERIAL, role=None):
    head = struct.pack(HEADER, 1, kind, role or client.role, 0, serial, 0, bytes(16))
    return client.seal(head, text)


class TestPush(unittest.TestCase):
    def setUp(self):
        self.rig = GateRig(keys=some_keys(), sealed=True)
        self.rig.run(4 * 900, step_s=60, imported=7)
        self.client = Client(self.rig, "utility")

    def test_it_says_what_the_request_would_be_answered(self):
        now = self.rig.ports.clock.utc
        fields, told = opened(self.client, self.rig.gate.push("rows", ROWS)[0])
        self.assertEqual(fields[:6], (1, PUSH, 2, 0, SERIAL, now))
        asked = self.client.read("rows", **ROWS)["ok"]
        self.assertEqual(told, {"id": None, "ok": asked})

    def test_no_two_have_a_header_in_common(self):
        seen = [opened(self.client, self.rig.gate.push("rows", ROWS)[0])[0] for _ in range(20)]
        self.assertEqual(len(set(seen)), 20)

    def test_what_is_refused_is_not_sent(self):
        self.assertEqual(self.rig.gate.push("measure", {}), (None, None))
        self.assertEqual(self.rig.gate.push("rows", {"ring": "none"}), (None, None))

    def test_no_other_key_opens_it(self):
        line = self.rig.gate.push("rows", ROWS)[0]
        for other in (Client(self.rig, "reader"), Client(self.rig, "utility", some_keys(2))):
            with self.assertRaises(AssertionError):
                opened(other, line)

    def test_it_is_no_request(self):
        self.assertIn(b"refused", self.rig.send(self.rig.gate.push("rows", ROWS)[0]))


class TestReceipt(unittest.TestCase):
    def setUp(self):
        self.rig = GateRig(keys=some_keys(), sealed=True)
        self.client = Client(self.rig, "utility")

    def test_one_of_the_utility_is_read_as_often_as_it_comes(self):
        line = receipt(self.client)
        for _ in range(3):
            self.assertEqual(self.rig.gate.receipt(line), b'{"upto":{"profile":4}}')

    def test_it_costs_no_counter_and_no_nonce(self):
        nonce = bytes.fromhex(self.client.hello()["nonce"])
        held = dict(self.rig.held)
        self.rig.gate.receipt(receipt(self.client))
        self.assertEqual(self.rig.held, held)
        answer = self.rig.send(self.client.line(0, nonce, "info"))
        self.assertIn("ok", self.client.opened(answer, nonce))

    def test_nothing_else_is_one(self):
        foreign = Client(self.rig, "utility", some_keys(2))
        reader = Client(self.rig, "reader")
        change = self.client.line(1, bytes(7) + b"\1" + bytes(8), "commit")
        good = bytearray(a2b_base64(receipt(self.client)[4:]))
        for line in (
            receipt(foreign),
            receipt(reader),
            receipt(reader, role=2),
            receipt(self.client, serial=bytes(6)),
            change,
            b"",
            b"WL1 ",
            b"WL1 !",
            receipt(self.client)[4:],
            receipt(self.client) + b"A" * 1600,
        ):
            self.assertEqual(self.rig.gate.receipt(line), None)
        for at in range(0, len(good), 7):
            good[at] ^= 4
            line = b"WL1 " + b2a_base64(good).strip()
            self.assertEqual(self.rig.gate.receipt(line), None)
            good[at] ^= 4

    def test_it_is_no_request(self):
        text = b'{"id":1,"do":"commit"}'
        line = receipt(self.client, text)
        self.assertIn(b"refused", self.rig.send(line))
        self.assertEqual(self.rig.public("hello")["ok"]["locked_s"], 0)

    def test_a_meter_without_keys_has_none(self):
        self.assertEqual(GateRig(START).gate.receipt(receipt(self.client)), None)
