"""URDB rate sheets: what cannot be billed is refused by its entry, what is assumed is said."""

import copy
import json
import random

import pytest
from urdb_case import SHEET, ZONE, changed, compiled, imported

from wattledger.errors import ToolError

UNLIKE = [[{"rate": 0.1, "max": 300}, {"rate": 0.2}], [{"rate": 0.1, "max": 200}, {"rate": 0.2}]]
FEWER = [[{"rate": 0.1, "max": 300}, {"rate": 0.2}], [{"rate": 0.1}]]
BLOCK = [[{"rate": 0.1, "max": 200, "unit": "kWh/kW"}, {"rate": 0.2, "unit": "kWh"}]] * 2
MIXED = [
    [
        {"rate": 0.1, "max": 10, "unit": "kWh daily"},
        {"rate": 0.2, "max": 900, "unit": "kWh"},
        {"rate": 0.3},
    ]
] * 2
REFUSED = {
    "a missing rate": (
        {"energyratestructure": [[{"unit": "kWh"}], [{"rate": 1}]]},
        "energyratestructure[0][0]: no rate: --assume-zero takes 0",
    ),
    "a rate of null": (
        {"energyratestructure": [[{"rate": 1}], [{"rate": None, "adj": 0.1}]]},
        "energyratestructure[1][0]: no rate",
    ),
    "no energy at all": (
        {"energyratestructure": None},
        "energyratestructure: missing: no price for energy",
    ),
    "a period that is not defined": (
        {"energyweekendschedule": [[0] * 24] * 11 + [[0] * 23 + [2]]},
        "energyweekendschedule[11][23]: period 2 is not defined: energyratestructure has 2",
    ),
    "a demand period that is not defined": (
        {"demandweekdayschedule": [[7] * 24] * 12},
        "demandweekdayschedule[0][0]: period 7 is not defined: demandratestructure has 2",
    ),
    "a flat demand that is not defined": (
        {"flatdemandmonths": [0] * 11 + [2]},
        "flatdemandmonths[11]: period 2 is not defined: flatdemandstructure has 2",
    ),
    "a finite last tier": (
        {"energyratestructure": [[{"rate": 0.1, "max": 300}, {"rate": 0.2, "max": 900}]] * 2},
        "energyratestructure[0][1].max: 900: the last tier ends",
    ),
    "a finite last tier of demand": (
        {"flatdemandstructure": [[{"rate": 4}], [{"rate": 9, "max": 1000}]]},
        "flatdemandstructure[1][0].max: 1000: the last tier ends",
    ),
    "unequal bounds": (
        {"energyratestructure": UNLIKE},
        "energyratestructure[1]: tiers up to 200, rest kwh, but up to 300, rest kwh in"
        " energyratestructure[0], and both are in force in Jan",
    ),
    "unequal counts": (
        {"energyratestructure": FEWER},
        "energyratestructure[1]: tiers of one step",
    ),
    "tiers out of order": (
        {"energyratestructure": [[{"rate": 1, "max": 9}, {"rate": 1, "max": 9}, {"rate": 1}]] * 2},
        "energyratestructure[0][1].max: 9 is not above the tier before it",
    ),
    "a tier of nothing": (
        {"energyratestructure": [[{"rate": 1, "max": 0}, {"rate": 1}]] * 2},
        "energyratestructure[0][0].max: 0 is not above",
    ),
    "steps within a block": (
        {"energyratestructure": BLOCK},
        'energyratestructure[0][1].unit: "kwh" beside "kwh/kw"',
    ),
    "two units": (
        {"energyratestructure": MIXED},
        'energyratestructure[0][1].unit: "kwh" beside "kwh daily"',
    ),
    "another unit": (
        {"energyratestructure": [[{"rate": 1, "unit": "kWh/hp"}]] * 2},
        'energyratestructure[0][0].unit: "kWh/hp" cannot be billed',
    ),
    "two prices of export": (
        {"energyratestructure": [[{"rate": 1, "max": 9, "sell": 0.1}, {"rate": 1}]] * 2},
        "energyratestructure[0][1].sell: 0 beside 0.1",
    ),
    "horsepower": (
        {"flatdemandunit": "hp"},
        'flatdemandunit: "hp": this meter bills demand in kW',
    ),
    "apparent power": ({"demandrateunit": "kVA"}, 'demandrateunit: "kVA"'),
    "a charge by the day": ({"demandrateunit": "kW daily"}, 'demandrateunit: "kW daily"'),
    "apparent power of an entry": (
        {"flatdemandstructure": [[{"rate": 1, "unit": "kVA"}]] * 2},
        'flatdemandstructure[0][0].unit: "kVA"',
    ),
    "eleven months": (
        {"energyweekdayschedule": [[0] * 24] * 11},
        "energyweekdayschedule: 11 entries: expected 12 months of 24 hours",
    ),
    "a short day": (
        {"energyweekdayschedule": [[0] * 24] * 5 + [[0] * 23] + [[0] * 24] * 6},
        "energyweekdayschedule[5]: 23 entries: expected 24 hours",
    ),
    "a row of digits": (
        {"energyweekdayschedule": ["0" * 24] * 12},
        'energyweekdayschedule[0]: "000000000000000000000000": expected 24 hours',
    ),
    "half a period": (
        {"energyweekdayschedule": [[0.5] * 24] * 12},
        "energyweekdayschedule[0][0]: 0.5: expected the number of a period",
    ),
    "a negative period": (
        {"energyweekdayschedule": [[-1] * 24] * 12},
        "energyweekdayschedule[0][0]: -1: expected the number of a period",
    ),
    "no schedule": (
        {"energyweekendschedule": None},
        "energyweekendschedule: missing: which of the 2 periods of energyratestructure holds?",
    ),
    "no demand schedule": (
        {"demandweekdayschedule": None},
        "demandweekdayschedule: missing: which of the 2 periods of demandratestructure holds?",
    ),
    "months as a number": ({"flatdemandmonths": 3}, "flatdemandmonths: 3: expected 12 months"),
    "a structure of numbers": (
        {"energyratestructure": [0.1, 0.2]},
        "energyratestructure[0]: no tier: expected a list",
    ),
    "an empty period": ({"energyratestructure": [[], [{"rate": 1}]]}, "energyratestructure[0]:"),
    "a truth for a rate": (
        {"energyratestructure": [[{"rate": True}]] * 2},
        "energyratestructure[0][0].rate: true: expected a number",
    ),
    "words for a rate": (
        {"energyratestructure": [[{"rate": "see sheet"}]] * 2},
        'energyratestructure[0][0].rate: "see sheet": expected a number',
    ),
    "a window that no grid has": (
        {"demandwindow": 45},
        "demandwindow: 45 min: expected one of 5, 6, 10, 12, 15, 20, 30, 60: --window-min",
    ),
    "a charge by the week": (
        {"fixedchargeunits": "$/week"},
        'fixedchargeunits: "$/week": expected $/day, $/month, $/year',
    ),
    "two minimums": ({"annualmincharge": 5}, "annualmincharge: 5 a year beside another minimum"),
}


