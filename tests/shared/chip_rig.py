"""A metering IC's driver on its model: wires that can be broken off, time, and counts compared."""

from boards.virtual.load import Constant, point_of
from boards.virtual.spi import SelectWire, SpiWire
from meter.sample import Sample


class Strike(KeyboardInterrupt):
    """Ctrl-C in a transfer."""


class Wire(SpiWire):
    """Stops at transfer `at`, when `bytes_through` of it have passed."""

    at = None
    bytes_through = 0

    def _strikes(self):
        if self.at is None:
            return False
        self.at -= 1
        if self.at >= 0:
            return False
        self.at = None
        return True

    def write_readinto(self, out, into):
        if self._strikes():
            self._model.transfer(bytes(out[: self.bytes_through]))
            raise Strike
        SpiWire.write_readinto(self, out, into)

    def write(self, out):
        if self._strikes():
            self._model.transfer(bytes(out[: self.bytes_through]))
            raise Strike
        SpiWire.write(self, out)

    def readinto(self, into, write=0x00):
        if self._strikes():
            self._model.transfer(bytes([write] * min(self.bytes_through, len(into))))
            raise Strike
        SpiWire.readinto(self, into, write)


class Rig:
    """A model, its wires and a driver that has been started and read once.

    ms        the time
    load      a Constant
    throughs  after how many bytes a transfer may be broken off
    """

    def __init__(self, ic, option=None, point=None):
        self.ic, self.ms = ic, 1000
        size = ic.frame_bits // 8
        self.throughs = tuple(range(size + 1)) if ic.parts(option or {}) else (0, size)
        self.load = Constant(point or point_of(2300000, 500000, 230000, phases=ic.phases))
        self.model = ic.model(self.load, lambda: self.ms, option or {})
        self.wire = Wire(self.model)
        self.sample = Sample()
        self._base = (0,) * len(self.true())
        self.restart()
        self._base = self.true()  # what an IC meters before it is configured has no unit
        self.read(1)

    def sleep_ms(self, ms):
        self.ms += ms

    def restart(self):
        """The processor starts anew; the IC has not noticed."""
        self._base = self.seen()
        self.sample = Sample()
        select = SelectWire(self.model)
        self.driver = self.ic.driver(self.wire, select, self.sleep_ms, lambda: self.ms)
        self.driver.start({})

    def use(self, point):
        """The load from now on."""
        self.model.true_counts()
        self.load.point = point

    def read(self, after_s):
        """-> flags"""
        self.ms += after_s * 1000
        self.driver.read(self.sample)
        return self.sample.flags

    def seen(self):
        """-> counts that were read since the model was made."""
        return tuple(a + b for a, b in zip(self._base, self.ic.seen(self.sample.counts)))

    def true(self):
        return self.ic.true(self.model)

    def missing(self):
        """-> what flowed and was not counted, by channel."""
        return tuple(a - b for a, b in zip(self.true(), self.seen()))

    def doubt(self, ms):
        """-> counts that pmax_w brings in that time, whole seconds, and a quarter more."""
        num, den = self.driver.energy_ratio
        return self.driver.pmax_w * (ms // 1000 + 1) * 5000 * den // (4 * 3600 * num) + 2
