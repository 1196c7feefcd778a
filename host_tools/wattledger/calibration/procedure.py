"""The way from a reference to a calibrated meter: compare, compute, write, check."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wattledger.calibration import ade7953, atm90e32, bl0942, meter_access
from wattledger.calibration.limits import CLASSES
from wattledger.calibration.meter_access import IC_NAMES, Kept, Means, Meter
from wattledger.calibration.plan import Plan, Point
from wattledger.calibration.sensor import PHASES, Comparison, Sensor, fit
from wattledger.calibration.source import Source
from wattledger.errors import ToolError
from wattledger.security.ordering import UNSIGNED, Signer

Solver = Callable[[Mapping[str, int], Mapping[int, Sensor], float, float], dict[str, int]]
SOLVERS: dict[str, Solver] = {
    "ATM90E32": atm90e32.solve,
    "ADE7953": ade7953.solve,
    "BL0942": bl0942.solve,
}
_IMPORT, _EXPORT = 0, 1
_ROUNDING = 1e-9  # percent


@dataclass(frozen=True)
class Row:
    """One load point of one phase. error and limit: percent; limit None: the class has none.
    kind: "error"; "start" or "no-load", whose pulses decide."""

    phase: int
    point: Point
    kind: str
    error: float
    limit: float | None
    pulses: float
    good: bool


@dataclass(frozen=True)
class Computed:
    """before, after: registers; sensors: what was found, by phase."""

    before: dict[str, int]
    after: dict[str, int]
    sensors: dict[int, Sensor]


class Procedure:
    """wait(seconds) lets time pass; say(line) tells a person what goes on; signer signs what a
    meter with keys is to take."""

    def __init__(
        self,
        meter: Meter,
        plan: Plan,
        source: Source,
        wait: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda _: None,
        signer: Signer = UNSIGNED,
    ) -> None:
        self._meter, self._plan, self._source = meter, plan, source
        self._wait, self._say, self._signer = wait, say, signer
        self.kept = meter_access.read(meter)
        self._registers = self.kept.registers
        if self.kept.ic not in SOLVERS:
            raise ToolError(f"calibrate: {self.kept.ic}: expected {' '.join(SOLVERS)}")

    def compute(self) -> Computed:
        """Compare at the points of `adjust`. -> registers; nothing is written yet."""
        by_phase: dict[int, list[Comparison]] = {phase: [] for phase in self._plan.phases}
        for point in self._plan.adjust:
            for comparison in self._compare(point)[0]:
                by_phase[comparison.phase].append(comparison)
        sensors = {phase: fit(points) for phase, points in by_phase.items()}
        before = self.kept.registers
        ratio = self.kept.num / self.kept.den
        after = SOLVERS[self.kept.ic](before, sensors, self._plan.line_hz, ratio)
        return Computed(before, after, sensors)

    def write(self, registers: Mapping[str, int], rows: list[Row]) -> dict[str, Any]:
        """Give the meter the record. -> it"""
        results = [
            [
                row.phase,
                round(row.point.v * 1000),
                round(row.point.i * 1000),
                round(row.point.angle * 1000),
                round(row.error * 10_000),
            ]
            for row in rows
            if row.kind == "error"
        ]
        record = {
            "ic": IC_NAMES[self.kept.ic],
            "utc": self._meter.request("info")["utc"],
            "reference": self._plan.reference,
            "registers": dict(registers),
            "results": results,
        }
        meter_access.write(self._meter, record, self._signer)
        self._registers = dict(registers)
        return record

    def check(self) -> list[Row]:
        """Compare at the points of `check`. -> rows"""
        rows: list[Row] = []
        for point in self._plan.check:
            comparisons, means = self._compare(point)
            rows += judged(self._plan, self.kept, comparisons, means)
        return rows

    def _beside_pulses(self, error: float) -> float:
        """-> the error of what is counted, from that of the IC's pulses: the gain of a BL0942
        stands behind them."""
        if self.kept.ic != "BL0942":
            return error
        return (1 + error) * self._registers.get("P_GAIN", bl0942.UNITY) / bl0942.UNITY - 1

    def _compare(self, point: Point) -> tuple[list[Comparison], Means | None]:
        self._say(f"{point.v:g} V, {point.i:g} A, {point.angle:g} degrees")
        actual = self._source.set(point)
        phases, imp = self._plan.phases, self._plan.imp_per_kwh
        if actual.pulses is not None and actual.wh is not None:
            counted = self._beside_pulses(actual.pulses * 1000 / imp / actual.wh - 1)
            return [_counted(phase, actual, counted) for phase in phases], None
        if actual.error_percent is not None:
            error = self._beside_pulses(actual.error_percent / 100)
            return [_counted(phase, actual, error) for phase in phases], None
        if actual.measured is not None:
            return [_recorded(phase, n, actual) for n, phase in enumerate(phases)], None
        self._wait(self._plan.settle_s)
        means = meter_access.measure(self._meter, actual.ticks, self._wait)
        return [_measured(phase, actual, means) for phase in phases], means


def judged(
    plan: Plan, kept: Kept, comparisons: list[Comparison], means: Means | None
) -> list[Row]:
    """-> a row a phase; one for all phases where pulses decide."""
    accuracy = CLASSES[plan.class_name]
    first = comparisons[0]
    start_a = accuracy.start[plan.connection] * plan.ib_a
    point = Point(first.v, first.i, first.angle_deg)
    if first.i <= start_a * 1.001:
        counts = (
            0 if means is None else (means.counts[_IMPORT] or 0) + (means.counts[_EXPORT] or 0)
        )
        pulses = counts * kept.num / kept.den * plan.imp_per_kwh / 1e6
        if first.i == 0:
            return [Row(first.phase, point, "no-load", 0.0, None, pulses, pulses <= 1)]
        return [Row(first.phase, point, "start", 0.0, None, pulses, pulses > 0)]
    rows = []
    for comparison in comparisons:
        error = 100 * comparison.error
        limit = accuracy.limit(plan.connection, first.i / plan.ib_a, first.angle_deg)
        good = limit is None or abs(error) <= limit + _ROUNDING
        rows.append(Row(comparison.phase, point, "error", error, limit, 0.0, good))
    return rows


def _counted(phase: int, point: Point, error: float) -> Comparison:
    ideal = Comparison(phase, point.v, point.i, point.angle, None, None, 0.0)
    return Comparison(phase, point.v, point.i, point.angle, None, None, ideal.p * (1 + error))


def _recorded(phase: int, n: int, point: Point) -> Comparison:
    assert point.measured is not None
    values: dict[str, float | None] = {}
    for key in ("v", "i", "p"):
        value = point.measured.get(key)
        if isinstance(value, list):
            if n >= len(value):
                raise ToolError(f"calibrate: measured {key}: a value for phase {PHASES[phase]}")
            value = value[n]
        values[key] = None if value is None else float(value)
    if values["p"] is None:
        raise ToolError("calibrate: measured: p is missing: say the power that the meter showed")
    return Comparison(phase, point.v, point.i, point.angle, values["v"], values["i"], values["p"])


def _measured(phase: int, point: Point, means: Means) -> Comparison:
    return Comparison(
        phase,
        point.v,
        point.i,
        point.angle,
        means.v[phase],
        means.i[phase],
        means.p[phase],
    )