@pytest.mark.parametrize(("fields", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_billed_is_refused_by_its_entry(fields, expected):
    with pytest.raises(ToolError) as caught:
        imported(changed(**fields))
    assert str(caught.value).startswith("sheet.json: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


NOTED = {
    "an unused period": (
        {"energyratestructure": [*SHEET["energyratestructure"], [{"unit": "kWh"}]]},
        "energyratestructure[2]: never in force by the schedules: left out",
    ),
    "no window": ({"demandwindow": None}, "demandwindow: not in the sheet: 15 min taken"),
    "flat demand without months": (
        {"flatdemandmonths": None},
        "flatdemandstructure: NOT BILLED: flatdemandmonths, which says when, is missing",
    ),
    "a schedule without demand": (
        {"demandratestructure": None},
        "demandweekdayschedule: ignored: there is no demandratestructure",
    ),
    "months without demand": (
        {"flatdemandstructure": None},
        "flatdemandmonths: ignored: there is no flatdemandstructure",
    ),
    "reactive demand": (
        {"demandreactivepowercharge": 0.25},
        "demandreactivepowercharge: NOT BILLED: a price per kvar",
    ),
    "coincident demand": (
        {"coincidentratestructure": [[{"rate": 3, "unit": "kW"}]]},
        "coincidentratestructure: NOT BILLED",
    ),
    "an old ratchet": (
        {"demandratchetpercentage": [50] * 12},
        "demandratchetpercentage: NOT BILLED",
    ),
    "a ratchet": (
        {"lookbackpercent": 0.8, "lookbackrange": 11, "lookbackmonths": [1] * 12},
        "lookbackpercent: NOT BILLED: a ratchet of 80 % over 11 months",
    ),
    "a fuel adjustment": (
        {"fueladjustmentsmonthly": [0.01] * 12},
        "fueladjustmentsmonthly: NOT BILLED",
    ),
    "further meters": ({"fixedchargeeaaddl": 3}, "fixedchargeeaaddl: NOT BILLED"),
    "who may have it": (
        {"mindemand": 500, "peakkwcapacitymax": 999},
        "who may have this tariff is not checked: mindemand 500, peakkwcapacitymax 999",
    ),
    "rules of netting": (
        {"dgrules": "Net Metering"},
        'dgrules: "Net Metering": netting is as asked',
    ),
    "attributes": (
        {"demandattrs": [{"Power Factor $": "0.05"}]},
        "demandattrs: not read, see whether it is a charge: Power Factor $ 0.05",
    ),
    "attributes of the dump": (
        {"demandKeyVals": [{"key": "Power Factor $", "val": "0.05"}]},
        "demandattrs: not read, see whether it is a charge: Power Factor $ 0.05",
    ),
    "an unknown field": ({"surprise": 1}, "surprise: ignored"),
    "no unit": ({"fixedchargeunits": None}, "fixedchargefirstmeter taken in $/month"),
    "an old charge beside the new": (
        {"fixedmonthlycharge": 7},
        "fixedmonthlycharge: ignored: fixedchargefirstmeter is given too",
    ),
    "above a tier without a limit": (
        {"energyratestructure": [[{"rate": 1}, {"rate": 2}]] * 2},
        "energyratestructure[0][1]: above a tier without a limit, energyratestructure[0][0].max",
    ),
}


@pytest.mark.parametrize(("fields", "expected"), NOTED.values(), ids=NOTED.keys())
def test_what_is_left_out_or_assumed_is_said(fields, expected):
    made = imported(changed(**fields))
    assert any(note.startswith(expected) or expected in note for note in made.notes)
    words = " ".join(made.text.replace("#", " ").split())
    assert " ".join(expected.split()) in words  # people who get the file read it too


ASKED_FOR = {
    "tier_mode": ({"tier_mode": None}, "--tier-mode: missing: bills differ by tiers"),
    "another tier_mode": ({"tier_mode": "both"}, '--tier-mode: "both": bills differ by tiers'),
    "netting": ({"netting": None}, "--netting: missing: bills differ by what is fed in"),
    "carry": ({"netting": "month"}, "--carry: missing: bills differ by what is left of a month"),
    "an order": (
        {"netting": "month", "carry": "money", "tier_mode": "chronological"},
        "no order for --tier-mode chronological",
    ),
    "currency": ({"currency": None}, '--currency: missing: "USA" in the sheet: give one such as'),
    "timezone": ({"timezone": None}, "--timezone: missing"),
    "a zone with sam": ({"sam": True}, f"--timezone: {ZONE}: SAM's calendar is in UTC"),
    "no such zone": ({"timezone": "Mars/Olympus"}, "Mars/Olympus: no such time zone"),
}


@pytest.mark.parametrize(("choices", "expected"), ASKED_FOR.values(), ids=ASKED_FOR.keys())
def test_what_the_sheet_does_not_say_is_asked(choices, expected):
    with pytest.raises(ToolError) as caught:
        imported(SHEET, **choices)
    assert expected in str(caught.value)


def test_a_sheet_without_tiers_needs_no_tier_mode():
    flat = changed(energyratestructure=[[{"rate": 0.1}], [{"rate": 0.2}]])
    assert compiled(flat, tier_mode=None)["tiers"] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not JSON"),
        ('{"items": []}', "no rate sheet in it"),
        ("[1]", "no rate sheet in it"),
        ('"x"', "no rate sheet in it"),
        ('{"energyratestructure": [[{"rate": NaN}]]}', "not JSON: NaN is not a number"),
        ('{"dgRules": "a", "dgrules": "b"}', "dgrules: given twice with different values"),
    ],
)
def test_a_file_that_is_no_sheet(text, expected):
    with pytest.raises(ToolError, match=expected):
        imported(text)


ODD = (None, True, "", "x", -1, 0.5, 1e300, 10**30, [], {}, [[]], {"rate": 1}, [0] * 24, "kWh")


def paths(value, at=()):
    """Every place in a sheet."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        yield (*at, key)
        if isinstance(part, dict | list):
            yield from paths(part, (*at, key))


def test_whatever_stands_anywhere_is_a_sheet_or_is_refused():
    """No other exception; a sheet that is taken has passed the compiler."""
    fields = {}
    for at in paths(SHEET):
        fields.setdefault(at[0], []).append(at)
    rng, taken, refused = random.Random(4), 0, []
    for _ in range(400):
        sheet = copy.deepcopy(SHEET)
        at = rng.choice(fields[rng.choice([*fields])])
        holder = sheet
        for key in at[:-1]:
            holder = holder[key]
        holder[at[-1]] = rng.choice(ODD)
        try:
            imported(json.dumps(sheet))
            taken += 1
        except ToolError as error:
            refused.append(str(error))
    assert min(taken, len(refused)) > 80
    for text in refused:
        assert text.startswith("sheet.json")
        assert "\n" not in text
