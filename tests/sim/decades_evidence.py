"""Reads a simulated meter through its service, as the host does, and checks what it shows."""

from pathlib import Path

from meter import codes
from meter.partition import LAYOUT
from tests.sim.decades_bill import Bill, Part, members
from tests.sim.decades_oracle import need
from wattledger import reading
from wattledger.errors import ToolError
from wattledger.verification import chain_check, evidence, verify, verify_bills

_ROWS = 3200  # of the profile in a check of the last weeks
_KEPT = 9000  # entries of a ring
_BILLS = 3
_SHORT_RINGS = [(3, slot_size, seq_at) for _, slot_size, seq_at in LAYOUT]
_SHORT_SECTORS = 3 * len(LAYOUT) + 3


class Link:
    """What wattledger.link is to a meter on a port."""

    def __init__(self, world):
        self._world = world

    def request(self, do, **args):
        reply = self._world.ask(do, **args)
        if "error" in reply:
            raise ToolError(f"{do}: {reply['error']['code']}: {reply['error']['text']}")
        return reply["ok"]

    def names(self, folder):
        return [f"{digest}.json" for digest in self._world.files.held]

    def read(self, path):
        return self._world.files.load(Path(path).stem)


class RamCache(reading.Cache):
    def __init__(self):
        super().__init__(None)
        self._kept = {}

    def load(self, ring):
        return self._kept.get(ring, [])

    def save(self, ring, entries):
        self._kept[ring] = entries[-_KEPT:]


class Evidence(evidence.Evidence):
    """Unpacks each record and each tariff once. unpacked: {entry: record}."""

    def records(self, ring):
        if ring not in self.kept:
            self.kept[ring] = [self._unpacked(entry) for entry in self.rings[ring]]
        return self.kept[ring]

    def _unpacked(self, entry):
        found = self.unpacked.get(entry)
        if found is None:
            found = self.unpacked[entry] = entry.record()
        return found

    def tariff(self, digest):
        if digest not in self.kept:
            self.kept[digest] = super().tariff(digest)
        return self.kept[digest]

    @classmethod
    def of(cls, found, unpacked):
        made = cls(**vars(found))
        made.kept, made.unpacked = {}, unpacked
        return made


