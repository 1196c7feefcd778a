"""The loss bound and the flash life are computed, and agree with a journal that is run."""

from fractions import Fraction

import pytest

from boards.virtual.nor import Nor
from meter.journal import Journal
from meter.limits import SAVE_PERIOD_S
from meter.partition import LAYOUT
from meter.records import EState
from wattledger import flash_life

LAP = 1200  # records in the register rings of a 4 MB chip
A_YEAR = Fraction(36525, 100) * (1440 + 3 * 100)  # records, at a save period of 60 s
BLANK = [1] * 10
VIRTUAL = {"save_period_s": 60, "pmax_w": 15_000, "records": 0, "worn": 1, "erases": BLANK}


def after(laps, ring=0, more=0):
    """-> erases by ring of a meter whose register rings went round so many times."""
    erases = [laps * 40 + 2, laps * 40 + 2, *BLANK[2:]]
    erases[ring] += more
    return erases


def test_the_loss_is_one_save_period_and_a_tick_at_pmax():
    assert flash_life.loss_bound_mwh(15_000, 60) == -(-15_000 * 61 * 1000 // 3600) == 254_167
    assert flash_life.loss_bound_mwh(3600, 9) == 10_000


@pytest.mark.parametrize(
    ("pmax_w", "save_period_s", "shown"),
    [(15_000, 60, "254.2 Wh"), (45_000, 60, "762.5 Wh"), (3600, 1, "2 Wh"), (1, 59, "0.1 Wh")],
)
def test_the_loss_is_shown_rounded_up(pmax_w, save_period_s, shown):
    info = VIRTUAL | {"pmax_w": pmax_w, "save_period_s": save_period_s}
    loss, _ = flash_life.lines(info)
    assert loss.startswith(f"a power cut loses at most {shown} here: one save period at Pmax")
    assert loss.endswith("; 0 with power-fail warning")


def test_a_new_meter_lives_as_its_configuration_says():
    assert flash_life.records_per_year(60) == A_YEAR
    assert flash_life.years_left(60, 0, 1, BLANK) == 99_999 * LAP / A_YEAR
    assert flash_life.lines(VIRTUAL)[1] == (
        "flash life 189 years: the most worn sector has 1 of 100,000 erases, after 0 records"
    )


def test_a_shorter_save_period_shortens_the_life():
    lives = [flash_life.years_left(period_s, 0, 1, BLANK) for period_s in (60, 10, 1)]
    assert lives == sorted(lives, reverse=True)
    assert "flash life 3.8 years: " in flash_life.lines(VIRTUAL | {"save_period_s": 1})[1]


def test_even_wear_does_not_change_the_pace():
    want = (100_000 - 502) * LAP / A_YEAR
    assert flash_life.years_left(60, 500 * LAP, 502, after(500)) == want


@pytest.mark.parametrize(("ring", "sectors"), [(1, 40), (3, 44), (9, 4)])
def test_a_ring_that_goes_round_faster_does(ring, sectors):
    more, records = 5000 * sectors, 1000 * LAP
    pace = Fraction(more + after(1000)[ring] - 2, sectors) * A_YEAR / records
    left = flash_life.years_left(60, records, 6001, after(1000, ring, more))
    assert left == pytest.approx((100_000 - 6001) / pace)
    assert left < flash_life.years_left(60, records, 6001, after(1000)) / 4


def test_the_first_days_are_no_measure():
    """A ring of events goes round while the meter is put in place."""
    few, later = (
        flash_life.years_left(60, records, 101, after(0, 7, 400)) for records in (100, A_YEAR)
    )
    assert 80 < few < later
    assert later == (100_000 - 101) * LAP / A_YEAR


def test_a_new_life_of_a_used_flash_counts_the_wear_but_keeps_the_pace():
    assert flash_life.years_left(60, 0, 50_000, BLANK) == 50_000 * LAP / A_YEAR


def test_a_worn_out_sector_leaves_nothing():
    for worn in (100_000, 100_001):
        assert flash_life.years_left(60, 10**9, worn, BLANK) == 0
    assert "flash life 0.0 years" in flash_life.lines(VIRTUAL | {"worn": 10**6})[1]


@pytest.mark.parametrize("missing", sorted(VIRTUAL))
def test_older_firmware_says_nothing(missing):
    info = {name: value for name, value in VIRTUAL.items() if name != missing}
    assert flash_life.lines(info) == flash_life.lines(info | {missing: None}) == []


def test_a_journal_wears_as_planned():
    """Three laps of the real register rings, on the layout that the figures come from."""
    assert sum(n * (4096 // size - 1) for n, size, _ in LAYOUT[:2]) == LAP
    flash, e = Nor(320), EState()
    journal = Journal(flash)
    journal.mount()
    journal.format(1)
    for minute in range(3 * LAP):
        e.utc = minute * SAVE_PERIOD_S
        journal.commit_e(e)
        journal.maintain()
    worn = max(ring.erases_max for ring in journal.rings)
    assert worn == max(flash.erase_counts)
    erases = [ring.seq_max for ring in journal.rings]
    assert sum(erases) == sum(flash.erase_counts)
    years = journal.seq / A_YEAR
    a_year = Fraction(sum(erases[:2]) - 2 * flash_life.AHEAD, 80) / years
    assert a_year == pytest.approx(flash_life.planned_per_year(60), rel=0.01)
