"""Walks the chains of what a meter retains, and names the first record that breaks one.

Records vouch for one another: each tag covers the record and the tag before it, a snapshot the
profile rows of its day, a ledger record the heads of all rings at that moment. What pins the
newest end are heads that this host has seen before. Which keys they are made with, one after the
other, is checked in verification/key_check.py.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from meter import chain, codes, vouch
from meter.partition import LAYOUT, NAMES
from wattledger.verification.evidence import Evidence
from wattledger.verification.heads import CHAINED, CRC_SIZE, NO_TAG, Head, rows_tag
from wattledger.verification.key_check import Keys, check_generations, made_with, word
from wattledger.verification.replay import Difference

_RINGS = (*NAMES, *codes.GROUPS)  # in the order of the layout
_SECTOR_SIZE = 4096
SECTORS_MIN = 320  # of the meter's partition: that of 4 MB of flash
# A ring that has let go of its oldest records is full but for the sector it writes to, the next
# one and a retired one; restarts and cuts leave out two slots of three at most.
_SECTORS_NOT_FULL, _SLOTS_A_RECORD = 3, 3


def check(
    evidence: Evidence,
    keys: Keys | None,
    seen: Sequence[Head],
    layout: Any = LAYOUT,
    sectors: int = SECTORS_MIN,
    given: int = 0,
) -> str:
    """-> what holds. Difference: the first record that does not, ring by ring.

    keys     of the meter's evidence chains by generation, {}: it has none; None: not known, so no
             tag is computed
    layout, sectors   of the meter's flash, as in meter.partition; it may have more sectors
    given    generation that the meter has at least, as this host knows it; keys known: 1
    """
    records = {ring: evidence.records(ring) for ring in evidence.rings}
    raw = {ring: [entry.raw for entry in entries] for ring, entries in evidence.rings.items()}
    pairs = zip(records["profile"], raw["profile"], strict=True)
    rows = {row.seq: stored[:-CRC_SIZE] for row, stored in pairs}
    whole = {(h.ring, h.seq): bytes.fromhex(h.tag) for h in seen if len(h.tag) == 2 * len(NO_TAG)}
    for ring in records:
        _order(ring, [record.seq for record in records[ring]], _least(ring, layout, sectors))
    linked: dict[str, list[int | None]] = {}
    for ring in CHAINED:
        anchor: bytes | None = NO_TAG
        if records[ring] and records[ring][0].seq > 1:
            anchor = whole.get((ring, records[ring][0].seq - 1))
        linked[ring] = _links(ring, records[ring], raw[ring], keys, anchor)
    _days(records["snapshots"], rows)
    tags = {ring: {r.seq: r.tag for r in records[ring]} for ring in CHAINED}
    _ledger(records["ledger"], tags)
    fresh = None
    if keys:
        fresh = check_generations(records, linked, max(given, 1), evidence.info)
    for head in sorted(seen, key=lambda head: (head.ring, head.seq)):
        _seen(head, rows if head.ring == "profile" else tags[head.ring])
    since = min((head.day for head in seen), default=None)
    pinned = f"to the heads seen since {since}" if since else "no head seen before"
    count = sum(found is not None for ring in linked.values() for found in ring)
    return f"chains: {count} records linked, {pinned}; {word(keys, fresh)}"


def _least(ring: str, layout: Any, sectors: int) -> int:
    """-> records that a ring holds at least, once it has let go of its oldest"""
    own, slot_size, _ = layout[_RINGS.index(ring)]
    own = own or sectors - sum(count for count, _, _ in layout)
    slots = (own - _SECTORS_NOT_FULL) * (_SECTOR_SIZE // slot_size - 1)
    return int(slots // _SLOTS_A_RECORD)


def _order(ring: str, seqs: list[int], least: int) -> None:
    """Seqs rise; what is missing at the old end is what a full ring let go of."""
    for before, seq in pairwise(seqs):
        if seq <= before:
            raise Difference(f"{ring}: record {seq} stands behind {before}: they were reordered")
    if seqs and seqs[0] > 1 and len(seqs) < least:
        raise Difference(
            f"{ring}: the records up to {seqs[0] - 1} were removed: with {len(seqs)} left"
            f" the ring was never full (or flash failed: see the alerts of info)"
        )


def _links(
    ring: str, records: list[Any], raw: list[bytes], keys: Keys | None, anchor: bytes | None
) -> list[int | None]:
    """-> generation of the key that each record's tag follows with from itself and the one
    before, 0: the zero key; None: that was not computed

    anchor   tag before the first one; None: not known
    """
    found: list[int | None] = []
    last, before, generation = anchor, 0, 0
    for record, stored in zip(records, raw, strict=True):
        if ring in codes.GROUPS and record.group != codes.GROUPS.index(ring):
            raise Difference(f"{ring}: record {record.seq}: it is of the group {record.group}")
        if last is not None and keys is not None:
            body = bytearray(stored)
            chain.field(body)[:] = NO_TAG
            made = made_with(keys, last, bytes(body[:-CRC_SIZE]), record.tag)
            if made is None:
                is_sure = any(one is not None for one in found)
                raise Difference(f"{ring}: {_broken(before, record.seq, is_sure)}")
            if made < generation:
                raise Difference(
                    f"{ring}: record {record.seq} is made with {_key_name(made)}, the one before"
                    f" it with {_key_name(generation)}: it was written anew"
                )
            generation = made
            found.append(made)
        else:
            found.append(None)
        last, before = record.tag, record.seq
    return found


def _key_name(generation: int) -> str:
    return f"the key of generation {generation}" if generation else "no key"


def _broken(before: int, seq: int, is_sure: bool) -> str:
    """-> what is wrong with a record whose tag does not follow from the one before.

    is_sure   the one before is known to be right
    """
    if before and seq > before + 1:
        return f"record {before + 1} was removed: {seq} follows {before}, and its tag does not"
    if before and not is_sure:
        return f"record {before} or {seq} was altered: the tag does not follow"
    return f"record {seq} was altered, or made without the key: its tag does not follow"


def _days(snapshots: list[Any], rows: dict[int, bytes]) -> None:
    """The rows between two snapshots are those that the later one vouches for."""
    first, previous = min(rows, default=0), None
    for snapshot in snapshots:
        previous = 0 if snapshot.seq == 1 else previous
        if previous is not None and first <= previous + 1:
            wanted = range(previous + 1, snapshot.profile_seq + 1)
            held = b"".join(rows[seq] for seq in wanted if seq in rows)
            if hashlib.sha256(held).digest()[: vouch.ROWS_BYTES] != snapshot.rows:
                raise Difference(f"profile: {_first_wrong(wanted, rows)}")
        previous = snapshot.profile_seq


def _first_wrong(wanted: range, rows: dict[int, bytes]) -> str:
    for seq in wanted:
        if seq not in rows:
            return f"row {seq} was removed"
    return f"one of the rows {wanted.start} to {wanted.stop - 1} was altered"


def _ledger(ledger: list[Any], tags: dict[str, dict[int, bytes]]) -> None:
    """What each ledger record says of the rings is what stands in them."""
    known: dict[str, int] = {}  # event that the ledger record before knew as the newest
    for record in ledger:
        name = f"ledger: record {record.seq}"
        newest = max(tags["snapshots"], default=0)
        if record.snapshot_seq > newest:
            raise Difference(f"snapshots: record {newest + 1} was removed: {name} is newer")
        for ring, seq, head in (
            ("ledger", record.seq - 1, record.ledger_head),
            ("snapshots", record.snapshot_seq, record.profile_head),
        ):
            tag = tags[ring].get(seq) if seq else NO_TAG
            if tag is not None and not tag.startswith(head):
                raise Difference(f"{ring}: record {seq} is not the one that {name} knew")
        for index, group in enumerate(codes.GROUPS):
            at = vouch.EVENT_HEAD_BYTES * index
            head = record.event_heads[at : at + vouch.EVENT_HEAD_BYTES]
            if group not in known and NO_TAG.startswith(head):
                continue
            found = [
                seq
                for seq, tag in tags[group].items()
                if tag.startswith(head) and seq >= known.get(group, 0)
            ]
            if found:
                known[group] = found[0]
            elif group in known or min(tags[group], default=1) == 1:
                raise Difference(f"{group}: the event that {name} knew as the newest was removed")


def _seen(head: Head, held: dict[int, bytes]) -> None:
    """A head that was seen is still there, if the ring reaches back to it.

    held   tags by seq, or rows if it is of the profile
    """
    newest = max(held, default=0)
    if head.seq > newest:
        raise Difference(
            f"{head.ring}: record {newest + 1} is gone: {head.seq} was seen on {head.day};"
            f" the newest were removed, or an older image was put back"
        )
    if head.seq not in held:
        if head.seq > min(held):
            raise Difference(
                f"{head.ring}: record {head.seq} was removed: it was seen on {head.day}"
            )
        return
    tag = rows_tag(held, head.seq) if head.ring == "profile" else held[head.seq].hex()
    if tag is not None and not tag.startswith(head.tag):
        raise Difference(
            f"{head.ring}: record {head.seq} is not the one seen on {head.day}: it or one before"
            f" it was altered, and what follows written again"
        )
