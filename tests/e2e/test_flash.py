"""wattledger flash, backup, restore and doctor: the real esptool on the stand-in of a module."""

import json
import time

import pytest
from typer.testing import CliRunner

from tests.e2e import esp_image
from tests.e2e.bare_module import bare_module
from wattledger import partitions
from wattledger.cli import app
from wattledger.flashing import console

BOARD = "esp32_atm90e32"
KW = {"p_mw": 3_000_000, "q_mvar": 0, "v_mv": 230_000}


@pytest.fixture
def module(board):
    with bare_module(board) as module:
        yield module


@pytest.fixture
def run(module, tmp_path, monkeypatch):
    """Run a wattledger command on the module. -> its output; the exit code must be `code`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ESP32_GENERIC.bin").write_bytes(esp_image.merged_image())

    def run(*args, code=0):
        done = CliRunner().invoke(app, ["--port", module.port, *map(str, args)])
        assert done.exit_code == code, f"{done.output}{done.exception!r}"
        return done.output + (str(done.exception) if code else "")

    return run


FLASH = ("flash", "--board", BOARD, "--firmware", "ESP32_GENERIC.bin", "--yes")


def test_from_a_blank_module_to_a_meter_and_again(module, run, board, tmp_path):
    blank = run("doctor", "--board", BOARD, code=1)
    assert "its flash is empty: wattledger flash" in blank
    said = run(*FLASH)
    assert "read back: as written" in said
    assert "journal formatted: this meter starts at zero" in said
    image = (tmp_path / f"flash-{BOARD}" / "image.bin").read_bytes()
    original, table = esp_image.merged_image(), partitions.of_board(BOARD)
    at = esp_image.TABLE_AT - esp_image.IMAGE_AT
    assert image == original[:at] + partitions.encode(table) + original[at + 0xC00 :]
    board.set_load(constant=KW)
    for check in ("SPI", "journal", "flash map"):
        assert f"ok   {check}" in run("doctor", "--board", BOARD)

    serial = json.loads(run("info", "--json"))["serial"]
    run("backup", "meter.bin")
    header = json.loads((tmp_path / "meter.bin.json").read_text())
    assert (header["offset"], header["size"]) == (0x200000, 0x140000)

    again = run(*FLASH)
    assert "meter            kept" in again
    assert "ERASED" not in again
    assert "the meter has saved its registers" in again
    assert "formatted" not in again
    assert json.loads(run("info", "--json"))["serial"] == serial

    run("restore", "meter.bin", "--yes")
    with module.flash() as flash:
        wanted = (tmp_path / "meter.bin").read_bytes()
        assert flash.read(0x200000, 0x140000) == wanted


def test_a_module_that_does_not_start_is_named(module, run, monkeypatch):
    monkeypatch.setattr(console, "wait_for_prompt", lambda port, s: (False, "Brownout detector"))
    assert "its supply is too weak" in run(*FLASH, code=1)


def test_doctor_on_the_virtual_board(cli, board):
    board.start(clock="real")
    assert "BAD  software   none" in cli("doctor", code=1)
    cli("deploy", "--board", "virtual")
    said = cli("doctor")
    assert "ok   SPI        Atm90e32: asked ChannelMapI, 0x01, chip answered 0x0210" in said
    assert "ok   flash map" in said
    assert "BAD" not in said
    board.inject("ic", "stuck_select", 1)
    said = cli("doctor", code=1)
    assert "chip answered 0xffff, expected 0x0210" in said
    assert "MISO floating?" in said
    board.inject("ic", "stuck_select", None)
    board.set_clock(rtc_s=1_800_000_000)
    said = cli("doctor", "--json")
    assert {check["name"]: check["state"] for check in json.loads(said)}["clock"] == "note"


def test_doctor_resets_a_board_and_reads_its_boot_log(cli, ask, board):
    board.start(clock="real")
    cli("deploy", "--board", "virtual")
    until = time.monotonic() + 5
    while ask("info")["counted_to"] < time.time() - 5:  # the first tick after the format
        assert time.monotonic() < until
    said = cli("doctor", "--restart")
    assert "ok   boot" in said
    assert "lines, then the prompt" in said
    assert board.status()["resets"] == 2  # deploy's and this one
