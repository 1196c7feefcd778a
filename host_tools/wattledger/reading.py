"""Raw records as the meter gives them, decoded by the code that wrote them, and kept.

The host keeps what it read in a cache, one folder a meter, one file a ring, so the next reading
asks only for what is new. A record never changes on a meter; if the newest kept one is not byte
for byte on the meter any more (a new journal, another meter), the file is dropped.
"""

import base64
import binascii
import os
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meter import codes, tariff_check
from meter.civil import Zone
from meter.errors import MeterError
from meter.records import Event, Ledger, Row, Snapshot
from wattledger.errors import ToolError
from wattledger.link import Link

RINGS: dict[str, Any] = {
    "profile": Row,
    "ledger": Ledger,
    "snapshots": Snapshot,
    **dict.fromkeys(codes.GROUPS, Event),
}
TARIFFS = "/cfg"  # the folder of tariff files on a meter
_CHECK_SIZE = 4
Progress = Callable[[int, int], None]  # (records read, records to read)


@dataclass(frozen=True)
class Entry:
    """One record: where it is from, its bytes, and their CRC-32 at the time of reading."""

    ring: str
    raw: bytes
    check: int

    @classmethod
    def of(cls, ring: str, raw: bytes) -> "Entry":
        return cls(ring, raw, zlib.crc32(raw))

    @property
    def sound(self) -> bool:
        return len(self.raw) == RINGS[self.ring].size and zlib.crc32(self.raw) == self.check

    def record(self) -> Any:
        """-> an object of meter.records. ToolError: these bytes are no such record."""
        record = RINGS[self.ring]()
        try:
            record.unpack(self.raw)
        except MeterError as error:
            seq = int.from_bytes(self.raw[4:8], "little")
            raise ToolError(f"{self.ring}: record {seq}: {error}") from None
        return record


