"""Kinds of customers by the shape of their days, whatever their size.

The engine adds up the import of each local hour, on working days and on weekends: 48 numbers a
meter. Divided by their sum they are its shape; k-means groups the shapes, with the number of
groups that has the highest silhouette.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger.errors import ToolError
from wattledger.fleet import energy, slots
from wattledger.fleet.slots import HOURS
from wattledger.fleet.store import Store

SEED = 1
KINDS_MAX = 6
SILHOUETTE_METERS = 2000  # of more a sample: it compares each with each


@dataclass(frozen=True)
class Kind:
    """
    serials     of its meters
    used_mwh    import of them all
    workday, weekend   float (24): share of an hour in an average day of each sort
    """

    serials: list[str]
    used_mwh: int
    workday: Any
    weekend: Any


@dataclass(frozen=True)
class Shapes:
    """silhouettes: number of kinds -> -1..1, how well they are told apart; kinds: largest first;
    left_out: serials without a reading at each hour, or without any use."""

    silhouettes: dict[int, float]
    kinds: list[Kind]
    left_out: list[str]


def find(store: Store, tariff: Any, start: int, end: int) -> Shapes:
    """ToolError: scikit-learn is not installed, or there are fewer than four meters."""
    try:
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score
    except ImportError as error:
        raise ToolError(f"shapes: no {error.name}: pip install 'wattledger[analysis]'") from None
    wanted = slots.of_hours(tariff, start, end)
    found = energy.by_slot(store, wanted)
    used = found.values["import_mwh"]
    good = found.whole.all(axis=1) & (used.sum(axis=1) > 0)
    if good.sum() < 4:
        raise ToolError("shapes: fewer than four meters with a reading at each hour: give more")
    shapes = _normalised(used[good], _hours(tariff, start, end))
    trials = {}
    for count in range(2, min(KINDS_MAX, len(shapes) - 1) + 1):
        labels = KMeans(count, n_init=4, random_state=SEED).fit_predict(shapes)
        sample = min(SILHOUETTE_METERS, len(shapes))
        score = silhouette_score(shapes, labels, sample_size=sample, random_state=SEED)
        trials[count] = float(score), labels
    best = max(trials, key=lambda count: trials[count][0])
    chosen = np.flatnonzero(good)
    kinds = [
        _kind([found.serials[i] for i in chosen[here]], used[chosen[here]], shapes[here])
        for here in (trials[best][1] == label for label in range(best))
    ]
    left_out = [found.serials[i] for i in np.flatnonzero(~good)]
    return Shapes(
        {count: score for count, (score, _) in trials.items()},
        sorted(kinds, key=lambda kind: -len(kind.serials)),
        left_out,
    )


def _hours(tariff: Any, start: int, end: int) -> Any:
    """-> int64 (48): seconds of each hour in the span."""
    wanted = slots.of_hours(tariff, start, end)
    found = np.zeros(wanted.keys, dtype=np.int64)
    np.add.at(found, wanted.key, wanted.sign * wanted.utc)
    return found


def _normalised(used: Any, seconds: Any) -> Any:
    """-> float (meters, 48): power of each hour as a share of the sum of all 48."""
    power = used / np.maximum(seconds, 1)
    return power / power.sum(axis=1, keepdims=True)


def _kind(serials: list[str], used: Any, shapes: Any) -> Kind:
    mean = shapes.mean(axis=0)
    days = [day / max(day.sum(), 1e-12) for day in (mean[:HOURS], mean[HOURS:])]
    return Kind(serials, int(used.sum()), *days)
