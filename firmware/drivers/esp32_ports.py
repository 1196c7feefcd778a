"""From a board's constants to its ports, on the `machine` and `esp32` of MicroPython.

A board.py holds constants, names the driver of its metering IC and calls `spi_ports`; so the
virtual board, whose `machine` is a simulation, runs the composition of the real one.
"""

import sys
import time

import esp32
import machine

from drivers.files import TariffFiles
from drivers.flash_partition import open_partition
from drivers.outputs import Outputs
from drivers.rtc import Clock, Retained
from meter.compat import const, forget
from meter.errors import MeterError

_WATCHDOG_MS = const(15000)


class Ports:
    """Everything that the composition hands to the meter.

    chip flash clock retained outputs files   the ports
    panels      what shows the meter: each has `tick(meter)`, called after each tick of the meter;
                short work, and whatever its bus does it raises nothing
    quality sag meter.quality.Quality and GPIO of the IC's sag interrupt, of drivers.quality_ports;
                None: the board has not asked for it
    watchdog    `feed()`; it starts with the first call and can never be stopped
    calibration {datasheet name: value} for `chip.start`: of the record that is kept, if any
    calibration_fault   what is wrong with that record, None: nothing
    name        of the board
    serial      the module's unique id in hex
    flash_size  bytes of the whole flash chip
    local_pins  GPIOs that P1 and optical port may have; 34 and 35 are inputs only
    has_power_fail   whether the board has a pin that warns of it
    restart_in  ticks after which the module is reset, 0: never
    """

    def __init__(self, name, chip, calibration, outputs, flash_size, power_fail):
        rtc = machine.RTC()
        self.panels = []
        self.quality = self.sag = None
        self.local_pins = (16, 17, 32, 34, 35)  # no board of ours has anything there
        self.name, self.flash_size = name, flash_size
        self.chip, self.calibration, self.outputs = chip, calibration, outputs
        self._load_calibration()
        self.flash = open_partition(esp32.Partition, "meter")
        self.clock = Clock(rtc)
        self.retained = Retained(rtc)
        self.files = TariffFiles()
        self.watchdog = Watchdog()
        self.restart_in = 0
        self._power_fail = power_fail
        self.has_power_fail = power_fail is not None
        self.serial = "".join(["%02x" % byte for byte in machine.unique_id()])

    def on_power_fail(self, callback):
        """Call `callback()` from the scheduler when the supply begins to fail, if the board has
        a pin that tells, or the IC."""
        if self.has_power_fail:
            pin = machine.Pin(self._power_fail, machine.Pin.IN, machine.Pin.PULL_UP)
            pin.irq(handler=lambda _: callback(), trigger=machine.Pin.IRQ_FALLING)
        if self.sag is not None:
            pin = machine.Pin(self.sag, machine.Pin.IN)
            # Both, as the level of an assertion is not sure; the other edge is a save too many.
            edges = machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING
            pin.irq(handler=lambda _: callback(), trigger=edges)

    def calibration_store(self):
        """-> CalibrationStore, loaded on demand."""
        from drivers import calibration_store

        forget("drivers.calibration_store")
        return calibration_store.CalibrationStore(esp32.NVS)

    def security(self):
        """-> (vault port, crypto port)"""
        from drivers.crypto_port import Crypto
        from drivers.vault import Vault

        return Vault(esp32.NVS), Crypto()

    def slots(self):
        """-> the slots port, loaded on demand."""
        from drivers import slots

        forget("drivers.slots")
        return slots.Slots(sys.path[0][-1:])

    def reset(self):
        """Start the module again. What was not committed lies in the retained memory."""
        machine.reset()

    def _load_calibration(self):
        from meter import calibration

        forget("meter.calibration")
        store, ic = self.calibration_store(), type(self.chip).__name__.upper()
        data, record, self.calibration_fault = calibration.choose(store.copies(), ic)
        if record:
            self.calibration = record["registers"]
        if record and self.calibration_fault:
            try:
                store.store(data)  # the copy that was lost; the alert stays until the next start
            except MeterError as error:
                self.calibration_fault = str(error)

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


def spi_ports(
    name,
    flash_size,
    ic,
    chip,
    mode,
    spi,
    cs,
    load_switch,
    alarm,
    high=(),
    calibration=None,
    power_fail=None,
    baudrate=500000,
    sg_ready=None,
):
    """-> Ports of a board whose metering IC is on SPI.

    ic            class of the driver; chip: dict of keyword arguments of it
    mode          of SPI: CPOL << 1 | CPHA
    spi           (bus, sck, mosi, miso): its number, and GPIO numbers as all that follow
    load_switch   a GPIO, high = connected; or what drives the switch, see drivers.load_switch
    high          GPIOs that select the mode of the IC by being high
    calibration   see `Ports`
    power_fail    GPIO that goes low when the supply begins to fail, or None
    sg_ready      (GPIO, GPIO, block, suggest, force): see drivers.sg_ready; or None
    """
    for number in high:
        output_pin(number, 1)
    select = output_pin(cs, 1)
    bus, sck, mosi, miso = spi
    wires = machine.SPI(
        bus,
        baudrate=baudrate,
        polarity=mode >> 1,
        phase=mode & 1,
        bits=8,
        firstbit=machine.SPI.MSB,
        sck=machine.Pin(sck),
        mosi=machine.Pin(mosi),
        miso=machine.Pin(miso),
    )
    driver = ic(wires, select, time.sleep_ms, ticks_ms=time.ticks_ms, **chip)
    if not callable(load_switch):
        load_switch = kept_pin(load_switch, 1)
    outputs = Outputs(load_switch, kept_pin(alarm, 0))
    ports = Ports(name, driver, calibration or {}, outputs, flash_size, power_fail)
    if sg_ready:
        from drivers.sg_ready import attach

        attach(ports, kept_pin, *sg_ready)
    return ports
