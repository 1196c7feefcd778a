"""The modules of the virtual board against what the chip's own take, give and raise."""

import pytest


def test_random_differs(running):
    code = "import os; print(os.urandom(16) == os.urandom(16), os.urandom(16))"
    first, second = running.mpremote("exec", code), running.mpremote("exec", code)
    assert first.startswith("False")
    assert first != second


@pytest.mark.parametrize(
    "name", ["js", "jsffi", "datetime", "pathlib", "functools", "logging", "tarfile", "unittest"]
)
def test_modules_that_the_chip_lacks_are_not_there(running, name):
    assert "ImportError" in running.mpremote("resume", "exec", f"import {name}", code=1)


def test_a_test_runner_may_have_unittest(board):
    board.start(clock="real", allow=["unittest"])
    assert board.run("import unittest; print(unittest.TestCase.__name__)") == "TestCase"


def test_aes(running):
    """NIST SP 800-38A, F.1.1 and F.2.1."""
    shown = running.run(
        """
        from binascii import hexlify, unhexlify
        from cryptolib import aes
        key = unhexlify("2b7e151628aed2a6abf7158809cf4f3c")
        text = unhexlify("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
        print(hexlify(aes(key, 1).encrypt(text)).decode())
        cbc = aes(key, 2, bytes(range(16)))
        print(hexlify(cbc.encrypt(text[:16])).decode(), hexlify(cbc.encrypt(text[16:])).decode())
        print(aes(key, 1).decrypt(aes(key, 1).encrypt(text)) == text)
        """
    )
    assert shown.split() == [
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        *("7649abac8119b246cee98e9b12e9197d", "5086cb9b507219ee95db113a917678b2", "True"),
    ]


def test_partition_is_nor_flash(running):
    shown = running.run(
        """
        import esp32
        part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="meter")[0]
        print(part.info(), part.ioctl(4, 0), part.ioctl(5, 0))
        buf = bytearray(1)
        def seen():
            part.readblocks(3, buf, 5)
            return buf[0]
        part.writeblocks(3, b"\\xf0", 5)
        part.writeblocks(3, b"\\x3c", 5)
        print(hex(seen()), part.ioctl(6, 3), hex(seen()))
        part.writeblocks(3, b"\\xf0", 5)
        part.writeblocks(3, b"\\x3c" * 4096)
        print(hex(seen()))
        for attempt in (
            lambda: part.readblocks(320, bytearray(1)),
            lambda: part.ioctl(6, 320),
            lambda: part.writeblocks(3, b"x"),
        ):
            try:
                attempt()
            except OSError as error:
                print(error)
        """
    )
    assert shown.splitlines() == [
        "(1, 64, 2097152, 1310720, 'meter', False) 320 4096",
        "0x30 0 0xff",
        "0x3c",
        *["(-260, 'ESP_ERR_INVALID_SIZE')"] * 3,
    ]


def test_pins_and_spi_reach_the_chip(running):
    """ChannelMapI reads its reset value, then what was written; nothing in a wrong SPI mode."""
    shown = running.run(
        """
        from machine import Pin, SPI
        cs, pm1 = Pin(5, Pin.OUT, value=1), Pin(22, Pin.OUT, value=1)
        Pin(21, Pin.OUT, value=1)
        spi = SPI(2, baudrate=500000, polarity=1, phase=1)
        def frame(*data):
            buf = bytearray(data)
            cs(0)
            spi.write_readinto(buf, buf)
            cs(1)
            return hex(buf[2] << 8 | buf[3])
        print(frame(0x80, 0x01, 255, 255))
        frame(0x00, 0x7F, 0x55, 0xAA)
        frame(0x00, 0x01, 0x12, 0x34)
        print(frame(0x80, 0x01, 255, 255))
        spi.init(polarity=0, phase=0)
        print(frame(0x80, 0x01, 0, 0))
        """
    )
    assert shown.split() == ["0x210", "0x1234", "0xffff"]


def test_output_pins_are_recorded(running):
    running.run("from machine import Pin\np = Pin(25, Pin.OUT, value=1)\np.off()\np.on()")
    assert running.status()["outputs"]["25"] == 1
    changes = running.request("outputs")["changes"]
    assert [level for _, pin, level in changes if pin == 25] == [1, 0, 1]
    assert "ValueError" in running.mpremote("resume", "exec", "Pin(34, Pin.OUT)", code=1)
