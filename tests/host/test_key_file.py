"""The key file: who lacks the passphrase learns nothing, and nothing is lost by a cut."""

import base64
import hashlib
import hmac
import json
import os
import stat

import pytest

from meter.errors import MeterError
from meter.security import keys as meter_keys
from wattledger.errors import ToolError
from wattledger.security import derive, key_file
from wattledger.security.keyring import Fleet, MeterKey

SERIAL = "246f28010203"
PASSPHRASE = "correct horse"


@pytest.fixture(scope="module")
def fleet():
    return Fleet.new().with_meter(SERIAL, 2, "village")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)


def secrets_of(keyring):
    """-> every secret of it, as bytes"""
    if isinstance(keyring, MeterKey):
        return [keyring.secret]
    return [keyring.master, *(n.to_bytes(32, "big") for n in keyring.signers.values())]


def test_there_and_back(fleet, tmp_path):
    for number, keyring in enumerate((fleet, fleet.derive(SERIAL, "reader"))):
        path = tmp_path / f"{number}.keys"
        key_file.create(path, keyring, PASSPHRASE)
        assert key_file.load(path, PASSPHRASE).keyring == keyring
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        held = path.read_bytes()
        for secret in secrets_of(keyring):
            assert secret not in held
            assert secret.hex().encode() not in held


def test_it_costs_what_it_promises(fleet, monkeypatch):
    monkeypatch.undo()
    found = json.loads(key_file.encrypt(fleet, PASSPHRASE))
    assert (found["n"], found["r"], found["p"]) == (1 << 17, 8, 1)
    made = hashlib.scrypt(
        PASSPHRASE.encode(),
        salt=bytes.fromhex(found["salt"]),
        n=1 << 17,
        r=8,
        p=1,
        maxmem=1 << 28,
        dklen=32,
    )
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = [v for k, v in found.items() if k != "data"]
    plain = AESGCM(made).decrypt(
        bytes.fromhex(found["nonce"]), base64.b64decode(found["data"]), json.dumps(head).encode()
    )
    assert json.loads(plain)["master"] == fleet.master.hex()


def test_the_same_is_never_written_twice_alike(fleet):
    one, other = (json.loads(key_file.encrypt(fleet, PASSPHRASE)) for _ in range(2))
    for name in ("salt", "nonce", "data"):
        assert one[name] != other[name]


@pytest.mark.parametrize("given", ["correct horsf", "Correct horse", "correct horse "])
def test_another_passphrase(fleet, given):
    with pytest.raises(ToolError, match="wrong passphrase, or the file was altered"):
        key_file.decrypt(key_file.encrypt(fleet, PASSPHRASE), given)


