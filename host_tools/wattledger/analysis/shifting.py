"""A history as it would have been: energy moved to other intervals, or not used at all.

Whole mWh: what is moved leaves one interval and arrives in another, so the sum stays what it was.
Only import is changed; what is fed in, reactive energy and times stay.
"""

from collections import deque
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from meter.civil import DAY_S
from wattledger.analysis.history import History
from wattledger.engine.load import Ints

MOVED_S = DAY_S  # how much later than it was used energy may arrive


def move(
    history: History, group: Ints, taken: Ints, room: Ints, most_mwh: int | None = None
) -> History:
    """Move energy inside of each group of intervals.

    group     int64 (n): what belongs together, as a day
    taken     int64 (n): mWh that may leave each interval, at most its import
    room      int64 (n): mWh that may arrive in each
    most_mwh  what may move in one group; None: all that there is room for
    What moves is taken and given in proportion, the rest mWh by mWh from the first on.
    """
    assert np.all((taken >= 0) & (taken <= history.import_mwh))
    assert np.all(room >= 0)
    import_mwh = history.import_mwh.copy()
    order = np.argsort(group, kind="stable")
    for here in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        amount = min(int(taken[here].sum()), int(room[here].sum()))
        if most_mwh is not None:
            amount = min(amount, most_mwh)
        import_mwh[here] += split(amount, room[here]) - split(amount, taken[here])
    return replace(history, import_mwh=import_mwh)


def move_window(
    history: History, source: tuple[int, int], target: tuple[int, int], energy_mwh: int, most: Ints
) -> History:
    """Move up to energy_mwh of each day from one window to the other one that follows it.

    source, target   minutes of the local day, from and until; until may be over midnight
    most             int64 (n): mWh that an interval that receives has at most
    """
    minute = history.minute
    is_source = _inside(minute, source)
    is_target = _inside(minute, target) & ~is_source
    # A day of this move begins with its source: a target before that is of the day before.
    day = history.day - (minute < source[0])
    taken = np.where(is_source, history.import_mwh, 0)
    room = np.where(is_target, np.maximum(most - history.import_mwh, 0), 0)
    return move(history, day, taken, room, energy_mwh)


def cap(history: History, most: Ints) -> History:
    """Let what an interval has above `most`, mWh, arrive later, where there is room below it.

    The first in is the first out, in MOVED_S at the most; what finds no room stays where it was.
    """
    import_mwh = history.import_mwh.copy()
    waiting: deque[list[int]] = deque()  # [interval, mWh]
    ends, limits = history.end.tolist(), most.tolist()
    for i, (energy, limit) in enumerate(zip(history.import_mwh.tolist(), limits, strict=True)):
        while waiting and ends[i] - ends[waiting[0][0]] > MOVED_S:
            late, left = waiting.popleft()
            import_mwh[late] += left
        if energy > limit:
            waiting.append([i, energy - limit])
            energy = limit
        while waiting and energy < limit:
            moved = min(limit - energy, waiting[0][1])
            energy += moved
            waiting[0][1] -= moved
            if not waiting[0][1]:
                waiting.popleft()
        import_mwh[i] = energy
    for late, left in waiting:
        import_mwh[late] += left
    return replace(history, import_mwh=import_mwh)


def lower(history: History, power_mw: Ints) -> History:
    """Use so much less, mW by interval and rounded down to mWh, but never less than nothing."""
    less = power_mw * history.duration_s // 3600
    return replace(history, import_mwh=np.maximum(history.import_mwh - less, 0))


def split(amount: int, weights: Ints) -> Ints:
    """-> int64 (n) that sum to amount, in proportion to weights, none above its weight.

    amount   at most the sum of the weights
    """
    whole = int(weights.sum())
    if not amount:
        return np.zeros_like(weights)
    shares = [amount * weight // whole for weight in weights.tolist()]
    left = amount - sum(shares)
    for i in np.flatnonzero(weights)[:left].tolist():
        shares[i] += 1
    return np.array(shares, dtype=np.int64)


def _inside(minute: Ints, window: tuple[int, int]) -> npt.NDArray[np.bool_]:
    begins, ends = window
    after, before = minute >= begins, minute < ends
    return after | before if ends <= begins else after & before
