"""`select` of the ESP32 port, for the console. Behaviour: extmod/modselect.c; the port's
`mp_hal_stdio_poll` calls stdin readable when a character waits, and stdout always writable."""

import sys

import _board

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16

_ENOENT, _EPERM = 2, 1
_IN = (sys.stdin, sys.stdin.buffer)


class poll:
    def __init__(self):
        self._masks = []  # [object, mask], in the order of registration

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        if obj not in _IN and obj not in (sys.stdout, sys.stdout.buffer):
            raise OSError(_EPERM)  # nothing else of the virtual board can be polled
        self.unregister(obj)
        self._masks.append([obj, eventmask])

    def unregister(self, obj):
        self._masks = [entry for entry in self._masks if entry[0] is not obj]

    def modify(self, obj, eventmask):
        for entry in self._masks:
            if entry[0] is obj:
                entry[1] = eventmask
                return
        raise OSError(_ENOENT)

    def poll(self, timeout=-1):
        ready = self._ready(0)
        if not ready and timeout != 0:
            # a Ctrl-C that ends the wait is raised at the backward jump, inside of poll
            waiting = True
            while waiting:
                _board.stdin_wait(timeout)
                waiting = False
            ready = self._ready(0)
        return ready

    def ipoll(self, timeout=-1, flags=0):
        return iter(self.poll(timeout))

    def _ready(self, ms):
        found = []
        for obj, mask in self._masks:
            if obj in _IN:
                event = mask & POLLIN if _board.stdin_wait(ms) else 0
            else:
                event = mask & POLLOUT
            if event:
                found.append((obj, event))
        return found
