"""What one bill rests on, put together from the evidence as the meter does from its flash.

A part is what lies between two records of the ledger: a billing period, or what a change of
tariff leaves of one. Each part has a number and a bill of its own.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from meter import billing, billing_rows, codes, limits, obis
from meter.billing import Reading
from meter.civil import EPOCH
from meter.sample import EXPORT, IMPORT
from wattledger.errors import ToolError
from wattledger.reading import MeterBill
from wattledger.verification.evidence import Evidence, now


@dataclass(frozen=True)
class Part:
    """One part of a billing period; times in core seconds.

    source          the tariff file, as a dict
    opening_record, closing_record   of the ledger; the last is None while the part is open
    end             planned end; of a closed part its end
    crossing_records   snapshots of the tier crossings, in order
    first           opening as a row; rows: of the profile, those that end in the part
    is_whole        no row of the part is missing
    demand          flat, by slot: mW, Unix s
    """

    number: int
    tariff: Any
    source: dict[str, Any]
    opening_record: Any
    closing_record: Any
    opening: Any
    closing: Any
    end: int
    crossing_records: list[Any]
    rows: list[Any]
    is_whole: bool
    demand: list[int]
    history: list[list[int]]

    @property
    def needs_profile(self) -> bool:
        """Whether rows decide lines of the bill."""
        return self.tariff.dynamic is not None or self.nets_intervals

    @property
    def nets_intervals(self) -> bool:
        return bool(self.tariff.netting == "interval")

    def demands(self) -> Iterator[tuple[str, int, int]]:
        """Yields (charge, mW, Unix s at which its window ended) of each slot that is filled."""
        slot = 0
        for name, _, _, highest, *_ in self.tariff.demand[2] if self.tariff.demand else ():
            for _ in range(highest):
                mw, ended = self.demand[2 * slot : 2 * slot + 2]
                if ended:
                    yield name, mw, ended
                slot += 1

    @cached_property
    def pieces(self) -> list["Piece"]:
        """The energy of each row, the first from the opening on."""
        totals = (self.opening.registers[IMPORT], self.opening.registers[EXPORT])
        found = []
        for row in self.rows:
            after = (row.import_mwh, row.export_mwh)
            grown = [b - a for a, b in zip(totals, after, strict=True)]
            found.append(Piece(row, *grown))
            totals = after
        return found

    @property
    def tail(self) -> tuple[int, int]:
        """-> mWh (bought, sold) since the last row: an interval that is still open."""
        grown = [
            b - a for a, b in zip(self.opening.registers, self.closing.registers, strict=True)
        ]
        bought = grown[IMPORT] - sum(piece.bought for piece in self.pieces)
        return bought, grown[EXPORT] - sum(piece.sold for piece in self.pieces)


@dataclass(frozen=True)
class Piece:
    """One row and its energy in mWh."""

    row: Any
    bought: int
    sold: int


def part_of(evidence: Evidence, bill: MeterBill) -> Part:
    """-> the part that a bill of the evidence is of. ToolError: it holds not all of it."""
    ledger = {record.period: record for record in evidence.records("ledger")}
    number = bill.period
    if number - 1 not in ledger:
        raise ToolError(
            f"bill of period {number}: the ledger does not hold what opened it any more:"
            f" ask for a later one"
        )
    tariff, before, after = evidence.tariff(bill.digest), ledger[number - 1], ledger.get(number)
    opening = _reading(before)
    closing = _reading(after) if after else _reading_now(evidence, before)
    rows = _rows(evidence, before, after)
    return Part(
        number=number,
        tariff=tariff,
        source=json.loads(evidence.tariffs.get(bill.digest, "{}")),
        opening_record=before,
        closing_record=after,
        opening=opening,
        closing=closing,
        end=closing.utc if after else planned_end(evidence, tariff, opening.utc),
        crossing_records=[
            snapshot
            for snapshot in evidence.records("snapshots")
            if snapshot.period == number and snapshot.reason == codes.TIER
        ],
        rows=rows,
        is_whole=_are_whole(rows, before, after),
        demand=list(after.demand) if after else _padded(bill.demand),
        history=[
            list(ledger[earlier].demand)
            for earlier in range(number - 1, max(0, number - 1 - limits.HISTORY), -1)
            if earlier in ledger
        ],
    )


def account(part: Part) -> Any:
    """-> the meter.billing.Account of a part."""
    made = billing.Account(
        part.opening,
        part.closing,
        end=part.end,
        crossings=[(record.tier >> 3, _reading(record)) for record in part.crossing_records],
        demand=part.demand,
        history=part.history,
        carry=part.opening_record.money,
    )
    if part.needs_profile:
        state = billing_rows.start(part.opening, part.opening_record.profile_seq)
        billing_rows.settle(part.tariff, made, billing_rows.add(part.tariff, state, part.rows))
    return made


def planned_end(evidence: Evidence, tariff: Any, opening: int) -> int:
    """-> core second at which an open part is to end: its period's end, or a change before."""
    end = int(tariff.calendar.period_end(opening, tariff.billing_day))
    scheduled = evidence.info["tariff"]
    if scheduled["passive"]:
        end = min(end, scheduled["at"] - int(EPOCH))
    return end


def _reading(record: Any) -> Any:
    return Reading(record.utc - EPOCH, record.rates, record.registers)


def _reading_now(evidence: Evidence, before: Any) -> Any:
    shown = evidence.registers["registers"]
    registers = [shown[code] for code in obis.TOTALS]
    return Reading(now(evidence), evidence.rates_now(before.rates), registers)


def _padded(demand: list[int]) -> list[int]:
    """-> all slots: a meter leaves out the empty ones at the end."""
    return demand + [0] * (2 * limits.DEMAND_SLOTS - len(demand))


def _rows(evidence: Evidence, before: Any, after: Any) -> list[Any]:
    rows = [row for row in evidence.records("profile") if row.seq > before.profile_seq]
    return [row for row in rows if row.seq <= after.profile_seq] if after else rows


def _are_whole(rows: list[Any], before: Any, after: Any) -> bool:
    last = after.profile_seq if after else rows[-1].seq if rows else before.profile_seq
    return [row.seq for row in rows] == list(range(before.profile_seq + 1, last + 1))
