"""The bill of one part of the contract, from what the meter keeps. Loaded on demand.

A part is what lies between two records of the ledger: a billing period, or what a change of
tariff leaves of one. Its number is the `period` of the record that closes it.
"""

from meter import billing, codes
from meter.billing import Account, Reading
from meter.civil import EPOCH
from meter.errors import MeterError
from meter.limits import HISTORY
from meter.records import Ledger, Row, Snapshot


def lines(meter, period):
    """-> (Tariff, opening Reading, closing Reading, iterator of billing.Line).

    period   number of a part; the open one is billed up to now
    MeterError: the ledger does not hold it, its tariff file is gone, or the rows of the profile
    that decide it are.
    """
    tariff = meter.contract.terms("of_period", period)
    account = account_of(meter, tariff, period)
    return tariff, account.opening, account.closing, billing.lines(tariff, account)


def carry(meter, live):
    """-> 4 ints, what the open part leaves to the next one if it closes at live.t."""
    contract = meter.contract
    # With the rows that there are: a close cannot wait for those that are gone.
    account = account_of(meter, contract.tariff, contract.w.period, False)
    account.end = live.t
    for _ in billing.lines(contract.tariff, account):
        pass
    return list(account.carry_out)


def account_of(meter, tariff, period, needs_rows=True):
    """-> billing.Account of a part that ran under this tariff. MeterError: see lines."""
    contract, book = meter.contract, meter.book
    before = book.closed(period - 1) if period > 0 else None
    if before is None:
        raise MeterError("bill: no billing period yet: push a tariff")
    account = Account(_reading(before), None, carry=before.money)
    if period == contract.w.period:
        live = meter.live
        account.closing = Reading(live.t, live.rates, live.registers)
        account.end, account.demand = contract.part_end(), contract.w.demand
        last_row = meter.journal.profile.last_seq
    else:
        record = book.closed(period)
        account.closing = _reading(record)
        account.end, account.demand = account.closing.utc, record.demand
        last_row = record.profile_seq
    if "chronological" in [tiers[0] for tiers in tariff.tier_sets]:
        account.crossings = _crossings(meter, period)
    if tariff.demand and any(charge[6] for charge in tariff.demand[2]):
        account.history = _history(meter, period)
    if tariff.dynamic or tariff.netting == "interval":
        _settle(meter, tariff, account, period, before.profile_seq, last_row, needs_rows)
    return account


def _reading(record):
    return Reading(record.utc - EPOCH, record.rates, record.registers)


def _crossings(meter, period):
    """-> [(tier set, Reading), ...] at the tier crossings of a part, oldest first."""
    found = []
    for record in meter.book.backwards(meter.journal.snapshots, Snapshot()):
        if record.period < period:
            break
        if record.period == period and record.reason == codes.TIER:
            found.append((record.tier >> 3, Reading(record.utc - EPOCH, record.rates)))
    found.reverse()
    return found


def _history(meter, period):
    """-> the demand of the parts before this one, newest first."""
    found = []
    for record in meter.book.backwards(meter.journal.ledger, Ledger()):
        if len(found) == HISTORY or record.period == 0:
            break
        if record.period < period:
            found.append(record.demand)
    return found


def _settle(meter, tariff, account, period, first_row, last_row, needs_rows):
    """Add up the rows of a part; of the one asked for last only those that came since then: a
    bill is asked for line by line."""
    from meter import billing_rows

    key, state = meter.settled or (None, None)
    if key != (period, tariff.digest) or state[0] > last_row:
        state = billing_rows.start(account.opening, first_row)
    # Rows that an old part was billed from and are gone must not change its bill.
    gone = state[0] < last_row and meter.journal.profile.first_seq > state[0] + 1
    if gone and needs_rows:
        raise MeterError(
            "bill: the profile begins at row " + str(meter.journal.profile.first_seq)
            + ", part " + str(period) + " needs those from " + str(state[0] + 1)
            + ": take it from the host that has read them"
        )  # fmt: skip
    state = billing_rows.add(tariff, state, _rows(meter.journal.profile, state[0], last_row))
    if not gone:
        meter.settled = (period, tariff.digest), state
    billing_rows.settle(tariff, account, state)


def _rows(ring, after, last):
    """Yields a Row with the contents of one after the other, oldest first."""
    row = Row()
    view = memoryview(bytearray(row.size))
    for seq in range(after + 1, last + 1):
        if ring.read(seq, view):
            row.unpack(view)
            yield row
