"""wattledger keys, seal, unseal: on a meter that can lose its power at any store of its vault."""

import contextlib
import io
import json
import sys
import types

import pytest
from gate_rig import SERIAL, GateRig
from typer.testing import CliRunner

from boards.virtual.nor import PowerCut
from wattledger import session
from wattledger.cli import app
from wattledger.errors import ToolError
from wattledger.security import key_file
from wattledger.security.keyring import Fleet

NAME = SERIAL.hex()
PASSPHRASE = "correct horse"


class OpenMeter:
    """What the commands need of Link, on a rig whose REPL is open."""

    sealed = False

    def __init__(self, rig):
        self.rig = rig
        self.was_reset = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def request(self, do, **args):
        self.rig.service._identity["serial"] = NAME
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        answer = json.loads(self.rig.service.handle("maker", line))
        if "error" in answer:
            raise ToolError(answer["error"]["text"])
        return answer["ok"]

    def probe(self, code):
        """The code runs as on the device, on what its NVS holds."""
        said = io.StringIO()
        esp32 = types.ModuleType("esp32")
        esp32.NVS = lambda space: types.SimpleNamespace(get_blob=self._blob)
        sys.modules["esp32"] = esp32
        try:
            with contextlib.redirect_stdout(said):
                exec(code, {})
        finally:
            del sys.modules["esp32"]
        return json.loads(said.getvalue())

    def reset_and_close(self):
        self.was_reset = True

    def _blob(self, name, buf):
        data = self.rig.vault.load(name)
        if data is None:
            raise OSError(-0x1102, "ESP_ERR_NVS_NOT_FOUND")
        buf[: len(data)] = data
        return len(data)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", PASSPHRASE)
    return tmp_path / "fleet.keys"


@pytest.fixture
def meter(monkeypatch):
    meter = OpenMeter(GateRig())
    monkeypatch.setattr(session, "meter", lambda ctx, keys=None: meter)
    monkeypatch.setattr(session, "sealed_meter", lambda ctx, keys: meter)
    return meter


@pytest.fixture
def run(path):
    """-> function (arguments) -> output; `error`: what it must fail with"""

    def run(*arguments, error=None, answer=None):
        done = CliRunner().invoke(app, ["--keys", str(path), *map(str, arguments)], input=answer)
        if error is None:
            assert done.exit_code == 0, done.output + repr(done.exception)
        else:
            assert error in done.output + repr(done.exception)
        return done.output

    return run


def fleet_in(path):
    return key_file.load(path, PASSPHRASE).keyring


def secrets_of(fleet):
    found = [fleet.master, *(number.to_bytes(32, "big") for number in fleet.signers.values())]
    names = ("reader", "utility", "maker", "evidence", "storage")
    return found + [fleet.evidence(NAME, g, name) for g in (1, 2) for name in names]


def test_from_new_keys_to_a_rotated_meter(run, path, meter, monkeypatch):
    said = run("keys", "new", path)
    said += run("keys", "install", "--group", "village")
    assert meter.rig.gate.keys.generation == 1
    assert meter.rig.gate.keys.group == "village"
    said += run("keys", "rotate")
    assert meter.rig.gate.keys.generation == 2
    said += run("keys", "show") + run("keys", "show", "--json")
    derive = ("keys", "derive", NAME, "--role", "utility", "--out", path.parent / "u")
    monkeypatch.setenv("WATTLEDGER_OUT_PASSPHRASE", PASSPHRASE)
    run(*derive, error="must not know the fleet's passphrase")
    monkeypatch.setenv("WATTLEDGER_OUT_PASSPHRASE", "of the landlord")
    said += run(*derive)
    fleet = fleet_in(path)
    assert (fleet.generation, fleet.behind()) == (2, [])
    assert f"meter {NAME}   generation 2, group village" in said
    assert fleet.public("utility").hex() in said
    derived = key_file.load(path.parent / "u", "of the landlord").keyring
    assert derived == fleet.derive(NAME, "utility")
    said += (path.parent / "u").read_text() + path.read_text()
    for secret in secrets_of(fleet):
        assert secret.hex() not in said.lower()
        assert str(int.from_bytes(secret, "big")) not in said


def test_new_never_writes_over(run, path):
    run("keys", "new", path)
    before = path.read_bytes()
    run("keys", "new", path, error="never written over")
    assert path.read_bytes() == before


def test_twice_is_once(run, path, meter):
    run("keys", "new", path)
    for _ in range(2):
        assert "generation 1" in run("keys", "install")
    events = len(meter.rig.events())
    run("keys", "install")
    assert len(meter.rig.events()) == events
    run("keys", "install", "--group", "other", error="is of group none: it stays there")


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("command", ["install", "rotate"])
def test_a_cut_of_the_meter_is_finished_by_the_same_command(run, path, meter, command, kept):
    run("keys", "new", path)
    if command == "rotate":
        run("keys", "install", "--group", "g")
    meter.rig.vault.cut_after(0, kept)
    run("keys", command, *(["--group", "g"] if command == "install" else []), error="PowerCut")
    meter.rig.restart()
    assert fleet_in(path).behind() == [NAME]
    run("keys", command)
    fleet = fleet_in(path)
    assert fleet.behind() == []
    assert fleet.generation == (1 if command == "install" else 2)
    assert meter.rig.gate.keys.generation == fleet.generation
    assert meter.rig.gate.keys.group == "g"


