"""Power quality and tamper in words: events, counters, what holds now."""

from typing import Any

from meter import quality_codes

EVENTS = quality_codes.event_names()
# By kind: the unit of its value, and how many of the meter's make one; none: nothing is measured.
_UNITS = (
    *(("V", 1000), ("V", 1000), ("A", 1000), ("V", 1000), None),
    *(("A", 1000), ("C", 1), ("W", 1000), None, None),
)
_UNIT_OF = {
    event + end: unit
    for (_, event), unit in zip(quality_codes.KINDS, _UNITS, strict=True)
    for end in (0, 1)
}
COUNTERS = [quality_codes.words(number) for number in range(len(quality_codes.OBIS))]


def of_event(code: int, phase: int, value: int) -> tuple[str, str]:
    """-> phase, and the value as it begins or the worst as it ends; "" for what has none."""
    unit = _UNIT_OF[code]
    where = f"L{phase}" if phase else ""
    if unit is None:
        return where, ""
    name, per = unit
    return where, f"{value / per:.1f} {name}" if per > 1 else f"{value} {name}"


def holding(active: int) -> list[str]:
    """-> what holds now, in words. active: bits by counter."""
    return [words for number, words in enumerate(COUNTERS) if active >> number & 1]


def rows(answer: dict[str, Any]) -> list[tuple[str, str, int, int, int]]:
    """-> (OBIS, words, count, first, last) in the order of the counters; Unix seconds."""
    counts = answer["counts"]
    named = zip(quality_codes.OBIS, COUNTERS, strict=True)
    return [(code, words, *counts[code]) for code, words in named if code in counts]
