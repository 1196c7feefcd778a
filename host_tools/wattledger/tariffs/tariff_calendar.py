"""The calendar of a tariff file: seasons, weeks, days and special days -> index lists."""

import re
from itertools import pairwise
from typing import Any

from meter import limits
from meter.tariff_check import Room
from wattledger.tariffs.tariff_holidays import compile_special_days
from wattledger.tariffs.toml_node import Node

DAY_MIN = 1440
OTHERWISE = "otherwise"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"([01][0-9]|2[0-4]):([0-5][0-9])"
_RANGE = re.compile(f"{_CLOCK}-{_CLOCK}")


def compile_calendar(at: dict[str, Node], rates: list[str], room: Room) -> dict[str, Any]:
    """-> seasons, weeks, days and special_days of the canonical JSON.

    at      the file's nodes by key
    rates   names of the import rates, in the order of their indexes
    """
    days = at["days"].named(limits.NAME_CHARS, room.days)
    weeks = at["weeks"].named(limits.NAME_CHARS, room.weeks)
    return {
        "seasons": _seasons(at["seasons"], list(weeks), room.seasons),
        "weeks": [_week(week, list(days)) for week in weeks.values()],
        "days": [_day(day, rates, room) for day in days.values()],
        "special_days": compile_special_days(at, list(days)),
    }


def _seasons(node: Node, weeks: list[str], count_max: int) -> list[list[int]]:
    seasons: dict[tuple[int, int], int] = {}
    for season in node.named(limits.NAME_CHARS, count_max).values():
        at = season.fields(("from", "week"))
        start = at["from"].month_day()
        if start in seasons:
            at["from"].fail(f"two seasons start on {at['from'].value}: give each its own date")
        seasons[start] = at["week"].reference(weeks, "week")
    return [[month, day, week] for (month, day), week in sorted(seasons.items())]


def _week(node: Node, days: list[str]) -> list[int]:
    week: list[int | None] = [None] * 7
    for key, day in node.fields((), _week_keys(node)).items():
        first, _, last = key.partition("-")
        index = day.reference(days, "day")
        for weekday in range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1):
            if week[weekday] is not None:
                node.fail(f"{WEEKDAYS[weekday]} is given twice: name each weekday once")
            week[weekday] = index
    for weekday, name in enumerate(WEEKDAYS):
        if week[weekday] is None:
            node.fail(f"{name} has no day: name each weekday once")
    return [index for index in week if index is not None]


def _week_keys(node: Node) -> tuple[str, ...]:
    """ "mon", ..., and every run of them that this week has, "mon-fri"."""
    runs = {f"{a}-{b}" for i, a in enumerate(WEEKDAYS) for b in WEEKDAYS[i + 1 :]}
    used = node.value if isinstance(node.value, dict) else {}
    return (*WEEKDAYS, *(run for run in ("mon-fri", *used) if run in runs))


def _day(node: Node, rates: list[str], room: Room) -> list[list[int]]:
    """-> [[minute, rate], ...]: the switches of one day, neighbours differ."""
    taken: list[tuple[int, int, int]] = []
    rest = None
    for name, hours in node.named(limits.NAME_CHARS, room.rates).items():
        rate = Node(name, node.file, node.path).reference(rates, "rate")
        if hours.value == OTHERWISE:
            if rest is not None:
                node.fail(f'"{OTHERWISE}" stands twice, for {rates[rest]} and {name}: keep one')
            rest = rate
        else:
            taken += [(*_range(part), rate) for part in hours.elements(DAY_MIN)]
    switches: list[list[int]] = []
    for start, _, rate in _filled(node, sorted(taken), rest, rates):
        if not switches or switches[-1][1] != rate:
            switches.append([start, rate])
    if len(switches) > room.switches:
        node.fail(f"{len(switches)} switch times: {room.switches} are possible: use fewer")
    return switches


def _filled(
    node: Node, taken: list[tuple[int, int, int]], rest: int | None, rates: list[str]
) -> list[tuple[int, int, int]]:
    """The ranges with the gaps between them given to `rest`. Refuses overlap and open gap."""
    for (_, end, rate), (start, _, after) in pairwise(taken):
        if start < end:
            node.fail(f"at {clock(start)} both {rates[rate]} and {rates[after]}: keep one")
    whole = []
    minute = 0
    for start, end, rate in [*taken, (DAY_MIN, DAY_MIN, -1)]:
        if minute < start:
            if rest is None:
                node.fail(
                    f"no rate from {clock(minute)} to {clock(start)}:"
                    f' add it, or give one rate the value "{OTHERWISE}"'
                )
            whole.append((minute, start, rest))
        if rate >= 0:
            whole.append((start, end, rate))
        minute = end
    return whole


def _range(node: Node) -> tuple[int, int]:
    """ "10:00-14:00" -> (600, 840): half-open, in minutes of the local day."""
    match = _RANGE.fullmatch(node.text(11))
    if match is None:
        node.fail(f'"{node.value}": expected a range such as "10:00-14:00"')
    start, end = (60 * int(match[i]) + int(match[i + 1]) for i in (1, 3))
    if end > DAY_MIN:
        node.fail(f'"{node.value}": the day ends at 24:00')
    if start >= end:
        node.fail(f'"{node.value}": ends before it starts: split it at 24:00 and 00:00')
    return start, end


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
