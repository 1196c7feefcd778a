"""The board without hardware: the real one's composition over simulated buses."""

from drivers.atm90e32 import Atm90e32
from drivers.esp32_ports import spi_ports
from drivers.quality_ports import watch

CHIP = {
    "imp_per_kwh": 600,  # a count is 1/60 Wh: one watt for one minute
    "line_hz": 50,
    "wiring": "1p",
    "ct_ratio": (1, 1),
    "vt_ratio": (1, 1),
    "pmax_w": 15000,
    "start_mw": 4600,
    "pga": 0,
}

QUALITY = {
    "wiring": "1p",
    "un_mv": 230000,
    "imax_ma": 65000,
    "reverse_mw": 20000,
}


def build():
    """-> Ports"""
    ports = spi_ports(
        "virtual",
        flash_size=0x400000,
        ic=Atm90e32,
        chip=CHIP,
        mode=3,
        spi=(2, 18, 23, 19),
        cs=5,
        high=(22, 21),  # PM1, PM0: normal mode; in the others no register can be reached
        load_switch=25,
        alarm=26,
    )
    watch(ports, QUALITY)
    return ports
