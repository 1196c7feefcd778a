"""Changes: a fault that is planted is found and sized, a quiet house has none."""

from dataclasses import replace

import numpy as np
import pytest

from meter import codes, quality_codes
from meter.civil import Zone
from wattledger.analysis import changes
from wattledger.analysis.changes import ALWAYS_ON, SHARE_LOST, STOPPED, VACATION, Event

from .histories import KWH, history

ZONE = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
DAYS = 120
DAY = 60
EVENTS = dict(quality_codes.KINDS)


@pytest.fixture(scope="module")
def house():
    """0.2 kW always, meals and evenings more, weekends more; every hour a little different."""
    random = np.random.default_rng(3)
    hour, day = np.arange(24), np.arange(DAYS)
    meals = np.exp(-((hour - 12) ** 2) / 4) + 2 * np.exp(-((hour - 20) ** 2) / 6)
    week = np.where((day + 3) % 7 >= 5, 1.3, 1)  # 2026-01-01 is a Thursday
    kwh = 0.2 + week[:, None] * meals * random.uniform(0.6, 1.4, (DAYS, 24))
    return history(ZONE, (kwh * KWH * random.uniform(0.9, 1.1, (DAYS, 24))).ravel().astype(int))


def changed(past, values):
    return replace(past, import_mwh=np.asarray(values).ravel().astype(np.int64))


def days(past):
    return past.import_mwh.reshape(DAYS, 24).copy()


def only(found):
    assert len(found) == 1, found
    return found[0]


def near(past, change, day):
    return abs(change.start - int(past.start[24 * day])) <= 3 * 86400


def test_quiet_house(house):
    assert changes.find(house) == []


@pytest.mark.parametrize("left", [2 / 3, 0.6])
def test_share_lost(house, left):
    values = days(house).astype(float)
    values[DAY:] *= left
    found = only(changes.find(changed(house, values)))
    assert found.rule == SHARE_LOST
    assert near(house, found, DAY)
    assert found.size == pytest.approx(left - 1, abs=0.06)
    assert found.end == int(house.end[-1])
    assert "bypass" in found.sentence


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (EVENTS["phase lost"], "lost phase"),
        (EVENTS["cover open"], "suspect a bypass"),
        (codes.EVENT_RESTART, "noted nothing that explains it"),
    ],
)
def test_the_meters_own_events_explain(house, event, said):
    values = days(house).astype(float)
    values[DAY:] *= 0.6
    at = int(house.start[24 * DAY]) - 3600
    found = only(changes.find(changed(house, values), [Event(at, event)]))
    assert said in found.sentence


def test_event_of_another_month_explains_nothing(house):
    values = days(house).astype(float)
    values[DAY:] *= 0.6
    early = Event(int(house.start[24 * 10]), EVENTS["phase lost"])
    assert "noted nothing" in only(changes.find(changed(house, values), [early])).sentence


def test_always_on(house):
    values = days(house)
    values[DAY:] += int(0.08 * KWH)
    found = only(changes.find(changed(house, values)))
    assert found.rule == ALWAYS_ON
    assert near(house, found, DAY)
    assert found.power_mw == pytest.approx(80_000, rel=0.25)


def test_vacation(house):
    values = days(house)
    values[DAY : DAY + 9] = np.resize(values[DAY : DAY + 9, 2:5], (9, 24))
    found = only(changes.find(changed(house, values)))
    assert found.rule == VACATION
    assert (found.start, found.end) == (
        int(house.start[24 * DAY]), int(house.end[24 * (DAY + 9) - 1]),
    )  # fmt: skip
    assert found.size == pytest.approx(9, abs=0.05)


def test_stopped_register(house):
    values = days(house)
    values[DAY, 8:20] = 0
    found = only(changes.find(changed(house, values)))
    assert found.rule == STOPPED
    assert found.start == int(house.start[24 * DAY + 8])
    assert found.size == 0.5
    assert "reactive energy flowed" in found.sentence


def test_seasons_are_no_change(house):
    """Twice the use in spring, day by day: no step in it."""
    slope = np.linspace(1, 2, DAYS)[:, None]
    assert changes.find(changed(house, days(house) * slope)) == []


def test_short_history(house):
    assert changes.find(house.part(slice(0, 24 * 20))) == []
    assert changes.find(house.part(slice(0, 1))) == []
