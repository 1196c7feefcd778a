"""Who sets the reference to a point and says what it gives."""

import json
import subprocess
from dataclasses import replace
from typing import Protocol

from wattledger.calibration.plan import Point
from wattledger.errors import ToolError

_TIMEOUT_S = 300


class Source(Protocol):
    def set(self, point: Point) -> Point:
        """-> the point with what the reference really gives."""
        ...


class Recorded:
    """Nobody: what the meter showed stands in the plan."""

    def set(self, point: Point) -> Point:
        if point.measured is None and point.error_percent is None and point.pulses is None:
            raise ToolError(
                "calibrate: the plan has no source: add one, or measured, pulses or"
                " error_percent to each point"
            )
        return point


class Command:
    """words   a command line with {v} {i} {angle} in it"""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words

    def set(self, point: Point) -> Point:
        words = list(self._words)
        for name, value in (("v", point.v), ("i", point.i), ("angle", point.angle)):
            words = [word.replace("{" + name + "}", f"{value:g}") for word in words]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"calibrate: source: {self._words[0]}: {error}") from None
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise ToolError(
                f"calibrate: source: {self._words[0]} ended with {done.returncode}: "
                + (said[0] if said else "it said nothing")
            )
        return _as_told(point, done.stdout)


def _as_told(point: Point, output: str) -> Point:
    text = output.strip()
    if not text.startswith("{"):
        return point
    try:
        told = json.loads(text)
        v, i, angle = (float(told[key]) for key in ("v", "i", "angle"))
        return replace(point, v=v, i=i, angle=angle)
    except (ValueError, KeyError, TypeError):
        raise ToolError(
            f'calibrate: source said {text[:60]}: expected {{"v": 230.1, "i": 5, "angle": 60}}'
        ) from None
