"""Everything that a check of a meter rests on, read once, independent of the line."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from meter import codes, limits, obis, tariff_check
from meter.civil import EPOCH
from meter.errors import MeterError
from wattledger import reading
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.prices import prices_store
from wattledger.reading import Cache, Entry, MeterBill, Progress
from wattledger.verification import heads
from wattledger.verification.heads import Head
from wattledger.verification.key_check import Keys

NO_TARIFF = "0" * 64
BILL_RINGS = ("profile", "ledger", "snapshots")  # that one bill rests on
OPEN_TRIES = 5  # until registers and the open bill are of one second


@dataclass
class Evidence:
    """info, registers   as the meter answers
    rings     {ring: entries, oldest first}
    seen      heads of the chains, from before the rings were read
    keys      of the chains by generation, {}: none; None: the meter has one, not known here
    given     generation of the keys that the meter has at least, as this host knows it; 0: none
    tariffs   {digest of 64 digits: canonical bytes}
    schedules   {digest of 64 digits: canonical bytes} of price schedules
    bills     of every period that the ledger can open, by number; the last is the open one
    no_bill   why the meter made one of them not, or ""
    gone      bills that it makes no more: the profile has lost rows that decide them
    """

    info: dict[str, Any]
    registers: dict[str, Any]
    rings: dict[str, list[Entry]]
    tariffs: dict[str, bytes] = field(default_factory=dict)
    schedules: dict[str, bytes] = field(default_factory=dict)
    bills: dict[int, MeterBill] = field(default_factory=dict)
    no_bill: str = ""
    gone: int = 0
    seen: list[Head] = field(default_factory=list)
    keys: Keys | None = field(default_factory=dict, repr=False)
    given: int = 0
    _decoded: dict[str, tuple[list[Entry], list[Any]]] = field(default_factory=dict, repr=False)

    def records(self, ring: str) -> list[Any]:
        """-> all records of a ring, decoded once while its entries stay the same."""
        entries, found = self._decoded.get(ring, ([], []))
        if entries != self.rings[ring]:
            entries = list(self.rings[ring])
            found = [entry.record() for entry in entries]
            self._decoded[ring] = entries, found
        return found

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
    evidence = _begin(link)
    _read_rings(link, evidence, reading.RINGS, Cache(None), progress)
    closed = {record.period: record for record in evidence.records("ledger")}
    try:
        for number in sorted(set(closed) - {0}):
            if number - 1 not in closed:
                continue
            if _are_rows_gone(link, evidence, closed[number - 1], closed[number].digest.hex()):
                evidence.gone += 1
            else:
                evidence.bills[number] = reading.read_bill(link, number)
        active = evidence.info["tariff"]["active"] or NO_TARIFF
        gone = closed and _are_rows_gone(link, evidence, closed[max(closed)], active)
        evidence.gone += bool(gone)
        _read_open(link, evidence, bool(closed) and not gone)
    except ToolError as error:
        evidence.no_bill = str(error)
        evidence.registers = link.request("registers")
    _read_newest(link, evidence)
    _read_files(link, evidence)
    return evidence


def collect_rings(link: Link, progress: Progress = lambda done, of: None) -> Evidence:
    """Read all rings afresh, past any cache, and nothing else."""
    evidence = _begin(link)
    _read_rings(link, evidence, reading.RINGS, Cache(None), progress)
    return evidence


def collect_bill(
    link: Link, period: int | None, cache: Cache, progress: Progress = lambda done, of: None
) -> tuple[Evidence, MeterBill]:
    """Read one bill and what it rests on; of the rings only what the cache has not.

    period   number of the part, None for the open one
    """
    evidence = _begin(link)
    _read_rings(link, evidence, BILL_RINGS, cache, progress)
    bill = _read_open(link, evidence, True) if period is None else None
    if bill is None:
        bill = reading.read_bill(link, period)
        evidence.bills[bill.period] = bill
        evidence.registers = link.request("registers")
    _read_newest(link, evidence)
    _read_files(link, evidence)
    return evidence, bill


def _begin(link: Link) -> Evidence:
    info = link.request("info")
    seen = heads.of_answer(link.request("registers"))
    return Evidence(info, {}, {}, seen=seen, keys=None if info["keyed"] else {})


def _read_rings(
    link: Link, evidence: Evidence, rings: Iterable[str], cache: Cache, progress: Progress
) -> None:
    """The profile first, and with the progress: it is by far the longest."""
    evidence.rings["profile"] = reading.read_ring(link, "profile", cache, progress)
    for ring in rings:
        if ring != "profile":
            evidence.rings[ring] = reading.read_ring(link, ring, cache)


def _are_rows_gone(link: Link, evidence: Evidence, opening: Any, digest: str) -> bool:
    """Whether a bill rests on rows of the profile that are not held any more.

    opening   ledger record at which the part begins; digest: of its tariff, or the head of it
    """
    rows = evidence.rings["profile"]
    if not rows or rows[0].record().seq <= opening.profile_seq + 1 or not int(digest, 16):
        return False
    text = reading.find_file(link, digest)
    try:
        found = tariff_check.load(text or b"")
    except MeterError:
        return False  # the meter says what is wrong
    return found.dynamic is not None or found.netting == "interval"


def _read_open(link: Link, evidence: Evidence, has_any: bool) -> MeterBill | None:
    """-> the bill of the open part, with registers of the second at which it ends."""
    bill = None
    for _ in range(OPEN_TRIES):
        evidence.registers = link.request("registers")
        if not has_any:
            break
        bill = reading.read_bill(link, None)
        evidence.bills[bill.period] = bill
        if bill.end == evidence.registers["utc"]:
            break
    return bill


def _read_newest(link: Link, evidence: Evidence) -> None:
    """Rows that closed while the rest was read, up to the instant of the registers."""
    rows = evidence.rings["profile"]
    newest = rows[-1].record().seq if rows else 0
    for entry in reading.read_from(link, "profile", newest + 1):
        if entry.record().utc > evidence.registers["utc"]:
            break
        rows.append(entry)


def _read_files(link: Link, evidence: Evidence) -> None:
    """Tariffs of all parts, and the price schedules that meter or host still have."""
    digests = {record.digest.hex() for record in evidence.records("ledger")}
    digests |= {bill.digest for bill in evidence.bills.values()}
    for digest in digests - {NO_TARIFF}:
        evidence.tariffs[digest] = reading.read_tariff(link, digest)
    for event in evidence.records("configuration") if "configuration" in evidence.rings else ():
        if event.group << 8 | event.code == codes.EVENT_PRICES and event.after:
            start = f"{event.after:014x}"
            text = reading.find_file(link, start) or prices_store.find(start)
            if text is not None:
                evidence.schedules[tariff_check.digest(text)] = text


def now(evidence: Evidence) -> int:
    """-> core second of the register reading."""
    return int(evidence.registers["utc"]) - int(EPOCH)


def export_registers(evidence: Evidence) -> set[int]:
    """-> rate registers that count export, as the tariffs in force left them one after the other:
    one that never counted may be turned."""
    found = {limits.RATES - 1}
    digests = [record.digest.hex() for record in evidence.records("ledger")]
    for digest in [*digests, evidence.info["tariff"]["active"] or NO_TARIFF]:
        if int(digest, 16) and any(known.startswith(digest) for known in evidence.tariffs):
            tariff = evidence.tariff(digest)
            found -= {tariff.register(rate) for rate in range(tariff.imports)}
            found |= {tariff.register(rate) for rate in range(tariff.imports, len(tariff.rates))}
    return found
