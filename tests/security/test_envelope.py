"""R1, R2, R3, R5: what is let in comes from who has the key, for this meter, once and in time.

The envelopes are those of the host's own code, so that both sides are tried on each other; by
byte and by field they are tried in tests/shared/test_gate.py.
"""

import importlib
import json
from base64 import b64decode, b64encode
from unittest import mock

import pytest
from gate_rig import REFUSED, Client, GateRig, some_keys

from boards.virtual.nor import PowerCut
from wattledger.errors import ToolError
from wattledger.security.envelope import CHANGE, READ, Envelopes, Header
from wattledger.security.keyring import Fleet

SERIAL, OTHER = "246f28010203", "246f28090909"
FLEET = Fleet.new()


class Host:
    """Who has the key of one role of one meter, and the host's code."""

    def __init__(self, rig, role="utility", serial=SERIAL, key=None):
        self.rig, self.role, self.serial = rig, role, serial
        self.envelopes = Envelopes(key or getattr(some_keys(), role))

    def header(self, kind, expiry_s=60, ahead=1):
        told = self.rig.public("hello")["ok"]
        counter = told["counters"]["reader utility maker".split().index(self.role)] + ahead
        nonce = bytes.fromhex(told["nonce"]) if kind == READ else counter.to_bytes(8) + b"12345678"
        return Header(kind, self.role, self.serial, told["utc"] + expiry_s, nonce)

    def line(self, kind, do, args=None, **more):
        """-> (header, envelope)"""
        header = self.header(kind, **more)
        text = json.dumps({"id": 1, "do": do, "args": args or {}}).encode()
        return header, self.envelopes.seal(header, text)

    def ask(self, kind, do, args=None):
        header, line = self.line(kind, do, args)
        return json.loads(self.envelopes.open(header, self.rig.send(line)))


@pytest.fixture
def rig():
    return GateRig(keys=some_keys(), sealed=True)


@pytest.fixture
def host(rig):
    return Host(rig)


def test_r01_a_change_is_done_once(rig, host):
    _, line = host.line(CHANGE, "commit")
    assert rig.send(line).startswith(b"WL1 ")
    for again in (rig.restart, lambda: rig.cut(60), lambda: rig.run(86000, step_s=1000)):
        assert rig.send(line) == REFUSED
        again()
        assert rig.send(line) == REFUSED


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("stores", [0, 1])
def test_r01_a_cut_between_the_counter_and_the_deed(rig, host, stores, kept):
    """The counter is the first store, the seal the second: once it is in, never again."""
    _, line = host.line(CHANGE, "unseal")
    rig.vault.cut_after(stores, kept)
    with pytest.raises(PowerCut):
        rig.send(line)
    rig.cut(30)
    is_counted = (stores, kept) != (0, False)
    assert rig.gate.counters == [0, int(is_counted), 0]
    assert (rig.gate.seal.name == "broken") == ((stores, kept) == (1, True))
    assert (rig.send(line) == REFUSED) == is_counted


def test_r02_another_meter_of_the_fleet_refuses_it(rig):
    """By its keys, which are derived with the serial, and with the same keys by the serial."""
    from meter.security import keys as meter_keys

    meters = {}
    for serial in (SERIAL, OTHER):
        keys = meter_keys.unpack(FLEET.blob(serial, 1))
        meters[serial] = GateRig(serial=bytes.fromhex(serial), keys=keys, sealed=True)
    twin = GateRig(serial=bytes.fromhex(OTHER), keys=some_keys(), sealed=True)
    host = Host(meters[SERIAL], key=FLEET.key(SERIAL, "utility", 1))
    _, line = host.line(CHANGE, "unseal")
    assert meters[OTHER].send(line) == REFUSED
    data = bytearray(b64decode(line[4:]))
    data[4:10] = bytes.fromhex(OTHER)
    assert meters[OTHER].send(b"WL1 " + b64encode(data)) == REFUSED
    assert Host(rig).line(CHANGE, "commit")[1] != REFUSED
    assert twin.send(Host(rig).line(CHANGE, "commit")[1]) == REFUSED
    assert meters[SERIAL].send(line).startswith(b"WL1 ")
    assert [m.gate.seal.name for m in (*meters.values(), twin)] == ["broken", "sealed", "sealed"]


TAGS = {
    "cut by a byte": lambda data: data[:-1],
    "cut to half": lambda data: data[:-16],
    "none": lambda data: data[:-32],
    "zeros": lambda data: data[:-32] + bytes(32),
    "longer by a byte": lambda data: data + b"\0",
    "twice": lambda data: data + data[-32:],
    "one bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "of another text": lambda data: data[:35] + bytes([data[35] ^ 1]) + data[36:],
    "without a text": lambda data: data[:30] + data[-32:],
    "the header alone": lambda data: data[:30],
    "nothing": lambda data: b"",
}


