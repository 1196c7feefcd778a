"""From a blank flash through the real esptool to MicroPython, and back, on one port."""

import time

import pytest
import serial

from boards.virtual import pins
from tests.e2e import esp_image
from tests.e2e.bare_module import bare_module
from tests.e2e.test_rom_loader import esptool
from tests.virtual_board import VirtualBoard
from wattledger import partitions
from wattledger.errors import ToolError
from wattledger.link import Link

LISTEN_S = 5
DEFAULTS = ()  # resets that a pty does not have, and the stub


@pytest.fixture
def module(board):
    with bare_module(board) as module:
        yield module


@pytest.fixture
def image(tmp_path):
    """-> path of a merged image with the table of our board"""
    table = partitions.encode(partitions.of_board("esp32_atm90e32"))
    path = tmp_path / "image.bin"
    path.write_bytes(esp_image.merged_image(table=table))
    return path


def write(module, *parts):
    return esptool(module.port, "write-flash", *parts, roads=DEFAULTS)


def heard(module, words):
    """Whether the port says that by itself within LISTEN_S."""
    said = b""
    with serial.Serial(module.port, 115200, timeout=0.1) as port:
        end = time.monotonic() + LISTEN_S
        while words not in said and time.monotonic() < end:
            said += port.read(port.in_waiting or 1)
    return words in said


def test_a_blank_module_says_so(module):
    assert heard(module, b"invalid header: 0xffffffff")
    with pytest.raises(ToolError, match="no MicroPython prompt"):
        Link(module.port)
    assert module.boots == 0


def test_the_stock_table_does_not_boot_into_a_meter(module, tmp_path):
    (tmp_path / "stock.bin").write_bytes(esp_image.merged_image())
    write(module, "0x1000", tmp_path / "stock.bin")
    assert heard(module, b"partition table: meter at None")


def test_it_boots_what_was_written(module, board, image):
    write(module, "0x1000", image)
    assert "flash_defl_data" in module.loader.served
    for _ in range(2):  # a port that is opened again finds the same session
        with Link(module.port) as link:
            link.write("/hello.txt", b"still here")
    assert module.boots == 1
    assert board.is_running()
    esptool(module.port, "flash-id", roads=DEFAULTS)
    assert not board.is_running()
    with Link(module.port) as link:
        assert link.read("/hello.txt") == b"still here"
    assert module.boots == 2


def test_erasing_the_flash_takes_the_files(module, image):
    write(module, "0x1000", image)
    with Link(module.port) as link:
        link.write("/hello.txt", b"still here")
    esptool(module.port, "erase-flash", roads=DEFAULTS)
    write(module, "0x1000", image)
    with Link(module.port) as link:
        assert link.read("/hello.txt") is None


FIND = "import esp32\np = esp32.Partition.find(1, label='meter')[0]\n"


def test_the_meter_partition_is_that_of_the_board(module, board, image, tmp_path):
    """What the board programs, esptool reads; what esptool writes, the board reads."""
    write(module, "0x1000", image)
    with Link(module.port) as link:
        link._exec(FIND + "p.writeblocks(0, b'by the board', 16)")
    back = tmp_path / "back.bin"
    esptool(module.port, "read-flash", "0x200000", "0x1000", back, roads=DEFAULTS)
    assert back.read_bytes()[16:28] == b"by the board"
    (tmp_path / "new.bin").write_bytes(b"by esptool".ljust(0x1000, b"\xff"))
    write(module, "0x201000", tmp_path / "new.bin")
    with Link(module.port) as link:
        said = link._exec(FIND + "b = bytearray(10)\np.readblocks(1, b, 0)\nprint(b)")
    assert "by esptool" in said
    data = (board.state / "flash.bin").read_bytes()
    assert data[0x1000:0x100A] == b"by esptool"
    assert len(data) == pins.METER_SIZE


def test_a_module_is_as_it_was_left(board, image):
    with bare_module(board) as module:
        write(module, "0x1000", image)
    assert not VirtualBoard(board.state).is_running()
    with bare_module(board) as module, Link(module.port) as link:
        assert link.names("/") is not None
        assert module.boots == 1
