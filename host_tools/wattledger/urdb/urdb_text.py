"""Writes the tariff file, in TOML for people, of what was read from a URDB sheet."""

import json
import textwrap
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

from wattledger.urdb.urdb_demand import Charge, Demand
from wattledger.urdb.urdb_fixed import Fixed
from wattledger.urdb.urdb_plan import Day, Plan
from wattledger.urdb.urdb_sheet import MONTHS, clean, plain

TEXT_CHARS = 64  # of a tariff's name and source
WIDTH = 95
YEAR = "year"


def quoted(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)


def short(text: str) -> str:
    """-> a quoted text that fits the name or the source of a tariff."""
    text = clean(text)
    return quoted(text if len(text) <= TEXT_CHARS else f"{text[: TEXT_CHARS - 3]}...")


def comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(clean(text), WIDTH)] or ["#"]


def remark(text: str) -> list[str]:
    return textwrap.wrap(
        clean(text), WIDTH, initial_indent="# - ", subsequent_indent="#   ", break_long_words=False
    )


def energy(plan: Plan, netting: tuple[str, str], dg_rules: str) -> list[str]:
    lines: list[str] = []
    for tiers in plan.sets:
        lines += ["", f"[tiers.{tiers.name}]", f'mode = "{tiers.mode}"', f'per = "{tiers.per}"']
        lines.append(f"up_to_kwh = {_steps(tiers.bounds)}")
    sells = {rate.block.sell for rate in plan.rates.values()}
    exports = {sell: f"export_{i}" for i, sell in enumerate(sorted(sells))}
    has_exports = any(sells)
    for rate in plan.rates.values():
        beside = "" if rate.demand is None else f", demand period {rate.demand}"
        lines += ["", f"[rates.{rate.name}]         # energy period {rate.period}{beside}"]
        lines += _prices(rate.block.prices)
        if plan.sets:
            lines.append(f'tiers = "{rate.tiers or "none"}"')
        if has_exports:
            lines.append(f'export = "{exports[rate.block.sell]}"')
    if has_exports:
        for sell, name in exports.items():
            lines += ["", f"[exports.{name}]", f'price = "{plain(sell)}"']
    mode, carry = netting
    said = f"    # the sheet says: {clean(dg_rules)}" if dg_rules else ""
    return [*lines, "", f"[netting]{said}", f'mode = "{mode}"', f'carry = "{carry}"']


def calendar(plan: Plan) -> list[str]:
    """Seasons of equal months, a week for each, days for the weeks."""
    runs = _runs(plan.days)
    weeks: dict[tuple[Day, Day], str] = {}
    days: dict[Day, str] = {}
    lines: list[str] = []
    for first, last, pair in runs:
        name = _span(first, last)
        week = weeks.setdefault(pair, name)
        lines += ["", f"[seasons.{name}]", f'from = "{first + 1:02d}-01"', f'week = "{week}"']
    for (weekday, weekend), week in weeks.items():
        whole = "" if weekday == weekend else "_weekday"
        first_day = days.setdefault(weekday, f"{week}{whole}")
        last_day = days.setdefault(weekend, f"{week}_weekend")
        lines += ["", f"[weeks.{week}]"]
        if weekday == weekend:
            lines.append(f'mon-sun = "{first_day}"')
        else:
            lines += [f'mon-fri = "{first_day}"', f'sat-sun = "{last_day}"']
    for day, name in days.items():
        lines += ["", f"[days.{name}]", *_hours(day)]
    return lines


def demand(demand: Demand, plan: Plan, window_min: int) -> list[str]:
    per_kw = any(tiers.per == "kw" for tiers in plan.sets)
    if demand.is_empty and not per_kw:
        return []
    lines = ["", "[demand]", f"window_min = {window_min}"]
    if per_kw:
        lines.append("# Tiers per kW need the peak: a charge without a price is added for it.")
    for charge, months, period in demand.flat:
        lines += ["", f"[demand.charges.flat_{period}]", *_kw(charge)]
        if len(months) < len(MONTHS):
            lines.append(f"months = {list(months)}")
    for period, charge in demand.tou.items():
        rates = ", ".join(f'"{name}"' for name in plan.of_demand(period))
        lines += ["", f"[demand.charges.demand_{period}]", *_kw(charge), f"rates = [{rates}]"]
    return lines


def charges(fixed: Fixed | None, minimum: Fixed | None) -> list[str]:
    lines: list[str] = []
    if fixed:
        lines += [
            "",
            "[fixed.customer]",
            f'price = "{plain(fixed.price)}"',
            f'per = "{fixed.per}"',
        ]
    if minimum:
        lines += ["", "[minimum]", f'price = "{plain(minimum.price)}"', f'per = "{minimum.per}"']
        lines.append('covers = ["energy", "export", "demand", "fixed"]')
    return lines


def _steps(bounds: Iterable[Decimal]) -> str:
    return f'[{", ".join(plain(bound) for bound in bounds)}, "rest"]'


def _prices(prices: tuple[Decimal, ...]) -> list[str]:
    if len(prices) == 1:
        return [f'price = "{plain(prices[0])}"']
    return [f"prices = [{', '.join(quoted(plain(price)) for price in prices)}]"]


def _kw(charge: Charge) -> list[str]:
    if not charge.bounds:
        return _prices(charge.prices)
    return [f"up_to_kw = {_steps(charge.bounds)}", *_prices(charge.prices)]


def _runs(months: list[tuple[Day, Day]]) -> list[tuple[int, int, tuple[Day, Day]]]:
    """-> (first month, last month, its days), 0-based; a run may go over the new year."""
    runs: list[tuple[int, int, tuple[Day, Day]]] = []
    for pair, group in groupby(range(len(months)), key=lambda m: months[m]):
        numbers = list(group)
        runs.append((numbers[0], numbers[-1], pair))
    if len(runs) > 1 and runs[0][2] == runs[-1][2]:
        first = runs.pop(0)
        runs[-1] = (runs[-1][0], first[1], first[2])
    return runs


def _span(first: int, last: int) -> str:
    if (first, last) == (0, len(MONTHS) - 1):
        return YEAR
    names = [MONTHS[m].lower() for m in (first, last)]
    return names[0] if first == last else "_".join(names)


def _hours(day: Day) -> list[str]:
    """The rate of most hours has what the others leave."""
    rest = max(dict.fromkeys(day), key=day.count)
    ranges: dict[str, list[str]] = {}
    for name, group in groupby(range(len(day)), key=lambda h: day[h]):
        hours = list(group)
        ranges.setdefault(name, []).append(f"{hours[0]:02d}:00-{hours[-1] + 1:02d}:00")
    lines = [
        f"{name} = [{', '.join(quoted(part) for part in parts)}]"
        for name, parts in ranges.items()
        if name != rest
    ]
    return [*lines, f'{rest} = "otherwise"']
