"""The energy charge of a URDB sheet: periods of price tiers, and who is in force when."""

from dataclasses import dataclass, replace
from decimal import Decimal

from wattledger.urdb.urdb_sheet import BEYOND, MONTHS, Sheet, plain

DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
BOUND_DECIMALS = 6  # kWh, down to the mWh

# unit of `max` -> [tiers] per; kWh/kW daily is reckoned out for the days of each month
PER = {"kwh": "period", "kwh daily": "day", "kwh/kw": "kw", "kwh/kw daily": "kw"}
_KW_DAILY = "kwh/kw daily"

Schedule = list[list[int]]


@dataclass(frozen=True)
class Block:
    """One period: what a kWh costs by tier.

    bounds   upper ends of all tiers but the last, kWh (per day, per kW); unit  theirs
    prices   by tier; sell   what a kWh fed in earns
    """

    unit: str
    bounds: tuple[Decimal, ...]
    prices: tuple[Decimal, ...]
    sell: Decimal

    @property
    def steps(self) -> tuple[str, tuple[Decimal, ...]]:
        return (self.unit, self.bounds) if self.bounds else ("", ())


@dataclass(frozen=True)
class Energy:
    """blocks by period number; weekday, weekend: [month][hour] -> period number."""

    blocks: dict[int, Block]
    weekday: Schedule
    weekend: Schedule


def read(sheet: Sheet, assume_zero: bool, per_rate: bool) -> Energy:
    """ToolError: names the entry that cannot be billed."""
    name = "energyratestructure"
    periods = sheet.periods(name)
    if periods is None:
        if not assume_zero:
            sheet.fail(name, "missing: no price for energy: --assume-zero takes 0")
        sheet.note(name, "missing: taken as 0, as asked")
        periods = [[{"rate": Decimal(0)}]]
    weekday, weekend = schedules(sheet, "energy", len(periods), name)
    blocks = {
        period: _block(sheet, f"{name}[{period}]", periods[period], assume_zero)
        for period in used(weekday, weekend)
    }
    unused(sheet, name, len(periods), blocks)
    if not per_rate:
        _same_steps(sheet, blocks, weekday, weekend)
    return Energy(blocks, weekday, weekend)


def schedules(sheet: Sheet, kind: str, periods: int, name: str) -> tuple[Schedule, Schedule]:
    """-> the weekday and the weekend schedule; each names only periods that are defined."""
    found = []
    for part in ("weekday", "weekend"):
        entry = f"{kind}{part}schedule"
        table = sheet.schedule(entry)
        if table is None:
            if periods > 1 or sheet.get(f"{kind}weekdayschedule") is not None:
                sheet.fail(entry, f"missing: which of the {periods} periods of {name} holds?")
            sheet.note(entry, f"missing: the only period of {name} always holds")
            table = [[0] * 24 for _ in MONTHS]
        for m, row in enumerate(table):
            for h, period in enumerate(row):
                if period >= periods:
                    sheet.fail(
                        f"{entry}[{m}][{h}]",
                        f"period {period} is not defined: {name} has {periods}, the first is 0:"
                        " correct the schedule, or add the period",
                    )
        found.append(table)
    return found[0], found[1]


def used(weekday: Schedule, weekend: Schedule) -> list[int]:
    return sorted({period for row in weekday + weekend for period in row})


def unused(sheet: Sheet, name: str, periods: int, blocks: dict[int, Block]) -> None:
    for period in range(periods):
        if period not in blocks:
            sheet.note(f"{name}[{period}]", "never in force by the schedules: left out")


def _block(sheet: Sheet, entry: str, tiers: list[dict[str, object]], assume_zero: bool) -> Block:
    units = [_unit(sheet, f"{entry}[{t}].unit", tier) for t, tier in enumerate(tiers)]
    bounds = bounds_of(sheet, entry, tiers, BOUND_DECIMALS)
    prices = tuple(
        price_of(sheet, f"{entry}[{t}]", tier, assume_zero) for t, tier in enumerate(tiers)
    )
    # A step in kWh inside of one in kWh/kW is a block of its own kind, with or without an end.
    bounded = units if units[0].startswith("kwh/kw") else units[: len(bounds)]
    for t, unit in enumerate(bounded):
        if bounds and unit != units[0]:
            sheet.fail(
                f"{entry}[{t}].unit",
                f'"{unit}" beside "{units[0]}": steps of one period in two units cannot be billed',
            )
    sells = [_sell(sheet, f"{entry}[{t}].sell", tier) for t, tier in enumerate(tiers)]
    if len(set(sells)) > 1:
        t = next(t for t, sell in enumerate(sells) if sell != sells[0])
        sheet.fail(
            f"{entry}[{t}].sell",
            f"{plain(sells[t])} beside {plain(sells[0])}: what is fed in has no tiers:"
            " expected one price a period",
        )
    return Block(units[0], bounds, prices[: len(bounds) + 1], sells[0])


