"""A tariff for people: prices, each season's week as a picture, special days, clock changes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from meter.civil import EPOCH
from wattledger import show
from wattledger.tariff_file import Compiled

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LETTERS = "ABCDEFGHIJKLMNOP"
COLOURS = ("red", "yellow", "green", "magenta", "cyan", "blue", "bright_red", "bright_yellow")
CHANGES_SHOWN = 4
_SLOT_MIN = 30  # of one letter in the picture


def parts(compiled: Compiled) -> Iterator[RenderableType]:
    data, tariff = compiled.data, compiled.tariff()
    source = f", {data['source']}" if data["source"] else ""
    yield Text(f"{tariff.name}{source}\n{compiled.digest}")
    yield _prices(data, tariff)
    starts = [*data["seasons"], data["seasons"][0]]
    for (month, day, week), (month_after, day_after, _) in pairwise(starts):
        until = "" if len(starts) == 2 else f" until {month_after:02d}-{day_after:02d}"
        yield Text(f"\nfrom {month:02d}-{day:02d}{until}", style="bold")
        yield _week(data["weeks"][week], data["days"])
    if data["special_days"]:
        yield _special_days(data)
    yield _changes(data, tariff)


def never_in_force(tariff: Any) -> list[str]:
    """-> names of import rates that no day of four years selects; the fallback is one too."""
    start = int(datetime.now(UTC).timestamp()) - EPOCH
    used = {tariff.fallback}
    t, end = start, start + 4 * 366 * 86400
    while t < end:
        t, rate = tariff.calendar.segment(t)
        used.add(rate)
    return [tariff.rates[rate] for rate in range(tariff.imports) if rate not in used]


def _prices(data: dict[str, Any], tariff: Any) -> RenderableType:
    bounds = [show.kilo(bound, 0) for bound in tariff.tier_bounds_mwh]
    steps = [f">up to {bound} kWh" for bound in bounds] + ([">above"] if bounds else [">price"])
    lines = show.table("", "rate", *steps)
    for rate, name in enumerate(tariff.rates):
        prices = [show.price(tariff.price_nano(rate, tier)) for tier in range(len(steps))]
        if rate >= tariff.imports:
            prices = [prices[0]] + [""] * (len(steps) - 1)
        lines.add_row(_letter(rate) if rate < tariff.imports else Text(""), name, *prices)
    if tariff.fixed:
        fixed = (f"fixed charge per {tariff.fixed[1]}", show.price(tariff.fixed[0]))
        lines.add_row("", *fixed, *[""] * (len(steps) - 1))
    for name, ppm, kinds in tariff.taxes:
        tax = f"{ppm // 10000}.{ppm % 10000:04d}".rstrip("0").rstrip(".")
        lines.add_row("", f"{name} on {', '.join(kinds)}", f"{tax} %", *[""] * (len(steps) - 1))
    title = f"Prices in {tariff.currency} per kWh"
    if bounds:
        title += f"; tiers {data['tiers']['mode']}, bounds per {data['tiers']['per']}"
    return show.titled(title, lines)


def _week(week: list[int], days: list[list[list[int]]]) -> Text:
    picture = Text("     0     3     6     9     12    15    18    21    24\n")
    for weekday, name in enumerate(WEEKDAYS):
        picture.append(f"{name}  ")
        switches = days[week[weekday]]
        for minute in range(0, 1440, _SLOT_MIN):
            rate = next(rate for start, rate in reversed(switches) if start <= minute)
            picture.append_text(_letter(rate))
        odd = [start for start, _ in switches if start % _SLOT_MIN]
        picture.append("  also at " + ", ".join(_clock(m) for m in odd) if odd else "")
        picture.append("\n" if weekday < 6 else "")
    return picture


def _special_days(data: dict[str, Any]) -> RenderableType:
    lines = show.table("date", "rates")
    for year, month, day, index in data["special_days"]:
        when = f"{year or 'yearly'}-{month:02d}-{day:02d}"
        rates = Text()
        for minute, rate in data["days"][index]:
            rates.append(f"{_clock(minute)} ").append_text(_letter(rate)).append(" ")
        lines.add_row(when, rates)
    return show.titled("\nSpecial days", lines)


def _changes(data: dict[str, Any], tariff: Any) -> RenderableType:
    zone = tariff.calendar.zone
    lines = show.table("clock change", "day")
    t = zone.next_transition(int(datetime.now(UTC).timestamp()) - EPOCH)
    for _ in range(CHANGES_SHOWN):
        if t is None:
            lines.add_row("none", "")
            break
        change = zone.offset_at(t) - zone.offset_at(t - 1)
        day = f"has {24 - change / 3600:g} hours"
        lines.add_row(show.instant(t + EPOCH, zone), day)
        t = zone.next_transition(t)
    return show.titled(f"\nTime zone {data['zone_name']}, {data['zone']}", lines)


def _letter(rate: int) -> Text:
    return Text(LETTERS[rate], style=COLOURS[rate % len(COLOURS)])


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
