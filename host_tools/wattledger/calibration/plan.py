"""What is compared with the reference: a TOML file, or the usual points for a meter's ratings."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wattledger.calibration.limits import CLASSES, DIRECT, TRANSFORMER
from wattledger.errors import ToolError

TICKS = 20
SETTLE_S = 5.0
INDUCTIVE, CAPACITIVE = 60.0, -36.87  # degrees of power factor 0.5 and 0.8


@dataclass(frozen=True)
class Point:
    """V, A and degrees by which the current lags, of the reference, on the phases of the plan.

    ticks      seconds to measure
    measured   what the meter showed, recorded before: {"v", "i", "p": number or one a phase}
    pulses wh  or its pulses, counted while the reference counted so many Wh
    error_percent   or what a test bench says of its pulses
    """

    v: float
    i: float
    angle: float = 0.0
    ticks: int = TICKS
    measured: Mapping[str, Any] | None = None
    pulses: float | None = None
    wh: float | None = None
    error_percent: float | None = None


@dataclass(frozen=True)
class Plan:
    """adjust: points that registers are computed from; check: load points afterwards.

    phases     from 0
    un_v ib_a imax_a   as on the name plate; ib_a is In of a meter behind transformers
    class_name connection   see limits
    source     command that sets the reference: words with {v} {i} {angle}; a JSON object on its
               output, {"v", "i", "angle"}, is what it really gives
    """

    reference: str
    un_v: float
    ib_a: float
    imax_a: float
    line_hz: float = 50
    imp_per_kwh: float = 3200
    class_name: str = "1"
    connection: str = DIRECT
    phases: tuple[int, ...] = (0,)
    settle_s: float = SETTLE_S
    source: tuple[str, ...] = ()
    adjust: tuple[Point, ...] = field(default=())
    check: tuple[Point, ...] = field(default=())

    def with_usual_points(self) -> "Plan":
        """-> the plan with points where it has none."""
        un, ib = self.un_v, self.ib_a
        adjust = (Point(un, 0), Point(un, ib), Point(un, ib, INDUCTIVE))
        unity = sorted({0.05 * self.imax_a, ib, 0.5 * self.imax_a, self.imax_a})
        shifted = sorted({0.1 * self.imax_a, ib, self.imax_a})
        check = [Point(un, i) for i in unity]
        check += [Point(un, i, angle) for angle in (INDUCTIVE, CAPACITIVE) for i in shifted]
        accuracy = CLASSES[self.class_name]
        check.append(Point(un, accuracy.start[self.connection] * ib, ticks=60))
        return replace(self, adjust=self.adjust or adjust, check=self.check or tuple(check))

    def no_load_point(self) -> Point:
        """-> voltage only, for as long as the class demands."""
        seconds = CLASSES[self.class_name].no_load_s(
            self.imp_per_kwh, len(self.phases), self.un_v, self.imax_a
        )
        return Point(1.15 * self.un_v, 0, ticks=int(seconds) + 1)


_PLAN = {
    "reference": str,
    "un_v": float,
    "ib_a": float,
    "imax_a": float,
    "line_hz": float,
    "imp_per_kwh": float,
    "class": str,
    "connection": str,
    "phases": list,
    "settle_s": float,
    "source": list,
    "ticks": int,
    "adjust": list,
    "check": list,
}
_POINT = {
    "v": float,
    "i": float,
    "angle": float,
    "ticks": int,
    "measured": dict,
    "pulses": float,
    "wh": float,
    "error_percent": float,
}


def read(path: Path, defaults: Mapping[str, Any]) -> Plan:
    """-> the plan of a TOML file. defaults: ratings of the board. ToolError: says where."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ToolError(f"{path.name}: {error.strerror}: choose another file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolError(f"{path.name}: {error}: not TOML") from None
    return of(data, defaults, path.name)


def of(data: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> Plan:
    """-> the plan of a table as TOML gives it."""
    known = {**defaults, **_checked(data, _PLAN, where)}
    for name in ("reference", "un_v", "ib_a", "imax_a"):
        if name not in known:
            raise ToolError(f"{where}: {name} is missing: say it at the head of the file")
    if known.get("class", "1") not in CLASSES:
        raise ToolError(f"{where}: class {known['class']}: expected {' '.join(CLASSES)}")
    if known.get("connection", DIRECT) not in (DIRECT, TRANSFORMER):
        raise ToolError(f"{where}: connection: expected {DIRECT} or {TRANSFORMER}")
    ticks = known.pop("ticks", TICKS)
    for group in ("adjust", "check"):
        rows = enumerate(known.pop(group, ()), 1)
        known[group] = tuple(_point(row, known, ticks, f"{where}: {group} {n}") for n, row in rows)
    known["class_name"] = known.pop("class", "1")
    known["phases"] = tuple(phase - 1 for phase in known.get("phases", (1,)))
    if not known["phases"] or not set(known["phases"]) <= {0, 1, 2}:
        raise ToolError(f"{where}: phases: expected 1 to 3")
    known["source"] = tuple(str(word) for word in known.get("source", ()))
    return Plan(**known).with_usual_points()


def _point(row: Any, known: Mapping[str, Any], ticks: int, where: str) -> Point:
    if not isinstance(row, dict):
        raise ToolError(f"{where}: expected a table")
    values = {"v": known["un_v"], "ticks": ticks, **_checked(row, _POINT, where)}
    if "i" not in values:
        raise ToolError(f"{where}: i is missing: say the current")
    if values["v"] <= 0 or values["i"] < 0 or not abs(values.get("angle", 0)) < 90:
        raise ToolError(f"{where}: expected v > 0, i >= 0 and an angle within 90 degrees")
    if ("pulses" in values) != ("wh" in values):
        raise ToolError(f"{where}: pulses and wh belong together: say both")
    return Point(**values)


def _checked(data: Mapping[str, Any], schema: Mapping[str, type], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in data.items():
        kind = schema.get(name)
        if kind is None:
            raise ToolError(f"{where}: {name}: not known: expected {' '.join(schema)}")
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ToolError(f"{where}: {name}: expected {kind.__name__}")
        found[name] = value
    return found
