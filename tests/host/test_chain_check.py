"""Whatever is done to the flash behind the meter's back, the first record that shows it is named;
what the meter itself went through (cuts, restarts, rings that went round) is not."""

import copy
import json

import pytest
import tariffs
from hypothesis import given, settings
from hypothesis import strategies as st
from rig import LAYOUT, SECTORS, Rig, unix
from test_verify import CoreLink

from boards.virtual.nor import Nor
from meter import chain, codes
from wattledger.errors import ToolError
from wattledger.reading import Entry
from wattledger.verification import evidence, heads
from wattledger.verification.chain_check import check
from wattledger.verification.heads import Head, Store
from wattledger.verification.replay import Difference
from wattledger.verification.verify_bills import bills

KEY = bytes(range(32, 64))
NONE = bytes(32)
SECTOR = 4096
START = unix(2026, 9, 28, 22)  # midnight in Madrid
TAG_AT = {"ledger": 414, "snapshots": 202, "power": 28}
KINDS = {  # what is at a byte of a record
    "ledger": {"seq": 5, "utc": 8, "digest": 30, "register": 60, "event head": 395, "tag": 420,
               "software": 450, "spare": 500},
    "snapshots": {"seq": 5, "boot": 12, "register": 30, "rate": 80, "tag": 210, "rows": 240,
                  "spare": 250},
    "power": {"seq": 1, "utc": 4, "code": 9, "count": 10, "after": 21, "tag": 40},
    "profile": {"seq": 1, "utc": 5, "energy": 9, "status": 33, "volt": 38, "spare": 50},
}  # fmt: skip


def busy(key=KEY, days=4):
    """Days with cuts, restarts and a change of tariff each; some rows in the open day."""
    rig = Rig(START, key=key)
    rig.push(tariffs.text())
    for day in range(days):
        rig.run(9 * 3600, step_s=900, imported=500 + day)
        rig.cut(off_s=100)
        rig.run(440, step_s=20)
        rig.restart()
        rig.run(6 * 3600, step_s=900, imported=100)
        rig.push(tariffs.text(name=f"number {day}"))
        rig.run(9 * 3600, step_s=900, imported=300)
    return rig


class Link(CoreLink):
    def request(self, do, **args):
        try:
            return super().request(do, **args)
        except AssertionError as refusal:
            raise ToolError(str(refusal)) from None


def collected(rig, key=KEY):
    found = evidence.collect(Link(rig))
    assert (found.keys is None) == (key != NONE)
    found.keys = {} if key == NONE else {1: key}
    return found


@pytest.fixture(scope="module")
def rig():
    return busy()


@pytest.fixture(scope="module")
def whole(rig):
    return collected(rig)


@pytest.fixture
def found(whole):
    return copy.deepcopy(whole)


def checked(found, seen=()):
    return check(found, found.keys, seen, LAYOUT, SECTORS)


def refused(found, seen=()):
    with pytest.raises(ToolError) as caught:
        checked(found, seen)
    return str(caught.value)


def altered(entry, at, mask=1):
    raw = bytearray(entry.raw)
    raw[at] ^= mask
    return Entry.of(entry.ring, bytes(raw))


def seq_of(entry):
    return entry.record().seq


def forge(entries, key, start, ring):
    """Compute the tags anew from a place on, as whoever has this key can."""
    previous = NONE if start == 0 else entries[start - 1].record().tag
    for place in range(start, len(entries)):
        raw = bytearray(entries[place].raw)
        chain.field(raw)[:] = NONE
        previous = chain.tag(key, previous, raw[:-4])
        chain.field(raw)[:] = previous
        entries[place] = Entry.of(ring, bytes(raw))


