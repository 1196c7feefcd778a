"""machine.Pin: output, input, open drain.  Behaviour: ports/esp32/machine_pin.c."""

import _board

_set = _board.pin_set
_mode = _board.pin_mode
_get = _board.pin_get

_INPUT_ONLY = 34
_PINS = frozenset(range(24)) | frozenset((25, 26, 27)) | frozenset(range(32, 40))
_objects = {}


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    def __new__(cls, id, *args, **kwargs):
        # one object per pin, as on the chip
        if isinstance(id, Pin):
            return id
        pin = _objects.get(id)
        if pin is None:
            if not isinstance(id, int) or id not in _PINS:
                raise ValueError("invalid pin")
            pin = _objects[id] = object.__new__(cls)
            pin._id = id
        return pin

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if not (mode == -1 and pull == -1 and value is None):
            self.init(mode, pull, value=value, drive=drive, hold=hold)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if mode not in (-1, None) and mode & 2 and self._id >= _INPUT_ONLY:
            raise ValueError("pin can only be input")
        # the level comes first, so an output never starts with the other one
        if value is not None:
            _set(self._id, 1 if value else 0)
        elif mode == Pin.IN and pull == Pin.PULL_UP:
            _set(self._id, 1)  # nothing is wired to it here
        if mode not in (-1, None):
            _mode(self._id, mode)

    def __call__(self, value=None):
        if value is None:
            return _get(self._id)
        _set(self._id, 1 if value else 0)

    value = __call__

    def on(self):
        _set(self._id, 1)

    def off(self):
        _set(self._id, 0)

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, *, wake=None):
        """Taken and kept; no input of this board ever changes, so it is never called."""
        self._handler = handler

    def __repr__(self):
        return "Pin(" + str(self._id) + ")"
