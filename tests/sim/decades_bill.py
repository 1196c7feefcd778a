"""A second bill, written from docs/tariffs.md alone, in Fractions.

Every kind of line is compared. Two things are taken from the meter as they are: the price of a
profile row (wattledger.verify_prices checks it against the schedules) and the demand maxima
(decades_demand checks them against what flowed). A minimum by year is for simulations only.
"""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

from meter import codes
from meter.sample import EXPORT, IMPORT, Q1, Q2

_MIXED = codes.CLOCK_INVALID | codes.RATE_SWITCH | codes.TARIFF_CHANGE | codes.TARIFF_LOST
_ALL_MONTHS = 4095


class Part:
    """opening, closing   Ledger records, or the like
    crossings   [(tier set, 16 rate registers in mWh), ...] in order
    rows        of the profile that end in the part, in order
    history     demand of the parts before, newest first
    """

    def __init__(self, opening, closing, crossings=(), rows=(), history=()):
        self.opening, self.closing, self.crossings = opening, closing, crossings
        self.rows, self.history = rows, history
        self.start, self.end = opening.utc, closing.utc


class Bill:
    """lines   [(kind, name, tier, quantity, price, amount, rounded), ...]; Fractions
    money   what is carried to the next part, as in the ledger
    """

    def __init__(self, plan, part):
        self._plan, self._part, self._data = plan, part, plan.data
        self._unit = Fraction(10**15, 10 ** plan.data["decimals"])
        self.lines, self.money = [], list(part.opening.money)
        self._spot, self._netted = {}, {}
        self._read_rows()
        self._energy()
        if self._data["demand"]:
            self._demand()
        self._charges()
        taxes = self._taxes()
        if self._data["netting"]["carry"] == "money":
            self._carry(sum(line[6] for line in self.lines + taxes))
        self.lines += taxes

    @property
    def total(self):
        return sum(line[6] for line in self.lines)

    def _line(self, kind, name, tier, quantity, price, amount):
        rounded = _rounded(Fraction(amount) / self._unit, self._data["rounding"])
        return kind, name, tier, quantity, price, amount, rounded

    def _add(self, *line):
        self.lines.append(self._line(*line))

    def _sum(self, kinds):
        return sum(line[6] for line in self.lines if line[0] in kinds)

    # energy

    def _read_rows(self):
        """What is priced, and what is netted, row by row."""
        plan, data, opening = self._plan, self._data, self._part.opening
        nets, dynamic = data["netting"]["mode"] == "interval", data["dynamic"] is not None
        if not nets and not dynamic:
            return
        seq, totals = opening.profile_seq, (opening.registers[IMPORT], opening.registers[EXPORT])
        for row in self._part.rows:
            energy = [row.import_mwh - totals[0], row.export_mwh - totals[1]]
            whole = row.seq == seq + 1 and not row.status & _MIXED and row.rate < plan.imports
            seq, totals = row.seq, (row.import_mwh, row.export_mwh)
            if not whole:
                continue
            sides = row.rate, plan.imports + data["rates"][row.rate]["export"]
            both = min(energy) if nets else 0
            prices = (row.price_nano, row.export_nano)
            for rate, mwh, price in zip(sides, energy, prices, strict=True):
                self._netted[rate] = self._netted.get(rate, 0) + both
                if row.price_id and self._rates[rate]["dynamic"]:
                    before = self._spot.get(rate, (0, 0))
                    self._spot[rate] = before[0] + mwh - both, before[1] + (mwh - both) * price

    @property
    def _rates(self):
        return self._data["rates"] + self._data["exports"]

    def _energy(self):
        plan, part = self._plan, self._part
        used = []
        for rate in range(len(self._rates)):
            register = plan.register(rate)
            grown = part.closing.rates[register] - part.opening.rates[register]
            used.append(Fraction(grown - self._netted.get(rate, 0)))
        if self._data["netting"]["mode"] == "month":
            self._net_month(used)
        for rate, source in enumerate(self._rates):
            kind, sign = ("energy", 1) if rate < plan.imports else ("export", -1)
            mwh, amount = self._spot.get(rate, (0, 0))
            if mwh:
                self._add(kind, source["name"], 0, Fraction(mwh), 0, sign * amount)
            for tier, quantity in self._tiers(rate, used, mwh):
                price = source["prices"][tier if len(source["prices"]) > 1 else 0]
                self._add(kind, source["name"], tier, quantity, price, sign * quantity * price)

    def _net_month(self, used):
        """What is sold lowers what was bought under the rates that name its export rate."""
        rates, imports = self._data["rates"], self._plan.imports
        keeps = self._data["netting"]["carry"] == "kwh"
        for n in range(len(self._data["exports"])):
            mine = [rate for rate in range(imports) if rates[rate]["export"] == n]
            bought, sold = sum(used[rate] for rate in mine), used[imports + n]
            if keeps:
                sold += self.money[2 + n]
            left = max(Fraction(0), bought - sold)
            for rate in mine:
                used[rate] = used[rate] * left / bought if bought else used[rate]
            used[imports + n] = max(Fraction(0), sold - bought)
            if keeps:
                self.money[2 + n], used[imports + n] = used[imports + n], Fraction(0)

    def _tiers(self, r, used, spot_mwh):
        """Yields (tier, mWh) of one rate."""
        plan, part = self._plan, self._part
        index = self._rates[r]["tiers"] if r < plan.imports else -1
        mode = self._data["tiers"][index]["mode"] if index >= 0 else "none"
        if mode == "none":
            steps = [used[r] - spot_mwh]
        elif mode == "chronological":
            crossed = [rates for crossed, rates in part.crossings if crossed == index]
            readings = [part.opening.rates, *crossed, part.closing.rates]
            steps = [b[r] - a[r] for a, b in pairwise(readings)]
        else:
            mine = [r] if mode == "per_rate" else members(plan, index)
            whole = sum(used[rate] for rate in mine)
            steps, last = [], 0
            for bound in [*self._bounds(index), whole]:
                top = max(last, min(bound, whole))
                steps.append(used[r] * (top - last) / whole if whole else 0)
                last = top
        for tier, step in enumerate(steps):
            if step:
                yield tier, Fraction(step)

    def _bounds(self, index):
        tiers = self._data["tiers"][index]
        if tiers["per"] != "kw":
            return self._plan.bounds(index, self._part.start, self._part.end)
        slot = 0
        for charge in self._data["demand"]["charges"]:
            if (charge["rates"], charge["highest"], charge["months"]) == ([], 1, _ALL_MONTHS):
                peak_mw = self._part.closing.demand[2 * slot]
                return [bound * peak_mw // 10**6 for bound in tiers["bounds"]]
            slot += charge["highest"]
        raise AssertionError("nothing measures the peak")

    # charges

    def _demand(self):
        part, slot = self._part, 0
        for charge in self._data["demand"]["charges"]:
            first, slot = slot, slot + charge["highest"]
            if not charge["months"] & self._months():
                continue
            kw = _mean(part.closing.demand, first, slot)
            if charge["ratchet"]:
                ppm, back = charge["ratchet"]
                earlier = [_mean(demand, first, slot) for demand in part.history[:back]]
                kw = max([kw, *(Fraction(ppm, 10**6) * each for each in earlier)])
            last = Fraction(0)
            for tier, bound in enumerate([*charge["bounds"], kw]):
                top = max(last, min(bound, kw))
                if top > last:
                    price = charge["prices"][tier]
                    quantity, last = top - last, top
                    self._add("demand", charge["name"], tier, quantity, price, quantity * price)

    def _months(self):
        """-> bits of the local months that the part touches"""
        day = self._plan.local(self._part.start).date()
        last = self._plan.local(max(self._part.start, self._part.end - 1)).date()
        found = 1 << day.month - 1
        while day < last:
            day += timedelta(days=1)
            found |= 1 << day.month - 1
        return found

    def _charges(self):
        """Reactive energy, fixed charges, the minimum."""
        plan, part, data = self._plan, self._part, self._data
        if data["reactive"]:
            price, free = data["reactive"]["price"], Fraction(data["reactive"]["free"], 10**9)
            before, after = part.opening.registers, part.closing.registers
            plus = after[Q1] + after[Q2] - before[Q1] - before[Q2]
            billed = plus - (after[IMPORT] - before[IMPORT]) * free
            if billed > 0:
                self._add("reactive", "reactive", 0, billed, price, billed * price)
        month = plan.share(part.start, part.end)
        per = {"day": Fraction(plan.days(part.start, part.end)), "month": month}
        per["year"] = month / 12
        for name, nano, each in data["fixed"]:
            self._add("fixed", name, 0, per[each], nano, per[each] * nano * 10**6)
        if data["minimum"]:
            nano, each, kinds = data["minimum"]
            missing = per[each] * nano * 10**6 - max(0, self._unit * self._sum(kinds))
            if missing > 0:
                self._add("minimum", "minimum", 0, per[each], nano, missing)
            self.money[1] = 0

    def _taxes(self):
        found = []
        for name, ppm, kinds in self._data["taxes"]:
            base = self._sum(kinds)
            amount = base * self._unit * ppm / 10**6
            found.append(self._line("tax", name, 0, Fraction(base), ppm, amount))
        return found

    def _carry(self, due):
        """A credit is kept, and pays what is due later; in whole units of rounding."""
        moved = -due if due < 0 else -min(due, (self.money[0] / self._unit).__floor__())
        if moved:
            self.money[0] += moved * self._unit
            self._add("carry", "carry", 0, Fraction(moved), 0, moved * self._unit)


def members(plan, index):
    """-> the import rates of a tier set"""
    return [r for r in range(plan.imports) if plan.data["rates"][r]["tiers"] == index]


def _mean(demand, first, until):
    """-> mW, of the slots that are filled"""
    filled = [demand[2 * slot] for slot in range(first, until) if demand[2 * slot + 1]]
    return Fraction(sum(filled), max(1, len(filled)))


def _rounded(value, rule):
    whole = abs(value).__floor__()
    rest = abs(value) - whole
    half = Fraction(1, 2)
    if rule != "down" and (rest > half or (rest == half and (rule == "half_up" or whole % 2))):
        whole += 1
    return -whole if value < 0 else whole
