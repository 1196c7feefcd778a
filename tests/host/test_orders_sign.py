"""Orders of the host: every signature is one that the meter takes, and OpenSSL too."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from gate_rig import SERIAL
from plain_vault import PlainVault

from meter.security import keys as keys_of
from meter.security import orders as on_meter
from meter.security import p256
from meter.service import Refused
from wattledger.errors import ToolError
from wattledger.security import orders
from wattledger.security.keyring import Fleet

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NOW = 1_791_000_000
ARGUMENT = hashlib.sha256(b"tariff").hexdigest() + " period"


@pytest.fixture(scope="module")
def fleet():
    return Fleet.new()


def checked(fleet, kind, order, argument=ARGUMENT, now=NOW, vault=None):
    """Refused: the meter does not take it."""
    keys = keys_of.unpack(fleet.blob(SERIAL.hex(), 1, "village"))
    on_meter.check(kind, argument, order, keys, vault or PlainVault(), SERIAL, now, lambda: None)


def test_the_text_that_is_signed():
    text = orders.canonical("tariff", "group:village", 7, 0, ARGUMENT)
    assert text == f"wattledger order 1\ntariff\ngroup:village\n7\n0\n{ARGUMENT}".encode()


def test_of_each_signature_the_lower_s_that_both_take(fleet):
    private = fleet.private("utility")
    for version in range(1, 65):
        order = orders.sign("tariff", "*", version, 0, ARGUMENT, private)
        raw = base64.b64decode(order["sig"])
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        assert len(raw) == 64
        assert s <= N // 2
        text = orders.canonical("tariff", "*", version, 0, ARGUMENT)
        for good in (s, N - s):
            private.public_key().verify(encode_dss_signature(r, good), text, ec.ECDSA(SHA256()))
        if version <= 8:
            digest = hashlib.sha256(text).digest()
            assert p256.verify(fleet.public("utility"), digest, raw, lambda: None)


@pytest.mark.parametrize("kind", sorted(orders.SIGNER))
def test_the_meter_takes_it_from_the_right_key_only(fleet, kind):
    right = orders.SIGNER[kind]
    wrong = "maker" if right == "utility" else "utility"
    checked(fleet, kind, orders.sign(kind, "*", 1, 0, ARGUMENT, fleet.private(right)))
    with pytest.raises(Refused):
        checked(fleet, kind, orders.sign(kind, "*", 1, 0, ARGUMENT, fleet.private(wrong)))
    assert set(orders.SIGNER) == set(on_meter.KINDS)


@pytest.mark.parametrize("target", ["*", SERIAL.hex(), "group:village"])
def test_whom_it_is_for(fleet, target):
    checked(
        fleet, "prices", orders.sign("prices", target, 3, NOW, "x", fleet.private("utility")), "x"
    )


@pytest.mark.parametrize("name", ["target", "version", "until"])
def test_nothing_of_it_can_be_altered(fleet, name):
    order = orders.sign("tariff", SERIAL.hex(), 5, NOW + 60, ARGUMENT, fleet.private("utility"))
    other = {"target": "*", "version": 6, "until": NOW + 61}[name]
    with pytest.raises(Refused):
        checked(fleet, "tariff", {**order, name: other})
    with pytest.raises(Refused):
        checked(fleet, "tariff", order, ARGUMENT.replace("period", "now"))
    with pytest.raises(Refused):
        checked(fleet, "prices", order)
    checked(fleet, "tariff", order)


@pytest.mark.parametrize(
    ("kind", "target", "version", "until", "argument"),
    [
        ("tarif", "*", 1, 0, "x"),
        ("tariff", "", 1, 0, "x"),
        ("tariff", "*\n1", 1, 0, "x"),
        ("tariff", "*", 0, 0, "x"),
        ("tariff", "*", 1 << 32, 0, "x"),
        ("tariff", "*", 1, -1, "x"),
        ("tariff", "*", 1, 0, "x\ny"),
        ("tariff", "*", 1, 0, "\u00e9"),
        ("tariff", "*", 1, 0, ""),
    ],
)
def test_what_is_no_order(kind, target, version, until, argument):
    with pytest.raises(ToolError, match="order: "):
        orders.canonical(kind, target, version, until, argument)
