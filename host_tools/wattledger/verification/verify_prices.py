"""Checks the prices that rows were settled at against the price schedules that are known."""

import json
from dataclasses import dataclass
from itertools import product
from typing import Any

from meter import codes
from meter.civil import EPOCH
from meter.price_schedule import Schedule, half_even
from wattledger.bills.bill_account import Part, Piece
from wattledger.verification import verify_windows
from wattledger.verification.evidence import Evidence
from wattledger.verification.replay import Difference
from wattledger.verification.verify_bills import part_of

_PPM = 1_000_000
_LATE_S = 2 * 3600  # by which meter.events may write what was repeated


@dataclass(frozen=True)
class Taken:
    """What the meter says of its schedules.

    known    [(Schedule that is here, core second at which the meter had taken it), ...]
    hidden   [(core second, core second), ...]: in between it took others that the log, which
             writes what is repeated within an hour only once, does not name
    """

    known: list[tuple[Any, int]]
    hidden: list[tuple[int, int]]


def prices(evidence: Evidence) -> str:
    """Each row of a dynamic rate has the price of its schedule."""
    taken, same, unknown = _taken(evidence), 0, 0
    for bill in evidence.bills.values():
        part = part_of(evidence, bill)
        for piece in part.pieces if part.tariff.dynamic else ():
            if piece.row.price_id:
                if _row(piece, part, taken):
                    same += 1
                else:
                    unknown += 1
    if not same + unknown:
        return ""
    said = f"{same} rows have the price of their schedule"
    if unknown:
        said += f"; {unknown} of schedules that are not here"
    return said


def _taken(evidence: Evidence) -> Taken:
    taken, before, since = Taken([], []), 0, 0
    for event in evidence.records("configuration"):
        if event.group << 8 | event.code != codes.EVENT_PRICES:
            continue
        at = event.utc - int(EPOCH)
        if event.count > 1 or event.before not in (before, 0):
            taken.hidden.append((since, at + _LATE_S))
        for digest, text in evidence.schedules.items():
            if digest.startswith(f"{event.after:014x}"):
                taken.known.append((Schedule(json.loads(text)), at - _LATE_S))
        before, since = event.after, at - _LATE_S
    return taken


def _row(piece: Piece, part: Part, taken: Taken) -> bool:
    """Whether a schedule is here that has a price for a row; then it is that of the row."""
    row, tariff = piece.row, part.tariff
    end = row.utc - EPOCH
    start = end - max(1, row.duration_s)
    # A row that the clock was stepped in has the price of before or of after.
    times = (start,) if verify_windows.sure(piece, part) else (start, end - 1, end)
    own, sells = tariff.dynamic[row.rate], tariff.dynamic[tariff.export_of[row.rate]]
    expected = []
    for (schedule, since), t in product(taken.known, times):
        price_id, *market = schedule.market(t, tariff.interval_s, tariff.settlement)
        if price_id and since <= t:
            expected.append((price_id, _price(market[0], own), _price(market[1], sells)))
    shown = (row.price_id, row.price_nano, row.export_nano)
    if shown in expected:
        return True
    same_id = [each for each in expected if each[0] == row.price_id]
    if not expected or (not same_id and any(a <= start <= b for a, b in taken.hidden)):
        return False
    price_id, bought, sold = (same_id or expected)[-1]
    raise Difference(
        f"profile: row {row.seq}: price {shown[1]} and {shown[2]} nano, number {shown[0]};"
        f" the schedule gives {bought} and {sold}, number {price_id}"
    )


def _price(market: int, dynamic: tuple[int, int] | None) -> int:
    """-> nano per kWh of a dynamic rate, 0 of another one"""
    if dynamic is None:
        return 0
    multiply_ppm, add_nano = dynamic
    return int(half_even(market * multiply_ppm, _PPM)) + add_nano
