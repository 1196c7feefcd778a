"""Clock discipline: every meter gets our time now and then, one without the time at once.

A meter corrects a few seconds without a cut and logs each correction (docs/protocol.md, clock).
"""

from collections.abc import Callable

from meter import codes
from wattledger.headend.commands import Commands
from wattledger.headend.intake import Intake
from wattledger.headend.key_source import KeySource

LOST_S = 300  # between two tries with a meter whose clock is not right
AT_A_TIME = 64  # a look is over soon, and a fleet that comes back is not asked as one


class Clocks:
    """now: Unix s, the time that is given; every_s: 0 for never. `look` is called every few s.

    leaves   whether a meter is not given any: one that is simulated has a day in a minute
    """

    def __init__(
        self,
        intake: Intake,
        keys: KeySource,
        commands: Commands,
        now: Callable[[], float],
        every_s: int,
        leaves: Callable[[str], bool] = lambda serial: False,
    ) -> None:
        self._intake, self._keys, self._commands = intake, keys, commands
        self._now, self._every_s, self.leaves = now, every_s, leaves
        self._given: dict[str, float] = {}

    def due(self) -> list[str]:
        """-> serials of meters that are there and whose time it is, without the time first."""
        now = self._now()
        waits = [
            (not lost, self._given.get(serial, 0.0), serial)
            for serial in self._keys.group("*")
            if (meter := self._intake.meters.get(serial)) and meter.online
            if not self.leaves(serial)
            for lost in (bool(meter.registers.get("status", 0) & codes.CLOCK_INVALID),)
            if now - self._given.get(serial, 0.0) >= (LOST_S if lost else self._every_s)
        ]
        return [serial for _, _, serial in sorted(waits)][:AT_A_TIME]

    async def look(self) -> None:
        due = self.due() if self._every_s else []
        if due:
            self._given |= dict.fromkeys(due, self._now())
            await self._commands.clock("*", due)