class TestHonest:
    def test_all_of_it_is_linked(self, found):
        said = checked(found)
        count = sum(len(found.rings[ring]) for ring in heads.CHAINED)
        assert said == f"chains: {count} records linked, no head seen before; keyed"
        assert len(found.rings["ledger"]) == 6
        assert len(found.rings["snapshots"]) == 4
        assert len(found.rings["power"]) == 8

    def test_it_agrees_with_what_was_seen_before(self):
        rig, seen = busy(days=1), []
        for at in range(3):
            seen += heads.of_answer(rig.ask("registers"), at * 86400)
            seen += heads.of_rings(collected(rig).rings, at * 86400)
            rig.run(2 * 86400, step_s=900, imported=3)
            rig.cut(10)
            rig.run(900, step_s=100)
        assert {head.ring for head in seen} >= {"profile", "ledger", "snapshots", "power"}
        assert "to the heads seen since 1970-01-01; keyed" in checked(collected(rig), seen)

    def test_unkeyed(self):
        found = collected(busy(NONE, days=1), NONE)
        assert checked(found).endswith("unkeyed")

    def test_without_the_key_heads_are_compared_all_the_same(self, found):
        seen = heads.of_rings(found.rings, 0)
        found.keys = None
        assert checked(found, seen).endswith("key unknown")
        entries = found.rings["snapshots"]
        entries[-1] = altered(entries[-1], TAG_AT["snapshots"])
        assert "snapshots: record 4 is not the one seen on 1970-01-01" in refused(found, seen)

    def test_rings_that_went_round(self):
        rig, seen = Rig(START, key=KEY), []
        for _ in range(20):
            rig.run(10 * 86400, step_s=3600, imported=60)
            seen += heads.of_answer(rig.ask("registers"), 0)
        for _ in range(300):
            rig.restart()
            rig.run(3600, step_s=3600)
        found = collected(rig)
        firsts = [seq_of(found.rings[ring][0]) for ring in ("profile", "snapshots", "power")]
        assert min(firsts) > 1
        checked(found, seen)
        oldest = found.rings["snapshots"][0]
        found.rings["snapshots"][0] = altered(oldest, TAG_AT["snapshots"])
        name = f"snapshots: record {seq_of(oldest)} or {seq_of(oldest) + 1} was altered"
        assert name in refused(found)
        found.rings["snapshots"][0] = oldest
        profile = found.rings["profile"]
        place = next(n for n, e in enumerate(profile) if seq_of(e) == seq_of(profile[0]) + 500)
        del profile[place]
        assert f"profile: row {seq_of(profile[0]) + 500} was removed" in refused(found)


