"""What a calibration found, as tables for a person and as plain data."""

import math
from typing import Any

from rich.table import Table

from wattledger import show
from wattledger.calibration.limits import CLASSES
from wattledger.calibration.plan import Plan
from wattledger.calibration.procedure import Computed, Row
from wattledger.calibration.sensor import PHASES, Sensor


def footnote(plan: Plan) -> str:
    standard = CLASSES[plan.class_name].standard
    return (
        f"Limits: {standard} class {plan.class_name}, {plan.connection}, checked against public"
        " excerpts of the standard. This is not a type approval."
    )


def registers(computed: Computed) -> Table:
    """What changes, by register; and what was found of each sensor above it."""
    table = show.table("register", "before", "after")
    for name, after in sorted(computed.after.items()):
        before = computed.before.get(name)
        if before != after:
            table.add_row(name, "default" if before is None else f"0x{before:x}", f"0x{after:x}")
    return table


def sensors(computed: Computed) -> Table:
    table = show.table("phase", "voltage", "current", "power", "phase angle", "idle power")
    for phase, sensor in computed.sensors.items():
        table.add_row(PHASES[phase], *_errors(sensor))
    return table


def _errors(sensor: Sensor) -> list[str]:
    gains = (sensor.u_gain, sensor.i_gain, sensor.p_gain)
    lag, idle = sensor.lag_rad, sensor.p_offset
    return [
        *("" if gain is None else f"{100 * (gain - 1):+.3f} %" for gain in gains),
        "" if lag is None else f"{math.degrees(lag):+.3f} degrees",
        "" if idle is None else f"{idle:+.3f} W",
    ]


def load_points(rows: list[Row]) -> Table:
    table = show.table("phase", "V", "A", "angle", "power factor", "error", "limit", "")
    for row in rows:
        point = row.point
        lag = "" if abs(point.angle) < 0.5 else " ind" if point.angle > 0 else " cap"
        factor = f"{math.cos(math.radians(point.angle)):.2f}{lag}"
        if row.kind == "error":
            error = f"{row.error:+.3f} %"
            limit = "none" if row.limit is None else f"{row.limit:.1f} %"
        else:
            error = f"{row.pulses:.2f} pulses"
            limit = "starts" if row.kind == "start" else "at most 1"
        verdict = "within" if row.good else "OUTSIDE"
        phase = PHASES[row.phase] if row.kind == "error" else "all"
        table.add_row(
            phase,
            f"{point.v:g}",
            f"{point.i:g}",
            f"{point.angle:g}",
            factor,
            error,
            limit,
            verdict,
        )
    return table


def kept(record: dict[str, Any]) -> Table:
    """The load points that stand in a record."""
    table = show.table("phase", "V", "A", "angle", "error")
    for phase, mv, ma, mdeg, ppm in record["results"]:
        table.add_row(
            PHASES[phase],
            f"{mv / 1000:g}",
            f"{ma / 1000:g}",
            f"{mdeg / 1000:g}",
            f"{ppm / 10_000:+.3f} %",
        )
    return table


def as_data(computed: Computed | None, rows: list[Row]) -> dict[str, Any]:
    return {
        "before": computed.before if computed else {},
        "after": computed.after if computed else {},
        "points": [
            {
                "phase": row.phase + 1,
                "kind": row.kind,
                "v": row.point.v,
                "i": row.point.i,
                "angle": row.point.angle,
                "error_percent": round(row.error, 4),
                "limit_percent": row.limit,
                "pulses": round(row.pulses, 3),
                "within": row.good,
            }
            for row in rows
        ],
    }
