"""What a report is about: the history of one meter in a span of time, and its bills."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from meter.civil import DAY_S, EPOCH, Zone, days
from meter.price_schedule import Schedule
from wattledger import simulate
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.reading import MeterBill


@dataclass(frozen=True)
class Subject:
    """
    name       of the meter or the file; source: in words, where the numbers are from
    history    the intervals of the span; known: they and all before
    tariffs    (name, meter.tariff.Tariff), the one in force first, then others to compare
    bills      of the span, the last may be open
    schedules  prices by interval, for dynamic rates
    events     records of the meter's event log in the span, None: there is none to ask
    document   of the bill (bills.bill_document), None: a meter did not make it
    """

    name: str
    source: str
    history: History
    known: History
    tariffs: Sequence[tuple[str, Any]]
    bills: list[MeterBill]
    schedules: Sequence[Schedule] = ()
    events: list[Any] | None = None
    document: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def tariff(self) -> Any:
        return self.tariffs[0][1]

    @property
    def start(self) -> int:
        return self.bills[0].start

    @property
    def end(self) -> int:
        return self.bills[-1].end

    @property
    def total(self) -> Fraction:
        """-> units of the currency, of all its bills"""
        return Fraction(sum(bill.total for bill in self.bills), 10**self.tariff.decimals)


@dataclass(frozen=True)
class Span:
    """A billing period by its number, or local times; None: from the first, to the last.

    ToolError: both are given
    """

    period: int | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.period is not None and (self.start or self.end):
            raise ToolError("report: --period beside --from or --to: give one of them")

    def cut(self, history: History) -> History:
        """-> what lies between the times. ToolError: nothing does"""
        zone = history.zone
        start = int(history.start[0]) if self.start is None else unix(self.start, zone)
        end = int(history.end[-1]) if self.end is None else unix(self.end, zone)
        found = history.between(start, end)
        if not len(found):
            raise ToolError(f"{history.name}: no interval in that time: give another --from, --to")
        return found


def of_history(
    whole: History,
    source: str,
    events: list[Any] | None,
    tariffs: Sequence[tuple[str, Any]],
    span: Span,
    schedules: Sequence[Schedule] = (),
) -> Subject:
    """The bills are what `simulate` makes of the history. ToolError: nothing lies in the span"""
    known = span.cut(whole)
    bills = simulate.bills_of([tariffs[0][1]], known.load(), schedules)
    if span.period is not None:
        bills = [bill for bill in bills if bill.period == span.period]
        if not bills:
            raise ToolError(f"{whole.name}: no period {span.period}: ask for one that it reaches")
        known = known.between(int(known.start[0]), bills[0].end)
    start, end = bills[0].start, bills[-1].end
    inside = None if events is None else [e for e in events if start <= e.utc <= end]
    history = known.between(start, end)
    return Subject(whole.name, source, history, known, tariffs, bills, schedules, inside)


def unix(moment: datetime, zone: Zone) -> int:
    """-> Unix s of a local time of the zone, or of one with an offset of its own"""
    if moment.tzinfo is not None:
        return int(moment.timestamp())
    local_s = days(moment.year, moment.month, moment.day) * DAY_S
    local_s += moment.hour * 3600 + moment.minute * 60 + moment.second
    return int(zone.to_utc(local_s)) + int(EPOCH)
