"""What losses a feeder has for technical reasons, as far as its own history tells.

Iron and copper: lost power = a + b x (supplied power)^2, fitted with the worst tenth left out,
twice; the band is that and three standard deviations, estimated from the median absolute one.
Statistics in floats: no bill rests on them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger.engine.load import Ints

_SIGMA = 1.4826  # of a normal distribution, from its median absolute deviation
_KEPT = 0.9
_WIDTH = 3.0


@dataclass(frozen=True)
class Band:
    """
    expected_mwh   float (n): technical loss of each interval
    width_mwh      half of the band's width
    outside        bool (n): the loss is outside of it
    """

    expected_mwh: Any
    width_mwh: float
    outside: Any


def fit(supplied_mwh: Ints, lost_mwh: Ints, duration_s: Ints) -> Band:
    """All int64 (n), n >= 1."""
    hours = duration_s / 3600
    factors = np.stack([hours, supplied_mwh.astype(float) ** 2 / hours / 1e9], axis=1)
    lost = lost_mwh.astype(float)
    kept = np.ones(len(lost), dtype=bool)
    for _ in range(3):
        solved = np.linalg.lstsq(factors[kept], lost[kept], rcond=None)[0]
        rest = np.abs(lost - factors @ solved)
        kept = rest <= np.quantile(rest, _KEPT)
    expected = factors @ solved
    width = _WIDTH * _SIGMA * float(np.median(np.abs(lost - expected)))
    return Band(expected, width, np.abs(lost - expected) > max(width, 1.0))
