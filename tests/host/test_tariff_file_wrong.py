"""What is wrong in a tariff file is named: where, what stands there, and the cure."""

import re
from pathlib import Path

import pytest

from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_text

EXAMPLES = Path(__file__).parents[2] / "docs" / "tariffs"
DEMO = (EXAMPLES / "three-prices-two-seasons.toml").read_text()
COMMERCIAL = (EXAMPLES / "commercial.toml").read_text()
CAPACITY = (EXAMPLES / "capacity-and-limiter.toml").read_text()
MARKET = (EXAMPLES / "market-price.toml").read_text()
MONTH = (EXAMPLES / "month-netting.toml").read_text()

WRONG = {
    "an undefined rate": (
        'peak_summer = ["10',
        'peek_summer = ["10',
        'days.workday_summer: "peek_summer" is not a rate of this file: did you mean peak_summer?',
    ),
    "a gap": (
        'off_peak_summer = "otherwise"',
        'off_peak_summer = ["00:00-07:30"]',
        "days.workday_summer: no rate from 07:30 to 08:00",
    ),
    "an overlap": (
        '"10:00-14:00"',
        '"10:00-14:30"',
        "days.workday_summer: at 14:00 both peak_summer and shoulder_summer",
    ),
    "a range over midnight": (
        '"22:00-24:00"',
        '"22:00-02:00"',
        "ends before it starts: split it at 24:00 and 00:00",
    ),
    "a range beyond the day": ('"22:00-24:00"', '"22:00-24:30"', "the day ends at 24:00"),
    "two rests of a day": (
        'peak_summer = ["10:00-14:00", "18:00-22:00"]',
        'peak_summer = "otherwise"',
        "stands twice, for peak_summer and off_peak_summer",
    ),
    "a finite last tier": (
        '[250, "rest"]',
        "[250, 500]",
        'tiers.all.up_to_kwh[1]: what is above the last tier would have no price: add "rest"',
    ),
    "tiers out of order": (
        '[250, "rest"]',
        '[250, 200, "rest"]',
        "tiers.all.up_to_kwh[1]: 200 kWh is not above the tier before it",
    ),
    "rest in the middle": (
        '[250, "rest"]',
        '["rest", "rest"]',
        'tiers.all.up_to_kwh[0]: "rest" can only be the last tier',
    ),
    "a price a tier too many": (
        '["0.2431", "0.2674"]',
        '["0.2", "0.3", "0.4"]',
        "rates.peak_summer.prices: 3 prices for 2 tiers",
    ),
    "price and prices": (
        'prices = ["0.2431", "0.2674"]',
        "prices = [1]\nprice = 1",
        "rates.peak_summer: give either price, or prices",
    ),
    "an impossible date": ('"10-12"', '"02-30"', 'special_days[0].date: "02-30": no year'),
    "a date of some years": ('"10-12"', '"02-29"', 'special_days[0].date: "02-29"'),
    "an impossible TOML date": (
        "2026-11-09",
        "2026-02-30",
        "not TOML: Invalid date or datetime (at line",
    ),
    "a date twice": ('"12-25"', '"10-12"', "special_days[1].date: 10-12 is given twice"),
    "a year out of range": (
        "2026-11-09",
        "1999-11-09",
        "special_days[2].date: 1999-11-09: expected a year from 2020",
    ),
    "two seasons at once": ('"10-25"', '"03-29"', "two seasons start on 03-29"),
    "an unknown key": ("rounding =", "roundng =", "roundng: unknown key: did you mean rounding?"),
    "an unknown key below": (
        'per = "day"',
        'pro = "day"',
        "fixed.standing.pro: unknown key: did you mean per?",
    ),
    "a missing key": ('currency = "EUR"', "", "currency is missing"),
    "ten decimals": (
        '"0.2431"',
        '"0.1234567890"',
        "rates.peak_summer.prices[0]: 10 decimals in 0.1234567890: at most 9",
    ),
    "ten decimals of a number": (
        '"0.2431"',
        "0.1234567891",
        "rates.peak_summer.prices[0]: 10 decimals",
    ),
    "no number": (
        '"0.2431"',
        '"0,2431"',
        'rates.peak_summer.prices[0]: "0,2431": expected a decimal number',
    ),
    "not a number": (
        '"0.2431"',
        "nan",
        "rates.peak_summer.prices[0]: nan: expected a decimal number",
    ),
    "a price beyond all": ('"0.2431"', '"1000001"', "1000001: expected -1000000 to 1000000"),
    "a weekday twice": (
        'sat-sun = "free_summer"',
        'fri-sun = "free_summer"',
        "weeks.summer: fri is given twice",
    ),
    "a weekday missing": (
        'sat-sun = "free_summer"',
        'sat = "free_summer"',
        "weeks.summer: sun has no day",
    ),
    "an undefined day": (
        'sat-sun = "free_summer"',
        'sat-sun = "free_sumer"',
        'weeks.summer.sat-sun: "free_sumer" is not a day of this file: did you mean free_summer?',
    ),
    "an undefined week": (
        'week = "summer"',
        'week = "sumer"',
        'seasons.summer.week: "sumer" is not a week',
    ),
    "a zone that is none": (
        "Europe/Madrid",
        "Europe/Madird",
        "timezone: Europe/Madird: no such time zone: give an IANA name such as Europe/Madrid",
    ),
    "a zone without a rule": (
        "Europe/Madrid",
        "Africa/Casablanca",
        "timezone: Africa/Casablanca: the rule",
    ),
    "another schema": ("schema = 1", "schema = 2", "schema: 2: expected 1"),
    "a billing day": ("billing_day = 1", "billing_day = 31", "billing_day: 31: expected 1 to 28"),
    "an interval": (
        "interval_min = 15",
        "interval_min = 7",
        "interval_min: 7: expected one of 5, 15, 30, 60",
    ),
    "a truth for a number": (
        'percent = "21"',
        "percent = true",
        "taxes[0].percent: true: expected a decimal",
    ),
    "a tax on nothing": ('on = ["energy", "fixed"]', "on = []", "taxes[0].on: 0 entries"),
    "a kind of line": (
        'on = ["energy", "fixed"]',
        'on = ["power"]',
        'taxes[0].on[0]: "power": expected one of energy, export, demand, reactive, fixed,',
    ),
    "a currency": ('"EUR"', '"Euro"', "currency: 4 characters"),
    "a name with a space": (
        "[days.free_winter]",
        '[days."free winter"]',
        "days.free winter: a name has up to 32",
    ),
    "a list where a table belongs": (
        "[fixed.standing]",
        "[[fixed]]",
        "fixed: a list: expected a table",
    ),
}


