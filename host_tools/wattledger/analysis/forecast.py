"""What the open bill will come to, with an interval, by the forecast that did better so far.

Each earlier billing period is a trial: from as far into it as the open one is now, both models
forecast its rest from what was known then, and the bill of measured and predicted intervals is
held against the bill that came. The one with the smaller mean error is used, the naive one if
they are equal. Half the interval is the error that 80 % of the trials stay within (split
conformal prediction, V. Vovk et al. 2005: the ceil(0.8 (n + 1))th smallest of n). Dynamic prices
after the last that were known then are those of a week before.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from meter.civil import DAY_S, EPOCH
from meter.price_schedule import Schedule
from wattledger import simulate
from wattledger.analysis import forecast_models, forecast_prices
from wattledger.analysis.forecast_models import known_of
from wattledger.analysis.history import History
from wattledger.engine.load import Ints
from wattledger.errors import ToolError
from wattledger.reading import MeterBill

NAIVE, BOOSTED = "seasonal naive", "gradient boosting"
COVERAGE = Fraction(4, 5)
TRIALS_MIN = 4  # the least of which 80 % is not all
_LEARN_S = 56 * DAY_S
_WEEK_S = 7 * DAY_S
_ENERGIES = ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")


@dataclass(frozen=True)
class Miss:
    """Forecast less truth: units of the bill's rounding, mWh bought; power_w: mean of the
    absolute errors of the intervals."""

    units: int
    mwh: int
    power_w: float


@dataclass(frozen=True)
class Trial:
    """One earlier period, Unix s; misses: by model."""

    start: int
    origin: int
    end: int
    units: int
    misses: dict[str, Miss]


@dataclass(frozen=True)
class Score:
    """The means of the absolute misses of one model over trials."""

    model: str
    units: float
    mwh: float
    power_w: float


@dataclass(frozen=True)
class Forecast:
    """start, until, end   Unix s: of the period, measured until, end of the period
    bill     of measured and predicted intervals; so_far_units: of the measured ones
    half_units   of the interval around its total, None: fewer than TRIALS_MIN trials
    predicted_mwh   of the rest of the period
    """

    model: str
    start: int
    until: int
    end: int
    bill: MeterBill
    so_far_units: int
    half_units: int | None
    measured_mwh: int
    predicted_mwh: int
    trials: list[Trial]


def of(
    history: History,
    tariff: Any,
    schedules: Sequence[Schedule] = (),
    tick: Callable[[], None] = lambda: None,
) -> Forecast:
    """The period in which the history ends, or the next one if it ends with one.

    schedules   prices by interval, as in simulate.bills_of; may reach beyond the history
    tick   called after each trial. ToolError: less than a week is known
    """
    calendar, now = tariff.calendar, int(history.end[-1]) - EPOCH
    if history.end[-1] - history.start[0] < _WEEK_S:
        raise ToolError(f"{history.name}: less than a week: give a longer history to forecast")
    start = calendar.period_start(now, tariff.billing_day)
    end = calendar.period_end(now, tariff.billing_day)
    found = []
    for trial in trials(history, tariff, now - start, schedules):
        found.append(trial)
        tick()
    model = best(found)
    rest = _empty(history, now + EPOCH, end + EPOCH)
    whole = _predicted(history, rest, model)
    prices = forecast_prices.expected(schedules, end)
    so_far = simulate.bills_of([tariff], history.load(), prices)[-1].total if now > start else 0
    return Forecast(
        model=model,
        start=start + EPOCH,
        until=now + EPOCH,
        end=end + EPOCH,
        bill=simulate.bills_of([tariff], whole.load(), prices)[-1],
        so_far_units=so_far,
        half_units=half_units([trial.misses[model].units for trial in found]),
        measured_mwh=int(history.import_mwh[history.start >= start + EPOCH].sum()),
        predicted_mwh=int(whole.import_mwh[len(history) :].sum()),
        trials=found,
    )


def trials(
    history: History, tariff: Any, elapsed_s: int, schedules: Sequence[Schedule] = ()
) -> Iterator[Trial]:
    """Yields one for each whole period with 56 days before its origin, elapsed_s after it began.

    Only its own intervals are billed: what comes over from earlier ones is the same in both.
    """
    calendar, billing_day = tariff.calendar, tariff.billing_day
    first, last = int(history.start[0]) - EPOCH, int(history.end[-1]) - EPOCH
    start = calendar.period_end(first, billing_day)
    while (end := calendar.period_end(start, billing_day)) <= last:
        origin = start + elapsed_s
        if origin - first >= _LEARN_S and origin < end:
            known = history.between(first + EPOCH, origin + EPOCH)
            truth = history.between(start + EPOCH, end + EPOCH)
            if len(known) and truth.end[-1] > known.end[-1]:
                yield _trial(known, truth, tariff, schedules)
        start = end


def _trial(known: History, truth: History, tariff: Any, schedules: Sequence[Schedule]) -> Trial:
    origin, end = int(known.end[-1]), int(truth.end[-1])
    prices = forecast_prices.announced(schedules, origin - EPOCH)
    prices = forecast_prices.expected(prices, end - EPOCH)
    rest = truth.part(truth.start >= origin)
    units = _units(truth, tariff, schedules)
    misses = {}
    for model in (NAIVE, BOOSTED):
        whole = _predicted(known, rest, model).part(slice(-len(truth), None))
        wrong = whole.import_mwh[-len(rest) :] - rest.import_mwh
        misses[model] = Miss(
            _units(whole, tariff, prices) - units,
            int(wrong.sum()),
            float(np.abs(wrong * 3.6 / rest.duration_s).mean()),
        )
    return Trial(int(truth.start[0]), origin, end, units, misses)


def scores(found: list[Trial]) -> list[Score]:
    """-> one for each model. found: not empty."""
    made = []
    for model in (NAIVE, BOOSTED):
        misses = [trial.misses[model] for trial in found]
        means = [
            sum(abs(getattr(miss, name)) for miss in misses) / len(misses)
            for name in ("units", "mwh", "power_w")
        ]
        made.append(Score(model, *means))
    return made


def best(found: list[Trial]) -> str:
    """-> the model to use; the naive one while there are too few trials to tell."""
    if len(found) < TRIALS_MIN:
        return NAIVE
    return min(scores(found), key=lambda score: score.units).model


def half_units(misses: list[int]) -> int | None:
    """-> half the width of the interval, None: too few misses."""
    rank = math.ceil(COVERAGE * (len(misses) + 1))
    return sorted(map(abs, misses))[rank - 1] if rank <= len(misses) else None


def held(misses: list[int]) -> tuple[int, int]:
    """-> (of how many trials the others' interval held the truth, how many there were)."""
    halves = [half_units(misses[:i] + misses[i + 1 :]) for i in range(len(misses))]
    judged = [
        (abs(miss), half) for miss, half in zip(misses, halves, strict=True) if half is not None
    ]
    return sum(miss <= half for miss, half in judged), len(judged)


def _units(history: History, tariff: Any, schedules: Sequence[Schedule]) -> int:
    return sum(bill.total for bill in simulate.bills_of([tariff], history.load(), schedules))


def _predicted(known: History, rest: History, model: str) -> History:
    """-> the known intervals, and after them the rest with what is predicted. Only the import is
    the model's; export and reactive energy are always naive."""
    energies = {name: getattr(known, name) for name in _ENERGIES}
    powers = {
        name: forecast_models.naive(known_of(known, energy), rest)
        for name, energy in energies.items()
    }
    if model == BOOSTED:
        seen = known_of(known, known.import_mwh)
        powers["import_mwh"] = forecast_models.boosted(seen, rest, known)
    made = {name: _mwh(powers[name], rest.duration_s) for name in _ENERGIES}
    made["estimated"] = np.ones(len(rest), dtype=bool)
    columns = {name: getattr(rest, name) for name in ("start", "end", "status")} | made
    joined: dict[str, Any] = {
        name: np.concatenate((getattr(known, name), column)) for name, column in columns.items()
    }
    return replace(known, **joined)


def _mwh(power_w: Any, duration_s: Ints) -> Ints:
    found: Ints = np.rint(power_w * duration_s / 3.6).astype(np.int64)
    return found


def _empty(history: History, start: int, end: int) -> History:
    """-> intervals without energy from start to end, Unix s, as long as most of the history's."""
    starts = np.arange(start, end, history.interval_s, dtype=np.int64)
    ends = np.minimum(starts + history.interval_s, end)
    zeros = np.zeros(len(starts), dtype=np.int64)
    energies: dict[str, Any] = dict.fromkeys(_ENERGIES, zeros)
    estimated = np.ones(len(starts), dtype=bool)
    return replace(history, start=starts, end=ends, status=zeros, estimated=estimated, **energies)
