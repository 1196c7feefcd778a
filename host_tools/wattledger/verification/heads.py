"""Heads of a meter's chains that this host has seen: they pin all that lies before them.

Kept beside the cache of records, one file a meter, one JSON object a line. Whoever rewrites the
meter's flash, with the key or without it, cannot make it agree with what stands here.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meter import codes
from wattledger import reading
from wattledger.errors import ToolError
from wattledger.reading import Entry

CHAINED = ("ledger", "snapshots", *codes.GROUPS)  # in the order of their rings, as on the wire
PROFILE_ROWS = 288  # that a head of the profile covers: a day at least
CRC_SIZE = 4
NO_TAG = bytes(32)  # before the first record of a ring


@dataclass(frozen=True)
class Head:
    """ring, seq   of the newest record at `at`, Unix seconds of this host
    tag         hex digits of its tag, all of them or the first; of the profile, `rows_tag`
    """

    ring: str
    seq: int
    tag: str
    at: int

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d")


def of_answer(registers: dict[str, Any], at: int | None = None) -> list[Head]:
    """-> the heads in an answer to `registers`."""
    at = int(time.time()) if at is None else at
    pairs = zip(CHAINED, registers["heads"], strict=True)
    return [Head(ring, seq, tag, at) for ring, (seq, tag) in pairs if seq]


def of_rings(rings: dict[str, list[Entry]], at: int | None = None) -> list[Head]:
    """-> the head of each ring that was read."""
    at = int(time.time()) if at is None else at
    found = []
    for ring, entries in rings.items():
        if entries:
            newest = entries[-1].record()
            rows = {} if ring in CHAINED else {e.record().seq: e.raw[:-CRC_SIZE] for e in entries}
            tag = newest.tag.hex() if ring in CHAINED else rows_tag(rows, newest.seq)
            if tag:
                found.append(Head(ring, newest.seq, tag, at))
    return found


def rows_tag(rows: dict[int, bytes], seq: int) -> str | None:
    """-> SHA-256 in hex of the last PROFILE_ROWS rows up to this one; None: one is not held."""
    wanted = range(max(1, seq - PROFILE_ROWS + 1), seq + 1)
    if not all(n in rows for n in wanted):
        return None
    return hashlib.sha256(b"".join(rows[n] for n in wanted)).hexdigest()


class Store:
    """The heads seen of one meter, in the order in which they were. file: None keeps nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def load(self) -> list[Head]:
        if self._file is None or not self._file.is_file():
            return []
        found = []
        for number, line in enumerate(self._file.read_text().splitlines(), 1):
            try:
                found.append(Head(**json.loads(line)))
            except (ValueError, TypeError):
                raise ToolError(
                    f"{self._file}: line {number} is no head of a chain: remove the line"
                ) from None
        return found

    def add(self, heads: Iterable[Head]) -> None:
        """Note what is new: a head stays the first time it was seen."""
        if self._file is None:
            return
        kept = self.load()
        newest = {head.ring: head for head in kept}
        new = [h for h in heads if not _is_known(newest.get(h.ring), h)]
        if new:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            made = self._file.with_suffix(".new")
            made.write_text("".join(json.dumps(asdict(h)) + "\n" for h in kept + new))
            made.replace(self._file)


def store_of(serial: str) -> Store:
    """-> the heads seen of this meter, beside the cache of its records."""
    return Store(reading.folder_of(serial) / "heads.jsonl")


def _is_known(kept: Head | None, head: Head) -> bool:
    return kept is not None and kept.seq == head.seq and kept.tag.startswith(head.tag)
