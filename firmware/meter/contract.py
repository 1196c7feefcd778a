"""The contract of the customer: the tariff in force, the next one, and the open part of the
billing period. What it does seldom is in `meter.terms`."""

from meter import codes
from meter.civil import EPOCH
from meter.compat import forget
from meter.states import WState

NONE = bytes(8)
_NOWHERE = (-1, None)


class Contract:
    """Keeps the W record: pointers to the tariffs, open part, tiers.

    w           states.WState, replaced in one store by the next one once that is committed
    tariff      tariff.Tariff in force; without a price before the first one
    riders      what only some tariffs need (prices, limiter, demand), in this order: objects
                with the public methods of demand.Demand
    lost        True when the file of the tariff in force is missing or altered
    period_end  core second at which the open billing period ends, or None before the first
    """

    def __init__(self, meter, files):
        self.meter, self.files = meter, files
        self.w = WState()
        from meter import tariff_check

        self.tariff = tariff_check.unassigned()
        forget("meter.tariff_check")
        self.lost = False
        self.riders = ()
        self.period_end = None
        self.ridden = self.tariff, False  # the tariff whose riders these are, with prices or not
        self.told = None  # number of the part that the riders know
        self.planned = None  # the W record that all of these follow from; None: at a start
        self._bound = _NOWHERE  # rate, and the import total at which its next tier begins

    def restore(self, w, t):
        """A start: take over the newest W record (None: a new meter) and its tariff."""
        if w is not None:
            self.w = w
        self.planned = None
        # A part that begins at t is one that the riders' state in the newest E knows nothing of.
        self.told = self.w.period if self.w.period_start < t + EPOCH else None
        self.refresh(t)

    def refresh(self, t):
        """Make tariff, riders and period end follow from w, if an interrupt left them behind."""
        w = self.w
        if self.planned is w:
            return
        digest = w.active_digest
        if digest != NONE and (self.lost or not self.tariff.digest.startswith(digest.hex())):
            self.terms("follow", t)
        if self.ridden[0] is not self.tariff or (w.price_digest != NONE and not self.ridden[1]):
            self.terms("ride")
        self._bound, self.period_end = _NOWHERE, None
        if w.period and not self.lost:  # a calendar that is not the customer's ends no period
            end = self.tariff.calendar.period_end(w.period_start - EPOCH, self.tariff.billing_day)
            self.period_end = end
        if self.told != w.period:
            for rider in self.riders:
                rider.opened(self.meter.live)
            self.told = w.period
        self.planned = w

    def terms(self, do, *args):
        """Run a function of `meter.terms` on this contract, and let go of the module."""
        from meter import terms

        try:
            return getattr(terms, do)(self, *args)
        finally:
            forget("meter.terms")

    def take(self, w, t):
        """Commit a W record, then let it hold: broken off before that, the old one does."""
        self.meter.journal.commit_w(w)
        self.w = w
        self.refresh(t)

    def part_end(self):
        """-> core second at which the open part is to end: with the billing period, or by a
        change of tariff before that. None before the first period."""
        end = self.period_end
        return None if end is None else self.next_border(end)

    def next_border(self, border):
        """-> the earlier of border and what this contract does next."""
        if self.period_end is not None:
            border = min(border, self.period_end)
        if self.w.passive_digest != NONE:
            border = min(border, self.w.passive_at - EPOCH)
        return border

    def step(self, rate=None):
        """-> tier set << 3 | tier of it, for a rate, or for the one in force; 0: no set."""
        index = self.tariff.tier_set(self.meter.rate if rate is None else rate)
        return index << 3 | self.w.tiers >> 3 * index & 7 if index >= 0 else 0

    def bound_mwh(self, rate, live):
        """-> import total at which the next tier begins if `rate` goes on, or None: never.

        Only the chronological mode has such a bound.
        """
        found = self._bound
        if found[0] != rate:
            bound, index = None, self.tariff.tier_set(rate)
            if index >= 0 and self.tariff.tier_sets[index][0] == "chronological":
                bound = self.terms("next_bound", index, live)
            found = self._bound = rate, bound
        return found[1]

    def cross(self, rate, live):
        """The import total stands exactly on a tier bound: note it and go to the next tier."""
        step = self.step(rate)
        self.meter.book.snapshot(codes.TIER, live, self, step)
        live.status |= codes.CROSSING
        w = self.w.copy()
        w.tiers = w.tiers + (1 << 3 * (step >> 3)) & 0xFFFF
        self.take(w, live.t)

    def settle(self, live):
        """Close the part and change the tariff if it is time. Every step can be repeated.

        Called when the registers of live.t are committed.
        """
        due = self.w.passive_digest != NONE and live.t + EPOCH >= self.w.passive_at
        ended = self.period_end is not None and live.t >= self.period_end
        if due or ended:
            self.terms("close", live, codes.PERIOD if ended else codes.TARIFF, due)
