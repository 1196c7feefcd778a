"""The uplink sends what the journal holds until the utility's receipt says that it has it."""

import json
import unittest
from binascii import a2b_base64

from gate_rig import SERIAL, START, Client, GateRig, some_keys
from test_push import opened, receipt

from comms.uplink import RINGS, Uplink

NAME = "246f28010203"
AGAIN_MS, WAIT_MS, LIVE_MS = 30_000, 5_000, 3_600_000
_EVENTS = RINGS[3:]


class Road:
    """A broker that takes `room` messages, and hands on what a test gives it."""

    def __init__(self):
        self.sent, self.room = [], 1000

    def publish(self, topic, payload, qos=0, retain=False):
        if len(self.sent) >= self.room:
            return False
        self.sent.append((topic[len("wl/") + len(NAME) :], payload, qos, retain))
        return True


class Case(unittest.TestCase):
    def setUp(self):
        self.rig = GateRig(START, keys=some_keys(), sealed=True)
        self.client = Client(self.rig, "utility")
        self.rig.run(12 * 900, step_s=60, imported=7)
        self.now_ms = 1000
        self.connect()

    def connect(self, **options):
        gate = self.rig.gate
        options["live_s"] = LIVE_MS // 1000
        self.uplink = Uplink(gate, self.rig.service.handle, gate.handle, NAME, options)
        self.road = Road()
        self.uplink.ready()

    def steps(self, ms=0, limit=200):
        """Whatever is to be sent now, then `ms` later. -> the messages, (topic, payload, ...)"""
        before = len(self.road.sent)
        for wait in (0, ms)[: 2 if ms else 1]:
            self.now_ms += wait
            idle = 0
            while idle < len(RINGS) and limit:
                idle = 0 if self.uplink.step(self.road.publish, self.now_ms) else idle + 1
                limit -= 1
        return self.road.sent[before:]

    def blocks(self, sent, ring="profile"):
        """-> seqs of each block of one ring among the messages"""
        found = []
        for topic, payload, _, _ in sent:
            if topic in ("/up/iv", "/up/ev"):
                rows = opened(self.client, payload)[1]["ok"]["rows"]
                if _ring(topic, rows[0]) == ring:
                    at = 4 if ring in ("ledger", "snapshots") else 0
                    raws = [a2b_base64(row.encode()) for row in rows]
                    found.append([int.from_bytes(raw[at : at + 4], "little") for raw in raws])
        return found

    def receipt(self, salt=77, topic="/dn/ack", **upto):
        text = json.dumps({"salt": salt, "upto": upto}).encode()
        self.uplink.message("wl/" + NAME + topic, receipt(self.client, text), 1)

    def spoil(self, seq):
        """The record in the profile with this seq can be read no more."""
        ring, flash = self.rig.meter.journal.profile, self.rig.ports.flash
        assert ring.read(seq, ring.slot)
        at = flash.image()[0].find(bytes(ring.slot))
        flash.program(at, bytes(64))
        assert not ring.read(seq, ring.slot)


def _ring(topic, text):
    raw = a2b_base64(text.encode())
    if topic == "/up/iv":
        return "profile"
    return {512: "ledger", 256: "snapshots"}.get(len(raw)) or _EVENTS[raw[8]]


class TestBlocks(Case):
    def test_first_it_says_that_it_is_there_then_what_it_reads(self):
        topics = [message[0] for message in self.steps(WAIT_MS)]
        self.assertEqual(topics[:3], ["/up/status", "/up/reg", "/up/live"])
        self.assertEqual(self.road.sent[0][1:], (b"online", 1, True))
        self.assertEqual(self.uplink.will(), ("wl/" + NAME + "/up/status", b"offline", 1, True))
        fields, told = opened(self.client, self.road.sent[1][1])
        self.assertEqual(fields[4], SERIAL)
        self.assertIn("1.8.0", told["ok"]["registers"])

    def test_nothing_goes_before_the_receipt_that_may_lie_on_the_broker(self):
        self.assertEqual(self.blocks(self.steps(WAIT_MS - 1)), [])
        self.receipt(profile=10)
        self.assertEqual(self.blocks(self.steps()), [[11, 12]])

    def test_every_ring_goes_in_order(self):
        sent = self.steps(WAIT_MS)
        self.assertEqual(self.blocks(sent), [list(range(1, 9)), [9, 10, 11, 12]])
        journal = self.rig.meter.journal
        for name, ring in zip(_EVENTS, journal.events):
            seqs = [seq for block in self.blocks(sent, name) for seq in block]
            self.assertEqual(seqs, list(range(1, ring.last_seq + 1)), name)
        self.assertTrue(journal.events[4].last_seq > 0)

    def test_a_road_without_room_loses_nothing(self):
        for room in range(1, 40):
            self.road.room = room
            self.steps(WAIT_MS if room == 3 else 0, limit=30)
        self.assertEqual(self.blocks(self.road.sent), [list(range(1, 9)), [9, 10, 11, 12]])

    def test_a_receipt_of_another_shape_is_as_good_as_none(self):
        for text in (b"", b"7", b"[]", b"{}", b'{"salt":77}', b'{"salt":77,"upto":3}'):
            self.uplink.message("wl/" + NAME + "/dn/ack", receipt(self.client, text), 1)
        self.receipt(profile="8")
        self.receipt(profile=8.0)
        self.assertEqual(self.uplink.upto, [0] * len(RINGS))
        self.receipt(profile=8)
        self.assertEqual(self.uplink.upto[0], 8)

    def test_no_more_than_asked_for_is_ahead_of_the_receipt(self):
        self.connect(ahead=3)
        self.assertEqual(self.blocks(self.steps(WAIT_MS)), [list(range(1, 9))])
        self.receipt(profile=8)
        self.assertEqual(self.blocks(self.steps()), [[9, 10, 11, 12]])

    def test_without_a_receipt_it_is_sent_again(self):
        self.steps(WAIT_MS)
        self.assertEqual(self.blocks(self.steps(AGAIN_MS - 1)), [])
        self.assertEqual(self.blocks(self.steps(1)), [list(range(1, 9)), [9, 10, 11, 12]])

    def test_a_receipt_ends_it(self):
        self.steps(WAIT_MS)
        self.receipt(profile=9)
        self.assertEqual(self.blocks(self.steps(AGAIN_MS)), [[10, 11, 12]])
        self.receipt(profile=12)
        self.assertEqual(self.blocks(self.steps(2 * AGAIN_MS)), [])
        self.rig.run(900, imported=3)
        self.assertEqual(self.blocks(self.steps()), [[13]])

    def test_a_new_connection_sends_what_was_not_receipted(self):
        self.steps(WAIT_MS)
        self.receipt(profile=8)
        self.uplink.ready()
        self.assertEqual(self.blocks(self.steps(WAIT_MS)), [[9, 10, 11, 12]])


