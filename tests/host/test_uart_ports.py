"""UARTs of P1 and of the optical port on a mock of `machine`: lines, pins, and whose they are."""

import importlib
import re
import sys
from unittest import mock

import pytest

from meter.errors import MeterError

FREE = (16, 17, 32, 34, 35)
P1 = {"uart": 2, "tx": 17}
OPTICAL = {"uart": 1, "tx": 16, "rx": 34}


@pytest.fixture
def machine():
    machine = mock.MagicMock(name="machine")
    machine.UART.INV_TX, machine.Pin.IN = 32, 1
    return machine


@pytest.fixture
def opened(machine):
    """-> function: drivers.uart_ports.opened on the mock"""
    with mock.patch.dict(sys.modules, machine=machine):
        sys.modules.pop("drivers.uart_ports", None)
        module = importlib.import_module("drivers.uart_ports")
        yield lambda name, **settings: module.opened(name, settings, FREE)
    sys.modules.pop("drivers.uart_ports", None)


def test_p1_sends_8n1_and_takes_no_pin_of_the_flash_chip(opened, machine):
    port = opened("p1", **P1)
    machine.UART.assert_called_once_with(
        *(2,), baudrate=115200, bits=8, parity=None, stop=1, tx=17, rx=39, txbuf=1024, invert=0
    )
    uart = machine.UART.return_value
    uart.write.side_effect = [256, 100, None]
    assert [port.write(bytes(256)) for _ in range(3)] == [256, 100, 0]
    assert port.wanted()
    port.close()
    uart.deinit.assert_called_once_with()


def test_p1_may_invert_and_heed_the_request_line(opened, machine):
    port = opened("p1", **P1, rx=32, request=34, invert=True)
    assert machine.UART.call_args.kwargs["invert"] == 32
    assert machine.UART.call_args.kwargs["rx"] == 32
    machine.Pin.assert_called_once_with(34, 1)
    for level in (0, 1):
        machine.Pin.return_value.return_value = level
        assert port.wanted() is bool(level)


def test_the_optical_port_is_7e1_and_waits_for_the_last_byte(opened, machine):
    port, uart = opened("readout", **OPTICAL), machine.UART.return_value
    machine.UART.assert_called_once_with(
        *(1,), baudrate=300, bits=7, parity=0, stop=1, tx=16, rx=34, txbuf=256
    )
    uart.any.return_value = 0
    assert port.read() is None
    uart.any.return_value, uart.read.return_value = 3, b"/?!"
    assert port.read() == b"/?!"
    uart.write.return_value = 64
    port.write(bytes(64))
    assert [call[0] for call in uart.method_calls[-2:]] == ["write", "flush"]
    port.baud(9600)
    uart.init.assert_called_once_with(baudrate=9600, bits=7, parity=0, stop=1)
    uart.write.return_value = 10
    with pytest.raises(MeterError, match="full"):
        port.write(bytes(64))


@pytest.mark.parametrize("field", ["tx", "rx", "request"])
def test_a_pin_of_the_board_is_refused_before_anything_is_opened(opened, machine, field):
    with pytest.raises(MeterError, match="p1: GPIO 18 is the board's"):
        opened("p1", **{**P1, field: 18})
    machine.UART.assert_not_called()


def test_what_the_uart_says_is_told(opened, machine):
    machine.UART.side_effect = ValueError("UART(2) is in use")
    with pytest.raises(MeterError, match=r"readout: UART: UART.2. is in use: try the other one"):
        opened("readout", **OPTICAL)


def test_no_board_has_anything_at_those_pins(root):
    text = (root / "firmware/drivers/esp32_ports.py").read_text()
    assert f"self.local_pins = {FREE}" in text
    boards = sorted((root / "boards").glob("*/board.py"))
    assert len(boards) >= 4
    for path in boards:
        named = {int(n) for n in re.findall(r"(?<![\w.])(\d+)(?![\w.])", path.read_text())}
        assert not named & set(FREE), path
