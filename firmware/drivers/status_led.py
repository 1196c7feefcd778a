"""A status LED: one short light in four seconds is well, every other second is trouble.

A light that does not change at all is a meter that stands still. It is not the test output: that
is the IC's own CF pin, which no software touches.
"""

from meter.compat import const

_PERIOD = const(4)  # ticks


class StatusLed:
    """A panel (see drivers.esp32_ports.Ports). pin: callable, `lit` the level that lights it."""

    def __init__(self, pin, lit=1):
        self._pin, self._lit = pin, lit
        self._ticks = 0

    def tick(self, meter):
        """Trouble: chip, flash or journal failed, the clock is not set, or the bill is blocked."""
        trouble = meter.failure or meter.broken or meter.state != "ready"
        if not trouble and not meter.ports.clock.quality():
            trouble = True
        self._ticks = (self._ticks + 1) % _PERIOD
        on = self._ticks & 1 if trouble else not self._ticks
        self._pin(self._lit if on else 1 - self._lit)
