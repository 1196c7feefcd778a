"""Checks what was read from a meter: nothing missing, rates = total = profile, every bill line.

Works on Evidence alone. Each check returns a line that says what holds, or raises Difference
with the first record that does not.
"""

from itertools import pairwise
from typing import Any

from meter import billing, codes, obis
from meter.billing import Reading
from meter.civil import EPOCH
from meter.sample import EXPORT, IMPORT, Q1, Q2, Q3, Q4
from wattledger import chain_check
from wattledger.evidence import NO_TARIFF, Evidence, export_registers, now
from wattledger.reading import MeterBill
from wattledger.replay import Difference, Instant, check_row, check_span

_ROW_FIELDS = ("import_mwh", "export_mwh", "reactive_plus_mvarh", "reactive_minus_mvarh")


def verify(evidence: Evidence) -> list[str]:
    """-> one line for each check that holds. Difference: the first that does not."""
    checks = (records, totals, monotone, profile, calendar, chains, bills)
    return [check(evidence) for check in checks]


def records(evidence: Evidence) -> str:
    count = 0
    for ring, entries in evidence.rings.items():
        last = None
        for place, entry in enumerate(entries):
            if not entry.sound:
                raise Difference(f"{ring}: record {place + 1}: its bytes and their CRC differ")
            seq = entry.record().seq
            if last is not None and seq != last + 1:
                raise Difference(f"{ring}: record {seq} follows {last}: what was between is lost")
            last = seq
            count += 1
    return f"{count} records, none missing, none altered"


def totals(evidence: Evidence) -> str:
    """Promise 2: the rate registers of each direction add up to the total."""
    exports = export_registers(evidence)
    known = instants(evidence)
    for instant in known:
        sold = sum(instant.rates[register] for register in exports)
        bought = sum(instant.rates) - sold
        for name, rates, channel in (("import", bought, IMPORT), ("export", sold, EXPORT)):
            if rates != instant.registers[channel]:
                raise Difference(
                    f"{instant.name}: {name} rates add up to {rates} mWh,"
                    f" the total is {instant.registers[channel]} mWh"
                )
    return f"rates add up to totals at {len(known)} instants"


def monotone(evidence: Evidence) -> str:
    """No register ever goes down."""
    rows = evidence.records("profile")
    for before, row in pairwise(rows):
        for name in _ROW_FIELDS:
            if getattr(row, name) < getattr(before, name):
                raise Difference(f"profile: row {row.seq}: {name} is less than in the row before")
    for before, after in pairwise(instants(evidence)):
        for name in ("registers", "rates"):
            pairs = zip(getattr(before, name), getattr(after, name), strict=True)
            for index, (old, new) in enumerate(pairs):
                if new < old:
                    raise Difference(
                        f"{after.name}: {name}[{index}] is {new}, {old} at {before.name}"
                    )
    return f"no register falls over {len(rows)} profile rows"


def profile(evidence: Evidence) -> str:
    """The profile and the registers tell the same totals, wherever both are known."""
    rows = {row.seq: row for row in evidence.records("profile")}
    met = 0
    for instant in instants(evidence):
        here, following = rows.get(instant.profile_seq), rows.get(instant.profile_seq + 1)
        shown = _as_row(instant.registers)
        for name, value in zip(_ROW_FIELDS, shown, strict=True):
            if here and here.utc - EPOCH == instant.t and getattr(here, name) != value:
                row_value = getattr(here, name)
                raise Difference(
                    f"profile: row {here.seq}: {name} {row_value}, {instant.name} has {value}"
                )
            low = getattr(here, name) if here else 0
            high = getattr(following, name) if following else value
            if not low <= value <= high:
                raise Difference(
                    f"{instant.name}: {name} {value} is not between rows"
                    f" {instant.profile_seq} and {instant.profile_seq + 1}: {low} to {high}"
                )
        met += here is not None and here.utc - EPOCH == instant.t
    return f"profile and registers agree at {met} instants"


