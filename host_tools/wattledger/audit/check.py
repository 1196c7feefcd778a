"""The checks of an audit. Each returns a line that says what holds, or raises Difference with the
first record that does not."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from meter import codes
from meter.sample import EXPORT, IMPORT, Q1, Q2, Q3, Q4
from wattledger.audit.dump import Dump
from wattledger.verification import chain_check, verify
from wattledger.verification.evidence import Evidence
from wattledger.verification.key_check import Keys
from wattledger.verification.replay import Difference


@dataclass(frozen=True)
class Reading:
    """Registers as one record has them. profile_seq: of the newest row then, None: not said."""

    name: str
    registers: list[int]
    rates: list[int]
    profile_seq: int | None


def audit(dump: Dump, keys: Keys | None, given: int = 0) -> list[str]:
    """-> a line for each check. Difference: the first that does not hold.

    keys, given   of the chains, as in chain_check.check
    """
    evidence = Evidence(dump.info, {}, dump.rings, seen=dump.seen, keys=keys)
    checks: tuple[Callable[[], str], ...] = (
        lambda: verify.records(evidence),
        lambda: counters(evidence, dump.newest),
        lambda: parts(evidence, dump.contract),
        lambda: events(evidence),
        lambda: chain_check.check(evidence, keys, dump.seen, dump.layout, dump.sectors, given),
    )
    return [line for line in (check() for check in checks) if line]


def counters(evidence: Evidence, newest: Any) -> str:
    """Rates add up to totals wherever both stand, and no register ever falls, from one row,
    snapshot, ledger record to the next, and to the newest commit."""
    rows = {row.seq: _of_row(row) for row in evidence.records("profile")}
    for (_, before), (seq, row) in pairwise(rows.items()):
        _no_fall(f"profile: row {seq}", before, row)
    readings = _readings(evidence, newest)
    for reading in readings:
        bought_and_sold = reading.registers[IMPORT] + reading.registers[EXPORT]
        if sum(reading.rates) != bought_and_sold:
            raise Difference(
                f"{reading.name}: its rates add up to {sum(reading.rates)} mWh, import and export"
                f" to {bought_and_sold} mWh"
            )
        seq = reading.profile_seq if reading.profile_seq is not None else max(rows, default=0)
        totals = _of_registers(reading.registers)
        if seq in rows:
            _no_fall(reading.name, rows[seq], totals)
        if seq + 1 in rows:
            _no_fall(f"profile: row {seq + 1}", totals, rows[seq + 1])
    for a, b in pairwise(readings):
        _no_fall(b.name, a.registers, b.registers)
        _no_fall(b.name, a.rates, b.rates)
    return f"no register falls over {len(rows)} rows and {len(readings)} readings"


def parts(evidence: Evidence, contract: Any) -> str:
    """The ledger has closed every part of a billing period, up to the one that is open."""
    closed = [record.period for record in evidence.records("ledger")]
    for before, after in pairwise(closed):
        if after != before + 1:
            raise Difference(f"ledger: part {after} follows {before}: what was between is lost")
    if contract is None:
        return ""
    last = closed[-1] if closed else -1
    # A cut may come between the record that closes a part and the pointer to the next one.
    if last not in (contract.period - 1, contract.period) and (closed or contract.period):
        raise Difference(
            f"ledger: part {contract.period} is open and {last} is the last that was closed:"
            " the newest records were removed"
            if closed
            else f"ledger: part {contract.period} is open and no record opened it: it was removed"
        )
    return f"{len(closed)} parts closed, {contract.period} is open"


def events(evidence: Evidence) -> str:
    """Each entry stands for something that happened, in its group."""
    count = 0
    for number, group in enumerate(codes.GROUPS):
        for record in evidence.records(group):
            if record.group != number:
                raise Difference(
                    f"{group}: record {record.seq}: it is of the group {record.group}"
                )
            if not record.count:
                raise Difference(f"{group}: record {record.seq}: it counts nothing")
            count += 1
    return f"{count} events, none missing between two of a group"


def is_keyed(dump: Dump) -> bool:
    """-> whether the log has it that the meter was given keys. Without that, a dump whose records
    are made with none can be of a meter that has none, or was written anew."""
    code = codes.EVENT_KEYS & 0xFF
    return any(entry.record().code == code for entry in dump.rings[codes.GROUPS[codes.SECURITY]])


def _readings(evidence: Evidence, newest: Any) -> list[Reading]:
    """-> in the order in which they were taken, the newest commit last."""
    found = []
    for ring in ("ledger", "snapshots"):
        for r in evidence.records(ring):
            name = f"{ring}: record {r.seq}"
            found.append(Reading(name, r.registers, r.rates, r.profile_seq))
    found.sort(key=lambda r: (r.profile_seq, r.registers[IMPORT], sum(r.registers)))
    if newest is not None:
        found.append(Reading("newest commit", newest.registers, newest.rates, None))
    return found


def _no_fall(name: str, before: list[int], after: list[int]) -> None:
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if new < old:
            raise Difference(f"{name}: register {index} is {new}, it was {old} before")


def _of_row(row: Any) -> list[int]:
    return [row.import_mwh, row.export_mwh, row.reactive_plus_mvarh, row.reactive_minus_mvarh]


def _of_registers(registers: list[int]) -> list[int]:
    plus, minus = registers[Q1] + registers[Q2], registers[Q3] + registers[Q4]
    return [registers[IMPORT], registers[EXPORT], plus, minus]
