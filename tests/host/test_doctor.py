"""What doctor says of a port, a boot log, and of what a module tells of itself."""

import contextlib
import json
import os
import pty
import sys
import threading
import tty
from types import SimpleNamespace

import pytest
from chip_faults import Rig
from chip_ics import ICS
from gate_rig import SERIAL
from sealed_pty import SealedMeter

from wattledger import partitions
from wattledger.errors import ToolError
from wattledger.flashing import console, doctor, probes, sealed
from wattledger.security import line
from wattledger.security.keyring import Fleet

BOARD = "esp32_atm90e32"
NOW = 1_790_000_000
FACTS = {
    "name": "micropython",
    "version": [1, 24, 1],
    "machine": "Generic ESP32 module with ESP32",
    "serial": "a0b765001234",
    "reset_cause": 1,
    "free": 60_000,
    "clock": NOW,
    "flash_size": 0x400000,
}
INFO = {"utc": NOW, "clock": 2, "state": "ready", "records": 9, "alerts": [], "board": BOARD}


def rows(board=BOARD):
    """-> what esp32.Partition.find gives for that board's table."""
    kinds = {"app": 0, "data": 1}
    return [
        [kinds[p.kind], p.subtype, p.offset, p.size, p.name, False]
        for p in partitions.of_board(board)
    ]


