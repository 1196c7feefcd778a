"""Bills without a meter: any load under any tariffs, to the unit what a meter would bill.

The registers come from `wattledger.engine`, the lines from meter.billing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from meter import billing
from meter.civil import EPOCH
from meter.price_schedule import Schedule
from wattledger.engine import account, called, timeline
from wattledger.engine.account import Counted
from wattledger.engine.load import Load, Span, of_spans
from wattledger.reading import MeterBill

__all__ = ("Span", "bills", "bills_of", "counted", "of_counted", "versions")


def bills(tariff: Any, spans: Iterable[Span]) -> list[MeterBill]:
    """-> one bill for each billing period that the spans touch; the last may be open.

    tariff   meter.tariff.Tariff
    spans    in core seconds and uJ, without overlap
    """
    found = list(spans)
    return bills_of([tariff], of_spans(found)) if found else []


def bills_of(
    tariffs: Sequence[Any], load: Load, schedules: Sequence[Schedule] = ()
) -> list[MeterBill]:
    """-> one bill for each part of the load of one meter, in order.

    tariffs     versions of one contract: each holds from its valid_from on, the first from the
                beginning of the load; a change inside a billing period splits it
    schedules   prices by interval, for dynamic rates
    ToolError: two versions with the same date
    """
    return of_counted(counted(tariffs, load, schedules))


def counted(tariffs: Sequence[Any], load: Load, schedules: Sequence[Schedule] = ()) -> Counted:
    """-> what the bills rest on. Arguments and errors as of bills_of."""
    base = called.call(timeline.plan(versions(tariffs), load.start, load.end), schedules)
    return account.count(base, load, list(schedules))


def of_counted(found: Counted) -> list[MeterBill]:
    """-> the bills that rest on it."""
    return [
        MeterBill(
            period=number,
            start=part.start + EPOCH,
            end=part.end + EPOCH,
            open=part.is_open,
            digest=part.tariff.digest,
            lines=[line.as_dict() for line in lines],
            total=billing.total(lines),
        )
        for number, (part, _, lines) in enumerate(account.billed(found), 1)
    ]


def versions(tariffs: Sequence[Any]) -> list[Any]:
    """-> the tariffs in the order in which they take effect."""
    return sorted(tariffs, key=lambda tariff: tariff.valid_from)