@pytest.mark.parametrize("name", ["salt", "nonce", "data"])
def test_one_altered_bit(fleet, name):
    found = json.loads(key_file.encrypt(fleet, PASSPHRASE))
    raw = base64.b64decode(found["data"]) if name == "data" else bytes.fromhex(found[name])
    for at in {0, len(raw) // 2, len(raw) - 1}:
        bad = bytearray(raw)
        bad[at] ^= 1
        text = base64.b64encode(bad).decode() if name == "data" else bad.hex()
        with pytest.raises(ToolError, match="altered"):
            key_file.decrypt(json.dumps({**found, name: text}).encode(), PASSPHRASE)


@pytest.mark.parametrize(
    ("name", "value"),
    [("format", "wattledger keys 2"), ("n", 1 << 9), ("n", 1 << 40), ("n", "x"), ("r", 1)],
)
def test_another_head_is_refused_before_it_costs_anything(fleet, monkeypatch, name, value):
    found = json.loads(key_file.encrypt(fleet, PASSPHRASE))
    monkeypatch.setattr(key_file, "Scrypt", None)
    with pytest.raises(ToolError, match="update wattledger"):
        key_file.decrypt(json.dumps({**found, name: value}).encode(), PASSPHRASE)


def test_what_is_bound_to_the_content(fleet):
    found = json.loads(key_file.encrypt(fleet, PASSPHRASE))
    with pytest.raises(ToolError, match="altered"):
        key_file.decrypt(json.dumps({**found, "cipher": "none"}).encode(), PASSPHRASE)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff\xfe", b'{"format":1}', b"[" * 9999])
def test_no_key_file(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(ToolError, match=r"x: no key file: give another --keys"):
        key_file.load(path, PASSPHRASE)


def test_a_file_cut_anywhere_is_none(fleet):
    data = key_file.encrypt(fleet, PASSPHRASE)
    for size in range(len(data)):
        with pytest.raises(ToolError):
            key_file.decrypt(data[:size], PASSPHRASE)


def test_new_never_writes_over(fleet, tmp_path):
    path = tmp_path / "fleet.keys"
    path.write_text("mine")
    with pytest.raises(ToolError, match="never written over"):
        key_file.create(path, fleet, PASSPHRASE)
    assert path.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["fleet.keys"]


def test_a_short_passphrase(fleet, tmp_path):
    with pytest.raises(ToolError, match="7 characters, expected 8 or more"):
        key_file.create(tmp_path / "f", fleet, "seven77")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_cut_while_it_is_replaced(fleet, tmp_path, monkeypatch, step):
    path = tmp_path / "fleet.keys"
    key_file.create(path, fleet, PASSPHRASE)
    before, opened = path.read_bytes(), key_file.load(path, PASSPHRASE)

    def cut(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, cut)
    with pytest.raises(ToolError, match="No space left"):
        opened.save(fleet.next_generation())
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["fleet.keys"]


def test_a_link_stays_a_link(fleet, tmp_path):
    path, link = tmp_path / "stick.keys", tmp_path / "fleet.keys"
    key_file.create(path, fleet, PASSPHRASE)
    link.symlink_to(path)
    key_file.load(link, PASSPHRASE).save(fleet.next_generation())
    assert link.is_symlink()


def test_where_the_passphrase_comes_from(tmp_path, monkeypatch):
    file = tmp_path / "p"
    file.write_text("from a file\r\nsecond line\n")
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", "from outside")
    assert key_file.passphrase(file) == "from a file"
    assert key_file.passphrase(None) == "from outside"
    monkeypatch.delenv("WATTLEDGER_PASSPHRASE")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(ToolError, match="nobody to ask"):
        key_file.passphrase(None)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    typed = iter(["one of them", "another"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    with pytest.raises(ToolError, match="the two differ"):
        key_file.passphrase(None, new=True)
    file.write_text("")
    with pytest.raises(ToolError, match="empty passphrase"):
        key_file.passphrase(file)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", "\udcff\udcfe and more")  # from b"\xff\xfe"
    with pytest.raises(ToolError, match="no UTF-8"):
        key_file.passphrase(None)


def test_one_passphrase_on_every_keyboard(tmp_path):
    file = tmp_path / "p"
    texts = []
    for text in ("caf\u00e9", "cafe\u0301"):
        file.write_text(text, "utf-8")
        texts.append(key_file.passphrase(file))
    assert texts[0] == texts[1]


def test_what_is_printed_by_mistake_has_no_secret(fleet):
    for keyring in (fleet, fleet.derive(SERIAL, "maker")):
        opened = key_file.KeyFile(None, keyring, PASSPHRASE)
        text = repr(keyring) + repr(opened)
        assert PASSPHRASE not in text
        for secret in secrets_of(keyring):
            assert secret.hex() not in text
            assert repr(secret) not in text
            assert str(int.from_bytes(secret, "big")) not in text


def test_keys_are_derived_as_rfc_5869_says(fleet):
    for name in derive.NAMES:
        prk = hmac.digest(SERIAL.encode(), fleet.master, "sha256")
        expected = hmac.digest(prk, f"wattledger 1 {name} 3".encode() + b"\x01", "sha256")
        assert derive.meter_key(fleet.master, SERIAL, name, 3) == expected


def test_all_derived_keys_differ(fleet):
    found = {
        derive.meter_key(fleet.master, serial, name, generation)
        for serial in (SERIAL, "246f28010204")
        for name in derive.NAMES
        for generation in (1, 2, 11)
    }
    assert len(found) == 2 * 5 * 3


@pytest.mark.parametrize("text", ["", "246F28010203", "246f2801020", "../../x", "246f28010203\n"])
def test_a_serial_that_is_none(text):
    with pytest.raises(ToolError, match="expected 12 hex digits"):
        derive.serial_of(text)


def test_the_blob_is_what_a_meter_takes(fleet):
    held = meter_keys.unpack(fleet.blob(SERIAL, 2, "village"))
    assert (held.generation, held.group) == (2, "village")
    for name in derive.NAMES:
        assert getattr(held, name) == derive.meter_key(fleet.master, SERIAL, name, 2)
    assert held.utility_public == fleet.public("utility")
    assert held.maker_public == fleet.public("maker")
    with pytest.raises(MeterError, match="group"):
        fleet.blob(SERIAL, 2, "a b")


def test_one_role_of_one_meter_is_no_more_than_that(fleet):
    reader = fleet.derive(SERIAL, "reader")
    assert reader.generation == 2
    assert reader.best_role(SERIAL, "reader") == "reader"
    assert reader.key(SERIAL, "reader", 2) == fleet.key(SERIAL, "reader", 2)
    with pytest.raises(ToolError, match="of a reader, this needs a utility"):
        reader.best_role(SERIAL, "utility")
    with pytest.raises(ToolError, match="of meter 246f28010203, here is 246f28010204"):
        reader.key("246f28010204", "reader", 2)
    with pytest.raises(ToolError, match="generation 2, the meter has 3"):
        reader.key(SERIAL, "reader", 3)
    assert fleet.derive(SERIAL, "utility").best_role(SERIAL, "reader") == "utility"


def test_a_meter_that_is_not_finished_is_behind(fleet):
    pending = fleet.with_meter("246f28010204", 0, "")
    assert pending.behind() == ["246f28010204"]
    assert pending.derive("246f28010204", "reader").generation == pending.generation
    assert pending.next_generation().next_generation().behind() == [SERIAL, "246f28010204"]
