"""The bill of each meter of a store is what the core bills for its load, by either road."""

import numpy as np
import pytest

from tests.fleet import stores
from tests.fleet.conftest import tariff_of
from wattledger import simulate
from wattledger.engine.load import UJ_PER_MWH, of_spans
from wattledger.errors import ToolError
from wattledger.fleet import billing
from wattledger.fleet.billing import ROWS, SUMS
from wattledger.fleet.store import Store

TARIFFS = ("day-and-night-feed-in", "one-price", "three-prices-two-seasons", "commercial")


def alone(tariff, spans, base):
    """-> ({kind: [units by part]}, energy by part) of one bill after the other"""
    starts = [part.start for part in base]
    shape = len(starts)
    sums = {kind: [0] * shape for kind in billing.LINE_KINDS}
    for bill in simulate.bills_of([tariff], of_spans(spans)):
        place = max(i for i, start in enumerate(starts) if start <= bill.start - 1577836800)
        for line in bill.lines:
            sums[line["kind"]][place] += line["rounded"]
    return sums


def cut(spans):
    """-> the same within [START, END]; a span over START is split in proportion, as by a tick."""
    found = []
    for span in spans:
        if span.start < stores.START < span.end:
            took = (span.imported, span.exported, span.lagging)
            counts = [energy // 1000 for energy in took]
            part, whole = stores.START - span.start, span.end - span.start
            rest = [1000 * (c - c * part // whole) for c in counts]
            found.append(simulate.Span(stores.START, span.end, *rest))
        elif span.start >= stores.START and span.end <= stores.END:
            found.append(span)
    return found


@pytest.mark.parametrize("name", TARIFFS)
def test_each_bill_is_the_cores(store, meters, name):
    tariff = tariff_of(name)
    found = billing.bill(store, tariff, stores.START, stores.END)
    assert found.serials == sorted(meters)
    assert list(found.refused) == ["back"]
    for i, serial in enumerate(found.serials):
        expected = alone(tariff, cut(meters[serial][0]), found.parts)
        told = {kind: sums[i].tolist() for kind, sums in found.sums.items()}
        assert told == expected, serial
    by_sums = [
        serial for serial, road in zip(found.serials, found.road, strict=True) if road == SUMS
    ]
    if billing.needs_sums_alone(tariff):
        assert {"a", "b"} <= set(by_sums)
        assert not {"late", "off", "two"} & set(by_sums)
    else:
        assert not by_sums


def test_what_sums_need_decides_the_road():
    needed = {name: billing.needs_sums_alone(tariff_of(name)) for name in TARIFFS}
    assert needed == {
        "day-and-night-feed-in": True,
        "one-price": True,
        "three-prices-two-seasons": False,
        "commercial": False,
    }


def test_both_roads_give_the_same(store, monkeypatch):
    tariff = tariff_of("day-and-night-feed-in")
    quick = billing.bill(store, tariff, stores.START, stores.END)
    monkeypatch.setattr(billing, "needs_sums_alone", lambda _: False)
    slow = billing.bill(store, tariff, stores.START, stores.END)
    assert SUMS in quick.road
    assert set(slow.road) == {ROWS}
    assert np.array_equal(quick.totals, slow.totals)
    assert np.array_equal(quick.used, slow.used)


def test_a_gap_over_a_switch_counts_in_proportion(tmp_path, duckdb):
    # Wednesday 21 October: 1.8 kWh from 06:00 to 08:00, day begins at 07:00.
    at = stores.START + 2 * 86400 + 6 * 3600
    times = [(stores.START, at), (at, at + 7200), (at + 7200, stores.START + 3 * 86400)]
    energies = (0, 1_800_000, 0)
    spans = [
        simulate.Span(*time, UJ_PER_MWH * mwh, 0)
        for time, mwh in zip(times, energies, strict=True)
    ]
    folder = stores.head_end(tmp_path, stores.records("m", spans, seq=5))
    tariff = tariff_of("day-and-night-feed-in")
    found = billing.bill(Store(folder, duckdb), tariff, stores.START, stores.START + 3 * 86400)
    assert found.road == [ROWS]
    # 0.9 kWh in each; in the long rows nothing was used
    assert found.used.tolist() == [[[900_000, 900_000, 0]]]
    # 0.9 x 0.2712 = 0.24408, 0.9 x 0.2351 = 0.21159
    assert found.sums["energy"].tolist() == [[24 + 21]]


def test_whole_days(store):
    tariff = tariff_of("one-price")
    # the first row begins 20 minutes before the first midnight, the last ends at one
    found = billing.whole_days(store, tariff, None, None)
    assert found == (stores.START, stores.END)
    assert billing.whole_days(store, tariff, 1, None) == (1, stores.END)
    with pytest.raises(ToolError, match="no whole day"):
        billing.whole_days(store, tariff, stores.END, stores.START)


def test_nobody_to_bill(store):
    with pytest.raises(ToolError, match="no meter"):
        billing.bill(store, tariff_of("one-price"), 1000 * 900, 2000 * 900)