class Cache:
    """The kept entries of one meter. folder: None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, ring: str) -> list[Entry]:
        """-> entries up to the first that is damaged or out of sequence."""
        if self._folder is None or not self._file(ring).is_file():
            return []
        data = self._file(ring).read_bytes()
        size = RINGS[ring].size
        entries: list[Entry] = []
        for at in range(0, len(data), size + _CHECK_SIZE):
            raw, check = data[at : at + size], data[at + size : at + size + _CHECK_SIZE]
            entry = Entry(ring, raw, int.from_bytes(check, "little"))
            if not entry.sound:
                break
            if entries and entry.record().seq <= entries[-1].record().seq:
                break
            entries.append(entry)
        return entries

    def save(self, ring: str, entries: list[Entry]) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        whole = b"".join(e.raw + e.check.to_bytes(_CHECK_SIZE, "little") for e in entries)
        new = self._file(ring).with_suffix(".new")
        new.write_bytes(whole)
        new.replace(self._file(ring))

    def _file(self, ring: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{ring}.bin"


def cache_of(serial: str) -> Cache:
    """-> the cache of this meter, in WATTLEDGER_CACHE or where the platform keeps caches."""
    return Cache(folder_of(serial))


def folder_of(serial: str) -> Path:
    return cache_folder() / "".join(c if c.isalnum() else "_" for c in serial)


def cache_folder() -> Path:
    chosen = os.environ.get("WATTLEDGER_CACHE")
    if chosen:
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "wattledger"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wattledger"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wattledger"


def read_ring(
    link: Link, ring: str, cache: Cache, progress: Progress = lambda done, of: None
) -> list[Entry]:
    """-> all entries of a ring that the meter or the cache holds, oldest first."""
    kept = cache.load(ring)
    if kept and _fetch(link, ring, kept[-1].record().seq, 1)[0] != [kept[-1]]:
        kept = []
    seq = kept[-1].record().seq + 1 if kept else 1
    entries = kept + read_from(link, ring, seq, progress)
    if len(entries) > len(kept):
        cache.save(ring, entries)
    return entries


def read_from(
    link: Link, ring: str, seq: int, progress: Progress = lambda done, of: None
) -> list[Entry]:
    """-> all entries of a ring that the meter holds, from seq on, oldest first."""
    entries: list[Entry] = []
    start = seq
    while True:
        found, seq, first, last = _fetch(link, ring, seq, 64)
        entries += found
        start = max(start, first)
        progress(seq - start, last + 1 - start)
        if seq > last:
            return entries


def _fetch(link: Link, ring: str, seq: int, count: int) -> tuple[list[Entry], int, int, int]:
    """-> (entries, seq to go on with, the ring's first and last seq)"""
    answer = link.request("rows", ring=ring, from_seq=seq, n=count)
    raw = [base64.b64decode(text) for text in answer["rows"]]
    if binascii.crc32(b"".join(raw)) != answer["crc"]:
        raise ToolError(f"{ring}: rows arrived altered: try again")
    entries = [Entry.of(ring, one) for one in raw]
    for entry in entries:
        if len(entry.raw) != RINGS[ring].size:
            raise ToolError(
                f"{ring}: a record of {len(entry.raw)} bytes, expected {RINGS[ring].size}:"
                f" the meter's journal has another version: update wattledger"
            )
    return entries, answer["next"], answer["first"], answer["last"]


@dataclass(frozen=True)
class MeterBill:
    """A bill as the meter made it; lines as meter.billing.Line.as_dict gives them.

    demand   of the part up to now, flat, by slot: mW, Unix s; empty without demand charges
    seal     of the meter when it was read: "open" (never sealed), "sealed", "broken"
    """

    period: int
    start: int
    end: int
    open: bool
    digest: str
    lines: list[dict[str, Any]]
    total: int
    demand: list[int] = field(default_factory=list)
    seal: str = "open"


def read_bill(link: Link, period: int | None) -> MeterBill:
    """period: its number, None for the open one.

    The open bill grows while it is read: it is read again until all lines are of one instant.
    """
    for _ in range(5):
        answer = link.request("bill", period=period, line=0)
        lines, whole = [], True
        for number in range(answer["lines"]):
            part = link.request("bill", period=answer["period"], line=number)
            whole = whole and part["end"] == answer["end"] and part["line"] is not None
            lines.append(part["line"])
        if whole:
            keys = ("period", "start", "end", "open", "digest", "total")
            more = {key: answer[key] for key in ("demand", "seal") if key in answer}
            return MeterBill(**{key: answer[key] for key in keys}, lines=lines, **more)
    raise ToolError("bill: it changes faster than it can be read: ask for a closed --period")


def read_tariff(link: Link, digest: str) -> bytes:
    """-> canonical bytes of a tariff file on the meter, by its digest or the head of it."""
    data = find_file(link, digest)
    if data is None:
        raise ToolError(f"tariff {digest[:16]}: missing or altered on the meter: push it again")
    return data


def find_file(link: Link, digest: str) -> bytes | None:
    """-> bytes of a tariff or a price schedule on the meter, by its digest or the head of it;
    None: it is not there, or altered."""
    for name in link.names(TARIFFS):
        if name.startswith(digest) and name.endswith(".json"):
            data = link.read(f"{TARIFFS}/{name}")
            if data is not None and tariff_check.digest(data).startswith(digest):
                return data
    return None


def tariff_of(link: Link, digest: str) -> Any:
    """-> meter.tariff.Tariff of a file on the meter; NO_TARIFF gives that of a new meter."""
    if not int(digest, 16):
        return tariff_check.unassigned()
    try:
        return tariff_check.load(read_tariff(link, digest))
    except MeterError as error:
        raise ToolError(str(error)) from None


def zone_of(link: Link, info: dict[str, Any]) -> Zone | None:
    """-> the zone that the meter's tariff counts in, None before the first one."""
    active = info["tariff"]["active"]
    return tariff_of(link, active).calendar.zone if active else None
