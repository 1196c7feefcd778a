"""Plans without a model: slot after slot in the order of a key, load after load.

With the price as key this is what most chargers do; with time, what plugging in does.
"""

from collections.abc import Sequence

from wattledger.analysis.planner_loads import STEP_MW
from wattledger.analysis.planner_room import Room
from wattledger.analysis.planner_tasks import Charging, Heating, Running, Task


def place(tasks: Sequence[Task], room: Room, keys: Sequence[int]) -> list[list[int]] | None:
    """-> by task: counts (mW s) by slot; None: one found no room beside those before it.

    keys   by slot: the smallest first, of equal ones the earlier
    """
    planned = [0] * len(room.durations_s)
    found = []
    for task in tasks:
        one = _one(task, room, keys, planned)
        if one is None:
            return None
        planned = [a + b for a, b in zip(planned, one, strict=True)]
        found.append(one)
    return found


def _one(task: Task, room: Room, keys: Sequence[int], planned: list[int]) -> list[int] | None:
    if isinstance(task, Charging):
        return _charge(task, room, keys, planned)
    if isinstance(task, Heating):
        return _heat(task, room, keys, planned)
    return _run(task, room, keys, planned)


def _charge(
    task: Charging, room: Room, keys: Sequence[int], planned: list[int]
) -> list[int] | None:
    found, left = [0] * len(planned), task.need
    for slot in sorted(_slots(task), key=lambda slot: (keys[slot], slot)):
        step = STEP_MW * room.durations_s[slot]
        take = min(_most(task, slot, room, planned, found), left)
        if 0 < left - take < task.least:
            take = left - task.least  # the rest of one slot must not be too little for the next
        if take >= max(1, task.least):
            found[slot] = take * step
            left -= take
    return None if left else found


def charged(task: Charging, room: Room) -> int:
    """-> counts (mW s) that it can get if nothing else is planned."""
    found = [0] * len(room.durations_s)
    for slot in _slots(task):
        steps = _most(task, slot, room, found, [0] * len(found))
        found[slot] = steps * STEP_MW * room.durations_s[slot] if steps >= task.least else 0
    return sum(found)


def _most(task: Charging, slot: int, room: Room, planned: list[int], found: list[int]) -> int:
    """-> steps that a slot has room for."""
    free = room.left(slot, [a + b for a, b in zip(planned, found, strict=True)])
    if free is None:
        return task.most
    return min(task.most, free // (STEP_MW * room.durations_s[slot]))


def _heat(task: Heating, room: Room, keys: Sequence[int], planned: list[int]) -> list[int] | None:
    on: set[int] = set()
    counts = {slot: task.power_mw * room.durations_s[slot] for slot in _slots(task)}
    free = {slot for slot in counts if room.fits(slot, counts[slot], planned)}

    def cheapest(runs: list[range]) -> range | None:
        fitting = [run for run in runs if free.issuperset(run) and not on.intersection(run)]
        return min(fitting, key=lambda run: (sum(keys[s] for s in run), run[0]), default=None)

    while len(on) < task.need:
        size = task.block if task.need - len(on) >= task.block else 1
        starts = range(task.first, task.last - size + 1)
        runs = [range(start, start + size) for start in starts]
        if size < task.block:  # too few are left for a block: they lengthen one
            runs = [run for run in runs if on.intersection((run[0] - 1, run[0] + 1))]
        chosen = cheapest(runs)
        if chosen is None:
            return None
        on.update(chosen)
    return [counts[slot] if slot in on else 0 for slot in range(len(planned))]


def _run(task: Running, room: Room, keys: Sequence[int], planned: list[int]) -> list[int] | None:
    best = None
    for start in range(task.first, task.last - len(task.counts) + 1):
        found = list(planned)
        fits = True
        for slot, counts in enumerate(task.counts, start):
            fits = fits and room.fits(slot, counts, found)
            found[slot] += counts
        key = sum(keys[slot] * counts for slot, counts in enumerate(task.counts, start))
        if fits and (best is None or key < best[0]):
            best = key, [a - b for a, b in zip(found, planned, strict=True)]
    return None if best is None else best[1]


def _slots(task: Task) -> range:
    return range(task.first, task.last)
