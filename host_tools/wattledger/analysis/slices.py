"""Parts of a history as slices: its local dates, and runs of what is true."""

from itertools import pairwise
from typing import Any

import numpy as np

from wattledger.analysis.history import History


def days_of(history: History) -> list[slice]:
    """-> the intervals of each local date that has any."""
    edges = np.flatnonzero(np.diff(history.day)) + 1
    bounds = [0, *edges.tolist(), len(history)]
    return [slice(first, last) for first, last in pairwise(bounds)]


def runs(chosen: Any) -> list[tuple[int, int]]:
    """-> (first, one past the last) of each run of true. chosen: bool (n)"""
    padded = np.concatenate(([False], chosen, [False])).astype(np.int8)
    step = np.diff(padded)
    first, last = (np.flatnonzero(step == sign).tolist() for sign in (1, -1))
    return list(zip(first, last, strict=True))
