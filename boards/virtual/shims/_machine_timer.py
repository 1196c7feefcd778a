"""machine.Timer(0..3) with soft callbacks.  Behaviour: ports/esp32/machine_timer.c, v1.25."""

import sys

import _board

_COUNT = 4
_timers = {}
_entered = 0


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __new__(cls, id, **kwargs):
        if id not in range(_COUNT):
            raise ValueError("invalid Timer number")
        if id not in _timers:
            _timers[id] = object.__new__(cls)
        return _timers[id]

    def __init__(self, id, **kwargs):
        self._id = id
        if kwargs:
            self.init(**kwargs)

    def init(
        self,
        *,
        mode=PERIODIC,
        callback=None,
        period=0xFFFFFFFF,
        tick_hz=1000,
        freq=None,
        hard=False,
    ):
        _board.timer_stop(self._id)
        if hard:
            raise ValueError("hard Timers are not implemented")
        period_ms = period * 1000 // tick_hz if freq is None else 1000 / freq
        self._callback = callback
        _board.timer_start(self._id, min(period_ms, 0x7FFFFFFF), mode)

    def deinit(self):
        _board.timer_stop(self._id)

    def __repr__(self):
        return "Timer(" + str(self._id) + ")"


def in_callback():
    return _entered > 0


def _fire(id):
    # a callback's exception is printed and the timer goes on, as on the chip; a Ctrl-C that
    # struck inside it still stops the program, or the host would wait for ever
    global _entered
    _board.callback(1)
    _entered += 1
    again = 0
    try:
        timer = _timers[id]
        if timer._callback is not None:
            timer._callback(timer)
    except KeyboardInterrupt as e:
        sys.print_exception(e)
        again = 1
    except BaseException as e:
        sys.print_exception(e)
    _entered -= 1
    _board.callback(0, again)


_board.on_timer(_fire)
