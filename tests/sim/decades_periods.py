"""Billing periods and rates as the calendar of the test wants them."""

from meter import codes
from meter.civil import EPOCH
from meter.records import Ledger
from meter.sample import EXPORT, IMPORT
from tests.sim.decades_calendar import Plan
from tests.sim.decades_demand import Flow
from tests.sim.decades_levels import Levels
from tests.sim.decades_oracle import State, need

UNASSIGNED = Plan(
    {
        "zone_name": "",
        "rates": [{"name": "unassigned", "export": 0, "prices": [0], "tiers": -1}],
        "exports": [{"name": "export", "prices": [0]}],
        "tiers": [],
        "seasons": [[1, 1, 0]],
        "weeks": [[0] * 7],
        "days": [[[0, 0]]],
        "special_days": [],
        "billing_day": 1,
        "interval_s": 900,
        "fallback": 0,
        "limiter": None,
    },
    "0" * 64,
)
_EVENTS = 60  # of the newest price schedules
_STEPS = {codes.EVENT_CLOCK_STEP, codes.EVENT_FORMAT}


class Periods:
    """plans    {digest: Plan} of every tariff pushed
    plan     in force; lost: its file is not there
    pending  (digest, Unix s) of the next, or None
    events   [(Unix s, Unix s, rate), ...] of the newest price schedules
    flow     decades_demand.Flow; levels: decades_levels.Levels
    closed   Ledger records, oldest first
    soonest  by part: the earliest end that was ever planned for it, or None
    """

    def __init__(self, oracle):
        self.oracle, self.plans = oracle, {UNASSIGNED.digest: UNASSIGNED}
        self.plan, self.lost, self.pending = UNASSIGNED, False, None
        self.closed, self.changes, self.soonest = [], [], [None]
        self.events, self.flow, self.levels = [], Flow(), Levels()
        self._was_lost = False  # since the last close
        self.unknown = set()  # periods in which the file was lost: nobody saw a tier crossed
        self._exports = set(UNASSIGNED.exports)

    @property
    def running(self):
        """-> the Plan that the meter counts with."""
        return UNASSIGNED if self.lost else self.plan

    def ledger(self, raw):
        """A period has closed; raw: the record."""
        record = Ledger()
        record.unpack(raw)
        name = f"ledger of period {record.period}"
        need(record.period == len(self.closed), f"{name}: expected {len(self.closed)}")
        kept = self.oracle.kept
        same = (record.registers, record.rates) == (kept.registers, kept.rates)
        need(same, f"{name}: its registers are not the committed ones")
        need(record.digest.hex() == self.plan.digest, f"{name}: of another tariff")
        self.see_pending(self.oracle.world.meter.contract.w)
        due = self.pending is not None and record.utc >= self.pending[1]
        at = self.pending[1] if due else record.utc
        need(record.utc == at, f"{name}: at {record.utc}, the tariff was to start at {at}")
        if record.period:
            start = self.closed[-1].utc
            need(record.period_start == start, f"{name}: starts at {record.period_start}")
            end = self.plan.period_end(start)
            late = self._was_lost and record.utc > end  # without its file it cannot know
            ends = late or record.utc == end
            need(ends or record.reason != codes.PERIOD, f"{name}: at {record.utc} not {end}")
        need(due or record.reason == codes.PERIOD, f"{name}: reason {record.reason}")
        self.closed.append(record)
        self.flow.part_ended(record.utc)
        self.soonest.append(None)
        if self._was_lost:
            self.unknown.add(record.period)
        self._was_lost = self.lost
        if due:
            self.plan, self.pending, self.lost = self.plans[self.pending[0]], None, False
            self.changes.append((record.utc, self.plan))
            self._exports -= set(range(self.plan.imports))
            self._exports |= self.plan.exports

    def started(self, world):
        """A new core: what it has may be one step ahead of what was acknowledged."""
        ring, raw = world.meter.journal.ledger, bytearray(512)
        if ring.last_seq > len(self.closed):
            need(ring.read(ring.last_seq, raw), "ledger: the newest record cannot be read")
            self.ledger(bytes(raw))
        contract = world.meter.contract
        self.lost = contract.lost
        self._was_lost = self._was_lost or self.lost
        self.see_pending(contract.w)
        self.flow.started(State(world.meter.live))
        self.levels.forget()

    def see_pending(self, w):
        self.pending = None
        for digest in self.plans:
            if digest.startswith(w.passive_digest.hex()) and int(digest, 16):
                self.pending = digest, w.passive_at
                self.soonest[-1] = min(self.soonest[-1] or w.passive_at, w.passive_at)

    def priced(self, schedule):
        """A price schedule was taken: a dict."""
        events = [(begin, end, int(name[1:])) for begin, end, name in schedule["events"]]
        self.events = [*self.events, *events][-_EVENTS:]

    def begin_tick(self, world):
        self.changes = []
        self._before = self.running
        self._state, self._knew = world.meter.contract.w.limiter_state, not self.lost

    def end_tick(self, world):
        """Energy of a tick went to the rates of its time, each in proportion."""
        before, now = self.oracle.before, State(world.meter.live)
        t0, t1 = before.t + EPOCH, now.t + EPOCH
        if not self.oracle.clock_is_valid:
            pieces = [(0, 1, {self._before.data["fallback"]}, self._before)]
        elif self.oracle.events.keys() & _STEPS or t1 <= t0:
            pieces = []
        elif codes.EVENT_POWER_FAIL in self.oracle.events:
            pieces = self._pieces(self.oracle.events[codes.EVENT_POWER_FAIL], t1)
        else:
            pieces = self._pieces(t0, t1)
        if now.registers != before.registers and self.oracle.clock_is_valid:
            need(not self.oracle.was_cut, "energy is counted, and no event tells of the cut")
        for channel in (IMPORT, EXPORT):
            self._shares(channel, pieces, before, now)
        self.flow.tick(before, now, self.oracle, self._knew and not self.lost)
        self.levels.tick(self.running, self.flow.stretch, world.meter.contract.w.limiter_state)
        state, outputs = world.meter.contract.w.limiter_state, world.outputs.on
        wanted = list(self.running.outputs(state))
        need(self.lost or outputs == wanted, f"outputs {outputs}, levels {state:b}: {wanted}")

    def _pieces(self, t0, t1):
        """-> [(start, end, import rates that may have counted, Plan), ...]"""
        found, plan = [], self._before
        for at, following in [*self.changes, (t1, None)]:
            at = max(t0, min(at, t1))
            if t0 < at:
                for a, b, state in self._states(t0, at):
                    for start, end, rate in plan.rates_between(a, b):
                        rates = {rate} | plan.of_events(start, end, self.events)
                        limited = {plan.limited(rate, state) for rate in rates}
                        found.append((start, end, limited, plan))
            t0, plan = at, following
        return found

    def _states(self, t0, t1):
        """Yields (start, end, levels of the limiter that have tripped) over [t0, t1)."""
        state = self._state
        for t, event, level in self.oracle.limits:
            at = max(t0, min(t + EPOCH, t1))
            if t0 < at:
                yield t0, at, state
            t0 = at
            state = state | 1 << level if event == codes.EVENT_LIMIT else state & ~(1 << level)
        if t0 < t1:
            yield t0, t1, state

    def _shares(self, channel, pieces, before, now):
        total = now.registers[channel] - before.registers[channel]
        span = sum(end - start for start, end, *_ in pieces)
        sure, most = {}, {}
        for start, end, rates, plan in pieces:
            registers = {plan.registers(rate)[channel] for rate in rates}
            for register in registers:
                share = total * (end - start) / span
                most[register] = most.get(register, 0) + share
                if len(registers) == 1:
                    sure[register] = sure.get(register, 0) + share
        slack = 17 * (len(pieces) + 5) + 2 * total / span if len(most) > 1 else 0.5
        for register in set(most) | self._others(channel):
            grown = now.rates[register] - before.rates[register]
            low, high = sure.get(register, 0), most.get(register, 0)
            off = slack if register in most else 0
            need(
                low - off <= grown <= high + off,
                f"rate register {register} grew by {grown} mWh from {before.t} to {now.t}, the"
                f" calendar gives {low:.0f} to {high:.0f}",
            )

    def _others(self, channel):
        """-> registers that are known to count this channel."""
        return self._exports if channel == EXPORT else set(range(16)) - self._exports
