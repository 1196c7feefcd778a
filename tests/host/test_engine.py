"""The engine's columns: registers as meter.accounts counts them, borders as the core has them."""

from unittest import mock

import numpy as np
import pytest
import tariffs
from hypothesis import given
from hypothesis import strategies as st

from meter.accounts import Accounts
from meter.civil import DAY_S, days
from meter.sample import CHANNELS, EXPORT, IMPORT
from wattledger.engine import registers, timeline
from wattledger.engine.load import Load, Span, of_rows, of_spans
from wattledger.engine.peaks import local_days
from wattledger.engine.registers import Crossed, Instants
from wattledger.errors import ToolError

ROW_S = 600
LORD_HOWE = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"


def by_accounts(rows, sold, grid_s, bounds):
    """One count is a mWh. -> ([(import, export) at every border], [(second, import, export)
    at every bound]), counted by the meter's own accounts."""
    accounts, borders, crossings = Accounts(1, 1), [], []
    bounds, totals = list(bounds), [0, 0]
    for row, energies in enumerate(zip(rows, sold, strict=True)):
        totals = [a + b for a, b in zip(totals, energies, strict=True)]
        counts, now = (*totals, *[None] * (CHANNELS - 2)), ROW_S * (row + 1)
        while accounts.live.t < now:
            until = min((accounts.live.t // grid_s + 1) * grid_s, now)
            bound = bounds[0] if bounds else None
            accounts.advance(counts, now, until, 0, 15, bound)
            live = accounts.live
            here = live.registers[IMPORT], live.registers[EXPORT]
            if bound is not None and here[0] >= bound:
                crossings.append((live.t, *here))
                bounds.pop(0)
            if live.t == until:
                borders.append((until, *here))
    return borders, crossings


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=4),
    st.sampled_from((7, 60, 100, 250, 600)),
    st.sets(st.integers(1, 100), max_size=3),
)
def test_counts_are_split_as_the_meter_does(rows, grid_s, bounds):
    bought, sold = zip(*rows, strict=True)
    bounds = sorted(bound for bound in bounds if bound <= sum(bought))
    load = of_rows(0, ROW_S, [list(bought)], [list(sold)])
    crossed, found = Crossed(), []

    def next_border(t):
        return (t // grid_s + 1) * grid_s

    for bound in bounds:
        row, t, after, counts = registers.crossing(load, bound, next_border, crossed)
        crossed.add(row, t, after, counts)
        found.append((t, counts))
    expected, crossings = by_accounts(bought, sold, grid_s, bounds)
    assert found == [(t, counts) for t, counts, _ in crossings]
    times = np.array([t for t, _, _ in expected])
    instants = Instants(load, times, next_border, crossed)
    shown = [instants.counts(load.of(c), c == IMPORT)[0].tolist() for c in (IMPORT, EXPORT)]
    assert list(zip(times.tolist(), *shown, strict=True)) == expected


def test_a_crossing_in_the_second_of_a_border_comes_after_it():
    # 700 counts in 600 s: 116 by 100 s, the 117th within that second; then 584 over 500 s
    load = of_rows(0, ROW_S, [[700]])
    crossed = Crossed()
    row, t, after, counts = registers.crossing(load, 117, lambda t: t // 100 * 100 + 100, crossed)
    assert (row, t, after, counts) == (0, 100, 2, 117)
    crossed.add(row, t, after, counts)
    times = np.array([100, 200])
    instants = Instants(load, times, lambda t: t // 100 * 100 + 100, crossed)
    assert instants.counts(load.of(IMPORT)).tolist() == [[116, 117 + 583 * 100 // 500]]


@pytest.mark.parametrize("zone", [tariffs.MADRID, LORD_HOWE, "UTC0"])
@pytest.mark.parametrize("grid_s", [300, 900, 3600])
def test_grids_are_those_that_the_calendar_gives_one_by_one(zone, grid_s):
    tariff = tariffs.load(zone=zone)
    for month in (3, 4, 10):
        start = days(2026, month, 1) * DAY_S - 1234
        end = start + 40 * DAY_S
        t, expected = start, [start]
        while (t := tariff.calendar.interval_end(t, grid_s)) <= end:
            expected.append(t)
        assert timeline.grid(tariff, start, end, grid_s).tolist() == expected


def test_local_days_are_those_of_the_calendar():
    for zone in (tariffs.MADRID, LORD_HOWE):
        calendar = tariffs.load(zone=zone).calendar
        times = np.arange(days(2026, 1, 1) * DAY_S, days(2027, 1, 1) * DAY_S, 1795)
        found = local_days(tariffs.load(zone=zone), times)
        assert found.tolist() == [calendar.local_day(t) for t in times.tolist()]


def test_a_load_with_a_gap_has_no_energy_in_it():
    load = of_spans([Span(900, 1800, 3_600_000, 0), Span(0, 600, 7_200_000, 0)])
    assert load.edges.tolist() == [0, 600, 900, 1800]
    assert load.of(IMPORT).tolist() == [[0, 7200, 7200, 10800]]


def test_microjoules_are_carried_from_row_to_row():
    spans = [Span(t, t + 60, 999, 0) for t in range(0, 600, 60)]
    assert of_spans(spans).of(IMPORT)[0].tolist() == [n * 999 // 1000 for n in range(11)]


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([], "no rows"),
        ([Span(0, 900, 1, 0), Span(600, 1500, 1, 0)], "overlap"),
        ([Span(0, 900, 1, 0), Span(0, 900, 1, 0)], "overlap"),
        ([Span(5, 5, 1, 0)], "no time"),
        ([Span(0, 900, -1, 0)], "negative"),
        ([Span(0, 900, 1 << 70, 0)], "more than a register"),
    ],
)
def test_loads_that_are_refused(spans, words):
    with pytest.raises(ToolError, match=words):
        of_spans(spans)


def test_versions_need_dates_of_their_own():
    one, two = tariffs.load(valid_from=0), tariffs.load(name="two", valid_from=0)
    with pytest.raises(ToolError, match="its own date"):
        timeline.plan([one, two], 0, DAY_S)


def test_a_calendar_is_worked_out_once():
    tariff = tariffs.load(name="once")
    first = timeline.segments(tariff, 0, DAY_S)
    with mock.patch.object(tariff.calendar, "segments", side_effect=AssertionError):
        assert timeline.segments(tariff, 0, DAY_S) is first


def test_a_view_of_one_meter_has_its_counts():
    load = of_rows(0, 900, [[1, 2], [3, 4]], [[5, 6], [7, 8]])
    assert isinstance(load.meter(1), Load)
    assert load.meter(1).of(IMPORT).tolist() == [[0, 3, 7]]
    assert load.meter(1).of(EXPORT).tolist() == [[0, 7, 15]]
