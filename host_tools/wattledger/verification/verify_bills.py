"""Checks the bills: each line recomputed from what it rests on, and each tier from its bounds."""

from itertools import pairwise
from typing import Any

from meter import billing, codes
from meter.civil import EPOCH
from wattledger.bills import bill_account
from wattledger.bills.bill_account import Part
from wattledger.errors import ToolError
from wattledger.reading import MeterBill
from wattledger.verification.evidence import Evidence, now
from wattledger.verification.replay import Difference


def bills(evidence: Evidence) -> str:
    """Every line of every bill, recomputed from ledger, snapshots, profile and tariff."""
    if evidence.no_bill:
        raise Difference(evidence.no_bill)
    lines, growing, short = 0, 0, evidence.gone
    for bill in evidence.bills.values():
        if bill.open and bill.end - EPOCH != now(evidence):
            growing += 1
            continue
        part = part_of(evidence, bill)
        if part.needs_profile and not part.is_whole:
            short += 1
            continue
        lines += _bill(part, bill)
    said = f"bills: {len(evidence.bills)}, each of their {lines} lines recomputed to the last unit"
    if growing:
        said += ", the open one was growing and is left out"
    if short:
        said += f", {short} left out: the profile does not hold all of their rows any more"
    return said


def crossings(evidence: Evidence) -> str:
    """A chronological tier ends exactly at its bound, and each that was used up has ended."""
    count, has_any = 0, False
    for bill in evidence.bills.values():
        part = part_of(evidence, bill)
        if not _are_held(evidence, part):
            continue
        for index, (mode, _, _) in enumerate(part.tariff.tier_sets):
            if mode == "chronological":
                has_any = True
                count += _crossings(part, index, _may_be_lowered(evidence, part))
    return f"{count} tier crossings, each on its bound, none missing" if has_any else ""


def _are_held(evidence: Evidence, part: Part) -> bool:
    """Whether the ring of snapshots still reaches back to the opening."""
    held = evidence.records("snapshots")
    return not held or held[0].seq <= part.opening_record.snapshot_seq + 1


def part_of(evidence: Evidence, bill: MeterBill) -> Part:
    """-> the part of a bill. Difference: the bill is not of what the ledger holds."""
    name = f"bill of period {bill.period}"
    try:
        part = bill_account.part_of(evidence, bill)
    except ToolError as error:
        raise Difference(str(error)) from None
    closing = part.closing_record
    if closing is not None and closing.digest.hex() != bill.digest:
        raise Difference(f"{name}: tariff {bill.digest[:16]}, the ledger closed it with another")
    return part


def _bill(part: Part, bill: MeterBill) -> int:
    """-> lines compared"""
    name = f"bill of period {bill.period}"
    if (bill.start - EPOCH, bill.end - EPOCH) != (part.opening.utc, part.closing.utc):
        raise Difference(f"{name}: from {bill.start} to {bill.end}, the ledger has other instants")
    account = bill_account.account(part)
    lines = list(billing.lines(part.tariff, account))
    for number, (line, shown) in enumerate(zip(lines, bill.lines, strict=False), 1):
        _compare_line(f"{name}: line {number}", line.as_dict(), shown)
    if len(lines) != len(bill.lines):
        raise Difference(f"{name}: {len(bill.lines)} lines, {len(lines)} recomputed")
    if billing.total(lines) != bill.total:
        raise Difference(f"{name}: total {bill.total}, {billing.total(lines)} recomputed")
    _compare_carry(name, part, account.carry_out)
    return len(lines)


def _compare_line(name: str, line: dict[str, Any], shown: dict[str, Any]) -> None:
    for key, value in line.items():
        expected = list(value) if isinstance(value, tuple) else value
        if shown.get(key) != expected:
            raise Difference(
                f"{name} ({line['name']}): {key} {shown.get(key)} on the meter,"
                f" {expected} recomputed"
            )


def _compare_carry(name: str, part: Part, carried: tuple[int, ...]) -> None:
    """What a closed part left to the next one is what its lines say."""
    closing = part.closing_record
    if closing is None or part.tariff.carry == "none":
        return
    if tuple(closing.money) != carried:
        raise Difference(
            f"{name}: the ledger carries {list(closing.money)}, {list(carried)} recomputed"
        )


def _may_be_lowered(evidence: Evidence, part: Part) -> bool:
    """Whether a change of tariff was scheduled while the part ran, if only to be dropped again."""
    events = evidence.records("configuration")
    opening, closing = part.opening_record.utc, part.closing.utc + EPOCH
    if events and events[0].seq > 1 and events[0].utc > opening:
        return True  # the log does not reach back to the opening
    if closing < opening or any(b.utc < a.utc for a, b in pairwise(part.rows)):
        opening, closing = 0, events[-1].utc if events else 0  # a clock that was set back
    return any(
        event.group << 8 | event.code == codes.EVENT_SCHEDULE and opening <= event.utc <= closing
        for event in events
    )


def _crossings(part: Part, index: int, is_lowered: bool) -> int:
    """-> tier crossings of one set in a part

    Its bounds are those of the whole period, or of the part if it was known when it began that a
    change of tariff ends it. One that is scheduled in the part (is_lowered) lowers them from then
    on, to those of what has passed of the part at the least.
    """
    tariff, opening = part.tariff, part.opening
    whole = tariff.calendar.period_end(opening.utc, tariff.billing_day)
    high = tariff.tier_bounds(index, opening.utc, whole)
    planned = tariff.tier_bounds(index, opening.utc, part.end)
    crossed = [record for record in part.crossing_records if record.tier >> 3 == index]
    for tier, record in enumerate(crossed):
        name = f"snapshots: record {record.seq}: tier {tier + 1} of set {index + 1}"
        if record.tier & 7 != tier or tier >= len(high):
            raise Difference(f"{name}: it ends tier {(record.tier & 7) + 1}")
        used = _used(part, index, record.rates)
        least = high[tier]
        if is_lowered or _at_a_change(part, record):
            least = tariff.tier_bounds(index, opening.utc, record.utc - EPOCH)[tier]
        if used not in (high[tier], planned[tier]) and not least <= used <= high[tier]:
            raise Difference(
                f"{name}: it ends after {used} mWh, its bound is {high[tier]} mWh"
                + (f" or {planned[tier]} mWh" if planned != high else "")
            )
    used, lost = _used(part, index, part.closing.rates), _has_lost_tariff(part)
    if len(crossed) < len(high) and used > high[len(crossed)] and not lost:
        raise Difference(
            f"snapshots: period {part.number}: {used} mWh used, and no crossing of the bound"
            f" {high[len(crossed)]} mWh of set {index + 1}"
        )
    return len(crossed)


def _at_a_change(part: Part, record: Any) -> bool:
    """Whether a crossing is of the moment in which a tariff came that holds at once."""
    closing = part.closing_record
    if closing is None or closing.reason != codes.TARIFF:
        return False
    return bool(record.profile_seq == closing.profile_seq)


def _has_lost_tariff(part: Part) -> bool:
    """Without its file a meter knows no bounds: energy went on in the tier that it was in."""
    return any(row.status & codes.TARIFF_LOST for row in part.rows)


def _used(part: Part, index: int, rates: list[int]) -> int:
    """-> mWh of all rates of a tier set since the opening"""
    tariff = part.tariff
    registers = [
        tariff.register(rate) for rate in range(tariff.imports) if tariff.tier_set(rate) == index
    ]
    return sum(rates[register] - part.opening.rates[register] for register in registers)
