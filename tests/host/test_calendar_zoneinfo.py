"""The core's calendar against zoneinfo and datetime, at every switch of ten years."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from meter.calendar import Calendar
from meter.civil import EPOCH, Zone

ZONES = {
    "Europe/Amsterdam": "CET-1CEST,M3.5.0,M10.5.0/3",
    "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
    "Australia/Lord_Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
}
TARIFFS = 200
FIRST, LAST = date(2024, 1, 1), date(2034, 1, 1)


def random_parts(rng):
    """Seasons, weeks, day profiles and special days that a tariff could have."""
    profiles = []
    for _ in range(rng.randint(1, 5)):
        minutes = sorted(rng.sample(range(15, 1440, 15), rng.randint(0, 3)))
        profiles.append([[minute, rng.randrange(6)] for minute in [0, *minutes]])
    weeks = [[rng.randrange(len(profiles)) for _ in range(7)] for _ in range(rng.randint(1, 3))]
    starts = sorted(rng.sample([(m, d) for m in range(1, 13) for d in (1, 15, 28)], 2))
    seasons = [[m, d, rng.randrange(len(weeks))] for m, d in starts]
    special = []
    for _ in range(rng.randint(0, 6)):
        day = FIRST + timedelta(days=rng.randrange(3650))
        year = rng.choice((0, day.year))
        special.append([year, day.month, day.day, rng.randrange(len(profiles))])
    return seasons, weeks, profiles, special


def profile_of(day, parts):
    """Which day profile holds on a date: the rule in words, written a second time."""
    seasons, weeks, profiles, special = parts
    dated = {(y, m, d): p for y, m, d, p in reversed(special)}
    yearly = {(m, d): p for y, m, d, p in special if y == 0}
    if (day.year, day.month, day.day) in dated:
        return profiles[dated[day.year, day.month, day.day]]
    if (day.month, day.day) in yearly:
        return profiles[yearly[day.month, day.day]]
    begun = [week for m, d, week in seasons if (m, d) <= (day.month, day.day)]
    week = begun[-1] if begun else seasons[-1][2]
    return profiles[weeks[week][day.weekday()]]


def rate_by_zoneinfo(unix, zone, parts):
    local = datetime.fromtimestamp(unix, zone)
    minute = local.hour * 60 + local.minute
    return [rate for at, rate in profile_of(local.date(), parts) if at <= minute][-1]


def midnights(zone):
    """[(date, Unix second of its local midnight, length in seconds)] of the ten years."""
    found = []
    day = FIRST
    while day < LAST:
        begin = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=zone)
        length = int((end.astimezone(UTC) - begin).total_seconds())
        found.append((day, int(begin.timestamp()), length))
        day = following
    return found


def expected_switches(days, zone, parts):
    """[(Unix second, rate)] wherever the rate changes."""
    switches, last = [], None
    for day, begin, length in days:
        if length == 86400:
            steps = [(begin + 60 * minute, rate) for minute, rate in profile_of(day, parts)]
        else:  # a day with a change of offset, minute by minute
            steps = [
                (unix, rate_by_zoneinfo(unix, zone, parts))
                for unix in range(begin, begin + length, 60)
            ]
        for unix, rate in steps:
            if rate != last:
                switches.append((unix, rate))
                last = rate
    return switches


@pytest.mark.parametrize("name", ZONES)
def test_every_switch_of_ten_years(name):
    rng = random.Random(name)
    zone, core_zone = ZoneInfo(name), Zone(ZONES[name])
    days = midnights(zone)
    t0, t1 = days[0][1] - EPOCH, days[-1][1] + days[-1][2] - EPOCH
    for _ in range(TARIFFS):
        parts = random_parts(rng)
        found = Calendar(core_zone, *parts).segments(t0, t1)
        assert [(start + EPOCH, rate) for start, _, rate in found] == expected_switches(
            days, zone, parts
        ), parts


@pytest.mark.parametrize("name", ZONES)
def test_quarter_hours_of_every_day(name):
    calendar = Calendar(Zone(ZONES[name]), [[1, 1, 0]], [[0] * 7], [[[0, 0]]], [])
    seen = set()
    for _, begin, length in midnights(ZoneInfo(name)):
        t, end, count = begin - EPOCH, begin - EPOCH + length, 0
        assert calendar.midnight(t) == end
        while t < end:
            t = calendar.interval_end(t, 900)
            count += 1
        assert t == end
        assert count == length // 900
        seen.add(count)
    assert seen == ({94, 96, 98} if "Lord_Howe" in name else {92, 96, 100})


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("billing_day", [1, 15, 28, 0])
def test_billing_periods_start_at_local_midnight(name, billing_day):
    zone = ZoneInfo(name)
    calendar = Calendar(Zone(ZONES[name]), [[1, 1, 0]], [[0] * 7], [[[0, 0]]], [])
    t = int(datetime(2024, 1, 1, tzinfo=zone).timestamp()) - EPOCH
    for _ in range(120):
        t = calendar.period_end(t, billing_day)
        local = datetime.fromtimestamp(t + EPOCH, zone)
        assert (local.hour, local.minute, local.second) == (0, 0, 0)
        last = (local.date() + timedelta(days=1)).day == 1
        assert last if billing_day == 0 else local.day == billing_day
