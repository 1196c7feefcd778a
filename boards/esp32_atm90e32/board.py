"""ESP32 module and ATM90E32AS, three phases. Wiring: README.md; ratings: board.toml too."""

from drivers.atm90e32 import Atm90e32
from drivers.atm90e32_quality import Atm90e32Quality
from drivers.esp32_ports import spi_ports
from drivers.quality_ports import watch

CHIP = {
    "imp_per_kwh": 3200,
    "line_hz": 50,
    "wiring": "3p4w",
    "ct_ratio": (1, 1),
    "vt_ratio": (1, 1),
    "pmax_w": 45000,  # 3 x 65 A at 230 V; a current register ends at 65.535 A
    "start_mw": 4600,  # 20 mA at 230 V
    "pga": 0,
    "sag_mv": 115000,  # half of 230 V: the supply is failing, not only low
}
QUALITY = {
    "wiring": "3p4w",
    "un_mv": 230000,
    "imax_ma": 60000,
    "reverse_mw": 20000,
    "temp_c": (-25, 70),  # of the metering IC
}


def build():
    """-> Ports"""
    ports = spi_ports(
        "esp32_atm90e32",
        flash_size=0x400000,
        ic=Atm90e32,
        chip=CHIP,
        mode=3,
        spi=(2, 18, 23, 19),
        cs=5,
        high=(22, 21),  # PM1, PM0: normal mode; in the others no register can be reached
        load_switch=25,
        alarm=26,
        power_fail=27,
    )
    ic = Atm90e32Quality(ports.chip.link)
    watch(ports, QUALITY, ic, cover=13, magnet=14, sag=4)
    return ports
