"""From a board's constants to its ports, on the `machine` and `esp32` of MicroPython.

A board.py holds constants and calls `atm90e32_ports`; so the virtual board, whose `machine`
is a simulation, runs the composition of the real one.
"""

import time

import esp32
import machine

from drivers.atm90e32 import Atm90e32
from drivers.files import TariffFiles
from drivers.flash_partition import open_partition
from drivers.outputs import Outputs
from drivers.rtc import Clock, Retained
from meter.compat import const

_WATCHDOG_MS = const(15000)


class Ports:
    """Everything that the composition hands to the meter.

    chip flash clock retained outputs files   the ports
    watchdog    `feed()`; it starts with the first call and can never be stopped
    calibration {datasheet name: value} for `chip.start`
    name        of the board
    serial      the module's unique id in hex
    flash_size  bytes of the whole flash chip
    has_power_fail   whether the board has a pin that warns of it
    """

    def __init__(self, name, chip, calibration, outputs, flash_size, power_fail):
        rtc = machine.RTC()
        self.name, self.flash_size = name, flash_size
        self.chip, self.calibration, self.outputs = chip, calibration, outputs
        self.flash = open_partition(esp32.Partition, "meter")
        self.clock = Clock(rtc)
        self.retained = Retained(rtc)
        self.files = TariffFiles()
        self.watchdog = Watchdog()
        self._power_fail = power_fail
        self.has_power_fail = power_fail is not None
        self.serial = "".join(["%02x" % byte for byte in machine.unique_id()])

    def on_power_fail(self, callback):
        """Call `callback()` from the scheduler when the supply begins to fail, if the board has
        a pin that tells."""
        if self.has_power_fail:
            pin = machine.Pin(self._power_fail, machine.Pin.IN, machine.Pin.PULL_UP)
            pin.irq(handler=lambda _: callback(), trigger=machine.Pin.IRQ_FALLING)

    def timer(self, period_ms, callback):
        """Call `callback(timer)` each period, from the scheduler. -> object with `deinit()`"""
        timer = machine.Timer(0)
        timer.init(period=period_ms, mode=machine.Timer.PERIODIC, callback=callback)
        return timer


class Watchdog:
    """Resets the module when nobody feeds it for 15 s; it sleeps until it is first fed, so
    that a build which cannot meter can still be replaced."""

    def __init__(self):
        self._wdt = None

    def feed(self):
        if self._wdt is None:
            self._wdt = machine.WDT(timeout=_WATCHDOG_MS)
        self._wdt.feed()


def output_pin(number, level):
    """-> callable pin; it drives `level` from the first moment."""
    return machine.Pin(number, machine.Pin.OUT, value=level)


def kept_pin(number, level):
    """-> callable pin that a soft reset leaves as it is: a shed load stays shed."""
    if machine.reset_cause() == machine.SOFT_RESET:
        return machine.Pin(number, machine.Pin.OUT)
    return output_pin(number, level)


def atm90e32_ports(
    name,
    flash_size,
    spi_id,
    sck,
    mosi,
    miso,
    cs,
    pm1,
    pm0,
    load_switch,
    alarm,
    chip,
    calibration=None,
    power_fail=None,
    baudrate=500000,
):
    """-> Ports of a board with an ATM90E32AS.

    sck mosi miso cs pm1 pm0 load_switch alarm   GPIO numbers
    chip          dict of keyword arguments of `Atm90e32`
    calibration   see `Ports`
    power_fail    GPIO that goes low when the supply begins to fail, or None
    """
    output_pin(pm1, 1)  # both high: normal mode; registers cannot be reached in the others
    output_pin(pm0, 1)
    select = output_pin(cs, 1)
    spi = machine.SPI(
        spi_id,
        baudrate=baudrate,
        polarity=1,
        phase=1,
        bits=8,
        firstbit=machine.SPI.MSB,
        sck=machine.Pin(sck),
        mosi=machine.Pin(mosi),
        miso=machine.Pin(miso),
    )
    driver = Atm90e32(spi, select, time.sleep_ms, ticks_ms=time.ticks_ms, **chip)
    outputs = Outputs(kept_pin(load_switch, 1), kept_pin(alarm, 0))
    return Ports(name, driver, calibration or {}, outputs, flash_size, power_fail)
