"""The bill of one period, from what the meter keeps. Loaded on demand."""

from meter import billing, codes
from meter.billing import Reading
from meter.civil import EPOCH
from meter.errors import MeterError
from meter.records import Snapshot


def lines(meter, period):
    """-> (Tariff, opening Reading, closing Reading, iterator of billing.Line).

    period   number of a billing period; the open one is billed up to now
    MeterError: the ledger does not hold it, or its tariff file is gone.
    """
    contract, book = meter.contract, meter.book
    tariff, before = contract.of_period(period), book.closed(period - 1)
    if period < 1 or before is None:
        raise MeterError("bill: no billing period yet: push a tariff")
    opening = Reading(before.utc - EPOCH, before.rates)
    if period == contract.w.period:
        closing = Reading(meter.live.t, meter.live.rates)
    else:
        record = book.closed(period)
        closing = Reading(record.utc - EPOCH, record.rates)
    bill = billing.lines(tariff, opening, closing, _crossings(meter, period))
    return tariff, opening, closing, bill


def _crossings(meter, period):
    """-> Readings at the tier crossings of a billing period, oldest first."""
    found = []
    for record in meter.book.backwards(meter.journal.snapshots, Snapshot()):
        if record.period < period:
            break
        if record.period == period and record.reason == codes.TIER:
            found.insert(0, Reading(record.utc - EPOCH, record.rates))
    return found
