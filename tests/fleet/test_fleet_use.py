"""What-if, shapes and response: planted in the data, found again."""

import numpy as np
import pytest

from meter.civil import days
from tests.fleet import stores
from tests.fleet.conftest import tariff_of
from wattledger import simulate
from wattledger.engine.load import of_spans
from wattledger.errors import ToolError
from wattledger.fleet import response, shapes, whatif
from wattledger.fleet.store import Store


def test_whatif_is_the_difference_of_the_bills(store, meters):
    old, new = tariff_of("day-and-night-feed-in"), tariff_of("one-price")
    found = whatif.compare_tariffs(store, old, new, stores.START, stores.END)
    assert len(found.serials) == 6
    for serial in ("a", "b", "two"):
        spans = meters[serial][0]
        bills = [sum(b.total for b in simulate.bills_of([t], of_spans(spans))) for t in (old, new)]
        at = found.serials.index(serial)
        assert [found.old[at], found.new[at]] == bills
    assert found.winners + found.losers + int((found.change == 0).sum()) == 6
    assert found.winners == int((found.old > found.new).sum())
    ordered = sorted(found.change.tolist())
    # nearest rank of 6: 25 % is the 2nd, 50 % the 3rd, 75 % the 5th
    assert [found.quantiles[p] for p in (0, 25, 50, 75, 100)] == [
        ordered[i] for i in (0, 1, 2, 4, 5)
    ]


def test_two_currencies_are_not_compared(store):
    with pytest.raises(ToolError, match="EUR and USD"):
        whatif.compare_tariffs(
            store, tariff_of("one-price"), tariff_of("commercial"), stores.START, stores.END
        )


def hourly(shape, count, dice):
    """-> int64 (hours + 1): registers of a meter with a daily shape"""
    hour = np.arange(count) % 24
    used = np.where((hour >= shape) & (hour < shape + 5), 2_000_000, 200_000)
    return np.append(0, np.cumsum((used * dice.uniform(0.8, 1.2, count)).astype(np.int64)))


def test_planted_kinds_are_found(tmp_path, duckdb):
    pytest.importorskip("sklearn", reason="no scikit-learn: pip install 'wattledger[analysis]'")
    dice, count = np.random.default_rng(1), 24 * 15 + 1
    registers = {f"m{n:02d}": hourly((6, 12, 18)[n % 3], count, dice) for n in range(30)}
    store = Store(
        stores.parquet(tmp_path, stores.START + 3600 * np.arange(count + 1), registers), duckdb
    )
    found = shapes.find(store, tariff_of("one-price"), stores.START, stores.END)
    kinds = {tuple(kind.serials) for kind in found.kinds}
    assert kinds == {tuple(f"m{n:02d}" for n in range(first, 30, 3)) for first in range(3)}
    assert max(found.silhouettes, key=found.silhouettes.get) == 3
    assert sum(kind.used_mwh for kind in found.kinds) == sum(
        int(r[-1]) for r in registers.values()
    )
    assert [round(float(kind.workday.sum()), 9) for kind in found.kinds] == [1, 1, 1]
    again = shapes.find(store, tariff_of("one-price"), stores.START, stores.END)
    assert again.silhouettes == found.silhouettes


def test_response_by_hand(tmp_path, duckdb):
    # Noon to one, 12 working days: on day n the meter uses 100 + n; Tuesday 3 November 30.
    zone = tariff_of("one-price").calendar.zone
    utc, used = [], []
    for n in range(16):
        noon = 86400 * (days(2026, 10, 19) + n) + 43200
        utc += [zone.to_utc(noon), zone.to_utc(noon + 3600)]
        used += [0, 30 if n == 15 else 900 if n % 7 > 4 else 100 + n]
    folder = stores.parquet(tmp_path, np.array(utc), {"m": np.cumsum(used)})
    store = Store(folder, duckdb)
    event = utc[-2], utc[-1]
    found = response.measure(store, tariff_of("one-price"), event)
    # ten working days before day 15: 14, 11..7, 4..1; the five highest: 114, 111, 110, 109, 108
    assert found.like_days[0] == days(2026, 11, 2)
    assert found.like_days[-1] == days(2026, 10, 20)
    assert found.baseline_mwh.tolist() == [(114 + 111 + 110 + 109 + 108) // 5]
    assert (found.actual_mwh.tolist(), found.saved_mwh.tolist()) == ([30], [110 - 30])
    other = response.measure(store, tariff_of("one-price"), event, [days(2026, 11, 2)])
    assert other.baseline_mwh.tolist() == [(111 + 110 + 109 + 108 + 107) // 5]
    assert other.of_group(["m", "x"]) == (1, 109, 30)


def test_response_needs_like_days(store):
    tariff = tariff_of("one-price")
    event = stores.START + 3 * 86400, stores.START + 3 * 86400 + 3600
    with pytest.raises(ToolError, match="3 like days"):
        response.measure(store, tariff, event, oldest=stores.START)
    with pytest.raises(ToolError, match="within one local day"):
        response.measure(store, tariff, (event[0], event[0] + 90_000))