class TestAltered:
    @pytest.mark.parametrize(
        ("ring", "at"), [(ring, at) for ring, kinds in KINDS.items() for at in kinds.values()]
    )
    def test_any_byte_of_any_record(self, found, ring, at):
        entries = found.rings[ring]
        for place in range(0, len(entries), max(1, len(entries) // 12)):
            good = entries[place]
            if ring == "profile" and seq_of(good) > found.records("snapshots")[-1].profile_seq:
                continue
            entries[place] = altered(good, at)
            text = refused(found)
            assert text.startswith(f"{ring}: ")
            if ring != "profile" and at != KINDS[ring]["seq"]:
                assert f"record {seq_of(good)} was altered" in text
            entries[place] = good

    def test_the_kind_of_a_record(self, found):
        entries = found.rings["snapshots"]
        entries[2] = altered(entries[2], 0)
        assert "snapshots: record 3: record: kind" in refused(found)

    def test_a_row_is_named_by_its_day(self, found):
        days = found.records("snapshots")
        place = days[1].profile_seq + 5
        found.rings["profile"][place] = altered(found.rings["profile"][place], 9)
        first, last = days[1].profile_seq + 1, days[2].profile_seq
        assert refused(found) == f"profile: one of the rows {first} to {last} was altered"

    def test_a_row_of_the_open_day_that_was_seen(self, found):
        entries = found.rings["profile"]
        seen = heads.of_rings(found.rings, 0)
        entries[-1] = altered(entries[-1], 9)
        checked(found)
        assert f"profile: record {seq_of(entries[-1])} is not the one" in refused(found, seen)

    @pytest.mark.parametrize("ring", list(TAG_AT))
    def test_with_a_wrong_key(self, found, ring):
        entries = found.rings[ring]
        entries[1] = altered(entries[1], 20)
        forge(entries, bytes(31) + b"\1", 1, ring)
        assert f"{ring}: record 2 was altered, or made without the key" in refused(found)

    @pytest.mark.parametrize("ring", list(TAG_AT))
    def test_with_the_right_key_but_a_head_was_seen(self, found, ring):
        seen = heads.of_rings(found.rings, 0)
        entries = found.rings[ring]
        entries[2] = altered(entries[2], 20)
        forge(entries, KEY, 2, ring)
        assert refused(found, seen).startswith(f"{ring}: ")
        if ring != "ledger":  # which knew some of it
            found.rings["ledger"].clear()
            seen = [head for head in seen if head.ring != "ledger"]
            assert f"{ring}: record {seq_of(entries[-1])} is not the one" in refused(found, seen)

    def test_an_event_of_another_group(self, found):
        found.rings["clock"] = [Entry.of("clock", e.raw) for e in found.rings["power"]]
        assert "clock: record 1: it is of the group 2" in refused(found)

    def test_heads_in_the_ledger_show_a_ring_that_was_written_anew(self, found):
        entries = found.rings["power"]
        entries[0] = altered(entries[0], 20)
        forge(entries, KEY, 0, "power")
        assert "power: the event that ledger: record" in refused(found)
        found = collected(busy())
        entries = found.rings["snapshots"]
        entries[0] = altered(entries[0], 12)
        forge(entries, KEY, 0, "snapshots")
        assert "snapshots: record 1 is not the one that ledger: record" in refused(found)


class TestRemoved:
    @pytest.mark.parametrize("ring", ["ledger", "snapshots", "power", "profile"])
    def test_one_from_between(self, found, ring):
        gone = found.rings[ring].pop(2)
        assert refused(found).startswith(f"{ring}: r")
        assert f" {seq_of(gone)} was removed" in refused(found)

    @pytest.mark.parametrize("ring", ["ledger", "snapshots", "power"])
    def test_the_oldest_of_a_ring_that_was_never_full(self, whole, ring):
        found = copy.deepcopy(whole)
        del found.rings[ring][:2]
        text = refused_in_full_size(found)
        assert text.startswith(f"{ring}: the records up to 2 were removed")

    @pytest.mark.parametrize("ring", ["ledger", "snapshots", "power", "profile"])
    def test_the_newest(self, found, ring):
        seen = heads.of_rings(found.rings, 0)
        gone = found.rings[ring].pop()
        if ring == "snapshots":
            checked(found)  # nothing inside of the meter shows it yet
        elif ring == "power":
            assert "power: the event that ledger: record 6 knew" in refused(found, seen)
            found.rings["ledger"].clear()
            seen = [head for head in seen if head.ring != "ledger"]
        assert f"{ring}: record {seq_of(gone)} is gone" in refused(found, seen)

    def test_the_newest_that_a_ledger_record_knew(self, found):
        newest = found.records("ledger")[-1].snapshot_seq
        found.rings["snapshots"] = found.rings["snapshots"][: newest - 1]
        assert f"snapshots: record {newest} was removed" in refused(found)

    @pytest.mark.parametrize("ring", ["ledger", "snapshots", "power", "profile"])
    def test_two_that_change_places(self, found, ring):
        entries = found.rings[ring]
        entries[1], entries[2] = entries[2], entries[1]
        assert refused(found).startswith(f"{ring}: record 2 stands behind 3")

    @pytest.mark.parametrize("ring", ["ledger", "snapshots", "power"])
    def test_two_that_change_places_and_numbers(self, found, ring):
        entries = found.rings[ring]
        at = 0 if ring == "power" else 4
        a, b = bytearray(entries[1].raw), bytearray(entries[2].raw)
        a[at : at + 4], b[at : at + 4] = b[at : at + 4], a[at : at + 4]
        entries[1], entries[2] = Entry.of(ring, bytes(b)), Entry.of(ring, bytes(a))
        assert f"{ring}: record 2 was altered" in refused(found)


def refused_in_full_size(found):
    with pytest.raises(Difference) as caught:
        check(found, found.keys, ())
    return str(caught.value)


class TestReplayed:
    """Bytes of the flash are put back as they once were, under a meter that runs on."""

    def image(self, rig):
        buf = bytearray(rig.ports.flash.sectors * SECTOR)
        rig.ports.flash.read(0, buf)
        return buf

    def boot(self, rig, image):
        flash = Nor(len(image) // SECTOR)
        flash.program(0, image)
        rig.ports.flash = flash
        rig.cut(10)

    def after_two_days(self):
        """-> (rig, image of before, heads seen now)"""
        rig = busy(days=2)
        before = self.image(rig)
        rig.run(2 * 86400, step_s=900, imported=700)
        rig.cut(50)
        rig.push(tariffs.text(name="later"))
        rig.run(3600, step_s=900)
        return rig, before, heads.of_rings(collected(rig).rings, 0)

    @pytest.mark.parametrize(
        ("name", "ring_id"), [("profile", 2), ("ledger", 3), ("snapshots", 4), ("power", 7)]
    )
    def test_one_ring(self, name, ring_id):
        rig, before, seen = self.after_two_days()
        image, ring = self.image(rig), rig.meter.journal.rings[ring_id]
        first, end = (n * SECTOR for n in (ring.first_sector, ring.first_sector + ring.sectors))
        assert image[first:end] != before[first:end]
        image[first:end] = before[first:end]
        self.boot(rig, image)
        assert refused(collected(rig), seen).startswith(f"{name}: ")

    def test_a_ledger_without_which_no_bill_can_be_made(self):
        rig, before, _ = self.after_two_days()
        image, ring = self.image(rig), rig.meter.journal.ledger
        first, end = (n * SECTOR for n in (ring.first_sector, ring.first_sector + ring.sectors))
        image[first:end] = before[first:end]
        self.boot(rig, image)
        found = collected(rig)
        assert found.no_bill
        with pytest.raises(Difference):
            bills(found)

    def test_all_of_it(self):
        rig, before, seen = self.after_two_days()
        self.boot(rig, before)
        found = collected(rig)
        checked(found)  # an older image is right in itself
        assert "or an older image was put back" in refused(found, seen)

    def test_all_of_it_and_the_meter_counts_on_beyond_what_was_seen(self):
        rig, before, seen = self.after_two_days()
        self.boot(rig, before)
        rig.run(6 * 86400, step_s=900, imported=1)
        for _ in range(3):
            rig.cut(10)
            rig.run(900, step_s=100)
            rig.push(tariffs.text(name=str(rig.ports.clock.utc)))
            rig.run(60)
        found = collected(rig)
        checked(found)
        assert "is not the one seen on 1970-01-01" in refused(found, seen)


def edits(whole):
    """-> strategy of one edit of one ring: (ring, place, other place, byte, mask, act)"""
    rings = [ring for ring, entries in whole.rings.items() if len(entries) > 1]
    number = st.integers(0, 10**6)
    acts = st.sampled_from(["alter", "delete", "swap", "double", "truncate", "overwrite", "cross"])
    return st.tuples(st.sampled_from(rings), number, number, number, st.integers(1, 255), acts)


def edited(found, ring, place, other, at, mask, act):
    """Do it. -> whether anything but a CRC is another than before."""
    entries = found.rings[ring]
    before = [entry.raw[:-4] for entry in entries]
    place, other = place % len(entries), other % len(entries)
    if act == "alter":
        entries[place] = altered(entries[place], at % len(entries[place].raw), mask)
    elif act == "delete":
        del entries[place]
    elif act == "swap":
        entries[place], entries[other] = entries[other], entries[place]
    elif act == "double":
        entries.insert(place, entries[other])
    elif act == "truncate":
        del entries[place:]
    elif act == "overwrite":
        entries[place] = entries[other]
    else:  # half of one record, half of another
        half = at % len(entries[place].raw)
        entries[place] = Entry.of(ring, entries[place].raw[:half] + entries[other].raw[half:])
    return [entry.raw[:-4] for entry in entries] != before


def test_no_edit_at_random_goes_unseen(whole):
    seen = heads.of_rings(whole.rings, 0)

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(edits(whole))
    def holds(edit):
        found = copy.copy(whole)
        found.rings = {ring: list(entries) for ring, entries in whole.rings.items()}
        if edited(found, *edit):
            text = refused(found, seen)
            assert text.startswith(f"{edit[0]}: ") or edit[0] == "profile"
        else:
            checked(found, seen)

    holds()


class TestStore:
    def test_it_keeps_what_is_new(self, tmp_path):
        store = Store(tmp_path / "meter" / "heads.jsonl")
        assert store.load() == []
        first = [Head("ledger", 3, "ab" * 32, 7), Head("clock", 1, "cd" * 8, 7)]
        store.add(first)
        assert store.load() == first
        store.add([Head("ledger", 3, "ab" * 8, 9), Head("clock", 1, "cd" * 32, 9)])
        later = [*first, Head("clock", 1, "cd" * 32, 9)]  # all of a tag says more
        assert store.load() == later
        store.add([Head("ledger", 3, "ff" * 32, 9)])
        assert store.load() == [*later, Head("ledger", 3, "ff" * 32, 9)]

    def test_a_damaged_line_is_named(self, tmp_path):
        file = tmp_path / "heads.jsonl"
        file.write_text('{"ring": "ledger", "seq": 3, "tag": "ab", "at": 7}\n{"ring": "le\n')
        with pytest.raises(ToolError, match="line 2"):
            Store(file).load()

    def test_without_a_file_nothing_is_kept(self):
        Store(None).add([Head("ledger", 3, "ab", 9)])
        assert Store(None).load() == []

    def test_an_answer_gives_its_heads(self, rig):
        answer = json.loads(json.dumps(rig.ask("registers")))
        found = {head.ring: head for head in heads.of_answer(answer, 5)}
        assert set(found) == {"ledger", "snapshots", "power", "configuration"}
        tag = chain.head(rig.meter.journal.events[codes.POWER])[1]
        assert found["power"] == Head("power", 8, tag[:8].hex(), 5)
