"""What a meter does about time: trust the clock, wait for it, or find that it stepped."""

from meter import codes
from meter.civil import DAY_S, EPOCH
from meter.compat import const
from meter.limits import GAP_S

MYPY = const(False)  # type checkers take it for true
HOLD_S = const(10)  # after power came back nothing is written for so long
_BACK_S = const(5)  # a clock this little behind is waited for
_DOUBLINGS_MAX = const(6)  # of HOLD_S before upkeep, while the power goes and comes: 640 s
_UNCLEAN_SHIFT = const(8)  # bits 8 to 11 of the flags of E: power failures without a calm hour
_UNKNOWN = const(-1)


class Timekeeping:
    """The part of a Meter that decides up to which second energy is counted."""

    if MYPY:  # the rest of the attributes is in meter.meter

        def __getattr__(self, name):
            return getattr(self, name)

    def _start_timekeeping(self):
        self._resume = None  # the event of this start, until the clock is seen to be right
        self._power_on = None  # Unix s of the first tick after a power failure
        self._calm_t = 0  # core second from which sectors may be erased again
        self._invalid = False

    def step_clock(self, now):
        """The clock was set by somebody who may: close what is open, go on from now."""
        if self.state != "ready":
            return
        t = now - EPOCH
        self.events.log(codes.EVENT_CLOCK_SET, t, self.live.t + EPOCH, now)
        if self._resume is not None:
            self._started(t)
        self._jump(t, codes.CLOCK_STEP)
        self._calm_t = min(self._calm_t, t)

    def _note_unclean(self):
        """One more start after a power failure, in the flags of the next commits."""
        doublings = min((self.e.flags >> _UNCLEAN_SHIFT) + 1, _DOUBLINGS_MAX)
        self.e.flags = doublings << _UNCLEAN_SHIFT

    def _recall_power_on(self):
        """A soft reset; but did the power come back just before, and was that not logged yet?"""
        self._resume = codes.EVENT_RESTART
        power_on = self._retained.power_on
        if power_on:
            self._resume = codes.EVENT_POWER_FAIL
            self._power_on = power_on if power_on > 1 else _UNKNOWN

    def _unlogged(self):
        """-> what the retained RAM must know of a power failure; see meter.retained."""
        if self._resume != codes.EVENT_POWER_FAIL or self._power_on is None:
            return 0
        return self._power_on if self._power_on != _UNKNOWN else 1

    def _is_early(self, now):
        """Whether the power came back just now: a supply that comes and goes must not wear the
        flash out. Energy waits in the driver's counts."""
        if self._resume != codes.EVENT_POWER_FAIL:
            return False
        if self._power_on is None:
            self._power_on = now
        return 0 <= now - self._power_on < HOLD_S

    def _trusted(self, t):
        """-> the core second to count up to: t, or live.t while the clock is not right.

        A clock that shows a year before 2020 is not, whatever it says of itself; nor is one that
        is behind the journal at a start, until it is set.
        """
        live = self.live
        behind = self._resume is not None and t < live.t - _BACK_S
        if t < 0 or behind or not self.ports.clock.quality():
            self._invalid = True
            self._power_on = _UNKNOWN
            live.status |= codes.CLOCK_INVALID
            self.events.log(codes.EVENT_CLOCK_INVALID, live.t, t + EPOCH)
            return live.t
        if self._invalid:
            self._invalid = False
            self.events.log(codes.EVENT_CLOCK_VALID, t, live.t + EPOCH, t + EPOCH)
        if self._resume is not None:
            self._started(t)
        elif not live.t - _BACK_S <= t <= live.t + GAP_S:
            self.events.log(codes.EVENT_CLOCK_STEP, t, live.t + EPOCH, t + EPOCH)
            self._jump(t, codes.CLOCK_STEP)
            self._calm_t = min(self._calm_t, t)
        return max(t, self.live.t)

    def _started(self, t):
        """The time is known: log this start, and go to where counting begins again."""
        live, event = self.live, self._resume
        began = t if self._power_on is None else self._power_on - EPOCH
        if not live.t < began <= t:
            began = t  # the clock was not right then
        self.events.log(event, t, live.t + EPOCH, began + EPOCH)
        if event == codes.EVENT_RESTART:
            live.status |= codes.RESTART
            if t > live.t + DAY_S:  # what the IC counted on cannot be spread over so long
                self._jump(t, codes.GAP)
                self._count(t, t)
                self.commit()
        elif event == codes.EVENT_POWER_FAIL:
            calm_t = began + (HOLD_S << (self.e.flags >> _UNCLEAN_SHIFT))
            # Of a start that is tried again the first one counts, or upkeep waits for ever.
            self._calm_t = min(self._calm_t or calm_t, calm_t)
            if self.quality is not None:
                self.quality.power_failed(live.t, began)
            self._settle()  # what the power cut off between the commit of a border and its records
            self._jump(began, codes.POWER_FAIL)
        else:
            self._jump(began, codes.PARTIAL)
        self._resume = None  # last: what breaks this off leaves all of it to the next tick

    def _jump(self, t, status):
        """Go to core second t without energy; what is open closes where it stood."""
        live, calendar = self.live, self.contract.tariff.calendar
        if live.t and not live.t < t < calendar.interval_end(live.t, self._interval_s):
            live.status |= status
            self.commit()
            self._row()
        while live.t < self.contract.next_border(t + 1) <= t:
            self._move(self.contract.next_border(t + 1), status)
            self._settle()
            live = self.live
        self._move(t, status)
        self.live.status |= status
        self._plan()

    def _move(self, t, status):
        for rider in self.contract.riders:
            rider.jump(self.live, t, status)
        self.accounts.move(t)
