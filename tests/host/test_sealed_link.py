"""The host's road to a sealed meter: over a pseudo-terminal, to the firmware's own gate."""

import base64
import hashlib
import json
import os
import pty
import threading
import time
import tty

import pytest
from gate_rig import SERIAL
from sealed_pty import SealedMeter

from drivers.files import TariffFiles
from wattledger import link, session
from wattledger.errors import ToolError
from wattledger.security import line as line_of
from wattledger.security.envelope import MARK
from wattledger.security.keyring import Fleet
from wattledger.security.sealed_link import SealedLink

NAME = SERIAL.hex()


@pytest.fixture(scope="module")
def fleet():
    return Fleet.new()


@pytest.fixture
def meter(fleet, monkeypatch):
    monkeypatch.setattr(line_of, "ANSWER_S", 3.0)
    monkeypatch.setattr(link, "ENTER_TIMEOUT_S", 0.3)
    meter = SealedMeter(fleet)
    yield meter
    meter.close()


@pytest.fixture
def connect(meter):
    """-> function (keyring or None) -> open link; the one before is closed, as a port is one's"""
    opened = []

    def connect(keyring=None):
        for one in opened:
            one.close()
        opened.append(session.connect(meter.port, None, (lambda: keyring) if keyring else None))
        assert isinstance(opened[-1], SealedLink)
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def failures(meter):
    return meter.rig.gate._roads["console"].lock.failures


def test_reads_need_one_plain_hello(meter, connect, fleet):
    sealed = connect(fleet)
    for _ in range(5):
        assert sealed.request("info")["seal"] == "sealed"
        assert sealed.request("live")["14.7.0"] >= 0
    assert sealed.request("rows", ring="security", from_seq=1)["last"] == 2
    plain = [line for line in meter.lines if not line.startswith(MARK)]
    assert plain == [line_of.HELLO] * 2  # who is there, and the first nonce
    assert len(meter.envelopes()) == 12
    assert sealed.proved


def test_changes_count(meter, connect, fleet):
    sealed, utc = connect(fleet), meter.rig.ports.clock.utc
    for n in range(1, 4):
        assert sealed.request("clock", utc=utc + n) == {"utc": utc + n}
        assert sealed.request("info")["utc"] == utc + n
        assert meter.rig.gate.counters == [0, n, 0]
    assert connect(fleet).request("commit")["utc"]
    assert meter.rig.gate.counters == [0, 4, 0]


def test_each_request_in_the_lowest_role(meter, connect, fleet):
    sealed = connect(fleet)
    for role, do, args in ((1, "info", {}), (2, "commit", {}), (3, "measure", {"ticks": 1})):
        sealed.request(do, **args)
        assert base64.b64decode(meter.envelopes()[-1][4:])[2] == role


def test_a_step_of_the_clock_between_two_reads(meter, connect, fleet):
    sealed = connect(fleet)
    sealed.request("info")
    for step in (86400 * 40, -86400 * 40):
        meter.rig.ports.clock.utc += step
        assert sealed.request("info")["utc"] == meter.rig.ports.clock.utc
    assert failures(meter) == 0


def test_a_reset_between_two_requests(meter, connect, fleet):
    sealed = connect(fleet)
    sealed.request("info")
    meter.restart()
    assert sealed.request("info")["serial"] == NAME
    meter.restart()
    sealed.request("commit")
    assert failures(meter) == 0


def test_without_keys(meter, connect):
    sealed = connect()
    shown = sealed.request("info")
    assert shown["serial"] == NAME
    assert "power_mw" not in shown
    assert "1.8.0" in sealed.request("registers")["registers"]
    for do, who in (("live", "reader"), ("clock", "utility"), ("measure", "maker")):
        with pytest.raises(ToolError, match=f"sealed and tells .* give --keys FILE, a {who}'s"):
            sealed.request(do)
    assert meter.envelopes() == []
    assert not sealed.proved