def test_a_cut_of_the_host_is_finished_by_the_same_command(run, path, meter, monkeypatch):
    """At every replacing of the file: the meter never has what no file can derive."""
    run("keys", "new", path)
    for command in ("install", "rotate", "rotate"):
        for number in range(4):
            before = fleet_in(path)
            left = iter([True] * number)
            save = key_file.KeyFile.save

            def cut(self, keyring, left=left, save=save):
                if not next(left, False):
                    raise PowerCut("host")
                save(self, keyring)

            monkeypatch.setattr(key_file.KeyFile, "save", cut)
            done = CliRunner().invoke(app, ["--keys", str(path), "keys", command])
            monkeypatch.setattr(key_file.KeyFile, "save", save)
            if meter.rig.gate.keys:
                assert meter.rig.gate.keys.generation <= fleet_in(path).generation
            if done.exit_code == 0:
                break
            assert fleet_in(path).generation in (before.generation, before.generation + 1)
        assert done.exit_code == 0
        assert fleet_in(path).behind() == []
        assert meter.rig.gate.keys.generation == fleet_in(path).generation


def test_a_fleet_is_rotated_meter_by_meter(run, path, meter):
    run("keys", "new", path)
    run("keys", "install")
    other = key_file.load(path, PASSPHRASE)
    other.save(other.keyring.with_meter("246f28010204", 1, ""))
    assert "left: 246f28010204" in run("keys", "rotate")
    assert "left: 246f28010204" in run("keys", "rotate")  # it is no new rotation
    assert fleet_in(path).generation == meter.rig.gate.keys.generation == 2
    run("keys", "rotate", "--new")
    run("keys", "rotate", "--new")
    assert fleet_in(path).generation == meter.rig.gate.keys.generation == 4


def test_a_meter_that_lay_on_the_shelf_takes_each_step(run, path, meter):
    run("keys", "new", path)
    run("keys", "install")
    opened = key_file.load(path, PASSPHRASE)
    opened.save(opened.keyring.next_generation().next_generation())
    run("keys", "rotate")
    assert fleet_in(path).generation == meter.rig.gate.keys.generation == 3


def test_keys_of_another_fleet_stay(run, path, meter, tmp_path):
    run("keys", "new", path)
    run("keys", "install")
    before = meter.rig.vault.load("keys")
    path.rename(tmp_path / "first")
    run("keys", "new", path)
    file = path.read_bytes()
    for command in (("keys", "install"), ("keys", "rotate")):
        run(*command, error="keys that are not of this key file: nothing was done")
        assert path.read_bytes() == file
    run("seal", "--yes", error="you could not unseal it: nothing was done")
    assert meter.rig.vault.load("keys") == before
    assert meter.rig.gate.seal.name == "open"


def test_one_role_is_not_enough_to_make_keys(run, path, meter):
    key_file.create(path, Fleet.new().derive(NAME, "maker"), PASSPHRASE)
    for command in (("install",), ("rotate",), ("derive", NAME, "--out", path.parent / "x")):
        run("keys", *command, error="needs the fleet's key file")


def test_seal(run, path, meter):
    run("keys", "new", path)
    run("seal", "--yes", error="the meter has no keys: wattledger keys install first")
    run("keys", "install")
    run("seal", answer="n\n", error="Aborted")
    assert meter.rig.gate.seal.name == "open"
    said = run("seal", answer="y\n")
    assert "its REPL closes: mpremote, deploy" in said
    assert meter.rig.gate.seal.name == "sealed"
    assert meter.was_reset


@pytest.mark.parametrize(("role", "may"), [("reader", False), ("utility", True), ("maker", True)])
def test_who_could_not_unseal_does_not_seal(run, path, meter, role, may):
    run("keys", "new", path)
    run("keys", "install")
    fleet = fleet_in(path)
    path.unlink()
    key_file.create(path, fleet.derive(NAME, role), PASSPHRASE)
    run("seal", "--yes", error=None if may else "of a reader, this needs a utility")
    assert (meter.rig.gate.seal.name == "sealed") == may


def test_a_sealed_meter_is_unsealed_first(run, path, meter, monkeypatch):
    run("keys", "new", path)
    meter.sealed = True
    for command in ("install", "rotate"):
        run("keys", command, error="the meter is sealed: wattledger unseal first")


def test_unseal_an_open_one(run, path, meter):
    assert "its REPL is open" in run("unseal")


def test_no_key_file(run, path, meter):
    for command in (("seal",), ("keys", "install"), ("keys", "show")):
        run(*command, error="No such file or directory: give another --keys")
