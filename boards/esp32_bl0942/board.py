"""ESP32 module and BL0942, one phase, with clock, display, latching relay and status LED.
Wiring: README.md; ratings: board.toml too."""

import machine

from drivers.bl0942 import Bl0942
from drivers.display import Display
from drivers.ds3231 import Ds3231
from drivers.esp32_ports import output_pin, spi_ports
from drivers.load_switch import latching_relay
from drivers.ssd1306 import Ssd1306
from drivers.status_led import StatusLed

CHIP = {
    "shunt_uohm": 1000,
    "divider_ohm": (1950000, 510),
    "line_hz": 50,
    "ct_ratio": (1, 1),
    "vt_ratio": (1, 1),
    "pmax_w": 6900,  # 30 A at 230 V
    "start_mw": 4600,  # 20 mA at 230 V
}


def build():
    """-> Ports"""
    relay = latching_relay(25, 33)
    ports = spi_ports(
        "esp32_bl0942",
        flash_size=0x400000,
        ic=Bl0942,
        chip=CHIP,
        mode=1,
        spi=(2, 18, 23, 19),
        cs=5,
        load_switch=relay,
        alarm=26,
        power_fail=27,
    )
    i2c = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21), freq=400000)
    ports.clock = Ds3231(i2c, ports.clock)
    ports.panels += [relay, StatusLed(output_pin(4, 0)), Display(Ssd1306(i2c))]
    return ports
