"""Checks the demand maxima against the windows that the profile proves."""

from typing import Any

from meter.civil import EPOCH, date
from wattledger.bills.bill_account import Part
from wattledger.verification import verify_windows
from wattledger.verification.evidence import Evidence, now
from wattledger.verification.replay import Difference
from wattledger.verification.verify_bills import part_of
from wattledger.verification.verify_windows import Doubt, Window

_HOUR_S = 3600


def demands(evidence: Evidence) -> str:
    """Each maximum is a window of the profile, and no window is higher than what is kept."""
    proved = unprovable = short = 0
    for bill in evidence.bills.values():
        part = part_of(evidence, bill)
        if not part.tariff.demand or (bill.open and bill.end - EPOCH != now(evidence)):
            continue
        window_s, parts, _ = part.tariff.demand
        if not verify_windows.is_provable(part, window_s // parts):
            unprovable += 1
        elif not part.is_whole:
            short += 1
        else:
            proved += _part(part)
    if not proved + unprovable + short:
        return ""
    said = f"{proved} demand windows recomputed, none above the maxima"
    if unprovable:
        said += f"; {unprovable} bills with windows shorter than a row: not provable from it"
    if short:
        said += f"; {short} bills whose rows are not all held any more are left out"
    return said


def _part(part: Part) -> int:
    """-> windows recomputed"""
    window_s, parts, charges = part.tariff.demand
    found = verify_windows.windows(part, window_s, parts)
    doubts, slot = verify_windows.doubts(part), 0
    for name, rates, months, highest, *_ in charges:
        where = f"period {part.number}: demand {name}"
        kept = _kept(part, slot, highest)
        eligible = [w for w in found if months >> _month(part, w.end) & 1]
        for mw, end in kept:
            _known(where, (mw, end), part, eligible, rates, doubts)
        _distinct(where, part, kept)
        for window in eligible:
            if not rates or _of_block(window, parts) <= set(rates):
                _not_higher(where, part, window, kept, highest)
        slot += highest
    return len(found)


def _kept(part: Part, slot: int, highest: int) -> list[tuple[int, int]]:
    """-> [(mW, core second)] of the slots of a charge that are filled"""
    flat = part.demand[2 * slot : 2 * (slot + highest)]
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return [(mw, utc - int(EPOCH)) for mw, utc in pairs if utc]


def _known(
    where: str,
    slot: tuple[int, int],
    part: Part,
    eligible: list[Window],
    rates: tuple[int, ...],
    doubts: list[Doubt],
) -> None:
    """A maximum is one of the windows, or may be one of those that are in doubt."""
    mw, end = slot
    window_s, parts, _ = part.tariff.demand
    at = [window for window in eligible if window.end == end]
    for window in at:
        if window.mw == mw and (not rates or _of_block(window, parts) & set(rates)):
            return
    here = [d for d in doubts if d.start < end and end - window_s <= d.end + window_s]
    if here:
        near = sum(d.mwh for d in here) + _sure_energy(part, end - 2 * window_s, end + window_s)
        if mw <= near * _HOUR_S // window_s:
            return
    shown = f"{at[0].mw} mW" if at else "no such window"
    raise Difference(
        f"{where}: {mw} mW in the window that ended at {end + EPOCH}, the profile gives {shown}"
    )


def _sure_energy(part: Part, start: int, end: int) -> int:
    return sum(
        piece.bought
        for piece in part.pieces
        if verify_windows.sure(piece, part) and start < piece.row.utc - EPOCH <= end
    )


def _distinct(where: str, part: Part, kept: list[tuple[int, int]]) -> None:
    """At most one maximum a local day, the highest first."""
    days = [_day(part, end) for _, end in kept]
    if len(set(days)) != len(days):
        raise Difference(f"{where}: two maxima of one day are kept")
    if sorted(kept, key=lambda slot: -slot[0]) != kept:
        raise Difference(f"{where}: the maxima are not in order")


def _not_higher(
    where: str, part: Part, window: Window, kept: list[tuple[int, int]], highest: int
) -> None:
    if not window.mw:
        return  # a window without energy is not kept
    same_day = [mw for mw, end in kept if _day(part, end) == _day(part, window.end)]
    others = [mw for mw, _ in kept]
    least = same_day[0] if same_day else min(others) if len(others) == highest else 0
    if window.mw > least:
        raise Difference(
            f"{where}: the window that ended at {window.end + EPOCH} had {window.mw} mW,"
            f" {least} mW are kept"
        )


def _of_block(window: Window, parts: int) -> set[int]:
    """A block window is of the rate at its beginning, a sliding one of that at its end."""
    return window.first if parts == 1 else window.last


def _day(part: Part, end: int) -> Any:
    return part.tariff.calendar.local_day(end - 1)


def _month(part: Part, end: int) -> int:
    """-> 0 for January, of the last second of a window"""
    return int(date(_day(part, end))[1]) - 1
