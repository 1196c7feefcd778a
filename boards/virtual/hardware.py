"""Everything on the board that is not the CPU: it lives on through a reset of the CPU."""

import os
import threading
import time
from collections import deque

from boards.virtual import pins, wire
from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.clock import UNIX_2000_MS, Clock
from boards.virtual.nor import Nor
from boards.virtual.nvs import Nvs
from boards.virtual.world import World

PWRON_RESET, HARD_RESET, WDT_RESET, SOFT_RESET = 1, 2, 3, 5  # machine.reset_cause()
_OUTPUTS_KEPT = 1000
_OUT = 2  # bit of machine.Pin modes that drive
_LINK_HZ_MAX = 900_000  # ATM90E32AS datasheet 4.2; faster and nothing comes back


class Hardware:
    """state  folder that survives a power cut: flash.bin, nvs.json, clock, load.json, unique_id

    lock    held around every access: bus, control socket and watchdog run in threads of their own
    models  name -> object, for `inject`
    """

    def __init__(self, state):
        self.lock = threading.Lock()
        path = os.path.join
        self.clock = Clock(path(state, "clock"))
        self.world = World(path(state, "load.json"))
        self.ic = Atm90e32Model(self.world, self.clock.world_ms)
        self.nor = Nor(pins.METER_SIZE // pins.SECTOR_SIZE, path(state, "flash.bin"))
        self.nvs = Nvs(path(state, "nvs.json"))
        self.unique_id = _unique_id(path(state, "unique_id"))
        self.rtc_memory = b""
        self.reset_cause = PWRON_RESET
        self.outputs = deque(maxlen=_OUTPUTS_KEPT)  # (world ms, pin, level) of each change
        self.spi_transfers = 0
        self.allow = []
        self.models = {
            "ic": self.ic,
            "nor": self.nor,
            "nvs": self.nvs,
            "clock": self.clock,
            "hardware": self,
        }
        self._power_on_cpu()

    def _power_on_cpu(self):
        self._levels, self._modes = {}, {}
        self._spi, self._spi_good = {}, False
        self.wdt_timeout_s = None
        self._fed_at = 0.0
        self.ic.select(1)
        self.ic.pm = 3  # both pins pulled up

    def reset_cpu(self, cause):
        """cause: *_RESET. A soft reset leaves pins and watchdog as they are."""
        with self.lock:
            self.reset_cause = cause
            self.nvs.forget()
            if cause != SOFT_RESET:
                self._power_on_cpu()

    # pins

    def pin(self, number, level):
        if self._levels.get(number) == level:
            return
        self._levels[number] = level
        if number == pins.IC_CS:
            self.ic.select(level)
        else:
            self._pin_changed(number)

    def pin_mode(self, number, mode):
        self._modes[number] = mode
        self._pin_changed(number)

    def pin_level(self, number):
        if number in (pins.IC_CS, pins.IC_PM0, pins.IC_PM1):
            return self._levels.get(number, 1)
        return self._levels.get(number, 0)

    def _pin_changed(self, number):
        if number in (pins.IC_PM0, pins.IC_PM1):
            self.ic.pm = self.pin_level(pins.IC_PM1) << 1 | self.pin_level(pins.IC_PM0)
        elif number != pins.IC_CS and self._modes.get(number, 0) & _OUT:
            self.outputs.append((self.clock.world_ms(), number, self.pin_level(number)))

    def output_levels(self):
        """-> {pin: level} of all driven pins but those of the IC."""
        chip = (pins.IC_CS, pins.IC_PM0, pins.IC_PM1)
        driven = (n for n, mode in self._modes.items() if mode & _OUT and n not in chip)
        return {number: self.pin_level(number) for number in sorted(driven)}

    # SPI

    def spi_setup(self, bus, mode, bits, lsb, hz):
        """SPI mode (polarity << 1 | phase), as a wrong one must not work here either."""
        hz = hz if hz > 0 else self._spi.get(bus, {}).get("hz", 500_000)
        self._spi[bus] = {"mode": mode, "bits": bits, "lsb": lsb, "hz": hz}
        self._spi_good = mode == 3 and bits == 8 and not lsb and hz <= _LINK_HZ_MAX

    def spi(self, bus, mosi):
        """-> bytes of MISO; FF where no chip answers."""
        self.spi_transfers += 1
        if bus != pins.IC_SPI or not self._spi_good:
            return b"\xff" * len(mosi)
        return self.ic.transfer(mosi)

    # flash: addresses are those of the chip, the model holds the `meter` partition

    def _flash_fault(self, at, size):
        if not pins.METER_AT <= at <= at + size <= pins.METER_AT + pins.METER_SIZE:
            return wire.ESP_ERR_INVALID_STATE  # only that partition is simulated
        return 0

    def flash_read(self, at, size):
        """-> (esp_err_t, bytes)"""
        fault = self._flash_fault(at, size)
        buf = bytearray(0 if fault else size)
        return fault or self._flash(self.nor.read, at - pins.METER_AT, buf), buf

    def flash_program(self, at, data):
        return self._flash_fault(at, len(data)) or self._flash(
            self.nor.program, at - pins.METER_AT, data
        )

    def flash_erase(self, at, size):
        fault = self._flash_fault(at, size)
        first = (at - pins.METER_AT) // pins.SECTOR_SIZE
        for sector in range(first, first + size // pins.SECTOR_SIZE):
            fault = fault or self._flash(self.nor.erase, sector)
        return fault

    def _flash(self, call, *args):
        from meter.errors import MeterError

        try:
            call(*args)
        except MeterError:
            return wire.ESP_FAIL
        return 0

    # rare operations, JSON both ways

    def call(self, request):
        do = getattr(self, "_do_" + request.pop("do"))
        return do(**request)

    def _do_hello(self):
        return {
            "clock": self.clock.for_vm(),
            "unique_id": self.unique_id.hex(),
            "reset_cause": self.reset_cause,
            "allow": self.allow,
        }

    def _do_partitions(self):
        return {"table": pins.PARTITIONS}

    def _do_spi_setup(self, id, mode, bits, lsb, hz):
        self.spi_setup(id, mode, bits, lsb, hz)
        return {}

    def _do_nvs(self, act, space, key, kind, value):
        return self.nvs.act(act, space, key, kind, value)

    def _do_rtc_set(self, seconds, ms):
        self.clock.set_rtc(UNIX_2000_MS + seconds * 1000 + ms)
        return {"clock": self.clock.for_vm()}

    def _do_wdt(self, timeout_ms):
        self.wdt_timeout_s = timeout_ms / 1000
        self.wdt_feed()
        return {}

    # watchdog and steps

    def wdt_feed(self):
        self._fed_at = time.monotonic()

    def starved(self):
        """-> whether the watchdog bites; a held clock holds it too."""
        with self.lock:
            if self.wdt_timeout_s is None:
                return False
            if self.clock.held:
                self.wdt_feed()
            return time.monotonic() - self._fed_at > self.wdt_timeout_s

    def set_world(self, unix_ms):
        """Jump in time: nothing flows through the meter in the time that is skipped."""
        self.world.skip(self.clock.world_ms(), unix_ms)
        self.clock.set_world(unix_ms)


def _unique_id(path):
    """-> 6 random bytes, made with the state folder."""
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.write(os.urandom(6))
    with open(path, "rb") as file:
        return file.read()
