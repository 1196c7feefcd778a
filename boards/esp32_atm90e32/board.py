"""ESP32 module and ATM90E32AS, three phases. Wiring: README.md; ratings: board.toml too."""

from drivers.esp32_ports import atm90e32_ports

CHIP = {
    "imp_per_kwh": 3200,
    "line_hz": 50,
    "wiring": "3p4w",
    "ct_ratio": (1, 1),
    "vt_ratio": (1, 1),
    "pmax_w": 45000,  # 3 x 65 A at 230 V; a current register ends at 65.535 A
    "start_mw": 4600,  # 20 mA at 230 V
    "pga": 0,
}


def build():
    """-> Ports"""
    return atm90e32_ports(
        "esp32_atm90e32",
        flash_size=0x400000,
        spi_id=2,
        sck=18,
        mosi=23,
        miso=19,
        cs=5,
        pm1=22,
        pm0=21,
        load_switch=25,
        alarm=26,
        chip=CHIP,
        power_fail=27,
    )
