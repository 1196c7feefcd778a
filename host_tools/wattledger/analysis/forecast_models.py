"""Two ways to say what a meter will count: the mean of earlier weeks, and boosted trees.

Both get what is known up to an instant and give average powers in W for what follows it.
Weekday and minute are local, so a change of the clock moves nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from meter.civil import DAY_S
from wattledger.analysis.history import History
from wattledger.analysis.shape import Floats
from wattledger.engine.load import Ints
from wattledger.errors import ToolError

WEEKS = 4  # of which the naive forecast is the mean
HORIZON_S = 31 * DAY_S  # as far as the trees learn to look
_WEEK_S = 7 * DAY_S
_LEAST_S = 3 * _WEEK_S  # known before the first origin that the trees learn from
_ROWS = 12_000  # examples for the trees: more time, no smaller error
_MINUTES = 1440
_DAYS = 10  # of a kind, whose mean is the level that is forecast
_LEAST = 1e-3  # W, so that nothing is divided by a house without load


@dataclass(frozen=True)
class Known:
    """One energy of n intervals, by what repeats.

    starts   int64 (n), Unix s; power_w: float (n)
    minute, slot, kind   int16 (n): minute of the day; of the week; of a working or a free day
    """

    starts: Ints
    power_w: Floats
    minute: Any
    slot: Any
    kind: Any

    def before(self, index: int) -> "Known":
        """-> the first index intervals alone."""
        return Known(*(getattr(self, field.name)[:index] for field in fields(self)))

    def of_slot(self, wanted: History, count: int) -> Floats:
        """-> for each wanted interval the mean of the last `count` of the same weekday and
        minute; where there is none, of the same minute, else of all."""
        found = self._last(self.slot, _slot(wanted), count)
        return np.where(np.isnan(found), self.of_minute(wanted, count), found)

    def of_minute(self, wanted: History, count: int) -> Floats:
        """-> the same of the last `count` days."""
        found = self._last(self.minute, wanted.minute, count)
        return np.where(np.isnan(found), self.power_w.mean(), found)

    def of_kind(self, wanted: History, count: int) -> Floats:
        """-> the same of the last `count` working days, or days of weekends."""
        found = self._last(self.kind, _kind(wanted), count)
        return np.where(np.isnan(found), self.of_minute(wanted, count), found)

    def mean(self, days: int) -> float:
        """-> of the last days before the end."""
        since = self.starts[-1] - days * DAY_S
        return float(self.power_w[self.starts > since].mean())

    def _last(self, keys: Any, wanted: Ints, count: int) -> Floats:
        """-> mean of the last `count` with the same key, NaN: none."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order].astype(np.int64)
        total = np.concatenate(([0.0], np.cumsum(self.power_w[order])))
        last = np.searchsorted(ordered, wanted, side="right")
        first = np.maximum(np.searchsorted(ordered, wanted), last - count)
        with np.errstate(invalid="ignore"):
            found: Floats = (total[last] - total[first]) / (last - first)
        return found


def known_of(history: History, energy_mwh: Ints) -> Known:
    """energy_mwh: int64, one for each interval."""
    columns = history.minute, _slot(history), _kind(history)
    power_w: Floats = energy_mwh * 3.6 / history.duration_s
    return Known(history.start, power_w, *(column.astype(np.int16) for column in columns))


def _slot(history: History) -> Ints:
    found: Ints = history.weekday * _MINUTES + history.minute
    return found


def _kind(history: History) -> Ints:
    found: Ints = (history.weekday >= 5) * _MINUTES + history.minute
    return found


def naive(known: Known, wanted: History) -> Floats:
    """Seasonal-naive: the mean of the same weekday and time in the last four weeks."""
    return known.of_slot(wanted, WEEKS)


def boosted(known: Known, wanted: History, history: History) -> Floats:
    """Gradient boosting on calendar and earlier values, for the shape alone: its level is the
    mean of the last ten days of each kind. A year has each season once, so what it would learn
    of their rise and fall is chance.

    history   the one that is known, for its calendar. ToolError: scikit-learn is missing, or
              the history is shorter than four weeks
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ToolError(
            f"forecast: {error}: expected scikit-learn: pip install 'wattledger[analysis]'"
        ) from None
    examples = list(_examples(known, history))
    if not examples:
        raise ToolError("forecast: less than four weeks: expected more to learn from")
    features, target = (np.concatenate(column) for column in zip(*examples, strict=True))
    model = HistGradientBoostingRegressor(
        max_iter=80,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=100,
        l2_regularization=1.0,
        random_state=0,
    )
    with threadpool_limits(1):  # as fast on so few rows, and a busy machine does not slow it
        model.fit(features, target)
        found: Floats = np.maximum(model.predict(_features(known, wanted)), 0)
    level_w = float(known.of_kind(wanted, _DAYS).mean())
    return found * (level_w / max(float(found.mean()), _LEAST))


def _examples(known: Known, history: History) -> Iterator[tuple[Floats, Floats]]:
    """Yields (features, powers in parts of their mean) as seen from one instant a week, going
    back."""
    first, last = int(history.start[0]) + _LEAST_S, int(history.end[-1])
    origins = range(last - _WEEK_S, first, -_WEEK_S)
    chance = np.random.default_rng(0)
    for origin in origins:
        begin, end = np.searchsorted(history.start, (origin, origin + HORIZON_S)).tolist()
        if begin == end:
            continue
        rows, level_w = np.arange(begin, end), max(known.power_w[begin:end].mean(), _LEAST)
        if len(rows) > _ROWS // len(origins):
            rows = np.sort(chance.choice(rows, _ROWS // len(origins), replace=False))
        features = _features(known.before(begin), history.part(rows))
        yield features, known.power_w[rows] / level_w


def _features(known: Known, wanted: History) -> Floats:
    """-> float (n, features): powers in parts of the mean of the last 28 days, and calendar."""
    powers = [
        known.of_slot(wanted, 1),
        known.of_slot(wanted, WEEKS),
        known.of_slot(wanted, 2 * WEEKS),
        known.of_minute(wanted, 7),
        known.of_minute(wanted, 7 * WEEKS),
        known.of_kind(wanted, _DAYS),
    ]
    level_w = max(known.mean(7 * WEEKS), _LEAST)
    calendar = [wanted.minute, wanted.weekday, wanted.weekday >= 5]
    return np.stack([*(power / level_w for power in powers), *calendar], axis=1)
