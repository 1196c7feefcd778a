"""The state as texts, in JSON values: what the page shows before its script runs, and after."""

import time
from typing import Any

from wattledger import show
from wattledger.live import curve, facts
from wattledger.live.feed import Seen
from wattledger.live.state import Day, Now

_BIG = (facts.POWER, facts.PRICE, facts.RATE, facts.COST)


def now(seen: Seen, name: str) -> dict[str, Any]:
    """age_s   of the reading by this machine's clock, null: there is none"""
    shown: dict[str, Any] = {"meter": name, "silence": _silence(seen), "age_s": None}
    if seen.now is None:
        return {**shown, "at": "", "facts": [], "alerts": [], "stale_after_s": 0}
    found = seen.now
    return {
        **shown,
        "at": show.instant(found.utc, found.zone),
        "age_s": round(max(0.0, time.time() - found.measured_s), 1),
        "stale_after_s": found.stale_after_s,
        "facts": [{"name": n, "text": text, "big": n in _BIG} for n, text in found.facts],
        "alerts": list(found.alerts),
    }


def day(found: Day | None) -> dict[str, Any] | None:
    """-> null as long as nothing is known"""
    if found is None:
        return None
    today, yesterday = curve.of(found)
    rows = zip(today.hours(), yesterday.hours(), strict=True)
    return {
        "summary": curve.summary(today, yesterday),
        "today": {"date": today.date, "points": today.points},
        "yesterday": {"date": yesterday.date, "points": yesterday.points},
        "hours": [[f"{n:02d}:00", _kwh(new), _kwh(old)] for n, (new, old) in enumerate(rows)],
        "bill": _bill(found),
        "events": [_event(record, found) for record in found.events],
    }


def _silence(seen: Seen) -> str:
    if not seen.silence:
        return ""
    if seen.now is None:
        return f"No answer yet: {seen.silence}"
    return f"No answer since {_at(seen.now)}: {seen.silence}"


def _at(found: Now) -> str:
    return show.instant(int(found.measured_s), found.zone)


def _kwh(mwh: int | None) -> str:
    return "" if mwh is None else show.energy(mwh)


def _bill(found: Day) -> dict[str, Any]:
    """lines: [item, quantity, price, amount]"""
    if found.bill is None or found.tariff is None:
        return {"title": found.no_bill, "lines": [], "total": "", "currency": ""}
    bill, tariff = found.bill, found.tariff
    start, end = (show.instant(t, found.zone)[:16] for t in (bill.start, bill.end))
    lines = []
    for line, row in zip(bill.lines, show.bill_rows(bill, tariff), strict=True):
        item, tier, quantity, unit, price, due = row
        text = f"{item}, tier {tier}" if tier else item
        share = " %" if line["kind"] == "tax" else ""
        lines.append([text, f"{quantity} {unit}", price + share, due])
    return {
        "title": f"{tariff.name}, {start} to {end}",
        "lines": lines,
        "total": show.money(bill.total, tariff.decimals),
        "currency": tariff.currency,
    }


def _event(record: Any, found: Day) -> list[str]:
    """-> [time, what, more]"""
    at, _, name, count, before, after = show.event_row(record, found.zone)
    what = name if count == "1" else f"{name} ({count} times)"
    return [at[:19], what, f"{before} → {after}" if before and after else before or after]
