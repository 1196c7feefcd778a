"""The levels of the limiter against what flowed: which have tripped, as far as that is known.

A level is known after as many windows above its threshold as trip it, or below its release as end
it, one after the other; nothing is known after a start, a step of the clock or another tariff.
"""

from tests.sim.decades_demand import grid, window_of
from tests.sim.decades_oracle import need

_OFF_WINDOWS = 40  # more without any energy change nothing


class Level:
    """tripped   True, False or None"""

    def __init__(self, source):
        self._source = source
        self.tripped, self._above, self._below = None, 0, 0

    def judge(self, window):
        """A window has ended: decades_demand.Window."""
        above = _is_above(window, self._source["threshold_mw"])
        below = _is_above(window, self._source["release_mw"])
        self._above = self._above + 1 if above else 0
        self._below = self._below + 1 if below is False else 0
        if above is None or below is None:
            self.tripped = None  # as near to the limit as a tick can be shared
        if self._above >= self._source["over"]:
            self.tripped = True
        elif self._below >= self._source["under"] and not self._source["manual"]:
            self.tripped = False


class Levels:
    """checked   how many windows were judged"""

    def __init__(self):
        self.checked = 0
        self.forget()

    def forget(self):
        """Somebody stepped in: a start, or a person who lets the load return."""
        self._plan = self._stretch = None

    def tick(self, plan, stretch, state):
        """A good one. stretch: what is known to have flowed up to now, as in decades_demand.Flow;
        state: bits of the levels that have tripped, as the meter says."""
        limiter = plan.data["limiter"]
        if plan is not self._plan or stretch is not self._stretch or not stretch:
            self._plan, self._stretch = plan, stretch or None
            self._levels = [Level(level) for level in (limiter["levels"] if limiter else ())]
            self._until = stretch[-1][0] if stretch else 0
            return
        if limiter is None:
            return
        window_s, now = limiter["window_s"], stretch[-1][0]
        if now - self._until > 3 * _OFF_WINDOWS * window_s:  # the power was off
            self._judge(plan, stretch, self._until + _OFF_WINDOWS * window_s, window_s)
            self._until = now - _OFF_WINDOWS * window_s
        self._judge(plan, stretch, now, window_s)
        for n, level in enumerate(self._levels):
            if level.tripped is not None:
                shown = f"level {n} at {now}: tripped is {not level.tripped}"
                need(bool(state >> n & 1) == level.tripped, f"{shown}, what flowed says otherwise")

    def _judge(self, plan, stretch, until, window_s):
        for start in grid(plan, self._until, until, window_s):
            window = window_of(stretch, start, start + window_s)
            self._until = start + window_s
            self.checked += 1
            for level in self._levels:
                level.judge(window)


def _is_above(window, limit_mw):
    """-> True, False, or None: too near to tell."""
    if window.low > limit_mw:
        return True
    return False if window.high <= limit_mw else None
