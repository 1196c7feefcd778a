"""Limits of error by load point. They were checked against summaries and public excerpts of the
standards, not against their full text (docs/accuracy.md): nothing here is a type approval."""

import math
from dataclasses import dataclass

DIRECT, TRANSFORMER = "direct", "transformer"
_UNITY_DEG = 1.0
_NEAR = 0.5  # a bench holds its angle no better, degree
_INDUCTIVE_DEG = 60.0  # power factor 0.5
_CAPACITIVE_DEG = -math.degrees(math.acos(0.8))


@dataclass(frozen=True)
class Accuracy:
    """One class. Rows: (from this fraction of Ib or In on, percent), ascending.

    start      starting current, as that fraction
    no_load_k  K of t >= K * 10^6 / (imp per kWh * elements * Un * Imax) minutes
    """

    name: str
    standard: str
    unity: dict[str, tuple[tuple[float, float], ...]]
    shifted: dict[str, tuple[tuple[float, float], ...]]
    start: dict[str, float]
    no_load_k: int

    def limit(self, connection: str, fraction: float, angle_deg: float) -> float | None:
        """-> percent either side, None where the class has none for this current and angle."""
        if abs(angle_deg) <= _UNITY_DEG:
            rows = self.unity[connection]
        elif min(abs(angle_deg - _INDUCTIVE_DEG), abs(angle_deg - _CAPACITIVE_DEG)) <= _NEAR:
            rows = self.shifted[connection]
        else:
            return None
        found = None
        for least, percent in rows:
            if fraction >= least * (1 - 1e-9):
                found = percent
        return found

    def no_load_s(self, imp_per_kwh: float, elements: int, un_v: float, imax_a: float) -> float:
        """-> seconds in which at most one pulse may come at 115 % of Un, current open."""
        return self.no_load_k * 60e6 / (imp_per_kwh * elements * un_v * imax_a)


CLASSES = {
    "1": Accuracy(
        "1",
        "IEC 62053-21",
        {DIRECT: ((0.05, 1.5), (0.1, 1.0)), TRANSFORMER: ((0.02, 1.5), (0.05, 1.0))},
        {DIRECT: ((0.1, 1.5), (0.2, 1.0)), TRANSFORMER: ((0.05, 1.5), (0.1, 1.0))},
        {DIRECT: 0.004, TRANSFORMER: 0.002},
        600,
    ),
    "2": Accuracy(
        "2",
        "IEC 62053-21",
        {DIRECT: ((0.05, 2.5), (0.1, 2.0)), TRANSFORMER: ((0.02, 2.5), (0.05, 2.0))},
        {DIRECT: ((0.1, 2.5), (0.2, 2.0)), TRANSFORMER: ((0.05, 2.5), (0.1, 2.0))},
        {DIRECT: 0.005, TRANSFORMER: 0.003},
        480,
    ),
    "0.5S": Accuracy(
        "0.5S",
        "IEC 62053-22",
        {DIRECT: (), TRANSFORMER: ((0.01, 1.0), (0.05, 0.5))},
        {DIRECT: (), TRANSFORMER: ((0.02, 1.0), (0.1, 0.6))},
        {DIRECT: 0.001, TRANSFORMER: 0.001},
        600,
    ),
}