COMMERCIAL_WRONG = {
    "no mode of tiers": ('mode = "prorata"\n', "", "tiers.hours_of_use: mode is missing"),
    "tiers without a name": (
        '[tiers.evening]\nmode = "per_rate"',
        '[tiers.evening]\n[tiers]\nmode = "per_rate"',
        "tiers: tiers have a name, so that rates can choose them: write [tiers.all]",
    ),
    "which tiers": (
        'prices = ["0.1124", "0.0968"]\ntiers = "hours_of_use"',
        'prices = ["0.1124", "0.0968"]',
        "rates.winter_peak: tiers is missing, and there are hours_of_use, evening: name one",
    ),
    "tiers that are none": (
        'tiers = "evening"',
        'tiers = "evenings"',
        'rates.summer_peak.tiers: "evenings" is not a tier set of this file: did you mean evening',
    ),
    "tiers of no rate": (
        'tiers = "evening"',
        'tiers = "hours_of_use"',
        'tiers: evening has no rate: add tiers = "evening" to one, or remove it',
    ),
    "prices without tiers": (
        'price = "0.95"',
        'prices = ["0.95", "0.96"]',
        "rates.emergency.prices: 2 prices, but no tiers: give one price",
    ),
    "chronological tiers per kW": (
        'mode = "prorata"',
        'mode = "chronological"',
        "tiers.hours_of_use.mode: per kW of a peak that is known at the end only",
    ),
    "per kW of no peak": (
        re.compile(r"\[demand\].*?\[limiter\]", re.S),
        "[limiter]",
        "tiers: kWh per kW of what peak? Add [demand] with window_min",
    ),
    "a window that divides no day": (
        "window_min = 15\nsub",
        "window_min = 7\nsub",
        "demand.window_min: 7: expected minutes that divide a day: 5, 6, 8",
    ),
    "parts of a window": (
        "sub_windows = 3",
        "sub_windows = 7",
        "demand.sub_windows: 7: expected 1 (block), or parts of a sliding window: 2, 3, 4",
    ),
    "a month twice": ("[6, 7, 8, 9]", "[6, 7, 8, 6]", "summer_peak.months: one is named twice"),
    "a month that is none": (
        "[6, 7, 8, 9]",
        "[13]",
        "summer_peak.months[0]: 13: expected 1 to 12",
    ),
    "a rate of a charge": (
        'rates = ["summer_peak"]',
        'rates = ["sumer_peak"]',
        'demand.charges.summer_peak.rates[0]: "sumer_peak" is not a rate of this file',
    ),
    "too many peaks": (
        'price = "9.25"',
        'price = "9.25"\nhighest = 12',
        "demand: 14 peaks to keep, all `highest` together: 12 at most",
    ),
    "a ratchet of too long": (
        "months = 11",
        "months = 13",
        "facility.ratchet.months: 13: expected 1 to 12 periods before",
    ),
    "half a ratchet": (", months = 11", "", "facility.ratchet: months is missing"),
    "a ratchet above the peak": ('percent = "80"', 'percent = "180"', "180: expected 0 to 100"),
    "reprice without a rate": (
        'rate = "emergency"\n',
        "",
        "limiter.levels.contract: rate is missing: reprice needs the rate",
    ),
    "shed without a return": (
        'action = "reprice"\nrate = "emergency"',
        'action = "shed"',
        'limiter.levels.contract: return is missing: shed needs "auto" or "manual"',
    ),
    "a return that is no shed": (
        'action = "reprice"',
        'action = "reprice"\nreturn = "auto"',
        "limiter.levels.contract: return belongs to shed only: leave it out",
    ),
    "a release above": (
        "threshold_kw = 100",
        "threshold_kw = 100\nrelease_kw = 101",
        "contract.release_kw: is above threshold_kw: give at most that",
    ),
    "a threshold of nothing": (
        "threshold_kw = 100",
        "threshold_kw = 0",
        "0 kW is always exceeded",
    ),
    "two free shares": (
        'power_factor = "0.95"',
        'power_factor = "0.95"\nfree_kvarh_per_kwh = "0.33"',
        "reactive: give either power_factor or free_kvarh_per_kwh",
    ),
    "a power factor": (
        '"0.95"\n\n[fixed',
        '"1.05"\n\n[fixed',
        "power_factor: 1.05: expected 0 to 1",
    ),
    "a power factor of nothing": ('"0.95"\n\n[fixed', '"0.05"\n\n[fixed', "from 0.1 to 1"),
    "a fixed charge without a name": (
        "[fixed.customer]",
        "[fixed]",
        "fixed: a fixed charge has a name, which is on the bill: write [fixed.NAME]",
    ),
    "a minimum of a year": (
        'price = "250"\nper = "month"',
        'price = "250"\nper = "year"',
        "minimum.per: a meter knows its open period only",
    ),
    "a minimum that covers itself": (
        'covers = ["energy", "demand", "fixed"]',
        'covers = ["minimum"]',
        'minimum.covers[0]: "minimum": expected one of energy, export, demand, reactive, fixed',
    ),
    "a date in quotes": (
        "valid_from = 2026-03-01",
        'valid_from = "2026-03-01"',
        'valid_from: "2026-03-01": expected a date without quotes, such as 2026-03-01',
    ),
    "a holiday that is none": (
        '"Labor Day"',
        '"Labour Day"',
        'special_days[0].only[4]: "Labour Day" is no holiday there: did you mean Labor Day?',
    ),
    "a country that is none": ('"US-CA"', '"UX-CA"', "special_days[0].holidays: Country UX"),
    "a part of a country": ('"US-CA"', '"US-XY"', "special_days[0].holidays: Entity `US`"),
    "years apart": ("[2026, 2027]", "[2026, 2029]", "special_days[0].years: expected years that"),
}

