"""Checks what was read from a meter: nothing missing, rates = total = profile, every bill line.

Works on Evidence alone. Each check returns a line that says what holds, or raises Difference
with the first record that does not.
"""

from itertools import pairwise

from meter import codes, obis
from meter.civil import EPOCH
from meter.sample import EXPORT, IMPORT, Q1, Q2, Q3, Q4
from wattledger.verification import (
    chain_check,
    verify_bills,
    verify_demand,
    verify_limiter,
    verify_prices,
)
from wattledger.verification.evidence import NO_TARIFF, Evidence, export_registers, now
from wattledger.verification.overrides import Overrides
from wattledger.verification.replay import Difference, Instant, check_row, check_span

_ROW_FIELDS = ("import_mwh", "export_mwh", "reactive_plus_mvarh", "reactive_minus_mvarh")


def verify(evidence: Evidence) -> list[str]:
    """-> one line for each check that holds and had something to check. Difference: the first
    that does not hold."""
    checks = (
        *(records, totals, monotone, profile, calendar, chains),
        *(verify_bills.crossings, verify_demand.demands, verify_limiter.limits),
        *(verify_prices.prices, verify_bills.bills),
    )
    said = [check(evidence) for check in checks]
    return [line for line in said if line]


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
        # While its clock is invalid a meter counts on, and its time stands still.
        stands = bool(instant.status & codes.CLOCK_INVALID)
        same = not stands and here is not None and here.utc - EPOCH == instant.t
        for name, value in zip(_ROW_FIELDS, shown, strict=True):
            if here and same and getattr(here, name) != value:
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
        met += same
    return f"profile and registers agree at {met} instants"


def calendar(evidence: Evidence) -> str:
    """Replaying the calendar over the rows gives the growth of each rate register."""
    rows = {row.seq: row for row in evidence.records("profile")}
    ledger = evidence.records("ledger")
    digests = [record.digest.hex() for record in ledger]
    digests.append(evidence.info["tariff"]["active"] or NO_TARIFF)
    schedules = list(evidence.schedules.values())
    in_force = [Overrides(evidence.tariff(digest), schedules) for digest in digests]
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
    return chain_check.check(evidence, evidence.keys, evidence.seen, given=evidence.given)


def instants(evidence: Evidence) -> list[Instant]:
    """-> every moment at which all registers are known, oldest first."""
    found = []
    rows = evidence.records("profile")
    newest = rows[-1].seq if rows else 0  # the registers are read last
    open_status = evidence.registers.get("status", 0)
    for ring in ("ledger", "snapshots"):
        for record in evidence.records(ring):
            name, row = f"{ring}: record {record.seq}", record.profile_seq
            t, status = record.utc - EPOCH, open_status if row == newest else 0
            found.append(Instant(name, t, record.registers, record.rates, row, status))
    found.sort(key=lambda i: (i.profile_seq, i.registers[IMPORT], i.t))
    shown = evidence.registers["registers"]
    last_rates = found[-1].rates if found else [0] * 16
    registers = [shown[code] for code in obis.TOTALS]
    rates = evidence.rates_now(last_rates)
    found.append(Instant("registers", now(evidence), registers, rates, newest, open_status))
    return found


def _as_row(registers: list[int]) -> tuple[int, int, int, int]:
    plus = registers[Q1] + registers[Q2]
    return registers[IMPORT], registers[EXPORT], plus, registers[Q3] + registers[Q4]
