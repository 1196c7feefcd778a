"""Which key each record of the chains is made with, and whether that can be so.

A meter has no key at first, the one of generation 1 from its commissioning on, and the next with
each rotation; the event that says so is the last record under the key of before. Whoever has the
flash but no key can write all of it anew as if the meter never had had one: what was made after
the first key came shows it. A seal leaves a record, so one that has keys and none made with them
is believed only while it has not been sealed with them.
"""

from collections.abc import Mapping
from typing import Any

from meter import chain, codes, vouch
from wattledger import show
from wattledger.verification.replay import Difference

Keys = Mapping[int, bytes]  # by generation, from 1 up; a meter that was never given one has {}
Pair = tuple[Any, int | None]  # a record, and the generation of the key of its tag
Rings = Mapping[str, list[Pair]]
_NO_KEY = bytes(32)
_LATE_S = 3600  # what waits for the flash is stamped with the time at which it was due
_SECURITY = codes.GROUPS[codes.SECURITY]
_KEYS_CODE = codes.EVENT_KEYS & 0xFF
_CLOCK_CODES = (codes.EVENT_CLOCK_SET & 0xFF, codes.EVENT_CLOCK_STEP & 0xFF)


def word(keys: Keys | None, fresh: Any = None) -> str:
    """fresh: of `check_generations`"""
    if keys is None:
        return "key unknown"
    if fresh is None:
        return "keyed" if keys else "unkeyed"
    until = "keyed with the one before" if fresh.before else "unkeyed"
    return (
        f"{until} so far: the key of generation {fresh.after} came on {show.instant(fresh.utc)},"
        " and no record is made with it yet"
    )


def made_with(keys: Keys, previous: bytes, body: bytes, tag: bytes) -> int | None:
    """-> generation of the key that gives this tag, 0: the zero key, None: none of them."""
    for generation in (*sorted(keys, reverse=True), 0):
        if chain.tag(keys.get(generation, _NO_KEY), previous, body) == tag:
            return generation
    return None


def check_generations(
    records: Mapping[str, list[Any]],
    linked: Mapping[str, list[int | None]],
    given: int,
    info: Mapping[str, Any],
) -> Any:
    """-> the event of the newest key, if no record is made with that yet; else None.

    Difference: a record that is made with an older key than its meter had then, or none at all
    that is made with the key that it has.

    linked   by ring, the generation of each record, None: not known
    given    generation of the keys that this host knows the meter to have, at least
    info     as the meter answers; {}: of a dump, it was not asked
    """
    newest = max((made or 0 for found in linked.values() for made in found), default=0)
    fresh = None
    if newest < given:
        if all(made is None for found in linked.values() for made in found):
            return None
        is_used = info.get("seal") == "sealed" or info.get("keyed") is False
        fresh = None if is_used else _fresh(records[_SECURITY], newest)
        if fresh is None or fresh.after < given:
            raise Difference(
                f"{_SECURITY}: no record of any ring is made with the key of generation {given},"
                " which the meter has: all was written anew"
                + ("" if info else ", or the dump is older than that key")
            )
        newest = fresh.after
    pairs = {ring: list(zip(records[ring], linked[ring], strict=True)) for ring in linked}
    switches = _switches(pairs[_SECURITY], newest)
    _after_switches(pairs[_SECURITY], switches)
    _after_ledger(pairs)
    _in_time(pairs, _since(pairs, switches, newest))
    return fresh


def _fresh(security: list[Any], newest: int) -> Any:
    """-> the event by which the key after `newest` came, if it is the last of its ring."""
    for last in security[-1:]:
        if (last.code, last.before, last.after) == (_KEYS_CODE, newest, newest + 1):
            return last
    return None


def _switches(security: list[Pair], newest: int) -> dict[int, Any]:
    """-> by generation, the event that tells of its coming, as far as the log holds it.

    Of two the later counts: the power went before the keys were stored. One of which no record
    came to be made was never stored.
    """
    return {r.after: r for r, _ in security if r.code == _KEYS_CODE and r.after <= newest}


def _since(pairs: Rings, switches: Mapping[int, Any], newest: int) -> dict[int, int]:
    """-> by generation, the Unix second since when the meter has had it or a later one: by the
    event that a later record of its ring vouches for; else by the first that is made with it."""
    since = {}
    proved = max((made or 0 for _, made in pairs[_SECURITY]), default=0)
    for generation in range(1, newest + 1):
        if generation in switches and generation <= proved:
            since[generation] = switches[generation].utc
            continue
        times = [
            r.utc for found in pairs.values() for r, made in found if _is_of(made, generation)
        ]
        if generation in switches:
            times.append(switches[generation].utc)
        if times:
            since[generation] = min(times)
    return since


def _is_of(made: int | None, generation: int) -> bool:
    return made is not None and made >= generation


def _after_switches(security: list[Pair], switches: Mapping[int, Any]) -> None:
    """In their own ring the order is plain, whatever the clock did."""
    for generation, event in switches.items():
        _newer(_SECURITY, security, event.seq, generation)


def _in_time(pairs: Rings, since: Mapping[int, int]) -> None:
    """Nothing is made with an older key later, or with a newer one before; but for what a clock
    that was set back explains."""
    clock = [r for r, _ in pairs[codes.GROUPS[codes.CLOCK]] if r.code in _CLOCK_CODES]
    for ring, found in pairs.items():
        for record, made in found:
            for generation, utc in since.items():
                if made is None or made >= generation:
                    wrong = made is not None and record.utc < utc - _LATE_S
                else:
                    wrong = record.utc > utc
                if wrong and not any(r.before >= record.utc >= r.after for r in clock):
                    raise Difference(_late(ring, record, generation))


def _after_ledger(pairs: Rings) -> None:
    """What is newer than a ledger record has no older key than that."""
    for record, made in pairs["ledger"]:
        if not made:
            continue
        for index, group in enumerate(codes.GROUPS):
            at = vouch.EVENT_HEAD_BYTES * index
            head = record.event_heads[at : at + vouch.EVENT_HEAD_BYTES]
            seqs = [r.seq for r, _ in pairs[group] if r.tag.startswith(head)]
            known = 0 if not any(head) else seqs[-1] if seqs else None
            if known is not None:
                _newer(group, pairs[group], known, made)
        _newer("snapshots", pairs["snapshots"], record.snapshot_seq, made)


def _newer(ring: str, found: list[Pair], known: int, needed: int) -> None:
    for record, made in found:
        if record.seq > known and made is not None and made < needed:
            raise Difference(_late(ring, record, needed))


def _late(ring: str, record: Any, generation: int) -> str:
    return (
        f"{ring}: record {record.seq} is not made with the key that the meter had then (change to"
        f" generation {generation}): it was written anew"
    )
