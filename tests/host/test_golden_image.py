"""A journal from the past, read by docs/formats.md alone and by the firmware of today.

`golden/make_image.py` wrote it once; `golden/content.py` knows what it holds.
"""

import lzma

import formats_decoder as page
import pytest
from golden import content
from golden import make_image as made

from boards.virtual.nor import Nor
from meter.journal import Journal

GONE_ROUND = 7  # the ring of events that was filled more than once
SLOTS = 63  # of a sector of events


@pytest.fixture(scope="module")
def image():
    return lzma.decompress(made.IMAGE.read_bytes())


@pytest.fixture(scope="module")
def fresh():
    """The same, written by the firmware of today."""
    return made.make()


@pytest.fixture(params=["golden", "fresh"])
def found(request, image, fresh):
    return page.decode(image if request.param == "golden" else fresh)


def agrees(record):
    """Whether all fields of a record are those that were written."""
    written = content.record(record.name, content.number_of(record.fields))
    return {name: record.fields[name] for name in written} == written


def flipped(image, at):
    return image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :]


def test_it_is_small():
    assert made.IMAGE.stat().st_size < 32 * 1024


def test_all_fields_of_all_records(found):
    names = {record.name for records in found.values() for record in records}
    assert names == set(content.FIELDS) == set(page.TABLES)
    for ring, records in found.items():
        for record in records:
            assert agrees(record), f"ring {ring}: {record}"


@pytest.mark.parametrize("ring", made.WRITTEN)
def test_none_is_missing_but_the_damaged_one(found, ring):
    count = made.WRITTEN[ring][1]
    first = found[ring][0].seq
    expected = [seq for seq in range(first, count + 1) if (ring, seq) != (6, made.FLIPPED_EVENT)]
    assert [record.seq for record in found[ring]] == expected
    assert [content.number_of(record.fields) for record in found[ring]] == expected
    if ring == GONE_ROUND:
        assert 2 * SLOTS < len(expected) < 4 * SLOTS < count
    else:
        assert first == 1


def test_the_registers(found):
    everything = [record for ring in (0, 1) for record in found[ring]]
    for name, last in (("E", made.LAST_E), ("W", made.LAST_W)):
        records = [record for record in everything if record.name == name]
        assert content.number_of(page.newest(found, name).fields) == last
        numbers = {content.number_of(record.fields) for record in records}
        assert numbers == set(range(1, last + 1))
        for record in records:
            is_copy = bool(record.fields["flags"] & page.COPY)
            assert is_copy == (record.fields["commit"] < record.seq)
        originals = [r.fields["commit"] for r in records if not r.fields["flags"] & page.COPY]
        copies = {r.fields["commit"] for r in records if r.fields["flags"] & page.COPY}
        assert len(originals) == len(set(originals))
        assert copies <= set(originals)
        assert copies
    seqs = [record.seq for record in everything]
    assert len(seqs) == len(set(seqs))


def test_the_oddities_are_there(image):
    """What the image was made for: without these the tests above prove less."""
    rows = {ring: [sector.rows for sector in page.sectors(image, ring)] for ring in range(10)}
    assert [ring for ring in rows if 1 in rows[ring]] == sorted(made.HALF_RINGS)
    order = [sector.index for sector in page.sectors(image, GONE_ROUND)]
    assert order != sorted(order)
    assert max(sector.erases for sector in page.sectors(image, GONE_ROUND)) == 2
    decoded = page.decode(image)
    for rings, size in (((0, 1), 256), ((2,), 64)):
        slots = sum(len(written_slots(image, ring, size)) for ring in rings)
        assert slots > sum(len(decoded[ring]) for ring in rings), "no torn record"
    twice = decoded[2][made.LATE_ROW - 1].at
    assert image[twice - 192 : twice - 188] == image[twice : twice + 4]
    moved = decoded[4][made.MOVED_SNAPSHOT - 1].at
    assert image.count(image[moved : moved + 256]) == 2


def written_slots(image, ring, size):
    starts = [sector.start for sector in page.sectors(image, ring)]
    slots = [image[at + i : at + i + size] for at in starts for i in range(size, 4096, size)]
    return [slot for slot in slots if slot != b"\xff" * size]


@pytest.mark.parametrize("ring", range(10))
def test_any_bit_makes_a_record_invalid(image, ring):
    for record in page.decode(image)[ring][-1:]:
        size = page.RINGS[ring][1]
        for at in (record.at, record.at + size // 2, record.at + size - 1):
            left = page.decode(flipped(image, at))[ring]
            assert record.seq not in [other.seq for other in left]


@pytest.mark.parametrize("at", [4, 6, 8, 12, 20, 28])
def test_any_bit_makes_a_header_row_invalid(image, at):
    first = page.sectors(image, 4)[0]
    half = flipped(image, first.start + at)
    assert page.sectors(half, 4)[0].rows == 1
    neither = flipped(half, first.start + 32 + at)
    assert first.index not in [sector.index for sector in page.sectors(neither, 4)]


def test_the_firmware_of_today_reads_it(image):
    flash = Nor(made.SECTORS)
    flash.program(0, image)
    journal, decoded = Journal(flash), page.decode(image)
    journal.mount()
    assert journal.state == "ready"
    for name, state in (("E", journal.newest_e), ("W", journal.newest_w)):
        fields = page.newest(decoded, name).fields
        assert {field: getattr(state, field) for field in fields} == fields
    for ring, (kind, count) in made.WRITTEN.items():
        slot, record = bytearray(page.RINGS[ring][1]), made.CLASSES[kind]()
        by_seq = {found.seq: found.fields for found in decoded[ring]}
        assert journal.rings[ring].last_seq == count
        for seq in range(0, count + 2):
            assert journal.rings[ring].read(seq, slot) == (seq in by_seq), f"ring {ring}: {seq}"
            if seq in by_seq:
                record.unpack(slot)
                assert {name: getattr(record, name) for name in by_seq[seq]} == by_seq[seq]