CAPACITY_WRONG = {
    "a switch inside a demand window": (
        '"06:00-22:00"',
        '"06:15-22:00"',
        "days: workday switches at 06:15, inside the 60 minutes of demand.window_min",
    ),
    "prices and tiers in kW": (
        '["2.10", "3.40", "4.80", "6.90"]',
        '["2.10", "3.40"]',
        "demand.charges.capacity.prices: 2 prices for 4 tiers: give one for each",
    ),
    "a finite last tier in kW": (
        '[2, 5, 10, "rest"]',
        "[2, 5, 10, 20]",
        'capacity.up_to_kw[3]: what is above the last tier would have no price: add "rest"',
    ),
    "demand without a charge": (
        re.compile(r"\[demand.charges.*?\[limiter\]", re.S),
        "[limiter]",
        "demand: no charge: add [demand.charges.NAME]",
    ),
    "more dates than a meter holds": (
        "[2026, 2027]",
        "[2026, 2027, 2028, 2029, 2030, 2031, 2032]",
        " dates: a meter takes 40: ask for fewer years, or name the holidays",
    ),
    "years of a date": (
        'holidays = "NO"',
        "date = 2026-01-01",
        "special_days[0].years: belongs to holidays: leave it out",
    ),
    "two answers for a holiday": (
        "years = [2026, 2027]\n",
        'years = [2026, 2027]\n[[special_days]]\nholidays = "SE"\nday = "workday"\n'
        "years = [2026, 2027]\n",
        "special_days[1]: 01-01 of every year is in another entry with another day",
    ),
}

