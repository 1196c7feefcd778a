"""Chains under one key after the other: an honest history holds, one that somebody wrote anew
without the key that the meter had then does not, and the first record that shows it is named."""

import copy

import pytest
import tariffs
from gate_rig import START, GateRig, in_line, some_keys
from rig import LAYOUT, SECTORS
from test_chain_check import Link, altered, forge, seq_of

from boards.virtual.nor import PowerCut
from meter import codes
from meter.security import keys as keys_of
from wattledger.errors import ToolError
from wattledger.reading import Entry
from wattledger.security import evidence_keys
from wattledger.security.keyring import Fleet, MeterKey
from wattledger.verification import evidence, heads
from wattledger.verification.chain_check import check
from wattledger.verification.heads import CHAINED

NONE = bytes(32)
KEYS = {n: some_keys(n).evidence for n in (1, 2)}
HEADS = ((362, 16), (378, 16), *((394 + 4 * n, 4) for n in range(5)))  # in a ledger record
KEYS_CODE = codes.EVENT_KEYS & 0xFF
DAY_S = 86400


def days(rig, count=1):
    for _ in range(count):
        rig.run(DAY_S // 2, step_s=900, imported=300)
        rig.cut(100)
        rig.run(DAY_S // 2, step_s=900, imported=200)


def install(rig, generation):
    rig.ask("keys", data=in_line(some_keys(generation)))


def commissioned(rotated=True):
    """Two days on the bench, keys, two more, the next generation, and one more."""
    rig = GateRig()
    rig.push(tariffs.text())
    days(rig, 2)
    install(rig, 1)
    days(rig, 2)
    if rotated:
        install(rig, 2)
        days(rig)
    rig.ask("seal")
    return rig


def collected(rig):
    return evidence.collect_rings(Link(rig))


@pytest.fixture(scope="module")
def whole():
    return collected(commissioned())


@pytest.fixture
def found(whole):
    return copy.deepcopy(whole)


def checked(found, keys=KEYS, given=0, seen=()):
    return check(found, keys, seen, LAYOUT, SECTORS, given)


def refused(found, keys=KEYS, given=0, seen=()):
    with pytest.raises(ToolError) as caught:
        checked(found, keys, given, seen)
    return str(caught.value)


def rewrite(found, key, rings=CHAINED, start=0):
    """As whoever has this key, or none, can; the heads in the ledger are made to fit."""
    new = {}
    for ring in rings:
        entries = found.rings[ring]
        if ring != "ledger" and entries:
            old = [e.record().tag for e in entries]
            forge(entries, key, start, ring)
            new |= zip(old, (e.record().tag for e in entries), strict=True)
    entries = found.rings["ledger"]
    for place, entry in enumerate(entries if "ledger" in rings else ()):
        raw = bytearray(entry.raw)
        for at, size in HEADS:
            head = bytes(raw[at : at + size])
            made = [tag for old, tag in new.items() if any(head) and old.startswith(head)]
            if made:
                raw[at : at + size] = made[0][:size]
        entries[place] = Entry.of("ledger", bytes(raw))
        forge(entries, key, place, "ledger")
        new[entry.record().tag] = entries[place].record().tag


class TestHonest:
    def test_three_keys_one_after_the_other(self, found):
        assert checked(found, given=2).endswith("keyed")

    def test_before_the_second_it_holds_under_both(self):
        found = collected(commissioned(rotated=False))
        assert checked(found).endswith("keyed")
        assert checked(found, {1: KEYS[1]}, 1).endswith("keyed")

    def test_without_the_keys_only_heads_are_compared(self, found):
        assert checked(found, None).endswith("key unknown")

    def test_of_a_meter_that_is_said_to_have_none(self, found):
        assert "made without the key" in refused(found, {})

    def test_with_one_of_the_keys_missing(self, found):
        assert "made without the key" in refused(found, {1: KEYS[1]})
        assert "made without the key" in refused(found, {2: KEYS[2]})

    @pytest.mark.parametrize("kept", [False, True])
    def test_the_power_goes_while_keys_are_stored(self, kept):
        rig = GateRig()
        rig.push(tariffs.text())
        days(rig)
        for generation in (1, 2):
            rig.vault.cut_after(0, kept)
            with pytest.raises(PowerCut):
                install(rig, generation)
            rig.cut(100)
            rig.run(7200, step_s=900, imported=1)
            rig.cut(100)
            days(rig)
            install(rig, generation)
            days(rig)
        rig.ask("seal")
        assert checked(collected(rig), given=2).endswith("keyed")

    def test_a_clock_that_was_ahead_on_the_bench(self):
        rig = GateRig(START)
        rig.push(tariffs.text())
        days(rig)
        rig.ask("clock", utc=START + 900 * DAY_S)
        rig.run(3 * DAY_S, step_s=3600, imported=10)
        rig.ask("clock", utc=START + 2 * DAY_S)
        rig.run(7200, step_s=900)
        install(rig, 1)
        days(rig, 3)
        rig.ask("seal")
        assert checked(collected(rig), {1: KEYS[1]}, 1).endswith("keyed")

    def test_rings_that_went_round(self):
        rig = commissioned()
        for _ in range(300):
            rig.restart()
            rig.run(3600, step_s=3600)
        found = collected(rig)
        assert seq_of(found.rings["power"][0]) > 1
        assert checked(found, given=2).endswith("keyed")


OPEN = {"keyed": True, "seal": "open"}


class TestKeysThatNoRecordIsMadeWithYet:
    """The event that tells of a key is the last record under the one before."""

    def found(self, generations):
        rig = GateRig()
        rig.push(tariffs.text())
        days(rig, 2)
        for generation in range(1, generations + 1):
            install(rig, generation)
        found = collected(rig)
        found.info.update(OPEN)
        return found

    @pytest.mark.parametrize("given", [0, 1])
    def test_the_first(self, given):
        said = checked(self.found(1), {1: KEYS[1]}, given)
        assert "; unkeyed so far: the key of generation 1 came on 2026-" in said
        assert said.endswith(" UTC, and no record is made with it yet")

    def test_the_next(self):
        said = checked(self.found(2), given=2)
        assert "; keyed with the one before so far: the key of generation 2 came on" in said

    def test_a_dump_of_it(self):
        found = self.found(1)
        found.info.clear()
        assert "unkeyed so far" in checked(found, {1: KEYS[1]}, 1)

    @pytest.mark.parametrize("info", [{"seal": "sealed"}, {"keyed": False}], ids=str)
    @pytest.mark.parametrize("generations", [1, 2])
    def test_one_that_has_used_them_or_says_it_has_none(self, generations, info):
        """A seal is a record under the new key."""
        found = self.found(generations)
        found.info.update(info)
        assert "which the meter has: all was written anew" in refused(found, given=generations)

    def test_without_the_event(self):
        found = self.found(1)
        del found.rings["security"][-1]
        assert "which the meter has: all was written anew" in refused(found, given=1)

    def test_a_dump_from_before_the_key(self):
        found = collected(commissioned(rotated=False))
        found.info.clear()
        assert refused(found, given=2).endswith("written anew, or the dump is older than that key")

    def test_one_of_a_generation_before_the_one_that_it_has(self):
        assert "which the meter has: all was written anew" in refused(self.found(1), given=2)

    def test_what_came_after_them(self):
        rig = commissioned(rotated=False)
        found = collected(rig)
        found.info.update(OPEN)
        event = [e.record().code == KEYS_CODE for e in found.rings["security"]].index(True)
        del found.rings["security"][event + 1 :]
        found.rings["ledger"].clear()
        rewrite(found, NONE)
        text = refused(found, {1: KEYS[1]}, 1)
        assert "is not made with the key that the meter had then (change to generation 1)" in text


class TestWrittenAnew:
    def test_all_of_it_without_a_key(self, found):
        rewrite(found, NONE)
        assert refused(found).startswith("security: no record of any ring is made with the key")

    def test_all_of_it_as_if_there_had_never_been_keys(self, found):
        for ring in codes.GROUPS:
            entries = found.rings[ring]
            entries[:] = [e for e in entries if e.record().code != KEYS_CODE or ring != "security"]
        found.rings["ledger"].clear()
        rewrite(found, NONE)
        assert refused(found).startswith("security: ")
        # Nobody who has only the meter's word for it can tell.
        found.rings["security"].clear()
        assert checked(found, {}).endswith("unkeyed")

    def test_all_of_it_with_a_key_of_before(self, found):
        rewrite(found, KEYS[1])
        assert "made with the key of generation 2" in refused(found, given=2)

    @pytest.mark.parametrize("ring", ["snapshots", "power", "security"])
    def test_one_ring_without_a_key(self, found, ring):
        found.rings["ledger"].clear()
        rewrite(found, NONE, [ring])
        text = refused(found)
        assert text.startswith(f"{ring}: record ")
        assert "is not made with the key that the meter had then" in text

    @pytest.mark.parametrize("ring", ["snapshots", "power"])
    def test_the_newest_of_a_ring_without_a_key(self, found, ring):
        entries = found.rings[ring]
        entries[-1] = altered(entries[-1], 20)
        forge(entries, NONE, len(entries) - 1, ring)
        text = f"{ring}: record {seq_of(entries[-1])} is made with no key, the one before it with"
        assert refused(found).startswith(text)

    @pytest.mark.parametrize("ring", ["snapshots", "power"])
    def test_with_an_old_key_that_leaked(self, found, ring):
        found.rings["ledger"].clear()
        rewrite(found, KEYS[1], [ring])
        assert refused(found).startswith(f"{ring}: record ")

    def test_what_was_before_the_keys(self, found):
        """It is pinned by the first record that was made with one."""
        entries = found.rings["power"]
        entries[0] = altered(entries[0], 20)
        place = next(n for n, e in enumerate(entries) if e.record().utc > START + 2 * DAY_S)
        early = entries[:place]
        forge(early, NONE, 0, "power")
        entries[:place] = early
        assert refused(found).startswith(f"power: record {seq_of(entries[place])} was altered")

    def test_behind_a_ledger_record_whatever_the_clock_says(self):
        rig = commissioned()
        assert len(collected(rig).rings["ledger"]) == 1  # made on the bench, without a key
        rig.run(40 * DAY_S, step_s=3600, imported=10)  # the period ends
        days(rig)
        found = collected(rig)
        assert checked(found, given=2)
        entries = found.rings["power"]
        for place in range(len(entries)):
            raw = bytearray(entries[place].raw)
            raw[4:8] = (START - DAY_S).to_bytes(4, "little")
            entries[place] = Entry.of("power", bytes(raw))
        rewrite(found, NONE, ["power"])
        assert refused(found).startswith("power: ")

    def test_a_head_that_was_seen(self, found):
        seen = heads.of_rings(found.rings, 0)
        rewrite(found, KEYS[2], ["power"], len(found.rings["power"]) - 1)
        assert checked(found, seen=seen)  # the same bytes
        entries = found.rings["power"]
        entries[-1] = altered(entries[-1], 20)
        forge(entries, KEYS[2], len(entries) - 1, "power")
        assert "is not the one seen" in refused(found, seen=seen)


class TestWhichKeys:
    SERIAL = "246f28010203"

    def test_a_fleet_gives_all_generations(self):
        fleet = Fleet.new().next_generation()
        keys, given = evidence_keys.of_meter(fleet, self.SERIAL, True)
        assert list(keys) == [1, 2]
        assert given == 0
        assert keys[1] == keys_of.unpack(fleet.blob(self.SERIAL, 1)).evidence
        keys, given = evidence_keys.of_meter(
            fleet.with_meter(self.SERIAL, 1, ""), self.SERIAL, False
        )
        assert list(keys) == [1, 2]
        assert given == 1

    def test_of_a_meter_whose_commissioning_was_cut_short(self):
        fleet = Fleet.new().with_meter(self.SERIAL, 0, "")
        assert evidence_keys.of_meter(fleet, self.SERIAL, False) == ({}, 0)
        assert list(evidence_keys.of_meter(fleet, self.SERIAL, True)[0]) == [1]

    def test_without_them(self):
        assert evidence_keys.of_meter(None, self.SERIAL, True) == (None, 0)
        assert evidence_keys.of_meter(None, self.SERIAL, False) == ({}, 0)
        assert evidence_keys.of_meter(Fleet.new(), self.SERIAL, False) == ({}, 0)
        one = MeterKey(self.SERIAL, "reader", 1, bytes(32))
        assert evidence_keys.of_meter(one, self.SERIAL, True) == (None, 0)
