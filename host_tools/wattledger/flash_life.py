"""What a power cut may cost, and how long the flash lasts: figures from what the meter answers.

Fields of `info`: save_period_s and pmax_w, the meter's configuration; records, the journal's seq,
which counts what the two register rings were given; worn, the highest erase count of any sector;
erases, by ring id, the sectors prepared since the journal was formatted (the ring's seq_max).
"""

from fractions import Fraction
from typing import Any

from meter.partition import LAYOUT

CYCLES = 100_000  # erases that a sector bears: W25Q64JV data sheet, "program-erase cycles"
TICK_S = 1  # the tick that saves may come this late
SELDOM_A_DAY = 100  # assumed saves of what changes seldom, each in RECORDS_OF_SELDOM records
RECORDS_OF_SELDOM = 3
AHEAD = 2  # sectors of a ring that are prepared before they are full
_SECTOR = 4096
_DAY_S = 86_400
_YEAR_DAYS = Fraction(36525, 100)
_LEAST_SEEN = Fraction(1, 12)  # of a year: what is measured in less says little
_FIELDS = ("save_period_s", "pmax_w", "records", "worn", "erases")


def loss_bound_mwh(pmax_w: int, save_period_s: int) -> int:
    """-> most energy that a cut without warning costs, mWh, rounded up: what flows at pmax_w from
    one save to the next, which comes a tick late at most."""
    return -(-pmax_w * 1000 * (save_period_s + TICK_S) // 3600)


def records_per_year(save_period_s: int) -> Fraction:
    """-> records that a meter without cuts writes to its two register rings."""
    return _YEAR_DAYS * (Fraction(_DAY_S, save_period_s) + SELDOM_A_DAY * RECORDS_OF_SELDOM)


def planned_per_year(save_period_s: int) -> Fraction:
    """-> erases a year of each sector of the register rings, as they are laid out.

    The other rings wear less: rows of 5 minutes erase a sector of the profile 12 times a year.
    """
    a_lap = sum(sectors * (_SECTOR // size - 1) for sectors, size, _ in LAYOUT[:2])
    return records_per_year(save_period_s) / a_lap


def seen_per_year(save_period_s: int, records: int, erases: list[int]) -> Fraction:
    """-> erases a year of a sector in the ring that went round most, restarts and repeated
    erases included. The records tell how long that took."""
    age = max(_LEAST_SEEN, records / records_per_year(save_period_s))
    laps = [
        Fraction(max(0, prepared - AHEAD), sectors)
        for prepared, (sectors, _, _) in zip(erases, LAYOUT, strict=True)
        if sectors  # the profile's depend on the chip
    ]
    return max(laps) / age


def years_left(save_period_s: int, records: int, worn: int, erases: list[int]) -> Fraction:
    """-> years until the most worn sector reaches CYCLES: at the planned pace, or at the one seen
    up to now where that is faster."""
    pace = max(planned_per_year(save_period_s), seen_per_year(save_period_s, records, erases))
    return max(0, CYCLES - worn) / pace


def lines(info: dict[str, Any]) -> list[str]:
    """Two lines for people; none when the meter's firmware does not answer all fields."""
    if any(info.get(name) is None for name in _FIELDS):
        return []
    period_s, pmax_w, records, worn, erases = (info[name] for name in _FIELDS)
    loss_mwh = loss_bound_mwh(pmax_w, period_s)
    loss_wh = f"{-(-loss_mwh // 100) / 10:g}"
    years = float(years_left(period_s, records, worn, erases))
    return [
        f"a power cut loses at most {loss_wh} Wh here: one save period at Pmax "
        f"({period_s} s and a tick, {pmax_w / 1000:g} kW); 0 with power-fail warning",
        f"flash life {years:.{0 if years >= 10 else 1}f} years: the most worn sector has {worn:,} "
        f"of {CYCLES:,} erases, after {records:,} records",
    ]