def test_a_reader_of_this_meter(meter, connect, fleet):
    sealed = connect(fleet.derive(NAME, "reader"))
    assert sealed.request("live")
    sent = len(meter.lines)
    with pytest.raises(ToolError, match="of a reader, this needs a utility"):
        sealed.request("commit")
    assert len(meter.lines) == sent


def test_keys_of_another_meter_are_not_tried(meter, connect, fleet):
    sealed = connect(fleet.derive("246f28010204", "reader"))
    with pytest.raises(ToolError, match="of meter 246f28010204, here is 246f28010203"):
        sealed.request("live")
    assert meter.envelopes() == []


def test_keys_of_another_fleet_cost_one_attempt_each_time(meter, connect):
    stranger = Fleet.new()
    for n in range(1, 4):
        with pytest.raises(ToolError, match="refused these keys"):
            connect(stranger).request("live")
        assert failures(meter) == n
    with pytest.raises(ToolError, match="locked after failed attempts: try again in 1 s"):
        connect(stranger).request("live")
    assert failures(meter) == 3


def test_what_needs_the_repl(meter, connect, fleet):
    sealed = connect(fleet)
    for call in (
        lambda: sealed.probe("print(1)"),
        lambda: sealed.write("/x", b""),
        lambda: sealed.hash_tree("/a"),
        lambda: sealed.has_software(),
        lambda: sealed.rename("/x", "/y"),
        lambda: sealed.reset(),
    ):
        with pytest.raises(ToolError, match="sealed, and this needs its REPL: wattledger unseal"):
            call()
    for path in ("/slot", "/cfg/../boot.py", "/cfg/calibration"):
        with pytest.raises(ToolError, match="wattledger unseal"):
            sealed.read(path)
    assert meter.envelopes() == []


def test_files_there_and_back(meter, connect, fleet, tmp_path):
    meter.rig.ports.files = TariffFiles(str(tmp_path))
    sealed = connect(fleet)
    texts = [os.urandom(size) for size in (1, 512, 8192)]
    paths = [f"/cfg/{hashlib.sha256(text).hexdigest()}.json" for text in texts]
    for path, text in zip(paths, texts, strict=True):
        assert sealed.hash_file(path) is None
        sealed.replace(path, text)
        assert sealed.read(path) == text
    assert sealed.names("/cfg") == sorted(path[5:] for path in paths)
    assert meter.rig.gate.counters == [0, 0, 0]  # no wear for what is only a candidate
    with pytest.raises(ToolError, match="not its own hash"):
        sealed.replace(paths[0], b"other")


def test_a_candidate_that_was_cut_goes_on(meter, connect, fleet, tmp_path):
    meter.rig.ports.files = TariffFiles(str(tmp_path))
    text = os.urandom(2000)
    name = hashlib.sha256(text).hexdigest()
    (tmp_path / f"{name}.new").write_bytes(text[:1024])
    connect(fleet).replace(f"/cfg/{name}.json", text)
    assert (tmp_path / f"{name}.json").read_bytes() == text


def test_half_a_line_of_somebody_else(meter, connect, fleet):
    theirs = os.open(meter.port, os.O_RDWR | os.O_NOCTTY)
    os.write(theirs, b'\x03\x01\x04{"id":1,"do"')
    os.close(theirs)
    assert connect(fleet).request("info")["serial"] == NAME


def flip(line, at=-8):
    """-> an envelope with one character of its base64 altered"""
    return line[:at] + (b"A" if line[at : at + 1] != b"A" else b"B") + line[at + 1 :]


def test_an_answer_that_somebody_altered(meter, connect, fleet):
    sealed = connect(fleet)
    sealed.request("info")
    meter.alter = lambda line: flip(line) if line.startswith(MARK) else line
    with pytest.raises(ToolError, match="a message that this meter did not make"):
        sealed.request("info")


