"""A latching relay as load switch: a pulse on one coil closes it, on the other opens it.

It stands where a plain pin does (drivers.outputs). The contact keeps its place without power, so
where it stands is kept in non-volatile storage and a start, of whatever kind, pulses nothing:
only a place that differs, or that nobody knows, does.
"""

from meter.compat import const

_KEY = "relay"
_OPEN = const(0)
_CLOSED = const(1)
_UNKNOWN = const(2)  # never driven, or a pulse was broken off


class LatchingRelay:
    """close_coil open_coil   callable pins, low at first; high drives the coil
    nvs        `get_i32(key)` or OSError, `set_i32(key, value)`, `commit()`: esp32.NVS
    one_shot   one_shot(ms, callback) calls it once from the scheduler, later
    pulse_ms   what the data sheet of the relay asks for, below 1000

    The end of a pulse is not waited for. A call that comes while one lasts is obeyed at its end.
    It is a panel too (see drivers.esp32_ports.Ports): the scheduler may drop the call of a timer,
    and no coil must stay on.
    """

    def __init__(self, close_coil, open_coil, nvs, one_shot, pulse_ms=100):
        self._coils = open_coil, close_coil
        self._nvs, self._one_shot, self._pulse_ms = nvs, one_shot, pulse_ms
        self._release = self._end  # a bound method allocates: made once
        self._driven = _UNKNOWN  # the place that a pulse goes to now
        self._wanted = _UNKNOWN
        self._ticks = 0  # since the pulse began
        try:
            self._place = nvs.get_i32(_KEY)
        except OSError:
            self._place = _UNKNOWN  # new module

    def __call__(self, level):
        """level: 1 closed, the load is connected; 0 open. Does nothing where it stands there."""
        self._wanted = level
        if self._driven == _UNKNOWN and level != self._place:
            self._begin(level)

    def tick(self, meter):
        """End a pulse whose timer was lost; one that begins just now has a second at least."""
        self._ticks += 1
        if self._ticks > 1:
            self._end()

    def _begin(self, level):
        """Broken off anywhere it leaves the place unknown, so that the next call pulses again."""
        self._keep(_UNKNOWN)
        self._ticks = 0
        self._one_shot(self._pulse_ms, self._release)  # first: no coil stays on without its end
        self._coils[level](1)
        self._driven = level

    def _end(self, _=None):
        self._coils[_OPEN](0)
        self._coils[_CLOSED](0)
        level, self._driven = self._driven, _UNKNOWN
        if level == _UNKNOWN:
            return
        self._keep(level)
        if self._wanted != level:
            self._begin(self._wanted)

    def _keep(self, place):
        """RAM first: a flash that refuses must not make each call a pulse."""
        self._place = place
        try:
            self._nvs.set_i32(_KEY, place)
            self._nvs.commit()
        except OSError:
            return  # the place is unknown to the next start: one pulse more


def latching_relay(close_gpio, open_gpio, pulse_ms=100):
    """-> LatchingRelay on two pins, each through a driver stage; takes machine.Timer(1)."""
    import esp32
    import machine

    coils = [machine.Pin(gpio, machine.Pin.OUT, value=0) for gpio in (close_gpio, open_gpio)]
    timer = machine.Timer(1)

    def one_shot(ms, callback):
        timer.init(period=ms, mode=machine.Timer.ONE_SHOT, callback=callback)

    return LatchingRelay(coils[0], coils[1], esp32.NVS("wl"), one_shot, pulse_ms)
