"""Energy by local date, from the load profile of one part."""

from typing import Any

from meter.civil import EPOCH
from wattledger import show
from wattledger.bills import bill_units
from wattledger.bills.bill_account import Part


def of_part(part: Part) -> list[dict[str, str]]:
    """-> [{"date", "import_kwh", "export_kwh"}, ...]; empty if rows of the part are missing."""
    if not part.is_whole:
        return []
    days: dict[str, list[int]] = {}
    for piece in part.pieces:
        started = piece.row.utc - min(piece.row.duration_s, 1)
        day = days.setdefault(_date(started, part.tariff), [0, 0])
        day[0] += piece.bought
        day[1] += piece.sold
    tail = part.tail
    if any(tail):
        day = days.setdefault(_date(part.closing.utc + EPOCH - 1, part.tariff), [0, 0])
        day[0] += tail[0]
        day[1] += tail[1]
    return [
        {
            "date": date,
            "import_kwh": bill_units.kilo(bought),
            "export_kwh": bill_units.kilo(sold),
        }
        for date, (bought, sold) in sorted(days.items())
    ]


def _date(unix_s: int, tariff: Any) -> str:
    return show.instant(unix_s, tariff.calendar.zone).split(" ")[0]