@pytest.fixture
def port():
    """A pty: (our end, its path)."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(doctor, "PROMPT_S", 0.3)
    monkeypatch.setattr(line, "PROBE_S", 0.2)


@pytest.fixture
def says(port):
    """-> function: the module says that again and again from now on."""
    ended = threading.Event()

    def talk(data):
        while not ended.wait(0.02):
            os.write(port[0], data)

    def says(data):
        thread.append(threading.Thread(target=talk, args=(data,)))
        thread[0].start()

    thread = []
    yield says
    ended.set()
    thread[0].join()


def states(checks):
    return {check.name: check.state for check in checks}


def test_a_port_that_is_not_there():
    (check,) = doctor.examine("/dev/nosuch", None)
    assert (check.state, check.name) == (doctor.BAD, "port")
    assert "carries data" in check.cure


def test_a_port_of_a_group_that_we_are_not_in(tmp_path, monkeypatch):
    path = tmp_path / "ttyUSB0"
    path.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = list(doctor.examine(str(path), None))
    assert states(found) == {"port": doctor.OK, "permission": doctor.BAD}
    assert "usermod -aG" in found[-1].cure


def test_a_silent_port(port, impatient):
    found = list(doctor.examine(port[1], None))
    assert found[-1].name == "boot"
    assert "is silent" in found[-1].seen
    assert "--restart" in found[-1].cure


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"rst:0x10 (RTCWDT_RTC_RESET)\r\ninvalid header: 0xffffffff\r\n", "flash is empty"),
        (b"boot:0x3 (DOWNLOAD_BOOT)\r\nwaiting for download\r\n", "GPIO 0"),
        (b"E (30) boot: partition 4 invalid - offset exceeds flash chip size\r\n", "larger flash"),
        (b"Brownout detector was triggered\r\n", "supply is too weak"),
        (b"\x8f\x00\xf3hello\r\n", "something else runs on it"),
    ],
)
def test_a_module_that_does_not_start(port, says, impatient, said, told):
    says(said)
    check = list(doctor.examine(port[1], None))[-1]
    assert (check.name, check.state) == ("boot", doctor.BAD)
    assert told in check.cure
    assert "no prompt" in check.seen


def test_nothing_but_lines_is_sent(port, impatient, monkeypatch):
    """A Ctrl-C would break the formatting of a first start; a sealed meter answers to `hello`."""
    monkeypatch.setattr(console, "_ASK_S", 0.05)
    list(doctor.examine(port[1], None))
    os.set_blocking(port[0], False)
    sent = b""
    with contextlib.suppress(BlockingIOError):
        sent = os.read(port[0], 1000)
    assert set(sent.replace(line.HELLO, b"")) == set(b"\r\n")


def test_a_prompt_ends_the_waiting(port, says):
    says(b"MPY: soft reboot\r\nMicroPython v1.24.1\r\n>>> ")
    came, said = console.wait_for_prompt(port[1], 10)
    assert came
    assert "v1.24.1" in said


def test_firmware():
    assert doctor.firmware(FACTS).state == doctor.OK
    for wrong in ({"version": [1, 23, 0]}, {"name": "circuitpython", "version": [9, 0, 0]}):
        check = doctor.firmware({**FACTS, **wrong})
        assert check.state == doctor.BAD
        assert "1.24 or newer: wattledger flash" in check.cure
    assert doctor.firmware({**FACTS, "free": 900}).state == doctor.NOTE
    assert "watchdog" in doctor.firmware({**FACTS, "reset_cause": 3}).cure


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (0xFFFF, "MISO floating?"),
        (0x0000, "stuck low"),
        (0x0420, "one bit"),
        (0x0108, "one bit"),
        (0x1002, "swapped"),
        (0x5A5A, "noise"),
    ],
)
def test_wiring(seen, told):
    check = doctor.spi(("Atm90e32", seen))
    assert check.state == doctor.BAD
    assert f"chip answered 0x{seen:04x}, expected 0x0210" in check.seen
    assert told in check.cure


def test_a_chip_that_answers_and_one_that_raises():
    assert doctor.spi(("Atm90e32", 0x0210)).state == doctor.OK
    check = doctor.spi(("Atm90e32", "OSError: 5"))
    assert (check.state, "OSError: 5" in check.seen) == (doctor.BAD, True)
    assert doctor.spi(("Unknown", True)).state == doctor.OK
    assert doctor.spi(("Unknown", False)).state == doctor.BAD


class App:
    """The running meter as the probe finds it."""

    def __init__(self, chip):
        self.ports, self.meter = SimpleNamespace(chip=chip), SimpleNamespace(locked=False)


def asked(chip, monkeypatch, capsys):
    """-> what doctor says of a driver, by the probe as it is sent."""
    app = App(chip)
    monkeypatch.setitem(sys.modules, "app", app)
    exec(probes.chip_code(), {})
    assert app.meter.locked is False
    return doctor.spi(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("ic", ICS.values(), ids=ICS)
def test_every_metering_ic_is_asked_and_loses_nothing(ic, monkeypatch, capsys):
    for option in ic.options:
        rig = Rig(ic, option)
        rig.read(10)
        owed = rig.missing()
        check = asked(rig.driver, monkeypatch, capsys)
        assert (check.state, check.cure) == (doctor.OK, ""), check
        assert type(rig.driver).__name__ in probes.CHIPS
        assert rig.read(10) == 0
        assert rig.missing() == owed, option


@pytest.mark.parametrize("ic", ICS.values(), ids=ICS)
def test_a_wire_that_fell_off(ic, monkeypatch, capsys):
    rig = Rig(ic)
    monkeypatch.setattr(rig.model, "transfer", lambda mosi: b"\xff" * len(mosi))
    check = asked(rig.driver, monkeypatch, capsys)
    assert check.state == doctor.BAD
    assert "MISO floating?" in check.seen + check.cure


def test_a_driver_that_nobody_knows(monkeypatch, capsys):
    class Cs5463:
        def ok(self):
            return True

    assert asked(Cs5463(), monkeypatch, capsys).state == doctor.OK


def test_software():
    assert doctor.software(None, None).state == doctor.OK
    none = doctor.software("ImportError: no module named 'app'", BOARD)
    assert none.cure == f"wattledger deploy --board {BOARD}"
    lost = doctor.software("MeterError: flash: no partition 'meter' in the table", BOARD)
    assert lost.cure == f"wattledger flash --board {BOARD}"
    assert "deploy" in doctor.software("MemoryError: ", None).cure


def test_journal_and_alerts():
    assert doctor.journal(INFO).state == doctor.OK
    assert doctor.journal({**INFO, "state": "blank"}).cure == "wattledger deploy"
    assert "--format" in doctor.journal({**INFO, "state": "foreign"}).cure
    found = list(doctor.alerts({**INFO, "alerts": ["a", "b"]}))
    assert [check.seen for check in found] == ["a", "b"]


def test_clock():
    assert doctor.clock(FACTS, INFO, NOW + 2).state == doctor.OK
    assert doctor.clock(FACTS, INFO, NOW + 60).state == doctor.NOTE
    assert "-60 s from here" in doctor.clock(FACTS, INFO, NOW + 60).seen
    assert doctor.clock(FACTS, {**INFO, "clock": 0}, NOW).state == doctor.BAD
    assert doctor.clock({**FACTS, "clock": NOW - 99}, None, NOW).state == doctor.NOTE


def test_flash_map():
    good = {**FACTS, "table": rows()}
    assert doctor.flash_map(good, BOARD).state == doctor.OK
    assert doctor.flash_map(good, None).state == doctor.NOTE
    stock = [row for row in rows() if row[4] != "meter"]
    check = doctor.flash_map({**good, "table": stock}, BOARD)
    assert (check.state, check.cure) == (doctor.BAD, f"wattledger flash --board {BOARD}")
    assert "not as in board.toml: meter" in check.seen
    assert doctor.flash_map({**good, "flash_size": 0x200000}, BOARD).state == doctor.BAD


def test_the_probes_only_read(capsys):
    """They run as they are on CPython, with what they ask for standing by."""
    for code in (probes.FIRMWARE, probes.SOFTWARE, probes.chip_code()):
        compile(code, "probe", "exec")
        for word in ("open(", "write", "format", "erase", ".put("):
            assert word not in code
    exec(probes.SOFTWARE, {})
    assert json.loads(capsys.readouterr().out).startswith(("ModuleNotFoundError", "None"))


FLEET = Fleet.new()


@pytest.fixture
def meter(monkeypatch):
    monkeypatch.setattr(doctor, "PROMPT_S", 0.3)
    monkeypatch.setattr(line, "ANSWER_S", 3.0)
    meter = SealedMeter(FLEET)
    meter.rig.run(60)  # a meter at work: it has counted up to now
    yield meter
    meter.close()


def of_sealed(meter, keys=None, **options):
    """-> {name: Check}"""
    keyring = (lambda: keys) if keys else None
    found = doctor.examine(meter.port, BOARD, keyring=keyring, **options)
    return {check.name: check for check in found}


def test_a_sealed_meter_with_keys(meter):
    for keys in (FLEET, FLEET.derive(SERIAL.hex(), "reader")):
        found = of_sealed(meter, keys)
        assert found["seal"].seen == "its console answers: sealed, keys of generation 1"
        good = ("seal", "keys", "module", "software", "metering", "journal")
        assert {found[name].state for name in good} == {doctor.OK}
        assert "records" in found["journal"].seen
        assert "its REPL is shut" in found["unseen"].seen
        assert "wattledger unseal" in found["unseen"].cure
        assert not [check for check in found.values() if "MicroPython" in check.seen]
    assert not any(b"\3" in sent or b"\1" in sent for sent in meter.lines)


def test_a_sealed_meter_without_keys(meter):
    found = of_sealed(meter)
    assert (found["keys"].state, "--keys FILE" in found["keys"].cure) == (doctor.NOTE, True)
    assert found["journal"].seen == "ready"
    assert found["module"].seen.endswith(f"serial {SERIAL.hex()}")
    assert meter.envelopes() == []
    meter.rig.meter.fault(ToolError("atm90e32: no answer"))
    assert found.keys() == of_sealed(meter).keys() - {"alert"}
    alert = of_sealed(meter)["alert"]
    assert (alert.seen, "--keys FILE" in alert.cure) == ("1 of them", True)
    assert of_sealed(meter, FLEET)["alert"].seen == "atm90e32: no answer"


def test_keys_that_a_sealed_meter_does_not_know(meter):
    stranger = Fleet.new()
    for _ in range(3):
        found = of_sealed(meter, stranger)
        assert (found["keys"].state, found["journal"].seen) == (doctor.BAD, "ready")
        assert "refused these keys" in found["keys"].seen
    found = of_sealed(meter, FLEET)
    assert (found["keys"].state, found["keys"].seen[:10]) == (doctor.NOTE, "locked for")


def test_keys_of_another_meter(meter):
    found = of_sealed(meter, FLEET.derive("246f28010204", "reader"))
    assert "are of meter 246f28010204" in found["keys"].seen
    assert found["journal"].state == doctor.OK
    assert meter.envelopes() == []


def test_keys_that_cannot_be_read_end_it(meter):
    def wrong():
        raise ToolError("fleet.keys: wrong passphrase")

    with pytest.raises(ToolError, match="wrong passphrase"):
        list(doctor.examine(meter.port, BOARD, keyring=wrong))


def test_a_sealed_meter_is_not_reset(meter, monkeypatch):
    monkeypatch.setattr(console, "restart", None)
    found = of_sealed(meter, FLEET, restart=True)
    assert "and it was not restarted" in found["unseen"].seen


def test_a_sealed_meter_that_shows_itself_after_a_reset(meter, monkeypatch):
    """One that hung: nothing answered before the line was pulled."""
    meter.alter = lambda answer: b""

    def restart(port, timeout_s):
        meter.alter = lambda answer: answer
        return False, "rst:0x1 (POWERON_RESET)"

    monkeypatch.setattr(console, "restart", restart)
    monkeypatch.setattr(line, "PROBE_S", 0.5)
    assert of_sealed(meter, FLEET, restart=True)["keys"].state == doctor.OK


@pytest.mark.parametrize(
    ("info", "state"),
    [
        ({}, doctor.OK),
        ({"counted_to": NOW - 11}, doctor.BAD),
        ({"counted_to": NOW + 99}, doctor.OK),
        ({"counted_to": NOW - 11, "clock": 0}, doctor.OK),
        ({"counted_to": NOW - 11, "state": "blank"}, doctor.OK),
    ],
    ids=str,
)
def test_a_meter_that_does_not_count(info, state):
    assert sealed.counting({**INFO, "counted_to": NOW - 1, **info}).state == state


def test_a_broken_seal():
    told = {"seal": "broken", "generation": 2}
    assert (sealed.console(told).state, sealed.console(told).cure) == ("note", "wattledger seal")
