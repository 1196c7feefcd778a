"""Whatever the user or the world does wrong: one line on stderr, exit code 1, or 2 for usage."""

import os
import pty
import threading
import tty

import pytest
import serial

from wattledger import cli, link

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
    ],
    ids=" ".join,
)
def test_wrong_usage(run, arguments, monkeypatch, root):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: wattledger" in err
    assert "Traceback" not in err
