"""From a module out of the drawer to a verified bill: README's hardware path, followed literally.

Stand-ins: the firmware image is made here (esp_image.py), the module is bare_module.py, and the
virtual board's IC is on its SPI. esptool, mpremote and wattledger are the real ones.
"""

import json
import os
import random
import shlex
import subprocess
import sys
import time

import pytest

from tests.e2e import esp_image
from tests.e2e.bare_module import bare_module
from tests.e2e.test_readme import commands
from wattledger import partitions

HARDWARE = "## First bill on hardware"
PORT, BOARD = "/dev/ttyUSB0", "esp32_atm90e32"
FIRMWARE = "ESP32_GENERIC.bin"
LOAD = {"p_mw": 3_000_000, "q_mvar": 0, "v_mv": 230_000}
FLASH = f"wattledger --port {PORT} flash --board {BOARD} --firmware {FIRMWARE}"
COUNT_S = 2.5
TICK_S, SETTLE_MAX = 2, 10
TIMEOUT_S = 300


class Bench:
    """A folder, a shell in it, and a module on the desk."""

    def __init__(self, folder, module, board):
        self.folder, self.module, self._board = folder, module, board
        self.image = esp_image.merged_image()
        (folder / FIRMWARE).write_bytes(self.image)
        self._env = {**os.environ, "WATTLEDGER_CACHE": str(folder / "cache")}
        self._env.pop("WATTLEDGER_PORT", None)

    def run(self, line, answer="", code=0, **env):
        """One line of the README. -> what it printed."""
        words = shlex.split(line.replace(PORT, self.module.tty))
        assert words[0] in ("wattledger", "esptool"), line
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env={**self._env, **env},
            input=answer,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == code, line + "\n" + done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, command):
        """-> the JSON of a reading command."""
        return json.loads(self.run(f"wattledger --port {PORT} {command} --json"))

    def import_mwh(self):
        return self.ask("registers")["registers"]["1.8.0"]

    def count(self):
        """Let the meter count for a while and come to rest. -> what it has in its register."""
        self._board.set_load(constant=LOAD)
        time.sleep(COUNT_S)
        self._board.set_load(constant={**LOAD, "p_mw": 0})
        counted = -1
        for _ in range(SETTLE_MAX):  # a busy machine may be late with a tick
            before, counted = counted, self.import_mwh()
            if counted == before > 0:
                return counted
            time.sleep(TICK_S)
        raise AssertionError(f"the register does not come to rest above zero: {counted}")


@pytest.fixture
def bench(board, root, tmp_path):
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "docs").symlink_to(root / "docs")
    (folder / "my-tariff.toml").symlink_to(root / "docs/tariffs/one-price.toml")
    with bare_module(board) as module:
        yield Bench(folder, module, board)


def leave_junk(module):
    """The module has had another life: what an erase must take away is there."""
    noise = random.Random(5)
    with module.flash() as flash:
        for at in (0x0, 0x8000, 0x9000, 0x10000, 0x200000, 0x33F000):
            flash.program(at, noise.randbytes(0x1000))


def check_flash(bench):
    """The module holds what the file held, with the board's table in it, and nothing else."""
    table = partitions.encode(partitions.of_board(BOARD))
    wanted = bytearray(bench.image)
    at = esp_image.TABLE_AT - esp_image.IMAGE_AT
    wanted[at : at + len(table)] = table
    with bench.module.flash() as flash:
        seen = bytearray(flash.read(esp_image.IMAGE_AT, len(wanted)))
        assert esp_image.fault(flash.read) is None
    nvs = slice(0x9000 - esp_image.IMAGE_AT, 0xF000 - esp_image.IMAGE_AT)
    seen[nvs] = wanted[nvs]  # the board's own, from its first start on
    assert seen == wanted


def test_first_bill_on_hardware(bench, board, root):
    lines = commands(root, HARDWARE)
    said = {}
    for line in lines:
        said[line] = bench.run(line, answer="y\n")
        if " flash " in line:  # an installed meter sees volts and amperes
            board.set_load(constant=LOAD)
            time.sleep(COUNT_S)
    flashed, verified, doctor = (
        next(text for line, text in said.items() if word in line)
        for word in (" flash ", " verify", " doctor")
    )
    assert len(lines) >= 8
    assert "ERASED" in flashed
    assert "Hash of data verified." in flashed  # esptool's own words come through
    assert "chip answered 0x0210" in doctor
    assert "recomputed to the last unit" in verified
    assert bench.import_mwh() > 0
    board.cut()
    check_flash(bench)


def test_a_used_module_through_the_rom_alone(bench, board):
    """What another life left in the flash is gone, and esptool's stub is not needed for it."""
    leave_junk(bench.module)
    esptool = f"{sys.executable} -m esptool --no-stub --before no-reset --after no-reset"
    said = bench.run(FLASH, answer="y\n", WATTLEDGER_ESPTOOL=esptool)
    assert "journal formatted" in said
    assert "read_flash_slow" in bench.module.loader.served
    assert "mem_begin" not in bench.module.loader.served
    assert bench.import_mwh() == 0
    board.cut()
    check_flash(bench)


def test_a_second_flash_keeps_what_was_counted(bench):
    bench.run(FLASH, answer="y\n")
    counted = bench.count()
    said = bench.run(FLASH, answer="y\n")
    assert "keeps what the meter has counted" in said
    assert bench.import_mwh() == counted


def test_no_is_no(bench):
    leave_junk(bench.module)
    before = whole(bench)
    said = bench.run(FLASH, answer="n\n", code=1)
    assert "Go on?" in said
    assert whole(bench) == before
    assert "flash_defl_begin" not in bench.module.loader.served


def test_the_backup_survives_the_module(bench):
    """Read, erase everything, flash, restore: the meter goes on from what it had counted.

    Tariff files are in the file system, not in the partition: they have to be pushed again.
    """
    push = f"wattledger --port {PORT} tariff push my-tariff.toml --when now"
    bench.run(FLASH, answer="y\n")
    bench.run(push)
    counted = bench.count()
    serial = bench.ask("info")["serial"]
    bench.run(f"wattledger --port {PORT} backup meter.bin")
    assert json.loads((bench.folder / "meter.bin.json").read_text())["serial"] == serial
    bench.run(f"esptool --port {PORT} erase-flash")
    assert "journal formatted" in bench.run(FLASH, answer="y\n")
    bench.run(f"wattledger --port {PORT} restore meter.bin", answer="y\n")
    assert "push it again" in bench.run(f"wattledger --port {PORT} verify", code=1)
    bench.run(push)
    assert bench.import_mwh() == counted
    assert "recomputed to the last unit" in bench.run(f"wattledger --port {PORT} verify")


def whole(bench):
    with bench.module.flash() as flash:
        return flash.read(0, flash.size)