class TestReceipts(Case):
    def test_those_of_another_journal_or_of_what_is_not_there_yet_say_nothing(self):
        self.receipt(profile=8, salt=78)
        self.receipt(profile=13)
        self.receipt(profile=-5)
        self.receipt(another=3)
        self.assertEqual(self.uplink.upto, [0] * len(RINGS))

    def test_only_the_utilitys_on_its_topic_count(self):
        self.receipt(profile=8, topic="/dn/cmd")
        self.client.key = some_keys(2).utility
        self.receipt(profile=8)
        self.assertEqual(self.uplink.upto, [0] * len(RINGS))

    def test_one_of_before_makes_it_send_again(self):
        """So a head-end that has lost its newest hours gets them from the meters."""
        self.steps(WAIT_MS)
        self.receipt(profile=12)
        self.assertEqual(self.blocks(self.steps()), [])
        self.receipt(profile=10)
        self.assertEqual(self.blocks(self.steps()), [[11, 12]])

    def test_a_ring_that_is_not_in_it_stays(self):
        self.receipt(profile=12)
        self.receipt(ledger=0)
        self.assertEqual(self.uplink.upto[0], 12)


class TestUnreadable(Case):
    def test_inside_a_block_it_is_left_out(self):
        self.spoil(3)
        self.assertEqual(self.blocks(self.steps(WAIT_MS))[0], [1, 2, 4, 5, 6, 7, 8, 9])

    def test_at_its_beginning_the_one_before_goes_along(self):
        for seq in (9, 10):
            self.spoil(seq)
        self.receipt(profile=8)
        self.assertEqual(self.blocks(self.steps()), [[8, 11, 12]])

    def test_at_the_end_of_all_nothing_is_sent_and_the_others_go_on(self):
        self.spoil(12)
        self.receipt(profile=11)
        sent = self.steps(AGAIN_MS)
        self.assertEqual(self.blocks(sent), [])
        self.assertTrue(len(self.blocks(sent, "security")) > 0)
        self.rig.run(900, imported=3)
        self.assertEqual(self.blocks(self.steps(AGAIN_MS))[-1], [11, 13])


class TestCommands(Case):
    def command(self, line, retain=0):
        self.uplink.message("wl/" + NAME + "/dn/cmd", line, retain)

    def answers(self, sent):
        return [payload for topic, payload, _, _ in sent if topic == "/up/answer"]

    def test_one_is_answered_before_all_else(self):
        self.steps()
        nonce = bytes.fromhex(self.rig.public("hello", "mqtt")["ok"]["nonce"])
        self.command(self.client.line(0, nonce, "info"))
        (answer,) = self.answers(self.steps())
        self.assertEqual(self.client.opened(answer, nonce)["ok"]["serial"], "test")

    def test_one_that_lay_on_the_broker_is_not(self):
        self.command(b'{"id":1,"do":"hello"}', retain=1)
        self.assertEqual(self.answers(self.steps()), [])

    def test_neither_is_one_too_long_nor_the_fifth_that_waits(self):
        self.command(b'{"id":1,"do":"hello"}' + b" " * 1600)
        for _ in range(7):
            self.command(b'{"id":1,"do":"hello"}')
        self.assertEqual(len(self.answers(self.steps())), 4)

    def test_in_the_clear_the_public_is_answered(self):
        self.command(b'{"id":1,"do":"load_switch","args":{"on":true}}')
        (answer,) = self.answers(self.steps())
        self.assertEqual(json.loads(answer)["error"]["code"], "role")


if __name__ == "__main__":
    unittest.main()