class Reader:
    """bills, verified   how many were checked
    flash_failed      sectors may be lost to a flash that did, and a ring is short without fraud
    """

    def __init__(self, world, periods):
        self._world, self._periods = world, periods
        self._link, self._cache, self._unpacked = Link(world), RamCache(), {}
        self._billed = 1  # the next period to be billed
        self.bills = self.verified = 0
        self.flash_failed = False

    def bill_what_closed(self):
        """Ask for the bill of each period that closed since the last call."""
        while self._billed < len(self._periods.closed):
            self._check_bill(self._billed)
            self._billed += 1

    def verify(self, whole):
        """The host's verify over all that the meter holds, or over the last weeks.

        Difference: what it found.
        """
        found = evidence.collect(self._link) if whole else self._recent()
        self._unpacked = {} if whole else self._unpacked
        found = Evidence.of(found, self._unpacked)
        if not self.flash_failed:
            verify.verify(found)
        else:
            for check in (verify.records, verify.totals, verify.monotone, verify.profile):
                check(found)
            verify.calendar(found)
            verify_bills.bills(found)
            chain_check.check(found, {}, (), _SHORT_RINGS, _SHORT_SECTORS)
        self.verified += 1

    def _recent(self):
        link = self._link
        rings = {ring: self._held(ring) for ring in reading.RINGS}
        rings["profile"] = rings["profile"][-_ROWS:]
        found = evidence.Evidence(link.request("info"), link.request("registers"), rings)
        closed = self._periods.closed
        for period in range(max(1, len(closed) - _BILLS), len(closed) + bool(closed)):
            bill = self._bill(period)
            if bill is not None:
                found.bills[bill.period] = bill
        digests = {record.digest.hex() for record in closed} | {
            bill.digest for bill in found.bills.values()
        }
        for digest in digests - {evidence.NO_TARIFF}:
            found.tariffs[digest] = reading.read_tariff(link, digest)
        found.schedules = self._world.files.schedules
        return found

    def _held(self, ring):
        """-> what is still on the meter; of that, only what is new is read."""
        entries = reading.read_ring(self._link, ring, self._cache)
        held = self._link.request("rows", ring=ring, from_seq=1, n=0)
        return entries[-max(1, held["last"] + 1 - held["first"]) :]

    def _bill(self, period):
        """-> MeterBill, or None: the meter says that it has lost the rows that decide it."""
        try:
            return reading.read_bill(self._link, period)
        except ToolError as error:
            if "the profile begins at row" not in str(error):
                raise
        first = self._link.request("rows", ring="profile", from_seq=1, n=0)["first"]
        opening = self._periods.closed[period - 1]
        need(first > opening.profile_seq + 1, f"bill of period {period}: its rows are there")
        return None

    def _check_bill(self, period):
        """The bill of a closed part against the second one; its maxima against what flowed."""
        shown, periods = self._bill(period), self._periods
        if shown is None:
            periods.flow.forget(period)
            return
        opening, closing = periods.closed[period - 1 : period + 1]
        plan = periods.plans[closing.digest.hex()]
        crossings = self._crossings(period)
        name = f"bill of period {period}"
        if period not in periods.unknown:
            for index, tiers in enumerate(plan.data["tiers"]):
                if tiers["mode"] == "chronological":
                    self._check_crossings(name, plan, index, opening, closing, crossings)
        if plan.data["demand"]:
            periods.flow.check(plan, opening, closing, periods.events)
        periods.flow.forget(period)
        history = [record.demand for record in periods.closed[period - 1 : 0 : -1]]
        crossed = [(record.tier >> 3, record.rates) for record in crossings]
        rows = self._rows(plan, opening, closing)
        expected = Bill(plan, Part(opening, closing, crossed, rows, history))
        wanted = expected.lines
        need(len(shown.lines) == len(wanted), f"{name}: {shown.lines}, expected {wanted}")
        for line, want in zip(shown.lines, wanted, strict=True):
            got = tuple(line[key] for key in ("kind", "name", "tier", "price", "rounded"))
            need(got == (*want[:3], want[4], want[6]), f"{name}: {line}, expected {want}")
            for key, value in (("quantity", want[3]), ("amount", want[5])):
                need(line[key][0] == value * line[key][1], f"{name}: {line}, expected {want}")
        need(shown.total == expected.total, f"{name}: total {shown.total}")
        money = list(closing.money)
        lost = period in periods.unknown and money == list(opening.money)
        need(lost or money == expected.money, f"{name}: carries {money}, {expected.money}")
        self.bills += 1

    def _check_crossings(self, name, plan, index, opening, closing, crossings):
        """A set is crossed where its rates have used what its tiers hold in the planned part:
        a change that is scheduled in it lowers that."""
        rates = members(plan, index)

        def used(record):
            return sum(record.rates[r] - opening.rates[r] for r in rates)

        end = plan.period_end(opening.utc)
        planned = self._periods.soonest[closing.period] or end
        low = plan.bounds(index, opening.utc, min(planned, end))
        high = plan.bounds(index, opening.utc, end)
        found = [used(record) for record in crossings if record.tier >> 3 == index]
        sound = len(found) <= len(low)
        for mwh, least, most in zip(found, low, high, strict=False):
            sound = sound and least <= mwh <= most
        missing = [bound for bound in high[len(found) :] if bound < used(closing)]
        need(
            sound and not missing,
            f"{name}: set {index} at {found}, expected {low} to {high}, used {used(closing)}",
        )

    def _rows(self, plan, opening, closing):
        """-> the rows of a part, if they decide on its bill"""
        if not plan.data["dynamic"] and plan.data["netting"]["mode"] != "interval":
            return []
        entries = reading.read_ring(self._link, "profile", self._cache)
        first = entries[0].record().seq if entries else 1
        ends = opening.profile_seq + 1 - first, closing.profile_seq + 1 - first
        need(ends[0] >= 0, f"rows of period {closing.period} are gone: nothing can be compared")
        return [entry.record() for entry in entries[ends[0] : ends[1]]]

    def _crossings(self, period):
        entries = reading.read_ring(self._link, "snapshots", self._cache)
        found = [entry.record() for entry in entries[-200:]]
        return [r for r in found if r.reason == codes.TIER and r.period == period]
