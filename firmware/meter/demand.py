"""Demand: the average load of each window, and the highest of them in the open part.

A rider of the contract, imported only when the tariff has demand charges. The maxima are in W,
the open window is in E.
"""

from meter import codes
from meter.civil import EPOCH, date
from meter.compat import const
from meter.sample import IMPORT
from meter.states import BEGUN, PARTIAL

_NO_MARK = const(-1)  # the open (sub-)window is not whole
_VALID_SHIFT = const(4)  # of the number of closed sub-windows in EState.window_flags
_MWH_MAX = 0xFFFFFFFF


class Demand:
    """The demand charges of the tariff in force (rider; see meter.contract).

    Windows are on the local grid. One counts when it ends, if it is whole and all of it lies in
    the open part: a clock step, an invalid clock, a change of the tariff or of the UTC offset
    that cuts it short leaves it without a maximum. Without power there is no load: a window goes
    on. A sliding window is the last `parts` sub-windows.

    A block window belongs to the rate that counts at its beginning, a sliding one to the rate of
    its last second; both to the local day and month of their last second. A window without any
    energy is not kept, and of equal ones the first is.
    """

    def __init__(self, meter):
        self._meter = meter
        self._window_s, self._parts, self._charges = meter.contract.tariff.demand
        self._sub_s = self._window_s // self._parts
        # Core second at which the open (sub-)window began or _NO_MARK, import total then in
        # mWh, rate then, mWh of closed sub-windows, newest first. One store, so that an
        # interrupt finds all of one window.
        self._open = _NO_MARK, 0, 0, ()
        self._last_mw = 0

    def restore(self, e, w):
        """Take up the window that was open at live.t."""
        live, flags = self._meter.live, e.window_flags
        mark_t = _NO_MARK
        if flags & BEGUN:
            mark_t = live.t
        elif not flags & PARTIAL:
            mark_t = self._beginning(live.t - 1)
        closed = tuple(e.sliding[: flags >> _VALID_SHIFT])
        self._open = mark_t, live.registers[IMPORT] - e.window_mwh, e.window_rate, closed

    def save(self, e):
        """Put the open window into e."""
        live = self._meter.live
        if live.status & codes.CLOCK_INVALID:
            self._open = _NO_MARK, self._open[1], 0, ()  # used at another time than it counts
        mark_t, base_mwh, e.window_rate, closed = self._open
        e.window_mwh = min(live.registers[IMPORT] - base_mwh, _MWH_MAX)
        e.window_flags = BEGUN if mark_t == live.t else PARTIAL if mark_t == _NO_MARK else 0
        e.window_flags |= len(closed) << _VALID_SHIFT
        for i in range(len(closed)):
            e.sliding[i] = closed[i]

    def border(self, t):
        """-> core second at which the (sub-)window of t ends."""
        return self._meter.contract.tariff.calendar.interval_end(t, self._sub_s)

    def rate(self, rate, t):
        """Demand changes no rate."""
        return rate

    def settle(self, live):
        """Close the window that ends at live.t, if one does."""
        if self._open[0] < live.t == self.border(live.t - 1):
            self._end(live, live.t, self._meter.rate)

    def jump(self, live, t, status):
        """Without power windows end as they are; any other step of time discards the open one,
        and so does a clock that is behind when the power comes back."""
        if t < live.t or not status & codes.POWER_FAIL:
            self._begin(t, live.registers[IMPORT], ())
            return
        for _ in range(self._parts):
            end = self.border(max(self._open[0], live.t))
            if end > t:
                return
            self._end(live, end, self._meter.rate_at(end - 1))
        zeros = (0,) * (self._parts - 1)  # what ended in between has no energy
        self._begin(self._beginning(t), live.registers[IMPORT], zeros)

    def opened(self, live):
        """A part begins: nothing of the one before counts in it."""
        self._begin(live.t, live.registers[IMPORT], ())

    def alerts(self):
        """Nothing that a customer must be told."""
        return []

    def values(self):
        """-> {OBIS code: mW}: demand of the open window as if no more energy came until it
        ends, of the last one, and the highest of the open part."""
        _, base_mwh, _, closed = self._open
        mwh = self._meter.live.registers[IMPORT] - base_mwh + sum(closed)
        return {
            "1.4.0": mwh * 3600 // self._window_s,
            "1.5.0": self._last_mw,
            "1.6.0": max(self._meter.contract.w.demand[::2]),
        }

    def _beginning(self, t):
        """-> core second at which the (sub-)window of t began."""
        begun = self.border(t - self._sub_s)
        while True:
            end = self.border(begun)
            if end > t:
                return begun
            begun = end

    def _begin(self, t, import_mwh, closed):
        whole = self.border(t) - t == self._sub_s
        self._open = t if whole else _NO_MARK, import_mwh, self._meter.rate_at(t), closed

    def _end(self, live, t, rate):
        """Close the open window at core second t, where `rate` counted last; begin the next."""
        mark_t, base_mwh, first_rate, closed = self._open
        imported = live.registers[IMPORT]
        subs = [imported - base_mwh]
        subs += closed
        if mark_t == _NO_MARK or t - mark_t != self._sub_s:
            subs = []
        if len(subs) == self._parts:
            self._last_mw = min(sum(subs) * 3600 // self._window_s, _MWH_MAX)
            self._keep(self._last_mw, first_rate if self._parts == 1 else rate, t)
        self._begin(t, imported, tuple(subs[: self._parts - 1]))

    def _keep(self, mw, rate, end):
        """Put a window into the slots of the charges that it is among the highest of."""
        contract = self._meter.contract
        day = contract.tariff.calendar.local_day(end - 1)
        month, kept, slot = date(day)[1], list(contract.w.demand), 0
        for _, rates, months, highest, _, _, _ in self._charges:
            until = slot + 2 * highest
            if months >> month - 1 & 1 and (not rates or rate in rates):
                kept[slot:until] = self._placed(kept[slot:until], mw, end, day)
            slot = until
        if kept != contract.w.demand:
            w = contract.w.copy()
            w.demand = kept
            contract.take(w, self._meter.live.t)

    def _placed(self, slots, mw, end, day):
        """-> the slots of a charge, the highest first, with this window if it is among them; of
        one local day only its highest."""
        calendar, kept, before = self._meter.contract.tariff.calendar, [], 0
        for i in range(0, len(slots), 2):
            other_mw, utc = slots[i], slots[i + 1]
            if not utc:
                break
            if calendar.local_day(utc - EPOCH - 1) != day:
                kept += (other_mw, utc)
                before += other_mw >= mw
            elif other_mw >= mw:
                return slots
        if mw:
            kept[2 * before : 2 * before] = (mw, end + EPOCH)
        return (kept + [0] * len(slots))[: len(slots)]
