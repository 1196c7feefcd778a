"""Numbers and times as advice says them."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from wattledger.bills import bill_units
from wattledger.engine.load import Ints

_WATT_MW = 1000
_KW_MW = 1_000_000
_SPANS_MAX = 3


def money(amount: Fraction, currency: str, decimals: int) -> str:
    return f"{bill_units.decimal(amount, decimals)} {currency}"


def power(milliwatts: int) -> str:
    """-> "210 W", "5.4 kW"."""
    if milliwatts < _KW_MW:
        return f"{bill_units.decimal(Fraction(milliwatts, _WATT_MW), 0)} W"
    return f"{bill_units.decimal(Fraction(milliwatts, _KW_MW), 1)} kW"


def energy(mwh: int | Fraction) -> str:
    """-> "1.2 kWh", with the decimals that say something."""
    kwh = Fraction(mwh, 10**6)
    decimals = 0 if kwh >= 100 else 1 if kwh >= 1 else 3
    return f"{bill_units.decimal(kwh, decimals)} kWh"


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def hours(days: Ints, minutes: Ints, step_min: int) -> str:
    """-> "18:00-22:00": the times of day of some intervals, as most of their days have them.

    days, minutes   int64 (n) of the intervals; step_min: their length
    """
    of_day: dict[int, list[int]] = {}
    for day, minute in zip(days.tolist(), minutes.tolist(), strict=True):
        of_day.setdefault(day, []).append(minute)
    patterns, often = np.unique([_spans(m, step_min) for m in of_day.values()], return_counts=True)
    return str(patterns[np.argmax(often)])


def _spans(minutes: Sequence[int], step_min: int) -> str:
    starts = sorted(set(minutes))
    spans: list[list[int]] = []
    for minute in starts:
        if spans and spans[-1][1] == minute:
            spans[-1][1] += step_min
        else:
            spans.append([minute, minute + step_min])
    if len(spans) > 1 and spans[0][0] == 0 and spans[-1][1] == 24 * 60:  # one over midnight
        spans[0][0] = spans.pop()[0]
    shown = [f"{clock(begin)}-{clock(end)}" for begin, end in spans[:_SPANS_MAX]]
    return ", ".join(shown) + (" and more" if len(spans) > _SPANS_MAX else "")
