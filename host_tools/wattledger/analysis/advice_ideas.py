"""The changes that advice tries: each is a history as it would have been, not yet billed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from meter.civil import DAY_S, EPOCH
from wattledger.analysis import advice_words as words
from wattledger.analysis import shape, shifting
from wattledger.analysis.advice_case import Case, Idea
from wattledger.analysis.history import History
from wattledger.analysis.marginal_prices import Prices
from wattledger.engine import timeline
from wattledger.engine.load import Ints

_SHARE = 4  # a quarter of what could change does
_PEAK_CUT = 10  # a tenth
_HOUR_S = 3600
_NANO = 10**9
_WHOLE_DAY_S = 20 * _HOUR_S
_AWAY_DAYS_MIN = 2
_LATER_SHARE = 10  # who would have to move more than a tenth cannot do it by waiting


def shift(case: Case) -> Iterator[Idea]:
    """From the dear to the cheapest intervals of each 24 h from noon to noon.

    Dear is what costs more than the mean of the highest and the lowest price of that time,
    cheap what is within a quarter of the lowest. At dynamic prices these hours are others each
    day.
    """
    history = case.history
    nano = _mean_prices(case.prices, history)
    group = (history.local_s - DAY_S // 2) // DAY_S
    _, place = np.unique(group, return_inverse=True)
    high, low = _by_group(np.maximum, nano, place), _by_group(np.minimum, nano, place)
    dear = 2 * nano > high + low
    cheap = (4 * nano <= high + 3 * low) & (high > low)
    above = np.maximum(history.import_mwh - _base_mwh(history), 0)
    taken = np.where(dear, above // _SHARE, 0)
    most = _by_group(np.maximum, history.import_mwh, place)
    room = np.where(cheap, most - history.import_mwh, 0)
    changed = shifting.move(history, group, taken, room)
    moved = history.import_mwh - changed.import_mwh
    shifted = np.isin(group, group[moved > 0])
    days = len(np.unique(group[shifted]))
    if days:
        step_min = max(1, history.interval_s // 60)
        source, target = "in the dear hours of each day", "its cheapest ones"
        if not case.tariff.dynamic:
            source, target = (
                words.hours(history.day[here], history.minute[here], step_min)
                for here in (dear & shifted, cheap & shifted)
            )
        mean = words.energy(int(moved[moved > 0].sum()) // days)
        yield Idea(
            "shift",
            f"Moving {mean} a day of what is used {source} to {target}",
            f"a quarter of what is used above the base load in the dear hours of {days} days can"
            " wait, and no interval becomes higher than the highest of its day",
            changed,
        )


def base(case: Case) -> Iterator[Idea]:
    """Less of what is always on."""
    base_mw = shape.base_load(case.history)
    less = np.full(len(case.history), base_mw // _SHARE)
    if base_mw:
        yield Idea(
            "base",
            f"Of {words.power(base_mw)} that are always on, doing without"
            f" {words.power(base_mw // _SHARE)}",
            "the base load falls by a quarter at all times",
            shifting.lower(case.history, less),
        )


def peak(case: Case) -> Iterator[Idea]:
    """The highest power of each bill a tenth lower, if power has a price."""
    if not case.tariff.demand:
        return
    history = case.history
    starts = np.array([part.start for part in case.counted.timeline.parts]) + EPOCH
    part = np.searchsorted(starts, history.start, side="right") - 1
    power = history.power_mw
    most = _by_group(np.maximum, power, np.unique(part, return_inverse=True)[1])
    cap_mw = most * (_PEAK_CUT - 1) // _PEAK_CUT
    yield from _capped(
        case,
        "peak",
        cap_mw,
        f"Keeping the highest power of each bill a tenth lower, {words.power(int(cap_mw.max()))}"
        f" instead of {words.power(int(power.max()))} at the most,",
    )


def limiter(case: Case) -> Iterator[Idea]:
    """Below the threshold above which all that is bought costs more."""
    if not case.tariff.limiter:
        return
    levels = [level for level in case.tariff.limiter[1] if level[1] == "reprice"]
    limited, free = case.counted.timeline, case.unlimited
    rates = free.rates[timeline.place(free.starts, limited.starts)]
    trips = int(np.sum(np.diff((limited.rates != rates).astype(int), prepend=0) > 0))
    if levels and trips:
        threshold_mw = min(level[2] for level in levels)
        yield from _capped(
            case,
            "limiter",
            np.full(len(case.history), threshold_mw),
            f"The limiter acted {trips} times: staying below {words.power(threshold_mw)}",
        )


def reactive(case: Case) -> Iterator[Idea]:
    """A capacitor bank that follows the load, as large as 19 of 20 intervals need it."""
    if not case.tariff.reactive:
        return
    history = case.history
    free = [e * case.tariff.reactive[1] // _NANO for e in history.import_mwh.tolist()]
    above = np.maximum(history.lagging_mvarh - np.array(free, dtype=np.int64), 0)
    power = np.sort(above * _HOUR_S // history.duration_s)
    bank = int(power[len(power) * 19 // 20])
    if bank:
        taken = np.minimum(above, bank * history.duration_s // _HOUR_S)
        yield Idea(
            "reactive",
            f"A capacitor bank of {words.power(bank).replace('W', 'var')}",
            "it is switched with the load and takes off what is above the free share, up to its"
            " size; its own price is not in it",
            replace(history, lagging_mvarh=history.lagging_mvarh - taken),
        )


def away(case: Case) -> Iterator[Idea]:
    """Half of what stayed on while nobody was there."""
    history = case.history
    base_mw = shape.base_load(history)
    _, place = np.unique(history.day, return_inverse=True)
    highest = _by_group(np.maximum, _hourly_mw(history), place)
    measured_s = np.bincount(place, history.duration_s)[place]
    quiet = (highest < 2 * base_mw) & (measured_s >= _WHOLE_DAY_S)
    quiet_days = np.unique(history.day[quiet])
    runs = np.split(quiet_days, np.flatnonzero(np.diff(quiet_days) != 1) + 1)
    chosen = [day for run in runs if len(run) >= _AWAY_DAYS_MIN for day in run.tolist()]
    here = np.isin(history.day, chosen)
    if here.any():
        mean = words.energy(int(history.import_mwh[here].sum()) // len(chosen))
        less = np.where(here, history.power_mw // 2, 0)
        yield Idea(
            "away",
            f"On {len(chosen)} days nobody seems to have been there, yet {mean} a day stayed on:"
            " half of it off",
            "nobody was there on two days or more in a row whose highest hour is below twice the"
            " base load",
            shifting.lower(history, less),
        )


ALL = (shift, base, peak, limiter, reactive, away)


def _capped(case: Case, kind: str, cap_mw: Ints, does: str) -> Iterator[Idea]:
    history = case.history
    changed = shifting.cap(history, cap_mw * history.duration_s // _HOUR_S)
    moved = int(np.maximum(history.import_mwh - changed.import_mwh, 0).sum())
    if 0 < moved * _LATER_SHARE <= int(history.import_mwh.sum()):
        yield Idea(
            kind,
            f"{does} by running {words.energy(moved)} in all later",
            "what is above can wait until there is room below, for a day at the most; it is less"
            " than a tenth of all use",
            changed,
        )


def _mean_prices(prices: Prices, history: History) -> Ints:
    """-> int64 (n): nano per kWh, the mean of each interval, rounded down."""
    load = history.load()
    bought, _ = prices.over(load.edges)
    nano = bought // np.diff(load.edges)
    found: Ints = nano[np.searchsorted(load.edges, history.start - EPOCH)]
    return found


def _base_mwh(history: History) -> Ints:
    found: Ints = shape.base_load(history) * history.duration_s // _HOUR_S
    return found


def _hourly_mw(history: History) -> Ints:
    """-> int64 (n): the average power of the local hour of each interval."""
    _, place = np.unique(history.local_s // _HOUR_S, return_inverse=True)
    energy = np.zeros(int(place.max()) + 1, dtype=np.int64)
    np.add.at(energy, place, history.import_mwh)
    time_s = np.bincount(place, history.duration_s).astype(np.int64)
    found: Ints = (energy * _HOUR_S // time_s)[place]
    return found


def _by_group(most: np.ufunc, values: Ints, place: Ints) -> Ints:
    """-> int64 (n): the highest or lowest of the group of each. place: from 0, all there."""
    start = np.iinfo(np.int64).min if most is np.maximum else np.iinfo(np.int64).max
    found = np.full(int(place.max()) + 1, start, dtype=np.int64)
    most.at(found, place, values)
    return found[place]
