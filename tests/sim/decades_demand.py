"""Demand maxima against what flowed: the import total over the meter's own time, tick by tick.

The oracle proves that the total is the truth, so between two good ticks it says what each window
held, but for the little that sharing a tick over its seconds leaves open. Where the clock stepped
or was invalid, or no tariff was there, nobody knows: a maximum from there may be anything that
the energy of the part allows.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from meter import codes
from meter.civil import EPOCH
from meter.sample import IMPORT
from tests.sim.decades_oracle import need

_BREAKS = {
    codes.EVENT_CLOCK_SET,
    codes.EVENT_CLOCK_STEP,
    codes.EVENT_CLOCK_INVALID,
    codes.EVENT_CLOCK_VALID,
    codes.EVENT_FORMAT,
}
_SHARED_MWH = 40  # two counts that went to another second, and what rounding leaves
_LATE_S = 2  # a tier that ends in a tick ends at a whole second


@dataclass(frozen=True)
class Window:
    """start, end in Unix seconds; what it held is from low to high, mW."""

    start: int
    end: int
    low: int
    high: int


class Flow:
    """What flowed, in stretches of time that is known.

    checked   how many windows were compared with the maxima
    """

    def __init__(self):
        self.checked = 0
        self._stretches = [[]]  # of (Unix s, mWh)
        self._marks = []  # by part: the stretch in which it ended, and when

    def started(self, state):
        """A new core stands where a commit was: what came after it comes again."""
        t, stretch = state.t + EPOCH, self._stretches[-1]
        if not stretch or not stretch[0][0] <= t <= stretch[-1][0]:
            self._stretches.append([])
            return
        while stretch and stretch[-1][0] >= t:
            stretch.pop()
        self._add(t, state.registers[IMPORT])

    def tick(self, before, now, oracle, known):
        """A good one. before, now: decades_oracle.State; known: the tariff was there."""
        power = codes.EVENT_POWER_FAIL
        odd = oracle.told & _BREAKS or not oracle.clock_is_valid or not known
        if odd or (power in oracle.told and power not in oracle.events):
            self._stretches.append([])
            return
        self._add(before.t + EPOCH, before.registers[IMPORT])
        if power in oracle.events:
            self._add(oracle.events[power], before.registers[IMPORT])
        self._add(now.t + EPOCH, now.registers[IMPORT])

    @property
    def stretch(self):
        """-> [(Unix s, mWh), ...]: what is known to have flowed without a break until now"""
        return self._stretches[-1]

    def part_ended(self, utc):
        """A ledger record of Unix second utc was written."""
        self._marks.append((len(self._stretches) - 1, utc))

    def check(self, plan, opening, closing, events):
        """The maxima of a closed part. opening, closing: Ledger records; events: as for
        Plan.rates_possible."""
        demand = plan.data["demand"]
        parts, window_s = demand["parts"], demand["window_s"]
        found = self._windows(plan, closing.period, window_s, parts)
        self.checked += len(found)
        most_mw = (closing.registers[IMPORT] - opening.registers[IMPORT]) * 3600 // window_s
        slot = 0
        for charge in demand["charges"]:
            flat = closing.demand[2 * slot : 2 * (slot + charge["highest"])]
            slot += charge["highest"]
            kept = [pair for pair in zip(flat[::2], flat[1::2], strict=True) if pair[1]]
            name = f"demand {charge['name']} of period {closing.period}"
            check = _Check(name, plan, charge, parts, found, events)
            check.check(kept, most_mw, self._went_back(closing.period))

    def _went_back(self, period):
        """Whether the clock was set back in a part: it may have had a window twice."""
        first, last = self._marks[period - 1][0], self._marks[period][0]
        ends = [stretch for stretch in self._stretches[first : last + 1] if stretch]
        return any(after[0][0] < before[-1][0] for before, after in pairwise(ends))

    def forget(self, period):
        """What flowed in the parts up to this one is not asked for again."""
        first = self._marks[period][0]
        for n in range(first):
            self._stretches[n] = []

    def _add(self, t, mwh):
        stretch = self._stretches[-1]
        last = stretch[-1] if stretch else None
        if last is None or (last[0] < t and last[1] <= mwh):
            stretch.append((t, mwh))
        elif last != (t, mwh):
            self._stretches.append([(t, mwh)])  # backwards, or energy that came at a standstill

    def _windows(self, plan, period, window_s, parts):
        """-> [Window, ...] that are known, all of it in the part"""
        (first, opening), (last, closing) = self._marks[period - 1 : period + 1]
        sub_s, found = window_s // parts, []
        for n in range(first, last + 1):
            stretch = self._stretches[n]
            if len(stretch) < 2:
                continue
            start, end = stretch[0][0], stretch[-1][0]
            start = max(start, opening) if n == first else start
            end = min(end, closing) if n == last else end
            run = []
            for sub in grid(plan, start, end, sub_s):
                follows = parts > 1 and run and run[-1] == sub - sub_s
                run = [*run[1 - parts :], sub] if follows else [sub]
                if len(run) == parts:
                    found.append(window_of(stretch, run[0], sub + sub_s))
        return found


class _Check:
    """The slots of one charge of one part. windows: [Window, ...] that are known."""

    def __init__(self, name, plan, charge, parts, windows, events):
        self._name, self._plan, self._charge, self._parts = name, plan, charge, parts
        self._events = events
        self._windows, self._by_end = [], {}  # a clock that is set back has the same end again
        for window in windows:
            self._by_end.setdefault(window.end, []).append(window)
            if charge["months"] >> plan.local(window.end - 1).month - 1 & 1:
                self._windows.append(window)

    def check(self, kept, most_mw, unsure):
        """kept: [(mW, Unix s), ...]; unsure: the known windows may not be the only ones."""
        for mw, end in kept:
            self._is_true(mw, end, most_mw, unsure)
        days = [self._day(end) for _, end in kept]
        need(len(set(days)) == len(days), f"{self._name}: two of one day: {kept}")
        falls = all(a[0] >= b[0] for a, b in pairwise(kept))
        need(falls, f"{self._name}: the highest is not first: {kept}")
        for window in self._windows:
            if window.low > 0 and self._rates(window) <= self._wanted:
                self._is_not_higher(window, kept)

    def _is_true(self, mw, end, most_mw, unsure):
        name, month = f"{self._name}: {mw} mW at {end}", self._plan.local(end - 1).month
        need(self._charge["months"] >> month - 1 & 1, f"{name}: in another month")
        known = self._by_end.get(end, [])
        found = [window for window in known if window.low <= mw <= window.high]
        if found:
            of_rate = any(self._rates(window) & self._wanted for window in found)
            need(of_rate, f"{name}: of another rate")
        else:
            need(unsure or not known, f"{name}, there flowed {known}")
            need(mw <= most_mw, f"{name}, the part allows {most_mw}")

    def _is_not_higher(self, window, kept):
        day = self._day(window.end)
        least = [mw for mw, end in kept if self._day(end) == day]
        if not least:
            full = len(kept) == self._charge["highest"]
            least = [min(mw for mw, _ in kept)] if full else [0]
        need(
            window.low <= least[0],
            f"{self._name}: {window.low} mW flowed at {window.end}, kept is {kept}",
        )

    @property
    def _wanted(self):
        return set(self._charge["rates"]) or set(range(self._plan.imports))

    def _rates(self, window):
        """-> the import rates that a window may be of"""
        at = window.start if self._parts == 1 else window.end - 1
        return self._plan.rates_possible(at, at + 1, self._events)

    def _day(self, end):
        return self._plan.local(end - 1).date()


def grid(plan, start, end, sub_s):
    """Yields the starts of whole windows of sub_s in [start, end), on the local clock."""
    at = start
    while at + sub_s <= end:
        offset = plan.local(at).utcoffset().total_seconds()
        ahead = int(-(at + offset) % sub_s)
        last = at + (ahead or sub_s) - 1
        if plan.local(last).utcoffset().total_seconds() != offset:
            at += 60 - at % 60  # a change of offset: no such has seconds
        elif ahead:
            at += ahead
        else:
            yield at
            at += sub_s


def window_of(stretch, start, end):
    """-> Window. stretch: [(Unix s, mWh), ...] that holds start and end."""
    (least, most), (after_least, after_most) = _total(stretch, start), _total(stretch, end)
    low, high = max(0, after_least - most), after_most - least
    span = end - start
    return Window(start, end, low * 3600 // span, -(-high * 3600 // span))


def _total(stretch, t):
    """-> (least, most) mWh that the import total was at Unix second t"""
    assert stretch[0][0] <= t
    at = bisect_left(stretch, (t,))
    if stretch[at][0] == t:
        return stretch[at][1], stretch[at][1]
    (t0, before), (t1, after) = stretch[at - 1], stretch[at]
    here = before + (after - before) * (t - t0) // (t1 - t0)
    doubt = _SHARED_MWH + _LATE_S * (after - before) // (t1 - t0)
    return max(before, here - doubt), min(after, here + doubt)