MARKET_WRONG = {
    "no netting": (
        re.compile(r"\[netting\].*?\[seasons", re.S),
        "[seasons",
        "exports: netting is missing, and bills differ by it: add [netting] with mode",
    ),
    "no settlement": (
        '[dynamic]\nsettlement = "interval"',
        "",
        "rates: market is dynamic, and it is not said over what a price holds: add [dynamic]",
    ),
    "half a formula": (
        'multiply = "1.0", add = "0.1312"',
        'multiply = "1.0"',
        "rates.market.dynamic: add is missing",
    ),
    "a dynamic rate with tiers": (
        "[rates.market]",
        '[tiers.all]\nmode = "prorata"\nup_to_kwh = [100, "rest"]\n[rates.market]',
        'rates.market: a dynamic rate has no tiers: add tiers = "none"',
    ),
    "money of a month by interval": (
        'mode = "interval" ',
        'mode = "month" ',
        "netting.mode: market is priced interval by interval",
    ),
    "kWh carried from interval to interval": (
        'carry = "money" ',
        'carry = "kwh" ',
        'netting.carry: "kwh" is kept from month to month: not with mode = "interval"',
    ),
    "a switch inside an interval": (
        'market = "otherwise"',
        'critical = ["17:10-19:00"]\nmarket = "otherwise"',
        "days: always switches at 17:10, inside the 15 minutes of interval_min",
    ),
    "a limiter between the intervals": (
        "[seasons.year]",
        '[limiter]\nwindow_min = 5\n[limiter.levels.a]\naction = "remind"\nthreshold_kw = 1\n'
        "[seasons.year]",
        "limiter.window_min: with dynamic prices a window must be whole intervals of 15 minutes",
    ),
    "dynamic without a rate": (
        re.compile("^dynamic = .*$", re.M),
        "",
        "dynamic: no rate is dynamic",
    ),
}

MONTH_WRONG = {
    "an order of use after netting": (
        'mode = "prorata"',
        'mode = "chronological"',
        "netting.mode: what is netted later has no order for tiers.all",
    ),
    "carry left open": ('carry = "kwh"\n', "", "netting: carry is missing: add it"),
    "three exports in kWh": (
        "[netting]",
        "[exports.b]\nprice = 0\n[exports.c]\nprice = 0\n[netting]",
        "netting.carry: 3 export rates: a meter carries the energy of 2",
    ),
}
CASES = [
    pytest.param(text, *case, id=name)
    for text, cases in (
        (DEMO, WRONG),
        (COMMERCIAL, COMMERCIAL_WRONG),
        (CAPACITY, CAPACITY_WRONG),
        (MARKET, MARKET_WRONG),
        (MONTH, MONTH_WRONG),
    )
    for name, case in cases.items()
]


@pytest.mark.parametrize(("text", "old", "new", "expected"), CASES)
def test_what_is_wrong_is_named(text, old, new, expected):
    pattern = old if isinstance(old, re.Pattern) else re.compile(re.escape(old))
    wrong, count = pattern.subn(lambda _: new, text, 0 if isinstance(old, re.Pattern) else 1)
    assert count
    with pytest.raises(ToolError) as caught:
        compile_text(wrong, "t.toml")
    assert str(caught.value).startswith("t.toml: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_too_much_for_a_meter_may_be_simulated():
    a_year = COMMERCIAL.replace('price = "250"\nper = "month"', 'price = "250"\nper = "year"')
    compiled = compile_text(a_year, "t.toml", wide=True)
    assert compiled.data["minimum"] == [250_000_000_000, "year", ["energy", "demand", "fixed"]]
    assert compiled.tariff().minimum[1] == "year"
