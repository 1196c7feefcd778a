"""The host's envelopes against those that tests/shared/gate_rig.py writes down a second time."""

import base64

import pytest
from gate_rig import SERIAL, Client, some_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from wattledger.errors import ToolError
from wattledger.security.envelope import ANSWER, CHANGE, READ, Envelopes, Header

NONCE = bytes(range(16))
LINE = b'{"id":1,"ok":{}}'


def header(kind=READ, role="reader", nonce=NONCE, expiry=1791000000):
    return Header(kind, role, SERIAL.hex(), expiry, nonce)


def answered(key, head, text):
    """-> the answer of a meter with this key, written by another hand"""
    from meter import chain

    body = bytearray(text)
    rig = Client(None, "reader")
    rig.key = key
    body = rig._stream(b"answer cipher", head, body)
    mac = chain.tag(key, b"answer mac", b"")
    return b"WL1 " + base64.b64encode(head + body + chain.tag(mac, head, body))


@pytest.mark.parametrize("kind", [READ, CHANGE])
@pytest.mark.parametrize("role", ["reader", "utility", "maker"])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 300, 1024])
def test_a_request_is_what_the_meter_expects(kind, role, size):
    text = (b"0123456789" * 103)[:size]
    client = Client(None, role)
    head = header(kind, role)
    assert Envelopes(client.key).seal(head, text) == client.seal(head.pack(), text)


def test_an_answer_of_the_meter_is_read():
    key = some_keys().reader
    answer = answered(key, header().answer().pack(), LINE)
    assert Envelopes(key).open(header(), answer) == LINE


@settings(deadline=None, max_examples=200)
@given(at=st.integers(0), bit=st.integers(0, 7))
def test_no_bit_of_an_answer_can_be_altered(at, bit):
    key = some_keys().reader
    raw = bytearray(base64.b64decode(answered(key, header().answer().pack(), LINE)[4:]))
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises(ToolError):
        Envelopes(key).open(header(), b"WL1 " + base64.b64encode(raw))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_no_answer_at_all(data):
    for line in (data, b"WL1 " + data, b"WL1 " + base64.b64encode(data)):
        with pytest.raises(ToolError):
            Envelopes(some_keys().reader).open(header(), line)


@pytest.mark.parametrize(
    "other",
    [
        header(nonce=bytes(16)).answer(),
        header(role="utility").answer(),
        header(kind=ANSWER, expiry=1),
        header(),
        Header(ANSWER, "reader", "246f28010204", 0, NONCE),
    ],
    ids=["nonce", "role", "expiry", "own request", "serial"],
)
def test_an_answer_to_another_request(other):
    key = some_keys().reader
    with pytest.raises(ToolError, match="no answer to this request"):
        Envelopes(key).open(header(), answered(key, other.pack(), LINE))


def test_a_request_is_no_answer():
    """Neither sent back as it is, nor with the header of an answer before it."""
    envelopes = Envelopes(some_keys().reader)
    sent = envelopes.seal(header(), LINE)
    turned = envelopes.seal(header().answer(), LINE)
    for line in (sent, turned):
        with pytest.raises(ToolError):
            envelopes.open(header(), line)


def test_the_key_of_another_role_or_meter():
    answer = answered(some_keys().reader, header().answer().pack(), LINE)
    for key in (some_keys().utility, some_keys(meter=1).reader, some_keys(2).reader):
        with pytest.raises(ToolError, match="that this meter did not make"):
            Envelopes(key).open(header(), answer)


def test_a_line_that_is_too_long():
    with pytest.raises(ToolError, match="at most 1600"):
        Envelopes(some_keys().reader).seal(header(), b"x" * 1136)
    assert len(Envelopes(some_keys().reader).seal(header(), b"x" * 1135)) <= 1600
