"""The time of the simulated world and the board's battery-backed clock.

Two ways to run: `real` follows the wall clock (with an offset), `held` moves only by command.
The world's time is what the load and the metering IC live in; the clock that the firmware reads
is the world's plus a drift that only a set of the clock, or a dead battery, makes.
"""

import json
import os
import time

UNIX_2000_MS = 946_684_800_000  # what the chip's clock shows after power-on without battery
_FILE_SIZE = 256


def _wall_ms():
    return time.time_ns() // 1_000_000


class Clock:
    """path  file that carries the clock through a power cut; None: RAM only

    All times in ms; Unix times int. Not locked: the hardware's lock is around it.
    """

    def __init__(self, path=None):
        self.held = False
        self.advanced_ms = 0  # all steps since power-on
        self._world_ms = 0  # held: the time itself; running: its lead over the wall clock
        self._drift_ms = 0
        self._fd = None
        if path is not None:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            self._load(os.pread(self._fd, _FILE_SIZE, 0))
        self.save()

    def _load(self, raw):
        if not raw.strip():
            return
        state = json.loads(raw)
        self.held = state["held"]
        self._world_ms = state["world_ms"]
        self._drift_ms = state["drift_ms"]

    def save(self):
        """Write the state; one small write, which a killed process leaves whole."""
        if self._fd is None:
            return
        state = {"held": self.held, "world_ms": self._world_ms, "drift_ms": self._drift_ms}
        os.pwrite(self._fd, json.dumps(state).ljust(_FILE_SIZE).encode(), 0)

    def world_ms(self):
        return self._world_ms if self.held else self._world_ms + _wall_ms()

    def rtc_ms(self):
        return self.world_ms() + self._drift_ms

    def hold(self, held):
        """Stop the clock where it is, or let it run on from there."""
        if held == self.held:
            return
        now_ms = self.world_ms()
        self.held = held
        self._world_ms = now_ms if held else now_ms - _wall_ms()
        self.save()

    def set_world(self, unix_ms):
        """Move the world, and set the board's clock right."""
        self._world_ms = unix_ms if self.held else unix_ms - _wall_ms()
        self._drift_ms = 0
        self.save()

    def pass_time(self, ms):
        """Time that passes without power; the battery keeps the board's clock going."""
        self._world_ms += ms
        self.save()

    def lose_battery(self):
        """The board's clock starts again where the chip's does."""
        self.set_rtc(UNIX_2000_MS)

    def set_rtc(self, unix_ms):
        """Set the board's clock alone, as the firmware or a technician does."""
        self._drift_ms = unix_ms - self.world_ms()
        self.save()

    def step(self, ms):
        """Move a held clock on."""
        assert self.held
        assert ms >= 0
        self._world_ms += ms
        self.advanced_ms += ms
        self.save()

    def for_vm(self):
        """-> the state as vm/clock.mjs takes it."""
        rtc_ms = self._world_ms + self._drift_ms
        return {"held": self.held, "rtc_ms": rtc_ms, "advanced_ms": self.advanced_ms}
