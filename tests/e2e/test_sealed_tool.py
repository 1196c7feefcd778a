"""A meter from its first keys to a rotation, with the tool that its owner has."""

import json

import pytest
from typer.testing import CliRunner

from tests.e2e import esp_image
from tests.e2e.bare_module import bare_module
from wattledger.cli import app
from wattledger.security import key_file

ONE_PRICE = "docs/tariffs/one-price.toml"
TARIFF = "docs/tariffs/three-prices-two-seasons.toml"
PASSPHRASE = "correct horse"


@pytest.fixture
def tool(board, root, tmp_path, monkeypatch):
    """-> function (arguments) -> output, in one process; keys: None or a key file's name"""
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    monkeypatch.setenv("WATTLEDGER_OUT_PASSPHRASE", "of the reader")
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(root)

    def run(*arguments, keys="fleet.keys", error=None, port="virtual"):
        given = ["--keys", str(tmp_path / keys)] if keys else []
        given += ["--state", str(board.state), "--port", port]
        arguments = [*given, *map(str, arguments)]
        passphrase = "of the reader" if keys == "reader.keys" else PASSPHRASE
        monkeypatch.setenv("WATTLEDGER_PASSPHRASE", passphrase)
        done = CliRunner().invoke(app, arguments)
        if error is None:
            assert done.exit_code == 0, done.output + repr(done.exception)
        else:
            assert error in done.output + repr(done.exception)
        return done.output

    return run


def test_the_life_of_a_sealed_meter(board, tool, tmp_path):
    board.start(clock="real")
    tool("deploy", "--board", "virtual", keys=None)
    tool("keys", "new", tmp_path / "fleet.keys", keys=None)
    tool("keys", "install", "--group", "village")
    for command in ("verify", "audit"):
        assert "unkeyed so far: the key of generation 1 came on" in tool(command)
    tool("tariff", "push", TARIFF, keys=None, error="takes this only if it is signed")
    tool("tariff", "push", TARIFF, "--when", "now")
    serial = json.loads(tool("info", "--json"))["serial"]
    tool("seal", "--yes")

    public = json.loads(tool("info", "--json", keys=None))
    assert (public["seal"], public["keyed"]) == ("sealed", True)
    assert not {"power_mw", "v_mv", "tariff", "rate"} & public.keys()
    tool("registers", keys=None)
    for command in ("bill", "profile", "events", "verify"):
        tool(command, keys=None, error="is sealed and tells everybody info and registers only")
    tool("deploy", keys=None, error="sealed")
    doctor = tool("doctor", keys=None)
    assert "note keys       none given, so only what everybody may see" in doctor
    assert "ok   metering   it counts" in doctor
    doctor = tool("doctor")
    assert "ok   keys       it answers to these" in doctor
    assert "-> wattledger unseal, then doctor again" in doctor

    assert json.loads(tool("info", "--json"))["tariff"]["name"].startswith("Three prices")
    assert "peak_winter" in tool("registers")
    tool("tariff", "push", ONE_PRICE, "--when", "now")
    tool("clock", "set")
    assert "One price" in tool("bill")
    assert "chains: " in tool("verify")

    tool("keys", "derive", serial, "--role", "reader", "--out", tmp_path / "reader.keys")
    assert "sealed" in tool("events", keys="reader.keys")
    tool("clock", "set", keys="reader.keys", error="of a reader, this needs a utility")
    tool("unseal", keys="reader.keys", error="of a reader, this needs a utility")
    tool("keys", "rotate", error="wattledger unseal first")

    tool("unseal")
    assert board.mpremote("exec", "print(6 * 7)").strip() == "42"
    assert json.loads(tool("info", "--json", keys=None))["seal"] == "broken"
    tool("keys", "rotate")
    for command in ("verify", "audit"):
        assert "keyed with the one before so far: the key of generation 2 came on" in tool(command)
    tool("seal", "--yes")
    tool("info", keys="reader.keys", error="of generation 1, the meter has 2")
    assert json.loads(tool("info", "--json"))["seal"] == "sealed"
    assert "; keyed" in tool("verify")
    assert "; keyed" in tool("audit")


def test_esptool_and_the_owner_of_a_sealed_meter(board, tool, tmp_path):
    """The real esptool on the stand-in of a module: the ROM knows no seal, its owner sees one."""
    image, backup = tmp_path / "ESP32_GENERIC.bin", tmp_path / "m.bin"
    image.write_bytes(esp_image.merged_image())
    with bare_module(board) as module:
        flash = ("flash", "--board", "esp32_atm90e32", "--firmware", image, "--yes")
        flash += ("--output", tmp_path / "made")
        tool(*flash, keys=None, port=module.port)
        tool("keys", "new", tmp_path / "fleet.keys", keys=None)
        tool("keys", "install", port=module.port)
        tool("seal", "--yes", port=module.port)
        assert "its console answers: sealed" in tool("doctor", port=module.port)

        said = tool("backup", backup, keys=None, port=module.port)
        assert "since its last commit, 60 s at most, may be missing" in said
        said = tool("backup", backup, port=module.port)
        assert "the meter has saved its registers" in said
        assert "; keyed" in tool("audit", backup)

        said = tool(*flash, port=module.port)
        assert "the meter has saved its registers" in said
        assert "runs the software that it had: wattledger update" in said
        assert "; keyed" in tool("audit", port=module.port)
