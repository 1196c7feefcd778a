"""The NOR model: bits only fall, erases cost a sector, power goes at any step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.virtual.nor import SECTOR_SIZE, Nor, PowerCut
from boards.virtual.nor_faults import Tear
from meter.errors import MeterError


def content(nor, at, size):
    buf = bytearray(size)
    nor.read(at, buf)
    return bytes(buf)


def test_new_flash_is_erased():
    assert content(Nor(2), 0, 2 * SECTOR_SIZE) == b"\xff" * 2 * SECTOR_SIZE


@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_program_ands(first, second):
    nor = Nor(1)
    nor.program(100, first)
    nor.program(100, memoryview(second))
    size = max(len(first), len(second))
    padded = (first.ljust(size, b"\xff"), second.ljust(size, b"\xff"))
    wanted = bytes(a & b for a, b in zip(*padded, strict=True))
    assert content(nor, 100, size) == wanted
    refused = sum((b & ~a & 0xFF).bit_count() for a, b in zip(first, second, strict=False))
    assert nor.changed_bits_refused == refused


def test_a_program_may_cross_sectors_and_an_erase_does_not():
    nor = Nor(3)
    nor.program(SECTOR_SIZE - 2, b"\x01\x02\x03\x04")
    assert content(nor, SECTOR_SIZE - 2, 4) == b"\x01\x02\x03\x04"
    nor.erase(1)
    assert content(nor, SECTOR_SIZE - 2, 4) == b"\x01\x02\xff\xff"
    assert (nor.erases, nor.erase_counts) == (1, [0, 1, 0])
    assert (nor.programs, nor.bytes_programmed) == (1, 4)
    assert (nor.reads, nor.bytes_read) == (2, 8)


@pytest.mark.parametrize("cut", range(8))
def test_power_goes_before_any_byte(cut):
    nor = Nor(1)
    nor.cut_after = cut
    with pytest.raises(PowerCut):
        nor.program(0, bytes(8))
    with pytest.raises(PowerCut):
        nor.read(0, bytearray(1))
    nor.power_on()
    assert content(nor, 0, 8) == bytes(cut) + b"\xff" * (8 - cut)
    assert nor.programs == 0


def test_a_cut_counts_over_operations_and_the_last_step_completes():
    nor = Nor(1)
    nor.cut_after = 8
    nor.program(0, bytes(5))
    nor.program(5, bytes(3))
    with pytest.raises(PowerCut):
        nor.erase(0)
    nor.power_on()
    assert content(nor, 0, 9) == bytes(8) + b"\xff"


def test_the_byte_at_the_cut_may_be_torn():
    nor = Nor(1)
    nor.cut_after, nor.torn_mask = 1, 0x0F
    with pytest.raises(PowerCut):
        nor.program(0, bytes(3))
    nor.power_on()
    assert content(nor, 0, 3) == b"\x00\xf0\xff"


@pytest.mark.parametrize("cut", range(16))
def test_an_erase_stops_in_its_midst(cut):
    nor = Nor(2)
    nor.program(0, bytes(2 * SECTOR_SIZE))
    nor.cut_after = cut
    with pytest.raises(PowerCut):
        nor.erase(0)
    nor.power_on()
    erased = cut * 256
    assert content(nor, 0, 2 * SECTOR_SIZE) == b"\xff" * erased + bytes(2 * SECTOR_SIZE - erased)


def test_a_file_holds_what_was_done(tmp_path):
    path = tmp_path / "flash.bin"
    nor = Nor(2, path)
    nor.program(10, b"\x12\x34")
    nor.cut_after = 1
    with pytest.raises(PowerCut):
        nor.program(20, b"\x00\x00")
    assert path.stat().st_size == 2 * SECTOR_SIZE  # without a close: a kill loses nothing
    again = Nor(2, path)
    assert content(again, 10, 2) == b"\x12\x34"
    assert content(again, 20, 2) == b"\x00\xff"
    again.erase(0)
    assert path.read_bytes() == b"\xff" * 2 * SECTOR_SIZE
    with pytest.raises(ValueError, match=r"has 8192 bytes, expected 4096"):
        Nor(1, path)


@pytest.mark.parametrize("what", ["read", "program", "erase"])
def test_a_failure_is_said(what):
    nor = Nor(1)
    nor.fail.add(what)
    call = {
        "read": lambda: nor.read(0, bytearray(1)),
        "program": lambda: nor.program(0, b"\x00"),
        "erase": lambda: nor.erase(0),
    }
    with pytest.raises(MeterError, match=f"flash: {what} at 0x0"):
        call[what]()
    nor.fail.clear()
    assert content(nor, 0, 1) == b"\xff"


def test_outside_is_a_bug_of_ours():
    with pytest.raises(AssertionError):
        Nor(1).read(SECTOR_SIZE - 1, bytearray(2))


def test_rows_that_are_programmed_twice_are_counted():
    nor = Nor(2)
    nor.program(SECTOR_SIZE - 64, bytes([1] * 128))  # two rows in each sector
    assert (nor.rows_again, nor.torn_again) == (0, 0)
    nor.program(SECTOR_SIZE - 32, bytes([1] * 33))
    assert nor.rows_again == 2
    nor.program(0, b"")
    nor.program(SECTOR_SIZE, bytes(32))  # zeros may go anywhere
    assert nor.rows_again == 2
    nor.erase(1)
    nor.program(SECTOR_SIZE, b"\x01")
    assert nor.rows_again == 2
    nor.tear, nor.cut_after = Tear("solid", "ones", 1), 5
    with pytest.raises(PowerCut):
        nor.program(100, b"\x01" * 32)
    nor.power_on()
    nor.program(96, b"\x01" * 32)
    assert (nor.rows_again, nor.torn_again) == (2, 1)


def test_a_cut_before_the_first_byte_has_programmed_nothing():
    nor = Nor(1)
    nor.tear, nor.cut_after = Tear("kill", "noise", 1), 0
    with pytest.raises(PowerCut):
        nor.program(0, b"\x01")
    nor.power_on()
    nor.program(0, b"\x01")
    assert (nor.rows_again, nor.torn_again) == (0, 0)
    assert content(nor, 0, 2) == b"\x01\xff"


@pytest.mark.parametrize("loud", [False, True])
def test_a_stuck_sector_does_nothing(loud):
    nor = Nor(2)
    nor.program(0, b"\x00")
    nor.stuck_programs, nor.stuck_erases, nor.loud = {1}, {0}, loud
    for call in (lambda: nor.program(SECTOR_SIZE, b"\x00"), lambda: nor.erase(0)):
        if loud:
            with pytest.raises(MeterError, match="the chip reports a failure"):
                call()
        else:
            call()
    nor.program(1, b"\x07")
    assert content(nor, 0, 2) == b"\x00\x07"
    assert content(nor, SECTOR_SIZE, 1) == b"\xff"


def test_one_read_fails_and_the_next_does_not():
    nor = Nor(1)
    nor.fail_read_in = 2
    content(nor, 0, 1)
    content(nor, 0, 1)
    with pytest.raises(MeterError, match="flash: read at 0x0"):
        content(nor, 0, 1)
    assert content(nor, 0, 1) == b"\xff"


def test_an_image_brings_all_of_it_back():
    nor = Nor(2)
    nor.program(0, b"\x01" * 32)
    image = nor.image()
    nor.erase(0)
    nor.program(SECTOR_SIZE, b"\x01")
    nor.cut_after = 0
    with pytest.raises(PowerCut):
        nor.erase(1)
    nor.restore(image)
    assert content(nor, 0, 33) == b"\x01" * 32 + b"\xff"
    assert content(nor, SECTOR_SIZE, 1) == b"\xff"
    assert (nor.programs, nor.erases, nor.erase_counts) == (0, 0, [0, 0])
    nor.program(0, b"\x01")
    assert nor.rows_again == 1
