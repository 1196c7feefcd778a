"""Holidays of a country become dates: yearly where they never move."""

from datetime import date
from pathlib import Path

import pytest
from dateutil.easter import easter

from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_text

ONE_PRICE = (Path(__file__).parents[2] / "docs" / "tariffs" / "one-price.toml").read_text()
DAYS = '[days.free]\nenergy = "otherwise"\n'  # index 1
GOOD_FRIDAY, EASTER_MONDAY = -2, 1  # days from Easter Sunday


def special(entries, head=""):
    text = head + ONE_PRICE.replace("[days.always]", entries + DAYS + "[days.always]")
    return compile_text(text, "t.toml")


def dates(*entries, head=""):
    """-> {(year or 0, month, day): name of the day}"""
    text = "".join(f"[[special_days]]\n{entry}\n" for entry in entries)
    data = special(text, head).data
    return {(y, m, d): ("free", "always")[i] for y, m, d, i in data["special_days"]}


def test_german_holidays_of_two_years():
    found = dates('holidays = "DE"\nday = "free"\nyears = [2026, 2027]')
    fixed = {(0, *when) for when in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}
    moving = set()
    for year in (2026, 2027):
        for after in (GOOD_FRIDAY, EASTER_MONDAY, 39, 50):  # Ascension, Whit Monday
            day = date.fromordinal(easter(year).toordinal() + after)
            moving.add((day.year, day.month, day.day))
    assert set(found) == fixed | moving
    assert set(found.values()) == {"free"}


def test_only_named_ones_and_their_observed_dates():
    found = dates('holidays = "US-CA"\nonly = ["Independence Day"]\nday = "free"\nyears = [2026]')
    assert set(found) == {(0, 7, 4), (2026, 7, 3)}  # a Saturday, so Friday is observed
    found = dates('holidays = "US-CA"\nonly = ["Labor Day"]\nday = "free"\nyears = [2026]')
    assert set(found) == {(2026, 9, 7)}


def test_years_follow_valid_from():
    found = dates('holidays = "DE"\nday = "free"', head="valid_from = 2030-06-01\n")
    assert {year for year, _, _ in found} == {0, 2030, 2031}
    found = dates('holidays = "DE"\nday = "free"')
    assert {year for year, _, _ in found} == {0, date.today().year, date.today().year + 1}


def test_a_date_goes_before_a_holiday():
    found = dates(
        'holidays = "DE"\nday = "free"\nyears = [2026]',
        'date = "05-01"\nday = "always"',
        'date = 2026-12-25\nday = "always"',
        'date = 2026-04-06\nday = "always"',
    )
    assert found[0, 5, 1] == "always"
    assert (found[2026, 12, 25], found[0, 12, 25]) == ("always", "free")
    assert found[2026, 4, 6] == "always"  # Easter Monday
    assert found[2026, 4, 3] == "free"


def test_a_yearly_date_goes_before_a_holiday_that_moves():
    found = dates(
        'holidays = "DE"\nday = "free"\nyears = [2026]', 'date = "04-06"\nday = "always"'
    )
    assert found[0, 4, 6] == "always"
    assert (2026, 4, 6) not in found


def test_two_countries_that_agree():
    both = dates(
        'holidays = "DE"\nday = "free"\nyears = [2026]',
        'holidays = "FR"\nday = "free"\nyears = [2026]',
    )
    assert (0, 10, 3) in both
    assert (0, 7, 14) in both


def test_names_do_not_depend_on_the_machine(monkeypatch):
    entry = '[[special_days]]\nholidays = "ES-MD"\nonly = ["Epiphany"]\nday = "free"\n'
    here = special(entry + "years = [2026]\n").digest
    for name in ("LANG", "LANGUAGE", "LC_ALL"):
        monkeypatch.setenv(name, "th")
    assert special(entry + "years = [2026]\n").digest == here


def test_an_entry_is_one_or_the_other():
    with pytest.raises(ToolError, match="give either date or holidays"):
        dates('holidays = "DE"\ndate = "05-01"\nday = "free"')
