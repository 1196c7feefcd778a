"""Load management: the average load of each window against the limits of the tariff.

A rider of the contract, imported only when the tariff has a limiter. Which levels are tripped is
in W, how far each is on its way there or back in E; both are committed before they hold.
"""

from meter import codes
from meter.civil import EPOCH
from meter.compat import const
from meter.limits import LIMITER_LEVELS
from meter.sample import IMPORT
from meter.states import BEGUN, PARTIAL

LOAD_OPEN = const(1)  # bits of WState.outputs
ALARM = const(2)
_BITS = const(5)  # of EState.limiter_windows for each level
_NO_MARK = const(-1)  # the open window is not whole
_MWH_MAX = 0xFFFFFFFF
_NAME, _ACTION, _RATE, _MANUAL = const(0), const(1), const(6), const(7)  # see meter.tariff
_OFF_WINDOWS = const(40)  # more than any `under`: what is zero for longer changes nothing


class Limiter:
    """The limiter of the tariff in force (rider; see meter.contract).

    A window is judged when it ends, and only if it is whole: one that a clock step, an invalid
    clock or a change of tariff or UTC offset cut short counts neither as over nor as under.
    Energy of the open window is what the import total grew by, so a tick costs nothing.
    """

    def __init__(self, meter):
        self._meter = meter
        self._window_s, self._levels = meter.contract.tariff.limiter
        self._acting = _bits_of(self._levels, _ACTION, ("reprice", "shed"))
        self._shedding = _bits_of(self._levels, _ACTION, ("shed",))
        self._manual = _bits_of(self._levels, _MANUAL, (1,))
        # Core second at which the open window began or _NO_MARK, import total then in mWh,
        # windows by level; one store, so that an interrupt finds all of one window.
        self._open = _NO_MARK, 0, 0

    def restore(self, e, w):
        """Take up the window that was open at live.t, and put the outputs where W has them.

        One that begins with its tariff now has counted nothing, whatever e says of another.
        """
        live = self._meter.live
        imported = live.registers[IMPORT]
        if w.active_since >= live.t + EPOCH:
            self._begin(live.t, imported, 0)
        else:
            mark_t = self.border(live.t - 1) - self._window_s
            if e.limiter_flags & BEGUN:
                mark_t = live.t
            elif e.limiter_flags & PARTIAL:
                mark_t = _NO_MARK
            self._open = mark_t, imported - e.limiter_mwh, e.limiter_windows
        self._drive()

    def save(self, e):
        """Put the open window into e, and mark the open interval while a level limits it."""
        live = self._meter.live
        if live.status & codes.CLOCK_INVALID:  # what is counted now was used at another time
            self._open = _NO_MARK, self._open[1], self._open[2]
        mark_t, base_mwh, e.limiter_windows = self._open
        e.limiter_flags = BEGUN if mark_t == live.t else PARTIAL if mark_t == _NO_MARK else 0
        e.limiter_mwh = min(live.registers[IMPORT] - base_mwh, _MWH_MAX)
        state = self._meter.contract.w.limiter_state
        if state & self._acting and self._meter.book.row_t != live.t:
            live.status |= codes.LIMITED
            e.interval_status |= codes.LIMITED

    def border(self, t):
        """-> core second at which the window of t ends."""
        return self._meter.contract.tariff.calendar.interval_end(t, self._window_s)

    def rate(self, rate, t):
        """-> the import rate that counts: that of the last tripped level that re-prices."""
        state = self._meter.contract.w.limiter_state
        for i, level in enumerate(self._levels):
            if state >> i & 1 and level[_ACTION] == "reprice":
                rate = level[_RATE]
        return rate

    def settle(self, live):
        """Judge the window that ends at live.t, if one does."""
        if self.border(live.t - 1) == live.t:
            self._end(live, live.t)

    def jump(self, live, t, status):
        """Without power there is no load: windows end as they are. Any other step of time
        discards the open one, and so does a clock that is behind when the power comes back."""
        if t < live.t or not status & codes.POWER_FAIL:
            self._begin(t, live.registers[IMPORT], self._open[2])
            return
        for _ in range(_OFF_WINDOWS):
            end = self.border(max(self._open[0], live.t))
            if end > t:
                return
            self._end(live, end)
        # The window that is open at t, too, had no load until then.
        self._begin(self.border(t) - self._window_s, live.registers[IMPORT], self._open[2])

    def opened(self, live):
        """A billing period does not touch the limiter."""

    def alerts(self):
        """-> one line for each tripped level: what the customer must see."""
        state = self._meter.contract.w.limiter_state
        return [
            "load above " + level[_NAME] + ": " + level[_ACTION]
            for i, level in enumerate(self._levels)
            if state >> i & 1
        ]

    def values(self):
        """-> {OBIS code: value} for the answer `live`."""
        from meter import obis  # loaded already: the answer knows the codes

        return {obis.LIMITER: self._meter.contract.w.limiter_state}

    def reclose(self, t):
        """A person lets the load return, at core second t, from the levels that wait for one.

        -> whether there were any; a level that returns by rule goes on holding it open.
        """
        mark_t, base_mwh, windows = self._open
        state = self._meter.contract.w.limiter_state
        left = state & ~self._manual
        if left == state:
            return False
        for i in range(len(self._levels)):
            if not left >> i & 1 and state >> i & 1:
                windows &= ~(31 << _BITS * i)
        self._open = mark_t, base_mwh, windows
        self._meter.commit()  # or a reset would take windows under for windows over
        self._meter.events.log(codes.EVENT_LOAD_SWITCH, t, state, left)
        self._change(left, t)
        return True

    def _begin(self, t, import_mwh, windows):
        whole = self.border(t) - t == self._window_s
        self._open = t if whole else _NO_MARK, import_mwh, windows

    def _end(self, live, t):
        """Close the open window at core second t and begin the next."""
        mark_t, base_mwh, windows = self._open
        imported = live.registers[IMPORT]
        if mark_t != _NO_MARK and t - mark_t == self._window_s:
            windows = self._judge((imported - base_mwh) * 3600 // self._window_s, windows, t)
        self._begin(t, imported, windows)
        self._drive()

    def _judge(self, average_mw, windows, t):
        """-> windows by level after this one; trips and releases what is due.

        Repeated after an interrupt it finds the level changed, and its count at 0 again.
        """
        before = state = self._meter.contract.w.limiter_state
        counted = 0
        for i, (_, _, threshold_mw, release_mw, over, under, _, manual) in enumerate(self._levels):
            tripped = state >> i & 1
            if tripped:
                goes_on, enough = average_mw <= release_mw, under
            else:
                goes_on, enough = average_mw > threshold_mw, over
            n = (windows >> _BITS * i & 31) + 1 if goes_on else 0
            if n >= enough:
                n = 0
                if not (tripped and manual):
                    state ^= 1 << i
                    event = codes.EVENT_LIMIT_END if tripped else codes.EVENT_LIMIT
                    # Before W: a cut in between writes it twice, not never.
                    self._meter.events.log(event, t, average_mw, i)
            counted |= n << _BITS * i
        if state != before:
            self._change(state, t)
        return counted

    def _change(self, state, t):
        contract = self._meter.contract
        w = contract.w.copy()
        new = state & ~w.limiter_state
        while new:
            w.limiter_trips = w.limiter_trips + 1 & 0xFFFF
            new &= new - 1
        w.limiter_state, w.limiter_since = state, t + EPOCH
        w.outputs = (ALARM if state else 0) | (LOAD_OPEN if state & self._shedding else 0)
        contract.take(w, self._meter.live.t)
        self._drive()

    def _drive(self):
        drive(self._meter.ports.outputs, self._meter.contract.w.outputs)


def _bits_of(levels, field, values):
    bits = 0
    for i, level in enumerate(levels):
        if level[field] in values:
            bits |= 1 << i
    return bits


def end(meter, w, t):
    """Release everything in a W record that is about to be committed: its tariff ends at core
    second t. The outputs go first, for nobody may be left to do it."""
    for i in range(LIMITER_LEVELS):
        if w.limiter_state >> i & 1:
            meter.events.log(codes.EVENT_LIMIT_END, t, -1, i)
    w.limiter_state = w.outputs = 0
    w.limiter_since = t + EPOCH
    drive(meter.ports.outputs, 0)


def drive(outputs, bits):
    """Put the output port where WState.outputs has it."""
    outputs.load_switch(not bits & LOAD_OPEN)
    outputs.alarm(bool(bits & ALARM))
