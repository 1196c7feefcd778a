"""R20: no byte of a key leaves the meter, whatever is asked of it and however it fails.

The search itself is tried on keys that do leave. What every other test with the virtual board
lets a meter say is searched too, by the fixture `board`.
"""

import ast
import base64
import json
import random
import re
import subprocess

import pytest
from gate_rig import Client, GateRig, some_keys
from typer.testing import CliRunner

from meter.security import keys as meter_keys
from tests.e2e.sealed_meter import FLEET, HELLO, connect, hello, seal, talk, wait_for
from tests.security import key_search
from wattledger.bundle import root as project
from wattledger.cli import app
from wattledger.errors import ToolError
from wattledger.security import key_file

TEXT = {"capture_output": True, "text": True, "check": True}
PASSPHRASE = "correct horse battery"
ONE_PRICE = "docs/tariffs/one-price.toml"


@pytest.fixture
def tool(board, root, tmp_path, monkeypatch):
    """-> function (arguments) -> output of the tool with the keys of FLEET"""
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(root)
    key_file.create(tmp_path / "fleet.keys", FLEET, PASSPHRASE)

    def run(*arguments, keys=True, code=0):
        given = ["--keys", str(tmp_path / "fleet.keys")] if keys else []
        given = ["--state", str(board.state), *given, *map(str, arguments)]
        done = CliRunner().invoke(app, given)
        assert (done.exit_code != 0) == code, done.output + repr(done.exception)
        return done.output + (repr(done.exception) if code else "")

    return run


def of_the_fleet(serial):
    """-> {name: bytes} of all that must stay where it is, on the meter or on the host"""
    found = {f"signer {name}": n.to_bytes(32, "big") for name, n in FLEET.signers.items()}
    found |= {"master": FLEET.master, "passphrase": PASSPHRASE.encode()}
    for generation in (1, 2):
        of_meter = key_search.secrets_of(FLEET.blob(serial, generation))
        found |= {f"{name} of {generation}": secret for name, secret in of_meter.items()}
    return found


def asked_too_much(board, serial):
    """Requests for what is not to be had. -> what the tool says of each"""
    said = ""
    with connect(board) as meter:
        for do, args in (
            ("keys", {"data": base64.b64encode(FLEET.blob(serial, 2)).decode()}),
            ("keys", {"data": 5}),
            ("rows", {"ring": "keys", "from_seq": 1}),
            ("get", {"name": "0" * 64}),
            ("view", {"public": 2, "days": 0}),
            ("calibration", {}),
            ("update", {"manifest": "0" * 64}),
        ):
            try:
                said += str(meter.request(do, **args))
            except ToolError as error:
                said += str(error)
    names = re.findall(
        r"^\| `(\w+)` \| \w+ \|", (project() / "docs/protocol.md").read_text(), re.M
    )
    lines = [b'{"id":1,"do":"%s"}\n' % name.encode() for name in ("keys", "hello", *names)]
    return said + talk(board, b"".join(lines)).decode()


def with_a_console_that_fails(board, question):
    """Software that fails with a key in its hands when it should answer an envelope."""
    text = (project() / "firmware/comms/console.py").read_text()
    good = "        self._sink.write(answer + _ENDS)\n"
    bad = "        if answer[:3] == b'WL1':\n            raise ValueError(self._gate.keys.maker)\n"
    broken = text.replace(good, bad + good)
    assert broken != text
    path = board.files / "a/comms/console.py"  # MicroPython takes the source before the .mpy
    path.write_text(broken)
    board.cut()
    board.start()
    question()
    path.unlink()
    wait_for(lambda: hello(board))


