"""Windows of demand and limiter, added up again from the rows of the profile.

What is certain is told from what is not: in a row that a power cut, a step of the clock or a
change of tariff disturbed, nobody knows when its energy was used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from meter import codes
from meter.civil import EPOCH
from wattledger.bills.bill_account import Part, Piece
from wattledger.verification.overrides import Overrides

_UNSURE = (
    codes.POWER_FAIL
    | codes.CLOCK_INVALID
    | codes.CLOCK_STEP
    | codes.GAP
    | codes.PARTIAL
    | codes.TARIFF_CHANGE
    | codes.TARIFF_LOST
)
_HOUR_S = 3600


@dataclass(frozen=True)
class Window:
    """A window that the rows prove, from start to end in core seconds.

    first_seq, seq   its rows; a clock that was set back makes the same time come twice
    first, last      import rates that may have counted at its beginning and at its end
    follows          whether the (sub-)window before it was proved too
    """

    start: int
    end: int
    first_seq: int
    seq: int
    mwh: int
    mw: int
    first: set[int]
    last: set[int]
    follows: bool


@dataclass(frozen=True)
class Doubt:
    """A row whose energy may have been used at any time from start to end, core seconds."""

    start: int
    end: int
    mwh: int


def is_provable(part: Part, window_s: int) -> bool:
    """Whether windows of this length are whole rows."""
    return bool(window_s % part.tariff.interval_s == 0)


def sure(piece: Piece, part: Part) -> bool:
    """Whether a row says when its energy was used.

    A meter that restarts before the beginning of the open part, to where its clock was set back,
    takes the part for a new one.
    """
    row = piece.row
    restarted = row.status & codes.RESTART and row.utc - EPOCH <= part.opening.utc
    return not row.status & _UNSURE and not restarted


def windows(part: Part, window_s: int, parts: int = 1) -> list[Window]:
    """-> the windows that the rows prove, in order; parts: sub-windows of a sliding one."""
    blocks = _blocks(part, window_s // parts)
    if parts == 1:
        return list(blocks)
    found: list[Window] = []
    run: list[Window] = []
    for sub in blocks:
        run = [*run[1 - parts :], sub] if sub.follows else [sub]
        if len(run) == parts:
            first, mwh = run[0], sum(each.mwh for each in run)
            mw = mwh * _HOUR_S // window_s
            ends = (first.start, sub.end, first.first_seq, sub.seq)
            follows = bool(found) and found[-1].seq == sub.first_seq - 1
            found.append(Window(*ends, mwh, mw, first.first, sub.last, follows))
    return found


def doubts(part: Part) -> list[Doubt]:
    """-> the rows that no window can be proved from, and the interval that is still open."""
    found, before = [], part.opening.utc
    for piece in part.pieces:
        end = piece.row.utc - EPOCH
        if not sure(piece, part):
            start = min(before, end - part.tariff.interval_s)
            found.append(Doubt(start, end, piece.bought))
        before = end
    if part.closing_record is not None and before != part.closing.utc:
        end = part.closing.utc
        found.append(Doubt(min(before, end), end, part.tail[0]))
    return found


def _blocks(part: Part, window_s: int) -> Iterator[Window]:
    """Yields the block windows that are made of whole and sure rows."""
    grid, interval_s = part.tariff.calendar.interval_end, part.tariff.interval_s
    overrides = Overrides(part.tariff)
    held: list[Piece] = []  # of the open window, from its beginning on
    last = (0, 0)  # seq and end of the window before
    for piece in part.pieces:
        end = piece.row.utc - EPOCH
        start = end - interval_s
        whole = sure(piece, part) and piece.row.duration_s == interval_s
        if piece is part.pieces[0]:
            whole = whole and start >= part.opening.utc
        if not whole or (held and held[-1].row.utc - EPOCH != start):
            held = []
        if whole and grid(start - 1, window_s) == start:
            held = [piece]
        elif held:
            held.append(piece)
        if held and len(held) * interval_s == window_s and grid(end - 1, window_s) == end:
            mwh = sum(each.bought for each in held)
            first, begun = held[0].row.seq, end - window_s
            follows = last == (first - 1, begun)
            mw, rates = mwh * _HOUR_S // window_s, _rates(held[0], overrides)
            here = {piece.row.rate}
            yield Window(begun, end, first, piece.row.seq, mwh, mw, rates, here, follows)
            held, last = [], (piece.row.seq, end)


def _rates(piece: Piece, overrides: Overrides) -> set[int]:
    """-> import rates that may have counted at the beginning of a row."""
    row, tariff = piece.row, overrides.tariff
    if not row.status & codes.RATE_SWITCH:
        return {row.rate}
    end = row.utc - EPOCH
    start = end - tariff.interval_s
    calendar = {rate for _, _, rate in tariff.calendar.segments(start, end)}
    # The limiter may have ruled, even if it ended in this row: then the row is marked.
    allowed = overrides.rates(calendar, start, end, row.status)
    return set(range(tariff.imports)) if allowed is None else allowed
