"""A tariff for people: prices, the year as season x hour, special days, all other charges."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from meter.civil import EPOCH
from wattledger import show
from wattledger.tariffs import tariff_colours, tariff_terms
from wattledger.tariffs.tariff_file import Compiled

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHANGES_SHOWN = 4
_SLOT_MIN = 30  # of one letter in the picture
_DATES = 6  # on a line
_LABEL = 16  # letters before the picture


def parts(compiled: Compiled) -> Iterator[RenderableType]:
    """Yields what to print, top down."""
    data, tariff = compiled.data, compiled.tariff()
    zone = tariff.calendar.zone
    source = f", {data['source']}" if data["source"] else ""
    head = f"{tariff.name}{source}\n{compiled.digest}"
    if data["valid_from"]:
        head += f"\nvalid from {show.instant(data['valid_from'], zone)}"
    day = f"day {data['billing_day']}" if data["billing_day"] else "the last day"
    yield Text(f"{head}\nbilling periods begin on {day} of the month")
    yield _prices(data)
    yield show.titled("\nThe year: season and day by hour", _year(data))
    if data["special_days"]:
        yield _special_days(data)
    lines = show.table("", "", ">price")
    for line in tariff_terms.terms(data):
        lines.add_row(*line)
    if lines.row_count:
        yield show.titled("\nOther charges and conditions", lines)
    yield _changes(data, zone)


def never_in_force(tariff: Any) -> list[str]:
    """-> names of import rates that no day of four years selects, nor fallback or limiter."""
    start = int(datetime.now(UTC).timestamp()) - EPOCH
    used = {tariff.fallback}
    if tariff.limiter:
        used |= {rate for _, action, *_, rate, _ in tariff.limiter[1] if action == "reprice"}
    t, end = start, start + int(timedelta(days=4 * 366).total_seconds())
    while t < end:
        t, rate = tariff.calendar.segment(t)
        used.add(rate)
    return [tariff.rates[rate] for rate in range(tariff.imports) if rate not in used]


def letter(rate: int) -> str:
    return LETTERS[rate] if rate < len(LETTERS) else "*"


def _prices(data: dict[str, Any]) -> RenderableType:
    rates = data["rates"] + data["exports"]
    tiers = max(len(rate["prices"]) for rate in rates)
    steps = [f">tier {n + 1}" for n in range(tiers)] if tiers > 1 else [">price"]
    lines = show.table("", "rate", *steps, "fed in at")
    colours = tariff_colours.of_rates(data)
    for index, rate in enumerate(rates):
        cells = [show.price(nano) for nano in rate["prices"]]
        is_import = index < len(data["rates"])
        if is_import and len(cells) == 1 and rate["tiers"] >= 0:
            cells *= len(data["tiers"][rate["tiers"]]["bounds"]) + 1
        cells += [""] * (tiers - len(cells))
        mark = _cell(index, colours) if is_import else Text("")
        export = data["exports"][rate["export"]]["name"] if is_import else ""
        lines.add_row(mark, rate["name"], *cells, export)
    return show.titled(f"\nPrices in {data['currency']} per kWh", lines)


def _year(data: dict[str, Any]) -> Text:
    """One row for each season and each kind of day in it."""
    colours = tariff_colours.of_rates(data)
    picture = Text(
        " " * (_LABEL - 1) + "".join(f"{hour:<6d}" for hour in range(0, 25, 3)).rstrip()
    )
    starts = [*data["seasons"], data["seasons"][0]]
    for (month, day, week), (month_after, day_after, _) in pairwise(starts):
        until = f"{month_after:02d}-{day_after:02d}"
        title = "all year" if len(starts) == 2 else f"from {month:02d}-{day:02d} until {until}"
        picture.append(f"\n{title}", style="bold")
        for profile, weekdays in _kinds_of_day(data["weeks"][week]):
            picture.append(f"\n{weekdays:<{_LABEL - 1}}").append_text(
                _row(data["days"][profile], colours)
            )
    return picture


def _kinds_of_day(week: list[int]) -> Iterator[tuple[int, str]]:
    """-> (day profile, "Mon-Fri") for each run of weekdays that are alike."""
    for profile, run in groupby(range(7), key=lambda weekday: week[weekday]):
        days = list(run)
        last = f"-{WEEKDAYS[days[-1]]}" if len(days) > 1 else ""
        yield profile, WEEKDAYS[days[0]] + last


def _row(switches: list[list[int]], colours: list[str]) -> Text:
    row = Text()
    for minute in range(0, 1440, _SLOT_MIN):
        rate = next(rate for start, rate in reversed(switches) if start <= minute)
        row.append_text(_cell(rate, colours))
    odd = [clock(start) for start, _ in switches if start % _SLOT_MIN]
    return row.append("  also at " + ", ".join(odd) if odd else "")


def _special_days(data: dict[str, Any]) -> RenderableType:
    colours = tariff_colours.of_rates(data)
    picture = Text()
    for index in sorted({special[3] for special in data["special_days"]}):
        picture.append("\n" if picture else "").append(" " * (_LABEL - 1))
        picture.append_text(_row(data["days"][index], colours))
        dates = [
            f"{year or 'yearly'}-{month:02d}-{day:02d}"
            for year, month, day, profile in data["special_days"]
            if profile == index
        ]
        for n in range(0, len(dates), _DATES):
            picture.append("\n  " + "  ".join(dates[n : n + _DATES]))
    return show.titled("\nSpecial days", picture)


def _changes(data: dict[str, Any], zone: Any) -> RenderableType:
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


def _cell(rate: int, colours: list[str]) -> Text:
    return Text(letter(rate), style=f"#101010 on {colours[rate]}")


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
