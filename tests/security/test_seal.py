"""R19: on a sealed meter there is no REPL, whatever comes on the line and whatever fails."""

import contextlib
import io
import json
from types import SimpleNamespace

import pytest
import tariffs
from gate_rig import Client, GateRig, in_line, some_keys
from rich.console import Console
from test_verify import CoreLink

from comms import console
from comms.console import LINE_BYTES, REFUSED
from meter.errors import MeterError
from meter.security import keys as keys_of
from meter.security.seal import Seal
from tests.e2e.sealed_meter import HELLO, PROMPTS, connect, hello, talk, wait_for
from tests.e2e.test_sealed import reset_by_hand, source
from wattledger import reading, show
from wattledger.bills import bill_document, bill_html, bill_text
from wattledger.errors import ToolError
from wattledger.security.keyring import Fleet
from wattledger.verification import evidence


@pytest.fixture
def rig():
    return GateRig(keys=some_keys(), sealed=True)


class Wire:
    """What the console reads from and writes to."""

    def __init__(self, data):
        self.data, self.said = data, b""

    def readinto(self, buf):
        if not self.data:
            raise EOFError
        buf[0], self.data = self.data[0], self.data[1:]
        return 1

    def write(self, data):
        self.said += data


def said_to(rig, data):
    """-> all that the console says to these bytes"""
    wire = Wire(data)
    reader = console.Console(rig.gate.handle, wire, wire)
    with contextlib.suppress(EOFError):
        while True:
            reader.take()
    return wire.said


@pytest.mark.parametrize("byte", [*range(32), 127, 0x80, 0xFF])
def test_r19_a_control_character_is_data(rig, byte):
    """The break of a UART cannot be had on a pty: the module sees it as a zero."""
    char = bytes([byte])
    said = said_to(rig, char * 3 + b"\n" + b'{"id":1,' + char + b'"do":"info"}\n' + HELLO)
    assert not any(prompt in said for prompt in PROMPTS)
    assert said.endswith(b"\r\n")
    assert b'"seal": "sealed"' in said.splitlines()[-1]
    assert (rig.gate.leave, rig.gate.seal.name) == (False, "sealed")


@pytest.mark.parametrize("size", [1, LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1, 200_000])
def test_r19_a_line_without_end_is_dropped_and_takes_no_room(rig, size):
    said = said_to(rig, b"\x03" * size + b"\n" + HELLO).replace(b"\x06", b"")
    answers = said.splitlines()
    assert len(answers) == 2
    assert (answers[0] == REFUSED) == (size > LINE_BYTES)
    assert b'"seal": "sealed"' in answers[1]


def test_r19_only_an_unseal_of_the_utility_opens_it(rig):
    assert Client(rig, "reader").change("unseal") == "refused"
    assert Client(rig, "utility").read("unseal") == "refused"
    assert Client(rig, "utility", some_keys(meter=1)).change("unseal") == "refused"
    assert rig.public("unseal")["error"]["code"] == "role"
    assert not rig.gate.seal.repl_open(rig.ports.clock.utc)
    before = rig.meter.journal.events[4].last_seq
    assert Client(rig, "utility").change("unseal")["ok"]
    assert rig.meter.journal.events[4].last_seq == before + 1  # and its event came first
    assert rig.gate.seal.repl_open(rig.ports.clock.utc)
    assert not rig.gate.seal.repl_open(rig.ports.clock.utc + 600)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(12)[1:], b"\x03" + bytes(11), b"\xff" * 12])
def test_r19_a_seal_that_cannot_be_read_is_not_open(data):
    vault = SimpleNamespace(load=lambda name: data)
    assert not Seal(vault).repl_open(1)


def test_a_bill_says_what_became_of_the_seal():
    rig = GateRig(keys=some_keys())
    rig.push(tariffs.text())
    rig.run(3600, imported=5)
    for do, seal_is in (("commit", "open"), ("seal", "sealed"), ("unseal", "broken")):
        rig.ask(do)
        bill = reading.read_bill(CoreLink(rig), None)
        assert bill.seal == seal_is
        tariff = rig.meter.contract.tariff
        screen = Console(width=120, file=io.StringIO())
        screen.print(show.bill(bill, tariff))
        said = screen.file.getvalue()
        assert ("The seal of the meter is broken" in said) == (seal_is == "broken")
    found = evidence.collect(CoreLink(rig))
    document = bill_document.make(bill, found)
    assert document["meter"]["seal"] == "broken"
    for render in (bill_text.render, bill_html.render):
        assert "broken" in render(document)


def test_r20_without_keys_of_its_own_a_meter_does_not_seal():
    rig = GateRig()
    with pytest.raises(AssertionError, match="no keys, nobody could unseal"):
        rig.ask("seal")
    fields = keys_of.unpack(keys_of.pack(some_keys()))
    for name in ("reader", "utility", "maker", "evidence", "storage"):
        for value in (bytes(32), some_keys().reader if name != "reader" else some_keys().maker):
            good = getattr(fields, name)
            setattr(fields, name, value)
            with pytest.raises(MeterError):
                keys_of.pack(fields)
            setattr(fields, name, good)
    for data in ("", "AAAA", in_line(some_keys())[:-4], in_line(some_keys()).swapcase()):
        with pytest.raises(AssertionError):
            rig.ask("keys", data=data)
    assert rig.gate.seal.name == "open"
    assert rig.gate.keys is None


ERRORS = "{b'1': ValueError, b'2': SystemExit, b'3': KeyboardInterrupt}"


def test_r19_an_exception_in_the_gate_is_a_reset_and_no_word(sealed):
    """Of the console and the tick: tests/e2e/test_sealed.py; of the boot: tests/host/test_boot."""
    old = "        self.road = self._roads[road]\n"
    new = "        if line in ERRORS:\n            raise ERRORS[line]\n"
    source(sealed, "meter/security/gate.py", old, new.replace("ERRORS", ERRORS) + old)
    reset_by_hand(sealed)
    for line in (b"1\n", b"2\n", b"3\n"):
        wait_for(lambda: hello(sealed)["seal"] == "sealed")
        resets = sealed.status()["resets"]
        said = talk(sealed, line, wait_s=1.5)
        assert not any(prompt in said for prompt in PROMPTS), said
        assert sealed.status()["resets"] == resets + 1
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    assert sealed.status()["cpu"] == "main.py"


def test_r19_a_sealed_meter_whose_vault_is_damaged_stays_shut_and_locked(sealed):
    """A seal that is none of ours opens nothing; and R4: the lock outlives the power cut."""
    for _ in range(3):
        with contextlib.suppress(ToolError), connect(sealed, Fleet.new()) as meter:
            meter.request("live")
    path = sealed.state / "nvs.json"
    sealed.cut()
    held = json.loads(path.read_text())
    assert held["wl"]["lock"][1] == "0300"
    held["wl"]["seal"][1] = "00" * 5
    path.write_text(json.dumps(held))
    sealed.start(clock="held")
    wait_for(lambda: sealed.status()["cpu"] == "main.py")
    said = talk(sealed, b"\r\x03\x03\x01" + HELLO, wait_s=0.5)
    assert not any(prompt in said for prompt in PROMPTS)
    assert b'"seal": "broken"' in said
    assert b'"locked_s": 1,' in said
    sealed.set_clock(held=False)
    wait_for(lambda: not hello(sealed)["locked_s"])
    with connect(sealed) as meter:
        assert meter.request("seal")["seal"] == "sealed"