def bounds_of(
    sheet: Sheet, entry: str, tiers: list[dict[str, object]], decimals: int
) -> tuple[Decimal, ...]:
    """-> upper ends of all tiers but the last, ascending; the last has none."""
    bounds: list[Decimal] = []
    for t, tier in enumerate(tiers):
        value, at = tier.get("max"), f"{entry}[{t}].max"
        bound = None if value is None else sheet.number(at, value)
        if bound is not None and bound > BEYOND:
            if bound < Decimal("1e30"):
                sheet.note(at, f"{bound:f} is more than a meter can count: taken as no limit")
            bound = None
        if bound is None:
            if t + 1 < len(tiers):
                sheet.note(f"{entry}[{t + 1}]", f"above a tier without a limit, {at}: left out")
            break
        if t + 1 == len(tiers):
            sheet.fail(
                at,
                f"{plain(bound)}: the last tier ends, and what is used above it would have no"
                " price: leave max out, or add a tier",
            )
        bound = sheet.price(at, bound, decimals)
        if bound <= (bounds[-1] if bounds else 0):
            sheet.fail(at, f"{plain(bound)} is not above the tier before it: put them in order")
        bounds.append(bound)
    return tuple(bounds)


def price_of(sheet: Sheet, entry: str, tier: dict[str, object], assume_zero: bool) -> Decimal:
    """rate + adj."""
    rate, adj = tier.get("rate"), tier.get("adj")
    if rate is None:
        if not assume_zero:
            sheet.fail(entry, "no rate: --assume-zero takes 0")
        sheet.note(entry, "no rate: taken as 0, as asked")
    total = Decimal(0) if rate is None else sheet.number(f"{entry}.rate", rate)
    if adj is not None:
        total += sheet.number(f"{entry}.adj", adj)
    return sheet.price(entry if adj is not None else f"{entry}.rate", total)


def _unit(sheet: Sheet, entry: str, tier: dict[str, object]) -> str:
    value = tier.get("unit")
    if value in (None, ""):
        return "kwh"
    unit = " ".join(value.lower().split()) if isinstance(value, str) else ""
    if unit not in PER:
        sheet.fail(entry, f'"{value}" cannot be billed: expected kWh, kWh daily, kWh/kW, ...')
    return unit


def _sell(sheet: Sheet, entry: str, tier: dict[str, object]) -> Decimal:
    value = tier.get("sell")
    return Decimal(0) if value is None else sheet.price(entry, sheet.number(entry, value))


def _same_steps(
    sheet: Sheet, blocks: dict[int, Block], weekday: Schedule, weekend: Schedule
) -> None:
    """Tiers over all rates need the same bounds in each period of a month."""
    for m, month in enumerate(MONTHS):
        first, *others = used([weekday[m]], [weekend[m]])
        for other in others:
            if blocks[other].steps != blocks[first].steps:
                sheet.fail(
                    f"energyratestructure[{other}]",
                    f"tiers {_steps(blocks[other])}, but {_steps(blocks[first])} in"
                    f" energyratestructure[{first}], and both are in force in {month}:"
                    " tiers over all rates must be equal; --tier-mode per_rate keeps them apart",
                )


def _steps(block: Block) -> str:
    ends = [*(plain(bound) for bound in block.bounds), "rest"]
    return f"up to {', '.join(ends)} {block.unit}" if block.bounds else "of one step"


def reckoned(block: Block, month: int) -> Block:
    """kWh/kW daily -> kWh/kW for the days of this month; others as they are."""
    if block.unit != _KW_DAILY or not block.bounds:
        return block
    return replace(block, unit="kwh/kw", bounds=tuple(b * DAYS[month] for b in block.bounds))
