"""Special days of a tariff file: dates, and the holidays of a country as dates.

A meter knows dates only. A holiday that falls on the same date in every year is compiled to a
yearly one, which has no end; one that moves, to a date in each of the years that are asked for.
"""

import difflib
from datetime import UTC, date, datetime
from typing import Any

import holidays

from meter import limits
from wattledger.tariffs.toml_node import YEARS, Node

LANGUAGE = "en_US"  # of the names, where the package has them in it
YEARLY_PROOF = 28  # years: the calendar's own cycle, so that each weekday has been met
COUNTED = 2  # years, if the file does not say which
_SUFFIX = " ("  # "Independence Day (observed)" is "Independence Day" on another day


def compile_special_days(at: dict[str, Node], days: list[str]) -> list[list[int]]:
    """-> [[year or 0 for every year, month, day, day index], ...]

    at   the file's nodes by key
    """
    if "special_days" not in at:
        return []
    node = at["special_days"]
    special: dict[tuple[int, int, int], int] = {}
    ruled: dict[tuple[int, int, int], int] = {}
    for entry in node.elements(limits.SPECIAL_DAYS):
        inner = entry.fields(("day",), ("date", "holidays", "only", "years"))
        index = inner["day"].reference(days, "day")
        if ("date" in inner) == ("holidays" in inner):
            entry.fail("give either date or holidays")
        if "date" in inner:
            for key in ("only", "years"):
                if key in inner:
                    inner[key].fail("belongs to holidays: leave it out")
            when = _date(inner["date"])
            if when in special:
                inner["date"].fail(f"{inner['date'].value} is given twice: keep one")
            special[when] = index
        else:
            _add_holidays(ruled, entry, holiday_dates(inner, at.get("valid_from")), index)
    merged = {**_not_overruled(ruled, special), **special}
    if len(merged) > limits.SPECIAL_DAYS:
        node.fail(
            f"{len(merged)} dates: a meter takes {limits.SPECIAL_DAYS}: ask for fewer years,"
            " or name the holidays that matter in `only`"
        )
    return [[*when, index] for when, index in sorted(merged.items())]


def holiday_dates(at: dict[str, Node], valid_from: Node | None) -> list[tuple[int, int, int]]:
    """-> [(year or 0 for every year, month, day), ...] of one `holidays` entry."""
    years = _years(at.get("years"), valid_from)
    last = years[-1] + YEARLY_PROOF
    found = _named(at["holidays"], range(years[0], last + 1))
    if "only" in at:
        wanted = _only(at["only"], found, years)
        found = {
            day: names
            for day, names in found.items()
            if any(name == w or name.startswith(w + _SUFFIX) for name in names for w in wanted)
        }
    by_date: dict[tuple[int, int], set[int]] = {}
    for day in found:
        by_date.setdefault((day.month, day.day), set()).add(day.year)
    yearly = {when for when, seen in by_date.items() if len(seen) == last + 1 - years[0]}
    dated = [
        (day.year, day.month, day.day)
        for day in found
        if day.year in years and (day.month, day.day) not in yearly
    ]
    return sorted([(0, *when) for when in yearly] + dated)


def _add_holidays(
    ruled: dict[tuple[int, int, int], int],
    entry: Node,
    dates: list[tuple[int, int, int]],
    index: int,
) -> None:
    """Two entries may share a date, not contradict each other on it."""
    for when in dates:
        for other, other_index in ruled.items():
            same = other[1:] == when[1:] and (other[0] == when[0] or not other[0] or not when[0])
            if same and other_index != index:
                entry.fail(
                    f"{_shown(when)} is in another entry with another day:"
                    " name it in `only` of one, or give its date"
                )
    ruled.update(dict.fromkeys(dates, index))


def _named(node: Node, years: range) -> dict[date, list[str]]:
    """ "US-CA" -> its public holidays, with their names."""
    country, _, part = node.text(16).partition("-")
    try:
        known = getattr(holidays.country_holidays(country), "supported_languages", ())
        made = holidays.country_holidays(
            country,
            subdiv=part or None,
            years=years,
            expand=False,
            language=LANGUAGE if LANGUAGE in known else None,
        )
    except NotImplementedError as error:
        node.fail(f'{error}: expected a country or part of it, such as "DE" or "US-CA"')
    return {day: made.get_list(day) for day in made}


def _only(node: Node, found: dict[date, list[str]], years: list[int]) -> list[str]:
    names = sorted({name for day, all_names in found.items() for name in all_names})
    wanted = []
    for entry in node.elements(limits.SPECIAL_DAYS):
        name = entry.text(100)
        if not any(other == name or other.startswith(name + _SUFFIX) for other in names):
            near = difflib.get_close_matches(name, names, 1)
            here = sorted({n for day in found if day.year in years for n in found[day]})
            entry.fail(
                f'"{name}" is no holiday there: '
                + (f"did you mean {near[0]}?" if near else f"known are {', '.join(here)}")
            )
        wanted.append(name)
    return wanted


def _years(node: Node | None, valid_from: Node | None) -> list[int]:
    if node is None:
        first = valid_from.calendar_date().year if valid_from else datetime.now(UTC).year
        return list(range(first, first + COUNTED))
    years = [year.integer(YEARS, f"{YEARS[0]} to {YEARS[-1]}") for year in node.elements(10)]
    if years != list(range(years[0], years[0] + len(years))):
        node.fail("expected years that follow each other, such as [2026, 2027]")
    return years


def _not_overruled(ruled: dict[Any, int], special: dict[Any, int]) -> dict[Any, int]:
    """Without the holidays whose date the file gives itself."""
    given = {when[1:] for when in special if when[0] == 0}
    return {when: index for when, index in ruled.items() if when[1:] not in given}


def _date(node: Node) -> tuple[int, int, int]:
    """-> (year, month, day); year 0 for a date of every year."""
    if isinstance(node.value, str):
        return (0, *node.month_day())
    day = node.calendar_date()
    return day.year, day.month, day.day


def _shown(when: tuple[int, int, int]) -> str:
    year, month, day = when
    return f"{year}-{month:02d}-{day:02d}" if year else f"{month:02d}-{day:02d} of every year"
