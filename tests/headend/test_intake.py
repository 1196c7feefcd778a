"""The intake takes what the meters made, once and in order, and never raises."""

import base64
import json
import random

import pytest

from wattledger.headend.intake import AGAIN, AHEAD, READING, REFUSED, STATUS, TAKEN, Intake
from wattledger.headend.key_source import KeySource
from wattledger.headend.records import RINGS
from wattledger.headend.state import Known
from wattledger.security.envelope import RECEIPT, Envelopes, Header

from .pushed import NOW, SALT, Sender, block, event, row

SERIAL, OTHER = "f00000000001", "f00000000002"


@pytest.fixture
def sender(keys):
    return Sender(keys, SERIAL)


@pytest.fixture
def intake(keys):
    return Intake(KeySource(keys))


def send(intake, sender, told, leaf="iv", serial=None, **more):
    payload = sender.push(told, **more) if isinstance(told, dict) else told
    return intake.take(f"wl/{serial or sender.serial}/up/{leaf}", payload)


def why(intake, serial=SERIAL):
    """-> the newest reason of a refusal, and how often it came."""
    found = intake.meters[serial].refused if serial in intake.meters else intake.refused
    assert len(found) == 1, found
    return next(iter(found.items()))


def seqs(batch):
    return [int.from_bytes(raw[:4], "little") for _, _, _, raw in batch.rows]


def receipts(intake, keys, batch):
    """-> by serial, what stands in the receipts for a batch"""
    found = {}
    for topic, payload in intake.kept(batch):
        serial = topic.split("/")[1]
        assert topic == f"wl/{serial}/dn/ack"
        data = base64.b64decode(payload[4:])
        header = Header(RECEIPT, "utility", serial, 0, data[14:30])
        assert data.startswith(header.pack())
        opener = Envelopes(keys.key(serial, "utility", 1))
        opener._answer_cipher, opener._answer_mac = opener._cipher, opener._mac
        found[serial] = json.loads(opener._opened(data))
    return found


def test_blocks_in_order_are_taken_and_receipted_once_they_are_kept(intake, sender, keys):
    assert send(intake, sender, block([row(1), row(2)])) == TAKEN
    assert send(intake, sender, block([row(3)])) == TAKEN
    assert send(intake, sender, block([event(1)]), "ev") == TAKEN
    batch = intake.cut()
    assert [r[:3] for r in batch.rows] == [(SERIAL, SALT, "profile")] * 3 + [
        (SERIAL, SALT, "configuration")
    ]
    assert intake.meters[SERIAL].stored == {}
    told = receipts(intake, keys, batch)[SERIAL]
    expected = dict.fromkeys(RINGS, 0) | {"profile": 3, "configuration": 1}
    assert told == {"salt": SALT, "upto": expected}
    assert not intake.cut().receipts


def test_a_receipt_says_no_more_than_is_durable(intake, sender, keys):
    send(intake, sender, block([row(1)]))
    first = intake.cut()
    send(intake, sender, block([row(2)]))
    assert receipts(intake, keys, first)[SERIAL]["upto"]["profile"] == 1
    assert receipts(intake, keys, intake.cut())[SERIAL]["upto"]["profile"] == 2


def test_what_was_there_is_cut_and_a_block_of_it_gets_a_receipt(intake, sender, keys):
    send(intake, sender, block([row(1), row(2)]))
    assert send(intake, sender, block([row(1), row(2), row(3)])) == TAKEN
    assert send(intake, sender, block([row(2), row(3)])) == AGAIN
    batch = intake.cut()
    assert seqs(batch) == [1, 2, 3]
    intake.kept(batch)
    assert send(intake, sender, block([row(3)])) == AGAIN
    batch = intake.cut()
    assert batch.rows == []
    assert receipts(intake, keys, batch)[SERIAL]["upto"]["profile"] == 3


