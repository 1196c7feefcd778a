"""A meter on a test bench: RAM ports around the real core, and time as an argument."""

import json

from boards.virtual.nor import Nor
from meter import tariff_check
from meter.civil import EPOCH, days
from meter.journal import Journal
from meter.meter import Meter
from meter.service import Service

# A small flash with every ring: the real sizes only make a mount slower.
LAYOUT = ((8, 256, 4), (8, 256, 4), (0, 64, 0), (8, 512, 4), (12, 256, 4)) + ((4, 64, 0),) * 5
SECTORS = 80
NUM, DEN = 50, 3  # mWh per count at 600 imp/kWh


def unix(year, month, day, hour=0, minute=0, second=0):
    """UTC -> Unix seconds."""
    return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second + EPOCH


class Chip:
    """A metering IC that counts what the test says."""

    window_counts = 65535
    energy_ratio = (NUM, DEN)
    pmax_w = 15000

    def __init__(self):
        self.counts = [0, 0, 0, 0, 0, 0, None]
        self.flags = 0

    def add(self, imported=0, exported=0):
        self.counts[0] += imported
        self.counts[1] += exported
        self.counts[2] += imported // 2

    def start(self, calibration):
        pass

    def ok(self):
        return True

    def read(self, sample):
        sample.counts = tuple(self.counts)
        sample.v_mv[0] = 230_000
        sample.flags, self.flags = self.flags, 0


class Clock:
    def __init__(self):
        self.utc, self.good, self.doubted = 0, 2, False

    def now(self):
        return self.utc

    def quality(self):
        return self.good

    def set(self, utc):
        self.utc, self.good, self.doubted = utc, 2, False

    def hint(self, utc):
        self.utc, self.doubted = utc, True

    def discipline(self, utc):
        self.set(utc)


class Retained:
    def __init__(self):
        self._kept = b""

    def load(self):
        return self._kept

    def store(self, buf):
        self._kept = bytes(buf)


class Files:
    """Tariff files by digest; a name is the beginning of one."""

    def __init__(self):
        self.held = {}

    def load(self, name):
        for digest, text in self.held.items():
            if digest.startswith(name):
                return text
        return None


class Outputs:
    """The levels of the pins, and every change of the load switch."""

    def __init__(self):
        self.load, self.alarmed, self.switched = True, False, []

    def load_switch(self, on):
        if on != self.load:
            self.switched.append(on)
        self.load = on

    def alarm(self, on):
        self.alarmed = on


class Ports:
    has_power_fail = False
    quality = None
    local_pins = (16, 17, 32)

    def __init__(self, flash):
        self.chip, self.clock, self.retained = Chip(), Clock(), Retained()
        self.files, self.flash, self.outputs = Files(), flash, Outputs()


class Rig:
    """flash lives on; `restart` and `cut` make a new core on it. key: of the evidence chains."""

    def __init__(self, now, sectors=SECTORS, key=bytes(32)):
        self.ports, self.key = Ports(Nor(sectors)), key
        self.ports.clock.utc = now
        self._boot()
        self.ask("format", salt=77)

    def _boot(self):
        self.meter = Meter(self.ports, Journal(self.ports.flash, LAYOUT), self.key)
        identity = {"serial": "test", "board": "rig", "firmware": "0", "software": ""}
        self.service = Service(self.meter, identity)
        self.meter.start()

    def restart(self):
        """A soft reset: RAM is gone but for the retained one; what the driver had read is
        cleared in the chip, so its counts begin at zero."""
        self.ports.chip = Chip()
        self._boot()

    def cut(self, off_s=0):
        """Power is gone for off_s: chip and retained RAM forget, the pins are at rest."""
        self.ports.chip, self.ports.retained = Chip(), Retained()
        self.ports.outputs = Outputs()
        self.ports.clock.utc += off_s
        self._boot()

    def run(self, seconds, step_s=60, imported=0, exported=0):
        """Tick through `seconds`; each step adds the counts given."""
        for _ in range(seconds // step_s):
            self.ports.clock.utc += step_s
            self.ports.chip.add(imported, exported)
            self.meter.tick(self.ports.clock.utc)

    def ask(self, do, role="maker", **args):
        """-> the answer. Raises AssertionError with the text of a refusal."""
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        reply = json.loads(self.service.handle(role, line))
        assert "ok" in reply, reply
        return reply["ok"]

    def push(self, text, when="now"):
        """Copy a compiled tariff to the meter and schedule it."""
        digest = tariff_check.digest(text)
        self.ports.files.held[digest] = text
        return self.ask("tariff", digest=digest, when=when)

    @property
    def live(self):
        return self.meter.live
