"""R11, R18: what a meter does is what its utility or maker has signed, for it, in order and in
time."""

import json
from hashlib import sha256

import pytest
import tariffs
from gate_rig import START, Client, GateRig, in_line, some_keys
from test_orders import MAKER, NEW, OLD, UTILITY, Ordered, Store, sign

from meter import calibration as calibration_of
from meter import codes, prices_check, tariff_check
from meter.records import Ledger

PART = 512
TARGET = "246f28010203"


ORDERS = {
    "none": lambda digest: None,
    "another tariff's": lambda digest: sign("tariff", "0" * 64 + " now", 5),
    "another time's": lambda digest: sign("tariff", digest + " period", 5),
    "another meter's": lambda digest: sign("tariff", digest + " now", 5, target="246f28010204"),
    "another group's": lambda digest: sign("tariff", digest + " now", 5, target="group:town"),
    "another kind's": lambda digest: sign("prices", digest + " now", 5),
    "the maker's": lambda digest: sign("tariff", digest + " now", 5, private=MAKER),
    "of nobody here": lambda digest: sign("tariff", digest + " now", 5, private=12345),
    "older": lambda digest: sign("tariff", digest + " now", 1),
    "of the same version": lambda digest: sign("tariff", digest + " now", 2),
    "void": lambda digest: sign("tariff", digest + " now", 5, until=START),
    "the high s": lambda digest: sign("tariff", digest + " now", 5, high=True),
    "without a version": lambda digest: {"target": "*", "until": 0, "sig": "A" * 88},
    "a text": lambda digest: "order",
}


@pytest.mark.parametrize("name", ORDERS)
def test_r11_a_tariff_needs_an_order(name):
    """On each road: in an envelope of whoever has a key, and on the open REPL."""
    for sealed in (True, False):
        rig = Ordered(sealed=sealed)
        accept(rig, tariffs.text(name="between"), 2)
        digest = rig.give(NEW)
        args = {"digest": digest, "when": "now", "order": ORDERS[name](digest)}
        held = dict(rig.held)
        if sealed:
            for role in ("utility", "maker"):
                answer = Client(rig, role).change("tariff", **args)
                assert answer["error"] == {"code": "order", "text": "order: refused"}
        else:
            assert rig.refusal("tariff", **args) == "order"
            assert rig.held == held
        rig.run(120, imported=1)
        assert rig.active == "between"


def accept(rig, text, version, when="now"):
    digest = rig.give(text)
    order = sign("tariff", f"{digest} {when}", version)
    return rig.ask("tariff", digest=digest, when=when, order=order)


def test_r11_a_file_with_a_byte_altered_is_not_its_digest():
    rig = Ordered(sealed=True)
    digest = rig.give(NEW)
    rig.ports.files.held[digest] = NEW.replace(b'"new"', b'"now"')
    order = sign("tariff", digest + " now", 2)
    assert "ok" not in Client(rig, "utility").change(
        "tariff", digest=digest, when="now", order=order
    )
    rig.run(120, imported=1)
    assert rig.active == "test"


def test_r11_a_time_that_is_past_is_refused_and_no_order_comes_twice():
    rig = Ordered()
    now = rig.ports.clock.utc
    digest = rig.give(NEW)
    order = sign("tariff", f"{digest} {now - 3600}", 2)
    assert rig.refusal("tariff", digest=digest, when=now - 3600, order=order) == "meter"
    accept(rig, NEW, 3, now + 600)
    rig.run(900, step_s=60, imported=1)
    assert rig.active == "new"
    accept(rig, OLD, 4)
    digest = tariff_check.digest(NEW)
    order = sign("tariff", f"{digest} {now + 600}", 3)  # it was good once
    assert rig.refusal("tariff", digest=digest, when=now + 600, order=order) == "order"


def test_r11_the_bill_names_the_tariff():
    """Its digest is in the bill and, once it is closed, in the chained ledger record."""
    rig = Ordered()
    accept(rig, NEW, 2)
    rig.run(600, imported=5)
    assert rig.ask("bill")["digest"] == tariff_check.digest(NEW)
    closed = rig.ask("bill", period=1)
    assert closed["digest"] == tariff_check.digest(OLD)
    ring, record = rig.meter.journal.ledger, Ledger()
    assert ring.read(ring.last_seq, ring.slot)
    record.unpack(ring.slot)
    assert record.digest.hex() == tariff_check.digest(OLD)


def test_r11_prices_need_the_utility_too():
    rig = Ordered(sealed=True)
    start = START // 900 * 900
    schedule = {
        "schema": 1, "kind": "prices", "id": 1, "currency": "EUR", "start": start, "step_s": 900,
        "import": [], "export": [], "events": [[start + 5400, start + 7200, "day"]],
    }  # fmt: skip
    text = json.dumps(schedule, separators=(",", ":")).encode()
    digest = prices_check.digest(text)
    rig.ports.files.held[digest] = text
    client = Client(rig, "utility")
    for order in (None, sign("prices", digest, private=MAKER), sign("tariff", digest)):
        assert client.change("prices", digest=digest, order=order)["error"]["code"] == "order"
    assert client.change("prices", digest=digest, order=sign("prices", digest))["ok"]


def test_r18_calibration_needs_the_seal_open_and_the_maker():
    """And the event has the digests of what was and of what is."""
    record = {
        "ic": "CHIP", "utc": START, "reference": "r", "registers": {"A": 1}, "results": [],
    }  # fmt: skip
    data = calibration_of.pack(record)
    digest = sha256(data).hexdigest()
    rig, store = Ordered(sealed=True), Store(data)
    rig.ports.calibration, rig.ports.calibration_store = {}, store.itself
    maker = Client(rig, "maker")
    args = {"digest": digest, "order": sign("calibration", digest, private=MAKER)}
    assert maker.change("calibration", **args)["error"]["code"] == "state"
    assert Client(rig, "utility").change("calibration", **args) == "refused"
    Client(rig, "utility").change("unseal")
    for private in (UTILITY, 12345):
        order = sign("calibration", digest, private=private)
        answer = maker.change("calibration", digest=digest, order=order)
        assert answer["error"]["code"] == "order"
    assert store.held == [None, None]
    rig.ports.clock.utc += 600  # the window is over
    assert maker.change("calibration", **args)["error"]["code"] == "state"
    Client(rig, "utility").change("unseal")
    assert maker.change("calibration", **args)["ok"]["digest"] == digest
    assert store.held == [data, data]
    event = rig.told(codes.EVENT_CALIBRATION)[0]
    assert (event.before, event.after) == (0, int(digest[:14], 16))


def test_r18_no_request_alters_a_constant_of_the_meter():
    """CT and VT ratios, pulse constant, pins are in board.py: its digest is the legal one's."""
    rig = GateRig(keys=some_keys(), sealed=True)
    assert Client(rig, "maker").change("format", salt=1)["error"]["code"] == "state"
    answer = Client(rig, "maker").change("keys", data=in_line(some_keys(2)))
    assert answer["error"]["code"] == "state"
    assert rig.gate.keys.generation == 1
