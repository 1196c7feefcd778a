"""The board without hardware: the real one's composition over simulated buses."""

from drivers.esp32_ports import atm90e32_ports

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


def build():
    """-> Ports"""
    return atm90e32_ports(
        "virtual",
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
    )
