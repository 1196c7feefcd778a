"""`machine` of the ESP32 port, as far as a meter needs it, over the simulated hardware."""

# ruff: noqa: F401 - what is imported here is offered

import _board
import _esp
from _machine_pin import Pin
from _machine_rtc import RTC, WDT
from _machine_spi import SPI
from _machine_timer import Timer
from _machine_timer import in_callback as _in_callback

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_FREQS = (20000000, 40000000, 80000000, 160000000, 240000000)
_hello = _esp.call(do="hello")
_freq_hz = 160000000


def unique_id():
    return bytes(int(_hello["unique_id"][i : i + 2], 16) for i in range(0, 12, 2))


def reset_cause():
    return _hello["reset_cause"]


def reset():
    _board.hard_reset()


def soft_reset():
    if _in_callback():
        _board.soft_reset()
    raise SystemExit


def freq(hz=None):
    global _freq_hz
    if hz is None:
        return _freq_hz
    if hz not in _FREQS:
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _freq_hz = hz


def idle():
    _board.sleep_us(1000)
