"""wattledger plan"""

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from meter.civil import DAY_S, EPOCH, days
from wattledger import session, show
from wattledger.analysis import history, planner, planner_horizon, planner_loads
from wattledger.analysis.planner import Plan, Plans
from wattledger.bills import bill_units
from wattledger.commands.info import JSON
from wattledger.commands.tariff_compare import PRICES
from wattledger.prices import prices_file
from wattledger.tariffs.tariff_file import compile_file

LOADS = typer.Argument(help="What can wait, a TOML file: docs/analysis.md.", show_default=False)
TARIFF = typer.Option(..., "--tariff", help="The tariff, a TOML file.")
FROM = typer.Option(..., "--from", help="Where the plan begins, in the tariff's local time.")
BASE = typer.Option(
    None, "--base", help="All other use: a load file, or the CSV of wattledger profile."
)
ZONE = typer.Option(None, "--zone", help="Time zone of the base's stamps; else the tariff's.")
Row = tuple[int, int, str, tuple[str, ...]]  # core seconds, price, power by load


def command(
    loads: Path = LOADS,
    tariff: Path = TARIFF,
    start: datetime = FROM,
    base: Path | None = BASE,
    base_zone: str | None = ZONE,
    prices: list[Path] = PRICES,
    as_json: bool = JSON,
) -> None:
    """The cheapest times for what can wait: charging, heating water, washing."""
    file = planner_loads.read(loads)
    compiled = compile_file(tariff, wide=True)
    made = compiled.tariff()
    zone = made.calendar.zone
    local = days(start.year, start.month, start.day) * DAY_S + start.hour * 3600
    first = zone.to_utc(local + 60 * start.minute + start.second)
    known = None
    if base is not None:
        known = history.read(base, zone, base_zone or compiled.data["zone_name"])
    schedules = prices_file.read_all(prices, made.currency)
    horizon = planner_horizon.of(made, first, file.days, known, schedules)
    found = planner.plan(file, horizon)
    if as_json:
        session.print_json(_as_dict(found))
    else:
        title = Text(f"{file.name}, {made.name}", style="bold")
        session.out().print(Group(title, _table(found), *_sentences(found)))


def _rows(found: Plans) -> list[Row]:
    """-> one for each slot."""
    horizon, tariff = found.horizon, found.horizon.tariff
    times, durations = horizon.times.tolist(), horizon.duration_s.tolist()
    columns = [column.tolist() for column in found.best.by_load.values()]
    rows = []
    for i, nano_s in enumerate(horizon.prices[0].tolist()):
        price = bill_units.trimmed(Fraction(nano_s, durations[i] * 10**9), 9, tariff.decimals)
        powers = tuple(_kw(column[i], durations[i]) for column in columns)
        rows.append((times[i], times[i + 1], price, powers))
    return rows


def _kw(counts: int, duration_s: int) -> str:
    return bill_units.trimmed(Fraction(counts, duration_s * 10**6), 6, 1) if counts else ""


def _table(found: Plans) -> Table:
    """Slots that are alike and follow one another are one row."""
    tariff = found.horizon.tariff
    zone = tariff.calendar.zone
    names = [f">{name}, kW" for name in found.best.by_load]
    lines = show.table("from", "until", f">{tariff.currency}/kWh", *names)
    rows = _rows(found)
    first = 0
    for i, row in enumerate(rows):
        if i + 1 == len(rows) or rows[i + 1][2:] != row[2:]:
            span = (show.instant(t + EPOCH, zone)[:16] for t in (rows[first][0], row[1]))
            lines.add_row(*span, row[2], *row[3])
            first = i + 1
    return lines


def _sentences(found: Plans) -> list[str]:
    tariff, best = found.horizon.tariff, found.best
    currency = tariff.currency
    energy = show.kilo(int(best.total.sum()) // 3600)
    lines = [f"The plan adds {energy} kWh and {_money(found, best.cost)} {currency} to the bill."]
    others = (("at once", found.at_once), ("the cheapest intervals first", found.greedy))
    for name, other in others:
        if other is None:
            lines.append(f"{name.capitalize()}: the loads do not find room under the limiter.")
        else:
            less = _money(found, other.cost - best.cost)
            cost = _money(found, other.cost)
            lines.append(f"{name.capitalize()}: {cost} {currency}, {less} more.")
    if found.doubt:
        most = bill_units.decimal(Fraction(found.doubt), tariff.decimals + 1)
        lines.append(f"A better plan could save {most} {currency} more at most.")
    if found.horizon.shifted_s:
        older = round(found.horizon.shifted_s / DAY_S)  # but for an hour of summer time
        lines.append(f"Base load: as it was {older} days before, at the same weekday and time.")
    return lines


def _money(found: Plans, units: int) -> str:
    return show.money(units, found.horizon.tariff.decimals)


def _as_dict(found: Plans) -> dict[str, Any]:
    names = list(found.best.by_load)
    return {
        "currency": found.horizon.tariff.currency,
        **_cost(found, found.best),
        "doubt": found.doubt,
        "at_once": found.at_once and _cost(found, found.at_once),
        "greedy": found.greedy and _cost(found, found.greedy),
        "base_shifted_s": found.horizon.shifted_s,
        "slots": [
            {
                "start": start + EPOCH,
                "end": end + EPOCH,
                "price": price,
                "power_kw": {n: kw or "0" for n, kw in zip(names, powers, strict=True)},
            }
            for start, end, price, powers in _rows(found)
        ],
    }


def _cost(found: Plans, one: Plan) -> dict[str, Any]:
    """cost: of the bills, exact; modelled: of the model, as a fraction."""
    cost = Fraction(one.cost, 10**found.horizon.tariff.decimals)
    return {"cost": bill_units.trimmed(cost, 9), "modelled": str(one.modelled)}
