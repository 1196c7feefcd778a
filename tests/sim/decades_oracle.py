"""What must be true of a meter at each commit, each tick and each start.

The truth is what the IC's model measured, in counts; a register in units of mWh / den shows it
exactly. `lost` is what is missing for a reason: never more than the reason allows.
"""

from collections import deque

from meter import codes, limits
from meter.civil import EPOCH
from meter.sample import APPARENT, EXPORT, IMPORT, Q1, Q2, Q3, Q4

CHANNELS = ("import", "export", "reactive plus", "reactive minus", "apparent")
_LEDGER = 3  # ring ids
# A clock that is 5 s behind is waited for; after power came back nothing is written for 10 s.
_SAVED_MS = 1000 * (limits.SAVE_PERIOD_S + 16)
_WAITED_S = 5  # for a clock that is so little behind
_SAVED_TICKS = limits.SAVE_PERIOD_S + 12  # where the clock does not tell
# LastSPIData proves the data of a read, not its address: what another register would have to
# hold to go unseen, the most that can come in a second and the one before.
_UNSEEN_COUNTS = 626
_TWICE_TICKS = 2  # so soon after an event was written a reset may have it written again
_NAMES = {
    codes.EVENT_CHIP_RESET: "chip reset",
    codes.EVENT_GLITCH: "glitch",
    codes.EVENT_SATURATED: "saturated",
    codes.EVENT_CHIP_FAULT: "chip fault",
}


class Broken(Exception):
    """A promise does not hold."""


def need(condition, text):
    if not condition:
        raise Broken(text)


class State:
    """What a register commit holds."""

    def __init__(self, live):
        self.t = live.t
        self.registers, self.rates = list(live.registers), list(live.rates)
        self.carries = list(live.carries)

    def __eq__(self, other):
        return vars(self) == vars(other)

    __hash__ = None


