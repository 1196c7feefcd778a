"""Billing periods and rates as the calendar of the test wants them."""

from meter import codes
from meter.civil import EPOCH
from meter.records import Ledger
from meter.sample import EXPORT, IMPORT
from tests.sim.decades_calendar import Plan
from tests.sim.decades_oracle import State, need

UNASSIGNED = Plan(
    {
        "zone_name": "",
        "rates": [{"name": "unassigned", "export": 0, "prices": [0]}],
        "exports": [{"name": "export", "prices": [0]}],
        "tiers": {"mode": "none", "per": "period", "bounds": []},
        "seasons": [[1, 1, 0]],
        "weeks": [[0] * 7],
        "days": [[[0, 0]]],
        "special_days": [],
        "billing_day": 1,
        "fallback": 0,
    },
    "0" * 64,
)
_STEPS = {codes.EVENT_CLOCK_STEP, codes.EVENT_FORMAT}


class Periods:
    """plans    {digest: Plan} of every tariff pushed
    plan     in force; lost: its file is not there
    pending  (digest, Unix s) of the next, or None
    closed   Ledger records, oldest first
    """

    def __init__(self, oracle):
        self.oracle, self.plans = oracle, {UNASSIGNED.digest: UNASSIGNED}
        self.plan, self.lost, self.pending = UNASSIGNED, False, None
        self.closed, self.changes = [], []
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
        due = self.pending is not None and record.utc >= self.pending[1]
        if record.period:
            start = self.closed[-1].utc
            need(record.period_start == start, f"{name}: starts at {record.period_start}")
            end = self.plan.period_end(start)
            late = self._was_lost and record.utc > end  # without its file it cannot know
            ends = late or record.utc == end
            need(ends or record.reason != codes.PERIOD, f"{name}: at {record.utc} not {end}")
        need(due or record.reason == codes.PERIOD, f"{name}: reason {record.reason}")
        self.closed.append(record)
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

    def see_pending(self, w):
        self.pending = None
        for digest in self.plans:
            if digest.startswith(w.passive_digest.hex()) and int(digest, 16):
                self.pending = digest, w.passive_at

    def begin_tick(self):
        self.changes = []
        self._before = self.running

    def end_tick(self, world):
        """Energy of a tick went to the rates of its time, each in proportion."""
        before, now = self.oracle.before, State(world.meter.live)
        t0, t1 = before.t + EPOCH, now.t + EPOCH
        if not self.oracle.clock_is_valid:
            pieces = [(0, 1, self._before.registers(self._before.data["fallback"]))]
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

    def _pieces(self, t0, t1):
        """-> [(start, end, (import register, export register)), ...]"""
        found, plan = [], self._before
        for at, following in [*self.changes, (t1, None)]:
            at = max(t0, min(at, t1))
            if t0 < at:
                found += [(a, b, plan.registers(r)) for a, b, r in plan.rates_between(t0, at)]
            t0, plan = at, following
        return found

    def _shares(self, channel, pieces, before, now):
        grown = [b - a for a, b in zip(before.rates, now.rates, strict=True)]
        total = now.registers[channel] - before.registers[channel]
        span = sum(end - start for start, end, _ in pieces)
        expected = {}
        for start, end, registers in pieces:
            register = registers[channel]
            expected[register] = expected.get(register, 0) + total * (end - start) / span
        most = 17 * (len(pieces) + 5) + 2 * total / span if len(expected) > 1 else 0
        named = set(expected) | self._others(channel)
        for register in named:
            want = expected.get(register, 0)
            off = abs(grown[register] - want)
            slack = most if register in expected else 0
            need(
                off <= slack,
                f"rate register {register} grew by {grown[register]} mWh from {before.t} to"
                f" {now.t}, the calendar gives {want:.0f}",
            )

    def _others(self, channel):
        """-> registers that are known to count this channel."""
        return self._exports if channel == EXPORT else set(range(16)) - self._exports
