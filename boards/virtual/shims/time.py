"""`time` of the ESP32 port: epoch 2000-01-01, whole seconds, on the board's own clock."""

# ruff: noqa: F401 - what is imported here is offered

import _board
import utime as _utime
from utime import ticks_add, ticks_cpu, ticks_diff

_EPOCH = 946684800  # 2000-01-01 in Unix seconds, which the VM's own functions use
_sleep_us = _board.sleep_us
_rtc_s = _board.rtc_s
_ticks_us = _board.ticks_us


def time():
    return _rtc_s()


def time_ns():
    seconds = _rtc_s()
    return (seconds * 1000 + _board.rtc_fraction_ms()) * 1000000


def gmtime(secs=None):
    return _utime.gmtime((time() if secs is None else int(secs)) + _EPOCH)[:8]


localtime = gmtime


def mktime(t):
    return _utime.mktime(t) - _EPOCH


def ticks_ms():
    return _utime.ticks_ms() & 0x3FFFFFFF


def ticks_us():
    return _ticks_us()


def sleep_us(us):
    # a Ctrl-C during the nap is raised at the backward jump, inside of sleep as on the chip
    while us > 0:
        us = _sleep_us(us)


def sleep(seconds):
    sleep_us(seconds * 1000000)


def sleep_ms(ms):
    sleep_us(ms * 1000)