class Oracle:
    """world      decades_world.World
    counters   {name: int}, doubts {reason: counts}, for the summary
    lost       counts by channel that are missing, each for a reason
    on_ledger  called with the bytes of each ledger record that was appended
    events     {event: its `after`} since the tick began; doubted: since the last good one
    told       events since the good tick before the last one
    limits     [(core second, event, level), ...] of the limiter since the tick began
    flipped    a bit that went to the IC was flipped: it may have become another address
    was_cut    the power went, and no event says so yet
    """

    def __init__(self):
        self.world, self.on_ledger = None, None
        self.counters = {"commits": 0, "ticks": 0, "starts": 0}
        self.lost, self.true, self.doubts = [0] * 5, (0,) * 5, {}
        self.kept, self._tried = None, []  # State: acknowledged, and begun since then
        self.events, self.doubted, self.limits = {}, set(), []
        self.told = set()
        self._heads = {}  # ring -> seq of the newest acknowledged record
        self._ends_with = None  # "cut" or "reset", of the last core
        self._totals = deque(maxlen=_SAVED_TICKS + 1)  # (ms, counts by channel) of good ticks
        self._odd = 0  # ticks for which the clock does not tell how long ago a commit was
        self._suspects = []  # what was missing at the last good tick
        self.was_cut = self._is_told = self.flipped = False
        self._told_ticks = _TWICE_TICKS  # good ones since the meter told of a power failure

    # hooks

    def booted(self):
        """Watch a new core."""
        meter = self.world.meter
        journal = meter.journal
        commit_e, log = journal.commit_e, meter.events.log

        def committed(e):
            self._tried.append(State(meter.live))
            commit_e(e)
            self._committed(meter)

        def logged(event, t, before=0, after=0):
            self.events[event] = after
            self.doubted.add(event)
            if event in (codes.EVENT_LIMIT, codes.EVENT_LIMIT_END):
                self.limits.append((t, event, after))
            log(event, t, before, after)
            if event == codes.EVENT_POWER_FAIL:
                known = self.was_cut or self._told_ticks < _TWICE_TICKS
                need(known, "the meter tells of a power failure that never was")
                self._is_told = True

        journal.commit_e, meter.events.log = committed, logged
        for number, ring in enumerate(journal.rings[2:], 2):
            self._watch(number, ring)

    def _watch(self, number, ring):
        append = ring.append

        def appended(record, seq=0):
            head = self._heads.get(number, 0)
            if seq and seq == head:  # a start affirms the newest one
                held = bytearray(ring.slot_size)
                need(ring.read(seq, held), f"ring {number}: record {seq} cannot be read")
                need(held[:-4] == record[:-4], f"ring {number}: {seq} again, and not the same")
                return append(record, seq)
            at = append(record, seq)
            need(ring.last_seq > head, f"ring {number}: seq {ring.last_seq} again, was at {head}")
            self._heads[number] = ring.last_seq
            if number == _LEDGER and self.on_ledger:
                self.on_ledger(bytes(record))
            return at

        ring.append = appended

    # commits

    def _committed(self, meter):
        self.counters["commits"] += 1
        state, before = self._tried[-1], self.kept
        self.conserved(state, meter.contract.w.export_mask)
        need(meter.broken is None, f"the meter says that it is broken: {meter.broken}")
        if before:
            self.rises(before, state, "at a commit")
        self.kept, self._tried = state, []

    def conserved(self, state, export_mask):
        for channel in (IMPORT, EXPORT):
            rates = sum(
                energy
                for register, energy in enumerate(state.rates)
                if export_mask >> register & 1 == channel
            )
            total = state.registers[channel]
            need(rates == total, f"{CHANNELS[channel]}: rates give {rates}, the total is {total}")

    def rises(self, before, state, where):
        for name in ("registers", "rates"):
            old, new = getattr(before, name), getattr(state, name)
            for i in range(len(old)):
                need(new[i] >= old[i], f"{where}: {name}[{i}] fell from {old[i]} to {new[i]}")

    # ticks

    def begin_tick(self):
        self.true = self.world.ic.true_counts()
        self.events.clear()
        self.limits.clear()
        self.before = State(self.world.meter.live)

    def end_tick(self, good):
        """good: it raised nothing."""
        self.counters["ticks"] += 1
        meter = self.world.meter
        if not good:
            return
        self._told_ticks = 0 if self._is_told else self._told_ticks + 1
        if self._is_told:
            self.was_cut = self._is_told = False
        held, waiting = self._counts(meter.live), self._waiting(meter)
        self._energy_is_exact(held, waiting)
        self.rises(self.before, State(meter.live), "in a tick")
        self._is_saved()
        self._totals.append((self.world.ms, [held[k] + waiting[k] for k in range(5)]))

    @property
    def clock_is_valid(self):
        """It says so, and is not behind what was counted to: then the meter takes a step of it, or
        since a start waits until it is set."""
        clock = self.world.clock
        is_behind = clock.now() - EPOCH < self.world.meter.live.t - _WAITED_S
        return clock.quality() > 0 and not is_behind

    def _energy_is_exact(self, held, waiting):
        suspects = []  # an IC that was reset within a read shows it in the next
        for k in range(5):
            missing = self.true[k] - self.lost[k] - held[k] - waiting[k]
            if not missing:
                continue
            doubt = {e for e in self.doubted if e >> 8 == codes.METROLOGY}
            if self.flipped and not doubt and abs(missing) <= _UNSEEN_COUNTS:
                doubt.add("flipped address")
            if not doubt:
                suspects.append(f"{CHANNELS[k]}: {missing} counts are missing")
            self._lose(k, missing, " and ".join(sorted(map(_name, doubt))) or "told a tick later")
        metrology = any(e >> 8 == codes.METROLOGY for e in self.doubted)
        # While nothing may be written, after the power came back, the meter only keeps it in mind.
        is_told = metrology or self.world.meter._flags
        need(not self._suspects or is_told, f"{self._suspects}, and no event says so")
        self._suspects = suspects
        self.told, self.doubted = self.doubted, set()

    def _lose(self, k, missing, reason):
        self.lost[k] += missing
        if missing:
            self.doubts[reason] = self.doubts.get(reason, 0) + abs(missing)

    def _is_saved(self):
        """What had come a save period ago is committed."""
        saved, old = self._counts(self.kept), None
        odd = not self.clock_is_valid or self.kept.t > self.world.meter.live.t
        self._odd = _SAVED_TICKS + 1 if odd else max(0, self._odd - 1)
        if self._odd:
            if len(self._totals) > _SAVED_TICKS:
                old = self._totals[0][1]
        else:
            for ms, totals in self._totals:
                if ms > self.world.ms - _SAVED_MS:
                    break
                old = totals
        for k in range(5 if old else 0):
            late = old[k] - saved[k]
            need(late <= 0, f"{CHANNELS[k]}: {late} counts are not saved after a save period")

    def _counts(self, state):
        """-> what is in the registers, in counts by channel."""
        num, den = self.world.chip.energy_ratio
        units = [state.registers[k] * den + state.carries[k] for k in range(7)]
        for k in range(7):
            need(units[k] % num == 0, f"channel {k}: a part of a count is missing")
        return _by_channel([value // num for value in units])

    def _waiting(self, meter):
        return _by_channel([meter.sample.counts[k] - meter.live.seen[k] for k in range(7)])

    # starts

    def stopped(self, how):
        """The core is gone. how: "cut" or "reset"."""
        self.true = self.world.ic.true_counts()
        if self._ends_with != "cut":  # else that core has not started yet
            self._ends_with = how
        self._totals.clear()
        if how == "cut":
            self._suspects, self.was_cut, self._is_told = [], True, False

    def started(self):
        """A new core has mounted: it stands where the last commit was acknowledged, or where
        the one that was broken off would have."""
        meter = self.world.meter
        if meter.state != "ready":
            return
        self.counters["starts"] += 1
        state = State(meter.live)
        if self.kept is not None and state != self.kept:
            need(
                state in self._tried,
                f"after a {self._ends_with}: {vars(state)}, committed was {vars(self.kept)}",
            )
            self.rises(self.kept, state, "at a start")
        self.conserved(state, meter.contract.w.export_mask)
        for number, ring in enumerate(meter.journal.rings[2:], 2):
            head = self._heads.get(number, 0)
            need(ring.last_seq >= head, f"ring {number}: ends at {ring.last_seq}, was at {head}")
            self._heads[number] = ring.last_seq
        if self._ends_with == "cut":
            held = self._counts(state)
            for k in range(5):
                missing = self.true[k] - self.lost[k] - held[k]
                need(missing >= 0, f"{CHANNELS[k]}: {-missing} counts too many after a cut")
                self._lose(k, missing, "power cut")
        self.kept, self._tried, self._ends_with = state, [], None


def _name(event):
    return _NAMES.get(event, str(event))


def _by_channel(values):
    plus, minus = values[Q1] + values[Q2], values[Q3] + values[Q4]
    return [values[IMPORT], values[EXPORT], plus, minus, values[APPARENT]]
