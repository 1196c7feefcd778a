"""The real esptool against the loader on a pty: what it writes comes back byte for byte."""

import subprocess
import sys

import pytest

from boards.virtual.nor import SECTOR_SIZE
from tests.e2e import esp_image
from tests.e2e.rom_chip import FLASH_SIZE
from tests.e2e.rom_loader import running_rom
from wattledger import partitions

TABLE_AT, IMAGE_AT = esp_image.TABLE_AT, esp_image.IMAGE_AT
NO_RESET = ("--before", "no-reset", "--after", "no-reset")
TIMEOUT_S = 120


def esptool(port, *words, code=0, roads=NO_RESET):
    """Run it. -> what it printed."""
    command = [sys.executable, "-m", "esptool", "--chip", "esp32", "--port", port, *roads]
    done = subprocess.run(
        [*command, *map(str, words)], capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def module(tmp_path):
    with running_rom(tmp_path / "module.bin") as module:
        yield module


@pytest.fixture
def image(tmp_path):
    """-> path of a merged image whose table is that of the board"""
    table = partitions.encode(partitions.of_board("esp32_atm90e32"))
    path = tmp_path / "image.bin"
    path.write_bytes(esp_image.merged_image(table=table))
    return path


@pytest.mark.parametrize("road", [["--no-stub"], []], ids=["rom", "stub"])
def test_image_table_and_partition_come_back(module, image, tmp_path, road):
    meter = bytes(range(256)) * 2 * SECTOR_SIZE
    (tmp_path / "meter.bin").write_bytes(meter[: 4 * SECTOR_SIZE])
    roads = (*road, *NO_RESET)
    parts = (hex(IMAGE_AT), image, "0x200000", tmp_path / "meter.bin")
    said = esptool(module.port, "write-flash", *parts, roads=roads)
    assert said.count("Hash of data verified.") == 2
    for at, size, wanted in (
        (IMAGE_AT, 0x40000, image.read_bytes()),
        (TABLE_AT, 0xC00, partitions.encode(partitions.of_board("esp32_atm90e32"))),
        (0x200000, 4 * SECTOR_SIZE, meter[: 4 * SECTOR_SIZE]),
    ):
        back = tmp_path / "back.bin"
        esptool(module.port, "read-flash", hex(at), hex(size), back, roads=roads)
        assert back.read_bytes() == wanted
    assert module.loader.is_stub == (not road)
    assert ("read_flash_slow" in module.loader.served) == bool(road)
    assert esp_image.fault(module.flash.read) is None
    whole = (tmp_path / "module.bin").read_bytes()
    assert len(whole) == FLASH_SIZE
    assert whole[IMAGE_AT : IMAGE_AT + 0x40000] == image.read_bytes()
    assert set(whole[IMAGE_AT + 0x40000 : 0x200000]) == {0xFF}


@pytest.mark.parametrize("road", [["--no-stub"], []], ids=["rom", "stub"])
def test_written_over_old_bytes(module, image, road):
    """NOR only clears bits: without the erase before it a second image could not be right."""
    module.flash.program(0, bytes(0x50000))
    esptool(module.port, "write-flash", hex(IMAGE_AT), image, roads=(*road, *NO_RESET))
    assert module.flash.read(IMAGE_AT, 0x40000) == image.read_bytes()
    assert module.flash.read(0, IMAGE_AT) == bytes(IMAGE_AT)
    before = module.flash.read(IMAGE_AT, 0x1000)
    module.flash.program(IMAGE_AT, b"\xff" * 0x1000)  # asks for ones, which only an erase gives
    assert module.flash.read(IMAGE_AT, 0x1000) == before


def test_who_it_is(module):
    said = esptool(module.port, "--no-stub", "flash-id")
    assert "ESP32-D0WD-V3 (revision v3.0)" in said
    assert "a0:b7:65:00:12:34" in said
    assert "Detected flash size: 4MB" in said
    assert "Crystal frequency:  40MHz" in said


def test_defaults_only_warn_that_nothing_was_reset(module, image):
    """What `wattledger flash` need not know of a pty: DTR, RTS and a faster rate."""
    said = esptool(
        module.port, "--baud", 460800, "write-flash", hex(IMAGE_AT), image, roads=("--no-stub",)
    )
    assert "Chip was NOT reset" in said
    assert "Hash of data verified." in said
    assert "change_baudrate" in module.loader.served


def test_erase(module):
    module.flash.program(0x200000, bytes(3 * SECTOR_SIZE))
    esptool(module.port, "erase-region", "0x201000", "0x1000")
    assert set(module.flash.read(0x201000, SECTOR_SIZE)) == {0xFF}
    assert module.flash.read(0x202000, SECTOR_SIZE) == bytes(SECTOR_SIZE)
    esptool(module.port, "erase-flash")
    assert set(module.flash.read(0x200000, 3 * SECTOR_SIZE)) == {0xFF}


def test_the_rom_alone_cannot_erase(module):
    module.flash.program(0x200000, bytes(16))
    esptool(module.port, "--no-stub", "erase-flash", code=2)
    assert module.flash.read(0x200000, 16) == bytes(16)


@pytest.mark.parametrize("road", [["--no-stub"], []], ids=["rom", "stub"])
def test_a_sector_that_does_not_take_it_is_noticed(module, image, road):
    nor, at = module.flash.nor(IMAGE_AT + 0x20000)
    nor.stuck_programs = {at // SECTOR_SIZE}
    said = esptool(
        module.port, "write-flash", hex(IMAGE_AT), image, code=2, roads=(*road, *NO_RESET)
    )
    assert "Hash of data verified." not in said


def test_another_chip_is_refused_before_anything_is_written(tmp_path, image):
    with running_rom(tmp_path / "module.bin", chip="esp32s2") as module:
        said = esptool(module.port, "--no-stub", "write-flash", hex(IMAGE_AT), image, code=2)
        assert "This chip is ESP32-S2, not ESP32" in said
        assert "flash_begin" not in module.loader.served
        assert set(module.flash.read(0, FLASH_SIZE)) == {0xFF}


@pytest.mark.parametrize("chip", ["esp32c3", "esp32s3"])
def test_an_image_of_another_chip_is_refused(module, tmp_path, chip):
    path = tmp_path / "image.bin"
    path.write_bytes(esp_image.merged_image(chip))
    esptool(module.port, "--no-stub", "write-flash", hex(IMAGE_AT), path, code=2)
    assert "flash_begin" not in module.loader.served


def test_an_image_as_esptool_reads_it(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(esp_image.app_image(0x10000, version="v1.24.1"))
    command = [sys.executable, "-m", "esptool", "image-info", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.count("(valid)") == 2, said
    assert "v1.24.1" in said
    assert "micropython" in said


def test_an_image_that_a_boot_loader_refuses():
    image = esp_image.merged_image(size=0x20000)
    good = b"\xff" * IMAGE_AT + image

    def fault(flash):
        return esp_image.fault(lambda at, size: bytes(flash[at : at + size]))

    assert fault(good) is None
    for at, says in (
        (0x1000, "header"),
        (0x1100, "boot loader"),
        (0x8004, "table"),
        (0x10400, "app"),
    ):
        bad = bytearray(good)
        bad[at] ^= 1
        assert says in fault(bad)
    assert "0xffffffff" in fault(b"\xff" * 0x20000)
