"""The ports of a simulated meter and the power that goes to them: everything but the core.

The core is the shipped one, and so is its driver, over the IC's registers. Time is an
attribute that the run moves on.
"""

import json

from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.load import Constant, point_of
from boards.virtual.nor import SECTOR_SIZE, Nor
from boards.virtual.spi import SelectWire, SpiWire
from drivers.atm90e32 import Atm90e32
from meter.errors import MeterError
from meter.journal import Journal
from meter.meter import Meter
from meter.service import Service

IMP_PER_KWH = 600
PMAX_W = 15000
SECTORS = 320  # as on 4 MB of flash
V_MV = 230_000
_TICKS_MASK = 0x3FFFFFFF
_BAD_PROGRAM, _BAD_ERASE, _STUCK = range(3)


class CpuReset(Exception):
    """The CPU was reset in the midst of something; RAM that is retained keeps its contents."""


class WeakNor(Nor):
    """A Nor whose single sectors fail, and that can reset the CPU around a program.

    bad         sector -> 0: programs fail, 1: erases fail, 2: programs leave bits as they were
    reset_in    programs until a CpuReset, or None; reset_after: it comes behind the program
    """

    def __init__(self, sectors):
        super().__init__(sectors)
        self.bad = {}
        self.reset_in, self.reset_after = None, False

    def program(self, at, buf):
        now = self._is_reset_due()
        if now and not self.reset_after:
            raise CpuReset
        how = self.bad.get(at // SECTOR_SIZE)
        if how == _BAD_PROGRAM:
            raise MeterError("flash: program: the sector fails: replace it")
        super().program(at, bytes(b | 0x10 for b in buf) if how == _STUCK else buf)
        if now:
            raise CpuReset

    def erase(self, sector):
        if self.bad.get(sector) == _BAD_ERASE:
            raise MeterError("flash: erase: the sector fails: replace it")
        super().erase(sector)

    def _is_reset_due(self):
        if self.reset_in is None:
            return False
        self.reset_in -= 1
        if self.reset_in >= 0:
            return False
        self.reset_in = None
        return True


class Clock:
    """The clock port: the time of the world, and how wrong it is. ppm: drift.

    dead   its battery is empty: whatever it shows, it is not valid until somebody sets it
    """

    def __init__(self, world):
        self._world = world
        self.wrong_ms, self._since_ms, self.ppm, self.good = 0, world.ms, 0, 2
        self.dead = False

    def now(self):
        return (self._world.ms + self.error_ms()) // 1000

    def error_ms(self):
        return self.wrong_ms + (self._world.ms - self._since_ms) * self.ppm // 1_000_000

    def quality(self):
        return 0 if self.dead else self.good

    def set(self, utc):
        self.wrong_ms, self._since_ms = utc * 1000 - self._world.ms, self._world.ms
        self.good, self.dead = 2, False

    def disturb(self, step_ms=0, ppm=None):
        self.wrong_ms, self._since_ms = self.error_ms() + step_ms, self._world.ms
        if ppm is not None:
            self.ppm = ppm


class Retained:
    def __init__(self):
        self._kept = b""

    def load(self):
        return self._kept

    def store(self, buf):
        self._kept = bytes(buf)


class Files:
    """held: {digest: bytes}; hidden: digests that cannot be read now; schedules: those of held
    that are price schedules."""

    def __init__(self):
        self.held, self.hidden, self.schedules = {}, set(), {}

    def load(self, name):
        for digest, text in self.held.items():
            if digest.startswith(name) and digest not in self.hidden:
                return text
        return None


class Outputs:
    """on: load switch closed, alarm on"""

    def __init__(self):
        self.on = [True, False]

    def load_switch(self, on):
        self.on[0] = on

    def alarm(self, on):
        self.on[1] = on


class World:
    """ms       Unix time of the world
    meter service chip   of the running core; None without power
    booted     callable, called with each new core before anything runs on it
    started    callable, called when its `meter.start` is through
    """

    has_power_fail = True
    quality = None

    def __init__(self, ms, booted, started):
        self.ms = ms
        self.load = Constant(point_of(0, 0, V_MV))
        self.ic = Atm90e32Model(self.load, lambda: self.ms)
        self.flash, self.clock = WeakNor(SECTORS), Clock(self)
        self.retained, self.files, self.outputs = Retained(), Files(), Outputs()
        self._booted, self._started = booted, started
        self.meter = None

    def boot(self):
        """A new core on what is there; it waits for `start`."""
        self.chip = Atm90e32(
            SpiWire(self.ic),
            SelectWire(self.ic),
            lambda ms: None,
            IMP_PER_KWH,
            wiring="1p",
            pmax_w=PMAX_W,
            ticks_ms=lambda: self.ms & _TICKS_MASK,
        )
        self.meter = Meter(self, Journal(self.flash))
        identity = {"serial": "sim", "board": "sim", "firmware": "0", "software": ""}
        self.service = Service(self.meter, identity)
        self._to_start = [self._start_meter, lambda: self.chip.start({})]
        self._booted()

    def power_off(self):
        self.meter = None
        self.ic.true_counts()  # what flowed until now is counted
        self.ic.power_on()  # it meters nothing until a driver starts it
        self.retained, self.outputs = Retained(), Outputs()

    def power_on(self):
        self.ic.power_on()
        self.ic.before_frame = self.ic.stuck_select = None
        self.ic.flip_miso = self.ic.flip_mosi = self.ic.drop_clocks = 0
        self.ic.select(1)
        self.flash.power_on()
        self.flash.fail.clear()
        self.flash.reset_in = None
        self.boot()

    def start(self):
        """What app.tick does first. -> whether the core is there to tick."""
        try:
            while self._to_start:
                self._to_start[0]()
                del self._to_start[0]
        except MeterError as error:
            self.meter.fault(error)
        return not self._to_start

    def tick(self):
        """What app.tick does then. -> whether it went through."""
        try:
            self.meter.tick(self.clock.now())
        except MeterError as error:
            self.meter.fault(error)
            return False
        return True

    def use(self, p_mw, q_mvar):
        """The load from now on."""
        self.ic.true_counts()
        self.load.point = point_of(p_mw, q_mvar, V_MV)

    @property
    def is_started(self):
        return self.meter is not None and not self._to_start and self.meter.state == "ready"

    def handle(self, role, line):
        """-> the answer as a dict."""
        return json.loads(self.service.handle(role, line))

    def ask(self, do, **args):
        """-> what the maker is answered: a dict with ok or error."""
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        return self.handle("maker", line)

    def _start_meter(self):
        self.meter.start()
        self._started()
