"""The lines of a bill spread over the pieces of time that caused them (wattledger.analysis.costs).

A share times a scale is an exact fraction, so what is spread comes back to the last unit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from meter.civil import EPOCH
from wattledger.analysis.pieces import Pieces
from wattledger.bills import bill_units
from wattledger.bills.bill_units import AMOUNT_DECIMALS
from wattledger.engine.account import Counted
from wattledger.engine.load import Ints
from wattledger.reading import MeterBill

_PPM = 1_000_000
_FEMTO = Fraction(1, 10**AMOUNT_DECIMALS)


@dataclass(frozen=True)
class Spread:
    """Lines of one bill that time explains: each piece cost scale x its share.

    kind, name   "energy", "export" or "demand", and the rate or charge
    bill     index of the bill; at: int64 (m), pieces; share: m ints; scale: currency
    """

    kind: str
    name: str
    bill: int
    at: Ints
    share: Any
    scale: Fraction


@dataclass(frozen=True)
class Rest:
    """A line of one bill that belongs to no time; kind "rounding": what rounding the lines of
    the bill added."""

    kind: str
    name: str
    bill: int
    amount: Fraction


def energy(
    made: Pieces, counted: Counted, bill: MeterBill, index: int, tariff: Any
) -> Iterator[Spread]:
    """Yields what bought and sold energy cost. index: of the bill."""
    here = made.part == index
    together: dict[tuple[str, int], Fraction] = {}
    for line in bill.lines:
        amount, kind = bill_units.amount(line), line["kind"]
        if not amount or kind not in ("energy", "export"):
            continue
        rate = tariff.rates.index(line["name"])
        if bill_units.is_by_interval(line, tariff):
            rates, due = (
                (made.rate, made.spent) if kind == "energy" else (made.export, -made.earned)
            )
            at = np.flatnonzero(here & (rates == rate))
            yield Spread(kind, line["name"], index, at, due[at], _FEMTO)
        elif kind == "energy" and _is_chronological(tariff, rate):
            at, share = _of_tier(made, counted, index, tariff.tier_set(rate), rate, line["tier"])
            yield _in_proportion(kind, line["name"], index, at, share, amount)
        else:
            together[kind, rate] = together.get((kind, rate), Fraction()) + amount
    for (kind, rate), amount in together.items():
        if kind == "energy":
            at = np.flatnonzero(here & (made.rate == rate) & ~made.is_dynamic)
            share = made.net_bought[at]
        else:
            at = np.flatnonzero(here & (made.export == rate) & ~made.sells_dynamic)
            share = made.net_sold[at]
        yield _in_proportion(kind, tariff.rates[rate], index, at, share, amount)


def _is_chronological(tariff: Any, rate: int) -> bool:
    tier_set = tariff.tier_set(rate)
    return bool(tier_set >= 0 and tariff.tier_sets[tier_set][0] == "chronological")


def _of_tier(
    made: Pieces, counted: Counted, index: int, tier_set: int, rate: int, tier: int
) -> tuple[Ints, Ints]:
    """-> (pieces, mWh of each) of a rate between two crossings of its set."""
    usage = counted.usage
    crossed = [
        int(usage.imported[0, crossing.segment]) + crossing.used_mwh
        for crossing in usage.crossings
        if (crossing.part, crossing.tier_set) == (index, tier_set)
    ]
    at = np.flatnonzero((made.part == index) & (made.rate == rate))
    low, high = made.register[at], made.register[at] + made.bought[at]
    if tier:
        low = np.maximum(low, crossed[tier - 1])
    if tier < len(crossed):
        high = np.minimum(high, crossed[tier])
    return at, np.maximum(high - low, 0)


def _in_proportion(
    kind: str, name: str, index: int, at: Ints, energy: Ints, amount: Fraction
) -> Spread:
    return Spread(kind, name, index, at, energy, amount / int(energy.sum()))


def demand(
    made: Pieces, counted: Counted, bill: MeterBill, index: int, tariff: Any
) -> Iterator[Spread]:
    """Yields what the demand charges cost."""
    first = 0
    for name, _, _, highest, _, _, ratchet in tariff.demand[2] if tariff.demand else ():
        lines = [x for x in bill.lines if (x["kind"], x["name"]) == ("demand", name)]
        amount = sum(map(bill_units.amount, lines), Fraction())
        if amount:
            billed_mw = sum((Fraction(*line["quantity"]) for line in lines), Fraction())
            slots = slice(first, first + highest)
            at = _in_windows(
                made, counted, _month(counted, index, slots, billed_mw, ratchet), slots
            )
            yield _in_proportion("demand", name, index, at, made.bought[at], amount)
        first += highest


def _month(counted: Counted, index: int, slots: slice, billed_mw: Fraction, ratchet: Any) -> int:
    """-> index of the bill whose maxima are billed: this one, or by a ratchet an earlier one."""
    if _mean_mw(counted, index, slots) == billed_mw:
        return index
    ppm, back = ratchet
    return next(
        earlier
        for earlier in range(index - 1, index - 1 - back, -1)
        if _mean_mw(counted, earlier, slots) * ppm == billed_mw * _PPM
    )


def _mean_mw(counted: Counted, index: int, slots: slice) -> Fraction:
    peaks = counted.peaks
    assert peaks is not None
    filled = np.count_nonzero(peaks.end[index, slots])
    return Fraction(int(peaks.mw[0, index, slots].sum()), max(1, int(filled)))


def _in_windows(made: Pieces, counted: Counted, index: int, slots: slice) -> Ints:
    """-> the pieces in the windows of the maxima of a bill."""
    assert counted.peaks is not None
    window_s = counted.timeline.parts[index].tariff.demand[0]
    chosen = np.zeros(len(made.starts), dtype=bool)
    for end in filter(None, counted.peaks.end[index, slots].tolist()):
        chosen |= (made.starts >= end - EPOCH - window_s) & (made.ends <= end - EPOCH)
    return np.flatnonzero(chosen)


def rests(bill: MeterBill, index: int, tariff: Any) -> Iterator[Rest]:
    """Yields the lines that belong to no time."""
    rounding = Fraction()
    for line in bill.lines:
        amount = bill_units.amount(line)
        rounding += Fraction(line["rounded"], 10**tariff.decimals) - amount
        if line["kind"] not in ("energy", "export", "demand") and amount:
            yield Rest(line["kind"], line["name"], index, amount)
    if rounding:
        yield Rest("rounding", "rounding", index, rounding)
