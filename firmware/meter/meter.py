"""The meter: told the time once a second, it counts, splits, closes and saves."""

from meter import codes
from meter.accounts import Accounts
from meter.book import Book
from meter.civil import EPOCH
from meter.compat import const
from meter.contract import Contract
from meter.events import EventLog
from meter.fields import LAST_GASP
from meter.limits import GAP_S, SAVE_PERIOD_S
from meter.retained import Retained
from meter.sample import GLITCH, IMPORT, RESET, SATURATED, Sample
from meter.states import EState
from meter.timekeeping import HOLD_S, Timekeeping

_CALM_S = const(3600)  # a run this long was a clean one
_NO_PRICES = (0, 0, 0)
_FLAGS = (
    (RESET, codes.CHIP_RESET, codes.EVENT_CHIP_RESET),
    (GLITCH, codes.GLITCH, codes.EVENT_GLITCH),
    (SATURATED, codes.SATURATED, codes.EVENT_SATURATED),
)


class Meter(Timekeeping):
    """A running meter on its ports (design: chip, clock, retained, files) and its journal.

    key       of the evidence chains, 32 bytes; all zero: unkeyed
    state     "ready"; "blank" / "foreign" while the journal waits to be formatted; "stopped"
              before it could be mounted
    accounts  accounts.Accounts; accounts.live has the registers now
    contract  contract.Contract: tariff, its riders, and the open part
    e         states.EState: what the next commit writes, and the last one wrote
    pricing   prices.Prices if the tariff has prices by interval, else None
    locked    True while somebody else changes state: a tick leaves its energy for the next
    broken    (total, sum of its rates) once promise 2 broke; blocks the bill
    failure   text of the last error of chip or flash, None after a good tick
    calibration_fault   what was wrong with its record at the start, or None
    measuring   measuring.Measuring while somebody compares with a reference, or None
    quality   quality.Quality if the board watches it, else None
    security_fault   why keys or seal could not be read at the start, or None
    gate      security.gate.Gate once app has made it, None: no keys, no seal
    """

    def __init__(self, ports, journal, key=bytes(32)):
        self.ports, self.journal, self.key = ports, journal, key
        self.events = EventLog(journal, key)
        self.book = Book(journal, key)
        self.e = EState()
        self.pricing = None
        self.settled = None  # rows of a part, added up by meter.statement
        self.accounts = Accounts(*ports.chip.energy_ratio)
        self.rate = 0  # in force now
        self.contract = Contract(self, ports.files)
        self.sample = Sample()
        self.state = "stopped"
        self.locked = False
        self.broken = None
        self._flags = 0  # of the reads that no tick has noted yet
        self.failure = None
        self.calibration_fault = None
        self.measuring = None
        self.quality = ports.quality
        self.gate = None
        self.security_fault = None
        self._border = 0  # core second at which something is due
        self._retained = Retained(ports.retained)
        self._saved_t = 0  # core second of the last commit
        self._ticks = 0  # since then
        self._affirmed = True
        self._tick_t = 0  # core second that the last tick was told
        self._start_timekeeping()

    @property
    def live(self):
        return self.accounts.live

    def start(self):
        """Mount the journal and take up where the last commit left off."""
        journal = self.journal
        journal.mount()
        self.state = journal.state
        if self.state != "ready":
            return
        self._resume = codes.EVENT_FORMAT
        e = journal.newest_e
        if e is not None:
            self.e = e.copy()  # the journal affirms the one it read, unchanged
            self.accounts.restore(e)
            seen = self._retained.recall(e.commit)
            self._resume = codes.EVENT_POWER_FAIL
            if seen is not None:
                self.live.seen[:] = seen
                self._recall_power_on()
            if self._resume == codes.EVENT_POWER_FAIL:
                self._note_unclean()
            self.e.boot = e.boot + 1 & 0xFFFF
        self._affirmed = False
        self.contract.restore(journal.newest_w, self.live.t)
        # The interval that ends at live.t may still want its row.
        self.rate = self.rate_at(self.live.t - 1)

    def tick(self, now):
        """About once a second; runs to completion, never blocks. now: Unix seconds.

        MeterError: the chip or the flash did not answer; nothing is lost, the next tick
        goes on.
        """
        if not self.locked and self.state == "ready":
            self.count(now)

    def count(self, now):
        """A tick for somebody who holds the lock and must see its effect."""
        self.ports.chip.read(self.sample)
        self._flags |= self.sample.flags
        early = self._is_early(now)
        self._retained.store(self._unlogged(), self.sample.counts)
        self.failure = None
        if self.measuring is not None:
            self.measuring.add(self.sample, now)
        if early:
            return
        self.affirm()
        self._tick_t = t = now - EPOCH
        self._note(t)
        t = self._trusted(t)
        self._settle_due()
        if self._invalid:
            self._count(t, t)
        while self.live.t < t:
            self._count(t, min(self._border, t))
            self._settle_due()
        self._ticks += 1
        if self.live.t - self._saved_t >= SAVE_PERIOD_S or self._ticks > SAVE_PERIOD_S:
            self.commit()
        if self.quality is not None:
            self.quality.tick(self, self._tick_t, self.live.t >= self._calm_t)

    def commit(self):
        """Write the registers to flash now, then let the journal do one piece of upkeep."""
        self.affirm()
        live = self.live
        self.broken = self.broken or self.accounts.imbalance(self.contract.w.export_mask)
        if self.broken:
            self.events.log(codes.EVENT_IMBALANCE, live.t, *self.broken)
        try:
            self._save(0)
        finally:
            # By the time told too: live.t stands still while something cannot be written.
            if max(live.t, self._tick_t) >= self._calm_t:
                self.journal.maintain()

    def affirm(self):
        """Once a start, before anything is committed: see Journal.reaffirm."""
        if not self._affirmed:
            self.journal.reaffirm()
            self._affirmed = True

    def last_gasp(self, now):
        """The supply is failing: count and save, one program, no upkeep until it is good again.

        now: Unix seconds. Called from the scheduler, as a tick is, and ignored before the
        first one.
        """
        if self.locked or self.state != "ready" or self._resume is not None:
            return
        self.ports.chip.read(self.sample)
        t = max(self.live.t, min(now - EPOCH, self._border))
        self._count(t, t)
        self._calm_t = t + HOLD_S
        self._save(LAST_GASP)

    def _save(self, flags):
        live, e = self.live, self.e
        if live.t - self._calm_t >= _CALM_S:
            e.flags = 0
        e.flags = e.flags & ~LAST_GASP | flags
        self.accounts.save(e)
        for rider in self.contract.riders:
            rider.save(e)
        self.journal.commit_e(e)
        self._retained.committed(e.commit, live.seen)
        self._retained.store(self._unlogged(), self.sample.counts)
        self._saved_t = live.t
        self._ticks = 0

    def replan(self):
        """Settle and look again what is due at the next tick: the contract, a rate or prices
        changed."""
        self._border = min(self._border, self.live.t)

    def fault(self, error):
        """The chip or the flash failed in a tick or at the start: an alert, and an event."""
        self.failure = str(error)
        if self.state == "ready":
            self.events.log(codes.EVENT_CHIP_FAULT, self.live.t)

    def miscalibrated(self, fault):
        """At the start. fault: what is wrong with the record of the calibration, None: nothing."""
        self.calibration_fault = fault
        if fault and self.state == "ready":
            self.events.log(codes.EVENT_CALIBRATION_LOST, self.live.t)

    def alerts(self):
        """-> what is wrong now, in words."""
        found = []
        if self.failure:
            found.append(self.failure)
        if self.calibration_fault:
            found.append(self.calibration_fault)
        if self.security_fault:
            found.append(self.security_fault)
        if self.state != "ready":
            found.append("journal " + self.state + ": nothing is stored")
        if self.broken:
            found.append("rates and total differ: bill blocked")
        if self._invalid:
            found.append("clock invalid: fallback rate")
        if self.contract.lost:
            found.append("tariff file missing or altered")
        return found

    def _note(self, t):
        """Voltage extremes and the flags of this read; repeating it changes nothing.

        What the IC did not confirm, or lost, is at most what Pmax brings since the last tick.
        """
        live, sample = self.live, self.sample
        for v_mv in sample.v_mv:
            if v_mv:
                v_dv = min(v_mv // 100, 0xFFFE)
                live.v_min_dv = min(live.v_min_dv, v_dv)
                live.v_max_dv = max(live.v_max_dv, v_dv)
        if self._flags:
            since_s = min(max(1, t - live.t), GAP_S)
            doubt_mwh = self.ports.chip.pmax_w * since_s * 5 * 1000 // (4 * 3600) + 1
            for flag, status, event in _FLAGS:
                if self._flags & flag:
                    live.status |= status
                    self.events.log(event, live.t, 0, doubt_mwh)
            self._flags = 0

    def _counting(self):
        """-> the import rate that energy counts into."""
        return self.contract.tariff.fallback if self._invalid else self.rate

    def _count(self, now, until):
        tariff, rate = self.contract.tariff, self._counting()
        imported, exported = tariff.register(rate), tariff.register(tariff.export_of[rate])
        bound = self.contract.bound_mwh(rate, self.live)
        self.accounts.advance(self.sample.counts, now, until, imported, exported, bound)
        if self.contract.lost:
            self.live.status |= codes.TARIFF_LOST

    def _settle_due(self):
        self.contract.refresh(self.live.t)
        rate = self._counting()
        bound = self.contract.bound_mwh(rate, self.live)
        if bound is not None and self.live.registers[IMPORT] >= bound:
            self.commit()
            self.contract.cross(rate, self.live)
        if self.live.t >= self._border:
            self._settle()

    def _settle(self):
        """Do what is due at live.t. Every step can be repeated after an interrupt."""
        live, contract = self.live, self.contract
        calendar = contract.tariff.calendar
        self.commit()
        if calendar.interval_end(live.t - 1, self._interval_s) == live.t:
            self._row()
            self.events.flush(live.t)
        if calendar.midnight(live.t - 1) == live.t != self.book.snapshot_t:
            self.book.snapshot(codes.DAY, live, contract, contract.step())
        for rider in contract.riders:
            rider.settle(live)
        contract.settle(live)
        self._plan()

    def _row(self):
        live, contract = self.live, self.contract
        if self.book.row_t == live.t:
            return
        began = self.book.row_t if self.book.row_t is not None else live.t
        duration_s = live.t - began
        if duration_s != self._interval_s:
            live.status |= codes.PARTIAL
            duration_s = max(0, min(duration_s, self._interval_s))
        prices = self.pricing.row(self.rate, live.status) if self.pricing else _NO_PRICES
        register, tier = contract.tariff.register(self.rate), contract.step() & 7
        self.book.row(live, register, tier, duration_s, prices)
        live.status, live.v_min_dv, live.v_max_dv = 0, 0xFFFF, 0

    def _plan(self):
        """Look up the rate now and the next second at which anything is due."""
        live, calendar = self.live, self.contract.tariff.calendar
        end, rate = calendar.segment(live.t)[0], self.rate_at(live.t)
        if rate != self.rate and self.book.row_t != live.t:
            live.status |= codes.RATE_SWITCH
        self.rate = rate
        end = min(end, calendar.interval_end(live.t, self._interval_s))
        for rider in self.contract.riders:
            end = min(end, rider.border(live.t))
        self._border = self.contract.next_border(end)

    def rate_at(self, t):
        """-> the import rate that counts at core second t: the calendar's, or a rider's."""
        rate = self.contract.tariff.calendar.segment(t)[1]
        for rider in self.contract.riders:
            rate = rider.rate(rate, t)
        return rate

    @property
    def _interval_s(self):
        return self.contract.tariff.interval_s
