"""What a cut leaves in the NOR model: each way is as it is described, and the same each time."""

import pytest
from test_nor import content

from boards.virtual.nor import SECTOR_SIZE, Nor, PowerCut
from boards.virtual.nor_faults import ERASE_FAULTS, PROGRAM_FAULTS, Dice, Tear


def torn(program="solid", erase="ones", seed=1, cut=None, sectors=2, fill=None):
    """-> a flash on which a program of 256 zeros at 512, or an erase of sector 0, was cut."""
    nor = Nor(sectors)
    if fill is not None:
        nor.put(0, fill)
    nor.tear, nor.cut_after = Tear(program, erase, seed), cut
    operation = (lambda: nor.program(512, bytes(256))) if fill is None else (lambda: nor.erase(0))
    with pytest.raises(PowerCut):
        operation()
    nor.power_on()
    return nor


def zero_bits(data):
    return 8 * len(data) - int.from_bytes(data, "little").bit_count()


@pytest.mark.parametrize("kind", PROGRAM_FAULTS)
@pytest.mark.parametrize("cut", [1, 100, 255])
def test_a_torn_program_stays_in_its_page_unless_it_disturbs_or_kills(kind, cut):
    nor = torn(kind, cut=cut)
    sector = content(nor, 0, SECTOR_SIZE)
    outside = zero_bits(sector[:512] + sector[768:])
    assert content(nor, SECTOR_SIZE, SECTOR_SIZE) == b"\xff" * SECTOR_SIZE
    if kind == "disturb":
        assert 10 < outside <= 24
    elif kind != "kill":
        assert outside == 0


def test_solid_and_random_bits_stay_as_they_are():
    for kind in ("solid", "random"):
        for cut in range(1, 256, 13):
            nor = torn(kind, cut=cut)
            first = content(nor, 512, 256)
            assert content(nor, 512, 256) == first
            fallen = zero_bits(first)
            assert kind == "random" or fallen == 8 * cut
            assert abs(fallen - 8 * cut) < 300
    assert zero_bits(content(torn("random", cut=255), 512, 256)) == 8 * 256 - 1


def test_unstable_bits_are_rolled_at_each_read_until_they_fall():
    nor = torn("unstable", cut=100)
    seen = {content(nor, 512, 256) for _ in range(40)}
    assert len(seen) > 1
    assert len({page[:100] for page in seen}) == 1
    assert {page[108:] for page in seen} == {b"\xff" * 148}
    nor.program(512, bytes(256))
    assert {content(nor, 512, 256) for _ in range(40)} == {bytes(256)}
    nor = torn("unstable", cut=100)
    nor.erase(0)
    assert {content(nor, 512, 256) for _ in range(40)} == {b"\xff" * 256}


def test_a_fading_page_reads_complete_at_first_and_a_late_one_does_not():
    reads = [content(nor, 512, 256) for nor in [torn("fading", cut=200)] for _ in range(20)]
    assert reads[0] == bytes(256)
    assert reads[-1] == bytes(200) + b"\xff" * 56
    shapes = set()
    for seed in range(20):
        nor = torn("late", cut=200, seed=seed)
        reads = [content(nor, 512, 256) for _ in range(20)]
        assert zero_bits(reads[0]) < zero_bits(reads[-1])
        shapes.add(zero_bits(reads[0]))
    assert shapes == {0, 1600}


def test_unstable_bits_show_in_part_of_a_read_too():
    nor = torn("unstable", cut=100)
    seen = {content(nor, 612, 2) for _ in range(40)}
    assert len(seen) > 1
    assert content(nor, 500, 12) == b"\xff" * 12


def test_a_killed_sector_holds_nothing_of_what_it_held():
    left = set()
    for seed in range(20):
        nor = torn("kill", cut=3, seed=seed)
        left.add(content(nor, 0, SECTOR_SIZE))
    assert {bytes(SECTOR_SIZE), b"\xff" * SECTOR_SIZE} <= left
    assert len(left) > 3


def test_what_a_cut_erase_leaves():
    old = bytes(range(256)) * 16
    left = {kind: torn(erase=kind, cut=4, fill=old) for kind in ERASE_FAULTS}
    data = {kind: content(nor, 0, SECTOR_SIZE) for kind, nor in left.items()}
    assert data["ones"] == b"\xff" * 1024 + old[1024:]
    assert data["zeros"] == old[:-1024] + bytes(1024)
    assert data["header"][:64] == old[:64] != data["noise"][:64]
    assert data["header"][64:] != old[64:]
    assert data["partly"] != old
    as_int = {kind: int.from_bytes(one, "little") for kind, one in data.items()}
    assert as_int["partly"] & int.from_bytes(old, "little") == int.from_bytes(old, "little")
    seen = {content(left["unsteady"], 0, SECTOR_SIZE) for _ in range(20)}
    assert len(seen) > 1
    assert max(zero_bits(one) for one in seen) <= 16


def test_the_same_seed_tears_alike():
    for kind in PROGRAM_FAULTS:
        first, second = torn(kind, cut=77), torn(kind, cut=77)
        for _ in range(5):
            assert content(first, 0, SECTOR_SIZE) == content(second, 0, SECTOR_SIZE)
    assert content(torn("random", cut=77), 512, 256) != content(
        torn("random", cut=77, seed=2), 512, 256
    )


def test_dice_are_fair_and_masks_have_the_share_that_was_asked():
    dice = Dice("a", 1)
    rolls = [dice.below(6) for _ in range(6000)]
    assert all(850 < rolls.count(face) < 1150 for face in range(6))
    for parts in (1, 8, 31, 32):
        share = dice.mask(4096, parts).bit_count() / (8 * 4096)
        assert abs(share - parts / 32) < 0.02
    assert dice.mask(8, 0) == 0
