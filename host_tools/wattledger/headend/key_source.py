"""The utility's keys of each meter, from the fleet's key file."""

from collections.abc import Callable

from wattledger.security.envelope import Envelopes
from wattledger.security.keyring import Fleet

_STRANGERS_MAX = 10_000


class KeySource:
    """reload   -> the fleet if its file has changed since, None: it has not"""

    def __init__(self, fleet: Fleet, reload: Callable[[], Fleet | None] | None = None) -> None:
        self.fleet, self._reload = fleet, reload
        self._strangers: set[str] = set()

    def of(self, serial: str) -> tuple[Envelopes, ...]:
        """-> those that its messages may be under, the likeliest first; none: not of the fleet.

        A generation ahead too: a meter may be given new keys before we see the new file.
        """
        if serial in self._strangers:
            return ()
        known = self.fleet.meters.get(serial)
        if known is None:
            if len(self._strangers) < _STRANGERS_MAX:
                self._strangers.add(serial)
            return ()
        generation = known.generation or self.fleet.generation
        return tuple(
            Envelopes(self.fleet.key(serial, "utility", number))
            for number in (generation, generation + 1)
        )

    def group(self, name: str) -> list[str]:
        """-> serials of a group, "*": all"""
        meters = self.fleet.meters.items()
        return sorted(s for s, meter in meters if name in ("*", meter.group))

    def refresh(self) -> bool:
        """Look whether the key file has changed. -> whether it had."""
        fleet = self._reload() if self._reload else None
        if fleet is None:
            return False
        self.fleet = fleet
        self._strangers.clear()
        return True
