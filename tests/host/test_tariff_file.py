"""Tariff files: what compiles means what it says, and what is wrong is named."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter import tariff_check
from meter.civil import EPOCH, Zone
from wattledger.errors import ToolError
from wattledger.tariffs import tariff_show, zones
from wattledger.tariffs.tariff_file import compile_file, compile_text

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "tariffs").glob("*.toml"))
DEMO = next(path for path in EXAMPLES if path.name == "three-prices-two-seasons.toml").read_text()
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")

clock = st.integers(1, 95).map(lambda quarter: 15 * quarter)
day_plans = st.lists(
    st.lists(clock, min_size=1, max_size=6, unique=True).map(sorted), min_size=1, max_size=4
)
PRICE = st.integers(-(10**15), 10**15)


def hhmm(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def tariffs(draw):
    """-> (TOML text, rate_at(local datetime) by the same facts, prices in nano by rate)."""
    rates = [f"rate_{n}" for n in range(draw(st.integers(2, 6)))]
    prices = {name: draw(PRICE) for name in rates}
    days = []
    for borders in draw(day_plans):
        edges = [0, *borders, 1440]
        days.append([(a, b, draw(st.sampled_from(rates))) for a, b in pairwise(edges)])
    weeks = [[draw(st.integers(0, len(days) - 1)) for _ in WEEKDAYS] for _ in range(2)]
    starts = sorted(
        draw(
            st.lists(
                st.dates(date(2021, 1, 1), date(2021, 12, 31)), min_size=1, max_size=4, unique=True
            )
        )
    )
    seasons = [(start, draw(st.integers(0, 1))) for start in starts]
    holidays = draw(
        st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=5, unique=True)
    )
    special = {day: draw(st.integers(0, len(days) - 1)) for day in holidays}
    lines = [
        *("schema = 1", 'name = "drawn"', 'currency = "EUR"', "billing_day = 1"),
        f'timezone = "{draw(st.sampled_from(ZONES))}"',
        f'fallback = "{rates[0]}"',
    ]
    for name, nano in prices.items():
        sign = "-" if nano < 0 else ""
        lines += [
            f"[rates.{name}]",
            f'price = "{sign}{abs(nano) // 10**9}.{abs(nano) % 10**9:09d}"',
        ]
    for number, (start, week) in enumerate(seasons):
        lines += [f"[seasons.s{number}]", f'from = "{start:%m-%d}"', f'week = "w{week}"']
    for number, week in enumerate(weeks):
        lines += [
            f"[weeks.w{number}]",
            *(f'{d} = "d{i}"' for d, i in zip(WEEKDAYS, week, strict=True)),
        ]
    for number, parts in enumerate(days):
        lines.append(f"[days.d{number}]")
        for name in rates:
            ranges = [f'"{hhmm(a)}-{hhmm(b)}"' for a, b, rate in parts if rate == name]
            if ranges:
                lines.append(f"{name} = [{', '.join(draw(st.permutations(ranges)))}]")
    for day, index in special.items():
        lines += ["[[special_days]]", f"date = {day}", f'day = "d{index}"']

    def rate_at(local):
        today = local.date()
        started = [
            week for start, week in seasons if (start.month, start.day) <= (today.month, today.day)
        ]
        week = started[-1] if started else seasons[-1][1]
        parts = days[special.get(today, weeks[week][today.weekday()])]
        minute = 60 * local.hour + local.minute
        return next(rate for a, b, rate in parts if a <= minute < b)

    return "\n".join(lines), rate_at, prices


@settings(max_examples=60, deadline=None)
@given(tariffs(), st.lists(st.integers(0, 2 * 365 * 24 * 4), min_size=20, max_size=20))
def test_calendar_means_what_the_file_says(drawn, quarters):
    text, rate_at, prices = drawn
    compiled = compile_text(text, "drawn.toml")
    made = compiled.tariff()
    zone = ZoneInfo(compiled.data["zone_name"])
    for quarter in quarters:
        instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarter)
        _, rate = made.calendar.segment(int(instant.timestamp()) - EPOCH)
        assert made.rates[rate] == rate_at(instant.astimezone(zone))
    for rate in range(made.imports):
        assert made.price_nano(rate, 0) == prices[made.rates[rate]]


@settings(max_examples=30, deadline=None)
@given(tariffs())
def test_compiling_is_canonical(drawn):
    text, _, _ = drawn
    first = compile_text(text, "a.toml")
    again = compile_text("# a comment\n" + text, "b.toml")
    assert first.text == again.text
    assert first.digest == tariff_check.digest(again.text)
    assert (
        json.dumps(json.loads(first.text), sort_keys=True, separators=(",", ":")).encode()
        == first.text
    )


@settings(max_examples=200, deadline=None)
@given(st.decimals(-(10**6), 10**6, places=9))
def test_a_price_is_exact_however_it_is_written(price):
    expected = int(price.scaleb(9))
    for written in (f'"{price:f}"', f"{price:f}"):
        compiled = compile_text(DEMO.replace('["0.2431", "0.2674"]', f"[{written}]"), "t.toml")
        assert compiled.data["rates"][0]["prices"] == [expected]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_on_a_meter(path):
    compiled = compile_file(path)
    assert tariff_check.load(compiled.text).digest == compiled.digest
    unused = ["critical"] if path.stem == "market-price" else []  # for price events only
    assert tariff_show.never_in_force(compiled.tariff()) == unused


def test_more_rates_than_registers_are_refused():
    more = "".join(f'[rates.more_{n}]\nprice = "1"\n' for n in range(10))
    with pytest.raises(ToolError, match="rates: 16 entries: 1 to 15 are possible"):
        compile_text(DEMO.replace("[seasons.summer]", more + "[seasons.summer]"), "t.toml")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ToolError, match=r"no\.toml: No such file"):
        compile_file(tmp_path / "no.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "Caf\xe9"')
    with pytest.raises(ToolError, match="byte 11 is not UTF-8"):
        compile_file(tmp_path / "latin.toml")


@pytest.mark.parametrize("name", ZONES)
def test_rule_of_a_zone_agrees_with_its_table(name):
    assert zones.first_difference(Zone(zones.posix_rule(name)), ZoneInfo(name), 2026) is None


def test_a_wrong_rule_of_a_zone_is_found():
    wrong = Zone("CET-1CEST,M3.5.0,M10.4.0/3")
    found = zones.first_difference(wrong, ZoneInfo("Europe/Madrid"), 2026)
    assert found is not None
    # The rule says the fourth Sunday, the zone the last: they part where there are five.
    assert found == datetime(2027, 10, 24, 1, tzinfo=UTC)
