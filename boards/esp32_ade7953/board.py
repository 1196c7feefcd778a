"""ESP32 module and ADE7953, one phase, with clock and status LED. Wiring: README.md; ratings:
board.toml too."""

import machine

from drivers.ade7953 import Ade7953
from drivers.ds3231 import Ds3231
from drivers.esp32_ports import output_pin, spi_ports
from drivers.quality_ports import watch
from drivers.status_led import StatusLed

CHIP = {
    "imp_per_kwh": 3200,
    "line_hz": 50,
    "wiring": "1pn",
    "ct_ratio": (1, 1),
    "vt_ratio": (1, 1),
    "pmax_w": 15000,  # 65 A at 230 V
    "start_mw": 4600,  # 20 mA at 230 V
    "pga": (0, 0, 0),
    "full_scale": (350371, 88388),  # 0.35355 V at a pin: 990k + 1k; CT 2500:1 on 10 ohm
}

QUALITY = {
    "wiring": "1pn",
    "un_mv": 230000,
    "imax_ma": 60000,
    "reverse_mw": 20000,
}


def build():
    """-> Ports"""
    ports = spi_ports(
        "esp32_ade7953",
        flash_size=0x400000,
        ic=Ade7953,
        chip=CHIP,
        mode=0,
        spi=(2, 18, 23, 19),
        cs=5,
        load_switch=25,
        alarm=26,
        power_fail=27,
        baudrate=1000000,
    )
    i2c = machine.I2C(0, scl=machine.Pin(22), sda=machine.Pin(21), freq=400000)
    ports.clock = Ds3231(i2c, ports.clock)
    watch(ports, QUALITY)
    ports.panels.append(StatusLed(output_pin(4, 0)))
    return ports
