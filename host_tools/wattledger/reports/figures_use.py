"""Pictures of use: heat map of days and hours, mean day, duration curve.

Floats only place what is drawn; what a picture says in words is exact.
"""

from typing import Any, NamedTuple

import numpy as np

from meter.civil import date
from wattledger.analysis.history import History
from wattledger.analysis.shape import MONTHS, DurationCurve, LoadCurve
from wattledger.engine.load import Ints
from wattledger.reports import texts
from wattledger.reports.drawing import Figure
from wattledger.reports.palette import LEVELS, paint

_HOUR_S = 3600
_KW_MW = 1_000_000
_HIGH_PERCENT = 98  # of the hours: those above share the darkest colour
MONTHS_DAYS = 62  # of a longer time months are named, not days
_POINTS = 200  # of the duration curve


class Picture(NamedTuple):
    """svg; says: what it shows, as a caption; key: (name of a colour, what it stands for)"""

    svg: str
    says: str
    key: list[tuple[str, str]]


class Hours(NamedTuple):
    """The average power of each local hour.

    first     local date of the first day, as meter.civil.days
    power_mw  int64 (days, 24), -1: nothing was measured
    """

    first: int
    power_mw: Ints

    @classmethod
    def of(cls, history: History) -> "Hours":
        hour = history.local_s // _HOUR_S
        first = int(history.day[0])
        place = hour - first * 24
        size = (int(history.day[-1]) - first + 1) * 24
        energy = np.zeros(size, dtype=np.int64)
        np.add.at(energy, place, history.import_mwh)
        time_s = np.bincount(place, history.duration_s, size).astype(np.int64)
        power = np.where(time_s > 0, energy * _HOUR_S // np.maximum(time_s, 1), -1)
        return cls(first, power.reshape(-1, 24))

    @property
    def highest(self) -> tuple[int, int, int]:
        """-> (day from the first, hour, mW)"""
        day, hour = divmod(int(self.power_mw.argmax()), 24)
        return day, hour, int(self.power_mw[day, hour])


def heat_map(history: History) -> Picture:
    """Days from left to right, hours from midnight at the top."""
    hours = Hours.of(history)
    step_mw = _nice(int(np.percentile(hours.power_mw, _HIGH_PERCENT)) // (LEVELS - 1) + 1)
    level = np.where(hours.power_mw < 0, -1, np.minimum(hours.power_mw // step_mw, LEVELS - 1))
    figure = Figure(250)
    for number in range(LEVELS):  # what is more is drawn over what is less
        _cells(figure.axes, level >= number, paint(f"level{number}"))
    days = len(level)
    figure.axes.set(xlim=(0, days), ylim=(24, 0), yticks=range(0, 25, 6))
    figure.axes.set_yticklabels([f"{hour:02d}:00" for hour in range(0, 25, 6)])
    figure.axes.grid(False)
    name_days(figure.axes, hours.first, days)
    day, hour, most = hours.highest
    at = texts.day_of(hours.first + day)
    says = (
        f"Average power of each hour of {days} days; the highest is {texts.power(most)}"
        f" on {at} at {hour:02d}:00."
    )
    bounds = [texts.power(step_mw * number) for number in range(1, LEVELS)]
    key = [f"below {bounds[0]}", *(f"from {bound}" for bound in bounds)]
    return Picture(figure.svg(says), says, [(f"level{n}", text) for n, text in enumerate(key)])


def load_curve(curves: list[LoadCurve], base_mw: int) -> Picture:
    """The mean working day and the mean day of a weekend, above what is always on."""
    figure, key, said = Figure(200), [], []
    for colour, curve in zip(("use", "other"), _of_week(curves), strict=False):
        edges = np.linspace(0, 24, len(curve.mean_w) + 1)
        look = {"baseline": None, "linewidth": 2, "color": paint(colour)}
        figure.axes.stairs(curve.mean_w / 1000, edges, **look)
        key.append((colour, f"{curve.name}, mean of {curve.days}"))
        highest = int(np.nanargmax(curve.mean_w))
        minute = highest * curve.step_s // 60
        at = f"{minute // 60:02d}:{minute % 60:02d}"
        peak = texts.power(round(curve.mean_w[highest] * 1000))
        said.append(f"{curve.name} are highest at {at} with {peak}")
    figure.axes.plot([0, 24], [base_mw / _KW_MW] * 2, "--", color=paint("dim"), linewidth=1.2)
    key.append(("dim", f"base load, {texts.power(base_mw)}"))
    clock_axis(figure.axes)
    figure.axes.set_ylim(bottom=0)
    figure.axes.set_ylabel("kW")
    says = f"The mean day: {'; '.join(said)}. {texts.power(base_mw)} are always on."
    return Picture(figure.svg(says), says, key)


def duration_curve(curve: DurationCurve) -> Picture:
    """For how much of the time the power is at least what."""
    power = [curve.exceeded_mw(n / _POINTS) for n in range(_POINTS + 1)]
    figure = Figure(200)
    edges = np.linspace(0, 100, _POINTS + 2)
    figure.axes.stairs(np.array(power) / _KW_MW, edges, fill=True, color=paint("use"))
    figure.axes.set(xlim=(0, 100), ylabel="kW")
    figure.axes.set_ylim(bottom=0)
    figure.axes.set_xlabel("% of the time at this power or more")
    tenth, half = (texts.power(curve.exceeded_mw(n / 100)) for n in (10, 50))
    most = texts.power(int(curve.power_mw[0]))
    says = f"At most {most}; a tenth of the time {tenth} or more, half of the time {half} or more."
    return Picture(figure.svg(says), says, [])


def _of_week(curves: list[LoadCurve]) -> list[LoadCurve]:
    by_name = {curve.name: curve for curve in curves}
    return [by_name[name] for name in ("working days", "weekends") if name in by_name]


def _cells(axes: Any, chosen: Any, colour: str) -> None:
    """chosen: bool (days, 24). One path of the runs of days in each hour."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners: list[tuple[int, int]] = []
    for hour in range(24):
        edge = np.diff(np.concatenate(([0], chosen[:, hour].astype(np.int8), [0])))
        begins, ends = (np.flatnonzero(edge == turn).tolist() for turn in (1, -1))
        for a, b in zip(begins, ends, strict=True):
            corners += [(a, hour), (b, hour), (b, hour + 1), (a, hour + 1), (a, hour)]
    if corners:
        kinds = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * (len(corners) // 5)
        axes.add_patch(PathPatch(Path(corners, kinds), facecolor=colour, linewidth=0))


def name_days(axes: Any, first: int, days: int) -> None:
    """Ticks of an axis of days from the first one on."""
    marked: list[tuple[int, str]] = []
    for n in range(days):
        _, month, number, _ = date(first + n)
        if days > MONTHS_DAYS and number == 1:
            marked.append((n, MONTHS[month - 1]))
        elif days <= MONTHS_DAYS and n % max(1, days // 5) == 0:
            marked.append((n, f"{number} {MONTHS[month - 1]}"))
    every = -(-len(marked) // 7)  # as many as have room
    axes.set_xticks([n for n, _ in marked[::every]], [name for _, name in marked[::every]])


def clock_axis(axes: Any) -> None:
    axes.set(xlim=(0, 24), xticks=range(0, 25, 6))
    axes.set_xticklabels([f"{hour:02d}:00" for hour in range(0, 25, 6)])


def _nice(value: int) -> int:
    """-> the next of 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, ..."""
    unit = 1
    while value > 80 * unit:
        unit *= 10
    return next(n * unit for n in (10, 15, 20, 30, 40, 50, 60, 80) if n * unit >= value)
