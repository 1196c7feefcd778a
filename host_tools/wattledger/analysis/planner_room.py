"""How much a plan may add to each window of the limiter before it acts."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from wattledger.analysis.planner_horizon import Horizon


@dataclass(frozen=True)
class Bound:
    """slots: ((slot, seconds in common), ...); most: counts (mW s) that a plan may buy in them.

    level   name of the limiter's level
    """

    level: str
    slots: tuple[tuple[int, int], ...]
    most: int


@dataclass(frozen=True)
class Room:
    """The bounds of one plan. Where the base load alone is above a threshold nothing is added.

    fed_in   counts by slot that the base load would feed in: a plan uses them without buying
    """

    bounds: tuple[Bound, ...]
    durations_s: tuple[int, ...]
    fed_in: tuple[int, ...]

    @cached_property
    def _of_slot(self) -> list[list[Bound]]:
        found: list[list[Bound]] = [[] for _ in self.durations_s]
        for bound in self.bounds:
            for slot, _ in bound.slots:
                found[slot].append(bound)
        return found

    def left(self, slot: int, planned: list[int]) -> int | None:
        """-> counts that can still be added to a slot, None: any."""
        found = []
        for bound in self._of_slot[slot]:
            seconds = next(s for i, s in bound.slots if i == slot)
            found.append(self._left(bound, planned) * self.durations_s[slot] // seconds)
        if not found:
            return None
        return max(0, min(found) + max(0, self.fed_in[slot] - planned[slot]))

    def fits(self, slot: int, counts: int, planned: list[int]) -> bool:
        left = self.left(slot, planned)
        return left is None or counts <= left

    def holds(self, planned: list[int]) -> bool:
        """-> whether a whole plan keeps every bound."""
        return all(self._left(bound, planned) >= 0 for bound in self.bounds)

    def _left(self, bound: Bound, planned: list[int]) -> Fraction:
        slots = ((self._bought(planned, i) * s, self.durations_s[i]) for i, s in bound.slots)
        return bound.most - sum((Fraction(*share) for share in slots), Fraction())

    def _bought(self, planned: list[int], slot: int) -> int:
        return max(0, planned[slot] - self.fed_in[slot])


def of(horizon: Horizon, actions: tuple[str, ...]) -> Room:
    """actions: "shed", "reprice": whose thresholds are bounds."""
    windows, limiter = horizon.limited, horizon.tariff.limiter
    bounds = []
    if windows is not None:
        levels = [level for level in limiter[1] if level[1] in actions]
        for level in sorted(levels, key=lambda level: level[2])[:1]:
            for base, slots in zip(windows.base.tolist(), windows.slots, strict=True):
                if slots:
                    most = max(0, level[2] * windows.window_s - base)
                    bounds.append(Bound(level[0], slots, most))
    durations = tuple(horizon.duration_s.tolist())
    return Room(tuple(bounds), durations, tuple(horizon.sold.tolist()))
