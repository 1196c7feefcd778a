"""Everything that a check of a meter rests on, read once, independent of the line."""

from dataclasses import dataclass, field
from typing import Any

from meter import limits, obis, tariff_check
from meter.civil import EPOCH
from meter.errors import MeterError
from wattledger import heads, reading
from wattledger.errors import ToolError
from wattledger.heads import Head
from wattledger.link import Link
from wattledger.reading import Cache, Entry, MeterBill, Progress

NO_TARIFF = "0" * 64
NO_KEY = bytes(32)
OPEN_TRIES = 5  # until registers and the open bill are of one second


@dataclass
class Evidence:
    """info, registers   as the meter answers
    rings     {ring: entries, oldest first}
    seen      heads of the chains, from before the rings were read
    key       of the chains; None: the meter has one, and it is not known here
    tariffs   {digest of 64 digits: canonical bytes}
    bills     of every period that the ledger can open, by number; the last is the open one
    no_bill   why the meter made one of them not, or ""
    """

    info: dict[str, Any]
    registers: dict[str, Any]
    rings: dict[str, list[Entry]]
    tariffs: dict[str, bytes] = field(default_factory=dict)
    bills: dict[int, MeterBill] = field(default_factory=dict)
    no_bill: str = ""
    seen: list[Head] = field(default_factory=list)
    key: bytes | None = NO_KEY

    def records(self, ring: str) -> list[Any]:
        return [entry.record() for entry in self.rings[ring]]

    def tariff(self, digest: str) -> Any:
        """-> meter.tariff.Tariff by its digest or the first 16 digits of it."""
        if not int(digest, 16):
            return tariff_check.unassigned()
        for known, text in self.tariffs.items():
            if known.startswith(digest):
                try:
                    return tariff_check.load(text)
                except MeterError as error:
                    raise ToolError(f"tariff {known[:16]}: {error}") from None
        raise ToolError(f"tariff {digest[:16]}: not on the meter: push it again")

    def rates_now(self, before: list[int]) -> list[int]:
        """-> the 16 rate registers: what the meter shows, and `before` where it shows none.

        A register that the tariff in force does not use stands still.
        """
        current = self.tariff(self.info["tariff"]["active"] or NO_TARIFF)
        rates = list(before)
        for rate in range(len(current.rates)):
            code = obis.of_rate(current, rate)
            rates[current.register(rate)] = self.registers["registers"][code]
        return rates


def collect(link: Link, progress: Progress = lambda done, of: None) -> Evidence:
    """Read all of a meter afresh, past any cache."""
    info = link.request("info")
    seen = heads.of_answer(link.request("registers"))
    nothing = Cache(None)
    rings = {"profile": reading.read_ring(link, "profile", nothing, progress)}
    for ring in reading.RINGS.keys() - rings.keys():
        rings[ring] = reading.read_ring(link, ring, nothing)
    evidence = Evidence(info, {}, rings, seen=seen, key=None if info["keyed"] else NO_KEY)
    ledger = evidence.records("ledger")
    try:
        _read_bills(link, evidence, {record.period for record in ledger})
    except ToolError as error:
        evidence.no_bill = str(error)
        evidence.registers = link.request("registers")
    digests = {record.digest.hex() for record in ledger}
    digests |= {bill.digest for bill in evidence.bills.values()}
    for digest in digests - {NO_TARIFF}:
        evidence.tariffs[digest] = reading.read_tariff(link, digest)
    return evidence


def _read_bills(link: Link, evidence: Evidence, closed: set[int]) -> None:
    """The bills of all periods, and registers of the second at which the open one ends."""
    for number in sorted(closed - {0}):
        if number - 1 in closed:
            evidence.bills[number] = reading.read_bill(link, number)
    for _ in range(OPEN_TRIES):
        evidence.registers = link.request("registers")
        if not closed:
            break
        bill = reading.read_bill(link, None)
        evidence.bills[bill.period] = bill
        if bill.end == evidence.registers["utc"]:
            break


def now(evidence: Evidence) -> int:
    """-> core second of the register reading."""
    return int(evidence.registers["utc"]) - int(EPOCH)


def export_registers(evidence: Evidence) -> set[int]:
    """-> rate registers that count export in any tariff seen."""
    found = set()
    for digest in evidence.tariffs:
        known = evidence.tariff(digest)
        found |= {known.register(rate) for rate in range(known.imports, len(known.rates))}
    return found or {limits.RATES - 1}