def calendar(evidence: Evidence) -> str:
    """Replaying the calendar over the rows gives the growth of each rate register."""
    rows = {row.seq: row for row in evidence.records("profile")}
    ledger = evidence.records("ledger")
    in_force = [evidence.tariff(record.digest.hex()) for record in ledger]
    in_force.append(evidence.tariff(evidence.info["tariff"]["active"] or NO_TARIFF))
    for seq, row in rows.items():
        if seq - 1 in rows:
            closed = sum(record.profile_seq < seq for record in ledger)
            check_row(rows[seq - 1], row, in_force[closed])
    closed = 0
    for a, b in pairwise(instants(evidence)):
        closed += a.name.startswith("ledger")
        if all(seq in rows for seq in range(a.profile_seq + 1, b.profile_seq + 1)):
            check_span(a, b, rows, in_force[closed])
    marked = sum(bool(row.status & codes.DISTURBED) for row in rows.values())
    return f"the calendar over {len(rows)} rows gives each rate, {marked} rows marked"


def chains(evidence: Evidence) -> str:
    """Each record follows from the one before, up to what this host saw of them earlier."""
    return chain_check.check(evidence, evidence.key, evidence.seen)


def bills(evidence: Evidence) -> str:
    """Every line of every bill, recomputed from ledger, snapshots and tariff."""
    if evidence.no_bill:
        raise Difference(evidence.no_bill)
    lines, left_out = 0, ""
    for bill in evidence.bills.values():
        if bill.open and bill.end - EPOCH != now(evidence):
            left_out = ", the open one was growing and is left out"
        else:
            lines += _bill(evidence, bill)
    count = len(evidence.bills)
    return f"bills: {count}, each of their {lines} lines recomputed to the last unit{left_out}"


def instants(evidence: Evidence) -> list[Instant]:
    """-> every moment at which all registers are known, oldest first."""
    found = []
    for ring in ("ledger", "snapshots"):
        for record in evidence.records(ring):
            name = f"{ring}: record {record.seq}"
            t = record.utc - EPOCH
            found.append(Instant(name, t, record.registers, record.rates, record.profile_seq))
    found.sort(key=lambda i: (i.profile_seq, i.registers[IMPORT], i.t))
    shown = evidence.registers["registers"]
    last_rates = found[-1].rates if found else [0] * 16
    registers = [shown[code] for code in obis.TOTALS]
    rows = evidence.records("profile")
    newest = rows[-1].seq if rows else 0  # the registers are read last
    found.append(
        Instant(
            "registers",
            now(evidence),
            registers,
            evidence.rates_now(last_rates),
            newest,
            evidence.registers.get("status", 0),
        )
    )
    return found


def _bill(evidence: Evidence, bill: MeterBill) -> int:
    """-> lines compared"""
    name = f"bill of period {bill.period}"
    ledger = {record.period: record for record in evidence.records("ledger")}
    tariff = evidence.tariff(bill.digest)
    opening = ledger[bill.period - 1]
    closing = ledger.get(bill.period)
    if closing is not None and closing.digest.hex() != bill.digest:
        raise Difference(f"{name}: tariff {bill.digest[:16]}, the ledger closed it with another")
    first = Reading(opening.utc - EPOCH, opening.rates)
    if closing is None:
        last = Reading(now(evidence), evidence.rates_now(opening.rates))
    else:
        last = Reading(closing.utc - EPOCH, closing.rates)
    if (bill.start - EPOCH, bill.end - EPOCH) != (first.utc, last.utc):
        raise Difference(f"{name}: from {bill.start} to {bill.end}, the ledger has other instants")
    crossings = [
        Reading(record.utc - EPOCH, record.rates)
        for record in evidence.records("snapshots")
        if record.period == bill.period and record.reason == codes.TIER
    ]
    lines = list(billing.lines(tariff, first, last, crossings))
    for number, (line, shown) in enumerate(zip(lines, bill.lines, strict=False), 1):
        _compare_line(f"{name}: line {number}", line.as_dict(), shown)
    if len(lines) != len(bill.lines):
        raise Difference(f"{name}: {len(bill.lines)} lines, {len(lines)} recomputed")
    if billing.total(lines) != bill.total:
        raise Difference(f"{name}: total {bill.total}, {billing.total(lines)} recomputed")
    return len(lines)


def _compare_line(name: str, line: dict[str, Any], shown: dict[str, Any]) -> None:
    for key, value in line.items():
        expected = list(value) if isinstance(value, tuple) else value
        if shown.get(key) != expected:
            raise Difference(
                f"{name} ({line['name']}): {key} {shown.get(key)} on the meter,"
                f" {expected} recomputed"
            )


def _as_row(registers: list[int]) -> tuple[int, int, int, int]:
    plus = registers[Q1] + registers[Q2]
    return registers[IMPORT], registers[EXPORT], plus, registers[Q3] + registers[Q4]