def test_r20_nothing_that_leaves_a_meter_has_a_key(keyed, tool, tmp_path):
    """A life on the real console, with failures: each byte of the port, of the log and the files
    of the meter, of bills and exports, of the tool's cache and its output."""
    board = keyed
    serial = json.loads(tool("info", "--json"))["serial"]
    said = tool("tariff", "push", ONE_PRICE, "--when", "now")
    seal(board)
    said += tool("info") + tool("registers") + tool("clock", "set") + tool("events")
    said += tool("bill", "--html", tmp_path / "bill.html", "--json", "--verify")
    said += tool("profile", "--csv", tmp_path / "profile.csv") + tool("verify")
    said += (
        tool("keys", "show") + tool("keys", "rotate", code=1) + tool("bill", keys=False, code=1)
    )
    said += asked_too_much(board, serial)

    def ask():
        with connect(board) as meter, pytest.raises(ToolError):
            meter.request("registers")

    with_a_console_that_fails(board, ask)
    said += tool("unseal")
    said += board.mpremote("resume", "exec", "import app; print(app.handle('maker', b'{}'))")
    said += board.mpremote("resume", "exec", "import app; app.gate.handle(5)", code=1)
    tool("keys", "rotate")
    said += tool("info")

    blobs = [FLEET.blob(serial, 1), FLEET.blob(serial, 2)]
    exports = [path for path in tmp_path.rglob("*") if path.is_file()]
    exports = [path for path in exports if board.state not in path.parents]
    assert {path.suffix for path in exports} > {".html", ".csv"}  # and the tool's cache
    exported = b"\n".join(path.read_bytes() for path in exports)
    whole = b"\n".join((said.encode(), exported, key_search.left(board, blobs)))
    assert b'"seal": "sealed"' in whole  # the console was heard,
    assert b'"counted_to": ' in whole  # its envelopes were opened,
    assert b"Traceback" in whole  # and something did fail
    assert key_search.leaks(of_the_fleet(serial), whole) == []


@pytest.mark.parametrize(
    "written", [bytes, repr, bytes.hex, lambda b: b.hex().upper(), base64.b64encode]
)
def test_that_search_finds_a_key(written):
    """Whole or a part of it, wherever it begins."""
    draw = random.Random(3)
    key = draw.randbytes(32)
    for lead in range(6):
        for part in (key, key[:12], key[9:21], key[-12:]):
            text = written(draw.randbytes(lead) + part + draw.randbytes(lead))
            text = text if isinstance(text, bytes) else text.encode()
            assert key_search.leaks({"key": key}, b"before " + text + b" behind") == ["key"]
    assert key_search.leaks({"key": key}, draw.randbytes(200_000)) == []


def test_that_search_finds_a_key_that_a_board_says(keyed):
    """An open REPL gives them to whoever asks: it is what the seal is for."""
    board = keyed
    assert key_search.leaks_of(board) == []
    kept = board.said.read_bytes()
    board.run("""
        import binascii, esp32
        held = bytearray(512)
        esp32.NVS("wl").get_blob("keys", held)
        print(binascii.b2a_base64(b"and " + held[136:168]))
        """)
    assert key_search.leaks_of(board) == ["storage"]
    board.said.write_bytes(kept)  # or the fixture finds it too


def test_that_search_finds_a_key_in_an_envelope():
    keys = some_keys()
    blob = meter_keys.pack(keys)
    rig = GateRig(keys=keys, sealed=True)
    rig.service._identity["firmware"] = "and " + keys.evidence.hex()
    assert "ok" in Client(rig, "reader").read("info")
    assert key_search.leaks(key_search.secrets_of(blob), rig.said) == []
    opened = key_search.opened(rig.said, [blob])
    assert key_search.leaks(key_search.secrets_of(blob), opened) == ["evidence"]


def test_r20_hello_tells_nothing_of_the_keys_but_their_generation(sealed):
    told = json.loads(talk(sealed, HELLO))["ok"]
    assert set(told) == set(
        "serial nonce counters orders utc clock seal locked_s generation".split()
    )


def test_r20_no_key_is_in_the_repository(root):
    """No private key in any file of it; in the firmware and the tool no number or text that could
    be a key, but for the curve's own numbers."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, **TEXT)
    paths = [root / name for name in listed.stdout.splitlines()]
    assert len(paths) > 300
    pem = re.compile(b"BEGIN [A-Z ]*PRIVATE " + b"KEY")
    assert [p for p in paths if p.is_file() and pem.search(p.read_bytes())] == []
    found = set()
    for path in paths:
        if path.suffix != ".py" or path.relative_to(root).parts[0] == "tests":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            value = getattr(node, "value", None)
            is_key = isinstance(value, bytes) and len(value) >= 16 and len(set(value)) > 14
            is_key = is_key and not value.isascii()
            is_hex = isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{32,}", value)
            if is_key or is_hex or (type(value) is int and value > 1 << 120):
                found.add(path.relative_to(root).as_posix())
    assert found == {
        "firmware/drivers/ssd1306.py",  # how a screen is started
        "firmware/meter/security/p256.py",
        "host_tools/wattledger/security/orders.py",
    }
