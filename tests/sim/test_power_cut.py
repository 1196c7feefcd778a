"""A slice of the fault campaign, the same each time; `make sim` runs it whole."""

import pytest

from boards.virtual.nor_faults import ERASE_FAULTS, PROGRAM_FAULTS
from tests.sim import power_cut

PARTS = 3  # of 24


@pytest.fixture(scope="module")
def result():
    return power_cut.run(seed=1, parts=PARTS)


def test_no_trial_failed(result):
    assert not result.failed, "\n" + "\n".join(result.failed)


def test_the_slice_is_what_it_says(result):
    assert result.cuts > 20_000
    assert result.chains > 500
    assert result.seconds < 300, "made for 60 s on two cores that are free"


def test_every_fault_was_tried(result):
    for fault in [f"program {kind}" for kind in PROGRAM_FAULTS]:
        assert result.counts["cut", fault, "cuts"] > 1000, fault
    for fault in [f"erase {kind}" for kind in ERASE_FAULTS]:
        assert result.counts["cut", fault, "cuts"] > 100, fault
    for kind in power_cut.SAME_FAULTS:
        assert result.counts["same again", kind, "cuts"] > 3 * 300, kind
    for what in ("silent", "reported"):
        assert result.counts["stuck sector", what, "commits"] > 0, what
    for ring in power_cut.journal_rings.NAMES:
        for group in ("plain", "harsh"):
            assert result.counts[ring, group, "cuts"] > 50, (ring, group)


def test_what_stands_once_is_lost_with_its_sector_only(result):
    for ring in power_cut.journal_rings.NAMES:
        assert result.counts[ring, "plain", "most records lost"] == 0, ring
        assert result.counts[ring, "harsh", "most records lost"] > 0, ring


def test_a_flipped_bit_costs_one_save_period_at_most(result):
    one_bit = "flip", "1 bit"
    assert result.counts[(*one_bit, "trials")] > 100
    assert result.counts[(*one_bit, "older E found")] == 0


def test_wear_is_even(result):
    spread = result.counts["no fault", "wear of register sectors", "most spread"]
    assert 0 <= spread <= 2
    assert result.counts["no fault", "wear of register sectors", "most erases"] > 20


@pytest.mark.parametrize(
    "name",
    [
        "cut:7:4:21:99:kill:ones",
        "chain:7:4:21:3:harsh",
        "same:7:4:21:2:solid:zeros:9",
        "ring:7:4:21:9:disturb:noise",
        "flip:7:4:21:5",
        "read:7:4:21:30",
    ],
)
def test_a_trial_is_run_again_by_its_name(name):
    power_cut.replay(name)


def test_the_table_has_a_row_for_all_that_was_done(result):
    rows = {(what, how) for what, how, _ in result.counts}
    assert power_cut.table(result).row_count == len(rows)
