"""Snapshots and ledger records of a meter.book.Book. Loaded on demand."""

from meter import codes, vouch
from meter.civil import EPOCH
from meter.compat import forget
from meter.records import Ledger, Snapshot


def snapshot(book, reason, live, contract, tier):
    """See Book.snapshot. A crossing that is in the ring already is not written again: an
    interrupt or a power cut came before the tier was."""
    if reason == codes.TIER and _crossed(book, contract.w.period, tier):
        return
    record = Snapshot()
    record.seq = book.journal.snapshots.last_seq + 1
    _fill(book, record, reason, live, contract, tier)
    record.digest = contract.w.active_digest
    _append(book, book.journal.snapshots, record)


def ledger(book, reason, live, contract, money):
    """See Book.ledger."""
    record = Ledger()
    record.seq = book.journal.ledger.last_seq + 1
    _fill(book, record, reason, live, contract, contract.step())
    record.period_start = contract.w.period_start
    record.digest = bytes.fromhex(contract.tariff.digest)
    record.snapshot_seq = book.journal.snapshots.last_seq
    record.demand, record.money = contract.w.demand, money
    record.software = book.software
    _append(book, book.journal.ledger, record)


def closed(book, period):
    """See Book.closed."""
    for record in book.backwards(book.journal.ledger, Ledger()):
        if record.period <= period:
            return record if record.period == period else None
    return None


def _fill(book, record, reason, live, contract, tier):
    record.utc = live.t + EPOCH
    record.reason, record.tier = reason, tier
    record.period = contract.w.period
    record.registers, record.rates = live.registers, live.rates
    record.profile_seq = book.journal.profile.last_seq


def _append(book, ring, record):
    vouch.append(book.key, book.journal, ring, record, book.view(record))
    forget("meter.vouch")


def _crossed(book, period, tier):
    """Whether this tier of its set has ended in the open part."""
    for found in book.backwards(book.journal.snapshots, Snapshot()):
        if found.period < period:
            break
        if found.period == period and found.reason == codes.TIER:
            if found.tier >> 3 == tier >> 3 and found.tier >= tier:
                return True
    return False