def test_a_block_over_a_hole_is_not_taken_and_the_meter_is_told_where_we_are(intake, sender, keys):
    send(intake, sender, block([row(1)]))
    assert send(intake, sender, block([row(3), row(4)])) == AHEAD
    batch = intake.cut()
    assert seqs(batch) == [1]
    assert receipts(intake, keys, batch)[SERIAL]["upto"]["profile"] == 1
    assert send(intake, sender, block([row(2), row(3), row(4)])) == TAKEN


def test_what_the_meter_has_no_more_is_a_gap(keys, sender):
    gaps = []
    intake = Intake(KeySource(keys), on_gap=lambda *gap: gaps.append(gap))
    send(intake, sender, block([row(1)]))
    assert send(intake, sender, block([row(9)], first=8)) == AHEAD
    assert send(intake, sender, block([row(8), row(9)], first=8)) == TAKEN
    assert send(intake, sender, block([row(9), row(12)], first=8)) == TAKEN
    assert send(intake, sender, block([row(15)], first=8, ring="profile", **{"from": 13})) == TAKEN
    assert gaps == [
        (SERIAL, "profile", 2, 7),
        (SERIAL, "profile", 10, 11),
        (SERIAL, "profile", 13, 14),
    ]


def test_what_the_store_has_counts(keys, sender):
    known = [
        Known(SERIAL, SALT, "profile", 7, NOW),
        Known(SERIAL, 12, "profile", 99, NOW - 9999),
        Known(SERIAL, SALT, "clock", 2, NOW),
    ]
    intake = Intake(KeySource(keys), known)
    assert send(intake, sender, block([row(7)])) == AGAIN
    assert send(intake, sender, block([row(100)], salt=12)) == REFUSED
    assert why(intake) == ("a journal of before", 1)
    assert send(intake, sender, block([row(8)])) == TAKEN
    told = receipts(intake, keys, intake.cut())[SERIAL]["upto"]
    assert (told["profile"], told["clock"], told["power"]) == (8, 2, 0)


def test_a_new_journal_begins_anew(intake, sender, keys):
    send(intake, sender, block([row(1), row(2)]))
    assert send(intake, sender, block([row(1, mwh=5)], salt=78)) == TAKEN
    batch = intake.cut()
    assert [r[1] for r in batch.rows] == [SALT, SALT, 78]
    told = receipts(intake, keys, batch)[SERIAL]
    assert (told["salt"], told["upto"]["profile"]) == (78, 1)


def test_a_batch_that_is_lost_has_not_come(intake, sender):
    send(intake, sender, block([row(1)]))
    intake.kept(intake.cut())
    send(intake, sender, block([row(2)]))
    intake.cut()
    send(intake, sender, block([row(3)]))
    intake.lost()
    assert intake.waiting == 0
    assert send(intake, sender, block([row(3)])) == AHEAD
    assert send(intake, sender, block([row(2), row(3)])) == TAKEN


def test_new_keys_are_known_a_generation_ahead(intake, keys):
    sender = Sender(keys, SERIAL, generation=2)
    assert send(intake, sender, block([row(1)])) == TAKEN
    ((_, payload),) = intake.kept(intake.cut())
    data = base64.b64decode(payload[4:])
    opener = Envelopes(keys.key(SERIAL, "utility", 2))
    opener._answer_cipher, opener._answer_mac = opener._cipher, opener._mac
    assert json.loads(opener._opened(data))["upto"]["profile"] == 1


def test_readings_and_status(intake, sender):
    send(intake, sender, block([row(1)]))
    assert send(intake, sender, {"registers": {}}, "reg", utc=NOW + 5) == READING
    assert send(intake, sender, {"registers": {"old": 1}}, "reg", utc=NOW + 4) == REFUSED
    assert why(intake) == ("a reading of before", 1)
    assert intake.meters[SERIAL].registers == {"registers": {}}
    assert send(intake, sender, b"offline", "status") == STATUS
    assert intake.meters[SERIAL].online is False
    assert send(intake, sender, b"gone fishing", "status") == REFUSED