@pytest.mark.parametrize("name", TAGS)
def test_r03_whatever_is_wrong_with_a_tag_it_says_the_same(rig, host, name):
    _, line = host.line(READ, "live")
    assert rig.send(b"WL1 " + b64encode(TAGS[name](b64decode(line[4:])))) == REFUSED


@pytest.mark.parametrize("role", ["reader", "utility", "maker"])
def test_r03_a_wrong_key_is_refused_with_the_same_bytes(rig, role):
    keys = some_keys(meter=1), some_keys(generation=2)
    strange = [getattr(k, role) for k in keys] + [some_keys().evidence, bytes(32)]
    for key in strange:
        rig.ports.clock.utc += 3600
        assert rig.send(Host(rig, role, key=key).line(READ, "live")[1]) == REFUSED
        rig.ports.clock.utc += 3600
        assert rig.send(Host(rig, role, key=key).line(CHANGE, "commit")[1]) == REFUSED


def test_r03_tags_are_compared_in_constant_time(rig, host, monkeypatch):
    """By `same`, which looks at every byte whatever it is given (tests/shared/test_cipher.py)."""
    seen = []

    def same(expected, given):
        seen.append((len(expected), len(given)))
        return real(expected, given)

    header, line = host.line(READ, "live")
    envelope = importlib.import_module("meter.security.envelope")  # dropped after each message
    real = envelope.same
    monkeypatch.setattr(envelope, "same", same)
    assert b'"ok"' in host.envelopes.open(header, rig.send(line))
    assert seen == [(32, 32), (16, 16)]  # the tag, the nonce


def test_r03_an_answer_is_bound_to_its_request(rig, host):
    """Somebody on the line cannot alter an answer, nor give an old one."""
    first, line = host.line(READ, "registers")
    old = rig.send(line)
    second, line = host.line(READ, "registers")
    answer = rig.send(line)
    data = bytearray(b64decode(answer[4:]))
    data[40] ^= 1
    for wrong in (old, b"WL1 " + b64encode(data), line, REFUSED):
        with pytest.raises(ToolError):
            host.envelopes.open(second, wrong)
    assert b'"ok"' in host.envelopes.open(second, answer)
    assert b'"ok"' in host.envelopes.open(first, old)


def test_r05_a_nonce_is_good_once_for_a_minute(rig, host):
    _, used = host.line(READ, "live")
    assert rig.send(used) != REFUSED
    assert rig.send(used) == REFUSED
    _, spoilt = host.line(READ, "live")
    data = b64decode(spoilt[4:])
    assert rig.send(b"WL1 " + b64encode(data[:-1] + bytes([data[-1] ^ 1]))) == REFUSED
    assert rig.send(spoilt) == REFUSED  # a failure has used it up
    for seconds, is_good in ((59, True), (61, False)):
        _, line = host.line(READ, "live", expiry_s=600)
        rig.ports.clock.utc += seconds
        assert (rig.send(line) != REFUSED) == is_good


def test_r05_a_nonce_is_of_its_session(rig, host):
    """Of the newest hello, of this start, of this road; and no change is let in by one."""
    _, line = host.line(READ, "live")
    rig.public("hello")
    assert rig.send(line) == REFUSED
    _, line = host.line(READ, "live")
    rig.restart()
    assert rig.send(line) == REFUSED
    _, line = host.line(READ, "live")
    assert rig.send(line, "mqtt") == REFUSED
    assert rig.send(line) != REFUSED
    told = rig.public("hello")["ok"]
    header = Header(CHANGE, "utility", SERIAL, told["utc"] + 60, bytes(8) + b"12345678")
    assert rig.send(host.envelopes.seal(header, b'{"id":1,"do":"commit"}')) == REFUSED
    assert Client(rig, "utility").read("unseal") == "refused"


def test_r05_nonces_are_of_the_hardware(root):
    """The port takes them from os.urandom and nowhere else; without it there are none."""
    cryptolib, drawn = mock.Mock(), []
    space = {"__name__": "drivers.crypto_port"}
    source = (root / "firmware/drivers/crypto_port.py").read_text()
    with (
        mock.patch.dict("sys.modules", cryptolib=cryptolib),
        mock.patch("os.urandom", side_effect=lambda n: drawn.append(n) or bytes(n)),
    ):
        exec(compile(source, "crypto_port.py", "exec"), space)
        assert space["Crypto"]().random(16) == bytes(16)
        assert drawn == [16]
    with (
        mock.patch("os.urandom", side_effect=NotImplementedError),
        pytest.raises(NotImplementedError),
    ):
        space["Crypto"]().random(16)
    others = [
        path for path in (root / "firmware").rglob("*.py") if "import random" in path.read_text()
    ]
    assert others == []
