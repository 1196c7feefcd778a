"""What the meters send -> verified records, each once and in order. No I/O, and it never raises.

A block of rows is taken whole or cut or not at all; a meter gets a receipt for what is durable,
and only for that. docs/headend.md, "Intake".
"""

import base64
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from wattledger.errors import ToolError
from wattledger.headend import records
from wattledger.headend.key_source import KeySource
from wattledger.headend.receipts import receipt
from wattledger.headend.records import PROFILE, RINGS
from wattledger.headend.state import Batch, Interval, Known, Meter
from wattledger.security.envelope import LINE_CHARS_MAX

ROOT = "wl"
ROW_S_MAX = 3600
# verdicts
TAKEN, AGAIN, AHEAD = "taken", "again", "ahead"
READING, STATUS, ANSWER, REFUSED = "reading", "status", "answer", "refused"
_READINGS = {"reg": "registers", "live": "live"}
_STATUS = (b"online", b"offline")
_UNFIT = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class _Unfit(Exception):
    """Why a message is refused."""


class Intake:
    """known      what the store has
    on_answer  (serial, line): what a meter answered to a command
    on_gap     (serial, ring, first, last): seqs that the meter itself has no more
    counts     of verdicts; refused: of reasons, where the meter is not known
    meters     serial -> Meter, of those that have sent something or are in the store
    """

    def __init__(
        self,
        keys: KeySource,
        known: Iterable[Known] = (),
        on_answer: Callable[[str, bytes], None] | None = None,
        on_gap: Callable[[str, str, int, int], None] | None = None,
    ) -> None:
        self._keys, self._on_answer, self._on_gap = keys, on_answer, on_gap
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.meters: dict[str, Meter] = {}
        self._batch = Batch()
        for place in sorted(known, key=lambda place: place.utc):
            meter = self.meters.setdefault(place.serial, Meter(place.serial, ()))
            meter.salt = place.salt
            meter.have[place.salt, place.ring] = place.seq
            if place.ring == PROFILE:
                meter.utc = place.utc
        for meter in self.meters.values():
            meter.stored = dict(meter.have)

    @property
    def waiting(self) -> int:
        """Records that are not on their way into the store."""
        return len(self._batch.rows)

    def take(self, topic: str, payload: bytes) -> str:
        """One message. -> the verdict."""
        meter = None
        try:
            serial, leaf = _parts(topic)
            if leaf == "answer" and self._on_answer:
                if serial in self.meters:
                    self._on_answer(serial, payload)
                verdict = ANSWER
            else:
                meter = self._meter(serial)
                verdict = self._sorted(meter, leaf, payload)
        except _Unfit as why:
            verdict = REFUSED
            (meter.refused if meter else self.refused)[str(why)] += 1
        self.counts[verdict] += 1
        return verdict

    def cut(self) -> Batch:
        """-> what has come since the last one, to be stored."""
        batch, self._batch = self._batch, Batch()
        return batch

    def kept(self, batch: Batch) -> list[tuple[str, bytes]]:
        """A batch is durable. -> (topic, payload) of the receipts, to be retained."""
        for serial, salt, ring, raw in batch.rows:
            self.meters[serial].stored[salt, ring] = records.seq_of(ring, raw)
        return [
            (f"{ROOT}/{serial}/dn/ack", receipt(meter.envelopes[0], serial, salt, upto))
            for serial in sorted(batch.receipts)
            for meter in (self._meter(serial),)
            for salt in (meter.salt,)
            if salt is not None
            for upto in ({ring: meter.stored.get((salt, ring), 0) for ring in RINGS},)
        ]

    def rekeyed(self) -> None:
        """The key file is another one: derive what each meter's messages are under anew."""
        for meter in self.meters.values():
            meter.envelopes = ()

    def lost(self) -> None:
        """A batch could not be stored: whatever is not durable has not come."""
        self._batch = Batch()
        for meter in self.meters.values():
            meter.have, meter.last = dict(meter.stored), None

    def _meter(self, serial: str) -> Meter:
        meter = self.meters.get(serial)
        if meter is None or not meter.envelopes:
            envelopes = self._keys.of(serial)
            if not envelopes:
                raise _Unfit("not a meter of this fleet")
            meter = self.meters.setdefault(serial, Meter(serial, ()))
            meter.envelopes = envelopes
        return meter

    def _sorted(self, meter: Meter, leaf: str, payload: bytes) -> str:
        if leaf == "status":
            if payload not in _STATUS:
                raise _Unfit("a status that is none")
            meter.online = payload == b"online"
            return STATUS
        if leaf not in ("iv", "ev", *_READINGS):
            raise _Unfit("a topic that no meter writes")
        utc, told = self._opened(meter, payload)
        if leaf in _READINGS:
            if utc < meter.read_at.get(leaf, 0):
                raise _Unfit("a reading of before")
            meter.read_at[leaf] = utc
            setattr(meter, _READINGS[leaf], told)
            verdict = READING
        else:
            verdict = self._block(meter, leaf, told)
        meter.told_at = max(meter.told_at, utc)
        return verdict

    def _opened(self, meter: Meter, payload: bytes) -> tuple[int, dict[str, Any]]:
        if len(payload) > LINE_CHARS_MAX:
            raise _Unfit("longer than an envelope")
        for envelopes in meter.envelopes:
            try:
                utc, line = envelopes.open_push(meter.serial, payload)
            except ToolError:
                continue
            if envelopes is not meter.envelopes[0]:  # it has new keys: receipts under those
                others = (e for e in meter.envelopes if e is not envelopes)
                meter.envelopes = (envelopes, *others)
            try:
                told = json.loads(line)["ok"]
            except _UNFIT:
                told = None
            if not isinstance(told, dict):
                raise _Unfit("a message without an answer in it")
            return utc, told
        raise _Unfit("an envelope that this meter did not make")

    def _block(self, meter: Meter, leaf: str, told: dict[str, Any]) -> str:
        rows, first, salt = _rows(told)
        if not rows:
            raise _Unfit("a block without records")
        ring = records.ring_of(leaf, rows[0])
        if ring is None or told.get("ring", ring) != ring:
            raise _Unfit("a block of another ring than its topic")
        seqs = [records.seq_of(ring, raw) for raw in rows]
        rising = all(a < b for a, b in pairwise(seqs))
        if not rising or any(records.ring_of(leaf, raw) != ring for raw in rows):
            raise _Unfit("records that are not in order")
        if salt != meter.salt and any(known == salt for known, _ in meter.have):
            raise _Unfit("a journal of before")
        if salt != meter.salt:
            meter.salt, meter.last = salt, None
        have = meter.have.get((salt, ring), 0)
        self._batch.receipts.add(meter.serial)  # also if it is to go back to what we have
        start = told.get("from", seqs[0])
        if not isinstance(start, int) or (start > have + 1 and start != first):
            return AHEAD
        new = [raw for raw, seq in zip(rows, seqs, strict=True) if seq > have]
        if not new:
            return AGAIN
        if ring == PROFILE:
            self._intervals(meter, new)
        for before, seq in pairwise([have, *(seq for seq in seqs if seq > have)]):
            if seq > before + 1:
                meter.gaps += 1
                if self._on_gap:
                    self._on_gap(meter.serial, ring, before + 1, seq - 1)
        meter.have[salt, ring] = seqs[-1]
        self._batch.rows += [(meter.serial, salt, ring, raw) for raw in new]
        return TAKEN

    def _intervals(self, meter: Meter, rows: list[bytes]) -> None:
        """Raises _Unfit if they are no rows that can follow the last one."""
        found, last = [], meter.last
        for row in rows:
            utc, duration_s = records.utc_of(PROFILE, row), records.duration_of(row)
            registers = records.registers_of(row)
            if duration_s > ROW_S_MAX or row[34] >= 16:
                raise _Unfit("a row that is none")
            if last is not None:
                before = records.registers_of(last)
                if registers[0] < before[0] or registers[1] < before[1]:
                    raise _Unfit("registers that went back")
                if duration_s:
                    mwh = registers[0] - before[0] - registers[1] + before[1]
                    found.append(Interval(utc, duration_s, mwh * 3600 // duration_s))
            last = row
        newest = meter.intervals[-1].utc if meter.intervals else 0
        meter.intervals.extend(interval for interval in found if interval.utc > newest)
        meter.last, meter.utc = last, records.utc_of(PROFILE, rows[-1])


def _parts(topic: str) -> tuple[str, str]:
    """-> serial, last part"""
    parts = topic.split("/")
    if len(parts) != 4 or parts[0] != ROOT or parts[2] != "up":
        raise _Unfit("a topic that no meter writes")
    return parts[1], parts[3]


def _rows(told: dict[str, Any]) -> tuple[list[bytes], int, int]:
    """-> records, seq of the oldest that the meter has, salt"""
    try:
        rows = [base64.b64decode(text, validate=True) for text in told["rows"]]
        first, salt, crc = told["first"], told["salt"], told["crc"]
        if not all(isinstance(n, int) and 0 <= n < 1 << 32 for n in (first, salt, crc)):
            raise ValueError
        if zlib.crc32(b"".join(rows)) != crc:
            raise ValueError
    except _UNFIT:
        raise _Unfit("a block that is none") from None
    return rows, first, salt