def test_an_earlier_session_played_again(meter, connect, fleet):
    """Whoever sits on the line can offer old nonces, and has old answers to them."""
    sealed = connect(fleet)
    sealed.request("info")
    recorded = iter(meter.answers[:])
    meter.alter = lambda line: next(recorded)
    with pytest.raises(ToolError, match="an answer to another request"):
        connect(fleet).request("info")
    assert next(recorded) == meter.answers[3]  # it came no further than its first envelope


def test_counters_that_somebody_made_up(meter, connect, fleet):
    """Believed, they would use up all counters there are, and end every change for ever."""
    sealed = connect(fleet)

    def alter(line):
        found = json.loads(line) if line.startswith(b"{") else {}
        if "counters" in found.get("ok", {}):
            found["ok"]["counters"] = [(1 << 64) - 2] * 3
            return json.dumps(found).encode()
        return line

    meter.alter = alter
    sealed.request("commit")
    assert meter.rig.gate.counters == [0, 1, 0]


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "00"},
        {"nonce": None},
        {"serial": "x"},
        {"utc": -1},
        {"utc": 1 << 40},
        {"utc": "1"},
    ],
    ids=str,
)
def test_a_hello_that_is_none(meter, lie, monkeypatch):
    def alter(line):
        found = json.loads(line)
        found.get("ok", {}).update(lie)
        return json.dumps(found).encode()

    transport = link.open_port(meter.port)
    line = line_of.Line(transport.serial)
    assert line.hello()["serial"] == NAME
    meter.alter = alter
    monkeypatch.setattr(line_of, "PROBE_S", 0.3)
    assert line.hello() is None
    transport.close()


def test_a_meter_that_was_starting_when_it_was_asked(meter, connect, fleet, monkeypatch):
    """What is sent to a REPL then does nothing to a sealed one, and it is asked again."""
    monkeypatch.setattr(line_of, "PROBE_S", 0.5)
    monkeypatch.setattr(link, "READ_TIMEOUT_S", 0.1)
    meter.alter = lambda line: b"rst:0x1 (POWERON_RESET)" if len(meter.lines) == 1 else line
    assert connect(fleet).request("info")["serial"] == NAME
    assert failures(meter) == 0


def test_no_answer_to_a_change(meter, connect, fleet, monkeypatch):
    sealed = connect(fleet)
    sealed.request("info")
    monkeypatch.setattr(line_of, "ANSWER_S", 0.3)
    utc = meter.rig.ports.clock.utc + 9
    meter.alter = lambda line: b"" if meter.rig.ports.clock.utc == utc else line
    with pytest.raises(ToolError, match="it may have been done or not"):
        sealed.request("clock", utc=utc)


def test_no_key_leaves_either_side(meter, connect, fleet):
    sealed = connect(fleet)
    sealed.request("info")
    sealed.request("commit")
    said = b"".join(meter.lines + meter.answers)
    for name in ("reader", "utility", "maker", "evidence", "storage"):
        key = fleet.evidence(NAME, 1, name)
        for shape in (key, key.hex().encode()):
            assert shape not in said


class Echo(threading.Thread):
    """A REPL as far as it answers a line that has not ended: it sends back what is typed."""

    def __init__(self):
        super().__init__(daemon=True)
        self.end, self.theirs = pty.openpty()
        tty.setraw(self.theirs)
        self.typed = b""

    def run(self):
        while True:
            try:
                data = os.read(self.end, 100)
            except OSError:
                return
            self.typed += data
            os.write(self.end, data.replace(b"\n", b""))


def test_a_repl_is_known_at_once(monkeypatch):
    monkeypatch.setattr(line_of, "PROBE_S", 30)
    repl = Echo()
    repl.start()
    transport = link.open_port(os.ttyname(repl.theirs))
    began = time.monotonic()
    assert line_of.Line(transport.serial).hello() is None
    assert time.monotonic() - began < 5
    assert repl.typed.strip() == line_of.HELLO
    assert transport.serial.timeout == link.READ_TIMEOUT_S
    transport.close()
    os.close(repl.theirs)
