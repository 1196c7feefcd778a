"""From comparisons with a reference to the errors of one phase's sensors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wattledger.errors import ToolError

_SMALL = 0.5  # of the largest current: below it the resolution of a reading shows
_DETERMINED = 1e-3  # of the equations: enough phase angle between the points
PHASES = "ABC"


@dataclass(frozen=True)
class Comparison:
    """One phase at one point. v i angle_deg: of the reference (current lags: positive);
    the other three: what the meter measured, None where only its pulses were counted."""

    phase: int
    v: float
    i: float
    angle_deg: float
    v_measured: float | None
    i_measured: float | None
    p_measured: float

    @property
    def p(self) -> float:
        """W of the reference."""
        return self.v * self.i * math.cos(math.radians(self.angle_deg))

    @property
    def error(self) -> float:
        """Of the power, relative."""
        return self.p_measured / self.p - 1


@dataclass(frozen=True)
class Sensor:
    """What one phase shows of the truth; None: not known from the points.

    u_gain i_gain p_gain   shown / true, 1 is right
    i_offset p_offset      A and W that are shown where nothing flows
    lag_rad                how much too late the current seems to be
    """

    u_gain: float | None
    i_gain: float | None
    p_gain: float
    i_offset: float | None
    p_offset: float | None
    lag_rad: float | None


def fit(points: Sequence[Comparison]) -> Sensor:
    """-> the errors that explain the points of one phase, by least squares of relative errors.

    Shown power = p_gain * V * I * cos(angle + lag) + p_offset. ToolError: what cannot be.
    """
    phase = PHASES[points[0].phase]
    idle = [p for p in points if p.i == 0]
    loaded = [p for p in points if p.i > 0]
    if not loaded:
        raise ToolError(f"calibrate: phase {phase}: no point has a current: add one")
    p_offset = _mean([p.p_measured for p in idle]) if idle else None
    i_offset = _mean_of([p.i_measured for p in idle])
    p_gain, lag = _power(loaded, p_offset or 0)
    if p_gain <= 0:
        raise ToolError(
            f"calibrate: phase {phase}: power is negative: turn its current sensor round"
        )
    for point in points:
        if point.v > 0 and point.v_measured == 0:
            raise ToolError(f"calibrate: phase {phase}: the meter sees no voltage: check wiring")
    most = max(p.i for p in loaded)
    i_gain = _mean_of(
        [
            None if p.i_measured is None else (p.i_measured - (i_offset or 0)) / p.i
            for p in loaded
            if p.i >= _SMALL * most
        ]
    )
    u_gain = _mean_of([None if p.v_measured is None else p.v_measured / p.v for p in points])
    return Sensor(u_gain, i_gain, p_gain, i_offset, p_offset, lag)


def _power(points: Sequence[Comparison], offset: float) -> tuple[float, float | None]:
    """-> (gain, lag or None)"""
    cc = cs = ss = mc = ms = 0.0
    for point in points:
        angle = math.radians(point.angle_deg)
        shown = (point.p_measured - offset) / (point.v * point.i)
        # shown = a cos - b sin; weighted so that errors count in parts of the true power
        weight = 1 / max(math.cos(angle) ** 2, 0.01)
        cos, sin = math.cos(angle), -math.sin(angle)
        cc += weight * cos * cos
        cs += weight * cos * sin
        ss += weight * sin * sin
        mc += weight * shown * cos
        ms += weight * shown * sin
    determinant = cc * ss - cs * cs
    if determinant < _DETERMINED * cc * cc:
        return mc / cc, None
    a = (mc * ss - ms * cs) / determinant
    b = (ms * cc - mc * cs) / determinant
    return math.copysign(math.hypot(a, b), a), math.atan2(b, a) if a > 0 else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if known else None


def phase_word(
    where: str, before: int, lag_rad: float, line_hz: float, clock_hz: int, most: int, sign: int
) -> int:
    """-> a phase register: sign and magnitude, in cycles of clock_hz.

    before   what it held when lag_rad was seen; most: its largest magnitude, all ones; sign: the
             bit that turns the other way, for a current that is too late
    ToolError: the error is larger than the register can undo.
    """
    cycles = -(before & most) if before & sign else before & most
    cycles -= round(lag_rad / (2 * math.pi * line_hz) * clock_hz)
    if abs(cycles) > most:
        raise ToolError(
            f"{where}: phase error {math.degrees(lag_rad):.2f} degree, expected at most"
            f" {most / clock_hz * line_hz * 360:.2f}: check the current sensor"
        )
    return sign | -cycles if cycles < 0 else cycles
