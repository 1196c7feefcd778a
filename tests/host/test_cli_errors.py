"""Whatever the user or the world does wrong: one line on stderr, exit code 1, or 2 for usage."""

import json
import os
import pty
import threading
import tty
from hashlib import sha256

import pytest
import serial
from gate_rig import SERIAL
from sealed_pty import SealedMeter

from wattledger import build, cli, link, updates
from wattledger.security import key_file, line
from wattledger.security.keyring import Fleet

TARIFF = 'schema = 1\nname = "x"\n'


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """-> function (arguments) -> (exit code, stdout, stderr)."""
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WATTLEDGER_STATE", str(tmp_path / "board"))
    monkeypatch.delenv("WATTLEDGER_PORT", raising=False)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["wattledger", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        else:
            code = 0
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def device(monkeypatch):
    """A pseudo-terminal: (our end, the port's path)."""
    monkeypatch.setattr(link, "READ_TIMEOUT_S", 0.1)
    monkeypatch.setattr(link, "ENTER_TIMEOUT_S", 0.3)
    monkeypatch.setattr(line, "PROBE_S", 0.2)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


class RawRepl(threading.Thread):
    """The raw REPL of a board that answers every command with the same output and error."""

    def __init__(self, end, output=b"", error=b""):
        super().__init__(daemon=True)
        # Its own descriptor: the number of a closed one may be another test's the next moment.
        self.end, self.answer = os.dup(end), b"OK" + output + b"\x04" + error + b"\x04>"
        self.commands = []

    def run(self):
        command = b""
        raw = False
        while True:
            try:
                data = os.read(self.end, 1024)
            except OSError:
                os.close(self.end)
                return
            for byte in data:
                if byte == 1:
                    raw, command = True, b""
                    os.write(self.end, b"raw REPL; CTRL-B to exit\r\n>")
                elif byte == 2:
                    raw = False
                elif byte == 4 and raw:
                    self.commands.append(command)
                    command = b""
                    os.write(self.end, self.answer)
                elif byte not in (3, 5, 13):
                    command += bytes([byte])


def one_line(err):
    assert err.startswith("wattledger: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


READERS = ("info", "registers", "profile", "events", "bill", "verify")


@pytest.mark.parametrize("command", READERS)
def test_no_port(run, command):
    code, out, err = run("--port", "/dev/nosuch", command)
    assert (code, out) == (1, "")
    assert "/dev/nosuch: no such port" in one_line(err)


def test_a_busy_port(run, device):
    with serial.Serial(device[1], exclusive=True):
        code, out, err = run("--port", device[1], "info")
    assert (code, out) == (1, "")
    assert "busy: is another program holding it?" in one_line(err)


def test_a_port_that_is_silent(run, device):
    code, out, err = run("--port", device[1], "info")
    assert (code, out) == (1, "")
    assert "no MicroPython prompt" in one_line(err)


def test_a_board_without_meter_software(run, device):
    error = b"Traceback (most recent call last):\r\nImportError: no module named 'app'\r\n"
    RawRepl(device[0], error=error).start()
    code, out, err = run("--port", device[1], "info")
    assert (code, out) == (1, "")
    assert "no meter software on it: run wattledger deploy" in one_line(err)


def test_software_that_fails(run, device):
    error = b"Traceback (most recent call last):\r\nMemoryError: \r\n"
    RawRepl(device[0], error=error).start()
    code, _, err = run("--port", device[1], "registers")
    assert code == 1
    assert "registers: MemoryError" in one_line(err)


def test_a_meter_that_refuses(run, device):
    answer = b"""b'{"id": 1, "error": {"code": "meter", "text": "bill: no period yet"}}'\r\n"""
    RawRepl(device[0], output=answer).start()
    code, out, err = run("--port", device[1], "bill")
    assert (code, out) == (1, "")
    assert one_line(err) == "wattledger: bill: no period yet\n"


def test_an_answer_to_another_request(run, device):
    RawRepl(device[0], output=b"""b'{"id": 7, "ok": {}}'\r\n""").start()
    code, _, err = run("--port", device[1], "registers")
    assert code == 1
    assert "an answer to another request" in one_line(err)


def test_nothing_soft_resets_a_meter(run, device):
    repl = RawRepl(device[0], output=b"""b'{"id": 1, "ok": {}}'\r\n""")
    repl.start()
    run("--port", device[1], "registers")
    assert repl.commands
    assert b"" not in repl.commands  # Ctrl-D on an empty line is a soft reset


def test_which_board(run, device):
    RawRepl(device[0], error=b"ImportError: no module named 'app'\r\n").start()
    code, _, err = run("--port", device[1], "deploy")
    assert code == 1
    assert "which board? give --board" in one_line(err)


def test_a_board_that_is_none(run, device):
    RawRepl(device[0]).start()
    code, _, err = run("--port", device[1], "deploy", "--board", "toaster")
    assert code == 1
    assert "no board 'toaster'" in one_line(err)


def test_a_wrong_tariff(run, tmp_path):
    path = tmp_path / "t.toml"
    path.write_text(TARIFF)
    for verb in ("check", "show", "push"):
        code, out, err = run("tariff", verb, path)
        assert (code, out) == (1, "")
        assert one_line(err) == "wattledger: t.toml: currency is missing: add it\n"


def test_a_tariff_that_is_not_there(run, tmp_path):
    code, _, err = run("tariff", "check", tmp_path / "no.toml")
    assert code == 1
    assert "No such file" in one_line(err)


def test_a_profile_that_is_none(run, root, tmp_path):
    tariff = root / "docs" / "tariffs" / "one-price.toml"
    path = tmp_path / "p.csv"
    path.write_text("a,b\n1,2\n")
    code, _, err = run("simulate", tariff, "--profile", path)
    assert code == 1
    assert "p.csv line 1: header needs timestamp" in one_line(err)
    code, _, err = run("simulate", tariff, "--load", tmp_path / "no.csv")
    assert code == 1
    assert "No such file" in one_line(err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch",),
        ("info", "--nosuch"),
        ("bill", "--period", "0"),
        ("bill", "--period", "x"),
        ("tariff", "push"),
        ("tariff", "push", "x.toml", "--when", "later"),
        ("simulate", "x.toml"),
        ("profile", "--from", "yesterday"),
        ("keys", "new"),
        ("keys", "derive", "246f28010203"),
        ("keys", "derive", "246f28010203", "--out", "x", "--role", "owner"),
        ("backup",),
        ("flash",),
    ],
    ids=" ".join,
)
def test_wrong_usage(run, arguments, monkeypatch, root):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: wattledger" in err
    assert "Traceback" not in err


# keys, seals, updates, audits

PASSPHRASE = "correct horse"
DERIVE = ("keys", "derive", SERIAL.hex(), "--out", "out.keys")
OF_KEYS = (("keys", "show"), ("keys", "install"), ("keys", "rotate"), ("seal",), DERIVE)
OF_A_METER = (*OF_KEYS[1:4], ("unseal",), ("update",), ("audit",), ("backup", "m.bin"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with keys of a fleet and of one role in it."""
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("WATTLEDGER_OUT_PASSPHRASE", "of the reader")
    monkeypatch.delenv("WATTLEDGER_KEYS", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    key_file.create(folder / "fleet.keys", FLEET, PASSPHRASE)
    reader = FLEET.derive(SERIAL.hex(), "reader")
    key_file.create(folder / "reader.keys", reader, PASSPHRASE)
    return folder


FLEET = Fleet.new()


@pytest.fixture
def failed(run, folder):
    """-> function (arguments) -> stderr of a command that fails and leaves every file as it was"""

    def failed(*arguments):
        before = {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
        code, out, err = run(*arguments)
        assert (code, out) == (1, "")
        assert before == {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
        return one_line(err)

    return failed


@pytest.mark.parametrize("command", OF_KEYS, ids=" ".join)
def test_a_key_file_that_is_none(failed, folder, monkeypatch, command):
    assert "no key file: give --keys FILE" in failed(*command)
    assert "No such file" in failed("--keys", "no.keys", *command)
    assert "Is a directory" in failed("--keys", ".", *command)
    for junk in (b"", b"junk", b"{}", b"\xff", (folder / "fleet.keys").read_bytes()[:-9]):
        (folder / "junk").write_bytes(junk)
        assert "junk: no key file: give another --keys" in failed("--keys", "junk", *command)


@pytest.mark.parametrize("command", OF_KEYS, ids=" ".join)
def test_a_passphrase_that_is_wrong(failed, folder, monkeypatch, command):
    given = ("--keys", "fleet.keys")
    for file in ("no", "."):
        said = failed(*given, "--passphrase-file", file, *command)
        assert "not readable: give another --passphrase-file" in said
    for value, says in (
        ("wrong horse", "fleet.keys: wrong passphrase, or the file was altered"),
        ("", "an empty passphrase"),
        ("\udcff is no text", "no UTF-8"),
    ):
        monkeypatch.setenv("WATTLEDGER_PASSPHRASE", value)
        assert says in failed(*given, *command)


def test_new_keys_that_cannot_be_made(failed, monkeypatch):
    assert "never written over" in failed("keys", "new", "fleet.keys")
    assert "never written over" in failed("keys", "new", ".")
    assert "No such file or directory: choose another" in failed("keys", "new", "no/x.keys")
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", "short")
    assert "expected 8 or more" in failed("keys", "new", "x.keys")


def test_keys_that_cannot_be_derived(failed, monkeypatch):
    given = ("--keys", "fleet.keys", "keys", "derive")
    assert "expected 12 hex digits" in failed(*given, "XX", "--out", "x")
    assert "never written over" in failed(*given, SERIAL.hex(), "--out", "reader.keys")
    assert "No such file or directory" in failed(*given, SERIAL.hex(), "--out", "no/x")
    assert "needs the fleet's key file" in failed("--keys", "reader.keys", *DERIVE)
    for value, says in (("short", "8 or more"), (PASSPHRASE, "must not know the fleet's")):
        monkeypatch.setenv("WATTLEDGER_OUT_PASSPHRASE", value)
        assert says in failed("--keys", "fleet.keys", *DERIVE)


@pytest.mark.parametrize("command", OF_A_METER, ids=" ".join)
def test_no_port_with_keys(failed, command):
    said = failed("--keys", "fleet.keys", "--port", "/dev/nosuch", *command)
    assert "/dev/nosuch: no such port" in said


@pytest.fixture
def sealed(monkeypatch, device):
    monkeypatch.setattr(line, "PROBE_S", 1.5)
    meter = SealedMeter(FLEET)
    yield meter
    meter.close()


def changed(meter):
    """What a request may have changed."""
    rig = meter.rig
    return rig.gate.counters, rig.gate.seal.name, rig.meter.journal.seq, rig.vault.load("keys")


@pytest.mark.parametrize(
    ("keys", "command", "says"),
    [
        ("reader.keys", ("unseal",), "of a reader, this needs a utility"),
        ("reader.keys", ("update", "good.zip"), "of a reader, this needs a utility"),
        ("reader.keys", ("clock", "set"), "of a reader, this needs a utility"),
        ("reader.keys", ("keys", "install"), "needs the fleet's key file"),
        ("reader.keys", ("keys", "rotate"), "needs the fleet's key file"),
        ("fleet.keys", ("keys", "install"), "is sealed: wattledger unseal first"),
        ("fleet.keys", ("keys", "rotate"), "is sealed: wattledger unseal first"),
        ("fleet.keys", ("deploy", "--board", "virtual"), "is sealed: wattledger unseal first"),
        ("fleet.keys", ("update", "no.zip"), "No such file"),
        ("fleet.keys", ("update", "."), "Is a directory"),
        ("fleet.keys", ("update", "fleet.keys"), "not a zip file"),
        ("fleet.keys", ("update", "bare.zip"), "no manifest in the bundle"),
        (None, ("unseal",), "for unseal give --keys FILE, a utility's or above"),
        (None, ("update", "good.zip"), "for stage give --keys FILE, a utility's or above"),
        (None, ("audit",), "for rows give --keys FILE, a reader's or above"),
    ],
    ids=str,
)
def test_a_sealed_meter_says_no(failed, folder, sealed, keys, command, says):
    data = b"1"
    manifest = build.manifest("virtual", {"app.py": build.sha256(data)}, "0" * 64, 6, 9)
    updates.save(updates.Bundle({"app.py": data, build.MANIFEST: manifest}), folder / "good.zip")
    updates.save(updates.Bundle({"app.py": data}), folder / "bare.zip")
    before = changed(sealed)
    given = ["--keys", keys] if keys else []
    assert says in failed(*given, "--port", sealed.port, *command)
    assert changed(sealed) == before


def test_a_dump_that_is_none(failed, folder):
    (folder / "empty").mkdir()
    (folder / "rings").mkdir()
    (folder / "rings" / "profile.bin").write_bytes(b"x")
    (folder / "short").write_bytes(b"x")
    (folder / "one").write_bytes(bytes(4096))
    (folder / "zeros").write_bytes(bytes(320 * 4096))
    (folder / "blank").write_bytes(b"\xff" * 320 * 4096)
    for name, says in (
        ("no", "no such file: give what wattledger backup has written"),
        ("empty", "no rings of a meter in it"),
        ("rings", "profile: record 1 of the file is damaged"),
        ("short", "1 bytes, expected whole sectors"),
        ("one", "no partition of a meter"),
        ("zeros", "its journal is foreign"),
        ("blank", "its journal is blank"),
    ):
        assert says in failed("audit", name)
    assert "serial XX: expected 12 hex digits" in failed("audit", "blank", "--serial", "XX")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"\xff", "no header of a backup"),
        (b"[" * 100_000, "no header of a backup"),
        (b"{}", "no header of a backup"),
        ({"serial": "../../x"}, "no header of a backup"),
        ({"serial": 5}, "no header of a backup"),
        ({"size": 5}, "cut short"),
        ({"sha256": "0"}, "its SHA-256 is not that of its header"),
        ({"saved": 3}, "its header has no time"),
        ({"saved": "yesterday"}, "its header has no time"),
    ],
    ids=str,
)
def test_a_header_that_is_none(failed, folder, header, says):
    image = b"\xff" * 320 * 4096
    (folder / "m.bin").write_bytes(image)
    if isinstance(header, dict):
        whole = {"chip": "esp32", "offset": 0, "size": len(image), "saved": "2026-01-01"}
        whole |= {"format": 1, "serial": SERIAL.hex(), "sha256": sha256(image).hexdigest()}
        header = json.dumps(whole | header).encode()
    (folder / "m.bin.json").write_bytes(header)
    assert says in failed("audit", "m.bin")
