"""The shape of a history: mean day, duration curve, base load. Of the import from the grid.

Powers are statistics, floats in W; energies and the base load stay integers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.civil import DAY_S
from wattledger.analysis.history import History
from wattledger.engine.load import Ints
from wattledger.errors import ToolError

Floats = npt.NDArray[np.float64]
_HOUR_S = 3600
_WHOLE_DAY_S = 20 * _HOUR_S  # a day with less than that says nothing about its minimum
_BASE_QUANTILE = 4  # of all days: the lowest quarter may be vacation or outage
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True)
class LoadCurve:
    """The mean day of some days.

    name    "all days", "working days" (Monday to Friday), "weekends", or of one month of the
            year, as "Jan working days"
    days    how many there are
    mean_w  float (24 h / step), by local time from midnight on; NaN: nothing was measured then
    step_s  from one to the next
    """

    name: str
    days: int
    mean_w: Floats
    step_s: int


def load_curves(history: History) -> list[LoadCurve]:
    """-> all days, working days, weekends; then working days and weekends of each month of the
    year that there is. Public holidays count by their weekday."""
    free = history.weekday >= 5
    everything = np.ones(len(history), dtype=bool)
    kinds = (("working days", ~free), ("weekends", free))
    chosen = [("all days", everything), *kinds]
    month = history.month % 12
    for number in np.unique(month).tolist():
        chosen += [(f"{MONTHS[number]} {name}", of & (month == number)) for name, of in kinds]
    return [_curve(history, name, of) for name, of in chosen if of.any()]


def _curve(history: History, name: str, chosen: Any) -> LoadCurve:
    step_s = max(60, min(history.interval_s, _HOUR_S))
    slots = DAY_S // step_s
    slot = history.local_s[chosen] % DAY_S // step_s
    energy = np.bincount(slot, history.import_mwh[chosen], slots)
    time_s = np.bincount(slot, history.duration_s[chosen], slots)
    with np.errstate(invalid="ignore"):
        mean_w = energy * 3.6 / time_s  # 1 mWh in 1 s is 3.6 W
    return LoadCurve(name, len(np.unique(history.day[chosen])), mean_w, step_s)


@dataclass(frozen=True)
class DurationCurve:
    """power_mw: int64 (n), descending; seconds: int64 (n), how long it was at least that."""

    power_mw: Ints
    seconds: Ints

    def exceeded_mw(self, share: float) -> int:
        """-> the power that is reached or exceeded during this share of the time, 0..1."""
        at = np.searchsorted(self.seconds, share * self.seconds[-1])
        return int(self.power_mw[min(int(at), len(self.power_mw) - 1)])


def duration_curve(history: History) -> DurationCurve:
    """The intervals by their average power, the highest first."""
    order = np.argsort(-history.power_mw, kind="stable")
    return DurationCurve(history.power_mw[order], np.cumsum(history.duration_s[order]))


def base_load(history: History) -> int:
    """-> mW, what is always on: the lower quartile, over all days, of the lowest hour of a day.

    An hour smooths what switches by itself; a quarter of the days may be vacation or outage
    before the quartile moves to them, and a heating season of three quarters does not lift it.
    Days with less than 20 hours do not count. ToolError: there is no other.
    """
    hours, of_hour = np.unique(history.local_s // _HOUR_S, return_inverse=True)
    time_s = np.bincount(of_hour, history.duration_s).astype(np.int64)
    energy = np.zeros(len(hours), dtype=np.int64)
    np.add.at(energy, of_hour, history.import_mwh)
    days, of_day = np.unique(hours * _HOUR_S // DAY_S, return_inverse=True)
    measured_s = np.bincount(of_day, time_s)
    lowest = np.full(len(days), np.iinfo(np.int64).max)
    np.minimum.at(lowest, of_day, energy * _HOUR_S // time_s)
    whole = np.sort(lowest[measured_s >= _WHOLE_DAY_S])
    if not len(whole):
        raise ToolError(f"{history.name}: no day with 20 hours: give a longer history")
    return int(whole[(len(whole) - 1) // _BASE_QUANTILE])
