"""The wires between a driver and a model: `machine.SPI` and `machine.Pin` of a test.

A model has `select(level)` for an edge of chip select and `transfer(mosi) -> miso` for clocks.
"""


class SpiWire:
    """What the drivers use of `machine.SPI`, byte for byte."""

    def __init__(self, model):
        self._model = model

    def write_readinto(self, out, into):
        assert len(out) == len(into)
        into[:] = self._model.transfer(bytes(out))

    def write(self, out):
        self._model.transfer(bytes(out))

    def readinto(self, into, write=0x00):
        into[:] = self._model.transfer(bytes([write] * len(into)))


class SelectWire:
    """A chip select pin: call with 0 to select, 1 to release."""

    def __init__(self, model):
        self._model = model

    def __call__(self, level):
        self._model.select(level)
