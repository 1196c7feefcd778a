"""Checks what the limiter did against the windows that the profile proves.

What a level does is known after as many windows above its threshold as trip it, or below its
release as end it. Then rows that it limits must be marked and re-priced, and no others.
"""

from itertools import pairwise
from typing import Any

from meter import codes
from meter.civil import EPOCH
from wattledger.bills.bill_account import Part
from wattledger.verification import verify_windows
from wattledger.verification.evidence import Evidence
from wattledger.verification.replay import Difference
from wattledger.verification.verify_bills import part_of
from wattledger.verification.verify_windows import Window

_REPRICE, _REMIND = "reprice", "remind"
_REPEATS_S = 2 * 3600  # after which meter.events has written whatever was repeated


class Level:
    """What is known of one level: tripped is True, False, or None."""

    def __init__(self, level: tuple[Any, ...]) -> None:
        _, self.action, self._threshold, self._release, self._over, self._under, *rest = level
        self.rate, self._manual = rest
        self.forget()

    def forget(self) -> None:
        self.tripped: bool | None = None
        self._above = self._below = 0

    def judge(self, window: Window) -> None:
        """A window has ended, and the one before it was judged, too."""
        self._above = self._above + 1 if window.mw > self._threshold else 0
        self._below = self._below + 1 if window.mw <= self._release else 0
        if self._manual:
            return  # comes back when a person says so: never known
        if self.tripped is not True and self._above >= self._over:
            self.tripped = True
        elif self.tripped is not False and self._below >= self._under:
            self.tripped = False


def limits(evidence: Evidence) -> str:
    """Rows are limited when the windows before them say so, and only then."""
    rows = unprovable = limited = 0
    goes_back = any(b.utc < a.utc for a, b in pairwise(evidence.records("profile")))
    for bill in evidence.bills.values():
        part = part_of(evidence, bill)
        if not part.tariff.limiter:
            continue
        limited += 1
        if not verify_windows.is_provable(part, part.tariff.limiter[0]):
            unprovable += 1
            continue
        if not part.is_whole:
            continue  # the windows of rows that are gone would be missing
        found = verify_windows.windows(part, part.tariff.limiter[0])
        rows += _rows(part, {window.seq: window for window in found})
        if not goes_back:
            _events(evidence, part, found)
    if not limited:
        return ""
    said = f"{rows} rows limited or not as the load of their windows asks"
    if unprovable:
        said += f"; {unprovable} bills with windows shorter than a row: not provable from it"
    return said


def _rows(part: Part, by_seq: dict[int, Window]) -> int:
    """-> rows of which it is known whether they are limited"""
    levels = [Level(level) for level in part.tariff.limiter[1]]
    grid, window_s, known = part.tariff.calendar.interval_end, part.tariff.limiter[0], 0
    for piece in part.pieces:
        end, window = piece.row.utc - EPOCH, by_seq.get(piece.row.seq)
        is_sure = verify_windows.sure(piece, part)
        if is_sure:
            known += _row(piece.row, levels)
        ended = grid(end - 1, window_s) == end
        if not is_sure or (ended and (window is None or not window.follows)):
            for level in levels:
                level.forget()
        if window is not None:
            for level in levels:
                level.judge(window)
    return known


def _row(row: Any, levels: list[Level]) -> bool:
    """Whether it is known what the levels do in a row; then it must say the same."""
    acting = [level for level in levels if level.action != _REMIND]
    marked = bool(row.status & codes.LIMITED)
    if any(level.tripped for level in acting):
        if not marked:
            raise Difference(f"profile: row {row.seq}: the limiter has tripped, it is not marked")
    elif all(level.tripped is False for level in acting):
        # A restart takes the marks of the interval before along.
        if marked and not row.status & codes.RESTART:
            raise Difference(f"profile: row {row.seq}: marked as limited, no level has tripped")
    else:
        return False
    pricing = [level for level in acting if level.action == _REPRICE]
    if any(level.tripped for level in pricing) and all(
        level.tripped is not None for level in pricing
    ):
        rate = [level.rate for level in pricing if level.tripped][-1]
        if row.rate != rate:
            raise Difference(
                f"profile: row {row.seq}: rate register {row.rate}, the limiter gives {rate}"
            )
    return True


def _events(evidence: Evidence, part: Part, found: list[Window]) -> None:
    """A trip that was logged names the load of a window above the limit.

    Repeats of an event are written later and as one, with the load of the last of them.
    """
    by_end = {window.end: window for window in found}
    levels = part.tariff.limiter[1]
    for event in evidence.records("power"):
        if event.group << 8 | event.code != codes.EVENT_LIMIT:
            continue
        loads = _loads(by_end, event.utc - int(EPOCH))
        if not loads:
            continue  # of another part, or of a window that no row proves
        name = f"power: event {event.seq}"
        if not 0 <= event.after < len(levels):
            raise Difference(f"{name}: level {event.after} tripped, there is no such level")
        if event.before not in loads:
            raise Difference(f"{name}: {event.before} mW, no window before it had that load")
        if event.before <= levels[event.after][2]:
            raise Difference(f"{name}: a trip at {event.before} mW, not above the limit")


def _loads(by_end: dict[int, Window], end: int) -> set[int]:
    """-> mW of the windows that an event written at core second `end` may be of; empty: one of
    them is not proved."""
    loads: set[int] = set()
    since = end - _REPEATS_S
    while end > since:
        window = by_end.get(end)
        if window is None:
            return set()
        loads.add(window.mw)
        end = window.start
    return loads
