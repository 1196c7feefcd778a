"""Proves a tariff before it is flashed: what the meter would do, against what the file says.

The meter's calendar is asked through `calendar.segments`; the other side is `tariff_words` with
zoneinfo, minute by minute, on the days where calendars go wrong.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from meter import civil
from meter.civil import EPOCH
from wattledger.tariffs import tariff_proof_periods
from wattledger.tariffs.tariff_file import Compiled
from wattledger.tariffs.tariff_proof_case import Case
from wattledger.tariffs.tariff_words import Words

YEARS = 10
DAYS = 3652  # ten years
MINUTES = 1440


def prove(text: str, file: str, compiled: Compiled, today: date | None = None) -> list[str]:
    """-> what was proved, a line each. ToolError: names the first thing that differs.

    text    of the file that was compiled
    today   the ten years begin here
    """
    today = today or datetime.now(UTC).date()
    case = Case(file, Words(text, today), compiled.tariff(), compiled.data)
    groups = {
        "days of clock change": clock_changes(case.words, today),
        "special days": case.words.special_dates(today, YEARS),
        "days of season weeks": season_weeks(case.words, today),
    }
    minutes = switches = 0
    windows = dict.fromkeys(_windows_s(case), 0)
    for day in sorted({day for days in groups.values() for day in days}):
        start, end = (case.words.midnight(d) for d in (day, day + timedelta(days=1)))
        switches += _prove_day(case, start, end)
        minutes += (end - start) // 60
        for window_s in windows:
            windows[window_s] += _prove_windows(case, start, end, window_s)
    counted = ", ".join(f"{len(days)} {name}" for name, days in groups.items())
    return [
        every_day(case, today),
        f"{counted}, until {today.year + YEARS}",
        f"{minutes:,} minutes with exactly one rate each, {switches:,} switches, all at the"
        " times of the file",
        *(
            f"{count:,} windows of {window_s / 60:g} min, none across a clock change or midnight"
            for window_s, count in windows.items()
        ),
        *prices(case),
        *tariff_proof_periods.prove(case, today, YEARS),
    ]


def clock_changes(words: Words, first: date) -> list[date]:
    """-> the dates of ten years that do not have 24 hours."""
    midnights = [words.midnight(first + timedelta(days=n)) for n in range(DAYS + 1)]
    return [
        first + timedelta(days=n)
        for n, (start, end) in enumerate(pairwise(midnights))
        if end - start != civil.DAY_S
    ]


def season_weeks(words: Words, first: date) -> list[date]:
    """-> of every season: its first and last day, a week from Monday to Sunday, and, where a
    special day hides one of them, the next such weekday that is not special."""
    starts = words.season_starts(first.year) + words.season_starts(first.year + 1)
    found = []
    for start, end in pairwise([*starts, words.season_starts(first.year + 2)[0]]):
        season = [start + timedelta(days=n) for n in range((end - start).days)]
        plain = [day for day in season if not words.is_special(day)]
        monday = -start.weekday() % 7
        found += [season[0], season[-1], *season[monday : monday + 7]]
        for weekday in range(7):
            found += [day for day in plain if day.weekday() == weekday][:1]
    return sorted(set(found))


def prices(case: Case) -> Iterator[str]:
    """Every price and every assignment of an export rate, as written."""
    tariff, words = case.tariff, case.words
    count = 0
    for rate, name in enumerate(tariff.rates):
        expected = words.prices(name, is_export=rate >= tariff.imports)
        found = [tariff.price_nano(rate, tier) for tier in range(len(expected))]
        if found != expected:
            case.refuse(f"prices of {name}, nano-units", found, [int(p) for p in expected])
        count += len(found)
        if rate < tariff.imports:
            export = tariff.rates[tariff.export_of[rate]]
            if export != words.export(name):
                case.refuse(f"export rate of {name}", export, words.export(name))
    yield f"{count} prices of {len(tariff.rates)} rates, as written"


def _prove_day(case: Case, start: int, end: int) -> int:
    """One local day, [start, end) in Unix s, minute by minute. -> how many switches it has."""
    tariff, words, t = case.tariff, case.words, start
    spans = list(tariff.calendar.segments(start - EPOCH, end - EPOCH))
    for begin, finish, rate in spans:
        if begin + EPOCH != t or finish <= begin:
            case.refuse(words.shown(t), "a gap", "a rate")
        while t < finish + EPOCH:
            found = tariff.rates[rate], tariff.calendar.zone.offset_at(t - EPOCH)
            if found != words.rate(t):
                where = f"{words.shown(t)}, rate and seconds from UTC"
                case.refuse(where, found, words.rate(t))
            t += 60
        t = finish + EPOCH
    if t != end:
        case.refuse(words.shown(t), "no rate", words.rate(t)[0])
    return len(spans) - 1


def _windows_s(case: Case) -> list[int]:
    """-> lengths of what is averaged or settled by itself: rows, demand, limiter."""
    demand, limiter = case.data["demand"], case.data["limiter"]
    found = {"interval": case.data["interval_s"]}
    if demand:
        found["demand"] = demand["window_s"]
    if limiter:
        found["limiter"] = limiter["window_s"]
    if found != case.words.windows_s():
        case.refuse("windows in seconds", found, case.words.windows_s())
    if demand:
        found["demand"] //= demand["parts"]
    return sorted(set(found.values()))


def every_day(case: Case, first: date) -> str:
    """Each date of ten years begins when zoneinfo says, and has the day of the file."""
    data, tariff, words = case.data, case.tariff, case.words
    alike: set[tuple[int, str]] = set()
    for day in (first + timedelta(days=n) for n in range(DAYS)):
        number = civil.days(day.year, day.month, day.day)
        begin = tariff.calendar.zone.to_utc(number * civil.DAY_S) + EPOCH
        if begin != words.midnight(day):
            case.refuse(f"midnight of {day}", words.shown(begin), words.shown(words.midnight(day)))
        pair = tariff.calendar.day_profile(number), words.day(day)
        if pair not in alike:
            switches = [*data["days"][pair[0]], [MINUTES, -1]]
            found = [
                tariff.rates[rate]
                for (start, rate), (end, _) in pairwise(switches)
                for _ in range(start, end)
            ]
            if found != words.rates_of(day):
                case.refuse(f"{day}", f"its day {pair[0]}", f'"{pair[1]}", with other rates')
            alike.add(pair)
    return f"{DAYS:,} dates, each with its midnight and the day of the file"


def _prove_windows(case: Case, start: int, end: int, window_s: int) -> int:
    """Each window of a day lies within one cell of the local clock. -> how many there are."""
    words, count = case.words, 0
    borders = {start}
    while start < end:
        after = case.tariff.calendar.interval_end(start - EPOCH, window_s) + EPOCH
        first, last = (t + words.offset(t) for t in (start, after - 1))
        whole = words.offset(after - 1) != words.offset(after) or (last + 1) % window_s == 0
        if not start < after <= end or first // window_s != last // window_s or not whole:
            case.refuse(
                f"window of {window_s} s from {words.shown(start)}", words.shown(after), "not"
            )
        start = after
        borders.add(start)
        count += 1
    if _one_rate_each(case, window_s):
        spans = case.tariff.calendar.segments(min(borders) - EPOCH, end - EPOCH)
        for begin, _, _ in spans:
            if begin + EPOCH not in borders:
                case.refuse(f"window of {window_s} s", words.shown(begin + EPOCH), "one rate")
    return count


def _one_rate_each(case: Case, window_s: int) -> bool:
    """Whether such a window must not hold two rates."""
    demand = case.data["demand"]
    if demand and demand["parts"] == 1 and demand["window_s"] == window_s:
        return True
    settled = case.data["dynamic"] or case.data["netting"]["mode"] == "interval"
    return bool(settled) and case.data["interval_s"] == window_s
