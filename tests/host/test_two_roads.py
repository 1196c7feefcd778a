"""The same tariff and load through the running meter and through the host: identical bills."""

import json
import random
from unittest import mock

import pytest
import roads
import roads_drawn as drawn
import tariffs

from meter import tariff_check
from meter.civil import EPOCH, days
from meter.price_schedule import Schedule
from wattledger import simulate
from wattledger.engine import registers, usage
from wattledger.engine.load import COUNTS_PER_MWH, Load, Span, of_spans

CASES = 12


def both(load, texts, schedules=(), counts_per_mwh=COUNTS_PER_MWH):
    """-> (bills of the meter, bills of the host); texts: [(tariff, when)], the first "now"."""
    rig = roads.through_meter(load, texts, schedules, counts_per_mwh)
    tariffs = [tariff_check.load(text) for text, _ in texts]
    known = [Schedule(json.loads(text)) for text in schedules]
    found = simulate.bills_of(tariffs, load, known)
    on_meter = roads.bills(rig)
    if rig.meter.contract.w.period_start - EPOCH == load.end:
        on_meter.pop()  # a part of no time began at the end of the load
    return on_meter, [bill.lines for bill in found]


@pytest.mark.parametrize("seed", range(CASES))
def test_any_tariff_and_load(seed):
    draw = random.Random(seed)
    text = drawn.tariff_text(draw)
    load = drawn.load(draw, tariff_check.load(text))
    on_meter, on_host = both(load, [(text, "now")])
    assert on_host == on_meter


@pytest.mark.parametrize("seed", range(CASES))
def test_to_the_last_count(seed):
    """A count is a mWh here: one that is split otherwise changes the bill."""
    draw = random.Random(3000 + seed)
    interval_s = draw.choice((300, 900))
    text = drawn.tariff_text(draw, interval_s=interval_s)
    load = drawn.load(draw, tariff_check.load(text))
    counts = [None if counts is None else counts // COUNTS_PER_MWH for counts in load.counts]
    coarse = Load(load.edges, counts)
    with (
        mock.patch.object(registers, "COUNTS_PER_MWH", 1),
        mock.patch.object(usage, "COUNTS_PER_MWH", 1),
    ):
        on_meter, on_host = both(coarse, [(text, "now")], counts_per_mwh=1)
    assert on_host == on_meter


@pytest.mark.parametrize("months", [1, 2, 11])
def test_a_ratchet_looks_back_over_months(months):
    """5 kW in January, less in each month after it: the ratchet finds the highest in reach."""
    charge = tariffs.charge(ratchet=[900_000, months])
    text = tariffs.text(demand=tariffs.demand(charge), zone="UTC0")
    start, spans = days(2026, 1, 1) * 86400, []
    for hour in range(24 * 140):
        mw = 5_000_000 - 500_000 * (hour // (24 * 28))
        spans.append(Span(start + 3600 * hour, start + 3600 * hour + 3600, mw * 3_600_000, 0))
    on_meter, on_host = both(of_spans(spans), [(text, "now")])
    assert on_host == on_meter
    demands = [line["quantity"] for line in on_host[4] if line["kind"] == "demand"]
    # May's own highest is 3 kW; 90 % of April's 3.5, March's 4, or January's 5
    assert [num / den for num, den in demands] == [{1: 3.15e6, 2: 3.6e6, 11: 4.5e6}[months]]


@pytest.mark.parametrize("seed", range(CASES))
def test_versions_are_spliced(seed):
    draw = random.Random(1000 + seed)
    netting = {"mode": draw.choice(("none", "interval")), "carry": "money"}
    first = drawn.tariff_text(draw, netting=netting)
    load = drawn.load(draw, tariff_check.load(first))
    change = load.start + draw.randrange(1, load.end - load.start)
    change -= change % draw.choice((1, 900, 3600))
    second = drawn.tariff_text(draw, name="next", valid_from=change + EPOCH)
    while len(tariff_check.load(first).rates) != len(tariff_check.load(second).rates):
        second = drawn.tariff_text(draw, name="next", valid_from=change + EPOCH)
    on_meter, on_host = both(load, [(first, "now"), (second, change + EPOCH)])
    assert on_host == on_meter


@pytest.mark.parametrize("seed", range(CASES))
def test_dynamic_prices_and_price_events(seed):
    draw = random.Random(2000 + seed)
    names = ["rate0", "rate1"]
    rates = [
        {"name": name, "export": 0, "prices": [10**8], "dynamic": [draw.randrange(2 * 10**6), -7]}
        for name in names
    ]
    text = drawn.tariff_text(
        draw,
        rates=rates,
        exports=[{"name": "sold", "prices": [10**7], "dynamic": [900_000, 0]}],
        tiers=[],
        limiter=tariffs.limiter(window_s=3600) if draw.random() < 0.5 else None,
        dynamic={"settlement": draw.choice(("interval", "hour"))},
        netting={"mode": draw.choice(("none", "interval")), "carry": "none"},
        demand=None,
        **drawn.calendar(draw, 2, 3600),
    )
    load = drawn.load(draw, tariff_check.load(text))
    prices = drawn.prices_text(draw, load.start, rates=names)
    on_meter, on_host = both(load, [(text, "now")], [prices])
    assert on_host == on_meter
    by_interval = [line for line in on_host[0] if line["price"] == 0 and line["amount"][0]]
    assert by_interval
