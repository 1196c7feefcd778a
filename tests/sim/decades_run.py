"""A meter through its years: time, power and operations in their order, checks after each."""

import heapq
import json
from math import isqrt

from boards.virtual.nor import PowerCut
from meter.civil import EPOCH, days
from meter.errors import MeterError
from tests.sim.decades_acts import Acts
from tests.sim.decades_evidence import Reader
from tests.sim.decades_ops import WEEK_S, Op, week_of
from tests.sim.decades_oracle import Oracle, need
from tests.sim.decades_periods import Periods
from tests.sim.decades_world import CpuReset, World

START = days(2026, 12, 20) * 86400 + EPOCH + 3600
_STEP_MS = 900_000  # the longest between two ticks
_FULL_COUNTS = 60_000
_MONTH_MS = 30 * 86400 * 1000
_LINE_MAX = 1024
_WATCHDOG_S = 15
_SICK_TICKS = 12
_HOLD_S = 10  # so long after a power failure a meter writes nothing


class Run:
    """A meter from week `first` on.

    keep      callable(Op) -> bool, or None for all
    until_ms  stop there, or None
    done      {kind: operations carried out}
    """

    def __init__(self, seed, first=0, keep=None, until_ms=None):
        self.seed, self._keep, self._until_ms = seed, keep, until_ms
        self.done = {}
        self.oracle = Oracle()
        self.periods = Periods(self.oracle)
        self.week, self._first = first, first
        self.step_ms, self.off_ms = _STEP_MS, 1000
        self._due, self._number = [], 0  # what operations left for later
        self._failing_ms, self._dog, self.watchdogs = None, False, 0
        self._sick = 0  # ticks that failed in a row while nothing was broken
        self._on_ms = None  # when the power is back; None: it is there
        self.world = World((START + first * WEEK_S) * 1000, self._booted, self._started)
        self.oracle.on_ledger = self.periods.ledger
        self._acts, self.reader = Acts(self), Reader(self.world, self.periods)
        self._month_ms, self._months = self.world.ms + _MONTH_MS, 0
        self._begin()

    def _begin(self):
        self.world.boot()
        self.tick()
        self.world.ask("format", salt=self.seed % 1000 + 1)
        self.oracle.kept = None
        self.rings = [ring.sectors for ring in self.world.meter.journal.rings]
        self.tick()
        self._acts.do(Op("", 0, "push", (self._tariff_before(), 1, 1)))

    def _tariff_before(self):
        """-> seed of the tariff that the weeks before the first would have left."""
        for week in range(self._first - 1, -1, -1):
            for op in reversed(week_of(self.seed, week)):
                if op.kind == "push" and op.args[2]:
                    return op.args[0]
        return self.seed

    def go(self, weeks):
        """Run through this many weeks. Broken, Difference: what does not hold."""
        for week in range(self.week, self.week + weeks):
            start_ms = (START + week * WEEK_S) * 1000
            for op in self._ops(week):
                self._until(start_ms + op.at_ms)
                if self.is_over:
                    return
                if self._on_ms is None or op.kind in ("load", "step", "drift"):
                    self.done[op.kind] = self.done.get(op.kind, 0) + 1
                    self._guarded(lambda op=op: self._acts.do(op))
            self._until(start_ms + WEEK_S * 1000)
            self.week = week + 1

    def finish(self):
        """Verify what there is, if the power is on."""
        if self.world.is_started and not self.periods.lost and not self.world.files.hidden:
            self.reader.verify(whole=True)

    @property
    def is_over(self):
        return self._until_ms is not None and self.world.ms >= self._until_ms

    @property
    def simulated_s(self):
        return self.world.ms // 1000 - START - self._first * WEEK_S

    def _ops(self, week):
        ops = week_of(self.seed, week)
        return [op for op in ops if self._keep is None or self._keep(op)]

    # time

    def later(self, seconds, act):
        self._number += 1
        heapq.heappush(self._due, (self.world.ms + 1000 * seconds, self._number, act))

    def _until(self, ms):
        """Ticks to a moment of the world."""
        if self._until_ms is not None:
            ms = min(ms, self._until_ms)
        world = self.world
        while world.ms < ms:
            grid_ms = world.ms - world.ms % self.step_ms + self.step_ms
            due_ms = self._due[0][0] if self._due else ms
            target_ms = max(world.ms, min(ms, grid_ms, due_ms))
            if self._on_ms is not None:
                target_ms = max(world.ms, min(ms, due_ms, self._on_ms))
            world.ms = target_ms
            while self._due and self._due[0][0] <= world.ms:
                act = heapq.heappop(self._due)[2]
                self._guarded(act)
            if self._on_ms is not None:
                if world.ms >= self._on_ms:
                    self._power_on()
            elif world.ms == grid_ms:
                self.tick()

    def advance(self, by_ms):
        """Inside of an operation: no tick, but power that is due comes back."""
        self.world.ms += by_ms
        if self._on_ms is not None and self.world.ms >= self._on_ms:
            self._power_on(tick=False)

    def use(self, p_mw, q_mvar):
        """Another load, and ticks often enough for it."""
        volt_amperes = max(1, isqrt(p_mw * p_mw + q_mvar * q_mvar) // 1000)
        most_ms = _FULL_COUNTS * 60_000 // volt_amperes
        step_ms = min(_STEP_MS, most_ms - most_ms % 60_000)
        if step_ms < self.step_ms:
            self.tick()
        self.step_ms = step_ms
        self.world.use(p_mw, q_mvar)

    # the core

    def tick(self):
        if self.world.meter is not None:
            self._guarded(self._tick)

    def _tick(self):
        world, oracle = self.world, self.oracle
        if not world.start():
            self._watch()
        if not world.is_started:
            return
        oracle.begin_tick()
        self.periods.begin_tick(world)
        good = world.tick()
        oracle.end_tick(good)
        if not good:
            self._watch()
            return
        self._failing_ms, self._dog, self._sick = None, True, 0
        self.periods.end_tick(world)
        if self.periods.lost or world.files.hidden or world.flash.fail:
            return
        self.reader.bill_what_closed()
        if world.ms >= self._month_ms:
            self._month()

    def _watch(self):
        """The watchdog, which is fed by good ticks and sleeps until the first one."""
        now_ms = self.world.ms
        faulty = self.world.flash.fail or self.world.files.hidden
        self._sick = 0 if faulty or self.world.ic.stuck_select is not None else self._sick + 1
        failure = self.world.meter.failure
        need(self._sick < _SICK_TICKS, f"{_SICK_TICKS} ticks fail without any fault: {failure}")
        if self._failing_ms is None:
            self._failing_ms = now_ms
            self.later(_WATCHDOG_S, self.tick)
        elif self._dog and now_ms - self._failing_ms >= _WATCHDOG_S * 1000:
            self._dog, self._failing_ms = False, None
            self.watchdogs += 1
            self.reset()

    def _month(self):
        self._months += 1
        self._month_ms = self.world.ms + _MONTH_MS
        self.reader.verify(whole=self._months % 12 == 0)

    def _guarded(self, act):
        """Do it; the power may go or the CPU be reset in the midst of it."""
        try:
            act()
        except PowerCut:
            self.cut(self.off_ms)
        except CpuReset:
            self.reset()

    def _booted(self):
        self.oracle.world = self.world
        self.oracle.booted()

    def _started(self):
        self.oracle.started()
        if self.world.meter.state == "ready":
            self.periods.started(self.world)

    # what operations do to it

    def cut(self, off_ms):
        if self.world.meter is None:
            return
        self.oracle.stopped("cut")
        self.world.power_off()
        self._failing_ms, self._dog = None, False
        self._on_ms = self.world.ms + off_ms

    def last_gasp(self):
        """As the scheduler calls it, when a pin tells that the power begins to fail."""
        try:
            self.world.meter.last_gasp(self.world.clock.now())
        except MeterError as error:
            self.world.meter.fault(error)

    def _power_on(self, tick=True):
        self._on_ms = None
        self.world.power_on()
        self.later(_HOLD_S + 1, self.tick)
        if tick:
            self.tick()

    def reset(self):
        if self.world.meter is not None:
            self.oracle.stopped("reset")
            self.world.boot()
            self.tick()

    def ask(self, role, line):
        """A request as it comes; it is answered, whatever it is and however the meter is."""
        if self.world.meter is None:
            return None
        raw = self.world.service.handle(role, line)
        need(len(raw) <= _LINE_MAX, f"an answer of {len(raw)} bytes to {line[:80]}")
        need(not self.world.meter.locked, f"locked after {line[:80]}")
        reply = json.loads(raw)
        need(("ok" in reply) != ("error" in reply), f"{line[:80]} is answered by {reply}")
        return reply

    def push(self, digest, when):
        if not self.world.is_started:
            return
        contract, periods = self.world.meter.contract, self.periods
        if digest != periods.plan.digest:
            periods.pending = digest, 0  # it may be in force before the answer is there
        reply = self.request("tariff", digest=digest, when=when)
        periods.see_pending(contract.w)
        periods.lost = contract.lost
        if "ok" in reply and isinstance(when, int) and digest != periods.plan.digest:
            need(reply["ok"]["at"] == when or not periods.closed[1:], f"push at {when}: {reply}")
        if "ok" in reply and when == "period" and periods.pending and periods.closed:
            end = None if contract.lost else periods.plan.period_end(periods.closed[-1].utc)
            need(end in (None, reply["ok"]["at"]), f"push: {reply}, the period ends at {end}")

    def set_clock(self, utc):
        if self.world.is_started:
            self.request("clock", utc=utc)

    def request(self, do, **args):
        """-> the answer to the maker; None without power"""
        return self.ask("maker", json.dumps({"id": 1, "do": do, "args": args}).encode())
