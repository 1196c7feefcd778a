"""The contract of the customer: the tariff in force, the next one, and the billing period."""

from meter import codes
from meter.civil import EPOCH
from meter.compat import forget
from meter.errors import MeterError
from meter.records import WState
from meter.sample import IMPORT

_NONE = bytes(8)


class Contract:
    """Keeps the W record: pointers to the tariffs, billing period, tier.

    w           states.WState, replaced in one store by the next one once that is committed
    tariff      tariff.Tariff in force; without a price before the first one
    lost        True when the file of the tariff in force is missing or altered
    bound_mwh   import total at which the next tier begins, or None
    period_end  core second at which the open billing period closes, or None before the first
    """

    def __init__(self, journal, book, events, files):
        self._journal, self._book = journal, book
        self._events, self._files = events, files
        self.w = WState()
        from meter import tariff_check

        self.tariff = tariff_check.unassigned()
        forget("meter.tariff_check")
        self.lost = False
        self.bound_mwh = self.period_end = None
        self._planned = None  # the W record that all of these follow from

    def restore(self, w, t):
        """Take over the newest W record (None: a new meter) and its tariff."""
        if w is not None:
            self.w = w
        self.refresh(t)

    def refresh(self, t):
        """Make tariff, bound and period end follow from w, if an interrupt left them behind."""
        w = self.w
        if self._planned is w:
            return
        digest = w.active_digest
        if digest != _NONE and (self.lost or not self.tariff.digest.startswith(digest.hex())):
            try:
                self.tariff, self.lost = self._load(digest), False
            except MeterError:
                self.lost = True
                self._events.log(codes.EVENT_TARIFF_LOST, t, _as_int(digest))
        self._plan()
        self._planned = w

    def schedule(self, digest_hex, live, t, at_once):
        """Make a tariff file the next one: at core second t, or when the open period closes.

        t      now; the first tariff of a meter starts then in any case
        The one in force goes on, and what was to follow it is dropped.
        -> Unix second at which it starts. MeterError: no such file, not a tariff, or one that
        turns a register with energy in it round.
        """
        digest, w = bytes.fromhex(digest_hex)[:8], self.w.copy()
        found = self._load(digest)
        if digest == w.active_digest:
            w.passive_digest, at = _NONE, w.active_since
        else:
            self._turned(found, live)
            at = (t if at_once or self.period_end is None else self.period_end) + EPOCH
            w.passive_digest, w.passive_at = digest, at
        self._take(w, t)
        return at

    def next_border(self, border):
        """-> the earlier of border and what this contract does next."""
        if self.period_end is not None:
            border = min(border, self.period_end)
        if self.w.passive_digest != _NONE:
            border = min(border, self.w.passive_at - EPOCH)
        return border

    def of_period(self, period):
        """-> the Tariff under which this billing period ran. MeterError: its file is gone."""
        if period == self.w.period:
            if self.lost:
                raise MeterError("bill: the tariff file is missing or altered: push it again")
            return self.tariff
        record = self._book.closed(period)
        if record is None:
            raise MeterError(
                "bill: period " + str(period) + " asked, open is " + str(self.w.period)
                + ": ask for one that the ledger holds"
            )  # fmt: skip
        return self._load(record.digest[:8])

    def cross(self, live):
        """The import total stands exactly on a tier bound: note it and go to the next tier."""
        self._book.snapshot(codes.TIER, live, self)
        live.status |= codes.CROSSING
        w = self.w.copy()
        w.tier += 1
        self._take(w, live.t)

    def settle(self, live):
        """Close the period and change the tariff if it is time. Every step can be repeated.

        Called when the registers of live.t are committed.
        """
        due = self.w.passive_digest != _NONE and live.t + EPOCH >= self.w.passive_at
        ended = self.period_end is not None and live.t >= self.period_end
        if due or ended:
            self._close(live, codes.PERIOD if ended else codes.TARIFF, due)

    def _close(self, live, reason, due):
        before, w = self.w, self.w.copy()
        closed = self._book.closed(w.period)
        if closed is None:  # else something broke off between the ledger and the W record
            self._book.ledger(reason if w.period else codes.START, live, self)
            closed = self._book.closed(w.period)
        w.period = closed.period + 1
        w.period_start = closed.utc
        w.tier, w.tier_base_mwh = 0, closed.registers[IMPORT]
        if due:
            w.export_mask = self._turned(self._load(w.passive_digest), live)
            w.active_digest, w.active_since = w.passive_digest, closed.utc
            w.passive_digest = _NONE
            live.status |= codes.TARIFF_CHANGE
        self._take(w, live.t)
        self._events.log(codes.EVENT_PERIOD, live.t, before.period, w.period)
        if due:
            digests = _as_int(before.active_digest), _as_int(w.active_digest)
            self._events.log(codes.EVENT_TARIFF, live.t, *digests)

    def _take(self, w, t):
        """Commit a W record, then let it hold: broken off before that, the old one does."""
        self._journal.commit_w(w)
        self.w = w
        self.refresh(t)

    def _plan(self):
        w, self.bound_mwh, self.period_end = self.w, None, None
        if not w.period or self.lost:
            return  # a calendar that is not the customer's closes no period
        start = w.period_start - EPOCH
        calendar = self.tariff.calendar
        end = calendar.period_end(start, self.tariff.billing_day)
        if self.tariff.tier_mode == "chronological":
            bounds = self.tariff.tier_bounds(start, end)
            if w.tier < len(bounds):
                self.bound_mwh = w.tier_base_mwh + bounds[w.tier]
        self.period_end = end

    def _load(self, digest):
        from meter import tariff_check

        name = digest.hex()
        text = self._files.load(name)
        if text is None:
            raise MeterError("tariff " + name + ": no such file: copy it before it is scheduled")
        try:
            found = tariff_check.load(text)
        finally:
            forget("meter.tariff_check")
        if not found.digest.startswith(name):
            raise MeterError("tariff " + name + ": file of " + found.digest + ": copy it again")
        return found

    def _turned(self, following, live):
        from meter import tariff_check

        mask = tariff_check.directions(following, self.w.export_mask, live.rates)
        forget("meter.tariff_check")
        return mask


def _as_int(digest):
    return int.from_bytes(digest[:7], "big")
