"""The demand charges of a URDB sheet: flat by month, and by period of the day."""

from dataclasses import dataclass
from decimal import Decimal

from wattledger.urdb import urdb_energy
from wattledger.urdb.urdb_energy import Schedule
from wattledger.urdb.urdb_sheet import Sheet

BOUND_DECIMALS = 6  # kW, down to the mW
WINDOWS_MIN = (5, 6, 10, 12, 15, 20, 30, 60)  # divide an hour, the grid of the schedules


@dataclass(frozen=True)
class Charge:
    """bounds: upper ends of all tiers but the last, kW; prices: a kW, by tier."""

    bounds: tuple[Decimal, ...]
    prices: tuple[Decimal, ...]

    @property
    def free(self) -> bool:
        return not any(self.prices)


@dataclass(frozen=True)
class Demand:
    """flat: (charge, months 1..12, period number); tou: charge by period number.

    weekday, weekend   [month][hour] -> period number, or None where no charge has a price
    """

    flat: list[tuple[Charge, tuple[int, ...], int]]
    tou: dict[int, Charge]
    weekday: Schedule | None
    weekend: Schedule | None

    @property
    def is_empty(self) -> bool:
        return not self.flat and not self.tou


def read(sheet: Sheet, assume_zero: bool) -> Demand:
    flat = _flat(sheet, assume_zero)
    name = "demandratestructure"
    periods = sheet.periods(name)
    if periods is None:
        for part in ("weekday", "weekend"):
            table = sheet.schedule(f"demand{part}schedule")
            if table and any(any(row) for row in table):
                sheet.note(f"demand{part}schedule", f"ignored: there is no {name}")
        return Demand(flat, {}, None, None)
    weekday, weekend = urdb_energy.schedules(sheet, "demand", len(periods), name)
    charges = {
        period: _charge(sheet, f"{name}[{period}]", periods[period], assume_zero)
        for period in urdb_energy.used(weekday, weekend)
    }
    for period in range(len(periods)):
        if period not in charges:
            sheet.note(f"{name}[{period}]", "never in force by the schedules: left out")
    tou = {period: charge for period, charge in charges.items() if not charge.free}
    if not tou:
        return Demand(flat, {}, None, None)
    _kilowatts(sheet, "demandrateunit")
    return Demand(flat, tou, weekday, weekend)


def _flat(sheet: Sheet, assume_zero: bool) -> list[tuple[Charge, tuple[int, ...], int]]:
    """Months with the same charge are one."""
    name = "flatdemandstructure"
    periods, months = sheet.periods(name), sheet.by_month("flatdemandmonths")
    if periods is None:
        if months and any(months):
            sheet.note("flatdemandmonths", f"ignored: there is no {name}")
        return []
    if months is None:
        sheet.note(name, "NOT BILLED: flatdemandmonths, which says when, is missing")
        return []
    charges: dict[Charge, tuple[list[int], int]] = {}
    for m, period in enumerate(months):
        if period >= len(periods):
            sheet.fail(
                f"flatdemandmonths[{m}]",
                f"period {period} is not defined: {name} has {len(periods)}, the first is 0:"
                " correct it, or add the period",
            )
        charge = _charge(sheet, f"{name}[{period}]", periods[period], assume_zero)
        charges.setdefault(charge, ([], period))[0].append(m + 1)
    for period in range(len(periods)):
        if period not in months:
            sheet.note(f"{name}[{period}]", "never in force by flatdemandmonths: left out")
    flat = [(c, tuple(at), period) for c, (at, period) in charges.items() if not c.free]
    if flat:
        _kilowatts(sheet, "flatdemandunit")
    return flat


def _charge(sheet: Sheet, entry: str, tiers: list[dict[str, object]], assume_zero: bool) -> Charge:
    bounds = urdb_energy.bounds_of(sheet, entry, tiers, BOUND_DECIMALS)
    prices = tuple(
        urdb_energy.price_of(sheet, f"{entry}[{t}]", tier, assume_zero)
        for t, tier in enumerate(tiers[: len(bounds) + 1])
    )
    if any(prices):
        for t, tier in enumerate(tiers[: len(bounds) + 1]):
            _is_kilowatt(sheet, f"{entry}[{t}].unit", tier.get("unit"))
    return Charge(bounds, prices)


def _kilowatts(sheet: Sheet, entry: str) -> None:
    _is_kilowatt(sheet, entry, sheet.get(entry))


def _is_kilowatt(sheet: Sheet, entry: str, unit: object) -> None:
    if unit is None or unit == "":
        return
    if not isinstance(unit, str) or unit.strip().lower() != "kw":
        sheet.fail(entry, f'"{unit}": this meter bills demand in kW, by the month: it cannot')


def window_min(sheet: Sheet, asked: int | None) -> int:
    """Minutes over which demand is a mean: as asked, or by the sheet, or 15 with a note."""
    written = sheet.optional("demandwindow")
    if asked is not None:
        if written is not None and written != asked:
            sheet.note("demandwindow", f"{written:f} min in the sheet: {asked} taken, as asked")
        return asked
    if written is None or written == 0:
        sheet.note("demandwindow", "not in the sheet: 15 min taken: --window-min chooses another")
        return 15
    if written not in WINDOWS_MIN:
        sheet.fail(
            "demandwindow",
            f"{written:f} min: expected one of {', '.join(map(str, WINDOWS_MIN))}:"
            " --window-min chooses one",
        )
    return int(written)
