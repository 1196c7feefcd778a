"""Wi-Fi and the SG-Ready pins as the chip's own modules are called."""

import importlib
import sys
from unittest import mock

import pytest
from test_boot import FIRMWARE

from comms.wifi import Wifi


@pytest.fixture
def network():
    """As the ESP32 port has it: ports/esp32/network_wlan.c, modnetwork_globals.h"""
    made = mock.MagicMock(name="network", STA_IF=0, AP_IF=1, STAT_NO_AP_FOUND=201)
    made.radios = {0: mock.MagicMock(name="station"), 1: mock.MagicMock(name="access point")}
    made.WLAN.side_effect = made.radios.__getitem__
    made.radios[0].isconnected.return_value = False
    made.radios[0].active.return_value = False
    made.radios[0].status.return_value = 1001
    return made


def test_the_access_point_is_switched_off_before_the_station_is_on(network):
    wifi = Wifi(network, "wl-246f28010203", "home", "secret-1", bytes)
    assert network.mock_calls[:3] == [
        mock.call.WLAN(1),
        mock.call.hostname("wl-246f28010203"),
        mock.call.WLAN(0),
    ]
    assert network.radios[1].mock_calls == [mock.call.active(False)]
    assert network.radios[0].mock_calls == []
    wifi.step(0)
    assert network.radios[0].mock_calls[-3:] == [
        mock.call.active(True),
        mock.call.config(reconnects=0),
        mock.call.connect("home", "secret-1"),
    ]
    assert network.radios[1].mock_calls == [mock.call.active(False)]


def test_a_driver_without_the_setting_of_its_attempts(network):
    station = network.radios[0]
    station.config.side_effect = ValueError("unknown config param")
    wifi = Wifi(network, "wl", "home", "secret-1", bytes)
    wifi.step(0)
    station.connect.assert_called_once_with("home", "secret-1")


def test_nothing_waits_and_nothing_but_the_station_is_asked(network):
    """A step that waited would hold console and brokers; the source has no way to."""
    text = (FIRMWARE / "comms/wifi.py").read_text()
    assert "sleep" not in text
    assert "await" not in text
    wifi = Wifi(network, "wl", "home", "secret-1", bytes)
    for second in range(100):
        wifi.step(1000 * second)
    asked = {name for name, _, _ in network.radios[0].mock_calls}
    assert asked <= {"active", "config", "connect", "disconnect", "isconnected", "status"}


def test_sg_ready_pins_keep_their_level_over_a_soft_reset():
    machine = mock.MagicMock(name="machine", SOFT_RESET=5)
    stubs = {"machine": machine, "esp32": mock.MagicMock(), "cryptolib": mock.MagicMock()}
    with mock.patch.dict(sys.modules, stubs):
        sys.modules.pop("drivers.esp32_ports", None)
        ports = importlib.import_module("drivers.esp32_ports")
        sys.modules.pop("drivers.esp32_ports")
    with mock.patch.multiple(ports, time=mock.Mock(), Ports=mock.Mock()):
        for cause, given in ((1, {"value": 0}), (5, {})):
            machine.reset_cause.return_value = cause
            machine.Pin.reset_mock()
            ports.Ports.return_value.panels = panels = []
            ports.spi_ports(
                "one", 1, mock.Mock(), {}, 3, (2, 18, 23, 19), 5, 25, 26,
                sg_ready=(32, 33, 400, 200, 100),
            )  # fmt: skip
            (panel,) = panels
            assert type(panel).__name__ == "SgReady"
            for gpio in (32, 33):
                assert mock.call(gpio, machine.Pin.OUT, **given) in machine.Pin.call_args_list
