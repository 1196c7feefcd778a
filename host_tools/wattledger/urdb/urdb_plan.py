"""The periods of a URDB sheet as the rates, tier sets and days of a tariff file.

A rate is what differs in price or in demand charge: an energy period beside a demand period.
"""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from wattledger.urdb import urdb_energy
from wattledger.urdb.urdb_demand import Demand
from wattledger.urdb.urdb_energy import DAYS, PER, Block, Energy
from wattledger.urdb.urdb_sheet import MONTHS

PRORATA, PER_RATE = "prorata", "per_rate"
Day = tuple[str, ...]  # by hour, the name of the rate


@dataclass(frozen=True)
class Rate:
    """period, demand: numbers in the sheet; tiers: name of a set or None."""

    name: str
    block: Block
    period: int
    demand: int | None
    tiers: str | None


@dataclass(frozen=True)
class Tiers:
    name: str
    mode: str
    per: str
    bounds: tuple[Decimal, ...]


@dataclass(frozen=True)
class Plan:
    """rates by name; days: [month] -> (weekday, weekend)."""

    rates: dict[str, Rate]
    sets: list[Tiers]
    days: list[tuple[Day, Day]]

    @property
    def fallback(self) -> str:
        """The rate of most hours of a year."""
        hours: Counter[str] = Counter()
        for weekday, weekend in self.days:
            for day, weight in ((weekday, 5), (weekend, 2)):
                for name in day:
                    hours[name] += weight
        return max(self.rates, key=lambda name: hours[name])

    def of_demand(self, period: int) -> list[str]:
        return [rate.name for rate in self.rates.values() if rate.demand == period]


def plan(energy: Energy, demand: Demand, tier_mode: str | None, merge: bool) -> Plan:
    """merge: periods that cost the same are one rate, where that changes no bill."""
    same = _merged(energy) if merge and tier_mode != PER_RATE else {}
    found: dict[str, tuple[int, int | None, Block]] = {}
    days = []
    for m in range(len(MONTHS)):
        month = []
        for hours, demand_hours in (
            (energy.weekday[m], demand.weekday[m] if demand.weekday else None),
            (energy.weekend[m], demand.weekend[m] if demand.weekend else None),
        ):
            day = []
            for h, number in enumerate(hours):
                period = same.get(number, number)
                charge = demand_hours[h] if demand_hours else None
                charge = charge if charge in demand.tou else None
                block = urdb_energy.reckoned(energy.blocks[period], m)
                name = _name(period, charge, m if block != energy.blocks[period] else None)
                found[name] = (period, charge, block)
                day.append(name)
            month.append(tuple(day))
        days.append((month[0], month[1]))
    ordered = dict(sorted(found.items(), key=lambda item: _order(item[1])))
    sets = _sets(ordered, tier_mode)
    rates = {
        name: Rate(name, block, period, charge, sets[name].name if name in sets else None)
        for name, (period, charge, block) in ordered.items()
    }
    return Plan(rates, list(dict.fromkeys(sets.values())), days)


def _merged(energy: Energy) -> dict[int, int]:
    """period -> the first one that costs the same."""
    first: dict[Block, int] = {}
    return {period: first.setdefault(block, period) for period, block in energy.blocks.items()}


def _name(period: int, charge: int | None, month: int | None) -> str:
    name = f"period_{period}"
    if charge is not None:
        name += f"_demand_{charge}"
    return name if month is None else f"{name}_{DAYS[month]}_days"


def _order(item: tuple[int, int | None, Block]) -> tuple[int, int, tuple[Decimal, ...]]:
    period, charge, block = item
    return period, -1 if charge is None else charge, block.bounds


def _sets(
    rates: dict[str, tuple[int, int | None, Block]], tier_mode: str | None
) -> dict[str, Tiers]:
    """-> the tier set of each rate that has tiers; those with equal bounds share one.

    per_rate means: a period has its tiers for itself. If demand splits it into several rates,
    these share a set of their own, pro rata: the same bill.
    """
    stepped = {name: item for name, item in rates.items() if item[2].bounds}
    split = Counter((period, block) for period, _, block in stepped.values())
    sets: dict[tuple[str, tuple[Decimal, ...], int | None], Tiers] = {}
    chosen = {}
    for name, (period, _, block) in stepped.items():
        mode, own = tier_mode or "", None
        if tier_mode == PER_RATE and split[period, block] > 1:
            mode, own = PRORATA, period
        key = (*block.steps, own)
        if key not in sets:
            sets[key] = Tiers(f"tiers_{len(sets)}", mode, PER[block.unit], block.bounds)
        chosen[name] = sets[key]
    return chosen
