"""The proof of a tariff finds what is planted: in the compiled file, and in the core."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tariff_file import tariffs

from meter import tariff_check, tiers
from meter.calendar import Calendar
from meter.civil import Zone
from wattledger.errors import ToolError
from wattledger.tariffs import tariff_proof
from wattledger.tariffs.tariff_file import Compiled, compile_text, dump

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "tariffs").glob("*.toml"))
COMMERCIAL = next(path for path in EXAMPLES if path.stem == "commercial").read_text()
DEMO = next(path for path in EXAMPLES if path.stem == "three-prices-two-seasons").read_text()
FEED_IN = next(path for path in EXAMPLES if path.stem == "day-and-night-feed-in").read_text()
TODAY = date(2026, 4, 1)


def planted(text, change):
    """The compiled file after `change(data)`, as if the compiler had made it so."""
    data = json.loads(compile_text(text, "t.toml").text)
    change(data)
    canonical = dump(data)
    return Compiled(canonical, tariff_check.digest(canonical), data)


def found(text, compiled):
    """-> what the proof says against it."""
    with pytest.raises(ToolError) as caught:
        tariff_proof.prove(text, "t.toml", compiled, TODAY)
    assert "do not push it" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_proved(path):
    text = path.read_text()
    lines = tariff_proof.prove(text, path.name, compile_text(text, path.name), TODAY)
    assert "20 days of clock change" in "\n".join(lines)
    assert "120 billing periods" in "\n".join(lines)


@settings(max_examples=15, deadline=None)
@given(tariffs(), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_drawn_tariffs_are_proved(drawn, today):
    text, _, _ = drawn
    assert tariff_proof.prove(text, "t.toml", compile_text(text, "t.toml"), today)


@pytest.mark.parametrize("text", [COMMERCIAL, DEMO], ids=["commercial", "demo"])
def test_every_switch_counts(text):
    """Each switch of each day, a quarter of an hour late, and each with another rate."""
    days = compile_text(text, "t.toml").data["days"]
    rates = len(compile_text(text, "t.toml").data["rates"])
    places = [(d, n) for d, switches in enumerate(days) for n in range(len(switches))]
    assert len(places) >= 8
    for day, number in places:

        def other_rate(data, day=day, number=number):
            data["days"][day][number][1] = (data["days"][day][number][1] + 1) % rates

        def later(data, day=day, number=number):
            data["days"][day][number][0] += 15

        assert "the file says" in found(text, planted(text, other_rate))
        if number:
            assert "the file says" in found(text, planted(text, later))


def drop_special(data):
    del data["special_days"][5]


def new_special(data):
    data["special_days"].append([2031, 7, 15, 2])


def season_a_day_late(data):
    data["seasons"][0][1] += 1


def wrong_week(data):
    data["weeks"][0][6] = 0


def price(data):
    data["rates"][2]["prices"][1] += 1


def bound(data):
    data["tiers"][1]["bounds"][0] -= 1


def tier_set(data):
    data["rates"][1]["tiers"] = 1


def billing_day(data):
    data["billing_day"] = 22


def row(data):
    data["interval_s"] = 1800


def demand_window(data):
    data["demand"]["window_s"] = 1800


def clock_rule(data):
    data["zone"] = "PST8PDT,M3.2.0,M11.2.0"


FAULTS = {
    drop_special: "2026-05-25",
    new_special: "2031-07-15",
    season_a_day_late: "2026-06-01",
    wrong_week: "2026-06-07",
    price: "prices of summer_peak",
    bound: "tiers.evening from",
    tier_set: "tiers.hours_of_use|tiers.evening",
    billing_day: "period at",
    row: "windows in seconds",
    demand_window: "windows in seconds",
    clock_rule: "2026-11-01 01:00:00 -0800, rate and seconds",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_the_compiler_is_found(fault):
    assert re.search(FAULTS[fault], found(COMMERCIAL, planted(COMMERCIAL, fault)))


def test_another_export_rate_is_found():
    text = FEED_IN.replace("[netting]", '[exports.b]\nprice = "0.05"\n[netting]')

    def change(data):
        data["rates"][1]["export"] = 1

    assert "export rate of night" in found(text, planted(text, change))


def summer_never_ends(zone, t):
    return zone.summer_s


def segment_of_utc(calendar, t):
    """As if the day began at midnight UTC: the hours of every rate are shifted."""
    end, _ = ORIGINAL_SEGMENT(calendar, t)
    return end, ORIGINAL_SEGMENT(calendar, t - 8 * 3600)[1]


def one_day_more(calendar, t0, t1):
    return calendar.local_day(t1) - calendar.local_day(t0) + 1


def windows_of_utc(calendar, t, interval_s):
    """Right in zones of whole hours, but for a window that a clock change cuts short."""
    return t + interval_s - t % interval_s


def rounded_up(tariff, index, opening, end, peak_mw):
    return tuple(bound + 1 for bound in ORIGINAL_BOUNDS(tariff, index, opening, end, peak_mw))


def no_share(tariff, opening, end):
    return 1, 1


ORIGINAL_SEGMENT, ORIGINAL_BOUNDS = Calendar.segment, tiers.bounds
CORE_FAULTS = (
    (Zone, "offset_at", summer_never_ends, DEMO),
    (Calendar, "segment", segment_of_utc, DEMO),
    (Calendar, "days", one_day_more, DEMO),
    (tiers, "bounds", rounded_up, COMMERCIAL),
    (tiers, "share", no_share, DEMO),
)


@pytest.mark.parametrize(("owner", "name", "fault", "text"), CORE_FAULTS)
def test_a_fault_of_the_core_is_found(monkeypatch, owner, name, fault, text):
    compiled = compile_text(text, "t.toml")
    assert tariff_proof.prove(text, "t.toml", compiled, TODAY)
    monkeypatch.setattr(owner, name, fault)
    found(text, compiled)


def test_windows_off_the_local_grid_are_found(monkeypatch):
    text = re.sub("window_min = 15\nsub_windows = 3", "window_min = 60", COMMERCIAL)
    text = text.replace("America/Los_Angeles", "Asia/Kathmandu")
    compiled = compile_text(text, "t.toml")
    assert tariff_proof.prove(text, "t.toml", compiled, TODAY)
    monkeypatch.setattr(Calendar, "interval_end", windows_of_utc)
    assert "window of" in found(text, compiled)


@pytest.mark.parametrize(
    "zone", ["America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
)
def test_odd_zones_are_proved(zone):
    """Changes at midnight, of half an hour, none at all, and at the end of a Thursday."""
    text = COMMERCIAL.replace("America/Los_Angeles", zone)
    lines = tariff_proof.prove(text, "t.toml", compile_text(text, "t.toml"), TODAY)
    assert any(f"{0 if zone == 'Asia/Kathmandu' else 20} days of clock" in line for line in lines)