def test_the_load_of_each_interval(intake, sender):
    rows = [row(1, mwh=0), row(2, mwh=250_000), row(3, mwh=250_000, export_mwh=100_000)]
    send(intake, sender, block(rows))
    found = [(i.utc - NOW, i.mw) for i in intake.meters[SERIAL].intervals]
    assert found == [(1800, 1_000_000), (2700, -400_000)]


@pytest.mark.parametrize(
    ("leaf", "told", "reason"),
    [
        ("iv", block([]), "a block without records"),
        ("iv", {"rows": ["!"], "crc": 0, "first": 1, "salt": 1}, "a block that is none"),
        ("iv", {"rows": 3, "crc": 0, "first": 1, "salt": 1}, "a block that is none"),
        ("iv", {**block([row(1)]), "crc": 1}, "a block that is none"),
        ("iv", {**block([row(1)]), "salt": -1}, "a block that is none"),
        ("iv", {**block([row(1)]), "salt": "x"}, "a block that is none"),
        ("iv", block([row(2), row(1)]), "records that are not in order"),
        ("iv", block([row(1), row(1)]), "records that are not in order"),
        ("iv", block([bytes(63)]), "a block of another ring than its topic"),
        ("ev", block([bytes(64)]), "a block of another ring than its topic"),
        ("ev", block([event(1, 3, 1), event(2, 2, 1)]), "records that are not in order"),
        ("ev", block([event(1, 3, 250)]), "a block of another ring than its topic"),
        ("iv", block([row(1)], ring="clock"), "a block of another ring than its topic"),
        ("iv", block([row(1, duration_s=5000)]), "a row that is none"),
        ("iv", block([row(1, mwh=9), row(2, mwh=8)]), "registers that went back"),
    ],
)
def test_what_a_meter_would_not_send_is_refused(intake, sender, leaf, told, reason):
    assert send(intake, sender, told, leaf) == REFUSED
    assert why(intake) == (reason, 1)
    assert intake.waiting == 0


def test_what_others_made_is_refused(intake, sender, keys):
    good = sender.push(block([row(1)]))
    flipped = bytearray(base64.b64decode(good[4:]))
    flipped[40] ^= 1
    other = Sender(keys, OTHER).push(block([row(1)]))
    for payload in (
        b"WL1 " + base64.b64encode(flipped),
        other,
        sender.answer(block([row(1)])),
        good[4:],
        good[:-8],
        b"",
        b"WL1 !",
    ):
        assert send(intake, sender, payload) == REFUSED
    assert why(intake) == ("an envelope that this meter did not make", 7)
    assert send(intake, sender, b"WL1 " + b"A" * 1600) == REFUSED
    assert send(intake, sender, sender.push({}, raw=b"[]")) == REFUSED
    assert send(intake, sender, sender.push({}, raw=b'{"ok":7}')) == REFUSED
    assert send(intake, sender, sender.push({}, raw=b"\xff")) == REFUSED
    assert intake.waiting == 0


def test_topics_and_meters_that_nobody_knows(intake, sender):
    good = sender.push(block([row(1)]))
    for topic in ("", "wl", f"wl/{SERIAL}/up/iv/x", f"xl/{SERIAL}/up/iv", f"wl/{SERIAL}/dn/iv"):
        assert intake.take(topic, good) == REFUSED
    assert intake.take("wl/abcdefabcdef/up/iv", good) == REFUSED
    assert intake.take("wl/\x00/up/iv", good) == REFUSED
    assert intake.meters == {}
    assert intake.take(f"wl/{SERIAL}/up/other", good) == REFUSED


def test_noise_never_raises_and_leaves_nothing(intake, sender):
    dice = random.Random(4)
    good = sender.push(block([row(1), row(2)]))
    for _ in range(3000):
        payload = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            payload[dice.randrange(len(payload))] = dice.randrange(256)
        if dice.random() < 0.3:
            payload = payload[: dice.randrange(len(payload))]
        leaf = dice.choice(("iv", "ev", "reg", "live", "status", "answer", "x"))
        if bytes(payload) != good:
            send(intake, sender, bytes(payload), leaf)
    assert intake.waiting == 0
    assert send(intake, sender, good) == TAKEN
